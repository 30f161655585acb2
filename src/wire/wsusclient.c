/* wsusclient.c - the calls before a scan: configuration, cookies, registration of the computer.
 *
 * Records are tables of fields (soapfield.h). The calls of the scan are wsusclient_sync.c, those
 * behind it wsusclient_extended.c and wsusclient_events.c.
 */
#include "wire/wsusclient.h"

#include <string.h>

#include "wire/wsusclient_private.h"

#define PLUG_IN   "SimpleTargeting"
#define AUTH_PATH "SimpleAuthWebService/SimpleAuth.asmx"

/* --- what all share --- */

void
wsusclient_begin(WsusWriting *writing, SoapLayout layout, const char *name, const char *ns)
{
        writing->out = g_string_new(NULL);
        xml_begin(&writing->w, writing->out);
        soap_open(&writing->w, layout, name, ns);
}

char *
wsusclient_end(WsusWriting *writing)
{
        soap_close(&writing->w);
        xml_finish(&writing->w);
        return g_string_free(writing->out, FALSE);
}

const XmlNode *
wsusclient_result(const XmlNode *response, const char *op, GError **error)
{
        g_autofree char *outer = g_strconcat(op, "Response", NULL);
        g_autofree char *inner = g_strconcat(op, "Result", NULL);
        const XmlNode *result = xml_child(response, inner);

        if (strcmp(xml_name(response), outer) != 0 || result == NULL) {
                uk_fail(error, UK_ERROR_PARSE, "the answer <%s> has no %s", xml_name(response),
                        inner);
                return NULL;
        }
        return result;
}

static const SoapField cookie_fields[] = {
        { "Expiration", offsetof(WsusCookie, expiration_us), SOAPFIELD_TIME,
          SOAPFIELD_LOOSE | SOAPFIELD_SPARSE, NULL },
        { "EncryptedData", offsetof(WsusCookie, data), SOAPFIELD_TOKEN, SOAPFIELD_SPARSE, NULL },
};

bool
wsusclient_read_cookie(const XmlNode *node, WsusCookie *cookie, GError **error)
{
        return soapfield_read(soapfield_is_there(node) ? node : NULL, cookie_fields,
                              G_N_ELEMENTS(cookie_fields), cookie, error);
}

void
wsusclient_write_cookie(XmlWriter *w, const char *name, const WsusCookie *cookie)
{
        xml_open(w, name);
        soapfield_write(w, cookie_fields, G_N_ELEMENTS(cookie_fields), cookie);
        xml_close(w);
}

void
wsusclient_clear_cookie(WsusCookie *cookie)
{
        soapfield_clear(cookie_fields, G_N_ELEMENTS(cookie_fields), cookie);
}

void
wsusclient_cookie_free(WsusCookie *cookie)
{
        if (cookie != NULL)
                wsusclient_clear_cookie(cookie);
        g_free(cookie);
}

/* --- GetConfig --- */

static const SoapField config_request_fields[] = {
        { "protocolVersion", offsetof(WsusConfigRequest, protocol_version), SOAPFIELD_TOKEN, 0,
          NULL },
};

char *
wsusclient_config_request_write(const WsusConfigRequest *request)
{
        WsusWriting doc;

        wsusclient_begin(&doc, SOAP_CALL, "GetConfig", WSUSCLIENT_NS);
        soapfield_write(&doc.w, config_request_fields, G_N_ELEMENTS(config_request_fields),
                        request);
        return wsusclient_end(&doc);
}

WsusConfigRequest *
wsusclient_config_request_read(const XmlNode *call, GError **error)
{
        g_autoptr(WsusConfigRequest) request = g_new0(WsusConfigRequest, 1);

        if (!soapfield_read(call, config_request_fields, G_N_ELEMENTS(config_request_fields),
                            request, error))
                return NULL;
        return g_steal_pointer(&request);
}

void
wsusclient_config_request_free(WsusConfigRequest *request)
{
        if (request != NULL)
                soapfield_clear(config_request_fields, G_N_ELEMENTS(config_request_fields),
                                request);
        g_free(request);
}

static void
write_property(XmlWriter *w, const char *name, const char *value)
{
        xml_open(w, "ConfigurationProperty");
        xml_element(w, "Name", name);
        xml_element(w, "Value", value);
        xml_close(w);
}

static void
write_int_property(XmlWriter *w, const char *name, gint64 value)
{
        g_autofree char *text = g_strdup_printf("%" G_GINT64_FORMAT, value);

        write_property(w, name, text);
}

