/* mp_relay.c - takes the reports of clients: durable before the answer, then a file for StateSys.
 *
 * In: state message reports, signed. Out: <inboxes>/auth/statesys.box/incoming/<name>.SMX, the
 * report as UTF-16, in High or Low by its priority (COMP-062, COMP-063). A report that cannot be
 * read, or that speaks for another client, is rejected: the sender is told, the site can see why,
 * and the body is kept in corrupt/. One that is larger than StateSys reads, or than the journal
 * ever takes, is rejected for its size, and its body is not kept.
 */
#include <stdatomic.h>
#include <string.h>

#include "base/clock.h"
#include "base/io.h"
#include "crypto/random.h"
#include "inbox/drop.h"
#include "mp/mp_journal.h"
#include "mp/mp_private.h"
#include "wire/statereport.h"
#include "wire/utf16.h"

#define BOX          "auth/statesys.box/incoming"
#define CORRUPT      "auth/statesys.box/corrupt"
#define NAME_LETTERS "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_"
#define NAME_LENGTH  8
#define NAME_COUNT   G_GUINT64_CONSTANT(3512479453921) /* 37 to the 8th */
#define NAME_STEP    G_GUINT64_CONSTANT(2170831829693) /* no multiple of 37: visits every name */
#define MEGABYTE     (1024 * 1024)

/* Of a report's UTF-8: as UTF-16 it is at most twice as large, and a byte order mark longer. */
#define MAX_REPORT (STATEREPORT_MAX_BYTES / 2 - 1)

struct MpRelay {
        Host *host;
        gsize max_bytes; /* of a report */
        MpJournal *journal;
        char *plain, *high, *low; /* folders */
        char *corrupt;
        guint64 first_name;
        _Atomic guint64 names; /* given out so far */
};

/* The one that a distribution point may speak of. */
#define TOPIC_PULL_DP 902

/* Topic types that a report may speak of (state messages, 1). */
static const int topics[] = { 300, 301, 302, 400, 401, 402,          500,
                              501, 502, 700, 701, 800, TOPIC_PULL_DP };

static const char *
folder_of(gpointer user, guint8 priority)
{
        const MpRelay *relay = user;

        return priority <= 1 ? relay->high : priority == 10 ? relay->low : relay->plain;
}

/* A name that this program has not given before: a count in an order that looks like chance, from
 * a place that is. So two reports never get one name, however many wait. */
static void
next_name(MpRelay *relay, const StateReportHead *head, char name[MP_NAME_SIZE])
{
        guint64 count = relay->first_name + atomic_fetch_add(&relay->names, 1);
        guint64 number =
                (guint64)((unsigned __int128)(count % NAME_COUNT) * NAME_STEP % NAME_COUNT);
        char letters[NAME_LENGTH + 1] = "";

        for (int i = NAME_LENGTH - 1; i >= 0; i--, number /= 37)
                letters[i] = NAME_LETTERS[number % 37];
        g_snprintf(name, MP_NAME_SIZE, "%s%s.SMX",
                   head->client_installed ? ""
                   : head->priority <= 1  ? "H_"
                                          : "N_",
                   letters);
}

/* ---- what the journal asks for --------------------------------------------------------------- */

static void
on_durable(gpointer user, MpEntry *entry, const GError *error)
{
        HttpRequest *request = g_steal_pointer(&entry->request);

        if (error == NULL) {
                http_answer(request, 200, NULL, NULL, 0);
                return;
        }
        http_answer_header(request, "Retry-After", "60");
        http_answer_error(request, 503, "IO", "the report could not be stored; send it again");
}

/* ASCII, which nearly every report is, to UTF-16 with a byte order mark; NULL for anything else. */
static guint8 *
widen(const char *text, gsize size)
{
        guint8 *wide = g_malloc(2 * size + 2);
        guint8 seen = 0;

        wide[0] = 0xff;
        wide[1] = 0xfe;
        for (gsize i = 0; i < size; i++) {
                seen |= (guint8)text[i];
                wide[2 * i + 2] = (guint8)text[i];
                wide[2 * i + 3] = 0;
        }
        if (seen >= 0x80)
                g_clear_pointer(&wide, g_free);
        return wide;
}

static bool
drop(const char *box, const char *name, const char *body, gsize size, GError **error)
{
        g_autofree guint8 *wide = widen(body, size);
        g_autoptr(GBytes) other = NULL;

        if (wide != NULL)
                return inbox_drop_unsynced(box, name, wide, 2 * size + 2, error);
        other = utf16_write(body, (gssize)size, error);
        return other != NULL && inbox_drop_unsynced(box, name, g_bytes_get_data(other, NULL),
                                                    g_bytes_get_size(other), error);
}

