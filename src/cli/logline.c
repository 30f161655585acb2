/* logline.c - reads one record of any of the four log forms (base/log.h writes them).
 *
 * Access logs (W3C) are read as well, as date, time and the rest.
 *
 * Comes in: a line of a log, ours or another program's. Goes out: time, component, type, text. A
 * line in no known form is all text. Severity of the server's form is guessed from words, as log
 * viewers do.
 */
#include "cli/logline.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"

#define ACCESS_STAMP 20 /* "2026-01-07 20:06:04 " */

typedef struct {
        int year, month, day, hour, minute, second, ms, bias;
} Stamp;

void
logline_free(LogLine *line)
{
        if (line == NULL)
                return;
        g_free(line->component);
        g_free(line->text);
        g_free(line);
}

/* Minutes of local time plus bias are UTC. 0 when the numbers are no time. */
static gint64
to_us(const Stamp *s, bool local)
{
        g_autoptr(GTimeZone) zone = local ? g_time_zone_new_local() : g_time_zone_new_utc();
        g_autoptr(GDateTime) time =
                g_date_time_new(zone, s->year, s->month, s->day, s->hour, s->minute, s->second);

        if (time == NULL)
                return 0;
        return g_date_time_to_unix(time) * UK_SECOND + s->ms * (UK_SECOND / 1000) +
               s->bias * UK_MINUTE;
}

static int
guess_type(const char *text)
{
        g_autofree char *lower = g_ascii_strdown(text, -1);

        if (strstr(lower, "error") != NULL || strstr(lower, "fail") != NULL)
                return 3;
        return strstr(lower, "warn") != NULL ? 2 : 1;
}

/* The trace ID that stands at text, "" for anything else. */
static void
read_trace(const char *text, LogLine *line)
{
        gsize length = strspn(text, "0123456789abcdef");

        if (length == sizeof line->trace - 1)
                g_strlcpy(line->trace, text, sizeof line->trace);
}

/* text  $$<COMPONENT><MM-DD-YYYY hh:mm:ss.mmm+bias><thread=N (0xN)>[<trace=…>] */
static bool
read_server(const char *text, LogLine *line)
{
        const char *mark = g_strrstr(text, "  $$<");
        char component[128];
        Stamp s;

        if (mark == NULL ||
            sscanf(mark, "  $$<%127[^>]><%d-%d-%d %d:%d:%d.%3d%d><thread=%" G_GINT64_FORMAT,
                   component, &s.month, &s.day, &s.year, &s.hour, &s.minute, &s.second, &s.ms,
                   &s.bias, &line->thread) != 10)
                return false;
        line->time_us = to_us(&s, false);
        line->component = g_strdup(component);
        line->text = g_strndup(text, (gsize)(mark - text));
        line->type = guess_type(line->text);
        const char *trace = strstr(mark, "><trace=");

        if (trace != NULL)
                read_trace(trace + strlen("><trace="), line);
        return true;
}

/* <![LOG[text]LOG]!><time="hh:mm:ss.mmm+bias" date="MM-DD-YYYY" component="…" context="…" type="1"
 * thread="N" file="…"> */
static bool
read_client(const char *text, LogLine *line)
{
        const char *end =
                g_str_has_prefix(text, "<![LOG[") ? g_strrstr(text, "]LOG]!><time=") : NULL;
        char component[128] = "";
        Stamp s;

        if (end == NULL)
                return false;
        int found = sscanf(
                end, "]LOG]!><time=\"%d:%d:%d.%3d%d\" date=\"%d-%d-%d\" component=\"%127[^\"]\"",
                &s.hour, &s.minute, &s.second, &s.ms, &s.bias, &s.month, &s.day, &s.year,
                component);
        const char *type = strstr(end, " type=\""), *thread = strstr(end, " thread=\"");
        const char *trace = strstr(end, " context=\"");

        if (found < 8)
                return false;
        line->time_us = to_us(&s, false);
        line->component = g_strdup(component);
        line->text = g_strndup(text + 7, (gsize)(end - text - 7));
        line->type = type != NULL ? CLAMP(type[7] - '0', 1, 3) : 1;
        line->thread = thread != NULL ? g_ascii_strtoll(thread + 9, NULL, 10) : 0;
        if (trace != NULL)
                read_trace(trace + strlen(" context=\""), line);
        return true;
}

/* YYYY-MM-DD hh:mm:ss.mmm UTC TAB kind TAB process.tid TAB method TAB text */
static bool
read_engine(const char *text, LogLine *line)
{
        g_auto(GStrv) parts = g_strsplit(text, "\t", 5);
        Stamp s = { 0 };

        if (g_strv_length(parts) != 5 ||
            sscanf(parts[0], "%d-%d-%d %d:%d:%d.%3d UTC", &s.year, &s.month, &s.day, &s.hour,
                   &s.minute, &s.second, &s.ms) != 7)
                return false;
        const char *dot = strrchr(parts[2], '.');

        line->time_us = to_us(&s, false);
        line->component =
                g_strndup(parts[2], dot != NULL ? (gsize)(dot - parts[2]) : strlen(parts[2]));
        line->thread = dot != NULL ? g_ascii_strtoll(dot + 1, NULL, 10) : 0;
        line->text = g_strdup_printf("%s: %s", parts[3], parts[4]);
        line->type = strcmp(parts[1], "Error") == 0 ? 3 : strcmp(parts[1], "Warning") == 0 ? 2 : 1;
        return true;
}

/* YYYY-MM-DD hh:mm:ss:mmm pid tid(hex) subsystem text, in local time */
static bool
read_agent(const char *text, LogLine *line)
{
        char subsystem[64];
        unsigned thread;
        int behind = 0, pid;
        Stamp s = { 0 };

        if (sscanf(text, "%d-%d-%d %d:%d:%d:%3d %d %x %63s %n", &s.year, &s.month, &s.day, &s.hour,
                   &s.minute, &s.second, &s.ms, &pid, &thread, subsystem, &behind) != 10 ||
            behind == 0)
                return false;
        line->time_us = to_us(&s, true);
        line->component = g_strdup(subsystem);
        line->thread = thread;
        line->text = g_strdup(text + behind);
        line->type = guess_type(line->text);
        return true;
}

/* YYYY-MM-DD hh:mm:ss rest, in UTC: the W3C form of access logs */
static bool
read_access(const char *text, LogLine *line, const char *file)
{
        int behind = 0;
        Stamp s = { 0 };

        if (sscanf(text, "%4d-%2d-%2d %2d:%2d:%2d %n", &s.year, &s.month, &s.day, &s.hour,
                   &s.minute, &s.second, &behind) != 6 ||
            behind != ACCESS_STAMP)
                return false;
        line->time_us = to_us(&s, false);
        line->component = g_strndup(file, strcspn(file, "."));
        line->text = g_strdup(text + behind);
        line->type = 1;
        return true;
}

LogLine *
logline_read(const char *line, const char *file)
{
        g_autofree char *text = g_utf8_make_valid(line, -1);
        LogLine *found = g_new0(LogLine, 1);

        g_strchomp(text);
        if (!read_server(text, found) && !read_client(text, found) && !read_engine(text, found) &&
            !read_agent(text, found) && !read_access(text, found, file)) {
                found->component = g_strndup(file, strcspn(file, "."));
                found->text = g_strdup(text);
                found->type = guess_type(text);
        }
        return found;
}
