/* planindex.c - chunks that are here, sorted by their hashes.
 *
 * Comes in: SMSSIG$ and the trees of the library. A file of one chunk has no signature and is its
 * own chunk. A signature is a hint: what is taken by it is proved when it is read.
 */
#include "content/planindex.h"

#include <string.h>

#include "content/library_private.h"
#include "content/likeness.h"

/* Chunks of other content items than the related one: 40 MB of memory, 60 GB of content. */
#define MAX_CHUNKS 1000000

typedef struct {
        guint64 key; /* the hash's first bytes */
        guint32 file, chunk;
} Place;

typedef struct {
        guint8 hash[HASH_SHA256_SIZE];
        const Signature *signature; /* NULL: the file is one chunk */
        gint64 size;
} Holder;

struct PlanIndex {
        Library *library;
        GHashTable *related;
        GPtrArray *tables; /* of signatures, which holders point into */
        GArray *holders;   /* Holder */
        GArray *places;    /* Place, sorted */
        GHashTable *seen;  /* hashes of holders */
};

static guint64
key_of(const guint8 *hash)
{
        guint64 key;

        memcpy(&key, hash, sizeof key);
        return key;
}

static void
add_place(PlanIndex *index, const guint8 *hash, guint chunk)
{
        Place place = { key_of(hash), index->holders->len - 1, chunk };

        g_array_append_val(index->places, place);
}

static void
add_file(PlanIndex *index, const TreeEntry *entry, GHashTable *signatures)
{
        Holder holder = { .size = entry->size };

        if (entry->kind != TREE_FILE || entry->size == 0 ||
            !g_hash_table_add(index->seen, g_memdup2(entry->hash, HASH_SHA256_SIZE)))
                return;
        memcpy(holder.hash, entry->hash, HASH_SHA256_SIZE);
        holder.signature = g_hash_table_lookup(signatures, entry->hash);
        if (holder.signature != NULL && holder.signature->size != entry->size)
                return;
        if (holder.signature == NULL && entry->size > SIGNATURE_MAX)
                return;
        g_array_append_val(index->holders, holder);
        if (holder.signature == NULL)
                add_place(index, holder.hash, 0);
        for (guint i = 0; holder.signature != NULL && i < holder.signature->chunks->len; i++)
                add_place(index, g_array_index(holder.signature->chunks, SignatureChunk, i).hash,
                          i);
}

/* Takes over the table. */
static void
add_tree(PlanIndex *index, const ContentTree *tree, GHashTable *signatures_take)
{
        g_ptr_array_add(index->tables, signatures_take);
        for (guint i = 0; i < tree_count(tree); i++)
                add_file(index, tree_entry(tree, i), signatures_take);
}

static void
add_content(PlanIndex *index, const char *content_id)
{
        const ContentTree *tree = library_tree_ref(index->library, content_id, NULL);
        GHashTable *signatures =
                tree == NULL ? NULL : likeness_signatures(index->library, content_id, NULL);

        if (signatures != NULL)
                add_tree(index, tree, signatures);
        if (tree != NULL)
                library_tree_unref(index->library, tree);
}

static void
add_others(PlanIndex *index)
{
        g_autoptr(GPtrArray) packages = library_packages(index->library, NULL);

        for (guint i = 0; packages != NULL && i < packages->len; i++) {
                const LibraryPackage *package = packages->pdata[i];

                for (char **id = package->content_ids; *id != NULL; id++) {
                        if (index->places->len > MAX_CHUNKS)
                                return;
                        add_content(index, *id);
                }
        }
}

static int
by_key(gconstpointer a, gconstpointer b)
{
        const Place *x = a, *y = b;

        if (x->key != y->key)
                return x->key < y->key ? -1 : 1;
        return x->file != y->file ? (x->file < y->file ? -1 : 1)
                                  : (x->chunk < y->chunk ? -1 : x->chunk > y->chunk);
}

