/* scanagent_job.c - a scan job, state by state.
 *
 * Each function takes the job one state further in the given work; it is stored with that work, so
 * a killed client goes on in the state it was in.
 */
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "client/hresult.h"
#include "client/locationservices/locationservices.h"
#include "client/policyagent/policyagent.h"
#include "client/scanagent/scanagent_private.h"
#include "client/statemessage/statemessage.h"
#include "host/host.h"

static bool
raise_state(Work *work, const ScanJob *job, ScanState state, const char *details, GError **error)
{
        g_autofree char *code = g_strdup_printf("%" G_GINT64_FORMAT, job->error_code);
        g_autofree char *version = g_strdup_printf("%" G_GINT64_FORMAT, job->required_version);
        StateMsg message = {
                .topic_type = STATE_TOPIC_SCAN,
                .topic_id = job->source_id,
                .state_id = state,
                .param_count = 2,
                .params = { code, version },
                .details = details,
                .time_us = uk_clock_now(),
        };

        if (job->source_id[0] == '\0')
                return true; /* there is no update source that could have a state */
        if (!statemessage_raise(work, &message, error))
                return false;
        if (state == SCAN_STATE_WAITING)
                uk_verbose("ScanJob(%s): Raised UpdateSource (%s) state message successfully. "
                           "StateId = %d",
                           job->id, job->source_id, state);
        else
                uk_log("ScanJob(%s): Raised UpdateSource (%s) state message successfully. "
                       "StateId = %d",
                       job->id, job->source_id, state);
        return true;
}

/* Whoever asked is answered, and a wish that came while it ran becomes a job of its own. */
static bool
end_job(Work *work, ScanJob *job, const char *state, GError **error)
{
        gint64 now = uk_clock_now();

        scanjob_set(&job->state, state);
        job->finish_us = now;
        job->next_us = 0;
        if (job->urgent &&
            !work_tell(work, WORK_BOX_STATE, STATE_SEND_NOW, job->id, NULL, 0, error))
                return false;
        if (!scanjob_remove_old(work->tx, now - UK_DAY, error))
                return false;
        if (job->again_trace[0] == '\0')
                return true;
        g_autoptr(ScanJob) again = scanjob_new("command scan", job->again_trace);
        again->urgent = true;
        again->required_version = job->again_version;
        return scanjob_add(work->tx, again, error);
}

bool
scanagent_fail_job(Work *work, ScanJob *job, GError **error) /* OQ-C15 */
{
        uk_error("ScanJob(%s): CScanJob::OnScanComplete -Scan Failed with Error=0x%08x", job->id,
                 (guint32)job->error_code);
        uk_error("ScanJob(%s): %s", job->id, job->error_text);
        return raise_state(work, job, SCAN_STATE_FAILED, NULL, error) &&
               end_job(work, job, SCANJOB_FAILED, error);
}

static bool
fail_with(Work *work, ScanJob *job, guint32 code, const char *text, GError **error)
{
        job->error_code = code;
        scanjob_set(&job->error_text, text);
        return scanagent_fail_job(work, job, error);
}

static bool
request_locations(Work *work, ScanJob *job, GError **error) /* COMP-025, COMP-026, COMP-027 */
{
        g_autofree char *request = NULL;

        if (!locationservices_request(work, job->source_id, job->required_version, &request, error))
                return false;
        uk_log("Inside CScanAgent::ProcessScanRequest()");
        uk_log("CScanJobManager::Scan- entered");
        uk_log("ScanJob(%s): CScanJob::Initialize- entered", job->id);
        uk_log("ScanJob(%s): CScanJob::Scan- entered", job->id);
        uk_log("ScanJob(%s): CScanJob::RequestLocations- entered", job->id);
        uk_log("- - - - - -Requesting WSUS Server Locations from LS for %s version "
               "%" G_GINT64_FORMAT,
               job->source_id, job->required_version);
        uk_log("- - - - - -Location Request ID = %s", request);
        uk_log("CScanAgentCache::PersistInstanceInCache- Persisted Instance CCM_ScanJobInstance");
        uk_log("ScanJob(%s): - - - - - -Locations requested for ScanJobID=%s "
               "(LocationRequestID=%s), will process the scan request once locations are "
               "available.",
               job->id, job->id, request);
        scanjob_set(&job->location_request, request);
        scanjob_set(&job->state, SCANJOB_WAITING_LOCATION);
        return raise_state(work, job, SCAN_STATE_WAITING, NULL, error);
}

