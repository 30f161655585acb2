/* sitesystem.c - the roles that servers have in a site. */
#include "sitedb/sitesystem.h"

#include <string.h>

#include "base/nalpath.h"
#include "sitedb/sitesystem.sql.h"

static const DbField fields[] = {
        DB_FIELD(TEXT, SiteSystem, site, "SiteCode"),
        DB_FIELD(INT, SiteSystem, role, "RoleTypeID"),
        DB_FIELD(TEXT, SiteSystem, server, "ServerName"),
        DB_FIELD(TEXT, SiteSystem, nal_path, "NALPath"),
        DB_FIELD(INT, SiteSystem, install_order, "InstallOrder"),
        DB_FIELD(INT, SiteSystem, is_default, "IsDefault"),
        DB_FIELD(TEXT, SiteSystem, scheme, "Scheme"),
        DB_FIELD(INT, SiteSystem, port, "Port"),
        DB_FIELD(TEXT, SiteSystem, admin_url, "AdminURL"),
        DB_FIELD(INT, SiteSystem, intranet, "AcceptsIntranet"),
        DB_FIELD(INT, SiteSystem, internet, "AcceptsInternet"),
        DB_FIELD(TEXT, SiteSystem, forest, "Forest"),
        DB_FIELD_END,
};

void
sitesystem_free(SiteSystem *system)
{
        if (system == NULL)
                return;
        g_free(system->site);
        g_free(system->server);
        g_free(system->nal_path);
        g_free(system->scheme);
        g_free(system->admin_url);
        g_free(system->forest);
        g_free(system);
}

static bool
is_host_name(const char *name)
{
        gsize length = name != NULL ? strlen(name) : 0;

        return length > 0 && length < 256 &&
               strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._") ==
                       length;
}

static bool
check_name(const char *name, GError **error)
{
        return is_host_name(name) || uk_fail(error, UK_ERROR_INVALID, "'%s' is no name of a server",
                                             name != NULL ? name : "");
}

static bool
check(const SiteSystem *system, GError **error)
{
        if (!check_name(system->server, error))
                return false;
        if (g_strcmp0(system->scheme, "http") != 0 && g_strcmp0(system->scheme, "https") != 0)
                return uk_fail(error, UK_ERROR_INVALID, "%s: the scheme is http or https",
                               system->server);
        if (system->port < 1 || system->port > 65535)
                return uk_fail(error, UK_ERROR_INVALID, "%s: %d is no port", system->server,
                               (int)system->port);
        return true;
}

bool
sitesystem_put(DbTx *tx, const SiteSystem *system, const char *cause, bool *changed_out,
               GError **error)
{
        UK_DOING(error, "giving a server a role in site %s", system->site);
        gint64 changed = 0;

        if (!check(system, error))
                return false;
        g_autofree char *nal_path = nalpath_make(system->server, system->site);
        if (!db_run_counted(tx, &sql_sitesystem_put,
                            DB_ARGS(DB_TEXT("site", system->site), DB_INT("role", system->role),
                                    DB_TEXT("server", system->server),
                                    DB_TEXT("nal_path", nal_path),
                                    DB_TEXT("scheme", system->scheme), DB_INT("port", system->port),
                                    DB_TEXT("admin_url",
                                            system->admin_url != NULL ? system->admin_url : ""),
                                    DB_INT("intranet", system->intranet),
                                    DB_INT("internet", system->internet),
                                    DB_TEXT("forest", system->forest != NULL ? system->forest : ""),
                                    DB_TEXT("cause", cause), DB_TEXT("trace", db_tx_trace(tx))),
                            &changed, error))
                return false;
        if (changed_out != NULL)
                *changed_out = changed > 0;
        return true;
}

bool
sitesystem_rename(DbTx *tx, const char *site, SiteSystemRole role, const char *before,
                  const char *server, const char *cause, GError **error)
{
        g_autofree char *nal_path = nalpath_make(server, site);

        return check_name(server, error) &&
               db_run(tx, &sql_sitesystem_rename,
                      DB_ARGS(DB_TEXT("server", server), DB_TEXT("nal_path", nal_path),
                              DB_TEXT("cause", cause), DB_TEXT("trace", db_tx_trace(tx)),
                              DB_TEXT("site", site), DB_INT("role", role),
                              DB_TEXT("before", before)),
                      error);
}

static bool
fail_unknown(const char *site, SiteSystemRole role, const char *server, GError **error)
{
        return uk_fail(error, UK_ERROR_NOT_FOUND, "%s has not role %d in site %s", server,
                       (int)role, site);
}

bool
sitesystem_remove(DbTx *tx, const char *site, SiteSystemRole role, const char *server,
                  GError **error)
{
        gint64 changed = 0;

        if (!db_run_counted(
                    tx, &sql_sitesystem_remove,
                    DB_ARGS(DB_TEXT("site", site), DB_INT("role", role), DB_TEXT("server", server)),
                    &changed, error))
                return false;
        return changed > 0 || fail_unknown(site, role, server, error);
}

bool
sitesystem_set_default(DbTx *tx, const char *site, SiteSystemRole role, const char *server,
                       const char *cause, GError **error)
{
        gint64 known = 0;

        if (!db_int(db_tx_db(tx), &sql_sitesystem_known,
                    DB_ARGS(DB_TEXT("site", site), DB_INT("role", role), DB_TEXT("server", server)),
                    &known, NULL, error))
                return false;
        if (known == 0)
                return fail_unknown(site, role, server, error);
        return db_run(tx, &sql_sitesystem_set_default,
                      DB_ARGS(DB_TEXT("server", server), DB_TEXT("cause", cause),
                              DB_TEXT("trace", db_tx_trace(tx)), DB_TEXT("site", site),
                              DB_INT("role", role)),
                      error);
}

GPtrArray *
sitesystem_list(Db *db, const char *site, SiteSystemRole role, GError **error)
{
        return db_list(db, &sql_sitesystem_list,
                       DB_ARGS(DB_TEXT("site", site), DB_INT("role", role)), fields,
                       sizeof(SiteSystem), (GDestroyNotify)sitesystem_free, error);
}

char *
sitesystem_url(const SiteSystem *system)
{
        return g_strdup_printf("%s://%s:%d", system->scheme, system->server, (int)system->port);
}
