/* dporder.h - orders of the site server: a package that is being sent to this distribution point.
 *
 * An order lives until it is replaced or its package is removed; when it is done it stays, so that
 * a commit whose answer was lost can be answered again.
 */
#pragma once

#include "base/error.h"
#include "db/db.h"

typedef struct {
        char *id;    /* GUID, lower case */
        char *state; /* "Open", "Done" */
        char *package_id;
        gint64 version;
        char *action;     /* "add", "redist" */
        char *token_hash; /* SHA-256 of the token, 64 lower-case digits */
        char *related;    /* old content items that deltas may be of, separated by commas */
} DpOrder;

void dporder_free(DpOrder *order);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(DpOrder, dporder_free)
/* Adds an open order in place of those the package has. */
bool dporder_replace(DbTx *tx, const DpOrder *order, GError **error) UK_MUST_USE;
bool dporder_set_done(DbTx *tx, const char *id, GError **error) UK_MUST_USE;
/* Drops what the package has. */
bool dporder_drop(DbTx *tx, const char *package_id, GError **error) UK_MUST_USE;
/* By ID, or the newest of a package; NOT_FOUND. The caller's. */
DpOrder *dporder_load(Db *db, const char *id, GError **error) UK_MUST_USE;
DpOrder *dporder_of_package(Db *db, const char *package_id, GError **error) UK_MUST_USE;
/* All, DpOrder; the caller's. */
GPtrArray *dporder_list(Db *db, GError **error) UK_MUST_USE;
