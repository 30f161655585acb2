/* statemsg.c - CCM_StateMsg, row by row. */
#include "client/statemessage/statemsg.h"

#include "base/clock.h"
#include "base/log.h"
#include "client/statemsg.sql.h"

static const DbField short_fields[] = {
        DB_FIELD(INT, StateMsgRow, topic_type, "TopicType"),
        DB_FIELD(TEXT, StateMsgRow, topic_id, "TopicID"),
        DB_FIELD(INT, StateMsgRow, state_id, "StateID"),
        DB_FIELD_END,
};

static const DbField fields[] = {
        DB_FIELD(INT, StateMsgRow, topic_type, "TopicType"),
        DB_FIELD(TEXT, StateMsgRow, topic_id, "TopicID"),
        DB_FIELD(INT, StateMsgRow, id_type, "TopicIDType"),
        DB_FIELD(INT, StateMsgRow, state_id, "StateID"),
        DB_FIELD(INT, StateMsgRow, param_count, "ParamCount"),
        DB_FIELD(TEXT, StateMsgRow, params[0], "Param1"),
        DB_FIELD(TEXT, StateMsgRow, params[1], "Param2"),
        DB_FIELD(TEXT, StateMsgRow, params[2], "Param3"),
        DB_FIELD(TEXT, StateMsgRow, params[3], "Param4"),
        DB_FIELD(TEXT, StateMsgRow, params[4], "Param5"),
        DB_FIELD(TEXT, StateMsgRow, details, "StateDetails"),
        DB_FIELD(TIME, StateMsgRow, time_us, "MessageTime"),
        DB_FIELD_END,
};

void
statemsg_row_free(StateMsgRow *row)
{
        if (row == NULL)
                return;
        g_free(row->topic_id);
        for (guint i = 0; i < STATE_MAX_PARAMS; i++)
                g_free(row->params[i]);
        g_free(row->details);
        g_free(row);
}

/* A parameter, "" where there is none. */
static const char *
param(const StateMsg *msg, guint index)
{
        return index < msg->param_count && msg->params[index] != NULL ? msg->params[index] : "";
}

bool
statemessage_raise(Work *work, const StateMsg *msg, GError **error) /* COMP-054 */
{
        work_ring(work, WORK_BOX_STATE);
        return db_run(work->tx, &sql_statemsg_put,
                      DB_ARGS(DB_INT("type", msg->topic_type), DB_TEXT("id", msg->topic_id),
                              DB_INT("id_type", msg->id_type), DB_INT("state", msg->state_id),
                              DB_INT("count", msg->param_count), DB_TEXT("p1", param(msg, 0)),
                              DB_TEXT("p2", param(msg, 1)), DB_TEXT("p3", param(msg, 2)),
                              DB_TEXT("p4", param(msg, 3)), DB_TEXT("p5", param(msg, 4)),
                              DB_TEXT("details", msg->details != NULL ? msg->details : ""),
                              DB_TIME("time", msg->time_us), DB_TEXT("cause", work->cause),
                              DB_TEXT("trace", uk_trace_get())),
                      error);
}

GPtrArray *
statemsg_unrecorded(Db *db, GError **error)
{
        return db_list(db, &sql_statemsg_unrecorded, DB_NO_ARGS, short_fields, sizeof(StateMsgRow),
                       (GDestroyNotify)statemsg_row_free, error);
}

bool
statemsg_set_recorded(DbTx *tx, GError **error)
{
        return db_run(tx, &sql_statemsg_set_recorded, DB_NO_ARGS, error);
}

bool
statemsg_oldest_unsent(Db *db, gint64 *time_out, GError **error)
{
        g_autofree char *text = NULL;
        bool found = false;

        *time_out = UK_NEVER;
        if (!db_text(db, &sql_statemsg_oldest_unsent, DB_NO_ARGS, &text, &found, error))
                return false;
        return !found || uk_clock_parse(text, time_out, error);
}

char *
statemsg_next_trace(Db *db, GError **error)
{
        char *trace = NULL;
        bool found = false;

        if (!db_text(db, &sql_statemsg_next_trace, DB_NO_ARGS, &trace, &found, error))
                return NULL;
        return trace;
}

GPtrArray *
statemsg_unsent(Db *db, const char *trace, gint64 max, GError **error)
{
        return db_list(db, &sql_statemsg_unsent,
                       DB_ARGS(DB_TEXT("trace", trace), DB_INT("max", max)), fields,
                       sizeof(StateMsgRow), (GDestroyNotify)statemsg_row_free, error);
}

bool
statemsg_serial(Db *db, gint64 *serial_out, GError **error)
{
        return db_int(db, &sql_statemsg_serial, DB_NO_ARGS, serial_out, NULL, error);
}

bool
statemsg_set_serial(DbTx *tx, gint64 serial, GError **error)
{
        return db_run(tx, &sql_statemsg_set_serial, DB_ARGS(DB_INT("serial", serial)), error);
}

bool
statemsg_set_forwarded(DbTx *tx, const StateMsgRow *row, const char *report, gint64 serial,
                       GError **error)
{
        return db_run(tx, &sql_statemsg_set_forwarded,
                      DB_ARGS(DB_TEXT("report", report), DB_INT("serial", serial),
                              DB_INT("type", row->topic_type), DB_TEXT("id", row->topic_id)),
                      error);
}

bool
statemsg_set_sent(DbTx *tx, const char *report, GError **error) /* COMP-056 */
{
        return db_run(tx, &sql_statemsg_set_sent, DB_ARGS(DB_TEXT("report", report)), error);
}

bool
statemsg_set_unsent(DbTx *tx, const char *report, GError **error)
{
        return db_run(tx, &sql_statemsg_set_unsent, DB_ARGS(DB_TEXT("report", report)), error);
}

bool
statemsg_set_all_unsent(DbTx *tx, const char *cause, GError **error)
{
        return db_run(tx, &sql_statemsg_set_all_unsent,
                      DB_ARGS(DB_TEXT("cause", cause), DB_TEXT("trace", uk_trace_get())), error);
}

bool
statemsg_remove_old(DbTx *tx, gint64 before_us, GError **error)
{
        return db_run(tx, &sql_statemsg_remove_old, DB_ARGS(DB_TIME("before", before_us)), error);
}
