/* Tests of src/base/guid.c. Expected version-5 GUIDs are of RFC 4122's erratum and of Python's uuid
 * module. */
#include "base/guid.h"

#include <locale.h>
#include <string.h>

static void
random_ones(void)
{
        g_autoptr(GHashTable) seen = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);

        for (int i = 0; i < 1000; i++) {
                char *guid = uk_guid_new();

                g_assert_true(uk_guid_valid(guid));
                g_assert_cmpint(guid[14], ==, '4');
                g_assert_nonnull(strchr("89ab", guid[19]));
                g_assert_true(g_hash_table_add(seen, guid));
        }
}

static void
braced(void)
{
        g_autofree char *guid = uk_guid_new_braced();

        g_assert_cmpuint(strlen(guid), ==, UK_GUID_TEXT + 2);
        g_assert_cmpint(guid[0], ==, '{');
        g_assert_cmpint(guid[37], ==, '}');
        for (char *c = guid; *c != '\0'; c++)
                g_assert_false(g_ascii_islower(*c));
}

static void
from_names(void)
{
        const char *dns = "6ba7b810-9dad-11d1-80b4-00c04fd430c8";
        g_autofree char *python = uk_guid_v5(dns, "python.org");
        g_autofree char *widgets = uk_guid_v5(dns, "www.example.com");
        g_autofree char *upper = uk_guid_v5("6BA7B810-9DAD-11D1-80B4-00C04FD430C8", "python.org");

        g_assert_cmpstr(python, ==, "886313e1-3b8a-5372-9b90-0c9aee199e5d");
        g_assert_cmpstr(widgets, ==, "2ed6657d-e927-568b-95e1-2665a8aea6a2");
        g_assert_cmpstr(upper, ==, python);
}

static void
validity(void)
{
        g_assert_true(uk_guid_valid("00000000-0000-0000-0000-000000000000"));
        g_assert_true(uk_guid_valid("3DA21691-e39d-4da6-8a4b-b43877bcb1b7"));
        g_assert_false(uk_guid_valid(NULL));
        g_assert_false(uk_guid_valid(""));
        g_assert_false(uk_guid_valid("{3da21691-e39d-4da6-8a4b-b43877bcb1b7}"));
        g_assert_false(uk_guid_valid("3da21691-e39d-4da6-8a4b-b43877bcb1b"));
        g_assert_false(uk_guid_valid("3da21691-e39d-4da6-8a4b-b43877bcb1b70"));
        g_assert_false(uk_guid_valid("3da21691xe39d-4da6-8a4b-b43877bcb1b7"));
        g_assert_false(uk_guid_valid("3da21691-e39d-4da6-8a4b-b43877bcb1bg"));
}

int
main(int argc, char **argv)
{
        setlocale(LC_ALL, "C");
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/base/guid/random", random_ones);
        g_test_add_func("/base/guid/braced", braced);
        g_test_add_func("/base/guid/from-names", from_names);
        g_test_add_func("/base/guid/validity", validity);
        return g_test_run();
}
