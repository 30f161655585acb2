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
        g_test_add_func("/base/error/table-is-whole", table_is_whole);
        return g_test_run();
}
