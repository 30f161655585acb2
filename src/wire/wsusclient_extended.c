/* wsusclient_extended.c - the calls around a scan: categories to scan for, the cache anew after
 * the server changed, fragments of updates, locations of files.
 */
#include <string.h>

#include "wire/wsusclient_private.h"

#define MAX_WISHES    199 /* "fewer than 200" */
#define MAX_FRAGMENTS 100000
#define DIGEST_SIZE   20
#define MAX_DIGESTS   1000

/* --- StartCategoryScan --- */

static const SoapField wish_fields[] = {
        { "IndexOfAndGroup", offsetof(WsusCategoryWish, group), SOAPFIELD_INT, SOAPFIELD_NEEDED,
          NULL },
        { "CategoryId", offsetof(WsusCategoryWish, category), SOAPFIELD_GUID, SOAPFIELD_NEEDED,
          NULL },
};

static void
free_wish(gpointer wish)
{
        soapfield_clear(wish_fields, G_N_ELEMENTS(wish_fields), wish);
        g_free(wish);
}

GPtrArray *
wsusclient_category_scan_read(const XmlNode *call, GError **error)
{
        g_autoptr(GPtrArray) wishes = g_ptr_array_new_with_free_func(free_wish);
        const XmlNode *at = xml_path(call, "requestedCategories/CategoryRelationship");

        for (; at != NULL; at = xml_next(at, "CategoryRelationship")) {
                WsusCategoryWish *wish = g_new0(WsusCategoryWish, 1);

                g_ptr_array_add(wishes, wish);
                if (wishes->len > MAX_WISHES) {
                        uk_fail(error, UK_ERROR_INVALID, "requestedCategories");
                        return NULL;
                }
                if (!soapfield_read(at, wish_fields, G_N_ELEMENTS(wish_fields), wish, error))
                        return NULL;
        }
        return g_steal_pointer(&wishes);
}

static void
write_guids(XmlWriter *w, const char *name, const GPtrArray *guids)
{
        xml_open(w, name);
        for (guint i = 0; i < guids->len; i++)
                xml_element(w, "guid", guids->pdata[i]);
        xml_close(w);
}

char *
wsusclient_category_scan_answer_write(const GPtrArray *preferred, const GPtrArray *in_error)
{
        WsusWriting doc;

        wsusclient_begin(&doc, SOAP_PLAIN, "StartCategoryScanResponse", WSUSCLIENT_NS);
        write_guids(&doc.w, "preferredCategoryIds", preferred);
        write_guids(&doc.w, "requestedCategoryIdsInError", in_error);
        return wsusclient_end(&doc);
}

/* --- RefreshCache --- */

static const SoapField identity_fields[] = {
        { "UpdateID", offsetof(WsusIdentity, update_id), SOAPFIELD_GUID, SOAPFIELD_NEEDED, NULL },
        { "RevisionNumber", offsetof(WsusIdentity, revision), SOAPFIELD_INT, SOAPFIELD_NEEDED,
          NULL },
};

static void
free_identity(gpointer identity)
{
        soapfield_clear(identity_fields, G_N_ELEMENTS(identity_fields), identity);
        g_free(identity);
}

static bool
read_identities(const XmlNode *list, GPtrArray *identities, GError **error)
{
        const XmlNode *at = xml_child(list, "UpdateIdentity");

        for (; at != NULL; at = xml_next(at, "UpdateIdentity")) {
                WsusIdentity *identity = g_new0(WsusIdentity, 1);

                g_ptr_array_add(identities, identity);
                if (identities->len > SOAPFIELD_MAX_ITEMS)
                        return uk_fail(error, UK_ERROR_INVALID, "globalIDs");
                if (!soapfield_read(at, identity_fields, G_N_ELEMENTS(identity_fields), identity,
                                    error))
                        return false;
        }
        return true;
}

WsusRefreshRequest *
wsusclient_refresh_request_read(const XmlNode *call, GError **error)
{
        g_autoptr(WsusRefreshRequest) request = g_new0(WsusRefreshRequest, 1);

        request->identities = g_ptr_array_new_with_free_func(free_identity);
        if (!wsusclient_read_cookie(xml_child(call, "cookie"), &request->cookie, error) ||
            !read_identities(xml_child(call, "globalIDs"), request->identities, error))
                return NULL;
        return g_steal_pointer(&request);
}

void
wsusclient_refresh_request_free(WsusRefreshRequest *request)
{
        if (request == NULL)
                return;
        wsusclient_clear_cookie(&request->cookie);
        g_clear_pointer(&request->identities, g_ptr_array_unref);
        g_free(request);
}

