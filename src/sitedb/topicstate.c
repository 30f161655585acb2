/* topicstate.c - the newest state of each topic without a table of its own. */
#include "sitedb/topicstate.h"

#include "sitedb/topicstate.sql.h"

static const DbField fields[] = {
        DB_FIELD(INT, TopicState, machine_id, "ResourceID"),
        DB_FIELD(INT, TopicState, topic_type, "TopicType"),
        DB_FIELD(TEXT, TopicState, topic_id, "TopicID"),
        DB_FIELD(INT, TopicState, state, "StateID"),
        DB_FIELD(TIME, TopicState, time_us, "StateTime"),
        DB_FIELD(INT, TopicState, serial, "SerialNumber"),
        DB_FIELD(TEXT, TopicState, parameters, "Parameters"),
        DB_FIELD(TEXT, TopicState, details, "Details"),
        DB_FIELD(INT, TopicState, cause_id, "CauseID"),
        DB_FIELD_END,
};

void
topicstate_free(TopicState *state)
{
        g_free(state->topic_id);
        g_free(state->parameters);
        g_free(state->details);
        g_free(state);
}

bool
topicstate_newer(Db *db, const TopicState *state, gint64 now_us, bool *newer_out, GError **error)
{
        gint64 older = 0;

        if (!db_int(db, &sql_topicstate_older,
                    DB_ARGS(DB_INT("machine", state->machine_id), DB_INT("type", state->topic_type),
                            DB_TEXT("topic", state->topic_id), DB_TIME("time", state->time_us),
                            DB_TIME("now", now_us), DB_INT("serial", state->serial)),
                    &older, NULL, error))
                return false;
        *newer_out = older == 0;
        return true;
}

bool
topicstate_put(DbTx *tx, const TopicState *state, GError **error)
{
        return db_run(tx, &sql_topicstate_put,
                      DB_ARGS(DB_INT("machine", state->machine_id),
                              DB_INT("type", state->topic_type), DB_TEXT("topic", state->topic_id),
                              DB_INT("state", state->state), DB_TIME("time", state->time_us),
                              DB_INT("serial", state->serial),
                              DB_TEXT("parameters", state->parameters),
                              DB_TEXT("details", state->details), DB_INT("cause", state->cause_id)),
                      error);
}

GPtrArray *
topicstate_known(Db *db, guint max, GError **error)
{
        return db_list(db, &sql_topicstate_known, DB_ARGS(DB_INT("max", max)), fields,
                       sizeof(TopicState), (GDestroyNotify)topicstate_free, error);
}

bool
topicstate_remove(DbTx *tx, const TopicState *state, GError **error)
{
        return db_run(tx, &sql_topicstate_remove,
                      DB_ARGS(DB_INT("machine", state->machine_id),
                              DB_INT("type", state->topic_type), DB_TEXT("topic", state->topic_id)),
                      error);
}
