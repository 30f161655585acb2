/* pulljob.c - the rows of what a pull distribution point fetches. */
#include "dp/pulljob.h"

#include "base/clock.h"
#include "dp/pulljob.sql.h"

static const DbField package_fields[] = {
        DB_FIELD(TEXT, PullPackage, package_id, "PackageID"),
        DB_FIELD(INT, PullPackage, version, "Version"),
        DB_FIELD(TEXT, PullPackage, guid, "JobGUID"),
        DB_FIELD(BYTES, PullPackage, notification, "Notification"),
        DB_FIELD(TEXT, PullPackage, state, "State"),
        DB_FIELD(INT, PullPackage, reported, "Reported"),
        DB_FIELD(INT, PullPackage, reported_percent, "ReportedPercent"),
        DB_FIELD(TIME, PullPackage, reported_us, "ReportedTime"),
        DB_FIELD(TIME, PullPackage, progress_us, "ProgressTime"),
        DB_FIELD(INT, PullPackage, failures, "Failures"),
        DB_FIELD(TIME, PullPackage, next_us, "NextTime"),
        DB_FIELD(TEXT, PullPackage, error, "Error"),
        DB_FIELD(TEXT, PullPackage, trace, "Trace"),
        DB_FIELD_END,
};

static const DbField content_fields[] = {
        DB_FIELD(TEXT, PullContent, guid, "JobGUID"),
        DB_FIELD(TEXT, PullContent, package_id, "PackageID"),
        DB_FIELD(INT, PullContent, version, "Version"),
        DB_FIELD(TEXT, PullContent, content_id, "ContentID"),
        DB_FIELD(TEXT, PullContent, related_id, "RelatedContentID"),
        DB_FIELD(INT, PullContent, state, "State"),
        DB_FIELD(TEXT, PullContent, dts_job, "DTSJob"),
        DB_FIELD(TEXT, PullContent, source, "Source"),
        DB_FIELD(INT, PullContent, bytes_all, "BytesAll"),
        DB_FIELD(INT, PullContent, bytes_done, "BytesDone"),
        DB_FIELD(TEXT, PullContent, error, "Error"),
        DB_FIELD(TEXT, PullContent, trace, "Trace"),
        DB_FIELD_END,
};

static const DbField progress_fields[] = {
        DB_FIELD(INT, PullProgress, bytes_all, "BytesAll"),
        DB_FIELD(INT, PullProgress, bytes_done, "BytesDone"),
        DB_FIELD(INT, PullProgress, unfinished, "Unfinished"),
        DB_FIELD(INT, PullProgress, lacking, "Lacking"),
        DB_FIELD(INT, PullProgress, unplanned, "Unplanned"),
        DB_FIELD(INT, PullProgress, unsized, "Unsized"),
        DB_FIELD(INT, PullProgress, contents, "Contents"),
        DB_FIELD_END,
};

static const DbField notification_fields[] = {
        DB_FIELD(INT, PullNotification, id, "ID"),
        DB_FIELD(BYTES, PullNotification, notification, "Notification"),
        DB_FIELD(TEXT, PullNotification, trace, "Trace"),
        DB_FIELD_END,
};

static const DbField report_fields[] = {
        DB_FIELD(INT, PullReport, id, "ID"),
        DB_FIELD(TEXT, PullReport, package_id, "PackageID"),
        DB_FIELD(INT, PullReport, version, "Version"),
        DB_FIELD(TEXT, PullReport, guid, "JobGUID"),
        DB_FIELD(INT, PullReport, state_id, "StateID"),
        DB_FIELD(TEXT, PullReport, data, "Data"),
        DB_FIELD(TIME, PullReport, time_us, "MessageTime"),
        DB_FIELD(TEXT, PullReport, trace, "Trace"),
        DB_FIELD_END,
};

void
pulljob_free(PullPackage *package)
{
        if (package == NULL)
                return;
        g_free(package->package_id);
        g_free(package->guid);
        g_clear_pointer(&package->notification, g_bytes_unref);
        g_free(package->state);
        g_free(package->error);
        g_free(package->trace);
        g_free(package);
}

void
pulljob_content_free(PullContent *content)
{
        if (content == NULL)
                return;
        g_free(content->guid);
        g_free(content->package_id);
        g_free(content->content_id);
        g_free(content->related_id);
        g_free(content->dts_job);
        g_free(content->source);
        g_free(content->error);
        g_free(content->trace);
        g_free(content);
}