/* The policy is older than what was asked for: the job waits for a newer one (OQ-C08). */
static bool
wait_for_policy(Work *work, ScanJob *job, GError **error)
{
        uk_log("ScanJob(%s): waits for policy, content version %" G_GINT64_FORMAT
               " is required, the policy has %" G_GINT64_FORMAT,
               job->id, job->required_version, job->content_version);
        scanjob_set(&job->state, SCANJOB_WAITING_POLICY);
        return work_tell(work, WORK_BOX_POLICY, POLICY_NOW, NULL, NULL, 0, error);
}

static bool
on_new(Work *work, ScanJob *job, GError **error) /* COMP-005, COMP-023, COMP-024 */
{
        g_autoptr(GError) why = NULL;
        g_autoptr(UpdateSource) source = actualconfig_source(work_db(work), &why);

        if (why != NULL) {
                g_propagate_error(error, g_steal_pointer(&why));
                return false;
        }
        if (source == NULL)
                return fail_with(work, job, HRESULT_NO_LOCATION,
                                 "there is no UpdateSource policy yet; the site makes it after its "
                                 "first synchronization, and upkeep-client policy asks for it",
                                 error);
        scanjob_set(&job->source_id, source->id);
        job->error_code = 0;
        scanjob_set(&job->error_text, "");
        job->content_version = source->content_version;
        job->required_version = MAX(job->required_version, source->content_version);
        uk_log("CScanAgent::ScanByUpdates- Policy available for UpdateSourceID=%s "
               "ContentVersion=%" G_GINT64_FORMAT,
               source->id, source->content_version);
        if (job->required_version > source->content_version)
                return wait_for_policy(work, job, error);
        uk_log("CScanAgent::ScanByUpdates- Added Policy to final ScanRequest List "
               "UpdateSourceID=%s, Policy-ContentVersion=%" G_GINT64_FORMAT
               ", Required-ContentVersion=%" G_GINT64_FORMAT,
               source->id, job->content_version, job->required_version);
        return request_locations(work, job, error);
}

bool
scanagent_take_locations(Work *work, ScanJob *job, const WorkLetter *letter,
                         GError **error) /* COMP-038 */
{
        gsize size;
        const void *data = g_bytes_get_data(letter->body, &size);
        g_autoptr(WsusLocationReply) reply = locationdoc_reply_read(data, size, error);
        g_autoptr(ScanHistory) history =
                reply != NULL ? scanagent_history(work_db(work), error) : NULL;
        g_autofree char *forest = settings_text(host_settings(work->c->host), "client.forest");

        if (history == NULL)
                return false;
        uk_log("*****WSUSLocationUpdate received for location request guid=%s", letter->key);
        const char *last = history->last_location != NULL ? history->last_location : "";
        const WsusLocation *location = scanagent_choose(reply, job, last, forest);
        if (strcmp(job->location, location->url) != 0)
                job->tries = 0;
        scanjob_set(&job->location, location->url);
        scanjob_set(&job->location_version, location->version);
        scanjob_set(&job->location_request, "");
        scanjob_set(&job->state, SCANJOB_ADD_SOURCE);
        uk_log("ScanJob(%s): CScanJob::OnLocationUpdate- Received Location=%s, Version=%s", job->id,
               job->location, job->location_version);
        uk_log("ScanJob(%s): CScanJob::Execute- Adding UpdateSource=%s, ContentType=2, "
               "ContentLocation=%s, ContentVersion=%" G_GINT64_FORMAT,
               job->id, job->source_id, job->location, job->required_version);
        work_ring(work, WORK_BOX_WUA);
        return true;
}

