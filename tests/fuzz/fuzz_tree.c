/* Feeds the reader of a tree's compact form, whose checksum is put right; what it takes must be a
 * tree (no path leads out of it), and come back the same when written. */
#include <stdint.h>
#include <string.h>

#include "content/tree.h"
#include "crypto/hash.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
look(const ContentTree *tree)
{
        g_autoptr(GBytes) text = tree_write(tree);
        g_autoptr(ContentTree) again =
                tree_read(g_bytes_get_data(text, NULL), g_bytes_get_size(text), NULL);

        g_assert_nonnull(again);
        g_autoptr(GBytes) same = tree_write(again);
        g_assert_true(g_bytes_equal(text, same));
        for (guint i = 0; i < tree_count(tree); i++) {
                const TreeEntry *e = tree_entry(tree, i);

                g_assert_true(*e->path != '/' && strcmp(e->path, "..") != 0 &&
                              !g_str_has_prefix(e->path, "../") &&
                              strstr(e->path, "/../") == NULL && !g_str_has_suffix(e->path, "/.."));
                g_assert_true(tree_find(tree, e->path) == e);
        }
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        g_autofree guint8 *proved = g_malloc(size + HASH_SHA256_SIZE);
        g_autoptr(ContentTree) raw = tree_read(data, size, NULL);
        g_autoptr(ContentTree) tree = NULL;

        memcpy(proved, data, size);
        hash_sha256(data, size, proved + size);
        tree = tree_read(proved, size + HASH_SHA256_SIZE, NULL);
        if (tree != NULL)
                look(tree);
        return 0;
}
