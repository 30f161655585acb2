/* policydoc.c - bodies of policies, their assignments, and how a client asks for them.
 *
 * In: documents from clients and, at the client, from a management point. Out: records and
 * documents, byte for byte the same for the same input, because bodies are hashed and assignments
 * signed. A signed assignment is kept verbatim and all its values are read from that piece alone.
 */
#include "wire/policydoc.h"

#include <string.h>

#include "base/guid.h"
#include "wire/xml.h"

#define MAX_VALUE       1024
#define MAX_PROPERTIES  1000
#define MAX_ASSIGNMENTS 10000
#define MAX_TRIGGERS    100
#define LOCATION_PREFIX "http://<mp>"
#define BODY_PATH       "/SMS_MP/.sms_pol?"

static const char *
or_empty(const char *text)
{
        return text != NULL ? text : "";
}

/* An attribute that must be there, of at most MAX_VALUE bytes; the caller's. */
static bool
required(const XmlNode *node, const char *name, char **out, GError **error)
{
        char *value = node != NULL ? xml_attr(node, name) : NULL;

        if (value == NULL)
                return uk_fail(error, UK_ERROR_PARSE, "there is no attribute %s", name);
        if (strlen(value) > MAX_VALUE) {
                g_free(value);
                return uk_fail(error, UK_ERROR_LIMIT, "%s is longer than %d bytes", name,
                               MAX_VALUE);
        }
        *out = value;
        return true;
}

static bool
root_is(const XmlNode *root, const char *name, GError **error)
{
        return strcmp(xml_name(root), name) == 0 ||
               uk_fail(error, UK_ERROR_PARSE, "the document is '%.64s' and not a %s",
                       xml_name(root), name);
}

static void
property_free(gpointer data)
{
        PolicyProperty *property = data;

        g_free(property->name);
        g_free(property->value);
        g_free(property);
}

PolicyBody *
policydoc_body_new(const char *policy_id, const char *version, const char *category,
                   const char *source, const char *rule_id, const char *class_name)
{
        PolicyBody *body = g_new0(PolicyBody, 1);

        body->policy_id = g_strdup(policy_id);
        body->version = g_strdup(version);
        body->category = g_strdup(category);
        body->source = g_strdup(source);
        body->rule_id = g_strdup(rule_id);
        body->class_name = g_strdup(class_name);
        body->properties = g_ptr_array_new_with_free_func(property_free);
        return body;
}

void
policydoc_body_add(PolicyBody *body, const char *name, int type, const char *value)
{
        PolicyProperty *property = g_new0(PolicyProperty, 1);

        property->name = g_strdup(name);
        property->type = type;
        property->value = g_strdup(value);
        g_ptr_array_add(body->properties, property);
}

const char *
policydoc_body_get(const PolicyBody *body, const char *name)
{
        for (guint i = 0; i < body->properties->len; i++) {
                const PolicyProperty *property = g_ptr_array_index(body->properties, i);

                if (strcmp(property->name, name) == 0)
                        return property->value;
        }
        return NULL;
}

char *
policydoc_body_write(const PolicyBody *body)
{
        GString *out = g_string_new("<?xml version=\"1.0\"?>");
        XmlWriter w;

        xml_begin(&w, out);
        xml_open(&w, "Policy");
        xml_attribute(&w, "PolicyID", body->policy_id);
        xml_attribute(&w, "PolicyVersion", body->version);
        xml_attribute(&w, "PolicyType", "Machine");
        xml_attribute(&w, "PolicyCategory", body->category);
        xml_attribute(&w, "PolicySource", body->source);
        xml_open(&w, "PolicyRule");
        xml_attribute(&w, "PolicyRuleID", body->rule_id);
        xml_open(&w, "PolicyAction");
        xml_attribute(&w, "PolicyActionType", "WMI-XML");
        xml_open(&w, "instance");
        xml_attribute(&w, "class", body->class_name);
        for (guint i = 0; i < body->properties->len; i++) {
                const PolicyProperty *property = g_ptr_array_index(body->properties, i);

                xml_open(&w, "property");
                xml_attribute(&w, "name", property->name);
                xml_attribute_int(&w, "type", property->type);
                xml_element(&w, "value", property->value);
                xml_close(&w);
        }
        xml_close(&w);
        xml_close(&w);
        xml_close(&w);
        xml_close(&w);
        xml_finish(&w);
        return g_string_free(out, FALSE);
}