/* The name stands at both levels: for the list and for its items. */
char *
wsusclient_refresh_answer_write(const GPtrArray *updates, const GPtrArray *identities)
{
        WsusWriting doc;

        g_assert(updates->len == identities->len);
        wsusclient_begin(&doc, SOAP_PLAIN, "RefreshCacheResponse", WSUSCLIENT_NS);
        xml_open(&doc.w, "RefreshCacheResult");
        for (guint i = 0; i < updates->len; i++) {
                const WsusUpdateInfo *update = updates->pdata[i];

                xml_open(&doc.w, "RefreshCacheResult");
                xml_element_int(&doc.w, "RevisionID", update->id);
                xml_open(&doc.w, "GlobalID");
                soapfield_write(&doc.w, identity_fields, G_N_ELEMENTS(identity_fields),
                                identities->pdata[i]);
                xml_close(&doc.w);
                xml_element(&doc.w, "IsLeaf", update->leaf ? "true" : "false");
                wsusclient_write_deployment(&doc.w, &update->deployment, true);
                xml_close(&doc.w);
        }
        xml_close(&doc.w);
        return wsusclient_end(&doc);
}

/* --- locations of files --- */

static const SoapField location_fields[] = {
        { "FileDigest", offsetof(WsusFileLocation, digest), SOAPFIELD_TOKEN, SOAPFIELD_NEEDED,
          NULL },
        { "Url", offsetof(WsusFileLocation, url), SOAPFIELD_TOKEN, SOAPFIELD_NEEDED, NULL },
};

static void
free_location(gpointer location)
{
        soapfield_clear(location_fields, G_N_ELEMENTS(location_fields), location);
        g_free(location);
}

GPtrArray *
wsusclient_locations_new(void)
{
        return g_ptr_array_new_with_free_func(free_location);
}

void
wsusclient_location_add(GPtrArray *locations, const char *digest, const char *url)
{
        WsusFileLocation *location = g_new(WsusFileLocation, 1);

        location->digest = g_strdup(digest);
        location->url = g_strdup(url);
        g_ptr_array_add(locations, location);
}

void
wsusclient_write_locations(XmlWriter *w, const GPtrArray *locations)
{
        if (locations->len == 0)
                return;
        xml_open(w, "FileLocations");
        for (guint i = 0; i < locations->len; i++) {
                xml_open(w, "FileLocation");
                soapfield_write(w, location_fields, G_N_ELEMENTS(location_fields),
                                locations->pdata[i]);
                xml_close(w);
        }
        xml_close(w);
}

bool
wsusclient_read_locations(const XmlNode *node, GPtrArray *locations, GError **error)
{
        const XmlNode *at = xml_path(node, "FileLocations/FileLocation");

        for (; at != NULL; at = xml_next(at, "FileLocation")) {
                WsusFileLocation *location = g_new0(WsusFileLocation, 1);

                g_ptr_array_add(locations, location);
                if (locations->len > MAX_FRAGMENTS)
                        return uk_fail(error, UK_ERROR_LIMIT, "more than %d files", MAX_FRAGMENTS);
                if (!soapfield_read(at, location_fields, G_N_ELEMENTS(location_fields), location,
                                    error))
                        return false;
        }
        return true;
}

/* --- GetExtendedUpdateInfo --- */

static const SoapField extended_fields[] = {
        { "revisionIDs", offsetof(WsusExtendedRequest, revisions), SOAPFIELD_INTS, SOAPFIELD_NEEDED,
          "int" },
        { "infoTypes", offsetof(WsusExtendedRequest, info_types), SOAPFIELD_TEXTS, SOAPFIELD_NEEDED,
          "XmlUpdateFragmentType" },
        { "locales", offsetof(WsusExtendedRequest, locales), SOAPFIELD_TEXTS, SOAPFIELD_SPARSE,
          "string" },
};

char *
wsusclient_extended_request_write(const WsusExtendedRequest *request)
{
        WsusWriting doc;

        wsusclient_begin(&doc, SOAP_CALL, "GetExtendedUpdateInfo", WSUSCLIENT_NS);
        wsusclient_write_cookie(&doc.w, "cookie", &request->cookie);
        soapfield_write(&doc.w, extended_fields, G_N_ELEMENTS(extended_fields), request);
        return wsusclient_end(&doc);
}

