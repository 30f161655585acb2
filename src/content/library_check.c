/* library_check.c - compares the definitions on disk with what they are to be, text by text, and
 * writes anew what is not so.
 *
 * What a tree is to be is proved by the content hash: by the compact form, which has a checksum of
 * its own, or by the INI files. First without the lock, since nearly always nothing is wrong; what
 * is to be mended is looked at again while nobody else changes the library.
 */
#include "content/library_check.h"

#include <string.h>

#include "base/io.h"
#include "content/library_private.h"
#include "content/libraryini.h"

static void
flaw_free(gpointer data)
{
        LibraryFlaw *flaw = data;

        g_free(flaw->id);
        g_free(flaw->path);
        g_free(flaw);
}

GPtrArray *
library_flaws_new(void)
{
        return g_ptr_array_new_with_free_func(flaw_free);
}

static void
add_flaw(GPtrArray *flaws, const char *id, char *path_take, bool missing)
{
        LibraryFlaw *flaw = g_new0(LibraryFlaw, 1);

        flaw->id = g_strdup(id);
        flaw->path = path_take;
        flaw->missing = missing;
        g_ptr_array_add(flaws, flaw);
}

static void
all_mended(GPtrArray *flaws, guint first)
{
        for (guint i = first; i < flaws->len; i++)
                ((LibraryFlaw *)flaws->pdata[i])->mended = true;
}

/* A file below the root that is not what it is to be becomes a flaw. An error only where asking
 * later may tell another thing. */
static bool
compare(Library *library, const char *id, const char *name, const void *data, gsize size,
        GPtrArray *flaws, GError **error)
{
        g_autofree char *path = g_strconcat(library->root, "/", name, NULL);
        g_autofree char *found = NULL;
        g_autoptr(GError) problem = NULL;
        gsize found_size;

        if (uk_io_read(path, LIBRARY_MAX_TREE, &found, &found_size, &problem)) {
                if (found_size != size || memcmp(found, data, size) != 0)
                        add_flaw(flaws, id, g_strdup(name), false);
                return true;
        }
        if (uk_error_class(problem) == UK_CLASS_LATER && !library_is_unreadable(path)) {
                g_propagate_error(error, g_steal_pointer(&problem));
                return false;
        }
        add_flaw(flaws, id, g_strdup(name), g_error_matches(problem, UK_ERROR, UK_ERROR_NOT_FOUND));
        return true;
}

/* ---- content items --------------------------------------------------------------------------- */

/* What is wrong with a content item whose tree is known, by the way in which it is mended. */
typedef struct {
        Library *library;
        const ContentTree *tree;
        GPtrArray *flaws; /* the list that they are added to */
        guint first;      /* of them */
        bool ini, compact, mirror;
        GPtrArray *notes; /* hashes of the tree whose users are not noted */
} Check;

static bool
check_ini(Check *check, GError **error)
{
        const char *id = tree_content_id(check->tree);
        g_autofree char *name = g_strconcat("DataLib/", id, ".INI", NULL);
        g_autofree char *text = libraryini_content_write(check->tree);
        guint before = check->flaws->len;

        if (!compare(check->library, id, name, text, strlen(text), check->flaws, error))
                return false;
        check->ini = check->flaws->len > before;
        return true;
}

static bool
check_compact(Check *check, GError **error)
{
        const char *id = tree_content_id(check->tree);
        g_autofree char *name = g_strconcat("DataLib/", id, ".TREE", NULL);
        g_autoptr(GBytes) bytes = tree_write(check->tree);
        gsize size;
        const void *data = g_bytes_get_data(bytes, &size);
        guint before = check->flaws->len;

        if (!compare(check->library, id, name, data, size, check->flaws, error))
                return false;
        check->compact = check->flaws->len > before;
        return true;
}

static void
add_mirror_flaw(gpointer user, char *path_take, bool missing)
{
        Check *check = user;

        add_flaw(check->flaws, tree_content_id(check->tree), path_take, missing);
        check->mirror = true;
}

/* A note may name others, too; that it names this one is what keeps the bytes. */
static bool
check_note(Check *check, const guint8 *hash, GError **error)
{
        const char *id = tree_content_id(check->tree);
        bool missing = false;
        g_auto(GStrv) ids = library_users_noted(check->library, hash, &missing, error);

        if (ids == NULL)
                return false;
        if (g_strv_contains((const char *const *)ids, id))
                return true;
        g_autofree char *hex = libraryini_hex(hash);

        add_flaw(check->flaws, id, g_strdup_printf("FileLib/%.4s/%s.INI", hex, hex), missing);
        g_ptr_array_add(check->notes, (gpointer)hash);
        return true;
}

static bool
check_notes(Check *check, GError **error)
{
        g_autoptr(GHashTable) seen = g_hash_table_new(hash_key_of, hash_key_equal);

        for (guint i = 0; i < tree_count(check->tree); i++) {
                const TreeEntry *e = tree_entry(check->tree, i);

                if (e->kind == TREE_FILE && g_hash_table_add(seen, (gpointer)e->hash) &&
                    !check_note(check, e->hash, error))
                        return false;
        }
        return true;
}

