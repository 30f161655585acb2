/* distmgr_incoming.c - the replication processing thread: what became of transfers.
 *
 * In: <8 characters>.STA of Package Transfer Manager, <PkgStatus row>.PUL for the answer of a pull
 * distribution point (DIST-084, DIST-085, DIST-130 to DIST-133). Out: the status rows, and who
 * holds what, so that pull distribution points find their sources.
 */
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "host/statusmsg.h"
#include "site/distmgr/distmgr_private.h"
#include "sitedb/distjob.h"
#include "sitedb/pkgstatus.h"
#include "sitedb/pkgstatusfile.h"
#include "wire/statusfile.h"

#define PULL_SUCCESS     1
#define PULL_WARNING     2
#define PULL_ERROR       4
#define PULL_STARTED     8
#define PULL_IN_PROGRESS 16
#define PULL_DOWNLOADED  32
#define PULL_CANCELLED   64

/* So many files share a transaction at most, which keeps other writers waiting. */
#define TX_FILES 64

/* What a file or answer says of a package on a distribution point. */
typedef struct {
        const DistPoint *point;
        const char *pkg_id;
        gint64 version;
        PkgStatusState status;
        DistJobPull pull; /* of an answer on the way */
        const char *error_text;
        const char *cause;
        gint64 woken; /* so many jobs had waited for it */
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
wake_pullers(DbTx *tx, News *news, GError **error)
{
        return distjob_source_ready(tx, news->pkg_id, news->version, news->point->server,
                                    &news->woken, error);
}

static bool
store_installed(Component *c, DbTx *tx, News *news, bool repeated, GError **error)
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
                                 news->point->nal, news->status, news->pull.percent,
                                 news->error_text, news->cause, error))
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

/* Whether it speaks of a transfer that has ended meanwhile: a file that was put off, say, comes
 * behind the one that told of the end, and after that nobody would ever say anything else. A
 * failure counts, but not of what is there. */
static bool
is_outlived(Component *c, const News *news, const PkgStatus *row, bool *outlived_out,
            GError **error)
{
        bool there = row != NULL && row->status == PKGSTATUS_INSTALLED &&
                     row->source_version == news->version;
        bool done =
                news->status == PKGSTATUS_INSTALLED || (news->status == PKGSTATUS_FAILED && !there);
        gint64 jobs = 0;

        *outlived_out = false;
        if (done)
                return true;
        if (!distjob_count_for(c->db, news->point->id, news->pkg_id, news->version, &jobs, error))
                return false;
        *outlived_out = jobs == 0;
        return true;
}

/* The row, and what hangs on it. */
static bool
write_news(Component *c, DbTx *tx, News *news, GError **error)
{
        g_autoptr(PkgStatus) row = NULL;
        bool known, outlived;

        if (!look(c, news, &row, &known, error) || !is_outlived(c, news, row, &outlived, error))
                return false;
        if (!known) {
                uk_log("The status of package %s, version %" G_GINT64_FORMAT
                       " is passed over: the package is not on %s at that version any more",
                       news->pkg_id, news->version, news->point->nal);
                return true;
        }
        if (outlived) {
                uk_log("Status %d of package %s, version %" G_GINT64_FORMAT
                       " on %s is passed over: its transfer has ended",
                       (int)news->status, news->pkg_id, news->version, news->point->nal);
                return true;
        }
        if (!pkgstatus_ensure(tx, news->pkg_id, PKGSTATUS_TYPE_DP, news->point->site,
                              news->point->nal, news->cause, error))
                return false;
        return news->status == PKGSTATUS_INSTALLED
                       ? store_installed(c, tx, news, is_repeated(row, news), error)
                       : store_state(tx, news, error);
}

static bool
store(Component *c, News *news, GError **error)
{
        g_autoptr(DbTx) tx = db_begin(c->db, error);

        return tx != NULL && write_news(c, tx, news, error) &&
               db_commit(g_steal_pointer(&tx), error);
}