static bool
needs_locales(const GPtrArray *info_types)
{
        for (guint i = 0; i < info_types->len; i++) {
                if (strcmp(info_types->pdata[i], "LocalizedProperties") == 0 ||
                    strcmp(info_types->pdata[i], "Eula") == 0)
                        return true;
        }
        return false;
}

WsusExtendedRequest *
wsusclient_extended_request_read(const XmlNode *call, GError **error)
{
        g_autoptr(WsusExtendedRequest) request = g_new0(WsusExtendedRequest, 1);

        if (!wsusclient_read_cookie(xml_child(call, "cookie"), &request->cookie, error) ||
            !soapfield_read(call, extended_fields, G_N_ELEMENTS(extended_fields), request, error))
                return NULL;
        if (request->info_types->len == 0) {
                uk_fail(error, UK_ERROR_INVALID, "infoTypes");
                return NULL;
        }
        if (request->locales->len == 0 && needs_locales(request->info_types)) {
                uk_fail(error, UK_ERROR_INVALID, "locales");
                return NULL;
        }
        return g_steal_pointer(&request);
}

void
wsusclient_extended_request_free(WsusExtendedRequest *request)
{
        if (request != NULL) {
                wsusclient_clear_cookie(&request->cookie);
                soapfield_clear(extended_fields, G_N_ELEMENTS(extended_fields), request);
        }
        g_free(request);
}

static const SoapField fragment_fields[] = {
        { "ID", offsetof(WsusFragment, id), SOAPFIELD_INT, SOAPFIELD_NEEDED, NULL },
        { "Xml", offsetof(WsusFragment, xml), SOAPFIELD_TEXT, SOAPFIELD_NEEDED, NULL },
};

static void
free_fragment(gpointer fragment)
{
        soapfield_clear(fragment_fields, G_N_ELEMENTS(fragment_fields), fragment);
        g_free(fragment);
}

WsusExtendedReply *
wsusclient_extended_reply_new(void)
{
        WsusExtendedReply *reply = g_new0(WsusExtendedReply, 1);

        reply->fragments = g_ptr_array_new_with_free_func(free_fragment);
        reply->locations = wsusclient_locations_new();
        reply->out_of_scope = g_array_new(FALSE, FALSE, sizeof(gint64));
        return reply;
}

void
wsusclient_extended_reply_free(WsusExtendedReply *reply)
{
        if (reply == NULL)
                return;
        g_clear_pointer(&reply->fragments, g_ptr_array_unref);
        g_clear_pointer(&reply->locations, g_ptr_array_unref);
        g_clear_pointer(&reply->out_of_scope, g_array_unref);
        g_free(reply);
}

void
wsusclient_extended_reply_fragment(WsusExtendedReply *reply, gint64 id, const char *xml)
{
        WsusFragment *fragment = g_new(WsusFragment, 1);

        fragment->id = id;
        fragment->xml = g_strdup(xml);
        g_ptr_array_add(reply->fragments, fragment);
}

char *
wsusclient_extended_reply_write(const WsusExtendedReply *reply)
{
        WsusWriting doc;

        wsusclient_begin(&doc, SOAP_PLAIN, "GetExtendedUpdateInfoResponse", WSUSCLIENT_NS);
        xml_open(&doc.w, "GetExtendedUpdateInfoResult");
        if (reply->fragments->len > 0) {
                xml_open(&doc.w, "Updates");
                for (guint i = 0; i < reply->fragments->len; i++) {
                        xml_open(&doc.w, "Update");
                        soapfield_write(&doc.w, fragment_fields, G_N_ELEMENTS(fragment_fields),
                                        reply->fragments->pdata[i]);
                        xml_close(&doc.w);
                }
                xml_close(&doc.w);
        }
        wsusclient_write_locations(&doc.w, reply->locations);
        wsusclient_write_ints(&doc.w, "OutOfScopeRevisionIDs", reply->out_of_scope);
        xml_close(&doc.w);
        return wsusclient_end(&doc);
}

static bool
read_fragments(const XmlNode *result, GPtrArray *fragments, GError **error)
{
        const XmlNode *at = xml_path(result, "Updates/Update");

        for (; at != NULL; at = xml_next(at, "Update")) {
                WsusFragment *fragment = g_new0(WsusFragment, 1);

                g_ptr_array_add(fragments, fragment);
                if (fragments->len > MAX_FRAGMENTS)
                        return uk_fail(error, UK_ERROR_LIMIT, "more than %d fragments",
                                       MAX_FRAGMENTS);
                if (!soapfield_read(at, fragment_fields, G_N_ELEMENTS(fragment_fields), fragment,
                                    error))
                        return false;
        }
        return true;
}

