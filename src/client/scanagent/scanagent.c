/* scanagent.c - Scan Agent: takes wishes, schedules and answers, and moves the jobs on.
 *
 * In: letters of the policy evaluator, of Location Services and of commands, jobs that WUAHandler
 * and UpdatesStore hand back, the schedule. Out: jobs. One job at a time: a wish for what is under
 * way hurries it, or is done after it.
 */
#include "client/scanagent/scanagent.h"

#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "client/ccmmessaging/ccmmessaging.h"
#include "client/hresult.h"
#include "client/locationservices/locationservices.h"
#include "client/policyevaluator/policyevaluator.h"
#include "client/scanagent/scanagent_private.h"
#include "host/host.h"
#include "host/timer.h"

/* What ScanAgent does itself; NextTime decides about the last. */
static const char *const own_states[] = { SCANJOB_NEW, SCANJOB_SOURCE_ADDED, SCANJOB_STORED,
                                          SCANJOB_FAILING, SCANJOB_RETRY_PENDING };

/* The next job that is ScanAgent's turn; NULL without error: none. */
static ScanJob *
next_job(Db *db, GError **error)
{
        g_autoptr(GError) why = NULL;

        for (guint i = 0; i < G_N_ELEMENTS(own_states) && why == NULL; i++) {
                ScanJob *job = scanjob_first(db, own_states[i], uk_clock_now(), &why);

                if (job != NULL)
                        return job;
        }
        if (why != NULL)
                g_propagate_error(error, g_steal_pointer(&why));
        return NULL;
}

static bool
advance_job(Component *c, const char *id, GError **error)
{
        g_autofree char *cause = g_strdup_printf("scan %s", id);
        g_autoptr(Work) work = work_begin(c, cause, error);
        g_autoptr(ScanJob) job = work != NULL ? scanjob_load(work_db(work), id, error) : NULL;

        return job != NULL && scanagent_advance(work, job, error) &&
               work_commit(g_steal_pointer(&work), error);
}

static bool
advance_all(Component *c, GError **error)
{
        for (;;) {
                g_autoptr(GError) why = NULL;
                g_autoptr(ScanJob) job = next_job(c->db, &why);

                if (job == NULL) {
                        if (why == NULL)
                                return true;
                        g_propagate_error(error, g_steal_pointer(&why));
                        return false;
                }
                uk_trace_set(job->trace);
                bool done = advance_job(c, job->id, error);
                uk_trace_set("");
                if (!done)
                        return false;
        }
}

/* Jobs that wait for a newer policy look at it again. */
static bool
wake_waiting(Work *work, GError **error)
{
        g_autoptr(GError) why = NULL;
        g_autoptr(ScanJob) job =
                scanjob_first(work_db(work), SCANJOB_WAITING_POLICY, uk_clock_now(), &why);

        if (job == NULL) {
                if (why != NULL)
                        g_propagate_error(error, g_steal_pointer(&why));
                return why == NULL;
        }
        scanjob_set(&job->state, SCANJOB_NEW);
        return scanjob_save(work->tx, job, error);
}

static bool
on_policy_changed(Work *work, const WorkLetter *letter, GError **error) /* COMP-021, COMP-022 */
{
        gsize size;
        const char *event = g_bytes_get_data(letter->body, &size);

        if (strcmp(letter->key, POLICY_CLASS_SOURCE) == 0) {
                uk_log("Inside CScanAgent::Notify()");
                uk_log("CScanAgent::OnPolicyChange- Policy %.*s notification received", (int)size,
                       event != NULL ? event : "");
                if (!wake_waiting(work, error))
                        return false;
        } else if (strcmp(letter->key, POLICY_CLASS_CONFIG) != 0) {
                return true;
        }
        return scanagent_plan_first(work, error);
}

static bool
add_job(Work *work, gint64 version, bool urgent, GError **error)
{
        g_autoptr(ScanJob) job = scanjob_new(work->cause, uk_trace_get());

        job->urgent = urgent;
        job->required_version = version;
        return scanjob_add(work->tx, job, error);
}

/* A wish that is done after the job. */
static void
want_again(ScanJob *job, gint64 version, const char *trace)
{
        scanjob_set(&job->again_trace, trace);
        job->again_version = MAX(job->again_version, version);
}

/* A job that waits for something begins anew, for the one who asks now. Whoever waits for a policy
 * that names a later version has that wish done afterwards. */
static bool
begin_anew(Work *work, ScanJob *job, gint64 version, GError **error)
{
        if (job->location_request[0] != '\0' &&
            !locationservices_forget(work, job->location_request, error))
                return false;
        if (strcmp(job->state, SCANJOB_WAITING_POLICY) == 0 && version < job->required_version)
                want_again(job, job->required_version, job->trace);
        scanjob_set(&job->state, SCANJOB_NEW);
        scanjob_set(&job->location_request, "");
        scanjob_set(&job->cause, work->cause);
        scanjob_set(&job->trace, uk_trace_get());
        job->required_version = version;
        job->next_us = 0;
        return scanjob_save(work->tx, job, error);
}

static bool
is_waiting(const ScanJob *job)
{
        static const char *const states[] = { SCANJOB_NEW, SCANJOB_WAITING_POLICY,
                                              SCANJOB_WAITING_LOCATION, SCANJOB_RETRY_PENDING,
                                              NULL };

        return g_strv_contains(states, job->state);
}

