/* envelope.c - one message between client and management point: the Msg document and its body,
 * framed as multipart, in UTF-16, compressed, signed.
 *
 * Everything that came is checked against what it says of itself: the length of the body, the
 * compression, the ends. Signatures are carried, not judged: keys are not known here.
 */
#include "wire/envelope.h"

#include <string.h>

#include "base/clock.h"
#include "base/deflate.h"
#include "wire/hex.h"
#include "wire/mime.h"
#include "wire/utf16.h"
#include "wire/xml.h"

#define MAX_MSG        (256 * 1024) /* of the Msg document in UTF-16 */
#define MAX_SIGNATURE  2048
#define NULL_GUID      "{00000000-0000-0000-0000-000000000000}"
#define SHA256_RSA_OID "1.2.840.113549.1.1.11"

Envelope *
envelope_new(void)
{
        return g_new0(Envelope, 1);
}

void
envelope_free(Envelope *e)
{
        if (e == NULL)
                return;
        g_free(e->id);
        g_free(e->correlation);
        g_free(e->source_id);
        g_free(e->source_host);
        g_free(e->target_address);
        g_free(e->target_endpoint);
        g_free(e->target_host);
        g_free(e->reply_to);
        g_free(e->trace);
        g_free(e->client_signature);
        g_free(e->payload_signature);
        g_free(e->body);
        g_bytes_unref(e->payload);
        g_bytes_unref(e->client_id_bytes);
        g_free(e);
}

static const char *
or_empty(const char *text)
{
        return text != NULL ? text : "";
}

static bool
is_set(const char *text)
{
        return text != NULL && *text != '\0';
}

/* --- bytes --- */

/* UTF-16LE with or without mark, and a NUL character behind it. */
static GByteArray *
utf16_text(const char *text, gsize size, bool with_mark, GError **error)
{
        static const guint8 nul[2] = { 0, 0 };
        g_autoptr(GBytes) marked = utf16_write(text, (gssize)size, error);
        GByteArray *out;
        const guint8 *bytes;
        gsize length;

        if (marked == NULL)
                return NULL;
        bytes = g_bytes_get_data(marked, &length);
        out = g_byte_array_sized_new((guint)length + 8);
        g_byte_array_append(out, bytes + (with_mark ? 0 : 2), (guint)length - (with_mark ? 0 : 2));
        g_byte_array_append(out, nul, sizeof nul);
        return out;
}

GBytes *
envelope_signature(const char *hex, GError **error)
{
        UK_DOING(error, "reading a signature");
        return hex_read(hex, MAX_SIGNATURE, true, error);
}

/* --- writing --- */

static char *
sign_hex(EnvelopeSigner signer, gpointer user, const void *data, gsize size, GError **error)
{
        g_autoptr(GBytes) signature = signer(user, data, size, error);

        if (signature == NULL)
                return NULL;
        return hex_write(g_bytes_get_data(signature, NULL), g_bytes_get_size(signature), true);
}

static char *
source_text(const Envelope *e)
{
        g_autofree char *upper = g_ascii_strup(or_empty(e->source_id), -1);

        return g_strconcat("GUID:", upper, NULL);
}

static void
property(XmlWriter *w, const char *name, const char *value)
{
        xml_open(w, "Property");
        xml_attribute(w, "Name", name);
        xml_content(w, value);
        xml_close(w);
}

/* The hook that proves who sends and what was sent. */
static bool
write_clientauth(XmlWriter *w, const Envelope *e, GBytes *payload, EnvelopeSigner signer,
                 gpointer user, GError **error)
{
        g_autofree char *source = source_text(e);
        g_autoptr(GByteArray) id = utf16_text(source, strlen(source), false, error);
        g_autofree char *by_client = id ? sign_hex(signer, user, id->data, id->len, error) : NULL;
        g_autofree char *over_body = NULL;

        if (by_client == NULL)
                return false;
        over_body = sign_hex(signer, user, g_bytes_get_data(payload, NULL),
                             g_bytes_get_size(payload), error);
        if (over_body == NULL)
                return false;
        xml_open(w, "Hook2");
        xml_attribute(w, "Name", "clientauth");
        property(w, "AuthSenderMachine", or_empty(e->source_host));
        property(w, "ClientIDSignature", by_client);
        property(w, "PayloadSignature", over_body);
        property(w, "ClientCapabilities", "NonSSL");
        property(w, "HashAlgorithm", SHA256_RSA_OID);
        xml_close(w);
        return true;
}

