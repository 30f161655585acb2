/* soap.c - reads and writes SOAP envelopes and faults; what is in the bodies is others' business.
 *
 * Tolerant in reading, as far as no doubt arises: any prefix, any order, headers that need not be
 * understood; strict in writing: the layouts of the original, without a blank too many.
 */
#include "wire/soap.h"

#include <string.h>

#include "base/guid.h"

#define NS_11  "http://schemas.xmlsoap.org/soap/envelope/"
#define NS_12  "http://www.w3.org/2003/05/soap-envelope"
#define NS_XSI "http://www.w3.org/2001/XMLSchema-instance"
#define NS_XSD "http://www.w3.org/2001/XMLSchema"

static const char *
or_empty(const char *text)
{
        return text != NULL ? text : "";
}

/* --- faults --- */

SoapFault *
soap_fault_new(bool server, const char *error_code, const char *message, const char *method)
{
        SoapFault *fault = g_new0(SoapFault, 1);

        fault->server = server;
        fault->error_code = g_strdup(or_empty(error_code));
        fault->message = g_strdup(or_empty(message));
        fault->method = g_strdup(or_empty(method));
        fault->id = uk_guid_new();
        fault->actor = g_strdup("");
        fault->code = g_strdup(server ? "Server" : "Client");
        fault->text = g_strdup("Fault occurred");
        return fault;
}

void
soap_fault_free(SoapFault *fault)
{
        if (fault == NULL)
                return;
        g_free(fault->error_code);
        g_free(fault->message);
        g_free(fault->id);
        g_free(fault->method);
        g_free(fault->actor);
        g_free(fault->code);
        g_free(fault->text);
        g_free(fault);
}

static const char *
prefix_of(SoapLayout layout)
{
        return layout == SOAP_ASMX ? "soap" : "s";
}

static void
open_prefixed(XmlWriter *w, SoapLayout layout, const char *name)
{
        g_autofree char *full = g_strdup_printf("%s:%s", prefix_of(layout), name);

        xml_open(w, full);
}

static void
open_envelope(XmlWriter *w, SoapLayout layout)
{
        g_autofree char *declaration = g_strdup_printf("xmlns:%s", prefix_of(layout));

        if (layout == SOAP_ASMX)
                g_string_append(w->out, "<?xml version=\"1.0\" encoding=\"utf-8\"?>");
        open_prefixed(w, layout, "Envelope");
        xml_attribute(w, declaration, NS_11);
}

static void
write_detail(XmlWriter *w, const SoapFault *fault)
{
        g_autofree char *quoted = g_strdup_printf("\"%s\"", or_empty(fault->method));
        g_autofree char *fresh = uk_guid_new();

        xml_open(w, "detail");
        xml_element(w, "ErrorCode", or_empty(fault->error_code));
        xml_element(w, "Message", or_empty(fault->message));
        xml_element(w, "ID", or_empty(fault->id)[0] != '\0' ? fault->id : fresh);
        xml_element(w, "Method", quoted);
        xml_close(w);
}

static char *
write_fault(const char *code, const char *text, const SoapFault *fault, SoapLayout layout)
{
        GString *out = g_string_new(NULL);
        g_autofree char *full = g_strdup_printf("%s:%s", prefix_of(layout), code);
        XmlWriter w;

        xml_begin(&w, out);
        open_envelope(&w, layout);
        open_prefixed(&w, layout, "Body");
        open_prefixed(&w, layout, "Fault");
        xml_element(&w, "faultcode", full);
        xml_element(&w, "faultstring", text);
        if (fault != NULL && or_empty(fault->actor)[0] != '\0')
                xml_element(&w, "faultactor", fault->actor);
        if (fault != NULL)
                write_detail(&w, fault);
        xml_close(&w);
        xml_close(&w);
        xml_close(&w);
        xml_finish(&w);
        return g_string_free(out, FALSE);
}

char *
soap_fault_write(const SoapFault *fault, SoapLayout layout)
{
        return write_fault(fault->server ? "Server" : "Client", "Fault occurred", fault, layout);
}

char *
soap_refusal_write(SoapRefusal refusal, const char *why, SoapLayout layout)
{
        const char *code = refusal == SOAP_REFUSAL_VERSION  ? "VersionMismatch"
                           : refusal == SOAP_REFUSAL_HEADER ? "MustUnderstand"
                                                            : "Client";

        return write_fault(code, why, NULL, layout);
}

/* The first element of that name at or below node, whatever is between. */
static const XmlNode *
find_below(const XmlNode *node, const char *name)
{
        const XmlNode *at = xml_child(node, NULL);

        for (; at != NULL; at = xml_next(at, NULL)) {
                const XmlNode *found = strcmp(xml_name(at), name) == 0 ? at : find_below(at, name);

                if (found != NULL)
                        return found;
        }
        return NULL;
}

static char *
text_below(const XmlNode *node, const char *name)
{
        const XmlNode *found = node != NULL ? find_below(node, name) : NULL;

        return found != NULL ? g_strstrip(xml_text(found)) : g_strdup("");
}

/* "soap:Client" and "Client" are the same. */
static char *
local_code(char *text_take)
{
        g_autofree char *text = text_take;
        const char *colon = strrchr(text, ':');

        return g_strdup(colon != NULL ? colon + 1 : text);
}

