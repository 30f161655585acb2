/* ccmmessaging.c - the outgoing queue: what goes next, what becomes of it, when to try again.
 *
 * In: rows of the queue, whoever put them there. Out: letters with replies and receipts. How one
 * message is sent is in ccmmessaging_send.c. After a failure it waits 1, 2, 4 … 60 minutes, or
 * until somebody asks for it.
 */
#include "client/ccmmessaging/ccmmessaging.h"

#include <string.h>

#include "base/clock.h"
#include "base/guid.h"
#include "base/log.h"
#include "client/ccmmessaging.sql.h"
#include "client/ccmmessaging/ccmmessaging_private.h"
#include "client/clientid/clientid.h"
#include "host/timer.h"

#define LONGEST_PAUSE UK_HOUR

/* Of the one lane that sends. */
typedef struct {
        SignKey *key;
        guint current;        /* management point */
        gint64 until_us;      /* nothing is tried before, since nobody answers */
        guint failures;       /* in a row */
        gint64 held_until_us; /* only what registers the client is, since it is not served */
        guint refusals;       /* in a row */
} CcmMessaging;

static const DbField outgoing_fields[] = {
        DB_FIELD(INT, CcmOutgoing, seq, "Seq"),
        DB_FIELD(TEXT, CcmOutgoing, id, "ID"),
        DB_FIELD(TEXT, CcmOutgoing, queue, "Queue"),
        DB_FIELD(TEXT, CcmOutgoing, endpoint, "Endpoint"),
        DB_FIELD(TEXT, CcmOutgoing, reply_to, "ReplyTo"),
        DB_FIELD(TEXT, CcmOutgoing, box, "Box"),
        DB_FIELD(TEXT, CcmOutgoing, key, "ReplyKey"),
        DB_FIELD(BYTES, CcmOutgoing, body, "Body"),
        DB_FIELD(INT, CcmOutgoing, open, "IsOpen"),
        DB_FIELD(TIME, CcmOutgoing, created_us, "CreatedTime"),
        DB_FIELD(TIME, CcmOutgoing, expire_us, "ExpireTime"),
        DB_FIELD(INT, CcmOutgoing, tries, "Tries"),
        DB_FIELD(TEXT, CcmOutgoing, cause, "Cause"),
        DB_FIELD(TEXT, CcmOutgoing, trace, "Trace"),
        DB_FIELD_END,
};

