/* wsusclient_sync.c - SyncUpdates, the call of a scan, in the original's form: a client lists all
 * it has, and is told what is new, what changed and what is no longer for it.
 */
#include <string.h>

#include "wire/wsusclient_private.h"

#define MAX_CATEGORIES 1000
#define MAX_UPDATES    100000

/* --- the request --- */

static const SoapField request_fields[] = {
        { "InstalledNonLeafUpdateIDs", offsetof(WsusSyncRequest, installed), SOAPFIELD_INTS,
          SOAPFIELD_SPARSE, "int" },
        { "OtherCachedUpdateIDs", offsetof(WsusSyncRequest, cached), SOAPFIELD_INTS,
          SOAPFIELD_SPARSE, "int" },
        { "CachedDriverIDs", offsetof(WsusSyncRequest, drivers), SOAPFIELD_INTS, SOAPFIELD_SPARSE,
          "int" },
        { "SkipSoftwareSync", offsetof(WsusSyncRequest, skip_software), SOAPFIELD_BOOL, 0, NULL },
        { "NeedTwoGroupOutOfScopeUpdates", offsetof(WsusSyncRequest, two_groups), SOAPFIELD_BOOL, 0,
          NULL },
};

void
wsusclient_sync_request_free(WsusSyncRequest *request)
{
        if (request == NULL)
                return;
        wsusclient_clear_cookie(&request->cookie);
        soapfield_clear(request_fields, G_N_ELEMENTS(request_fields), request);
        g_clear_pointer(&request->categories, g_ptr_array_unref);
        g_free(request->device_attributes);
        g_free(request);
}

static void
write_categories(XmlWriter *w, const GPtrArray *categories)
{
        if (categories == NULL || categories->len == 0)
                return;
        xml_open(w, "FilterCategoryIds");
        for (guint i = 0; i < categories->len; i++) {
                xml_open(w, "CategoryIdentifier");
                xml_element(w, "Id", categories->pdata[i]);
                xml_close(w);
        }
        xml_close(w);
}

char *
wsusclient_sync_request_write(const WsusSyncRequest *request)
{
        const guint last = G_N_ELEMENTS(request_fields) - 1;
        WsusWriting doc;

        wsusclient_begin(&doc, SOAP_CALL, "SyncUpdates", WSUSCLIENT_NS);
        wsusclient_write_cookie(&doc.w, "cookie", &request->cookie);
        xml_open(&doc.w, "parameters");
        xml_element(&doc.w, "ExpressQuery", "false");
        soapfield_write(&doc.w, request_fields, last, request);
        write_categories(&doc.w, request->categories);
        soapfield_write(&doc.w, request_fields + last, 1, request);
        xml_close(&doc.w);
        return wsusclient_end(&doc);
}

static bool
read_categories(const XmlNode *parameters, GPtrArray *categories, GError **error)
{
        const XmlNode *at = xml_path(parameters, "FilterCategoryIds/CategoryIdentifier");

        for (; at != NULL; at = xml_next(at, "CategoryIdentifier")) {
                if (categories->len == MAX_CATEGORIES)
                        return uk_fail(error, UK_ERROR_INVALID, "parameters.FilterCategoryIds");
                g_ptr_array_add(categories, xml_child_value(at, "Id"));
        }
        return true;
}

/* Errors name the parameter as the original does: "parameters.InstalledNonLeafUpdateIDs". */
static bool
read_parameters(WsusSyncRequest *request, const XmlNode *parameters, GError **error)
{
        if (!soapfield_is_there(parameters))
                return uk_fail(error, UK_ERROR_INVALID, "parameters");
        if (!soapfield_read(parameters, request_fields, G_N_ELEMENTS(request_fields), request,
                            error)) {
                g_prefix_error(error, "parameters.");
                return false;
        }
        if (request->installed->len > WSUSCLIENT_MAX_INSTALLED)
                return uk_fail(error, UK_ERROR_INVALID, "parameters.InstalledNonLeafUpdateIDs");
        request->has_system_spec = soapfield_is_there(xml_child(parameters, "SystemSpec"));
        request->device_attributes =
                xml_child_value(parameters, "ProductsParameters/DeviceAttributes");
        if (request->has_system_spec && !request->skip_software)
                return uk_fail(error, UK_ERROR_INVALID, "parameters.SystemSpec");
        return read_categories(parameters, request->categories, error);
}

WsusSyncRequest *
wsusclient_sync_request_read(const XmlNode *call, GError **error)
{
        g_autoptr(WsusSyncRequest) request = g_new0(WsusSyncRequest, 1);

        request->categories = g_ptr_array_new_with_free_func(g_free);
        if (!wsusclient_read_cookie(xml_child(call, "cookie"), &request->cookie, error) ||
            !read_parameters(request, xml_child(call, "parameters"), error))
                return NULL;
        return g_steal_pointer(&request);
}

