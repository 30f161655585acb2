/* statusmsg.c - status messages: a row for people and the STATMSG line in the component's log.
 *
 * In: an ID and its insertion strings. Out: one row through the role's sink, one line. What the
 * IDs mean stands in statusmsg.def; who reads the rows does not matter here.
 */
#include "host/statusmsg.h"

#include <stdarg.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "host/host_private.h"

#define MAX_STRINGS    10
#define MAX_ATTRIBUTES 4

static const StatusDef table[] = {
#define STATUS_DEF(id, severity, text, attributes) { id, severity, text, attributes },
#include "host/statusmsg.def"
#undef STATUS_DEF
};

const StatusDef *
statusmsg_table(gsize *count_out)
{
        *count_out = G_N_ELEMENTS(table);
        return table;
}

const StatusDef *
statusmsg_find(int id)
{
        for (gsize i = 0; i < G_N_ELEMENTS(table); i++) {
                if (table[i].id == id)
                        return &table[i];
        }
        return NULL;
}

char *
statusmsg_text(int id, const char *const strings[10])
{
        const StatusDef *def = statusmsg_find(id);
        GString *text = g_string_new(NULL);

        for (const char *p = def != NULL ? def->text : ""; *p != '\0'; p++) {
                if (p[0] == '%' && p[1] >= '1' && p[1] <= '9') {
                        p++;
                        if (strings[*p - '1'] != NULL)
                                g_string_append(text, strings[*p - '1']);
                } else {
                        g_string_append_c(text, *p);
                }
        }
        return g_string_free(text, FALSE);
}

/* Thu Jan 16 18:53:52.608 2014, whatever the locale. */
static void
append_gmtdate(GString *line, gint64 us)
{
        static const char days[][4] = { "Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat" };
        static const char months[][4] = { "Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                          "Jul", "Aug", "Sep", "Oct", "Nov", "Dec" };
        time_t seconds = (time_t)(us / UK_SECOND);
        struct tm t;

        gmtime_r(&seconds, &t);
        g_string_append_printf(line, "%s %s %02d %02d:%02d:%02d.%03d %d", days[t.tm_wday],
                               months[t.tm_mon], t.tm_mday, t.tm_hour, t.tm_min, t.tm_sec,
                               (int)(us % UK_SECOND / 1000), t.tm_year + 1900);
}

char *
statusmsg_line(const StatusMsg *msg, guint32 failed_with)
{
        GString *line = g_string_new(NULL);

        g_string_append_printf(line,
                               "STATMSG: ID=%d SEV=%c LEV=M SOURCE=\"SMS Server\" COMP=\"%s\" "
                               "SYS=%s SITE=%s PID=%d TID=%d GMTDATE=",
                               msg->id, msg->severity, msg->component, msg->machine, msg->site,
                               msg->pid, msg->tid);
        append_gmtdate(line, msg->time_us);
        for (int i = 0; i < MAX_STRINGS; i++)
                g_string_append_printf(line, " ISTR%d=\"%s\"", i, msg->strings[i]);
        g_string_append_printf(line, " NUMATTRS=%d", msg->attribute_count);
        for (int i = 0; i < msg->attribute_count; i++)
                g_string_append_printf(line, " AID%d=%d AVAL%d=\"%s\"", i, msg->attribute_ids[i], i,
                                       msg->attribute_values[i]);
        if (failed_with != 0)
                g_string_append_printf(line, " LE=0X%X", failed_with);
        return g_string_free(line, FALSE);
}

/* How many strings behind the insertion strings the row asks for. */
static int
count_extras(const StatusDef *def)
{
        int count = 0;

        for (const char *p = strchr(def->attributes, '+'); p != NULL; p = strchr(p + 1, '+'))
                count++;
        return count;
}

static bool
read_attributes(const StatusDef *def, StatusMsg *msg, const char *const *extras, GError **error)
{
        const char *p = def->attributes;

        while (*p != '\0') {
                char *end = NULL;
                int n = msg->attribute_count++;

                msg->attribute_ids[n] = (int)strtol(p, &end, 10);
                bool extra = end[1] == '+';
                long place = strtol(end + (extra ? 2 : 1), &end, 10);
                msg->attribute_values[n] = extra ? extras[place] : msg->strings[place];
                if (msg->attribute_values[n] == NULL)
                        return uk_fail(error, UK_ERROR_BROKEN,
                                       "status message %d was raised without the value of "
                                       "attribute %d",
                                       def->id, msg->attribute_ids[n]);
                for (p = end; *p == ' '; p++)
                        ;
        }
        return true;
}

static bool
fill(Component *c, StatusMsg *msg, const StatusDef *def, va_list args, GError **error)
{
        const char *given[MAX_STRINGS + MAX_ATTRIBUTES + 1] = { NULL };
        int count = 0;
        const char *next;

        while ((next = va_arg(args, const char *)) != NULL && count < MAX_STRINGS + MAX_ATTRIBUTES)
                given[count++] = next;
        int strings = count - count_extras(def);
        if (next != NULL || strings > MAX_STRINGS || strings < 0)
                return uk_fail(error, UK_ERROR_BROKEN,
                               "status message %d was raised with %d strings", def->id, count);
        for (int i = 0; i < MAX_STRINGS; i++)
                msg->strings[i] = i < strings ? given[i] : "";
        msg->id = def->id;
        msg->severity = def->severity;
        msg->component = c->def->name;
        msg->machine = c->host->machine;
        msg->site = c->host->site_code;
        msg->time_us = uk_clock_now();
        msg->pid = (int)getpid();
        msg->tid = (int)gettid();
        msg->trace = uk_trace_get();
        return read_attributes(def, msg, given + strings, error);
}

static bool
store(Component *c, DbTx *tx, const StatusMsg *msg, GError **error)
{
        StatusSink sink = c->host->role->status_sink;

        if (sink == NULL)
                return true;
        if (tx != NULL)
                return sink(tx, msg, error);
        if (c->db == NULL)
                return true;
        g_autoptr(DbTx) own = db_begin(c->db, error);
        return own != NULL && sink(own, msg, error) && db_commit(g_steal_pointer(&own), error);
}

static bool
raise_list(Component *c, DbTx *tx, int id, guint32 failed_with, GError **error, va_list args)
{
        const StatusDef *def = statusmsg_find(id);
        StatusMsg msg = { 0 };

        if (def == NULL)
                return uk_fail(error, UK_ERROR_BROKEN, "there is no status message %d", id);
        if (!fill(c, &msg, def, args, error) || !store(c, tx, &msg, error)) {
                g_prefix_error(error, "raising status message %d: ", id);
                return false;
        }
        g_autofree char *line = statusmsg_line(&msg, failed_with);
        uk_log("%s", line);
        return true;
}

bool
statusmsg_raise(Component *c, DbTx *tx, int id, GError **error, ...)
{
        va_list args;

        va_start(args, error);
        bool ok = raise_list(c, tx, id, 0, error, args);
        va_end(args);
        return ok;
}

bool
statusmsg_raise_failure(Component *c, DbTx *tx, int id, guint32 last_error, GError **error, ...)
{
        va_list args;

        va_start(args, error);
        bool ok = raise_list(c, tx, id, last_error, error, args);
        va_end(args);
        return ok;
}
