/* locationdoc.c - the documents with which a client asks for update servers and is answered.
 *
 * In: requests from any client and replies of a management point, both hostile. Out: records, and
 * documents in the form of the samples. The management point's lookups are not here.
 */
#include "wire/locationdoc.h"

#include <string.h>

#include "wire/xml.h"

#define MAX_VALUE     256
#define MAX_ADDRESSES 64
#define MAX_LOCATIONS 1024

static const char *
or_empty(const char *text)
{
        return text != NULL ? text : "";
}

/* An attribute of a child found by path: the caller's, "" if absent. LIMIT when too long. */
static bool
attribute_of(const XmlNode *root, const char *path, const char *name, char **out, GError **error)
{
        const XmlNode *node = xml_path(root, path);
        char *value = node != NULL ? xml_attr(node, name) : NULL;

        if (value != NULL && strlen(value) > MAX_VALUE) {
                g_free(value);
                return uk_fail(error, UK_ERROR_LIMIT, "%s of %s is longer than %d bytes", name,
                               path, MAX_VALUE);
        }
        *out = value != NULL ? value : g_strdup("");
        return true;
}

static void
write_client_info(XmlWriter *w, const WsusLocationRequest *request)
{
        xml_open(w, "ClientLocationInfo");
        xml_attribute_int(w, "OnInternet", request->on_internet ? 1 : 0);
        xml_open(w, "ADSite");
        xml_attribute(w, "Name", or_empty(request->ad_site));
        xml_close(w);
        xml_open(w, "Forest");
        xml_attribute(w, "Name", or_empty(request->forest));
        xml_close(w);
        xml_open(w, "Domain");
        xml_attribute(w, "Name", or_empty(request->domain));
        xml_close(w);
        xml_open(w, "IPAddresses");
        for (guint i = 0; request->addresses != NULL && request->addresses[i] != NULL; i++) {
                xml_open(w, "IPAddress");
                xml_attribute(w, "SubnetAddress", request->subnets[i]);
                xml_attribute(w, "Address", request->addresses[i]);
                xml_close(w);
        }
        xml_close(w);
        xml_close(w);
}

char *
locationdoc_client_info(const WsusLocationRequest *request)
{
        GString *out = g_string_new(NULL);
        XmlWriter w;

        xml_begin(&w, out);
        write_client_info(&w, request);
        xml_finish(&w);
        return g_string_free(out, FALSE);
}

char *
locationdoc_request_write(const WsusLocationRequest *request)
{
        GString *out = g_string_new(NULL);
        XmlWriter w;

        xml_begin(&w, out);
        xml_open(&w, "WSUSLocationRequest");
        xml_attribute(&w, "SchemaVersion", "1.00");
        xml_open(&w, "Content");
        xml_attribute(&w, "ID", request->content_id);
        xml_attribute(&w, "Version", request->content_version);
        xml_close(&w);
        xml_open(&w, "AssignedSite");
        xml_attribute(&w, "SiteCode", request->assigned_site);
        xml_close(&w);
        write_client_info(&w, request);
        xml_close(&w);
        xml_finish(&w);
        return g_string_free(out, FALSE);
}

static bool
read_addresses(const XmlNode *root, WsusLocationRequest *request, GError **error)
{
        const XmlNode *list = xml_path(root, "ClientLocationInfo/IPAddresses");
        g_autoptr(GPtrArray) addresses = g_ptr_array_new_with_free_func(g_free);
        g_autoptr(GPtrArray) subnets = g_ptr_array_new_with_free_func(g_free);

        for (const XmlNode *node = xml_child(list, "IPAddress"); node != NULL;
             node = xml_next(node, "IPAddress")) {
                char *address = xml_attr(node, "Address");
                char *subnet = xml_attr(node, "SubnetAddress");

                g_ptr_array_add(addresses, address != NULL ? address : g_strdup(""));
                g_ptr_array_add(subnets, subnet != NULL ? subnet : g_strdup(""));
                if (addresses->len > MAX_ADDRESSES || strlen(or_empty(address)) > MAX_VALUE ||
                    strlen(or_empty(subnet)) > MAX_VALUE)
                        return uk_fail(error, UK_ERROR_LIMIT, "too many or too long IP addresses");
        }
        g_ptr_array_add(addresses, NULL);
        g_ptr_array_add(subnets, NULL);
        request->addresses = (char **)g_ptr_array_free(g_steal_pointer(&addresses), FALSE);
        request->subnets = (char **)g_ptr_array_free(g_steal_pointer(&subnets), FALSE);
        return true;
}

