/* packageverify.c - reads a whole package of the library and tells what of it is damaged. */
#include "content/packageverify.h"

#include "content/library_check.h"
#include "content/verify.h"

typedef struct {
        Library *library;
        PackageVerifyFn go_on;
        gpointer user;
        PackageVerdict *verdict;
} Work;

static void
damage_free(gpointer data)
{
        PackageDamage *damage = data;

        g_free(damage->content_id);
        g_free(damage->path);
        g_free(damage);
}

void
packageverify_clear(PackageVerdict *verdict)
{
        g_clear_pointer(&verdict->damaged, g_ptr_array_unref);
}

static void
add_damage(PackageVerdict *verdict, const char *content_id, const char *path)
{
        PackageDamage *damage = g_new0(PackageDamage, 1);

        damage->content_id = g_strdup(content_id);
        damage->path = g_strdup(path);
        g_ptr_array_add(verdict->damaged, damage);
}

static bool
read_entry(Work *work, const TreeEntry *entry, VerifyState *state_out, GError **error)
{
        g_autoptr(Verify) verify = verify_begin(work->library, entry->hash, entry->size);

        *state_out = VERIFY_MORE;
        while (*state_out == VERIFY_MORE) {
                gsize got;

                if (!verify_step(verify, G_MAXINT, &got, state_out, error))
                        return false;
                work->verdict->bytes += (gint64)got;
        }
        return true;
}

static bool
read_tree(Work *work, const ContentTree *tree, GError **error)
{
        for (guint i = 0; i < tree_count(tree); i++) {
                const TreeEntry *entry = tree_entry(tree, i);
                VerifyState state;

                if (entry->kind != TREE_FILE)
                        continue;
                if (work->go_on != NULL && !work->go_on(work->user))
                        return uk_fail(error, UK_ERROR_CANCELLED, "the verification is ended");
                if (!read_entry(work, entry, &state, error))
                        return false;
                work->verdict->files++;
                if (state != VERIFY_GOOD)
                        add_damage(work->verdict, tree_content_id(tree), entry->path);
        }
        return true;
}

static bool
read_content(Work *work, const char *content_id, GError **error)
{
        const ContentTree *tree = library_tree_ref(work->library, content_id, NULL);
        bool good = tree == NULL || read_tree(work, tree, error);

        if (tree != NULL)
                library_tree_unref(work->library, tree);
        return good;
}

/* A package that was set anew or taken out while it was read has files that went with what it was,
 * and that are no damage. */
static bool
prove_same(Library *library, const char *package_id, const LibraryPackage *package, GError **error)
{
        g_autoptr(GPtrArray) flaws = library_flaws_new();
        g_autoptr(LibraryPackage) now = NULL;

        if (!library_check_package(library, package_id, false, flaws, &now, error))
                return false;
        if (package == NULL ? now == NULL
                            : now != NULL && now->version == package->version &&
                                      g_strv_equal((const char *const *)now->content_ids,
                                                   (const char *const *)package->content_ids))
                return true;
        return uk_fail(error, UK_ERROR_CHANGED, "package %s was changed while it was read",
                       package_id);
}

bool
packageverify_run(Library *library, const char *package_id, bool mend, PackageVerifyFn go_on,
                  gpointer user, PackageVerdict *verdict_out, GError **error)
{
        g_autoptr(GPtrArray) flaws = library_flaws_new();
        g_autoptr(LibraryPackage) package = NULL;
        Work work = { library, go_on, user, verdict_out };

        verdict_out->damaged = g_ptr_array_new_with_free_func(damage_free);
        if (!library_check_package(library, package_id, mend, flaws, &package, error))
                return false;
        verdict_out->version = package != NULL ? package->version : 0;
        /* The files, as far as the definition can be read. */
        for (char **id = package != NULL ? package->content_ids : NULL; id != NULL && *id != NULL;
             id++) {
                if (!library_check_content(library, *id, mend, flaws, error) ||
                    !read_content(&work, *id, error))
                        return false;
        }
        if (!prove_same(library, package_id, package, error))
                return false;
        for (guint i = 0; i < flaws->len; i++) {
                const LibraryFlaw *flaw = flaws->pdata[i];

                if (flaw->mended)
                        continue;
                add_damage(verdict_out, flaw->id, flaw->path);
                verdict_out->flaws++;
        }
        return true;
}