/* What the change set going: an old version that nobody needs. */
static bool
forget_old(Component *c, const char *pkg_id, GError **error)
{
        g_autoptr(Package) package = package_load(c->db, pkg_id, NULL);

        return package == NULL ||
               distmgr_forget_superseded(c, pkg_id, package->stored_version, error);
}

/* ---- status files of Package Transfer Manager ---- */

/* One of a batch. */
typedef struct {
        BatchItem *item;
        StatusFile *status;
        const DistPoint *point;
        guint number;      /* in the order in which they came */
        guint first;       /* of its package, that number */
        bool stored, woke; /* woke: pull distribution points had waited for it */
} Arrival;

static void
arrival_free(gpointer data)
{
        Arrival *arrival = data;

        statusfile_free(arrival->status);
        g_free(arrival);
}

static bool
forget_file(Component *c, const InboxFile *file, GError **error)
{
        g_autoptr(DbTx) tx = db_begin(c->db, error);

        return tx != NULL && pkgstatusfile_forget(tx, file->name, error) &&
               db_commit(g_steal_pointer(&tx), error);
}

/* What becomes of a file that failed; one that will never be stored is not made again. False: the
 * component stops. */
static bool
judge(Component *c, BatchItem *item, GError *failure_take, GError **error)
{
        g_autoptr(GError) failure = failure_take;
        bool corrupt = uk_error_class(failure) == UK_CLASS_CORRUPT;

        if (uk_error_class(failure) == UK_CLASS_HALT) {
                g_propagate_error(error, g_steal_pointer(&failure));
                return false;
        }
        item->verdict = corrupt ? BATCH_CORRUPT : BATCH_LATER;
        item->why = g_strdup(failure->message);
        return !corrupt || forget_file(c, item->file, error);
}

/* Rows of distribution points, each read once; the table's. */
static const DistPoint *
find_point(Component *c, GHashTable *points, const char *nal, GError **error)
{
        DistPoint *point = g_hash_table_lookup(points, nal);

        if (point != NULL)
                return point;
        point = distpoint_by_nal(c->db, nal, error);
        if (point != NULL)
                g_hash_table_insert(points, g_strdup(nal), point);
        return point;
}

/* Of a file that was not synced a crash may leave the name alone; then what it said is in its row.
 */
static StatusFile *
read_status(Component *c, const InboxFile *file, GError **error)
{
        g_autofree char *body = NULL, *kept = NULL;
        g_autoptr(GError) why = NULL;
        gsize size;

        if (!inbox_file_read(file, STATUSFILE_MAX_BYTES, &body, &size, error))
                return NULL;
        StatusFile *status = statusfile_read(body, size, &why);
        if (status != NULL)
                return status;
        if (!pkgstatusfile_body(c->db, file->name, &kept, error))
                return NULL;
        if (kept != NULL)
                return statusfile_read(kept, strlen(kept), error);
        g_propagate_error(error, g_steal_pointer(&why));
        return NULL;
}

/* An empty file without a row is what a power cut left of one that was stored and removed already,
 * or of one that told of a beginning: its name came back, and nothing is lost. */
static bool
drop_left_over(Component *c, BatchItem *item, bool *dropped_out, GError **error)
{
        g_autofree char *kept = NULL;

        *dropped_out = false;
        if (item->file->size > 0)
                return true;
        if (!pkgstatusfile_body(c->db, item->file->name, &kept, error))
                return false;
        if (kept != NULL)
                return true;
        if (!inbox_file_done(item->file, error))
                return false;
        uk_log("The status file %s is empty, and there is nothing to store of it: removed",
               item->file->path);
        item->verdict = BATCH_DONE;
        *dropped_out = true;
        return true;
}

static bool
read_arrival(Component *c, Arrival *arrival, GHashTable *points, GError **error)
{
        const InboxFile *file = arrival->item->file;
        UK_DOING(error, "processing %s", file->name);

        arrival->status = read_status(c, file, error);
        if (arrival->status == NULL)
                return false;
        arrival->point = find_point(c, points, arrival->status->nal_path, error);
        return arrival->point != NULL;
}

