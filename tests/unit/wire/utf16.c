/* Tests of src/wire/utf16.c; GLib's iconv is the judge. */
#include "wire/utf16.h"

#include <locale.h>
#include <string.h>

static const char sample[] = "a\xc3\xa4\xe2\x82\xac\xef\xbf\xbd\xf0\x9f\x90\xa7\xf4\x8f\xbf\xbf";

static void
as_iconv_writes_it(void)
{
        g_autoptr(GBytes) ours = utf16_write(sample, -1, NULL);
        gsize size;
        g_autofree char *theirs = g_convert(sample, -1, "UTF-16LE", "UTF-8", NULL, &size, NULL);
        const char *bytes = g_bytes_get_data(ours, NULL);

        g_assert_cmpmem(bytes, 2, "\xff\xfe", 2);
        g_assert_cmpmem(bytes + 2, g_bytes_get_size(ours) - 2, theirs, size);
}

static void
read_in_either_order(void)
{
        const char *const names[] = { "UTF-16LE", "UTF-16BE" };

        for (int i = 0; i < 2; i++) {
                gsize size, n = 0;
                g_autofree char *marked = g_strconcat("\xef\xbb\xbf", sample, NULL);
                g_autofree char *bytes =
                        g_convert(marked, -1, names[i], "UTF-8", NULL, &size, NULL);
                g_autofree char *text = utf16_read(bytes, size, &n, NULL);

                g_assert_cmpstr(text, ==, sample);
                g_assert_cmpuint(n, ==, strlen(sample));
        }
        g_autofree char *unmarked = utf16_read("a\0b\0", 4, NULL, NULL);
        g_assert_cmpstr(unmarked, ==, "ab");
        g_autofree char *empty = utf16_read("", 0, NULL, NULL);
        g_assert_cmpstr(empty, ==, "");
}

static void
refused(void)
{
        static const struct {
                const char *bytes;
                gsize size;
        } rows[] = { { "a", 1 },
                     { "a\0b", 3 },
                     { "\x00\xd8", 2 },
                     { "\x00\xd8"
                       "a\0",
                       4 },
                     { "\x00\xdc"
                       "a\0",
                       4 },
                     { "\x00\xd8\x00\xd8", 4 } };

        for (gsize i = 0; i < G_N_ELEMENTS(rows); i++) {
                g_autoptr(GError) error = NULL;

                g_assert_null(utf16_read(rows[i].bytes, rows[i].size, NULL, &error));
                g_assert_true(g_error_matches(error, UK_ERROR, UK_ERROR_PARSE));
        }
        g_autoptr(GError) error = NULL;
        g_assert_null(utf16_write("a\xff", -1, &error));
        g_assert_true(g_error_matches(error, UK_ERROR, UK_ERROR_PARSE));
}

int
main(int argc, char **argv)
{
        setlocale(LC_ALL, "C");
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/wire/utf16/as-iconv-writes-it", as_iconv_writes_it);
        g_test_add_func("/wire/utf16/read-in-either-order", read_in_either_order);
        g_test_add_func("/wire/utf16/refused", refused);
        return g_test_run();
}
