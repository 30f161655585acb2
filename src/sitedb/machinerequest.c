/* machinerequest.c - remembers when machines registered, in their own time. */
#include "sitedb/machinerequest.h"

#include "base/clock.h"
#include "sitedb/machinerequest.sql.h"

/* So far a machine's clock may be ahead of ours without being wrong. */
#define AHEAD_US UK_DAY

bool
machinerequest_take(DbTx *tx, gint64 machine_id, gint64 time_us, bool *newer_out, GError **error)
{
        gint64 changed;

        if (!db_run_counted(tx, &sql_machinerequest_take,
                            DB_ARGS(DB_INT("id", machine_id), DB_TIME("time", time_us),
                                    DB_TIME("bound", uk_clock_now() + AHEAD_US)),
                            &changed, error))
                return false;
        *newer_out = changed > 0;
        return true;
}
