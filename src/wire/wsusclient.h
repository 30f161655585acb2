/* wsusclient.h - the client web services of the update engine (spec: WSUS protocols, client side).
 *
 *   WUAgent, Windows Update Agent --GetConfig, GetAuthorizationCookie, GetCookie,
 *      RegisterComputer, StartCategoryScan, SyncUpdates, RefreshCache, GetExtendedUpdateInfo,
 *      GetFileLocations, ReportEventBatch--> update point
 *   WUAgent, Windows Update Agent <--responses, or faults (soap.h)-- update point
 *
 * For each call: its record as asked (…Request) and as answered; _read takes the element of a
 * SoapMessage and fails with INVALID, the message being the parameter's name for the fault
 * InvalidParameters; _write gives the whole document. What our clients say beyond the original, at
 * the end of SyncUpdates and in our namespace, is wsussets.h.
 */
#pragma once

#include "wire/soap.h"

#define WSUSCLIENT_NS "http://www.microsoft.com/SoftwareDistribution/Server/ClientWebService"
#define WSUSCLIENT_NS_AUTH \
        "http://www.microsoft.com/SoftwareDistribution/Server/SimpleAuthWebService"
#define WSUSCLIENT_NS_REPORTING "http://www.microsoft.com/SoftwareDistribution"

/* Opaque to all but the server that made it. */
typedef struct {
        gint64 expiration_us; /* for the client's benefit; the server does not trust it */
        char *data;           /* base64; "" on first contact */
} WsusCookie;

/* ---- GetConfig ---- */

typedef struct {
        char *protocol_version; /* "2.90" */
} WsusConfigRequest;

char *wsusclient_config_request_write(const WsusConfigRequest *request);
WsusConfigRequest *wsusclient_config_request_read(const XmlNode *call, GError **error) UK_MUST_USE;
void wsusclient_config_request_free(WsusConfigRequest *request);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(WsusConfigRequest, wsusclient_config_request_free)

typedef struct {
        gint64 last_change_us;
        bool registration_required;
        gint64 max_extended; /* MaxExtendedUpdatesPerRequest */
        char *protocol_version;
        gint64 reporting_level;
        char *auth_url; /* relative: "SimpleAuthWebService/SimpleAuth.asmx" */
} WsusConfig;

char *wsusclient_config_write(const WsusConfig *config);
WsusConfig *wsusclient_config_read(const XmlNode *response, GError **error) UK_MUST_USE;
void wsusclient_config_free(WsusConfig *config);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(WsusConfig, wsusclient_config_free)

/* What of it is for letting clients in alone: the answer to GetAuthConfig. */
char *wsusclient_auth_config_write(const WsusConfig *config);

/* ---- GetAuthorizationCookie (SimpleAuth) ---- */

typedef struct {
        char *client_id;
        char *target_group; /* as asked for by the client, names separated by ';'; "" if not */
        char *dns_name;
} WsusAuthRequest;

char *wsusclient_auth_request_write(const WsusAuthRequest *request);
WsusAuthRequest *wsusclient_auth_request_read(const XmlNode *call, GError **error) UK_MUST_USE;
void wsusclient_auth_request_free(WsusAuthRequest *request);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(WsusAuthRequest, wsusclient_auth_request_free)

/* cookie_data is base64. */
char *wsusclient_auth_write(const char *cookie_data);
/* The CookieData of the answer; the caller's. */
char *wsusclient_auth_read(const XmlNode *response, GError **error) UK_MUST_USE;

/* ---- GetCookie ---- */

typedef struct {
        char *auth_data; /* CookieData of the authorization cookie */
        WsusCookie old;  /* data "" when there is none */
        gint64 last_change_us;
        gint64 current_time_us;
        char *protocol_version;
} WsusCookieRequest;

char *wsusclient_cookie_request_write(const WsusCookieRequest *request);
WsusCookieRequest *wsusclient_cookie_request_read(const XmlNode *call, GError **error) UK_MUST_USE;
void wsusclient_cookie_request_free(WsusCookieRequest *request);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(WsusCookieRequest, wsusclient_cookie_request_free)

/* The cookie as answered. */
char *wsusclient_cookie_write(const WsusCookie *cookie);
WsusCookie *wsusclient_cookie_read(const XmlNode *response, GError **error) UK_MUST_USE;
void wsusclient_cookie_free(WsusCookie *cookie);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(WsusCookie, wsusclient_cookie_free)

/* ---- RegisterComputer ---- */

typedef struct {
        WsusCookie cookie;
        char *dns_name;
        gint64 os_major, os_minor, os_build, sp_major, sp_minor;
        char *os_locale;
        char *manufacturer, *model;
        char *bios_version, *bios_name;
        gint64 bios_date_us;
        char *architecture; /* "AMD64", "amd64" */
        gint64 suite_mask, old_product_type, new_product_type, system_metrics;
        gint64 client_major, client_minor, client_build, client_qfe;
        char *os_description; /* "Windows 10 Pro", "Debian GNU/Linux 12" */
} WsusComputer;