/* The lines before the last are written only when verbose (COMP-062, OQ-D40). */
static bool
on_make(gpointer user, const MpEntry *entry, GError **error)
{
        MpRelay *relay = user;
        const char *folder = folder_of(relay, entry->box);

        if (!drop(folder, entry->name, entry->body, entry->size, error))
                return false;
        if (uk_log_is_verbose()) {
                uk_verbose("Mp Message Handler: start message processing for "
                           "Relay-----------------------");
                uk_verbose("Mp Message Handler: FileType=SMX");
                uk_verbose("Message Body : %s", entry->body);
                uk_verbose("Inv-Relay Task: Processing message body");
                uk_verbose("Relay: Outbox dir: %s", relay->plain);
                uk_verbose("Priority in the message = %u", entry->box);
                uk_verbose("State Priority Directory = %s", folder);
        }
        uk_log("Inv-Relay: Task completed successfully");
        return true;
}

/* ---- reading a report ------------------------------------------------------------------------ */

typedef struct {
        const Machine *client;
        StateReportHead head; /* its texts are gone when the reader is */
        guint messages;       /* that can be read and have a known topic */
        guint invalid;
        int unknown_topic; /* the last one; 0: none */
        gint64 serial;     /* the highest */
} Look;

static bool
on_head(gpointer user, const StateReportHead *head, GError **error)
{
        Look *look = user;
        const char *own = look->client->smsid + strlen("GUID:");

        look->head.client_installed = head->client_installed;
        look->head.priority = head->priority;
        return g_ascii_strcasecmp(head->client_id, own) == 0 ||
               uk_fail(error, UK_ERROR_INVALID, "client %s sent a report in the name of GUID:%s",
                       look->client->smsid, head->client_id);
}

static bool
on_message(gpointer user, const StateReportMessage *message, GError **error)
{
        Look *look = user;

        look->serial = MAX(look->serial, message->serial);
        if (look->client->id == 0 && message->topic_type != TOPIC_PULL_DP) {
                look->unknown_topic = message->topic_type;
                return true;
        }
        for (guint i = 0; i < G_N_ELEMENTS(topics); i++) {
                if (topics[i] == message->topic_type) {
                        look->messages++;
                        return true;
                }
        }
        look->unknown_topic = message->topic_type;
        return true;
}

static void
on_invalid(gpointer user, const char *why)
{
        ((Look *)user)->invalid++;
}

/* Reads the report to its end, so that nothing goes on that StateSys could not read. Single bad
 * messages are StateSys's to count; a report of nothing but those brings nothing. */
static bool
look_at(MpMessage *message, Look *look, GError **error)
{
        const Envelope *envelope = message->envelope;
        const StateReportSink sink = { on_head, on_message, on_invalid, look };

        if (!statereport_read(envelope->body, envelope->body_size, &sink, error))
                return false;
        if (look->messages > 0)
                return true;
        if (look->unknown_topic != 0)
                return uk_fail(error, UK_ERROR_INVALID,
                               "none of its topics is known here (topic type %d)",
                               look->unknown_topic);
        if (look->invalid > 0)
                return uk_fail(error, UK_ERROR_INVALID, "none of its %u messages can be read",
                               look->invalid);
        return uk_fail(error, UK_ERROR_INVALID, "it has no state message");
}

static bool
check_size(const MpMessage *message, GError **error)
{
        gsize size = message->envelope->body_size;
        gsize max = message->mp->relay->max_bytes;

        return size <= max ||
               uk_fail(error, UK_ERROR_LIMIT,
                       "it has %" G_GSIZE_FORMAT " bytes; at most %" G_GSIZE_FORMAT " are taken",
                       size, max);
}

/* Keeps the body of a rejected report with the reason beside it; as well as that can be done. */
static void
keep_rejected(MpRelay *relay, const MpMessage *message, const char *name, const char *reason)
{
        const Envelope *envelope = message->envelope;
        g_autofree char *why_name = g_strconcat(name, ".why", NULL);
        g_autofree char *time = uk_clock_iso(uk_clock_now());
        g_autofree char *why = g_strdup_printf("%s\n%s\nmessage %s of client %s (%s)\n", reason,
                                               time, mp_message_id(message), message->client->smsid,
                                               message->client->name);
        g_autoptr(GError) error = NULL;

        if (!inbox_drop_unsynced(relay->corrupt, why_name, why, strlen(why), &error) ||
            !drop(relay->corrupt, name, envelope->body, envelope->body_size, &error))
                uk_warn("A rejected report could not be kept: %s", error->message);
}

