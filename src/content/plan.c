/* plan.c - decides for each missing file what is fetched and what is taken from here.
 *
 * Comes in: the new tree and its signatures, and the library with what it has. Goes out: for each
 * file the ways, the cheapest first. Estimates are rough on purpose: they choose between ways that
 * differ by factors, and the sizes of deltas are known only to the one who has them.
 */
#include "content/plan.h"

#include <string.h>

#include "content/delta.h"
#include "content/deltastore.h"
#include "content/library_private.h"
#include "content/likeness.h"
#include "content/planindex.h"

/* Where more than this part of the bytes is missing the chunks are not worth their ranges. */
#define WORTH 0.8
/* What deltas of programs were measured to move, of the bytes that chunks would. */
#define DELTA_PART 0.3
/* What compression alone leaves of a program. */
#define PACKED_PART 0.4

static void
file_free(gpointer data)
{
        PlanFile *file = data;

        g_clear_pointer(&file->pieces, g_array_unref);
        g_clear_pointer(&file->sources, g_array_unref);
        g_free(file->why);
        g_free(file);
}

void
plan_free(Plan *plan)
{
        if (plan == NULL)
                return;
        g_ptr_array_unref(plan->files);
        g_clear_pointer(&plan->signatures, g_hash_table_unref);
        g_free(plan);
}

/* --- ways --- */

static bool
can_take_chunks(const PlanFile *file)
{
        return file->pieces != NULL && (double)file->fetch <= WORTH * (double)file->size;
}

static void
set_why(PlanFile *file, const char *reason)
{
        g_autofree char *old = g_strdup(file->why);
        g_autofree char *partner = hash_hex(file->old_hash, 4);
        GString *why = g_string_new(NULL);

        switch (file->way) {
        case PLAN_FRAME:
                g_string_append(why, "with the other small files in one frame");
                break;
        case PLAN_DELTA:
                if (file->has_partner)
                        g_string_append_printf(why, "a delta against %s, which it is most like",
                                               partner);
                else
                        g_string_append(why, "compressed, since no file here is like it");
                break;
        case PLAN_CHUNKS:
                g_string_append_printf(why,
                                       "%" G_GINT64_FORMAT " of %" G_GINT64_FORMAT
                                       " bytes in ranges, the others are here",
                                       file->fetch, file->size);
                break;
        case PLAN_WHOLE:
                g_string_append(why, "the whole file");
                if (reason == NULL)
                        g_string_append(why, ", since nothing here is like it");
                break;
        }
        if (reason != NULL)
                g_string_append_printf(why, "; before: %s: %s", old, reason);
        g_free(file->why);
        file->why = g_string_free(why, FALSE);
}

static void
take_way(PlanFile *file, PlanWay way, const char *reason)
{
        file->way = way;
        if (way == PLAN_WHOLE)
                file->cost = file->size;
        else if (way == PLAN_CHUNKS)
                file->cost = file->fetch;
        else if (way == PLAN_DELTA && !file->has_partner)
                file->cost = (gint64)(PACKED_PART * (double)file->size);
        else
                file->cost = (gint64)(DELTA_PART * (double)file->fetch);
        set_why(file, reason);
}

bool
plan_next_way(PlanFile *file, const char *reason)
{
        if (file->way == PLAN_WHOLE)
                return false;
        if (file->way == PLAN_FRAME && file->has_old)
                take_way(file, PLAN_DELTA, reason);
        else if (file->way != PLAN_CHUNKS && can_take_chunks(file))
                take_way(file, PLAN_CHUNKS, reason);
        else
                take_way(file, PLAN_WHOLE, reason);
        return true;
}

/* --- making --- */

typedef struct {
        Library *library;
        const ContentTree *tree, *old_tree;
        GHashTable *partners; /* hash -> LikenessPair, of `pairs` */
        GHashTable *framed;   /* set of the hashes that the frame has */
        PlanIndex *index;
} Making;

static guint8 *
copy_hash(const guint8 *hash)
{
        return g_memdup2(hash, HASH_SHA256_SIZE);
}

/* The chunks of a file: those that are here, that the file itself has further ahead, and the rest.
 */
static void
look_for_chunks(const Making *making, PlanFile *file)
{
        g_autoptr(GHashTable) own = library_hash_table(NULL); /* chunk -> offset + 1 */
        PlanSources sources = { 0 };
        const Signature *s = file->signature;

        planindex_sources_init(&sources, file->hash);
        file->fetch = 0;
        file->pieces = g_array_sized_new(FALSE, FALSE, sizeof(PlanPiece), s->chunks->len);
        for (guint i = 0; i < s->chunks->len; i++) {
                const SignatureChunk *chunk = &g_array_index(s->chunks, SignatureChunk, i);
                gpointer before = g_hash_table_lookup(own, chunk->hash);
                PlanPiece piece = { .source = -1, .from = chunk->offset };

                if (before != NULL) {
                        piece = (PlanPiece){ 0, (gint64)GPOINTER_TO_SIZE(before) - 1 };
                } else {
                        if (!planindex_find(making->index, chunk, &sources, &piece))
                                file->fetch += chunk->size;
                        g_hash_table_insert(own, copy_hash(chunk->hash),
                                            GSIZE_TO_POINTER((gsize)chunk->offset + 1));
                }
                g_array_append_val(file->pieces, piece);
        }
        file->sources = planindex_sources_end(&sources);
}

