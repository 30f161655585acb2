/* deflate.h - compression: gzip and zlib, whole buffers, with a cap on what comes out.
 *
 * Here, on the ground floor, because HTTP bodies (net) and client messages (wire) both need it and
 * may not see one another: docs/decisions/0001-zlib.md.
 */
#pragma once

#include "base/error.h"

typedef enum {
        DEFLATE_GZIP, /* RFC 1952: Content-Encoding gzip */
        DEFLATE_ZLIB, /* RFC 1950: Content-Encoding deflate, the bodies of client messages */
} DeflateForm;

/* Compresses; quick rather than small. The caller owns the bytes. */
GBytes *deflate_pack(DeflateForm form, const void *data, gsize size);
/* Decompresses either form, whichever it is, to at most max bytes (else LIMIT); PARSE when the
 * bytes are neither, end early or have others behind them. The caller owns the bytes. */
GBytes *deflate_unpack(const void *data, gsize size, gsize max, GError **error) UK_MUST_USE;