static void
write_hook3(XmlWriter *w)
{
        xml_open(w, "Hook3");
        xml_attribute(w, "Name", "zlib-compress");
        xml_close(w);
}

static void
write_routing(XmlWriter *w, const Envelope *e)
{
        /* whole seconds, as the other world writes them */
        g_autofree char *sent = uk_clock_iso(e->sent_us - e->sent_us % UK_SECOND);
        g_autofree char *seconds = g_strdup_printf("%.19sZ", sent);
        g_autofree char *source = source_text(e);

        xml_element(w, "ID", or_empty(e->id));
        xml_open(w, "Payload");
        xml_attribute(w, "Type", "inline");
        xml_close(w);
        xml_element_int(w, "Priority", e->priority);
        xml_element(w, "Protocol", "http");
        xml_element(w, "ReplyMode", e->sync ? "Sync" : "Async");
        if (is_set(e->reply_to))
                xml_element(w, "ReplyTo", e->reply_to);
        xml_element(w, "SentTime", seconds);
        if (is_set(e->source_id))
                xml_element(w, "SourceID", source);
        xml_element(w, "SourceHost", or_empty(e->source_host));
        xml_element(w, "TargetAddress", or_empty(e->target_address));
        xml_element(w, "TargetEndpoint", or_empty(e->target_endpoint));
        xml_element(w, "TargetHost", or_empty(e->target_host));
        xml_element(w, "Timeout", "60000");
        if (is_set(e->trace)) {
                xml_open(w, "upkeep:Trace");
                xml_attribute(w, "xmlns:upkeep", UPKEEP_NS);
                xml_content(w, e->trace);
                xml_close(w);
        }
}

static bool
write_msg(GString *out, const Envelope *e, GBytes *payload, gsize length, EnvelopeSigner signer,
          gpointer user, GError **error)
{
        XmlWriter w;
        bool ok = true;

        xml_begin(&w, out);
        xml_open(&w, "Msg");
        xml_attribute(&w, "SchemaVersion", "1.1");
        xml_attribute(&w, "ReplyCompression", "zlib");
        xml_open(&w, "Body");
        xml_attribute(&w, "Type", "ByteRange");
        xml_attribute_int(&w, "Offset", 0);
        xml_attribute_int(&w, "Length", (gint64)length);
        xml_close(&w);
        xml_element(&w, "CorrelationID", is_set(e->correlation) ? e->correlation : NULL_GUID);
        xml_open(&w, "Hooks");
        if (signer != NULL)
                ok = write_clientauth(&w, e, payload, signer, user, error);
        write_hook3(&w);
        xml_close(&w);
        write_routing(&w, e);
        xml_close(&w);
        xml_finish(&w);
        return ok;
}

GBytes *
envelope_write(const Envelope *e, EnvelopeSigner signer, gpointer user, char **content_type_out,
               GError **error)
{
        UK_DOING(error, "writing message %s", or_empty(e->id));
        /* Replies have a byte order mark in front of the body, requests have none. */
        g_autoptr(GByteArray) body =
                utf16_text(or_empty(e->body), e->body_size, is_set(e->correlation), error);
        g_autoptr(GBytes) payload = NULL;
        g_autoptr(GBytes) head = NULL;
        g_autoptr(GString) msg = g_string_new(NULL);
        gsize length;

        if (body == NULL)
                return NULL;
        length = body->len;
        g_byte_array_append(body, (const guint8 *)"\r\n", 2);
        payload = deflate_pack(DEFLATE_ZLIB, body->data, body->len);
        if (!write_msg(msg, e, payload, length, signer, user, error))
                return NULL;
        head = utf16_write(msg->str, (gssize)msg->len, error);
        if (head == NULL)
                return NULL;
        const MimePart parts[] = {
                { (char *)"text/plain; charset=UTF-16", g_bytes_get_data(head, NULL),
                  g_bytes_get_size(head) },
                { (char *)"application/octet-stream", g_bytes_get_data(payload, NULL),
                  g_bytes_get_size(payload) },
        };
        return mime_write(parts, G_N_ELEMENTS(parts), content_type_out);
}

