/* distmgr_remote.c - what waits for a distribution point's answer: removing a package there, here,
 * and having its files read (distmgr_validate.c).
 *
 * The pending action stays in the row until the distribution point has done it. One that does not
 * answer is asked again when the DP manager reaches it (OQ-D18; 51, sections 5 and 12).
 */
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "host/pool.h"
#include "host/statusmsg.h"
#include "site/distmgr/distmgr_private.h"
#include "site/dpcontact.h"
#include "sitedb/contentdpmap.h"
#include "sitedb/distjob.h"
#include "sitedb/pkgnotification.h"
#include "sitedb/pkgstatus.h"
#include "sitedb/straycontent.h"

static bool
write_removed(Component *c, DbTx *tx, const PkgServer *server, const DistPoint *point,
              GError **error)
{
        return pkgstatus_set_state(tx, server->pkg_id, PKGSTATUS_TYPE_DP, point->site, point->nal,
                                   PKGSTATUS_REMOVED, 0, "", server->cause, error) &&
               distjob_cancel_for(tx, point->id, server->pkg_id, server->cause, error) &&
               pkgserver_delete_removed(tx, server, error) &&
               pkgnotification_add(tx, server->pkg_id, PKGNOTIFICATION_SERVER, error) &&
               statusmsg_raise(c, tx, 2331, error, server->pkg_id, point->nal, NULL);
}

/* It was given to the distribution point again while it was taken out there, where nobody knows how
 * much of it went: it is sent. */
static bool
write_given_again(DbTx *tx, const PkgServer *server, const DistPoint *point, GError **error)
{
        g_autoptr(Package) package = package_load(db_tx_db(tx), server->pkg_id, error);

        return package != NULL &&
               pkgstatus_set_state(tx, server->pkg_id, PKGSTATUS_TYPE_DP, point->site, point->nal,
                                   PKGSTATUS_NONE, 0, "", server->cause, error) &&
               distjob_add(tx, point->id, server->pkg_id, package->stored_version, DISTJOB_SEND,
                           "it was taken out there", NULL, error);
}

/* The package is gone from there; if it is being deleted, that may go on now. */
static bool
note_removed(Component *c, const PkgServer *server, const DistPoint *point, GError **error)
{
        g_autoptr(DbTx) tx = db_begin(c->db, error);
        gint64 pending;

        if (tx == NULL || !pkgserver_pending(tx, server, &pending, error))
                return false;
        bool again = pending != PACKAGE_ACTION_DELETE;
        if (again && point->is_colocated)
                return true; /* its library is the site server's, and nothing has gone */
        return pkgstatus_ensure(tx, server->pkg_id, PKGSTATUS_TYPE_DP, point->site, point->nal,
                                server->cause, error) &&
               contentdpmap_remove_package(tx, point->server, server->pkg_id, 0, error) &&
               (again ? write_given_again(tx, server, point, error)
                      : write_removed(c, tx, server, point, error)) &&
               db_commit(g_steal_pointer(&tx), error);
}

/* Jobs for it end before it is taken out, so that none of them brings it back. *wanted_out false:
 * it is to stay by now. */
static bool
end_jobs(Component *c, const PkgServer *server, const DistPoint *point, bool *wanted_out,
         GError **error)
{
        g_autoptr(DbTx) tx = db_begin(c->db, error);
        gint64 pending;

        if (tx == NULL || !pkgserver_pending(tx, server, &pending, error))
                return false;
        *wanted_out = pending == PACKAGE_ACTION_DELETE;
        return !*wanted_out ||
               (distjob_cancel_for(tx, point->id, server->pkg_id, server->cause, error) &&
                db_commit(g_steal_pointer(&tx), error));
}

static bool
take_out(Component *c, const PkgServer *server, const DistPoint *point, GError **error)
{
        DpClient client = distmgr_client(c, point);
        bool wanted;

        if (!end_jobs(c, server, point, &wanted, error))
                return false;
        if (!wanted)
                return true;
        if ((!point->is_colocated && !dpclient_remove(&client, server->pkg_id, error)) ||
            !note_removed(c, server, point, error))
                return false;
        uk_log("~Successfully removed package %s from server %s", server->pkg_id, point->nal);
        return true;
}

/* Unless it is to stay by now, of which its jobs tell. */
static bool
note_not_removed(Component *c, const PkgServer *server, const DistPoint *point, const char *why,
                 GError **error)
{
        g_autoptr(DbTx) tx = db_begin(c->db, error);
        gint64 pending;

        if (tx == NULL || !pkgserver_pending(tx, server, &pending, error))
                return false;
        return pending != PACKAGE_ACTION_DELETE ||
               (pkgstatus_set_state(tx, server->pkg_id, PKGSTATUS_TYPE_DP, point->site, point->nal,
                                    PKGSTATUS_RETRY_REMOVE, 0, why, server->cause, error) &&
                db_commit(g_steal_pointer(&tx), error));
}

