/* main.c - upkeep-provider: the administrator's interface of a site. */
#include "host/host.h"
#include "provider/caller.h"
#include "provider/provider.h"
#include "sitedb/schema.h"
#include "wire/xml.h"

static const SettingDef settings[] = {
#define SETTING_DEF(name, type, fallback, least, most, unit, when, what) \
        { name, SETTING_##type, fallback, least, most, unit, when, what },
#include "provider/settings.def"
#undef SETTING_DEF
        { .name = NULL },
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
        /* It serves its own machine only: nobody reads along there, and a certificate for other
         * machines has no name by which it is asked here. */
        .listens = { { "provider.port", "http", "AdminService.log", .plain = true } },
        .inits = inits,
        .allow = caller_allow,
};

int
main(int argc, char **argv)
{
        return host_main(&role, argc, argv);
}
