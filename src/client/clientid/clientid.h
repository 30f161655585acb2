/* clientid.h - who this client is: its key, its GUID, and what the site says of it.
 *
 *   ClientIDManagerStartup --ClientRegistrationRequest--> CcmMessaging --> MP_ClientRegistration
 * (spec: client protocol, 5 and 7.)
 */
#pragma once

#include "client/work.h"
#include "crypto/sign.h"
#include "host/host.h"

/* Letter to BOX_CLIENTID: the management point would not serve this client; body: why. */
#define CLIENTID_REFUSED "Refused"
/* Letters to BOX_CLIENTID: ask how this client stands, now; it was joined to a site. */
#define CLIENTID_NOW    "Now"
#define CLIENTID_JOINED "Joined"

typedef struct {
        char *smsid;   /* GUID, upper case, without the prefix; "" before the first start */
        char *state;   /* "new", "pending", "registered", "rejected" */
        char *reason;  /* in the site's words */
        gint64 ask_us; /* when it last asked, 0 never */
        gint64 tries;  /* questions without a final answer */
} ClientRecord;

void clientid_record_free(ClientRecord *record);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(ClientRecord, clientid_record_free)
/* The stored record; one in state "new" with an empty GUID before the first start. */
ClientRecord *clientid_record_load(Db *db, GError **error) UK_MUST_USE;
/* True when the site has taken and approved the client: only then may it ask and report. */
bool clientid_is_registered(const ClientRecord *record);

/* The client's key with its certificate, made where missing (RSA, 2048 bits). */
SignKey *clientid_key(Host *host, GError **error) UK_MUST_USE;
/* The machine's short name in capitals ("PS1WIN7X64"); the caller's. */
char *clientid_netbios_name(Host *host);

/* The code of the site this client belongs to, as it was joined; the caller's. */
char *clientid_site(Host *host);

extern const ComponentDef clientid;
