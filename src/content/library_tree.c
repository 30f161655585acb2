/* library_tree.c - the trees of content items, kept in memory while they are asked for.
 *
 * The compact form is read; where it is lost or damaged the tree is made again from the INI files,
 * and proved by the content hash. A content item counts as there when its INI is.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>

#include "base/io.h"
#include "content/library_private.h"
#include "content/libraryini.h"
#include "content/tree_private.h"

/* Entries of all trees that are kept; about 150 bytes each. */
#define MAX_ENTRIES 1000000

typedef struct {
        ContentTree *tree;
        ino_t ino; /* of the content item's INI, and when it was made */
        struct timespec made;
} CachedTree;

static void
cached_free(gpointer data)
{
        tree_free(((CachedTree *)data)->tree);
        g_free(data);
}

static ContentTree *
load_compact(Library *library, const char *content_id, GError **error)
{
        g_autofree char *path = library_path(library, "DataLib", content_id, ".TREE");
        g_autofree char *data = NULL;
        g_autoptr(ContentTree) tree = NULL;
        gsize size;

        if (!uk_io_read(path, LIBRARY_MAX_TREE, &data, &size, error))
                return NULL;
        tree = tree_read(data, size, error);
        if (tree != NULL && strcmp(tree_content_id(tree), content_id) != 0) {
                uk_fail(error, UK_ERROR_SIGNATURE, "%s is of another content item", path);
                return NULL;
        }
        return g_steal_pointer(&tree);
}

/* From the INI files. Where the content item's own INI is gone (it is being removed) its files are
 * still told by the mirror. */
static ContentTree *
rebuild(Library *library, const char *content_id, GError **error)
{
        g_autofree char *path = library_path(library, "DataLib", content_id, ".INI");
        g_autoptr(ContentTree) tree = tree_new(content_id);
        g_autoptr(GError) problem = NULL;
        g_autofree char *text = NULL;
        guint8 hash[HASH_SHA256_SIZE];
        bool has_ini;
        gsize size;

        has_ini = uk_io_read(path, LIBRARY_MAX_INI, &text, &size, &problem);
        if (!has_ini && !g_error_matches(problem, UK_ERROR, UK_ERROR_NOT_FOUND)) {
                g_propagate_error(error, g_steal_pointer(&problem));
                return NULL;
        }
        if ((has_ini && !libraryini_content_read(text, size, tree, hash, error)) ||
            !library_mirror_read(library, tree, error) || !tree_seal(tree, error))
                return NULL;
        if (has_ini && memcmp(hash, tree_hash(tree), sizeof hash) != 0) {
                uk_fail(error, UK_ERROR_SIGNATURE,
                        "the INI files of content item %s are not those that its hash was made of",
                        content_id);
                return NULL;
        }
        return g_steal_pointer(&tree);
}

ContentTree *
library_tree_load(Library *library, const char *content_id, bool *stored_out, GError **error)
{
        g_autoptr(GError) problem = NULL;
        ContentTree *tree = load_compact(library, content_id, &problem);

        if (stored_out != NULL)
                *stored_out = tree != NULL;
        return tree != NULL ? tree : rebuild(library, content_id, error);
}

static bool
read_hash(Library *library, const char *content_id, guint8 *hash_out)
{
        g_autofree char *path = library_path(library, "DataLib", content_id, ".INI");
        g_autoptr(ContentTree) tree = tree_new(content_id);
        g_autofree char *text = NULL;
        gsize size;

        return uk_io_read(path, LIBRARY_MAX_INI, &text, &size, NULL) &&
               libraryini_content_read(text, size, tree, hash_out, NULL);
}

ContentTree *
library_tree_prove(Library *library, const char *content_id, GError **error)
{
        ContentTree *compact = load_compact(library, content_id, NULL);
        guint8 hash[HASH_SHA256_SIZE];

        if (compact != NULL && read_hash(library, content_id, hash) &&
            memcmp(hash, tree_hash(compact), sizeof hash) != 0) {
                /* The INI files agree with one another, or else the checksum speaks. */
                ContentTree *mirrored = rebuild(library, content_id, NULL);

                if (mirrored != NULL) {
                        tree_free(compact);
                        compact = mirrored;
                }
        }
        if (compact != NULL)
                return compact;
        if (!library_content_exists(library, content_id)) {
                uk_fail(error, UK_ERROR_NOT_FOUND, "content item %s is not in the content library",
                        content_id);
                return NULL;
        }
        return rebuild(library, content_id, error);
}

static bool
is_current(const CachedTree *cached, const struct stat *st)
{
        return cached->ino == st->st_ino && cached->made.tv_sec == st->st_ctim.tv_sec &&
               cached->made.tv_nsec == st->st_ctim.tv_nsec;
}

