/* audit.h - who changed what through the provider, and how it ended. */
#pragma once

#include "db/db.h"

typedef struct {
        gint64 time_us;
        const char *user;
        const char *address; /* of the caller, "" for a local socket */
        const char *action;  /* created, modified, deleted, called */
        const char *class_name;
        const char *object; /* its key, "" for a static method */
        const char *method; /* "" unless called */
        const char *details;
        const char *result; /* "" for success, else the error's sentence */
} AuditEntry;

/* Adds an entry, with the transaction's trace. */
bool audit_add(DbTx *tx, const AuditEntry *entry, GError **error) UK_MUST_USE;
/* Entries of a page, newest first, before an AuditID (0: from the newest), at most limit (0: 1000);
 * columns AuditID, AuditTime, UserName, Address, Action, ClassName, ObjectID, Method, Details,
 * Result, Trace. The caller frees them. */
DbRows *audit_rows(Db *db, gint64 before, guint limit, GError **error) UK_MUST_USE;
