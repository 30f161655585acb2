/* clientid.c - ClientIDManagerStartup: makes the client's key and GUID and registers it.
 *
 * In: the start of the role, replies from MP_ClientRegistration, refusals that CcmMessaging met.
 * Out: registration and confirmation requests; the record that lets others ask and report. It asks
 * for confirmation while the client is pending, and after growing pauses when it was rejected,
 * because an administrator may change his mind. A client that starts with another name, system or
 * version than it registered with says so by registering again, and works on meanwhile.
 */
#include "client/clientid/clientid.h"

#include <string.h>

#include "base/clock.h"
#include "base/guid.h"
#include "base/log.h"
#include "client/ccmmessaging/ccmmessaging.h"
#include "client/clientid.sql.h"
#include "client/policyagent/policyagent.h"
#include "crypto/hash.h"
#include "deb/machine.h"
#include "host/timer.h"
#include "wire/registration.h"

#define ENDPOINT  "MP_ClientRegistration"
#define REPLY     "ClientRegistration"
#define KEY_BITS  2048
#define EXPIRE_US UK_HOUR
/* Digest of what the site was last told of the machine, and has taken. */
#define TOLD "clientid.told"

static const DbField record_fields[] = {
        DB_FIELD(TEXT, ClientRecord, smsid, "SMSID"),
        DB_FIELD(TEXT, ClientRecord, state, "State"),
        DB_FIELD(TEXT, ClientRecord, reason, "Reason"),
        DB_FIELD(TIME, ClientRecord, ask_us, "AskTime"),
        DB_FIELD(INT, ClientRecord, tries, "Tries"),
        DB_FIELD_END,
};

void
clientid_record_free(ClientRecord *record)
{
        if (record == NULL)
                return;
        g_free(record->smsid);
        g_free(record->state);
        g_free(record->reason);
        g_free(record);
}

ClientRecord *
clientid_record_load(Db *db, GError **error)
{
        g_autoptr(ClientRecord) record = g_new0(ClientRecord, 1);
        bool found = false;

        if (!db_one(db, &sql_clientid_load, DB_NO_ARGS, record_fields, record, &found, error))
                return NULL;
        if (!found) {
                record->smsid = g_strdup("");
                record->state = g_strdup("new");
                record->reason = g_strdup("");
        }
        return g_steal_pointer(&record);
}

bool
clientid_is_registered(const ClientRecord *record)
{
        return strcmp(record->state, "registered") == 0;
}

char *
clientid_netbios_name(Host *host)
{
        const char *name = host_machine(host);
        g_autofree char *label = g_strndup(name, strcspn(name, "."));

        return g_ascii_strup(label, -1);
}

char *
clientid_site(Host *host)
{
        return settings_text(host_settings(host), "site.code");
}

SignKey *
clientid_key(Host *host, GError **error)
{
        g_autofree char *path = g_build_filename(host_state_dir(host), "identity", NULL);

        return sign_key_load_or_make(path, host_machine(host), KEY_BITS, error);
}

static GBytes *
sign(gpointer user, const void *data, gsize size, GError **error)
{
        return sign_data(user, data, size, error);
}

/* The GUID is the client's own and stays, whatever becomes of the site. */
static bool
make_guid(Component *c, GError **error)
{
        g_autofree char *guid = uk_guid_new();
        g_autofree char *smsid = g_ascii_strup(guid, -1);
        g_autoptr(Work) work = work_begin(c, "first start", error);

        if (work == NULL ||
            !db_run(work->tx, &sql_clientid_add,
                    DB_ARGS(DB_TEXT("smsid", smsid), DB_TIME("now", uk_clock_now()),
                            DB_TEXT("cause", work->cause), DB_TEXT("trace", uk_trace_get())),
                    error) ||
            !work_commit(g_steal_pointer(&work), error))
                return false;
        uk_log("Created a new client identity GUID:%s", smsid);
        return true;
}

