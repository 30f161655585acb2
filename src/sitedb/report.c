/* report.c - reports of state messages. A report is a row only when it is the cause of a state or
 * was refused; one that repeats what is known leaves no more than its time.
 */
#include "sitedb/report.h"

#include "base/clock.h"
#include "sitedb/report.sql.h"

static const DbField sender_fields[] = {
        DB_FIELD(INT, ReportSender, machine_id, "ResourceID"),
        DB_FIELD(TEXT, ReportSender, name, "Name"),
        DB_FIELD(TEXT, ReportSender, site, "SiteCode"),
        DB_FIELD(INT, ReportSender, state, "State"),
        DB_FIELD(INT, ReportSender, resync_serial, "ResyncSerial"),
        DB_FIELD(TIME, ReportSender, resync_us, "ResyncTime"),
        DB_FIELD_END,
};

void
report_sender_clear(ReportSender *sender)
{
        g_clear_pointer(&sender->name, g_free);
        g_clear_pointer(&sender->site, g_free);
}

bool
report_sender(Db *db, const char *smsid, ReportSender *sender_out, bool *found_out, GError **error)
{
        return db_one(db, &sql_report_sender, DB_ARGS(DB_TEXT("smsid", smsid)), sender_fields,
                      sender_out, found_out, error);
}

bool
report_machine_counts(Db *db, gint64 machine_id, bool *counts_out, GError **error)
{
        gint64 approved = 0;

        if (!db_int(db, &sql_report_machine_counts, DB_ARGS(DB_INT("machine", machine_id)),
                    &approved, NULL, error))
                return false;
        *counts_out = approved > 0;
        return true;
}

bool
report_add(DbTx *tx, const Report *report, gint64 *id_out, GError **error)
{
        if (!db_run(tx, &sql_report_add,
                    DB_ARGS(DB_INT("machine", report->machine_id),
                            DB_TIME("received", report->received_us), DB_TEXT("file", report->file),
                            DB_TEXT("trace", report->trace)),
                    error))
                return false;
        *id_out = db_last_id(tx);
        return true;
}

bool
report_count(DbTx *tx, gint64 id, const Report *report, GError **error)
{
        return db_run(tx, &sql_report_count,
                      DB_ARGS(DB_INT("messages", report->messages),
                              DB_INT("invalid", report->invalid), DB_INT("id", id)),
                      error);
}

bool
report_refuse(DbTx *tx, const Report *report, const char *reason, GError **error)
{
        return db_run(tx, &sql_report_refuse,
                      DB_ARGS(DB_INT("machine", report->machine_id),
                              DB_TIME("received", report->received_us),
                              DB_TEXT("file", report->file), DB_INT("messages", report->messages),
                              DB_INT("invalid", report->invalid), DB_TEXT("reason", reason),
                              DB_TEXT("trace", report->trace)),
                      error);
}

bool
report_contact(DbTx *tx, gint64 machine_id, gint64 received_us, gint64 serial, GError **error)
{
        return db_run(tx, &sql_report_contact,
                      DB_ARGS(DB_INT("machine", machine_id), DB_TIME("received", received_us),
                              DB_INT("serial", serial), DB_TIME("now", uk_clock_now())),
                      error);
}

bool
report_cap_contacts(DbTx *tx, gint64 now_us, GError **error)
{
        return db_run(tx, &sql_report_cap_contacts, DB_ARGS(DB_TIME("now", now_us)), error);
}

bool
report_last_refusal(Db *db, gint64 machine_id, gint64 *time_out, char **reason_out, GError **error)
{
        static const DbField fields[] = {
                { "ReceivedTime", DB_TYPE_TIME, 0 },
                { "Refusal", DB_TYPE_TEXT, sizeof(gint64) },
                DB_FIELD_END,
        };
        struct {
                gint64 time;
                char *reason;
        } found = { 0 };
        bool any = false;

        if (!db_one(db, &sql_report_last_refusal, DB_ARGS(DB_INT("machine", machine_id)), fields,
                    &found, &any, error))
                return false;
        *time_out = found.time;
        *reason_out = found.reason;
        return true;
}

/* The next reports of the walk that are no cause; moves the walk behind all that it looked at. */
static GArray *
look_at_aged(Db *db, gint64 before_us, ReportWalk *walk, GError **error)
{
        g_autoptr(GArray) unused = g_array_new(FALSE, FALSE, sizeof(gint64));
        g_autoptr(DbRows) rows =
                db_query(db, &sql_report_aged,
                         DB_ARGS(DB_TEXT("after_time", walk->time), DB_INT("after_id", walk->id),
                                 DB_TIME("before", before_us)),
                         error);
        bool row = rows != NULL;

        walk->at_end = true;
        while (row) {
                if (!db_next(rows, &row, error))
                        return NULL;
                if (!row)
                        break;
                walk->at_end = false;
                walk->id = db_cell_int(rows, 0);
                g_free(walk->time);
                walk->time = g_strdup(db_cell_text(rows, 1, NULL));
                if (db_cell_int(rows, 2) == 0)
                        g_array_append_val(unused, walk->id);
        }
        return rows != NULL ? g_steal_pointer(&unused) : NULL;
}

bool
report_remove_aged(Db *db, gint64 before_us, ReportWalk *walk, gint64 *removed_out, GError **error)
{
        g_autoptr(GArray) unused = look_at_aged(db, before_us, walk, error);

        if (unused == NULL)
                return false;
        *removed_out = unused->len;
        if (unused->len == 0)
                return true;
        g_autoptr(DbTx) tx = db_begin(db, error);
        for (guint i = 0; tx != NULL && i < unused->len; i++) {
                if (!db_run(tx, &sql_report_remove,
                            DB_ARGS(DB_INT("id", g_array_index(unused, gint64, i))), error))
                        return false;
        }
        return tx != NULL && db_commit(g_steal_pointer(&tx), error);
}
