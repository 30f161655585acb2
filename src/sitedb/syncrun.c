/* syncrun.c - requests and runs of a site's synchronization, kept so that a stop at any moment
 * loses no request and repeats none.
 */
#include "sitedb/syncrun.h"

#include "base/clock.h"
#include "sitedb/syncrun.sql.h"

static const DbField fields[] = {
        DB_FIELD(TEXT, SyncRun, site, "SiteCode"),
        DB_FIELD(INT, SyncRun, pending_kind, "PendingKind"),
        DB_FIELD(TEXT, SyncRun, pending_origin, "PendingOrigin"),
        DB_FIELD(TIME, SyncRun, pending_us, "PendingTime"),
        DB_FIELD(TEXT, SyncRun, pending_trace, "PendingTrace"),
        DB_FIELD(INT, SyncRun, taken_seq, "TakenSeq"),
        DB_FIELD(INT, SyncRun, running_kind, "RunningKind"),
        DB_FIELD(TEXT, SyncRun, running_origin, "RunningOrigin"),
        DB_FIELD(TIME, SyncRun, running_us, "RunningTime"),
        DB_FIELD(TEXT, SyncRun, running_trace, "RunningTrace"),
        DB_FIELD(TEXT, SyncRun, phase, "RunningPhase"),
        DB_FIELD(INT, SyncRun, done, "RunningDone"),
        DB_FIELD(INT, SyncRun, total, "RunningTotal"),
        DB_FIELD(TIME, SyncRun, progress_us, "RunningProgressTime"),
        DB_FIELD(INT, SyncRun, retry_kind, "RetryKind"),
        DB_FIELD(TIME, SyncRun, retry_us, "RetryTime"),
        DB_FIELD(INT, SyncRun, interruptions, "Interruptions"),
        DB_FIELD(TEXT, SyncRun, anchor, "Anchor"),
        DB_FIELD(TIME, SyncRun, last_start_us, "LastStartTime"),
        DB_FIELD(TIME, SyncRun, last_end_us, "LastEndTime"),
        DB_FIELD(TIME, SyncRun, last_success_us, "LastSuccessTime"),
        DB_FIELD(TEXT, SyncRun, last_error, "LastError"),
        DB_FIELD(TEXT, SyncRun, cause, "Cause"),
        DB_FIELD(TEXT, SyncRun, trace, "Trace"),
        DB_FIELD_END,
};

void
syncrun_free(SyncRun *run)
{
        if (run == NULL)
                return;
        g_free(run->site);
        g_free(run->pending_origin);
        g_free(run->pending_trace);
        g_free(run->running_origin);
        g_free(run->running_trace);
        g_free(run->phase);
        g_free(run->anchor);
        g_free(run->last_error);
        g_free(run->cause);
        g_free(run->trace);
        g_free(run);
}

/* What a site has of which nothing was ever asked. */
static void
fill_empty(SyncRun *run, const char *site)
{
        run->site = g_strdup(site);
        for (const DbField *field = fields + 1; field->column != NULL; field++) {
                if (field->type == DB_TYPE_TEXT)
                        *(char **)G_STRUCT_MEMBER_P(run, field->offset) = g_strdup("");
        }
}

SyncRun *
syncrun_load(Db *db, const char *site, GError **error)
{
        g_autoptr(SyncRun) run = g_new0(SyncRun, 1);
        bool found = false;

        if (!db_one(db, &sql_syncrun_load, DB_ARGS(DB_TEXT("site", site)), fields, run, &found,
                    error))
                return NULL;
        if (!found)
                fill_empty(run, site);
        return g_steal_pointer(&run);
}

