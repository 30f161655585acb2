/* statemessage.c - StateMessage: records what other components raise and forwards it in bulk.
 *
 * In: rows of CCM_StateMsg, receipts of reports. Out: reports to the relay endpoint, a cycle (15
 * minutes, unless policy says otherwise) after the first message that is not sent, or at once when
 * asked. Serial numbers are given when a
 * message goes into a report, so that the site sees no gap when a state changed twice in between.
 * A message counts as sent when the management point has acknowledged its report (COMP-056). After
 * a report that was too large for it, or for a proxy before it, reports are half as large.
 */
#include "client/statemessage/statemessage.h"

#include <string.h>

#include "base/clock.h"
#include "base/guid.h"
#include "base/log.h"
#include "client/ccmmessaging/ccmmessaging.h"
#include "client/clientid/clientid.h"
#include "client/policyevaluator/actualconfig.h"
#include "client/policyevaluator/policyevaluator.h"
#include "client/statemessage/statemsg.h"
#include "host/host.h"
#include "host/timer.h"
#include "wire/statereport.h"

/* A report is not made larger than about this, and for none that is refused smaller than that. */
#define REPORT_BYTES       (2 * 1024 * 1024)
#define REPORT_LEAST_BYTES (64 * 1024)
/* What a policy may say, in minutes; anything else is taken for the nearest. */
#define CYCLE_MIN 1
#define CYCLE_MAX 1440

/* Of the one lane. */
typedef struct {
        gint64 refused_us;  /* when a report came back that nobody took; 0: none did */
        gsize report_bytes; /* a report is not made larger than about this */
} StateMessage;

/* What is new is said in the log, once. */
static bool
record_new(Component *c, GError **error) /* COMP-053 */
{
        g_autoptr(Work) work = work_begin(c, "", error);
        g_autoptr(GPtrArray) rows = work != NULL ? statemsg_unrecorded(work_db(work), error) : NULL;

        if (rows == NULL)
                return false;
        if (rows->len == 0)
                return true;
        for (guint i = 0; i < rows->len; i++) {
                const StateMsgRow *row = g_ptr_array_index(rows, i);

                uk_log("Adding message with TopicType %d and TopicId %s to WMI",
                       (int)row->topic_type, row->topic_id);
                uk_log("State message(State ID : %d) with TopicType %d and TopicId %s has been "
                       "recorded for SYSTEM",
                       (int)row->state_id, (int)row->topic_type, row->topic_id);
        }
        return statemsg_set_recorded(work->tx, error) && work_commit(g_steal_pointer(&work), error);
}

/* How many of the rows make a report of sensible size; at least one. */
static guint
rows_that_fit(const GPtrArray *rows, gsize max)
{
        gsize bytes = 0;
        guint count = 0;

        for (; count < rows->len; count++) {
                const StateMsgRow *row = g_ptr_array_index(rows, count);

                bytes += 512 + strlen(row->details);
                if (count > 0 && bytes > max)
                        break;
        }
        return count;
}

static void
fill_message(const StateMsgRow *row, gint64 serial, StateReportMessage *message)
{
        *message = (StateReportMessage){
                .time_us = row->time_us,
                .serial = serial,
                .topic_type = (int)row->topic_type,
                .id_type = (int)row->id_type,
                .topic_id = row->topic_id,
                .user = "",
                .state_id = (int)row->state_id,
                .param_count = (guint)CLAMP(row->param_count, 0, STATEREPORT_PARAMS),
                .details = row->details,
        };
        for (guint i = 0; i < message->param_count; i++)
                message->params[i] = row->params[i];
}

static char *
write_report(Component *c, const ClientRecord *record, const GPtrArray *rows, guint count,
             gint64 serial)
{
        g_autofree StateReportMessage *messages = g_new0(StateReportMessage, count);
        g_autofree char *name = clientid_netbios_name(c->host);
        StateReportHead head = {
                .client_id = record->smsid,
                .client_version = (char *)UPKEEP_VERSION,
                .name = name,
                .client_installed = true,
                .priority = 5,
                .content = (char *)"State Message Data",
                .date_us = uk_clock_now(),
                .trace = (char *)uk_trace_get(),
        };

        for (guint i = 0; i < count; i++)
                fill_message(g_ptr_array_index(rows, i), serial + 1 + i, &messages[i]);
        return statereport_write(&head, messages, count);
}