void
pulljob_notification_free(PullNotification *notification)
{
        if (notification == NULL)
                return;
        g_clear_pointer(&notification->notification, g_bytes_unref);
        g_free(notification->trace);
        g_free(notification);
}

void
pulljob_report_free(PullReport *report)
{
        if (report == NULL)
                return;
        g_free(report->package_id);
        g_free(report->guid);
        g_free(report->data);
        g_free(report->trace);
        g_free(report);
}

static void
package_free_data(gpointer data)
{
        pulljob_free(data);
}

static void
content_free_data(gpointer data)
{
        pulljob_content_free(data);
}

bool
pulljob_load(Db *db, const char *package_id, PullPackage **package_out, GError **error)
{
        g_autoptr(PullPackage) package = g_new0(PullPackage, 1);
        bool found;

        if (!db_one(db, &sql_pulljob_load, DB_ARGS(DB_TEXT("package", package_id)), package_fields,
                    package, &found, error))
                return false;
        *package_out = found ? g_steal_pointer(&package) : NULL;
        return true;
}

GPtrArray *
pulljob_list(Db *db, GError **error)
{
        return db_list(db, &sql_pulljob_list, DB_NO_ARGS, package_fields, sizeof(PullPackage),
                       package_free_data, error);
}

bool
pulljob_put(DbTx *tx, const PullPackage *package, const char *cause, GError **error)
{
        gsize size;
        const void *data = g_bytes_get_data(package->notification, &size);

        return pulljob_drop(tx, package->package_id, error) &&
               db_run(tx, &sql_pulljob_put,
                      DB_ARGS(DB_TEXT("package", package->package_id),
                              DB_INT("version", package->version), DB_TEXT("guid", package->guid),
                              DB_BYTES("notification", data, size), DB_TEXT("cause", cause),
                              DB_TEXT("trace", package->trace)),
                      error);
}

bool
pulljob_save(DbTx *tx, const PullPackage *package, GError **error)
{
        return db_run(tx, &sql_pulljob_save,
                      DB_ARGS(DB_TEXT("package", package->package_id),
                              DB_TEXT("guid", package->guid), DB_TEXT("state", package->state),
                              DB_INT("reported", package->reported),
                              DB_INT("percent", package->reported_percent),
                              DB_TIME_OR_NULL("reported_time", package->reported_us),
                              DB_TIME_OR_NULL("progress_time", package->progress_us),
                              DB_INT("failures", package->failures),
                              DB_TIME_OR_NULL("next", package->next_us),
                              DB_TEXT("error", package->error)),
                      error);
}

bool
pulljob_set_state(DbTx *tx, const PullPackage *package, const char *state, bool *first_out,
                  GError **error)
{
        gint64 changed = 0;

        if (!db_run_counted(tx, &sql_pulljob_set_state,
                            DB_ARGS(DB_TEXT("package", package->package_id),
                                    DB_TEXT("guid", package->guid), DB_TEXT("state", state)),
                            &changed, error))
                return false;
        *first_out = changed > 0;
        return true;
}

bool
pulljob_cancel(DbTx *tx, const char *package_id, gint64 version, bool *found_out, GError **error)
{
        gint64 changed = 0;

        if (!db_run_counted(tx, &sql_pulljob_cancel,
                            DB_ARGS(DB_TEXT("package", package_id), DB_INT("version", version)),
                            &changed, error))
                return false;
        *found_out = changed > 0;
        return true;
}

bool
pulljob_end(DbTx *tx, const char *package_id, GError **error)
{
        const DbArg *args = DB_ARGS(DB_TEXT("package", package_id));

        return db_run(tx, &sql_pulljob_end, args, error) &&
               db_run(tx, &sql_pulljob_end_notifications, args, error);
}

bool
pulljob_cancel_all(DbTx *tx, GError **error)
{
        return db_run(tx, &sql_pulljob_cancel_all, DB_NO_ARGS, error) &&
               db_run(tx, &sql_pulljob_drop_notifications, DB_NO_ARGS, error);
}

