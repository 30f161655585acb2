/* soap_client_private.h - what the operations of the client service share.
 */
#pragma once

#include <pthread.h>

#include "sup/soap_client/soap_client_call.h"
#include "sup/soap_client/soap_client_cookie.h"
#include "sup/soap_client/soap_client_files.h"
#include "sup/soap_client/scope.h"
#include "sup/soap_client/soap_client_sets.h"
#include "sup/soap_report/clientstore.h"

/* State of the component; its members lock themselves. */
typedef struct {
        CookieKey *key;
        ClientStore *store;
        Sets *sets;
        Files *files;
        gint64 last_change_us; /* of the configuration that clients are told; whole seconds */
        pthread_mutex_t lock;  /* guards scope */
        Scope *scope;          /* NULL until a client asks for it */
} ClientService;

/* How many revisions a client may ask about in one GetExtendedUpdateInfo. */
#define SOAP_CLIENT_MAX_EXTENDED 50

/* Opens the cookie of a call: forged, of another catalogue, of another configuration, expired, each
 * its own fault (40, section 5). */
bool soap_client_open_cookie(SoapCall *call, const char *text, ClientCookie *cookie_out,
                             GError **error) UK_MUST_USE;

/* The same, and the fault RegistrationRequired for a machine that never registered. */
bool soap_client_let_in(SoapCall *call, const char *text, ClientCookie *cookie_out,
                        GError **error) UK_MUST_USE;
/* What is deployed now; the caller unrefs it. */
Scope *soap_client_scope(SoapCall *call, GError **error) UK_MUST_USE;
/* The row of an item, the caller's; *update_out is NULL for one that is no update. BUSY when the
 * catalogue has changed since the scope was read. */
bool soap_client_row(SoapCall *call, const ScopeItem *item, CatalogUpdate **update_out,
                     GError **error) UK_MUST_USE;
/* Whether to do it all over by the scope of now: the catalogue changed under the answer. */
bool soap_client_again(guint tries, const GError *why);
/* What of a deployment is sent. */
WsusUpdateInfo *soap_client_update_info(const ScopeItem *item, const char *xml);

/* Operations, each in the file that has its name. */
bool soap_client_sync_updates(SoapCall *call, GError **error);
bool soap_client_sync_printer_catalog(SoapCall *call, GError **error);
bool soap_client_start_category_scan(SoapCall *call, GError **error);
bool soap_client_refresh_cache(SoapCall *call, GError **error);
bool soap_client_get_extended_update_info(SoapCall *call, GError **error);
bool soap_client_get_file_locations(SoapCall *call, GError **error);
