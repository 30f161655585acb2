/* locationdoc.h - where the update servers are (spec: state messages, 3; COMP-030, COMP-034).
 *
 *   LocationServices (client) --WSUSLocationRequest--> MP_LocationManager
 *   LocationServices (client) <--WSUSLocationReply---- MP_LocationManager
 */
#pragma once

#include "base/error.h"

#define LOCATIONDOC_MAX_BYTES (256 * 1024)

typedef struct {
        char *content_id;      /* unique ID of the update source, with braces (COMP-029) */
        char *content_version; /* "38" */
        char *assigned_site;
        bool on_internet;
        char *ad_site, *forest, *domain; /* "" if none */
        char **addresses;                /* "192.168.2.62", … ; never NULL */
        char **subnets;                  /* of each address; as many */
} WsusLocationRequest;

/* The element ClientLocationInfo alone, as MP_GetSiteInfoUnified gets it; the caller's. */
char *locationdoc_client_info(const WsusLocationRequest *request);
char *locationdoc_request_write(const WsusLocationRequest *request);
WsusLocationRequest *
locationdoc_request_read(const void *data, gsize size, GError **error) UK_MUST_USE;
void locationdoc_request_free(WsusLocationRequest *request);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(WsusLocationRequest, locationdoc_request_free)

typedef struct {
        char *url; /* http://PS1SITE.CONTOSO.COM:8530 */
        char *server;
        char *version;
} WsusLocation;

typedef struct {
        char *site;           /* of the management point */
        GPtrArray *locations; /* of WsusLocation, in the order to be preferred; never NULL */
        char *reason;         /* why the list is empty (element of ours), "" else */
} WsusLocationReply;

WsusLocationReply *locationdoc_reply_new(const char *site);
void locationdoc_reply_add(WsusLocationReply *reply, const char *url, const char *server,
                           const char *version);
char *locationdoc_reply_write(const WsusLocationReply *reply);
WsusLocationReply *locationdoc_reply_read(const void *data, gsize size, GError **error) UK_MUST_USE;
void locationdoc_reply_free(WsusLocationReply *reply);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(WsusLocationReply, locationdoc_reply_free)
