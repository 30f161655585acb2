/* statereport_thorough.c - reads any report of state messages, over the XML parser's events.
 *
 * In: UTF-8 or UTF-16 in any layout, elements that are not known passed over. Out: callbacks, a
 * message at a time, while the document is read; so a caller that must have all or nothing takes
 * them into a transaction. Keeps one message at a time, never the document.
 */
#include <string.h>

#include "wire/statereport_private.h"
#include "wire/utf16.h"
#include "wire/xml.h"

/* The elements that mean something, each known by its parent. */
typedef enum {
        PLACE_NONE,
        PLACE_REPORT,
        PLACE_HEADER,
        PLACE_IDENTIFICATION,
        PLACE_MACHINE,
        PLACE_INSTALLED,
        PLACE_CLIENT_ID,
        PLACE_CLIENT_VERSION,
        PLACE_NAME,
        PLACE_PRIORITY,
        PLACE_DETAILS,
        PLACE_CONTENT,
        PLACE_DATE,
        PLACE_BODY,
        PLACE_MESSAGE,
        PLACE_TOPIC,
        PLACE_STATE,
        PLACE_PARAMS,
        PLACE_PARAM,
        PLACE_STATE_DETAILS,
        PLACES,
} Place;

static const struct {
        Place parent;
        const char *name;
        bool text;
} places[PLACES] = {
        [PLACE_REPORT] = { PLACE_NONE, "Report", false },
        [PLACE_HEADER] = { PLACE_REPORT, "ReportHeader", false },
        [PLACE_IDENTIFICATION] = { PLACE_HEADER, "Identification", false },
        [PLACE_MACHINE] = { PLACE_IDENTIFICATION, "Machine", false },
        [PLACE_INSTALLED] = { PLACE_MACHINE, "ClientInstalled", true },
        [PLACE_CLIENT_ID] = { PLACE_MACHINE, "ClientID", true },
        [PLACE_CLIENT_VERSION] = { PLACE_MACHINE, "ClientVersion", true },
        [PLACE_NAME] = { PLACE_MACHINE, "NetBIOSName", true },
        [PLACE_PRIORITY] = { PLACE_MACHINE, "Priority", true },
        [PLACE_DETAILS] = { PLACE_HEADER, "ReportDetails", false },
        [PLACE_CONTENT] = { PLACE_DETAILS, "ReportContent", true },
        [PLACE_DATE] = { PLACE_DETAILS, "Date", true },
        [PLACE_BODY] = { PLACE_REPORT, "ReportBody", false },
        [PLACE_MESSAGE] = { PLACE_BODY, "StateMessage", false },
        [PLACE_TOPIC] = { PLACE_MESSAGE, "Topic", false },
        [PLACE_STATE] = { PLACE_MESSAGE, "State", false },
        [PLACE_PARAMS] = { PLACE_MESSAGE, "UserParameters", false },
        [PLACE_PARAM] = { PLACE_PARAMS, "Param", true },
        [PLACE_STATE_DETAILS] = { PLACE_MESSAGE, "StateDetails", true },
};

/* Texts of a message, kept over the events; used again for the next one. */
enum {
        TEXT_TIME,
        TEXT_SERIAL,
        TEXT_TOPIC_ID,
        TEXT_TOPIC_TYPE,
        TEXT_ID_TYPE,
        TEXT_USER,
        TEXT_STATE_ID,
        TEXT_COUNT,
        TEXT_DETAILS,
        TEXT_PARAM,
        TEXTS = TEXT_PARAM + STATEREPORT_PARAMS,
};

typedef struct {
        const StateReportSink *sink;
        bool head_only;
        bool stopped; /* the head was read and no more is wanted */
        Place place;
        guint skip;  /* depth within an element that is not known */
        guint count; /* messages so far */
        bool head_done;
        bool body_seen;
        GString *text;      /* of the element being read */
        char *head[PLACES]; /* texts of the head by place; the trace under PLACE_REPORT */
        GString *texts[TEXTS];
        bool set[TEXTS];
        guint param_count;
        const char *twice; /* why the message is bad already */
} Reading;

static void
keep(Reading *r, int which, const char *value)
{
        if (r->set[which])
                r->twice = "an element of the message stands there twice";
        g_string_assign(r->texts[which], value);
        r->set[which] = true;
}

static const char *
kept(const Reading *r, int which)
{
        return r->set[which] ? r->texts[which]->str : NULL;
}

/* Takes the attributes that have a place among the texts. */
static void
keep_attributes(Reading *r, const char *const *attributes, const char *const *names,
                const int *which, guint count)
{
        for (; *attributes != NULL; attributes += 2) {
                for (guint i = 0; i < count; i++) {
                        if (strcmp(attributes[0], names[i]) == 0)
                                keep(r, which[i], attributes[1]);
                }
        }
}

