/* statereport_quick.c - reads reports in the form of our own writer, in one pass, without a tree.
 *
 * In: ASCII, as UTF-8 or as UTF-16 little-endian. Out: callbacks, once the whole document is known
 * to be of that form. Anything else (other characters, other elements, another order, a message
 * with a value that cannot be read) is QUICK_UNKNOWN before a callback was called.
 */
#include <string.h>

#include "wire/statereport_private.h"

/* The text is rewritten in place: values end in NUL, entities become characters. */
typedef struct {
        char *at;
} Cursor;

/* UTF-16 little-endian to ASCII; false when a character is none. Four at a time. */
static bool
narrow(const guint8 *from, gsize units, char *to)
{
        gsize i = 0;

        for (; i + 4 <= units; i += 4) {
                guint64 four;
                guint32 packed;

                memcpy(&four, from + 2 * i, 8);
                four = GUINT64_FROM_LE(four);
                if ((four & G_GUINT64_CONSTANT(0xff80ff80ff80ff80)) != 0)
                        return false;
                four = (four | four >> 8) & G_GUINT64_CONSTANT(0x0000ffff0000ffff);
                packed = GUINT32_TO_LE((guint32)(four | four >> 16));
                memcpy(to + i, &packed, 4);
        }
        for (; i < units; i++) {
                if (from[2 * i + 1] != 0 || from[2 * i] > 0x7f)
                        return false;
                to[i] = (char)from[2 * i];
        }
        return true;
}

static bool
is_ascii(const guint8 *from, gsize size)
{
        guint64 seen = 0;
        gsize i = 0;

        for (; i + 8 <= size; i += 8) {
                guint64 eight;

                memcpy(&eight, from + i, 8);
                seen |= eight;
        }
        for (; i < size; i++)
                seen |= from[i];
        return (seen & G_GUINT64_CONSTANT(0x8080808080808080)) == 0;
}

/* The document as NUL-terminated ASCII without the NULs at its end, or NULL. */
static char *
to_ascii(const guint8 *data, gsize size)
{
        bool wide = size >= 2 && ((data[0] == 0xff && data[1] == 0xfe) || data[1] == 0);
        gsize mark = wide && data[0] == 0xff ? 2 : 0;
        gsize length = wide ? (size - mark) / 2 : size;
        char *text;

        if (size > STATEREPORT_MAX_BYTES || (wide && size % 2 != 0))
                return NULL;
        text = g_malloc(length + 1);
        if (wide ? !narrow(data + mark, length, text) : !is_ascii(data, size)) {
                g_free(text);
                return NULL;
        }
        if (!wide)
                memcpy(text, data, size);
        while (length > 0 && text[length - 1] == '\0')
                length--;
        text[length] = '\0';
        if (strlen(text) != length)
                g_clear_pointer(&text, g_free);
        return text;
}

/* Moves over a literal if it stands here. */
static bool
take(Cursor *c, const char *literal)
{
        gsize length = strlen(literal);

        if (strncmp(c->at, literal, length) != 0)
                return false;
        c->at += length;
        return true;
}

/* The character of a predefined entity at `at`; its length goes to *length_out. 0: none of them. */
static char
entity(const char *at, gsize *length_out)
{
        static const struct {
                const char *text;
                char value;
        } known[] = {
                { "&lt;", '<' },   { "&gt;", '>' },    { "&amp;", '&' },
                { "&quot;", '"' }, { "&apos;", '\'' },
        };

        for (gsize i = 0; i < G_N_ELEMENTS(known); i++) {
                *length_out = strlen(known[i].text);
                if (strncmp(at, known[i].text, *length_out) == 0)
                        return known[i].value;
        }
        return 0;
}

/* The text up to the character `end` ('"' of an attribute, '<' of a text), which is passed over;
 * NULL for anything whose meaning needs an XML parser. */
static const char *
take_until(Cursor *c, char end)
{
        const char *start = c->at;
        char *from = c->at;
        char *to = c->at;
        bool attribute = end == '"';

        while (*from != end) {
                gsize length = 1;
                char value = *from;

                if (value == '&')
                        value = entity(from, &length);
                else if (value == '<' || (value == '>' && !attribute && from - start >= 2 &&
                                          from[-1] == ']' && from[-2] == ']'))
                        return NULL;
                if ((guint8)value < 0x20 && (attribute || (value != '\n' && value != '\t')))
                        return NULL;
                *to++ = value;
                from += length;
        }
        c->at = from + 1;
        *to = '\0';
        return start;
}

/* ` name="value"`; literal is ` name="`. */
static bool
take_attribute(Cursor *c, const char *literal, const char **value_out)
{
        if (!take(c, literal))
                return false;
        *value_out = take_until(c, '"');
        return *value_out != NULL;
}

/* `<open>text</close`; both literals are given whole, the second without its '<'. */
static bool
take_element(Cursor *c, const char *open, const char *close, const char **text_out)
{
        if (!take(c, open))
                return false;
        *text_out = take_until(c, '<');
        return *text_out != NULL && take(c, close);
}

static bool
take_client_id(Cursor *c, RawHead *raw)
{
        if (!take(c, "<ClientID IDType=\"0\" IDFlag=\"1\"") && !take(c, "<ClientID"))
                return false;
        return take_element(c, ">", "/ClientID>", &raw->client_id);
}

