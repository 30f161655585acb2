/* likeness.h - which old file a new one is made from, and what is cheapest for a whole content
 * item.
 *
 * Partners are found by likeness (shared chunks, then name and size), not by path alone; the cost
 * of each way is estimated, and the plan says which is taken and why (architecture 6).
 */
#pragma once

#include "content/library.h"

typedef struct {
        guint8 new_hash[HASH_SHA256_SIZE];
        guint8 old_hash[HASH_SHA256_SIZE];
} LikenessPair;

/* For each file of `new` that `old` has not, the file of `old` it is most like, if there is one;
 * GArray of LikenessPair, the caller's. Both content items must be in the library. */
GArray *likeness_pairs(Library *library, const ContentTree *old_tree, const ContentTree *new_tree,
                       GError **error) UK_MUST_USE;
