/* wuahandler.c - WUAHandler: adds update sources, starts searches, takes and prunes their results.
 *
 * In: scan jobs in the states AddSource and Search, letters of WUAgent. Out: the local policy, and
 * results for the updates store. It waits for the engine up to two limits and no longer than until
 * the engine has confirmed (COMP-039). What it is doing is in memory: the job says where to begin
 * again after a restart.
 */
#include "client/wuahandler/wuahandler.h"

#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "client/hresult.h"
#include "client/scanagent/scanjob.h"
#include "client/updatesstore/updatesstore.h"
#include "client/wuagent/agentpolicy.h"
#include "client/wuagent/results.h"
#include "client/wuagent/wuagent.h"
#include "client/wuahandler/wuasource.h"
#include "host/host.h"
#include "host/mailbox.h"
#include "host/timer.h"

#define RESULTS_MAX (256 * 1024 * 1024)

/* How far the adding of a source is. */
typedef enum {
        ADDING_NOTHING,
        ADDING_WAITS_FOR_POLICY, /* until the engine has noticed, or 2 minutes */
        ADDING_WAITS_FOR_AGENT,  /* until the engine says what it uses, or 30 seconds */
} Adding;

/* Of the one lane. */
typedef struct {
        Adding adding;
        char *job_id;    /* whose source is being added */
        char *search_id; /* job whose search was started; NULL: none */
} WuaHandler;

static void
stop_adding(Component *c)
{
        WuaHandler *state = c->state;

        state->adding = ADDING_NOTHING;
        g_clear_pointer(&state->job_id, g_free);
        timer_set(c, "wait", UK_NEVER);
}

static void
wait_until(Component *c, Adding adding, const char *setting)
{
        WuaHandler *state = c->state;

        state->adding = adding;
        timer_set(c, "wait",
                  uk_clock_now() + UK_SECOND * settings_int(host_settings(c->host), setting));
}

/* The job as it is by now: somebody may have asked for another scan since it was looked at. */
static bool
source_added(Component *c, const char *id, GError **error)
{
        g_autofree char *cause = g_strdup_printf("scan %s", id);
        g_autoptr(Work) work = work_begin(c, cause, error);
        g_autoptr(ScanJob) job = work != NULL ? scanjob_load(work_db(work), id, error) : NULL;

        if (job == NULL)
                return false;
        scanjob_set(&job->state, SCANJOB_SOURCE_ADDED);
        work_ring(work, WORK_BOX_SCAN);
        return wuasource_put(work, job->source_id, job->required_version, job->location, error) &&
               scanjob_save(work->tx, job, error) && work_commit(g_steal_pointer(&work), error);
}

/* The server is the one that the engine uses already: nothing to wait for (COMP-042). */
static bool
keep_source(Component *c, const ScanJob *job, const WuaSource *known, GError **error)
{
        if (!source_added(c, job->id, error))
                return false;
        if (job->required_version > known->version)
                uk_log("WSUS update source already exists, it has increased version to "
                       "%" G_GINT64_FORMAT ".",
                       job->required_version);
        else
                uk_log("Existing WUA Managed server was already set (%s), skipping Group Policy "
                       "registration.",
                       job->location);
        return true;
}

static bool
write_source(Component *c, const ScanJob *job, const WuaSource *known,
             GError **error) /* COMP-039 */
{
        WuaHandler *state = c->state;

        uk_log(known == NULL ? "Its a completely new WSUS Update Source."
                             : "WSUS update source already exists, its server has changed.");
        uk_log("Enabling WUA Managed server policy to use server: %s", job->location);
        if (!agentpolicy_write(c->host, job->location, error) ||
            !mailbox_post(c->host, WUAGENT_BOX, "policy" WUAGENT_RELOAD, NULL, 0, error))
                return false;
        uk_log("Policy refresh forced.");
        uk_log("Waiting for 2 mins for Group Policy to notify of WUA policy change...");
        g_free(state->job_id);
        state->job_id = g_strdup(job->id);
        wait_until(c, ADDING_WAITS_FOR_POLICY, "wuahandler.policy_wait_seconds");
        return true;
}

static bool
add_source(Component *c, const ScanJob *job, GError **error) /* COMP-039, COMP-042 */
{
        UK_DOING(error, "adding update source %s", job->source_id);
        g_autoptr(GError) why = NULL;
        g_autoptr(WuaSource) known = wuasource_load(c->db, job->source_id, &why);
        g_autoptr(AgentPolicy) policy = why == NULL ? agentpolicy_read(c->host, &why) : NULL;

        if (policy == NULL) {
                g_propagate_error(error, g_steal_pointer(&why));
                return false;
        }
        uk_log("Its a WSUS Update Source type (%s), adding it.", job->source_id);
        if (known != NULL && strcmp(known->server, job->location) == 0 &&
            agentpolicy_names(policy, job->location))
                return keep_source(c, job, known, error);
        return write_source(c, job, known, error);
}

