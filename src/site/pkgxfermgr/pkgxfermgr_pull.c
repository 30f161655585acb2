/* pkgxfermgr_pull.c - a pull distribution point is told to fetch a package, and asked later.
 *
 * Four phases: is there a source for every content item, has it room for a job more, the bundle,
 * the notification (DIST-095 to DIST-104). The job stays in its row until the answer has come, by a
 * state message or, after a long time, by asking (DIST-105 to DIST-107).
 */
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "crypto/hash.h"
#include "host/statusmsg.h"
#include "site/pkgxfermgr/pkgxfermgr_private.h"
#include "sitedb/pulldpmap.h"
#include "wire/pullnotice.h"

/* Behind its own sources a pull distribution point is told of all others that hold the content. */
#define ALL_SOURCES true
/* A bundle that is gone when it is named is sent so many times. */
#define BUNDLES 4

static gint64
minutes(const Send *send, const char *setting)
{
        return settings_int(host_settings(send->c->host), setting) * UK_MINUTE;
}

static gint64
number(const Send *send, const char *setting)
{
        return settings_int(host_settings(send->c->host), setting);
}

/* As which a content item stands in ContentDPMap: a classic package by its own ID. */
static const char *
mapped_id(const Send *send, const PkgContent *row)
{
        return send->package->type == PACKAGE_TYPE_REGULAR ? row->pkg_id : row->content_id;
}

/* A job that waits: not the distribution point's fault, and no failure of its own. One that the
 * distribution point has lost gives up its place there. */
static bool
wait_until(Send *send, gint64 restart, gint64 count, int message, const char *why, GError **error)
{
        Component *c = send->c;
        DistJob *job = send->job;
        g_autofree char *version = g_strdup_printf("%" G_GINT64_FORMAT, job->version);
        g_autofree char *next = NULL;
        g_autoptr(DbTx) tx = db_begin(c->db, error);

        if (tx == NULL ||
            !statusmsg_raise(c, tx, message, error, job->pkg_id, version, send->point->server,
                             send->point->nal, NULL) ||
            !pkgxfermgr_make_room(tx, job, &next, error) ||
            !distjob_wait(tx, job->id, count, restart, why, error) ||
            !db_commit(g_steal_pointer(&tx), error))
                return false;
        job->restart_us = restart;
        g_free(job->send_action);
        job->send_action = g_strdup("");
        pkgxfermgr_wake_next(c, next);
        return true;
}

/* ---- phase 1: is there a source ---- */

/* The sources of every content item; *lacking_out: one item at least has none (DIST-096). */
static bool
find_sources(Send *send, PullNotice *notice, const GPtrArray *rows, bool *lacking_out,
             GError **error)
{
        *lacking_out = false;
        for (guint i = 0; i < rows->len; i++) {
                const PkgContent *row = rows->pdata[i];
                PullNoticeContent *content =
                        pullnotice_add_content(notice, row->content_id, row->related);
                g_autoptr(GPtrArray) configured =
                        pulldpmap_holders(send->c->db, send->point->server, mapped_id(send, row),
                                          send->job->version, false, error);
                g_autoptr(GPtrArray) all =
                        configured != NULL
                                ? pulldpmap_holders(send->c->db, send->point->server,
                                                    mapped_id(send, row), send->job->version,
                                                    ALL_SOURCES, error)
                                : NULL;

                if (all == NULL)
                        return false;
                *lacking_out = *lacking_out || configured->len == 0;
                for (guint k = 0; k < MIN(all->len, PULLNOTICE_MAX_SOURCES); k++) {
                        const PullDPSource *source = all->pdata[k];

                        if (source->url[0] != '\0')
                                pullnotice_add_source(content, source->url, (int)source->priority);
                }
        }
        return true;
}

/* DIST-097, DIST-098: tried again thirty times, then it has failed. */
static SendResult
no_source(Send *send, GError **error)
{
        gint64 restart = uk_clock_now() + minutes(send, "pkgxfermgr.pull_retry_minutes");
        gint64 most = number(send, "pkgxfermgr.pull_retries");
        gint64 count = send->job->retry_count + 1;
        g_autofree char *when = pkgxfermgr_local_time(restart);

        uk_log("~Unable to find any source locations for one or more contents under package %s, "
               "for pull DP %s. Notification not sent.",
               send->job->pkg_id, send->point->server);
        if (count > most) {
                uk_fail(error, UK_ERROR_NOT_YET,
                        "no source distribution point of pull distribution point %s holds package "
                        "%s, version %" G_GINT64_FORMAT "; distribute it to one of them",
                        send->point->server, send->job->pkg_id, send->job->version);
                return SENT_FAILED;
        }
        uk_log("~ PullDP notification failed. Failure count = %" G_GINT64_FORMAT
               "/%" G_GINT64_FORMAT ", Restart time = %s",
               count, most, when);
        return wait_until(send, restart, count, 8212,
                          "no source has the content yet; it goes on when one has", error)
                       ? SENT_WAITING
                       : SENT_FAILED;
}

/* ---- phase 2: has it room ---- */

