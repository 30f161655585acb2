/* xml.c - the guarded entry for reading XML, and the looking around in what was read.
 *
 * Bytes from anywhere come in; what leaves is a tree of at most 64 levels without entities,
 * document types or anything fetched. Writing is xml_write.c, events are xml_parse.c.
 */
#include "wire/xml.h"

#include <string.h>

#include <libxml/SAX2.h>

#include "wire/utf16.h"
#include "wire/xml_private.h"

/* --- before the library sees it --- */

static bool
looks_like_utf16(const guint8 *p, gsize size)
{
        if (size < 2)
                return false;
        return (p[0] == 0xff && p[1] == 0xfe) || (p[0] == 0xfe && p[1] == 0xff) ||
               (p[0] == '<' && p[1] == '\0');
}

/* Past one comment or processing instruction or blank of the prolog; NULL at anything else. */
static const char *
skip_prolog_item(const char *p, const char *end)
{
        const char *closing = NULL;
        gsize opening;

        if (g_ascii_isspace(*p))
                return p + 1;
        opening = end - p >= 4 && memcmp(p, "<!--", 4) == 0 ? 4
                  : end - p >= 2 && memcmp(p, "<?", 2) == 0 ? 2
                                                            : 0;
        if (opening == 4)
                closing = memmem(p + 4, (gsize)(end - p) - 4, "-->", 3);
        else if (opening == 2)
                closing = memmem(p + 2, (gsize)(end - p) - 2, "?>", 2);
        return closing != NULL ? closing + (opening == 4 ? 3 : 2) : NULL;
}

/* A document type can only stand before the root element; its name elsewhere is just text. */
static bool
check_prolog(const char *text, gsize size, GError **error)
{
        const char *end = text + size;
        const char *p = text;
        const char *next;

        while (p < end && (next = skip_prolog_item(p, end)) != NULL)
                p = next;
        if (end - p >= 2 && memcmp(p, "<!", 2) == 0)
                return uk_fail(error, UK_ERROR_PARSE, "XML with a document type is refused");
        return true;
}

bool
xml_prepare(const void *data, gsize size, gsize max, const char **text_out, gsize *size_out,
            char **owned_out, GError **error)
{
        const char *text = data;
        gsize length = size;

        *owned_out = NULL;
        if (size > max || size > G_MAXINT)
                return uk_fail(error, UK_ERROR_LIMIT, "XML of %zu bytes, at most %zu are read",
                               size, max);
        if (looks_like_utf16(data, size)) {
                *owned_out = utf16_read(data, size & ~(gsize)1, &length, error);
                if (*owned_out == NULL)
                        return false;
                text = *owned_out;
        } else if (size >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0) {
                text += 3;
                length -= 3;
        }
        while (length > 0 && text[length - 1] == '\0')
                length--;
        if (!g_utf8_validate_len(text, length, NULL)) {
                g_clear_pointer(owned_out, g_free);
                return uk_fail(error, UK_ERROR_PARSE,
                               "XML with bytes that are neither UTF-8 nor UTF-16");
        }
        if (!check_prolog(text, length, error)) {
                g_clear_pointer(owned_out, g_free);
                return false;
        }
        *text_out = text;
        *size_out = length;
        return true;
}

void
xml_on_trouble(void *user, xmlError *words)
{
        xmlParserCtxt *ctxt = user;
        XmlTrouble *trouble = ctxt->_private;
        g_autofree char *text = NULL;

        if (trouble->error != NULL || words->level < XML_ERR_ERROR)
                return;
        text = g_strdup(words->message ? words->message : "it cannot be read");
        uk_fail(&trouble->error, UK_ERROR_PARSE, "XML, line %d: %s", words->line, g_strchomp(text));
}

/* --- reading --- */

struct XmlDoc {
        xmlDoc *doc;
};

static void
on_start(void *user, const xmlChar *name, const xmlChar *prefix, const xmlChar *uri, int ns_count,
         const xmlChar **ns, int count, int defaulted, const xmlChar **attributes)
{
        xmlParserCtxt *ctxt = user;
        XmlTrouble *trouble = ctxt->_private;

        if (ctxt->nodeNr >= XML_MAX_DEPTH) {
                if (trouble->error == NULL)
                        uk_fail(&trouble->error, UK_ERROR_PARSE,
                                "XML nested more than %d deep at <%s>", XML_MAX_DEPTH, name);
                xmlStopParser(ctxt);
                return;
        }
        xmlSAX2StartElementNs(user, name, prefix, uri, ns_count, ns, count, defaulted, attributes);
}

static xmlDoc *
parse_tree(const char *text, gsize size, XmlTrouble *trouble)
{
        xmlParserCtxt *ctxt = xmlNewParserCtxt();
        xmlDoc *doc;

        if (ctxt == NULL)
                g_error("libxml2 has no memory");
        ctxt->_private = trouble;
        ctxt->sax->startElementNs = on_start;
        ctxt->sax->serror = xml_on_trouble;
        doc = xmlCtxtReadMemory(ctxt, text, (int)size, NULL, "UTF-8", XML_OPTIONS);
        if (trouble->error != NULL)
                g_clear_pointer(&doc, xmlFreeDoc);
        xmlFreeParserCtxt(ctxt);
        return doc;
}

