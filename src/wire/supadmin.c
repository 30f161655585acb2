/* supadmin.c - the documents between a site server and its update points; see the header. */
#include "wire/supadmin.h"

#include <string.h>

#include "base/clock.h"
#include "wire/json.h"

static const char *const states[] = { "Idle", "Running" };
static const char *const results[] = { "None", "Succeeded", "Partly", "Failed" };
static const char *const phases[] = { "None", "Categories", "Updates" };

/* The letter of each kind of line, and the fields it must have at least. */
static const struct {
        char letter;
        guint fields;
} kinds[] = {
        [SUP_RECORD_CATEGORY] = { 'C', SUP_C_FIELDS },
        [SUP_RECORD_UPDATE] = { 'U', SUP_U_FIELDS },
        [SUP_RECORD_FILE] = { 'F', SUP_F_FIELDS },
        [SUP_RECORD_BY] = { 'S', 1 },
        [SUP_RECORD_END] = { 'E', 3 },
};

static void
write_ids(JsonWriter *w, const char *name, char *const *ids)
{
        json_array(w, name);
        for (char *const *id = ids; id != NULL && *id != NULL; id++)
                json_text(w, NULL, *id);
        json_end(w, ']');
}

char *
supadmin_config_write(const SupConfig *config)
{
        GString *out = g_string_new(NULL);
        JsonWriter w;

        json_begin(&w, out);
        json_object(&w, NULL);
        write_ids(&w, "wanted", config->wanted);
        write_ids(&w, "unwanted", config->unwanted);
        json_end(&w, '}');
        return g_string_free(out, FALSE);
}

static char **
read_ids(const JsonValue *list, GError **error)
{
        g_auto(GStrv) ids = g_new0(char *, json_count(list) + 1);

        for (gsize i = 0; i < json_count(list); i++) {
                const char *id = json_as_text(json_at(list, i));

                if (id == NULL) {
                        uk_fail(error, UK_ERROR_PARSE, "category %" G_GSIZE_FORMAT " is no text",
                                i);
                        return NULL;
                }
                ids[i] = g_strdup(id);
        }
        return g_steal_pointer(&ids);
}

SupConfig *
supadmin_config_read(const char *json, gsize size, GError **error)
{
        UK_DOING(error, "reading the configuration of an update point");
        g_autoptr(JsonDoc) doc = json_read(json, size, SUPADMIN_MAX_DOCUMENT, error);

        if (doc == NULL)
                return NULL;
        g_autoptr(SupConfig) config = g_new0(SupConfig, 1);

        config->wanted = read_ids(json_get(json_root(doc), "wanted"), error);
        if (config->wanted != NULL)
                config->unwanted = read_ids(json_get(json_root(doc), "unwanted"), error);
        return config->unwanted != NULL ? g_steal_pointer(&config) : NULL;
}

void
supadmin_config_free(SupConfig *config)
{
        if (config == NULL)
                return;
        g_strfreev(config->wanted);
        g_strfreev(config->unwanted);
        g_free(config);
}

static void
write_time(JsonWriter *w, const char *name, gint64 us)
{
        g_autofree char *text = us != 0 ? uk_clock_iso(us) : NULL;

        json_text(w, name, text);
}

static void
write_source(JsonWriter *w, const SupSource *source)
{
        json_object(w, NULL);
        json_text(w, "name", source->name);
        json_bool(w, "failed", source->failed);
        json_text(w, "error", source->error);
        write_time(w, "asOf", source->as_of_us);
        json_end(w, '}');
}

char *
supadmin_status_write(const SupStatus *status)
{
        GString *out = g_string_new(NULL);
        JsonWriter w;

        json_begin(&w, out);
        json_object(&w, NULL);
        json_int(&w, "number", status->number);
        json_text(&w, "run", status->run);
        json_text(&w, "state", states[status->state]);
        json_text(&w, "phase", phases[status->phase]);
        json_int(&w, "done", status->done);
        json_int(&w, "total", status->total);
        json_text(&w, "result", results[status->result]);
        json_text(&w, "place", status->place);
        json_text(&w, "error", status->error);
        json_int(&w, "items", status->items);
        json_int(&w, "anchor", status->anchor);
        json_text(&w, "epoch", status->epoch);
        json_bool(&w, "readable", status->readable);
        write_time(&w, "started", status->started_us);
        write_time(&w, "ended", status->ended_us);
        json_array(&w, "sources");
        for (guint i = 0; i < status->sources->len; i++)
                write_source(&w, g_ptr_array_index(status->sources, i));
        json_end(&w, ']');
        json_end(&w, '}');
        return g_string_free(out, FALSE);
}

