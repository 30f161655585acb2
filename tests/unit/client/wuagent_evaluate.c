/* Tests of src/client/wuagent/wuagent_evaluate.c: from sets and a machine to named results. What
 * is missing is deb/upgrade's matter and tested there; here are the names and the sums. */
#include "client/wuagent/wuagent_private.h"

#include <string.h>

#include "base/io.h"
#include "deb/evalset.h"
#include "unit/must.h"

#define PRODUCT "3f2a6b1e-6a3f-5d0e-9a3b-0d6d4c6f8a10"

static const char status[] =
        "Package: libssl3\nStatus: install ok installed\nArchitecture: amd64\n"
        "Source: openssl\nVersion: 3.0.9-1\n\n"
        "Package: openssl\nStatus: hold ok installed\nArchitecture: amd64\nVersion: 3.0.9-1\n\n"
        "Package: bash\nStatus: install ok installed\nArchitecture: amd64\nVersion: 5.2.15-2\n\n"
        "Package: dpkg\nStatus: install ok installed\nArchitecture: amd64\nVersion: 1.21.22\n\n";

/* An evaluation set by hand, in the form that deb/evalset.h describes. */
static const char set_text[] = "upkeep-evaluation-set 1\nproduct " PRODUCT "\n"
                               "title Debian 12\norigin Debian\ncodename bookworm\n"
                               "architecture amd64\n\n"
                               "apt 2.6.1 500 r\tapt = -\n"
                               "bash 5.2.15-2 500 r\t= = -\n"
                               "openssl 3.0.11-1~deb12u2 500 s 3\tlibssl3 = -\t= = -\n";

static char *
machine_root(void)
{
        char *root = g_dir_make_tmp("machine-XXXXXX", NULL);
        g_autofree char *dir = g_build_filename(root, "var/lib/dpkg", NULL);
        g_autofree char *file = g_build_filename(dir, "status", NULL);

        MUST(uk_io_mkdirs(dir, 0755, &failure));
        g_assert_true(g_file_set_contents(file, status, -1, NULL));
        return root;
}

static SearchResult *
evaluate(const char *text, GError **error)
{
        g_autofree char *root = machine_root();
        g_autoptr(DebMachine) machine = machine_read(root, error);
        g_autoptr(GPtrArray) sets = g_ptr_array_new();
        g_autoptr(SearchResult) result = results_new("job");
        SourceSet set = { .product_id = (char *)PRODUCT,
                          .architecture = (char *)"amd64",
                          .number = 7,
                          .text = g_bytes_new(text, strlen(text)) };

        g_assert_nonnull(machine);
        g_ptr_array_add(sets, &set);
        bool done = wuagent_evaluate(machine, sets, result, error);
        g_bytes_unref(set.text);
        MUST(uk_io_remove_tree(root, &failure));
        return done ? g_steal_pointer(&result) : NULL;
}

static const ResultUpdate *
find(const SearchResult *result, const char *article)
{
        for (guint i = 0; i < result->updates->len; i++) {
                const ResultUpdate *update = result->updates->pdata[i];

                if (strcmp(update->article, article) == 0)
                        return update;
        }
        return NULL;
}

static void
names(void)
{
        g_autoptr(GError) error = NULL;
        g_autoptr(SearchResult) result = evaluate(set_text, &error);
        g_autofree char *id =
                evalset_update_id("Debian", "bookworm", "openssl", "3.0.11-1~deb12u2");

        g_assert_no_error(error);
        const ResultUpdate *update = find(result, "openssl");
        g_assert_nonnull(update);
        g_assert_cmpint(update->state, ==, RESULT_MISSING);
        g_assert_cmpstr(update->update_id, ==, id);
        g_assert_cmpint(update->revision, ==, 3);
        g_assert_cmpstr(update->title, ==, "openssl 3.0.11-1~deb12u2 (Security Updates)");
        g_assert_cmpstr(update->classification_id, ==, RESULT_CLASS_SECURITY);
        g_assert_cmpstr(update->product_id, ==, PRODUCT);
        g_assert_cmpuint(update->packages->len, ==, 2);
        const ResultPackage *held = update->packages->pdata[1];
        g_assert_cmpstr(held->name, ==, "openssl");
        g_assert_cmpstr(held->installed, ==, "3.0.9-1");
        g_assert_cmpstr(held->available, ==, "3.0.11-1~deb12u2");
        g_assert_true(held->held);
        g_assert_false(((const ResultPackage *)update->packages->pdata[0])->held);
        update = find(result, "bash");
        g_assert_nonnull(update);
        g_assert_cmpint(update->state, ==, RESULT_INSTALLED);
        g_assert_cmpuint(update->packages->len, ==, 0);
        g_assert_null(find(result, "apt"));
}

static void
sums(void)
{
        g_autoptr(SearchResult) result = evaluate(set_text, NULL);

        g_assert_cmpuint(result->deployed, ==, 3);
        g_assert_cmpuint(result->updates->len, ==, 2);
        g_assert_cmpuint(result->evaluated, ==, 2);
        /* one product, Security Updates, Update Rollups */
        g_assert_cmpuint(result->categories, ==, 3);
}

static void
damaged(void)
{
        g_autoptr(GError) error = NULL;

        g_assert_null(evaluate("upkeep-evaluation-set 1\nproduct what\n", &error));
        g_assert_error(error, UK_ERROR, UK_ERROR_PARSE);
}

int
main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/client/wuagent-evaluate/names-DEB-041-DEB-033", names);
        g_test_add_func("/client/wuagent-evaluate/sums-COMP-049", sums);
        g_test_add_func("/client/wuagent-evaluate/damaged", damaged);
        return g_test_run();
}
