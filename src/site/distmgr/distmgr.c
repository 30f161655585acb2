/* distmgr.c - Distribution Manager: sees to it that packages reach distribution points.
 *
 * In: <PkgID>.PKN (something about a package changed), <DPID>.DPN (about a distribution point),
 * .STA and .PUL (what became of transfers). Out: content in the library, rows, and one job for each
 * package and distribution point, which wakes Package Transfer Manager. It copies nothing itself.
 * What is pending stands in rows, so a kill at any moment loses nothing: everything pending is
 * queued again at the start.
 */
#include "site/distmgr/distmgr.h"

#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "host/mailbox.h"
#include "host/pool.h"
#include "inbox/drop.h"
#include "site/distmgr/distmgr_private.h"
#include "site/sitekey.h"

char *
distmgr_key(const char *pkg_id, const char *nal)
{
        return g_strdup_printf("%s\t%s", pkg_id, nal);
}

bool
distmgr_split_key(const char *key, char **pkg_id_out, char **nal_out, GError **error)
{
        const char *tab = strchr(key, '\t');

        if (tab == NULL)
                return uk_fail(error, UK_ERROR_INVALID, "'%s' names no distribution point", key);
        *pkg_id_out = g_strndup(key, (gsize)(tab - key));
        *nal_out = g_strdup(tab + 1);
        return true;
}

DpClient
distmgr_client(Component *c, const DistPoint *point)
{
        const DistMgr *mgr = c->state;

        return (DpClient){ .http = c->http,
                           .key = mgr->key,
                           .site = mgr->site,
                           .base = point->url,
                           .server = point->server,
                           .silent = (unsigned)settings_int(host_settings(c->host),
                                                            "distmgr.silent_seconds") };
}

void
distmgr_take_trace(const char *trace)
{
        g_autofree char *made = *trace == '\0' ? uk_trace_new() : NULL;

        uk_trace_set(made != NULL ? made : trace);
}

bool
distmgr_tell_transfer(Component *c, const char *name, GError **error)
{
        return mailbox_post(c->host, "@pkgxfermgr", name, NULL, 0, error);
}

bool
distmgr_tell_package(Component *c, const char *pkg_id, GError **error)
{
        g_autofree char *name = g_strconcat(pkg_id, ".PKN", NULL);

        return distmgr_tell_transfer(c, name, error);
}

/* Queues a package, with the lines of DIST-011. */
static bool
queue_package(Component *c, const Package *package, GError **error)
{
        guint running, waiting;
        gint64 most = settings_int(host_settings(c->host), "distmgr.max_packages");

        if (package->action != PACKAGE_ACTION_NONE) /* OQ-D04 */
                uk_log("Found package properties updated notification for package '%s'",
                       package->id);
        uk_log("Adding package '%s' to package processing queue.", package->id);
        pool_count(c, "packages", &running, &waiting);
        uk_log("~Currently using %u out of %d allowed package processing threads.", running,
               (int)most);
        atomic_store(&((DistMgr *)c->state)->main_thread, uk_log_thread());
        return pool_add(c, "packages", package->id, error);
}

/* However many notices name a package, it is queued once and never runs twice at a time (DIST-008,
 * DIST-011, DIST-012). */
static bool
on_package_changed(Component *c, const InboxFile *file, GError **error)
{
        UK_DOING(error, "queueing package %s", file->stem);
        g_autoptr(GError) failure = NULL;
        g_autoptr(Package) package = package_load(c->db, file->stem, &failure);

        if (package != NULL)
                return queue_package(c, package, error);
        if (!g_error_matches(failure, UK_ERROR, UK_ERROR_NOT_FOUND)) {
                g_propagate_error(error, g_steal_pointer(&failure));
                return false;
        }
        uk_log("Package %s is not there any more.", file->stem);
        return true;
}

/* Whatever is pending is taken up: at the start, and now and then for what could not be done. */
static bool
queue_pending(Component *c, GError **error)
{
        const DistMgr *mgr = c->state;
        g_autoptr(GPtrArray) ids = package_list_pending(c->db, mgr->site, error);

        for (guint i = 0; ids != NULL && i < ids->len; i++) {
                g_autoptr(Package) package = package_load(c->db, ids->pdata[i], NULL);

                if (package != NULL && !queue_package(c, package, error))
                        return false;
        }
        return ids != NULL;
}

static DistMgr *
distmgr_new(Component *c)
{
        DistMgr *mgr = g_new0(DistMgr, 1);

        mgr->site = g_strdup(host_site_code(c->host));
        mgr->server = g_strdup(host_machine(c->host));
        pthread_mutex_init(&mgr->lock, NULL);
        mgr->dp_threads = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
        mgr->contacts = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, g_free);
        return mgr;
}

static void
distmgr_free(DistMgr *mgr)
{
        sign_key_free(mgr->key);
        g_free(mgr->site);
        g_free(mgr->server);
        pthread_mutex_destroy(&mgr->lock);
        g_hash_table_unref(mgr->dp_threads);
        g_hash_table_unref(mgr->contacts);
        g_free(mgr);
}

static bool
start(Component *c, GError **error)
{
        DistMgr *mgr = distmgr_new(c);

        mgr->key = sitekey_load(c->host, mgr->site, error);
        if (mgr->key == NULL) {
                distmgr_free(mgr);
                return false;
        }
        c->state = mgr;
        return true;
}

static void
stop(Component *c)
{
        distmgr_free(c->state);
        c->state = NULL;
}

const ComponentDef distmgr = {
        .name = DISTMGR_NAME,
        .log = "DistMgr.log",
        .log_form = UK_LOG_SERVER,
        .what = "Sees to it that packages reach distribution points.",
        .boxes = { { .lane = "main",
                     .box = "distmgr.box",
                     .kind = ".PKN",
                     .on_file = on_package_changed,
                     .bare_name = true },
                   { .lane = "dpmgr",
                     .box = "distmgr.box",
                     .kind = ".DPN",
                     .on_file = distmgr_on_dp_changed,
                     .bare_name = true },
                   { .lane = "dpmgr",
                     .box = "@distmgr",
                     .kind = ".DPN",
                     .on_file = distmgr_on_dp_changed },
                   { .lane = "replication",
                     .box = "distmgr.box/incoming",
                     .kind = ".STA",
                     .on_batch = distmgr_on_status_files },
                   { .lane = "replication",
                     .box = "distmgr.box/incoming",
                     .kind = ".PUL",
                     .on_file = distmgr_on_pull_response,
                     .bare_name = true } },
        .pools = { { "packages", "distmgr.max_packages", distmgr_process_package },
                   { "dps", "distmgr.max_dp_threads", distmgr_dp_thread },
                   { "remote", "distmgr.max_remote_calls", distmgr_remote },
                   { "validations", "distmgr.max_validations", distmgr_validate },
                   { "configure", "distmgr.max_configurations", distmgr_configure } },
        .timers = { { "main", "pending", queue_pending, false },
                    { "dpmgr", "contacts", distmgr_on_contacts_due, true } },
        .tick = { "distmgr.retry_minutes", queue_pending },
        .start = start,
        .stop = stop,
};
