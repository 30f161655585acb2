/* soap_client_sync.c - SyncUpdates: what is for a machine.
 *
 * A client that announces the extension is told its evaluation sets, from ready bytes. The exchange
 * of lists of revisions is not served: whoever asks for it gets the fault InternalServerError.
 */
#include <string.h>

#include "base/clock.h"
#include "sup/soap_client/soap_client_private.h"
#include "wire/wsusclient.h"

/* Our clients scan once in days. Their cookie proves nothing that an hour would make safer, and a
 * longer life makes a scan with nothing new one exchange (DEB-042). */
#define COOKIE_LIFE (30 * UK_DAY)

static bool
check_registered(SoapCall *call, ClientCookie *cookie, GError **error)
{
        ClientService *state = call->c->state;

        if (cookie->registered)
                return true;
        if (!clientstore_is_registered(state->store, cookie->client_id, &cookie->registered, error))
                return false;
        return cookie->registered || soap_client_fault(call, error, "RegistrationRequired",
                                                       "the machine has not registered");
}

static bool
answer_with_sets(SoapCall *call, const XmlNode *element, ClientCookie *cookie, GError **error)
{
        ClientService *state = call->c->state;
        g_autoptr(SetsAnnouncement) announcement = wsussets_announcement_read(element, error);
        g_autofree char *named =
                announcement != NULL
                        ? soap_client_sets_answer(state->sets, call->c->db, announcement, error)
                        : NULL;

        if (named == NULL)
                return false;
        cookie->expires_us = (uk_clock_now() + COOKIE_LIFE) / UK_SECOND * UK_SECOND;
        g_autofree char *text = soap_client_cookie_make(state->key, cookie);
        call->reply = wsussets_reply_write(text, cookie->expires_us, named);
        return true;
}

bool
soap_client_sync_updates(SoapCall *call, GError **error)
{
        g_autofree char *text = xml_child_value(call->element, "cookie/EncryptedData");
        const XmlNode *element = wsussets_find(xml_child(call->element, "parameters"));
        ClientCookie cookie;

        if (!soap_client_open_cookie(call, text, &cookie, error) ||
            !check_registered(call, &cookie, error))
                return false;
        if (element != NULL)
                return answer_with_sets(call, element, &cookie, error);
        return uk_fail(
                error, UK_ERROR_UNSUPPORTED,
                "machine %s asks for lists of updates: only clients that announce evaluation "
                "sets are served",
                cookie.client_id);
}
