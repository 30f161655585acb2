/* distmgr_incoming.c - the replication processing thread: what became of transfers.
 *
 * In: <8 characters>.STA of Package Transfer Manager, <PkgStatus row>.PUL for the answer of a pull
 * distribution point (DIST-084, DIST-085, DIST-130 to DIST-133). Out: the status rows, and who
 * holds what, so that pull distribution points find their sources.
 */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "host/statusmsg.h"
#include "site/distmgr/distmgr_private.h"
#include "sitedb/distjob.h"
#include "sitedb/pkgstatus.h"
#include "wire/statusfile.h"

#define PULL_SUCCESS     1
#define PULL_WARNING     2
#define PULL_ERROR       4
#define PULL_STARTED     8
#define PULL_IN_PROGRESS 16
#define PULL_DOWNLOADED  32
#define PULL_CANCELLED   64

/* What a file or answer says of a package on a distribution point. */
typedef struct {
        const DistPoint *point;
        const char *pkg_id;
        gint64 version;
        PkgStatusState status;
        gint64 percent;
        const char *error_text;
        const char *cause;
} News;

/* Whether the row says just that already: a file may be handled twice, its message is raised once.
 */
static bool
is_repeated(const PkgStatus *row, const News *news)
{
        return row != NULL && row->status == news->status && row->source_version == news->version &&
               news->status == PKGSTATUS_INSTALLED && strcmp(row->trace, uk_trace_get()) == 0 &&
               strcmp(row->cause, news->cause) == 0;
}

/* Jobs of pull distribution points that wait for a source of this package need not wait on. */
static bool
wake_pullers(DbTx *tx, const News *news, GError **error)
{
        return distjob_source_ready(tx, news->pkg_id, news->version, news->point->server, error);
}

static bool
store_installed(Component *c, DbTx *tx, const News *news, bool repeated, GError **error)
{
        if (!distmgr_mark_installed(tx, news->point, news->pkg_id, news->version, news->cause,
                                    error) ||
            !wake_pullers(tx, news, error))
                return false;
        uk_log("~Successfully updated the package server status for %s for package %s, Status %d",
               news->point->nal, news->pkg_id, (int)news->status);
        return repeated ||
               statusmsg_raise(c, tx, 2330, error, news->pkg_id, news->point->nal, NULL);
}

static bool
store_state(DbTx *tx, const News *news, GError **error)
{
        if (!pkgstatus_set_state(tx, news->pkg_id, PKGSTATUS_TYPE_DP, news->point->site,
                                 news->point->nal, news->status, news->percent, news->error_text,
                                 news->cause, error))
                return false;
        uk_log("~Successfully updated the package server status for %s for package %s, Status %d",
               news->point->nal, news->pkg_id, (int)news->status);
        return true;
}

/* The status row; *known_out false: the package is not (any more) on that distribution point, or
 * there is a newer version on it. */
static bool
look(Component *c, const News *news, PkgStatus **row_out, bool *known_out, GError **error)
{
        g_autoptr(GError) failure = NULL;
        g_autoptr(PkgServer) server =
                pkgserver_load(c->db, news->pkg_id, news->point->nal, news->point->site, &failure);

        *known_out = false;
        if (server == NULL && g_error_matches(failure, UK_ERROR, UK_ERROR_NOT_FOUND))
                return true;
        if (server == NULL) {
                g_propagate_error(error, g_steal_pointer(&failure));
                return false;
        }
        *row_out = pkgstatus_load(c->db, news->pkg_id, PKGSTATUS_TYPE_DP, news->point->site,
                                  news->point->nal, &failure);
        if (failure != NULL) {
                g_propagate_error(error, g_steal_pointer(&failure));
                return false;
        }
        *known_out = *row_out == NULL || (*row_out)->source_version <= news->version;
        return true;
}

/* The row, and what hangs on it, in one transaction. */
static bool
store(Component *c, const News *news, GError **error)
{
        g_autoptr(PkgStatus) row = NULL;
        bool known;

        if (!look(c, news, &row, &known, error))
                return false;
        if (!known) {
                uk_log("The status of package %s, version %" G_GINT64_FORMAT
                       " is passed over: the package is not on %s at that version any more",
                       news->pkg_id, news->version, news->point->nal);
                return true;
        }
        g_autoptr(DbTx) tx = db_begin(c->db, error);
        if (tx == NULL || !pkgstatus_ensure(tx, news->pkg_id, PKGSTATUS_TYPE_DP, news->point->site,
                                            news->point->nal, news->cause, error))
                return false;
        bool stored = news->status == PKGSTATUS_INSTALLED
                              ? store_installed(c, tx, news, is_repeated(row, news), error)
                              : store_state(tx, news, error);
        return stored && db_commit(g_steal_pointer(&tx), error);
}

