/* registration.c - how a client becomes known: its request, signed with its own new key, and the
 * answer.
 *
 * What the signature covers is the element Data exactly as sent; so the reader cuts it out of the
 * text and takes every value from that piece alone: nothing outside of it can be mistaken for
 * something that was signed. Whether the signature fits is the management point's to check.
 */
#include "wire/registration.h"

#include <string.h>

#include "base/clock.h"
#include "base/guid.h"
#include "wire/utf16.h"
#include "wire/xml.h"

#define HASH_OID  "1.2.840.113549.1.1.11"
#define MAX_VALUE 256
#define MAX_DER   8192
#define PEM_BEGIN "-----BEGIN CERTIFICATE-----\n"
#define PEM_END   "-----END CERTIFICATE-----\n"

static const char *
or_empty(const char *text)
{
        return text != NULL ? text : "";
}

static char *
hex_upper(const guint8 *bytes, gsize size)
{
        static const char digits[] = "0123456789ABCDEF";
        char *text = g_malloc(2 * size + 1);

        for (gsize i = 0; i < size; i++) {
                text[2 * i] = digits[bytes[i] >> 4];
                text[2 * i + 1] = digits[bytes[i] & 15];
        }
        text[2 * size] = '\0';
        return text;
}

/* Hexadecimal digits to bytes; NULL when they are none or too many. */
static guint8 *
hex_bytes(const char *text, gsize max, gsize *size_out)
{
        gsize digits = strlen(text);
        guint8 *bytes;

        if (digits == 0 || digits % 2 != 0 || digits / 2 > max)
                return NULL;
        bytes = g_malloc(digits / 2);
        for (gsize i = 0; i < digits; i++) {
                int value = g_ascii_xdigit_value(text[i]);

                if (value < 0) {
                        g_free(bytes);
                        return NULL;
                }
                bytes[i / 2] = (guint8)(i % 2 == 0 ? value << 4 : bytes[i / 2] | value);
        }
        *size_out = digits / 2;
        return bytes;
}

/* PEM to the DER form in hexadecimal; NULL when it is no PEM. */
static char *
pem_to_hex(const char *pem)
{
        const char *begin = strstr(pem, PEM_BEGIN);
        const char *end = begin != NULL ? strstr(begin, PEM_END) : NULL;
        g_autofree char *base64 = NULL;
        g_autofree guint8 *der = NULL;
        gsize size;

        if (end == NULL)
                return NULL;
        begin += strlen(PEM_BEGIN);
        base64 = g_strndup(begin, (gsize)(end - begin));
        der = g_base64_decode(base64, &size);
        return size > 0 ? hex_upper(der, size) : NULL;
}

static char *
hex_to_pem(const char *hex)
{
        gsize size;
        g_autofree guint8 *der = hex_bytes(hex, MAX_DER, &size);
        g_autofree char *base64 = NULL;
        GString *pem;

        if (der == NULL)
                return NULL;
        base64 = g_base64_encode(der, size);
        pem = g_string_new(PEM_BEGIN);
        for (gsize at = 0; base64[at] != '\0'; at += MIN(64, strlen(base64 + at))) {
                g_string_append_len(pem, base64 + at, (gssize)MIN(64, strlen(base64 + at)));
                g_string_append_c(pem, '\n');
        }
        g_string_append(pem, PEM_END);
        return g_string_free(pem, FALSE);
}

GBytes *
registration_signed_bytes(const char *data, GError **error)
{
        g_autoptr(GBytes) marked = utf16_write(data, -1, error);

        /* Behind the byte order mark. */
        return marked != NULL ? g_bytes_new_from_bytes(marked, 2, g_bytes_get_size(marked) - 2)
                              : NULL;
}

static void
write_property(XmlWriter *w, const char *name, const char *value)
{
        xml_open(w, "Property");
        xml_attribute(w, "Name", name);
        xml_attribute(w, "Value", or_empty(value));
        xml_close(w);
}

static void
write_certificate(XmlWriter *w, const char *hex)
{
        xml_open(w, "Certificates");
        xml_open(w, "Signing");
        xml_attribute(w, "Encoding", "HexBinary");
        xml_attribute(w, "KeyType", "1");
        xml_content(w, hex);
        xml_close(w);
        xml_close(w);
}