static bool
on_source_added(Work *work, ScanJob *job, GError **error) /* COMP-043, COMP-044 */
{
        if (!raise_state(work, job, SCAN_STATE_RUNNING, NULL, error))
                return false;
        uk_log("ScanJob(%s): CScanJob::Execute - successfully requested Scan, ScanType=1", job->id);
        scanjob_set(&job->state, SCANJOB_SEARCH);
        work_ring(work, WORK_BOX_WUA);
        return true;
}

static bool
on_stored(Work *work, ScanJob *job, GError **error) /* OQ-C27 */
{
        uk_log("ScanJob(%s): CScanJobManager::OnScanComplete- Scan Succeeded, Resetting Source to "
               "Current and TTLs to Valid",
               job->id);
        return raise_state(work, job, SCAN_STATE_COMPLETED, job->details, error) &&
               scanagent_set_good(work, job, error) && end_job(work, job, SCANJOB_COMPLETED, error);
}

/* Whether the setting lists the code among those worth a retry (COMP-083). */
static bool
is_worth_retrying(Host *host, gint64 code)
{
        g_autofree char *text = settings_text(host_settings(host), "scanagent.retry_codes");
        g_auto(GStrv) words = g_strsplit_set(text, " ,", -1);
        g_autofree char *wanted = g_strdup_printf("%" G_GINT64_FORMAT, code);

        return g_strv_contains((const char *const *)words, wanted);
}

/* After the last try on one update point the next one follows (COMP-082). */
static gint64
retry_pause(Work *work, ScanJob *job)
{
        Settings *settings = host_settings(work->c->host);

        if (++job->tries < settings_int(settings, "scanagent.retry_limit"))
                return UK_MINUTE * settings_int(settings, "scanagent.retry_minutes");
        g_autofree char *failed = g_strconcat(job->failed_locations, job->location, "\n", NULL);
        scanjob_set(&job->failed_locations, failed);
        job->tries = 0;
        return UK_MINUTE * settings_int(settings, "scanagent.switch_minutes");
}

static bool
on_failing(Work *work, ScanJob *job, GError **error) /* COMP-082, COMP-083, OQ-C15 */
{
        if (!is_worth_retrying(work->c->host, job->error_code))
                return scanagent_fail_job(work, job, error);
        uk_error("ScanJob(%s): CScanJob::OnScanComplete -Scan Failed with Error=0x%08x", job->id,
                 (guint32)job->error_code);
        job->next_us = uk_clock_now() + retry_pause(work, job);
        scanjob_set(&job->state, SCANJOB_RETRY_PENDING);
        uk_log("ScanJob(%s): CScanJob::OnScanComplete - Scan Retry successfully scheduled",
               job->id);
        return raise_state(work, job, SCAN_STATE_RETRY, NULL, error);
}

/* A retry asks for locations again: the site may know better by now. */
static bool
on_retry(Work *work, ScanJob *job, GError **error)
{
        job->next_us = 0;
        return on_new(work, job, error);
}

static const struct {
        const char *state;
        bool (*enter)(Work *work, ScanJob *job, GError **error);
} states[] = {
        { SCANJOB_NEW, on_new },
        { SCANJOB_SOURCE_ADDED, on_source_added },
        { SCANJOB_STORED, on_stored },
        { SCANJOB_FAILING, on_failing },
        { SCANJOB_RETRY_PENDING, on_retry },
};

bool
scanagent_advance(Work *work, ScanJob *job, GError **error)
{
        UK_DOING(error, "scan job %s in state %s", job->id, job->state);

        for (guint i = 0; i < G_N_ELEMENTS(states); i++) {
                if (strcmp(states[i].state, job->state) == 0)
                        return states[i].enter(work, job, error) &&
                               scanjob_save(work->tx, job, error);
        }
        return uk_fail(error, UK_ERROR_BROKEN, "this state is not Scan Agent's turn");
}