static bool
read_properties(const XmlNode *instance, PolicyBody *body, GError **error)
{
        for (const XmlNode *node = xml_child(instance, "property"); node != NULL;
             node = xml_next(node, "property")) {
                g_autofree char *name = NULL;
                g_autofree char *type = xml_attr(node, "type");
                g_autofree char *value = xml_child_text(node, "value");

                if (!required(node, "name", &name, error))
                        return false;
                if (body->properties->len == MAX_PROPERTIES)
                        return uk_fail(error, UK_ERROR_LIMIT, "more than %d properties",
                                       MAX_PROPERTIES);
                policydoc_body_add(body, name,
                                   (int)g_ascii_strtoll(or_empty(type), NULL, 10) & 0xffff,
                                   or_empty(value));
        }
        return true;
}

static bool
read_body(const XmlNode *root, PolicyBody *body, GError **error)
{
        const XmlNode *rule = xml_child(root, "PolicyRule");
        const XmlNode *instance = xml_path(rule, "PolicyAction/instance");

        if (!root_is(root, "Policy", error) ||
            !required(root, "PolicyID", &body->policy_id, error) ||
            !required(root, "PolicyVersion", &body->version, error) ||
            !required(root, "PolicyCategory", &body->category, error) ||
            !required(root, "PolicySource", &body->source, error))
                return false;
        if (instance == NULL)
                return uk_fail(error, UK_ERROR_PARSE, "the policy has no rule with an instance");
        return required(rule, "PolicyRuleID", &body->rule_id, error) &&
               required(instance, "class", &body->class_name, error) &&
               read_properties(instance, body, error);
}

PolicyBody *
policydoc_body_read(const void *data, gsize size, GError **error)
{
        UK_DOING(error, "reading the body of a policy");
        g_autoptr(XmlDoc) doc = xml_read(data, size, POLICYDOC_MAX_BYTES, error);
        g_autoptr(PolicyBody) body = NULL;

        if (doc == NULL)
                return NULL;
        body = g_new0(PolicyBody, 1);
        body->properties = g_ptr_array_new_with_free_func(property_free);
        if (!read_body(xml_root(doc), body, error))
                return NULL;
        return g_steal_pointer(&body);
}

void
policydoc_body_free(PolicyBody *body)
{
        if (body == NULL)
                return;
        g_free(body->policy_id);
        g_free(body->version);
        g_free(body->category);
        g_free(body->source);
        g_free(body->rule_id);
        g_free(body->class_name);
        g_ptr_array_unref(body->properties);
        g_free(body);
}

void
policydoc_assignment_free(PolicyAssignmentDoc *assignment)
{
        if (assignment == NULL)
                return;
        g_free(assignment->assignment_id);
        g_free(assignment->policy_id);
        g_free(assignment->version);
        g_free(assignment->category);
        g_free(assignment->hash);
        g_free(assignment->location);
        g_free(assignment->signature);
        g_free(assignment->document);
        g_free(assignment->trace);
        g_free(assignment);
}

char *
policydoc_assignment_write(const PolicyAssignmentDoc *assignment)
{
        GString *out = g_string_new(NULL);
        XmlWriter w;

        xml_begin(&w, out);
        xml_open(&w, "PolicyAssignment");
        xml_attribute(&w, "PolicyAssignmentID", assignment->assignment_id);
        if (assignment->tombstone)
                xml_attribute(&w, "Tombstone", "1");
        if (or_empty(assignment->trace)[0] != '\0') {
                xml_attribute(&w, "xmlns:upkeep", "urn:upkeep");
                xml_attribute(&w, "upkeep:trace", assignment->trace);
        }
        xml_open(&w, "Policy");
        xml_attribute(&w, "PolicyID", assignment->policy_id);
        xml_attribute(&w, "PolicyVersion", assignment->version);
        xml_attribute(&w, "PolicyType", "Machine");
        xml_attribute(&w, "PolicyCategory", assignment->category);
        xml_open(&w, "PolicyLocation");
        xml_attribute(&w, "PolicyHashEx", or_empty(assignment->hash));
        xml_content(&w, or_empty(assignment->location));
        xml_close(&w);
        xml_close(&w);
        xml_close(&w);
        xml_finish(&w);
        return g_string_free(out, FALSE);
}

