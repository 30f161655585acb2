/* statusfile.c - writes and reads .STA files; see statusfile.h. */
#include "wire/statusfile.h"

#include <string.h>

#include "base/clock.h"

#define MAX_STATUS 9

void
statusfile_free(StatusFile *status)
{
        if (status == NULL)
                return;
        g_free(status->package_id);
        g_free(status->nal_path);
        g_free(status->site);
        g_free(status->error_text);
        g_free(status->location);
        g_free(status->http_url);
        g_free(status->sig_url);
        g_free(status->sig_location);
        g_free(status->trace);
        g_free(status);
}

static void
add(GString *out, const char *key, const char *value)
{
        g_string_append_printf(out, "%s: ", key);
        for (const char *p = value != NULL ? value : ""; *p != '\0'; p++) {
                if (*p == '%' || *p == '\r' || *p == '\n')
                        g_string_append_printf(out, "%%%02X", (guint)(guchar)*p);
                else
                        g_string_append_c(out, *p);
        }
        g_string_append_c(out, '\n');
}

static void
add_number(GString *out, const char *key, gint64 value)
{
        g_string_append_printf(out, "%s: %" G_GINT64_FORMAT "\n", key, value);
}

char *
statusfile_write(const StatusFile *status)
{
        GString *out = g_string_new(NULL);
        g_autofree char *time = uk_clock_iso(status->time_us);

        add(out, "PkgID", status->package_id);
        add_number(out, "Version", status->version);
        add(out, "NALPath", status->nal_path);
        add(out, "SiteCode", status->site);
        add_number(out, "Status", status->status);
        add(out, "Time", time);
        add_number(out, "ErrorCode", status->error_code);
        add(out, "ErrorText", status->error_text);
        add(out, "Location", status->location);
        add(out, "HTTPUrl", status->http_url);
        add(out, "SigURL", status->sig_url);
        add(out, "SigLocation", status->sig_location);
        add(out, "Trace", status->trace);
        return g_string_free(out, FALSE);
}

/* What stands behind "Key: "; an escape that is none stays as it is. */
static char *
unescape(const char *value)
{
        GString *out = g_string_new(NULL);

        for (const char *p = value; *p != '\0'; p++) {
                bool escape = p[0] == '%' && g_ascii_isxdigit(p[1]) && g_ascii_isxdigit(p[2]);
                int byte =
                        escape ? g_ascii_xdigit_value(p[1]) * 16 + g_ascii_xdigit_value(p[2]) : 0;

                if (byte != 0) {
                        g_string_append_c(out, (char)byte);
                        p += 2;
                } else {
                        g_string_append_c(out, *p);
                }
        }
        return g_string_free(out, FALSE);
}

static GHashTable *
read_lines(const char *text)
{
        GHashTable *values = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
        g_auto(GStrv) lines = g_strsplit(text, "\n", -1);

        for (char **line = lines; *line != NULL; line++) {
                const char *colon = strchr(*line, ':');

                if (colon == NULL)
                        continue;
                if (g_str_has_suffix(*line, "\r"))
                        (*line)[strlen(*line) - 1] = '\0';
                const char *value = colon[1] == ' ' ? colon + 2 : colon + 1;
                g_hash_table_insert(values, g_strndup(*line, (gsize)(colon - *line)),
                                    unescape(value));
        }
        return values;
}

/* The text of a key, "" when it is not there. An escape may have made bytes that are no UTF-8. */
static bool
text_of(GHashTable *values, const char *key, char **out, GError **error)
{
        const char *value = g_hash_table_lookup(values, key);

        if (value != NULL && !g_utf8_validate(value, -1, NULL))
                return uk_fail(error, UK_ERROR_PARSE, "%s is not UTF-8 text", key);
        *out = g_strdup(value != NULL ? value : "");
        return true;
}

static bool
read_texts(GHashTable *values, StatusFile *status, GError **error)
{
        return text_of(values, "PkgID", &status->package_id, error) &&
               text_of(values, "NALPath", &status->nal_path, error) &&
               text_of(values, "SiteCode", &status->site, error) &&
               text_of(values, "ErrorText", &status->error_text, error) &&
               text_of(values, "Location", &status->location, error) &&
               text_of(values, "HTTPUrl", &status->http_url, error) &&
               text_of(values, "SigURL", &status->sig_url, error) &&
               text_of(values, "SigLocation", &status->sig_location, error) &&
               text_of(values, "Trace", &status->trace, error);
}

static bool
number_of(GHashTable *values, const char *key, gint64 max, gint64 *out, GError **error)
{
        const char *value = g_hash_table_lookup(values, key);
        guint64 number;

        if (value == NULL || !g_ascii_string_to_unsigned(value, 10, 0, (guint64)max, &number, NULL))
                return uk_fail(error, UK_ERROR_PARSE,
                               "%s is '%s', which is no number up to "
                               "%" G_GINT64_FORMAT,
                               key, value != NULL ? value : "", max);
        *out = (gint64)number;
        return true;
}

static bool
read_values(GHashTable *values, StatusFile *status, GError **error)
{
        const char *time = g_hash_table_lookup(values, "Time");

        if (!read_texts(values, status, error))
                return false;
        if (status->package_id[0] == '\0' || status->nal_path[0] == '\0' || status->site[0] == '\0')
                return uk_fail(error, UK_ERROR_PARSE, "PkgID, NALPath and SiteCode are needed");
        if (time != NULL && !uk_clock_parse(time, &status->time_us, error))
                return false;
        return number_of(values, "Version", G_MAXINT32, &status->version, error) &&
               number_of(values, "Status", MAX_STATUS, &status->status, error) &&
               (g_hash_table_lookup(values, "ErrorCode") == NULL ||
                number_of(values, "ErrorCode", G_MAXUINT32, &status->error_code, error));
}

StatusFile *
statusfile_read(const char *data, gsize size, GError **error)
{
        UK_DOING(error, "reading a status file");

        if (size > STATUSFILE_MAX_BYTES) {
                uk_fail(error, UK_ERROR_LIMIT, "it has more than %d bytes", STATUSFILE_MAX_BYTES);
                return NULL;
        }
        g_autofree char *text = g_strndup(data, size);
        if (!g_utf8_validate(text, -1, NULL) || strlen(text) != size) {
                uk_fail(error, UK_ERROR_PARSE, "it is not UTF-8 text");
                return NULL;
        }
        g_autoptr(GHashTable) values = read_lines(text);
        g_autoptr(StatusFile) status = g_new0(StatusFile, 1);
        if (!read_values(values, status, error))
                return NULL;
        return g_steal_pointer(&status);
}
