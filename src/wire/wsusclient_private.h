/* wsusclient_private.h - what the files of the client web services share; not for others. */
#pragma once

#include "wire/soapfield.h"
#include "wire/wsusclient.h"

/* A document under way: its text and the writer in it. */
typedef struct {
        GString *out;
        XmlWriter w;
} WsusWriting;

/* Begins a document whose body's element is name; ns and layout are the service's. */
void wsusclient_begin(WsusWriting *writing, SoapLayout layout, const char *name, const char *ns);
/* Ends it; the text is the caller's. */
char *wsusclient_end(WsusWriting *writing);
/* The element <op>Result of a response <op>Response; NULL with PARSE when it is another. */
const XmlNode *
wsusclient_result(const XmlNode *response, const char *op, GError **error) UK_MUST_USE;

/* Reads the cookie below node (NULL: none) of whatever is sent as one. */
bool wsusclient_read_cookie(const XmlNode *node, WsusCookie *cookie, GError **error) UK_MUST_USE;
void wsusclient_write_cookie(XmlWriter *w, const char *name, const WsusCookie *cookie);
void wsusclient_clear_cookie(WsusCookie *cookie);

/* <FileLocations> with what is in the array, left out when there is nothing. */
void wsusclient_write_locations(XmlWriter *w, const GPtrArray *locations);
bool
wsusclient_read_locations(const XmlNode *node, GPtrArray *locations, GError **error) UK_MUST_USE;
GPtrArray *wsusclient_locations_new(void);
/* <name><int>…</int></name>, left out when the array is NULL or empty. */
void wsusclient_write_ints(XmlWriter *w, const char *name, const GArray *ints);
/* <Deployment>, with the members since 1.8 when wanted. */
void wsusclient_write_deployment(XmlWriter *w, const WsusDeployment *deployment, bool since_1_8);
/* One UpdateInfo's <ID>, <Deployment>, <IsLeaf>, <Xml>. */
WsusUpdateInfo *wsusclient_read_update(const XmlNode *node, GError **error) UK_MUST_USE;
