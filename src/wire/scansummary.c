/* scansummary.c - the figures of a completed scan as "key value" lines. */
#include "wire/scansummary.h"

#include <string.h>

#include "base/clock.h"

static void
build_free(ScanSummaryBuild *build)
{
        g_free(build->package);
        g_free(build->architecture);
        g_free(build->version);
        g_free(build->fields);
        g_free(build);
}

ScanSummary *
scansummary_new(void)
{
        ScanSummary *summary = g_new0(ScanSummary, 1);

        summary->location = g_strdup("");
        summary->digest = g_strdup("");
        summary->builds = g_ptr_array_new_with_free_func((GDestroyNotify)build_free);
        return summary;
}

void
scansummary_free(ScanSummary *summary)
{
        if (summary == NULL)
                return;
        g_free(summary->location);
        g_free(summary->digest);
        g_ptr_array_unref(summary->builds);
        g_free(summary);
}

void
scansummary_add_build(ScanSummary *summary, const char *package, const char *architecture,
                      const char *version, const char *fields)
{
        ScanSummaryBuild *build = g_new0(ScanSummaryBuild, 1);

        build->package = g_strdup(package);
        build->architecture = g_strdup(architecture);
        build->version = g_strdup(version);
        build->fields = g_strdup(fields);
        g_ptr_array_add(summary->builds, build);
}

void
scansummary_digest_line(GString *text, const char *update_id, int state)
{
        g_autofree char *lower = g_ascii_strdown(update_id, -1);

        g_string_append_printf(text, "%s %d\n", lower, state);
}

char *
scansummary_write(const ScanSummary *summary)
{
        g_autofree char *time = uk_clock_iso(summary->scan_us);
        GString *text = g_string_new(NULL);

        g_string_append_printf(text,
                               "version %" G_GINT64_FORMAT "\ntime %s\nlocation %s\n"
                               "missing %" G_GINT64_FORMAT "\ninstalled %" G_GINT64_FORMAT "\n"
                               "notapplicable %" G_GINT64_FORMAT "\ndigest %s\n",
                               summary->content_version, time, summary->location, summary->missing,
                               summary->installed, summary->not_applicable, summary->digest);
        for (guint i = 0; i < summary->builds->len; i++) {
                const ScanSummaryBuild *build = g_ptr_array_index(summary->builds, i);
                gsize before = text->len;

                g_string_append_printf(text, "build %s %s %s %s\n", build->package,
                                       build->architecture, build->version, build->fields);
                if (text->len > SCANSUMMARY_MAX_BYTES) {
                        g_string_truncate(text, before);
                        break;
                }
        }
        return g_string_free(text, FALSE);
}

static bool
read_number(const char *value, gint64 *number_out, GError **error)
{
        guint64 number = 0;

        if (!g_ascii_string_to_unsigned(value, 10, 0, G_MAXINT32, &number, NULL))
                return uk_fail(error, UK_ERROR_PARSE, "'%s' is not a number", value);
        *number_out = (gint64)number;
        return true;
}

static bool
read_build(const char *value, ScanSummary *summary, GError **error)
{
        g_auto(GStrv) words = g_strsplit(value, " ", 4);

        if (g_strv_length(words) != 4)
                return uk_fail(error, UK_ERROR_PARSE, "a build has four words, not '%s'", value);
        scansummary_add_build(summary, words[0], words[1], words[2], words[3]);
        return true;
}

static bool
is_digest(const char *text)
{
        return strlen(text) == 64 && strspn(text, "0123456789abcdef") == 64;
}

/* Bits of the keys that must be there. */
enum {
        SEEN_VERSION = 1,
        SEEN_TIME = 2,
        SEEN_COUNTS = 4 + 8 + 16,
        SEEN_DIGEST = 32,
        SEEN_ALL = 63
};

static bool
read_line(const char *key, const char *value, ScanSummary *summary, guint *seen, GError **error)
{
        struct {
                const char *key;
                gint64 *number;
                guint bit;
        } numbers[] = {
                { "version", &summary->content_version, SEEN_VERSION },
                { "missing", &summary->missing, 4 },
                { "installed", &summary->installed, 8 },
                { "notapplicable", &summary->not_applicable, 16 },
        };

        for (guint i = 0; i < G_N_ELEMENTS(numbers); i++) {
                if (strcmp(key, numbers[i].key) == 0) {
                        *seen |= numbers[i].bit;
                        return read_number(value, numbers[i].number, error);
                }
        }
        if (strcmp(key, "time") == 0) {
                *seen |= SEEN_TIME;
                return uk_clock_parse(value, &summary->scan_us, error);
        }
        if (strcmp(key, "location") == 0) {
                g_free(summary->location);
                summary->location = g_strdup(value);
        } else if (strcmp(key, "digest") == 0) {
                if (!is_digest(value))
                        return uk_fail(error, UK_ERROR_PARSE, "'%s' is no digest", value);
                *seen |= SEEN_DIGEST;
                g_free(summary->digest);
                summary->digest = g_strdup(value);
        } else if (strcmp(key, "build") == 0) {
                return read_build(value, summary, error);
        }
        return true;
}

ScanSummary *
scansummary_read(const char *text, gsize size, GError **error)
{
        UK_DOING(error, "reading the figures of a scan");
        g_autoptr(ScanSummary) summary = scansummary_new();
        guint seen = 0;

        if (size > SCANSUMMARY_MAX_BYTES) {
                uk_fail(error, UK_ERROR_LIMIT, "they have %zu bytes", size);
                return NULL;
        }
        g_autofree char *copy = g_strndup(text, size);
        g_auto(GStrv) lines = g_strsplit(copy, "\n", -1);
        for (char **line = lines; *line != NULL; line++) {
                char *blank = strchr(*line, ' ');

                if (blank == NULL)
                        continue;
                *blank = '\0';
                if (!read_line(*line, blank + 1, summary, &seen, error))
                        return NULL;
        }
        if (seen != SEEN_ALL) {
                uk_fail(error, UK_ERROR_PARSE, "a figure is missing");
                return NULL;
        }
        return g_steal_pointer(&summary);
}