static char *
write_data(const RegistrationRequest *request, const char *certificate_hex)
{
        g_autofree char *time = uk_clock_iso(request->time_us);
        g_autofree char *smsid = or_empty(request->smsid)[0] != '\0'
                                         ? g_strconcat("GUID:", request->smsid, NULL)
                                         : g_strdup("");
        GString *out = g_string_new(NULL);
        XmlWriter w;

        xml_begin(&w, out);
        xml_open(&w, "Data");
        xml_attribute(&w, "HashAlgorithm", HASH_OID);
        xml_attribute(&w, "SMSID", smsid);
        xml_attribute(&w, "RequestType",
                      request->confirmation ? "ConfirmationRequest" : "Registration");
        xml_attribute(&w, "TimeStamp", time);
        xml_attribute(&w, "xmlns:upkeep", "urn:upkeep");
        xml_open(&w, "AgentInformation");
        xml_attribute(&w, "AgentIdentity", "upkeep-client");
        xml_attribute(&w, "AgentVersion", or_empty(request->agent_version));
        xml_attribute(&w, "AgentType", "0");
        xml_close(&w);
        write_certificate(&w, certificate_hex);
        xml_open(&w, "DiscoveryProperties");
        write_property(&w, "Netbios Name", request->netbios_name);
        write_property(&w, "FQ Name", request->fq_name);
        xml_close(&w);
        xml_open(&w, "upkeep:System");
        xml_attribute(&w, "Name", or_empty(request->os));
        xml_attribute(&w, "Version", or_empty(request->os_version));
        xml_attribute(&w, "Architecture", or_empty(request->architecture));
        xml_close(&w);
        xml_close(&w);
        xml_finish(&w);
        return g_string_free(out, FALSE);
}

/* Signatures stand in reverse order of their bytes, as the messages' do. */
static char *
signature_hex(GBytes *signature)
{
        gsize size;
        const guint8 *bytes = g_bytes_get_data(signature, &size);
        g_autofree guint8 *reversed = g_malloc(size);

        for (gsize i = 0; i < size; i++)
                reversed[i] = bytes[size - 1 - i];
        return hex_upper(reversed, size);
}

char *
registration_request_write(const RegistrationRequest *request, RegistrationSigner signer,
                           gpointer user, GError **error)
{
        UK_DOING(error, "writing a registration request");
        g_autofree char *certificate = pem_to_hex(request->certificate);
        g_autofree char *data = NULL;
        g_autoptr(GBytes) covered = NULL;
        g_autoptr(GBytes) signature = NULL;

        if (certificate == NULL) {
                uk_fail(error, UK_ERROR_KEY, "the certificate is no PEM");
                return NULL;
        }
        data = write_data(request, certificate);
        covered = registration_signed_bytes(data, error);
        if (covered != NULL)
                signature = signer(user, g_bytes_get_data(covered, NULL), g_bytes_get_size(covered),
                                   error);
        if (signature == NULL)
                return NULL;
        g_autofree char *hex = signature_hex(signature);

        return g_strconcat("<ClientRegistrationRequest>", data, "<Signature><SignatureValue>", hex,
                           "</SignatureValue></Signature></ClientRegistrationRequest>", NULL);
}

/* The text of the element Data, from its first '<' to its last '>'; the caller's, NULL if none. */
static char *
cut_data(const char *text, gsize size)
{
        const char *start = g_strstr_len(text, (gssize)size, "<Data ");
        const char *end = start != NULL
                                  ? g_strstr_len(start, (gssize)(text + size - start), "</Data>")
                                  : NULL;

        return end != NULL ? g_strndup(start, (gsize)(end - start) + strlen("</Data>")) : NULL;
}

/* A text of at most MAX_VALUE bytes; "" for NULL. The result is the caller's. */
static bool
bounded(char *value_take, const char *what, char **out, GError **error)
{
        if (value_take != NULL && strlen(value_take) > MAX_VALUE) {
                g_free(value_take);
                return uk_fail(error, UK_ERROR_LIMIT, "%s is longer than %d bytes", what,
                               MAX_VALUE);
        }
        *out = value_take != NULL ? value_take : g_strdup("");
        return true;
}

static bool
read_smsid(const XmlNode *data, char **out, GError **error)
{
        g_autofree char *text = xml_attr(data, "SMSID");
        const char *guid = or_empty(text);

        if (g_ascii_strncasecmp(guid, "GUID:", 5) == 0)
                guid += 5;
        if (guid[0] != '\0' && !uk_guid_valid(guid))
                return uk_fail(error, UK_ERROR_PARSE, "the SMSID is no GUID");
        *out = g_ascii_strup(guid, -1);
        return true;
}

