/* pkgxfermgr_job.c - one run of a job: what it needs, what became of it, and who is told.
 *
 * What is told is durable before the job's row changes, or with it, and the row changes before the
 * thread is free; so a kill at any moment repeats a step and loses none (DIST-076 to DIST-082).
 */
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/log.h"
#include "host/mailbox.h"
#include "host/pool.h"
#include "host/statusmsg.h"
#include "site/contentlibrary/contentlibrary.h"
#include "site/dpcontact.h"
#include "site/pkgxfermgr/pkgxfermgr_private.h"
#include "sitedb/pkgserver.h"
#include "sitedb/pkgstatusfile.h"

/* Where the fault lies here and not with the distribution point, it may pass soon. */
#define OWN_PAUSE (10 * UK_SECOND)
/* A distribution point may still be at the request that an earlier run broke off: it is asked again
 * so soon, and so often before that is a failure. */
#define BUSY_PAUSE (UK_SECOND / 4)
#define BUSY_TRIES 20

char *
pkgxfermgr_local_time(gint64 at_us)
{
        time_t seconds = (time_t)(at_us / UK_SECOND);
        struct tm local;

        localtime_r(&seconds, &local);
        return g_strdup_printf("%d/%d/%d %d:%02d:%02d %s %s", local.tm_mon + 1, local.tm_mday,
                               local.tm_year + 1900, (local.tm_hour + 11) % 12 + 1, local.tm_min,
                               local.tm_sec, local.tm_hour < 12 ? "AM" : "PM", local.tm_zone);
}

static DpClient
client_of(Component *c, const DistPoint *point)
{
        return (DpClient){ .http = c->http,
                           .key = pkgxfermgr_key(c),
                           .site = host_site_code(c->host),
                           .base = point->url,
                           .server = point->server,
                           .silent = (unsigned)settings_int(host_settings(c->host),
                                                            "distmgr.silent_seconds") };
}

/* ---- room at a pull distribution point ---- */

bool
pkgxfermgr_make_room(DbTx *tx, const DistJob *job, char **next_out, GError **error)
{
        return job->send_action[0] == '\0' || distjob_room_ready(tx, job->dp_id, next_out, error);
}

/* One that is not told looks when they are due. */
void
pkgxfermgr_wake_next(Component *c, const char *next)
{
        g_autofree char *letter = next != NULL ? g_strconcat(next, ".PKN", NULL) : NULL;
        g_autoptr(GError) why = NULL;

        if (letter != NULL && !mailbox_post(c->host, "@pkgxfermgr", letter, NULL, 0, &why))
                uk_warn("The jobs of package %s are looked at when they are due: %s", next,
                        why->message);
}

/* ---- success ---- */

static bool
tell_success(const Send *send, DbTx *tx, GError **error)
{
        const DistJob *job = send->job;
        const DistPoint *point = send->point;
        g_autofree char *version = g_strdup_printf("%" G_GINT64_FORMAT, job->version);
        UK_LOG_TOGETHER();

        if (!point->is_pull &&
            !statusmsg_raise(send->c, tx, 8200, error, job->pkg_id, version, point->server, NULL))
                return false;
        pkgxfermgr_log_status(job, point, PKGSTATUS_INSTALLED);
        return statusmsg_raise(send->c, tx, 8210, error, job->pkg_id, version, point->server,
                               point->nal, NULL);
}

/* Messages, what the status file says, the end of the job and the news that the distribution point
 * answers, at once. */
static bool
write_success(const Send *send, const char *file_name, const char *body, GError **error)
{
        const DistPoint *point = send->point;
        const DistJob *job = send->job;
        g_autofree char *next = NULL;
        g_autoptr(DbTx) tx = db_begin(send->c->db, error);

        if (tx == NULL || !tell_success(send, tx, error) ||
            !pkgstatusfile_keep(tx, file_name, body, error) ||
            !distjob_delete(tx, job->id, error) || !pkgxfermgr_make_room(tx, job, &next, error) ||
            !distpoint_answered(tx, point->id, point->bytes_free, error) ||
            !db_commit(g_steal_pointer(&tx), error))
                return false;
        pkgxfermgr_wake_next(send->c, next);
        return true;
}

