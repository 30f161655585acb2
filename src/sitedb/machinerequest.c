/* machinerequest.c - remembers when machines registered, in their own time. */
#include "sitedb/machinerequest.h"

#include "sitedb/machinerequest.sql.h"

bool
machinerequest_take(DbTx *tx, gint64 machine_id, gint64 time_us, bool *newer_out, GError **error)
{
        gint64 changed;

        if (!db_run_counted(tx, &sql_machinerequest_take,
                            DB_ARGS(DB_INT("id", machine_id), DB_TIME("time", time_us)), &changed,
                            error))
                return false;
        *newer_out = changed > 0;
        return true;
}