/* What the change set going: an old version that nobody needs, pull distribution points. */
static bool
after_installed(Component *c, const char *pkg_id, GError **error)
{
        g_autoptr(Package) package = package_load(c->db, pkg_id, NULL);
        g_autofree char *name = g_strconcat(pkg_id, ".PKN", NULL);

        return (package == NULL ||
                distmgr_forget_superseded(c, pkg_id, package->stored_version, error)) &&
               distmgr_tell_transfer(c, name, error);
}

static StatusFile *
read_file(const InboxFile *file, GError **error)
{
        g_autofree char *body = NULL;
        gsize size;

        return inbox_file_read(file, STATUSFILE_MAX_BYTES, &body, &size, error)
                       ? statusfile_read(body, size, error)
                       : NULL;
}

bool
distmgr_on_status_file(Component *c, const InboxFile *file, GError **error)
{
        UK_DOING(error, "processing %s", file->name);
        g_autoptr(StatusFile) status = read_file(file, error);
        g_autoptr(DistPoint) point =
                status != NULL ? distpoint_by_nal(c->db, status->nal_path, error) : NULL;

        if (point == NULL)
                return false;
        distmgr_take_trace(status->trace);
        uk_log("~Processing incoming file %s.", file->path);
        uk_log("~Processing STA for regular DP %s", point->nal);
        uk_log("~Processing status update for package %s", status->package_id);
        g_autofree char *cause =
                g_strdup_printf("transfer of version %" G_GINT64_FORMAT, status->version);
        News news = { .point = point,
                      .pkg_id = status->package_id,
                      .version = status->version,
                      .status = (PkgStatusState)status->status,
                      .error_text = status->error_text,
                      .cause = cause };
        if (!store(c, &news, error) ||
            (news.status == PKGSTATUS_INSTALLED && !after_installed(c, news.pkg_id, error)) ||
            !inbox_file_done(file, error))
                return false;
        uk_log("~Successfully delete package status file %s", file->path);
        return true;
}

/* ---- answers of pull distribution points ---- */

/* The percentage of an answer on the way; 0 where it says nothing. */
static gint64
percent_of(const PkgStatusResponse *response)
{
        return CLAMP(atoi(response->action_data), 0, 100);
}

/* Status by action state (OQ-D42); false: the status stays as it is. */
static bool
status_of(const PkgStatusResponse *response, News *news)
{
        switch (response->action_state) {
        case PULL_SUCCESS:
                news->status = PKGSTATUS_INSTALLED;
                return true;
        case PULL_ERROR:
                news->status = PKGSTATUS_FAILED;
                news->error_text = response->action_data[0] != '\0'
                                           ? response->action_data
                                           : "the pull distribution point reports a failure";
                return true;
        case PULL_WARNING: /* it goes on by itself */
                news->status = PKGSTATUS_RETRY;
                news->error_text = response->action_data[0] != '\0'
                                           ? response->action_data
                                           : "the pull distribution point cannot go on";
                return true;
        case PULL_STARTED:
        case PULL_IN_PROGRESS:
        case PULL_DOWNLOADED:
                news->status = PKGSTATUS_SENT;
                news->percent =
                        response->action_state == PULL_DOWNLOADED ? 100 : percent_of(response);
                return true;
        case PULL_CANCELLED:
                news->status = PKGSTATUS_NONE;
                return true;
        default:
                return false;
        }
}

/* What the answer means for the job: it ends with success (DIST-107, DIST-133), goes on showing how
 * far it is, or is tried again. */
static bool
settle_job(Component *c, const News *news, gint64 action_state, GError **error)
{
        gint64 minutes = settings_int(host_settings(c->host), "pkgxfermgr.pull_retry_minutes");
        gint64 again = uk_clock_now() + minutes * UK_MINUTE;
        g_autoptr(DbTx) tx = db_begin(c->db, error);
        bool done = tx != NULL;

        if (done && (action_state == PULL_SUCCESS || action_state == PULL_CANCELLED))
                done = distjob_delete_for(tx, news->point->id, news->pkg_id, news->version, error);
        else if (done && action_state == PULL_ERROR)
                done = distjob_pull_failed(tx, news->point->id, news->pkg_id, news->version, again,
                                           news->error_text, error);
        else if (done && news->status == PKGSTATUS_SENT)
                done = distjob_pull_progress(tx, news->point->id, news->pkg_id, news->version,
                                             news->percent, error);
        return done && db_commit(g_steal_pointer(&tx), error);
}