static bool
hash_is_valid(const char *hash)
{
        if (strlen(hash) != 71 || !g_str_has_prefix(hash, "SHA256:"))
                return false;
        for (const char *at = hash + 7; *at != '\0'; at++) {
                if (!g_ascii_isxdigit(*at))
                        return false;
        }
        return true;
}

static bool
read_assignment(const XmlNode *root, PolicyAssignmentDoc *assignment, GError **error)
{
        const XmlNode *policy = xml_child(root, "Policy");
        const XmlNode *location = xml_child(policy, "PolicyLocation");
        g_autofree char *tombstone = xml_attr(root, "Tombstone");

        if (!root_is(root, "PolicyAssignment", error) ||
            !required(root, "PolicyAssignmentID", &assignment->assignment_id, error))
                return false;
        if (policy == NULL || location == NULL)
                return uk_fail(error, UK_ERROR_PARSE, "the assignment names no policy or location");
        if (!required(policy, "PolicyID", &assignment->policy_id, error) ||
            !required(policy, "PolicyVersion", &assignment->version, error) ||
            !required(policy, "PolicyCategory", &assignment->category, error) ||
            !required(location, "PolicyHashEx", &assignment->hash, error))
                return false;
        assignment->tombstone = g_strcmp0(tombstone, "1") == 0;
        assignment->location = xml_text(location);
        assignment->trace = xml_attr(root, "trace");
        if (assignment->trace == NULL)
                assignment->trace = g_strdup("");
        if (!assignment->tombstone && !hash_is_valid(assignment->hash))
                return uk_fail(error, UK_ERROR_PARSE, "the hash of the policy is not SHA256:<hex>");
        return true;
}

PolicyAssignmentDoc *
policydoc_assignment_read(const void *data, gsize size, GError **error)
{
        UK_DOING(error, "reading a policy assignment");
        g_autoptr(XmlDoc) doc = xml_read(data, size, POLICYDOC_MAX_BYTES, error);
        g_autoptr(PolicyAssignmentDoc) assignment = NULL;

        if (doc == NULL)
                return NULL;
        assignment = g_new0(PolicyAssignmentDoc, 1);
        if (!read_assignment(xml_root(doc), assignment, error))
                return NULL;
        return g_steal_pointer(&assignment);
}

char *
policydoc_body_path(const char *policy_id, const char *version)
{
        char *path = g_strconcat(BODY_PATH, policy_id, ".", version, NULL);

        /* "40.00" is written 40_00, so that the last point parts ID and version. */
        for (char *at = path + strlen(BODY_PATH) + strlen(policy_id) + 1; *at != '\0'; at++) {
                if (*at == '.')
                        *at = '_';
        }
        return path;
}

/* "40_00" to "40.00"; "SHA256:<hex>" stays as it is. NULL for anything else. */
static char *
version_from(const char *text)
{
        const char *line = strchr(text, '_');
        char *version;

        if (hash_is_valid(text))
                return g_strdup(text);
        if (line == NULL || line == text || line[1] == '\0' || strlen(text) > 32 ||
            strspn(text, "0123456789") != (gsize)(line - text) ||
            strspn(line + 1, "0123456789") != strlen(line + 1))
                return NULL;
        version = g_strdup(text);
        version[line - text] = '.';
        return version;
}

