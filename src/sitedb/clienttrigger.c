/* clienttrigger.c - the wishes that wait for clients. */
#include "sitedb/clienttrigger.h"

#include "base/clock.h"
#include "sitedb/clienttrigger.sql.h"
#include "sitedb/leap.h"

/* Where the time says less than a number that was given out: more than were since. */
#define LEAP_STRIDE 1000000000

bool
clienttrigger_withdraw(DbTx *tx, gint64 machine_id, const char *schedule_id, GError **error)
{
        return db_run(tx, &sql_clienttrigger_withdraw,
                      DB_ARGS(DB_INT("id", machine_id), DB_TEXT("schedule", schedule_id)), error);
}

/* A later wish gets a number of its own, so that it is not taken for done. */
bool
clienttrigger_add(DbTx *tx, gint64 machine_id, const char *schedule_id, const char *cause,
                  GError **error)
{
        gint64 added = 0, number = 0;

        if (!clienttrigger_withdraw(tx, machine_id, schedule_id, error) ||
            !db_int(db_tx_db(tx), &sql_clienttrigger_take_number, DB_NO_ARGS, &number, NULL,
                    error) ||
            !db_run_counted(tx, &sql_clienttrigger_add,
                            DB_ARGS(DB_INT("number", number), DB_INT("id", machine_id),
                                    DB_TEXT("schedule", schedule_id),
                                    DB_TIME("now", uk_clock_now()), DB_TEXT("cause", cause),
                                    DB_TEXT("trace", db_tx_trace(tx))),
                            &added, error))
                return false;
        return added > 0 || uk_fail(error, UK_ERROR_NOT_FOUND,
                                    "there is no machine %" G_GINT64_FORMAT, machine_id);
}

bool
clienttrigger_leap(DbTx *tx, GError **error)
{
        UK_DOING(error, "setting the numbers of clients' wishes above those that were given out");

        return db_run(
                tx, &sql_clienttrigger_leap,
                DB_ARGS(DB_INT("number", leap_past(uk_clock_now())), DB_INT("stride", LEAP_STRIDE)),
                error);
}

GPtrArray *
clienttrigger_pending(Db *db, gint64 machine_id, gint64 *newest_out, GError **error)
{
        g_autoptr(GPtrArray) ids = g_ptr_array_new_with_free_func(g_free);
        g_autoptr(DbRows) rows =
                db_query(db, &sql_clienttrigger_pending, DB_ARGS(DB_INT("id", machine_id)), error);
        bool row = rows != NULL;

        *newest_out = 0;
        while (row) {
                if (!db_next(rows, &row, error))
                        return NULL;
                if (!row)
                        break;
                *newest_out = db_cell_int(rows, 0);
                g_ptr_array_add(ids, g_strdup(db_cell_text(rows, 1, NULL)));
        }
        return rows != NULL ? g_steal_pointer(&ids) : NULL;
}

bool
clienttrigger_taken(DbTx *tx, gint64 machine_id, gint64 upto, GError **error)
{
        return db_run(tx, &sql_clienttrigger_taken,
                      DB_ARGS(DB_INT("id", machine_id), DB_INT("upto", upto)), error);
}
