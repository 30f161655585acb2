/* ccm_request.c - messages of clients: framing, who sent them, and which endpoint they are for.
 *
 * In: /ccm_system/request (CCM_POST, or POST for proxies that refuse the other). Out: the answer of
 * the endpoint. A message that is understood but not served is answered 200 with an empty body, as
 * clients expect; why stands in the log with the message ID, and in a header that our own clients
 * show. What cannot be read at all is answered 400.
 */
#include <string.h>

#include "base/clock.h"
#include "base/guid.h"
#include "base/io.h"
#include "host/timer.h"
#include "crypto/hash.h"
#include "mp/mp_private.h"
#include "sitedb/pulldpresponse.h"

#define REFUSED_HEADER "X-Upkeep-Refused"
#define LAST_WRITE_MS  5000

static const struct {
        const char *name;
        const char *component; /* whose log is written while it serves */
        bool is_signed;
        bool for_dp; /* distribution points use it too */
        MpEndpointFn serve;
} endpoints[] = {
        { "MP_LocationManager", "MP_LocationManager", false, false, mp_location_on_message },
        { "MP_PolicyManager", "MP_PolicyManager", true, false, mp_policy_on_message },
        { "MP_ClientRegistration", "MP_RegistrationManager", false, false, mp_register_on_message },
        { "MP_RelayEndpoint", "MP_RelayEndpoint", true, true, mp_relay_on_message },
        { "MP_StatusManager", "MP_StatusManager", true, true, mp_status_on_message },
};

const char *
mp_message_id(const MpMessage *message)
{
        return message->envelope->id != NULL ? message->envelope->id : "";
}

/* Gives a member of the reply its value, whatever stood there. */
static void
put(char **member, const char *value)
{
        g_free(*member);
        *member = g_strdup(value != NULL ? value : "");
}

/* "direct:PS1WIN7X64:LS_ReplyLocations" to the endpoint that gets the reply. */
static const char *
reply_endpoint(const Envelope *envelope)
{
        const char *colon = envelope->reply_to != NULL ? strrchr(envelope->reply_to, ':') : NULL;

        return colon != NULL ? colon + 1 : "";
}

bool
mp_reply(MpMessage *message, const char *document, GError **error)
{
        UK_DOING(error, "replying to message %s", mp_message_id(message));
        g_autoptr(Envelope) reply = envelope_new();
        g_autofree char *guid = uk_guid_new_braced();
        g_autofree char *content_type = NULL;
        g_autoptr(GBytes) bytes = NULL;
        gsize size;

        put(&reply->id, guid);
        put(&reply->correlation, mp_message_id(message));
        put(&reply->source_host, host_machine(message->c->host));
        put(&reply->target_address, message->envelope->reply_to);
        put(&reply->target_endpoint, reply_endpoint(message->envelope));
        put(&reply->target_host, message->envelope->source_host);
        put(&reply->trace, uk_trace_get());
        put(&reply->body, document);
        reply->body_size = strlen(document);
        reply->sent_us = uk_clock_now();
        bytes = envelope_write(reply, NULL, NULL, &content_type, error);
        if (bytes == NULL)
                return false;
        const void *data = g_bytes_get_data(bytes, &size);

        http_answer(g_steal_pointer(&message->request), 200, content_type, data, size);
        return true;
}

/* The endpoint from "MP_RelayEndpoint", or from the address "mp:[http]mp_relayendpoint"; -1: none
 * that is served here. */
static int
find_endpoint(const Envelope *envelope)
{
        const char *name = envelope->target_endpoint;

        if (name == NULL || name[0] == '\0')
                name = envelope->target_address != NULL ? envelope->target_address : "";
        if (g_ascii_strncasecmp(name, "mp:", 3) == 0)
                name += 3;
        if (g_ascii_strncasecmp(name, "[http]", 6) == 0)
                name += 6;
        for (guint i = 0; i < G_N_ELEMENTS(endpoints); i++) {
                if (g_ascii_strcasecmp(endpoints[i].name, name) == 0)
                        return (int)i;
        }
        return -1;
}

/* A distribution point of the site, in the form of a client that is approved; *client_out is NULL
 * when the GUID is none's. Its certificate is the one that the site learned when it configured it,
 * so a message that fits it is its own. */
