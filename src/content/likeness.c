/* likeness.c - finds partners among the files of two content items.
 *
 * Comes in: trees and signatures. Goes out: pairs of hashes. Reads SMSSIG$ when it is told to, and
 * writes nothing.
 */
#include "content/likeness.h"

#include <string.h>

#include "base/io.h"
#include "content/library_private.h"
#include "content/signature.h"

/* Shared chunks count from this part of the new file on; below it a file of the same name is the
 * better guess. */
#define SHARED_PART 4

GHashTable *
likeness_signatures(Library *library, const char *content_id, GError **error)
{
        g_autofree char *path = library_path(library, "SMSSIG$", content_id, ".tar");
        g_autofree char *data = NULL;
        gsize size;

        if (!uk_io_read(path, (gsize)SIGNATURE_TAR_MAX, &data, &size, error))
                return NULL;
        return signature_tar_read(data, size, error);
}

/* A text without its numbers of versions: digits, and points, dashes and the like between them. */
static char *
blank(const char *text)
{
        GString *out = g_string_new(NULL);

        while (*text != '\0') {
                if (!g_ascii_isdigit(*text)) {
                        g_string_append_c(out, *text++);
                        continue;
                }
                g_string_append_c(out, '#');
                while (g_ascii_isdigit(*text) || (*text != '\0' && strchr(".-_+~", *text) != NULL &&
                                                  g_ascii_isdigit(text[1])))
                        text++;
        }
        return g_string_free(out, FALSE);
}

static const char *
name_of(const char *path)
{
        const char *slash = strrchr(path, '/');

        return slash == NULL ? path : slash + 1;
}

/* What a new file is looked for by. */
typedef struct {
        const ContentTree *old_tree;
        GHashTable *hashes; /* of the old files: hash -> TreeEntry */
        GHashTable *chunks; /* chunk's hash -> old file's hash */
        GHashTable *paths;  /* blanked path -> GPtrArray of TreeEntry */
        GHashTable *names;  /* blanked name -> GPtrArray of TreeEntry */
} Old;

static void
add_to(GHashTable *table, const char *text, const TreeEntry *entry)
{
        char *key = blank(text);
        GPtrArray *list = g_hash_table_lookup(table, key);

        if (list == NULL) {
                list = g_ptr_array_new();
                g_hash_table_insert(table, key, list);
        } else {
                g_free(key);
        }
        g_ptr_array_add(list, (gpointer)entry);
}

static void
add_chunks(Old *old, const TreeEntry *entry, const Signature *signature)
{
        for (guint i = 0; signature != NULL && i < signature->chunks->len; i++) {
                SignatureChunk *c = &g_array_index(signature->chunks, SignatureChunk, i);

                if (!g_hash_table_contains(old->chunks, c->hash))
                        g_hash_table_insert(old->chunks, g_memdup2(c->hash, HASH_SHA256_SIZE),
                                            (gpointer)entry->hash);
        }
}

static const Signature *
find_signature(GHashTable *signatures, const guint8 *hash)
{
        return signatures == NULL ? NULL : g_hash_table_lookup(signatures, hash);
}

static void
old_init(Old *old, const ContentTree *tree, GHashTable *signatures)
{
        GDestroyNotify free_list = (GDestroyNotify)g_ptr_array_unref;

        old->old_tree = tree;
        old->hashes = library_hash_table(NULL);
        old->chunks = library_hash_table(NULL);
        old->paths = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, free_list);
        old->names = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, free_list);
        for (guint i = 0; i < tree_count(tree); i++) {
                const TreeEntry *entry = tree_entry(tree, i);

                if (entry->kind != TREE_FILE || entry->size == 0)
                        continue;
                add_to(old->paths, entry->path, entry);
                add_to(old->names, name_of(entry->path), entry);
                if (g_hash_table_insert(old->hashes, g_memdup2(entry->hash, HASH_SHA256_SIZE),
                                        (gpointer)entry))
                        add_chunks(old, entry, find_signature(signatures, entry->hash));
        }
}

static void
old_clear(Old *old)
{
        g_hash_table_unref(old->hashes);
        g_hash_table_unref(old->chunks);
        g_hash_table_unref(old->paths);
        g_hash_table_unref(old->names);
}