/* The version asked for is a whole number, as in the row of the update point. */
static bool
version_is_number(const char *text)
{
        return text[0] != '\0' && strlen(text) <= 18 && strspn(text, "0123456789") == strlen(text);
}

static bool
read_request(const XmlNode *root, WsusLocationRequest *request, GError **error)
{
        g_autofree char *on_internet = NULL;

        if (strcmp(xml_name(root), "WSUSLocationRequest") != 0)
                return uk_fail(error, UK_ERROR_PARSE,
                               "the document is '%.64s' and not a WSUSLocationRequest",
                               xml_name(root));
        if (!attribute_of(root, "Content", "ID", &request->content_id, error) ||
            !attribute_of(root, "Content", "Version", &request->content_version, error) ||
            !attribute_of(root, "AssignedSite", "SiteCode", &request->assigned_site, error) ||
            !attribute_of(root, "ClientLocationInfo/ADSite", "Name", &request->ad_site, error) ||
            !attribute_of(root, "ClientLocationInfo/Forest", "Name", &request->forest, error) ||
            !attribute_of(root, "ClientLocationInfo/Domain", "Name", &request->domain, error) ||
            !attribute_of(root, "ClientLocationInfo", "OnInternet", &on_internet, error) ||
            !read_addresses(root, request, error))
                return false;
        request->on_internet = strcmp(on_internet, "1") == 0;
        if (request->content_id[0] == '\0')
                return uk_fail(error, UK_ERROR_PARSE, "the request names no content");
        if (!version_is_number(request->content_version))
                return uk_fail(error, UK_ERROR_PARSE, "the content version is no number");
        return true;
}

WsusLocationRequest *
locationdoc_request_read(const void *data, gsize size, GError **error)
{
        UK_DOING(error, "reading a location request");
        g_autoptr(XmlDoc) doc = xml_read(data, size, LOCATIONDOC_MAX_BYTES, error);
        g_autoptr(WsusLocationRequest) request = NULL;

        if (doc == NULL)
                return NULL;
        request = g_new0(WsusLocationRequest, 1);
        if (!read_request(xml_root(doc), request, error))
                return NULL;
        return g_steal_pointer(&request);
}

void
locationdoc_request_free(WsusLocationRequest *request)
{
        if (request == NULL)
                return;
        g_free(request->content_id);
        g_free(request->content_version);
        g_free(request->assigned_site);
        g_free(request->ad_site);
        g_free(request->forest);
        g_free(request->domain);
        g_strfreev(request->addresses);
        g_strfreev(request->subnets);
        g_free(request);
}

static void
location_free(gpointer data)
{
        WsusLocation *location = data;

        g_free(location->url);
        g_free(location->server);
        g_free(location->version);
        g_free(location);
}

WsusLocationReply *
locationdoc_reply_new(const char *site)
{
        WsusLocationReply *reply = g_new0(WsusLocationReply, 1);

        reply->site = g_strdup(site);
        reply->reason = g_strdup("");
        reply->locations = g_ptr_array_new_with_free_func(location_free);
        return reply;
}

void
locationdoc_reply_add(WsusLocationReply *reply, const char *url, const char *server,
                      const char *version)
{
        WsusLocation *location = g_new0(WsusLocation, 1);

        location->url = g_strdup(url);
        location->server = g_strdup(server);
        location->version = g_strdup(version);
        g_ptr_array_add(reply->locations, location);
}