static void
log_done(const Send *send)
{
        const DistJob *job = send->job;
        const DistPoint *point = send->point;
        UK_LOG_TOGETHER();

        if (!point->is_pull)
                uk_log("user(NT AUTHORITY\\SYSTEM) runing "
                       "application(SMS_PACKAGE_TRANSFER_MANAGER) from machine (%s) is submitting "
                       "SDK changes from site(%s)",
                       host_machine(send->c->host), host_site_code(send->c->host));
        uk_log("~Finished sending SWD package %s version %" G_GINT64_FORMAT
               " to distribution point %s",
               job->pkg_id, job->version, point->server);
}

static bool
settle_done(Send *send, GError **error)
{
        g_autofree char *file_name = pkgxfermgr_status_name();
        g_autofree char *body =
                pkgxfermgr_status_text(send->job, send->point, PKGSTATUS_INSTALLED, "");

        log_done(send);
        if (!write_success(send, file_name, body, error))
                return false;
        pkgxfermgr_drop_kept(send->c, file_name, body);
        return true;
}

/* ---- failure ---- */

typedef struct {
        gint64 count;   /* of failures, with this one */
        gint64 restart; /* when it is tried again */
        bool early;     /* this try was before its time */
        bool final;     /* not any more by itself */
} Retry;

/* A try that came before its time, since the distribution point had answered, is none of those that
 * are counted, and the time of the next one of these stays (DIST-082, DIST-098). */
static Retry
plan_retry(const Send *send)
{
        Settings *settings = host_settings(send->c->host);
        bool pull = send->point->is_pull != 0;
        gint64 minutes = settings_int(settings, pull ? "pkgxfermgr.pull_retry_minutes"
                                                     : "pkgxfermgr.retry_minutes");
        gint64 most =
                settings_int(settings, pull ? "pkgxfermgr.pull_retries" : "pkgxfermgr.retries");
        gint64 pause = minutes * UK_MINUTE;
        gint64 now = uk_clock_now(), due = uk_clock_due(send->job->restart_us, pause, now);
        Retry retry = { .count = send->job->retry_count + (due > now || send->given_up ? 0 : 1),
                        .early = due > now };

        if (!send->blame)
                pause = MIN(pause, OWN_PAUSE << MIN(send->job->retry_count, 10));
        retry.restart = retry.early ? MIN(due, now + pause) : now + pause;
        retry.final = send->given_up || retry.count > most;
        return retry;
}

/* The job's row, and what the status file says of it, at once: nobody sees the one without the
 * other, and a status that cannot be told now is told later. */
static bool
write_failure(Send *send, const Retry *retry, const char *why, const char *file_name,
              const char *body, GError **error)
{
        Component *c = send->c;
        const DistJob *job = send->job;
        g_autofree char *version = g_strdup_printf("%" G_GINT64_FORMAT, job->version);
        g_autofree char *next = NULL;
        g_autoptr(DbTx) tx = db_begin(c->db, error);

        if (tx == NULL ||
            !distjob_retry(tx, job->id, retry->final ? DISTJOB_FAILED : DISTJOB_PENDING_RESTART,
                           retry->count, retry->final ? 0 : retry->restart, why, error) ||
            !pkgstatusfile_keep(tx, file_name, body, error) ||
            (retry->final && !pkgxfermgr_make_room(tx, job, &next, error)))
                return false;
        /* The first one and the last one are news. */
        if (((retry->count == 1 && !retry->early) || retry->final) &&
            !statusmsg_raise(c, tx, 8203, error, job->pkg_id, version, send->point->server, why,
                             send->point->nal, NULL))
                return false;
        if (!db_commit(g_steal_pointer(&tx), error))
                return false;
        pkgxfermgr_wake_next(c, next);
        return true;
}

/* Behind the last one no time is told. */
static void
log_failure(const Send *send, const Retry *retry, const char *why)
{
        g_autofree char *when = pkgxfermgr_local_time(retry->restart);
        g_autofree char *next = retry->final ? g_strdup("no more retries")
                                             : g_strconcat("Restart time = ", when, NULL);
        gint64 most = settings_int(host_settings(send->c->host), "pkgxfermgr.pull_retries");

        uk_error("%s", why);
        if (send->given_up)
                return;
        if (send->point->is_pull)
                uk_log("~ PullDP notification failed. Failure count = %" G_GINT64_FORMAT
                       "/%" G_GINT64_FORMAT ", %s",
                       retry->count, most, next);
        else
                uk_log("~ Sending failed. Failure count = %" G_GINT64_FORMAT ", %s", retry->count,
                       next);
}