static bool
write_arrival(Component *c, DbTx *tx, Arrival *arrival, GError **error)
{
        const StatusFile *status = arrival->status;
        UK_DOING(error, "processing %s", arrival->item->file->name);
        g_autofree char *cause =
                g_strdup_printf("transfer of version %" G_GINT64_FORMAT, status->version);
        News news = { .point = arrival->point,
                      .pkg_id = status->package_id,
                      .version = status->version,
                      .status = (PkgStatusState)status->status,
                      .error_text = status->error_text,
                      .cause = cause };

        uk_log("~Processing incoming file %s.", arrival->item->file->path);
        uk_log("~Processing STA for regular DP %s", arrival->point->nal);
        uk_log("~Processing status update for package %s", status->package_id);
        if (!write_news(c, tx, &news, error) ||
            !pkgstatusfile_forget(tx, arrival->item->file->name, error))
                return false;
        arrival->woke = news.woken > 0;
        return true;
}

/* What is said of them is in the log before their rows are there. */
static bool
write_arrivals(Component *c, DbTx *tx, Arrival **arrivals, guint count, GError **error)
{
        UK_LOG_TOGETHER();

        for (guint i = 0; i < count; i++) {
                if (!write_arrival(c, tx, arrivals[i], error))
                        return false;
        }
        return true;
}

/* So many arrivals, of one piece of work, in one transaction. */
static bool
store_arrivals(Component *c, Arrival **arrivals, guint count, GError **error)
{
        distmgr_take_trace(arrivals[0]->status->trace);
        g_autoptr(DbTx) tx = db_begin(c->db, error);

        if (tx == NULL || !write_arrivals(c, tx, arrivals, count, error) ||
            !db_commit(g_steal_pointer(&tx), error))
                return false;
        for (guint i = 0; i < count; i++)
                arrivals[i]->stored = true;
        return true;
}

/* One that fails must not keep the others: then each goes alone. False: the component stops. */
static bool
store_or_judge(Component *c, Arrival **arrivals, guint count, GError **error)
{
        g_autoptr(GError) failure = NULL;

        if (store_arrivals(c, arrivals, count, &failure))
                return true;
        if (count == 1)
                return judge(c, arrivals[0]->item, g_steal_pointer(&failure), error);
        for (guint i = 0; i < count; i++) {
                if (!store_or_judge(c, &arrivals[i], 1, error))
                        return false;
        }
        return true;
}

static gint
compare_arrivals(gconstpointer a, gconstpointer b)
{
        const Arrival *x = *(Arrival *const *)a, *y = *(Arrival *const *)b;

        if (x->first != y->first)
                return x->first < y->first ? -1 : 1;
        return x->number < y->number ? -1 : x->number > y->number;
}

/* Those of one package one behind the other, in the order in which they came: packages are sent
 * several at once, and what is of one piece of work is stored at once. */
static void
put_together(GPtrArray *arrivals)
{
        g_autoptr(GHashTable) firsts = g_hash_table_new(g_str_hash, g_str_equal);

        for (guint i = 0; i < arrivals->len; i++) {
                Arrival *arrival = arrivals->pdata[i];
                gpointer first;

                arrival->number = i;
                if (!g_hash_table_lookup_extended(firsts, arrival->status->package_id, NULL,
                                                  &first))
                        g_hash_table_insert(firsts, arrival->status->package_id,
                                            first = GUINT_TO_POINTER(i));
                arrival->first = GPOINTER_TO_UINT(first);
        }
        g_ptr_array_sort(arrivals, compare_arrivals);
}

/* How many of them, from the first on, are of one piece of work. */
static guint
count_alike(Arrival **arrivals, guint count)
{
        const char *trace = arrivals[0]->status->trace;
        guint alike = 1;

        while (*trace != '\0' && alike < MIN(count, TX_FILES) &&
               strcmp(arrivals[alike]->status->trace, trace) == 0)
                alike++;
        return alike;
}

