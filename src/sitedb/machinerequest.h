/* machinerequest.h - the newest registration of each machine, by the time that the machine wrote
 * into it: so an older one that somebody sends again is known for what it is.
 */
#pragma once

#include "db/db.h"

/* Records the time of a machine's registration if it is newer than the last one; *newer_out says
 * whether it was. One that came from more than a day ahead of us is no measure for those that come
 * from less: the machine's clock has been set right since. */
bool machinerequest_take(DbTx *tx, gint64 machine_id, gint64 time_us, bool *newer_out,
                         GError **error) UK_MUST_USE;