/* --- updates in replies --- */

WsusUpdateInfo *
wsusclient_update_new(gint64 id, gint64 deployment_id, const char *action, bool leaf,
                      const char *xml)
{
        WsusUpdateInfo *update = g_new0(WsusUpdateInfo, 1);

        update->id = id;
        update->deployment.id = deployment_id;
        update->deployment.action = g_strdup(action);
        update->deployment.assigned = true;
        update->leaf = leaf;
        update->xml = g_strdup(xml);
        return update;
}

void
wsusclient_update_free(WsusUpdateInfo *update)
{
        if (update == NULL)
                return;
        g_free(update->deployment.action);
        g_free(update->xml);
        g_free(update);
}

static void
free_update(gpointer update)
{
        wsusclient_update_free(update);
}

void
wsusclient_write_deployment(XmlWriter *w, const WsusDeployment *deployment, bool since_1_8)
{
        g_autofree char *changed = soapfield_time(deployment->last_change_us);

        changed[10] = '\0'; /* a date, or the agent fails the whole scan */
        xml_open(w, "Deployment");
        xml_element_int(w, "ID", deployment->id);
        xml_element(w, "Action", deployment->action);
        if (deployment->deadline_us != 0) {
                g_autofree char *deadline = soapfield_time(deployment->deadline_us);

                xml_element(w, "Deadline", deadline);
        }
        xml_element(w, "IsAssigned", deployment->assigned ? "true" : "false");
        xml_element(w, "LastChangeTime", changed);
        if (since_1_8) {
                xml_element(w, "AutoSelect", "0");
                xml_element(w, "AutoDownload", "0");
                xml_element(w, "SupersedenceBehavior", "0");
        }
        xml_close(w);
}

static void
write_updates(XmlWriter *w, const char *name, const GPtrArray *updates, bool since_1_8)
{
        if (updates == NULL || updates->len == 0)
                return;
        xml_open(w, name);
        for (guint i = 0; i < updates->len; i++) {
                const WsusUpdateInfo *update = updates->pdata[i];

                xml_open(w, "UpdateInfo");
                xml_element_int(w, "ID", update->id);
                wsusclient_write_deployment(w, &update->deployment, since_1_8);
                xml_element(w, "IsLeaf", update->leaf ? "true" : "false");
                if (update->xml != NULL)
                        xml_element(w, "Xml", update->xml);
                xml_close(w);
        }
        xml_close(w);
}

static const SoapField update_fields[] = {
        { "ID", offsetof(WsusUpdateInfo, id), SOAPFIELD_INT, SOAPFIELD_NEEDED, NULL },
        { "Deployment/ID", offsetof(WsusUpdateInfo, deployment.id), SOAPFIELD_INT, SOAPFIELD_NEEDED,
          NULL },
        { "Deployment/Action", offsetof(WsusUpdateInfo, deployment.action), SOAPFIELD_TOKEN,
          SOAPFIELD_NEEDED, NULL },
        { "Deployment/Deadline", offsetof(WsusUpdateInfo, deployment.deadline_us), SOAPFIELD_TIME,
          SOAPFIELD_LOOSE, NULL },
        { "Deployment/IsAssigned", offsetof(WsusUpdateInfo, deployment.assigned), SOAPFIELD_BOOL, 0,
          NULL },
        { "Deployment/LastChangeTime", offsetof(WsusUpdateInfo, deployment.last_change_us),
          SOAPFIELD_TIME, SOAPFIELD_LOOSE, NULL },
        { "IsLeaf", offsetof(WsusUpdateInfo, leaf), SOAPFIELD_BOOL, SOAPFIELD_NEEDED, NULL },
};

WsusUpdateInfo *
wsusclient_read_update(const XmlNode *node, GError **error)
{
        WsusUpdateInfo *update = g_new0(WsusUpdateInfo, 1);

        if (!soapfield_read(node, update_fields, G_N_ELEMENTS(update_fields), update, error)) {
                wsusclient_update_free(update);
                return NULL;
        }
        update->xml = xml_child_text(node, "Xml");
        return update;
}

static bool
read_updates(const XmlNode *list, GPtrArray *updates, GError **error)
{
        const XmlNode *at = xml_child(list, "UpdateInfo");

        for (; at != NULL; at = xml_next(at, "UpdateInfo")) {
                WsusUpdateInfo *update =
                        updates->len < MAX_UPDATES ? wsusclient_read_update(at, error) : NULL;

                if (updates->len == MAX_UPDATES)
                        return uk_fail(error, UK_ERROR_LIMIT, "more than %d updates", MAX_UPDATES);
                if (update == NULL)
                        return false;
                g_ptr_array_add(updates, update);
        }
        return true;
}