static void
write_auth_info(XmlWriter *w, const WsusConfig *config)
{
        xml_open(w, "AuthInfo");
        xml_open(w, "AuthPlugInInfo");
        xml_element(w, "PlugInID", PLUG_IN);
        xml_element(w, "ServiceUrl", config->auth_url ? config->auth_url : AUTH_PATH);
        xml_element(w, "Parameter", "");
        xml_close(w);
        xml_close(w);
}

char *
wsusclient_config_write(const WsusConfig *config)
{
        g_autofree char *last_change = soapfield_time(config->last_change_us);
        WsusWriting doc;

        wsusclient_begin(&doc, SOAP_PLAIN, "GetConfigResponse", WSUSCLIENT_NS);
        xml_open(&doc.w, "GetConfigResult");
        xml_element(&doc.w, "LastChange", last_change);
        xml_element(&doc.w, "IsRegistrationRequired",
                    config->registration_required ? "true" : "false");
        write_auth_info(&doc.w, config);
        xml_open(&doc.w, "Properties");
        write_int_property(&doc.w, "MaxExtendedUpdatesPerRequest", config->max_extended);
        write_property(&doc.w, "PackageServerShare", "");
        write_property(&doc.w, "ProtocolVersion",
                       config->protocol_version ? config->protocol_version : "3.2");
        write_property(&doc.w, "IsInventoryRequired", "0");
        write_int_property(&doc.w, "ClientReportingLevel", config->reporting_level);
        xml_close(&doc.w);
        xml_close(&doc.w);
        return wsusclient_end(&doc);
}

char *
wsusclient_auth_config_write(const WsusConfig *config)
{
        g_autofree char *last_change = soapfield_time(config->last_change_us);
        WsusWriting doc;

        wsusclient_begin(&doc, SOAP_PLAIN, "GetAuthConfigResponse", WSUSCLIENT_NS);
        xml_open(&doc.w, "GetAuthConfigResult");
        xml_element(&doc.w, "LastChange", last_change);
        write_auth_info(&doc.w, config);
        xml_close(&doc.w);
        return wsusclient_end(&doc);
}

static const SoapField config_fields[] = {
        { "LastChange", offsetof(WsusConfig, last_change_us), SOAPFIELD_TIME, SOAPFIELD_NEEDED,
          NULL },
        { "IsRegistrationRequired", offsetof(WsusConfig, registration_required), SOAPFIELD_BOOL, 0,
          NULL },
        { "AuthInfo/AuthPlugInInfo/ServiceUrl", offsetof(WsusConfig, auth_url), SOAPFIELD_TOKEN,
          SOAPFIELD_NEEDED, NULL },
};

static void
read_property(WsusConfig *config, const XmlNode *property)
{
        g_autofree char *name = xml_child_value(property, "Name");

        if (strcmp(name, "MaxExtendedUpdatesPerRequest") == 0) {
                xml_child_int(property, "Value", &config->max_extended);
        } else if (strcmp(name, "ClientReportingLevel") == 0) {
                xml_child_int(property, "Value", &config->reporting_level);
        } else if (strcmp(name, "ProtocolVersion") == 0) {
                g_free(config->protocol_version);
                config->protocol_version = xml_child_value(property, "Value");
        }
}

WsusConfig *
wsusclient_config_read(const XmlNode *response, GError **error)
{
        const XmlNode *result = wsusclient_result(response, "GetConfig", error);
        g_autoptr(WsusConfig) config = g_new0(WsusConfig, 1);
        const XmlNode *at;

        if (result == NULL ||
            !soapfield_read(result, config_fields, G_N_ELEMENTS(config_fields), config, error))
                return NULL;
        config->protocol_version = g_strdup("");
        at = xml_path(result, "Properties/ConfigurationProperty");
        for (; at != NULL; at = xml_next(at, "ConfigurationProperty"))
                read_property(config, at);
        return g_steal_pointer(&config);
}

void
wsusclient_config_free(WsusConfig *config)
{
        if (config != NULL) {
                soapfield_clear(config_fields, G_N_ELEMENTS(config_fields), config);
                g_free(config->protocol_version);
        }
        g_free(config);
}

/* --- GetAuthorizationCookie --- */

static const SoapField auth_request_fields[] = {
        { "clientId", offsetof(WsusAuthRequest, client_id), SOAPFIELD_TOKEN, SOAPFIELD_NEEDED,
          NULL },
        { "targetGroupName", offsetof(WsusAuthRequest, target_group), SOAPFIELD_TEXT,
          SOAPFIELD_SPARSE, NULL },
        { "dnsName", offsetof(WsusAuthRequest, dns_name), SOAPFIELD_TOKEN, SOAPFIELD_NEEDED, NULL },
};

