/* fetch.h - gets files of archives over http, https and from local folders.
 *
 * With apt's proxies, passwords and certificates. What was received before a break or a kill is
 * kept in the spool folder and continued; a file's name there is the digest it must have.
 */
#pragma once

#include <stdatomic.h>

#include "base/error.h"
#include "deb/aptauth.h"
#include "deb/aptconf.h"
#include "net/http_client.h"
#include "sup/upstream/release.h"

/* Bytes so far of all that was fetched; false stops with CANCELLED. */
typedef bool (*FetchProgress)(gpointer user, guint64 bytes);

/* How to fetch. All borrowed; they must outlive the Fetch. */
typedef struct {
        HttpClient *http;
        const AptConf *conf;
        const AptAuth *auth;
        const char *spool;       /* folder, which exists */
        unsigned stall_seconds;  /* no byte for so long is a failure */
        unsigned patience;       /* for so many seconds it may be slower than 1 KB/s */
        unsigned tries;          /* of a transfer that breaks off */
        const atomic_bool *stop; /* may be NULL */
        FetchProgress progress;  /* may be NULL */
        gpointer progress_user;
} FetchOptions;

typedef struct Fetch Fetch;

/* The caller frees it. */
Fetch *fetch_new(const FetchOptions *options);
void fetch_free(Fetch *fetch);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Fetch, fetch_free)
/* Bytes received since it was made. */
guint64 fetch_bytes(const Fetch *fetch);

/* A small file, wanted only if it is not the one held. */
typedef struct {
        const char *url;
        const char *etag;          /* of the one held; NULL: none is */
        const char *last_modified; /* likewise */
} FetchAsk;

typedef struct {
        bool unchanged; /* the one held is still right */
        char *text;     /* else the content, NUL-terminated behind size */
        gsize size;
        char *etag, *last_modified; /* to be given next time; may be NULL */
        GError *error;              /* or why not: NETWORK, NOT_FOUND, DENIED, REMOTE, IO … */
} FetchAnswer;

/* Takes the answer to the ask of that index; it is cleared afterwards. */
typedef void (*FetchTake)(gpointer user, guint index, FetchAnswer *answer);
/* Asks for all of them, several at once, and gives away each answer as it comes, so that few are
 * held. False only when it was stopped (CANCELLED). */
bool fetch_small(Fetch *fetch, const FetchAsk *asks, guint count, FetchTake take, gpointer user,
                 GError **error) UK_MUST_USE;

/* Takes the bytes of a file as they come, from its beginning; may be begun anew. */
typedef struct {
        bool (*begin)(gpointer user, GError **error);
        bool (*bytes)(gpointer user, const void *data, gsize size, GError **error);
        gpointer user;
} FetchSink;

/* Fetches a file that has the digest and size of `promised` from the first of urls
 * (NULL-terminated) that has it. Does not check the digest: the sink does. */
bool fetch_large(Fetch *fetch, const char *const *urls, const ReleaseFile *promised,
                 const FetchSink *sink, GError **error) UK_MUST_USE;
/* Bytes of a file that the spool holds from a transfer that broke off. */
guint64 fetch_kept(const Fetch *fetch, const ReleaseFile *promised);
/* Removes what the spool holds of a file: it is in its place now, or it is wrong. */
bool fetch_forget(Fetch *fetch, const ReleaseFile *promised, GError **error) UK_MUST_USE;
