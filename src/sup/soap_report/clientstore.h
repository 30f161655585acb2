/* clientstore.h - the update point's database of machines and of the events they report.
 *
 *   SimpleAuth, RegisterComputer, ReportEventBatch --> clients.db
 *
 * A file of its own beside the catalogue; one connection, used by all threads in turn.
 */
#pragma once

#include "db/db.h"
#include "wire/wsusclient.h"

typedef struct ClientStore ClientStore;

/* What is kept, about: anybody may register machines and report for them. */
typedef struct {
        gint64 machines; /* those that registered longest ago go first; they register again */
        gint64 events;   /* the oldest go first */
} ClientStoreBounds;

/* Opens (makes, migrates) the database at path. */
ClientStore *
clientstore_open(const char *path, ClientStoreBounds bounds, GError **error) UK_MUST_USE;
void clientstore_close(ClientStore *store);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(ClientStore, clientstore_close)

/* A machine asked to be let in; known ones get the new name and wishes. Durable. */
bool clientstore_seen(ClientStore *store, const char *client_id, const char *dns_name,
                      const char *groups, GError **error) UK_MUST_USE;
/* Stores what it says of itself (RegisterComputer); durable. */
bool clientstore_register(ClientStore *store, const char *client_id, const WsusComputer *computer,
                          GError **error) UK_MUST_USE;
bool clientstore_is_registered(ClientStore *store, const char *client_id, bool *registered_out,
                               GError **error) UK_MUST_USE;
/* Stores the events of a batch that are new, all of them or none; durable. *added_out may be NULL.
 */
bool clientstore_add_events(ClientStore *store, const WsusEventBatch *batch, guint *added_out,
                            GError **error) UK_MUST_USE;
