/* Tests of src/deb/version.c. The order against dpkg itself is in version_order.py. */
#include "deb/version.h"

#include <string.h>

static int
sign(int n)
{
        return n < 0 ? -1 : n > 0;
}

/* Rising, from Debian policy 5.6.12 and the archives: each is lower than all behind it. */
static void
rising(void)
{
        static const char *const order[] = {
                "~~",
                "~~a",
                "~",
                "0~rc1-1",
                "",
                "1.0~beta1~svn1245",
                "1.0~beta1",
                "1.0-1~bpo12+1",
                "1.0-1",
                "1.0-1+b1",
                "1.0-1+deb12u1",
                "1.0-1.1",
                "1.0-9",
                "1.0-10",
                "1.0a",
                "1.0+dfsg-1",
                "1.0.1",
                "1.2",
                "1.10",
                "a",
                "1:0.1",
                "1:0.1-1",
                "2:0",
                "10:0",
        };

        for (guint i = 0; i < G_N_ELEMENTS(order); i++) {
                for (guint j = 0; j < G_N_ELEMENTS(order); j++) {
                        int got = version_compare(order[i], strlen(order[i]), order[j],
                                                  strlen(order[j]));

                        g_assert_cmpint(sign(got), ==, sign((int)i - (int)j));
                }
        }
}

static void
equal_spellings(void)
{
        static const char *const pairs[][2] = {
                { "0:2.10-3", "2.10-3" },
                { "1.0", "1.0-0" },
                { "1.00", "1.0" },
                { "1.0-01", "1.0-1" },
                { "00:1", "1" },
                { "1.0-", "1.0-0" },
                { "1.0.", "1.0.0" },
                { "20261121000000000000000000000000001", "020261121000000000000000000000000001" },
        };

        for (guint i = 0; i < G_N_ELEMENTS(pairs); i++)
                g_assert_cmpint(version_compare(pairs[i][0], strlen(pairs[i][0]), pairs[i][1],
                                                strlen(pairs[i][1])),
                                ==, 0);
}

static void
forbidden(void)
{
        static const struct {
                const char *text, *fault;
        } rows[] = {
                { "", "it is empty" },
                { "1.0-", "its revision is empty" },
                { "1:", "its upstream part is empty" },
                { "1:-1", "its upstream part is empty" },
                { "-1", "its upstream part is empty" },
                { ":1.0", "its epoch is empty" },
                { "a:1.0", "its epoch is not a number" },
                { "-1:1.0", "its epoch is not a number" },
                { "2147483648:1", "its epoch is too large" },
                { "99999999999999999999:1", "its epoch is too large" },
                { "1.0_1", "its upstream part has a character that is not allowed" },
                { "1.0 1", "its upstream part has a character that is not allowed" },
                { "../1.0", "its upstream part has a character that is not allowed" },
                { "1.0-1_2", "its revision has a character that is not allowed" },
                { "1.0-1:2", "its epoch is not a number" },
                { "1.0-\xc3\xa4", "its revision has a character that is not allowed" },
                { "1.0", NULL },
                { "v1.0", NULL },
                { "2147483647:1.0-1", NULL },
                { "1:2:3-4+b~5.6", NULL },
                { "1.0-1-2", NULL },
        };

        for (guint i = 0; i < G_N_ELEMENTS(rows); i++)
                g_assert_cmpstr(version_fault(rows[i].text, strlen(rows[i].text)), ==,
                                rows[i].fault);
        g_assert_cmpstr(version_fault("1.0\0", 4), ==,
                        "its upstream part has a character that is not allowed");
}

int
main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/deb/version/rising-DEB-031", rising);
        g_test_add_func("/deb/version/equal-spellings-DEB-003", equal_spellings);
        g_test_add_func("/deb/version/forbidden-DEB-013", forbidden);
        return g_test_run();
}
