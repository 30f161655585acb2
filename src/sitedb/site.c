/* site.c - the sites of the hierarchy. A database is bound to one site when it is installed and
 * never changes hands, because numbers of that site are in its keys.
 */
#include "sitedb/site.h"

#include <string.h>

#include "sitedb/site.sql.h"

static const DbField fields[] = {
        DB_FIELD(TEXT, Site, code, "SiteCode"),
        DB_FIELD(INT, Site, number, "SiteNumber"),
        DB_FIELD(TEXT, Site, name, "SiteName"),
        DB_FIELD(TEXT, Site, server, "ServerName"),
        DB_FIELD(TEXT, Site, parent, "ParentSiteCode"),
        DB_FIELD(INT, Site, type, "SiteType"),
        DB_FIELD(TEXT, Site, version, "SiteVersion"),
        DB_FIELD(TEXT, Site, install_dir, "InstallDir"),
        DB_FIELD(INT, Site, status, "Status"),
        DB_FIELD_END,
};

void
site_free(Site *site)
{
        if (site == NULL)
                return;
        g_free(site->code);
        g_free(site->name);
        g_free(site->server);
        g_free(site->parent);
        g_free(site->version);
        g_free(site->install_dir);
        g_free(site);
}

static bool
check(const Site *site, GError **error)
{
        const char *code = site->code;

        if (code == NULL || strlen(code) != 3 ||
            strspn(code, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789") != 3)
                return uk_fail(error, UK_ERROR_INVALID,
                               "'%s' is no site code: three letters A-Z or digits",
                               code != NULL ? code : "");
        if (site->number < 1 || site->number > 127)
                return uk_fail(error, UK_ERROR_INVALID, "a site's number is 1 to 127, not %d",
                               (int)site->number);
        return true;
}

/* The number is in the keys of the database: it cannot change with the configuration. */
static bool
check_owner(Db *db, const Site *site, GError **error)
{
        g_autoptr(Site) owner = g_new0(Site, 1);
        bool found = false;

        if (!db_one(db, &sql_site_this, DB_NO_ARGS, fields, owner, &found, error))
                return false;
        if (found && (strcmp(owner->code, site->code) != 0 || owner->number != site->number))
                return uk_fail(error, UK_ERROR_CONFIG,
                               "the database %s belongs to site %s (number %d), the configuration"
                               " names %s (number %d)",
                               db_path(db), owner->code, (int)owner->number, site->code,
                               (int)site->number);
        return true;
}

bool
site_install(DbTx *tx, const Site *site, const char *cause, GError **error)
{
        UK_DOING(error, "installing site %s", site->code);
        const DbArg *row = DB_ARGS(DB_TEXT("code", site->code), DB_INT("number", site->number),
                                   DB_TEXT("name", site->name), DB_TEXT("server", site->server),
                                   DB_TEXT("parent", site->parent), DB_INT("type", site->type),
                                   DB_TEXT("version", site->version),
                                   DB_TEXT("install_dir", site->install_dir),
                                   DB_TEXT("cause", cause), DB_TEXT("trace", db_tx_trace(tx)));

        return check(site, error) && check_owner(db_tx_db(tx), site, error) &&
               db_run(tx, &sql_site_put, row, error) &&
               db_run(tx, &sql_site_own, DB_ARGS(DB_TEXT("code", site->code)), error);
}

Site *
site_this(Db *db, GError **error)
{
        g_autoptr(Site) site = g_new0(Site, 1);
        bool found = false;

        if (!db_one(db, &sql_site_this, DB_NO_ARGS, fields, site, &found, error))
                return NULL;
        if (!found) {
                uk_fail(error, UK_ERROR_NOT_YET, "the database %s does not know its site yet",
                        db_path(db));
                return NULL;
        }
        return g_steal_pointer(&site);
}

GPtrArray *
site_list(Db *db, GError **error)
{
        return db_list(db, &sql_site_list, DB_NO_ARGS, fields, sizeof(Site),
                       (GDestroyNotify)site_free, error);
}
