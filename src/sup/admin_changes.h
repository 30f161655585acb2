/* admin_changes.h - the catalogue's changes as the stream of wire/supadmin. */
#pragma once

#include "host/component.h"
#include "sup/catalog/catalog.h"

/* The lines of the updates that a first synchronization adds, kept in an unnamed file while the run
 * has them at hand: a catalogue that was empty is not read again to send all of it. */
typedef struct AdminFresh AdminFresh;

/* db is the run's own, which sees what is not committed yet; folder is where the file lies. */
AdminFresh *admin_fresh_new(const char *folder, Db *db, GError **error) UK_MUST_USE;
/* A CatalogUpdateFn for the run. */
bool admin_fresh_add(gpointer fresh, const CatalogUpdate *update, GError **error) UK_MUST_USE;
/* The run is committed as the catalogue's change number `change`; from now on the lines are all
 * that changed since 0. */
bool admin_fresh_seal(AdminFresh *fresh, gint64 change, GError **error) UK_MUST_USE;
/* Sealed lines for another thread to read; the caller's. NULL for NULL. */
AdminFresh *admin_fresh_copy(const AdminFresh *fresh);
void admin_fresh_free(AdminFresh *fresh);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(AdminFresh, admin_fresh_free)

/* Answers with all categories and with the updates changed after `since` (0: all), written into a
 * file of the spool first, so that no database is read at the pace of a network. fresh, if it is
 * not NULL and still all there is, saves the reading. */
bool admin_changes_answer(Component *c, HttpRequest *request, gint64 since, const AdminFresh *fresh,
                          GError **error) UK_MUST_USE;
