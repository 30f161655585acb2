/* soap_client_private.h - what the operations of the client service share.
 */
#pragma once

#include "sup/soap_client/soap_client_call.h"
#include "sup/soap_client/soap_client_cookie.h"
#include "sup/soap_client/soap_client_sets.h"
#include "sup/soap_report/clientstore.h"

/* State of the component; its members lock themselves. */
typedef struct {
        CookieKey *key;
        ClientStore *store;
        Sets *sets;
        gint64 last_change_us; /* of the configuration that clients are told; whole seconds */
} ClientService;

/* Opens the cookie of a call: forged, of another catalogue, of another configuration, expired, or
 * of a machine that never registered, each its own fault (40, section 5). */
bool soap_client_open_cookie(SoapCall *call, const char *text, ClientCookie *cookie_out,
                             GError **error) UK_MUST_USE;

/* Operations, each in the file that has its name. */
bool soap_client_sync_updates(SoapCall *call, GError **error);
