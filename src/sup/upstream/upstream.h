/* upstream.h - where the catalogue comes from: a family of sources behind one interface.
 *
 *   archive --InRelease, Packages--> upstream_debian --> catalogue (catalog_run.h)
 *
 * A synchronization is atomic and may be killed at any time: what was fetched is kept in the spool
 * and used the next time. One runs at a time; the caller sees to that.
 */
#pragma once

#include <stdatomic.h>

#include "net/http_client.h"
#include "sup/catalog/catalog_run.h"

typedef enum {
        UPSTREAM_CATEGORIES, /* asking suites who they are */
        UPSTREAM_UPDATES,    /* reading indices, done of total packages (an estimate, then exact) */
        UPSTREAM_WRITING,    /* computing and writing updates */
} UpstreamPhase;

typedef struct {
        UpstreamPhase phase;
        guint done, total; /* items of the phase */
        guint64 bytes;     /* received so far */
        const char *what;  /* "bookworm main/binary-amd64/Packages.xz"; "" */
} UpstreamProgress;

/* Told a few times a second and at each change of phase; false stops the run (CANCELLED). */
typedef bool (*UpstreamProgressFn)(gpointer user, const UpstreamProgress *progress);

/* All borrowed. */
typedef struct {
        const char *root;       /* of the machine whose apt sources, keys and settings count: "/" */
        const char *spool;      /* folder of our own; made where missing */
        HttpClient *http;       /* of the calling thread */
        unsigned stall_seconds; /* no byte for so long fails a transfer; 0: 30 */
        unsigned patience; /* seconds after which a transfer must have had 1 KB for each; 0: 300 */
        unsigned tries;    /* of a transfer that breaks off; 0: 3 */
        double refused_share; /* of an index's stanzas: above it the index is refused; 0: 0.01 */
        const char *const *environment; /* for http_proxy and its kin; NULL: none */
        const atomic_bool *stop;        /* set from another thread; may be NULL */
        UpstreamProgressFn progress;    /* may be NULL */
        gpointer user;
        CatalogUpdateFn added; /* told each update the run adds (catalog_run_watch); may be NULL */
        gpointer added_user;
} UpstreamOptions;

typedef enum {
        UPSTREAM_SUITE_READ,      /* new content */
        UPSTREAM_SUITE_UNCHANGED, /* what is held is the present one */
        UPSTREAM_SUITE_FAILED,    /* what is held stays; failure says why */
        UPSTREAM_SUITE_UNWANTED,  /* nobody subscribed to its product or classification */
} UpstreamOutcome;

/* What became of a suite. */
typedef struct {
        char *uri, *suite;
        UpstreamOutcome outcome;
        char *failure; /* a sentence with the next step; NULL unless it failed */
        int code;      /* UkErrorCode of it */
        guint refused; /* stanzas refused in what was read now */
} UpstreamSuite;

typedef struct {
        GPtrArray *suites;   /* of UpstreamSuite */
        GPtrArray *problems; /* of char *: sentences about what was passed over or refused */
        guint failed;        /* suites that failed */
        guint64 bytes;       /* received */
        guint stanzas;       /* read */
        CatalogRunResult catalog;
} UpstreamResult;

void upstream_result_clear(UpstreamResult *result);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(UpstreamResult, upstream_result_clear)

/* A member of the family. */
typedef struct {
        const char *name;
        /* Synchronizes into the catalogue. True when at least one suite is as it should be; then
         * result->failed tells of the others. False when all failed (the first one's error), or for
         * reasons of its own (CONFIG: no source; CANCELLED; the database's). result_out is filled
         * in any case and the caller's to clear. */
        bool (*synchronize)(Db *catalog, const UpstreamOptions *options, UpstreamResult *result_out,
                            GError **error);
} UpstreamKind;

extern const UpstreamKind upstream_debian;

/* Checks a text that is to become CatalogState.sources: every source must be usable. PARSE names
 * the first that is not. */
bool upstream_check_sources(const char *sources, GError **error) UK_MUST_USE;
