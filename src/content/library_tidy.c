/* library_tidy.c - what a writer does first: ends what a crash cut off.
 *
 * Removals that were begun go on, and what was noted as coming for a content item that is there has
 * come; a definition that was written but not yet shown goes (its files
 * stay, noted as pending, and so do temporary files: the next try goes on with both). If the
 * program before ended without closing the library, every name in FileLib is looked at once: bytes
 * that nobody is noted to use get their note back from the trees, or go.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/io.h"
#include "base/log.h"
#include "content/library_private.h"
#include "content/libraryini.h"

GPtrArray *
library_names(const char *folder, GError **error)
{
        g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);
        DIR *dir = opendir(folder);
        struct dirent *entry;

        if (dir == NULL) {
                uk_fail_errno(error, errno, "reading folder %s", folder);
                return NULL;
        }
        while ((entry = readdir(dir)) != NULL) {
                if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
                        g_ptr_array_add(names, g_strdup(entry->d_name));
        }
        closedir(dir);
        return g_steal_pointer(&names);
}

char *
library_name_before(const char *name, const char *ending)
{
        g_autofree char *id = NULL;

        if (!g_str_has_suffix(name, ending))
                return NULL;
        id = g_strndup(name, strlen(name) - strlen(ending));
        return tree_valid_id(id) ? g_steal_pointer(&id) : NULL;
}

static void
collect(GPtrArray *names, const char *ending, GHashTable *ids)
{
        for (guint i = 0; i < names->len; i++) {
                g_autofree char *id = library_name_before(names->pdata[i], ending);
                if (id != NULL)
                        g_hash_table_add(ids, g_steal_pointer(&id));
        }
}

/* A repair that was cut off leaves notes of files to come for a content item that is there: nothing
 * is to come for it any more. What that cannot be told of stays as it is. */
static void
settle(Library *library, const char *content_id)
{
        g_autoptr(ContentTree) tree = library_content_exists(library, content_id)
                                              ? library_tree_prove(library, content_id, NULL)
                                              : NULL;
        g_autoptr(GError) why = NULL;

        if (tree != NULL && !library_add_settle(library, content_id, tree, &why))
                uk_warn("%s", why->message);
}

static void
settle_all(Library *library)
{
        g_autofree gpointer *ids = g_hash_table_get_keys_as_array(library->pending, NULL);
        g_auto(GStrv) copies = g_strdupv((char **)ids);

        for (char **id = copies; *id != NULL; id++)
                settle(library, *id);
}

/* Without its INI it is left of a step that was cut off. But what a package holds and nobody was
 * adding lost its INI otherwise, and the rest is what that is made again from; and of what is still
 * marked as going the marker takes care. */
static bool
is_left_over(Library *library, const char *content_id)
{
        return !library_content_exists(library, content_id) &&
               !g_hash_table_contains(library->gone, content_id) &&
               (!library_is_held(library, content_id) ||
                g_hash_table_contains(library->pending, content_id));
}

static bool
tidy_name(Library *library, const char *name, GError **error)
{
        g_autofree char *path = library_path(library, "DataLib", name, "");
        g_autofree char *tree = library_name_before(name, ".TREE");
        g_autofree char *keep = library_name_before(name, ".KEEP");

        if (g_str_has_suffix(name, ".new"))
                return uk_io_unlink(path, error);
        if (tree != NULL && is_left_over(library, tree))
                return library_remove_traces(library, tree, error);
        if (keep != NULL && !library_content_exists(library, keep))
                return uk_io_unlink(path, error);
        if (tree_valid_id(name) && g_file_test(path, G_FILE_TEST_IS_DIR) &&
            is_left_over(library, name))
                return library_remove_traces(library, name, error);
        return true;
}

