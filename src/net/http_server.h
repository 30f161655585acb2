/* http_server.h - one HTTP server for every role: requests in, answers out, from any thread.
 *
 * The handler is called once a request is complete (body in memory up to the cap of its route);
 * it keeps the request and answers exactly once, at once or later, from any thread. net is the
 * only folder that names libmicrohttpd.
 */
#pragma once

#include "base/error.h"

typedef struct HttpServer HttpServer;
typedef struct HttpRequest HttpRequest;
/* Bytes that are answered again and again (an evaluation set); counted. */
typedef struct HttpCached HttpCached;

/* Decides, before the body is read, how much of it is taken: 0 refuses the method or path with
 * 404; a body above the cap is answered 413 without being read, or, where its size was not said
 * before and there is more of it, broken off. -1: 405. */
typedef gssize (*HttpAdmit)(const char *method, const char *path, gpointer user);
/* Told of a body that is larger than its route takes, of which nothing else is heard; may be NULL.
 */
typedef void (*HttpTooLarge)(const char *method, const char *path, const char *peer, gsize cap,
                             gpointer user);
/* Takes a complete request over; must see to it that it is answered exactly once. */
typedef void (*HttpHandler)(HttpRequest *request_take, gpointer user);

typedef struct {
        const char *address;      /* "127.0.0.1"; NULL: all */
        guint16 port;             /* 0: the system chooses, see http_server_port */
        unsigned threads;         /* 2 or more */
        unsigned max_connections; /* 0: 4096; three quarters by one address */
        unsigned idle_seconds;    /* keep-alive time-out; 0: 60 */
        const char *cert_pem;     /* both set: HTTPS */
        const char *key_pem;
        const char *access_log;  /* path of the access log; NULL: none */
        const char *server_name; /* named in the head of the access log */
        gsize max_bodies;        /* bytes of all bodies in memory at once; 0: 256 MiB. Above: 503 */
        bool any_name;           /* paths may hold control characters: names of files are bytes */
        unsigned stop_seconds;   /* how long stop waits for slow readers; 0: 10 */
        HttpAdmit admit;
        HttpHandler handler;
        HttpTooLarge too_large;
        gpointer user;
} HttpServerConfig;

/* Starts to listen; the configuration's texts are copied. The caller stops and frees it. */
HttpServer *http_server_start(const HttpServerConfig *config, GError **error) UK_MUST_USE;
guint16 http_server_port(const HttpServer *server);
/* Stops taking requests, waits until the handlers have answered those taken (however long: see
 * to it that they do) and, at most stop_seconds, until the answers are sent; frees. */
void http_server_stop(HttpServer *server);

/* What was asked. All texts are borrowed from the request. */
const char *http_request_method(const HttpRequest *request);
/* The path, percent-decoded, without the query; never contains "/../", a NUL or, unless any_name
 * is set, a control character (such a request is answered 400 before it gets here). */
const char *http_request_path(const HttpRequest *request);
/* The path as it was sent. */
const char *http_request_raw_path(const HttpRequest *request);
/* The query as it was sent, without '?', or NULL (".sms_aut?MPLIST"). */
const char *http_request_raw_query(const HttpRequest *request);
/* A query argument, decoded ('+' is a blank); "" for one without '='; NULL for none. */
const char *http_request_query(const HttpRequest *request, const char *name);
const char *http_request_header(const HttpRequest *request, const char *name);
const char *http_request_peer(const HttpRequest *request); /* address, without port */
/* The user (uid) of the process at the other end of a connection from this machine; DENIED for any
 * other, and when that end is not open any more. Not for every request: see http_request_keep. */
bool
http_request_peer_user(const HttpRequest *request, guint32 *uid_out, GError **error) UK_MUST_USE;
/* Keeps something until the request's connection closes, for what holds for all its requests;
 * frees what was kept before. Before the answer only. */
void http_request_keep(HttpRequest *request, gpointer data_take, GDestroyNotify free_fn);
/* What was kept, or NULL; borrowed. */
gpointer http_request_kept(const HttpRequest *request);
/* The trace ID that came in a valid "traceparent" header (32 hexadecimal digits), or NULL. */
const char *http_request_trace(const HttpRequest *request);
const void *http_request_body(const HttpRequest *request, gsize *size_out);
/* The body, which stays when the request is answered; the caller's. */
GBytes *http_request_body_bytes(const HttpRequest *request);
/* The body inflated if Content-Encoding is gzip or deflate, at most max bytes (else LIMIT). The
 * caller owns the bytes. */
GBytes *http_request_body_plain(HttpRequest *request, gsize max, GError **error) UK_MUST_USE;

/* Adds a header to the answer. */
void http_answer_header(HttpRequest *request, const char *name, const char *value);
/* The answers; each takes the request over and frees it. body_take is freed with g_free by the
 * copying and "take" forms. A body is sent gzip-compressed when the client accepts it, the type is
 * text and it is above 1 KiB. */
void http_answer(HttpRequest *request_take, unsigned status, const char *content_type,
                 const void *body, gsize size);
void http_answer_take(HttpRequest *request_take, unsigned status, const char *content_type,
                      char *body_take, gsize size);
/* A JSON error: {"error":{"code":"…","message":"…"}}. */
void http_answer_error(HttpRequest *request_take, unsigned status, const char *code,
                       const char *message);
/* A file by sendfile, with Range (also several), If-Range, If-None-Match, If-Modified-Since and
 * HEAD done. etag is quoted here; NULL for none. Last-Modified is the file's, unless it was added
 * before. */
void http_answer_file(HttpRequest *request_take, int fd_take, gint64 size, const char *content_type,
                      const char *etag);
/* Ready bytes. encoding is NULL or "gzip", for bytes that are compressed already (a client that
 * does not take gzip gets them decompressed). Answered with header and body in one send; ETag and
 * If-None-Match are done, Range for bytes without encoding. */
HttpCached *
http_cached_new(GBytes *bytes, const char *content_type, const char *encoding, const char *etag);
/* The time for Last-Modified, in seconds since 1970; before the first answer. */
void http_cached_set_modified(HttpCached *cached, gint64 seconds);
HttpCached *http_cached_ref(HttpCached *cached);
void http_cached_unref(HttpCached *cached);
/* The caller keeps its reference. */
void http_answer_cached(HttpRequest *request_take, HttpCached *cached);
/* A body that is made while it is sent, by fill, which puts at most max bytes into buffer and
 * returns their number, 0 at the end, -1 to break the connection off. user_free is called when
 * the answer is over, however it ends. fill runs on a thread of the server: while it waits, the
 * other connections of that thread wait too. */
typedef gssize (*HttpFill)(gpointer user, char *buffer, gsize max);
void http_answer_stream(HttpRequest *request_take, unsigned status, const char *content_type,
                        HttpFill fill, gpointer user, GDestroyNotify user_free);

/* One-time initialisation, before the first thread. */
bool net_global_init(GError **error) UK_MUST_USE;