/* --- reading --- */

static const XmlNode *
hook(const XmlNode *msg, const char *name)
{
        const XmlNode *at = xml_child(xml_child(msg, "Hooks"), NULL);

        for (; at != NULL; at = xml_next(at, NULL)) {
                g_autofree char *its_name = xml_attr(at, "Name");

                if (g_strcmp0(its_name, name) == 0)
                        return at;
        }
        return NULL;
}

/* A property of the clientauth hook, "" if absent. */
static char *
hook_property(const XmlNode *auth, const char *name)
{
        const XmlNode *at = xml_child(auth, "Property");

        for (; at != NULL; at = xml_next(at, "Property")) {
                g_autofree char *its_name = xml_attr(at, "Name");

                if (g_strcmp0(its_name, name) == 0)
                        return g_strstrip(xml_text(at));
        }
        return g_strdup("");
}

static char *
read_trace(const XmlNode *msg)
{
        const XmlNode *at = xml_child(msg, "Trace");
        g_autofree char *text = xml_text(at);

        if (text == NULL || strcmp(xml_ns(at), UPKEEP_NS) != 0 || strlen(text) != 32 ||
            strspn(text, "0123456789abcdef") != 32)
                return g_strdup("");
        return g_steal_pointer(&text);
}

static bool
read_source(Envelope *e, const XmlNode *msg, GError **error)
{
        g_autofree char *source = xml_child_value(msg, "SourceID");
        GByteArray *bytes = utf16_text(source, strlen(source), false, error);
        const char *guid = source;

        if (bytes == NULL)
                return false;
        e->client_id_bytes = g_byte_array_free_to_bytes(bytes);
        if (g_ascii_strncasecmp(guid, "GUID:", 5) == 0)
                guid += 5;
        e->source_id = g_strstrip(g_strdup(guid));
        return true;
}

static bool
read_sent_time(Envelope *e, const XmlNode *msg, GError **error)
{
        g_autofree char *sent = xml_child_value(msg, "SentTime");

        return *sent == '\0' || uk_clock_parse(sent, &e->sent_us, error);
}

static bool
read_fields(Envelope *e, const XmlNode *msg, GError **error)
{
        const XmlNode *auth = hook(msg, "clientauth");
        g_autofree char *mode = xml_child_value(msg, "ReplyMode");
        gint64 priority = 0;

        e->id = xml_child_value(msg, "ID");
        e->correlation = xml_child_value(msg, "CorrelationID");
        if (strcmp(e->correlation, NULL_GUID) == 0)
                e->correlation[0] = '\0';
        e->source_host = xml_child_value(msg, "SourceHost");
        e->target_address = xml_child_value(msg, "TargetAddress");
        e->target_endpoint = xml_child_value(msg, "TargetEndpoint");
        e->target_host = xml_child_value(msg, "TargetHost");
        e->reply_to = xml_child_value(msg, "ReplyTo");
        e->sync = g_ascii_strcasecmp(mode, "Sync") == 0;
        if (xml_child_int(msg, "Priority", &priority))
                e->priority = (int)CLAMP(priority, 0, 100);
        e->trace = read_trace(msg);
        e->client_signature = hook_property(auth, "ClientIDSignature");
        e->payload_signature = hook_property(auth, "PayloadSignature");
        return read_source(e, msg, error) && read_sent_time(e, msg, error);
}

