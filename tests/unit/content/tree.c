/* Tests of src/content/tree*.c. The content hashes are those of a few lines of Python that follow
 * DIST-019: utf-16-le of the lower-case paths and of the hashes, folder by folder. */
#include "content/tree.h"

#include <locale.h>
#include <string.h>

#include "content/libraryini.h"
#include "unit/must.h"

#define LONG_NAME                                                                            \
        "0123456789012345678901234567890123456789012345678901234567890123456789012345678901" \
        "0123456789012345678901234567890123456789012345678901234567890123456789012345678901" \
        "0123456789012345678901234567890123456789012345678901234567890123456789012345678901"

static void
add(ContentTree *tree, TreeKind kind, const char *path, const char *text)
{
        TreeEntry e = { .path = path, .kind = kind, .mode = kind == TREE_FOLDER ? 0755 : 0644 };

        if (kind == TREE_SYMLINK)
                e.target = text;
        if (kind == TREE_FILE) {
                e.size = (gint64)strlen(text);
                hash_sha256(text, strlen(text), e.hash);
        }
        MUST(tree_add(tree, &e, &failure));
}

static ContentTree *
usual_tree(void)
{
        ContentTree *tree = tree_new("PS100039.2");

        add(tree, TREE_FILE, "b/_x", "abc");
        add(tree, TREE_FOLDER, "Docs", NULL);
        add(tree, TREE_FOLDER, "b", NULL);
        add(tree, TREE_FILE, "Docs/\xc3\x84rger.TXT", "");
        add(tree, TREE_FILE, "README", "abc");
        add(tree, TREE_FOLDER, "Docs/Empty", NULL);
        add(tree, TREE_FILE, "b/A", "abc");
        add(tree, TREE_SYMLINK, "zz", "README");
        MUST(tree_seal(tree, &failure));
        return tree;
}

static void
expect_hash(const ContentTree *tree, const char *expected)
{
        g_autofree char *hex = libraryini_hex(tree_hash(tree));

        g_assert_cmpstr(hex, ==, expected);
}

static void
content_hash(void)
{
        g_autoptr(ContentTree) tree = usual_tree();
        g_autoptr(ContentTree) empty = tree_new("PS100039.1");

        expect_hash(tree, "FF6EEF977CF32F26908186940916FB0201768E3048E995504E6B8FF3C15FB6D4");
        g_assert_null(tree_windows_warning(tree));
        g_assert_cmpint(tree_size(tree), ==, 9);
        MUST(tree_seal(empty, &failure));
        expect_hash(empty, "E3B0C44298FC1C149AFBF4C8996FB92427AE41E4649B934CA495991B7852B855");
}

static void
names_that_windows_cannot_hold(void)
{
        g_autoptr(ContentTree) tree = tree_new("PS100039.2");
        g_autoptr(ContentTree) cases = tree_new("PS100039.3");

        add(tree, TREE_FILE, "\xff", "");
        add(tree, TREE_FILE, "a", "abc");
        add(tree, TREE_FILE, "A", "abc");
        MUST(tree_seal(tree, &failure));
        expect_hash(tree, "E0B389F0A80E6E241322F217F71F26EF9893C7D77B65BB48ADB4E4999BFDEDE2");
        g_assert_nonnull(strstr(tree_windows_warning(tree), "not UTF-8"));

        add(cases, TREE_FOLDER, "D", NULL);
        add(cases, TREE_FILE, "D/\xc3\xa4", "x");
        add(cases, TREE_FILE, "D/\xc3\x84", "y");
        MUST(tree_seal(cases, &failure));
        g_assert_nonnull(strstr(tree_windows_warning(cases), "by case only"));
}

static void
order_and_lookup(void)
{
        static const char *const expected[] = { "Docs",   "Docs/Empty", "Docs/\xc3\x84rger.TXT",
                                                "README", "b",          "b/A",
                                                "b/_x",   "zz" };
        g_autoptr(ContentTree) tree = usual_tree();
        g_autoptr(ContentTree) cases = tree_new("PS100039.2");

        g_assert_cmpuint(tree_count(tree), ==, G_N_ELEMENTS(expected));
        for (guint i = 0; i < G_N_ELEMENTS(expected); i++)
                g_assert_cmpstr(tree_entry(tree, i)->path, ==, expected[i]);
        g_assert_cmpstr(tree_find(tree, "docs/empty")->path, ==, "Docs/Empty");
        g_assert_null(tree_find(tree, "Docs/"));
        g_assert_null(tree_find(tree, ""));
        g_assert_null(tree_find(tree, "zzz"));

        add(cases, TREE_FILE, "a", "1");
        add(cases, TREE_FILE, "A", "2");
        MUST(tree_seal(cases, &failure));
        g_assert_cmpstr(tree_find(cases, "a")->path, ==, "a");
        g_assert_cmpstr(tree_find(cases, "A")->path, ==, "A");
}

/* Two that are equal without case, and the question equal to neither. */
static void
ambiguous_case_is_nothing(void)
{
        g_autoptr(ContentTree) tree = tree_new("PS100039.2");

        add(tree, TREE_FILE, "aB", "1");
        add(tree, TREE_FILE, "Ab", "2");
        MUST(tree_seal(tree, &failure));
        g_assert_null(tree_find(tree, "AB"));
}