/* The index of the member's text among words; PARSE names the member. */
static bool
read_word(const JsonValue *v, const char *name, const char *const *words, gsize count, int *out,
          GError **error)
{
        const char *text = json_get_text(v, name, "");

        for (gsize i = 0; i < count; i++) {
                if (g_str_equal(text, words[i])) {
                        *out = (int)i;
                        return true;
                }
        }
        return uk_fail(error, UK_ERROR_PARSE, "%s has the unknown value '%.40s'", name, text);
}

static bool
read_time(const JsonValue *v, const char *name, gint64 *us_out, GError **error)
{
        const char *text = json_get_text(v, name, NULL);

        *us_out = 0;
        return text == NULL || uk_clock_parse(text, us_out, error);
}

static bool
read_sources(const JsonValue *list, SupStatus *status, GError **error)
{
        for (gsize i = 0; i < json_count(list); i++) {
                const JsonValue *v = json_at(list, i);
                SupSource *source = g_new0(SupSource, 1);

                g_ptr_array_add(status->sources, source);
                source->name = g_strdup(json_get_text(v, "name", ""));
                source->error = g_strdup(json_get_text(v, "error", ""));
                source->failed = json_get_bool(v, "failed", false);
                if (!read_time(v, "asOf", &source->as_of_us, error))
                        return false;
        }
        return true;
}

static bool
read_status(const JsonValue *v, SupStatus *status, GError **error)
{
        int state = 0, phase = 0, result = 0;

        if (!read_word(v, "state", states, G_N_ELEMENTS(states), &state, error) ||
            !read_word(v, "phase", phases, G_N_ELEMENTS(phases), &phase, error) ||
            !read_word(v, "result", results, G_N_ELEMENTS(results), &result, error) ||
            !read_time(v, "started", &status->started_us, error) ||
            !read_time(v, "ended", &status->ended_us, error) ||
            !read_sources(json_get(v, "sources"), status, error))
                return false;
        status->state = (SupState)state;
        status->phase = (SupPhase)phase;
        status->result = (SupResult)result;
        status->number = json_get_int(v, "number", 0);
        status->done = json_get_int(v, "done", 0);
        status->total = json_get_int(v, "total", 0);
        status->items = json_get_int(v, "items", 0);
        status->anchor = json_get_int(v, "anchor", 0);
        status->readable = json_get_bool(v, "readable", false);
        status->epoch = g_strdup(json_get_text(v, "epoch", ""));
        status->run = g_strdup(json_get_text(v, "run", ""));
        status->place = g_strdup(json_get_text(v, "place", ""));
        status->error = g_strdup(json_get_text(v, "error", ""));
        return true;
}

SupStatus *
supadmin_status_new(void)
{
        SupStatus *status = g_new0(SupStatus, 1);

        status->sources = g_ptr_array_new_with_free_func((GDestroyNotify)supadmin_source_free);
        return status;
}

SupStatus *
supadmin_status_read(const char *json, gsize size, GError **error)
{
        UK_DOING(error, "reading the status of an update point");
        g_autoptr(JsonDoc) doc = json_read(json, size, SUPADMIN_MAX_DOCUMENT, error);

        if (doc == NULL)
                return NULL;
        g_autoptr(SupStatus) status = supadmin_status_new();

        if (!read_status(json_root(doc), status, error))
                return NULL;
        return g_steal_pointer(&status);
}

void
supadmin_source_free(SupSource *source)
{
        g_free(source->name);
        g_free(source->error);
        g_free(source);
}

void
supadmin_status_free(SupStatus *status)
{
        if (status == NULL)
                return;
        g_ptr_array_unref(status->sources);
        g_free(status->epoch);
        g_free(status->run);
        g_free(status->place);
        g_free(status->error);
        g_free(status);
}

void
supadmin_line_begin(GString *out, SupRecordKind kind)
{
        g_string_append_c(out, kinds[kind].letter);
}