static bool
tidy_datalib(Library *library, GError **error)
{
        g_autofree char *folder = g_strconcat(library->root, "/DataLib", NULL);
        g_autoptr(GPtrArray) names = library_names(folder, error);

        if (names == NULL)
                return false;
        collect(names, ".PEND", library->pending);
        collect(names, ".GONE", library->gone);
        g_atomic_int_set(&library->gone_count, (gint)g_hash_table_size(library->gone));
        if (!library_remove_finish(library, NULL, error))
                return false;
        settle_all(library);
        for (guint i = 0; i < names->len; i++) {
                if (!tidy_name(library, names->pdata[i], error))
                        return false;
        }
        return uk_io_sweep(folder, error);
}

/* Files on their way in stay for their next try. */
static bool
tidy_staging(Library *library, GError **error)
{
        g_autofree char *folder = g_strconcat(library->root, "/SMS_DP$", NULL);
        g_autofree char *packages = g_strconcat(library->root, "/PkgLib", NULL);
        g_autoptr(GPtrArray) names = library_names(folder, error);

        if (names == NULL)
                return false;
        for (guint i = 0; i < names->len; i++) {
                g_autofree char *path = g_build_filename(folder, names->pdata[i], NULL);

                if (g_str_has_suffix(names->pdata[i], ".users") && !uk_io_unlink(path, error))
                        return false;
        }
        return uk_io_sweep(packages, error) && uk_io_sweep(folder, error);
}

/* Bytes without a note: *users is made when the first is met, since it costs reading all trees. */
static bool
tidy_unnoted(Library *library, const char *folder, const char *name, GHashTable **users,
             GError **error)
{
        g_autofree char *path = g_build_filename(folder, name, NULL);
        guint8 hash[HASH_SHA256_SIZE];
        GPtrArray *ids = NULL;

        if (*users == NULL && (*users = library_users_by_trees(library, error)) == NULL)
                return false;
        if (libraryini_from_hex(name, hash))
                ids = g_hash_table_lookup(*users, hash);
        return ids != NULL ? library_users_restore(library, hash, ids, error)
                           : uk_io_unlink(path, error);
}

static bool
tidy_files_of(Library *library, const char *folder, GHashTable **users, GError **error)
{
        g_autoptr(GPtrArray) names = library_names(folder, error);
        g_autoptr(GHashTable) set = library_text_set();

        if (names == NULL)
                return false;
        for (guint i = 0; i < names->len; i++)
                g_hash_table_add(set, g_strdup(names->pdata[i]));
        for (guint i = 0; i < names->len; i++) {
                const char *name = names->pdata[i];
                g_autofree char *bytes = g_strndup(name, HASH_SHA256_HEX);
                g_autofree char *note = g_strconcat(bytes, ".INI", NULL);
                bool is_note = g_str_has_suffix(name, ".INI");

                if (!is_note && !g_hash_table_contains(set, note) &&
                    !tidy_unnoted(library, folder, name, users, error))
                        return false;
        }
        return true;
}

static bool
tidy_files(Library *library, GError **error)
{
        g_autofree char *top = g_strconcat(library->root, "/FileLib", NULL);
        g_autoptr(GPtrArray) folders = library_names(top, error);
        g_autoptr(GHashTable) users = NULL;

        for (guint i = 0; folders != NULL && i < folders->len; i++) {
                g_autofree char *folder = g_build_filename(top, folders->pdata[i], NULL);

                if (strlen(folders->pdata[i]) == 4 &&
                    (!tidy_files_of(library, folder, &users, error) ||
                     !uk_io_remove_empty(folder, error)))
                        return false;
        }
        return folders != NULL;
}

bool
library_tidy(Library *library, GError **error)
{
        UK_DOING(error, "tidying the content library");
        g_autofree char *mark = g_strconcat(library->root, "/.open", NULL);
        bool crashed = access(mark, F_OK) == 0;

        return tidy_datalib(library, error) && tidy_staging(library, error) &&
               (crashed ? tidy_files(library, error)
                        : uk_io_create_at(AT_FDCWD, mark, "", 0, LIBRARY_FILE_MODE, error));
}
