/* dts_job.c - the rows of the Data Transfer Service.
 *
 * Owners write them in the transaction of their own state, so that no download is lost or begun
 * twice; the service changes what becomes of them.
 */
#include <string.h>

#include "base/clock.h"
#include "base/guid.h"
#include "base/log.h"
#include "transfer/dts_job.sql.h"
#include "transfer/dts_private.h"

static const DbField job_fields[] = {
        DB_FIELD(TEXT, DtsJob, id, "JobID"),
        DB_FIELD(TEXT, DtsJob, box, "Box"),
        DB_FIELD(TEXT, DtsJob, key, "OwnerKey"),
        DB_FIELD(TEXT, DtsJob, source, "Source"),
        DB_FIELD(TEXT, DtsJob, target, "Target"),
        DB_FIELD(TEXT, DtsJob, state, "State"),
        DB_FIELD(INT, DtsJob, priority, "Priority"),
        DB_FIELD(INT, DtsJob, tries, "Tries"),
        DB_FIELD(INT, DtsJob, bytes_done, "BytesDone"),
        DB_FIELD(INT, DtsJob, bytes_all, "BytesAll"),
        DB_FIELD(TIME, DtsJob, next_us, "NextTime"),
        DB_FIELD(INT, DtsJob, error_code, "ErrorCode"),
        DB_FIELD(TEXT, DtsJob, error, "Error"),
        DB_FIELD(TEXT, DtsJob, trace, "Trace"),
        DB_FIELD_END,
};

static const DbField file_fields[] = {
        DB_FIELD(INT, DtsFileRow, seq, "Seq"),
        DB_FIELD(TEXT, DtsFileRow, path, "Path"),
        DB_FIELD(TEXT, DtsFileRow, name, "Name"),
        DB_FIELD(TEXT, DtsFileRow, title, "Title"),
        DB_FIELD(INT, DtsFileRow, size, "Size"),
        DB_FIELD(INT, DtsFileRow, range_from, "RangeFrom"),
        DB_FIELD(INT, DtsFileRow, optional, "IsOptional"),
        DB_FIELD(TEXT, DtsFileRow, etag, "ETag"),
        DB_FIELD_END,
};

void
dts_job_free(DtsJob *job)
{
        if (job == NULL)
                return;
        g_free(job->id);
        g_free(job->box);
        g_free(job->key);
        g_free(job->source);
        g_free(job->target);
        g_free(job->state);
        g_free(job->error);
        g_free(job->trace);
        g_free(job);
}

static void
job_free_data(gpointer data)
{
        dts_job_free(data);
}

static void
file_free(gpointer data)
{
        DtsFileRow *file = data;

        g_free(file->path);
        g_free(file->name);
        g_free(file->title);
        g_free(file->etag);
        g_free(file);
}

/* A name that stays in its folder. */
static bool
is_plain(const char *name)
{
        return name[0] != '\0' && name[0] != '.' && strlen(name) <= 200 &&
               strchr(name, '/') == NULL;
}

static bool
add_file(DbTx *tx, const char *id, guint seq, const DtsFile *file, GError **error)
{
        if (!is_plain(file->name))
                return uk_fail(error, UK_ERROR_INVALID, "'%.64s' is no name of a file to download",
                               file->name);
        return db_run(tx, &sql_dts_job_add_file,
                      DB_ARGS(DB_TEXT("id", id), DB_INT("seq", seq + 1),
                              DB_TEXT("path", file->path), DB_TEXT("name", file->name),
                              DB_TEXT("title", file->title), DB_INT("size", file->size),
                              DB_INT("range_from", file->range_from),
                              DB_INT("optional", file->optional)),
                      error);
}

bool
dts_add(DbTx *tx, const DtsRequest *request, const DtsFile *files, guint count, char **id_out,
        GError **error) /* DIST-114 */
{
        g_autofree char *id = uk_guid_new_braced();
        gint64 bytes = 0;

        if (request->target[0] != '/')
                return uk_fail(error, UK_ERROR_INVALID, "the target '%s' is no absolute path",
                               request->target);
        for (guint i = 0; i < count; i++)
                bytes += MAX(files[i].size, 0);
        if (!db_run(tx, &sql_dts_job_add,
                    DB_ARGS(DB_TEXT("id", id), DB_TEXT("box", request->box),
                            DB_TEXT("key", request->key), DB_TEXT("source", request->source),
                            DB_TEXT("target", request->target),
                            DB_INT("priority", request->priority), DB_INT("bytes", bytes),
                            DB_TIME("now", uk_clock_now()), DB_TEXT("cause", request->cause),
                            DB_TEXT("trace", db_tx_trace(tx))),
                    error))
                return false;
        for (guint i = 0; i < count; i++) {
                if (!add_file(tx, id, i, &files[i], error))
                        return false;
        }
        *id_out = g_steal_pointer(&id);
        return true;
}

bool
dts_load(Db *db, const char *id, DtsJob **job_out, GError **error)
{
        g_autoptr(DtsJob) job = g_new0(DtsJob, 1);
        bool found;

        if (!db_one(db, &sql_dts_job_load, DB_ARGS(DB_TEXT("id", id)), job_fields, job, &found,
                    error))
                return false;
        *job_out = found ? g_steal_pointer(&job) : NULL;
        return true;
}

