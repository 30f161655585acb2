/* decode.c - the decoders behind one form (DEB-012). */
#include "sup/upstream/decode.h"

#include <lzma.h>
#include <string.h>
#include <zlib.h>
#include <zstd.h>

#define XZ_THREADS 2
/* What a file may make us hold: blocks of Debian's Packages.xz are 24 MB plain. Above the first, it
 * is decoded by one thread; above the second, refused. */
#define XZ_THREAD_MEMORY (112 * 1024 * 1024)
#define XZ_MEMORY        (192 * 1024 * 1024)
#define ZSTD_WINDOW_LOG  27

struct Decode {
        DecodeKind kind;
        bool ended;
        lzma_stream xz;
        z_stream gzip;
        ZSTD_DStream *zstd;
};

DecodeKind
decode_kind(const char *name)
{
        if (g_str_has_suffix(name, ".xz"))
                return DECODE_XZ;
        if (g_str_has_suffix(name, ".gz"))
                return DECODE_GZIP;
        return g_str_has_suffix(name, ".zst") ? DECODE_ZSTD : DECODE_PLAIN;
}

const char *
decode_suffix(DecodeKind kind)
{
        static const char *const suffixes[] = { "", ".xz", ".gz", ".zst" };

        return suffixes[kind];
}

static bool
start(Decode *decode)
{
        lzma_mt options = { .threads = XZ_THREADS,
                            .flags = LZMA_CONCATENATED,
                            .memlimit_threading = XZ_THREAD_MEMORY,
                            .memlimit_stop = XZ_MEMORY };

        switch (decode->kind) {
        case DECODE_XZ:
                return lzma_stream_decoder_mt(&decode->xz, &options) == LZMA_OK;
        case DECODE_GZIP:
                return inflateInit2(&decode->gzip, 15 + 16) == Z_OK;
        case DECODE_ZSTD:
                decode->zstd = ZSTD_createDStream();
                return decode->zstd != NULL &&
                       !ZSTD_isError(ZSTD_DCtx_setParameter(decode->zstd, ZSTD_d_windowLogMax,
                                                            ZSTD_WINDOW_LOG));
        default:
                return true;
        }
}

Decode *
decode_new(DecodeKind kind, GError **error)
{
        Decode *decode = g_new0(Decode, 1);

        decode->kind = kind;
        if (start(decode))
                return decode;
        decode_free(decode);
        uk_fail(error, UK_ERROR_IO, "a decoder for %s cannot be started", decode_suffix(kind));
        return NULL;
}

void
decode_free(Decode *decode)
{
        if (decode == NULL)
                return;
        if (decode->kind == DECODE_XZ)
                lzma_end(&decode->xz);
        if (decode->kind == DECODE_GZIP)
                inflateEnd(&decode->gzip);
        ZSTD_freeDStream(decode->zstd);
        g_free(decode);
}

bool
decode_ended(const Decode *decode)
{
        return decode->kind == DECODE_PLAIN || decode->ended;
}

static bool
some_xz(Decode *decode, const guint8 **in, gsize *in_size, bool last, char *out, gsize room,
        gsize *out_size, GError **error)
{
        lzma_ret result;

        decode->xz.next_in = *in;
        decode->xz.avail_in = *in_size;
        decode->xz.next_out = (guint8 *)out;
        decode->xz.avail_out = room;
        result = lzma_code(&decode->xz, last ? LZMA_FINISH : LZMA_RUN);
        *in = decode->xz.next_in;
        *in_size = decode->xz.avail_in;
        *out_size = room - decode->xz.avail_out;
        decode->ended = result == LZMA_STREAM_END;
        if (result == LZMA_MEMLIMIT_ERROR || result == LZMA_MEM_ERROR)
                return uk_fail(error, UK_ERROR_LIMIT, "it needs more than %d MiB to decode",
                               XZ_MEMORY / 1024 / 1024);
        /* Not an error in itself: no progress was possible with what was given. */
        if (result == LZMA_OK || result == LZMA_STREAM_END || result == LZMA_BUF_ERROR)
                return true;
        return uk_fail(error, UK_ERROR_PARSE, "its xz data are damaged");
}

static bool
some_gzip(Decode *decode, const guint8 **in, gsize *in_size, char *out, gsize room, gsize *out_size,
          GError **error)
{
        gsize given = MIN(*in_size, 1u << 30);
        int result;

        if (decode->ended) /* a further member, as gzip itself takes it */
                inflateReset(&decode->gzip);
        decode->gzip.next_in = (guint8 *)*in;
        decode->gzip.avail_in = (uInt)given;
        decode->gzip.next_out = (guint8 *)out;
        decode->gzip.avail_out = (uInt)MIN(room, 1u << 30);
        result = inflate(&decode->gzip, Z_NO_FLUSH);
        *in += given - decode->gzip.avail_in;
        *in_size -= given - decode->gzip.avail_in;
        *out_size = MIN(room, 1u << 30) - decode->gzip.avail_out;
        decode->ended = result == Z_STREAM_END;
        if (result == Z_OK || result == Z_STREAM_END || result == Z_BUF_ERROR)
                return true;
        return uk_fail(error, UK_ERROR_PARSE, "its gzip data are damaged");
}

static bool
some_zstd(Decode *decode, const guint8 **in, gsize *in_size, char *out, gsize room, gsize *out_size,
          GError **error)
{
        ZSTD_inBuffer input = { *in, *in_size, 0 };
        ZSTD_outBuffer output = { out, room, 0 };
        size_t result;

        if (*in_size == 0 && decode->ended)
                return true;
        result = ZSTD_decompressStream(decode->zstd, &output, &input);

        *in += input.pos;
        *in_size -= input.pos;
        *out_size = output.pos;
        if (ZSTD_isError(result))
                return uk_fail(error, UK_ERROR_PARSE, "its zstd data are damaged (%s)",
                               ZSTD_getErrorName(result));
        decode->ended = result == 0;
        return true;
}

bool
decode_some(Decode *decode, const guint8 **in, gsize *in_size, bool last, char *out, gsize room,
            gsize *out_size, GError **error)
{
        *out_size = 0;
        switch (decode->kind) {
        case DECODE_XZ:
                if (decode->ended && *in_size == 0)
                        return true;
                return some_xz(decode, in, in_size, last, out, room, out_size, error);
        case DECODE_GZIP:
                if (*in_size == 0 && decode->ended)
                        return true;
                return some_gzip(decode, in, in_size, out, room, out_size, error);
        case DECODE_ZSTD:
                return some_zstd(decode, in, in_size, out, room, out_size, error);
        default:
                *out_size = MIN(*in_size, room);
                if (*out_size > 0)
                        memcpy(out, *in, *out_size);
                *in += *out_size;
                *in_size -= *out_size;
                return true;
        }
}
