/* Tests of src/net/http_negotiate.c; dates are judged by date(1). */
#include "net/http_negotiate.h"

#include <locale.h>
#include <string.h>

static void
codings(void)
{
        g_assert_true(http_negotiate_coding("gzip", "gzip"));
        g_assert_true(http_negotiate_coding("deflate, GZip;q=0.5", "gzip"));
        g_assert_true(http_negotiate_coding("br,*", "gzip"));
        g_assert_true(http_negotiate_coding("gzip ; q=0.001", "gzip"));
        g_assert_false(http_negotiate_coding(NULL, "gzip"));
        g_assert_false(http_negotiate_coding("", "gzip"));
        g_assert_false(http_negotiate_coding("xpress", "gzip"));
        g_assert_false(http_negotiate_coding("gzip;q=0", "gzip"));
        g_assert_false(http_negotiate_coding("*, gzip;q=0.0", "gzip"));
        g_assert_false(http_negotiate_coding("gzip2", "gzip"));
        g_assert_false(http_negotiate_coding("*;q=0", "gzip"));
}

static void
tags(void)
{
        g_assert_true(http_negotiate_etag("\"a\"", "\"a\"", true));
        g_assert_true(http_negotiate_etag("\"x\", \"a\"", "\"a\"", true));
        g_assert_true(http_negotiate_etag("*", "\"a\"", true));
        g_assert_true(http_negotiate_etag("W/\"a\"", "\"a\"", false));
        g_assert_false(http_negotiate_etag("W/\"a\"", "\"a\"", true));
        g_assert_false(http_negotiate_etag("\"ab\"", "\"a\"", false));
        g_assert_false(http_negotiate_etag("a", "\"a\"", false));
        g_assert_false(http_negotiate_etag(NULL, "\"a\"", false));
        g_assert_false(http_negotiate_etag("\"a\"", NULL, false));
        g_assert_false(http_negotiate_etag("", "\"a\"", false));
}

static void
types(void)
{
        g_assert_true(http_negotiate_is_text("text/html; charset=utf-8"));
        g_assert_true(http_negotiate_is_text("application/json"));
        g_assert_true(http_negotiate_is_text("application/soap+xml;action=x"));
        g_assert_false(http_negotiate_is_text("application/octet-stream"));
        g_assert_false(http_negotiate_is_text("image/png"));
}

static void
dates(void)
{
        const gint64 rows[] = { 0,          784887151,  951782400,   1709164800,
                                1767225599, 4102444800, 253402300799 };

        for (gsize i = 0; i < G_N_ELEMENTS(rows); i++) {
                g_autofree char *at = g_strdup_printf("@%" G_GINT64_FORMAT, rows[i]);
                const char *argv[] = { "date", "-u", "-d", at, "+%a, %d %b %Y %H:%M:%S GMT", NULL };
                g_autofree char *expected = NULL;
                g_autofree char *got = http_negotiate_date(rows[i]);

                g_assert_true(g_spawn_sync(NULL, (char **)argv, NULL, G_SPAWN_SEARCH_PATH, NULL,
                                           NULL, &expected, NULL, NULL, NULL));
                g_assert_cmpstr(got, ==, g_strchomp(expected));
                g_assert_cmpint(http_negotiate_read_date(got), ==, rows[i]);
        }
        g_assert_cmpint(http_negotiate_read_date("Tue, 15 Nov 1994 08:12:31 GMT"), ==, 784887151);
}

static void
bad_dates(void)
{
        static const char *const rows[] = {
                "",
                "Tuesday, 15-Nov-94 08:12:31 GMT",
                "Tue, 15 Xyz 1994 08:12:31 GMT",
                "Tue, 15 Nov 1994 08:12:31 UTC",
                "Tue, 99 Nov 1994 08:12:31 GMT",
                "Tue, 15 Nov 1994 28:12:31 GMT",
                "Tue, 1a Nov 1994 08:12:31 GMT",
        };

        for (gsize i = 0; i < G_N_ELEMENTS(rows); i++)
                g_assert_cmpint(http_negotiate_read_date(rows[i]), ==, -1);
        g_assert_cmpint(http_negotiate_read_date(NULL), ==, -1);
}

int
main(int argc, char **argv)
{
        setlocale(LC_ALL, "C");
        g_setenv("LC_ALL", "C", TRUE);
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/net/http-negotiate/codings", codings);
        g_test_add_func("/net/http-negotiate/tags", tags);
        g_test_add_func("/net/http-negotiate/types", types);
        g_test_add_func("/net/http-negotiate/dates", dates);
        g_test_add_func("/net/http-negotiate/bad-dates", bad_dates);
        return g_test_run();
}