static void
refused_paths(void)
{
        static const char *const paths[] = { "",
                                             "/a",
                                             "a/",
                                             "a//b",
                                             ".",
                                             "..",
                                             "a/.",
                                             "../a",
                                             "a/../b",
                                             "./a",
                                             LONG_NAME LONG_NAME };

        for (gsize i = 0; i < G_N_ELEMENTS(paths); i++) {
                g_autoptr(ContentTree) tree = tree_new("PS100039.2");
                g_autoptr(GError) error = NULL;
                TreeEntry e = { .path = paths[i], .kind = TREE_FILE };

                g_assert_false(tree_add(tree, &e, &error));
                g_assert_error(error, UK_ERROR, UK_ERROR_PARSE);
        }
}

static void
expect_refused(ContentTree *tree, const char *why)
{
        g_autoptr(GError) error = NULL;

        g_assert_false(tree_seal(tree, &error));
        g_assert_error(error, UK_ERROR, UK_ERROR_PARSE);
        g_assert_nonnull(strstr(error->message, why));
}

static void
refused_trees(void)
{
        g_autoptr(ContentTree) twice = tree_new("PS100039.2");
        g_autoptr(ContentTree) lost = tree_new("PS100039.2");
        g_autoptr(ContentTree) below_file = tree_new("PS100039.2");
        g_autoptr(ContentTree) name = tree_new("../PS100039.2");

        add(twice, TREE_FILE, "a", "1");
        add(twice, TREE_FILE, "a", "2");
        expect_refused(twice, "twice");
        add(lost, TREE_FILE, "a/b", "1");
        expect_refused(lost, "no folder");
        add(below_file, TREE_FILE, "a", "1");
        add(below_file, TREE_FILE, "a/b", "1");
        expect_refused(below_file, "no folder");
        expect_refused(name, "no ID");
}

static void
twin(ContentTree *tree, const char *path, guint32 number, guint8 first_of_hash)
{
        TreeEntry e = { .path = path, .twin = number, .size = 7, .hash = { first_of_hash } };

        MUST(tree_add(tree, &e, &failure));
}

static void
hard_links(void)
{
        g_autoptr(ContentTree) tree = tree_new("PS100039.2");
        g_autoptr(ContentTree) unequal = tree_new("PS100039.2");

        twin(tree, "d", 77, 1);
        twin(tree, "b", 500, 2);
        twin(tree, "a", 77, 1);
        twin(tree, "c", 9, 3);
        twin(tree, "e", 500, 2);
        MUST(tree_seal(tree, &failure));
        g_assert_cmpuint(tree_find(tree, "a")->twin, ==, 1);
        g_assert_cmpuint(tree_find(tree, "b")->twin, ==, 2);
        g_assert_cmpuint(tree_find(tree, "c")->twin, ==, 0); /* its others are elsewhere */
        g_assert_cmpuint(tree_find(tree, "d")->twin, ==, 1);
        g_assert_cmpuint(tree_find(tree, "e")->twin, ==, 2);
        g_assert_cmpint(tree_size(tree), ==, 21);

        twin(unequal, "a", 1, 1);
        twin(unequal, "b", 1, 2);
        expect_refused(unequal, "hard link");
}

static void
compact_form(void)
{
        g_autoptr(ContentTree) tree = usual_tree();
        g_autoptr(GBytes) bytes = tree_write(tree);
        gsize size;
        const guint8 *data = g_bytes_get_data(bytes, &size);
        g_autoptr(ContentTree) again = NULL;

        MUST((again = tree_read(data, size, &failure)) != NULL);
        g_autoptr(GBytes) same = tree_write(again);
        g_assert_true(g_bytes_equal(bytes, same));
        g_assert_cmpmem(tree_hash(tree), 32, tree_hash(again), 32);
        g_assert_cmpstr(tree_find(again, "zz")->target, ==, "README");
        for (gsize i = 0; i < size; i++) { /* every flipped bit and every cut is seen */
                g_autofree guint8 *bad = g_memdup2(data, size);

                bad[i] ^= 1;
                g_assert_null(tree_read(bad, size, NULL));
                g_assert_null(tree_read(data, i, NULL));
        }
}

static void
compact_is_small(void)
{
        g_autoptr(ContentTree) tree = tree_new("PS100039.2");
        g_autoptr(GBytes) bytes = NULL;

        add(tree, TREE_FOLDER, "folder", NULL);
        for (int i = 0; i < 10000; i++) {
                g_autofree char *path = g_strdup_printf("folder/some-file-%d.txt", i * 7919);
                add(tree, TREE_FILE, path, path);
        }
        MUST(tree_seal(tree, &failure));
        bytes = tree_write(tree);
        g_assert_cmpuint(g_bytes_get_size(bytes), <, 10000 * 70);
}

int
main(int argc, char **argv)
{
        setlocale(LC_ALL, "C");
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/content/tree/content-hash-DIST-019", content_hash);
        g_test_add_func("/content/tree/names-that-windows-cannot-hold-DIST-019",
                        names_that_windows_cannot_hold);
        g_test_add_func("/content/tree/order-and-lookup", order_and_lookup);
        g_test_add_func("/content/tree/ambiguous-case-is-nothing", ambiguous_case_is_nothing);
        g_test_add_func("/content/tree/refused-paths", refused_paths);
        g_test_add_func("/content/tree/refused-trees", refused_trees);
        g_test_add_func("/content/tree/hard-links-DIST-015", hard_links);
        g_test_add_func("/content/tree/compact-form", compact_form);
        g_test_add_func("/content/tree/compact-is-small", compact_is_small);
        return g_test_run();
}
