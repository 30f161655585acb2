/* statusmessage.c - status messages: stored, listed, removed when they are old. */
#include "sitedb/statusmessage.h"

#include "sitedb/statusmessage.sql.h"

#define ROWS_A_PAGE 1000

/* The product's severities, as its views show them: signed 32-bit numbers. */
static gint64
severity_number(char severity)
{
        switch (severity) {
        case 'I':
                return 1073741824;
        case 'W':
                return G_GINT64_CONSTANT(-2147483648);
        case 'E':
                return -1073741824;
        default:
                return 0;
        }
}

static const char *
text(const char *maybe)
{
        return maybe != NULL ? maybe : "";
}

static bool
add_strings(DbTx *tx, gint64 record, const StatusMessage *m, GError **error)
{
        for (int i = 0; i < STATUSMESSAGE_STRINGS; i++) {
                if (text(m->strings[i])[0] != '\0' &&
                    !db_run(tx, &sql_statusmessage_add_string,
                            DB_ARGS(DB_INT("record", record), DB_INT("index", i),
                                    DB_TEXT("value", m->strings[i])),
                            error))
                        return false;
        }
        return true;
}

static bool
add_attributes(DbTx *tx, gint64 record, const StatusMessage *m, GError **error)
{
        for (int i = 0; i < m->attribute_count; i++) {
                if (!db_run(tx, &sql_statusmessage_add_attribute,
                            DB_ARGS(DB_INT("record", record), DB_INT("id", m->attribute_ids[i]),
                                    DB_TEXT("value", text(m->attribute_values[i])),
                                    DB_TIME("time", m->time_us)),
                            error))
                        return false;
        }
        return true;
}

bool
statusmessage_add(DbTx *tx, const StatusMessage *message, GError **error)
{
        gint64 severity = severity_number(message->severity), record = 0;

        if (severity == 0)
                return uk_fail(error, UK_ERROR_INVALID, "status message %d has the severity '%c'",
                               message->id, message->severity);
        return db_int(db_tx_db(tx), &sql_statusmessage_add,
                      DB_ARGS(DB_INT("severity", severity), DB_INT("id", message->id),
                              DB_TIME("time", message->time_us), DB_TEXT("site", message->site),
                              DB_TEXT("machine", message->machine),
                              DB_TEXT("component", message->component), DB_INT("pid", message->pid),
                              DB_INT("tid", message->tid), DB_TEXT("text", text(message->text)),
                              DB_TEXT("trace", text(message->trace))),
                      &record, NULL, error) &&
               add_strings(tx, record, message, error) &&
               add_attributes(tx, record, message, error);
}

DbRows *
statusmessage_rows(Db *db, const StatusMessageFilter *filter, GError **error)
{
        return db_query(db, &sql_statusmessage_rows,
                        DB_ARGS(DB_INT("before", filter->before),
                                DB_TEXT("component", text(filter->component)),
                                DB_INT("id", filter->id),
                                DB_INT("severity", severity_number(filter->severity)),
                                DB_TIME("since", filter->since_us),
                                DB_TEXT("attribute", text(filter->attribute)),
                                DB_INT("limit", filter->limit > 0 ? filter->limit : ROWS_A_PAGE)),
                        error);
}

bool
statusmessage_trim(DbTx *tx, gint64 before_us, gint64 *removed_out, GError **error)
{
        return db_run_counted(tx, &sql_statusmessage_trim, DB_ARGS(DB_TIME("before", before_us)),
                              removed_out, error);
}

bool
statusmessage_known(Db *db, const StatusMessage *message, bool *known_out, GError **error)
{
        gint64 count = 0;

        if (!db_int(db, &sql_statusmessage_known,
                    DB_ARGS(DB_TIME("time", message->time_us), DB_TEXT("machine", message->machine),
                            DB_TEXT("component", message->component), DB_INT("id", message->id),
                            DB_INT("pid", message->pid), DB_INT("tid", message->tid),
                            DB_TEXT("text", text(message->text))),
                    &count, NULL, error))
                return false;
        *known_out = count > 0;
        return true;
}