char *wsusclient_computer_write(const WsusComputer *computer);
WsusComputer *wsusclient_computer_read(const XmlNode *call, GError **error) UK_MUST_USE;
void wsusclient_computer_free(WsusComputer *computer);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(WsusComputer, wsusclient_computer_free)
/* The empty answer. */
char *wsusclient_computer_answer_write(void);

/* ---- StartCategoryScan (server only) ---- */

typedef struct {
        gint64 group;
        char *category; /* GUID */
} WsusCategoryWish;

/* Array of WsusCategoryWish, the caller's; INVALID for 200 and more. */
GPtrArray *wsusclient_category_scan_read(const XmlNode *call, GError **error) UK_MUST_USE;
/* Arrays of char *. */
char *wsusclient_category_scan_answer_write(const GPtrArray *preferred, const GPtrArray *in_error);

/* ---- SyncUpdates ---- */

typedef struct {
        WsusCookie cookie;
        GArray *installed; /* of gint64: InstalledNonLeafUpdateIDs */
        GArray *cached;    /* of gint64: OtherCachedUpdateIDs */
        GArray *drivers;   /* of gint64: CachedDriverIDs */
        bool skip_software;
        bool has_system_spec;    /* when read: devices were sent */
        GPtrArray *categories;   /* of char *: FilterCategoryIds */
        bool two_groups;         /* NeedTwoGroupOutOfScopeUpdates */
        char *device_attributes; /* when read: of ProductsParameters, for the log */
} WsusSyncRequest;

char *wsusclient_sync_request_write(const WsusSyncRequest *request);
WsusSyncRequest *wsusclient_sync_request_read(const XmlNode *call, GError **error) UK_MUST_USE;
void wsusclient_sync_request_free(WsusSyncRequest *request);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(WsusSyncRequest, wsusclient_sync_request_free)

#define WSUSCLIENT_MAX_INSTALLED 10000 /* the original takes 400 */

/* A SyncUpdates without its long list, OtherCachedUpdateIDs: of 34,000 numbers reading XML takes 20
 * ms, and this 1. The list is taken out where nothing in the document could mean anything else. */
typedef struct {
        char *document; /* the rest, in which the element is marked */
        gsize size;
        GArray *cached; /* of gint64 */
} WsusLifted;

/* False when there is nothing to be taken out; then the document is to be read as it is. */
bool wsusclient_lift_read(const void *data, gsize size, WsusLifted *lifted_out);
void wsusclient_lift_clear(WsusLifted *lifted);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(WsusLifted, wsusclient_lift_clear)
/* Puts the list back into the request that was read from the rest. */
void
wsusclient_lift_return(const WsusLifted *lifted, const XmlNode *call, WsusSyncRequest *request);

typedef struct {
        gint64 id;
        char *action;       /* "Install", "Evaluate", … */
        gint64 deadline_us; /* 0: none */
        bool assigned;
        gint64 last_change_us; /* only its date is sent */
} WsusDeployment;

typedef struct {
        gint64 id; /* revision ID */
        WsusDeployment deployment;
        bool leaf;
        char *xml; /* the core fragments; NULL for a changed update */
} WsusUpdateInfo;

WsusUpdateInfo *wsusclient_update_new(gint64 id, gint64 deployment_id, const char *action,
                                      bool leaf, const char *xml);
void wsusclient_update_free(WsusUpdateInfo *update);

typedef struct {
        GPtrArray *added;     /* of WsusUpdateInfo: NewUpdates */
        GArray *out_of_scope; /* of gint64 */
        GPtrArray *changed;   /* of WsusUpdateInfo */
        bool truncated;
        WsusCookie cookie;
        GArray *deployed_out_of_scope; /* of gint64; NULL: not sent */
        bool drivers_not_needed;
        /* What the client's protocol takes: members since 1.7 and since 1.8. */
        bool since_1_7, since_1_8;
} WsusSyncReply;

/* An empty reply for a client of the newest protocol; the caller frees it. */
WsusSyncReply *wsusclient_sync_reply_new(void);
char *wsusclient_sync_reply_write(const WsusSyncReply *reply);
/* The same as the answer to SyncPrinterCatalog. */
char *wsusclient_printers_reply_write(const WsusSyncReply *reply);
WsusSyncReply *wsusclient_sync_reply_read(const XmlNode *response, GError **error) UK_MUST_USE;
void wsusclient_sync_reply_free(WsusSyncReply *reply);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(WsusSyncReply, wsusclient_sync_reply_free)

/* ---- RefreshCache (server only) ---- */

typedef struct {
        char *update_id; /* GUID */
        gint64 revision;
} WsusIdentity;

typedef struct {
        WsusCookie cookie;
        GPtrArray *identities; /* of WsusIdentity */
} WsusRefreshRequest;

