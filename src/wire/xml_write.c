/* xml_write.c - writes XML into a text: tags, attributes, escaping; nesting is checked. */
#include <string.h>

#include "wire/xml.h"

void
xml_begin(XmlWriter *w, GString *out)
{
        *w = (XmlWriter){ .out = out, .open = g_ptr_array_new_with_free_func(g_free) };
}

void
xml_declaration(XmlWriter *w)
{
        g_string_append(w->out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>");
}

/* Ends a start tag that attributes may still have been added to. */
static void
end_tag(XmlWriter *w)
{
        if (w->in_tag)
                g_string_append_c(w->out, '>');
        w->in_tag = false;
}

void
xml_open(XmlWriter *w, const char *name)
{
        end_tag(w);
        g_string_append_c(w->out, '<');
        g_string_append(w->out, name);
        g_ptr_array_add(w->open, g_strdup(name));
        w->in_tag = true;
}

/* What XML 1.0 can carry at all. */
static bool
allowed(gunichar c)
{
        return (c >= 0x20 && c < 0xd800) || (c >= 0xe000 && c < 0xfffe) ||
               (c >= 0x10000 && c < 0x110000) || c == '\t' || c == '\n' || c == '\r';
}

typedef enum {
        IN_CONTENT,
        IN_ATTRIBUTE,
        ANYWHERE
} Place;

static const char *
replacement(guchar c, Place place)
{
        switch (c) {
        case '&':
                return "&amp;";
        case '<':
                return "&lt;";
        case '>':
                return "&gt;";
        case '"':
                return place == IN_CONTENT ? NULL : "&quot;";
        case '\r':
                return "&#13;"; /* readers turn a bare one into a line feed */
        case '\n':
                return place == IN_ATTRIBUTE ? "&#10;" : NULL; /* and these into blanks */
        case '\t':
                return place == IN_ATTRIBUTE ? "&#9;" : NULL;
        default:
                return c < 0x20 ? "\xef\xbf\xbd" : NULL;
        }
}

static void
escape(GString *out, const char *text, Place place)
{
        const char *start = text;
        const char *p = text;

        while (*p != '\0') {
                gunichar c = (guchar)*p < 0x80 ? (gunichar)*p : g_utf8_get_char_validated(p, -1);
                bool valid = c < 0x110000;
                const char *other = c < 0x80              ? replacement((guchar)c, place)
                                    : valid && allowed(c) ? NULL
                                                          : "\xef\xbf\xbd";
                const char *next = valid ? g_utf8_next_char(p) : p + 1;

                if (other != NULL) {
                        g_string_append_len(out, start, p - start);
                        g_string_append(out, other);
                        start = next;
                }
                p = next;
        }
        g_string_append_len(out, start, p - start);
}

void
xml_escape(GString *out, const char *text)
{
        escape(out, text, ANYWHERE);
}

void
xml_attribute(XmlWriter *w, const char *name, const char *value)
{
        g_assert(w->in_tag);
        g_string_append_printf(w->out, " %s=\"", name);
        escape(w->out, value, IN_ATTRIBUTE);
        g_string_append_c(w->out, '"');
}

void
xml_attribute_int(XmlWriter *w, const char *name, gint64 value)
{
        g_assert(w->in_tag);
        g_string_append_printf(w->out, " %s=\"%" G_GINT64_FORMAT "\"", name, value);
}

void
xml_content(XmlWriter *w, const char *text)
{
        end_tag(w);
        escape(w->out, text, IN_CONTENT);
}

void
xml_raw(XmlWriter *w, const char *text)
{
        end_tag(w);
        g_string_append(w->out, text);
}

void
xml_close(XmlWriter *w)
{
        g_assert(w->open->len > 0);
        if (w->in_tag)
                g_string_append(w->out, "/>");
        else
                g_string_append_printf(w->out, "</%s>",
                                       (const char *)w->open->pdata[w->open->len - 1]);
        w->in_tag = false;
        g_ptr_array_set_size(w->open, (int)w->open->len - 1);
}

void
xml_finish(XmlWriter *w)
{
        g_assert(w->open->len == 0);
        g_clear_pointer(&w->open, g_ptr_array_unref);
}

void
xml_element(XmlWriter *w, const char *name, const char *text)
{
        xml_open(w, name);
        if (*text != '\0')
                xml_content(w, text);
        xml_close(w);
}

void
xml_element_int(XmlWriter *w, const char *name, gint64 value)
{
        end_tag(w);
        g_string_append_printf(w->out, "<%s>%" G_GINT64_FORMAT "</%s>", name, value, name);
}