static bool
fail_job(Component *c, const char *id, guint32 code, const char *text, GError **error)
{
        g_autofree char *cause = g_strdup_printf("scan %s", id);
        g_autoptr(Work) work = work_begin(c, cause, error);
        g_autoptr(ScanJob) job = work != NULL ? scanjob_load(work_db(work), id, error) : NULL;

        return job != NULL && scanjob_fail(work, job, code, text, error) &&
               work_commit(g_steal_pointer(&work), error);
}

/* OQ-C14: what is in force is not what was written. */
static bool
overridden(Component *c, const ScanJob *job, const char *server, bool enabled, GError **error)
{
        g_autofree char *text = g_strdup_printf(
                "the update server was overridden by policy of a higher authority: %s", server);

        uk_error("Group policy settings were overwritten by a higher authority (Domain Controller) "
                 "to: Server %s and Policy %s",
                 server, enabled ? "ENABLED" : "NOT CONFIGURED");
        uk_error("Failed to Add Update Source for WUAgent of type (2) and id (%s). Error = 0x%08x.",
                 job->source_id, HRESULT_OVERRIDDEN);
        return fail_job(c, job->id, HRESULT_OVERRIDDEN, text, error);
}

static bool
confirm_source(Component *c, const ScanJob *job, GError **error)
{
        g_autoptr(AgentPolicy) policy = agentpolicy_read(c->host, error);

        if (policy == NULL)
                return false;
        if (!agentpolicy_names(policy, job->location))
                return overridden(c, job, policy->server, policy->use_server, error);
        if (!source_added(c, job->id, error))
                return false;
        uk_log("Added Update Source (%s) of content type: 2", job->source_id);
        return true;
}

/* The end of the waiting: reads back what is in force. What fails here is tried again, and finds
 * the adding where it was. */
static bool
finish_adding(Component *c, GError **error)
{
        WuaHandler *state = c->state;
        g_autoptr(GError) why = NULL;
        g_autoptr(ScanJob) job = scanjob_load(c->db, state->job_id, &why);
        bool done = why == NULL;

        if (job != NULL && strcmp(job->state, SCANJOB_ADD_SOURCE) == 0) {
                uk_trace_set(job->trace);
                done = confirm_source(c, job, &why);
                uk_trace_set("");
        }
        if (!done) {
                g_propagate_error(error, g_steal_pointer(&why));
                return false;
        }
        stop_adding(c);
        return true;
}

static bool
wait_for_agent(Component *c, GError **error)
{
        uk_log("Waiting for 30 secs for policy to take effect on WU Agent.");
        wait_until(c, ADDING_WAITS_FOR_AGENT, "wuahandler.agent_wait_seconds");
        return mailbox_post(c->host, WUAGENT_BOX, "policy" WUAGENT_EFFECT, NULL, 0, error);
}

static bool
on_noticed(Component *c, const InboxFile *file, GError **error)
{
        WuaHandler *state = c->state;

        return state->adding != ADDING_WAITS_FOR_POLICY || wait_for_agent(c, error);
}

static bool
on_effect(Component *c, const InboxFile *file, GError **error)
{
        WuaHandler *state = c->state;

        return state->adding != ADDING_WAITS_FOR_AGENT || finish_adding(c, error);
}

static bool
on_wait_over(Component *c, GError **error)
{
        WuaHandler *state = c->state;

        if (state->adding == ADDING_WAITS_FOR_POLICY)
                return wait_for_agent(c, error);
        return state->adding == ADDING_NOTHING || finish_adding(c, error);
}

static bool
start_search(Component *c, const ScanJob *job, GError **error) /* COMP-046 */
{
        WuaHandler *state = c->state;

        uk_log("Scan results will include superseded updates only when they are superseded by "
               "service packs and definition updates.");
        uk_log("Search Criteria is %s", WUAGENT_CRITERIA);
        uk_log("Running single-call scan of updates.");
        if (!mailbox_post(c->host, WUAGENT_BOX, "search" WUAGENT_SEARCH, job->id, strlen(job->id),
                          error))
                return false;
        uk_log("Async searching of updates using WUAgent started.");
        g_free(state->search_id);
        state->search_id = g_strdup(job->id);
        return true;
}

/* Superseded updates are dropped, the others named (COMP-051). */
static void
prune(SearchResult *result)
{
        UK_LOG_TOGETHER();

        for (guint i = 0; i < result->updates->len;) {
                const ResultUpdate *update = g_ptr_array_index(result->updates, i);

                if (update->superseded_by[0] != '\0') {
                        uk_log("Pruning: update id (%s) is superseded by (%s).", update->update_id,
                               update->superseded_by);
                        g_ptr_array_remove_index(result->updates, i);
                        continue;
                }
                uk_log("Update (%s): %s (%s, %" G_GINT64_FORMAT ")",
                       update->state == RESULT_MISSING ? "Missing" : "Installed", update->title,
                       update->update_id, update->revision);
                i++;
        }
}

