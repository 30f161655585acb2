/* world.h - content libraries for tests, and content items made of bytes. */
#pragma once

#include <string.h>

#include "base/io.h"
#include "content/library.h"
#include "content/signature.h"
#include "unit/must.h"

typedef struct {
        char *root;
        Library *library;
} World;

/* A file of a content item of a test. */
typedef struct {
        const char *path;
        guint8 *data;
        gsize size;
} File;

static inline void
world_init(World *w)
{
        w->root = g_dir_make_tmp("uk-delta-XXXXXX", NULL);
        MUST((w->library = library_open(w->root, true, &failure)) != NULL);
}

static inline void
world_clear(World *w)
{
        library_free(w->library);
        MUST(uk_io_remove_tree(w->root, &failure));
        g_free(w->root);
}

static inline guint8 *
some_bytes(gsize size, guint32 seed)
{
        guint8 *data = g_malloc(size + 1);
        g_autoptr(GRand) r = g_rand_new_with_seed(seed);

        for (gsize i = 0; i < size; i++)
                data[i] = (guint8)g_rand_int(r);
        return data;
}

/* The bytes with each 100th changed. */
static inline guint8 *
rebuilt(const guint8 *data, gsize size)
{
        guint8 *out = g_memdup2(data, size);

        for (gsize i = 0; i < size; i += 100)
                out[i] += 3;
        return out;
}

static inline ContentTree *
tree_of(const char *content_id, const File *files, gsize count)
{
        ContentTree *tree = tree_new(content_id);

        for (gsize i = 0; i < count; i++) {
                TreeEntry entry = { .path = files[i].path,
                                    .kind = TREE_FILE,
                                    .mode = 0644,
                                    .size = (gint64)files[i].size };

                hash_sha256(files[i].data, files[i].size, entry.hash);
                MUST(tree_add(tree, &entry, &failure));
        }
        MUST(tree_seal(tree, &failure));
        return tree;
}

/* Puts a content item with its files and signatures into the library; the tree is the caller's. */
static inline ContentTree *
add(World *w, const char *content_id, const File *files, gsize count)
{
        ContentTree *tree = tree_of(content_id, files, count);
        g_autoptr(GPtrArray) all = g_ptr_array_new_with_free_func((GDestroyNotify)signature_free);
        g_autoptr(SignatureMaker) maker = signature_maker_new();
        g_autoptr(GBytes) tar = NULL;
        const char *const ids[] = { content_id, NULL };

        for (gsize i = 0; i < count; i++) {
                guint8 hash[HASH_SHA256_SIZE];

                hash_sha256(files[i].data, files[i].size, hash);
                signature_maker_add(maker, files[i].data, files[i].size);
                g_ptr_array_add(all, signature_maker_end(maker, hash));
                if (!library_has(w->library, hash, NULL))
                        MUST(library_put(w->library, hash, files[i].data, files[i].size, content_id,
                                         &failure));
                MUST(library_publish(w->library, ids, &failure));
        }
        MUST((tar = signature_tar_write(all, &failure)) != NULL);
        MUST(library_add_content(w->library, tree, tar, &failure));
        MUST(library_keep_content(w->library, content_id, &failure));
        return tree;
}

static inline void
hash_of(const File *file, guint8 *hash_out)
{
        hash_sha256(file->data, file->size, hash_out);
}
