/* policyrow.c - the stored policies, row by row. */
#include "client/policyagent/policyrow.h"

#include "base/clock.h"
#include "client/policyrow.sql.h"

static const DbField fields[] = {
        DB_FIELD(TEXT, PolicyRow, id, "PolicyID"),
        DB_FIELD(TEXT, PolicyRow, version, "PolicyVersion"),
        DB_FIELD(TEXT, PolicyRow, source, "PolicySource"),
        DB_FIELD(TEXT, PolicyRow, category, "PolicyCategory"),
        DB_FIELD(TEXT, PolicyRow, state, "PolicyState"),
        DB_FIELD(TEXT, PolicyRow, assignment_id, "AssignmentID"),
        DB_FIELD(TEXT, PolicyRow, hash, "PolicyHash"),
        DB_FIELD(TEXT, PolicyRow, location, "PolicyLocation"),
        DB_FIELD(BYTES, PolicyRow, body, "Body"),
        DB_FIELD(TEXT, PolicyRow, cause, "Cause"),
        DB_FIELD(TEXT, PolicyRow, trace, "Trace"),
        DB_FIELD_END,
};

void
policyrow_free(PolicyRow *row)
{
        if (row == NULL)
                return;
        g_free(row->id);
        g_free(row->version);
        g_free(row->source);
        g_free(row->category);
        g_free(row->state);
        g_free(row->assignment_id);
        g_free(row->hash);
        g_free(row->location);
        g_clear_pointer(&row->body, g_bytes_unref);
        g_free(row->cause);
        g_free(row->trace);
        g_free(row);
}

static PolicyRow *
load(Db *db, const DbSql *sql, const DbArg *args, GError **error)
{
        g_autoptr(PolicyRow) row = g_new0(PolicyRow, 1);
        bool found = false;

        if (!db_one(db, sql, args, fields, row, &found, error) || !found)
                return NULL;
        return g_steal_pointer(&row);
}

PolicyRow *
policyrow_load(Db *db, const char *id, const char *version, GError **error)
{
        return load(db, &sql_policyrow_load,
                    DB_ARGS(DB_TEXT("id", id), DB_TEXT("version", version)), error);
}

PolicyRow *
policyrow_first(Db *db, const char *state, GError **error)
{
        return load(db, &sql_policyrow_first, DB_ARGS(DB_TEXT("state", state)), error);
}

bool
policyrow_put(DbTx *tx, const PolicyRow *row, GError **error)
{
        return db_run(tx, &sql_policyrow_put,
                      DB_ARGS(DB_TEXT("id", row->id), DB_TEXT("version", row->version),
                              DB_TEXT("source", row->source), DB_TEXT("category", row->category),
                              DB_TEXT("state", row->state),
                              DB_TEXT("assignment_id", row->assignment_id),
                              DB_TEXT("hash", row->hash), DB_TEXT("location", row->location),
                              DB_TIME("now", uk_clock_now()), DB_TEXT("cause", row->cause),
                              DB_TEXT("trace", row->trace)),
                      error);
}

bool
policyrow_set_body(DbTx *tx, const char *id, const char *version, GBytes *body, GError **error)
{
        gsize size;
        const void *data = g_bytes_get_data(body, &size);

        return db_run(tx, &sql_policyrow_set_body,
                      DB_ARGS(DB_BYTES("body", data, size), DB_TIME("now", uk_clock_now()),
                              DB_TEXT("id", id), DB_TEXT("version", version)),
                      error);
}

bool
policyrow_set_state(DbTx *tx, const char *id, const char *version, const char *state,
                    GError **error)
{
        return db_run(tx, &sql_policyrow_set_state,
                      DB_ARGS(DB_TEXT("state", state), DB_TIME("now", uk_clock_now()),
                              DB_TEXT("id", id), DB_TEXT("version", version)),
                      error);
}

bool
policyrow_revoke(DbTx *tx, const char *id, bool *changed_out, GError **error)
{
        gint64 changed = 0;

        if (!db_run_counted(tx, &sql_policyrow_revoke,
                            DB_ARGS(DB_TIME("now", uk_clock_now()), DB_TEXT("id", id)), &changed,
                            error))
                return false;
        *changed_out = changed > 0;
        return true;
}

bool
policyrow_remove(DbTx *tx, const char *id, const char *version, GError **error)
{
        return db_run(tx, &sql_policyrow_remove,
                      DB_ARGS(DB_TEXT("id", id), DB_TEXT("version", version)), error);
}

bool
policyrow_remove_pending(DbTx *tx, const char *id, const char *version, GError **error)
{
        return db_run(tx, &sql_policyrow_remove_pending,
                      DB_ARGS(DB_TEXT("id", id), DB_TEXT("version", version)), error);
}

bool
policyrow_remove_settled(DbTx *tx, const char *id, const char *version, GError **error)
{
        return db_run(tx, &sql_policyrow_remove_settled,
                      DB_ARGS(DB_TEXT("id", id), DB_TEXT("version", version)), error);
}

bool
policyrow_remove_revoked(DbTx *tx, const char *id, GError **error)
{
        return db_run(tx, &sql_policyrow_remove_revoked, DB_ARGS(DB_TEXT("id", id)), error);
}