/* Digest of what a registration tells of the machine; "" where that cannot be read just now. */
static char *
machine_digest(Component *c)
{
        g_autofree char *root = settings_text(host_settings(c->host), "client.machine_root");
        g_autofree char *netbios = clientid_netbios_name(c->host);
        g_autoptr(DebMachine) machine = machine_read(root, NULL);

        if (machine == NULL)
                return g_strdup("");
        g_autofree char *text =
                g_strjoin("\n", UPKEEP_VERSION, netbios, host_machine(c->host), machine->os_id,
                          machine->os_version, machine->status->native, NULL);
        return hash_sha256_hex(text, strlen(text));
}

/* Whether the site has another machine in its list than this one is by now. */
static bool
has_changed(Component *c)
{
        g_autofree char *told = host_mark_get(c->host, TOLD);
        g_autofree char *now = machine_digest(c);

        return now[0] != '\0' && g_strcmp0(told, now) != 0;
}

static char *
write_request(Component *c, const ClientRecord *record, bool confirmation, GError **error)
{
        g_autoptr(SignKey) key = clientid_key(c->host, error);
        g_autofree char *netbios = clientid_netbios_name(c->host);

        if (key == NULL)
                return NULL;
        g_autofree char *root = settings_text(host_settings(c->host), "client.machine_root");
        /* Only what people see of the machine: it registers without it too. */
        g_autoptr(DebMachine) machine = machine_read(root, NULL);
        RegistrationRequest request = {
                .smsid = record->smsid,
                .confirmation = confirmation,
                .time_us = uk_clock_now(),
                .agent_version = (char *)UPKEEP_VERSION,
                .certificate = (char *)sign_key_cert_pem(key),
                .netbios_name = netbios,
                .fq_name = (char *)host_machine(c->host),
                .os = machine != NULL ? machine->os_id : (char *)"",
                .os_version = machine != NULL ? machine->os_version : (char *)"",
                .architecture = machine != NULL ? machine->status->native : (char *)"",
        };
        return registration_request_write(&request, sign, key, error);
}

static void
log_asked(const ClientRecord *record, bool confirmation)
{
        if (confirmation)
                uk_log("[RegTask] - Client registration is pending. Sending confirmation request "
                       "for GUID:%s ...",
                       record->smsid);
        else if (clientid_is_registered(record))
                uk_log("[RegTask] - The machine is not as it was registered. Sending registration "
                       "request for GUID:%s ...",
                       record->smsid);
        else
                uk_log("[RegTask] - Client is not registered. Sending registration request for "
                       "GUID:%s ...",
                       record->smsid);
}

static bool
ask(Component *c, const ClientRecord *record, GError **error)
{
        bool confirmation = strcmp(record->state, "pending") == 0;
        g_autofree char *digest = confirmation ? g_strdup("") : machine_digest(c);
        g_autofree char *body = write_request(c, record, confirmation, error);
        g_autoptr(Work) work =
                body != NULL ? work_begin(c, confirmation ? "confirmation" : "registration", error)
                             : NULL;

        if (work == NULL)
                return false;
        CcmMessage message = {
                .queue = "mp:[http]mp_clientregistration",
                .endpoint = ENDPOINT,
                .reply_to = REPLY,
                .box = WORK_BOX_CLIENTID,
                .key = digest,
                .body = body,
                .size = strlen(body),
                .expire_us = uk_clock_now() + EXPIRE_US,
                .open = true,
        };
        if (!ccmmessaging_queue(work, &message, NULL, error) ||
            !db_run(work->tx, &sql_clientid_set_asked, DB_ARGS(DB_TIME("now", uk_clock_now())),
                    error) ||
            !work_commit(g_steal_pointer(&work), error))
                return false;
        log_asked(record, confirmation);
        return true;
}

