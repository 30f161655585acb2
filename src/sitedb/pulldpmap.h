/* pulldpmap.h - where each pull distribution point may fetch from, by rank (90-tables 5.3). */
#pragma once

#include "db/db.h"

typedef struct {
        char *source;    /* FQDN of the source distribution point */
        gint64 priority; /* 1 first; equal numbers are allowed */
        char *url;       /* where it is reached: http://SOURCE:80; "" when it is not known */
} PullDPSource;

void pulldpmap_source_free(PullDPSource *source);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(PullDPSource, pulldpmap_source_free)

/* Adds a source, or gives it another rank. INVALID for the pull distribution point itself and for a
 * rank below 1. */
bool pulldpmap_put(DbTx *tx, const char *pull_dp, const char *source, gint64 priority,
                   GError **error) UK_MUST_USE;
/* Takes one source away, or with source NULL all. */
bool
pulldpmap_remove(DbTx *tx, const char *pull_dp, const char *source, GError **error) UK_MUST_USE;
/* The sources by rank; the caller owns the array. */
GPtrArray *pulldpmap_list(Db *db, const char *pull_dp, GError **error) UK_MUST_USE;
/* Those of them that hold the content item at the version (DIST-096), by rank; with fallback the
 * other distribution points of the site that hold it come behind, rank 1000. */
GPtrArray *pulldpmap_holders(Db *db, const char *pull_dp, const char *content_id, gint64 version,
                             bool fallback, GError **error) UK_MUST_USE;
