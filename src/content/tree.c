/* tree.c - a content item's folder tree: collected, sorted, proved to be one, and looked up.
 *
 * Entries come in from a snapshot or a reader, in any order; after tree_seal the tree never changes
 * and may be read by any number of threads. Reads and writes no files.
 */
#include "content/tree.h"

#include <string.h>

#include "content/tree_private.h"

/* Of all paths and targets: a hostile document that shares prefixes could ask for far more. */
#define MAX_TEXTS  ((gsize)512 * 1024 * 1024)
#define PATH_SHOWN 150 /* bytes of each end of a path that is too long */
#define MAX_NAME   255
#define MAX_ID     128
/* Times that a FILETIME and microseconds can both hold. */
#define MAX_TIME (G_MAXINT64 / 20)

bool
tree_valid_id(const char *id)
{
        static const char *const endings[] = { ".ini",  ".tree", ".tmp",  ".temp", ".tar",
                                               ".pend", ".gone", ".keep", ".new",  ".users" };
        gsize length = strlen(id);

        if (length == 0 || length > MAX_ID || *id == '.')
                return false;
        for (const char *c = id; *c != '\0'; c++) {
                if (!g_ascii_isalnum(*c) && strchr("._{}-", *c) == NULL)
                        return false;
        }
        for (gsize i = 0; i < G_N_ELEMENTS(endings); i++) {
                gsize end = strlen(endings[i]);
                if (length >= end && g_ascii_strcasecmp(id + length - end, endings[i]) == 0)
                        return false;
        }
        return true;
}

ContentTree *
tree_new(const char *content_id)
{
        ContentTree *tree = g_new0(ContentTree, 1);

        tree->refs = 1;
        tree->content_id = g_strdup(content_id);
        tree->entries = g_array_new(FALSE, FALSE, sizeof(TreeEntry));
        tree->texts = g_string_chunk_new(4096);
        pthread_mutex_init(&tree->lock, NULL);
        return tree;
}

ContentTree *
tree_ref(ContentTree *tree)
{
        g_atomic_int_inc(&tree->refs);
        return tree;
}

void
tree_free(ContentTree *tree)
{
        if (tree == NULL || !g_atomic_int_dec_and_test(&tree->refs))
                return;
        g_array_unref(tree->entries);
        g_string_chunk_free(tree->texts);
        pthread_mutex_destroy(&tree->lock);
        g_free(tree->content_id);
        g_free(tree->parents);
        g_free(tree->windows_warning);
        g_free(tree->without_case);
        g_free(tree);
}

/* Every name of the path is one that a folder can hold. */
static bool
valid_path(const char *path)
{
        if (*path == '\0' || strlen(path) > TREE_MAX_PATH)
                return false;
        for (const char *name = path;; name++) {
                gsize length = strcspn(name, "/");

                if (length == 0 || length > MAX_NAME || (length == 1 && name[0] == '.') ||
                    (length == 2 && name[0] == '.' && name[1] == '.'))
                        return false;
                name += length;
                if (*name == '\0')
                        return true;
        }
}

static bool
valid_values(const TreeEntry *e)
{
        bool is_file = e->kind == TREE_FILE, is_link = e->kind == TREE_SYMLINK;

        return (is_file || is_link || e->kind == TREE_FOLDER) && (e->mode & ~07777u) == 0 &&
               (is_file ? e->size >= 0 : e->size == 0 && e->twin == 0) &&
               is_link == (e->target != NULL) && e->modified_us > -MAX_TIME &&
               e->modified_us < MAX_TIME &&
               (!is_link || (*e->target != '\0' && strlen(e->target) <= TREE_MAX_PATH));
}

static const char *
keep_text(ContentTree *tree, const char *text, gsize size)
{
        tree->texts_size += size + 1;
        return g_string_chunk_insert_len(tree->texts, text, (gssize)size);
}

/* Says which by both of its ends. */
static bool
fail_long_path(const char *path, gsize size, GError **error)
{
        g_autofree char *start = g_strndup(path, PATH_SHOWN);
        g_autofree char *head = g_strescape(start, NULL);
        g_autofree char *tail = g_strescape(path + size - PATH_SHOWN, NULL);

        return uk_fail(error, UK_ERROR_UNSUPPORTED,
                       "the path \"%s ... %s\" has %" G_GSIZE_FORMAT
                       " bytes, and a package holds paths of at most %d; shorten it in the source",
                       head, tail, size, TREE_MAX_PATH);
}