static bool
take_machine(Cursor *c, RawHead *raw)
{
        const char *ignored;

        if (!take(c, "<Identification><Machine>") ||
            !take_element(c, "<ClientInstalled>", "/ClientInstalled>", &raw->installed) ||
            !take(c, "<ClientType>1</ClientType>"))
                return false;
        take(c, "<Unknown>0</Unknown>");
        if (!take_client_id(c, raw) ||
            !take_element(c, "<ClientVersion>", "/ClientVersion>", &raw->client_version) ||
            !take_element(c, "<NetBIOSName>", "/NetBIOSName>", &raw->name) ||
            !take_element(c, "<CodePage>", "/CodePage>", &ignored) ||
            !take_element(c, "<SystemDefaultLCID>", "/SystemDefaultLCID>", &ignored))
                return false;
        if (*c->at == '<' && c->at[1] == 'P' &&
            !take_element(c, "<Priority>", "/Priority>", &raw->priority))
                return false;
        return take(c, "</Machine></Identification>");
}

static bool
take_head(Cursor *c, RawHead *raw)
{
        const char *ignored;

        take(c, "<?xml version=\"1.0\" encoding=\"UTF-16\"?>");
        if (!take(c, "<Report"))
                return false;
        if (take(c, " xmlns:upkeep=\"urn:upkeep\"") &&
            !take_attribute(c, " upkeep:trace=\"", &raw->trace))
                return false;
        return take(c, "><ReportHeader>") && take_machine(c, raw) && take(c, "<ReportDetails>") &&
               take_element(c, "<ReportContent>", "/ReportContent>", &raw->content) &&
               take(c, "<ReportType>Full</ReportType>") &&
               take_element(c, "<Date>", "/Date>", &raw->date) &&
               take_element(c, "<Version>", "/Version>", &ignored) &&
               take_element(c, "<Format>", "/Format>", &ignored) &&
               take(c, "</ReportDetails></ReportHeader><ReportBody>");
}

static bool
take_params(Cursor *c, RawMessage *raw)
{
        const char *ignored;

        if (!take(c, "<UserParameters"))
                return true;
        if (!take_attribute(c, " Flags=\"", &ignored) ||
            !take_attribute(c, " Count=\"", &raw->count))
                return false;
        if (take(c, "/>"))
                return true;
        if (!take(c, ">"))
                return false;
        while (!take(c, "</UserParameters>")) {
                guint index = raw->param_count++;

                if (index >= STATEREPORT_PARAMS)
                        return false;
                if (take(c, "<Param/>"))
                        raw->params[index] = "";
                else if (!take_element(c, "<Param>", "/Param>", &raw->params[index]))
                        return false;
        }
        return true;
}

static bool
take_message(Cursor *c, StateReportMessage *message)
{
        RawMessage raw = { 0 };
        const char *ignored;

        if (!take_attribute(c, " MessageTime=\"", &raw.time) ||
            !take_attribute(c, " SerialNumber=\"", &raw.serial) || !take(c, "><Topic") ||
            !take_attribute(c, " ID=\"", &raw.topic_id) ||
            !take_attribute(c, " Type=\"", &raw.topic_type) ||
            !take_attribute(c, " IDType=\"", &raw.id_type))
                return false;
        if (*c->at == ' ' && (!take_attribute(c, " User=\"", &raw.user) ||
                              !take_attribute(c, " UserSID=\"", &ignored)))
                return false;
        if (!take(c, "/><State") || !take_attribute(c, " ID=\"", &raw.state_id) ||
            !take_attribute(c, " Criticality=\"", &ignored) || !take(c, "/>") ||
            !take_params(c, &raw))
                return false;
        if (take(c, "<StateDetails Type=\"1\"") &&
            !take_element(c, ">", "/StateDetails>", &raw.details))
                return false;
        return take(c, "</StateMessage>") && statereport_message_from_raw(&raw, message) == NULL;
}

/* Everything behind <ReportBody>; NULL when it is not of our form. */
static GArray *
take_body(Cursor *c)
{
        g_autoptr(GArray) messages = g_array_new(FALSE, FALSE, sizeof(StateReportMessage));

        while (take(c, "<StateMessage")) {
                StateReportMessage message;

                if (messages->len == STATEREPORT_MAX_MESSAGES || !take_message(c, &message))
                        return NULL;
                g_array_append_val(messages, message);
        }
        if (!take(c, "</ReportBody></Report>") || *c->at != '\0')
                return NULL;
        return g_steal_pointer(&messages);
}

QuickResult
statereport_read_quick(const void *data, gsize size, bool head_only, const StateReportSink *sink,
                       GError **error)
{
        g_autofree char *text = to_ascii(data, size);
        g_autoptr(GArray) messages = NULL;
        Cursor cursor = { text };
        RawHead raw = { 0 };
        StateReportHead head;
        char id[64];

        if (text == NULL || !take_head(&cursor, &raw) ||
            !statereport_head_from_raw(&raw, id, &head, NULL))
                return QUICK_UNKNOWN;
        if (!head_only) {
                messages = take_body(&cursor);
                if (messages == NULL)
                        return QUICK_UNKNOWN;
        }
        if (sink->head != NULL && !sink->head(sink->user, &head, error))
                return QUICK_FAILED;
        for (guint i = 0; messages != NULL && i < messages->len; i++) {
                if (!sink->message(sink->user, &g_array_index(messages, StateReportMessage, i),
                                   error))
                        return QUICK_FAILED;
        }
        return QUICK_READ;
}
