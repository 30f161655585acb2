/* dpprov_notify.c - a pull distribution point is told to fetch a package, or to leave it.
 *
 * The notification is kept in a row before the pull component is woken; a package's newer one takes
 * the place of the same version's older one. The letter "<PkgID>.<v>.NOT" or ".CAN" in the box
 * @SMS_PullDPNotification only wakes: what counts is the row.
 */
#include <string.h>

#include "base/clock.h"
#include "base/io.h"
#include "dp/dp_private.h"
#include "dp/pulldp/pulldp.h"
#include "dp/pulljob.h"
#include "dp/pullnotification.sql.h"
#include "host/mailbox.h"
#include "wire/pullnotice.h"

#define BOX       "@SMS_PullDPNotification"
#define MAX_PAUSE 4096

static bool
wake(Component *c, const char *package_id, gint64 version, const char *kind, GError **error)
{
        g_autofree char *name =
                g_strdup_printf("%s.%" G_GINT64_FORMAT "%s", package_id, version, kind);
        g_autoptr(GError) why = NULL;

        if (mailbox_post(c->host, BOX, name, NULL, 0, &why))
                return true;
        g_propagate_error(error, g_steal_pointer(&why));
        return false;
}

char *
dp_bundle_path(Library *library, const char *package_id)
{
        g_autofree char *name = g_strconcat(package_id, ".tz", NULL);

        return g_build_filename(library_root(library), "SMS_DP$", name, NULL);
}

bool
dp_drop_bundle(Dp *dp, Db *db, const char *package_id, GError **error)
{
        Library *library = dp_library(dp, error);
        g_autofree char *path = library != NULL ? dp_bundle_path(library, package_id) : NULL;
        gint64 stored;

        if (path == NULL)
                return false;
        pthread_mutex_lock(&dp->bundles);
        bool done = db_int(db, &sql_pullnotification_stored,
                           DB_ARGS(DB_TEXT("package_id", package_id)), &stored, NULL, error) &&
                    (stored > 0 || uk_io_unlink(path, error));
        pthread_mutex_unlock(&dp->bundles);
        return done;
}

/* False with *capacity_out set when no more are taken. */
static bool
keep(Component *c, const PullNotice *notice, GBytes *document, gint64 *capacity_out, GError **error)
{
        gint64 capacity = settings_int(host_settings(c->host), "dp.pull_capacity");
        gsize size;
        const void *data = g_bytes_get_data(document, &size);
        g_autoptr(DbTx) tx = db_begin(c->db, error);
        gint64 waiting;

        *capacity_out = 0;
        if (tx == NULL ||
            !db_int(c->db, &sql_pullnotification_count,
                    DB_ARGS(DB_TEXT("package_id", notice->package_id)), &waiting, NULL, error))
                return false;
        if (waiting >= capacity) {
                *capacity_out = capacity;
                return true;
        }
        return db_run(tx, &sql_pullnotification_drop,
                      DB_ARGS(DB_TEXT("package_id", notice->package_id),
                              DB_INT("version", notice->version)),
                      error) &&
               db_run(tx, &sql_pullnotification_add,
                      DB_ARGS(DB_TEXT("package_id", notice->package_id),
                              DB_INT("version", notice->version),
                              DB_BYTES("notification", data, size), DB_TIME("now", uk_clock_now()),
                              DB_TEXT("trace", db_tx_trace(tx))),
                      error) &&
               db_commit(g_steal_pointer(&tx), error);
}

/* The end of a job before it may have taken the bundle away that came just now: then it is sent
 * again. */
static bool
keep_with_bundle(Component *c, const PullNotice *notice, GBytes *document, gint64 *capacity_out,
                 GError **error)
{
        Dp *dp = dp_of(c);
        Library *library = dp_library(dp, error);
        g_autofree char *path =
                library != NULL ? dp_bundle_path(library, notice->package_id) : NULL;

        if (path == NULL)
                return false;
        pthread_mutex_lock(&dp->bundles);
        bool done = g_file_test(path, G_FILE_TEST_EXISTS)
                            ? keep(c, notice, document, capacity_out, error)
                            : uk_fail(error, UK_ERROR_STALE,
                                      "the bundle of package %s is not here (any more); it comes "
                                      "before the notification",
                                      notice->package_id);
        pthread_mutex_unlock(&dp->bundles);
        return done;
}

static bool
is_pull_dp(Component *c, GError **error)
{
        g_autoptr(DistributionPoint) row = distributionpoint_load(c->db, error);

        if (row == NULL)
                return false;
        return row->is_pull_dp ||
               uk_fail(error, UK_ERROR_NOT_FOUND, "this is no pull distribution point");
}

