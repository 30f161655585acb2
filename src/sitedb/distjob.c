/* distjob.c - rows of the jobs of Package Transfer Manager. Who sends what when is its own. */
#include "sitedb/distjob.h"

#include "base/clock.h"
#include "sitedb/distjob.sql.h"

static const DbField fields[] = {
        DB_FIELD(INT, DistJob, id, "JobID"),
        DB_FIELD(INT, DistJob, dp_id, "DPID"),
        DB_FIELD(TEXT, DistJob, pkg_id, "PkgID"),
        DB_FIELD(INT, DistJob, version, "PackageVersion"),
        DB_FIELD(INT, DistJob, state, "State"),
        DB_FIELD(INT, DistJob, action, "Action"),
        DB_FIELD(TEXT, DistJob, send_action, "SendAction"),
        DB_FIELD(TIME, DistJob, created_us, "CreationTime"),
        DB_FIELD(TIME, DistJob, start_us, "StartTime"),
        DB_FIELD(TIME, DistJob, restart_us, "ReStartTime"),
        DB_FIELD(TIME, DistJob, update_us, "LastUpdateTime"),
        DB_FIELD(INT, DistJob, retry_count, "RetryCount"),
        DB_FIELD(INT, DistJob, order, "DynamicOrder"),
        DB_FIELD(INT, DistJob, total_size, "TotalSize"),
        DB_FIELD(INT, DistJob, remaining_size, "RemainingSize"),
        DB_FIELD(INT, DistJob, bytes_sent, "BytesSent"),
        DB_FIELD(INT, DistJob, priority, "Priority"),
        DB_FIELD(INT, DistJob, attempts, "Attempts"),
        DB_FIELD(INT, DistJob, polls, "Polls"),
        DB_FIELD(TEXT, DistJob, last_error, "LastError"),
        DB_FIELD(TEXT, DistJob, way, "Way"),
        DB_FIELD(TEXT, DistJob, cause, "Cause"),
        DB_FIELD(TEXT, DistJob, trace, "Trace"),
        DB_FIELD_END,
};

void
distjob_free(DistJob *job)
{
        if (job == NULL)
                return;
        g_free(job->pkg_id);
        g_free(job->send_action);
        g_free(job->last_error);
        g_free(job->way);
        g_free(job->cause);
        g_free(job->trace);
        g_free(job);
}

bool
distjob_cancel_for(DbTx *tx, gint64 dp_id, const char *pkg_id, const char *cause, GError **error)
{
        return db_run(tx, &sql_distjob_cancel_for,
                      DB_ARGS(DB_TEXT("cause", cause), DB_TEXT("trace", db_tx_trace(tx)),
                              DB_INT("dp_id", dp_id), DB_TEXT("pkg_id", pkg_id)),
                      error);
}

bool
distjob_add(DbTx *tx, gint64 dp_id, const char *pkg_id, gint64 version, DistJobAction action,
            const char *cause, gint64 *id_out, GError **error)
{
        gint64 everything = 0, id = 0;

        if (!db_int(db_tx_db(tx), &sql_distjob_redistributes,
                    DB_ARGS(DB_INT("dp_id", dp_id), DB_TEXT("pkg_id", pkg_id)), &everything, NULL,
                    error) ||
            !distjob_cancel_for(tx, dp_id, pkg_id, cause, error) ||
            !db_int(db_tx_db(tx), &sql_distjob_add,
                    DB_ARGS(DB_INT("dp_id", dp_id), DB_TEXT("pkg_id", pkg_id),
                            DB_INT("version", version), DB_TIME("now", uk_clock_now()),
                            DB_INT("action", everything > 0 ? DISTJOB_REDISTRIBUTE : action),
                            DB_TEXT("cause", cause), DB_TEXT("trace", db_tx_trace(tx))),
                    &id, NULL, error))
                return false;
        if (id_out != NULL)
                *id_out = id;
        return true;
}

bool
distjob_begin_anew(DbTx *tx, gint64 dp_id, const char *cause, GError **error)
{
        g_autoptr(GPtrArray) jobs =
                db_list(db_tx_db(tx), &sql_distjob_of_point, DB_ARGS(DB_INT("dp_id", dp_id)),
                        fields, sizeof(DistJob), (GDestroyNotify)distjob_free, error);

        for (guint i = 0; jobs != NULL && i < jobs->len; i++) {
                const DistJob *job = jobs->pdata[i];
                gint64 id;

                if (!distjob_add(tx, dp_id, job->pkg_id, job->version, (DistJobAction)job->action,
                                 cause, &id, error) ||
                    (job->state == DISTJOB_SUSPENDED && !distjob_pause(tx, id, cause, error)))
                        return false;
        }
        return jobs != NULL;
}

static bool
fail_unknown(gint64 id, GError **error)
{
        return uk_fail(error, UK_ERROR_NOT_FOUND,
                       "there is no job %" G_GINT64_FORMAT "; it may have ended, `upkeep job list` "
                       "shows those that are",
                       id);
}