/* 1, 2, 4 … minutes up to a limit: soon after the approval, and no burden before it. */
static gint64
pause_of(Component *c, const ClientRecord *record)
{
        gint64 limit = UK_MINUTE * settings_int(host_settings(c->host), "clientid.confirm_minutes");

        if (strcmp(record->state, "rejected") == 0)
                return limit;
        return MIN(limit, UK_MINUTE << CLAMP(record->tries - 1, 0, 10));
}

static void
plan(Component *c, const ClientRecord *record)
{
        gint64 span = pause_of(c, record);

        timer_set(c, "ask", uk_clock_now() + span);
        uk_log("[RegTask] - Sleeping for %d seconds ...", (int)(span / UK_SECOND));
}

/* Whether the site is still to take what it was told of a machine that is registered. */
static bool
is_untold(const ClientRecord *record)
{
        return clientid_is_registered(record) && record->tries > 0;
}

/* Asks if there is reason to and no question is under way. Only a start looks at the machine: all
 * of dpkg's status is read for it. */
static bool
ask_if_needed(Component *c, bool starting, GError **error)
{
        UK_DOING(error, "registering the client");
        g_autoptr(ClientRecord) record = clientid_record_load(c->db, error);
        bool waiting = false;

        if (record == NULL)
                return false;
        if (record->smsid[0] == '\0') {
                if (!make_guid(c, error))
                        return false;
                g_clear_pointer(&record, clientid_record_free);
                record = clientid_record_load(c->db, error);
        }
        if (record == NULL || !ccmmessaging_is_queued(c->db, ENDPOINT, &waiting, error))
                return false;
        bool needed = !clientid_is_registered(record) || is_untold(record) ||
                      (starting && has_changed(c));

        return waiting || !needed || ask(c, record, error);
}

static bool
on_ask(Component *c, GError **error)
{
        return ask_if_needed(c, false, error);
}

static bool
set_state(Work *work, const char *smsid, const char *state, const char *reason, gint64 tries,
          GError **error)
{
        return db_run(work->tx, &sql_clientid_set_state,
                      DB_ARGS(DB_TEXT("smsid", smsid), DB_TEXT("state", state),
                              DB_TEXT("reason", reason), DB_INT("tries", tries),
                              DB_TIME("now", uk_clock_now()), DB_TEXT("cause", work->cause),
                              DB_TEXT("trace", uk_trace_get())),
                      error);
}

static void
log_answer(const RegistrationResponse *response, const char *smsid)
{
        if (response->status == 0 && response->approved)
                uk_log("[RegTask] - Client is registered. Server assigned ClientID is GUID:%s. "
                       "Approval status 1",
                       smsid);
        else if (response->status == 0 || response->status == 1)
                uk_log("[RegTask] - Client registration is pending. Server assigned ClientID is "
                       "GUID:%s",
                       smsid);
        else
                uk_error("[RegTask] - Server rejected registration request: %d", response->status);
        if (response->reason != NULL && response->reason[0] != '\0')
                uk_warn("[RegTask] - The site says: %s", response->reason);
        if (response->stale)
                uk_warn("[RegTask] - The site has a newer registration of this client by that "
                        "one's clock, and asks for another later");
}

static const char *
state_of(const RegistrationResponse *response)
{
        switch (response->status) {
        case 0:
                return response->approved ? "registered" : "pending";
        case 1:
                return "pending";
        case 2:
                return "new";
        default:
                return "rejected";
        }
}

