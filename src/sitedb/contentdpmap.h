/* contentdpmap.h - which distribution point holds which content item (90-tables 5.3). A classic
 * package stands there by its package ID; of an item one version a server.
 */
#pragma once

#include "db/db.h"

/* The server holds the item at that version, and no other. */
bool contentdpmap_put(DbTx *tx, const char *server, const char *content_id, gint64 version,
                      GError **error) UK_MUST_USE;
/* The server holds the item no more. */
bool contentdpmap_remove(DbTx *tx, const char *server, const char *content_id,
                         GError **error) UK_MUST_USE;
/* The server holds nothing of the package at a version other than `version` (0: nothing at all). */
bool contentdpmap_remove_package(DbTx *tx, const char *server, const char *pkg_id, gint64 version,
                                 GError **error) UK_MUST_USE;
/* The server holds nothing any more. */
bool contentdpmap_remove_server(DbTx *tx, const char *server, GError **error) UK_MUST_USE;
