/* summarytask.h - the tasks of the state system, their schedules and how they last ran (COMP-073).
 */
#pragma once

#include "db/db.h"

typedef struct {
        gint64 id;
        char *name;    /* SUM Update Status Summarizer */
        char *command; /* updates */
        gint64 interval_us;
        gint64 run_now;     /* asked for by hand */
        gint64 start_us;    /* of the last run, 0: never */
        gint64 interrupted; /* the last run did not come to its end */
        gint64 next_us;     /* 0: at once */
} SummaryTask;

void summarytask_free(SummaryTask *task);

/* The tasks that are enabled, by ID. The caller owns the array. */
GPtrArray *summarytask_list(Db *db, GError **error) UK_MUST_USE;
/* How many enabled tasks are asked for by hand. */
bool summarytask_asked(Db *db, gint64 *count_out, GError **error) UK_MUST_USE;
/* Asks for a task by its command ("updates"); NOT_FOUND unless it is one that may be started by
 * hand. */
bool summarytask_ask(DbTx *tx, const char *command, const char *cause, GError **error) UK_MUST_USE;
/* A run begins; what asked for it is answered by it. */
bool summarytask_begin(DbTx *tx, gint64 id, gint64 now_us, GError **error) UK_MUST_USE;

typedef struct {
        gint64 end_us, duration_us;
        gint64 result;
        gint64 next_us;
        bool succeeded;
} SummaryTaskRun;

/* The run is over, well or not. */
bool summarytask_end(DbTx *tx, gint64 id, const SummaryTaskRun *run, const char *cause,
                     GError **error) UK_MUST_USE;
