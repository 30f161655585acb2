/* xml.h - XML: one guarded entry for reading (libxml2), a writer, and helpers.
 *
 * Every document is hostile: the size is capped before parsing, a document with <!DOCTYPE is
 * refused before parsing, no entity is fetched or expanded, depth is at most 64. UTF-16 with a
 * byte order mark (real state messages) is read as such.
 */
#pragma once

#include "base/error.h"

/* Of elements and attributes of our own in documents that others define; others pass them over. */
#define UPKEEP_NS "urn:upkeep"

typedef struct XmlDoc XmlDoc;
typedef struct XmlNode XmlNode; /* an element; borrowed from the document */

/* PARSE (with line and libxml2's words), LIMIT. The caller frees the document. */
XmlDoc *xml_read(const void *data, gsize size, gsize max, GError **error) UK_MUST_USE;
/* The same; PARSE as well when the root element has another local name. */
XmlDoc *xml_read_root(const void *data, gsize size, gsize max, const char *root,
                      GError **error) UK_MUST_USE;
void xml_doc_free(XmlDoc *doc);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(XmlDoc, xml_doc_free)
const XmlNode *xml_root(const XmlDoc *doc);
/* Local name and namespace URI ("" if none); borrowed. */
const char *xml_name(const XmlNode *node);
const char *xml_ns(const XmlNode *node);
/* First child element with that local name, whatever its namespace; next sibling with the same
 * local name. NULL if none; node may be NULL. name NULL: any element. */
const XmlNode *xml_child(const XmlNode *node, const char *name);
const XmlNode *xml_next(const XmlNode *node, const char *name);
/* Walks down a path of local names "Body/SyncUpdates/parameters". */
const XmlNode *xml_path(const XmlNode *node, const char *path);
/* Text of the node and all below, the caller's; "" when empty; NULL for a NULL node. */
char *xml_text(const XmlNode *node);
/* Text of a child by path, or NULL when there is none. The caller's. */
char *xml_child_text(const XmlNode *node, const char *path);
bool xml_child_int(const XmlNode *node, const char *path, gint64 *out);
/* An attribute by local name, the caller's; NULL if none. */
char *xml_attr(const XmlNode *node, const char *name);
/* The same two without blanks around, and "" where there is nothing. */
char *xml_child_value(const XmlNode *node, const char *path);
char *xml_attr_value(const XmlNode *node, const char *name);
/* The element and all below as text, without a declaration; the caller's. */
char *xml_dump(const XmlNode *node);

/* Writing into a GString: escaping is done here, nesting is checked by assertion. */
typedef struct {
        GString *out;
        GPtrArray *open; /* names of open elements */
        bool in_tag;     /* attributes may still be added */
} XmlWriter;

void xml_begin(XmlWriter *w, GString *out);
void xml_declaration(XmlWriter *w); /* <?xml version="1.0" encoding="UTF-8"?> */
void xml_open(XmlWriter *w, const char *name);
void xml_attribute(XmlWriter *w, const char *name, const char *value);
void xml_attribute_int(XmlWriter *w, const char *name, gint64 value);
void xml_content(XmlWriter *w, const char *text);
void xml_raw(XmlWriter *w, const char *text); /* well-formed already */
void xml_close(XmlWriter *w);
void xml_finish(XmlWriter *w); /* frees what the writer holds; all elements must be closed */
/* <name>text</name> */
void xml_element(XmlWriter *w, const char *name, const char *text);
void xml_element_int(XmlWriter *w, const char *name, gint64 value);
/* Appends text with &, <, >, " escaped and characters XML forbids replaced by U+FFFD. */
void xml_escape(GString *out, const char *text);

/* Events for hot paths (state reports); false from a callback stops with that error. The names
 * are local names; attributes are name, value pairs, NULL-terminated. */
typedef struct {
        bool (*start)(gpointer user, const char *name, const char *const *attributes,
                      GError **error);
        bool (*end)(gpointer user, const char *name, GError **error);
        bool (*text)(gpointer user, const char *text, gsize size, GError **error);
} XmlEvents;
bool xml_parse(const void *data, gsize size, gsize max, const XmlEvents *events, gpointer user,
               GError **error) UK_MUST_USE;

/* One-time initialisation, before the first thread. */
bool wire_global_init(GError **error) UK_MUST_USE;
