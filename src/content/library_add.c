/* library_add.c - makes a content item visible, when all its files are there.
 *
 * In this order: the uses are noted, the mirror and the rest of the definition written, everything
 * synced at once, and last the content item's INI appears. Whatever is cut off before that is
 * either used again by the next try or taken away when the library is opened.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/io.h"
#include "base/log.h"
#include "content/library_private.h"
#include "content/libraryini.h"
#include "content/signature.h"

GArray *
library_missing(Library *library, const ContentTree *tree)
{
        g_autoptr(GHashTable) seen = library_hash_set();
        GArray *missing = g_array_new(FALSE, FALSE, sizeof(guint));

        for (guint i = 0; i < tree_count(tree); i++) {
                const TreeEntry *e = tree_entry(tree, i);
                gint64 size;

                if (e->kind != TREE_FILE || g_hash_table_contains(seen, e->hash))
                        continue;
                g_hash_table_add(seen, g_memdup2(e->hash, sizeof e->hash));
                if (!library_has(library, e->hash, &size) || size != e->size)
                        g_array_append_val(missing, i);
        }
        return missing;
}

static bool
check_files(Library *library, const ContentTree *tree, GError **error)
{
        g_autoptr(GArray) missing = library_missing(library, tree);
        g_autofree char *shown = NULL;

        if (missing->len == 0)
                return true;
        shown = g_strescape(tree_entry(tree, g_array_index(missing, guint, 0))->path, NULL);
        return uk_fail(error, UK_ERROR_NOT_FOUND,
                       "\"%s\" of content item %s is not in the content library (%u files are not)",
                       shown, tree_content_id(tree), missing->len);
}

GPtrArray *
library_add_not_noted(Library *library, const ContentTree *tree)
{
        g_autoptr(GHashTable) seen = library_hash_set();
        GPtrArray *hashes = g_ptr_array_new();

        for (guint i = 0; i < tree_count(tree); i++) {
                const TreeEntry *e = tree_entry(tree, i);

                if (e->kind != TREE_FILE ||
                    library_users_has(library, e->hash, tree_content_id(tree)))
                        continue;
                if (g_hash_table_add(seen, g_memdup2(e->hash, sizeof e->hash)))
                        g_ptr_array_add(hashes, (gpointer)e->hash);
        }
        return hashes;
}

static bool
note_uses(Library *library, const ContentTree *tree, GError **error)
{
        g_autoptr(GPtrArray) hashes = library_add_not_noted(library, tree);

        if (!library_users_pend(library, tree_content_id(tree), hashes, error))
                return false;
        for (guint i = 0; i < hashes->len; i++) {
                if (!library_users_note(library, hashes->pdata[i], tree_content_id(tree), error))
                        return false;
        }
        return true;
}

/* The tar as it came, and each file's own beside the file. Content comes in without, too: then
 * later versions of it are sent whole, no more. */
static bool
write_signatures(Library *library, const ContentTree *tree, GBytes *tar, GError **error)
{
        g_autofree char *path = library_path(library, "SMSSIG$", tree_content_id(tree), ".tar");
        g_autoptr(GHashTable) signatures = NULL;
        GHashTableIter each;
        gpointer signature;
        gsize size;
        const void *data = g_bytes_get_data(tar, &size);
        g_autoptr(GError) why = NULL;

        signatures = signature_tar_read(data, size, &why);
        if (signatures == NULL) {
                uk_warn("The signatures of content %s are left out: %s", tree_content_id(tree),
                        why->message);
                return true;
        }
        if (!uk_io_create_at(AT_FDCWD, path, data, size, LIBRARY_FILE_MODE, error))
                return false;
        g_hash_table_iter_init(&each, signatures);
        while (g_hash_table_iter_next(&each, NULL, &signature)) {
                if (!library_signature_keep(library, signature, error))
                        return false;
        }
        return true;
}

static bool
write_tree(Library *library, const ContentTree *tree, GError **error)
{
        g_autofree char *path = library_path(library, "DataLib", tree_content_id(tree), ".TREE");
        g_autoptr(GBytes) bytes = tree_write(tree);

        return library_mirror_write(library, tree, library_ahead_mirrored(library, tree),
                                    tree_count(tree), error) &&
               uk_io_create_at(AT_FDCWD, path, g_bytes_get_data(bytes, NULL),
                               g_bytes_get_size(bytes), LIBRARY_FILE_MODE, error);
}