bool
syncrun_request(DbTx *tx, const char *site, SyncRunKind kind, const char *origin, gint64 seq,
                bool *taken_out, GError **error)
{
        UK_DOING(error, "remembering a request to synchronize site %s", site);
        gint64 taken = 1;

        if (!db_run(tx, &sql_syncrun_ensure, DB_ARGS(DB_TEXT("site", site)), error))
                return false;
        if (seq > 0 &&
            !db_run_counted(tx, kind == SYNCRUN_FULL ? &sql_syncrun_take_full : &sql_syncrun_take,
                            DB_ARGS(DB_INT("seq", seq), DB_TEXT("site", site)), &taken, error))
                return false;
        if (taken > 0 && !db_run(tx, &sql_syncrun_request,
                                 DB_ARGS(DB_INT("kind", kind), DB_TEXT("origin", origin),
                                         DB_TIME("now", uk_clock_now()),
                                         DB_TEXT("trace", db_tx_trace(tx)), DB_TEXT("site", site)),
                                 error))
                return false;
        if (taken_out != NULL)
                *taken_out = taken > 0;
        return true;
}

bool
syncrun_begin(DbTx *tx, const char *site, GError **error)
{
        g_autoptr(SyncRun) run = syncrun_load(db_tx_db(tx), site, error);

        if (run == NULL)
                return false;
        if (run->running_kind != SYNCRUN_NONE)
                return uk_fail(error, UK_ERROR_BUSY, "site %s is being synchronized already", site);
        if (run->pending_kind == SYNCRUN_NONE)
                return uk_fail(error, UK_ERROR_NOT_FOUND, "nobody asked to synchronize site %s",
                               site);
        return db_run(tx, &sql_syncrun_begin,
                      DB_ARGS(DB_TIME("now", uk_clock_now()), DB_TEXT("site", site)), error);
}

bool
syncrun_progress(DbTx *tx, const char *site, const char *phase, gint64 done, gint64 total,
                 GError **error)
{
        return db_run(tx, &sql_syncrun_progress,
                      DB_ARGS(DB_TEXT("phase", phase), DB_INT("done", done), DB_INT("total", total),
                              DB_TIME("now", uk_clock_now()), DB_TEXT("site", site)),
                      error);
}

static bool
fail_idle(const char *site, GError **error)
{
        return uk_fail(error, UK_ERROR_BROKEN, "no synchronization of site %s goes on", site);
}

bool
syncrun_succeed(DbTx *tx, const char *site, const char *anchor, const char *why, gint64 retry_us,
                const char *cause, GError **error)
{
        gint64 changed = 0;

        if (!db_run_counted(tx, &sql_syncrun_succeed,
                            DB_ARGS(DB_TEXT("anchor", anchor), DB_TEXT("why", why),
                                    DB_INT("again", retry_us != 0),
                                    DB_TIME_OR_NULL("retry", retry_us),
                                    DB_TIME("now", uk_clock_now()), DB_TEXT("cause", cause),
                                    DB_TEXT("site", site)),
                            &changed, error))
                return false;
        return changed > 0 || fail_idle(site, error);
}

static bool
end_in_failure(DbTx *tx, const char *site, const char *why, gint64 retry_us, bool interrupted,
               const char *cause, gint64 *changed_out, GError **error)
{
        return db_run_counted(tx, &sql_syncrun_fail,
                              DB_ARGS(DB_TIME("retry", retry_us), DB_TIME("now", uk_clock_now()),
                                      DB_TEXT("why", why), DB_INT("interrupted", interrupted),
                                      DB_TEXT("cause", cause), DB_TEXT("site", site)),
                              changed_out, error);
}

bool
syncrun_fail(DbTx *tx, const char *site, const char *why, gint64 retry_us, const char *cause,
             GError **error)
{
        gint64 changed = 0;

        if (!end_in_failure(tx, site, why, retry_us, false, cause, &changed, error))
                return false;
        return changed > 0 || fail_idle(site, error);
}

bool
syncrun_recover(DbTx *tx, const char *site, gint64 retry_us, bool *interrupted_out, GError **error)
{
        gint64 changed = 0;

        if (!end_in_failure(tx, site, "the program stopped in the middle", retry_us, true,
                            "interrupted", &changed, error))
                return false;
        *interrupted_out = changed > 0;
        return true;
}
