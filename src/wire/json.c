/* json.c - writes JSON straight into a text, value by value; reading is json_read.c.
 *
 * No tree: lists of a hundred thousand rows go out as they are fetched.
 */
#include "wire/json.h"

#include <math.h>

void
json_begin(JsonWriter *w, GString *out)
{
        *w = (JsonWriter){ .out = out };
}

/* Whether a byte can go out as it is; the others are few. */
static bool
is_plain(guchar c)
{
        return c >= 0x20 && c != '"' && c != '\\' && c < 0x80;
}

static void
append_escaped(GString *out, guchar c)
{
        switch (c) {
        case '"':
                g_string_append(out, "\\\"");
                break;
        case '\\':
                g_string_append(out, "\\\\");
                break;
        case '\n':
                g_string_append(out, "\\n");
                break;
        case '\r':
                g_string_append(out, "\\r");
                break;
        case '\t':
                g_string_append(out, "\\t");
                break;
        default:
                g_string_append_printf(out, "\\u%04x", c);
                break;
        }
}

/* Text from anywhere: bytes that are no UTF-8 become U+FFFD, so the document stays readable. */
static void
append_text(GString *out, const char *text)
{
        const guchar *p = (const guchar *)text;

        g_string_append_c(out, '"');
        while (*p != '\0') {
                const guchar *start = p;

                while (is_plain(*p))
                        p++;
                g_string_append_len(out, (const char *)start, p - start);
                if (*p == '\0')
                        break;
                if (*p < 0x80) {
                        append_escaped(out, *p++);
                } else if (g_utf8_get_char_validated((const char *)p, -1) < 0x110000) {
                        start = p;
                        p = (const guchar *)g_utf8_next_char(p);
                        g_string_append_len(out, (const char *)start, p - start);
                } else {
                        g_string_append(out, "\xef\xbf\xbd");
                        p++;
                }
        }
        g_string_append_c(out, '"');
}

/* Comma and name before a value. */
static void
begin_value(JsonWriter *w, const char *name)
{
        guint64 bit = G_GUINT64_CONSTANT(1) << w->depth;

        g_assert((name != NULL) == (w->depth > 0 && (w->in_object & bit) != 0));
        if (w->depth > 0 && (w->has_member & bit) != 0)
                g_string_append_c(w->out, ',');
        w->has_member |= bit;
        if (name != NULL) {
                append_text(w->out, name);
                g_string_append_c(w->out, ':');
        }
}

static void
open_value(JsonWriter *w, const char *name, char bracket)
{
        guint64 bit;

        begin_value(w, name);
        g_string_append_c(w->out, bracket);
        g_assert(w->depth < 63);
        w->depth++;
        bit = G_GUINT64_CONSTANT(1) << w->depth;
        w->has_member &= ~bit;
        w->in_object = bracket == '{' ? w->in_object | bit : w->in_object & ~bit;
}

void
json_object(JsonWriter *w, const char *name)
{
        open_value(w, name, '{');
}

void
json_array(JsonWriter *w, const char *name)
{
        open_value(w, name, '[');
}

void
json_end(JsonWriter *w, char closing)
{
        guint64 bit = G_GUINT64_CONSTANT(1) << w->depth;

        g_assert(w->depth > 0);
        g_assert(closing == ((w->in_object & bit) != 0 ? '}' : ']'));
        g_string_append_c(w->out, closing);
        w->depth--;
}

void
json_text(JsonWriter *w, const char *name, const char *value)
{
        begin_value(w, name);
        if (value != NULL)
                append_text(w->out, value);
        else
                g_string_append(w->out, "null");
}

void
json_int(JsonWriter *w, const char *name, gint64 value)
{
        begin_value(w, name);
        g_string_append_printf(w->out, "%" G_GINT64_FORMAT, value);
}

void
json_bool(JsonWriter *w, const char *name, bool value)
{
        begin_value(w, name);
        g_string_append(w->out, value ? "true" : "false");
}

void
json_real(JsonWriter *w, const char *name, double value)
{
        char text[G_ASCII_DTOSTR_BUF_SIZE];

        begin_value(w, name);
        if (!isfinite(value))
                g_string_append(w->out, "null");
        else
                g_string_append(w->out, g_ascii_dtostr(text, sizeof text, value));
}

void
json_null(JsonWriter *w, const char *name)
{
        begin_value(w, name);
        g_string_append(w->out, "null");
}