/* It did not work: shown, and asked again when the distribution point answers. */
static bool
note_trouble(Component *c, const PkgServer *server, const DistPoint *point, const char *why,
             GError **error)
{
        uk_error("~Failed to remove package %s on server %s: %s", server->pkg_id, point->nal, why);
        return note_not_removed(c, server, point, why, error) &&
               dpcontact_failed(c, point->id, why, error);
}

/* The record is gone; was the package given to the distribution point while it was taken out there,
 * it is sent. */
static bool
note_stray_removed(Component *c, const char *pkg_id, const DistPoint *point, GError **error)
{
        g_autoptr(DbTx) tx = db_begin(c->db, error);

        if (tx == NULL || !straycontent_delete(tx, point->id, pkg_id, error))
                return false;
        g_autoptr(PkgServer) server =
                pkgserver_load(db_tx_db(tx), pkg_id, point->nal, point->site, NULL);
        g_autoptr(Package) package =
                server != NULL ? package_load(db_tx_db(tx), pkg_id, NULL) : NULL;

        return (package == NULL ||
                distjob_add(tx, point->id, pkg_id, package->stored_version, DISTJOB_SEND,
                            "it was taken out there", NULL, error)) &&
               db_commit(g_steal_pointer(&tx), error);
}

/* The key names no record; is it content that the administrator wants removed all the same? */
static bool
take_out_stray(Component *c, const char *pkg_id, const char *nal, GError **error)
{
        g_autoptr(GError) failure = NULL;
        g_autoptr(DistPoint) point = distpoint_by_nal(c->db, nal, &failure);
        g_autoptr(StrayContent) stray = NULL;

        if (point == NULL && g_error_matches(failure, UK_ERROR, UK_ERROR_NOT_FOUND))
                return true;
        if (point == NULL) {
                g_propagate_error(error, g_steal_pointer(&failure));
                return false;
        }
        bool known = straycontent_going(c->db, point->id, pkg_id, &stray, error);
        if (!known || stray == NULL)
                return known;
        DpClient client = distmgr_client(c, point);

        distmgr_take_trace(stray->trace);
        if (dpclient_remove(&client, pkg_id, &failure)) {
                uk_log("~Successfully removed package %s from server %s, to which this site had "
                       "not given it",
                       pkg_id, point->nal);
                return note_stray_removed(c, pkg_id, point, error);
        }
        if (host_stopping(c->host)) {
                g_propagate_error(error, g_steal_pointer(&failure));
                return false;
        }
        uk_error("~Failed to remove package %s from server %s: %s", pkg_id, point->nal,
                 failure->message);
        return dpcontact_failed(c, point->id, failure->message, error);
}

bool
distmgr_remote(Component *c, const char *key, GError **error)
{
        const DistMgr *mgr = c->state;
        g_autofree char *pkg_id = NULL;
        g_autofree char *nal = NULL;
        g_autoptr(GError) failure = NULL;

        if (!distmgr_split_key(key, &pkg_id, &nal, error))
                return false;
        g_autoptr(PkgServer) server = pkgserver_load(c->db, pkg_id, nal, mgr->site, &failure);
        if (server == NULL && g_error_matches(failure, UK_ERROR, UK_ERROR_NOT_FOUND))
                return take_out_stray(c, pkg_id, nal, error);
        g_autoptr(DistPoint) point = server != NULL ? distpoint_by_nal(c->db, nal, &failure) : NULL;
        if (point == NULL && g_error_matches(failure, UK_ERROR, UK_ERROR_NOT_FOUND))
                return true; /* it has gone meanwhile */
        if (point != NULL) {
                distmgr_take_trace(server->trace);
                if (server->action != PACKAGE_ACTION_DELETE || take_out(c, server, point, &failure))
                        return true;
                if (!host_stopping(c->host))
                        return note_trouble(c, server, point, failure->message, error);
        }
        g_propagate_error(error, g_steal_pointer(&failure));
        return false;
}

static bool
requeue_stray(Component *c, const DistPoint *point, GError **error)
{
        g_autoptr(GPtrArray) going = straycontent_list_going(c->db, point->id, error);

        for (guint i = 0; going != NULL && i < going->len; i++) {
                const StrayContent *stray = going->pdata[i];
                g_autofree char *key = distmgr_key(stray->pkg_id, point->nal);

                if (!pool_add(c, "remote", key, error))
                        return false;
        }
        return going != NULL;
}

bool
distmgr_queue_remote(Component *c, const PkgServer *server, GError **error)
{
        g_autofree char *key = distmgr_key(server->pkg_id, server->nal);

        return server->action == PACKAGE_ACTION_VALIDATE
                       ? pool_add(c, "validations", server->nal, error)
                       : pool_add(c, "remote", key, error);
}

bool
distmgr_requeue_remote(Component *c, const DistPoint *point, GError **error)
{
        g_autoptr(GPtrArray) servers = pkgserver_list_waiting(c->db, point->nal, error);

        for (guint i = 0; servers != NULL && i < servers->len; i++) {
                if (!distmgr_queue_remote(c, servers->pdata[i], error))
                        return false;
        }
        return servers != NULL && requeue_stray(c, point, error);
}
