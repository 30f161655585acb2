/* tree_hash.c - the content hash of DIST-019, and why Windows could not hold a tree.
 *
 * Folders are visited depth first, the root first. Of each: the paths of its folders, the paths of
 * its files, the hashes of its files as upper-case hexadecimal text; everything as UTF-16LE, paths
 * in lower case, in the order of their lower-case text. A tree that Windows cannot hold is hashed
 * by the exact bytes of its paths, in their order.
 */
#include <string.h>

#include "content/tree_private.h"

/* What is gathered before it is hashed: a call of the hasher costs more than a short name. */
#define GATHER (32 * 1024)

typedef struct {
        const ContentTree *tree;
        GPtrArray *names;     /* per entry, its path as it is fed and sorted (UTF-8 or bytes) */
        GStringChunk *lowers; /* lower-case paths that are not the path itself */
        bool exact;
        guint32 *children; /* of all folders, those of one folder together and in order */
        guint32 *starts;   /* of each folder's children; index 0 is the root, i + 1 entry i */
        HashStream *hash;
        GByteArray *gathered;
} Visit;

static bool
is_lower_ascii(const char *text)
{
        for (; *text != '\0'; text++) {
                if ((guchar)*text >= 0x80 || g_ascii_isupper(*text))
                        return false;
        }
        return true;
}

/* Letter by letter, as the other system's file names are compared: no letter becomes two. */
static const char *
lower(Visit *v, const char *path)
{
        g_autoptr(GString) text = NULL;

        if (is_lower_ascii(path))
                return path;
        text = g_string_sized_new(strlen(path) + 8);
        for (const char *c = path; *c != '\0'; c = g_utf8_next_char(c))
                g_string_append_unichar(text, g_unichar_tolower(g_utf8_get_char(c)));
        return g_string_chunk_insert_len(v->lowers, text->str, (gssize)text->len);
}

static void
warn(ContentTree *tree, const char *path, const char *why)
{
        g_autofree char *shown = g_strescape(path, NULL);

        tree->windows_warning =
                g_strdup_printf("Windows receivers cannot hold \"%s\": %s", shown, why);
}

static void
name_entries(ContentTree *tree, Visit *v)
{
        for (guint i = 0; i < tree_count(tree); i++) {
                const char *path = tree_entry(tree, i)->path;

                if (!g_utf8_validate(path, -1, NULL)) {
                        warn(tree, path, "the name is not UTF-8");
                        return;
                }
                g_ptr_array_add(v->names, (gpointer)lower(v, path));
        }
}

static void
name_exactly(ContentTree *tree, Visit *v)
{
        v->exact = true;
        g_ptr_array_set_size(v->names, 0);
        for (guint i = 0; i < tree_count(tree); i++)
                g_ptr_array_add(v->names, (gpointer)tree_entry(tree, i)->path);
}

static int
by_name(gconstpointer a, gconstpointer b, gpointer user)
{
        const Visit *v = user;

        return strcmp(v->names->pdata[*(const guint32 *)a], v->names->pdata[*(const guint32 *)b]);
}

/* Puts the children of each folder together (a counting sort by folder), then in order. */
static void
gather_children(Visit *v)
{
        guint count = tree_count(v->tree);
        const guint32 *parents = v->tree->parents;

        memset(v->starts, 0, (count + 2) * sizeof *v->starts);
        for (guint i = 0; i < count; i++)
                v->starts[parents[i] == TREE_ROOT ? 1 : parents[i] + 2]++;
        for (guint f = 1; f < count + 2; f++)
                v->starts[f] += v->starts[f - 1];

        g_autofree guint32 *next = g_memdup2(v->starts, (count + 2) * sizeof *next);
        for (guint i = 0; i < count; i++)
                v->children[next[parents[i] == TREE_ROOT ? 0 : parents[i] + 1]++] = i;
        for (guint f = 0; f < count + 1 && !v->exact; f++)
                g_qsort_with_data(v->children + v->starts[f],
                                  (int)(v->starts[f + 1] - v->starts[f]), sizeof(guint32), by_name,
                                  v);
}

/* Two children of one folder with the same name in lower case. */
static bool
find_clash(ContentTree *tree, const Visit *v)
{
        for (guint i = 1; i < tree_count(tree); i++) {
                guint32 a = v->children[i - 1], b = v->children[i];

                if (tree->parents[a] == tree->parents[b] &&
                    strcmp(v->names->pdata[a], v->names->pdata[b]) == 0) {
                        warn(tree, tree_entry(tree, b)->path,
                             "another name differs from it by case only");
                        return true;
                }
        }
        return false;
}

