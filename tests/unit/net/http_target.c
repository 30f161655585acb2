/* Tests of src/net/http_target.c. */
#include "net/http_target.h"

#include <locale.h>
#include <string.h>

static void
good_paths(void)
{
        static const char *const rows[][3] = {
                /* sent, path, raw query */
                { "/", "/", NULL },
                { "/a%20b/c", "/a b/c", NULL },
                { "/SMS_MP/.sms_aut?MPLIST", "/SMS_MP/.sms_aut", "MPLIST" },
                { "/SMS_MP/.sms_pol?{d08}.40_00", "/SMS_MP/.sms_pol", "{d08}.40_00" },
                { "/SMS_DP_SMSPKG$/Content_1.1/a%25b", "/SMS_DP_SMSPKG$/Content_1.1/a%b", NULL },
                { "/a..b/..c/d../...", "/a..b/..c/d../...", NULL },
                { "/a+b", "/a+b", NULL },
                { "/%C3%A4", "/\xc3\xa4", NULL },
                { "http://host:80/x?y", "/x", "y" },
                { "HTTPS://host", "/", NULL },
                { "http://host?y", "/", "y" },
                { "*", "*", NULL },
                { "/a?b?c", "/a", "b?c" },
                { "/a?", "/a", "" },
        };

        for (gsize i = 0; i < G_N_ELEMENTS(rows); i++) {
                HttpTarget target;
                g_autoptr(GError) error = NULL;

                g_assert_true(http_target_read(rows[i][0], &target, &error));
                g_assert_cmpstr(target.path, ==, rows[i][1]);
                g_assert_cmpstr(target.raw_query, ==, rows[i][2]);
                http_target_clear(&target);
        }
}

static void
bad_paths(void)
{
        static const char *const rows[] = {
                "/a/../b",  "/..",         "/../",   "/a/..",      "/%2e%2e/x",     "/a/%2E./b",
                "/.%2e",    "/a%2f..%2fb", "/a%00b", "/a%00/../b", "/a%",           "/a%4",
                "/a%zz",    "a/b",         "",       "x",          "http://h/../x", "/a?b=%",
                "/a?b=%00", "/a?%zz=1",    "%2fa",
        };

        for (gsize i = 0; i < G_N_ELEMENTS(rows); i++) {
                HttpTarget target;
                g_autoptr(GError) error = NULL;
                bool ok = http_target_read(rows[i], &target, &error);

                g_test_message("%s", rows[i]);
                if (rows[i][0] == '\0') { /* "" is the root */
                        g_assert_true(ok);
                } else {
                        g_assert_false(ok);
                        g_assert_true(g_error_matches(error, UK_ERROR, UK_ERROR_INVALID));
                }
                http_target_clear(&target);
        }
}

/* Names of files are bytes; who does not want such paths is told. */
static void
control_characters(void)
{
        static const char *const rows[] = { "/a%0ab", "/a\x01", "/a%7f", "/%1B" };
        HttpTarget target;

        for (gsize i = 0; i < G_N_ELEMENTS(rows); i++) {
                g_assert_true(http_target_read(rows[i], &target, NULL));
                g_assert_true(target.has_control);
                http_target_clear(&target);
        }
        g_assert_true(http_target_read("/a%20%C3%A4?%0A", &target, NULL));
        g_assert_false(target.has_control);
        http_target_clear(&target);
}

static void
arguments(void)
{
        HttpTarget target;

        g_assert_true(
                http_target_read("/a?x=1&y=a%26b+c&x=2&bare&=e&z=&%78%79=n%0A", &target, NULL));
        g_assert_cmpstr(http_target_query(&target, "x"), ==, "1");
        g_assert_cmpstr(http_target_query(&target, "y"), ==, "a&b c");
        g_assert_cmpstr(http_target_query(&target, "bare"), ==, "");
        g_assert_cmpstr(http_target_query(&target, ""), ==, "e");
        g_assert_cmpstr(http_target_query(&target, "z"), ==, "");
        g_assert_cmpstr(http_target_query(&target, "xy"), ==, "n\n");
        g_assert_null(http_target_query(&target, "nothing"));
        http_target_clear(&target);
        g_assert_true(http_target_read("/a", &target, NULL));
        g_assert_null(http_target_query(&target, "x"));
        http_target_clear(&target);
}

int
main(int argc, char **argv)
{
        setlocale(LC_ALL, "C");
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/net/http-target/good-paths", good_paths);
        g_test_add_func("/net/http-target/bad-paths", bad_paths);
        g_test_add_func("/net/http_target/control-characters-are-told-of", control_characters);
        g_test_add_func("/net/http-target/arguments", arguments);
        return g_test_run();
}
