/* main.c - upkeep-site: the components of a site server, its database, and nothing else. */
#include "host/host.h"
#include "site/smsdbmon/smsdbmon.h"
#include "sitedb/schema.h"

static const ComponentDef *const components[] = {
        &smsdbmon,
        NULL,
};

static const HostRole role = {
        .role = "site",
        .components = components,
        .database = "var/lib/upkeep/site/site.db",
        .migrations = sitedb_migrations,
        .migration_count = SITEDB_MIGRATIONS_COUNT,
        .migrates = true,
};

int
main(int argc, char **argv)
{
        return host_main(&role, argc, argv);
}
