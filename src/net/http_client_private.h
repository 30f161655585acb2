/* http_client_private.h - one transfer, shared by http_client.c (driving) and http_call.c (the
 * meaning of options, headers and bodies); not for others.
 */
#pragma once

#include <stdatomic.h>

#include <curl/curl.h>

#include "net/http_client.h"

typedef struct {
        const HttpCall *call;
        const atomic_bool *cancelled; /* the client's */
        CURL *easy;
        struct curl_slist *headers;
        HttpResponse *response;
        GByteArray *body; /* collected */
        gint64 received;  /* bytes of the body, decoded */
        gsize header_bytes;
        gint64 progress_at; /* uk_clock_mono() of the last report */
        gint64 looked_at;   /* likewise, of the last look at the pace */
        gint64 pace_us;     /* how long the pace is watched; 0: not until the next byte */
        gint64 pace_from;   /* bytes when that began */
        bool started;       /* the first byte of the body was seen */
        bool enough;        /* of an error's body: the rest is not waited for */
        GError *error;      /* why a callback stopped the transfer */
        char words[CURL_ERROR_SIZE];
} HttpTransfer;

/* Readies a transfer for a call, which must outlive it. easy is borrowed, and reset. False with
 * INVALID or CONFIG. */
bool http_call_prepare(HttpTransfer *t, const HttpCall *call, CURL *easy,
                       const atomic_bool *cancelled, GError **error) UK_MUST_USE;
/* What the call came to, after libcurl's verdict: the response, which is then the caller's. */
HttpResponse *http_call_finish(HttpTransfer *t, CURLcode code, GError **error) UK_MUST_USE;
/* Frees what it holds, but not easy. */
void http_call_clear(HttpTransfer *t);
/* The URL without user, password and query, for messages; the caller's. */
char *http_call_name(const char *url);
