/* dpstatus.c - the durable queue of a distribution point's status messages, and its emptying.
 *
 * In: messages of any component, kept in the transaction of their cause. Out: posts to the
 * management point, in order; a row goes when it has answered. When nobody answers it is tried
 * again after 5, 10, 20 seconds … 15 minutes; of very many that wait the oldest are dropped.
 */
#include "dp/dpstatus.h"

#include "base/clock.h"
#include "dp/dpstatus.sql.h"
#include "dp/mpclient.h"
#include "host/timer.h"
#include "wire/statusdoc.h"

#define MOST_WAITING   10000
#define FIRST_PAUSE    (5 * UK_SECOND)
#define LONGEST_PAUSE  (15 * UK_MINUTE)
#define MOST_DOUBLINGS 10

/* Of the one lane that sends. */
typedef struct {
        guint failures; /* in a row */
        gint64 until_us;
} DpStatus;

typedef struct {
        gint64 id;
        char *body, *trace;
} Row;

static const DbField fields[] = {
        DB_FIELD(INT, Row, id, "ID"),
        DB_FIELD(TEXT, Row, body, "Body"),
        DB_FIELD(TEXT, Row, trace, "Trace"),
        DB_FIELD_END,
};

static void
row_clear(Row *row)
{
        g_free(row->body);
        g_free(row->trace);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Row, row_clear)

bool
dpstatus_keep(DbTx *tx, const StatusMsg *msg, GError **error)
{
        StatusDoc doc = { .id = msg->id,
                          .severity = msg->severity,
                          .component = (char *)msg->component,
                          .machine = (char *)msg->machine,
                          .site = (char *)msg->site,
                          .time_us = msg->time_us,
                          .pid = msg->pid,
                          .tid = msg->tid,
                          .attribute_count = msg->attribute_count,
                          .trace = (char *)msg->trace };
        g_autofree char *body = NULL;

        for (int i = 0; i < STATUSDOC_STRINGS; i++)
                doc.strings[i] = (char *)msg->strings[i];
        for (int i = 0; i < msg->attribute_count; i++) {
                doc.attribute_ids[i] = msg->attribute_ids[i];
                doc.attribute_values[i] = (char *)msg->attribute_values[i];
        }
        body = statusdoc_write(&doc);
        return db_run(tx, &sql_dpstatus_add,
                      DB_ARGS(DB_TEXT("body", body), DB_TIME("now", uk_clock_now()),
                              DB_TEXT("cause", msg->component), DB_TEXT("trace", msg->trace)),
                      error) &&
               db_run(tx, &sql_dpstatus_trim, DB_ARGS(DB_INT("most", MOST_WAITING)), error);
}

static bool
drop(Component *c, gint64 id, GError **error)
{
        g_autoptr(DbTx) tx = db_begin(c->db, error);

        return tx != NULL && db_run(tx, &sql_dpstatus_drop, DB_ARGS(DB_INT("id", id)), error) &&
               db_commit(g_steal_pointer(&tx), error);
}

/* True when the row is done with. */
static bool
send_row(Component *c, const DistributionPoint *dp, const Row *row)
{
        DpStatus *state = c->state;
        g_autoptr(GError) why = NULL;

        if (mpclient_post(c, dp, "MP_StatusManager", row->trace, row->body, &why)) {
                state->failures = 0;
                return true;
        }
        if (g_error_matches(why, UK_ERROR, UK_ERROR_INVALID)) {
                uk_error("A status message was rejected: %s", why->message);
                return true;
        }
        state->until_us = uk_clock_now() +
                          MIN(FIRST_PAUSE << MIN(state->failures, MOST_DOUBLINGS), LONGEST_PAUSE);
        state->failures++;
        uk_warn("Status messages wait for the management point: %s", why->message);
        timer_set(c, "retry", state->until_us);
        return false;
}

static bool
send_all(Component *c, GError **error)
{
        g_autoptr(DistributionPoint) dp = NULL;

        for (;;) {
                g_auto(Row) row = { 0 };
                bool found;

                if (!db_one(c->db, &sql_dpstatus_first, DB_NO_ARGS, fields, &row, &found, error))
                        return false;
                if (!found || host_stopping(c->host))
                        return true;
                if (dp == NULL && (dp = distributionpoint_load(c->db, error)) == NULL)
                        return false;
                /* Before the site has said who this is, there is nobody to tell. */
                if (dp->site_fingerprint[0] == '\0' || !send_row(c, dp, &row))
                        return true;
                if (!drop(c, row.id, error))
                        return false;
        }
}

static bool
on_commit(Component *c, GError **error)
{
        const DpStatus *state = c->state;

        gint64 now = uk_clock_now();

        return uk_clock_due(state->until_us, LONGEST_PAUSE, now) > now || send_all(c, error);
}

static bool
start(Component *c, GError **error)
{
        c->state = g_new0(DpStatus, 1);
        return true;
}

static void
stop(Component *c)
{
        g_free(c->state);
}

const ComponentDef dpstatus = {
        .name = "SMS_STATUS_REPORTER",
        .log = "DPStatus.log",
        .log_form = UK_LOG_CLIENT,
        .what = "brings the status messages of this machine to the site",
        .on_commit = on_commit,
        .timers = { { "notices", "retry", send_all, false } },
        .start = start,
        .stop = stop,
};