XmlDoc *
xml_read(const void *data, gsize size, gsize max, GError **error)
{
        XmlTrouble trouble = { 0 };
        g_autofree char *owned = NULL;
        const char *text;
        gsize length;
        XmlDoc *doc;
        xmlDoc *tree;

        if (!xml_prepare(data, size, max, &text, &length, &owned, error))
                return NULL;
        tree = parse_tree(text, length, &trouble);
        if (tree == NULL || xmlDocGetRootElement(tree) == NULL) {
                if (trouble.error == NULL)
                        uk_fail(&trouble.error, UK_ERROR_PARSE, "XML without a root element");
                g_propagate_error(error, trouble.error);
                xmlFreeDoc(tree);
                return NULL;
        }
        doc = g_new(XmlDoc, 1);
        doc->doc = tree;
        return doc;
}

XmlDoc *
xml_read_root(const void *data, gsize size, gsize max, const char *root, GError **error)
{
        g_autoptr(XmlDoc) doc = xml_read(data, size, max, error);

        if (doc == NULL)
                return NULL;
        if (strcmp(xml_name(xml_root(doc)), root) != 0) {
                uk_fail(error, UK_ERROR_PARSE, "it is <%s>, not <%s>", xml_name(xml_root(doc)),
                        root);
                return NULL;
        }
        return g_steal_pointer(&doc);
}

void
xml_doc_free(XmlDoc *doc)
{
        if (doc == NULL)
                return;
        xmlFreeDoc(doc->doc);
        g_free(doc);
}

/* --- looking around --- */

/* XmlNode is the library's node under a name of our own; the library takes few things const. */
static xmlNode *
node_of(const XmlNode *node)
{
        return (xmlNode *)node;
}

const XmlNode *
xml_root(const XmlDoc *doc)
{
        return (const XmlNode *)xmlDocGetRootElement(doc->doc);
}

const char *
xml_name(const XmlNode *node)
{
        return (const char *)node_of(node)->name;
}

const char *
xml_ns(const XmlNode *node)
{
        const xmlNs *ns = node_of(node)->ns;

        return ns != NULL && ns->href != NULL ? (const char *)ns->href : "";
}

static const XmlNode *
first_match(const xmlNode *node, const char *name)
{
        for (; node != NULL; node = node->next) {
                if (node->type == XML_ELEMENT_NODE &&
                    (name == NULL || strcmp((const char *)node->name, name) == 0))
                        return (const XmlNode *)node;
        }
        return NULL;
}

const XmlNode *
xml_child(const XmlNode *node, const char *name)
{
        return node != NULL ? first_match(node_of(node)->children, name) : NULL;
}

const XmlNode *
xml_next(const XmlNode *node, const char *name)
{
        return node != NULL ? first_match(node_of(node)->next, name) : NULL;
}

const XmlNode *
xml_path(const XmlNode *node, const char *path)
{
        while (node != NULL && *path != '\0') {
                gsize size = strcspn(path, "/");
                g_autofree char *name = g_strndup(path, size);

                node = xml_child(node, name);
                path += size + (path[size] == '/');
        }
        return node;
}

/* The library's memory is not ours to hand out. */
static char *
take_content(xmlChar *content)
{
        char *text = g_strdup(content != NULL ? (const char *)content : "");

        xmlFree(content);
        return text;
}

char *
xml_text(const XmlNode *node)
{
        return node != NULL ? take_content(xmlNodeGetContent(node_of(node))) : NULL;
}

char *
xml_child_text(const XmlNode *node, const char *path)
{
        return xml_text(xml_path(node, path));
}

bool
xml_child_int(const XmlNode *node, const char *path, gint64 *out)
{
        g_autofree char *text = xml_child_text(node, path);

        return text != NULL &&
               g_ascii_string_to_signed(g_strstrip(text), 10, G_MININT64, G_MAXINT64, out, NULL);
}

char *
xml_attr(const XmlNode *node, const char *name)
{
        const xmlAttr *attr = node != NULL ? node_of(node)->properties : NULL;

        for (; attr != NULL; attr = attr->next) {
                if (strcmp((const char *)attr->name, name) == 0)
                        return take_content(xmlNodeListGetString(attr->doc, attr->children, 1));
        }
        return NULL;
}

static char *
value_or_nothing(char *text_take)
{
        return text_take != NULL ? g_strstrip(text_take) : g_strdup("");
}

char *
xml_child_value(const XmlNode *node, const char *path)
{
        return value_or_nothing(xml_child_text(node, path));
}

char *
xml_attr_value(const XmlNode *node, const char *name)
{
        return value_or_nothing(xml_attr(node, name));
}

/* In a document of its own, because the copy then declares the namespaces it uses. */
char *
xml_dump(const XmlNode *node)
{
        xmlDoc *doc = xmlNewDoc((const xmlChar *)"1.0");
        xmlNode *copy = xmlDocCopyNode(node_of(node), doc, 1);
        xmlBuffer *buffer = xmlBufferCreate();
        char *text;

        xmlDocSetRootElement(doc, copy);
        xmlNodeDump(buffer, doc, copy, 0, 0);
        text = g_strdup((const char *)xmlBufferContent(buffer));
        xmlBufferFree(buffer);
        xmlFreeDoc(doc);
        return text;
}

bool
wire_global_init(GError **error)
{
        LIBXML_TEST_VERSION
        xmlInitParser();
        if (!xmlHasFeature(XML_WITH_SAX1) && !xmlHasFeature(XML_WITH_TREE))
                return uk_fail(error, UK_ERROR_BROKEN, "libxml2 lacks the tree parser");
        return true;
}
