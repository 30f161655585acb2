/* wsyncmgr_run.c - one synchronization at the top-level site, from the start line to the last.
 *
 * A run is a row in the site database from its beginning, so that a stop in the middle is seen at
 * the next start (SYNC-072); it ends as a success or as a failure with a retry, and both are one
 * transaction with the alert.
 */
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "site/wsyncmgr/wsyncmgr_private.h"
#include "sitedb/alert.h"
#include "sitedb/syncstatus.h"
#include "sitedb/updatesource.h"

/* An interrupted run is tried again at once, because a stop says nothing against the run; but a
 * run that stops the program each time must not do so for ever. */
#define MAX_INTERRUPTIONS 3
/* After the start of this program, on the clock that never jumps. */
#define STARTING       UK_MINUTE
#define STARTING_PAUSE (5 * UK_SECOND)

/* How each origin is told in the log: the wake-up, then what is performed. */
static const struct {
        const char *origin, *wakeup, *found, *performing;
} origins[] = {
        { SYNCRUN_SCHEDULE, "Wakeup for scheduled regular sync", NULL,
          "Performing sync on regular schedule" },
        { SYNCRUN_LOCAL, "Wakeup by inbox drop", "Found local sync request file",
          "Performing sync on local request" },
        { SYNCRUN_RETRY, "Wakeup for a polling cycle", NULL, "Performing sync on retry schedule" },
        { SYNCRUN_INSTALLATION, "Wakeup by SCF change", NULL,
          "Performing sync on regular schedule" },
};

static void
say_start(const char *origin)
{
        guint i = 0;

        while (i + 1 < G_N_ELEMENTS(origins) && !g_str_equal(origins[i].origin, origin))
                i++;
        uk_log("%s", origins[i].wakeup);
        if (origins[i].found != NULL)
                uk_log("%s", origins[i].found);
        uk_log("Starting Sync");
        uk_log("%s", origins[i].performing);
}

bool
wsyncmgr_note_progress(SyncWork *work, const char *phase, gint64 done, gint64 total, GError **error)
{
        gint64 now = uk_clock_now();

        if (g_strcmp0(work->noted_phase, phase) == 0 && now - work->noted_us < UK_SECOND &&
            done < total)
                return true;
        work->noted_phase = phase;
        work->noted_us = now;
        g_autoptr(DbTx) tx = db_begin(work->c->db, error);

        return tx != NULL && syncrun_progress(tx, work->mgr->site, phase, done, total, error) &&
               db_commit(g_steal_pointer(&tx), error);
}

/* The update points; the first decides the run. */
static bool
load_sups(SyncWork *work, GError **error)
{
        work->sups = sitesystem_list(work->c->db, work->mgr->site, SITESYSTEM_SUP, error);
        if (work->sups != NULL && work->sups->len > 0)
                work->sup = g_ptr_array_index(work->sups, 0);
        return work->sups != NULL;
}

static bool
read_sups(SyncWork *work, GError **error) /* SYNC-023, SYNC-024 */
{
        uk_log("Read SUPs from SCF for %s", work->mgr->server);
        if (!load_sups(work, error))
                return false;
        uk_log("Found %u SUPs", work->sups->len);
        for (guint i = 0; i < work->sups->len; i++) {
                const SiteSystem *sup = g_ptr_array_index(work->sups, i);

                uk_log("Found active SUP %s from SCF File.", sup->server);
        }
        if (work->sups->len == 0)
                return uk_fail(error, UK_ERROR_CONFIG,
                               "WSUS server not configured: site %s has no update point; set "
                               "sup.server and sup.url in site.conf",
                               work->mgr->site);
        work->client = (SupClient){ .http = work->c->http,
                                    .key = work->mgr->key,
                                    .site = work->mgr->site,
                                    .base = work->sup->admin_url,
                                    .server = work->sup->server,
                                    .trace = uk_trace_get() };
        return true;
}

bool
wsyncmgr_enter(SyncWork *work, int message, GError **error)
{
        g_autofree char *cause = wsyncmgr_cause(work);
        g_autoptr(DbTx) tx = db_begin_from(work->c->db, uk_trace_get(), NULL, error);

        return tx != NULL && statusmsg_raise(work->c, tx, message, error, NULL) &&
               syncstatus_set_state(tx, work->mgr->site, work->sup->server, message, cause,
                                    error) &&
               db_commit(g_steal_pointer(&tx), error);
}

char *
wsyncmgr_cause(const SyncWork *work)
{
        return g_strdup_printf("synchronization (%s)", work->run->running_origin);
}

char *
wsyncmgr_mark(const SyncWork *work)
{
        return g_strdup_printf("%s:%" G_GINT64_FORMAT, work->epoch, work->anchor);
}

static bool
announce(SyncWork *work, GError **error) /* SYNC-025 */
{
        work->began_us = uk_clock_now();
        return wsyncmgr_enter(work, 6701, error);
}

