/* body.h - bodies of the site server in the clear: as they are, or packed by zstd. */
#pragma once

#include "net/http_server.h"

/* Takes bytes in order; false stops with that error. */
typedef bool (*BodySink)(gpointer user, const void *data, gsize size, GError **error);
/* Gives the body to sink, unpacked if Content-Encoding is zstd. PARSE, UNSUPPORTED for another
 * coding, or the sink's error. */
bool
body_pour(const HttpRequest *request, BodySink sink, gpointer user, GError **error) UK_MUST_USE;
/* The body in the clear, at most max bytes (LIMIT). The caller's. */
GBytes *body_plain(const HttpRequest *request, gsize max, GError **error) UK_MUST_USE;
/* The same for bytes that are packed by zstd, which may be hostile. */
bool
body_unpack(const void *data, gsize size, BodySink sink, gpointer user, GError **error) UK_MUST_USE;