static bool
mark_forwarded(Work *work, const GPtrArray *rows, guint count, const char *report, gint64 serial,
               GError **error)
{
        for (guint i = 0; i < count; i++) {
                if (!statemsg_set_forwarded(work->tx, g_ptr_array_index(rows, i), report,
                                            serial + 1 + i, error))
                        return false;
        }
        return statemsg_set_serial(work->tx, serial + count, error);
}

static void
log_body(const char *document, guint count) /* COMP-057 */
{
        if (uk_log_is_verbose())
                uk_log("StateMessage body: %s", document);
        else
                uk_log("StateMessage body: %u messages, %zu bytes", count, strlen(document));
}

/* One report: its serial numbers, the outgoing message and the marks stand or fall together. */
static bool
forward_report(Component *c, const char *trace, GError **error)
{
        UK_DOING(error, "forwarding state messages");
        const StateMessage *state = c->state;
        gint64 max = settings_int(host_settings(c->host), "statemessage.max_messages");
        g_autoptr(Work) work = work_begin(c, "state cycle", error);
        g_autofree char *report = NULL;
        gint64 serial = 0;

        if (work == NULL || !statemsg_serial(work_db(work), &serial, error))
                return false;
        g_autoptr(ClientRecord) record = clientid_record_load(work_db(work), error);
        g_autoptr(GPtrArray) rows =
                record != NULL ? statemsg_unsent(work_db(work), trace, max, error) : NULL;
        if (rows == NULL)
                return false;
        guint count = rows_that_fit(rows, state->report_bytes);
        g_autofree char *document = write_report(c, record, rows, count, serial);
        CcmMessage message = {
                .queue = "mp:mp_relayendpoint",
                .endpoint = "MP_RelayEndpoint",
                .box = WORK_BOX_STATE,
                .body = document,
                .size = strlen(document),
        };
        if (!ccmmessaging_queue(work, &message, &report, error) ||
            !mark_forwarded(work, rows, count, report, serial, error) ||
            !work_commit(g_steal_pointer(&work), error))
                return false;
        log_body(document, count);
        uk_log("Successfully forwarded State Messages to the MP");
        return true;
}

static bool
forward_all(Component *c, GError **error) /* COMP-055, COMP-057 */
{
        for (;;) {
                g_autoptr(GError) why = NULL;
                g_autofree char *trace = statemsg_next_trace(c->db, &why);

                if (trace == NULL) {
                        if (why == NULL)
                                return true;
                        g_propagate_error(error, g_steal_pointer(&why));
                        return false;
                }
                uk_trace_set(trace);
                bool done = forward_report(c, trace, error);
                uk_trace_set("");
                if (!done)
                        return false;
        }
}

/* The reporting cycle: as the site's policy says, else as this machine is set (COMP-055). */
static bool
cycle_us(Component *c, gint64 *us_out, GError **error)
{
        gint64 minutes = settings_int(host_settings(c->host), "statemessage.cycle_minutes");
        g_autofree char *text = NULL;

        if (!actualconfig_get(c->db, POLICY_CLASS_STATES, "BulkSendInterval", &text, error))
                return false;
        if (text != NULL)
                minutes = CLAMP(g_ascii_strtoll(text, NULL, 10), CYCLE_MIN, CYCLE_MAX);
        *us_out = minutes * UK_MINUTE;
        return true;
}

/* The end of the cycle in which the oldest message fell; after a report that nobody took, a whole
 * cycle from then. */
static bool
plan(Component *c, GError **error)
{
        const StateMessage *state = c->state;
        gint64 oldest = UK_NEVER, cycle;

        if (!statemsg_oldest_unsent(c->db, &oldest, error) || !cycle_us(c, &cycle, error))
                return false;
        timer_set(c, "cycle",
                  oldest == UK_NEVER ? UK_NEVER
                                     : uk_clock_due(MAX(oldest, state->refused_us) + cycle, cycle,
                                                    uk_clock_now()));
        return true;
}

static bool
on_cycle(Component *c, GError **error)
{
        return forward_all(c, error) && plan(c, error);
}

