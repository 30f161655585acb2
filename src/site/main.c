/* main.c - upkeep-site: the components of a site server, its database, and nothing else. */
#include "crypto/hash.h"
#include "host/host.h"
#include "site/sitectrl/sitectrl.h"
#include "site/smsdbmon/smsdbmon.h"
#include "site/wcm/wcm.h"
#include "site/wsyncmgr/wsyncmgr.h"
#include "sitedb/schema.h"
#include "wire/xml.h"

/* The site control manager comes first: the others find the site's rows in the database. */
static const ComponentDef *const components[] = {
        &sitectrl, &smsdbmon, &wcm, &wsyncmgr, NULL,
};

static const SettingDef settings[] = {
#define SETTING_DEF(name, type, fallback, min, max, unit, when, what) \
        { name, SETTING_##type, fallback, min, max, unit, when, what },
#include "site/settings.def"
#undef SETTING_DEF
        { NULL },
};

static const HostInit inits[] = { crypto_global_init, net_global_init, wire_global_init, NULL };

static const HostRole role = {
        .role = "site",
        .components = components,
        .settings = settings,
        .database = "var/lib/upkeep/site/site.db",
        .migrations = sitedb_migrations,
        .migration_count = SITEDB_MIGRATIONS_COUNT,
        .migrates = true,
        .inits = inits,
};

int
main(int argc, char **argv)
{
        return host_main(&role, argc, argv);
}
