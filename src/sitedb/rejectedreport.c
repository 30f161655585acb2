/* rejectedreport.c - why the management point did not take what a machine reported. */
#include "sitedb/rejectedreport.h"

#include "sitedb/rejectedreport.sql.h"

#define CAUSE "management point"

static const DbField fields[] = {
        DB_FIELD(INT, RejectedReport, machine_id, "ResourceID"),
        DB_FIELD(TIME, RejectedReport, time_us, "RejectedTime"),
        DB_FIELD(TEXT, RejectedReport, message_id, "MessageID"),
        DB_FIELD(TEXT, RejectedReport, reason, "Reason"),
        DB_FIELD(INT, RejectedReport, count, "Rejections"),
        DB_FIELD(TEXT, RejectedReport, trace, "Trace"),
        DB_FIELD_END,
};

void
rejectedreport_free(RejectedReport *report)
{
        if (report == NULL)
                return;
        g_free(report->message_id);
        g_free(report->reason);
        g_free(report->trace);
        g_free(report);
}

bool
rejectedreport_put(DbTx *tx, const RejectedReport *report, GError **error)
{
        return db_run(tx, &sql_rejectedreport_put,
                      DB_ARGS(DB_INT("id", report->machine_id), DB_TIME("time", report->time_us),
                              DB_TEXT("message_id", report->message_id),
                              DB_TEXT("reason", report->reason), DB_TEXT("cause", CAUSE),
                              DB_TEXT("trace", report->trace)),
                      error);
}

bool
rejectedreport_load(Db *db, gint64 machine_id, RejectedReport **report_out, GError **error)
{
        g_autoptr(RejectedReport) report = g_new0(RejectedReport, 1);
        bool found = false;

        if (!db_one(db, &sql_rejectedreport_load, DB_ARGS(DB_INT("id", machine_id)), fields, report,
                    &found, error))
                return false;
        *report_out = found ? g_steal_pointer(&report) : NULL;
        return true;
}
