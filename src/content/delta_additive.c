/* delta_additive.c - the additive delta: a rebuilt program differs from the old one in small
 * places everywhere (moved addresses), so bytes that lie alike are subtracted, and what is left,
 * nearly all zeros, compresses well. bsdiff's idea, with a hash of windows for its suffix array and
 * zstd for bzip2.
 *
 * The new file is made in segments, each on its own, so that two threads can work. A segment is a
 * row of steps: take `same` bytes of the old file, from where its alignment says, and add as many
 * difference bytes; then take `fresh` bytes as they are. Its form (little-endian): size of the
 * segment in the new file, and of three zstd frames (8 bytes each), then the frames: the steps
 * (change of the alignment, `same`, `fresh` as numbers of 7 bits a byte, low ones first, the change
 * with its sign in the lowest bit), the difference bytes, the fresh bytes.
 */
#include <stdatomic.h>
#include <string.h>

#include <zstd.h>

#include "content/delta_index.h"
#include "content/delta_private.h"

#define LEVEL  3 /* 5 packs a tenth smaller and makes the whole take half as long again */
#define PIECE  (128 * 1024)
#define NUMBER 10 /* bytes of a number at most */

/* --- making --- */

enum {
        STEPS,
        DIFFERENCE,
        FRESH,
        STREAMS,
};

#define HEAD_SIZE (8 * (1 + STREAMS))

typedef struct {
        DeltaBytes old, new;
        DeltaIndex *index;
        GByteArray **packed; /* one a segment; NULL where it failed */
        guint count;         /* of segments */
        DeltaLast last;
        gpointer user;
        atomic_size_t done, packed_size; /* bytes of the segments that are made */
} Making;

typedef struct {
        Making *making;
        gint64 alignment;
        GByteArray *steps;
        guint8 *bytes[STREAMS]; /* differences and fresh bytes: each has room for the segment, but
                                   together they only fill it */
        gsize used[STREAMS];
} Segment;

static void
add_number(GByteArray *out, guint64 value)
{
        guint8 bytes[NUMBER];
        guint n = 0;

        do {
                bytes[n++] = (guint8)((value & 127) | (value > 127 ? 128 : 0));
                value >>= 7;
        } while (value > 0);
        g_byte_array_append(out, bytes, n);
}

static void
on_step(gpointer user, gsize at, gsize same, gsize fresh, gint64 alignment)
{
        Segment *segment = user;
        const guint8 *new = segment->making->new.data + at;
        const guint8 *old = segment->making->old.data + (same > 0 ? (gint64)at + alignment : 0);
        guint8 *difference = segment->bytes[DIFFERENCE] + segment->used[DIFFERENCE];
        gint64 change = alignment - segment->alignment;

        add_number(segment->steps, (guint64)change << 1 ^ (change < 0 ? G_MAXUINT64 : 0));
        add_number(segment->steps, same);
        add_number(segment->steps, fresh);
        for (gsize i = 0; i < same; i++)
                difference[i] = (guint8)(new[i] - old[i]);
        memcpy(segment->bytes[FRESH] + segment->used[FRESH], new + same, fresh);
        segment->used[DIFFERENCE] += same;
        segment->used[FRESH] += fresh;
        segment->alignment = alignment;
}

/* Adds the bytes, compressed, and puts their size into the head. */
static bool
add_stream(GByteArray *out, int stream, ZSTD_CCtx *zstd, const guint8 *data, gsize size)
{
        guint before = out->len;
        gsize room = ZSTD_compressBound(size), packed;
        guint64 little;

        g_byte_array_set_size(out, before + (guint)room);
        packed = ZSTD_compress2(zstd, out->data + before, room, data, size);
        if (ZSTD_isError(packed))
                return false;
        g_byte_array_set_size(out, before + (guint)packed);
        little = GUINT64_TO_LE(packed);
        memcpy(out->data + 8 * (1 + stream), &little, sizeof little);
        return true;
}

static GByteArray *
pack_segment(const Segment *segment, gsize size)
{
        GByteArray *out = g_byte_array_new();
        ZSTD_CCtx *zstd = ZSTD_createCCtx();
        guint64 little = GUINT64_TO_LE(size);
        bool ok = zstd != NULL &&
                  !ZSTD_isError(ZSTD_CCtx_setParameter(zstd, ZSTD_c_compressionLevel, LEVEL));

        g_byte_array_set_size(out, HEAD_SIZE);
        memcpy(out->data, &little, sizeof little);
        ok = ok && add_stream(out, STEPS, zstd, segment->steps->data, segment->steps->len);
        for (int i = DIFFERENCE; ok && i < STREAMS; i++)
                ok = add_stream(out, i, zstd, segment->bytes[i], segment->used[i]);
        ZSTD_freeCCtx(zstd);
        if (!ok)
                g_clear_pointer(&out, g_byte_array_unref);
        return out;
}

