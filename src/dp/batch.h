/* batch.h - many small files in one body, as the site server sends them.
 *
 * For each file 32 bytes of SHA-256, 8 bytes of size (little-endian), the bytes.
 */
#pragma once

#include "base/error.h"
#include "crypto/hash.h"

#define BATCH_MAX_BYTES (64 * 1024 * 1024) /* unpacked */

typedef struct {
        const guint8 *hash; /* 32 bytes */
        const void *data;
        gsize size;
} BatchFile;

/* Told of each file; false stops the reading. The bytes are borrowed for the call. */
typedef bool (*BatchFileFn)(gpointer user, const BatchFile *file, GError **error);
/* Takes a body apart, hostile bytes included. PARSE names the file that is cut off; those before it
 * were told of. */
bool
batch_read(const void *data, gsize size, BatchFileFn fn, gpointer user, GError **error) UK_MUST_USE;
