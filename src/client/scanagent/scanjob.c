/* scanjob.c - the stored scan jobs, row by row. */
#include "client/scanagent/scanjob.h"

#include "base/clock.h"
#include "base/guid.h"
#include "client/scanjob.sql.h"

static const DbField fields[] = {
        DB_FIELD(TEXT, ScanJob, id, "JobID"),
        DB_FIELD(TEXT, ScanJob, source_id, "UpdateSourceID"),
        DB_FIELD(INT, ScanJob, content_version, "ContentVersion"),
        DB_FIELD(INT, ScanJob, required_version, "RequiredVersion"),
        DB_FIELD(TEXT, ScanJob, state, "State"),
        DB_FIELD(INT, ScanJob, urgent, "IsUrgent"),
        DB_FIELD(TEXT, ScanJob, again_trace, "AgainTrace"),
        DB_FIELD(INT, ScanJob, again_version, "AgainVersion"),
        DB_FIELD(TEXT, ScanJob, location_request, "LocationRequestID"),
        DB_FIELD(TEXT, ScanJob, location, "ContentLocation"),
        DB_FIELD(TEXT, ScanJob, location_version, "LocationVersion"),
        DB_FIELD(INT, ScanJob, tries, "Tries"),
        DB_FIELD(TEXT, ScanJob, failed_locations, "FailedLocations"),
        DB_FIELD(TIME, ScanJob, created_us, "CreatedTime"),
        DB_FIELD(TIME, ScanJob, next_us, "NextTime"),
        DB_FIELD(TIME, ScanJob, finish_us, "FinishTime"),
        DB_FIELD(INT, ScanJob, error_code, "ErrorCode"),
        DB_FIELD(TEXT, ScanJob, error_text, "ErrorText"),
        DB_FIELD(INT, ScanJob, missing, "NumMissing"),
        DB_FIELD(INT, ScanJob, installed, "NumInstalled"),
        DB_FIELD(INT, ScanJob, not_applicable, "NumNotApplicable"),
        DB_FIELD(TEXT, ScanJob, details, "StateDetails"),
        DB_FIELD(TIME, ScanJob, scan_us, "ScanTime"),
        DB_FIELD(TEXT, ScanJob, cause, "Cause"),
        DB_FIELD(TEXT, ScanJob, trace, "Trace"),
        DB_FIELD_END,
};

void
scanjob_free(ScanJob *job)
{
        if (job == NULL)
                return;
        g_free(job->id);
        g_free(job->source_id);
        g_free(job->state);
        g_free(job->again_trace);
        g_free(job->location_request);
        g_free(job->location);
        g_free(job->location_version);
        g_free(job->failed_locations);
        g_free(job->error_text);
        g_free(job->details);
        g_free(job->cause);
        g_free(job->trace);
        g_free(job);
}

void
scanjob_set(char **member, const char *value)
{
        char *copy = g_strdup(value);

        g_free(*member);
        *member = copy;
}

ScanJob *
scanjob_new(const char *cause, const char *trace)
{
        ScanJob *job = g_new0(ScanJob, 1);

        job->id = uk_guid_new_braced();
        job->state = g_strdup(SCANJOB_NEW);
        job->created_us = uk_clock_now();
        job->cause = g_strdup(cause);
        job->trace = g_strdup(trace);
        job->source_id = g_strdup("");
        job->again_trace = g_strdup("");
        job->location_request = g_strdup("");
        job->location = g_strdup("");
        job->location_version = g_strdup("");
        job->failed_locations = g_strdup("");
        job->error_text = g_strdup("");
        job->details = g_strdup("");
        return job;
}

bool
scanjob_add(DbTx *tx, const ScanJob *job, GError **error)
{
        return db_run(tx, &sql_scanjob_add,
                      DB_ARGS(DB_TEXT("id", job->id), DB_TEXT("source_id", job->source_id),
                              DB_INT("required_version", job->required_version),
                              DB_TEXT("state", job->state), DB_INT("urgent", job->urgent),
                              DB_TIME("created", job->created_us), DB_TEXT("cause", job->cause),
                              DB_TEXT("trace", job->trace)),
                      error);
}