/* One answer for the version that is stored. */
static bool
take_response(Component *c, const DistPoint *point, const PkgStatusResponse *response,
              GError **error)
{
        g_autofree char *cause = g_strdup_printf("state message 902, state %" G_GINT64_FORMAT,
                                                 response->action_state);
        g_autofree char *name = g_strconcat(response->pkg_id, ".PKN", NULL);
        News news = { .point = point,
                      .pkg_id = response->pkg_id,
                      .version = response->version,
                      .error_text = "",
                      .cause = cause };

        if (!status_of(response, &news)) {
                uk_warn("%s reports of package %s, version %" G_GINT64_FORMAT ": %s", point->nal,
                        response->pkg_id, response->version, response->action_data);
                return true;
        }
        if (!store(c, &news, error) || !settle_job(c, &news, response->action_state, error))
                return false;
        if (news.status == PKGSTATUS_INSTALLED)
                return after_installed(c, news.pkg_id, error);
        return distmgr_tell_transfer(c, name, error);
}

static bool
delete_response(Component *c, gint64 key, const PkgStatusResponse *response, GError **error)
{
        g_autoptr(DbTx) tx = db_begin(c->db, error);

        if (tx == NULL || !pkgstatus_delete_response(tx, key, response->message_time, error) ||
            !db_commit(g_steal_pointer(&tx), error))
                return false;
        /* The product's words, not a statement of ours. */
        uk_log("SQL>>>%s FROM PullDPResponse WHERE PkgStatusID = %" G_GINT64_FORMAT
               " AND MessageTime = '%.19s'",
               "DELETE", key, response->message_time);
        return true;
}

static bool
process_response(Component *c, gint64 key, const PkgStatusResponse *response, GError **error)
{
        g_autoptr(DistPoint) point = distpoint_by_nal(c->db, response->server, error);

        if (point == NULL)
                return false;
        distmgr_take_trace(response->trace);
        uk_log("~Processing PullDP response %s - %s", response->site, response->server);
        uk_log("    Package %s, Version %" G_GINT64_FORMAT "(%" G_GINT64_FORMAT
               "), ActionState %" G_GINT64_FORMAT ", PkgStatus %" G_GINT64_FORMAT
               ", ActionData =%s%s",
               response->pkg_id, response->version, response->stored_version,
               response->action_state, response->status,
               response->action_data[0] != '\0' ? " " : "", response->action_data);
        if (response->version > response->stored_version)
                return uk_fail(error, UK_ERROR_NOT_YET,
                               "package %s: version %" G_GINT64_FORMAT
                               " is not stored at this site yet",
                               response->pkg_id, response->version);
        if (response->version < response->stored_version)
                uk_log("The response is for version %" G_GINT64_FORMAT
                       ", which is not the stored one any more; it is discarded.",
                       response->version); /* OQ-D43 */
        else if (!take_response(c, point, response, error))
                return false;
        return delete_response(c, key, response, error);
}

bool
distmgr_on_pull_response(Component *c, const InboxFile *file, GError **error)
{
        UK_DOING(error, "processing %s", file->name);
        gint64 key;

        if (!g_ascii_string_to_signed(file->stem, 10, 1, G_MAXINT64, &key, NULL))
                return uk_fail(error, UK_ERROR_INVALID, "the name is no number of a status row");
        for (;;) {
                g_autoptr(GError) failure = NULL;

                uk_log("SQL>>>select s.ID, s.PkgServer, s.SiteCode, p.StoredPkgVersion, s.Status, "
                       "r.PkgVersion, r.ActionState, r.ActionData, p.PkgFlags, p.ShareType, "
                       "CONVERT(VARCHAR(64), r.MessageTime, 127) AS MessageTime from "
                       "PullDPResponse r join PkgStatus s on r.PkgStatusID = s.PKID AND "
                       "r.PkgStatusID = %" G_GINT64_FORMAT " join SMSPackages p on s.ID = p.PkgID",
                       key);
                g_autoptr(PkgStatusResponse) response = pkgstatus_response(c->db, key, &failure);
                if (failure != NULL) {
                        g_propagate_error(error, g_steal_pointer(&failure));
                        return false;
                }
                if (response == NULL)
                        break;
                if (!process_response(c, key, response, error))
                        return false;
        }
        uk_log("~Successfully processed PullDP response file %s", file->path);
        return true;
}
