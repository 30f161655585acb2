/* smsdbmon.c - Database Notification Monitor: turns changed rows into files in inboxes, by table.
 *
 * In: the change log, which triggers append to in the transaction of the change. Out: files such
 * as SELF.SYN, {…}.STN, P010000F.PKN, and one RCV and one SND line for each change. Its mark in
 * the change log moves after the files are on disk: a kill in between drops them again, with the
 * same sequence numbers, and loses none. Decides nothing; the table in smsdbmon_routes.c does.
 */
#include "site/smsdbmon/smsdbmon.h"

#include <string.h>

#include "base/io.h"
#include "base/log.h"
#include "db/changelog.h"
#include "host/host.h"
#include "inbox/drop.h"
#include "site/smsdbmon/smsdbmon_routes.h"

#define READER "smsdbmon"
/* So many changes share one movement of the mark. */
#define BATCH 256
/* A file that waits keeps the traces of the newest changes that led to it. */
#define MAX_TRACES 1000
#define MAX_BODY   (256 * 1024)

/* Changes that lead to the same file. */
typedef struct {
        const SmsdbmonRoute *route;
        char *box, *name, *path;
        GPtrArray *entries; /* ChangelogEntry *, borrowed */
} Drop;

static void
drop_free(Drop *drop)
{
        g_free(drop->box);
        g_free(drop->name);
        g_free(drop->path);
        g_ptr_array_unref(drop->entries);
        g_free(drop);
}

static Drop *
drop_new(Component *c, const SmsdbmonRoute *route, const ChangelogEntry *entry)
{
        Drop *drop = g_new0(Drop, 1);

        drop->route = route;
        drop->box = host_box_path(c->host, route->box);
        drop->name = g_strconcat(entry->value, route->kind, NULL);
        drop->path = g_build_filename(drop->box, drop->name, NULL);
        drop->entries = g_ptr_array_new();
        return drop;
}

/* Groups the changes by file, in the order of the first of each. */
static GPtrArray *
group(Component *c, const GPtrArray *entries)
{
        GPtrArray *drops = g_ptr_array_new_with_free_func((GDestroyNotify)drop_free);
        g_autoptr(GHashTable) by_path = g_hash_table_new(g_str_hash, g_str_equal);

        for (guint i = 0; i < entries->len; i++) {
                ChangelogEntry *entry = g_ptr_array_index(entries, i);
                const SmsdbmonRoute *route = smsdbmon_routes_find(entry->notice);

                if (route == NULL) {
                        uk_error("Change %" G_GINT64_FORMAT " of %s is passed over: there is no "
                                 "route for the notice %s",
                                 entry->seq, entry->table, entry->notice);
                        continue;
                }
                Drop *made = drop_new(c, route, entry);
                Drop *drop = g_hash_table_lookup(by_path, made->path);
                if (drop == NULL) {
                        drop = made;
                        g_hash_table_insert(by_path, drop->path, drop);
                        g_ptr_array_add(drops, drop);
                } else {
                        drop_free(made);
                }
                g_ptr_array_add(drop->entries, entry);
        }
        return drops;
}

static void
add_trace(GPtrArray *traces, const char *trace)
{
        if (*trace == '\0' || g_ptr_array_find_with_equal_func(traces, trace, g_str_equal, NULL))
                return;
        g_ptr_array_add(traces, g_strdup(trace));
        if (traces->len > MAX_TRACES)
                g_ptr_array_remove_index(traces, 0);
}

/* A file that is still there is replaced; the work that led to it must stay traceable. One made by
 * hand, or already taken, has none. */
static void
add_waiting_traces(GPtrArray *traces, const char *path)
{
        g_autofree char *body = NULL;
        g_autoptr(InboxNotice) waiting = NULL;
        gsize size = 0;

        if (!uk_io_read(path, MAX_BODY, &body, &size, NULL))
                return;
        waiting = inbox_notice_read(body, size, NULL);
        for (char **trace = waiting != NULL ? waiting->traces : NULL;
             trace != NULL && *trace != NULL; trace++)
                add_trace(traces, *trace);
}

static char *
make_body(const Drop *drop)
{
        g_autoptr(GPtrArray) traces = g_ptr_array_new_with_free_func(g_free);
        const ChangelogEntry *last = g_ptr_array_index(drop->entries, drop->entries->len - 1);

        add_waiting_traces(traces, drop->path);
        for (guint i = 0; i < drop->entries->len; i++)
                add_trace(traces, ((ChangelogEntry *)g_ptr_array_index(drop->entries, i))->trace);
        g_ptr_array_add(traces, NULL);
        InboxNotice notice = { .seq = last->seq,
                               .value = last->value,
                               .traces = (char **)traces->pdata };
        return inbox_notice_write(&notice);
}

