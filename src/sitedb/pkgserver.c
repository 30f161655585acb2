/* pkgserver.c - rows that give a package to a distribution point, and what is pending there. */
#include "sitedb/pkgserver.h"

#include "base/clock.h"
#include "base/nalpath.h"
#include "sitedb/package.h"
#include "sitedb/pkgnotification.h"
#include "sitedb/pkgserver.sql.h"

static const DbField fields[] = {
        DB_FIELD(TEXT, PkgServer, pkg_id, "PkgID"),
        DB_FIELD(TEXT, PkgServer, nal, "NALPath"),
        DB_FIELD(TEXT, PkgServer, site, "SiteCode"),
        DB_FIELD(TEXT, PkgServer, source_site, "SourceSite"),
        DB_FIELD(TIME, PkgServer, refresh_us, "LastRefresh"),
        DB_FIELD(INT, PkgServer, refresh_trigger, "RefreshTrigger"),
        DB_FIELD(INT, PkgServer, update_mask, "UpdateMask"),
        DB_FIELD(INT, PkgServer, action, "Action"),
        DB_FIELD(TEXT, PkgServer, cause, "Cause"),
        DB_FIELD(TEXT, PkgServer, trace, "Trace"),
        DB_FIELD_END,
};

void
pkgserver_free(PkgServer *server)
{
        if (server == NULL)
                return;
        g_free(server->pkg_id);
        g_free(server->nal);
        g_free(server->site);
        g_free(server->source_site);
        g_free(server->cause);
        g_free(server->trace);
        g_free(server);
}

#define KEY_ARGS(pkg_id_, nal_, site_) \
        DB_TEXT("pkg_id", pkg_id_), DB_TEXT("nal", nal_), DB_TEXT("site", site_)

/* A row's name for people. */
static char *
label(const char *nal)
{
        g_autofree char *server = NULL;

        return nalpath_parse(nal, &server, NULL, NULL) ? g_steal_pointer(&server) : g_strdup(nal);
}

static bool
fail_unknown(const char *pkg_id, const char *nal, GError **error)
{
        g_autofree char *server = label(nal);

        return uk_fail(error, UK_ERROR_NOT_FOUND,
                       "package %s has not been given to distribution point %s; `upkeep package "
                       "distribute` does that",
                       pkg_id, server);
}

PkgServer *
pkgserver_load(Db *db, const char *pkg_id, const char *nal, const char *site, GError **error)
{
        g_autoptr(PkgServer) server = g_new0(PkgServer, 1);
        bool found = false;

        if (!db_one(db, &sql_pkgserver_load, DB_ARGS(KEY_ARGS(pkg_id, nal, site)), fields, server,
                    &found, error))
                return NULL;
        if (!found) {
                fail_unknown(pkg_id, nal, error);
                return NULL;
        }
        return g_steal_pointer(&server);
}

/* The row that the insertion has made, or the news that the site is not known. */
static bool
insert(DbTx *tx, const char *pkg_id, const char *nal, const char *site, const char *source_site,
       const char *cause, GError **error)
{
        if (!db_run(tx, &sql_pkgserver_insert,
                    DB_ARGS(KEY_ARGS(pkg_id, nal, site), DB_TEXT("source_site", source_site),
                            DB_TEXT("cause", cause), DB_TEXT("trace", db_tx_trace(tx))),
                    error))
                return false;
        g_autoptr(PkgServer) made = pkgserver_load(db_tx_db(tx), pkg_id, nal, site, NULL);
        return made != NULL || uk_fail(error, UK_ERROR_NOT_FOUND, "there is no site %s", site);
}

bool
pkgserver_add(DbTx *tx, const char *pkg_id, const char *nal, const char *site,
              const char *source_site, const char *cause, bool *changed_out, GError **error)
{
        UK_DOING(error, "adding a distribution point to package %s", pkg_id);
        g_autoptr(Package) package = package_load(db_tx_db(tx), pkg_id, error);
        g_autoptr(PkgServer) present = pkgserver_load(db_tx_db(tx), pkg_id, nal, site, NULL);
        gint64 changed = 1;

        if (package == NULL)
                return false;
        if (present == NULL) {
                if (!insert(tx, pkg_id, nal, site, source_site, cause, error))
                        return false;
        } else if (!db_run_counted(tx, &sql_pkgserver_add_again,
                                   DB_ARGS(KEY_ARGS(pkg_id, nal, site), DB_TEXT("cause", cause),
                                           DB_TEXT("trace", db_tx_trace(tx))),
                                   &changed, error)) {
                return false;
        }
        if (changed_out != NULL)
                *changed_out = changed > 0;
        return changed == 0 || pkgnotification_add(tx, pkg_id, PKGNOTIFICATION_SERVER, error);
}

/* Marks one row, and tells Distribution Manager (type 4). */
static bool
mark(DbTx *tx, const DbSql *sql, const char *pkg_id, const char *nal, const char *site,
     const char *cause, GError **error)
{
        gint64 changed = 0;

        if (!db_run_counted(tx, sql,
                            DB_ARGS(KEY_ARGS(pkg_id, nal, site), DB_TEXT("cause", cause),
                                    DB_TEXT("trace", db_tx_trace(tx))),
                            &changed, error))
                return false;
        return (changed > 0 || fail_unknown(pkg_id, nal, error)) &&
               pkgnotification_add(tx, pkg_id, PKGNOTIFICATION_SERVER, error);
}