bool
scanjob_save(DbTx *tx, const ScanJob *job, GError **error)
{
        return db_run(tx, &sql_scanjob_save,
                      DB_ARGS(DB_TEXT("source_id", job->source_id),
                              DB_INT("content_version", job->content_version),
                              DB_INT("required_version", job->required_version),
                              DB_TEXT("state", job->state), DB_INT("urgent", job->urgent),
                              DB_TEXT("again_trace", job->again_trace),
                              DB_INT("again_version", job->again_version),
                              DB_TEXT("location_request", job->location_request),
                              DB_TEXT("location", job->location),
                              DB_TEXT("location_version", job->location_version),
                              DB_INT("tries", job->tries),
                              DB_TEXT("failed_locations", job->failed_locations),
                              DB_TIME_OR_NULL("next", job->next_us),
                              DB_TIME_OR_NULL("finish", job->finish_us),
                              DB_INT("error_code", job->error_code),
                              DB_TEXT("error_text", job->error_text),
                              DB_INT("missing", job->missing), DB_INT("installed", job->installed),
                              DB_INT("not_applicable", job->not_applicable),
                              DB_TEXT("details", job->details),
                              DB_TIME_OR_NULL("scan", job->scan_us), DB_TEXT("cause", job->cause),
                              DB_TEXT("trace", job->trace), DB_TEXT("id", job->id)),
                      error);
}

ScanJob *
scanjob_load(Db *db, const char *id, GError **error)
{
        g_autoptr(ScanJob) job = g_new0(ScanJob, 1);
        bool found = false;

        if (!db_one(db, &sql_scanjob_load, DB_ARGS(DB_TEXT("id", id)), fields, job, &found,
                    error) ||
            !found)
                return NULL;
        return g_steal_pointer(&job);
}

/* The job whose ID a statement finds. */
static ScanJob *
load_by(Db *db, const DbSql *sql, const DbArg *args, GError **error)
{
        g_autofree char *id = NULL;
        bool found = false;

        if (!db_text(db, sql, args, &id, &found, error) || !found)
                return NULL;
        return scanjob_load(db, id, error);
}

ScanJob *
scanjob_active(Db *db, GError **error)
{
        return load_by(db, &sql_scanjob_active, DB_NO_ARGS, error);
}

ScanJob *
scanjob_first(Db *db, const char *state, gint64 now_us, GError **error)
{
        return load_by(db, &sql_scanjob_first,
                       DB_ARGS(DB_TEXT("state", state), DB_TIME("now", now_us)), error);
}

ScanJob *
scanjob_of_request(Db *db, const char *request, GError **error)
{
        return load_by(db, &sql_scanjob_of_request, DB_ARGS(DB_TEXT("request", request)), error);
}

bool
scanjob_next_time(Db *db, gint64 *time_out, GError **error)
{
        g_autofree char *text = NULL;
        bool found = false;

        *time_out = UK_NEVER;
        if (!db_text(db, &sql_scanjob_next_time, DB_NO_ARGS, &text, &found, error))
                return false;
        return !found || uk_clock_parse(text, time_out, error);
}

bool
scanjob_all_due(Db *db, gint64 now_us, GError **error)
{
        g_autoptr(DbTx) tx = db_begin(db, error);

        return tx != NULL &&
               db_run(tx, &sql_scanjob_all_due, DB_ARGS(DB_TIME("now", now_us)), error) &&
               db_commit(g_steal_pointer(&tx), error);
}

bool
scanjob_remove_old(DbTx *tx, gint64 before_us, GError **error)
{
        return db_run(tx, &sql_scanjob_remove_old, DB_ARGS(DB_TIME("before", before_us)), error);
}

bool
scanjob_fail(Work *work, ScanJob *job, guint32 code, const char *text, GError **error)
{
        scanjob_set(&job->state, SCANJOB_FAILING);
        job->error_code = code;
        scanjob_set(&job->error_text, text);
        work_ring(work, WORK_BOX_SCAN);
        return scanjob_save(work->tx, job, error);
}