static void
flush(Visit *v)
{
        hash_stream_add(v->hash, v->gathered->data, v->gathered->len);
        g_byte_array_set_size(v->gathered, 0);
}

static void
feed_unit(Visit *v, guint32 unit)
{
        const guint8 bytes[] = { (guint8)unit, (guint8)(unit >> 8) };

        g_byte_array_append(v->gathered, bytes, sizeof bytes);
}

static void
feed_utf16(Visit *v, const char *text)
{
        for (const char *c = text; *c != '\0'; c = g_utf8_next_char(c)) {
                gunichar letter = g_utf8_get_char(c);

                if (letter < 0x10000) {
                        feed_unit(v, letter);
                } else {
                        feed_unit(v, 0xd800 + ((letter - 0x10000) >> 10));
                        feed_unit(v, 0xdc00 + ((letter - 0x10000) & 0x3ff));
                }
        }
}

static void
feed_path(Visit *v, guint32 entry)
{
        const char *name = v->names->pdata[entry];

        if (v->exact)
                g_byte_array_append(v->gathered, (const guint8 *)name, (guint)strlen(name));
        else
                feed_utf16(v, name);
        if (v->gathered->len >= GATHER)
                flush(v);
}

static void
feed_hash(Visit *v, const TreeEntry *e)
{
        static const char digits[] = "0123456789ABCDEF";
        guint8 target[HASH_SHA256_SIZE];
        const guint8 *hash = e->hash;

        if (e->kind == TREE_SYMLINK) {
                hash_sha256(e->target, strlen(e->target), target);
                hash = target;
        }
        for (gsize i = 0; i < HASH_SHA256_SIZE; i++) {
                feed_unit(v, (guint32)digits[hash[i] >> 4]);
                feed_unit(v, (guint32)digits[hash[i] & 15]);
        }
        if (v->gathered->len >= GATHER)
                flush(v);
}

/* Feeds one folder and puts its folders on the stack, the first one on top. */
static void
visit_folder(Visit *v, guint folder, GArray *stack)
{
        const guint32 *first = v->children + v->starts[folder];
        const guint32 *end = v->children + v->starts[folder + 1];

        for (const guint32 *c = first; c < end; c++) {
                if (tree_entry(v->tree, *c)->kind == TREE_FOLDER)
                        feed_path(v, *c);
        }
        for (const guint32 *c = first; c < end; c++) {
                if (tree_entry(v->tree, *c)->kind != TREE_FOLDER)
                        feed_path(v, *c);
        }
        for (const guint32 *c = first; c < end; c++) {
                if (tree_entry(v->tree, *c)->kind != TREE_FOLDER)
                        feed_hash(v, tree_entry(v->tree, *c));
        }
        for (const guint32 *c = end; c > first; c--) {
                guint below = c[-1] + 1;

                if (tree_entry(v->tree, c[-1])->kind == TREE_FOLDER)
                        g_array_append_val(stack, below);
        }
}

static void
visit_all(Visit *v, guint8 *digest_out)
{
        g_autoptr(GArray) stack = g_array_new(FALSE, FALSE, sizeof(guint));
        g_autoptr(HashStream) hash = hash_stream_new();
        g_autoptr(GByteArray) gathered = g_byte_array_sized_new(GATHER + 4096);
        guint root = 0;

        v->hash = hash;
        v->gathered = gathered;
        g_array_append_val(stack, root);
        while (stack->len > 0) {
                guint folder = g_array_index(stack, guint, stack->len - 1);

                g_array_set_size(stack, stack->len - 1);
                visit_folder(v, folder, stack);
        }
        flush(v);
        hash_stream_end(hash, digest_out);
}

void
tree_hash_compute(ContentTree *tree)
{
        g_autoptr(GPtrArray) names = g_ptr_array_new();
        g_autofree guint32 *children = g_new(guint32, tree_count(tree) + 1);
        g_autofree guint32 *starts = g_new(guint32, tree_count(tree) + 2);
        Visit v = { .tree = tree, .names = names, .children = children, .starts = starts };

        v.lowers = g_string_chunk_new(4096);
        g_clear_pointer(&tree->windows_warning, g_free);
        name_entries(tree, &v);
        if (tree->windows_warning == NULL) {
                gather_children(&v);
                (void)find_clash(tree, &v);
        }
        if (tree->windows_warning != NULL) {
                name_exactly(tree, &v);
                gather_children(&v);
        }
        visit_all(&v, tree->hash);
        g_string_chunk_free(v.lowers);
}