bool
policydoc_body_query(const char *query, char **policy_id_out, char **version_out, GError **error)
{
        g_autofree char *plain = g_uri_unescape_string(query, NULL);
        char *point = plain != NULL ? strrchr(plain, '.') : NULL;
        char *version;

        if (point == NULL || point == plain || strlen(plain) > MAX_VALUE ||
            !g_utf8_validate(plain, -1, NULL))
                return uk_fail(error, UK_ERROR_PARSE, "the query names no policy and version");
        version = version_from(point + 1);
        if (version == NULL)
                return uk_fail(error, UK_ERROR_PARSE, "the version in the query cannot be read");
        *policy_id_out = g_strndup(plain, (gsize)(point - plain));
        *version_out = version;
        return true;
}

char *
policydoc_request_write(const PolicyRequest *request)
{
        g_autofree char *source = g_strconcat("SMS:", request->site, NULL);
        g_autofree char *id = g_strconcat("GUID:", request->client_id, NULL);
        GString *out = g_string_new(NULL);
        XmlWriter w;

        xml_begin(&w, out);
        xml_open(&w, "RequestAssignments");
        xml_attribute(&w, "SchemaVersion", "1.00");
        xml_attribute(&w, "RequestType", request->only_changes ? "OnUpdate" : "Always");
        xml_attribute(&w, "Ack", "False");
        xml_attribute(&w, "ValidationRequested", "CRC");
        xml_element(&w, "PolicySource", source);
        xml_element(&w, "ServerCookie", or_empty(request->cookie));
        xml_open(&w, "Resource");
        xml_attribute(&w, "ResourceType", "Machine");
        xml_close(&w);
        xml_open(&w, "Identification");
        xml_open(&w, "Machine");
        xml_element(&w, "ClientID", id);
        xml_element(&w, "NetBIOSName", or_empty(request->name));
        xml_close(&w);
        xml_close(&w);
        xml_close(&w);
        xml_finish(&w);
        return g_string_free(out, FALSE);
}

/* The site of <PolicySource>SMS:PS1</PolicySource>; the caller's. */
static bool
read_site(const XmlNode *root, char **out, GError **error)
{
        g_autofree char *source = xml_child_text(root, "PolicySource");

        if (source == NULL || !g_str_has_prefix(source, "SMS:") || strlen(source) > 4 + 16)
                return uk_fail(error, UK_ERROR_PARSE, "there is no PolicySource SMS:<site>");
        *out = g_strdup(source + 4);
        return true;
}

static bool
read_cookie(const XmlNode *root, char **out, GError **error)
{
        g_autofree char *cookie = xml_child_text(root, "ServerCookie");

        if (cookie != NULL && strlen(cookie) > MAX_VALUE)
                return uk_fail(error, UK_ERROR_LIMIT, "the cookie is longer than %d bytes",
                               MAX_VALUE);
        *out = cookie != NULL ? g_steal_pointer(&cookie) : g_strdup("");
        return true;
}

static bool
read_request(const XmlNode *root, PolicyRequest *request, GError **error)
{
        g_autofree char *type = xml_attr(root, "RequestType");
        g_autofree char *id = xml_child_text(root, "Identification/Machine/ClientID");
        const char *guid = or_empty(id);

        if (!root_is(root, "RequestAssignments", error) ||
            !read_site(root, &request->site, error) || !read_cookie(root, &request->cookie, error))
                return false;
        if (g_ascii_strncasecmp(guid, "GUID:", 5) == 0)
                guid += 5;
        if (!uk_guid_valid(guid))
                return uk_fail(error, UK_ERROR_PARSE, "the client ID is no GUID");
        request->client_id = g_ascii_strup(guid, -1);
        request->name = xml_child_text(root, "Identification/Machine/NetBIOSName");
        if (request->name == NULL)
                request->name = g_strdup("");
        request->only_changes = g_strcmp0(type, "OnUpdate") == 0;
        return true;
}

PolicyRequest *
policydoc_request_read(const void *data, gsize size, GError **error)
{
        UK_DOING(error, "reading a request for policy assignments");
        g_autoptr(XmlDoc) doc = xml_read(data, size, POLICYDOC_MAX_BYTES, error);
        g_autoptr(PolicyRequest) request = NULL;

        if (doc == NULL)
                return NULL;
        request = g_new0(PolicyRequest, 1);
        if (!read_request(xml_root(doc), request, error))
                return NULL;
        return g_steal_pointer(&request);
}