bool
pulljob_drop(DbTx *tx, const char *package_id, GError **error)
{
        const DbArg *args = DB_ARGS(DB_TEXT("package", package_id));

        return db_run(tx, &sql_pulljob_drop_sources, args, error) &&
               db_run(tx, &sql_pulljob_drop_contents, args, error) &&
               db_run(tx, &sql_pulljob_drop, args, error);
}

bool
pulljob_active(Db *db, gint64 *count_out, GError **error)
{
        return db_int(db, &sql_pulljob_active, DB_NO_ARGS, count_out, NULL, error);
}

bool
pulljob_progress(Db *db, const char *package_id, PullProgress *progress_out, GError **error)
{
        return db_one(db, &sql_pulljob_progress, DB_ARGS(DB_TEXT("package", package_id)),
                      progress_fields, progress_out, NULL, error);
}

int
pulljob_percent(const PullProgress *progress)
{
        if (progress->bytes_all <= 0)
                return progress->contents > 0 && progress->lacking == 0 ? 100 : 0;
        return (int)CLAMP(progress->bytes_done * 100.0 / (double)progress->bytes_all, 0, 100);
}

bool
pulljob_add_content(DbTx *tx, const PullPackage *package, const PullContent *content,
                    const char *cause, GError **error)
{
        return db_run(tx, &sql_pulljob_add_content,
                      DB_ARGS(DB_TEXT("guid", content->guid),
                              DB_TEXT("package", package->package_id),
                              DB_INT("version", package->version),
                              DB_TEXT("content", content->content_id),
                              DB_TEXT("related", content->related_id), DB_TEXT("cause", cause),
                              DB_TEXT("trace", package->trace)),
                      error);
}

bool
pulljob_content(Db *db, const char *guid, PullContent **content_out, GError **error)
{
        g_autoptr(PullContent) content = g_new0(PullContent, 1);
        bool found;

        if (!db_one(db, &sql_pulljob_content, DB_ARGS(DB_TEXT("guid", guid)), content_fields,
                    content, &found, error))
                return false;
        *content_out = found ? g_steal_pointer(&content) : NULL;
        return true;
}

GPtrArray *
pulljob_contents(Db *db, const char *package_id, GError **error)
{
        return db_list(db, &sql_pulljob_contents, DB_ARGS(DB_TEXT("package", package_id)),
                       content_fields, sizeof(PullContent), content_free_data, error);
}

GPtrArray *
pulljob_open_contents(Db *db, GError **error)
{
        return db_list(db, &sql_pulljob_open_contents, DB_NO_ARGS, content_fields,
                       sizeof(PullContent), content_free_data, error);
}

bool
pulljob_pause(DbTx *tx, const char *package_id, gint64 version, bool paused, GError **error)
{
        const DbArg halt[] = { DB_TEXT("package", package_id), DB_INT("version", version), DB_END };
        const DbArg resume[] = { DB_TEXT("package", package_id), DB_INT("version", version),
                                 DB_TIME("now", uk_clock_now()), DB_END };
        gint64 changed = 0;

        if (!db_run_counted(tx, paused ? &sql_pulljob_pause : &sql_pulljob_resume,
                            paused ? halt : resume, &changed, error))
                return false;
        if (changed == 0)
                return uk_fail(error, UK_ERROR_NOT_FOUND,
                               "version %" G_GINT64_FORMAT " of package %s is not %s", version,
                               package_id, paused ? "being pulled" : "paused");
        return !paused || db_run(tx, &sql_pulljob_halt_contents,
                                 DB_ARGS(DB_TEXT("package", package_id)), error);
}

bool
pulljob_check_runs(Db *db, const PullContent *content, GError **error)
{
        gint64 count = 0;

        return db_int(db, &sql_pulljob_runs, DB_ARGS(DB_TEXT("guid", content->guid)), &count, NULL,
                      error) &&
               (count > 0 ||
                uk_fail(error, UK_ERROR_STALE, "content job %s is over", content->guid));
}

bool
pulljob_save_content(DbTx *tx, const PullContent *content, GError **error)
{
        gint64 changed = 0;

        if (!db_run_counted(
                    tx, &sql_pulljob_save_content,
                    DB_ARGS(DB_TEXT("guid", content->guid), DB_INT("state", content->state),
                            DB_TEXT("dts", content->dts_job), DB_TEXT("source", content->source),
                            DB_INT("all", content->bytes_all), DB_INT("done", content->bytes_done),
                            DB_TEXT("error", content->error)),
                    &changed, error))
                return false;
        return changed > 0 ||
               uk_fail(error, UK_ERROR_STALE, "content job %s is over", content->guid);
}