/* Commands and the schedule end here: in a new job, or in the one under way. The schedule leaves a
 * job alone that goes on by itself. */
static bool
want_scan(Work *work, gint64 version, bool urgent, GError **error)
{
        g_autoptr(GError) why = NULL;
        g_autoptr(ScanJob) job = scanjob_active(work_db(work), &why);

        if (why != NULL) {
                g_propagate_error(error, g_steal_pointer(&why));
                return false;
        }
        if (job == NULL)
                return add_job(work, version, urgent, error);
        if (!urgent && strcmp(job->state, SCANJOB_WAITING_POLICY) != 0)
                return true;
        job->urgent |= urgent;
        if (is_waiting(job))
                return begin_anew(work, job, version, error);
        want_again(job, version, uk_trace_get());
        return scanjob_save(work->tx, job, error);
}

static bool
on_scan_now(Work *work, const WorkLetter *letter, GError **error)
{
        gsize size;
        const char *data = g_bytes_get_data(letter->body, &size);
        g_autofree char *text = g_strndup(data != NULL ? data : "", size);
        guint64 version = 0;

        if (text[0] != '\0' && !g_ascii_string_to_unsigned(text, 10, 0, G_MAXINT32, &version, NULL))
                return uk_fail(error, UK_ERROR_INVALID, "'%s' is no content version", text);
        return work_tell(work, WORK_BOX_OUTGOING, CCM_NOW, NULL, NULL, 0, error) &&
               want_scan(work, (gint64)version, true, error);
}

static bool
on_locations(Work *work, const WorkLetter *letter, GError **error)
{
        g_autoptr(GError) why = NULL;
        g_autoptr(ScanJob) job = scanjob_of_request(work_db(work), letter->key, &why);

        if (job == NULL) {
                if (why != NULL)
                        g_propagate_error(error, g_steal_pointer(&why));
                return why == NULL; /* the job has asked anew since */
        }
        return scanagent_take_locations(work, job, letter, error) &&
               scanjob_save(work->tx, job, error);
}

static bool
on_no_locations(Work *work, const WorkLetter *letter, GError **error) /* OQ-C09 */
{
        g_autoptr(GError) why = NULL;
        g_autoptr(ScanJob) job = scanjob_of_request(work_db(work), letter->key, &why);
        gsize size;
        const char *data = g_bytes_get_data(letter->body, &size);
        g_autofree char *text = g_strndup(data != NULL ? data : "", size);

        if (job == NULL) {
                if (why != NULL)
                        g_propagate_error(error, g_steal_pointer(&why));
                return why == NULL;
        }
        job->error_code = HRESULT_NO_LOCATION;
        scanjob_set(&job->error_text, text);
        return scanagent_fail_job(work, job, error) && scanjob_save(work->tx, job, error);
}

static const WorkHandler handlers[] = {
        { POLICY_CHANGED, on_policy_changed },
        { LOCATION_FOUND, on_locations },
        { LOCATION_FAILED, on_no_locations },
        { SCAN_NOW, on_scan_now },
        { NULL, NULL },
};

/* The longest that a job waits for its next try. */
static gint64
longest_pause(Component *c)
{
        Settings *settings = host_settings(c->host);

        return UK_MINUTE * MAX(settings_int(settings, "scanagent.retry_minutes"),
                               settings_int(settings, "scanagent.switch_minutes"));
}

/* What was planned by a clock that was set back since is done at once. */
static bool
plan(Component *c, GError **error)
{
        gint64 due = UK_NEVER, planned = UK_NEVER, retry;

        if (!scanagent_due(c, &due, error) || !scanjob_next_time(c->db, &planned, error))
                return false;
        retry = uk_clock_due(planned, longest_pause(c), uk_clock_now());
        if (retry != planned && !scanjob_all_due(c->db, retry, error))
                return false;
        timer_set(c, "due", MIN(due, retry));
        return true;
}

static bool
serve(Component *c, GError **error)
{
        return work_serve(c, WORK_BOX_SCAN, handlers, error) && advance_all(c, error) &&
               plan(c, error);
}

static bool
start_scheduled(Component *c, GError **error) /* COMP-003, COMP-022 */
{
        g_autoptr(Work) work = work_begin(c, "schedule", error);

        return work != NULL && scanagent_set_started(work, uk_clock_now(), error) &&
               want_scan(work, 0, false, error) && work_commit(g_steal_pointer(&work), error);
}

static bool
on_due(Component *c, GError **error)
{
        gint64 due = UK_NEVER;

        if (!scanagent_due(c, &due, error))
                return false;
        if (due <= uk_clock_now()) {
                g_autofree char *trace = uk_trace_new();

                uk_trace_set(trace);
                bool done = start_scheduled(c, error);
                uk_trace_set("");
                if (!done)
                        return false;
        }
        return serve(c, error);
}

static bool
on_ring(Component *c, const InboxFile *file, GError **error)
{
        return serve(c, error);
}

const ComponentDef scanagent = {
        .name = "ScanAgent",
        .log = "ScanAgent.log",
        .log_form = UK_LOG_CLIENT,
        .what = "decides when to scan and against which update point, and keeps the scan jobs",
        .boxes = {
                { .lane = "main", .box = "@scan", .kind = WORK_RING, .on_file = on_ring },
        },
        .timers = {
                { "main", "start", on_due, true },
                { "main", "due", on_due, false },
        },
};
