/* Tests of src/content/packageverify.c: a package that goes or changes while it is read is told
 * from one that is damaged, and what cannot be read is damaged. */
#include "content/packageverify.h"

#include <locale.h>
#include <unistd.h>

#include <glib/gstdio.h>

#include "unit/content/world.h"

#define PACKAGE "PS100039"

/* A package of two files, and what becomes of it when the second is about to be read. */
typedef struct {
        World w;
        File files[2];
        ContentTree *trees[2];
        guint asked;
        gint64 version; /* that it is set to; 0: it is taken out */
} Case;

static void
set_up(Case *c, gconstpointer unused)
{
        world_init(&c->w);
        for (guint i = 0; i < G_N_ELEMENTS(c->files); i++) {
                g_autofree char *id = g_strdup_printf(PACKAGE ".%u", i + 1);

                c->files[i] = (File){ i == 0 ? "a" : "b", some_bytes(1000, i), 1000 };
                c->trees[i] = add(&c->w, id, c->files, i + 1);
                MUST(library_set_package(c->w.library, PACKAGE, i + 1,
                                         (const char *const[]){ id, NULL }, &failure));
                MUST(library_release_content(c->w.library, id, &failure));
        }
}

static void
tear_down(Case *c, gconstpointer unused)
{
        for (guint i = 0; i < G_N_ELEMENTS(c->files); i++) {
                g_free(c->files[i].data);
                tree_free(c->trees[i]);
        }
        world_clear(&c->w);
}

static bool
change(gpointer user)
{
        Case *c = user;

        if (c->asked++ != 1)
                return true;
        if (c->version == 0)
                MUST(library_remove_package(c->w.library, PACKAGE, &failure));
        else
                MUST(library_set_package(c->w.library, PACKAGE, c->version,
                                         (const char *const[]){ PACKAGE ".2", NULL }, &failure));
        return true;
}

static void
ends_with(Case *c, gint64 version, UkErrorCode code)
{
        g_auto(PackageVerdict) verdict = { 0 };
        g_autoptr(GError) error = NULL;

        c->version = version;
        g_assert_false(
                packageverify_run(c->w.library, PACKAGE, false, change, c, &verdict, &error));
        g_assert_true(g_error_matches(error, UK_ERROR, (int)code));
        g_assert_cmpuint(c->asked, ==, 2);
}

static void
taken_out(Case *c, gconstpointer unused)
{
        ends_with(c, 0, UK_ERROR_NOT_FOUND);
}

static void
set_anew(Case *c, gconstpointer unused)
{
        ends_with(c, 3, UK_ERROR_CHANGED);
}

static void
set_to_the_same(Case *c, gconstpointer unused)
{
        g_auto(PackageVerdict) verdict = { 0 };

        c->version = 2;
        MUST(packageverify_run(c->w.library, PACKAGE, false, change, c, &verdict, &failure));
        g_assert_cmpint(verdict.files, ==, 2);
        g_assert_cmpuint(verdict.damaged->len, ==, 0);
}

static void
unreadable(Case *c, gconstpointer unused)
{
        g_autofree char *ini = g_build_filename(c->w.root, "PkgLib", PACKAGE ".INI", NULL);
        g_auto(PackageVerdict) verdict = { 0 };

        library_free(c->w.library);
        g_assert_cmpint(g_unlink(ini), ==, 0);
        g_assert_cmpint(symlink(PACKAGE ".INI", ini), ==, 0);
        MUST((c->w.library = library_open(c->w.root, true, &failure)) != NULL);
        MUST(packageverify_run(c->w.library, PACKAGE, false, NULL, NULL, &verdict, &failure));
        g_assert_cmpint(verdict.files, ==, 2);
        g_assert_cmpuint(verdict.flaws, ==, 1);
        g_assert_cmpuint(verdict.damaged->len, ==, 1);
        g_assert_cmpstr(((const PackageDamage *)verdict.damaged->pdata[0])->path, ==,
                        "PkgLib/" PACKAGE ".INI");
}

static void
add_case(const char *path, void (*run)(Case *, gconstpointer))
{
        g_test_add(path, Case, NULL, set_up, run, tear_down);
}

int
main(int argc, char **argv)
{
        setlocale(LC_ALL, "C");
        g_test_init(&argc, &argv, NULL);
        add_case("/content/packageverify/taken-out-while-it-is-read", taken_out);
        add_case("/content/packageverify/set-anew-while-it-is-read", set_anew);
        add_case("/content/packageverify/set-to-the-same-while-it-is-read", set_to_the_same);
        add_case("/content/packageverify/a-definition-that-cannot-be-read-is-damage", unreadable);
        return g_test_run();
}