void
wsyncmgr_say_version(const SyncWork *work, gint64 version)
{
        uk_log("Set content version of update source %s for site %s to %" G_GINT64_FORMAT,
               work->source_id, work->mgr->site, version);
}

/* After phase 1 the update point serves at least the present version (SYNC-032, OQ-S11). */
static bool
note_version(SyncWork *work, GError **error)
{
        g_autoptr(UpdateSource) source = updatesource_load(work->c->db, error);
        g_autofree char *cause = wsyncmgr_cause(work);
        g_autoptr(DbTx) tx =
                source != NULL ? db_begin_from(work->c->db, uk_trace_get(), NULL, error) : NULL;

        if (tx == NULL ||
            !syncstatus_set_version(tx, work->mgr->site, work->sup->server, source->version, cause,
                                    error) ||
            !db_commit(g_steal_pointer(&tx), error))
                return false;
        wsyncmgr_say_version(work, source->version);
        return true;
}

static const struct {
        const char *place; /* insertion string 0 of 6703 */
        bool (*step)(SyncWork *work, GError **error);
} steps[] = {
        { "site configuration", read_sups },          { "start of the synchronization", announce },
        { "update engine", wsyncmgr_engine_phase },   { "content version", note_version },
        { "site database", wsyncmgr_database_phase },
};

/* "0d00h03m53s" (SYNC-042). */
static char *
duration(gint64 us)
{
        gint64 s = MAX(us, 0) / UK_SECOND;

        return g_strdup_printf("%" G_GINT64_FORMAT "d%02dh%02dm%02ds", s / 86400,
                               (int)(s / 3600 % 24), (int)(s / 60 % 60), (int)(s % 60));
}

/* What spProcessSUMSyncStateMessage is told: it wakes the policy provider (COMP-006). */
static SyncStatusReport
report_of(const SyncWork *work, bool succeeded, gint64 code)
{
        return (SyncStatusReport){ .time_us = uk_clock_now(),
                                   .site = work->mgr->site,
                                   .source_id = work->source_id,
                                   .succeeded = succeeded,
                                   .error_code = code,
                                   .version = work->version,
                                   .server = work->sup->server };
}

static gint64
usual_pause(const SyncWork *work)
{
        return UK_MINUTE * settings_int(host_settings(work->c->host), "wsyncmgr.retry_minutes");
}

/* The alert about single sources is beside the one of the site, which a success cancels. */
static bool
judge_sources(const SyncWork *work, DbTx *tx, const char *cause, GError **error)
{
        const char *site = work->mgr->site;

        return work->left_out != NULL
                       ? alert_raise(tx, ALERT_SYNC, site, ALERT_SYNC_SOURCES, ALERT_WARNING,
                                     work->left_out, cause, error)
                       : alert_cancel(tx, ALERT_SYNC, site, ALERT_SYNC_SOURCES, cause, error);
}

static bool
store_success(SyncWork *work, GError **error)
{
        const char *site = work->mgr->site;
        const char *left_out = work->left_out != NULL ? work->left_out : "";
        gint64 retry = work->left_out != NULL ? uk_clock_now() + usual_pause(work) : 0;
        SyncStatusReport report = report_of(work, true, 0);
        g_autofree char *cause = wsyncmgr_cause(work);
        /* The old mark is what the next run knows by that it is still to look at everything. */
        g_autofree char *mark =
                wsyncmgr_is_incomplete(work) ? g_strdup(work->run->anchor) : wsyncmgr_mark(work);
        g_autoptr(DbTx) tx = db_begin_from(work->c->db, uk_trace_get(), NULL, error);

        return tx != NULL && statusmsg_raise(work->c, tx, 6702, error, NULL) &&
               syncstatus_record(tx, &report, cause, error) &&
               alert_cancel(tx, ALERT_SYNC, site, "", cause, error) &&
               judge_sources(work, tx, cause, error) &&
               syncrun_succeed(tx, site, mark, left_out, retry, cause, error) &&
               db_commit(g_steal_pointer(&tx), error);
}

static bool
succeed(SyncWork *work, GError **error) /* SYNC-039 to SYNC-042 */
{
        gint64 ended = uk_clock_now();
        gint64 items = work->engine_items > 0 ? work->engine_items : work->written;
        g_autofree char *took = duration(ended - work->began_us);

        if (!store_success(work, error))
                return false;
        uk_log("Sync succeeded. Setting sync alert to canceled state on site %s", work->mgr->site);
        uk_log("Updated %" G_GINT64_FORMAT " items in SMS database, new update source content "
               "version is %" G_GINT64_FORMAT,
               items, work->version);
        uk_log("Sync time: %s", took);
        if (work->left_out != NULL)
                uk_warn("%s. Will retry in %" G_GINT64_FORMAT " minutes", work->left_out,
                        usual_pause(work) / UK_MINUTE);
        return true;
}

/* Programs that start together are not ready together: for a moment an update point that cannot be
 * reached is one that still starts. */
