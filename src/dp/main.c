/* main.c - upkeep-dp: a distribution point, which holds content and serves it. */
#include "crypto/hash.h"
#include "dp/dp_private.h"
#include "dp/dp_schema.h"
#include "dp/dpstatus.h"
#include "dp/pulldp/pulldp.h"
#include "dp/vdirs_private.h"
#include "transfer/dts.h"
#include "wire/xml.h"

/* The SMS DP Provider comes first: the others find its state. */
static const ComponentDef *const components[] = { &dpprov, &vdirs,    &dpmon, &dts,
                                                  &pulldp, &dpstatus, NULL };

static const SettingDef settings[] = {
#define SETTING_DEF(name, type, fallback, least, most, unit, when, what) \
        { name, SETTING_##type, fallback, least, most, unit, when, what },
#include "dp/settings.def"
#include "transfer/settings.def"
#undef SETTING_DEF
        { .name = NULL },
};

static const HostInit inits[] = { crypto_global_init, db_global_init, wire_global_init,
                                  net_global_init, NULL };

int
main(int argc, char **argv)
{
        const HostRole role = {
                .role = "dp",
                .components = components,
                .settings = settings,
                .inboxes = "var/lib/upkeep/dp/inboxes",
                .database = "var/lib/upkeep/dp/dp.db",
                .migrations = dp_schema,
                .migration_count = DP_SCHEMA_COUNT,
                .migrates = true,
                .status_sink = dpstatus_keep,
                .listens = { { "dp.port", "dp", "dp-access.log", .any_name = true } },
                .inits = inits,
                .allow = dpprov_allow,
        };

        return host_main(&role, argc, argv);
}
