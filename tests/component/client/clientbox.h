/* clientbox.h - components of the client in a box: a role of some of them, stepped by the test,
 * with the client's database beside it. Others that would answer take their letters and say
 * nothing. */
#pragma once

#include "client/client.h"
#include "client/client_schema.h"
#include "host/host.h"
#include "unit/host/kit.h"
#include "unit/must.h"

#define CLIENTBOX_ROLE(components_)                                                         \
        {                                                                                   \
                .role = "client", .components = (components_), .settings = client_settings, \
                .inboxes = "var/lib/upkeep/client/inboxes",                                 \
                .database = "var/lib/upkeep/client/client.db", .migrations = client_schema, \
                .migration_count = CLIENT_SCHEMA_COUNT, .migrates = true,                   \
        }

typedef struct {
        char *root, *job;
        Host *host;
        Db *db;
} Box;

static inline bool
clientbox_take(Component *c, const InboxFile *file, GError **error)
{
        return true;
}

static inline void
clientbox_open(Box *box, const HostRole *role)
{
        *box = (Box){ .root = kit_root() };
        box->host = kit_host(role, box->root);
        g_autofree char *path = g_build_filename(box->root, role->database, NULL);
        MUST((box->db = db_open(path, false, 1000, &failure)) != NULL);
}

static inline void
clientbox_close(Box *box)
{
        db_close(box->db);
        host_free(box->host);
        kit_end(box->root);
        g_free(box->job);
}
