/* Tests of src/content/bundle.c; tar and zstd are the judges of its form. */
#include "content/bundle.h"

#include <locale.h>
#include <string.h>

#include <glib/gstdio.h>

#include "unit/must.h"

static ContentTree *
tree_of(const char *id, const char *file)
{
        ContentTree *tree = tree_new(id);
        TreeEntry e = { .path = file, .size = 3 };

        MUST(tree_add(tree, &e, &failure));
        MUST(tree_seal(tree, &failure));
        return tree;
}

static Bundle *
usual_bundle(void)
{
        Bundle *bundle = bundle_new("PS100039", 2);

        g_ptr_array_add(bundle->trees, tree_of("PS100039.2", "setup.exe"));
        g_ptr_array_add(bundle->trees,
                        tree_of("Content_3c9813ba-d7ab-4963-929c-36f90f479613.1", "data.cab"));
        return bundle;
}

static void
comes_back(void)
{
        g_autoptr(Bundle) bundle = usual_bundle();
        g_autoptr(GBytes) bytes = NULL;
        g_autoptr(GBytes) same = NULL;
        g_autoptr(Bundle) again = NULL;

        MUST((bytes = bundle_write(bundle, &failure)) != NULL);
        MUST((same = bundle_write(bundle, &failure)) != NULL);
        g_assert_true(g_bytes_equal(bytes, same));
        MUST((again = bundle_read(g_bytes_get_data(bytes, NULL), g_bytes_get_size(bytes),
                                  &failure)) != NULL);
        g_assert_cmpstr(again->package_id, ==, "PS100039");
        g_assert_cmpint(again->version, ==, 2);
        g_assert_cmpuint(again->trees->len, ==, 2);
        for (guint i = 0; i < 2; i++)
                g_assert_cmpmem(tree_hash(again->trees->pdata[i]), 32,
                                tree_hash(bundle->trees->pdata[i]), 32);
}

/* What is in it is what an administrator's tar shows. */
static void
tar_lists_it(void)
{
        g_autoptr(Bundle) bundle = usual_bundle();
        g_autoptr(GBytes) bytes = NULL;
        g_autofree char *dir = g_dir_make_tmp("uk-bundle-XXXXXX", NULL);
        g_autofree char *path = g_build_filename(dir, "PS100039.TZ", NULL);
        const char *argv[] = { "tar", "--zstd", "-xOf", path, "PkgLib/PS100039.INI", NULL };
        const char *list[] = { "tar", "--zstd", "-tf", path, NULL };
        g_autofree char *out = NULL, *names = NULL;
        int status;

        MUST((bytes = bundle_write(bundle, &failure)) != NULL);
        g_assert_true(g_file_set_contents(path, g_bytes_get_data(bytes, NULL),
                                          (gssize)g_bytes_get_size(bytes), NULL));
        g_assert_true(g_spawn_sync(NULL, (char **)argv, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL, &out,
                                   NULL, &status, NULL));
        g_assert_cmpint(status, ==, 0);
        g_assert_cmpstr(out, ==,
                        "[Packages]\nPS100039.2=\nContent_3c9813ba-d7ab-4963-929c-36f90f479613.1=\n"
                        "[Info]\nVersion=2\n");
        g_assert_true(g_spawn_sync(NULL, (char **)list, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL,
                                   &names, NULL, &status, NULL));
        g_assert_cmpstr(names, ==,
                        "PkgLib/PS100039.INI\n"
                        "DataLib/PS100039.2.INI\nDataLib/PS100039.2.TREE\n"
                        "DataLib/Content_3c9813ba-d7ab-4963-929c-36f90f479613.1.INI\n"
                        "DataLib/Content_3c9813ba-d7ab-4963-929c-36f90f479613.1.TREE\n");
        g_unlink(path);
        g_rmdir(dir);
}

static void
damage_is_seen(void)
{
        g_autoptr(Bundle) bundle = usual_bundle();
        g_autoptr(GBytes) bytes = NULL;
        gsize size;

        MUST((bytes = bundle_write(bundle, &failure)) != NULL);
        const guint8 *data = g_bytes_get_data(bytes, &size);
        for (gsize i = 0; i < size; i++) {
                g_autoptr(GError) error = NULL;
                g_autoptr(Bundle) cut = i + 64 < size ? bundle_read(data, i, &error) : NULL;

                g_assert_null(cut);
        }
}

static GBytes *
pack_folder(const char *dir)
{
        g_autofree char *tar = g_strdup_printf("%s.tz", dir);
        const char *argv[] = { "tar", "--zstd", "-C", dir, "-cf", tar, "PkgLib", "DataLib", NULL };
        char *data;
        gsize size;
        int status;

        g_assert_true(g_spawn_sync(NULL, (char **)argv, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL, NULL,
                                   NULL, &status, NULL) &&
                      status == 0);
        g_assert_true(g_file_get_contents(tar, &data, &size, NULL));
        g_unlink(tar);
        return g_bytes_new_take(data, size);
}

/* Archives with folders, foreign names or without their parts are refused. */
static void
foreign_archives(void)
{
        g_autofree char *dir = g_dir_make_tmp("uk-bundle-XXXXXX", NULL);
        g_autofree char *pkg = g_build_filename(dir, "PkgLib", NULL);
        g_autofree char *data = g_build_filename(dir, "DataLib", NULL);
        g_autoptr(GBytes) bytes = NULL;
        g_autoptr(GError) error = NULL;

        g_mkdir(pkg, 0700);
        g_mkdir(data, 0700);
        bytes = pack_folder(dir);
        g_assert_null(bundle_read(g_bytes_get_data(bytes, NULL), g_bytes_get_size(bytes), &error));
        g_assert_error(error, UK_ERROR, UK_ERROR_PARSE);
        g_rmdir(pkg);
        g_rmdir(data);
        g_rmdir(dir);
}

int
main(int argc, char **argv)
{
        setlocale(LC_ALL, "C");
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/content/bundle/comes-back-DIST-101", comes_back);
        g_test_add_func("/content/bundle/tar-lists-it-DIST-101", tar_lists_it);
        g_test_add_func("/content/bundle/damage-is-seen", damage_is_seen);
        g_test_add_func("/content/bundle/foreign-archives", foreign_archives);
        return g_test_run();
}
