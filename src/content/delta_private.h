/* delta_private.h - the two kinds of delta, over bytes in memory.
 *
 * A delta begins with 96 bytes (little-endian): "UKDLT1\r\n", the kind (8), sizes of old and new
 * file (8 each), their SHA-256 (32 each). What follows is the kind's own: one zstd frame, or the
 * segments of delta_additive.c.
 */
#pragma once

#include "content/delta.h"

typedef struct {
        const guint8 *data;
        gsize size;
} DeltaBytes;

/* New bytes with the old ones as prefix. The caller's; NULL when zstd has no memory. */
GByteArray *delta_prefix_make(DeltaBytes old, DeltaBytes new);
bool delta_prefix_apply(DeltaBytes old, DeltaBytes packed, gsize new_size, DeltaSink sink,
                        gpointer user, GError **error);

/* Bytes of the new file that are searched and packed at once; each of two threads has one segment
 * in memory beside the file, as it is and packed. */
#define DELTA_SEGMENT (16 * 1024 * 1024)
/* A last piece of work for the threads that make an additive delta, told how small its first bytes
 * have become. */
typedef void (*DeltaLast)(gpointer user, gsize packed, gsize of);
/* Difference bytes of approximate matches. last may be NULL. The caller's; NULL when zstd has no
 * memory. */
GByteArray *delta_additive_make(DeltaBytes old, DeltaBytes new, DeltaLast last, gpointer user);
bool delta_additive_apply(DeltaBytes old, DeltaBytes packed, gsize new_size, DeltaSink sink,
                          gpointer user, GError **error);
/* Bytes of the index that delta_additive_make keeps of an old file. */
gint64 delta_additive_index(gint64 old_size);

/* Memory for many bytes, on large pages where the system has them: reading at random in small ones
 * costs half the time of the search. The caller frees it with free(). */
void *delta_alloc(gsize size);

/* Runs job(user, n) for n from 0 below count, by two threads if there is more than one. */
void delta_both(guint count, void (*job)(gpointer user, guint n), gpointer user);
