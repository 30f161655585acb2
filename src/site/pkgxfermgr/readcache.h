/* readcache.h - what several sending threads read of the same files at about the same time.
 *
 * A package goes to many distribution points at once: a piece of a file that one thread has read
 * stays in memory until the others of the package have had it, up to a limit; the slowest may have
 * to read again. With one thread nothing is kept.
 */
#pragma once

#include "base/error.h"

typedef struct ReadCache ReadCache; /* for many threads */

/* Keeps at most so many bytes. */
ReadCache *readcache_new(gsize max_bytes);
void readcache_free(ReadCache *cache);
/* Nobody wants any more what is kept. */
void readcache_clear(ReadCache *cache);

/* Which bytes. */
typedef struct {
        guint8 hash[32];
        gint64 position;
        gsize size;
} ReadPiece;

/* Reads a piece into data. */
typedef bool (*ReadFn)(gpointer user, const ReadPiece *piece, guint8 *data, GError **error);
/* The bytes of a piece, from memory or by fn; a thread that wants what another one is reading waits
 * for it. others: so many may want it, too. The caller's. */
GBytes *readcache_get(ReadCache *cache, const ReadPiece *piece, guint others, ReadFn fn,
                      gpointer user, GError **error) UK_MUST_USE;
