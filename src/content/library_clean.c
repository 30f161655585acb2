/* library_clean.c - finds and removes orphans, without stopping anyone. */
#include "content/library_clean.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/io.h"
#include "content/library_check.h"
#include "content/library_private.h"
#include "content/libraryini.h"

static void
orphan_free(gpointer data)
{
        LibraryOrphan *orphan = data;

        g_free(orphan->path);
        g_free(orphan->content_id);
        g_free(orphan);
}

/* What this program itself has brought so short ago is on its way, whatever the times of the files
 * say: the clock may have been set forward. */
#define ON_ITS_WAY (7 * UK_DAY)

typedef struct {
        Library *library;
        gint64 before;      /* what was changed later is left alone; microseconds since 1970 */
        GHashTable *held;   /* IDs of content items that packages hold */
        GHashTable *used;   /* hash -> content items whose trees name it */
        GHashTable *coming; /* hashes that are pending */
        GHashTable *moving; /* content items of which something came since before, or still comes */
        GPtrArray *orphans;
        bool unsure; /* of a definition that is damaged: what belongs to it is not known */
} Search;

static gint64
changed_us(const struct stat *st)
{
        return (gint64)st->st_ctim.tv_sec * G_USEC_PER_SEC + st->st_ctim.tv_nsec / 1000;
}

static void
add_orphan(Search *s, const char *folder, const char *name, const char *content_id, const char *why)
{
        g_autofree char *path = g_strconcat(s->library->root, "/", folder, "/", name, NULL);
        LibraryOrphan *orphan;
        struct stat st;

        if (lstat(path, &st) != 0 || changed_us(&st) > s->before)
                return;
        orphan = g_new0(LibraryOrphan, 1);
        orphan->path = g_strconcat(folder, "/", name, NULL);
        orphan->bytes = S_ISREG(st.st_mode) ? st.st_size : 0;
        orphan->content_id = g_strdup(content_id);
        orphan->changed_us = changed_us(&st);
        orphan->why = why;
        g_ptr_array_add(s->orphans, orphan);
}

static bool
look_through(Search *s, const char *folder, void (*look)(Search *, const char *), GError **error)
{
        g_autofree char *path = g_strconcat(s->library->root, "/", folder, NULL);
        g_autoptr(GPtrArray) names = library_names(path, error);

        for (guint i = 0; names != NULL && i < names->len; i++)
                look(s, names->pdata[i]);
        return names != NULL;
}

/* A file on its way in, or what was noted of those that are published. */
static void
look_whether_moving(Search *s, const char *folder, const char *name, const char *content_id)
{
        g_autofree char *path = library_path(s->library, folder, name, "");
        struct stat st;

        if (content_id != NULL && lstat(path, &st) == 0 && changed_us(&st) > s->before)
                g_hash_table_add(s->moving, g_strdup(content_id));
}

static void
look_at_arriving(Search *s, const char *name)
{
        g_autofree char *id = library_content_of_temporary(name);

        look_whether_moving(s, "SMS_DP$", name, id);
}

static void
look_at_noted(Search *s, const char *name)
{
        g_autofree char *id = library_name_before(name, ".PEND");

        look_whether_moving(s, "DataLib", name, id);
}

/* Of a transfer of many files, or with long pauses, one thing may be old while others come. */
static bool
find_moving(Search *s, GError **error)
{
        gint64 now = uk_clock_mono();
        GHashTableIter each;
        gpointer id, when;

        pthread_mutex_lock(&s->library->change);
        g_hash_table_iter_init(&each, s->library->touched);
        while (g_hash_table_iter_next(&each, &id, &when)) {
                if (now - *(gint64 *)when < ON_ITS_WAY)
                        g_hash_table_add(s->moving, g_strdup(id));
        }
        pthread_mutex_unlock(&s->library->change);
        return look_through(s, "SMS_DP$", look_at_arriving, error) &&
               look_through(s, "DataLib", look_at_noted, error);
}

static bool
find_held(Search *s, GError **error)
{
        g_autoptr(GPtrArray) packages = library_packages(s->library, error);

        for (guint i = 0; packages != NULL && i < packages->len; i++) {
                const LibraryPackage *package = packages->pdata[i];
                for (char **id = package->content_ids; *id != NULL; id++)
                        g_hash_table_add(s->held, g_strdup(*id));
        }
        if (packages == NULL)
                return false;
        g_auto(GStrv) ids = library_package_ids(s->library, error);

        s->unsure = ids != NULL && g_strv_length(ids) != packages->len;
        return ids != NULL;
}

