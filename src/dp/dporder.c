/* dporder.c - the rows of orders. */
#include "dp/dporder.h"

#include "base/clock.h"
#include "dp/dporder.sql.h"

static const DbField fields[] = {
        DB_FIELD(TEXT, DpOrder, id, "ID"),
        DB_FIELD(TEXT, DpOrder, state, "State"),
        DB_FIELD(TEXT, DpOrder, package_id, "PackageID"),
        DB_FIELD(INT, DpOrder, version, "Version"),
        DB_FIELD(TEXT, DpOrder, action, "Action"),
        DB_FIELD(TEXT, DpOrder, token_hash, "TokenHash"),
        DB_FIELD(TEXT, DpOrder, related, "Related"),
        DB_FIELD_END,
};

void
dporder_free(DpOrder *order)
{
        if (order == NULL)
                return;
        g_free(order->id);
        g_free(order->state);
        g_free(order->package_id);
        g_free(order->action);
        g_free(order->token_hash);
        g_free(order->related);
        g_free(order);
}

bool
dporder_drop(DbTx *tx, const char *package_id, GError **error)
{
        return db_run(tx, &sql_dporder_drop, DB_ARGS(DB_TEXT("package_id", package_id)), error);
}

bool
dporder_replace(DbTx *tx, const DpOrder *order, GError **error)
{
        return dporder_drop(tx, order->package_id, error) &&
               db_run(tx, &sql_dporder_add,
                      DB_ARGS(DB_TEXT("id", order->id), DB_TEXT("package_id", order->package_id),
                              DB_INT("version", order->version), DB_TEXT("action", order->action),
                              DB_TEXT("token_hash", order->token_hash),
                              DB_TEXT("related", order->related), DB_TIME("now", uk_clock_now()),
                              DB_TEXT("trace", db_tx_trace(tx))),
                      error);
}

bool
dporder_set_done(DbTx *tx, const char *id, GError **error)
{
        return db_run(tx, &sql_dporder_done,
                      DB_ARGS(DB_TEXT("id", id), DB_TEXT("trace", db_tx_trace(tx))), error);
}

static DpOrder *
load(Db *db, const DbSql *sql, const DbArg *args, const char *what, GError **error)
{
        g_autoptr(DpOrder) order = g_new0(DpOrder, 1);
        bool found = false;

        if (!db_one(db, sql, args, fields, order, &found, error))
                return NULL;
        if (!found)
                uk_fail(error, UK_ERROR_NOT_FOUND, "there is no order %s", what);
        return found ? g_steal_pointer(&order) : NULL;
}

DpOrder *
dporder_load(Db *db, const char *id, GError **error)
{
        return load(db, &sql_dporder_load, DB_ARGS(DB_TEXT("id", id)), id, error);
}

DpOrder *
dporder_of_package(Db *db, const char *package_id, GError **error)
{
        return load(db, &sql_dporder_of_package, DB_ARGS(DB_TEXT("package_id", package_id)),
                    package_id, error);
}

GPtrArray *
dporder_list(Db *db, GError **error)
{
        return db_list(db, &sql_dporder_list, DB_NO_ARGS, fields, sizeof(DpOrder),
                       (GDestroyNotify)dporder_free, error);
}
