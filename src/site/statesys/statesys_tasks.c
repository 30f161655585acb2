/* statesys_tasks.c - summarization: the tasks of SR_SummaryTasks, each on its schedule or when it
 * is asked for by hand (COMP-073, COMP-074).
 *
 * The summary of updates is current at every commit; its task proves that by counting all states
 * anew, and corrects and says so where it is wrong (COMP-077).
 */
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "host/schedule.h"
#include "site/statesys/statesys_private.h"
#include "sitedb/summarytask.h"

/* A task that failed is tried again after this, or its interval if that is shorter. */
#define RETRY_US (10 * UK_MINUTE)
/* Machines whose aged states go in one transaction. */
#define AGED_MAX 50

typedef bool (*TaskFn)(Component *c, gint64 *status_out, GError **error);

/* ---- SUM Update Status Summarizer (COMP-077) --------------------------------------------------
 */

static bool
say_wrong(Component *c, DbTx *tx, const SummaryProof *proof, GError **error)
{
        gint64 first = 0;
        guint updates = summary_proof_wrong(proof, &first);
        guint versions = summary_proof_wrong_versions(proof);
        g_autofree char *text = NULL;

        if (updates == 0 && versions == 0)
                return true;
        text = g_strdup_printf("%u updates (first CI_ID %" G_GINT64_FORMAT
                               "), machines of %u content versions",
                               updates, first, versions);
        uk_warn("The summary of updates did not agree with the states of the machines and has been "
                "corrected: %s.",
                text);
        return statusmsg_raise(c, tx, 60020, error, text, NULL);
}

/* The status is the number of updates. */
static bool
summarize_updates(Component *c, gint64 *status_out, GError **error)
{
        g_autoptr(SummaryProof) proof = summary_prove(c->db, error);
        g_autoptr(DbTx) tx = proof != NULL ? db_begin(c->db, error) : NULL;

        if (tx == NULL)
                return false;
        *status_out = summary_proof_updates(proof);
        return summary_correct(tx, proof, uk_clock_now(), "SUM Update Status Summarizer", error) &&
               say_wrong(c, tx, proof, error) && db_commit(g_steal_pointer(&tx), error);
}

/* ---- SUM Delete Aged Status (COMP-079) --------------------------------------------------------
 */

/* A few machines in a transaction of their own, so that reports can be taken in between. */
static bool
forget_some(Component *c, gint64 before_us, guint *machines_out, gint64 *rows_out, GError **error)
{
        g_autoptr(GArray) ids = compliance_aged(c->db, before_us, AGED_MAX, error);
        g_autoptr(StatesysWork) work = ids != NULL ? statesys_machine_begin(c->db, error) : NULL;

        for (guint i = 0; work != NULL && i < ids->len; i++) {
                StatesysMachine machine = { .id = g_array_index(ids, gint64, i) };
                gint64 removed = 0;

                if (!report_machine_counts(c->db, machine.id, &machine.counts, error) ||
                    !statesys_machine_forget(work, &machine, &removed, error))
                        return false;
                *rows_out += removed;
        }
        if (work == NULL || !statesys_machine_commit(g_steal_pointer(&work), error))
                return false;
        *machines_out = ids->len;
        return true;
}

/* Reports that are the cause of nothing any more. */
static bool
remove_reports(Component *c, gint64 before_us, gint64 *rows_out, GError **error)
{
        ReportWalk walk = { .time = g_strdup("") };
        bool done = true;

        while (done && !walk.at_end && !host_stopping(c->host)) {
                gint64 removed = 0;

                done = report_remove_aged(c->db, before_us, &walk, &removed, error);
                *rows_out += removed;
        }
        g_free(walk.time);
        return done;
}

/* What was noted by a clock that was ahead ages from now on. */
static bool
cap_contacts(Component *c, GError **error)
{
        g_autoptr(DbTx) tx = db_begin(c->db, error);

        return tx != NULL && report_cap_contacts(tx, uk_clock_now(), error) &&
               db_commit(g_steal_pointer(&tx), error);
}

/* The status is the number of rows that were deleted. */
static bool
delete_aged(Component *c, gint64 *status_out, GError **error)
{
        gint64 days = settings_int(host_settings(c->host), "statesys.aged_days");
        gint64 before = uk_clock_now() - days * UK_DAY;
        gint64 rows = 0;
        guint machines = AGED_MAX;

        if (!cap_contacts(c, error))
                return false;
        while (machines == AGED_MAX && !host_stopping(c->host)) {
                if (!forget_some(c, before, &machines, &rows, error))
                        return false;
        }
        if (!remove_reports(c, before, &rows, error))
                return false;
        *status_out = rows;
        return true;
}