/* What stands behind the body proper: nothing, or a line end of one or two bytes a character. */
static bool
is_line_end(const char *rest, gsize size)
{
        return size == 0 || (size == 2 && memcmp(rest, "\r\n", 2) == 0) ||
               (size == 4 && memcmp(rest, "\r\0\n\0", 4) == 0);
}

static bool
read_body(Envelope *e, const XmlNode *msg, GBytes *plain, GError **error)
{
        const XmlNode *range = xml_child(msg, "Body");
        g_autofree char *offset = xml_attr_value(range, "Offset");
        g_autofree char *text = xml_attr_value(range, "Length");
        guint64 length;
        gsize size;
        const char *bytes = g_bytes_get_data(plain, &size);

        if (*offset != '\0' && strcmp(offset, "0") != 0)
                return uk_fail(error, UK_ERROR_PARSE, "a body at offset %s", offset);
        if (!g_ascii_string_to_unsigned(text, 10, 0, ENVELOPE_MAX_BODY, &length, NULL))
                return uk_fail(error, UK_ERROR_PARSE, "the length '%s' of the body", text);
        if (length > size || !is_line_end(bytes + length, size - length))
                return uk_fail(error, UK_ERROR_PARSE,
                               "a body of %zu bytes that says it has %" G_GUINT64_FORMAT, size,
                               length);
        e->body = utf16_read(bytes, length, &e->body_size, error);
        if (e->body == NULL)
                return false;
        while (e->body_size > 0 && e->body[e->body_size - 1] == '\0')
                e->body_size--;
        if (memchr(e->body, '\0', e->body_size) != NULL)
                return uk_fail(error, UK_ERROR_PARSE, "a body with NUL in it");
        return true;
}

static GBytes *
plain_body(const Envelope *e, const XmlNode *msg, GError **error)
{
        gsize size;
        const void *data = g_bytes_get_data(e->payload, &size);

        if (hook(msg, "zlib-compress") == NULL)
                return g_bytes_ref(e->payload);
        return deflate_unpack(data, size, ENVELOPE_MAX_BODY, error);
}

static Envelope *
read_parts(const GPtrArray *parts, GError **error)
{
        g_autoptr(Envelope) e = envelope_new();
        const MimePart *head = parts->len >= 2 ? parts->pdata[0] : NULL;
        const MimePart *body = parts->len >= 2 ? parts->pdata[1] : NULL;
        g_autoptr(XmlDoc) doc = NULL;
        g_autoptr(GBytes) plain = NULL;

        if (head == NULL) {
                uk_fail(error, UK_ERROR_PARSE, "a message of %u parts", parts->len);
                return NULL;
        }
        doc = xml_read(head->data, head->size, MAX_MSG, error);
        if (doc == NULL)
                return NULL;
        if (strcmp(xml_name(xml_root(doc)), "Msg") != 0) {
                uk_fail(error, UK_ERROR_PARSE, "the first part is <%s>, not <Msg>",
                        xml_name(xml_root(doc)));
                return NULL;
        }
        e->payload = g_bytes_new(body->data, body->size);
        if (!read_fields(e, xml_root(doc), error))
                return NULL;
        plain = plain_body(e, xml_root(doc), error);
        if (plain == NULL || !read_body(e, xml_root(doc), plain, error))
                return NULL;
        return g_steal_pointer(&e);
}

Envelope *
envelope_read(const void *data, gsize size, const char *content_type, GError **error)
{
        UK_DOING(error, "reading a message");
        g_autoptr(GPtrArray) parts = NULL;

        if (size > ENVELOPE_MAX_BYTES) {
                uk_fail(error, UK_ERROR_LIMIT, "it has %zu bytes, at most %d are read", size,
                        ENVELOPE_MAX_BYTES);
                return NULL;
        }
        parts = mime_read(data, size, content_type, error);
        return parts != NULL ? read_parts(parts, error) : NULL;
}
