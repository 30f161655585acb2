/* mp_private.h - what the parts of the management point share.
 *
 *   client --CCM_POST--> ccm_request --by endpoint--> mp_location, mp_policy, mp_register, mp_relay
 *   client --GET .sms_aut, .sms_pol--> mp_trust, mp_policy
 *
 * One component (MP_Framework) has the routes and the state; each endpoint has a component of its
 * own for its log, as administrators know them.
 */
#pragma once

#include "crypto/sign.h"
#include "host/host.h"
#include "sitedb/machine.h"
#include "wire/envelope.h"

typedef struct MpContacts MpContacts;
typedef struct MpKeys MpKeys;
typedef struct MpPolicy MpPolicy;
typedef struct MpRelay MpRelay;

/* The management point's state; lives from the start of MP_Framework to its stop. */
typedef struct {
        char *db_path;        /* of the site database, for the last writing */
        SignKey *key;         /* the management point's own */
        MpKeys *keys;         /* of clients */
        MpContacts *contacts; /* when clients were heard of last, and what was rejected */
        MpPolicy *policy;
        MpRelay *relay;
} Mp;

/* A message of a client, on its way through an endpoint. */
typedef struct {
        Component *c; /* of the thread that serves it; its log is the endpoint's */
        Mp *mp;
        Envelope *envelope;
        /* Who signed it; NULL for an endpoint that needs no signature. Of a distribution point it
         * has ID 0, and the GUID, name and certificate of that one. */
        Machine *client;
        HttpRequest *request; /* NULL once it is answered or handed over */
} MpMessage;

/* Serves a message and answers it, or hands its request over. False: it is refused, error says
 * why, and the caller answers. */
typedef bool (*MpEndpointFn)(MpMessage *message, GError **error);

bool mp_location_on_message(MpMessage *message, GError **error);
bool mp_policy_on_message(MpMessage *message, GError **error);
bool mp_register_on_message(MpMessage *message, GError **error);
bool mp_relay_on_message(MpMessage *message, GError **error);
bool mp_status_on_message(MpMessage *message, GError **error);

/* Answers a message with a document, framed as the message was. */
bool mp_reply(MpMessage *message, const char *document, GError **error) UK_MUST_USE;
/* "{…}" of the message, for logs; never NULL. */
const char *mp_message_id(const MpMessage *message);

/* ---- mp_keys: certificates of clients, ready for checking ------------------------------------ */

MpKeys *mp_keys_new(guint max);
void mp_keys_free(MpKeys *keys);
/* Whether the message is signed by the machine's key. SIGNATURE says which signature does not fit.
 */
bool mp_keys_check(MpKeys *keys, const Machine *client, const Envelope *envelope,
                   GError **error) UK_MUST_USE;

/* ---- mp_contacts: rows that many requests share ---------------------------------------------- */

MpContacts *mp_contacts_new(void);
void mp_contacts_free(MpContacts *contacts);
/* Notes that the client was heard of now. In memory; cheap. */
void mp_contacts_note(MpContacts *contacts, gint64 client_id);
/* Notes where the client is on its road from policy to report; likewise. */
void mp_contacts_policy(MpContacts *contacts, gint64 client_id);
void mp_contacts_body(MpContacts *contacts, gint64 client_id, gint64 content_version);
void mp_contacts_location(MpContacts *contacts, gint64 client_id, gint64 content_version,
                          const char *url, const char *reason);
void mp_contacts_report(MpContacts *contacts, gint64 client_id, gint64 highest_serial);
/* Notes that a report of the client was rejected, for whoever asks why its state is old. True for
 * the first one since the last writing. */
bool mp_contacts_reject(MpContacts *contacts, gint64 client_id, const char *message_id,
                        const char *reason);
/* Writes what was noted, in one transaction. On failure it stays noted. */
bool mp_contacts_flush(MpContacts *contacts, Db *db, GError **error) UK_MUST_USE;

/* ---- mp_policy: what is assigned, kept in memory --------------------------------------------- */

MpPolicy *mp_policy_new(const char *site);
void mp_policy_free(MpPolicy *policy);
/* Reads the assignments again if any has changed. */
bool mp_policy_refresh(MpPolicy *policy, Db *db, GError **error) UK_MUST_USE;
/* Answers GET .sms_pol?{ID}.40_00 with ready bytes. */
bool mp_policy_on_body(Component *c, HttpRequest *request, GError **error);

/* ---- mp_relay ---------------------------------------------------------------------------------*/

/* log is that of MP_RelayEndpoint, for the threads that are not the host's. */
MpRelay *mp_relay_new(Host *host, UkLog *log, GError **error) UK_MUST_USE;
/* Makes files of all that was acknowledged, answers all that waits. */
void mp_relay_free(MpRelay *relay);
bool mp_relay_tick(MpRelay *relay, GError **error) UK_MUST_USE;

/* ---- mp_trust: plain GET queries ------------------------------------------------------------- */

/* Answers GET .sms_aut?VERB: lists, certificates, keys. */
bool mp_trust_on_query(Component *c, HttpRequest *request, GError **error);

extern const ComponentDef mp_framework;
extern const ComponentDef mp_location;
extern const ComponentDef mp_policy;
extern const ComponentDef mp_get_policy;
extern const ComponentDef mp_register;
extern const ComponentDef mp_relay;
extern const ComponentDef mp_status;