/* Each report is answered with its reason; of a client that goes on and on, one report in a while
 * is kept, and none that is too large. */
static void
reject(MpMessage *message, const Look *look, const GError *why)
{
        const char *reason = why->message;
        MpRelay *relay = message->mp->relay;
        char name[MP_NAME_SIZE];

        uk_error("Relay: Message '%s' of client %s (%s) is rejected: %s", mp_message_id(message),
                 message->client->smsid, message->client->name, reason);
        if (message->client->id != 0 &&
            !mp_contacts_reject(message->mp->contacts, message->client->id, mp_message_id(message),
                                reason))
                return;
        if (g_error_matches(why, UK_ERROR, UK_ERROR_LIMIT))
                return;
        next_name(relay, &look->head, name);
        keep_rejected(relay, message, name, reason);
}

bool
mp_relay_on_message(MpMessage *message, GError **error)
{
        Envelope *envelope = message->envelope;
        MpRelay *relay = message->mp->relay;
        Look look = { .client = message->client, .head = { .priority = 5 } };
        g_autoptr(MpEntry) entry = NULL;
        g_autoptr(GError) why = NULL;

        if (!check_size(message, &why) || !look_at(message, &look, &why)) {
                bool large = g_error_matches(why, UK_ERROR, UK_ERROR_LIMIT);

                reject(message, &look, why);
                return uk_fail(error, large ? UK_ERROR_LIMIT : UK_ERROR_INVALID,
                               "the report is rejected: %s", why->message);
        }
        entry = g_new0(MpEntry, 1);
        next_name(relay, &look.head, entry->name);
        entry->box = (guint8)look.head.priority;
        entry->size = envelope->body_size;
        entry->body = g_steal_pointer(&envelope->body);
        entry->request = message->request;
        if (!mp_journal_add(relay->journal, entry, error))
                return false;
        if (message->client->id != 0)
                mp_contacts_report(message->mp->contacts, message->client->id, look.serial);
        /* The journal owns both from here on, and may have answered already. */
        message->request = NULL;
        g_steal_pointer(&entry);
        return true;
}

/* ---- life ------------------------------------------------------------------------------------ */

static void
make_paths(MpRelay *relay)
{
        relay->plain = host_box_path(relay->host, BOX);
        relay->high = g_build_filename(relay->plain, "High", NULL);
        relay->low = g_build_filename(relay->plain, "Low", NULL);
        relay->corrupt = host_box_path(relay->host, CORRUPT);
}

MpRelay *
mp_relay_new(Host *host, UkLog *log, GError **error)
{
        UK_DOING(error, "starting the relay");
        MpRelay *relay = g_new0(MpRelay, 1);
        const MpJournalUse use = { on_durable, on_make, folder_of, relay };
        g_autofree char *dir = g_build_filename(host_state_dir(host), "journal", NULL);
        gsize bytes = (gsize)settings_int(host_settings(host), "mp.journal_megabytes") * MEGABYTE;

        relay->host = host;
        relay->max_bytes = MIN(MAX_REPORT, bytes);
        make_paths(relay);
        crypto_random(&relay->first_name, sizeof relay->first_name);
        relay->first_name %= NAME_COUNT;
        if (uk_io_mkdirs(relay->high, 0770, error) && uk_io_mkdirs(relay->low, 0770, error) &&
            uk_io_mkdirs(relay->corrupt, 0770, error))
                relay->journal = mp_journal_open(dir, bytes, &use, log, error);
        if (relay->journal == NULL)
                g_clear_pointer(&relay, mp_relay_free);
        return relay;
}

void
mp_relay_free(MpRelay *relay)
{
        if (relay == NULL)
                return;
        mp_journal_close(relay->journal);
        g_free(relay->plain);
        g_free(relay->high);
        g_free(relay->low);
        g_free(relay->corrupt);
        g_free(relay);
}

bool
mp_relay_tick(MpRelay *relay, GError **error)
{
        return mp_journal_tick(relay->journal, error);
}

/* The component is its log; its messages come through MP_Framework. */
static bool
start(Component *c, GError **error)
{
        c->state = uk_log_bound();
        return true;
}

const ComponentDef mp_relay = {
        .name = "MP_RelayEndpoint",
        .log = "MP_Relay.log",
        .log_form = UK_LOG_CLIENT,
        .what = "makes files for StateSys of the reports that clients send",
        .start = start,
};