static bool
search_failed(Component *c, const SearchResult *result, GError **error)
{
        uk_error("OnSearchComplete - Failed to end search job. Error = 0x%08x.",
                 result->error_code);
        uk_error("Scan failed with error = 0x%08x.", result->error_code);
        return fail_job(c, result->job_id, result->error_code, result->error_text, error);
}

static bool
search_completed(Component *c, SearchResult *result, GError **error) /* COMP-050, COMP-051 */
{
        uk_log("Async searching completed.");
        uk_log("Finished searching for everything in single call.");
        prune(result);
        g_autoptr(GBytes) letter = results_write(result);
        gsize size;
        const void *data = g_bytes_get_data(letter, &size);
        if (!mailbox_post(c->host, STORE_BOX, "scan" STORE_RESULTS, data, size, error))
                return false;
        uk_log("Successfully completed scan.");
        return true;
}

static bool
take_results(Component *c, SearchResult *result, GError **error)
{
        WuaHandler *state = c->state;

        /* Until the store has it the job stays in Search, and must not be searched again. */
        if (result->error_code == 0)
                return search_completed(c, result, error);
        if (!search_failed(c, result, error))
                return false;
        g_clear_pointer(&state->search_id, g_free);
        return true;
}

static bool
on_results(Component *c, const InboxFile *file, GError **error)
{
        UK_DOING(error, "taking the results of a search");
        WuaHandler *state = c->state;
        g_autofree char *data = NULL;
        g_autoptr(GError) why = NULL;
        gsize size = 0;

        if (!inbox_file_read(file, RESULTS_MAX, &data, &size, error))
                return false;
        g_autoptr(SearchResult) result = results_read(data, size, error);
        if (result == NULL)
                return false;
        if (g_strcmp0(state->search_id, result->job_id) != 0)
                return true; /* of a search that nobody waits for */
        g_autoptr(ScanJob) job = scanjob_load(c->db, result->job_id, error);
        if (job == NULL)
                return false;
        uk_trace_set(job->trace);
        bool done = take_results(c, result, error);
        uk_trace_set("");
        return done;
}

/* The job in a state that is WUAHandler's turn; NULL without error: none. */
static ScanJob *
job_in(Component *c, const char *job_state, GError **error)
{
        return scanjob_first(c->db, job_state, uk_clock_now(), error);
}

static bool
serve_adding(Component *c, GError **error)
{
        WuaHandler *state = c->state;
        g_autoptr(GError) why = NULL;
        g_autoptr(ScanJob) job = job_in(c, SCANJOB_ADD_SOURCE, &why);

        if (job == NULL) {
                if (why != NULL)
                        g_propagate_error(error, g_steal_pointer(&why));
                return why == NULL;
        }
        if (g_strcmp0(state->job_id, job->id) == 0)
                return true; /* under way */
        uk_trace_set(job->trace);
        bool done = add_source(c, job, error);
        uk_trace_set("");
        return done;
}

static bool
serve_search(Component *c, GError **error)
{
        WuaHandler *state = c->state;
        g_autoptr(GError) why = NULL;
        g_autoptr(ScanJob) job = job_in(c, SCANJOB_SEARCH, &why);

        if (job == NULL) {
                if (why != NULL)
                        g_propagate_error(error, g_steal_pointer(&why));
                return why == NULL;
        }
        return g_strcmp0(state->search_id, job->id) == 0 || start_search(c, job, error);
}

static bool
serve(Component *c, GError **error)
{
        return serve_adding(c, error) && serve_search(c, error);
}

static bool
on_ring(Component *c, const InboxFile *file, GError **error)
{
        return serve(c, error);
}

static bool
start(Component *c, GError **error)
{
        c->state = g_new0(WuaHandler, 1);
        return true;
}

static void
stop(Component *c)
{
        WuaHandler *state = c->state;

        g_free(state->job_id);
        g_free(state->search_id);
        g_free(state);
}

const ComponentDef wuahandler = {
        .name = "WUAHandler",
        .log = "WUAHandler.log",
        .log_form = UK_LOG_CLIENT,
        .what = "points the scanning engine to the update point, starts searches, takes results",
        .boxes = {
                { .lane = "main", .box = "@wua", .kind = WORK_RING, .on_file = on_ring },
                { .lane = "main", .box = "@wua", .kind = WUA_NOTICED, .on_file = on_noticed },
                { .lane = "main", .box = "@wua", .kind = WUA_EFFECT, .on_file = on_effect },
                { .lane = "main", .box = "@wua", .kind = WUA_RESULTS, .on_file = on_results },
        },
        .timers = {
                { "main", "start", serve, true },
                { "main", "wait", on_wait_over, false },
        },
        .start = start,
        .stop = stop,
};
