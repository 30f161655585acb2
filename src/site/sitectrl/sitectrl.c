/* sitectrl.c - Site Control Manager: sees to it that the site database says what site.conf says.
 *
 * The site, its update source and its software update point become rows before any other component
 * starts; a change of the settings is taken up at the next start and within the hour, the name of
 * the update point at the next start only. It makes nothing up: without sup.url the site has no
 * update point, which WSyncMgr says when asked.
 */
#include "site/sitectrl/sitectrl.h"

#include <string.h>

#include "base/log.h"
#include "host/host.h"
#include "sitedb/site.h"
#include "sitedb/sitesystem.h"
#include "sitedb/syncstatus.h"
#include "sitedb/updatesource.h"

#define CAUSE       "site configuration"
#define SITE_NUMBER 1 /* of a standalone site */

static bool
put_site(Component *c, DbTx *tx, GError **error)
{
        g_autofree char *name = settings_text(host_settings(c->host), "site.name");
        Site site = { .code = (char *)host_site_code(c->host),
                      .number = SITE_NUMBER,
                      .name = name,
                      .server = (char *)host_machine(c->host),
                      .parent = (char *)"",
                      .type = SITE_PRIMARY,
                      .version = (char *)UPKEEP_VERSION,
                      .install_dir = (char *)host_state_dir(c->host),
                      .status = 1 };

        return site_install(tx, &site, CAUSE, error) &&
               updatesource_ensure(tx, "Software updates", CAUSE, error);
}

/* Scheme and port of "http://host:8530"; the host is the caller's. */
static bool
split_url(const char *setting, const char *url, SiteSystem *sup, char **host_out, GError **error)
{
        g_autoptr(GUri) uri = g_uri_parse(url, G_URI_FLAGS_NONE, NULL);

        if (uri == NULL || g_uri_get_host(uri) == NULL || g_uri_get_port(uri) <= 0 ||
            (!g_str_equal(g_uri_get_scheme(uri), "http") &&
             !g_str_equal(g_uri_get_scheme(uri), "https")))
                return uk_fail(error, UK_ERROR_CONFIG,
                               "%s is '%s'; it must have the form http://host:port or "
                               "https://host:port",
                               setting, url);
        sup->scheme = (char *)(g_str_equal(g_uri_get_scheme(uri), "https") ? "https" : "http");
        sup->port = g_uri_get_port(uri);
        *host_out = g_strdup(g_uri_get_host(uri));
        return true;
}

/* The site's one update point has another name in the settings. It takes that at a start only: a
 * synchronization that goes on ends in the row that it began in. *kept_out: the name till then, the
 * caller's. */
static bool
rename_sup(DbTx *tx, const SiteSystem *sup, bool starting, char **kept_out, GError **error)
{
        g_autoptr(GPtrArray) known =
                sitesystem_list(db_tx_db(tx), sup->site, SITESYSTEM_SUP, error);

        if (known == NULL)
                return false;
        const SiteSystem *one = known->len == 1 ? known->pdata[0] : NULL;
        if (one == NULL || strcmp(one->server, sup->server) == 0)
                return true;
        uk_log("The software update point %s is called %s%s", one->server, sup->server,
               starting ? " from now on" : " in the settings, and here from the next start on");
        if (!starting) {
                *kept_out = g_strdup(one->server);
                return true;
        }
        return sitesystem_rename(tx, sup->site, SITESYSTEM_SUP, one->server, sup->server, CAUSE,
                                 error) &&
               syncstatus_rename(tx, sup->site, one->server, sup->server, CAUSE, error);
}

/* The software update point, as clients and as the site server reach it. */
static bool
put_sup(Component *c, DbTx *tx, bool starting, GError **error)
{
        g_autofree char *admin = settings_text(host_settings(c->host), "sup.url");
        g_autofree char *client = settings_text(host_settings(c->host), "sup.client_url");
        g_autofree char *server = settings_text(host_settings(c->host), "sup.server");
        SiteSystem sup = { .site = (char *)host_site_code(c->host),
                           .role = SITESYSTEM_SUP,
                           .admin_url = admin,
                           .intranet = 1,
                           .forest = (char *)"" };
        g_autofree char *host = NULL;
        g_autofree char *kept = NULL;
        g_autoptr(UpdateSource) source = NULL;

        if (admin[0] == '\0')
                return true;
        if (!split_url("sup.client_url", client[0] != '\0' ? client : admin, &sup, &host, error))
                return false;
        if (server[0] != '\0')
                sup.server = server;
        else
                sup.server = client[0] != '\0' ? host : (char *)host_machine(c->host);
        if (!rename_sup(tx, &sup, starting, &kept, error))
                return false;
        if (kept != NULL)
                sup.server = kept;
        source = updatesource_load(db_tx_db(tx), error);
        return source != NULL && sitesystem_put(tx, &sup, CAUSE, NULL, error) &&
               syncstatus_ensure(tx, sup.site, sup.server, source->unique_id, CAUSE, error);
}

static bool
write_all(Component *c, bool starting, GError **error)
{
        UK_DOING(error, "writing the configuration of site %s", host_site_code(c->host));
        g_autoptr(DbTx) tx = db_begin(c->db, error);

        return tx != NULL && put_site(c, tx, error) && put_sup(c, tx, starting, error) &&
               db_commit(g_steal_pointer(&tx), error);
}

static bool
on_start(Component *c, GError **error)
{
        return write_all(c, true, error);
}

static bool
bring_up_to_date(Component *c, GError **error)
{
        return write_all(c, false, error);
}

const ComponentDef sitectrl = {
        .name = "SMS_SITE_CONTROL_MANAGER",
        .log = "sitectrl.log",
        .log_form = UK_LOG_SERVER,
        .what = "Brings the site's configuration into the site database.",
        .timers = { { "configuration", "configuration", bring_up_to_date, false } },
        .tick = { "sitectrl.minutes", bring_up_to_date },
        .start = on_start,
};
