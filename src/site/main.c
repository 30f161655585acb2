/* main.c - upkeep-site: the components of a site server, its database, and nothing else. */
#include "crypto/hash.h"
#include "host/host.h"
#include "site/contentlibrary/contentlibrary.h"
#include "site/distmgr/distmgr.h"
#include "site/pkgxfermgr/pkgxfermgr.h"
#include "site/policypv/policypv.h"
#include "site/sitectrl/sitectrl.h"
#include "site/smsdbmon/smsdbmon.h"
#include "site/statesys/statesys.h"
#include "site/statmgr/statmgr.h"
#include "site/wcm/wcm.h"
#include "site/wsyncmgr/wsyncmgr.h"
#include "sitedb/clienttrigger.h"
#include "sitedb/package.h"
#include "sitedb/schema.h"
#include "sitedb/statusmessage.h"
#include "sitedb/updatesource.h"
#include "wire/xml.h"

/* The site control manager comes first: the others find the site's rows in the database. */
static const ComponentDef *const components[] = {
        &sitectrl, &smsdbmon,       &wcm,     &wsyncmgr,   &policypv, &statesys,
        &statmgr,  &contentlibrary, &distmgr, &pkgxfermgr, NULL,
};

static const SettingDef settings[] = {
#define SETTING_DEF(name, type, fallback, min, max, unit, when, what) \
        { name, SETTING_##type, fallback, min, max, unit, when, what },
#include "site/settings.def"
#undef SETTING_DEF
        { NULL },
};

static const HostInit inits[] = { crypto_global_init, db_global_init, net_global_init,
                                  wire_global_init, NULL };

/* A status message becomes a row of the site database. */
static bool
store_status(DbTx *tx, const StatusMsg *msg, GError **error)
{
        g_autofree char *text = statusmsg_text(msg->id, msg->strings);
        StatusMessage row = { .id = msg->id,
                              .severity = msg->severity,
                              .component = msg->component,
                              .machine = msg->machine,
                              .site = msg->site,
                              .time_us = msg->time_us,
                              .pid = msg->pid,
                              .tid = msg->tid,
                              .attribute_count = msg->attribute_count,
                              .text = text,
                              .trace = msg->trace };

        for (int i = 0; i < STATUSMESSAGE_STRINGS; i++)
                row.strings[i] = msg->strings[i];
        for (int i = 0; i < msg->attribute_count; i++) {
                row.attribute_ids[i] = msg->attribute_ids[i];
                row.attribute_values[i] = msg->attribute_values[i];
        }
        return statusmessage_add(tx, &row, error);
}

/* Machines may have scanned for versions, and taken wishes, and distribution points have packages
 * and versions of them, that the restored database does not know yet and would give out again, with
 * other content. */
static bool
on_restored(Db *db, GError **error)
{
        g_autoptr(DbTx) tx = db_begin(db, error);

        return tx != NULL && updatesource_leap(tx, error) && package_leap(tx, error) &&
               clienttrigger_leap(tx, error) && db_commit(g_steal_pointer(&tx), error);
}

static const char *const remade[] = { "wsyncmgr.changes", NULL };

static const HostRole role = {
        .role = "site",
        .components = components,
        .settings = settings,
        .database = "var/lib/upkeep/site/site.db",
        .migrations = sitedb_migrations,
        .migration_count = SITEDB_MIGRATIONS_COUNT,
        .migrates = true,
        .status_sink = store_status,
        .remade = remade,
        .restored = on_restored,
        .inits = inits,
};

int
main(int argc, char **argv)
{
        return host_main(&role, argc, argv);
}