static void
make_segment(gpointer user, guint n)
{
        Making *making = user;
        if (n == making->count) {
                making->last(making->user, making->packed_size, making->done);
                return;
        }
        gsize from = (gsize)n * DELTA_SEGMENT, to = MIN(from + DELTA_SEGMENT, making->new.size);
        Segment segment = { .making = making, .steps = g_byte_array_new() };

        for (int i = DIFFERENCE; i < STREAMS; i++)
                segment.bytes[i] = g_malloc(to - from);
        delta_index_match(making->index, making->new.data, from, to, on_step, &segment);
        making->packed[n] = pack_segment(&segment, to - from);
        if (making->packed[n] != NULL) {
                atomic_fetch_add(&making->packed_size, making->packed[n]->len);
                atomic_fetch_add(&making->done, to - from);
        }
        for (int i = DIFFERENCE; i < STREAMS; i++)
                g_free(segment.bytes[i]);
        g_byte_array_unref(segment.steps);
}

GByteArray *
delta_additive_make(DeltaBytes old, DeltaBytes new, DeltaLast last, gpointer user)
{
        guint count = (guint)((new.size + DELTA_SEGMENT - 1) / DELTA_SEGMENT);
        Making making = { .old = old,
                          .new = new,
                          .index = delta_index_new(old.data, old.size),
                          .packed = g_new0(GByteArray *, count + 1),
                          .count = count,
                          .last = last,
                          .user = user };
        GByteArray *out = g_byte_array_new();
        bool failed = false;

        delta_both(count + (last != NULL), make_segment, &making);
        for (guint i = 0; i < count; i++) {
                failed |= making.packed[i] == NULL;
                if (making.packed[i] != NULL) {
                        g_byte_array_append(out, making.packed[i]->data, making.packed[i]->len);
                        g_byte_array_unref(making.packed[i]);
                }
        }
        if (failed)
                g_clear_pointer(&out, g_byte_array_unref);
        g_free(making.packed);
        delta_index_free(making.index);
        return out;
}

gint64
delta_additive_index(gint64 old_size)
{
        return delta_index_memory(old_size);
}

/* --- applying --- */

typedef struct {
        ZSTD_DCtx *zstd;
        ZSTD_inBuffer in;
        guint8 *buffer; /* PIECE bytes */
        gsize at, have;
} Unpacker;

static Unpacker
unpacker_new(const guint8 *data, gsize size)
{
        Unpacker u = { ZSTD_createDCtx(), { data, size, 0 }, g_malloc(PIECE), 0, 0 };

        /* Ours have windows of 2 MB; who asks for much more memory is no one of us. */
        (void)ZSTD_DCtx_setParameter(u.zstd, ZSTD_d_windowLogMax, 23);
        return u;
}

static void
unpacker_clear(Unpacker *u)
{
        ZSTD_freeDCtx(u->zstd);
        g_free(u->buffer);
}

/* Makes bytes ready; false at the end, or where the stream is bad. */
static bool
unpacker_fill(Unpacker *u)
{
        while (u->at == u->have) {
                ZSTD_outBuffer out = { u->buffer, PIECE, 0 };
                gsize before = u->in.pos;
                gsize rc = ZSTD_decompressStream(u->zstd, &out, &u->in);

                u->at = 0;
                u->have = ZSTD_isError(rc) ? 0 : out.pos;
                if (ZSTD_isError(rc) || (out.pos == 0 && u->in.pos == before))
                        return false;
        }
        return true;
}

static bool
unpack_number(Unpacker *u, guint64 *value_out)
{
        guint64 value = 0;

        for (int shift = 0; shift < 63; shift += 7) {
                guint8 byte;

                if (!unpacker_fill(u))
                        return false;
                byte = u->buffer[u->at++];
                value |= (guint64)(byte & 127) << shift;
                if (byte < 128) {
                        *value_out = value;
                        return true;
                }
        }
        return false;
}

typedef struct {
        DeltaBytes old;
        gsize new_size, at; /* of the new file: all, and what went to the sink */
        DeltaSink sink;
        gpointer user;
        guint8 *out; /* PIECE bytes, of which `used` wait for the sink: steps are small */
        gsize used;
        Unpacker streams[STREAMS];
} Applying;

static bool
flush_out(Applying *a, GError **error)
{
        gsize used = a->used;

        a->used = 0;
        return used == 0 || a->sink(a->user, a->out, used, error);
}

