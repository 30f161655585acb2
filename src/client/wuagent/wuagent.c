/* wuagent.c - the scanning engine: follows its policy, searches when asked, logs as the Windows
 * Update Agent does.
 *
 * In: letters of WUAHandler. Out: letters back, WindowsUpdate.log. The transport is source.c, the
 * rules are deb/upgrade.c. It installs nothing and needs no privileges.
 */
#include "client/wuagent/wuagent.h"

#include <malloc.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "client/clientid/clientid.h"
#include "client/hresult.h"
#include "client/scanagent/scanjob.h"
#include "client/wuagent/agentpolicy.h"
#include "client/wuagent/wuagent_private.h"
#include "client/wuahandler/wuahandler.h"
#include "host/host.h"
#include "host/mailbox.h"

#define SERVICE    "{3DA21691-E39D-4DA6-8A4B-B43877BCB1B7}"
#define CALLER     "[ClientId = CcmExec]"
#define SERVER_ASX "/ClientWebService/client.asmx"

/* What the engine uses; of the one lane. */
typedef struct {
        char *server, *status_server;
} WuAgent;

/* Takes over the policy in force; says what is new (COMP-041). */
static bool
follow_policy(Component *c, bool quiet, GError **error)
{
        WuAgent *state = c->state;
        g_autoptr(AgentPolicy) policy = agentpolicy_read(c->host, error);
        bool changed = false;

        if (policy == NULL)
                return false;
        if (strcmp(policy->server, state->server) != 0) {
                scanjob_set(&state->server, policy->server);
                changed = true;
                if (!quiet)
                        uk_log_as("Agent", "* WSUS server: %s (Changed)", state->server);
        }
        if (strcmp(policy->status_server, state->status_server) != 0) {
                scanjob_set(&state->status_server, policy->status_server);
                changed = true;
                if (!quiet)
                        uk_log_as("Agent", "* WSUS status server: %s (Changed)",
                                  state->status_server);
        }
        if (changed && !quiet)
                uk_log_as("AU", "Sus server changed through policy.");
        return true;
}

static bool
on_reload(Component *c, const InboxFile *file, GError **error) /* COMP-041 */
{
        return follow_policy(c, false, error) &&
               mailbox_post(c->host, "@wua", "policy" WUA_NOTICED, NULL, 0, error);
}

static bool
on_effect(Component *c, const InboxFile *file, GError **error)
{
        WuAgent *state = c->state;

        return follow_policy(c, false, error) &&
               mailbox_post(c->host, "@wua", "policy" WUA_EFFECT, state->server,
                            strlen(state->server), error);
}

static void
log_begin(const char *server) /* COMP-048 */
{
        UK_LOG_TOGETHER();

        uk_log_as("COMAPI", "-- START -- COMAPI: Search " CALLER);
        uk_log_as("COMAPI", "<<-- SUBMITTED -- COMAPI: Search " CALLER);
        uk_log_as("PT", "+ ServiceId = " SERVICE ", Server URL = %s" SERVER_ASX, server);
        uk_log_as("Agent", "** START ** Agent: Finding updates [CallerId = CcmExec]");
        uk_log_as("Agent", "* Include potentially superseded updates");
        uk_log_as("Agent", "* Online = Yes; Ignore download priority = Yes");
        uk_log_as("Agent", "* Criteria = \"" WUAGENT_CRITERIA "\"");
        uk_log_as("Agent", "* ServiceID = " SERVICE " Managed");
        uk_log_as("Agent", "* Search Scope = {Machine}");
        uk_log_as("PT", "+ ServiceId = " SERVICE ", Server URL = %s" SERVER_ASX, server);
}

static void
log_end(const SearchResult *result) /* COMP-049 */
{
        UK_LOG_TOGETHER();

        for (guint i = 0; i < result->updates->len; i++) {
                const ResultUpdate *update = g_ptr_array_index(result->updates, i);
                g_autofree char *id = g_ascii_strup(update->update_id, -1);

                uk_log_as("Agent", "* Added update {%s}.%" G_GINT64_FORMAT " to search result", id,
                          update->revision);
        }
        if (result->error_code == 0)
                uk_log_as("Agent",
                          "* Found %u updates and %u categories in search; evaluated appl. rules "
                          "of %u out of %u deployed entities",
                          result->updates->len, result->categories, result->evaluated,
                          result->deployed);
        else
                uk_log_as("Agent", "* WARNING: Failed to find updates with error code %08x: %s",
                          result->error_code, result->error_text);
        uk_log_as("Agent", "** END ** Agent: Finding updates [CallerId = CcmExec]");
        uk_log_as("COMAPI", ">>-- RESUMED -- COMAPI: Search " CALLER);
        uk_log_as("COMAPI", "- Updates found = %u", result->updates->len);
        uk_log_as("COMAPI", "-- END -- COMAPI: Search " CALLER);
}

