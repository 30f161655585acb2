/* main.c - upkeep-mp: the management point, which clients talk to. */
#include "crypto/hash.h"
#include "mp/mp_private.h"
#include "sitedb/schema.h"
#include "wire/xml.h"

static const SettingDef settings[] = {
#define SETTING_DEF(name, type, fallback, least, most, unit, when, what) \
        { name, SETTING_##type, fallback, least, most, unit, when, what },
#include "mp/settings.def"
#undef SETTING_DEF
        { .name = NULL },
};

/* The endpoints' components stand before the one that hands messages to them. */
static const ComponentDef *const components[] = {
        &mp_location, &mp_policy, &mp_get_policy, &mp_register,
        &mp_relay,    &mp_status, &mp_framework,  NULL,
};

static const HostInit inits[] = { crypto_global_init, db_global_init, wire_global_init,
                                  net_global_init, NULL };

int
main(int argc, char **argv)
{
        const HostRole role = {
                .role = "mp",
                .components = components,
                .settings = settings,
                .database = "var/lib/upkeep/site/site.db",
                .migrations = sitedb_migrations,
                .migration_count = SITEDB_MIGRATIONS_COUNT,
                .listens = { { "mp.port", "mp", "mp-access.log" } },
                .inits = inits,
        };

        return host_main(&role, argc, argv);
}