static bool
store_failure(Send *send, const Retry *retry, const char *why, GError **error)
{
        PkgStatusState status = retry->final ? PKGSTATUS_FAILED : PKGSTATUS_RETRY;
        g_autofree char *file_name = pkgxfermgr_status_name();
        g_autofree char *body = pkgxfermgr_status_text(send->job, send->point, status, why);

        if (!write_failure(send, retry, why, file_name, body, error))
                return false;
        pkgxfermgr_log_status(send->job, send->point, status);
        pkgxfermgr_drop_kept(send->c, file_name, body);
        return true;
}

/* The job waits for its next try; a distribution point whose fault it is is let alone, but one that
 * is only full goes on with what has room. */
static bool
settle_failed(Send *send, const GError *why, RunEnd *end, GError **error)
{
        Retry retry = plan_retry(send);
        bool full = send->blame && g_error_matches(why, UK_ERROR, UK_ERROR_FULL);

        log_failure(send, &retry, why->message);
        if (!store_failure(send, &retry, why->message, error))
                return false;
        *end = (RunEnd){ .due_us = retry.final ? UK_NEVER : retry.restart,
                         .waits_for_dp = send->blame && !retry.final,
                         .early = retry.early,
                         .need = full ? MAX(send->job->remaining_size - send->spared, 1) : 0 };
        return !send->blame || full ||
               dpcontact_failed(send->c, send->point->id, why->message, error);
}

/* Nobody's failure: the end of what came before is on its way. */
static bool
is_busy(const Send *send, const GError *why)
{
        return send->blame && !send->point->is_pull && send->sending->busy < BUSY_TRIES &&
               g_error_matches(why, UK_ERROR, UK_ERROR_BUSY);
}

static bool
put_back(Send *send, GError **error)
{
        g_autoptr(DbTx) tx = db_begin(send->c->db, error);

        return tx != NULL && distjob_put_back(tx, send->job->id, error) &&
               db_commit(g_steal_pointer(&tx), error);
}

static bool
settle_busy(Send *send, const GError *why, RunEnd *end, GError **error)
{
        uk_log("Job %" G_GINT64_FORMAT " goes on in a moment: %s", send->job->id, why->message);
        *end = (RunEnd){ .busy = true, .due_us = uk_clock_now() + BUSY_PAUSE };
        return put_back(send, error);
}

/* ---- stopped ---- */

/* Whether a row was found, or is not there; what it could not be read for is passed on. */
static bool
found_or_gone(gconstpointer row, GError *why_take, GError **error)
{
        if (row == NULL && !g_error_matches(why_take, UK_ERROR, UK_ERROR_NOT_FOUND)) {
                g_propagate_error(error, why_take);
                return false;
        }
        g_clear_error(&why_take);
        return true;
}

/* *replaced_out: a newer job does what this one was to do. */
static bool
look_whether_replaced(Component *c, const DistJob *job, bool *replaced_out, GError **error)
{
        g_autoptr(GPtrArray) jobs = distjob_list(c->db, job->pkg_id, error);

        *replaced_out = false;
        for (guint i = 0; jobs != NULL && i < jobs->len; i++) {
                const DistJob *other = jobs->pdata[i];

                if (other->dp_id == job->dp_id && other->id > job->id)
                        *replaced_out = true;
        }
        return jobs != NULL;
}

/* The key of a wish for the pool "cancels": "<DPID> <version> <PkgID>". A job that was made since
 * is not to be met by it. */
bool
pkgxfermgr_cancel(Component *c, const char *key, GError **error)
{
        g_auto(GStrv) words = g_strsplit(key, " ", 3);
        gint64 dp_id = g_ascii_strtoll(words[0], NULL, 10), wanted = 0;
        gint64 version = g_ascii_strtoll(words[1], NULL, 10);
        GError *why = NULL;
        g_autoptr(DistPoint) point = distpoint_load(c->db, dp_id, &why);
        g_autoptr(GError) not_told = NULL;

        if (point == NULL)
                return found_or_gone(point, why, error);
        if (!distjob_count_for(c->db, dp_id, words[2], version, &wanted, error))
                return false;
        if (wanted > 0)
                return true;
        DpClient client = client_of(c, point);
        if (!dpclient_cancel(&client, words[2], version, &not_told))
                uk_warn("Package %s, version %" G_GINT64_FORMAT " could not be cancelled at %s: %s",
                        words[2], version, point->server, not_told->message);
        return true;
}