WsusExtendedReply *
wsusclient_extended_reply_read(const XmlNode *response, GError **error)
{
        static const SoapField scope[] = {
                { "OutOfScopeRevisionIDs", offsetof(WsusExtendedReply, out_of_scope),
                  SOAPFIELD_INTS, 0, "int" },
        };
        const XmlNode *result = wsusclient_result(response, "GetExtendedUpdateInfo", error);
        g_autoptr(WsusExtendedReply) reply = g_new0(WsusExtendedReply, 1);

        if (result == NULL)
                return NULL;
        reply->fragments = g_ptr_array_new_with_free_func(free_fragment);
        reply->locations = wsusclient_locations_new();
        if (!soapfield_read(result, scope, G_N_ELEMENTS(scope), reply, error) ||
            !read_fragments(result, reply->fragments, error) ||
            !wsusclient_read_locations(result, reply->locations, error))
                return NULL;
        return g_steal_pointer(&reply);
}

/* --- GetFileLocations --- */

static const SoapField locations_fields[] = {
        { "fileDigests", offsetof(WsusLocationsRequest, digests), SOAPFIELD_TEXTS, SOAPFIELD_NEEDED,
          "base64Binary" },
};

char *
wsusclient_locations_request_write(const WsusLocationsRequest *request)
{
        WsusWriting doc;

        wsusclient_begin(&doc, SOAP_CALL, "GetFileLocations", WSUSCLIENT_NS);
        wsusclient_write_cookie(&doc.w, "cookie", &request->cookie);
        soapfield_write(&doc.w, locations_fields, G_N_ELEMENTS(locations_fields), request);
        return wsusclient_end(&doc);
}

/* Twenty bytes, no more and no less. */
static bool
are_digests(const GPtrArray *texts)
{
        for (guint i = 0; i < texts->len; i++) {
                gsize size = 0;
                g_autofree guchar *bytes = g_base64_decode(texts->pdata[i], &size);

                if (size != DIGEST_SIZE)
                        return false;
        }
        return true;
}

WsusLocationsRequest *
wsusclient_locations_request_read(const XmlNode *call, GError **error)
{
        g_autoptr(WsusLocationsRequest) request = g_new0(WsusLocationsRequest, 1);

        if (!wsusclient_read_cookie(xml_child(call, "cookie"), &request->cookie, error) ||
            !soapfield_read(call, locations_fields, G_N_ELEMENTS(locations_fields), request, error))
                return NULL;
        if (request->digests->len > MAX_DIGESTS || !are_digests(request->digests)) {
                uk_fail(error, UK_ERROR_INVALID, "fileDigests");
                return NULL;
        }
        return g_steal_pointer(&request);
}

void
wsusclient_locations_request_free(WsusLocationsRequest *request)
{
        if (request != NULL) {
                wsusclient_clear_cookie(&request->cookie);
                soapfield_clear(locations_fields, G_N_ELEMENTS(locations_fields), request);
        }
        g_free(request);
}

WsusLocationsReply *
wsusclient_locations_reply_new(void)
{
        WsusLocationsReply *reply = g_new0(WsusLocationsReply, 1);

        reply->locations = wsusclient_locations_new();
        return reply;
}

char *
wsusclient_locations_reply_write(const WsusLocationsReply *reply)
{
        WsusWriting doc;

        wsusclient_begin(&doc, SOAP_PLAIN, "GetFileLocationsResponse", WSUSCLIENT_NS);
        xml_open(&doc.w, "GetFileLocationsResult");
        wsusclient_write_locations(&doc.w, reply->locations);
        wsusclient_write_cookie(&doc.w, "NewCookie", &reply->cookie);
        xml_close(&doc.w);
        return wsusclient_end(&doc);
}

WsusLocationsReply *
wsusclient_locations_reply_read(const XmlNode *response, GError **error)
{
        const XmlNode *result = wsusclient_result(response, "GetFileLocations", error);
        g_autoptr(WsusLocationsReply) reply = wsusclient_locations_reply_new();

        if (result == NULL || !wsusclient_read_locations(result, reply->locations, error) ||
            !wsusclient_read_cookie(xml_child(result, "NewCookie"), &reply->cookie, error))
                return NULL;
        return g_steal_pointer(&reply);
}

void
wsusclient_locations_reply_free(WsusLocationsReply *reply)
{
        if (reply == NULL)
                return;
        g_clear_pointer(&reply->locations, g_ptr_array_unref);
        wsusclient_clear_cookie(&reply->cookie);
        g_free(reply);
}