static bool
read_properties(const XmlNode *data, RegistrationRequest *request, GError **error)
{
        const XmlNode *list = xml_child(data, "DiscoveryProperties");
        g_autofree char *netbios = NULL;
        g_autofree char *fq = NULL;

        for (const XmlNode *node = xml_child(list, "Property"); node != NULL;
             node = xml_next(node, "Property")) {
                g_autofree char *name = xml_attr(node, "Name");
                char **member = g_strcmp0(name, "Netbios Name") == 0 ? &netbios
                                : g_strcmp0(name, "FQ Name") == 0    ? &fq
                                                                     : NULL;

                if (member != NULL && *member == NULL)
                        *member = xml_attr(node, "Value");
        }
        return bounded(g_steal_pointer(&netbios), "the name of the machine", &request->netbios_name,
                       error) &&
               bounded(g_steal_pointer(&fq), "the full name of the machine", &request->fq_name,
                       error);
}

static char *
child_attribute(const XmlNode *parent, const char *child, const char *name)
{
        const XmlNode *node = xml_child(parent, child);

        return node != NULL ? xml_attr(node, name) : NULL;
}

static bool
read_certificate(const XmlNode *data, char **out, GError **error)
{
        g_autofree char *hex = xml_child_text(data, "Certificates/Signing");

        *out = hex != NULL ? hex_to_pem(g_strstrip(hex)) : NULL;
        return *out != NULL ||
               uk_fail(error, UK_ERROR_PARSE, "there is no signing certificate in hexadecimal");
}

static bool
read_data(const XmlNode *data, RegistrationRequest *request, GError **error)
{
        g_autofree char *type = xml_attr(data, "RequestType");
        g_autofree char *algorithm = xml_attr(data, "HashAlgorithm");
        g_autofree char *time = xml_attr(data, "TimeStamp");

        if (strcmp(xml_name(data), "Data") != 0)
                return uk_fail(error, UK_ERROR_PARSE, "the signed element is not Data");
        if (g_strcmp0(algorithm, HASH_OID) != 0)
                return uk_fail(error, UK_ERROR_UNSUPPORTED, "the hash algorithm is not " HASH_OID);
        if (g_strcmp0(type, "Registration") != 0 && g_strcmp0(type, "ConfirmationRequest") != 0)
                return uk_fail(error, UK_ERROR_PARSE,
                               "the type of the request is neither Registration nor "
                               "ConfirmationRequest");
        request->confirmation = type[0] == 'C';
        if (time == NULL)
                return uk_fail(error, UK_ERROR_PARSE, "the request has no time");
        return uk_clock_parse(time, &request->time_us, error) &&
               read_smsid(data, &request->smsid, error) &&
               bounded(child_attribute(data, "AgentInformation", "AgentVersion"),
                       "the version of the agent", &request->agent_version, error) &&
               read_certificate(data, &request->certificate, error) &&
               read_properties(data, request, error) &&
               bounded(child_attribute(data, "System", "Name"), "the operating system",
                       &request->os, error) &&
               bounded(child_attribute(data, "System", "Version"),
                       "the version of the operating system", &request->os_version, error) &&
               bounded(child_attribute(data, "System", "Architecture"), "the architecture",
                       &request->architecture, error);
}

static bool
read_request(const XmlNode *root, const char *text, gsize size, RegistrationRequest *request,
             GError **error)
{
        g_autoptr(XmlDoc) inner = NULL;

        if (strcmp(xml_name(root), "ClientRegistrationRequest") != 0)
                return uk_fail(error, UK_ERROR_PARSE,
                               "the document is '%.64s' and not a ClientRegistrationRequest",
                               xml_name(root));
        request->signature = xml_child_text(root, "Signature/SignatureValue");
        request->data = cut_data(text, size);
        if (request->signature == NULL || request->data == NULL)
                return uk_fail(error, UK_ERROR_PARSE, "the request has no data or no signature");
        inner = xml_read(request->data, strlen(request->data), REGISTRATION_MAX_BYTES, error);
        return inner != NULL && read_data(xml_root(inner), request, error);
}