/* What follows from one that is stored; known has the packages that this was done for. */
static bool
follow_up(Component *c, const Arrival *arrival, GHashTable *known, GError **error)
{
        const StatusFile *status = arrival->status;

        if (status->status != PKGSTATUS_INSTALLED)
                return true;
        return (!g_hash_table_add(known, status->package_id) ||
                forget_old(c, status->package_id, error)) &&
               (!arrival->woke || distmgr_tell_package(c, status->package_id, error));
}

/* What follows from one that is stored; then its file goes. */
static bool
finish_arrival(Component *c, Arrival *arrival, GHashTable *known, GError **error)
{
        distmgr_take_trace(arrival->status->trace);
        if (!follow_up(c, arrival, known, error) || !inbox_file_done(arrival->item->file, error))
                return false;
        uk_log("~Successfully delete package status file %s", arrival->item->file->path);
        arrival->item->verdict = BATCH_DONE;
        return true;
}

/* One that fails is none of the others', which would be told again. False: the component stops. */
static bool
finish_arrivals(Component *c, const GPtrArray *arrivals, GError **error)
{
        g_autoptr(GHashTable) known = g_hash_table_new(g_str_hash, g_str_equal);

        for (guint i = 0; i < arrivals->len; i++) {
                Arrival *arrival = arrivals->pdata[i];
                GError *failure = NULL;

                if (arrival->stored && !finish_arrival(c, arrival, known, &failure) &&
                    !judge(c, arrival->item, failure, error))
                        return false;
        }
        return true;
}

/* Of many files those of one piece of work share a transaction: a package that goes to many
 * distribution points, or many that go to one, have thousands. */
bool
distmgr_on_status_files(Component *c, BatchItem *items, guint count, GError **error)
{
        g_autoptr(GHashTable) points = g_hash_table_new_full(g_str_hash, g_str_equal, g_free,
                                                             (GDestroyNotify)distpoint_free);
        g_autoptr(GPtrArray) arrivals = g_ptr_array_new_with_free_func(arrival_free);

        for (guint i = 0; i < count; i++) {
                Arrival *arrival = g_new0(Arrival, 1);
                GError *failure = NULL;
                bool dropped;

                arrival->item = &items[i];
                if (drop_left_over(c, &items[i], &dropped, &failure) && !dropped &&
                    read_arrival(c, arrival, points, &failure)) {
                        g_ptr_array_add(arrivals, arrival);
                        continue;
                }
                arrival_free(arrival);
                if (failure != NULL && !judge(c, &items[i], failure, error))
                        return false;
        }
        put_together(arrivals);
        for (guint i = 0, alike; i < arrivals->len; i += alike) {
                Arrival **first = (Arrival **)&arrivals->pdata[i];

                alike = count_alike(first, arrivals->len - i);
                if (!store_or_judge(c, first, alike, error))
                        return false;
        }
        return finish_arrivals(c, arrivals, error);
}

/* ---- answers of pull distribution points ---- */

/* "30", or with bytes "30 1234 5678", of which the first may lack. What makes no sense counts for
 * nothing. */
static DistJobPull
pull_of(const PkgStatusResponse *response)
{
        g_auto(GStrv) words = g_strsplit(response->action_data, " ", 3);
        DistJobPull pull = { 0 };
        gint64 done, all;

        if (words[0] != NULL)
                pull.percent = CLAMP(g_ascii_strtoll(words[0], NULL, 10), 0, 100);
        if (words[0] != NULL && words[1] != NULL && words[2] != NULL &&
            g_ascii_string_to_signed(words[1], 10, 0, G_MAXINT64, &done, NULL) &&
            g_ascii_string_to_signed(words[2], 10, done, G_MAXINT64, &all, NULL)) {
                pull.done = done;
                pull.all = all;
        }
        return pull;
}

/* Status by action state (docs/decisions/0013-answers-of-pull-points.md);
 * false: the status stays as it is. */
