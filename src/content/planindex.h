/* planindex.h - which chunks are here, and where: of the related content item first, then of all
 * others, as far as their signatures are there and memory allows. */
#pragma once

#include "content/plan.h"

typedef struct PlanIndex PlanIndex;
/* with_chunks: false makes an index that only has planindex_related(). What cannot be read is left
 * out. */
PlanIndex *planindex_new(Library *library, const ContentTree *old_tree, bool with_chunks);
void planindex_free(PlanIndex *index);
/* The signatures of the related content item, or NULL; borrowed. */
GHashTable *planindex_related(const PlanIndex *index);

/* The sources of one file, its own hash first. */
typedef struct {
        GArray *hashes;      /* 32 bytes each */
        GHashTable *numbers; /* hash -> number */
} PlanSources;
void planindex_sources_init(PlanSources *sources, const guint8 *own_hash);
/* The hashes; the caller's. */
GArray *planindex_sources_end(PlanSources *sources);

/* Finds a chunk in a file that is here: *piece_out says where. */
bool planindex_find(PlanIndex *index, const SignatureChunk *chunk, PlanSources *sources,
                    PlanPiece *piece_out);
