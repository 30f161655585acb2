/* library_users.c - who uses a file: FileLib/<4>/<HASH>.INI, and the notes of content to come.
 *
 * New files of one content item have the same text; their INIs are links to one file, which is
 * never written again: a change makes a new one and renames it. All functions are called with the
 * library's change lock held.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/io.h"
#include "content/library_private.h"
#include "content/libraryini.h"

/* What this process has noted for a content item. */
typedef struct {
        GHashTable *hashes; /* set */
        gint since;         /* failed_syncs before the first */
} Noted;

static void
noted_free(gpointer data)
{
        Noted *noted = data;

        g_hash_table_unref(noted->hashes);
        g_free(noted);
}

GHashTable *
library_users_new(void)
{
        return g_hash_table_new_full(g_str_hash, g_str_equal, g_free, noted_free);
}

/* NULL: nothing that counts. Notes from before a sync failed may not be on the disk, nor may the
 * text that they are links to. */
static Noted *
noted_of(Library *library, const char *content_id)
{
        Noted *noted = g_hash_table_lookup(library->noted, content_id);

        if (noted == NULL || noted->since == g_atomic_int_get(&library->failed_syncs))
                return noted;
        g_autofree char *shared = library_path(library, "SMS_DP$", content_id, ".users");

        uk_io_discard(shared);
        g_hash_table_remove(library->noted, content_id);
        return NULL;
}

bool
library_users_has(Library *library, const guint8 *hash, const char *content_id)
{
        const Noted *noted = noted_of(library, content_id);

        return noted != NULL && g_hash_table_contains(noted->hashes, hash);
}

static void
remember(Library *library, const guint8 *hash, const char *content_id, gint since)
{
        Noted *noted = noted_of(library, content_id);

        if (noted == NULL) {
                noted = g_new0(Noted, 1);
                noted->hashes = library_hash_set();
                noted->since = since;
                g_hash_table_insert(library->noted, g_strdup(content_id), noted);
        }
        g_hash_table_add(noted->hashes, g_memdup2(hash, HASH_SHA256_SIZE));
}

static void
add_tree(Library *library, const char *content_id, GHashTable *users)
{
        g_autoptr(ContentTree) tree = library_tree_load(library, content_id, NULL, NULL);

        for (guint i = 0; tree != NULL && i < tree_count(tree); i++) {
                const TreeEntry *e = tree_entry(tree, i);
                GPtrArray *ids = g_hash_table_lookup(users, e->hash);

                if (e->kind != TREE_FILE)
                        continue;
                if (ids == NULL) {
                        ids = g_ptr_array_new_with_free_func(g_free);
                        g_hash_table_insert(users, g_memdup2(e->hash, sizeof e->hash), ids);
                }
                if (ids->len == 0 || strcmp(ids->pdata[ids->len - 1], content_id) != 0)
                        g_ptr_array_add(ids, g_strdup(content_id));
        }
}

GHashTable *
library_users_by_trees(Library *library, GError **error)
{
        g_autoptr(GHashTable) users = library_hash_table((GDestroyNotify)g_ptr_array_unref);
        g_auto(GStrv) ids = library_contents(library, error);

        if (ids == NULL)
                return NULL;
        for (char **id = ids; *id != NULL; id++)
                add_tree(library, *id, users);
        return g_steal_pointer(&users);
}

/* For a note that was lost or damaged: rare, since it costs reading all trees. */
static char **
users_by_trees(Library *library, const guint8 *hash, GError **error)
{
        g_autoptr(GHashTable) users = library_users_by_trees(library, error);
        GPtrArray *ids = users != NULL ? g_hash_table_lookup(users, hash) : NULL;
        char **copy;

        if (users == NULL)
                return NULL;
        copy = g_new0(char *, ids != NULL ? ids->len + 1 : 1);
        for (guint i = 0; ids != NULL && i < ids->len; i++)
                copy[i] = g_strdup(ids->pdata[i]);
        return copy;
}

char **
library_users_noted(Library *library, const guint8 *hash, bool *missing_out, GError **error)
{
        g_autofree char *path = library_file_path(library, hash, ".INI");
        g_autofree char *text = NULL;
        g_autoptr(GError) problem = NULL;
        char **ids = NULL;
        gsize size;

        if (uk_io_read(path, LIBRARY_MAX_INI, &text, &size, &problem) &&
            libraryini_users_read(text, size, &ids, &problem))
                return ids;
        if (uk_error_class(problem) == UK_CLASS_LATER && !library_is_unreadable(path)) {
                g_propagate_error(error, g_steal_pointer(&problem));
                return NULL;
        }
        if (missing_out != NULL)
                *missing_out = g_error_matches(problem, UK_ERROR, UK_ERROR_NOT_FOUND);
        return g_new0(char *, 1);
}

