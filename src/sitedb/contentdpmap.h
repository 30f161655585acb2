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

/* A distribution point that holds a content item. */
typedef struct {
        char *server;
        char *url; /* http://DP:80, without a slash at the end */
} ContentHolder;

void contentdpmap_holder_free(ContentHolder *holder);
/* Who holds the item of a package that this site stores, but for distribution points that share the
 * site's library and those that are let alone; standard ones first, then by priority. The caller
 * owns the array. */
GPtrArray *contentdpmap_holders(Db *db, const char *content_id, GError **error) UK_MUST_USE;