static void
look_for_partner(const Making *making, PlanFile *file)
{
        const LikenessPair *pair =
                making->partners == NULL ? NULL : g_hash_table_lookup(making->partners, file->hash);
        const guint8 *old = pair == NULL ? NULL : pair->old_hash;
        gint64 old_size = 0;

        if (making->old_tree == NULL || file->size == 0)
                return;
        file->has_partner = old != NULL && library_has(making->library, old, &old_size);
        file->has_old =
                delta_memory(file->has_partner ? old_size : 0, file->size) <= DELTA_MAX_MEMORY;
        if (file->has_partner)
                memcpy(file->old_hash, old, HASH_SHA256_SIZE);
        else
                hash_sha256("", 0, file->old_hash);
}

static PlanFile *
make_file(const Making *making, const Plan *plan, guint index)
{
        const TreeEntry *entry = tree_entry(making->tree, index);
        PlanFile *file = g_new0(PlanFile, 1);

        file->entry = index;
        file->size = file->fetch = entry->size;
        memcpy(file->hash, entry->hash, HASH_SHA256_SIZE);
        file->signature = plan->signatures == NULL
                                  ? NULL
                                  : g_hash_table_lookup(plan->signatures, entry->hash);
        if (file->signature != NULL && file->signature->size != file->size)
                file->signature = NULL;
        if (file->signature != NULL)
                look_for_chunks(making, file);
        look_for_partner(making, file);
        if (g_hash_table_contains(making->framed, file->hash))
                take_way(file, PLAN_FRAME, NULL);
        else if (file->has_old && (file->fetch > 0 || file->pieces == NULL))
                take_way(file, PLAN_DELTA, NULL);
        else if (can_take_chunks(file))
                take_way(file, PLAN_CHUNKS, NULL);
        else
                take_way(file, PLAN_WHOLE, NULL);
        return file;
}

static void
look_for_frame(Making *making, Plan *plan)
{
        if (making->old_tree == NULL)
                return;
        g_autoptr(GArray) files = deltastore_frame_files(making->tree, making->old_tree);
        for (guint i = 0; i < files->len; i++) {
                const TreeEntry *entry = tree_entry(making->tree, g_array_index(files, guint, i));

                g_hash_table_add(making->framed, copy_hash(entry->hash));
                plan->frame_size += entry->size;
        }
        plan->has_frame = files->len > 0;
}

static void
make_files(const Making *making, Plan *plan)
{
        g_autoptr(GArray) missing = library_missing(making->library, making->tree);
        g_autoptr(GHashTable) hashes = library_hash_set();

        for (guint i = 0; i < missing->len; i++) {
                PlanFile *file = make_file(making, plan, g_array_index(missing, guint, i));

                g_hash_table_add(hashes, copy_hash(file->hash));
                g_ptr_array_add(plan->files, file);
                plan->size += file->size;
                plan->cost += file->cost;
        }
        for (guint i = 0; i < tree_count(making->tree); i++) {
                const TreeEntry *entry = tree_entry(making->tree, i);

                plan->have +=
                        entry->kind == TREE_FILE && !g_hash_table_contains(hashes, entry->hash);
        }
}

Plan *
plan_make(Library *library, const ContentTree *tree, GBytes *signatures,
          const ContentTree *old_tree, GError **error)
{
        UK_DOING(error, "planning what to fetch for %s", tree_content_id(tree));
        g_autoptr(Plan) plan = g_new0(Plan, 1);
        g_autoptr(GHashTable) partners = library_hash_table(NULL), framed = library_hash_set();
        g_autoptr(GArray) pairs = NULL;
        Making making = { library, tree, old_tree, partners, framed, NULL };

        plan->files = g_ptr_array_new_with_free_func(file_free);
        if (signatures != NULL) {
                plan->signatures = signature_tar_read(g_bytes_get_data(signatures, NULL),
                                                      g_bytes_get_size(signatures), error);
                if (plan->signatures == NULL)
                        return NULL;
        }
        making.index = planindex_new(library, old_tree, plan->signatures != NULL);
        if (old_tree != NULL)
                pairs = likeness_find(old_tree, planindex_related(making.index), tree,
                                      plan->signatures);
        for (guint i = 0; pairs != NULL && i < pairs->len; i++) {
                LikenessPair *pair = &g_array_index(pairs, LikenessPair, i);

                g_hash_table_insert(partners, copy_hash(pair->new_hash), pair);
        }
        look_for_frame(&making, plan);
        make_files(&making, plan);
        planindex_free(making.index);
        return g_steal_pointer(&plan);
}