char *
locationdoc_reply_write(const WsusLocationReply *reply)
{
        GString *out = g_string_new(NULL);
        XmlWriter w;

        xml_begin(&w, out);
        xml_open(&w, "WSUSLocationReply");
        xml_attribute(&w, "SchemaVersion", "1.00");
        xml_open(&w, "Sites");
        xml_open(&w, "Site");
        xml_open(&w, "MPSite");
        xml_attribute(&w, "SiteCode", reply->site);
        xml_close(&w);
        xml_open(&w, "LocationRecords");
        for (guint i = 0; i < reply->locations->len; i++) {
                const WsusLocation *location = g_ptr_array_index(reply->locations, i);

                xml_open(&w, "LocationRecord");
                xml_attribute(&w, "WSUSURL", location->url);
                xml_attribute(&w, "ServerName", location->server);
                xml_attribute(&w, "Version", location->version);
                xml_close(&w);
        }
        xml_close(&w);
        xml_close(&w);
        xml_close(&w);
        /* Ours, and to be passed over by others: why the list is empty. */
        if (or_empty(reply->reason)[0] != '\0') {
                xml_open(&w, "upkeep:Reason");
                xml_attribute(&w, "xmlns:upkeep", "urn:upkeep");
                xml_content(&w, reply->reason);
                xml_close(&w);
        }
        xml_close(&w);
        xml_finish(&w);
        return g_string_free(out, FALSE);
}

static bool
read_locations(const XmlNode *site, WsusLocationReply *reply, GError **error)
{
        const XmlNode *list = xml_child(site, "LocationRecords");

        for (const XmlNode *node = xml_child(list, "LocationRecord"); node != NULL;
             node = xml_next(node, "LocationRecord")) {
                g_autofree char *url = xml_attr(node, "WSUSURL");
                g_autofree char *server = xml_attr(node, "ServerName");
                g_autofree char *version = xml_attr(node, "Version");

                if (url == NULL || version == NULL ||
                    (!g_str_has_prefix(url, "http://") && !g_str_has_prefix(url, "https://")))
                        return uk_fail(error, UK_ERROR_PARSE,
                                       "a location has no http URL or no version");
                if (reply->locations->len == MAX_LOCATIONS || strlen(url) > 2048)
                        return uk_fail(error, UK_ERROR_LIMIT, "too many or too long locations");
                locationdoc_reply_add(reply, url, or_empty(server), version);
        }
        return true;
}

static bool
read_reply(const XmlNode *root, WsusLocationReply *reply, GError **error)
{
        const XmlNode *site = xml_path(root, "Sites/Site");

        if (strcmp(xml_name(root), "WSUSLocationReply") != 0)
                return uk_fail(error, UK_ERROR_PARSE,
                               "the document is '%.64s' and not a WSUSLocationReply",
                               xml_name(root));
        if (!attribute_of(root, "Sites/Site/MPSite", "SiteCode", &reply->site, error))
                return false;
        reply->reason = xml_child_text(root, "Reason");
        if (reply->reason == NULL)
                reply->reason = g_strdup("");
        for (; site != NULL; site = xml_next(site, "Site")) {
                if (!read_locations(site, reply, error))
                        return false;
        }
        return true;
}

WsusLocationReply *
locationdoc_reply_read(const void *data, gsize size, GError **error)
{
        UK_DOING(error, "reading a location reply");
        g_autoptr(XmlDoc) doc = xml_read(data, size, LOCATIONDOC_MAX_BYTES, error);
        g_autoptr(WsusLocationReply) reply = NULL;

        if (doc == NULL)
                return NULL;
        reply = g_new0(WsusLocationReply, 1);
        reply->locations = g_ptr_array_new_with_free_func(location_free);
        if (!read_reply(xml_root(doc), reply, error))
                return NULL;
        return g_steal_pointer(&reply);
}

void
locationdoc_reply_free(WsusLocationReply *reply)
{
        if (reply == NULL)
                return;
        g_free(reply->site);
        g_free(reply->reason);
        g_ptr_array_unref(reply->locations);
        g_free(reply);
}