static bool
find_distribution_point(Component *c, const char *smsid, Machine **client_out, GError **error)
{
        g_autoptr(PullDPSender) sender = NULL;
        Machine *client;

        if (!pulldpresponse_sender(c->db, smsid, &sender, error))
                return false;
        if (sender == NULL)
                return true;
        client = g_new0(Machine, 1);
        client->smsid = g_strdup(smsid);
        client->name = g_strdup(sender->server);
        client->state = MACHINE_APPROVED;
        client->fingerprint = hash_sha256_hex(sender->certificate, strlen(sender->certificate));
        client->certificate = g_steal_pointer(&sender->certificate);
        *client_out = client;
        return true;
}

/* Finds the client that the message names and checks that it sent it. */
static bool
authenticate(MpMessage *message, bool for_dp, GError **error)
{
        g_autofree char *smsid = machine_smsid(
                message->envelope->source_id != NULL ? message->envelope->source_id : "");

        if (smsid == NULL)
                return uk_fail(error, UK_ERROR_DENIED, "it names no client");
        if (!machine_sender(message->c->db, smsid, &message->client, error) ||
            (message->client == NULL && for_dp &&
             !find_distribution_point(message->c, smsid, &message->client, error)))
                return false;
        if (message->client == NULL)
                return uk_fail(error, UK_ERROR_DENIED,
                               "client %s is not known here; it must register first", smsid);
        if (!mp_keys_check(message->mp->keys, message->client, message->envelope, error))
                return false;
        if (message->client->state == MACHINE_BLOCKED)
                return uk_fail(error, UK_ERROR_DENIED, "client %s (%s) is blocked", smsid,
                               message->client->name);
        if (message->client->state != MACHINE_APPROVED)
                return uk_fail(error, UK_ERROR_DENIED,
                               "client %s (%s) waits for approval: upkeep client approve %s", smsid,
                               message->client->name, message->client->name);
        if (message->client->id != 0)
                mp_contacts_note(message->mp->contacts, message->client->id);
        return true;
}

/* Serves the message under the log of its endpoint. */
static bool
serve(MpMessage *message, GError **error)
{
        int index = find_endpoint(message->envelope);
        UkLog *outer;
        bool ok;

        if (index < 0)
                return uk_fail(error, UK_ERROR_UNSUPPORTED, "there is no endpoint '%.64s' here",
                               message->envelope->target_endpoint);
        if (endpoints[index].is_signed && !authenticate(message, endpoints[index].for_dp, error))
                return false;
        outer = uk_log_bind(host_component_state(message->c->host, endpoints[index].component));
        ok = endpoints[index].serve(message, error);
        uk_log_bind(outer);
        return ok;
}

/* A message that was understood and is not served: 200 and nothing, and the reason in a header. */
static void
refuse(HttpRequest *request, const char *id, const char *why)
{
        uk_warn("Message '%s' from %s is not served: %s", id, http_request_peer(request), why);
        http_answer_header(request, REFUSED_HEADER, why);
        http_answer(request, 200, NULL, NULL, 0);
}

/* What a failure means to the sender: who it is (refused), what it sent (400), or us (503 and 500,
 * by the host, so that it tries again). */
static bool
answer_failure(MpMessage *message, GError *why_take, GError **error)
{
        g_autoptr(GError) why = why_take;

        switch (why->domain == UK_ERROR ? (UkErrorCode)why->code : UK_ERROR_IO) {
        case UK_ERROR_DENIED:
        case UK_ERROR_SIGNATURE:
        case UK_ERROR_UNSUPPORTED:
                refuse(g_steal_pointer(&message->request), mp_message_id(message), why->message);
                return true;
        default:
                g_propagate_prefixed_error(error, g_steal_pointer(&why),
                                           "message '%s': ", mp_message_id(message));
                return false;
        }
}

static bool
on_message(Component *c, HttpRequest *request, GError **error)
{
        const char *method = http_request_method(request);
        const char *type = http_request_header(request, "Content-Type");
        g_autoptr(Envelope) envelope = NULL;
        g_autoptr(GError) why = NULL;
        gsize size;
        const void *body = http_request_body(request, &size);

        if (g_ascii_strcasecmp(method, "CCM_POST") != 0 &&
            g_ascii_strcasecmp(method, "POST") != 0) {
                http_answer_header(request, "Allow", "CCM_POST, POST");
                http_answer_error(request, 405, "METHOD", "messages come by CCM_POST or POST");
                return true;
        }
        envelope = envelope_read(body, size, type != NULL ? type : "", error);
        if (envelope == NULL)
                return false;
        if (envelope->trace != NULL && envelope->trace[0] != '\0')
                uk_trace_set(envelope->trace);
        MpMessage message = { .c = c, .mp = c->state, .envelope = envelope, .request = request };
        bool ok = serve(&message, &why);

        machine_free(message.client);
        return ok || answer_failure(&message, g_steal_pointer(&why), error);
}