DistJob *
distjob_load(Db *db, gint64 id, GError **error)
{
        g_autoptr(DistJob) job = g_new0(DistJob, 1);
        bool found = false;

        if (!db_one(db, &sql_distjob_load, DB_ARGS(DB_INT("id", id)), fields, job, &found, error))
                return NULL;
        if (!found) {
                fail_unknown(id, error);
                return NULL;
        }
        return g_steal_pointer(&job);
}

GPtrArray *
distjob_list(Db *db, const char *pkg_id, GError **error)
{
        if (pkg_id == NULL)
                return db_list(db, &sql_distjob_list, DB_NO_ARGS, fields, sizeof(DistJob),
                               (GDestroyNotify)distjob_free, error);
        return db_list(db, &sql_distjob_list_of, DB_ARGS(DB_TEXT("pkg_id", pkg_id)), fields,
                       sizeof(DistJob), (GDestroyNotify)distjob_free, error);
}

bool
distjob_count_active(Db *db, const char *nal, gint64 but_id, gint64 *count_out, GError **error)
{
        return db_int(db, &sql_distjob_count_active,
                      DB_ARGS(DB_TEXT("nal", nal), DB_INT("but", but_id)), count_out, NULL, error);
}

bool
distjob_count_for(Db *db, gint64 dp_id, const char *pkg_id, gint64 version, gint64 *count_out,
                  GError **error)
{
        return db_int(db, &sql_distjob_count_for,
                      DB_ARGS(DB_INT("dp_id", dp_id), DB_TEXT("pkg_id", pkg_id),
                              DB_INT("version", version)),
                      count_out, NULL, error);
}

/* A change by hand; `past` says why a job that is there was not changed. */
static bool
by_hand(DbTx *tx, const DbSql *sql, gint64 id, const char *cause, const char *past, GError **error)
{
        gint64 changed = 0;

        if (!db_run_counted(tx, sql, DB_ARGS(DB_TEXT("cause", cause), DB_INT("id", id)), &changed,
                            error))
                return false;
        if (changed > 0)
                return true;
        g_autoptr(DistJob) job = distjob_load(db_tx_db(tx), id, error);
        return job != NULL &&
               uk_fail(error, UK_ERROR_BUSY, "job %" G_GINT64_FORMAT " %s", id, past);
}

bool
distjob_cancel(DbTx *tx, gint64 id, const char *cause, GError **error)
{
        return by_hand(tx, &sql_distjob_cancel, id, cause, "is being cancelled already", error);
}

bool
distjob_pause(DbTx *tx, gint64 id, const char *cause, GError **error)
{
        return by_hand(tx, &sql_distjob_pause, id, cause, "is paused or cancelled already", error);
}

bool
distjob_resume(DbTx *tx, gint64 id, const char *cause, GError **error)
{
        return by_hand(tx, &sql_distjob_resume, id, cause, "is not paused and waits for nothing",
                       error);
}

bool
distjob_to_top(DbTx *tx, gint64 id, const char *cause, GError **error)
{
        return by_hand(tx, &sql_distjob_to_top, id, cause, "is being cancelled", error);
}

bool
distjob_to_bottom(DbTx *tx, gint64 id, const char *cause, GError **error)
{
        return by_hand(tx, &sql_distjob_to_bottom, id, cause, "is being cancelled", error);
}

bool
distjob_start(DbTx *tx, gint64 id, GError **error)
{
        return db_run(tx, &sql_distjob_start,
                      DB_ARGS(DB_TIME("now", uk_clock_now()), DB_INT("id", id)), error);
}

bool
distjob_progress(DbTx *tx, const DistJob *job, GError **error)
{
        return db_run(tx, &sql_distjob_progress,
                      DB_ARGS(DB_INT("total", job->total_size),
                              DB_INT("remaining", job->remaining_size),
                              DB_INT("sent", job->bytes_sent),
                              DB_TEXT("way", job->way != NULL ? job->way : ""),
                              DB_TIME("now", uk_clock_now()), DB_INT("id", job->id)),
                      error);
}

bool
distjob_put_back(DbTx *tx, gint64 id, GError **error)
{
        return db_run(tx, &sql_distjob_put_back,
                      DB_ARGS(DB_TIME("now", uk_clock_now()), DB_INT("id", id)), error);
}

bool
distjob_retry(DbTx *tx, gint64 id, DistJobState state, gint64 retry_count, gint64 restart_us,
              const char *why, GError **error)
{
        return db_run(tx, &sql_distjob_retry,
                      DB_ARGS(DB_INT("state", state), DB_INT("count", retry_count),
                              DB_TIME_OR_NULL("restart", restart_us), DB_TEXT("why", why),
                              DB_TIME("now", uk_clock_now()), DB_INT("id", id)),
                      error);
}

