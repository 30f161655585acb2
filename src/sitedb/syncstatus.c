/* syncstatus.c - the state of the software update points, and the request to synchronize. Nobody is
 * called from here: the triggers of the change log announce what was written (notices.def).
 */
#include "sitedb/syncstatus.h"

#include "base/clock.h"
#include "sitedb/syncstatus.sql.h"

static const DbField fields[] = {
        DB_FIELD(TEXT, SyncStatus, site, "SiteCode"),
        DB_FIELD(TEXT, SyncStatus, server, "WSUSServerName"),
        DB_FIELD(TEXT, SyncStatus, source_id, "UpdateSource_UniqueID"),
        DB_FIELD(INT, SyncStatus, version, "SyncCatalogVersion"),
        DB_FIELD(TIME, SyncStatus, success_us, "LastSuccessfulSyncTime"),
        DB_FIELD(INT, SyncStatus, state, "LastSyncState"),
        DB_FIELD(TIME, SyncStatus, state_us, "LastSyncStateTime"),
        DB_FIELD(INT, SyncStatus, error_code, "LastSyncErrorCode"),
        DB_FIELD(TEXT, SyncStatus, source_server, "WSUSSourceServer"),
        DB_FIELD(TEXT, SyncStatus, cause, "Cause"),
        DB_FIELD(TEXT, SyncStatus, trace, "Trace"),
        DB_FIELD_END,
};

void
syncstatus_free(SyncStatus *status)
{
        if (status == NULL)
                return;
        g_free(status->site);
        g_free(status->server);
        g_free(status->source_id);
        g_free(status->source_server);
        g_free(status->cause);
        g_free(status->trace);
        g_free(status);
}

bool
syncstatus_ensure(DbTx *tx, const char *site, const char *server, const char *source_id,
                  const char *cause, GError **error)
{
        return db_run(tx, &sql_syncstatus_ensure,
                      DB_ARGS(DB_TEXT("site", site), DB_TEXT("server", server),
                              DB_TEXT("source_id", source_id), DB_TEXT("cause", cause),
                              DB_TEXT("trace", db_tx_trace(tx))),
                      error);
}

GPtrArray *
syncstatus_list(Db *db, GError **error)
{
        return db_list(db, &sql_syncstatus_list, DB_NO_ARGS, fields, sizeof(SyncStatus),
                       (GDestroyNotify)syncstatus_free, error);
}

bool
syncstatus_request(DbTx *tx, const char *site, bool full, const char *cause, GError **error)
{
        gint64 changed = 0;

        if (!db_run_counted(tx, &sql_syncstatus_ask,
                            DB_ARGS(DB_TEXT("kind", full ? "FULL" : "SELF"),
                                    DB_TEXT("cause", cause), DB_TEXT("trace", db_tx_trace(tx)),
                                    DB_TEXT("site", site)),
                            &changed, error))
                return false;
        if (changed == 0)
                return uk_fail(error, UK_ERROR_NOT_FOUND,
                               "site %s has no software update point to synchronize", site);
        return db_run(tx, &sql_syncstatus_asked, DB_ARGS(DB_TEXT("site", site)), error);
}

bool
syncstatus_rename(DbTx *tx, const char *site, const char *before, const char *server,
                  const char *cause, GError **error)
{
        return db_run(tx, &sql_syncstatus_rename,
                      DB_ARGS(DB_TEXT("server", server), DB_TEXT("cause", cause),
                              DB_TEXT("trace", db_tx_trace(tx)), DB_TEXT("site", site),
                              DB_TEXT("before", before)),
                      error);
}

bool
syncstatus_set_state(DbTx *tx, const char *site, const char *server, gint64 state,
                     const char *cause, GError **error)
{
        return db_run(tx, &sql_syncstatus_set_state,
                      DB_ARGS(DB_INT("state", state), DB_TIME("now", uk_clock_now()),
                              DB_TEXT("cause", cause), DB_TEXT("trace", db_tx_trace(tx)),
                              DB_TEXT("site", site), DB_TEXT("server", server)),
                      error);
}

bool
syncstatus_set_version(DbTx *tx, const char *site, const char *server, gint64 version,
                       const char *cause, GError **error)
{
        return db_run(tx, &sql_syncstatus_set_version,
                      DB_ARGS(DB_INT("version", version), DB_TEXT("cause", cause),
                              DB_TEXT("trace", db_tx_trace(tx)), DB_TEXT("site", site),
                              DB_TEXT("server", server)),
                      error);
}

bool
syncstatus_record(DbTx *tx, const SyncStatusReport *report, const char *cause, GError **error)
{
        UK_DOING(error, "recording the synchronization of %s", report->server);

        if (!syncstatus_ensure(tx, report->site, report->server, report->source_id, cause, error))
                return false;
        if (!report->succeeded)
                return db_run(tx, &sql_syncstatus_failed,
                              DB_ARGS(DB_TIME("time", report->time_us),
                                      DB_INT("error_code", report->error_code),
                                      DB_TEXT("cause", cause), DB_TEXT("trace", db_tx_trace(tx)),
                                      DB_TEXT("site", report->site),
                                      DB_TEXT("server", report->server)),
                              error);
        return db_run(tx, &sql_syncstatus_succeeded,
                      DB_ARGS(DB_TEXT("source_id", report->source_id),
                              DB_INT("version", report->version), DB_TIME("time", report->time_us),
                              DB_INT("error_code", report->error_code), DB_TEXT("cause", cause),
                              DB_TEXT("trace", db_tx_trace(tx)), DB_TEXT("site", report->site),
                              DB_TEXT("server", report->server)),
                      error);
}