char *
wsusclient_auth_request_write(const WsusAuthRequest *request)
{
        WsusWriting doc;

        wsusclient_begin(&doc, SOAP_CALL, "GetAuthorizationCookie", WSUSCLIENT_NS_AUTH);
        soapfield_write(&doc.w, auth_request_fields, G_N_ELEMENTS(auth_request_fields), request);
        return wsusclient_end(&doc);
}

WsusAuthRequest *
wsusclient_auth_request_read(const XmlNode *call, GError **error)
{
        g_autoptr(WsusAuthRequest) request = g_new0(WsusAuthRequest, 1);

        if (!soapfield_read(call, auth_request_fields, G_N_ELEMENTS(auth_request_fields), request,
                            error))
                return NULL;
        return g_steal_pointer(&request);
}

void
wsusclient_auth_request_free(WsusAuthRequest *request)
{
        if (request != NULL)
                soapfield_clear(auth_request_fields, G_N_ELEMENTS(auth_request_fields), request);
        g_free(request);
}

char *
wsusclient_auth_write(const char *cookie_data)
{
        WsusWriting doc;

        wsusclient_begin(&doc, SOAP_ASMX, "GetAuthorizationCookieResponse", WSUSCLIENT_NS_AUTH);
        xml_open(&doc.w, "GetAuthorizationCookieResult");
        xml_element(&doc.w, "PlugInId", PLUG_IN);
        xml_element(&doc.w, "CookieData", cookie_data);
        xml_close(&doc.w);
        return wsusclient_end(&doc);
}

char *
wsusclient_auth_read(const XmlNode *response, GError **error)
{
        const XmlNode *result = wsusclient_result(response, "GetAuthorizationCookie", error);
        g_autofree char *data = NULL;

        if (result == NULL)
                return NULL;
        data = xml_child_value(result, "CookieData");
        if (*data == '\0') {
                uk_fail(error, UK_ERROR_PARSE, "the authorization cookie is empty");
                return NULL;
        }
        return g_steal_pointer(&data);
}

/* --- GetCookie --- */

static const SoapField cookie_request_fields[] = {
        { "authCookies/AuthorizationCookie/CookieData", offsetof(WsusCookieRequest, auth_data),
          SOAPFIELD_TOKEN, 0, NULL },
        { "lastChange", offsetof(WsusCookieRequest, last_change_us), SOAPFIELD_TIME,
          SOAPFIELD_LOOSE, NULL },
        { "currentTime", offsetof(WsusCookieRequest, current_time_us), SOAPFIELD_TIME,
          SOAPFIELD_LOOSE, NULL },
        { "protocolVersion", offsetof(WsusCookieRequest, protocol_version), SOAPFIELD_TOKEN,
          SOAPFIELD_NEEDED, NULL },
};

char *
wsusclient_cookie_request_write(const WsusCookieRequest *request)
{
        WsusWriting doc;

        wsusclient_begin(&doc, SOAP_CALL, "GetCookie", WSUSCLIENT_NS);
        xml_open(&doc.w, "authCookies");
        xml_open(&doc.w, "AuthorizationCookie");
        xml_element(&doc.w, "PlugInId", PLUG_IN);
        xml_element(&doc.w, "CookieData", request->auth_data);
        xml_close(&doc.w);
        xml_close(&doc.w);
        wsusclient_write_cookie(&doc.w, "oldCookie", &request->old);
        soapfield_write(&doc.w, cookie_request_fields + 1, G_N_ELEMENTS(cookie_request_fields) - 1,
                        request);
        return wsusclient_end(&doc);
}

WsusCookieRequest *
wsusclient_cookie_request_read(const XmlNode *call, GError **error)
{
        g_autoptr(WsusCookieRequest) request = g_new0(WsusCookieRequest, 1);

        if (!wsusclient_read_cookie(xml_child(call, "oldCookie"), &request->old, error) ||
            !soapfield_read(call, cookie_request_fields, G_N_ELEMENTS(cookie_request_fields),
                            request, error))
                return NULL;
        return g_steal_pointer(&request);
}

void
wsusclient_cookie_request_free(WsusCookieRequest *request)
{
        if (request != NULL) {
                wsusclient_clear_cookie(&request->old);
                soapfield_clear(cookie_request_fields, G_N_ELEMENTS(cookie_request_fields),
                                request);
        }
        g_free(request);
}