bool
dts_remove(DbTx *tx, const char *id, GError **error)
{
        return db_run(tx, &sql_dts_job_remove_files, DB_ARGS(DB_TEXT("id", id)), error) &&
               db_run(tx, &sql_dts_job_remove, DB_ARGS(DB_TEXT("id", id)), error);
}

bool
dts_limit(DbTx *tx, gint64 rate, const char *schedule, GError **error)
{
        return db_run(tx, &sql_dts_job_limit,
                      DB_ARGS(DB_INT("rate", rate), DB_TEXT("schedule", schedule)), error);
}

GPtrArray *
dts_job_files(Db *db, const char *id, GError **error)
{
        g_autoptr(GPtrArray) all = g_ptr_array_new_with_free_func(file_free);
        guint page;

        do {
                const DtsFileRow *last = all->len > 0 ? all->pdata[all->len - 1] : NULL;
                g_autoptr(GPtrArray) rows = db_list(
                        db, &sql_dts_job_files,
                        DB_ARGS(DB_TEXT("id", id), DB_INT("after", last != NULL ? last->seq : 0)),
                        file_fields, sizeof(DtsFileRow), file_free, error);

                if (rows == NULL)
                        return NULL;
                page = rows->len;
                g_ptr_array_extend_and_steal(all, g_steal_pointer(&rows));
        } while (page == 1000);
        return g_steal_pointer(&all);
}

GPtrArray *
dts_job_pending(Db *db, gint64 longest_us, GError **error)
{
        gint64 now = uk_clock_now();

        return db_list(db, &sql_dts_job_pending,
                       DB_ARGS(DB_TIME("now", now), DB_TIME("latest", now + longest_us)),
                       job_fields, sizeof(DtsJob), job_free_data, error);
}

GPtrArray *
dts_job_untold(Db *db, GError **error)
{
        return db_list(db, &sql_dts_job_untold, DB_NO_ARGS, job_fields, sizeof(DtsJob),
                       job_free_data, error);
}

bool
dts_job_next_time(Db *db, gint64 longest_us, gint64 *next_out, GError **error)
{
        g_autofree char *text = NULL;
        gint64 now = uk_clock_now();

        if (!db_text(db, &sql_dts_job_next_time,
                     DB_ARGS(DB_TIME("now", now), DB_TIME("latest", now + longest_us)), &text, NULL,
                     error))
                return false;
        *next_out = UK_NEVER;
        return text == NULL || uk_clock_parse(text, next_out, error);
}

static bool
run_alone(Db *db, const DbSql *sql, const DbArg *args, GError **error)
{
        g_autoptr(DbTx) tx = db_begin(db, error);

        return tx != NULL && db_run(tx, sql, args, error) && db_commit(g_steal_pointer(&tx), error);
}

bool
dts_job_begin(Db *db, const char *id, GError **error)
{
        return run_alone(db, &sql_dts_job_begin, DB_ARGS(DB_TEXT("id", id)), error);
}

bool
dts_job_set_state(Db *db, const DtsJob *job, const char *state, GError **error)
{
        return run_alone(db, &sql_dts_job_state,
                         DB_ARGS(DB_TEXT("id", job->id), DB_TEXT("state", state),
                                 DB_INT("bytes", job->bytes_done)),
                         error);
}

bool
dts_job_set_failed(Db *db, const DtsJob *job, GError **error)
{
        return run_alone(db, &sql_dts_job_failed,
                         DB_ARGS(DB_TEXT("id", job->id), DB_TEXT("state", job->state),
                                 DB_INT("tries", job->tries), DB_INT("bytes", job->bytes_done),
                                 DB_TIME_OR_NULL("next", job->next_us),
                                 DB_INT("code", job->error_code), DB_TEXT("why", job->error)),
                         error);
}

bool
dts_job_set_progress(Db *db, const DtsJob *job, GError **error)
{
        return run_alone(db, &sql_dts_job_progress,
                         DB_ARGS(DB_TEXT("id", job->id), DB_INT("bytes", job->bytes_done),
                                 DB_INT("all", job->bytes_all)),
                         error);
}

bool
dts_job_set_etag(Db *db, const char *id, gint64 seq, const char *etag, GError **error)
{
        return run_alone(db, &sql_dts_job_etag,
                         DB_ARGS(DB_TEXT("id", id), DB_INT("seq", seq), DB_TEXT("etag", etag)),
                         error);
}

bool
dts_job_resume(Db *db, GError **error)
{
        return run_alone(db, &sql_dts_job_resume, DB_NO_ARGS, error);
}

typedef struct {
        gint64 rate;
        char *schedule;
} Limits;

static const DbField limit_fields[] = {
        DB_FIELD(INT, Limits, rate, "RateLimit"),
        DB_FIELD(TEXT, Limits, schedule, "Schedule"),
        DB_FIELD_END,
};

bool
dts_job_limits(Db *db, gint64 *rate_out, char **schedule_out, GError **error)
{
        Limits limits = { 0 };
        bool found;

        if (!db_one(db, &sql_dts_job_limits, DB_NO_ARGS, limit_fields, &limits, &found, error))
                return false;
        *rate_out = limits.rate;
        *schedule_out = found ? limits.schedule : g_strdup("");
        return true;
}