/* A distribution point that does not answer keeps nobody waiting. */
static bool
ask_to_cancel(Component *c, const DistJob *job, GError **error)
{
        g_autofree char *key = g_strdup_printf("%" G_GINT64_FORMAT " %" G_GINT64_FORMAT " %s",
                                               job->dp_id, job->version, job->pkg_id);

        return pool_add(c, "cancels", key, error);
}

/* What became of a pause: why it was not taken and when the distribution point is told again, or
 * that it was ("" and 0). */
static bool
note_pause(Component *c, const DistJob *job, const char *why, gint64 restart_us, GError **error)
{
        g_autoptr(DbTx) tx = db_begin(c->db, error);

        return tx != NULL && distjob_pause_waits(tx, job->id, why, restart_us, error) &&
               db_commit(g_steal_pointer(&tx), error);
}

/* It is told again when it answers, which the DP manager finds out at the end of its quarantine. */
static bool
put_off_pause(Component *c, const DistJob *job, const char *why, GError **error)
{
        g_autoptr(DistPoint) point = distpoint_load(c->db, job->dp_id, error);
        g_autofree char *words = g_strconcat(DISTJOB_PAUSING ": ", why, NULL);

        if (point == NULL)
                return false;
        g_autofree char *when = pkgxfermgr_local_time(point->quarantine_us);
        uk_warn("Pull DP %s has not paused the pull of package %s yet, it is told again when it "
                "answers, at the earliest at %s: %s",
                point->server, job->pkg_id, when, why);
        return note_pause(c, job, words, point->quarantine_us, error);
}

/* One that is let alone is not asked before its time. */
static bool
tell_pause(Component *c, const DistJob *job, const DistPoint *point, GError **error)
{
        DpClient client = client_of(c, point);
        gint64 now = uk_clock_now();
        g_autoptr(GError) why = NULL;

        pkgxfermgr_pause_waits(c, job->id, true);
        if (uk_clock_due(point->quarantine_us, dpcontact_longest(c), now) > now)
                return put_off_pause(c, job, point->last_error, error);
        if (!dpclient_pause(&client, job->pkg_id, job->version, true, &why) &&
            !g_error_matches(why, UK_ERROR, UK_ERROR_NOT_FOUND))
                return dpcontact_failed(c, point->id, why->message, error) &&
                       put_off_pause(c, job, why->message, error);
        pkgxfermgr_pause_waits(c, job->id, false);
        if (why == NULL)
                uk_log("Pull DP %s has paused the pull of package %s, version %" G_GINT64_FORMAT,
                       point->server, job->pkg_id, job->version);
        return note_pause(c, job, "", 0, error);
}

/* The key is the job's number. One that has ended, or was resumed, since then needs nothing;
 * neither does a distribution point that pulls nothing of it. */
bool
pkgxfermgr_pause_pull(Component *c, const char *key, GError **error)
{
        g_autoptr(DistJob) job = distjob_load(c->db, g_ascii_strtoll(key, NULL, 10), NULL);
        g_autoptr(DistPoint) point = job != NULL ? distpoint_load(c->db, job->dp_id, NULL) : NULL;

        if (point == NULL || !point->is_pull || job->state != DISTJOB_SUSPENDED)
                return true;
        uk_trace_set(job->trace);
        return tell_pause(c, job, point, error);
}

static bool
drop_job(Component *c, const DistJob *job, GError **error)
{
        g_autofree char *next = NULL;
        g_autoptr(DbTx) tx = db_begin(c->db, error);

        if (tx == NULL || !distjob_delete(tx, job->id, error) ||
            !pkgxfermgr_make_room(tx, job, &next, error) || !db_commit(g_steal_pointer(&tx), error))
                return false;
        pkgxfermgr_wake_next(c, next);
        return true;
}

/* Of one that is sent its packages too, if it is to have this one no more: an order that was under
 * way while the package was removed there may have come behind the removal. */
static bool
needs_cancel(Component *c, const DistJob *job, const DistPoint *point, bool *needs_out,
             GError **error)
{
        GError *why = NULL;
        g_autoptr(PkgServer) server =
                pkgserver_load(c->db, job->pkg_id, point->nal, point->site, &why);

        *needs_out = point->is_pull || server == NULL || server->action == PACKAGE_ACTION_DELETE;
        return found_or_gone(server, why, error);
}

