/* deflate.c - gzip and zlib streams of whole buffers, through zlib. */
#include "base/deflate.h"

#include <limits.h>
#include <string.h>

#include <zlib.h>

/* Of the levels 1 to 9: SOAP and JSON shrink to a tenth already, and the answer waits for it. */
#define LEVEL 3
/* Window bits as zlib wants them: 15, plus 16 for gzip, plus 32 for either when reading. */
#define BITS_ZLIB    15
#define BITS_GZIP    (15 + 16)
#define BITS_EITHER  (15 + 32)
#define MIN_OUTPUT   4096
#define MAX_STEP     (16 * 1024 * 1024)
#define USUAL_FACTOR 12 /* by which a message of ours grows */

GBytes *
deflate_pack(DeflateForm form, const void *data, gsize size)
{
        z_stream z = { 0 };
        int bits = form == DEFLATE_GZIP ? BITS_GZIP : BITS_ZLIB;
        gsize room;
        guint8 *out;

        g_assert(size <= G_MAXINT);
        if (deflateInit2(&z, LEVEL, Z_DEFLATED, bits, 8, Z_DEFAULT_STRATEGY) != Z_OK)
                g_error("zlib cannot compress: %s", z.msg ? z.msg : "no memory");
        room = deflateBound(&z, size);
        out = g_malloc(room);
        z.next_in = (Bytef *)data;
        z.avail_in = (uInt)size;
        z.next_out = out;
        z.avail_out = (uInt)room;
        if (deflate(&z, Z_FINISH) != Z_STREAM_END)
                g_error("zlib broke its own bound");
        room = z.total_out;
        deflateEnd(&z);
        return g_bytes_new_take(g_realloc(out, MAX(room, 1)), room);
}

/* One step into a buffer that grows up to max + 1 bytes, so that too much is noticed. The end is
 * said to be near, because the library then keeps no window of its own when the first step is the
 * last, as it is for nearly every message. */
static int
inflate_more(z_stream *z, GByteArray *out, gsize max)
{
        gsize room = MAX((gsize)out->len, USUAL_FACTOR * (gsize)z->avail_in);
        guint before = out->len;
        int rc;

        room = MIN(CLAMP(room, MIN_OUTPUT, MAX_STEP), max + 1 - before);
        g_byte_array_set_size(out, before + (guint)room);
        z->next_out = out->data + before;
        z->avail_out = (uInt)room;
        rc = inflate(z, Z_FINISH);
        g_byte_array_set_size(out, before + (guint)room - z->avail_out);
        return rc;
}

static bool
inflate_all(z_stream *z, GByteArray *out, gsize max, GError **error)
{
        for (;;) {
                int rc = inflate_more(z, out, max);

                if (out->len > max)
                        return uk_fail(error, UK_ERROR_LIMIT,
                                       "decompressed it has more than the %zu bytes allowed", max);
                if (rc == Z_STREAM_END && z->avail_in > 0)
                        return uk_fail(error, UK_ERROR_PARSE, "%u bytes behind the compressed data",
                                       z->avail_in);
                if (rc == Z_STREAM_END)
                        return true;
                if ((rc == Z_BUF_ERROR || rc == Z_OK) && z->avail_out == 0)
                        continue;
                if (rc == Z_BUF_ERROR || rc == Z_OK)
                        return uk_fail(error, UK_ERROR_PARSE, "the compressed data ends early");
                return uk_fail(error, UK_ERROR_PARSE, "the compressed data is damaged: %s",
                               z->msg ? z->msg : zError(rc));
        }
}

GBytes *
deflate_unpack(const void *data, gsize size, gsize max, GError **error)
{
        z_stream z = { 0 };
        g_autoptr(GByteArray) out = g_byte_array_new();
        bool ok;

        if (size > G_MAXINT || max >= G_MAXINT) {
                uk_fail(error, UK_ERROR_LIMIT, "%zu bytes are too many to decompress", size);
                return NULL;
        }
        if (inflateInit2(&z, BITS_EITHER) != Z_OK)
                g_error("zlib cannot decompress: %s", z.msg ? z.msg : "no memory");
        z.next_in = (Bytef *)data;
        z.avail_in = (uInt)size;
        ok = inflate_all(&z, out, max, error);
        inflateEnd(&z);
        return ok ? g_byte_array_free_to_bytes(g_steal_pointer(&out)) : NULL;
}
