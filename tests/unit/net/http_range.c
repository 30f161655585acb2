/* Tests of src/net/http_range.c; the expected parts are worked out by hand from RFC 7233. */
#include "net/http_range.h"

#include <locale.h>
#include <string.h>

/* "W" whole, "N" none, else the parts as "first+length …". */
static char *
verdict(const char *header, gint64 size)
{
        HttpRange parts[HTTP_RANGE_MAX];
        guint count = 0;
        GString *out = g_string_new(NULL);

        switch (http_range_read(header, size, parts, &count)) {
        case HTTP_RANGE_WHOLE:
                g_string_append_c(out, 'W');
                break;
        case HTTP_RANGE_NONE:
                g_string_append_c(out, 'N');
                break;
        default:
                for (guint i = 0; i < count; i++)
                        g_string_append_printf(out, "%s%" G_GINT64_FORMAT "+%" G_GINT64_FORMAT,
                                               i ? " " : "", parts[i].first, parts[i].length);
        }
        return g_string_free(out, FALSE);
}

static void
headers(void)
{
        static const struct {
                const char *header;
                gint64 size;
                const char *expected;
        } rows[] = {
                { NULL, 10000, "W" },
                { "bytes=0-499", 10000, "0+500" },
                { "bytes=500-999", 10000, "500+500" },
                { "bytes=-500", 10000, "9500+500" },
                { "bytes=9500-", 10000, "9500+500" },
                { "bytes=0-0,-1", 10000, "0+1 9999+1" },
                { "BYTES=0-0", 10000, "0+1" },
                { "bytes= 0-0 , 5-5\t", 10000, "0+1 5+1" },
                { "bytes=0-99999", 10000, "0+10000" },
                { "bytes=-99999", 10000, "0+10000" },
                { "bytes=9999-", 10000, "9999+1" },
                { "bytes=10000-", 10000, "N" },
                { "bytes=10000-10001,20000-", 10000, "N" },
                { "bytes=20000-,0-0", 10000, "0+1" }, /* what exists is sent */
                { "bytes=-0", 10000, "N" },
                { "bytes=0-", 0, "N" },
                { "bytes=-5", 0, "N" },
                { "bytes=0-99999999999999999999999", 10, "0+10" },
                { "bytes=99999999999999999999999-", 10, "N" },
                { "bytes=9223372036854775807-9223372036854775807", G_MAXINT64, "N" },
                { "bytes=0-9223372036854775807", G_MAXINT64, "0+9223372036854775807" },
                { "bytes=0-9999,0-9999", 10000, "W" }, /* more than the whole */
                { "bytes=0-5,3-9999", 10000, "W" },
                { "bytes=5-3", 10000, "W" },
                { "bytes=", 10000, "W" },
                { "bytes=-", 10000, "W" },
                { "bytes=a-b", 10000, "W" },
                { "bytes=1", 10000, "W" },
                { "bytes=1-2,", 10000, "W" },
                { "bytes=1-2;3-4", 10000, "W" },
                { "bytes=1--2", 10000, "W" },
                { "bytes=0x1-2", 10000, "W" },
                { "lines=1-2", 10000, "W" },
                { "bytes 0-1", 10000, "W" },
        };

        for (gsize i = 0; i < G_N_ELEMENTS(rows); i++) {
                g_autofree char *got = verdict(rows[i].header, rows[i].size);

                g_test_message("%s of %" G_GINT64_FORMAT, rows[i].header, rows[i].size);
                g_assert_cmpstr(got, ==, rows[i].expected);
        }
}

static void
too_many_parts(void)
{
        g_autoptr(GString) header = g_string_new("bytes=0-0");

        for (int i = 1; i < HTTP_RANGE_MAX; i++)
                g_string_append_printf(header, ",%d-%d", i, i);
        g_autofree char *most = verdict(header->str, 1000);
        g_assert_true(g_str_has_prefix(most, "0+1 1+1 "));
        g_string_append(header, ",900-900");
        g_autofree char *more = verdict(header->str, 1000);
        g_assert_cmpstr(more, ==, "W");
}

static void
content_ranges(void)
{
        gint64 first = -7, last = -7, total = -7;

        g_assert_true(http_range_content("bytes 5-9/10", &first, &last, &total));
        g_assert_cmpint(first, ==, 5);
        g_assert_cmpint(last, ==, 9);
        g_assert_cmpint(total, ==, 10);
        g_assert_true(http_range_content("bytes 5-9/*", &first, &last, &total));
        g_assert_cmpint(total, ==, -1);
        g_assert_false(http_range_content(NULL, &first, &last, &total));
        g_assert_false(http_range_content("bytes */10", &first, &last, &total));
        g_assert_false(http_range_content("bytes 5-10/10", &first, &last, &total));
        g_assert_false(http_range_content("bytes 9-5/10", &first, &last, &total));
        g_assert_false(http_range_content("bytes 5-9/10 ", &first, &last, &total));
        g_assert_false(http_range_content("bytes=5-9/10", &first, &last, &total));
}

int
main(int argc, char **argv)
{
        setlocale(LC_ALL, "C");
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/net/http-range/headers", headers);
        g_test_add_func("/net/http-range/too-many-parts", too_many_parts);
        g_test_add_func("/net/http-range/content-ranges", content_ranges);
        return g_test_run();
}