bool
distjob_wait(DbTx *tx, gint64 id, gint64 retry_count, gint64 restart_us, const char *why,
             GError **error)
{
        return db_run(tx, &sql_distjob_wait,
                      DB_ARGS(DB_INT("count", retry_count), DB_TIME("restart", restart_us),
                              DB_TEXT("why", why), DB_TIME("now", uk_clock_now()),
                              DB_INT("id", id)),
                      error);
}

bool
distjob_told(DbTx *tx, gint64 id, gint64 attempts, gint64 polls, gint64 restart_us, const char *why,
             GError **error)
{
        return db_run(tx, &sql_distjob_told,
                      DB_ARGS(DB_TIME("now", uk_clock_now()), DB_TIME("restart", restart_us),
                              DB_INT("attempts", attempts), DB_INT("polls", polls),
                              DB_TEXT("why", why), DB_INT("id", id)),
                      error);
}

bool
distjob_pause_waits(DbTx *tx, gint64 id, const char *why, gint64 restart_us, GError **error)
{
        return db_run(tx, &sql_distjob_pause_waits,
                      DB_ARGS(DB_TIME_OR_NULL("restart", restart_us), DB_TEXT("why", why),
                              DB_TIME("now", uk_clock_now()), DB_INT("id", id)),
                      error);
}

bool
distjob_delete(DbTx *tx, gint64 id, GError **error)
{
        return db_run(tx, &sql_distjob_delete, DB_ARGS(DB_INT("id", id)), error);
}

bool
distjob_pull_done(DbTx *tx, gint64 dp_id, const char *pkg_id, gint64 version, gint64 said_us,
                  GError **error)
{
        return db_run(tx, &sql_distjob_pull_done,
                      DB_ARGS(DB_INT("dp_id", dp_id), DB_TEXT("pkg_id", pkg_id),
                              DB_INT("version", version), DB_TIME("said", said_us)),
                      error);
}

bool
distjob_pull_cancelled(DbTx *tx, gint64 dp_id, const char *pkg_id, gint64 version, GError **error)
{
        return db_run(tx, &sql_distjob_pull_cancelled,
                      DB_ARGS(DB_TIME("now", uk_clock_now()), DB_INT("dp_id", dp_id),
                              DB_TEXT("pkg_id", pkg_id), DB_INT("version", version)),
                      error);
}

bool
distjob_pull_progress(DbTx *tx, gint64 dp_id, const char *pkg_id, gint64 version,
                      const DistJobPull *pull, GError **error)
{
        return db_run(tx, &sql_distjob_pull_progress,
                      DB_ARGS(DB_INT("percent", pull->percent), DB_INT("done", pull->done),
                              DB_INT("all", pull->all), DB_TIME("now", uk_clock_now()),
                              DB_INT("dp_id", dp_id), DB_TEXT("pkg_id", pkg_id),
                              DB_INT("version", version)),
                      error);
}

bool
distjob_pull_waits(DbTx *tx, gint64 dp_id, const char *pkg_id, gint64 version, const char *why,
                   GError **error)
{
        return db_run(tx, &sql_distjob_pull_waits,
                      DB_ARGS(DB_TEXT("why", why), DB_TIME("now", uk_clock_now()),
                              DB_INT("dp_id", dp_id), DB_TEXT("pkg_id", pkg_id),
                              DB_INT("version", version)),
                      error);
}

bool
distjob_pull_failed(DbTx *tx, gint64 dp_id, const char *pkg_id, gint64 version, gint64 restart_us,
                    const char *why, GError **error)
{
        return db_run(tx, &sql_distjob_pull_failed,
                      DB_ARGS(DB_TIME("restart", restart_us), DB_TEXT("why", why),
                              DB_TIME("now", uk_clock_now()), DB_INT("dp_id", dp_id),
                              DB_TEXT("pkg_id", pkg_id), DB_INT("version", version)),
                      error);
}

bool
distjob_room_ready(DbTx *tx, gint64 dp_id, char **pkg_id_out, GError **error)
{
        const DbArg *args = DB_ARGS(DB_INT("dp_id", dp_id), DB_TEXT("why", DISTJOB_NO_ROOM),
                                    DB_TIME("now", uk_clock_now()));
        bool found = false;

        *pkg_id_out = NULL;
        return db_text(db_tx_db(tx), &sql_distjob_first_without_room, args, pkg_id_out, &found,
                       error) &&
               (!found || db_run(tx, &sql_distjob_room_ready, args, error));
}

bool
distjob_source_ready(DbTx *tx, const char *pkg_id, gint64 version, const char *source,
                     gint64 *woken_out, GError **error)
{
        return db_run_counted(tx, &sql_distjob_source_ready,
                              DB_ARGS(DB_TIME("now", uk_clock_now()), DB_TEXT("pkg_id", pkg_id),
                                      DB_INT("version", version), DB_TEXT("source", source)),
                              woken_out, error);
}
