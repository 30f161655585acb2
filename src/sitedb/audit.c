/* audit.c - the journal of changes through the provider. */
#include "sitedb/audit.h"

#include "sitedb/audit.sql.h"

bool
audit_add(DbTx *tx, const AuditEntry *entry, GError **error)
{
        return db_run(tx, &sql_audit_add,
                      DB_ARGS(DB_TIME("time", entry->time_us), DB_TEXT("user", entry->user),
                              DB_TEXT("address", entry->address), DB_TEXT("action", entry->action),
                              DB_TEXT("class", entry->class_name), DB_TEXT("object", entry->object),
                              DB_TEXT("method", entry->method), DB_TEXT("details", entry->details),
                              DB_TEXT("result", entry->result), DB_TEXT("trace", db_tx_trace(tx))),
                      error);
}

DbRows *
audit_rows(Db *db, gint64 before, guint limit, GError **error)
{
        return db_query(
                db, &sql_audit_rows,
                DB_ARGS(DB_INT("before", before), DB_INT("limit", limit > 0 ? limit : 1000)),
                error);
}