bool
tree_add(ContentTree *tree, const TreeEntry *entry, GError **error)
{
        TreeEntry copy = *entry;
        gsize path_size = strlen(entry->path);
        gsize target_size = entry->target != NULL ? strlen(entry->target) : 0;

        g_assert(!tree->sealed);
        if (path_size > TREE_MAX_PATH)
                return fail_long_path(entry->path, path_size, error);
        if (!valid_path(entry->path) || !valid_values(entry)) {
                g_autofree char *shown = g_strescape(entry->path, NULL);
                return uk_fail(error, UK_ERROR_PARSE,
                               "\"%.200s\" is no entry of a content item's tree", shown);
        }
        if (tree->entries->len >= TREE_MAX_ENTRIES ||
            tree->texts_size + path_size + target_size + 2 > MAX_TEXTS)
                return uk_fail(error, UK_ERROR_LIMIT,
                               "content item %s has more than %d files, or names of more than "
                               "%zu bytes",
                               tree->content_id, TREE_MAX_ENTRIES, MAX_TEXTS);
        copy.path = keep_text(tree, entry->path, path_size);
        copy.target = entry->target != NULL ? keep_text(tree, entry->target, target_size) : NULL;
        if (copy.kind != TREE_FILE)
                memset(copy.hash, 0, sizeof copy.hash);
        g_array_append_val(tree->entries, copy);
        return true;
}

static int
by_path(gconstpointer a, gconstpointer b)
{
        return strcmp(((const TreeEntry *)a)->path, ((const TreeEntry *)b)->path);
}

static TreeEntry *
entry_at(const ContentTree *tree, guint index)
{
        return &g_array_index(tree->entries, TreeEntry, index);
}

/* A snapshot or reader mostly brings them in order already. */
static void
sort_entries(ContentTree *tree)
{
        for (guint i = 1; i < tree->entries->len; i++) {
                if (strcmp(entry_at(tree, i - 1)->path, entry_at(tree, i)->path) > 0) {
                        g_array_sort(tree->entries, by_path);
                        return;
                }
        }
}

static bool
refuse(const ContentTree *tree, const char *path, const char *what, GError **error)
{
        g_autofree char *shown = g_strescape(path, NULL);

        return uk_fail(error, UK_ERROR_PARSE, "content item %s: \"%.200s\" %s", tree->content_id,
                       shown, what);
}

/* The index of the entry whose path is the first size bytes of path, or TREE_ROOT. */
static guint32
find_exact(const ContentTree *tree, const char *path, gsize size, guint below)
{
        guint low = 0, high = below;

        while (low < high) {
                guint middle = low + (high - low) / 2;
                const char *other = entry_at(tree, middle)->path;
                int order = strncmp(other, path, size);

                if (order == 0 && other[size] != '\0')
                        order = 1;
                if (order == 0)
                        return middle;
                if (order < 0)
                        low = middle + 1;
                else
                        high = middle;
        }
        return TREE_ROOT;
}

/* Gives every entry its folder's index; the folder must be there and be one. */
static bool
find_parents(ContentTree *tree, GError **error)
{
        guint32 last = TREE_ROOT;
        gsize last_size = 0;

        tree->parents = g_new(guint32, MAX(tree->entries->len, 1));
        for (guint i = 0; i < tree->entries->len; i++) {
                const char *path = entry_at(tree, i)->path;
                const char *slash = strrchr(path, '/');
                gsize size = slash != NULL ? (gsize)(slash - path) : 0;

                if (i > 0 && strcmp(entry_at(tree, i - 1)->path, path) == 0)
                        return refuse(tree, path, "is there twice", error);
                if (slash != NULL && (last == TREE_ROOT || size != last_size ||
                                      memcmp(entry_at(tree, last)->path, path, size) != 0)) {
                        last = find_exact(tree, path, size, i);
                        last_size = size;
                        if (last == TREE_ROOT || entry_at(tree, last)->kind != TREE_FOLDER)
                                return refuse(tree, path, "is in no folder of the tree", error);
                }
                tree->parents[i] = slash != NULL ? last : TREE_ROOT;
        }
        return true;
}

static bool
equal_twins(const TreeEntry *a, const TreeEntry *b)
{
        return a->size == b->size && a->mode == b->mode && a->modified_us == b->modified_us &&
               memcmp(a->hash, b->hash, sizeof a->hash) == 0;
}

/* Counts how often each twin number is there, and proves that twins are equal. The table is of
 * number to index + 1 of the first, made negative by a second one. */
static GHashTable *
first_twins(ContentTree *tree, GError **error)
{
        g_autoptr(GHashTable) firsts = g_hash_table_new(NULL, NULL);

        for (guint i = 0; i < tree->entries->len; i++) {
                const TreeEntry *e = entry_at(tree, i);
                gpointer key = GUINT_TO_POINTER(e->twin);
                int first = e->twin != 0 ? GPOINTER_TO_INT(g_hash_table_lookup(firsts, key)) : 0;

                if (e->twin == 0)
                        continue;
                if (first != 0 && !equal_twins(e, entry_at(tree, (guint)ABS(first) - 1))) {
                        refuse(tree, e->path, "is not equal to its hard link", error);
                        return NULL;
                }
                first = first == 0 ? (int)i + 1 : -ABS(first);
                g_hash_table_insert(firsts, key, GINT_TO_POINTER(first));
        }
        return g_steal_pointer(&firsts);
}