/* A content item whose tree nobody can tell has files all the same. */
static bool
find_unreadable(Search *s, GError **error)
{
        g_auto(GStrv) ids = library_contents(s->library, error);

        for (char **id = ids; id != NULL && *id != NULL && !s->unsure; id++) {
                const ContentTree *tree = library_tree_ref(s->library, *id, NULL);

                s->unsure = tree == NULL && library_content_exists(s->library, *id);
                if (tree != NULL)
                        library_tree_unref(s->library, tree);
        }
        return ids != NULL;
}

/* Hashes in <ContentID>.PEND, of a reader as well. */
static void
find_coming(Search *s, const char *content_id)
{
        g_autofree char *path = library_path(s->library, "DataLib", content_id, ".PEND");
        g_autofree char *text = NULL;
        g_auto(GStrv) lines = NULL;
        guint8 hash[HASH_SHA256_SIZE];

        if (!uk_io_read(path, LIBRARY_MAX_TREE, &text, NULL, NULL))
                return;
        lines = g_strsplit(text, "\n", -1);
        for (char **line = lines; *line != NULL; line++) {
                if (libraryini_from_hex(*line, hash))
                        g_hash_table_add(s->coming, g_memdup2(hash, sizeof hash));
        }
}

static void
look_at_definition(Search *s, const char *name)
{
        g_autofree char *ini = library_name_before(name, ".INI");
        g_autofree char *pend = library_name_before(name, ".PEND");

        if (ini != NULL && !s->unsure && !g_hash_table_contains(s->held, ini) &&
            !g_hash_table_contains(s->moving, ini)) {
                g_autofree char *keep = library_path(s->library, "DataLib", ini, ".KEEP");
                if (access(keep, F_OK) != 0)
                        add_orphan(s, "DataLib", name, ini, "no package holds the content item");
        }
        if (pend == NULL)
                return;
        find_coming(s, pend);
        if (!library_content_exists(s->library, pend) && !g_hash_table_contains(s->moving, pend))
                add_orphan(s, "DataLib", name, pend, "the content item never came");
}

static void
look_at_file(Search *s, const char *folder, const char *name)
{
        g_autofree char *digits = g_strndup(name, HASH_SHA256_HEX);
        const char *ending = name + strlen(digits);
        guint8 hash[HASH_SHA256_SIZE];

        if (!libraryini_from_hex(digits, hash) ||
            (*ending != '\0' && strcmp(ending, ".INI") != 0 && strcmp(ending, ".SIG") != 0))
                add_orphan(s, folder, name, NULL, "the name is none of the content library's");
        else if (!s->unsure && !g_hash_table_contains(s->used, hash) &&
                 !g_hash_table_contains(s->coming, hash))
                add_orphan(s, folder, name, NULL, "no content item uses it");
}

static void
look_at_staging(Search *s, const char *name)
{
        g_autofree char *digits = g_strndup(name, HASH_SHA256_HEX);
        g_autofree char *id = library_content_of_temporary(name);
        const char *ending = name + strlen(digits);
        guint8 hash[HASH_SHA256_SIZE];

        if (!libraryini_from_hex(digits, hash) ||
            (id != NULL && g_hash_table_contains(s->moving, id)))
                return; /* bundles and the like belong to others */
        if (id != NULL)
                add_orphan(s, "SMS_DP$", name, NULL, "nobody went on with the transfer");
        else if (strcmp(ending, ".damaged") == 0 && !g_hash_table_contains(s->used, hash))
                add_orphan(s, "SMS_DP$", name, NULL, "no content item uses it");
        else if (strcmp(ending, ".damaged") == 0 && library_has(s->library, hash, NULL))
                add_orphan(s, "SMS_DP$", name, NULL, "the file has been repaired");
}

static void
look_at_signatures(Search *s, const char *name)
{
        g_autofree char *id = library_name_before(name, ".tar");

        if (id == NULL || (!library_content_exists(s->library, id) &&
                           !g_hash_table_contains(s->library->pending, id)))
                add_orphan(s, "SMSSIG$", name, NULL, "no content item has these signatures");
}

static bool
look_through_files(Search *s, GError **error)
{
        g_autofree char *top = g_strconcat(s->library->root, "/FileLib", NULL);
        g_autoptr(GPtrArray) folders = library_names(top, error);

        for (guint i = 0; folders != NULL && i < folders->len; i++) {
                g_autofree char *folder = g_strconcat("FileLib/", folders->pdata[i], NULL);
                g_autofree char *path = g_strconcat(s->library->root, "/", folder, NULL);
                g_autoptr(GPtrArray) names = library_names(path, NULL);

                if (names != NULL && names->len == 0)
                        add_orphan(s, "FileLib", folders->pdata[i], NULL, "there is no file in it");
                for (guint n = 0; names != NULL && n < names->len; n++)
                        look_at_file(s, folder, names->pdata[n]);
        }
        return folders != NULL;
}