static bool
begin_body(Reading *r, GError **error)
{
        const RawHead raw = {
                .client_id = r->head[PLACE_CLIENT_ID],
                .client_version = r->head[PLACE_CLIENT_VERSION],
                .name = r->head[PLACE_NAME],
                .installed = r->head[PLACE_INSTALLED],
                .priority = r->head[PLACE_PRIORITY],
                .content = r->head[PLACE_CONTENT],
                .date = r->head[PLACE_DATE],
                .trace = r->head[PLACE_REPORT],
        };
        StateReportHead head;
        char id[64];

        if (r->body_seen)
                return uk_fail(error, UK_ERROR_PARSE, "the report has two bodies");
        if (!r->head_done)
                return uk_fail(error, UK_ERROR_PARSE, "the report has no header before its body");
        r->body_seen = true;
        if (!statereport_head_from_raw(&raw, id, &head, error))
                return false;
        if (r->sink->head != NULL && !r->sink->head(r->sink->user, &head, error))
                return false;
        r->stopped = r->head_only;
        return !r->stopped || uk_fail(error, UK_ERROR_CANCELLED, "only the head was wanted");
}

static void
begin_message(Reading *r, const char *const *attributes)
{
        static const char *const names[] = { "MessageTime", "SerialNumber" };
        static const int which[] = { TEXT_TIME, TEXT_SERIAL };

        memset(r->set, 0, sizeof r->set);
        r->param_count = 0;
        r->twice = NULL;
        keep_attributes(r, attributes, names, which, G_N_ELEMENTS(names));
}

static bool
end_message(Reading *r, GError **error)
{
        RawMessage raw = {
                .time = kept(r, TEXT_TIME),
                .serial = kept(r, TEXT_SERIAL),
                .topic_id = kept(r, TEXT_TOPIC_ID),
                .topic_type = kept(r, TEXT_TOPIC_TYPE),
                .id_type = kept(r, TEXT_ID_TYPE),
                .user = kept(r, TEXT_USER),
                .state_id = kept(r, TEXT_STATE_ID),
                .count = kept(r, TEXT_COUNT),
                .param_count = r->param_count,
                .details = kept(r, TEXT_DETAILS),
        };
        StateReportMessage message;
        const char *why = r->twice;

        for (guint i = 0; i < STATEREPORT_PARAMS; i++)
                raw.params[i] = kept(r, TEXT_PARAM + (int)i);
        if (++r->count > STATEREPORT_MAX_MESSAGES)
                return uk_fail(error, UK_ERROR_LIMIT, "the report has more than %d messages",
                               STATEREPORT_MAX_MESSAGES);
        if (why == NULL)
                why = statereport_message_from_raw(&raw, &message);
        if (why == NULL)
                return r->sink->message(r->sink->user, &message, error);
        if (r->sink->invalid != NULL)
                r->sink->invalid(r->sink->user, why);
        return true;
}

/* What an element brings by its attributes alone. */
static bool
begin_place(Reading *r, const char *const *attributes, GError **error)
{
        static const char *const topic[] = { "ID", "Type", "IDType", "User" };
        static const int topic_texts[] = { TEXT_TOPIC_ID, TEXT_TOPIC_TYPE, TEXT_ID_TYPE,
                                           TEXT_USER };
        static const char *const state[] = { "ID" };
        static const int state_texts[] = { TEXT_STATE_ID };
        static const char *const params[] = { "Count" };
        static const int params_texts[] = { TEXT_COUNT };

        switch (r->place) {
        case PLACE_REPORT:
                for (; *attributes != NULL; attributes += 2) {
                        if (strcmp(attributes[0], "trace") == 0 && r->head[PLACE_REPORT] == NULL)
                                r->head[PLACE_REPORT] = g_strdup(attributes[1]);
                }
                return true;
        case PLACE_HEADER:
                if (r->head_done)
                        return uk_fail(error, UK_ERROR_PARSE, "the report has two headers");
                return true;
        case PLACE_BODY:
                return begin_body(r, error);
        case PLACE_MESSAGE:
                begin_message(r, attributes);
                return true;
        case PLACE_TOPIC:
                keep_attributes(r, attributes, topic, topic_texts, G_N_ELEMENTS(topic));
                return true;
        case PLACE_STATE:
                keep_attributes(r, attributes, state, state_texts, G_N_ELEMENTS(state));
                return true;
        case PLACE_PARAMS:
                keep_attributes(r, attributes, params, params_texts, G_N_ELEMENTS(params));
                return true;
        default:
                return true;
        }
}

static bool
on_start(gpointer user, const char *name, const char *const *attributes, GError **error)
{
        static const char *const none[] = { NULL };
        Reading *r = user;

        if (r->skip > 0) {
                r->skip++;
                return true;
        }
        for (int i = PLACE_REPORT; i < PLACES; i++) {
                if (places[i].parent == r->place && strcmp(places[i].name, name) == 0) {
                        r->place = (Place)i;
                        g_string_truncate(r->text, 0);
                        return begin_place(r, attributes != NULL ? attributes : none, error);
                }
        }
        if (r->place == PLACE_NONE)
                return uk_fail(error, UK_ERROR_PARSE,
                               "the document is '%.64s' and not a report of state messages", name);
        r->skip = 1;
        return true;
}

