/* mp_register.c - makes clients known: a registration proves itself by the key it brings.
 *
 * In: a ClientRegistrationRequest, signed with the key whose certificate it carries. Out: a row for
 * a new client, pending until an administrator (or a setting) approves it, and the answer how the
 * client stands. A GUID never changes its key here, and a blocked client stays blocked.
 */
#include <string.h>

#include "base/clock.h"
#include "mp/mp_private.h"
#include "sitedb/machinerequest.h"
#include "wire/registration.h"

#define CAUSE "registration"

/* The answers' Status. */
enum {
        STATUS_REGISTERED = 0,
        STATUS_PENDING = 1,
        STATUS_AGAIN = 2,
        STATUS_REJECTED = 3,
};

/* How a request is answered. */
typedef struct {
        int status;
        char *smsid; /* "GUID:…", "" for none */
        bool approved;
        bool stale; /* what it says of the machine is not believed */
        char *reason;
} Verdict;

static void
verdict_clear(Verdict *verdict)
{
        g_free(verdict->smsid);
        g_free(verdict->reason);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Verdict, verdict_clear)

static void decide(Verdict *verdict, int status, const char *smsid, const char *format, ...)
        G_GNUC_PRINTF(4, 5);

static void
decide(Verdict *verdict, int status, const char *smsid, const char *format, ...)
{
        va_list args;

        va_start(args, format);
        verdict->status = status;
        verdict->approved = status == STATUS_REGISTERED;
        verdict->smsid = g_strdup(smsid);
        verdict->reason = g_strdup_vprintf(format, args);
        va_end(args);
}

/* The certificate of the request, if its signature shows that the sender has the key. */
static SignCert *
check_signature(const RegistrationRequest *request, GError **error)
{
        g_autoptr(SignCert) cert =
                sign_cert_read(request->certificate, strlen(request->certificate), error);
        g_autoptr(GBytes) covered =
                cert != NULL ? registration_signed_bytes(request->data, error) : NULL;
        g_autoptr(GBytes) signature =
                covered != NULL ? envelope_signature(request->signature, error) : NULL;

        if (signature == NULL ||
            !sign_verify(cert, g_bytes_get_data(covered, NULL), g_bytes_get_size(covered),
                         g_bytes_get_data(signature, NULL), g_bytes_get_size(signature), error))
                return NULL;
        return g_steal_pointer(&cert);
}

static void
judge_known(const Machine *client, Verdict *verdict)
{
        switch (client->state) {
        case MACHINE_APPROVED:
                decide(verdict, STATUS_REGISTERED, client->smsid, "%s", "");
                return;
        case MACHINE_BLOCKED:
                decide(verdict, STATUS_REJECTED, client->smsid, "an administrator blocked it");
                return;
        default:
                decide(verdict, STATUS_PENDING, client->smsid,
                       "it waits for approval: upkeep client approve %s", client->name);
        }
}

/* How a client stands that asks whether it is registered by now. Nothing is written. */
static bool
confirm(MpMessage *message, const RegistrationRequest *request, const char *fingerprint,
        Verdict *verdict, GError **error)
{
        g_autoptr(Machine) client = NULL;

        if (!machine_by_smsid(message->c->db, request->smsid, &client, error))
                return false;
        if (client == NULL || strcmp(client->fingerprint, fingerprint) != 0)
                decide(verdict, STATUS_AGAIN, "", "it is not known here with this key; register");
        else
                judge_known(client, verdict);
        return true;
}

/* The row of the client, made or brought up to date. An older request than the client's last one is
 * a repetition, of whomever: it is answered, and what it says is not believed. Who sent it in
 * earnest, by a clock that was set back, say, sends it again. */