static char *
unquote(char *text_take)
{
        gsize size = strlen(text_take);

        if (size >= 2 && text_take[0] == '"' && text_take[size - 1] == '"') {
                memmove(text_take, text_take + 1, size - 2);
                text_take[size - 2] = '\0';
        }
        return text_take;
}

static SoapFault *
read_fault(const XmlNode *node)
{
        const XmlNode *detail = xml_child(node, "detail");
        SoapFault *fault = g_new0(SoapFault, 1);
        bool is_12 = xml_child(node, "Code") != NULL;

        if (detail == NULL)
                detail = xml_child(node, "Detail");
        fault->error_code = text_below(detail, "ErrorCode");
        fault->message = text_below(detail, "Message");
        fault->id = text_below(detail, "ID");
        fault->method = unquote(text_below(detail, "Method"));
        fault->actor = xml_child_value(node, "faultactor");
        fault->code = local_code(xml_child_value(node, is_12 ? "Code/Value" : "faultcode"));
        fault->text = xml_child_value(node, is_12 ? "Reason/Text" : "faultstring");
        fault->server = strcmp(fault->code, "Server") == 0 || strcmp(fault->code, "Receiver") == 0;
        return fault;
}

/* --- messages --- */

void
soap_message_free(SoapMessage *message)
{
        if (message == NULL)
                return;
        xml_doc_free(message->doc);
        soap_fault_free(message->fault);
        g_free(message);
}

/* No header is known, so one that must be understood cannot be. */
static bool
check_headers(const XmlNode *envelope, GError **error)
{
        const XmlNode *at = xml_child(xml_child(envelope, "Header"), NULL);

        for (; at != NULL; at = xml_next(at, NULL)) {
                g_autofree char *must = xml_attr_value(at, "mustUnderstand");

                if (strcmp(must, "1") == 0 || strcmp(must, "true") == 0)
                        return uk_fail(error, UK_ERROR_PARSE, "the header <%s> is not understood",
                                       xml_name(at));
        }
        return true;
}

static bool
check_envelope(SoapMessage *message, SoapRefusal *refusal, GError **error)
{
        const XmlNode *envelope = xml_root(message->doc);
        const char *ns = xml_ns(envelope);

        if (strcmp(xml_name(envelope), "Envelope") != 0)
                return uk_fail(error, UK_ERROR_PARSE, "<%s> is no SOAP envelope",
                               xml_name(envelope));
        message->is_12 = strcmp(ns, NS_12) == 0;
        if (!message->is_12 && strcmp(ns, NS_11) != 0) {
                *refusal = SOAP_REFUSAL_VERSION;
                return uk_fail(error, UK_ERROR_PARSE, "an envelope of the namespace '%.100s'", ns);
        }
        if (!check_headers(envelope, error)) {
                *refusal = SOAP_REFUSAL_HEADER;
                return false;
        }
        return true;
}

/* "\"…/SyncUpdates\"" names SyncUpdates. */
static bool
action_names(const char *action, const char *ns, const char *method)
{
        g_autofree char *plain = unquote(g_strstrip(g_strdup(action)));
        g_autofree char *expected = g_strconcat(ns, "/", method, NULL);

        return plain[0] == '\0' || strcmp(plain, expected) == 0;
}

static bool
take_body(SoapMessage *message, const char *action, GError **error)
{
        const XmlNode *body = xml_child(xml_root(message->doc), "Body");
        const XmlNode *first = xml_child(body, NULL);

        if (first == NULL)
                return uk_fail(error, UK_ERROR_PARSE, "the SOAP body is empty");
        message->method = xml_name(first);
        message->ns = xml_ns(first);
        if (strcmp(message->method, "Fault") == 0 &&
            strcmp(message->ns, xml_ns(xml_root(message->doc))) == 0) {
                message->fault = read_fault(first);
                return true;
        }
        message->element = first;
        message->disagrees = action != NULL && !action_names(action, message->ns, message->method);
        return true;
}

SoapMessage *
soap_read(const void *data, gsize size, gsize max, const char *action, SoapRefusal *refusal_out,
          GError **error)
{
        g_autoptr(SoapMessage) message = g_new0(SoapMessage, 1);
        SoapRefusal refusal = SOAP_REFUSAL_CLIENT;
        bool ok;

        message->doc = xml_read(data, size, max, error);
        ok = message->doc != NULL && check_envelope(message, &refusal, error) &&
             take_body(message, action, error);
        if (refusal_out != NULL)
                *refusal_out = refusal;
        return ok ? g_steal_pointer(&message) : NULL;
}

/* --- writing calls and answers --- */

static void
declare_types(XmlWriter *w)
{
        xml_attribute(w, "xmlns:xsi", NS_XSI);
        xml_attribute(w, "xmlns:xsd", NS_XSD);
}

void
soap_open(XmlWriter *w, SoapLayout layout, const char *name, const char *ns)
{
        open_envelope(w, layout);
        if (layout == SOAP_ASMX)
                declare_types(w);
        open_prefixed(w, layout, "Body");
        if (layout == SOAP_PLAIN)
                declare_types(w);
        xml_open(w, name);
        xml_attribute(w, "xmlns", ns);
}

void
soap_close(XmlWriter *w)
{
        xml_close(w);
        xml_close(w);
        xml_close(w);
}