static bool
count_others(const Send *send, gint64 *active_out, GError **error)
{
        return distjob_count_active(send->c->db, send->point->nal, send->job->id, active_out,
                                    error);
}

/* DIST-100; it does not count towards the thirty (OQ-D29). */
static SendResult
no_capacity(Send *send, gint64 most, GError **error)
{
        gint64 restart = uk_clock_now() + minutes(send, "pkgxfermgr.pull_retry_minutes");
        g_autofree char *when = pkgxfermgr_local_time(restart);

        uk_log("PullDP %s has reached maximum capacity %" G_GINT64_FORMAT, send->point->nal, most);
        uk_log("PullDP has no capacity. Restart time = %s", when);
        return wait_until(send, restart, send->job->retry_count, 8211, DISTJOB_NO_ROOM, error)
                       ? SENT_WAITING
                       : SENT_FAILED;
}

/* ---- phases 3 and 4: bundle and notification ---- */

static void
describe(Send *send, PullNotice *notice, GBytes *bundle)
{
        g_autofree char *hex =
                hash_sha256_hex(g_bytes_get_data(bundle, NULL), g_bytes_get_size(bundle));

        notice->redistribute = send->job->action == DISTJOB_REDISTRIBUTE;
        notice->allow_fallback = ALL_SOURCES;
        notice->priority = (int)send->job->priority;
        notice->package_type_id = (int)send->package->type;
        notice->package_flags = send->package->flags;
        notice->package_size = send->package->source_size;
        notice->share_type = (int)send->package->share_type;
        g_free(notice->hash);
        notice->hash = g_ascii_strup(hex, -1);
        g_free(notice->trace);
        notice->trace = g_strdup(uk_trace_get());
}

/* The end of a job before may take the bundle away between the two: then both are sent again. */
static bool
bundle_and_notify(Send *send, const char *document, GBytes *bundle, GError **error)
{
        for (int i = 1;; i++) {
                g_autoptr(GError) why = NULL;

                if (!dpclient_bundle(&send->client, send->job->pkg_id, bundle, error))
                        return false;
                if (dpclient_notify(&send->client, document, &why))
                        return true;
                if (i == BUNDLES || !g_error_matches(why, UK_ERROR, UK_ERROR_STALE)) {
                        g_propagate_error(error, g_steal_pointer(&why));
                        return false;
                }
        }
}

static bool
deliver(Send *send, PullNotice *notice, GBytes *bundle, GError **error)
{
        uk_log("Sending package info bundle %s to PullDP. %s", send->job->pkg_id, send->point->nal);
        describe(send, notice, bundle);
        g_autofree char *document = pullnotice_write(notice);

        send->blame = true;
        if (!bundle_and_notify(send, document, bundle, error))
                return false;
        send->blame = false;
        uk_log("~Successfully performed WMI actions on pull DP %s.", send->point->server);
        return true;
}

/* The job stays, marked for polling (DIST-104), and shows how far it is, and what keeps it. */
static bool
note_told(Send *send, gint64 polls, const char *why, GError **error)
{
        DistJob *job = send->job;
        g_autoptr(DbTx) tx = db_begin(send->c->db, error);

        job->restart_us = uk_clock_now() + minutes(send, "pkgxfermgr.pull_poll_minutes");
        return tx != NULL && distjob_progress(tx, job, error) &&
               distjob_told(tx, job->id, job->attempts, polls, job->restart_us, why, error) &&
               distpoint_answered(tx, send->point->id, -1, error) &&
               db_commit(g_steal_pointer(&tx), error);
}

/* What of the package must travel, its distribution point finds out. */
static SendResult
told(Send *send, GError **error)
{
        gint64 most = number(send, "pkgxfermgr.pull_retries");

        send->job->attempts++;
        send->job->total_size = 0;
        send->job->remaining_size = 0;
        g_free(send->job->way);
        send->job->way = g_strdup("it fetches the package itself");
        if (!note_told(send, 0, "", error))
                return SENT_FAILED;
        g_autofree char *when = pkgxfermgr_local_time(send->job->restart_us);
        uk_log("~ PullDP notification sent. Attempted count = %" G_GINT64_FORMAT
               "/%" G_GINT64_FORMAT ", Restart time = %s",
               send->job->attempts, most, when);
        return SENT_WAITING;
}

static SendResult notify(Send *send, GError **error);

/* A source that got the content after it was looked for has found no job that waits: it is looked
 * for once more when one does. */
static SendResult
wait_for_source(Send *send, const GPtrArray *rows, GError **error)
{
        g_autoptr(PullNotice) unused = pullnotice_new(send->job->pkg_id, send->job->version);
        SendResult result = no_source(send, error);
        bool lacking = false;

        if (result != SENT_WAITING)
                return result;
        if (!find_sources(send, unused, rows, &lacking, error))
                return SENT_FAILED;
        return lacking ? result : notify(send, error);
}

/* A job that ended after they were counted has found none that waits: they are counted once more
 * when one does. */
