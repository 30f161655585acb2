/* delta_prefix.c - the delta that zstd makes when the old file goes before the new one.
 *
 * The window reaches over both files; above 4 MB long matches are looked for as well. One thread:
 * with worker threads zstd sees only a part of the prefix and the delta doubles.
 */
#include <string.h>

#include <zstd.h>

#include "content/delta_private.h"

#define LEVEL      3
#define LONG_ABOVE (4 * 1024 * 1024)
#define PIECE      (1024 * 1024)

static int
window_log(gsize size)
{
        int log = 10;

        while (log < 31 && ((gsize)1 << log) < size)
                log++;
        return log;
}

static bool
set_up(ZSTD_CCtx *zstd, DeltaBytes old, DeltaBytes new)
{
        gsize both = old.size + new.size;

        return !ZSTD_isError(ZSTD_CCtx_setParameter(zstd, ZSTD_c_compressionLevel, LEVEL)) &&
               !ZSTD_isError(ZSTD_CCtx_setParameter(zstd, ZSTD_c_windowLog, window_log(both))) &&
               !ZSTD_isError(ZSTD_CCtx_setParameter(zstd, ZSTD_c_enableLongDistanceMatching,
                                                    both > LONG_ABOVE)) &&
               !ZSTD_isError(ZSTD_CCtx_refPrefix(zstd, old.data, old.size));
}

GByteArray *
delta_prefix_make(DeltaBytes old, DeltaBytes new)
{
        ZSTD_CCtx *zstd = ZSTD_createCCtx();
        gsize room = ZSTD_compressBound(new.size);
        guint8 *out = g_malloc(room); /* what is not written costs nothing */
        gsize size = set_up(zstd, old, new) ? ZSTD_compress2(zstd, out, room, new.data, new.size)
                                            : (gsize)-1;
        GByteArray *packed = NULL;

        ZSTD_freeCCtx(zstd);
        if (!ZSTD_isError(size)) {
                packed = g_byte_array_sized_new((guint)size);
                g_byte_array_append(packed, out, (guint)size);
        }
        g_free(out);
        return packed;
}

static bool
unpack(DeltaBytes old, DeltaBytes packed, guint8 *out, gsize new_size, GError **error)
{
        ZSTD_DCtx *zstd = ZSTD_createDCtx();
        gsize size = ZSTD_DCtx_setParameter(zstd, ZSTD_d_windowLogMax, 31);

        if (!ZSTD_isError(size))
                size = ZSTD_DCtx_refPrefix(zstd, old.data, old.size);
        if (!ZSTD_isError(size))
                size = ZSTD_decompressDCtx(zstd, out, new_size, packed.data, packed.size);
        ZSTD_freeDCtx(zstd);
        if (ZSTD_isError(size))
                return uk_fail(error, UK_ERROR_PARSE, "%s", ZSTD_getErrorName(size));
        if (size != new_size)
                return uk_fail(error, UK_ERROR_PARSE, "it ends early");
        return true;
}

bool
delta_prefix_apply(DeltaBytes old, DeltaBytes packed, gsize new_size, DeltaSink sink, gpointer user,
                   GError **error)
{
        g_autofree guint8 *out = delta_alloc(new_size + 1);

        if (!unpack(old, packed, out, new_size, error))
                return false;
        for (gsize at = 0; at < new_size; at += PIECE) {
                if (!sink(user, out + at, MIN(PIECE, new_size - at), error))
                        return false;
        }
        return true;
}
