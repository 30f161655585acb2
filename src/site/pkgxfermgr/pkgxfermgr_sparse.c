/* pkgxfermgr_sparse.c - files that take less of a disk than their size says.
 *
 * A distribution point leaves the holes of a file as holes, but an order's bundle has only sizes.
 * So the order says of large files with holes what they take here, and a small disk does not refuse
 * what fits (docs/distribution-point.md, X-Upkeep-Sparse).
 */
#include <sys/stat.h>
#include <unistd.h>

#include "base/io.h"
#include "site/pkgxfermgr/pkgxfermgr_private.h"

/* Smaller files, and content items of less, are not looked at: their holes decide nothing. */
#define LEAST_FILE (G_GINT64_CONSTANT(1024) * 1024)
#define LEAST_ITEM (G_GINT64_CONSTANT(16) * 1024 * 1024)
/* So many are told, those with the most holes: they are in a request's head. */
#define MOST_FILES 64
/* st_blocks counts these, whatever the file system's own are. */
#define BLOCK 512

typedef struct {
        guint8 hash[HASH_SHA256_SIZE];
        gint64 disk, spared;
} Sparse;

static void
look_at(Library *library, const TreeEntry *entry, GArray *found)
{
        UK_AUTOFD fd = library_open_file(library, entry->hash, NULL, NULL);
        struct stat st;
        Sparse one;

        if (fd < 0 || fstat(fd, &st) != 0)
                return;
        one.disk = (gint64)st.st_blocks * BLOCK;
        one.spared = entry->size - one.disk;
        memcpy(one.hash, entry->hash, sizeof one.hash);
        if (one.spared >= LEAST_FILE)
                g_array_append_val(found, one);
}

static void
look_at_item(Library *library, const char *content_id, GHashTable *seen, GArray *found)
{
        const ContentTree *tree = library_tree_ref(library, content_id, NULL);

        for (guint i = 0; tree != NULL && i < tree_count(tree); i++) {
                const TreeEntry *entry = tree_entry(tree, i);

                if (entry->kind == TREE_FILE && entry->size >= LEAST_FILE &&
                    g_hash_table_add(seen, g_memdup2(entry->hash, sizeof entry->hash)))
                        look_at(library, entry, found);
        }
        if (tree != NULL)
                library_tree_unref(library, tree);
}

static int
compare_spared(gconstpointer a, gconstpointer b)
{
        gint64 x = ((const Sparse *)a)->spared, y = ((const Sparse *)b)->spared;

        return x > y ? -1 : x < y;
}

static char *
describe(const GArray *found, gint64 *spared_out)
{
        GString *text = g_string_new(NULL);

        for (guint i = 0; i < MIN(found->len, MOST_FILES); i++) {
                const Sparse *one = &g_array_index(found, Sparse, i);
                g_autofree char *hex = hash_hex(one->hash, sizeof one->hash);

                g_string_append_printf(text, "%s%s=%" G_GINT64_FORMAT, i > 0 ? "," : "", hex,
                                       one->disk);
                *spared_out += one->spared;
        }
        return g_string_free(text, FALSE);
}

char *
pkgxfermgr_sparse(Library *library, const GPtrArray *rows, gint64 *spared_out)
{
        g_autoptr(GArray) found = g_array_new(FALSE, FALSE, sizeof(Sparse));
        g_autoptr(GHashTable) seen =
                g_hash_table_new_full(hash_key_of, hash_key_equal, g_free, NULL);

        *spared_out = 0;
        for (guint i = 0; i < rows->len; i++) {
                const PkgContent *row = rows->pdata[i];

                if (row->size >= LEAST_ITEM)
                        look_at_item(library, row->content_id, seen, found);
        }
        if (found->len == 0)
                return NULL;
        g_array_sort(found, compare_spared);
        return describe(found, spared_out);
}