static bool
on_delivered(Work *work, const WorkLetter *letter, GError **error) /* COMP-056 */
{
        return statemsg_set_sent(work->tx, letter->key, error);
}

/* A report that nobody took: its messages go with the next one. */
static bool
on_undelivered(Work *work, const WorkLetter *letter, GError **error)
{
        StateMessage *state = work->c->state;
        gsize size;
        const char *why = g_bytes_get_data(letter->body, &size);

        uk_warn("A report was not delivered (%.*s); its messages go with the next one", (int)size,
                why != NULL ? why : "");
        state->refused_us = uk_clock_now();
        return statemsg_set_unsent(work->tx, letter->key, error);
}

/* Its messages go at once, in two reports; what is refused though it is small waits as any other.
 */
static bool
on_too_large(Work *work, const WorkLetter *letter, GError **error)
{
        StateMessage *state = work->c->state;

        if (state->report_bytes <= REPORT_LEAST_BYTES)
                return on_undelivered(work, letter, error);
        state->report_bytes /= 2;
        uk_warn("A report was too large for the management point; reports of %" G_GSIZE_FORMAT
                " bytes are tried",
                state->report_bytes);
        timer_set(work->c, "now", uk_clock_now());
        return statemsg_set_unsent(work->tx, letter->key, error);
}

static bool
on_send_now(Work *work, const WorkLetter *letter, GError **error)
{
        timer_set(work->c, "now", uk_clock_now());
        return true;
}

/* Everything again, behind a message that says so: what the site then does not get, it must not
 * hold. */
static bool
on_resend(Work *work, const WorkLetter *letter, GError **error)
{
        g_autoptr(ClientRecord) record = clientid_record_load(work_db(work), error);

        if (record == NULL)
                return false;
        g_autofree char *id = g_strconcat("GUID:", record->smsid, NULL);
        const StateMsg resync = { .topic_type = STATE_TOPIC_RESYNC,
                                  .topic_id = id,
                                  .time_us = uk_clock_now() };

        uk_log("All state messages are sent once more");
        timer_set(work->c, "now", uk_clock_now());
        return statemsg_set_all_unsent(work->tx, letter->cause, error) &&
               statemessage_raise(work, &resync, error);
}

static const WorkHandler handlers[] = {
        { CCM_DELIVERED, on_delivered }, { CCM_UNDELIVERED, on_undelivered },
        { CCM_TOO_LARGE, on_too_large }, { STATE_SEND_NOW, on_send_now },
        { STATE_RESEND, on_resend },     { NULL, NULL },
};

static bool
on_start(Component *c, GError **error)
{
        return record_new(c, error) && work_serve(c, WORK_BOX_STATE, handlers, error) &&
               plan(c, error);
}

static bool
on_ring(Component *c, const InboxFile *file, GError **error)
{
        return on_start(c, error);
}

/* Once a day: states that are long told and no news. */
static bool
on_tick(Component *c, GError **error)
{
        gint64 days = settings_int(host_settings(c->host), "statemessage.keep_days");
        g_autoptr(Work) work = work_begin(c, "clean-up", error);

        return work != NULL &&
               statemsg_remove_old(work->tx, uk_clock_now() - days * UK_DAY, error) &&
               work_commit(g_steal_pointer(&work), error);
}

static bool
start(Component *c, GError **error)
{
        StateMessage *state = g_new0(StateMessage, 1);

        state->report_bytes = REPORT_BYTES;
        c->state = state;
        return true;
}

static void
stop(Component *c)
{
        g_free(c->state);
}

const ComponentDef statemessage = {
        .name = "StateMessage",
        .log = "StateMessage.log",
        .log_form = UK_LOG_CLIENT,
        .what = "keeps state messages and forwards them to the management point in bulk",
        .boxes = {
                { .lane = "main", .box = "@state", .kind = WORK_RING, .on_file = on_ring },
        },
        .timers = {
                { "main", "start", on_start, true },
                { "main", "cycle", on_cycle, false },
                { "main", "now", on_cycle, false },
        },
        .tick = { "statemessage.clean_minutes", on_tick },
        .start = start,
        .stop = stop,
};