/* ---- the component --------------------------------------------------------------------------- */

static bool
on_commit(Component *c, GError **error)
{
        return mp_policy_refresh(((Mp *)c->state)->policy, c->db, error);
}

/* Sets a timer again, so many seconds from now. */
static void
again(Component *c, const char *timer, const char *setting)
{
        timer_set(c, timer,
                  uk_clock_now() + settings_int(host_settings(c->host), setting) * UK_SECOND);
}

static bool
on_journal(Component *c, GError **error)
{
        again(c, "journal", "mp.journal_seconds");
        return mp_relay_tick(((Mp *)c->state)->relay, error);
}

static bool
on_contacts(Component *c, GError **error)
{
        again(c, "contacts", "mp.contact_seconds");
        return mp_contacts_flush(((Mp *)c->state)->contacts, c->db, error);
}

static void
mp_free(Mp *mp)
{
        if (mp == NULL)
                return;
        mp_relay_free(mp->relay);
        mp_policy_free(mp->policy);
        mp_contacts_free(mp->contacts);
        mp_keys_free(mp->keys);
        sign_key_free(mp->key);
        g_free(mp->db_path);
        g_free(mp);
}

G_DEFINE_AUTOPTR_CLEANUP_FUNC(Mp, mp_free)

/* The management point's own key, made at its first start. */
static SignKey *
load_key(Host *host, GError **error)
{
        g_autofree char *dir = g_build_filename(host_state_dir(host), "keys", NULL);
        g_autofree char *path = g_build_filename(dir, "mp", NULL);

        if (!uk_io_mkdirs(dir, 0700, error))
                return NULL;
        return sign_key_load_or_make(path, host_machine(host), 2048, error);
}

static bool
start(Component *c, GError **error)
{
        UK_DOING(error, "starting the management point");
        g_autoptr(Mp) mp = g_new0(Mp, 1);

        mp->keys = mp_keys_new((guint)settings_int(host_settings(c->host), "mp.kept_keys"));
        mp->contacts = mp_contacts_new();
        mp->db_path = g_strdup(db_path(c->db));
        mp->policy = mp_policy_new(host_site_code(c->host));
        mp->key = load_key(c->host, error);
        if (mp->key == NULL || !mp_policy_refresh(mp->policy, c->db, error))
                return false;
        mp->relay = mp_relay_new(c->host, host_component_state(c->host, "MP_RelayEndpoint"), error);
        if (mp->relay == NULL)
                return false;
        c->state = g_steal_pointer(&mp);
        return true;
}

/* The threads' connections are closed by now. */
static void
stop(Component *c)
{
        g_autoptr(GError) error = NULL;
        Mp *mp = c->state;
        g_autoptr(Db) db = db_open(mp->db_path, false, LAST_WRITE_MS, &error);

        if (db == NULL || !mp_contacts_flush(mp->contacts, db, &error))
                uk_warn("When clients were heard of last could not be written: %s", error->message);
        mp_free(mp);
}

const ComponentDef mp_framework = {
        .name = "MP_Framework",
        .log = "MP_Framework.log",
        .log_form = UK_LOG_CLIENT,
        .what = "takes the messages of clients and hands each to its endpoint",
        .routes = {
                { "*", "/ccm_system/request", CALLER_ANYONE, ENVELOPE_MAX_BYTES, on_message },
                { "GET", "/SMS_MP/.sms_aut", CALLER_ANYONE, 0, mp_trust_on_query },
                { "GET", "/SMS_MP/.sms_pol", CALLER_ANYONE, 0, mp_policy_on_body },
        },
        .timers = {
                { "main", "journal", on_journal, true },
                { "main", "contacts", on_contacts, true },
        },
        .on_commit = on_commit,
        .start = start,
        .stop = stop,
};
