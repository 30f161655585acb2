/* summarytask.c - the tasks of the state system. A run is noted when it begins, so that one that
 * was cut short is known and made good.
 */
#include "sitedb/summarytask.h"

#include "sitedb/summarytask.sql.h"

#define MILLISECOND 1000

static const DbField fields[] = {
        DB_FIELD(INT, SummaryTask, id, "TaskID"),
        DB_FIELD(TEXT, SummaryTask, name, "TaskName"),
        DB_FIELD(TEXT, SummaryTask, command, "TaskCommand"),
        DB_FIELD(INT, SummaryTask, interval_us, "IntervalTime"),
        DB_FIELD(INT, SummaryTask, run_now, "RunNow"),
        DB_FIELD(TIME, SummaryTask, start_us, "LastStartTime"),
        DB_FIELD(INT, SummaryTask, interrupted, "Interrupted"),
        DB_FIELD(TIME, SummaryTask, next_us, "NextStartTime"),
        DB_FIELD_END,
};

void
summarytask_free(SummaryTask *task)
{
        g_free(task->name);
        g_free(task->command);
        g_free(task);
}

GPtrArray *
summarytask_list(Db *db, GError **error)
{
        return db_list(db, &sql_summarytask_list, DB_NO_ARGS, fields, sizeof(SummaryTask),
                       (GDestroyNotify)summarytask_free, error);
}

bool
summarytask_asked(Db *db, gint64 *count_out, GError **error)
{
        return db_int(db, &sql_summarytask_asked, DB_NO_ARGS, count_out, NULL, error);
}

bool
summarytask_ask(DbTx *tx, const char *command, const char *cause, GError **error)
{
        gint64 changed = 0;

        if (!db_run_counted(tx, &sql_summarytask_ask,
                            DB_ARGS(DB_TEXT("command", command), DB_TEXT("cause", cause),
                                    DB_TEXT("trace", db_tx_trace(tx))),
                            &changed, error))
                return false;
        return changed > 0 || uk_fail(error, UK_ERROR_NOT_FOUND,
                                      "there is no summarization '%.40s' to be started by hand; "
                                      "'updates' is one",
                                      command);
}

bool
summarytask_begin(DbTx *tx, gint64 id, gint64 now_us, GError **error)
{
        return db_run(tx, &sql_summarytask_begin, DB_ARGS(DB_TIME("now", now_us), DB_INT("id", id)),
                      error);
}

bool
summarytask_end(DbTx *tx, gint64 id, const SummaryTaskRun *run, const char *cause, GError **error)
{
        return db_run(tx, &sql_summarytask_end,
                      DB_ARGS(DB_INT("duration", run->duration_us / MILLISECOND),
                              DB_INT("result", run->result), DB_TIME("next", run->next_us),
                              DB_INT("succeeded", run->succeeded), DB_TIME("end", run->end_us),
                              DB_TEXT("cause", cause), DB_TEXT("trace", db_tx_trace(tx)),
                              DB_INT("id", id)),
                      error);
}