static void
outgoing_clear(CcmOutgoing *message)
{
        g_free(message->id);
        g_free(message->queue);
        g_free(message->endpoint);
        g_free(message->reply_to);
        g_free(message->box);
        g_free(message->key);
        g_clear_pointer(&message->body, g_bytes_unref);
        g_free(message->cause);
        g_free(message->trace);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(CcmOutgoing, outgoing_clear)

bool
ccmmessaging_queue(Work *work, const CcmMessage *message, char **id_out, GError **error)
{
        g_autofree char *id = uk_guid_new_braced();

        work_ring(work, WORK_BOX_OUTGOING);
        if (!db_run(work->tx, &sql_ccmmessaging_add,
                    DB_ARGS(DB_TEXT("id", id),
                            DB_TEXT("queue", message->queue != NULL ? message->queue : ""),
                            DB_TEXT("endpoint", message->endpoint),
                            DB_TEXT("reply_to", message->reply_to != NULL ? message->reply_to : ""),
                            DB_TEXT("box", work_box_name(message->box)),
                            DB_TEXT("key", message->key != NULL ? message->key : id),
                            DB_BYTES("body", message->body, message->size),
                            DB_INT("open", message->open), DB_TIME("now", uk_clock_now()),
                            DB_TIME_OR_NULL("expire", message->expire_us),
                            DB_TEXT("cause", work->cause), DB_TEXT("trace", uk_trace_get())),
                    error))
                return false;
        if (id_out != NULL)
                *id_out = g_steal_pointer(&id);
        return true;
}

bool
ccmmessaging_is_queued(Db *db, const char *endpoint, bool *queued_out, GError **error)
{
        gint64 count = 0;

        if (!db_int(db, &sql_ccmmessaging_count_endpoint, DB_ARGS(DB_TEXT("endpoint", endpoint)),
                    &count, NULL, error))
                return false;
        *queued_out = count > 0;
        return true;
}

/* The queue's name in the delivery line: "mp_[http]mp_locationmanager". */
static char *
queue_name(const CcmOutgoing *message)
{
        return g_strdelimit(g_strdup(message->queue), ":", '_');
}

/* Whoever sent it learns what became of it, in the transaction in which it leaves the queue. */
static bool
finish(Component *c, const CcmOutgoing *message, const char *kind, GBytes *body, GError **error)
{
        gsize size = 0;
        const void *data = body != NULL ? g_bytes_get_data(body, &size) : NULL;
        g_autofree char *cause = g_strdup_printf("message %s", message->id);
        g_autoptr(Work) work = work_begin(c, cause, error);
        WorkBox box = work_box_of(message->box);

        return work != NULL &&
               db_run(work->tx, &sql_ccmmessaging_remove, DB_ARGS(DB_TEXT("id", message->id)),
                      error) &&
               (box == WORK_BOX_NONE ||
                work_tell(work, box, kind, message->key, data, size, error)) &&
               work_commit(g_steal_pointer(&work), error);
}

static bool
discard(Component *c, const CcmOutgoing *message, bool large, const char *why, GError **error)
{
        g_autofree char *queue = queue_name(message);
        g_autoptr(GBytes) body = g_bytes_new(why, strlen(why));

        uk_warn("OutgoingMessage(Queue='%s', ID=%s): Will be discarded (%s).", queue, message->id,
                why);
        return finish(c, message,
                      large && message->reply_to[0] == '\0' ? CCM_TOO_LARGE : CCM_UNDELIVERED, body,
                      error);
}

static bool
delivered(Component *c, const CcmOutgoing *message, const CcmResult *result, GError **error)
{
        g_autofree char *queue = queue_name(message);
        bool replied = result->reply_id != NULL;

        if (replied)
                uk_log("Message '%s' got reply '%s' to local endpoint queue '%s'", message->id,
                       result->reply_id, message->reply_to);
        else if (message->queue[0] != '\0')
                uk_log("Message '%s' doesn't have reply", message->id);
        if (message->queue[0] != '\0')
                uk_log("OutgoingMessage(Queue='%s', ID=%s): Delivered successfully to host '%s'.",
                       queue, message->id, result->host);
        if (!finish(c, message, message->reply_to[0] != '\0' ? message->reply_to : CCM_DELIVERED,
                    result->reply, error))
                return false;
        if (replied)
                uk_log("Message '%s' delivered to endpoint '%s'", result->reply_id,
                       message->reply_to);
        return true;
}

/* 1, 2, 4 … 60 minutes. */
static gint64
pause_after(guint failures)
{
        return MIN(UK_MINUTE << MIN(failures, 6), LONGEST_PAUSE);
}

/* The client is not served: it asks the site how it stands, and the message waits. The pause is
 * for a site that calls the client registered and yet does not serve it. */
static bool
refused(Component *c, const CcmOutgoing *message, const char *why, GError **error)
{
        CcmMessaging *state = c->state;
        g_autoptr(Work) work = work_begin(c, "refusal", error);

        state->held_until_us = uk_clock_now() + pause_after(state->refusals++);
        uk_warn("Message '%s' was not taken by the management point: %s", message->id, why);
        return work != NULL &&
               db_run(work->tx, &sql_ccmmessaging_failed,
                      DB_ARGS(DB_TEXT("id", message->id), DB_TEXT("why", why)), error) &&
               work_tell(work, WORK_BOX_CLIENTID, CLIENTID_REFUSED, message->id, why, strlen(why),
                         error) &&
               work_commit(g_steal_pointer(&work), error);
}

static bool
unreachable(Component *c, const CcmOutgoing *message, const char *why, GError **error)
{
        CcmMessaging *state = c->state;
        gint64 pause = pause_after(state->failures++);
        g_autoptr(Work) work = work_begin(c, "failure", error);

        state->until_us = uk_clock_now() + pause;
        uk_warn("Message '%s' stays in the queue, the next try is in %d minutes: %s", message->id,
                (int)(pause / UK_MINUTE), why);
        return work != NULL &&
               db_run(work->tx, &sql_ccmmessaging_failed,
                      DB_ARGS(DB_TEXT("id", message->id), DB_TEXT("why", why)), error) &&
               work_commit(g_steal_pointer(&work), error);
}

/* One message; *go_on_out says whether the next may be tried. */
static bool
serve_message(Component *c, const CcmOutgoing *message, const char *smsid, GError **error)
{
        CcmMessaging *state = c->state;
        CcmSender sender = { c, state->key, smsid, &state->current };
        g_auto(CcmResult) result = { 0 };

        if (message->expire_us != 0 && message->expire_us <= uk_clock_now())
                return discard(c, message, false, "expired", error);
        if (message->queue[0] != '\0' && message->tries == 0)
                uk_log("Sending async message '%s' to outgoing queue '%s'", message->id,
                       message->queue);
        ccmmessaging_send(&sender, message, &result);
        if (result.outcome != CCM_UNREACHABLE)
                state->failures = 0;
        switch (result.outcome) {
        case CCM_SENT:
                state->refusals = message->open ? state->refusals : 0;
                return delivered(c, message, &result, error);
        case CCM_BAD:
        case CCM_LARGE:
                return discard(c, message, result.outcome == CCM_LARGE, result.why, error);
        case CCM_REFUSED:
                return message->open ? unreachable(c, message, result.why, error)
                                     : refused(c, message, result.why, error);
        default:
                return unreachable(c, message, result.why, error);
        }
}

static bool
waits(gint64 until_us)
{
        gint64 now = uk_clock_now();

        return uk_clock_due(until_us, LONGEST_PAUSE, now) > now;
}

static bool
next_message(Component *c, gint64 after, CcmOutgoing *message, char **smsid_out, bool *found_out,
             GError **error)
{
        const CcmMessaging *state = c->state;
        g_autoptr(ClientRecord) record = clientid_record_load(c->db, error);

        if (record == NULL)
                return false;
        bool held = !clientid_is_registered(record) || state->held_until_us != 0;
        *smsid_out = g_strdup(record->smsid);
        return db_one(c->db, &sql_ccmmessaging_next,
                      DB_ARGS(DB_INT("after", after), DB_INT("held", held)), outgoing_fields,
                      message, found_out, error);
}

/* A pause that is over by now, since a machine slept just here, say, is not over for deliver(),
 * which has left off: it comes at once. */
static void
plan(Component *c)
{
        const CcmMessaging *state = c->state;
        gint64 until = state->until_us != 0 ? state->until_us : UK_NEVER;
        gint64 held = state->held_until_us != 0 ? state->held_until_us : UK_NEVER;

        timer_set(c, "retry", MIN(until, held));
}

static void
end_pauses(CcmMessaging *state)
{
        if (!waits(state->until_us))
                state->until_us = 0;
        if (!waits(state->held_until_us))
                state->held_until_us = 0;
}

/* Sends what may go, in order, until the queue is empty or nobody answers. */
static bool
deliver(Component *c, GError **error)
{
        UK_DOING(error, "sending messages");
        CcmMessaging *state = c->state;
        gint64 after = 0;

        end_pauses(state);
        while (state->until_us == 0 && !host_stopping(c->host)) {
                g_auto(CcmOutgoing) message = { 0 };
                g_autofree char *smsid = NULL;
                bool found = false;

                if (!next_message(c, after, &message, &smsid, &found, error))
                        return false;
                if (!found)
                        break;
                if (message.body == NULL)
                        message.body = g_bytes_new(NULL, 0);
                after = message.seq;
                uk_trace_set(message.trace);
                bool done = serve_message(c, &message, smsid, error);
                uk_trace_set("");
                if (!done)
                        return false;
        }
        plan(c);
        return true;
}

static bool
on_now(Work *work, const WorkLetter *letter, GError **error)
{
        CcmMessaging *state = work->c->state;

        state->until_us = state->held_until_us = 0;
        state->failures = state->refusals = 0;
        return true;
}

static const WorkHandler handlers[] = {
        { CCM_NOW, on_now },
        { NULL, NULL },
};

static bool
on_due(Component *c, GError **error)
{
        return work_serve(c, WORK_BOX_OUTGOING, handlers, error) && deliver(c, error);
}

static bool
on_ring(Component *c, const InboxFile *file, GError **error)
{
        return on_due(c, error);
}

static bool
start(Component *c, GError **error)
{
        g_autoptr(SignKey) key = clientid_key(c->host, error);

        if (key == NULL)
                return false;
        CcmMessaging *state = g_new0(CcmMessaging, 1);
        state->key = g_steal_pointer(&key);
        c->state = state;
        return true;
}

static void
stop(Component *c)
{
        CcmMessaging *state = c->state;

        sign_key_free(state->key);
        g_free(state);
}

const ComponentDef ccmmessaging = {
        .name = "CcmMessaging",
        .log = "CcmMessaging.log",
        .log_form = UK_LOG_CLIENT,
        .what = "the only one that talks to the management point: a durable queue with replies",
        .boxes = {
                { .lane = "main", .box = "@outgoing", .kind = WORK_RING, .on_file = on_ring },
        },
        .timers = {
                { "main", "start", on_due, true },
                { "main", "retry", on_due, false },
        },
        .start = start,
        .stop = stop,
};
