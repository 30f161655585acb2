/* body.c - bodies of the site server in the clear. */
#include "dp/body.h"

#include <zstd.h>

#define WINDOW_LOG_MAX 27 /* 128 MiB: what a sender may ask of our memory */

typedef struct {
        ZSTD_DCtx *zstd;
        guint8 *piece;
} Unpacker;

static void
unpacker_clear(Unpacker *u)
{
        ZSTD_freeDCtx(u->zstd);
        g_free(u->piece);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Unpacker, unpacker_clear)

bool
body_unpack(const void *data, gsize size, BodySink sink, gpointer user, GError **error)
{
        g_auto(Unpacker) u = { ZSTD_createDCtx(), g_malloc(ZSTD_DStreamOutSize()) };
        ZSTD_inBuffer in = { data, size, 0 };
        gsize left = 1;

        ZSTD_DCtx_setParameter(u.zstd, ZSTD_d_windowLogMax, WINDOW_LOG_MAX);
        while (in.pos < in.size || left > 0) {
                ZSTD_outBuffer out = { u.piece, ZSTD_DStreamOutSize(), 0 };
                gsize before = in.pos;

                left = ZSTD_decompressStream(u.zstd, &out, &in);
                if (ZSTD_isError(left))
                        return uk_fail(error, UK_ERROR_PARSE, "unpacking the body: %s",
                                       ZSTD_getErrorName(left));
                if (out.pos > 0 && !sink(user, u.piece, out.pos, error))
                        return false;
                if (in.pos == before && out.pos == 0)
                        return uk_fail(error, UK_ERROR_PARSE, "the packed body ends early");
        }
        return true;
}

bool
body_take(const HttpRequest *request, Body *body_out, GError **error)
{
        const char *coding = http_request_header(request, "Content-Encoding");
        bool packed = coding != NULL && g_ascii_strcasecmp(coding, "zstd") == 0;

        if (coding != NULL && !packed && g_ascii_strcasecmp(coding, "identity") != 0)
                return uk_fail(error, UK_ERROR_UNSUPPORTED,
                               "the body is coded as '%s'; zstd is read", coding);
        *body_out = (Body){ http_request_body_bytes(request), packed };
        return true;
}

void
body_clear(Body *body)
{
        g_clear_pointer(&body->bytes, g_bytes_unref);
}

bool
body_pour(const Body *body, BodySink sink, gpointer user, GError **error)
{
        gsize size;
        const void *data = g_bytes_get_data(body->bytes, &size);

        if (body->packed)
                return body_unpack(data, size, sink, user, error);
        return size == 0 || sink(user, data, size, error);
}

typedef struct {
        GByteArray *bytes;
        gsize max;
} Plain;

static bool
check_size(gsize size, gsize max, GError **error)
{
        return size <= max ||
               uk_fail(error, UK_ERROR_LIMIT,
                       "the body has more than the %zu bytes that are taken here", max);
}

static bool
add_plain(gpointer user, const void *data, gsize size, GError **error)
{
        Plain *plain = user;

        if (!check_size(plain->bytes->len + size, plain->max, error))
                return false;
        g_byte_array_append(plain->bytes, data, (guint)size);
        return true;
}

GBytes *
body_plain(const Body *body, gsize max, GError **error)
{
        if (!body->packed)
                return check_size(g_bytes_get_size(body->bytes), max, error)
                               ? g_bytes_ref(body->bytes)
                               : NULL;
        Plain plain = { g_byte_array_new(), MIN(max, G_MAXINT) };

        if (body_pour(body, add_plain, &plain, error))
                return g_byte_array_free_to_bytes(plain.bytes);
        g_byte_array_unref(plain.bytes);
        return NULL;
}