/* The search itself: everything that can go wrong is the error. */
static bool
search(Component *c, SearchResult *result, GError **error)
{
        const WuAgent *state = c->state;
        g_autofree char *root = settings_text(host_settings(c->host), "client.machine_root");
        g_autofree char *cache = g_build_filename(host_state_dir(c->host), "wuagent", NULL);
        g_autoptr(ClientRecord) record = clientid_record_load(c->db, error);
        g_autoptr(DebMachine) machine = record != NULL ? machine_read(root, error) : NULL;

        if (machine == NULL)
                return false;
        if (state->server[0] == '\0')
                return uk_fail(error, UK_ERROR_NOT_FOUND,
                               "the policy of the scanning engine names no update server");
        result->time_us = uk_clock_now();
        SourceAsk ask = {
                .http = c->http,
                .server_url = state->server,
                .cache_dir = cache,
                .client_id = record->smsid,
                .name = host_machine(c->host),
                .trace = uk_trace_get(),
                .machine = machine,
        };
        g_autoptr(GPtrArray) sets = source_refresh(&ask, error);
        if (sets == NULL || !wuagent_evaluate(machine, sets, result, error))
                return false;
        results_drop_superseded(result);
        return true;
}

static bool
post_results(Component *c, const SearchResult *result, GError **error)
{
        g_autoptr(GBytes) letter = results_write(result);
        gsize size;
        const void *data = g_bytes_get_data(letter, &size);

        return mailbox_post(c->host, "@wua", "search" WUA_RESULTS, data, size, error);
}

static bool
search_for(Component *c, const char *job_id, GError **error)
{
        const WuAgent *state = c->state;
        g_autoptr(SearchResult) result = results_new(job_id);
        g_autoptr(GError) why = NULL;

        log_begin(state->server);
        if (!search(c, result, &why)) {
                g_ptr_array_set_size(result->updates, 0);
                result->error_code = hresult_of(why, 0);
                g_free(result->error_text);
                result->error_text = g_utf8_make_valid(why->message, -1);
        }
        log_end(result);
        return post_results(c, result, error);
}

static bool
on_search(Component *c, const InboxFile *file, GError **error) /* COMP-045, COMP-048, COMP-049 */
{
        g_autofree char *job_id = NULL;
        gsize size = 0;

        if (!inbox_file_read(file, 256, &job_id, &size, error) || !follow_policy(c, false, error))
                return false;
        g_autoptr(ScanJob) job = scanjob_load(c->db, job_id, error);
        if (job == NULL)
                return false;
        uk_trace_set(job->trace);
        bool done = search_for(c, job_id, error);
        uk_trace_set("");
        /* A search uses a hundred times what the client needs while it waits for the next one. */
        malloc_trim(0);
        return done;
}

static void
stop(Component *c)
{
        WuAgent *state = c->state;

        g_free(state->server);
        g_free(state->status_server);
        g_free(state);
}

static bool
start(Component *c, GError **error)
{
        WuAgent *state = g_new0(WuAgent, 1);

        state->server = g_strdup("");
        state->status_server = g_strdup("");
        c->state = state;
        if (follow_policy(c, true, error))
                return true;
        stop(c);
        c->state = NULL;
        return false;
}

const ComponentDef wuagent = {
        .name = "Agent",
        .log = "WindowsUpdate.log",
        .log_form = UK_LOG_AGENT,
        .what = "the scanning engine: asks the update point and evaluates the updates",
        .boxes = {
                { .lane = "main", .box = WUAGENT_BOX, .kind = WUAGENT_RELOAD, .on_file = on_reload },
                { .lane = "main", .box = WUAGENT_BOX, .kind = WUAGENT_EFFECT, .on_file = on_effect },
                { .lane = "main", .box = WUAGENT_BOX, .kind = WUAGENT_SEARCH, .on_file = on_search },
        },
        .start = start,
        .stop = stop,
};
