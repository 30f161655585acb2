/* changelog.h - what changed in the site database, read in the order of commit.
 *
 * Triggers (made by tools/sqlgen from the tables of notices) append a row in the transaction of
 * the change. Readers are registered by name; a row goes when every reader is past it.
 */
#pragma once

#include "db/db.h"

typedef struct {
        gint64 seq;
        char *notice; /* SyncNotif_WSyncMgr */
        char *table;  /* Update_SyncStatus */
        char *op;     /* INSERT, UPDATE, DELETE */
        char *value;  /* the key or value of the notice as it was (SYNC-019 nulls it at once) */
        char *origin; /* site the row came from; "" for this one */
        char *trace;  /* "" if none */
} ChangelogEntry;

void changelog_entry_free(ChangelogEntry *entry);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(ChangelogEntry, changelog_entry_free)

/* Registers a reader (nothing if it is there already); it sees what is committed from now on. */
bool changelog_register(DbTx *tx, const char *reader, GError **error) UK_MUST_USE;
/* The entries behind the reader's mark, oldest first, at most max. The caller owns the array. */
GPtrArray *changelog_read(Db *db, const char *reader, guint max, GError **error) UK_MUST_USE;
/* Moves the reader's mark to seq and removes rows that every reader has passed. */
bool changelog_advance(DbTx *tx, const char *reader, gint64 seq, GError **error) UK_MUST_USE;