static Machine *
record(MpMessage *message, const RegistrationRequest *request, const SignCert *cert,
       const char *fingerprint, bool *stale_out, GError **error)
{
        bool approve = settings_bool(host_settings(message->c->host), "mp.approve_automatically");
        g_autofree char *pem = sign_cert_pem(cert);
        g_autofree char *os = g_strconcat(request->os, request->os_version[0] != '\0' ? " " : "",
                                          request->os_version, NULL);
        const MachineRegistration registration = {
                .smsid = request->smsid,
                .name = request->netbios_name,
                .full_name = request->fq_name,
                .version = request->agent_version,
                .os = os,
                .architecture = request->architecture,
                .certificate = pem,
                .fingerprint = fingerprint,
        };
        g_autoptr(DbTx) tx = db_begin(message->c->db, error);
        g_autoptr(Machine) client =
                tx != NULL ? machine_register(tx, &registration, approve, CAUSE, error) : NULL;
        bool newer;

        if (client == NULL || !machinerequest_take(tx, client->id, request->time_us, &newer, error))
                return NULL;
        if (newer && !db_commit(g_steal_pointer(&tx), error))
                return NULL;
        *stale_out = !newer;
        return g_steal_pointer(&client);
}

static bool
register_client(MpMessage *message, const RegistrationRequest *request, const SignCert *cert,
                const char *fingerprint, Verdict *verdict, GError **error)
{
        g_autoptr(GError) why = NULL;
        g_autoptr(Machine) client = NULL;

        if (request->confirmation)
                return confirm(message, request, fingerprint, verdict, error);
        client = record(message, request, cert, fingerprint, &verdict->stale, &why);
        if (client != NULL) {
                judge_known(client, verdict);
                return true;
        }
        if (g_error_matches(why, UK_ERROR, UK_ERROR_DENIED)) {
                decide(verdict, STATUS_REJECTED, "", "%s", why->message);
                return true;
        }
        g_propagate_error(error, g_steal_pointer(&why));
        return false;
}

static bool
answer(MpMessage *message, const RegistrationRequest *request, const Verdict *verdict,
       GError **error)
{
        const char *guid = verdict->smsid;
        const RegistrationResponse response = {
                .confirmation = request->confirmation,
                .status = verdict->status,
                .smsid = (char *)(g_str_has_prefix(guid, "GUID:") ? guid + 5 : guid),
                .approved = verdict->approved,
                .time_us = uk_clock_now(),
                .reason = verdict->reason,
                .stale = verdict->stale,
        };
        g_autofree char *text = registration_response_write(&response);

        return mp_reply(message, text, error);
}

bool
mp_register_on_message(MpMessage *message, GError **error)
{
        const Envelope *envelope = message->envelope;
        g_auto(Verdict) verdict = { 0 };
        g_autoptr(RegistrationRequest) request = NULL;
        g_autoptr(SignCert) cert = NULL;
        g_autofree char *fingerprint = NULL;

        uk_verbose("MP Reg: Message Body : %s", envelope->body);
        request = registration_request_read(envelope->body, envelope->body_size, error);
        if (request == NULL)
                return false;
        cert = check_signature(request, error);
        if (cert == NULL) {
                g_prefix_error(error, "the registration of %s does not prove itself: ",
                               request->netbios_name);
                return false;
        }
        fingerprint = sign_cert_fingerprint(cert);
        if (!register_client(message, request, cert, fingerprint, &verdict, error))
                return false;
        uk_log("MP Reg: %s of %s (%s, key %s): status %d, approval status %d%s%s%s",
               request->confirmation ? "Confirmation request" : "Registration",
               request->netbios_name, verdict.smsid, fingerprint, verdict.status,
               verdict.approved ? 1 : 0, verdict.reason[0] != '\0' ? ": " : "", verdict.reason,
               verdict.stale ? "; it is older than the last one, and nothing of it is taken" : "");
        return answer(message, request, &verdict, error);
}

/* The component is its log; its messages come through MP_Framework. */
static bool
start(Component *c, GError **error)
{
        c->state = uk_log_bound();
        return true;
}

const ComponentDef mp_register = {
        .name = "MP_RegistrationManager",
        .log = "MP_RegistrationManager.log",
        .log_form = UK_LOG_CLIENT,
        .what = "makes clients known to the site",
        .start = start,
};
