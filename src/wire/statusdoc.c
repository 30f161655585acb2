/* statusdoc.c - a status message as a document. */
#include "wire/statusdoc.h"

#include <string.h>

#include "base/clock.h"
#include "wire/json.h"

#define MAX_NAME 256
#define MAX_TEXT 4096

void
statusdoc_free(StatusDoc *doc)
{
        if (doc == NULL)
                return;
        g_free(doc->component);
        g_free(doc->machine);
        g_free(doc->site);
        g_free(doc->trace);
        for (int i = 0; i < STATUSDOC_STRINGS; i++)
                g_free(doc->strings[i]);
        for (int i = 0; i < STATUSDOC_ATTRIBUTES; i++)
                g_free(doc->attribute_values[i]);
        g_free(doc);
}

char *
statusdoc_write(const StatusDoc *doc)
{
        GString *out = g_string_new(NULL);
        const char severity[2] = { doc->severity, '\0' };
        g_autofree char *time = uk_clock_iso(doc->time_us);
        JsonWriter w;

        json_begin(&w, out);
        json_object(&w, NULL);
        json_int(&w, "MessageID", doc->id);
        json_text(&w, "Severity", severity);
        json_text(&w, "Component", doc->component);
        json_text(&w, "MachineName", doc->machine);
        json_text(&w, "SiteCode", doc->site);
        json_text(&w, "Time", time);
        json_int(&w, "ProcessID", doc->pid);
        json_int(&w, "ThreadID", doc->tid);
        json_text(&w, "Trace", doc->trace);
        json_array(&w, "InsStrings");
        for (int i = 0; i < STATUSDOC_STRINGS; i++)
                json_text(&w, NULL, doc->strings[i] != NULL ? doc->strings[i] : "");
        json_end(&w, ']');
        json_array(&w, "Attributes");
        for (int i = 0; i < doc->attribute_count; i++) {
                json_object(&w, NULL);
                json_int(&w, "ID", doc->attribute_ids[i]);
                json_text(&w, "Value", doc->attribute_values[i]);
                json_end(&w, '}');
        }
        json_end(&w, ']');
        json_end(&w, '}');
        return g_string_free(out, FALSE);
}

/* A text of at most max bytes; "" when it may be missing and is. */
static bool
text_of(const JsonValue *root, const char *name, gsize max, bool must, char **out, GError **error)
{
        const char *value = json_get_text(root, name, must ? NULL : "");

        if (value == NULL || (must && value[0] == '\0'))
                return uk_fail(error, UK_ERROR_PARSE, "there is no %s", name);
        if (strlen(value) > max)
                return uk_fail(error, UK_ERROR_LIMIT, "%s is longer than %zu bytes", name, max);
        *out = g_strdup(value);
        return true;
}

static bool
number_of(const JsonValue *root, const char *name, int *out, GError **error)
{
        gint64 value = json_get_int(root, name, -1);

        *out = (int)value;
        return (value >= 0 && value <= G_MAXINT) ||
               uk_fail(error, UK_ERROR_PARSE, "%s is no number", name);
}

static bool
read_strings(const JsonValue *list, StatusDoc *doc, GError **error)
{
        if (json_count(list) > STATUSDOC_STRINGS)
                return uk_fail(error, UK_ERROR_LIMIT, "there are more than %d insertion strings",
                               STATUSDOC_STRINGS);
        for (gsize i = 0; i < STATUSDOC_STRINGS; i++) {
                const char *value = json_as_text(json_at(list, i));

                if (value != NULL && strlen(value) > MAX_TEXT)
                        return uk_fail(error, UK_ERROR_LIMIT, "an insertion string is too long");
                doc->strings[i] = g_strdup(value != NULL ? value : "");
        }
        return true;
}

static bool
read_attributes(const JsonValue *list, StatusDoc *doc, GError **error)
{
        if (json_count(list) > STATUSDOC_ATTRIBUTES)
                return uk_fail(error, UK_ERROR_LIMIT, "there are more than %d attributes",
                               STATUSDOC_ATTRIBUTES);
        for (gsize i = 0; i < json_count(list); i++) {
                int n = doc->attribute_count++;

                if (!number_of(json_at(list, i), "ID", &doc->attribute_ids[n], error) ||
                    !text_of(json_at(list, i), "Value", MAX_TEXT, false, &doc->attribute_values[n],
                             error))
                        return false;
        }
        return true;
}

static bool
read_doc(const JsonValue *root, StatusDoc *doc, GError **error)
{
        const char *severity = json_get_text(root, "Severity", "");
        g_autofree char *time = NULL;

        if (strlen(severity) != 1 || strchr("IWE", severity[0]) == NULL)
                return uk_fail(error, UK_ERROR_PARSE, "the severity is '%.16s'", severity);
        doc->severity = severity[0];
        return number_of(root, "MessageID", &doc->id, error) &&
               text_of(root, "Component", MAX_NAME, true, &doc->component, error) &&
               text_of(root, "MachineName", MAX_NAME, true, &doc->machine, error) &&
               text_of(root, "SiteCode", 3, true, &doc->site, error) &&
               text_of(root, "Time", MAX_NAME, true, &time, error) &&
               uk_clock_parse(time, &doc->time_us, error) &&
               number_of(root, "ProcessID", &doc->pid, error) &&
               number_of(root, "ThreadID", &doc->tid, error) &&
               text_of(root, "Trace", 32, false, &doc->trace, error) &&
               read_strings(json_get(root, "InsStrings"), doc, error) &&
               read_attributes(json_get(root, "Attributes"), doc, error);
}

StatusDoc *
statusdoc_read(const char *data, gsize size, GError **error)
{
        UK_DOING(error, "reading a status message");
        g_autoptr(JsonDoc) json = json_read(data, size, STATUSDOC_MAX_BYTES, error);
        g_autoptr(StatusDoc) doc = json != NULL ? g_new0(StatusDoc, 1) : NULL;

        if (doc == NULL || !read_doc(json_root(json), doc, error))
                return NULL;
        return g_steal_pointer(&doc);
}
