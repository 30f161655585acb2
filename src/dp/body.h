/* body.h - bodies of the site server in the clear: as they are, or packed by zstd. */
#pragma once

#include "net/http_server.h"

/* Takes bytes in order; false stops with that error. */
typedef bool (*BodySink)(gpointer user, const void *data, gsize size, GError **error);
/* A body that outlives its request. */
typedef struct {
        GBytes *bytes;
        bool packed;
} Body;
/* UNSUPPORTED for another Content-Encoding than zstd. */
bool body_take(const HttpRequest *request, Body *body_out, GError **error) UK_MUST_USE;
void body_clear(Body *body);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Body, body_clear)
/* Gives the body to sink, unpacked if it is packed. PARSE, or the sink's error. */
bool body_pour(const Body *body, BodySink sink, gpointer user, GError **error) UK_MUST_USE;
/* The body in the clear, at most max bytes (LIMIT). The caller's. */
GBytes *body_plain(const Body *body, gsize max, GError **error) UK_MUST_USE;
/* The same for bytes that are packed by zstd, which may be hostile. */
bool
body_unpack(const void *data, gsize size, BodySink sink, gpointer user, GError **error) UK_MUST_USE;
