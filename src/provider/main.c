/* main.c - upkeep-provider: the administrator's interface of a site. */
#include "host/host.h"
#include "provider/provider.h"
#include "sitedb/schema.h"
#include "wire/xml.h"

#define SETTING_DEF(name, type, fallback, min, max, unit, when, what) \
        { name, SETTING_##type, fallback, min, max, unit, when, what },
static const SettingDef settings[] = {
        SETTING_DEF("provider.port", INT, "8085", 0, 65535, "", "at start",
                    "Port of the AdminService; 0: the system chooses"){ NULL },
};

static const ComponentDef *const components[] = { &provider, NULL };

static const HostInit inits[] = { db_global_init, net_global_init, wire_global_init, NULL };

static const HostRole role = {
        .role = "provider",
        .components = components,
        .settings = settings,
        .database = "var/lib/upkeep/site/site.db",
        .migrations = sitedb_migrations,
        .migration_count = SITEDB_MIGRATIONS_COUNT,
        .listens = { { "provider.port", "http", "AdminService.log" } },
        .inits = inits,
};

int
main(int argc, char **argv)
{
        return host_main(&role, argc, argv);
}
