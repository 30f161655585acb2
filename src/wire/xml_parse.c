/* xml_parse.c - XML as events, for documents that come by the thousand: one pass, no tree.
 *
 * The same guard as for trees (xml_prepare); callbacks of ours see local names and decoded texts.
 */
#include <string.h>

#include <libxml/parserInternals.h>

#include "wire/xml.h"
#include "wire/xml_private.h"

typedef struct {
        XmlTrouble trouble;
        const XmlEvents *events;
        gpointer user;
        guint depth;
        GString *values;       /* of the attributes of one element, each with its NUL */
        GPtrArray *attributes; /* names, and offsets in values until all are there */
} Parsing;

static Parsing *
parsing_of(void *user)
{
        return ((xmlParserCtxt *)user)->_private;
}

static void
stop(Parsing *p, bool ok)
{
        if (ok)
                return;
        if (p->trouble.error == NULL)
                uk_fail(&p->trouble.error, UK_ERROR_PARSE, "XML, line %d: it was refused",
                        xmlSAX2GetLineNumber(p->trouble.ctxt));
        xmlStopParser(p->trouble.ctxt);
}

/* Without entity replacement, which stays off, the library leaves each '&' of a value as "&#38;"
 * and decodes all else. */
static void
append_value(GString *out, const char *value, const char *end)
{
        const char *amp;

        while ((amp = memchr(value, '&', (gsize)(end - value))) != NULL) {
                g_string_append_len(out, value, amp + 1 - value);
                value = g_str_has_prefix(amp, "&#38;") ? amp + 5 : amp + 1;
        }
        g_string_append_len(out, value, end - value);
        g_string_append_c(out, '\0');
}

/* Values come as pointers into the input, without end; ours end with NUL. */
static void
gather_attributes(Parsing *p, int count, const xmlChar **five)
{
        g_ptr_array_set_size(p->attributes, 0);
        g_string_truncate(p->values, 0);
        for (int i = 0; i < count; i++, five += 5) {
                g_ptr_array_add(p->attributes, (gpointer)five[0]);
                g_ptr_array_add(p->attributes, GSIZE_TO_POINTER(p->values->len));
                append_value(p->values, (const char *)five[3], (const char *)five[4]);
        }
        for (guint i = 1; i < p->attributes->len; i += 2)
                p->attributes->pdata[i] =
                        p->values->str + GPOINTER_TO_SIZE(p->attributes->pdata[i]);
        g_ptr_array_add(p->attributes, NULL);
}

static void
on_start(void *user, const xmlChar *name, const xmlChar *prefix, const xmlChar *uri, int ns_count,
         const xmlChar **ns, int count, int defaulted, const xmlChar **attributes)
{
        Parsing *p = parsing_of(user);

        if (p->trouble.error != NULL)
                return;
        if (p->depth++ == XML_MAX_DEPTH) {
                stop(p, uk_fail(&p->trouble.error, UK_ERROR_PARSE,
                                "XML nested more than %d deep at <%s>", XML_MAX_DEPTH, name));
                return;
        }
        gather_attributes(p, count, attributes);
        if (p->events->start != NULL)
                stop(p, p->events->start(p->user, (const char *)name,
                                         (const char *const *)p->attributes->pdata,
                                         &p->trouble.error));
}

static void
on_end(void *user, const xmlChar *name, const xmlChar *prefix, const xmlChar *uri)
{
        Parsing *p = parsing_of(user);

        if (p->trouble.error != NULL)
                return;
        p->depth--;
        if (p->events->end != NULL)
                stop(p, p->events->end(p->user, (const char *)name, &p->trouble.error));
}

static void
on_text(void *user, const xmlChar *text, int size)
{
        Parsing *p = parsing_of(user);

        if (p->trouble.error == NULL && p->events->text != NULL)
                stop(p,
                     p->events->text(p->user, (const char *)text, (gsize)size, &p->trouble.error));
}

static void
run(Parsing *p, const char *text, gsize size)
{
        xmlParserCtxt *ctxt = xmlCreateMemoryParserCtxt(text, (int)size);

        if (ctxt == NULL)
                g_error("libxml2 has no memory");
        ctxt->_private = p;
        p->trouble.ctxt = ctxt;
        *ctxt->sax = (xmlSAXHandler){
                .initialized = XML_SAX2_MAGIC,
                .startElementNs = on_start,
                .endElementNs = on_end,
                .characters = on_text,
                .ignorableWhitespace = on_text,
                .cdataBlock = on_text,
                .serror = xml_on_trouble,
        };
        xmlCtxtUseOptions(ctxt, XML_OPTIONS & ~XML_PARSE_NOCDATA);
        xmlParseDocument(ctxt);
        if (!ctxt->wellFormed && p->trouble.error == NULL)
                uk_fail(&p->trouble.error, UK_ERROR_PARSE, "XML that is not well-formed");
        xmlFreeDoc(ctxt->myDoc);
        ctxt->myDoc = NULL;
        xmlFreeParserCtxt(ctxt);
}

bool
xml_parse(const void *data, gsize size, gsize max, const XmlEvents *events, gpointer user,
          GError **error)
{
        Parsing p = { .events = events, .user = user };
        g_autofree char *owned = NULL;
        const char *text;
        gsize length;

        if (!xml_prepare(data, size, max, &text, &length, &owned, error))
                return false;
        if (length == 0)
                return uk_fail(error, UK_ERROR_PARSE, "XML without a root element");
        p.values = g_string_new(NULL);
        p.attributes = g_ptr_array_new();
        run(&p, text, length);
        g_string_free(p.values, TRUE);
        g_ptr_array_unref(p.attributes);
        if (p.trouble.error != NULL) {
                g_propagate_error(error, p.trouble.error);
                return false;
        }
        return true;
}