static SendResult
wait_for_room(Send *send, gint64 most, GError **error)
{
        SendResult result = no_capacity(send, most, error);
        gint64 active = 0;

        if (result != SENT_WAITING)
                return result;
        if (!count_others(send, &active, error))
                return SENT_FAILED;
        return active >= most ? result : notify(send, error);
}

static SendResult
notify(Send *send, GError **error)
{
        gint64 active = 0, most = number(send, "pkgxfermgr.pull_max_jobs");
        g_autoptr(GPtrArray) rows = NULL;
        g_autoptr(GError) failure = NULL;
        g_autoptr(PullNotice) notice = pullnotice_new(send->job->pkg_id, send->job->version);
        bool lacking = false;
        g_autoptr(GBytes) bundle = pkgxfermgr_bundle(send, &rows, &failure);

        if (bundle == NULL && g_error_matches(failure, UK_ERROR, UK_ERROR_NOT_FOUND))
                return SENT_OBSOLETE;
        if (bundle == NULL) {
                g_propagate_error(error, g_steal_pointer(&failure));
                return SENT_FAILED;
        }
        if (!find_sources(send, notice, rows, &lacking, error))
                return SENT_FAILED;
        if (lacking)
                return wait_for_source(send, rows, error);
        if (!count_others(send, &active, error))
                return SENT_FAILED;
        if (active >= most)
                return wait_for_room(send, most, error);
        if (deliver(send, notice, bundle, &failure))
                return told(send, error);
        if (g_error_matches(failure, UK_ERROR, UK_ERROR_BUSY))
                return no_capacity(send, most, error);
        g_propagate_error(error, g_steal_pointer(&failure));
        return SENT_FAILED;
}

/* ---- polling ---- */

/* It knows nothing of the job (any more): it is told again. */
static SendResult
tell_again(Send *send, const DpPackageState *state, GError **error)
{
        uk_log("Pull DP %s has package %s in state %s: %s; it is notified again",
               send->point->server, send->job->pkg_id, state->state, state->error);
        return notify(send, error);
}

static SendResult
not_yet(Send *send, const DpPackageState *state, GError **error)
{
        gint64 polls = send->job->polls + 1, most = number(send, "pkgxfermgr.pull_polls");
        /* What keeps it, or no longer does, may not have come by a state message. */
        bool kept = state->error[0] != '\0' || send->job->last_error[0] != '\0';
        PkgStatusState status = state->error[0] != '\0' ? PKGSTATUS_RETRY : PKGSTATUS_SENT;

        if (polls > most) { /* OQ-D32: a success that it reports later still counts */
                send->given_up = true;
                uk_fail(error, UK_ERROR_REMOTE,
                        "pull distribution point %s has not got package %s after %" G_GINT64_FORMAT
                        " polls, it is not asked any more: %s %s",
                        send->point->server, send->job->pkg_id, most, state->state, state->error);
                return SENT_FAILED;
        }
        if (state->bytes_all > 0) {
                send->job->total_size = state->bytes_all;
                send->job->remaining_size =
                        CLAMP(state->bytes_all - state->bytes_done, 0, state->bytes_all);
        }
        return note_told(send, polls, state->error, error) &&
                               (!kept || pkgxfermgr_report(send, status, state->error, error))
                       ? SENT_WAITING
                       : SENT_FAILED;
}

/* The job was resumed. */
static SendResult
go_on(Send *send, const DpPackageState *state, GError **error)
{
        send->blame = true;
        if (!dpclient_pause(&send->client, send->job->pkg_id, state->version, false, error))
                return SENT_FAILED;
        send->blame = false;
        uk_log("Pull DP %s goes on with the pull of package %s, version %" G_GINT64_FORMAT,
               send->point->server, send->job->pkg_id, state->version);
        return not_yet(send, state, error);
}

/* A later version than the site has was given to it by what this site was before it was restored
 * from a backup: other content. */
static bool
is_there(const Send *send, const DpPackageState *state)
{
        return strcmp(state->state, "Installed") == 0 && state->version >= send->job->version &&
               state->version <= MAX(send->job->version, send->package->stored_version);
}

static SendResult
poll(Send *send, GError **error)
{
        g_auto(DpPackageState) state = { 0 };

        send->blame = true;
        if (!dpclient_package(&send->client, send->job->pkg_id, &state, error))
                return SENT_FAILED;
        send->blame = false;
        if (is_there(send, &state))
                return SENT_DONE;
        if (strcmp(state.state, "Paused") == 0)
                return go_on(send, &state, error);
        if (strcmp(state.state, "Downloading") == 0 || strcmp(state.state, "Waiting") == 0)
                return not_yet(send, &state, error);
        return tell_again(send, &state, error);
}

SendResult
pkgxfermgr_pull(Send *send, GError **error)
{
        SendResult result = strcmp(send->job->send_action, DISTJOB_POLL) == 0 ? poll(send, error)
                                                                              : notify(send, error);

        return result == SENT_FAILED && error != NULL &&
                               g_error_matches(*error, UK_ERROR, UK_ERROR_CANCELLED)
                       ? SENT_STOPPED
                       : result;
}
