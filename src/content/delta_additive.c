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

#define SEGMENT (32 * 1024 * 1024)
/* Level 6 packs two hundredths smaller than 5 and takes half as long again; for large files time
 * counts more. */
#define LEVEL       5
#define LEVEL_LARGE 3
#define LARGE       ((gsize)96 * 1024 * 1024)
#define PIECE       (128 * 1024)

/* --- three streams of a segment --- */

typedef struct {
        ZSTD_CCtx *zstd;
        GByteArray *out;
        guint8 *buffer; /* PIECE bytes to be compressed next */
        gsize used;
        bool failed;
} Packer;

static Packer
packer_new(int level)
{
        Packer packer = { ZSTD_createCCtx(), g_byte_array_new(), g_malloc(PIECE), 0, false };

        packer.failed =
                packer.zstd == NULL ||
                ZSTD_isError(ZSTD_CCtx_setParameter(packer.zstd, ZSTD_c_compressionLevel, level));
        return packer;
}

static void
packer_clear(Packer *packer)
{
        ZSTD_freeCCtx(packer->zstd);
        g_byte_array_unref(packer->out);
        g_free(packer->buffer);
}

static void
packer_flush(Packer *packer, ZSTD_EndDirective how)
{
        ZSTD_inBuffer in = { packer->buffer, packer->used, 0 };
        gsize rest = 1;

        packer->used = 0;
        while (!packer->failed && (in.pos < in.size || (how == ZSTD_e_end && rest > 0))) {
                guint8 piece[16384];
                ZSTD_outBuffer out = { piece, sizeof piece, 0 };

                rest = ZSTD_compressStream2(packer->zstd, &out, &in, how);
                packer->failed = ZSTD_isError(rest);
                g_byte_array_append(packer->out, piece, (guint)out.pos);
        }
}

/* Room for at most PIECE bytes, of which the caller then says how many it filled. */
static guint8 *
packer_room(Packer *packer, gsize *room_out)
{
        if (packer->used == PIECE)
                packer_flush(packer, ZSTD_e_continue);
        *room_out = PIECE - packer->used;
        return packer->buffer + packer->used;
}

static void
pack_difference(Packer *packer, const guint8 *new, const guint8 *old, gsize size)
{
        while (size > 0) {
                gsize room;
                guint8 *out = packer_room(packer, &room);
                gsize n = MIN(room, size);

                for (gsize i = 0; i < n; i++)
                        out[i] = (guint8)(new[i] - old[i]);
                packer->used += n;
                new += n;
                old += n;
                size -= n;
        }
}

static void
pack_bytes(Packer *packer, const guint8 *data, gsize size)
{
        while (size > 0) {
                gsize room;
                guint8 *out = packer_room(packer, &room);
                gsize n = MIN(room, size);

                memcpy(out, data, n);
                packer->used += n;
                data += n;
                size -= n;
        }
}

static void
pack_number(Packer *packer, guint64 value)
{
        guint8 bytes[10];
        gsize n = 0;

        do {
                bytes[n++] = (guint8)((value & 127) | (value > 127 ? 128 : 0));
                value >>= 7;
        } while (value > 0);
        pack_bytes(packer, bytes, n);
}

/* --- making --- */

enum {
        STEPS,
        DIFFERENCE,
        FRESH,
        STREAMS,
};

typedef struct {
        DeltaBytes old, new;
        DeltaIndex *index;
        GByteArray **packed; /* one a segment; NULL where it failed */
        guint count;         /* of segments */
        DeltaLast last;
        gpointer user;
        atomic_size_t done, packed_size; /* bytes of the segments that are made */
} Making;

static void
put_64(GByteArray *out, guint64 value)
{
        guint64 little = GUINT64_TO_LE(value);

        g_byte_array_append(out, (const guint8 *)&little, sizeof little);
}

typedef struct {
        Making *making;
        Packer streams[STREAMS];
        gint64 alignment;
} Segment;

static void
on_step(gpointer user, gsize at, gsize same, gsize fresh, gint64 alignment)
{
        Segment *segment = user;
        const guint8 *new = segment->making->new.data + at;
        gint64 change = alignment - segment->alignment;

        pack_number(&segment->streams[STEPS],
                    (guint64)change << 1 ^ (change < 0 ? G_MAXUINT64 : 0));
        pack_number(&segment->streams[STEPS], same);
        pack_number(&segment->streams[STEPS], fresh);
        if (same > 0)
                pack_difference(&segment->streams[DIFFERENCE], new,
                                segment->making->old.data + ((gint64)at + alignment), same);
        pack_bytes(&segment->streams[FRESH], new + same, fresh);
        segment->alignment = alignment;
}

static GByteArray *
join_segment(Segment *segment, gsize size)
{
        GByteArray *out = g_byte_array_new();
        bool failed = false;

        put_64(out, size);
        for (int i = 0; i < STREAMS; i++) {
                packer_flush(&segment->streams[i], ZSTD_e_end);
                failed |= segment->streams[i].failed;
                put_64(out, segment->streams[i].out->len);
        }
        for (int i = 0; i < STREAMS; i++)
                g_byte_array_append(out, segment->streams[i].out->data,
                                    segment->streams[i].out->len);
        if (failed)
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
        gsize from = (gsize)n * SEGMENT, to = MIN(from + SEGMENT, making->new.size);
        Segment segment = { .making = making };

        for (int i = 0; i < STREAMS; i++)
                segment.streams[i] = packer_new(making->new.size > LARGE ? LEVEL_LARGE : LEVEL);
        delta_index_match(making->index, making->new.data, from, to, on_step, &segment);
        making->packed[n] = join_segment(&segment, to - from);
        if (making->packed[n] != NULL) {
                atomic_fetch_add(&making->packed_size, making->packed[n]->len);
                atomic_fetch_add(&making->done, to - from);
        }
        for (int i = 0; i < STREAMS; i++)
                packer_clear(&segment.streams[i]);
}

GByteArray *
delta_additive_make(DeltaBytes old, DeltaBytes new, DeltaLast last, gpointer user)
{
        guint count = (guint)((new.size + SEGMENT - 1) / SEGMENT);
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
        const gsize head = 8 * (1 + STREAMS);
        guint64 size, sizes[STREAMS];
        bool ok;

        if (packed->size < head)
                return uk_fail(error, UK_ERROR_PARSE, "it ends early");
        size = get_64(packed->data);
        if (size == 0 || size > a->new_size - a->at)
                return uk_fail(error, UK_ERROR_PARSE, "a segment beyond the new file");
        gsize at = head;
        for (int i = 0; i < STREAMS; i++) {
                sizes[i] = get_64(packed->data + 8 * (i + 1));
                if (sizes[i] > packed->size - at)
                        return uk_fail(error, UK_ERROR_PARSE, "a segment is cut off");
                at += sizes[i];
        }
        at = head;
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
