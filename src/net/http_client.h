/* http_client.h - requests over HTTP: one at a time, many at once, resumable, with rate limits.
 *
 * net is the only folder that names libcurl. Every call has a size cap, a connect time-out, a
 * longest silence and a least pace; nothing waits for ever. Answers of 400 and above are errors
 * (REMOTE) with the status in http_response.status, unless accept_errors is set; of their bodies no
 * more than 64 KiB are read.
 */
#pragma once

#include "base/error.h"

typedef struct HttpClient HttpClient; /* keeps connections; one thread at a time */

typedef struct HttpResponse HttpResponse;

/* Told of status and headers (no body yet) before the first byte of an answer below 300 and its
 * body go to the sink, so that a 200 to a resumed call can begin the file anew; false stops the
 * transfer with that error. */
typedef bool (*HttpStart)(gpointer user, const HttpResponse *head, GError **error);
/* Takes received bytes while they come; false stops the transfer with that error. Bodies of
 * answers of 300 and above never come here. */
typedef bool (*HttpSink)(gpointer user, const void *data, gsize size, GError **error);
/* Told about twice a second: bytes so far and in all (-1 unknown), those before resume_from
 * included; of the request's body while that is what travels. False stops (CANCELLED). */
typedef bool (*HttpProgress)(gpointer user, gint64 done, gint64 total);

typedef struct {
        const char *method; /* NULL: GET, or POST with a body */
        const char *url;
        const char *const *headers; /* "Name: value", NULL-terminated; may be NULL */
        const void *body;
        gsize body_size;
        gint64 max_bytes;         /* cap of the answer; 0: 16 MiB */
        unsigned connect_seconds; /* 0: 10 */
        unsigned stall_seconds;   /* no byte for so long: NETWORK; 0: 30 */
        unsigned total_seconds;   /* 0: none */
        /* Once bytes flow, fewer a second than this, on the average of so many seconds: NETWORK.
         * Half the rate counts where that is less, and stall_seconds where that is longer. */
        unsigned least_rate;    /* 0: 64, which the slowest link has many times */
        unsigned least_seconds; /* 0: 60 */
        gint64 resume_from;     /* Range: bytes=N- ; 206 from there, or 200: see HttpStart */
        gint64 rate;            /* bytes per second, 0: unlimited */
        const char *proxy;      /* URL; "" forces none; NULL: none (the environment is not read) */
        const char *user_password; /* "user:password" for basic authentication, or NULL */
        const char *ca_file;       /* PEM; NULL: the system's */
        const char *user_agent;    /* NULL: "Upkeep/<version>" */
        bool accept_errors;        /* answers of 400 and above are answers */
        bool follow_redirects;     /* at most 5, to http and https */
        HttpStart start;           /* may be NULL */
        HttpSink sink;             /* NULL: the body is collected */
        HttpProgress progress;
        gpointer user; /* of start, sink and progress */
} HttpCall;

struct HttpResponse {
        long status;
        char *body; /* NUL-terminated behind size; NULL when a sink took it */
        gsize size;
        char *etag;          /* as sent, or NULL */
        char *last_modified; /* as sent, or NULL */
        char *content_type;
        char *location;
        GHashTable *headers; /* lower-case name to value; repeated ones joined by ", " */
};

void http_response_free(HttpResponse *response);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(HttpResponse, http_response_free)
/* A header of the answer by lower-case name, or NULL. Borrowed. */
const char *http_response_header(const HttpResponse *response, const char *name);
/* The first words of the body, for a message: one line of printable UTF-8, "" if there is none. The
 * caller's. */
char *http_response_words(const HttpResponse *response);

/* A client without connections; the caller frees it. */
HttpClient *http_client_new(void);
void http_client_free(HttpClient *client);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(HttpClient, http_client_free)
/* Makes every call of this client, running or still to come, end soon with CANCELLED; may be
 * called from another thread. */
void http_client_cancel(HttpClient *client);

/* One call, waiting for its end. NULL with error (NETWORK, REMOTE, LIMIT, CANCELLED, INVALID for
 * a URL that is not http or https, or the callbacks' own). The caller frees the response. Without
 * a sink a compressed body is taken and decompressed, and max_bytes counts it decompressed. The
 * thread's trace ID goes along as "traceparent". */
HttpResponse *http_call(HttpClient *client, const HttpCall *call, GError **error) UK_MUST_USE;

/* Many calls at once, at most `parallel` of them running. done is told of each end, in the order
 * of ending: either response (borrowed) or error is set; false stops all others, which are then
 * not told of. True when every call ended, well or not; false with CANCELLED when done or
 * http_client_cancel() stopped them. */
typedef bool (*HttpDone)(gpointer user, guint index, const HttpResponse *response,
                         const GError *error);
bool http_call_many(HttpClient *client, const HttpCall *calls, guint count, guint parallel,
                    HttpDone done, gpointer user, GError **error) UK_MUST_USE;