bool
pulljob_add_source(DbTx *tx, const char *guid, guint position, const char *source, GError **error)
{
        return db_run(tx, &sql_pulljob_add_source,
                      DB_ARGS(DB_TEXT("guid", guid), DB_INT("position", position),
                              DB_TEXT("source", source)),
                      error);
}

bool
pulljob_next_source(Db *db, const char *guid, char **source_out, GError **error)
{
        bool found;
        char *source = NULL;

        if (!db_text(db, &sql_pulljob_next_source, DB_ARGS(DB_TEXT("guid", guid)), &source, &found,
                     error))
                return false;
        *source_out = source;
        return true;
}

bool
pulljob_judge_source(DbTx *tx, const char *guid, const char *source, PullVerdict verdict,
                     GError **error)
{
        return db_run(tx, &sql_pulljob_judge_source,
                      DB_ARGS(DB_TEXT("guid", guid), DB_TEXT("source", source),
                              DB_INT("verdict", verdict)),
                      error);
}

bool
pulljob_source_again(DbTx *tx, const char *guid, const char *source, bool *again_out,
                     GError **error)
{
        gint64 changed = 0;

        if (!db_run_counted(tx, &sql_pulljob_source_again,
                            DB_ARGS(DB_TEXT("guid", guid), DB_TEXT("source", source)), &changed,
                            error))
                return false;
        *again_out = changed > 0;
        return true;
}

bool
pulljob_any_failed(Db *db, const char *guid, bool *failed_out, GError **error)
{
        gint64 count = 0;

        if (!db_int(db, &sql_pulljob_failed_sources, DB_ARGS(DB_TEXT("guid", guid)), &count, NULL,
                    error))
                return false;
        *failed_out = count > 0;
        return true;
}

bool
pulljob_forget_verdicts(DbTx *tx, const char *package_id, GError **error)
{
        return db_run(tx, &sql_pulljob_forget_verdicts, DB_ARGS(DB_TEXT("package", package_id)),
                      error);
}

bool
pulljob_first_notification(Db *db, PullNotification **notification_out, GError **error)
{
        g_autoptr(PullNotification) notification = g_new0(PullNotification, 1);
        bool found;

        if (!db_one(db, &sql_pulljob_first_notification, DB_NO_ARGS, notification_fields,
                    notification, &found, error))
                return false;
        *notification_out = found ? g_steal_pointer(&notification) : NULL;
        return true;
}

bool
pulljob_drop_notification(DbTx *tx, gint64 id, bool *found_out, GError **error)
{
        gint64 changed = 0;

        if (!db_run_counted(tx, &sql_pulljob_drop_notification, DB_ARGS(DB_INT("id", id)), &changed,
                            error))
                return false;
        if (found_out != NULL)
                *found_out = changed > 0;
        return true;
}

bool
pulljob_add_report(DbTx *tx, const PullPackage *package, int state_id, const char *data,
                   gint64 time_us, GError **error)
{
        if (state_id == 16 && !db_run(tx, &sql_pulljob_drop_progress,
                                      DB_ARGS(DB_TEXT("package", package->package_id)), error))
                return false;
        return db_run(tx, &sql_pulljob_add_report,
                      DB_ARGS(DB_TEXT("package", package->package_id),
                              DB_INT("version", package->version), DB_TEXT("guid", package->guid),
                              DB_INT("state", state_id), DB_TEXT("data", data),
                              DB_TIME("time", time_us), DB_TEXT("cause", "PullDP"),
                              DB_TEXT("trace", package->trace)),
                      error);
}

bool
pulljob_first_report(Db *db, PullReport **report_out, GError **error)
{
        g_autoptr(PullReport) report = g_new0(PullReport, 1);
        bool found;

        if (!db_one(db, &sql_pulljob_first_report, DB_NO_ARGS, report_fields, report, &found,
                    error))
                return false;
        *report_out = found ? g_steal_pointer(&report) : NULL;
        return true;
}

bool
pulljob_drop_report(DbTx *tx, gint64 id, GError **error)
{
        return db_run(tx, &sql_pulljob_drop_report, DB_ARGS(DB_INT("id", id)), error);
}
