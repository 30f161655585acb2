/* client.c - what the client is made of: one row per component, in the order of their starts. */
#include "client/client.h"

#include "client/ccmexec/ccmexec.h"
#include "client/ccmmessaging/ccmmessaging.h"
#include "client/client_schema.h"
#include "client/clientid/clientid.h"
#include "client/locationservices/locationservices.h"
#include "client/policyagent/policyagent.h"
#include "client/policyevaluator/policyevaluator.h"
#include "client/scanagent/scanagent.h"
#include "client/statemessage/statemessage.h"
#include "client/updatesstore/updatesstore.h"
#include "client/wuagent/wuagent.h"
#include "client/wuahandler/wuahandler.h"
#include "crypto/hash.h"
#include "net/http_server.h"
#include "wire/xml.h"

const SettingDef client_settings[] = {
#define SETTING_DEF(name, type, fallback, min, max, unit, when, what) \
        { name, SETTING_##type, fallback, min, max, unit, when, what },
#include "client/settings.def"
#undef SETTING_DEF
        { .name = NULL },
};

static const ComponentDef *const components[] = {
        &clientid,   &ccmmessaging, &policyagent, &policyevaluator, &locationservices, &wuagent,
        &wuahandler, &updatesstore, &scanagent,   &statemessage,    &ccmexec,          NULL,
};

static const HostInit inits[] = { crypto_global_init, db_global_init, net_global_init,
                                  wire_global_init, NULL };

const HostRole client_role = {
        .role = "client",
        .components = components,
        .settings = client_settings,
        .inboxes = "var/lib/upkeep/client/inboxes",
        .database = "var/lib/upkeep/client/client.db",
        .migrations = client_schema,
        .migration_count = CLIENT_SCHEMA_COUNT,
        .migrates = true,
        .inits = inits,
};