static ContentTree *
find_cached(Library *library, const char *content_id, const struct stat *st)
{
        ContentTree *tree = NULL;
        CachedTree *cached;

        pthread_mutex_lock(&library->lock);
        cached = library->trees != NULL ? g_hash_table_lookup(library->trees, content_id) : NULL;
        if (cached != NULL && is_current(cached, st))
                tree = tree_ref(cached->tree);
        pthread_mutex_unlock(&library->lock);
        return tree;
}

/* Those that are in use live on with their users when the table is emptied. */
static void
keep(Library *library, const char *content_id, ContentTree *tree, const struct stat *st)
{
        CachedTree *cached = g_new0(CachedTree, 1);

        cached->tree = tree_ref(tree);
        cached->ino = st->st_ino;
        cached->made = st->st_ctim;
        pthread_mutex_lock(&library->lock);
        if (library->trees == NULL)
                library->trees =
                        g_hash_table_new_full(g_str_hash, g_str_equal, g_free, cached_free);
        if (library->trees_entries + tree_count(tree) > MAX_ENTRIES) {
                g_hash_table_remove_all(library->trees);
                library->trees_entries = 0;
        }
        library->trees_entries += tree_count(tree);
        g_hash_table_replace(library->trees, g_strdup(content_id), cached);
        pthread_mutex_unlock(&library->lock);
}

/* What the compact form is there for; without it all works, but slower. */
static void
store(Library *library, const ContentTree *tree)
{
        g_autofree char *path = library_path(library, "DataLib", tree_content_id(tree), ".TREE");
        g_autoptr(GBytes) bytes = tree_write(tree);
        g_autoptr(GError) problem = NULL;

        (void)!uk_io_replace(path, g_bytes_get_data(bytes, NULL), g_bytes_get_size(bytes),
                             LIBRARY_FILE_MODE, &problem);
}

/* Servers ask for every request: without memory, and by a short way. */
static bool
stat_content(const Library *library, const char *content_id, struct stat *st)
{
        char path[NAME_MAX + 16];

        g_snprintf(path, sizeof path, "DataLib/%s.INI", content_id);
        return fstatat(library->root_fd, path, st, 0) == 0;
}

const ContentTree *
library_tree_ref(Library *library, const char *content_id, GError **error)
{
        g_autoptr(ContentTree) tree = NULL;
        struct stat st;
        bool stored;

        if (!tree_valid_id(content_id) || !stat_content(library, content_id, &st)) {
                g_autofree char *shown = g_strescape(content_id, NULL);
                uk_fail(error, UK_ERROR_NOT_FOUND,
                        "content item %.200s is not in the content library", shown);
                return NULL;
        }
        tree = find_cached(library, content_id, &st);
        if (tree != NULL)
                return g_steal_pointer(&tree);
        tree = library_tree_load(library, content_id, &stored, error);
        if (tree == NULL)
                return NULL;
        if (!stored && library->writer)
                store(library, tree);
        keep(library, content_id, tree, &st);
        return g_steal_pointer(&tree);
}

void
library_tree_unref(Library *library, const ContentTree *tree)
{
        tree_free((ContentTree *)tree);
}

void
library_tree_forget(Library *library, const char *content_id)
{
        CachedTree *cached;

        pthread_mutex_lock(&library->lock);
        cached = library->trees != NULL ? g_hash_table_lookup(library->trees, content_id) : NULL;
        if (cached != NULL) {
                library->trees_entries -= tree_count(cached->tree);
                g_hash_table_remove(library->trees, content_id);
        }
        pthread_mutex_unlock(&library->lock);
}

void
library_tree_free_cache(Library *library)
{
        g_clear_pointer(&library->trees, g_hash_table_unref);
}

static int
by_text(gconstpointer a, gconstpointer b)
{
        return strcmp(*(const char *const *)a, *(const char *const *)b);
}

char **
library_contents(Library *library, GError **error)
{
        g_autofree char *folder = g_strconcat(library->root, "/DataLib", NULL);
        g_autoptr(GPtrArray) ids = g_ptr_array_new_with_free_func(g_free);
        DIR *dir = opendir(folder);
        struct dirent *entry;

        if (dir == NULL) {
                uk_fail_errno(error, errno, "reading folder %s", folder);
                return NULL;
        }
        while ((entry = readdir(dir)) != NULL) {
                g_autofree char *id = NULL;

                if (!g_str_has_suffix(entry->d_name, ".INI"))
                        continue;
                id = g_strndup(entry->d_name, strlen(entry->d_name) - strlen(".INI"));
                if (tree_valid_id(id))
                        g_ptr_array_add(ids, g_steal_pointer(&id));
        }
        closedir(dir);
        g_ptr_array_sort(ids, by_text);
        g_ptr_array_add(ids, NULL);
        return (char **)g_ptr_array_free(g_steal_pointer(&ids), FALSE);
}
