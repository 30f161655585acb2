/* siterole.h - a role with one component of the site server, its settings and its database, for
 * tests that run it in a box. One component a test program. */
#pragma once

#include "host/host.h"
#include "sitedb/schema.h"

static const SettingDef siterole_settings[] = {
#define SETTING_DEF(name, type, fallback, min, max, unit, when, what) \
        { name, SETTING_##type, fallback, min, max, unit, when, what },
#include "site/settings.def"
#undef SETTING_DEF
        { NULL },
};

/* A static const HostRole `role` whose only component is component_. */
#define SITEROLE(component_)                                                              \
        static const ComponentDef *const siterole_components[] = { &(component_), NULL }; \
        static const HostRole role = { .role = "site",                                    \
                                       .components = siterole_components,                 \
                                       .settings = siterole_settings,                     \
                                       .database = "var/lib/upkeep/site/site.db",         \
                                       .migrations = sitedb_migrations,                   \
                                       .migration_count = SITEDB_MIGRATIONS_COUNT,        \
                                       .migrates = true }
