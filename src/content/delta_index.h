/* delta_index.h - between the additive delta and its search for approximate matches. */
#pragma once

#include "content/delta.h"

/* Windows of an old file, found by their hash. Borrows the bytes. */
typedef struct DeltaIndex DeltaIndex;
DeltaIndex *delta_index_new(const guint8 *old, gsize size);
void delta_index_free(DeltaIndex *index);
/* Bytes of the index of a file of that size. */
gint64 delta_index_memory(gint64 old_size);

/* Told in order, without a gap: from `at`, `same` bytes are like the old file's at `at` +
 * `alignment` (all of which are there), then `fresh` bytes are like nothing. */
typedef void (*DeltaStep)(gpointer user, gsize at, gsize same, gsize fresh, gint64 alignment);
/* Covers new bytes [from, to) with steps. An index serves any number of threads. */
void delta_index_match(const DeltaIndex *index, const guint8 *new, gsize from, gsize to,
                       DeltaStep on_step, gpointer user);
