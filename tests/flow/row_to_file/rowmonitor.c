/* rowmonitor.c - the site server of the flow row-to-file: upkeep-site with smsdbmon alone, so that
 * rowreader and no other takes what it drops.
 *
 *     upkeep-rowmonitor --root ROOT
 */
#include "host/host.h"
#include "site/smsdbmon/smsdbmon.h"
#include "sitedb/schema.h"

static const ComponentDef *const components[] = { &smsdbmon, NULL };
static const HostRole role = { .role = "site",
                               .components = components,
                               .database = "var/lib/upkeep/site/site.db",
                               .migrations = sitedb_migrations,
                               .migration_count = SITEDB_MIGRATIONS_COUNT,
                               .migrates = true };

int
main(int argc, char **argv)
{
        return host_main(&role, argc, argv);
}
