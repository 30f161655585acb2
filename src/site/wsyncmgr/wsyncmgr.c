/* wsyncmgr.c - WSUS Synchronization Manager: decides when a synchronization runs.
 *
 * Requests (a .SYN file, the schedule, the retry after a failure, the first start) are stored as
 * at most one pending run in the site database before their cause goes away; one lane takes
 * requests at any time, another does one run at a time (SYNC-071). The run itself is in
 * wsyncmgr_run.c, its phases in wsyncmgr_engine.c and wsyncmgr_database.c.
 */
#include "site/wsyncmgr/wsyncmgr.h"

#include "base/clock.h"
#include "base/log.h"
#include "host/schedule.h"
#include "inbox/drop.h"
#include "site/sitekey.h"
#include "site/wsyncmgr/wsyncmgr_private.h"

/* As much as smsdbmon puts into one: a trace for each request that it stands for. */
#define MAX_REQUEST_FILE (256 * 1024)

/* Stores a request for a run; a weaker one does not change a stronger that waits. */
static bool
request(Component *c, SyncRunKind kind, const char *origin, const InboxNotice *notice,
        GError **error)
{
        const WSyncMgr *mgr = c->state;
        g_autofree char *made = notice == NULL || notice->traces[0] == NULL ? uk_trace_new() : NULL;
        const char *trace = made != NULL ? made : notice->traces[0];
        g_autoptr(DbTx) tx = db_begin_from(c->db, trace, NULL, error);

        return tx != NULL &&
               syncrun_request(tx, mgr->site, kind, origin, notice != NULL ? notice->seq : 0, NULL,
                               error) &&
               db_commit(g_steal_pointer(&tx), error);
}

/* One file of the inbox: SELF.SYN and FULL.SYN ask for a run, everything else is not for us. */
static bool
take_file(Component *c, const InboxFile *file, GError **error)
{
        UK_DOING(error, "taking %s", file->name);
        g_autofree char *body = NULL;
        gsize size;

        if (!inbox_file_read(file, MAX_REQUEST_FILE, &body, &size, error))
                return false;
        g_autoptr(InboxNotice) notice = inbox_notice_read(body, size, error);

        if (notice == NULL)
                return false;
        if (g_ascii_strcasecmp(file->stem, "FULL") == 0)
                return request(c, SYNCRUN_FULL, SYNCRUN_LOCAL, notice, error);
        if (g_ascii_strcasecmp(file->stem, "SELF") == 0)
                return request(c, SYNCRUN_DELTA, SYNCRUN_LOCAL, notice, error);
        uk_warn("Ignoring %s: this site has no parent site of that name", file->name);
        return true;
}

/* All files that are there become one request before any of them goes, so that FULL.SYN wins over
 * SELF.SYN and a kill loses nothing (SYNC-022). */
static bool
on_requests(Component *c, BatchItem *items, guint count, GError **error)
{
        for (guint i = 0; i < count; i++) {
                g_autoptr(GError) why = NULL;

                if (take_file(c, items[i].file, &why)) {
                        items[i].verdict = BATCH_DONE;
                        continue;
                }
                items[i].verdict =
                        uk_error_class(why) == UK_CLASS_CORRUPT ? BATCH_CORRUPT : BATCH_LATER;
                items[i].why = g_strdup(why->message);
        }
        timer_set(c, "run", uk_clock_now());
        return true;
}

static bool
on_schedule(Component *c, GError **error) /* SYNC-013, SYNC-017 */
{
        if (!request(c, SYNCRUN_FULL, SYNCRUN_SCHEDULE, NULL, error))
                return false;
        timer_set(c, "run", uk_clock_now());
        return true;
}

/* Whether the first synchronization is due, which does not wait for the schedule (SYNC-012). */
static bool
is_first(Component *c, const SyncRun *run)
{
        return run->last_start_us == 0 && run->retry_us == 0 &&
               settings_bool(host_settings(c->host), "wsyncmgr.sync_on_install");
}

/* Turns what is due by itself, a retry or the first synchronization, into a request. */
static bool
ask_if_due(Component *c, const SyncRun *run, bool *asked_out, GError **error)
{
        gint64 longest = settings_int(host_settings(c->host), "wsyncmgr.retry_minutes") * UK_MINUTE;
        gint64 now = uk_clock_now();

        *asked_out = true;
        if (run->retry_us != 0 && uk_clock_due(run->retry_us, longest, now) <= now)
                return request(c, (SyncRunKind)run->retry_kind, SYNCRUN_RETRY, NULL, error);
        if (is_first(c, run))
                return request(c, SYNCRUN_FULL, SYNCRUN_INSTALLATION, NULL, error);
        *asked_out = false;
        return true;
}

/* Runs whatever is due, one after the other: an interrupted run, a request, a retry. */
static bool
on_run(Component *c, GError **error)
{
        const WSyncMgr *mgr = c->state;

        while (!host_stopping(c->host)) {
                g_autoptr(SyncRun) run = syncrun_load(c->db, mgr->site, error);
                bool due = true;

                if (run == NULL)
                        return false;
                if (run->running_kind == SYNCRUN_NONE && run->pending_kind == SYNCRUN_NONE &&
                    !ask_if_due(c, run, &due, error))
                        return false;
                if (!due) {
                        timer_set(c, "run", run->retry_us != 0 ? run->retry_us : UK_NEVER);
                        return true;
                }
                db_begin_bulk(c->db);
                bool done = wsyncmgr_run(c, mgr, error);

                db_end_bulk(c->db);
                if (!done)
                        return false;
        }
        return true;
}

static bool
start(Component *c, GError **error)
{
        g_autoptr(WSyncMgr) mgr = g_new0(WSyncMgr, 1);

        mgr->site = g_strdup(host_site_code(c->host));
        mgr->server = g_strdup(host_machine(c->host));
        mgr->started_us = uk_clock_mono();
        mgr->key = sitekey_load(c->host, mgr->site, error);
        if (mgr->key == NULL)
                return false;
        c->state = g_steal_pointer(&mgr);
        return true;
}

void
wsyncmgr_free(WSyncMgr *mgr)
{
        if (mgr == NULL)
                return;
        sign_key_free(mgr->key);
        g_free(mgr->site);
        g_free(mgr->server);
        g_free(mgr);
}

static void
stop(Component *c)
{
        wsyncmgr_free(c->state);
}

const ComponentDef wsyncmgr = {
        .name = "SMS_WSUS_SYNC_MANAGER",
        .log = "WSyncMgr.log",
        .log_form = UK_LOG_SERVER,
        .what = "Synchronizes the update engine, then the site database.",
        .boxes = { { .lane = "requests",
                     .box = "WSyncMgr.box",
                     .kind = ".SYN",
                     .on_batch = on_requests,
                     .bare_name = true } },
        .timers = { { "run", "run", on_run, true } },
        .schedules = { { "requests", "wsyncmgr.schedule", on_schedule } },
        .start = start,
        .stop = stop,
};