static bool
check_tree(Check *check, GError **error)
{
        return check_ini(check, error) && check_compact(check, error) &&
               library_mirror_compare(check->library, check->tree, add_mirror_flaw, check, error) &&
               check_notes(check, error);
}

static bool
write_mirror(Check *check, GError **error)
{
        const char *id = tree_content_id(check->tree);
        g_autofree char *mirror = library_path(check->library, "DataLib", id, "");

        return uk_io_remove_tree(mirror, error) &&
               library_mirror_write(check->library, check->tree, 0, tree_count(check->tree), error);
}

static bool
write_notes(Check *check, GError **error)
{
        g_autoptr(GHashTable) users = library_users_by_trees(check->library, error);

        for (guint i = 0; users != NULL && i < check->notes->len; i++) {
                if (!library_users_renew(check->library, check->notes->pdata[i],
                                         tree_content_id(check->tree), users, error))
                        return false;
        }
        return users != NULL;
}

/* The compact form first, which then proves the rest, and the INI last; change is held. */
static bool
mend_tree(Check *check, GError **error)
{
        Library *library = check->library;
        const char *id = tree_content_id(check->tree);
        g_autofree char *compact = library_path(library, "DataLib", id, ".TREE");
        g_autofree char *ini = library_path(library, "DataLib", id, ".INI");
        g_autofree char *text = libraryini_content_write(check->tree);
        g_autoptr(GBytes) bytes = tree_write(check->tree);
        gsize size;
        const void *data = g_bytes_get_data(bytes, &size);

        if ((check->compact && !uk_io_replace(compact, data, size, LIBRARY_FILE_MODE, error)) ||
            (check->mirror && !write_mirror(check, error)) ||
            ((check->mirror || check->notes->len > 0) && !library_sync(library, error)) ||
            (check->ini && !uk_io_replace(ini, text, strlen(text), LIBRARY_FILE_MODE, error)))
                return false;
        library_tree_forget(library, id);
        if (check->notes->len > 0 && (!write_notes(check, error) || !library_sync(library, error)))
                return false;
        all_mended(check->flaws, check->first);
        return true;
}

bool
library_mend(Library *library, const ContentTree *tree, GError **error)
{
        g_autoptr(GPtrArray) flaws = library_flaws_new();
        g_autoptr(GPtrArray) notes = g_ptr_array_new();
        Check check = { .library = library, .tree = tree, .flaws = flaws, .notes = notes };

        return check_tree(&check, error) && (flaws->len == 0 || mend_tree(&check, error));
}

/* With the lock nobody else is at it; what is half added or going has no definition to be proved.
 * That of one which is there is its own, also while files are on their way to it. */
static bool
is_settled(Library *library, const char *id)
{
        return !library->writer || (!g_hash_table_contains(library->gone, id) &&
                                    (!g_hash_table_contains(library->pending, id) ||
                                     library_content_exists(library, id)));
}

/* change is held if mend. */
static bool
check_content(Library *library, const char *id, bool mend, GPtrArray *flaws, GError **error)
{
        g_autoptr(GError) problem = NULL;
        g_autoptr(ContentTree) tree = library_tree_prove(library, id, &problem);
        g_autoptr(GPtrArray) notes = g_ptr_array_new();
        Check check = { .library = library,
                        .tree = tree,
                        .flaws = flaws,
                        .first = flaws->len,
                        .notes = notes };

        if (tree != NULL)
                return check_tree(&check, error) &&
                       (!mend || flaws->len == check.first || mend_tree(&check, error));
        if (uk_error_class(problem) == UK_CLASS_LATER) {
                g_propagate_error(error, g_steal_pointer(&problem));
                return false;
        }
        add_flaw(flaws, id, g_strconcat("DataLib/", id, ".INI", NULL),
                 !library_content_exists(library, id));
        return true;
}

bool
library_check_content(Library *library, const char *content_id, bool mend, GPtrArray *flaws,
                      GError **error)
{
        UK_DOING(error, "looking at the definition of content item %s", content_id);
        guint before = flaws->len;
        bool ok;

        if (!tree_valid_id(content_id)) {
                add_flaw(flaws, content_id, g_strdup("DataLib"), true);
                return true;
        }
        if (!check_content(library, content_id, false, flaws, error))
                return false;
        if (flaws->len == before || !mend)
                return true;
        if (!library_check_writer(library, error))
                return false;
        g_ptr_array_set_size(flaws, (gint)before);
        pthread_mutex_lock(&library->change);
        ok = !is_settled(library, content_id) ||
             (!library_content_exists(library, content_id) &&
              !library_is_held(library, content_id)) ||
             check_content(library, content_id, true, flaws, error);
        pthread_mutex_unlock(&library->change);
        return ok;
}

/* ---- packages -------------------------------------------------------------------------------- */