/* The old file with which the new one shares the most bytes, if they are a good part of it. */
static const guint8 *
by_chunks(const Old *old, const Signature *signature)
{
        g_autoptr(GHashTable) shared = g_hash_table_new(NULL, NULL); /* old hash -> bytes */
        const guint8 *best = NULL;
        gint64 most = 0;

        for (guint i = 0; signature != NULL && i < signature->chunks->len; i++) {
                const SignatureChunk *c = &g_array_index(signature->chunks, SignatureChunk, i);
                guint8 *hash = g_hash_table_lookup(old->chunks, c->hash);

                if (hash == NULL)
                        continue;
                gsize bytes = GPOINTER_TO_SIZE(g_hash_table_lookup(shared, hash)) + c->size;
                g_hash_table_insert(shared, hash, GSIZE_TO_POINTER(bytes));
                if ((gint64)bytes > most) {
                        most = (gint64)bytes;
                        best = hash;
                }
        }
        return best != NULL && most >= signature->size / SHARED_PART ? best : NULL;
}

static const guint8 *
nearest_in_size(GHashTable *table, const char *text, gint64 size)
{
        g_autofree char *key = blank(text);
        GPtrArray *list = g_hash_table_lookup(table, key);
        const TreeEntry *best = NULL;

        for (guint i = 0; list != NULL && i < list->len; i++) {
                const TreeEntry *entry = list->pdata[i];

                if (best == NULL || ABS(entry->size - size) < ABS(best->size - size))
                        best = entry;
        }
        return best == NULL ? NULL : best->hash;
}

static const guint8 *
find_partner(const Old *old, const TreeEntry *entry, const Signature *signature)
{
        const guint8 *found = by_chunks(old, signature);

        if (found == NULL) {
                const TreeEntry *same = tree_find(old->old_tree, entry->path);

                if (same != NULL && same->kind == TREE_FILE && same->size > 0)
                        found = same->hash;
        }
        if (found == NULL)
                found = nearest_in_size(old->paths, entry->path, entry->size);
        if (found == NULL)
                found = nearest_in_size(old->names, name_of(entry->path), entry->size);
        return found;
}

GArray *
likeness_find(const ContentTree *old_tree, GHashTable *old_signatures, const ContentTree *new_tree,
              GHashTable *new_signatures)
{
        GArray *pairs = g_array_new(FALSE, FALSE, sizeof(LikenessPair));
        g_autoptr(GHashTable) seen = library_hash_set();
        Old old;

        old_init(&old, old_tree, old_signatures);
        for (guint i = 0; i < tree_count(new_tree); i++) {
                const TreeEntry *entry = tree_entry(new_tree, i);
                const guint8 *partner;
                LikenessPair pair;

                if (entry->kind != TREE_FILE || entry->size == 0 ||
                    g_hash_table_contains(old.hashes, entry->hash) ||
                    g_hash_table_contains(seen, entry->hash))
                        continue;
                g_hash_table_add(seen, g_memdup2(entry->hash, HASH_SHA256_SIZE));
                partner = find_partner(&old, entry, find_signature(new_signatures, entry->hash));
                if (partner == NULL)
                        continue;
                memcpy(pair.new_hash, entry->hash, HASH_SHA256_SIZE);
                memcpy(pair.old_hash, partner, HASH_SHA256_SIZE);
                g_array_append_val(pairs, pair);
        }
        old_clear(&old);
        return pairs;
}

/* NULL without an error when the content item has none. */
static bool
try_signatures(Library *library, const ContentTree *tree, GHashTable **out, GError **error)
{
        g_autoptr(GError) problem = NULL;

        *out = likeness_signatures(library, tree_content_id(tree), &problem);
        if (*out != NULL || g_error_matches(problem, UK_ERROR, UK_ERROR_NOT_FOUND))
                return true;
        g_propagate_error(error, g_steal_pointer(&problem));
        return false;
}

GArray *
likeness_pairs(Library *library, const ContentTree *old_tree, const ContentTree *new_tree,
               GError **error)
{
        g_autoptr(GHashTable) old_signatures = NULL, new_signatures = NULL;

        if (!try_signatures(library, old_tree, &old_signatures, error) ||
            !try_signatures(library, new_tree, &new_signatures, error))
                return NULL;
        return likeness_find(old_tree, old_signatures, new_tree, new_signatures);
}