static bool
status_of(const PkgStatusResponse *response, News *news)
{
        bool says = response->action_data[0] != '\0';

        switch (response->action_state) {
        case PULL_SUCCESS:
                news->status = PKGSTATUS_INSTALLED;
                return true;
        case PULL_ERROR:
                news->status = PKGSTATUS_FAILED;
                news->error_text = says ? response->action_data
                                        : "the pull distribution point reports a failure";
                return true;
        case PULL_WARNING: /* it goes on by itself */
                news->status = PKGSTATUS_RETRY;
                news->error_text =
                        says ? response->action_data : "the pull distribution point cannot go on";
                return true;
        case PULL_STARTED:
        case PULL_IN_PROGRESS:
        case PULL_DOWNLOADED:
                news->status = PKGSTATUS_SENT;
                news->pull = pull_of(response);
                if (response->action_state == PULL_DOWNLOADED)
                        news->pull = (DistJobPull){ .percent = 100 };
                return true;
        default:
                return false;
        }
}

/* What the answer means for the job: it ends with success (DIST-107, DIST-133), goes on showing how
 * far it is, or is tried again. */
static bool
settle_rows(Component *c, DbTx *tx, const News *news, const PkgStatusResponse *response,
            GError **error)
{
        gint64 dp_id = news->point->id;
        gint64 minutes = settings_int(host_settings(c->host), "pkgxfermgr.pull_retry_minutes");

        switch (response->action_state) {
        case PULL_SUCCESS:
                return distjob_pull_done(tx, dp_id, news->pkg_id, news->version,
                                         response->message_us, error);
        case PULL_CANCELLED:
                return distjob_pull_cancelled(tx, dp_id, news->pkg_id, news->version, error);
        case PULL_ERROR:
                return distjob_pull_failed(tx, dp_id, news->pkg_id, news->version,
                                           uk_clock_now() + minutes * UK_MINUTE, news->error_text,
                                           error);
        case PULL_WARNING:
                return distjob_pull_waits(tx, dp_id, news->pkg_id, news->version, news->error_text,
                                          error);
        default:
                return distjob_pull_progress(tx, dp_id, news->pkg_id, news->version, &news->pull,
                                             error);
        }
}

/* A job that is over makes room for the next. */
static bool
settle_job(Component *c, const News *news, const PkgStatusResponse *response, GError **error)
{
        bool over = response->action_state == PULL_SUCCESS ||
                    response->action_state == PULL_CANCELLED ||
                    response->action_state == PULL_ERROR;
        g_autofree char *next = NULL;
        g_autoptr(DbTx) tx = db_begin(c->db, error);

        return tx != NULL && settle_rows(c, tx, news, response, error) &&
               (!over || distjob_room_ready(tx, news->point->id, &next, error)) &&
               db_commit(g_steal_pointer(&tx), error) &&
               (next == NULL || distmgr_tell_package(c, next, error));
}

/* What it says of a pull that ended when it became a standard one, whose jobs are of another kind;
 * but what it has, it has. */
static bool
is_left(const DistPoint *point, const PkgStatusResponse *response)
{
        return point->is_pull == 0 && response->action_state != PULL_SUCCESS;
}

/* One answer for the version that is stored. */
static bool
take_response(Component *c, const DistPoint *point, const PkgStatusResponse *response,
              GError **error)
{
        g_autofree char *cause = g_strdup_printf("state message 902, state %" G_GINT64_FORMAT,
                                                 response->action_state);
        News news = { .point = point,
                      .pkg_id = response->pkg_id,
                      .version = response->version,
                      .error_text = "",
                      .cause = cause };

        bool tells = status_of(response, &news);
        if (!tells && response->action_state != PULL_CANCELLED) {
                uk_warn("%s reports of package %s, version %" G_GINT64_FORMAT ": %s", point->nal,
                        response->pkg_id, response->version, response->action_data);
                return true;
        }
        if ((tells && !store(c, &news, error)) || !settle_job(c, &news, response, error))
                return false;
        return (news.status != PKGSTATUS_INSTALLED || forget_old(c, news.pkg_id, error)) &&
               distmgr_tell_package(c, news.pkg_id, error);
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
        else if (is_left(point, response))
                uk_log("The response is of a pull, and %s is sent its packages now; it is "
                       "discarded.",
                       point->server);
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