WsusRefreshRequest *
wsusclient_refresh_request_read(const XmlNode *call, GError **error) UK_MUST_USE;
void wsusclient_refresh_request_free(WsusRefreshRequest *request);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(WsusRefreshRequest, wsusclient_refresh_request_free)
/* Updates in scope with their identities, index by index. */
char *wsusclient_refresh_answer_write(const GPtrArray *updates, const GPtrArray *identities);

/* ---- GetExtendedUpdateInfo ---- */

typedef struct {
        WsusCookie cookie;
        GArray *revisions;     /* of gint64 */
        GPtrArray *info_types; /* of char *: "Extended", … */
        GPtrArray *locales;    /* of char * */
} WsusExtendedRequest;

char *wsusclient_extended_request_write(const WsusExtendedRequest *request);
WsusExtendedRequest *
wsusclient_extended_request_read(const XmlNode *call, GError **error) UK_MUST_USE;
void wsusclient_extended_request_free(WsusExtendedRequest *request);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(WsusExtendedRequest, wsusclient_extended_request_free)

typedef struct {
        gint64 id;
        char *xml; /* one fragment */
} WsusFragment;

typedef struct {
        char *digest; /* base64 of SHA-1 */
        char *url;
} WsusFileLocation;

typedef struct {
        GPtrArray *fragments; /* of WsusFragment */
        GPtrArray *locations; /* of WsusFileLocation */
        GArray *out_of_scope; /* of gint64 */
} WsusExtendedReply;

WsusExtendedReply *wsusclient_extended_reply_new(void);
/* Both copy their texts. */
void wsusclient_extended_reply_fragment(WsusExtendedReply *reply, gint64 id, const char *xml);
void wsusclient_location_add(GPtrArray *locations, const char *digest, const char *url);
char *wsusclient_extended_reply_write(const WsusExtendedReply *reply);
WsusExtendedReply *
wsusclient_extended_reply_read(const XmlNode *response, GError **error) UK_MUST_USE;
void wsusclient_extended_reply_free(WsusExtendedReply *reply);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(WsusExtendedReply, wsusclient_extended_reply_free)

/* ---- GetFileLocations ---- */

typedef struct {
        WsusCookie cookie;
        GPtrArray *digests; /* of char *: base64 of 20 bytes each */
} WsusLocationsRequest;

char *wsusclient_locations_request_write(const WsusLocationsRequest *request);
WsusLocationsRequest *
wsusclient_locations_request_read(const XmlNode *call, GError **error) UK_MUST_USE;
void wsusclient_locations_request_free(WsusLocationsRequest *request);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(WsusLocationsRequest, wsusclient_locations_request_free)

typedef struct {
        GPtrArray *locations; /* of WsusFileLocation */
        WsusCookie cookie;
} WsusLocationsReply;

WsusLocationsReply *wsusclient_locations_reply_new(void);
char *wsusclient_locations_reply_write(const WsusLocationsReply *reply);
WsusLocationsReply *
wsusclient_locations_reply_read(const XmlNode *response, GError **error) UK_MUST_USE;
void wsusclient_locations_reply_free(WsusLocationsReply *reply);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(WsusLocationsReply, wsusclient_locations_reply_free)

/* ---- ReportEventBatch ---- */

typedef struct {
        char *sid; /* ClientId */
        gint64 sequence;
        gint64 time_us;
        char *instance_id; /* GUID; events are told apart by it */
        gint64 namespace_id, event_id, source_id;
        char *update_id; /* GUID, of zeros if none */
        gint64 revision;
        gint64 hresult; /* signed */
        char *app_name;
        GPtrArray *strings; /* of char *: ReplacementStrings */
        GPtrArray *misc;    /* of char *: "tag=value" */
        char *brand, *model, *bios, *architecture;
        gint64 os_major, os_minor, os_build, os_revision, sp_major, sp_minor;
        gint64 os_locale;
        char *device_id;
        char *computer_name, *user_name;
} WsusEvent;

/* An event of namespace 1 and source 101 with empty lists; texts are NULL. The caller frees it. */
WsusEvent *wsusclient_event_new(void);
void wsusclient_event_free(WsusEvent *event);
/* The value behind "tag=" in MiscData, borrowed; NULL if there is none. */
const char *wsusclient_event_misc(const WsusEvent *event, char tag);

typedef struct {
        WsusCookie cookie;
        gint64 client_time_us;
        GPtrArray *events; /* of WsusEvent */
} WsusEventBatch;

#define WSUSCLIENT_MAX_EVENTS 1000

/* The batch as asked, and whether the server stored it as answered. */
char *wsusclient_events_write(const WsusEventBatch *batch);
WsusEventBatch *wsusclient_events_read(const XmlNode *call, GError **error) UK_MUST_USE;
void wsusclient_events_free(WsusEventBatch *batch);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(WsusEventBatch, wsusclient_events_free)
/* If not stored the client sends the batch again. */
char *wsusclient_events_answer_write(bool stored);
bool wsusclient_events_answer_read(const XmlNode *response, bool *stored_out,
                                   GError **error) UK_MUST_USE;