/* --- the reply --- */

WsusSyncReply *
wsusclient_sync_reply_new(void)
{
        WsusSyncReply *reply = g_new0(WsusSyncReply, 1);

        reply->added = g_ptr_array_new_with_free_func(free_update);
        reply->changed = g_ptr_array_new_with_free_func(free_update);
        reply->out_of_scope = g_array_new(FALSE, FALSE, sizeof(gint64));
        reply->since_1_7 = true;
        reply->since_1_8 = true;
        return reply;
}

void
wsusclient_sync_reply_free(WsusSyncReply *reply)
{
        if (reply == NULL)
                return;
        g_clear_pointer(&reply->added, g_ptr_array_unref);
        g_clear_pointer(&reply->changed, g_ptr_array_unref);
        g_clear_pointer(&reply->out_of_scope, g_array_unref);
        g_clear_pointer(&reply->deployed_out_of_scope, g_array_unref);
        wsusclient_clear_cookie(&reply->cookie);
        g_free(reply);
}

void
wsusclient_write_ints(XmlWriter *w, const char *name, const GArray *ints)
{
        if (ints == NULL || ints->len == 0)
                return;
        xml_open(w, name);
        for (guint i = 0; i < ints->len; i++)
                xml_element_int(w, "int", g_array_index(ints, gint64, i));
        xml_close(w);
}

static char *
write_reply(const WsusSyncReply *reply, const char *response, const char *result)
{
        WsusWriting doc;

        wsusclient_begin(&doc, SOAP_PLAIN, response, WSUSCLIENT_NS);
        xml_open(&doc.w, result);
        write_updates(&doc.w, "NewUpdates", reply->added, reply->since_1_8);
        wsusclient_write_ints(&doc.w, "OutOfScopeRevisionIDs", reply->out_of_scope);
        write_updates(&doc.w, "ChangedUpdates", reply->changed, reply->since_1_8);
        xml_element(&doc.w, "Truncated", reply->truncated ? "true" : "false");
        wsusclient_write_cookie(&doc.w, "NewCookie", &reply->cookie);
        if (reply->since_1_7) {
                wsusclient_write_ints(&doc.w, "DeployedOutOfScopeRevisionIds",
                                      reply->deployed_out_of_scope);
                xml_element(&doc.w, "DriverSyncNotNeeded",
                            reply->drivers_not_needed ? "true" : "false");
        }
        xml_close(&doc.w);
        return wsusclient_end(&doc);
}

char *
wsusclient_sync_reply_write(const WsusSyncReply *reply)
{
        return write_reply(reply, "SyncUpdatesResponse", "SyncUpdatesResult");
}

char *
wsusclient_printers_reply_write(const WsusSyncReply *reply)
{
        return write_reply(reply, "SyncPrinterCatalogResponse", "SyncPrinterCatalogResult");
}

static const SoapField reply_fields[] = {
        { "OutOfScopeRevisionIDs", offsetof(WsusSyncReply, out_of_scope), SOAPFIELD_INTS, 0,
          "int" },
        { "Truncated", offsetof(WsusSyncReply, truncated), SOAPFIELD_BOOL, SOAPFIELD_NEEDED, NULL },
        { "DeployedOutOfScopeRevisionIds", offsetof(WsusSyncReply, deployed_out_of_scope),
          SOAPFIELD_INTS, 0, "int" },
        { "DriverSyncNotNeeded", offsetof(WsusSyncReply, drivers_not_needed), SOAPFIELD_BOOL, 0,
          NULL },
};

WsusSyncReply *
wsusclient_sync_reply_read(const XmlNode *response, GError **error)
{
        const XmlNode *result = wsusclient_result(response, "SyncUpdates", error);
        g_autoptr(WsusSyncReply) reply = g_new0(WsusSyncReply, 1);

        if (result == NULL)
                return NULL;
        reply->added = g_ptr_array_new_with_free_func(free_update);
        reply->changed = g_ptr_array_new_with_free_func(free_update);
        reply->since_1_7 = true;
        reply->since_1_8 = true;
        if (!soapfield_read(result, reply_fields, G_N_ELEMENTS(reply_fields), reply, error) ||
            !wsusclient_read_cookie(xml_child(result, "NewCookie"), &reply->cookie, error) ||
            !read_updates(xml_child(result, "NewUpdates"), reply->added, error) ||
            !read_updates(xml_child(result, "ChangedUpdates"), reply->changed, error))
                return NULL;
        return g_steal_pointer(&reply);
}
