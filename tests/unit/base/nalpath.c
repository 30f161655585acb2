/* Tests of src/base/nalpath.c. The sample is that of 90-tables.md. */
#include "base/nalpath.h"

#include <locale.h>

#define SAMPLE \
        "[\"Display=\\\\PS1DP2.CONTOSO.COM\\\"]MSWNET:[\"SMS_SITE=PS1\"]\\\\PS1DP2.CONTOSO.COM\\"

static void
written(void)
{
        g_autofree char *nal = nalpath_make("PS1DP2.CONTOSO.COM", "PS1");

        g_assert_cmpstr(nal, ==, SAMPLE);
        /* Reports cut the server out from the 13th character on. */
        g_assert_true(g_str_has_prefix(nal + 12, "PS1DP2.CONTOSO.COM\\"));
}

static void
taken_apart(void)
{
        g_autofree char *fqdn = NULL;
        g_autofree char *site = NULL;
        g_autoptr(GError) error = NULL;

        g_assert_true(nalpath_parse(SAMPLE, &fqdn, &site, &error));
        g_assert_no_error(error);
        g_assert_cmpstr(fqdn, ==, "PS1DP2.CONTOSO.COM");
        g_assert_cmpstr(site, ==, "PS1");
        g_assert_true(nalpath_parse(SAMPLE, NULL, NULL, &error));
}

static void
refused(void)
{
        static const char *const bad[] = {
                NULL,
                "",
                "PS1DP2",
                "MSWNET:[\"SMS_SITE=PS1\"]\\\\A\\",
                "[\"Display=\\\\A\\\"]MSWNET:[\"SMS_SITE=PS1\"]\\\\A",
                "[\"Display=\\\\A\\\"]MSWNET:[\"SMS_SITE=PS1\"]\\\\A\\ ",
                "[\"Display=\\\\A\\\"]MSWNET:[\"SMS_SITE=PS1\"]\\\\A\\SMSPKGC$\\",
                "[\"Display=\\\\A\\\"]MSWNET:[\"SMS_SITE=PS\"]\\\\A\\",
                "[\"Display=\\\\A\\\"]MSWNET:[\"SMS_SITE=PS12\"]\\\\A\\",
                "[\"Display=\\\\A\\\"]MSWNET:[\"SMS_SITE=P-1\"]\\\\A\\",
                "[\"Display=\\\\A\\\"]MSWNET:[\"SMS_SITE=PS1\"]\\\\B\\",
                "[\"Display=\\\\\\\"]MSWNET:[\"SMS_SITE=PS1\"]\\\\\\",
                "['Display=\\\\A\\']MSWNET:['SMS_SITE=PS1']\\\\A\\",
                "[\"Display=\\\\../x\\\"]MSWNET:[\"SMS_SITE=PS1\"]\\\\../x\\",
        };

        for (gsize i = 0; i < G_N_ELEMENTS(bad); i++) {
                char *fqdn = (char *)"untouched";
                g_autoptr(GError) error = NULL;

                g_assert_false(nalpath_parse(bad[i], &fqdn, NULL, &error));
                g_assert_error(error, UK_ERROR, UK_ERROR_PARSE);
                g_assert_cmpstr(fqdn, ==, "untouched");
        }
}

int
main(int argc, char **argv)
{
        setlocale(LC_ALL, "C");
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/base/nalpath/written", written);
        g_test_add_func("/base/nalpath/taken-apart", taken_apart);
        g_test_add_func("/base/nalpath/refused", refused);
        return g_test_run();
}