static bool
on_reply(Work *work, const WorkLetter *letter, GError **error)
{
        UK_DOING(error, "reading the answer to the registration");
        gsize size;
        const void *data = g_bytes_get_data(letter->body, &size);
        g_autoptr(RegistrationResponse) response = registration_response_read(data, size, error);
        g_autoptr(ClientRecord) record =
                response != NULL ? clientid_record_load(work_db(work), error) : NULL;

        if (record == NULL)
                return false;
        /* A site that knows this key under another GUID is right: it has the history. */
        const char *smsid = uk_guid_valid(response->smsid) ? response->smsid : record->smsid;
        g_autofree char *upper = g_ascii_strup(smsid, -1);
        const char *state = state_of(response);
        bool registered = strcmp(state, "registered") == 0;

        bool taken = !response->stale && (registered || strcmp(state, "pending") == 0);
        gint64 tries = !registered ? record->tries : response->stale ? MAX(record->tries, 1) : 0;

        if (!set_state(work, upper, state, response->reason, tries, error) ||
            (taken && letter->key[0] != '\0' &&
             !host_mark_set(work->c->host, TOLD, letter->key, error)))
                return false;
        log_answer(response, upper);
        g_free(record->state);
        record->state = g_strdup(state);
        if (!registered || response->stale)
                plan(work->c, record);
        if (!registered)
                return true;
        work_ring(work, WORK_BOX_OUTGOING);
        return work_tell(work, WORK_BOX_POLICY, POLICY_NOW, NULL, NULL, 0, error);
}

/* The site does not serve this client any more: it asks how it stands, and reports nothing until
 * it knows. */
static bool
on_refused(Work *work, const WorkLetter *letter, GError **error)
{
        g_autoptr(ClientRecord) record = clientid_record_load(work_db(work), error);
        g_autofree char *reason = NULL;
        gsize size;
        const char *data = g_bytes_get_data(letter->body, &size);

        if (record == NULL)
                return false;
        if (!clientid_is_registered(record))
                return true;
        reason = g_strndup(data != NULL ? data : "", size);
        uk_warn("The management point does not serve this client%s%s", reason[0] ? ": " : ".",
                reason);
        timer_set(work->c, "ask", uk_clock_now());
        return set_state(work, record->smsid, "pending", reason, 0, error);
}

/* The question grew too old on its way, or nobody takes it as it is: the next one is asked after a
 * pause that grows. */
static bool
on_undelivered(Work *work, const WorkLetter *letter, GError **error)
{
        g_autoptr(ClientRecord) record = clientid_record_load(work_db(work), error);

        if (record != NULL && (!clientid_is_registered(record) || is_untold(record)))
                plan(work->c, record);
        return record != NULL;
}

static bool
on_now(Work *work, const WorkLetter *letter, GError **error)
{
        timer_set(work->c, "ask", uk_clock_now());
        return true;
}

/* Perhaps another site, which must take this client first. */
static bool
on_joined(Work *work, const WorkLetter *letter, GError **error)
{
        g_autoptr(ClientRecord) record = clientid_record_load(work_db(work), error);

        if (record == NULL)
                return false;
        timer_set(work->c, "ask", uk_clock_now());
        return set_state(work, record->smsid, "new", "", 0, error) &&
               policyagent_joined(work, error);
}

static const WorkHandler handlers[] = {
        { REPLY, on_reply },
        { CLIENTID_NOW, on_now },
        { CLIENTID_JOINED, on_joined },
        { CLIENTID_REFUSED, on_refused },
        { CCM_UNDELIVERED, on_undelivered },
        { NULL, NULL },
};

static bool
on_ring(Component *c, const InboxFile *file, GError **error)
{
        return work_serve(c, WORK_BOX_CLIENTID, handlers, error);
}

static bool
on_start(Component *c, GError **error)
{
        return work_serve(c, WORK_BOX_CLIENTID, handlers, error) && ask_if_needed(c, true, error);
}

const ComponentDef clientid = {
        .name = "ClientIDManagerStartup",
        .log = "ClientIDManagerStartup.log",
        .log_form = UK_LOG_CLIENT,
        .what = "makes the client's key and GUID, registers it, asks while it is pending",
        .boxes = {
                { .lane = "main", .box = "@clientid", .kind = WORK_RING, .on_file = on_ring },
        },
        .timers = {
                { "main", "start", on_start, true },
                { "main", "ask", on_ask, false },
        },
};
