/* Tests of src/client/join.c: what a management point says to a machine that joins. */
#include "client/join.h"

#include <string.h>

static void
certificate(void)
{
        static const char text[] =
                "<?xml version=\"1.0\"?><SITESIGNCERT>\n 3082030a </SITESIGNCERT>";
        g_autoptr(GError) error = NULL;
        g_autoptr(GBytes) der = join_read_certificate(text, strlen(text), &error);
        gsize size = 0;

        g_assert_no_error(error);
        g_assert_cmpmem(g_bytes_get_data(der, &size), 4, "\x30\x82\x03\x0a", 4);
        g_assert_cmpuint(size, ==, 4);
}

static void
bad_certificate(gconstpointer text)
{
        g_autoptr(GError) error = NULL;

        g_assert_null(join_read_certificate(text, strlen(text), &error));
        g_assert_error(error, UK_ERROR, UK_ERROR_PARSE);
}

static void
site(void)
{
        static const char text[] = "<MPKEYINFORMATION><SITECODE>PS1</SITECODE></MPKEYINFORMATION>";
        g_autofree char *code = join_read_site(text, strlen(text), NULL);

        g_assert_cmpstr(code, ==, "PS1");
}

static void
bad_site(gconstpointer text)
{
        g_autoptr(GError) error = NULL;

        g_assert_null(join_read_site(text, strlen(text), &error));
        g_assert_error(error, UK_ERROR, UK_ERROR_PARSE);
}

int
main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/client/join/certificate", certificate);
        g_test_add_data_func("/client/join/bad-certificate/empty", "<S/>", bad_certificate);
        g_test_add_data_func("/client/join/bad-certificate/odd", "<S>308</S>", bad_certificate);
        g_test_add_data_func("/client/join/bad-certificate/words", "<S>none here</S>",
                             bad_certificate);
        g_test_add_data_func("/client/join/bad-certificate/page", "<html><p>500", bad_certificate);
        g_test_add_func("/client/join/site", site);
        g_test_add_data_func("/client/join/bad-site/none", "<M/>", bad_site);
        g_test_add_data_func("/client/join/bad-site/long", "<M><SITECODE>PS12</SITECODE></M>",
                             bad_site);
        g_test_add_data_func("/client/join/bad-site/path", "<M><SITECODE>../</SITECODE></M>",
                             bad_site);
        return g_test_run();
}
