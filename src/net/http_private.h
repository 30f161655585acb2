/* http_private.h - what the files of the HTTP server share; not for others.
 *
 * Life of a request: made when its first line is read (http_server.c), its body gathered, handed
 * to the handler with its connection suspended, answered from any thread (http_answer.c and
 * siblings), sent, logged and freed on its connection's thread.
 */
#pragma once

#include <pthread.h>
#include <stdatomic.h>

#include <microhttpd.h>

#include "net/accesslog.h"
#include "net/http_server.h"
#include "net/http_target.h"

/* Where a request stands between the handler and its connection; only ever goes forward. */
enum {
        REQUEST_HANDLING,  /* taken by the handler; its connection's thread may still look */
        REQUEST_SUSPENDED, /* the connection sleeps until the answer resumes it */
        REQUEST_ANSWERED,  /* the answer is ready to be queued */
};

/* What belongs to a connection for its whole life. */
typedef struct {
        char *client_ip;
        char *server_ip;
        gpointer kept; /* http_request_keep() */
        GDestroyNotify kept_free;
} HttpPeer;

struct HttpServer {
        struct MHD_Daemon *daemon;
        int listen_fd;
        guint16 port;
        unsigned stop_seconds;
        gsize max_bodies;
        bool any_name;
        AccessLog *access_log;
        HttpAdmit admit;
        HttpHandler handler;
        HttpTooLarge too_large;
        gpointer user;
        pthread_t starter;    /* only its words are kept, */
        GString *start_words; /* and only while the library starts; NULL afterwards */
        atomic_bool stopping;
        atomic_size_t bodies; /* bytes of bodies in memory */
        pthread_mutex_t lock; /* guards the two counts */
        pthread_cond_t changed;
        unsigned unanswered; /* handed to the handler, not answered */
        unsigned unsent;     /* handed to the handler, answer not sent to its end */
};

struct HttpRequest {
        HttpServer *server;
        struct MHD_Connection *connection;
        HttpPeer *peer;
        const char *method;
        HttpTarget target;
        char *bad_target;        /* why the target is refused, or NULL */
        const char *bad_framing; /* why nobody can say where it ends, or NULL */
        gint64 started;          /* uk_clock_mono() */
        char trace[33];

        bool begun;
        bool corked; /* the head waits for the first bytes of the file */
        bool handed_over;
        unsigned refusal; /* status of an answer that needs no handler; 0: none */
        gsize cap;        /* of the body */
        gsize drained;    /* bytes of the body thrown away */
        GByteArray *incoming;
        GBytes *body;

        atomic_int state;
        GPtrArray *headers; /* of the answer: names and values in turn; NULL: none */
        struct MHD_Response *response;
        HttpCached *cached; /* whose response it is, or NULL */
        unsigned status;
        gint64 body_size; /* of the answer; -1: counted in sent */
        gint64 sent;
};

/* Gives the finished answer to the request and wakes its connection; the request is then not the
 * caller's any more. Takes the response; body_size as above. */
void http_request_answered(HttpRequest *request_take, unsigned status,
                           struct MHD_Response *response_take, gint64 body_size);
/* The same with a response that belongs to cached (which is referenced). */
void http_request_answered_cached(HttpRequest *request_take, HttpCached *cached,
                                  struct MHD_Response *response, gint64 body_size);
/* Adds a header to a response; for texts that are known to be good. */
void http_response_add(struct MHD_Response *response, const char *name, const char *value);
/* A header that http_answer_header() added, or NULL. */
const char *http_answer_added(const HttpRequest *request, const char *name);
/* Head and file leave together: one packet less, and the client wakes once. Ends with the answer.
 */
void http_request_cork(HttpRequest *request);
bool http_request_is(const HttpRequest *request, const char *method);
/* Takes the trace ID out of the headers, before the handler is called. */
void http_request_note_trace(HttpRequest *request);

/* Where a ranged answer takes its bytes from: a descriptor or memory. */
typedef struct {
        int fd; /* -1: memory */
        GBytes *bytes;
        gint64 size;
        const char *content_type;
        const char *etag;          /* quoted, or NULL */
        const char *last_modified; /* or NULL */
} HttpSource;

/* Answers with a source by the rules of RFC 7232 and 7233; takes source->fd and the reference to
 * source->bytes. */
void http_answer_source(HttpRequest *request_take, const HttpSource *source);
/* A response of a stretch of memory that keeps bytes alive. */
struct MHD_Response *http_response_of_bytes(GBytes *bytes, gsize first, gsize length);
/* True if a request's If-None-Match or If-Modified-Since says that the client has it. */
bool http_request_has_it(const HttpRequest *request, const char *etag, const char *last_modified);