bool
dpprov_on_notify(Component *c, HttpRequest *request, GError **error)
{
        UK_DOING(error, "taking a notification");
        gsize size;
        const void *body = http_request_body(request, &size);
        g_autoptr(GBytes) document = g_bytes_new(body, size);
        g_autoptr(PullNotice) notice = NULL;
        gint64 capacity;

        if (!is_pull_dp(c, error))
                return false;
        notice = pullnotice_read(body, size, error);
        if (notice == NULL || !keep_with_bundle(c, notice, document, &capacity, error))
                return false;
        if (capacity > 0) {
                char *answer = g_strdup_printf("{\"Capacity\":%" G_GINT64_FORMAT "}", capacity);

                http_answer_header(request, "Retry-After", "60");
                http_answer_take(request, 503, "application/json", answer, strlen(answer));
                return true;
        }
        if (!wake(c, notice->package_id, notice->version, ".NOT", error))
                return false;
        uk_log("Successfully notified PullDP");
        http_answer(request, 200, "application/json", "{}", 2);
        return true;
}

/* What came by it goes, too. Once more when its row is gone: a request may have read that again. */
static bool
forget_order(Component *c, const char *package_id, GError **error)
{
        Dp *dp = dp_of(c);
        g_autoptr(GHashTable) gone = incoming_contents_of(dp->incoming, c->db, package_id);

        if (!incoming_forget(dp->incoming, c->db, package_id, error))
                return false;
        g_autoptr(DbTx) tx = db_begin(c->db, error);

        return tx != NULL && dporder_drop(tx, package_id, error) &&
               db_commit(g_steal_pointer(&tx), error) &&
               incoming_forget(dp->incoming, c->db, package_id, error) &&
               dp_drop_unordered(dp, c->db, package_id, gone, error);
}

/* Of a distribution point that is sent its packages, the order ends. */
static bool
drop_order(Component *c, const char *package_id, gint64 version, GError **error)
{
        g_autoptr(Incoming) incoming = NULL;

        if (!incoming_of_package(dp_of(c)->incoming, c->db, package_id, &incoming, error))
                return false;
        if (incoming == NULL || incoming_order(incoming)->version != version)
                return true;
        g_clear_pointer(&incoming, incoming_unref);
        return forget_order(c, package_id, error);
}

/* Neither a notification nor a job of that version is left: what is answered outlasts a restart. */
static bool
cancel_pull(Component *c, const char *package_id, gint64 version, GError **error)
{
        g_autoptr(DbTx) tx = db_begin(c->db, error);
        bool found;

        return tx != NULL &&
               db_run(tx, &sql_pullnotification_drop,
                      DB_ARGS(DB_TEXT("package_id", package_id), DB_INT("version", version)),
                      error) &&
               pulljob_cancel(tx, package_id, version, &found, error) &&
               db_commit(g_steal_pointer(&tx), error);
}

/* One whose notification is stored and not yet taken up is paused in a moment. */
static bool
pause_pull(Component *c, const char *id, gint64 version, bool paused, GError **error)
{
        g_autoptr(GError) why = NULL;
        gint64 stored;

        if (pulldp_pause(c, id, version, paused, &why))
                return true;
        if (g_error_matches(why, UK_ERROR, UK_ERROR_NOT_FOUND) &&
            db_int(c->db, &sql_pullnotification_stored, DB_ARGS(DB_TEXT("package_id", id)), &stored,
                   NULL, NULL) &&
            stored > 0)
                return uk_fail(error, UK_ERROR_BUSY, "its notification has not been taken up yet");
        g_propagate_error(error, g_steal_pointer(&why));
        return false;
}

static bool
read_paused(HttpRequest *request, char **id_out, gint64 *version_out, bool *paused_out,
            GError **error)
{
        gsize size;
        const char *body = http_request_body(request, &size);
        g_autoptr(JsonDoc) doc = json_read(body, size, MAX_PAUSE, error);

        if (doc == NULL || !dpprov_read_package(request, id_out, version_out, error))
                return false;
        *paused_out = json_get_bool(json_root(doc), "Paused", true);
        return true;
}

bool
dpprov_on_pause(Component *c, HttpRequest *request, GError **error)
{
        g_autofree char *id = NULL;
        gint64 version;
        bool paused;

        if (!is_pull_dp(c, error) || !read_paused(request, &id, &version, &paused, error))
                return false;
        UK_DOING(error, "%s package %s version %" G_GINT64_FORMAT, paused ? "pausing" : "resuming",
                 id, version);
        if (!pause_pull(c, id, version, paused, error))
                return false;
        uk_log("The pull of package %s version %" G_GINT64_FORMAT " %s", id, version,
               paused ? "is paused" : "goes on");
        http_answer(request, 200, "application/json", "{}", 2);
        return true;
}

bool
dpprov_on_cancel(Component *c, HttpRequest *request, GError **error)
{
        g_autofree char *id = NULL;
        gint64 version;

        if (!dpprov_read_package(request, &id, &version, error))
                return false;
        UK_DOING(error, "cancelling package %s version %" G_GINT64_FORMAT, id, version);
        g_autoptr(DistributionPoint) row = distributionpoint_load(c->db, error);
        if (row == NULL)
                return false;
        dp_settle_begin(dp_of(c), id);
        bool cancelled = drop_order(c, id, version, error) && cancel_pull(c, id, version, error);
        dp_settle_end(dp_of(c), id);
        if (!cancelled || (row->is_pull_dp && !wake(c, id, version, ".CAN", error)))
                return false;
        uk_log("Package %s version %" G_GINT64_FORMAT " is cancelled", id, version);
        http_answer(request, 200, "application/json", "{}", 2);
        return true;
}
