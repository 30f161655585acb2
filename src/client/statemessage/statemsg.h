/* statemsg.h - the table of state messages and the serial number, for StateMessage alone.
 */
#pragma once

#include "client/statemessage/statemessage.h"

/* A message that is to be sent; texts are its own. */
typedef struct {
        gint64 topic_type, id_type, state_id, param_count;
        char *topic_id;
        char *params[STATE_MAX_PARAMS];
        char *details;
        gint64 time_us;
} StateMsgRow;

void statemsg_row_free(StateMsgRow *row);

/* The messages that nobody has seen yet; only type, ID and state are set. The caller owns them. */
GPtrArray *statemsg_unrecorded(Db *db, GError **error) UK_MUST_USE;
bool statemsg_set_recorded(DbTx *tx, GError **error) UK_MUST_USE;
/* When the oldest message that waits for a report was raised, UK_NEVER if none does. */
bool statemsg_oldest_unsent(Db *db, gint64 *time_out, GError **error) UK_MUST_USE;
/* The trace of the message that is to go next; NULL without error: there is none. */
char *statemsg_next_trace(Db *db, GError **error) UK_MUST_USE;
/* At most max messages of that trace that wait. The caller owns them. */
GPtrArray *statemsg_unsent(Db *db, const char *trace, gint64 max, GError **error) UK_MUST_USE;
bool statemsg_serial(Db *db, gint64 *serial_out, GError **error) UK_MUST_USE;
bool statemsg_set_serial(DbTx *tx, gint64 serial, GError **error) UK_MUST_USE;
/* The message goes in the report with this serial number. */
bool statemsg_set_forwarded(DbTx *tx, const StateMsgRow *row, const char *report, gint64 serial,
                            GError **error) UK_MUST_USE;
/* What became of a report. */
bool statemsg_set_sent(DbTx *tx, const char *report, GError **error) UK_MUST_USE;
bool statemsg_set_unsent(DbTx *tx, const char *report, GError **error) UK_MUST_USE;
bool statemsg_set_all_unsent(DbTx *tx, const char *cause, GError **error) UK_MUST_USE;
bool statemsg_remove_old(DbTx *tx, gint64 before_us, GError **error) UK_MUST_USE;