void
policydoc_request_free(PolicyRequest *request)
{
        if (request == NULL)
                return;
        g_free(request->site);
        g_free(request->cookie);
        g_free(request->client_id);
        g_free(request->name);
        g_free(request);
}

static void
assignment_free_data(gpointer data)
{
        policydoc_assignment_free(data);
}

PolicyReply *
policydoc_reply_new(const char *site, const char *cookie)
{
        PolicyReply *reply = g_new0(PolicyReply, 1);

        reply->site = g_strdup(site);
        reply->cookie = g_strdup(cookie);
        reply->assignments = g_ptr_array_new_with_free_func(assignment_free_data);
        reply->triggers = g_ptr_array_new_with_free_func(g_free);
        return reply;
}

/* CRC-32 (the polynomial of zlib and Ethernet) over the signed documents in their order: the
 * checksum over the set, by which a client notices a lost one. */
static guint32
crc_of(const GPtrArray *assignments)
{
        guint32 crc = 0xffffffff;

        for (guint i = 0; i < assignments->len; i++) {
                const PolicyAssignmentDoc *assignment = g_ptr_array_index(assignments, i);

                for (const char *at = assignment->document; *at != '\0'; at++) {
                        crc ^= (guint8)*at;
                        for (int bit = 0; bit < 8; bit++)
                                crc = crc >> 1 ^ (0xedb88320 & -(crc & 1));
                }
        }
        return ~crc;
}

static void
write_triggers(XmlWriter *w, const GPtrArray *triggers)
{
        for (guint i = 0; i < triggers->len; i++) {
                xml_open(w, "upkeep:Trigger");
                xml_attribute(w, "ScheduleID", g_ptr_array_index(triggers, i));
                xml_close(w);
        }
}

char *
policydoc_reply_write(const PolicyReply *reply)
{
        return policydoc_reply_write_for(reply, reply->cookie, reply->triggers);
}

char *
policydoc_reply_write_for(const PolicyReply *reply, const char *cookie, const GPtrArray *triggers)
{
        g_autofree char *source = g_strconcat("SMS:", reply->site, NULL);
        g_autofree char *crc = g_strdup_printf("%08X", crc_of(reply->assignments));
        GString *out = g_string_new(NULL);
        XmlWriter w;

        xml_begin(&w, out);
        xml_open(&w, "ReplyAssignments");
        xml_attribute(&w, "SchemaVersion", "1.00");
        xml_attribute(&w, "ReplyType", reply->unchanged ? "Unchanged" : "Full");
        xml_attribute(&w, "xmlns:upkeep", "urn:upkeep");
        xml_element(&w, "PolicySource", source);
        xml_open(&w, "Resource");
        xml_attribute(&w, "ResourceType", "Machine");
        xml_close(&w);
        xml_element(&w, "ServerCookie", cookie);
        xml_open(&w, "ValidationData");
        xml_attribute(&w, "Type", "CRC");
        xml_content(&w, crc);
        xml_close(&w);
        for (guint i = 0; i < reply->assignments->len; i++) {
                const PolicyAssignmentDoc *assignment = g_ptr_array_index(reply->assignments, i);

                xml_raw(&w, assignment->document);
                xml_element(&w, "upkeep:Signature", assignment->signature);
        }
        write_triggers(&w, triggers);
        xml_close(&w);
        xml_finish(&w);
        return g_string_free(out, FALSE);
}

/* Cuts the next element PolicyAssignment out of the text at *at and moves *at behind it; the
 * caller's, NULL when there is none. */
static char *
cut_assignment(const char **at, const char *end)
{
        const char *start = g_strstr_len(*at, (gssize)(end - *at), "<PolicyAssignment ");
        const char *stop =
                start != NULL ? g_strstr_len(start, (gssize)(end - start), "</PolicyAssignment>")
                              : NULL;

        if (stop == NULL)
                return NULL;
        *at = stop + strlen("</PolicyAssignment>");
        return g_strndup(start, (gsize)(*at - start));
}

