/* distributionpoint.h - who this distribution point is, and what the site server told it.
 *
 *   SMS DP Provider --configure--> the row --> PullDP, the verification of the library
 */
#pragma once

#include "base/error.h"
#include "db/db.h"

#define DISTRIBUTIONPOINT_MAX_SOURCES 64

/* Another distribution point that what is lacking may be fetched from. */
typedef struct {
        char *server_name;
        char *url; /* "http://dp2.example.com", with a port where it is not 80; no path */
} DistributionPointSource;

typedef struct {
        char *identity_guid;    /* upper case, without braces; what management points know it by */
        char *site_fingerprint; /* of the certificate of its site; "" before the first configure */
        char *site_code;
        char *server_name;
        char *nal_path;
        char *management_point; /* URL */
        gint64 is_pull_dp;
        char *rate_limit;   /* as the site wrote it; "" none */
        char *schedule;     /* likewise */
        gint64 verify_rate; /* bytes per second that verification may read; 0: the setting's */
        GPtrArray *sources; /* DistributionPointSource, the best first */
} DistributionPoint;

void distributionpoint_source_free(DistributionPointSource *source);
void distributionpoint_free(DistributionPoint *dp);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(DistributionPoint, distributionpoint_free)
/* Makes the row with a new identity where there is none. */
bool distributionpoint_ensure(Db *db, GError **error) UK_MUST_USE;
/* The row with its sources; the caller's. */
DistributionPoint *distributionpoint_load(Db *db, GError **error) UK_MUST_USE;
/* Keeps all but the identity. */
bool distributionpoint_configure(DbTx *tx, const DistributionPoint *dp, GError **error) UK_MUST_USE;
