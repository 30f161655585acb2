/* wsyncmgr_engine.c - phase 1 of a synchronization: the update engine of the default update point.
 *
 * Sends the criteria, asks for a synchronization, watches it to its end and waits until the
 * results can be read. Writes nothing of the catalogue.
 */
#include "base/clock.h"
#include "base/log.h"
#include "site/wcm/wcm.h"
#include "site/wsyncmgr/wsyncmgr_private.h"
#include "site/wsyncmgr/wsyncmgr_progress.h"

/* The status message for a source that was refused while others went on. */
#define SOURCE_REFUSED 60010

/* Which lines of the engine's progress have been written. */
typedef struct {
        SyncProgress progress;
        SupPhase said;
} Watch;

/* The two phases have a line each, in order, even if the engine was quicker than our question. */
static void
say_phase(Watch *watch, SupPhase phase)
{
        if (watch->said < SUP_PHASE_CATEGORIES && phase >= SUP_PHASE_CATEGORIES)
                uk_log("sync: WSUS synchronizing categories");
        if (watch->said < SUP_PHASE_UPDATES && phase >= SUP_PHASE_UPDATES) {
                uk_log("sync: WSUS synchronizing updates");
                wsyncmgr_progress_begin(&watch->progress, "sync: WSUS synchronizing updates",
                                        uk_clock_now());
        }
        watch->said = MAX(watch->said, phase);
}

static void
say_progress(Watch *watch, const SupStatus *status, bool last)
{
        if (watch->said < SUP_PHASE_UPDATES || (!last && status->phase != SUP_PHASE_UPDATES))
                return;
        gint64 done = last ? status->items : status->done;
        gint64 total = last ? status->items : status->total;
        g_autofree char *line =
                wsyncmgr_progress_line(&watch->progress, done, total, last, uk_clock_now());

        if (line != NULL)
                uk_log("%s", line);
}

/* Follows the engine's run to its end (SYNC-029). The caller frees the last status. */
static SupStatus *
watch_to_end(SyncWork *work, SupStatus *status_take, GError **error)
{
        g_autoptr(SupStatus) status = status_take;
        Watch watch = { .said = SUP_PHASE_NONE };

        while (status->state == SUP_RUNNING) {
                say_phase(&watch, status->phase);
                say_progress(&watch, status, false);
                if (!wsyncmgr_note_progress(work, "engine", status->done, status->total, error))
                        return NULL;
                if (host_stopping(work->c->host)) {
                        uk_fail(error, UK_ERROR_CANCELLED, "the site server is being stopped");
                        return NULL;
                }
                SupStatus *next = supclient_status(&work->client, status->number, error);

                if (next == NULL)
                        return NULL;
                supadmin_status_free(status);
                status = next;
        }
        if (status->result != SUP_RESULT_FAILED) {
                say_phase(&watch, SUP_PHASE_UPDATES);
                say_progress(&watch, status, true);
        }
        return g_steal_pointer(&status);
}

/* What single sources refused is said, though the run as a whole went on without them (DEB-014). */
static bool
report_sources(SyncWork *work, const SupStatus *status, GError **error)
{
        g_autoptr(GString) names = g_string_new(NULL);
        const char *first = "";

        for (guint i = 0; i < status->sources->len; i++) {
                const SupSource *source = g_ptr_array_index(status->sources, i);

                if (!source->failed)
                        continue;
                first = names->len == 0 ? source->error : first;
                g_string_append_printf(names, "%s%s", names->len > 0 ? ", " : "", source->name);
                work->sources_failed++;
                uk_warn("Source %s keeps its old content: %s", source->name, source->error);
                if (!statusmsg_raise(work->c, NULL, SOURCE_REFUSED, error, source->name,
                                     source->error, NULL))
                        return false;
        }
        if (work->sources_failed > 0)
                work->left_out = g_strdup_printf(
                        "%u of %u sources failed and keep their old content: %s. The first: %s",
                        work->sources_failed, status->sources->len, names->str, first);
        return true;
}

static bool
judge(SyncWork *work, const SupStatus *status, GError **error)
{
        if (status->result == SUP_RESULT_FAILED || status->result == SUP_RESULT_NONE) {
                work->place = g_strdup(status->place[0] != '\0' ? status->place : "update engine");
                return uk_fail(error, UK_ERROR_REMOTE, "%s",
                               status->error[0] != '\0' ? status->error
                                                        : "the engine did not say why");
        }
        work->anchor = status->anchor;
        work->epoch = g_strdup(status->epoch);
        work->engine_items = status->items;
        return report_sources(work, status, error);
}

/* A foreign engine needs time until its results can be read; ours says when they can (OQ-S10). */
static bool
wait_for_results(SyncWork *work, bool readable, GError **error)
{
        gint64 seconds =
                settings_int(host_settings(work->c->host), "wsyncmgr.results_wait_seconds");

        uk_log("Sleeping %" G_GINT64_FORMAT
               " more minutes for WSUS server sync results to become available",
               seconds / 60);
        if (readable || uk_clock_sleep(seconds * UK_SECOND, host_stop_fd(work->c->host)))
                return true;
        return uk_fail(error, UK_ERROR_CANCELLED, "the site server is being stopped");
}

bool
wsyncmgr_engine_phase(SyncWork *work, GError **error)
{
        if (!wsyncmgr_enter(work, 6704, error))
                return false;
        uk_log("Synchronizing WSUS server %s ...", work->sup->server);
        if (!wcm_configure(work->c, &work->client, error))
                return false;
        uk_log("sync: Starting WSUS synchronization");
        SupStatus *started = supclient_start(&work->client, error);
        g_autoptr(SupStatus) status = started != NULL ? watch_to_end(work, started, error) : NULL;

        if (status == NULL || !judge(work, status, error))
                return false;
        uk_log("Done synchronizing WSUS Server %s", work->sup->server);
        return wait_for_results(work, status->readable, error);
}