/* The moment in which the content item is there. */
static bool
show(Library *library, const ContentTree *tree, GError **error)
{
        g_autofree char *folder = g_strconcat(library->root, "/DataLib", NULL);
        g_autofree char *path = library_path(library, "DataLib", tree_content_id(tree), ".INI");
        g_autofree char *temporary = g_strconcat(path, ".new", NULL);
        g_autofree char *text = libraryini_content_write(tree);

        return uk_io_create_at(AT_FDCWD, temporary, text, strlen(text), LIBRARY_FILE_MODE, error) &&
               library_sync(library, error) && uk_io_rename(temporary, path, error) &&
               uk_io_sync_dir(folder, error);
}

bool
library_add_settle(Library *library, const char *content_id, const ContentTree *tree,
                   GError **error)
{
        g_autoptr(GHashTable) stray = library_users_pending(library, content_id, error);
        GHashTableIter each;
        gpointer hash;

        if (stray == NULL)
                return false;
        for (guint i = 0; tree != NULL && i < tree_count(tree); i++)
                g_hash_table_remove(stray, tree_entry(tree, i)->hash);
        g_hash_table_iter_init(&each, stray);
        while (g_hash_table_iter_next(&each, &hash, NULL)) {
                if (!library_users_drop(library, hash, content_id, error))
                        return false;
        }
        return library_users_settled(library, content_id, error);
}

/* True when the content item that is there is this one. */
static bool
is_there(Library *library, const ContentTree *tree)
{
        g_autoptr(ContentTree) old = NULL;
        g_autoptr(GBytes) old_bytes = NULL;
        g_autoptr(GBytes) new_bytes = NULL;

        if (!library_content_exists(library, tree_content_id(tree)))
                return false;
        old = library_tree_load(library, tree_content_id(tree), NULL, NULL);
        if (old == NULL)
                return false;
        old_bytes = tree_write(old);
        new_bytes = tree_write(tree);
        return g_bytes_equal(old_bytes, new_bytes);
}

/* Another content item of the same ID vanishes; its files are pending until the new one is there,
 * which may use them, too. */
static bool
hide_old(Library *library, const ContentTree *tree, GError **error)
{
        const char *content_id = tree_content_id(tree);
        g_autofree char *ini = library_path(library, "DataLib", content_id, ".INI");
        g_autoptr(ContentTree) old = NULL;
        g_autoptr(GPtrArray) hashes = g_ptr_array_new();

        if (library_content_exists(library, content_id)) {
                old = library_tree_load(library, content_id, NULL, NULL);
                for (guint i = 0; old != NULL && i < tree_count(old); i++) {
                        if (tree_entry(old, i)->kind == TREE_FILE)
                                g_ptr_array_add(hashes, (gpointer)tree_entry(old, i)->hash);
                }
                if (!library_users_pend(library, content_id, hashes, error) ||
                    !uk_io_unlink(ini, error))
                        return false;
                library_tree_forget(library, content_id);
        }
        return library_ahead_mirrored(library, tree) > 0 ||
               library_remove_traces(library, content_id, error);
}

static bool
add(Library *library, const ContentTree *tree, GBytes *signatures, GError **error)
{
        const char *id = tree_content_id(tree);
        const char *const ids[] = { id, NULL };

        if (!library_remove_finish(library, ids, error) || !check_files(library, tree, error))
                return false;
        /* What is there of it may be damaged, which the tree that came now tells. */
        if (is_there(library, tree))
                return library_mend(library, tree, error) &&
                       (signatures == NULL || write_signatures(library, tree, signatures, error)) &&
                       library_sync(library, error) && library_add_settle(library, id, tree, error);
        return note_uses(library, tree, error) && hide_old(library, tree, error) &&
               write_tree(library, tree, error) &&
               (signatures == NULL || write_signatures(library, tree, signatures, error)) &&
               show(library, tree, error) && library_add_settle(library, id, tree, error) &&
               library_remove_temporaries(library, id, error);
}

bool
library_add_content(Library *library, const ContentTree *tree, GBytes *signatures, GError **error)
{
        UK_DOING(error, "adding content item %s to the content library", tree_content_id(tree));
        bool ok;

        if (!library_check_writer(library, error))
                return false;
        pthread_mutex_lock(&library->change);
        ok = add(library, tree, signatures, error);
        if (ok)
                library_ahead_forget(library, tree_content_id(tree));
        pthread_mutex_unlock(&library->change);
        return ok;
}
