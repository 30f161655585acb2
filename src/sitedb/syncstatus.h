/* syncstatus.h - Update_SyncStatus: per site and software update point, which content version it
 * serves and how its last synchronization ended; and the request to synchronize now.
 */
#pragma once

#include "db/db.h"

typedef struct {
        char *site;
        char *server;      /* FQDN of the software update point */
        char *source_id;   /* {GUID} of the update source */
        gint64 version;    /* content version it serves */
        gint64 success_us; /* last successful synchronization, 0 never */
        gint64 state;      /* 6701 to 6708, 0 never */
        gint64 state_us;
        gint64 error_code;
        char *source_server; /* where it synchronizes from */
        char *cause, *trace;
} SyncStatus;

void syncstatus_free(SyncStatus *status);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(SyncStatus, syncstatus_free)

/* Makes the row of a software update point where it is missing. */
bool syncstatus_ensure(DbTx *tx, const char *site, const char *server, const char *source_id,
                       const char *cause, GError **error) UK_MUST_USE;
/* The row is of the same update point by another name, unless that one has a row. */
bool syncstatus_rename(DbTx *tx, const char *site, const char *before, const char *server,
                       const char *cause, GError **error) UK_MUST_USE;
/* All rows, by site and server. The caller owns the array. */
GPtrArray *syncstatus_list(Db *db, GError **error) UK_MUST_USE;

/* Sets SyncNow of the site's rows, SELF or (full) FULL, and empties it again in the same
 * transaction: the request travels in the change log (SYNC-019). NOT_FOUND for a site without a
 * software update point. */
bool syncstatus_request(DbTx *tx, const char *site, bool full, const char *cause,
                        GError **error) UK_MUST_USE;
/* Sets the state (6701 to 6706) while a run goes on. */
bool syncstatus_set_state(DbTx *tx, const char *site, const char *server, gint64 state,
                          const char *cause, GError **error) UK_MUST_USE;
/* Records that the server serves at least this content version (SYNC-032). */
bool syncstatus_set_version(DbTx *tx, const char *site, const char *server, gint64 version,
                            const char *cause, GError **error) UK_MUST_USE;

/* What spProcessSUMSyncStateMessage takes, in its order (COMP-006). */
typedef struct {
        gint64 time_us;
        const char *site;
        const char *source_id;
        bool succeeded;
        gint64 error_code; /* 0 none */
        gint64 version;    /* content version */
        const char *server;
} SyncStatusReport;

/* spProcessSUMSyncStateMessage: a success brings version and time into the row, a failure only
 * state and error code; a row that is missing is made (COMP-007). */
bool syncstatus_record(DbTx *tx, const SyncStatusReport *report, const char *cause,
                       GError **error) UK_MUST_USE;