/* Numbers hard links from 1 in the order of the tree, so that equal trees have equal numbers, and
 * sums up sizes. One whose others are outside of the tree has no twin. */
static bool
settle_twins(ContentTree *tree, GError **error)
{
        g_autoptr(GHashTable) firsts = first_twins(tree, error);
        guint32 count = 0;

        if (firsts == NULL)
                return false;
        for (guint i = 0; i < tree->entries->len; i++) {
                TreeEntry *e = entry_at(tree, i);
                int first = GPOINTER_TO_INT(g_hash_table_lookup(firsts, GUINT_TO_POINTER(e->twin)));

                if (e->twin == 0 || first > 0) {
                        e->twin = 0;
                        tree->size += e->size;
                } else if ((guint)-first - 1 == i) {
                        e->twin = ++count;
                        tree->size += e->size;
                } else {
                        e->twin = entry_at(tree, (guint)-first - 1)->twin;
                }
        }
        return true;
}

/* Sizes of hostile trees may not add up to more than a number can hold. */
static bool
check_sizes(const ContentTree *tree, GError **error)
{
        gint64 sum = 0;

        for (guint i = 0; i < tree->entries->len; i++) {
                const TreeEntry *e = entry_at(tree, i);

                if (e->size > G_MAXINT64 - sum)
                        return refuse(tree, e->path, "is too large", error);
                sum += e->size;
        }
        return true;
}

bool
tree_seal(ContentTree *tree, GError **error)
{
        g_assert(!tree->sealed);
        if (!tree_valid_id(tree->content_id)) {
                g_autofree char *shown = g_strescape(tree->content_id, NULL);
                return uk_fail(error, UK_ERROR_PARSE, "\"%.200s\" is no ID of a content item",
                               shown);
        }
        sort_entries(tree);
        g_clear_pointer(&tree->parents, g_free);
        tree->size = 0;
        if (!find_parents(tree, error) || !check_sizes(tree, error) || !settle_twins(tree, error))
                return false;
        tree_hash_compute(tree);
        tree->sealed = true;
        return true;
}

const char *
tree_content_id(const ContentTree *tree)
{
        return tree->content_id;
}

guint
tree_count(const ContentTree *tree)
{
        return tree->entries->len;
}

const TreeEntry *
tree_entry(const ContentTree *tree, guint index)
{
        g_assert(index < tree->entries->len);
        return entry_at(tree, index);
}

static int
without_case(gconstpointer a, gconstpointer b, gpointer user)
{
        const ContentTree *tree = user;

        return g_ascii_strcasecmp(entry_at(tree, *(const guint32 *)a)->path,
                                  entry_at(tree, *(const guint32 *)b)->path);
}

static const guint32 *
index_without_case(const ContentTree *constant)
{
        ContentTree *tree = (ContentTree *)constant; /* what is made here is guarded by the lock */

        pthread_mutex_lock(&tree->lock);
        if (tree->without_case == NULL) {
                tree->without_case = g_new(guint32, MAX(tree->entries->len, 1));
                for (guint32 i = 0; i < tree->entries->len; i++)
                        tree->without_case[i] = i;
                g_qsort_with_data(tree->without_case, (int)tree->entries->len, sizeof(guint32),
                                  without_case, tree);
        }
        pthread_mutex_unlock(&tree->lock);
        return tree->without_case;
}

static const TreeEntry *
find_without_case(const ContentTree *tree, const char *path)
{
        const guint32 *order = index_without_case(tree);
        guint low = 0, high = tree->entries->len;

        while (low < high) {
                guint middle = low + (high - low) / 2;

                if (g_ascii_strcasecmp(entry_at(tree, order[middle])->path, path) < 0)
                        low = middle + 1;
                else
                        high = middle;
        }
        if (low >= tree->entries->len ||
            g_ascii_strcasecmp(entry_at(tree, order[low])->path, path) != 0)
                return NULL;
        if (low + 1 < tree->entries->len &&
            g_ascii_strcasecmp(entry_at(tree, order[low + 1])->path, path) == 0)
                return NULL; /* two answers are none */
        return entry_at(tree, order[low]);
}

const TreeEntry *
tree_find(const ContentTree *tree, const char *path)
{
        guint32 exact = find_exact(tree, path, strlen(path), tree->entries->len);

        return exact != TREE_ROOT ? entry_at(tree, exact) : find_without_case(tree, path);
}

const guint8 *
tree_hash(const ContentTree *tree)
{
        return tree->hash;
}

gint64
tree_size(const ContentTree *tree)
{
        return tree->size;
}

const char *
tree_windows_warning(const ContentTree *tree)
{
        return tree->windows_warning;
}