/* Sends `size` bytes of a stream on, having added the old ones, where there are. */
static bool
send(Applying *a, Unpacker *u, const guint8 *old, gsize size, GError **error)
{
        while (size > 0) {
                if (!unpacker_fill(u))
                        return uk_fail(error, UK_ERROR_PARSE,
                                       "a stream of it ends early or is bad");
                if (a->used == PIECE && !flush_out(a, error))
                        return false;
                gsize n = MIN(MIN(size, u->have - u->at), PIECE - a->used);
                const guint8 *data = u->buffer + u->at;
                guint8 *out = a->out + a->used;

                if (old == NULL)
                        memcpy(out, data, n);
                for (gsize i = 0; old != NULL && i < n; i++)
                        out[i] = (guint8)(data[i] + old[i]);
                u->at += n;
                a->at += n;
                a->used += n;
                size -= n;
                old = old == NULL ? NULL : old + n;
        }
        return true;
}

static bool
apply_step(Applying *a, gint64 *alignment, gsize end, GError **error)
{
        guint64 change, same, fresh;
        gint64 from;

        if (!unpack_number(&a->streams[STEPS], &change) ||
            !unpack_number(&a->streams[STEPS], &same) || !unpack_number(&a->streams[STEPS], &fresh))
                return uk_fail(error, UK_ERROR_PARSE, "its steps end early or are bad");
        if (change > 4 * (guint64)DELTA_MAX_MEMORY || same > end - a->at ||
            fresh > end - a->at - same || same + fresh == 0)
                return uk_fail(error, UK_ERROR_PARSE, "a step beyond the new file");
        *alignment += (gint64)(change >> 1) ^ -(gint64)(change & 1);
        from = (gint64)a->at + *alignment;
        if (same > 0 && (from < 0 || from > (gint64)a->old.size - (gint64)same))
                return uk_fail(error, UK_ERROR_PARSE, "a step beyond the old file");
        return (same == 0 || send(a, &a->streams[DIFFERENCE], a->old.data + from, same, error)) &&
               send(a, &a->streams[FRESH], NULL, fresh, error);
}

static bool
apply_steps(Applying *a, gsize size, GError **error)
{
        gsize end = a->at + size;
        gint64 alignment = 0;

        while (a->at < end) {
                if (!apply_step(a, &alignment, end, error))
                        return false;
                if (ABS(alignment) > DELTA_MAX_MEMORY)
                        return uk_fail(error, UK_ERROR_PARSE, "a step beyond all files");
        }
        return true;
}

static guint64
get_64(const guint8 *data)
{
        guint64 little;

        memcpy(&little, data, sizeof little);
        return GUINT64_FROM_LE(little);
}

/* Applies the segment that *packed begins with, and moves *packed behind it. */
static bool
apply_segment(Applying *a, DeltaBytes *packed, GError **error)
{
        guint64 size, sizes[STREAMS];
        bool ok;

        if (packed->size < HEAD_SIZE)
                return uk_fail(error, UK_ERROR_PARSE, "it ends early");
        size = get_64(packed->data);
        if (size == 0 || size > a->new_size - a->at)
                return uk_fail(error, UK_ERROR_PARSE, "a segment beyond the new file");
        gsize at = HEAD_SIZE;
        for (int i = 0; i < STREAMS; i++) {
                sizes[i] = get_64(packed->data + 8 * (i + 1));
                if (sizes[i] > packed->size - at)
                        return uk_fail(error, UK_ERROR_PARSE, "a segment is cut off");
                at += sizes[i];
        }
        at = HEAD_SIZE;
        for (int i = 0; i < STREAMS; i++) {
                a->streams[i] = unpacker_new(packed->data + at, sizes[i]);
                at += sizes[i];
        }
        ok = apply_steps(a, size, error);
        for (int i = 0; i < STREAMS; i++)
                unpacker_clear(&a->streams[i]);
        packed->data += at;
        packed->size -= at;
        return ok;
}

bool
delta_additive_apply(DeltaBytes old, DeltaBytes packed, gsize new_size, DeltaSink sink,
                     gpointer user, GError **error)
{
        g_autofree guint8 *out = g_malloc(PIECE);
        Applying a = { .old = old, .new_size = new_size, .sink = sink, .user = user, .out = out };

        while (a.at < new_size) {
                if (!apply_segment(&a, &packed, error))
                        return false;
        }
        if (packed.size > 0)
                return uk_fail(error, UK_ERROR_PARSE, "there is more behind its end");
        return flush_out(&a, error);
}