char *
wsusclient_cookie_write(const WsusCookie *cookie)
{
        WsusWriting doc;

        wsusclient_begin(&doc, SOAP_PLAIN, "GetCookieResponse", WSUSCLIENT_NS);
        wsusclient_write_cookie(&doc.w, "GetCookieResult", cookie);
        return wsusclient_end(&doc);
}

WsusCookie *
wsusclient_cookie_read(const XmlNode *response, GError **error)
{
        const XmlNode *result = wsusclient_result(response, "GetCookie", error);
        g_autoptr(WsusCookie) cookie = g_new0(WsusCookie, 1);

        if (result == NULL || !wsusclient_read_cookie(result, cookie, error))
                return NULL;
        if (cookie->data[0] == '\0') {
                uk_fail(error, UK_ERROR_PARSE, "the cookie is empty");
                return NULL;
        }
        return g_steal_pointer(&cookie);
}

/* --- RegisterComputer --- */

#define TEXT_OF(name, member_)                                                                 \
        {                                                                                      \
                "computerInfo/" name, offsetof(WsusComputer, member_), SOAPFIELD_TEXT, 0, NULL \
        }
#define NUMBER_OF(name, member_)                                                      \
        {                                                                             \
                "computerInfo/" name, offsetof(WsusComputer, member_), SOAPFIELD_INT, \
                        SOAPFIELD_LOOSE, NULL                                         \
        }

/* For information only: whatever is wrong in it is left out, never refused. */
static const SoapField computer_fields[] = {
        TEXT_OF("DnsName", dns_name),
        NUMBER_OF("OSMajorVersion", os_major),
        NUMBER_OF("OSMinorVersion", os_minor),
        NUMBER_OF("OSBuildNumber", os_build),
        NUMBER_OF("OSServicePackMajorNumber", sp_major),
        NUMBER_OF("OSServicePackMinorNumber", sp_minor),
        TEXT_OF("OSLocale", os_locale),
        TEXT_OF("ComputerManufacturer", manufacturer),
        TEXT_OF("ComputerModel", model),
        TEXT_OF("BiosVersion", bios_version),
        TEXT_OF("BiosName", bios_name),
        { "computerInfo/BiosReleaseDate", offsetof(WsusComputer, bios_date_us), SOAPFIELD_TIME,
          SOAPFIELD_LOOSE, NULL },
        TEXT_OF("ProcessorArchitecture", architecture),
        NUMBER_OF("SuiteMask", suite_mask),
        NUMBER_OF("OldProductType", old_product_type),
        NUMBER_OF("NewProductType", new_product_type),
        NUMBER_OF("SystemMetrics", system_metrics),
        NUMBER_OF("ClientVersionMajorNumber", client_major),
        NUMBER_OF("ClientVersionMinorNumber", client_minor),
        NUMBER_OF("ClientVersionBuildNumber", client_build),
        NUMBER_OF("ClientVersionQfeNumber", client_qfe),
        TEXT_OF("OSDescription", os_description),
};

char *
wsusclient_computer_write(const WsusComputer *computer)
{
        WsusWriting doc;

        wsusclient_begin(&doc, SOAP_CALL, "RegisterComputer", WSUSCLIENT_NS);
        wsusclient_write_cookie(&doc.w, "cookie", &computer->cookie);
        soapfield_write(&doc.w, computer_fields, G_N_ELEMENTS(computer_fields), computer);
        return wsusclient_end(&doc);
}

WsusComputer *
wsusclient_computer_read(const XmlNode *call, GError **error)
{
        g_autoptr(WsusComputer) computer = g_new0(WsusComputer, 1);

        if (!wsusclient_read_cookie(xml_child(call, "cookie"), &computer->cookie, error) ||
            !soapfield_read(call, computer_fields, G_N_ELEMENTS(computer_fields), computer, error))
                return NULL;
        return g_steal_pointer(&computer);
}

void
wsusclient_computer_free(WsusComputer *computer)
{
        if (computer != NULL) {
                wsusclient_clear_cookie(&computer->cookie);
                soapfield_clear(computer_fields, G_N_ELEMENTS(computer_fields), computer);
        }
        g_free(computer);
}

char *
wsusclient_computer_answer_write(void)
{
        WsusWriting doc;

        wsusclient_begin(&doc, SOAP_PLAIN, "RegisterComputerResponse", WSUSCLIENT_NS);
        return wsusclient_end(&doc);
}
