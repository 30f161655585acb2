/* delta.h - a file from an old one that the receiver holds: of two ways the smaller.
 *
 * Zstandard with the old file as prefix, and an additive delta of our own: approximate matches
 * found by a hash of windows, difference bytes, zstd (dependencies.md 3.11). The latter is tried
 * first; where it is so good that the former can win little, the former is not tried, and for large
 * files a sample decides. Both ends keep to a cap of memory; above it there is no delta. The result
 * is proved by its SHA-256 by whoever applies it. The old file may be empty; the delta is then the
 * new file, compressed.
 */
#pragma once

#include "base/error.h"
#include "crypto/hash.h"

typedef enum {
        DELTA_PREFIX,
        DELTA_ADDITIVE,
} DeltaKind;

#define DELTA_MAX_MEMORY (1024LL * 1024 * 1024) /* of either end, old and new file included */

/* What a delta says of itself. The hashes are those in its name: of files, or, of a frame, of
 * content items. */
typedef struct {
        DeltaKind kind;
        gint64 old_size, new_size;
        guint8 old_hash[HASH_SHA256_SIZE];
        guint8 new_hash[HASH_SHA256_SIZE];
} DeltaHead;

/* The memory that making and applying a delta of such files takes at most, in bytes. */
gint64 delta_memory(gint64 old_size, gint64 new_size);
/* Makes the delta that turns old into new, both open for reading, into the open file `out`, from
 * its beginning, by two threads where it is large. The head has sizes and hashes, which are taken
 * as they are (who applies the delta proves the result), and is given the kind. *size_out is the
 * delta's size. The same files give the same bytes. LIMIT: they are too large for a delta. */
bool delta_make(int old_fd, int new_fd, DeltaHead *head, int out, gint64 *size_out,
                GError **error) UK_MUST_USE;
/* Reads the head of a delta; PARSE. */
bool delta_read_head(int delta_fd, DeltaHead *head_out, GError **error) UK_MUST_USE;

/* Takes the new file's bytes in order. */
typedef bool (*DeltaSink)(gpointer user, const void *data, gsize size, GError **error);
/* Applies a delta, hostile bytes included: at most new_size bytes go to the sink. PARSE, LIMIT. */
bool delta_apply(int old_fd, gint64 old_size, int delta_fd, gint64 new_size, DeltaSink sink,
                 gpointer user, GError **error) UK_MUST_USE;
