/* straycontent.c - rows of what distribution points hold without a record of it. */
#include "sitedb/straycontent.h"

#include "sitedb/straycontent.sql.h"

static const DbField fields[] = {
        DB_FIELD(TEXT, StrayContent, pkg_id, "PkgID"),
        DB_FIELD(TEXT, StrayContent, trace, "Trace"),
        DB_FIELD_END,
};

void
straycontent_free(StrayContent *stray)
{
        if (stray == NULL)
                return;
        g_free(stray->pkg_id);
        g_free(stray->trace);
        g_free(stray);
}

bool
straycontent_found(DbTx *tx, gint64 dp_id, const char *pkg_id, gint64 version, gint64 now_us,
                   GError **error)
{
        return db_run(tx, &sql_straycontent_found,
                      DB_ARGS(DB_INT("dp_id", dp_id), DB_TEXT("pkg_id", pkg_id),
                              DB_INT("version", version), DB_TIME("now", now_us),
                              DB_TEXT("trace", db_tx_trace(tx))),
                      error);
}

bool
straycontent_count(Db *db, gint64 dp_id, gint64 *count_out, GError **error)
{
        return db_int(db, &sql_straycontent_count, DB_ARGS(DB_INT("dp_id", dp_id)), count_out, NULL,
                      error);
}

bool
straycontent_told(DbTx *tx, gint64 dp_id, gint64 now_us, gint64 *count_out, GError **error)
{
        return db_run(tx, &sql_straycontent_not_found,
                      DB_ARGS(DB_INT("dp_id", dp_id), DB_TIME("now", now_us)), error) &&
               straycontent_count(db_tx_db(tx), dp_id, count_out, error);
}

bool
straycontent_ask_removal(DbTx *tx, gint64 dp_id, const char *cause, GError **error)
{
        return db_run(tx, &sql_straycontent_ask_removal,
                      DB_ARGS(DB_INT("dp_id", dp_id), DB_TEXT("cause", cause),
                              DB_TEXT("trace", db_tx_trace(tx))),
                      error);
}

GPtrArray *
straycontent_list_going(Db *db, gint64 dp_id, GError **error)
{
        return db_list(db, &sql_straycontent_list_going, DB_ARGS(DB_INT("dp_id", dp_id)), fields,
                       sizeof(StrayContent), (GDestroyNotify)straycontent_free, error);
}

bool
straycontent_going(Db *db, gint64 dp_id, const char *pkg_id, StrayContent **stray_out,
                   GError **error)
{
        g_autoptr(StrayContent) stray = g_new0(StrayContent, 1);
        bool found = false;

        *stray_out = NULL;
        if (!db_one(db, &sql_straycontent_going,
                    DB_ARGS(DB_INT("dp_id", dp_id), DB_TEXT("pkg_id", pkg_id)), fields, stray,
                    &found, error))
                return false;
        *stray_out = found ? g_steal_pointer(&stray) : NULL;
        return true;
}

bool
straycontent_delete(DbTx *tx, gint64 dp_id, const char *pkg_id, GError **error)
{
        return db_run(tx, &sql_straycontent_delete,
                      DB_ARGS(DB_INT("dp_id", dp_id), DB_TEXT("pkg_id", pkg_id)), error);
}