static int
by_text(gconstpointer a, gconstpointer b)
{
        return strcmp(*(const char *const *)a, *(const char *const *)b);
}

char **
library_package_ids(Library *library, GError **error)
{
        g_autofree char *folder = g_strconcat(library->root, "/PkgLib", NULL);
        g_autoptr(GPtrArray) names = library_names(folder, error);
        g_autoptr(GHashTable) known = library_text_set();
        g_autoptr(GPtrArray) ids = g_ptr_array_new();
        GHashTableIter each;
        gpointer id;

        if (names == NULL)
                return NULL;
        for (guint i = 0; i < names->len; i++) {
                g_autofree char *name = library_name_before(names->pdata[i], ".INI");

                if (name != NULL && name[0] != '.')
                        g_hash_table_add(known, g_steal_pointer(&name));
        }
        pthread_mutex_lock(&library->change);
        g_hash_table_iter_init(&each, library->packages);
        while (g_hash_table_iter_next(&each, &id, NULL))
                g_hash_table_add(known, g_strdup(id));
        pthread_mutex_unlock(&library->change);
        g_hash_table_iter_init(&each, known);
        while (g_hash_table_iter_next(&each, &id, NULL))
                g_ptr_array_add(ids, g_strdup(id));
        g_ptr_array_sort(ids, by_text);
        g_ptr_array_add(ids, NULL);
        return (char **)g_ptr_array_free(g_steal_pointer(&ids), FALSE);
}

static LibraryPackage *
package_copy(const LibraryPackage *package)
{
        LibraryPackage *copy = g_new0(LibraryPackage, 1);

        copy->package_id = g_strdup(package->package_id);
        copy->version = package->version;
        copy->content_ids = g_strdupv(package->content_ids);
        return copy;
}

/* A package with a source has one content item, "<PkgID>.<version>", whose definition tells the
 * rest; NULL where there is none, or where it is not known which. change is held. */
static LibraryPackage *
by_contents(Library *library, const char *package_id)
{
        g_auto(GStrv) ids = library_contents(library, NULL);
        gint64 newest = -1;

        for (char **id = ids; id != NULL && *id != NULL; id++) {
                gint64 version = library_version_of(*id, package_id);

                if (version > newest && is_settled(library, *id) && !library_is_kept(library, *id))
                        newest = version;
        }
        g_autofree char *id = g_strdup_printf("%s.%" G_GINT64_FORMAT, package_id, newest);
        g_autoptr(ContentTree) tree =
                newest >= 0 ? library_tree_load(library, id, NULL, NULL) : NULL;

        if (tree == NULL)
                return NULL;
        LibraryPackage *package = g_new0(LibraryPackage, 1);
        package->package_id = g_strdup(package_id);
        package->version = newest;
        package->content_ids = g_new0(char *, 2);
        package->content_ids[0] = g_steal_pointer(&id);
        return package;
}

/* change is held. */
static bool
check_package(Library *library, const char *id, bool mend, GPtrArray *flaws,
              LibraryPackage **package_out, GError **error)
{
        const LibraryPackage *known = g_hash_table_lookup(library->packages, id);
        g_autofree char *name = g_strconcat("PkgLib/", id, ".INI", NULL);
        g_autofree char *path = g_strconcat(library->root, "/", name, NULL);
        g_autoptr(GError) problem = NULL;
        guint before = flaws->len;

        if (known != NULL) {
                g_autofree char *text = libraryini_package_write(
                        known->version, (const char *const *)known->content_ids);

                if (!compare(library, id, name, text, strlen(text), flaws, error))
                        return false;
                *package_out = package_copy(known);
        } else {
                *package_out = library_package(library, id, &problem);
                if (*package_out != NULL)
                        return true;
                if (g_error_matches(problem, UK_ERROR, UK_ERROR_NOT_FOUND) ||
                    (uk_error_class(problem) == UK_CLASS_LATER && !library_is_unreadable(path))) {
                        g_propagate_error(error, g_steal_pointer(&problem));
                        return false;
                }
                add_flaw(flaws, id, g_strdup(name), false);
                *package_out = by_contents(library, id);
        }
        if (!mend || flaws->len == before || *package_out == NULL)
                return true;
        if (!library_write_package(library, id, (*package_out)->version,
                                   (const char *const *)(*package_out)->content_ids, NULL, error))
                return false;
        all_mended(flaws, before);
        return true;
}

bool
library_check_package(Library *library, const char *package_id, bool mend, GPtrArray *flaws,
                      LibraryPackage **package_out, GError **error)
{
        UK_DOING(error, "looking at package %s in the content library", package_id);
        bool ok;

        *package_out = NULL;
        if (!tree_valid_id(package_id))
                return uk_fail(error, UK_ERROR_NOT_FOUND, "this is no ID of a package");
        if (mend && !library_check_writer(library, error))
                return false;
        pthread_mutex_lock(&library->change);
        ok = check_package(library, package_id, mend, flaws, package_out, error);
        pthread_mutex_unlock(&library->change);
        return ok;
}