bool
pkgserver_redistribute(DbTx *tx, const char *pkg_id, const char *nal, const char *site,
                       const char *cause, GError **error)
{
        return mark(tx, &sql_pkgserver_redistribute, pkg_id, nal, site, cause, error);
}

bool
pkgserver_remove(DbTx *tx, const char *pkg_id, const char *nal, const char *site, const char *cause,
                 GError **error)
{
        return mark(tx, &sql_pkgserver_remove, pkg_id, nal, site, cause, error);
}

bool
pkgserver_validate(DbTx *tx, const char *pkg_id, const char *nal, const char *site,
                   const char *cause, GError **error)
{
        return mark(tx, &sql_pkgserver_validate, pkg_id, nal, site, cause, error);
}

bool
pkgserver_mark_update(DbTx *tx, const char *pkg_id, const char *site, const char *cause,
                      GError **error)
{
        return db_run(tx, &sql_pkgserver_mark_update,
                      DB_ARGS(DB_TEXT("pkg_id", pkg_id), DB_TEXT("site", site),
                              DB_TEXT("cause", cause), DB_TEXT("trace", db_tx_trace(tx))),
                      error);
}

bool
pkgserver_mark_remove(DbTx *tx, const char *pkg_id, const char *cause, GError **error)
{
        return db_run(tx, &sql_pkgserver_mark_remove,
                      DB_ARGS(DB_TEXT("pkg_id", pkg_id), DB_TEXT("cause", cause),
                              DB_TEXT("trace", db_tx_trace(tx))),
                      error);
}

GPtrArray *
pkgserver_list(Db *db, const char *pkg_id, const char *site, bool pending, GError **error)
{
        return db_list(db, &sql_pkgserver_list,
                       DB_ARGS(DB_TEXT("pkg_id", pkg_id), DB_TEXT("site", site),
                               DB_INT("least", pending ? 1 : 0)),
                       fields, sizeof(PkgServer), (GDestroyNotify)pkgserver_free, error);
}

GPtrArray *
pkgserver_list_of(Db *db, const char *nal, GError **error)
{
        return db_list(db, &sql_pkgserver_list_of, DB_ARGS(DB_TEXT("nal", nal)), fields,
                       sizeof(PkgServer), (GDestroyNotify)pkgserver_free, error);
}

GPtrArray *
pkgserver_list_waiting(Db *db, const char *nal, GError **error)
{
        return db_list(db, &sql_pkgserver_list_waiting, DB_ARGS(DB_TEXT("nal", nal)), fields,
                       sizeof(PkgServer), (GDestroyNotify)pkgserver_free, error);
}

static const DbField held_fields[] = {
        DB_FIELD(TEXT, PkgHeld, pkg_id, "PkgID"),
        DB_FIELD(INT, PkgHeld, version, "Version"),
        DB_FIELD_END,
};

void
pkgserver_held_free(PkgHeld *held)
{
        if (held == NULL)
                return;
        g_free(held->pkg_id);
        g_free(held);
}

GPtrArray *
pkgserver_list_held(Db *db, const char *nal, gint64 before_us, GError **error)
{
        return db_list(db, &sql_pkgserver_list_held,
                       DB_ARGS(DB_TEXT("nal", nal), DB_TIME("before", before_us)), held_fields,
                       sizeof(PkgHeld), (GDestroyNotify)pkgserver_held_free, error);
}

bool
pkgserver_reset_action(DbTx *tx, const PkgServer *server, GError **error)
{
        return db_run(tx, &sql_pkgserver_reset_action,
                      DB_ARGS(DB_TIME("now", uk_clock_now()),
                              KEY_ARGS(server->pkg_id, server->nal, server->site),
                              DB_INT("action", server->action),
                              DB_INT("trigger", server->refresh_trigger)),
                      error);
}

bool
pkgserver_pending(DbTx *tx, const PkgServer *server, gint64 *action_out, GError **error)
{
        g_autoptr(GError) why = NULL;
        g_autoptr(PkgServer) now =
                pkgserver_load(db_tx_db(tx), server->pkg_id, server->nal, server->site, &why);

        *action_out = now != NULL ? now->action : server->action;
        if (now != NULL || g_error_matches(why, UK_ERROR, UK_ERROR_NOT_FOUND))
                return true;
        g_propagate_error(error, g_steal_pointer(&why));
        return false;
}

bool
pkgserver_is_overtaken(DbTx *tx, const PkgServer *server, bool *overtaken_out, GError **error)
{
        g_autoptr(GError) why = NULL;
        g_autoptr(PkgServer) now =
                pkgserver_load(db_tx_db(tx), server->pkg_id, server->nal, server->site, &why);

        *overtaken_out = now == NULL || now->action != server->action ||
                         now->refresh_us != server->refresh_us;
        if (now != NULL || g_error_matches(why, UK_ERROR, UK_ERROR_NOT_FOUND))
                return true;
        g_propagate_error(error, g_steal_pointer(&why));
        return false;
}

bool
pkgserver_delete_removed(DbTx *tx, const PkgServer *server, GError **error)
{
        return db_run(tx, &sql_pkgserver_delete_removed,
                      DB_ARGS(KEY_ARGS(server->pkg_id, server->nal, server->site)), error);
}