PlanIndex *
planindex_new(Library *library, const ContentTree *old_tree, bool with_chunks)
{
        PlanIndex *index = g_new0(PlanIndex, 1);
        GHashTable *related =
                old_tree == NULL ? NULL
                                 : likeness_signatures(library, tree_content_id(old_tree), NULL);

        index->library = library;
        index->tables = g_ptr_array_new_with_free_func((GDestroyNotify)g_hash_table_unref);
        index->holders = g_array_new(FALSE, FALSE, sizeof(Holder));
        index->places = g_array_new(FALSE, FALSE, sizeof(Place));
        index->seen = library_hash_set();
        index->related = related;
        if (related != NULL)
                add_tree(index, old_tree, related);
        if (with_chunks)
                add_others(index);
        g_array_sort(index->places, by_key);
        return index;
}

void
planindex_free(PlanIndex *index)
{
        if (index == NULL)
                return;
        g_ptr_array_unref(index->tables);
        g_array_unref(index->holders);
        g_array_unref(index->places);
        g_hash_table_unref(index->seen);
        g_free(index);
}

GHashTable *
planindex_related(const PlanIndex *index)
{
        return index->related;
}

void
planindex_sources_init(PlanSources *sources, const guint8 *own_hash)
{
        sources->hashes = g_array_new(FALSE, FALSE, HASH_SHA256_SIZE);
        sources->numbers = library_hash_table(NULL);
        g_array_append_vals(sources->hashes, own_hash, 1);
}

GArray *
planindex_sources_end(PlanSources *sources)
{
        g_clear_pointer(&sources->numbers, g_hash_table_unref);
        return g_steal_pointer(&sources->hashes);
}

static gint32
number_of(PlanSources *sources, const guint8 *hash)
{
        gpointer known = g_hash_table_lookup(sources->numbers, hash);

        if (known != NULL)
                return GPOINTER_TO_INT(known);
        g_array_append_vals(sources->hashes, hash, 1);
        g_hash_table_insert(sources->numbers, g_memdup2(hash, HASH_SHA256_SIZE),
                            GINT_TO_POINTER((gint)sources->hashes->len - 1));
        return (gint32)sources->hashes->len - 1;
}

/* Whether the place has just this chunk; *from_out is its offset in the file. */
static bool
is_chunk(const Holder *holder, guint32 number, const SignatureChunk *chunk, gint64 *from_out)
{
        const SignatureChunk *c;

        if (holder->signature == NULL) {
                *from_out = 0;
                return holder->size == chunk->size &&
                       memcmp(holder->hash, chunk->hash, HASH_SHA256_SIZE) == 0;
        }
        c = &g_array_index(holder->signature->chunks, SignatureChunk, number);
        *from_out = c->offset;
        return c->size == chunk->size && memcmp(c->hash, chunk->hash, HASH_SHA256_SIZE) == 0;
}

static guint
first_with(const GArray *places, guint64 key)
{
        guint low = 0, high = places->len;

        while (low < high) {
                guint middle = low + (high - low) / 2;

                if (g_array_index(places, Place, middle).key < key)
                        low = middle + 1;
                else
                        high = middle;
        }
        return low;
}

bool
planindex_find(PlanIndex *index, const SignatureChunk *chunk, PlanSources *sources,
               PlanPiece *piece_out)
{
        guint64 key = key_of(chunk->hash);

        for (guint i = first_with(index->places, key); i < index->places->len; i++) {
                const Place *place = &g_array_index(index->places, Place, i);
                const Holder *holder = &g_array_index(index->holders, Holder, place->file);
                gint64 from;

                if (place->key != key)
                        return false;
                if (!is_chunk(holder, place->chunk, chunk, &from) ||
                    !library_has(index->library, holder->hash, NULL))
                        continue;
                piece_out->source = number_of(sources, holder->hash);
                piece_out->from = from;
                return true;
        }
        return false;
}