RegistrationRequest *
registration_request_read(const void *data, gsize size, GError **error)
{
        UK_DOING(error, "reading a registration request");
        g_autoptr(XmlDoc) doc = xml_read(data, size, REGISTRATION_MAX_BYTES, error);
        g_autoptr(RegistrationRequest) request = NULL;

        if (doc == NULL)
                return NULL;
        request = g_new0(RegistrationRequest, 1);
        if (!read_request(xml_root(doc), data, size, request, error))
                return NULL;
        return g_steal_pointer(&request);
}

void
registration_request_free(RegistrationRequest *request)
{
        if (request == NULL)
                return;
        g_free(request->smsid);
        g_free(request->agent_version);
        g_free(request->certificate);
        g_free(request->netbios_name);
        g_free(request->fq_name);
        g_free(request->os);
        g_free(request->os_version);
        g_free(request->architecture);
        g_free(request->data);
        g_free(request->signature);
        g_free(request);
}

char *
registration_response_write(const RegistrationResponse *response)
{
        g_autofree char *time = uk_clock_iso(response->time_us);
        g_autofree char *smsid = g_strconcat("GUID:", response->smsid, NULL);
        GString *out = g_string_new(NULL);
        XmlWriter w;

        xml_begin(&w, out);
        xml_open(&w, "ClientRegistrationResponse");
        xml_attribute(&w, "ResponseType", response->confirmation ? "Confirmation" : "Registration");
        xml_attribute(&w, "TimeStamp", time);
        xml_attribute_int(&w, "Status", response->status);
        xml_attribute(&w, "SMSID", or_empty(response->smsid)[0] != '\0' ? smsid : "");
        xml_attribute_int(&w, "ApprovalStatus", response->approved ? 1 : 0);
        bool reasoned = or_empty(response->reason)[0] != '\0';
        if (reasoned || response->stale)
                xml_attribute(&w, "xmlns:upkeep", "urn:upkeep");
        if (reasoned)
                xml_attribute(&w, "upkeep:Reason", response->reason);
        if (response->stale)
                xml_attribute_int(&w, "upkeep:Stale", 1);
        xml_close(&w);
        xml_finish(&w);
        return g_string_free(out, FALSE);
}

/* A number of one digit; -1 for anything else. */
static int
digit_attribute(const XmlNode *node, const char *name)
{
        g_autofree char *text = xml_attr(node, name);

        return text != NULL && g_ascii_isdigit(text[0]) && text[1] == '\0' ? text[0] - '0' : -1;
}

static bool
read_response(const XmlNode *root, RegistrationResponse *response, GError **error)
{
        g_autofree char *type = xml_attr(root, "ResponseType");
        g_autofree char *time = xml_attr(root, "TimeStamp");
        int approval = digit_attribute(root, "ApprovalStatus");

        if (strcmp(xml_name(root), "ClientRegistrationResponse") != 0)
                return uk_fail(error, UK_ERROR_PARSE,
                               "the document is '%.64s' and not a ClientRegistrationResponse",
                               xml_name(root));
        response->confirmation = g_strcmp0(type, "Confirmation") == 0;
        response->status = digit_attribute(root, "Status");
        response->approved = approval == 1;
        response->stale = digit_attribute(root, "Stale") == 1;
        if (response->status < 0 || response->status > 3 || approval < 0)
                return uk_fail(error, UK_ERROR_PARSE, "the status of the registration is unknown");
        if (time == NULL)
                return uk_fail(error, UK_ERROR_PARSE, "the response has no time");
        return uk_clock_parse(time, &response->time_us, error) &&
               read_smsid(root, &response->smsid, error) &&
               bounded(xml_attr(root, "Reason"), "the reason", &response->reason, error);
}

RegistrationResponse *
registration_response_read(const void *data, gsize size, GError **error)
{
        UK_DOING(error, "reading a registration response");
        g_autoptr(XmlDoc) doc = xml_read(data, size, REGISTRATION_MAX_BYTES, error);
        g_autoptr(RegistrationResponse) response = NULL;

        if (doc == NULL)
                return NULL;
        response = g_new0(RegistrationResponse, 1);
        if (!read_response(xml_root(doc), response, error))
                return NULL;
        return g_steal_pointer(&response);
}

void
registration_response_free(RegistrationResponse *response)
{
        if (response == NULL)
                return;
        g_free(response->smsid);
        g_free(response->reason);
        g_free(response);
}