static bool
end_text(Reading *r, GError **error)
{
        switch (r->place) {
        case PLACE_PARAM:
                if (r->param_count < STATEREPORT_PARAMS)
                        keep(r, TEXT_PARAM + (int)r->param_count, r->text->str);
                r->param_count++;
                return true;
        case PLACE_STATE_DETAILS:
                keep(r, TEXT_DETAILS, r->text->str);
                return true;
        default:
                if (r->head[r->place] != NULL)
                        return uk_fail(error, UK_ERROR_PARSE, "the head of the report has two %s",
                                       places[r->place].name);
                r->head[r->place] = g_strdup(r->text->str);
                return true;
        }
}

static bool
on_end(gpointer user, const char *name, GError **error)
{
        Reading *r = user;
        bool ok = true;

        if (r->skip > 0) {
                r->skip--;
                return true;
        }
        if (places[r->place].text)
                ok = end_text(r, error);
        else if (r->place == PLACE_MESSAGE)
                ok = end_message(r, error);
        else if (r->place == PLACE_HEADER)
                r->head_done = true;
        r->place = places[r->place].parent;
        return ok;
}

static bool
on_text(gpointer user, const char *text, gsize size, GError **error)
{
        Reading *r = user;

        if (r->skip == 0 && places[r->place].text)
                g_string_append_len(r->text, text, (gssize)size);
        return true;
}

/* Moves over an XML declaration; what it says of the encoding must be UTF-8 or UTF-16, since the
 * text has been brought to UTF-8 by its first bytes. */
static bool
skip_declaration(const char **text, gsize *size, GError **error)
{
        const char *end = g_strstr_len(*text, MIN((gssize)*size, 256), "?>");
        g_autofree char *declaration = NULL;

        if (*size < 6 || memcmp(*text, "<?xml", 5) != 0 || !g_ascii_isspace((*text)[5]))
                return true;
        if (end == NULL)
                return uk_fail(error, UK_ERROR_PARSE, "the XML declaration has no end");
        declaration = g_ascii_strdown(*text, end - *text);
        if (strstr(declaration, "encoding") != NULL && strstr(declaration, "utf-8") == NULL &&
            strstr(declaration, "utf-16") == NULL)
                return uk_fail(error, UK_ERROR_UNSUPPORTED,
                               "the report is neither UTF-8 nor UTF-16");
        *size -= (gsize)(end + 2 - *text);
        *text = end + 2;
        return true;
}

/* Brings the document to UTF-8 without byte order mark, declaration and NULs at its end. The text
 * points into data or into *owned_out, which is the caller's. */
static bool
to_utf8(const char *data, gsize data_size, char **owned_out, const char **text, gsize *size,
        GError **error)
{
        const guint8 *bytes = (const guint8 *)data;
        bool wide = data_size >= 2 && ((bytes[0] == 0xff && bytes[1] == 0xfe) ||
                                       (bytes[0] == 0xfe && bytes[1] == 0xff) || bytes[1] == 0);

        *text = data;
        *size = data_size;
        if (data_size > STATEREPORT_MAX_BYTES)
                return uk_fail(error, UK_ERROR_LIMIT, "the report has %" G_GSIZE_FORMAT " bytes",
                               data_size);
        if (wide) {
                *owned_out = utf16_read(data, data_size, size, error);
                if (*owned_out == NULL)
                        return false;
                *text = *owned_out;
        }
        if (*size >= 3 && memcmp(*text, "\xef\xbb\xbf", 3) == 0) {
                *text += 3;
                *size -= 3;
        }
        while (*size > 0 && (*text)[*size - 1] == '\0')
                (*size)--;
        return skip_declaration(text, size, error);
}

static bool
read_events(Reading *r, const void *data, gsize size, GError **error)
{
        static const XmlEvents events = { on_start, on_end, on_text };
        g_autofree char *owned = NULL;
        g_autoptr(GError) stop = NULL;
        const char *text;
        gsize length;

        if (!to_utf8(data, size, &owned, &text, &length, error))
                return false;
        if (!xml_parse(text, length, STATEREPORT_MAX_BYTES, &events, r, &stop)) {
                if (r->stopped)
                        return true;
                g_propagate_error(error, g_steal_pointer(&stop));
                return false;
        }
        if (!r->body_seen)
                return uk_fail(error, UK_ERROR_PARSE, "the report has no body");
        return true;
}

bool
statereport_read_thorough(const void *data, gsize size, bool head_only, const StateReportSink *sink,
                          GError **error)
{
        Reading r = { .sink = sink, .head_only = head_only, .text = g_string_new(NULL) };
        bool ok;

        for (int i = 0; i < TEXTS; i++)
                r.texts[i] = g_string_new(NULL);
        ok = read_events(&r, data, size, error);
        for (int i = 0; i < TEXTS; i++)
                g_string_free(r.texts[i], TRUE);
        for (int i = 0; i < PLACES; i++)
                g_free(r.head[i]);
        g_string_free(r.text, TRUE);
        return ok;
}