void
supadmin_field_add(GString *out, const char *text, gsize size)
{
        gsize from = 0;

        g_string_append_c(out, '\t');
        for (gsize i = 0; i < size; i++) {
                if (text[i] != '\t' && text[i] != '\n' && text[i] != '\\')
                        continue;
                g_string_append_len(out, text + from, (gssize)(i - from));
                g_string_append(out, text[i] == '\t' ? "\\t" : text[i] == '\n' ? "\\n" : "\\\\");
                from = i + 1;
        }
        if (size > from)
                g_string_append_len(out, text + from, (gssize)(size - from));
}

void
supadmin_line_end(GString *out)
{
        g_string_append_c(out, '\n');
}

void
supadmin_line_write(GString *out, SupRecordKind kind, const char *const *fields, guint count)
{
        supadmin_line_begin(out, kind);
        for (guint i = 0; i < count; i++)
                supadmin_field_add(out, fields[i], fields[i] != NULL ? strlen(fields[i]) : 0);
        supadmin_line_end(out);
}

struct SupReader {
        GString *buffer;
        gsize at; /* start of the next line */
};

SupReader *
supadmin_reader_new(void)
{
        SupReader *reader = g_new0(SupReader, 1);

        reader->buffer = g_string_new(NULL);
        return reader;
}

void
supadmin_reader_free(SupReader *reader)
{
        if (reader == NULL)
                return;
        g_string_free(reader->buffer, TRUE);
        g_free(reader);
}

void
supadmin_reader_add(SupReader *reader, const void *data, gsize size)
{
        /* What was read is thrown away here, never while a record borrows from it. */
        g_string_erase(reader->buffer, 0, (gssize)reader->at);
        reader->at = 0;
        g_string_append_len(reader->buffer, data, (gssize)size);
}

/* Turns \t, \n and \\ of a field back, in place. */
static bool
unescape(char *text, GError **error)
{
        char *to = strchr(text, '\\');

        if (to == NULL)
                return true;
        for (const char *from = to; *from != '\0'; from++) {
                if (*from != '\\') {
                        *to++ = *from;
                        continue;
                }
                from++;
                if (*from != 't' && *from != 'n' && *from != '\\')
                        return uk_fail(error, UK_ERROR_PARSE, "a backslash stands before '%c'",
                                       *from);
                *to++ = *from == 't' ? '\t' : *from == 'n' ? '\n' : '\\';
        }
        *to = '\0';
        return true;
}

static SupRecordKind
kind_of(char letter)
{
        for (guint i = 0; i < G_N_ELEMENTS(kinds); i++) {
                if (kinds[i].letter == letter)
                        return (SupRecordKind)i;
        }
        return SUP_RECORD_OTHER;
}

static bool
split(char *line, SupRecord *record, GError **error)
{
        char *at = line[0] != '\0' && line[1] == '\t' ? line + 2 : NULL;

        record->kind = kind_of(line[0]);
        record->count = 0;
        while (at != NULL && record->count < SUPADMIN_MAX_FIELDS) {
                char *tab = strchr(at, '\t');

                if (tab != NULL)
                        *tab = '\0';
                if (!unescape(at, error))
                        return false;
                record->fields[record->count++] = at;
                at = tab != NULL ? tab + 1 : NULL;
        }
        if (record->kind != SUP_RECORD_OTHER && record->count < kinds[record->kind].fields)
                return uk_fail(error, UK_ERROR_PARSE, "a line '%c' has %u fields instead of %u",
                               line[0], record->count, kinds[record->kind].fields);
        return true;
}

bool
supadmin_reader_next(SupReader *reader, SupRecord *record_out, bool *got_out, GError **error)
{
        char *line = reader->buffer->str + reader->at;
        gsize left = reader->buffer->len - reader->at;
        char *end = memchr(line, '\n', left);
        gsize size = end != NULL ? (gsize)(end - line) : left;

        *got_out = false;
        if (size > SUPADMIN_MAX_LINE)
                return uk_fail(error, UK_ERROR_LIMIT,
                               "a line of the update point's changes is above %d bytes",
                               SUPADMIN_MAX_LINE);
        if (end == NULL)
                return true;
        if (!g_utf8_validate_len(line, size, NULL))
                return uk_fail(error, UK_ERROR_PARSE,
                               "a line of the update point's changes is not UTF-8 or has a NUL");
        *end = '\0';
        reader->at += size + 1;
        *got_out = true;
        return split(line, record_out, error);
}
