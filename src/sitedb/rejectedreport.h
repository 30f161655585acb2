/* rejectedreport.h - the last report of each machine that the management point rejected, and why.
 *
 * It matters as long as no later report was taken: compare time_us with Machine.report_us.
 */
#pragma once

#include "db/db.h"

typedef struct {
        gint64 machine_id;
        gint64 time_us;
        char *message_id; /* "{GUID}", as in the client's CcmMessaging.log */
        char *reason;
        char *trace;  /* "" if none */
        gint64 count; /* rejections so far; not read by rejectedreport_put */
} RejectedReport;

void rejectedreport_free(RejectedReport *report);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(RejectedReport, rejectedreport_free)

/* Records a rejection in the place of the machine's last one; nothing for a machine that was
 * deleted meanwhile. */
bool rejectedreport_put(DbTx *tx, const RejectedReport *report, GError **error) UK_MUST_USE;
/* The last rejection of a machine; *report_out is NULL if there was none. The caller frees it. */
bool rejectedreport_load(Db *db, gint64 machine_id, RejectedReport **report_out,
                         GError **error) UK_MUST_USE;
