/* plan_assemble.c - builds a file from what is here and what is fetched.
 *
 * Comes in: a file's plan. Goes out: its bytes, to the library, each chunk proved on the way; the
 * whole is proved by library_file_end().
 */
#include <string.h>
#include <unistd.h>

#include "base/io.h"
#include "content/delta.h"
#include "content/plan.h"

/* Without a signature a file is fetched in pieces of this size. */
#define PIECE SIGNATURE_MAX

static void
add_range(GArray *ranges, gint64 offset, gint64 size)
{
        PlanRange *last =
                ranges->len == 0 ? NULL : &g_array_index(ranges, PlanRange, ranges->len - 1);
        PlanRange range = { offset, size };

        if (last != NULL && last->offset + last->size == offset)
                last->size += size;
        else if (size > 0)
                g_array_append_val(ranges, range);
}

GArray *
plan_ranges(const PlanFile *file, gint64 position)
{
        GArray *ranges = g_array_new(FALSE, FALSE, sizeof(PlanRange));

        if (file->way != PLAN_CHUNKS) {
                add_range(ranges, position, file->size - position);
                return ranges;
        }
        for (guint i = 0; i < file->pieces->len; i++) {
                const SignatureChunk *chunk =
                        &g_array_index(file->signature->chunks, SignatureChunk, i);
                gint64 from = MAX(chunk->offset, position);

                if (g_array_index(file->pieces, PlanPiece, i).source < 0 &&
                    chunk->offset + chunk->size > from)
                        add_range(ranges, from, chunk->offset + chunk->size - from);
        }
        return ranges;
}

typedef struct {
        Library *library;
        const PlanFile *file;
        LibraryFile *out;
        PlanFetch fetch;
        gpointer user;
        guint8 *data;                       /* SIGNATURE_MAX bytes: the last chunk, */
        guint8 data_hash[HASH_SHA256_SIZE]; /* whose hash this is */
        gint32 open_source;                 /* number of the source that is open, or -1 */
        int open_fd;
} Building;

static bool
is_chunk(const Building *b, const SignatureChunk *chunk)
{
        guint8 hash[HASH_SHA256_SIZE];

        hash_sha256(b->data, chunk->size, hash);
        return memcmp(hash, chunk->hash, sizeof hash) == 0;
}

/* Opens the source unless it is open. */
static bool
open_source(Building *b, gint32 source)
{
        const guint8 *hash = (const guint8 *)b->file->sources->data + source * HASH_SHA256_SIZE;
        gint64 size;

        if (b->open_source == source)
                return b->open_fd >= 0;
        uk_io_close(&b->open_fd);
        b->open_source = source;
        b->open_fd = library_open_file(b->library, hash, &size, NULL);
        return b->open_fd >= 0;
}

/* Fills data with a chunk that should be here; false when it is not, or not as it should be. */
static bool
take_from_here(Building *b, const PlanPiece *piece, const SignatureChunk *chunk)
{
        if (memcmp(b->data_hash, chunk->hash, HASH_SHA256_SIZE) == 0)
                return true; /* the same again */
        if (piece->source == 0) {
                if (!library_file_peek(b->out, piece->from, b->data, chunk->size, NULL))
                        return false;
        } else if (!open_source(b, piece->source) ||
                   pread(b->open_fd, b->data, chunk->size, piece->from) != (gssize)chunk->size) {
                return false;
        }
        return is_chunk(b, chunk);
}

/* Fetches the chunk, or what of it is behind the file's position. */
static bool
fetch_chunk(Building *b, const SignatureChunk *chunk, gsize skip, GError **error)
{
        if (!b->fetch(b->user, chunk->offset + (gint64)skip, b->data + skip, chunk->size - skip,
                      error))
                return false;
        if (skip > 0 && !library_file_peek(b->out, chunk->offset, b->data, skip, error))
                return false;
        return is_chunk(b, chunk) || uk_fail(error, UK_ERROR_SIGNATURE,
                                             "what came for bytes %" G_GINT64_FORMAT
                                             " to %" G_GINT64_FORMAT " has another hash",
                                             chunk->offset, chunk->offset + chunk->size - 1);
}

static bool
build_chunk(Building *b, guint number, GError **error)
{
        const SignatureChunk *chunk =
                &g_array_index(b->file->signature->chunks, SignatureChunk, number);
        const PlanPiece *piece = &g_array_index(b->file->pieces, PlanPiece, number);
        gint64 done = library_file_position(b->out) - chunk->offset;
        gsize skip = (gsize)MAX(done, 0);

        if (skip >= chunk->size)
                return true;
        if (piece->source < 0 || !take_from_here(b, piece, chunk)) {
                memset(b->data_hash, 0, sizeof b->data_hash);
                if (!fetch_chunk(b, chunk, skip, error))
                        return false;
        }
        memcpy(b->data_hash, chunk->hash, sizeof b->data_hash);
        return library_file_write(b->out, b->data + skip, chunk->size - skip, error);
}

static bool
build_by_chunks(Building *b, GError **error)
{
        for (guint i = 0; i < b->file->pieces->len; i++) {
                if (!build_chunk(b, i, error))
                        return false;
        }
        return true;
}

static bool
build_whole(Building *b, GError **error)
{
        gint64 at;

        while ((at = library_file_position(b->out)) < b->file->size) {
                gsize n = (gsize)MIN(PIECE, b->file->size - at);

                if (!b->fetch(b->user, at, b->data, n, error) ||
                    !library_file_write(b->out, b->data, n, error))
                        return false;
        }
        return true;
}

bool
plan_assemble(Library *library, const PlanFile *file, LibraryFile *out, PlanFetch fetch,
              gpointer user, GError **error)
{
        g_autofree guint8 *data = g_malloc(SIGNATURE_MAX);
        Building b = { .library = library,
                       .file = file,
                       .out = out,
                       .fetch = fetch,
                       .user = user,
                       .data = data,
                       .open_source = -1,
                       .open_fd = -1 };
        bool ok = file->way == PLAN_CHUNKS ? build_by_chunks(&b, error) : build_whole(&b, error);

        uk_io_close(&b.open_fd);
        return ok;
}

static bool
on_bytes(gpointer user, const void *data, gsize size, GError **error)
{
        return library_file_write(user, data, size, error);
}

bool
plan_apply_delta(Library *library, const PlanFile *file, int delta_fd, LibraryFile *out,
                 GError **error)
{
        UK_AUTOFD old = -1;
        gint64 old_size = 0;

        if (file->has_partner) {
                old = library_open_file(library, file->old_hash, &old_size, error);
                if (old < 0)
                        return false;
        }
        if (library_file_position(out) > 0 && !library_file_restart(out, error))
                return false;
        return delta_apply(old, old_size, delta_fd, file->size, on_bytes, out, error);
}