static bool
is_starting(const SyncWork *work, const GError *why)
{
        return work->place == NULL && g_error_matches(why, UK_ERROR, UK_ERROR_NETWORK) &&
               uk_clock_mono() - work->mgr->started_us < STARTING;
}

static gint64
retry_pause(const SyncWork *work, const GError *why)
{
        if (work->interrupted && work->run->interruptions < MAX_INTERRUPTIONS)
                return 0;
        if (is_starting(work, why))
                return STARTING_PAUSE;
        return usual_pause(work);
}

static bool
store_failure(SyncWork *work, const char *place, const GError *why, gint64 pause, GError **error)
{
        const char *site = work->mgr->site;
        gint64 retry = uk_clock_now() + pause;
        g_autofree char *cause = g_strdup_printf("%s: %s", place, why->message);
        g_autoptr(DbTx) tx = db_begin_from(work->c->db, uk_trace_get(), NULL, error);
        bool interrupted;

        if (tx == NULL ||
            !statusmsg_raise_failure(work->c, tx, 6703, (guint32)why->code, error, place,
                                     why->message, NULL) ||
            !alert_raise(tx, ALERT_SYNC, site, "", ALERT_ERROR, cause, cause, error))
                return false;
        if (work->sup != NULL) {
                SyncStatusReport report = report_of(work, false, why->code);

                if (!syncstatus_record(tx, &report, cause, error))
                        return false;
        }
        if (work->interrupted ? !syncrun_recover(tx, site, retry, &interrupted, error)
                              : !syncrun_fail(tx, site, why->message, retry, cause, error))
                return false;
        return db_commit(g_steal_pointer(&tx), error);
}

static bool
fail(SyncWork *work, const char *place, const GError *why, GError **error) /* SYNC-068 to 070 */
{
        gint64 pause = retry_pause(work, why);

        uk_error("Sync failed: %s. Source: %s", why->message, place);
        if (!store_failure(work, place, why, pause, error))
                return false;
        uk_error("Sync failed. Will retry in %" G_GINT64_FORMAT " minutes", pause / UK_MINUTE);
        uk_log("Setting sync alert to active state on site %s", work->mgr->site);
        return true;
}

/* The run that was going on when the program stopped counts as failed (SYNC-072). */
static bool
fail_interrupted(SyncWork *work, GError **error)
{
        g_autoptr(GError) why = NULL;

        /* Its update point shows the failure, not for ever what the run was about to do. */
        if (!load_sups(work, error))
                return false;
        work->interrupted = true;
        uk_fail(&why, UK_ERROR_CANCELLED, "the site server stopped in the middle of it");
        return fail(work, "WSyncMgr", why, error);
}

static bool
do_steps(SyncWork *work, GError **error)
{
        say_start(work->run->running_origin);
        for (guint i = 0; i < G_N_ELEMENTS(steps); i++) {
                g_autoptr(GError) why = NULL;

                if (steps[i].step(work, &why))
                        continue;
                /* A run that the stop of the program cuts short is told at the next start. */
                if (host_stopping(work->c->host))
                        return true;
                return fail(work, work->place != NULL ? work->place : steps[i].place, why, error);
        }
        return succeed(work, error);
}

static void
clear(SyncWork *work)
{
        syncrun_free(work->run);
        g_clear_pointer(&work->sups, g_ptr_array_unref);
        g_free(work->source_id);
        g_free(work->epoch);
        g_free(work->left_out);
        g_free(work->place);
        uk_trace_set("");
}

/* The request that waits becomes the run. */
static bool
begin(SyncWork *work, GError **error)
{
        g_autoptr(DbTx) tx = db_begin(work->c->db, error);

        if (tx == NULL || !syncrun_begin(tx, work->mgr->site, error) ||
            !db_commit(g_steal_pointer(&tx), error))
                return false;
        g_clear_pointer(&work->run, syncrun_free);
        work->run = syncrun_load(work->c->db, work->mgr->site, error);
        return work->run != NULL;
}

/* Loads what the run needs before it can begin. */
static bool
prepare(SyncWork *work, GError **error)
{
        g_autoptr(UpdateSource) source = updatesource_load(work->c->db, error);

        if (source == NULL)
                return false;
        work->source_id = g_strdup(source->unique_id);
        work->version = source->version;
        work->run = syncrun_load(work->c->db, work->mgr->site, error);
        return work->run != NULL;
}

bool
wsyncmgr_run(Component *c, const WSyncMgr *mgr, GError **error)
{
        UK_DOING(error, "synchronizing site %s", mgr->site);
        SyncWork work = { .c = c, .mgr = mgr };
        bool done = prepare(&work, error);

        if (done && work.run->running_kind != SYNCRUN_NONE) {
                uk_trace_set(work.run->running_trace);
                done = fail_interrupted(&work, error);
        } else if (done) {
                done = begin(&work, error);
                if (done) {
                        uk_trace_set(work.run->running_trace);
                        done = do_steps(&work, error);
                }
        }
        clear(&work);
        return done;
}
