/* Tests of src/base/error.c. */
#include "base/error.h"

#include <errno.h>
#include <locale.h>

static bool
inner(GError **error)
{
        UK_DOING(error, "reading %s", "the index");
        return uk_fail(error, UK_ERROR_PARSE, "line %d is bad", 7);
}

static bool
outer(GError **error)
{
        UK_DOING(error, "synchronizing");
        return inner(error);
}

static void
sentence_grows(void)
{
        g_autoptr(GError) error = NULL;

        g_assert_false(outer(&error));
        g_assert_cmpstr(error->message, ==, "synchronizing: reading the index: line 7 is bad");
        g_assert_cmpint(uk_error_class(error), ==, UK_CLASS_CORRUPT);
        g_assert_false(outer(NULL));
}

static void
system_words(void)
{
        g_autoptr(GError) error = NULL;

        g_assert_false(uk_fail_errno(&error, ENOSPC, "writing a"));
        g_assert_cmpstr(error->message, ==, "writing a: No space left on device");
        g_assert_true(g_error_matches(error, UK_ERROR, UK_ERROR_FULL));
        g_assert_cmpint(uk_error_class(error), ==, UK_CLASS_LATER);
}

static bool
in_folder(const char *folder, GError **error)
{
        UK_DOING(error, "folder \"%s\"", folder);
        return uk_fail(error, UK_ERROR_IO, "file %s, %.2s", "\xe9t\xe9", "a\xc3\xa9");
}

/* What is no UTF-8 can be neither stored nor sent: the failure itself would be lost. */
static void
any_bytes(void)
{
        g_autoptr(GError) error = NULL;
        g_autoptr(GError) of_system = NULL;

        g_assert_false(in_folder("caf\xe9", &error));
        g_assert_cmpstr(error->message, ==,
                        "folder \"caf\xef\xbf\xbd\": file \xef\xbf\xbdt\xef\xbf\xbd, "
                        "a\xef\xbf\xbd");
        g_assert_false(uk_fail_errno(&of_system, ENOSPC, "writing \xff"));
        g_assert_cmpstr(of_system->message, ==, "writing \xef\xbf\xbd: No space left on device");
}

static void
table_is_whole(void)
{
        gsize count;
        const UkErrorInfo *rows = uk_error_table(&count);

        g_assert_cmpuint(count, >, 10);
        for (gsize i = 1; i < count; i++)
                g_assert_cmpint(rows[i - 1].code, <, rows[i].code);
        g_assert_cmpstr(uk_error_name(UK_ERROR_SCHEMA), ==, "SCHEMA");
        g_assert_cmpstr(uk_error_name(9999), ==, "?");
}

int
main(int argc, char **argv)
{
        setlocale(LC_ALL, "C");
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/base/error/sentence-grows", sentence_grows);
        g_test_add_func("/base/error/system-words", system_words);
        g_test_add_func("/base/error/any-bytes", any_bytes);
        g_test_add_func("/base/error/table-is-whole", table_is_whole);
        return g_test_run();
}