/* Takes the element from the text, in which it stands verbatim, and its signature from the element
 * behind it. The values are those of the piece that was signed and of nothing else. */
static bool
read_signed(const XmlNode *node, const char **at, const char *end, PolicyReply *reply,
            GError **error)
{
        const XmlNode *next = xml_next(node, NULL);
        g_autofree char *document = cut_assignment(at, end);
        PolicyAssignmentDoc *assignment;

        if (document == NULL || next == NULL || strcmp(xml_name(next), "Signature") != 0)
                return uk_fail(error, UK_ERROR_PARSE, "an assignment has no signature behind it");
        if (reply->assignments->len == MAX_ASSIGNMENTS)
                return uk_fail(error, UK_ERROR_LIMIT, "more than %d assignments", MAX_ASSIGNMENTS);
        assignment = policydoc_assignment_read(document, strlen(document), error);
        if (assignment == NULL)
                return false;
        assignment->signature = xml_text(next);
        assignment->document = g_steal_pointer(&document);
        g_ptr_array_add(reply->assignments, assignment);
        return true;
}

static bool
check_crc(const XmlNode *root, const PolicyReply *reply, GError **error)
{
        g_autofree char *text = xml_child_text(root, "ValidationData");
        g_autofree char *crc = g_strdup_printf("%08X", crc_of(reply->assignments));

        return text == NULL || strcmp(text, crc) == 0 ||
               uk_fail(error, UK_ERROR_PARSE,
                       "the checksum over the assignments is %.16s and should be %s", text, crc);
}

static bool
read_triggers(const XmlNode *root, PolicyReply *reply, GError **error)
{
        for (const XmlNode *node = xml_child(root, "Trigger"); node != NULL;
             node = xml_next(node, "Trigger")) {
                char *id = xml_attr(node, "ScheduleID");

                if (id == NULL || reply->triggers->len == MAX_TRIGGERS) {
                        g_free(id);
                        return uk_fail(error, UK_ERROR_PARSE,
                                       "a trigger has no ScheduleID, or there are more than %d",
                                       MAX_TRIGGERS);
                }
                g_ptr_array_add(reply->triggers, id);
        }
        return true;
}

static bool
read_reply(const XmlNode *root, const char *text, gsize size, PolicyReply *reply, GError **error)
{
        g_autofree char *type = xml_attr(root, "ReplyType");
        const char *at = text;

        if (!root_is(root, "ReplyAssignments", error) || !read_site(root, &reply->site, error) ||
            !read_cookie(root, &reply->cookie, error))
                return false;
        reply->unchanged = g_strcmp0(type, "Unchanged") == 0;
        for (const XmlNode *node = xml_child(root, "PolicyAssignment"); node != NULL;
             node = xml_next(node, "PolicyAssignment")) {
                if (!read_signed(node, &at, text + size, reply, error))
                        return false;
        }
        if (reply->unchanged && reply->assignments->len > 0)
                return uk_fail(error, UK_ERROR_PARSE, "an unchanged reply lists assignments");
        return read_triggers(root, reply, error) && check_crc(root, reply, error);
}

PolicyReply *
policydoc_reply_read(const void *data, gsize size, GError **error)
{
        UK_DOING(error, "reading policy assignments");
        g_autoptr(XmlDoc) doc = xml_read(data, size, POLICYDOC_MAX_BYTES, error);
        g_autoptr(PolicyReply) reply = NULL;

        if (doc == NULL)
                return NULL;
        reply = g_new0(PolicyReply, 1);
        reply->assignments = g_ptr_array_new_with_free_func(assignment_free_data);
        reply->triggers = g_ptr_array_new_with_free_func(g_free);
        if (!read_reply(xml_root(doc), data, size, reply, error))
                return NULL;
        return g_steal_pointer(&reply);
}

void
policydoc_reply_free(PolicyReply *reply)
{
        if (reply == NULL)
                return;
        g_free(reply->site);
        g_free(reply->cookie);
        g_ptr_array_unref(reply->assignments);
        g_ptr_array_unref(reply->triggers);
        g_free(reply);
}