bool
pkgxfermgr_end_cancelled(Component *c, const DistJob *job, GError **error)
{
        UK_DOING(error, "ending job %" G_GINT64_FORMAT, job->id);
        GError *why = NULL;
        g_autoptr(DistPoint) point = distpoint_load(c->db, job->dp_id, &why);
        bool replaced;

        if (!found_or_gone(point, why, error) || !look_whether_replaced(c, job, &replaced, error))
                return false;
        uk_trace_set(job->trace);
        uk_log("Job %" G_GINT64_FORMAT " for package %s, version %" G_GINT64_FORMAT " is %s: %s",
               job->id, job->pkg_id, job->version, replaced ? "replaced" : "cancelled", job->cause);
        if (!replaced && point != NULL) {
                g_autofree char *text = g_strconcat("cancelled: ", job->cause, NULL);
                bool needs;

                /* Whether it was told is not known here for certain, nor whether it goes on by
                 * itself after a failure; what it knows nothing of does not concern it. */
                if (!needs_cancel(c, job, point, &needs, error) ||
                    (needs && !ask_to_cancel(c, job, error)) ||
                    !pkgxfermgr_drop_status(c, job, point, PKGSTATUS_FAILED, text, error))
                        return false;
        }
        return drop_job(c, job, error);
}

static bool
settle_stopped(Send *send, RunEnd *end, GError **error)
{
        StopReason reason = (StopReason)atomic_load(&send->sending->stop);

        if (reason == STOP_CANCELLED) {
                GError *why = NULL;
                g_autoptr(DistJob) now = distjob_load(send->c->db, send->job->id, &why);

                if (!found_or_gone(now, why, error) ||
                    (now != NULL && !pkgxfermgr_end_cancelled(send->c, now, error)))
                        return false;
                *end = (RunEnd){ .gone = true };
                return true;
        }
        uk_log("Stopped sending job %" G_GINT64_FORMAT ", it goes on where it is: %s",
               send->job->id,
               reason == STOP_PAUSED  ? "it was paused"
               : reason == STOP_YIELD ? "another distribution point has no thread"
               : host_stopping(send->c->host)
                       ? "the site server stops"
                       : "the distribution point is closed for its priority or under maintenance");
        *end = (RunEnd){ 0 };
        return put_back(send, error);
}

/* There is nothing to send any more: the package or its version has gone. */
static bool
settle_obsolete(Send *send, RunEnd *end, GError **error)
{
        uk_log("Job %" G_GINT64_FORMAT " has nothing to send: this site has package %s at "
               "version %" G_GINT64_FORMAT " no more",
               send->job->id, send->job->pkg_id, send->job->version);
        if (!drop_job(send->c, send->job, error))
                return false;
        *end = (RunEnd){ .gone = true };
        return true;
}

bool
pkgxfermgr_begin(Send *send, GError **error)
{
        if (send->begun)
                return true;
        g_autoptr(DbTx) tx = db_begin(send->c->db, error);

        send->begun = tx != NULL && distjob_start(tx, send->job->id, error) &&
                      db_commit(g_steal_pointer(&tx), error);
        return send->begun;
}

static bool
settle(Send *send, SendResult result, const GError *why, RunEnd *end, GError **error)
{
        if ((result == SENT_FAILED || result == SENT_STOPPED) && !pkgxfermgr_begin(send, error))
                return false;
        switch (result) {
        case SENT_DONE:
                if (!settle_done(send, error))
                        return false;
                *end = (RunEnd){ .gone = true, .worked = true };
                return true;
        case SENT_FAILED:
                return is_busy(send, why) ? settle_busy(send, why, end, error)
                                          : settle_failed(send, why, end, error);
        case SENT_STOPPED:
                return settle_stopped(send, end, error);
        case SENT_OBSOLETE:
                return settle_obsolete(send, end, error);
        case SENT_WAITING:
                *end = (RunEnd){ .due_us = send->job->restart_us, .worked = true };
                return true;
        }
        return uk_fail(error, UK_ERROR_BROKEN, "a job ended in no known way");
}

/* ---- the run ---- */