static void
log_received(const Drop *drop)
{
        const SmsdbmonManner *manner = smsdbmon_routes_manner(drop->route->notice);

        for (guint i = 0; i < drop->entries->len; i++) {
                const ChangelogEntry *entry = g_ptr_array_index(drop->entries, i);

                uk_trace_set(entry->trace);
                uk_log("RCV: %s on %s for %s [%s%s][%" G_GINT64_FORMAT "]", entry->op, entry->table,
                       entry->notice, entry->value, manner->after_value, entry->seq);
        }
        uk_trace_set("");
}

static void
log_sent(const Drop *drop)
{
        const SmsdbmonManner *manner = smsdbmon_routes_manner(drop->route->notice);

        for (guint i = 0; i < drop->entries->len; i++) {
                const ChangelogEntry *entry = g_ptr_array_index(drop->entries, i);

                uk_trace_set(entry->trace);
                uk_log("SND: Dropped %s%s%s[%" G_GINT64_FORMAT "]", drop->path,
                       drop->route->with_body ? " (non-zero)" : "", manner->before_seq, entry->seq);
        }
        uk_trace_set("");
}

/* A value that is no file name (INVALID) would stand in the way of all later changes: it is passed
 * over, and said so. */
static bool
send(Drop *drop, GError **error)
{
        g_autoptr(GError) why = NULL;
        g_autofree char *body = make_body(drop);

        log_received(drop);
        if (inbox_drop(drop->box, drop->name, body, strlen(body), &why)) {
                log_sent(drop);
                return true;
        }
        if (g_error_matches(why, UK_ERROR, UK_ERROR_INVALID)) {
                uk_error("The change is passed over: %s", why->message);
                return true;
        }
        g_propagate_error(error, g_steal_pointer(&why));
        return false;
}

static bool
tell(DbTx *tx, const Drop *drop, gint64 seq, GError **error)
{
        const SmsdbmonManner *manner = smsdbmon_routes_manner(drop->route->notice);
        const ChangelogEntry *entry = g_ptr_array_index(drop->entries, 0);

        return manner->told == NULL || manner->told(tx, entry->value, seq, error);
}

/* Moves the mark behind the entries, which have become files. */
static bool
advance(Component *c, const GPtrArray *drops, gint64 seq, GError **error)
{
        g_autoptr(DbTx) tx = db_begin(c->db, error);

        if (tx == NULL)
                return false;
        for (guint i = 0; i < drops->len; i++) {
                if (!tell(tx, g_ptr_array_index(drops, i), seq, error))
                        return false;
        }
        return changelog_advance(tx, READER, seq, error) && db_commit(g_steal_pointer(&tx), error);
}

static bool
forward(Component *c, const GPtrArray *entries, GError **error)
{
        g_autoptr(GPtrArray) drops = group(c, entries);
        const ChangelogEntry *last = g_ptr_array_index(entries, entries->len - 1);

        for (guint i = 0; i < drops->len; i++) {
                if (!send(g_ptr_array_index(drops, i), error))
                        return false;
        }
        return advance(c, drops, last->seq, error);
}

/* SYNC-020, COMP-008, DIST-009, DIST-074, DIST-130 */
static bool
on_commit(Component *c, GError **error)
{
        UK_DOING(error, "turning changes into files");

        while (!host_stopping(c->host)) {
                g_autoptr(GPtrArray) entries = changelog_read(c->db, READER, BATCH, error);

                if (entries == NULL)
                        return false;
                if (entries->len == 0)
                        break;
                if (!forward(c, entries, error))
                        return false;
        }
        return true;
}

/* The boxes are there before their readers, who may come later. The schema names smsdbmon as a
 * reader of the change log from the first row on; a database that was made otherwise gets it here.
 */
static bool
start(Component *c, GError **error)
{
        for (const SmsdbmonRoute *route = smsdbmon_routes_table(); route->notice != NULL; route++) {
                g_autofree char *box = host_box_path(c->host, route->box);

                if (!uk_io_mkdirs(box, 0770, error))
                        return false;
        }
        g_autoptr(DbTx) tx = db_begin(c->db, error);
        return tx != NULL && changelog_register(tx, READER, error) &&
               db_commit(g_steal_pointer(&tx), error);
}

const ComponentDef smsdbmon = {
        .name = "SMS_DATABASE_NOTIFICATION_MONITOR",
        .log = "SMSDBMON.log",
        .log_form = UK_LOG_SERVER,
        .what = "Turns changed rows of the site database into files in inboxes, by a table",
        .on_commit = on_commit,
        .start = start,
};
