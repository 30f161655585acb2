/* topicstate.h - the newest state of every topic that has no table of its own (SR_StateMessages),
 * and of updates that this database does not know yet.
 */
#pragma once

#include "db/db.h"

typedef struct {
        gint64 machine_id;
        gint64 topic_type;
        char *topic_id; /* of an update: its GUID in lower case */
        gint64 state;
        gint64 time_us, serial;
        char *parameters; /* one a line */
        char *details;
        gint64 cause_id; /* the report; not looked at by topicstate_newer */
} TopicState;

void topicstate_free(TopicState *state);

/* Whether the state is newer than what is stored: by the time of the message, then by its serial
 * number (COMP-071); by that alone where one of the two times is still to come. */
bool topicstate_newer(Db *db, const TopicState *state, gint64 now_us, bool *newer_out,
                      GError **error) UK_MUST_USE;
/* Stores the state in place of what is there. */
bool topicstate_put(DbTx *tx, const TopicState *state, GError **error) UK_MUST_USE;
/* At most max states of updates that waited and are known now. The caller owns the array of
 * TopicState. */
GPtrArray *topicstate_known(Db *db, guint max, GError **error) UK_MUST_USE;
bool topicstate_remove(DbTx *tx, const TopicState *state, GError **error) UK_MUST_USE;