static void
add_spared(Search *s, GHashTable *spared)
{
        GHashTableIter each;
        gpointer id;

        g_hash_table_iter_init(&each, spared);
        while (g_hash_table_iter_next(&each, &id, NULL))
                g_hash_table_add(s->moving, g_strdup(id));
}

GPtrArray *
library_clean_find(Library *library, gint64 older_than_us, GHashTable *spared, GError **error)
{
        UK_DOING(error, "looking for orphans in the content library");
        g_autoptr(GHashTable) held = library_text_set();
        g_autoptr(GHashTable) coming = library_hash_set();
        g_autoptr(GHashTable) moving = library_text_set();
        g_autoptr(GHashTable) used = NULL;
        g_autoptr(GPtrArray) orphans = g_ptr_array_new_with_free_func(orphan_free);
        Search s = { .library = library,
                     .before = uk_clock_files() - older_than_us,
                     .held = held,
                     .coming = coming,
                     .moving = moving,
                     .orphans = orphans };

        if (spared != NULL)
                add_spared(&s, spared);
        if (!find_held(&s, error) || !find_moving(&s, error) ||
            !look_through(&s, "DataLib", look_at_definition, error))
                return NULL;
        used = library_users_by_trees(library, error);
        if (used == NULL || !find_unreadable(&s, error))
                return NULL;
        s.used = used;
        if (!look_through_files(&s, error) ||
            !look_through(&s, "SMS_DP$", look_at_staging, error) ||
            !look_through(&s, "SMSSIG$", look_at_signatures, error))
                return NULL;
        return g_steal_pointer(&orphans);
}

/* A content item that is there or coming uses the file now. */
static bool
is_used_now(Library *library, const char *name)
{
        g_autofree char *digits = g_strndup(name, HASH_SHA256_HEX);
        guint8 hash[HASH_SHA256_SIZE];
        g_auto(GStrv) ids = NULL;

        if (!libraryini_from_hex(digits, hash))
                return false;
        ids = library_users(library, hash, NULL);
        for (char **id = ids; id != NULL && *id != NULL; id++) {
                if (library_content_exists(library, *id) ||
                    g_hash_table_contains(library->pending, *id))
                        return true;
        }
        return ids == NULL;
}

static bool
is_as_it_was(const char *path, const LibraryOrphan *orphan, struct stat *st)
{
        return lstat(path, st) == 0 && changed_us(st) == orphan->changed_us;
}

/* change is held. */
static bool
remove_file(Library *library, const LibraryOrphan *orphan, GError **error)
{
        g_autofree char *path = g_strconcat(library->root, "/", orphan->path, NULL);
        g_autofree char *name = g_path_get_basename(orphan->path);
        struct stat st;

        if (!is_as_it_was(path, orphan, &st) || library_is_busy(library, path))
                return true;
        bool is_file = g_str_has_prefix(orphan->path, "FileLib/") && !S_ISDIR(st.st_mode);

        if (is_file && is_used_now(library, name))
                return true;
        return (S_ISDIR(st.st_mode) ? uk_io_remove_tree(path, error) : uk_io_unlink(path, error)) &&
               (!is_file || library_users_drop_folder(library, path, error));
}

static bool
remove_content(Library *library, const LibraryOrphan *orphan, GError **error)
{
        g_autofree char *path = g_strconcat(library->root, "/", orphan->path, NULL);
        struct stat st;

        return !is_as_it_was(path, orphan, &st) ||
               library_is_any_busy(library, orphan->content_id) ||
               library_abandon_content(library, orphan->content_id, error);
}

bool
library_clean_remove(Library *library, const GPtrArray *orphans, GError **error)
{
        UK_DOING(error, "removing orphans from the content library");
        bool ok = library_check_writer(library, error);

        for (guint i = 0; ok && i < orphans->len; i++) {
                const LibraryOrphan *orphan = orphans->pdata[i];

                if (orphan->content_id != NULL) {
                        ok = remove_content(library, orphan, error);
                        continue;
                }
                pthread_mutex_lock(&library->change);
                ok = remove_file(library, orphan, error);
                pthread_mutex_unlock(&library->change);
        }
        return ok;
}
