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

/* Opens (makes, migrates) the database at path; keeps about max_events events. */
ClientStore *clientstore_open(const char *path, gint64 max_events, GError **error) UK_MUST_USE;
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