/* *lost_out (may be NULL): the note says nothing, so that the trees were asked. */
static char **
read_users(Library *library, const guint8 *hash, bool *lost_out, GError **error)
{
        char **ids = library_users_noted(library, hash, NULL, error);
        bool lost = ids != NULL && *ids == NULL;

        if (lost_out != NULL)
                *lost_out = lost;
        if (!lost)
                return ids;
        g_strfreev(ids);
        return users_by_trees(library, hash, error);
}

char **
library_users(Library *library, const guint8 *hash, GError **error)
{
        return read_users(library, hash, NULL, error);
}

static bool
write_users(Library *library, const guint8 *hash, const char *const *ids, GError **error)
{
        g_autofree char *path = library_file_path(library, hash, ".INI");
        g_autofree char *temporary = g_strconcat(path, ".new", NULL);
        g_autofree char *text = libraryini_users_write(ids);

        return uk_io_create_at(AT_FDCWD, temporary, text, strlen(text), LIBRARY_FILE_MODE, error) &&
               uk_io_rename(temporary, path, error);
}

static void
add_ids(GPtrArray *all, char *const *ids, guint count)
{
        for (guint i = 0; i < count; i++) {
                bool known = g_ptr_array_find_with_equal_func(all, ids[i], g_str_equal, NULL);

                if (!known)
                        g_ptr_array_add(all, ids[i]);
        }
}

bool
library_users_renew(Library *library, const guint8 *hash, const char *content_id, GHashTable *users,
                    GError **error)
{
        g_auto(GStrv) noted = library_users_noted(library, hash, NULL, error);
        const GPtrArray *named = g_hash_table_lookup(users, hash);
        g_autofree char *id = g_strdup(content_id);
        g_autofree char *path = library_file_path(library, hash, ".INI");
        g_autofree char *folder = g_path_get_dirname(path);
        g_autoptr(GPtrArray) all = g_ptr_array_new();

        if (noted == NULL || !uk_io_mkdir_at(AT_FDCWD, folder, LIBRARY_FOLDER_MODE, error))
                return false;
        add_ids(all, noted, g_strv_length(noted));
        if (named != NULL)
                add_ids(all, (char *const *)named->pdata, named->len);
        add_ids(all, &id, 1);
        g_ptr_array_add(all, NULL);
        return write_users(library, hash, (const char *const *)all->pdata, error);
}

bool
library_users_restore(Library *library, const guint8 *hash, GPtrArray *ids, GError **error)
{
        g_autoptr(GPtrArray) text = g_ptr_array_copy(ids, NULL, NULL);

        g_ptr_array_set_free_func(text, NULL);
        g_ptr_array_add(text, NULL);
        return write_users(library, hash, (const char *const *)text->pdata, error);
}

static bool
make_shared(const char *shared, const char *content_id, GError **error)
{
        const char *ids[] = { content_id, NULL };
        g_autofree char *text = libraryini_users_write(ids);

        return uk_io_create_at(AT_FDCWD, shared, text, strlen(text), LIBRARY_FILE_MODE, error);
}

/* Links the shared text to path. EXISTS: there are users already. A file system that has no links,
 * or not so many of one file, gets a file of its own. */
static bool
link_shared(Library *library, const char *path, const char *content_id, GError **error)
{
        g_autofree char *shared = library_path(library, "SMS_DP$", content_id, ".users");
        g_autoptr(GError) problem = NULL;

        if (access(shared, F_OK) != 0 && !make_shared(shared, content_id, error))
                return false;
        if (uk_io_link(shared, path, &problem))
                return true;
        if (g_error_matches(problem, UK_ERROR, UK_ERROR_EXISTS)) {
                g_propagate_error(error, g_steal_pointer(&problem));
                return false;
        }
        return make_shared(shared, content_id, error) && uk_io_link(shared, path, error);
}

/* One that names it already may have been written before a sync failed. */
static bool
add_user(Library *library, const guint8 *hash, const char *content_id, bool lost, GError **error)
{
        bool damaged = false;
        g_auto(GStrv) ids = lost ? users_by_trees(library, hash, error)
                                 : read_users(library, hash, &damaged, error);
        guint count;

        if (ids == NULL)
                return false;
        if (g_strv_contains((const char *const *)ids, content_id))
                return (!damaged && g_atomic_int_get(&library->failed_syncs) == 0) ||
                       write_users(library, hash, (const char *const *)ids, error);
        count = g_strv_length(ids);
        ids = g_renew(char *, ids, count + 2);
        ids[count] = g_strdup(content_id);
        ids[count + 1] = NULL;
        return write_users(library, hash, (const char *const *)ids, error);
}

bool
library_users_note(Library *library, const guint8 *hash, const char *content_id, GError **error)
{
        gint since = g_atomic_int_get(&library->failed_syncs);
        g_autofree char *path = NULL;
        g_autofree char *folder = NULL;
        g_autoptr(GError) problem = NULL;
        bool lost;

        if (library_users_has(library, hash, content_id))
                return true;
        path = library_file_path(library, hash, ".INI");
        folder = g_path_get_dirname(path);
        if (!uk_io_mkdir_at(AT_FDCWD, folder, LIBRARY_FOLDER_MODE, error))
                return false;
        if (!link_shared(library, path, content_id, &problem) &&
            !g_error_matches(problem, UK_ERROR, UK_ERROR_EXISTS)) {
                g_propagate_error(error, g_steal_pointer(&problem));
                return false;
        }
        /* Bytes that were there without a note have other users, too. */
        lost = problem == NULL && library_has(library, hash, NULL);
        if ((lost || problem != NULL) && !add_user(library, hash, content_id, lost, error))
                return false;
        remember(library, hash, content_id, since);
        return true;
}