/* ---- running --------------------------------------------------------------------------------- */

static const struct {
        const char *command; /* in SR_SummaryTasks */
        TaskFn run;
} commands[] = {
        { "updates", summarize_updates },
        { "aged", delete_aged },
};

static TaskFn
find_command(const SummaryTask *task)
{
        for (guint i = 0; i < G_N_ELEMENTS(commands); i++) {
                if (strcmp(commands[i].command, task->command) == 0)
                        return commands[i].run;
        }
        return NULL;
}

/* When the task is to run. A shorter interval takes effect at once, and a run that is still to come
 * by a clock that was set back since does not count: a time from now on would always lie ahead. */
static gint64
due(const SummaryTask *task, gint64 now)
{
        if (task->run_now != 0 || task->interrupted != 0 || task->next_us == 0 ||
            task->start_us > now)
                return now;
        return MIN(task->next_us, task->start_us + task->interval_us);
}

static bool
begin_task(Component *c, const SummaryTask *task, gint64 now, GError **error)
{
        g_autoptr(DbTx) tx = db_begin(c->db, error);

        return tx != NULL && summarytask_begin(tx, task->id, now, error) &&
               db_commit(g_steal_pointer(&tx), error);
}

static bool
end_task(Component *c, const SummaryTask *task, const SummaryTaskRun *run, GError **error)
{
        g_autoptr(DbTx) tx = db_begin(c->db, error);

        return tx != NULL &&
               summarytask_end(tx, task->id, run, task->run_now != 0 ? "by hand" : "schedule",
                               error) &&
               db_commit(g_steal_pointer(&tx), error);
}

static bool
run_task(Component *c, const SummaryTask *task, TaskFn fn, GError **error)
{
        g_autoptr(GError) why = NULL;
        gint64 began = uk_clock_now();
        SummaryTaskRun run = { .result = -1 };

        if (!begin_task(c, task, began, error))
                return false;
        uk_log("Started task '%s'", task->name);
        run.succeeded = fn(c, &run.result, &why);
        run.end_us = uk_clock_now();
        run.duration_us = MAX(run.end_us - began, 0);
        run.next_us = run.succeeded ? began + task->interval_us
                                    : run.end_us + MIN(task->interval_us, RETRY_US);
        if (run.succeeded)
                uk_log("Task '%s' completed successfully after running for %" G_GINT64_FORMAT
                       " seconds, with status %" G_GINT64_FORMAT ".",
                       task->name, run.duration_us / UK_SECOND, run.result);
        else
                uk_error("Task '%s' failed after running for %" G_GINT64_FORMAT " seconds: %s",
                         task->name, run.duration_us / UK_SECOND, why->message);
        return end_task(c, task, &run, error);
}

static bool
run_due(Component *c, GError **error)
{
        g_autoptr(GPtrArray) tasks = summarytask_list(c->db, error);

        for (guint i = 0; tasks != NULL && i < tasks->len; i++) {
                const SummaryTask *task = tasks->pdata[i];
                TaskFn fn = find_command(task);
                gint64 now = uk_clock_now();

                if (fn != NULL && !host_stopping(c->host) && due(task, now) <= now &&
                    !run_task(c, task, fn, error))
                        return false;
        }
        return tasks != NULL;
}

/* When the first task is due that can be run at all. */
static bool
find_next(Component *c, gint64 *next_out, GError **error)
{
        g_autoptr(GPtrArray) tasks = summarytask_list(c->db, error);

        *next_out = UK_NEVER;
        for (guint i = 0; tasks != NULL && i < tasks->len; i++) {
                const SummaryTask *task = tasks->pdata[i];

                if (find_command(task) != NULL)
                        *next_out = MIN(*next_out, due(task, uk_clock_now()));
        }
        return tasks != NULL;
}

bool
statesys_tasks_run(Component *c, GError **error)
{
        UK_DOING(error, "running the summary tasks");
        gint64 next;

        if (!run_due(c, error) || !find_next(c, &next, error))
                return false;
        timer_set(c, "tasks", next);
        return true;
}

bool
statesys_tasks_asked(Component *c, GError **error)
{
        gint64 count = 0;

        if (!summarytask_asked(c->db, &count, error))
                return false;
        if (count > 0)
                timer_set(c, "tasks", uk_clock_now());
        return true;
}