/* All that a run needs. False without error: there is no such job any more. */
static bool
prepare(Send *send, GError **error)
{
        Component *c = send->c;
        g_autoptr(GError) failure = NULL;

        send->job = distjob_load(c->db, send->sending->job_id, &failure);
        send->package = send->job != NULL ? package_load(c->db, send->job->pkg_id, &failure) : NULL;
        send->point =
                send->package != NULL ? distpoint_load(c->db, send->job->dp_id, &failure) : NULL;
        if (send->point == NULL && g_error_matches(failure, UK_ERROR, UK_ERROR_NOT_FOUND))
                return false;
        if (send->point == NULL) {
                g_propagate_error(error, g_steal_pointer(&failure));
                return false;
        }
        send->library = contentlibrary_of(c->host, error);
        if (send->library == NULL)
                return false;
        send->client = client_of(c, send->point);
        send->client.rate = send->point->rate_limit;
        send->client.progress = pkgxfermgr_tick;
        send->client.user = send;
        return !send->point->is_pull || pkgxfermgr_begin(send, error);
}

static void
send_clear(Send *send)
{
        distjob_free(send->job);
        distpoint_free(send->point);
        package_free(send->package);
        if (send->last != NULL)
                g_ptr_array_unref(send->last);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Send, send_clear)

static void
log_begin(const Send *send)
{
        uk_log("%sending thread starting for Job: %" G_GINT64_FORMAT
               ", package: %s, Version: %" G_GINT64_FORMAT
               ", Priority: %d, server: %s, DPPriority: %d",
               send->point->is_pull ? "Pull DP S" : "S", send->job->id, send->job->pkg_id,
               send->job->version, (int)send->job->priority, send->point->server,
               (int)send->point->priority);
}

/* Sends, and settles what came of it. A failure to settle is the program's own: the job stands in
 * its row as it was and is tried again. */
static bool
run_job(Send *send, RunEnd *end, GError **error)
{
        g_autoptr(GError) why = NULL;

        if (send->job->action == DISTJOB_CANCEL)
                return settle(send, SENT_STOPPED, NULL, end, error);
        log_begin(send);
        SendResult result =
                send->point->is_pull ? pkgxfermgr_pull(send, &why) : pkgxfermgr_send(send, &why);
        if (result == SENT_FAILED && host_stopping(send->c->host))
                result = SENT_STOPPED;
        if (!settle(send, result, why, end, error))
                return false;
        uk_log("%sending thread complete~", send->point->is_pull ? "Pull DP S" : "S");
        return true;
}

/* The dispatcher's line, which is to stand before the first one of this thread. */
static void
log_created(const Sending *sending)
{
        int own = uk_log_set_thread(sending->dispatcher);

        uk_log("~Created sending thread (Thread ID = 0x%X)", (guint)own);
        (void)uk_log_set_thread(own);
}

bool
pkgxfermgr_run(Component *c, const char *job_id, GError **error)
{
        gint64 id = g_ascii_strtoll(job_id, NULL, 10);
        Sending *sending = pkgxfermgr_sending(c, id);
        RunEnd end = { .due_us = uk_clock_now() + OWN_PAUSE };
        g_autoptr(GError) failure = NULL;

        if (sending == NULL)
                return true;
        g_auto(Send) send = { .c = c, .sending = sending, .told_us = uk_clock_mono() };
        log_created(sending);
        if (prepare(&send, &failure)) {
                uk_trace_set(send.job->trace);
                if (send.job->action == DISTJOB_CANCEL)
                        atomic_store(&sending->stop, STOP_CANCELLED);
                (void)!run_job(&send, &end, &failure);
        } else if (failure == NULL) {
                end = (RunEnd){ .gone = true };
        }
        bool looked_at = send.point != NULL && send.point->is_pull && !end.gone;
        g_autofree char *letter = looked_at ? g_strconcat(sending->pkg_id, ".PKN", NULL) : NULL;
        pkgxfermgr_ended(c, sending, &end);
        /* Its row may have been changed while its thread had it: it waits for others. */
        if (letter != NULL && !mailbox_post(c->host, "@pkgxfermgr", letter, NULL, 0, NULL))
                uk_warn("Job %s is looked at when it is due", job_id);
        if (failure == NULL)
                return true;
        uk_error("Job %s: %s", job_id, failure->message);
        if (uk_error_class(failure) != UK_CLASS_HALT)
                return true; /* it is due again, see end */
        g_propagate_error(error, g_steal_pointer(&failure));
        return false;
}