bool
library_users_drop_folder(Library *library, const char *file_path, GError **error)
{
        g_autofree char *folder = g_path_get_dirname(file_path);

        return uk_io_remove_empty(folder, error);
}

/* The bytes first, the users' note last: a crash in between leaves a note, never bytes that nobody
 * knows. */
static bool
remove_file(Library *library, const guint8 *hash, GError **error)
{
        static const char *const endings[] = { "", ".SIG", ".INI" };
        g_autofree char *bytes = library_file_path(library, hash, "");

        for (gsize i = 0; i < G_N_ELEMENTS(endings); i++) {
                g_autofree char *path = library_file_path(library, hash, endings[i]);

                if (!uk_io_unlink(path, error))
                        return false;
        }
        library_opened_forget(library, hash);
        return library_users_drop_folder(library, bytes, error);
}

bool
library_users_drop(Library *library, const guint8 *hash, const char *content_id, GError **error)
{
        bool lost = false;
        g_auto(GStrv) ids = read_users(library, hash, &lost, error);
        g_autoptr(GPtrArray) others = g_ptr_array_new();
        Noted *noted = noted_of(library, content_id);

        if (ids == NULL)
                return false;
        for (char **id = ids; *id != NULL; id++) {
                if (strcmp(*id, content_id) != 0)
                        g_ptr_array_add(others, *id);
        }
        if (noted != NULL)
                g_hash_table_remove(noted->hashes, hash);
        if (others->len == 0)
                return remove_file(library, hash, error);
        if (!lost && others->len == g_strv_length(ids))
                return true;
        g_ptr_array_add(others, NULL);
        return write_users(library, hash, (const char *const *)others->pdata, error);
}

bool
library_users_pend(Library *library, const char *content_id, GPtrArray *hashes, GError **error)
{
        g_autofree char *path = library_path(library, "DataLib", content_id, ".PEND");
        g_autoptr(GString) text = g_string_new("\n"); /* the end of a line that a crash cut */
        UK_AUTOFD fd = -1;

        if (hashes->len == 0)
                return true;
        for (guint i = 0; i < hashes->len; i++) {
                g_autofree char *hex = libraryini_hex(hashes->pdata[i]);
                g_string_append_printf(text, "%s\n", hex);
        }
        fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, LIBRARY_FILE_MODE);
        if (fd < 0)
                return uk_fail_errno(error, errno, "opening %s", path);
        g_hash_table_add(library->pending, g_strdup(content_id));
        return uk_io_write(fd, text->str, text->len, path, error);
}

/* The time of the file is what tells how long ago something came, also after a restart. */
void
library_users_touch(Library *library, const char *content_id)
{
        g_autofree char *path = library_path(library, "DataLib", content_id, ".PEND");
        gint64 now = uk_clock_mono();

        g_hash_table_replace(library->touched, g_strdup(content_id), g_memdup2(&now, sizeof now));
        (void)!utimensat(AT_FDCWD, path, NULL, 0);
}

GHashTable *
library_users_pending(Library *library, const char *content_id, GError **error)
{
        g_autofree char *path = library_path(library, "DataLib", content_id, ".PEND");
        g_autoptr(GHashTable) set = library_hash_set();
        g_autofree char *text = NULL;
        g_auto(GStrv) lines = NULL;
        guint8 hash[HASH_SHA256_SIZE];

        if (!g_hash_table_contains(library->pending, content_id))
                return g_steal_pointer(&set);
        if (access(path, F_OK) == 0 && !uk_io_read(path, LIBRARY_MAX_TREE, &text, NULL, error))
                return NULL;
        lines = g_strsplit(text != NULL ? text : "", "\n", -1);
        for (char **line = lines; *line != NULL; line++) {
                if (libraryini_from_hex(*line, hash)) /* the last one may be torn */
                        g_hash_table_add(set, g_memdup2(hash, sizeof hash));
        }
        return g_steal_pointer(&set);
}

bool
library_users_settled(Library *library, const char *content_id, GError **error)
{
        g_autofree char *shared = library_path(library, "SMS_DP$", content_id, ".users");
        g_autofree char *pend = library_path(library, "DataLib", content_id, ".PEND");

        if (!uk_io_unlink(shared, error) || !uk_io_unlink(pend, error))
                return false;
        g_hash_table_remove(library->noted, content_id);
        g_hash_table_remove(library->pending, content_id);
        g_hash_table_remove(library->touched, content_id);
        return true;
}
