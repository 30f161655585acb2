/* clientstore.c - writes machines and events, and keeps the number of events in bounds. */
#include "sup/soap_report/clientstore.h"

#include <pthread.h>

#include "base/clock.h"
#include "base/log.h"
#include "sup/soap_report/clientstore.sql.h"
#include "sup/soap_report/clientstore_schema.h"

#define BUSY_MS   10000
#define MAX_TEXT  4096
#define MAX_LINES 16384 /* of the texts of an event together */
/* Machines are counted at the first request and then so often. */
#define COUNT_EVERY 1000

struct ClientStore {
        pthread_mutex_t lock; /* guards all below: one caller at a time */
        Db *db;
        ClientStoreBounds bounds;
        guint asked; /* how often a machine was put in */
};

ClientStore *
clientstore_open(const char *path, ClientStoreBounds bounds, GError **error)
{
        g_autoptr(Db) db = db_open(path, true, BUSY_MS, error);

        if (db == NULL || !db_migrate(db, client_migrations, CLIENT_MIGRATIONS_COUNT, error))
                return NULL;
        ClientStore *store = g_new0(ClientStore, 1);
        pthread_mutex_init(&store->lock, NULL);
        store->db = g_steal_pointer(&db);
        store->bounds = bounds;
        return store;
}

void
clientstore_close(ClientStore *store)
{
        if (store == NULL)
                return;
        db_close(store->db);
        pthread_mutex_destroy(&store->lock);
        g_free(store);
}

/* A text from outside, of at most so many bytes. */
static char *
cut(const char *text, gssize most)
{
        g_autofree char *valid = g_utf8_make_valid(text != NULL ? text : "", -1);
        const char *end = valid;

        while (*end != '\0' && g_utf8_next_char(end) - valid <= most)
                end = g_utf8_next_char(end);
        return g_strndup(valid, (gsize)(end - valid));
}

/* At most as long as a row should carry. */
static char *
bounded(const char *text)
{
        return cut(text, MAX_TEXT);
}

static bool
trim_machines(ClientStore *store, DbTx *tx, GError **error)
{
        gint64 count = 0, gone = 0;

        if (store->asked++ % COUNT_EVERY != 0)
                return true;
        if (!db_int(store->db, &sql_clientstore_count, DB_NO_ARGS, &count, NULL, error))
                return false;
        if (count <= store->bounds.machines)
                return true;
        if (!db_run_counted(tx, &sql_clientstore_trim_machines,
                            DB_ARGS(DB_INT("number", count - store->bounds.machines)), &gone,
                            error))
                return false;
        uk_warn("%" G_GINT64_FORMAT " machines are known here, of which %" G_GINT64_FORMAT
                " are to be kept (sup.max_machines): the %" G_GINT64_FORMAT
                " that registered longest ago are forgotten, and register again if they are there",
                count, store->bounds.machines, gone);
        return true;
}

/* Puts a machine in, in a transaction of its own. */
static bool
put_machine(ClientStore *store, const DbSql *sql, const DbArg *args, GError **error)
{
        pthread_mutex_lock(&store->lock);
        DbTx *tx = db_begin(store->db, error);
        bool done = tx != NULL && db_run(tx, sql, args, error) && trim_machines(store, tx, error);

        if (done)
                done = db_commit(tx, error);
        else
                db_rollback(tx);
        pthread_mutex_unlock(&store->lock);
        return done;
}

bool
clientstore_seen(ClientStore *store, const char *client_id, const char *dns_name,
                 const char *groups, GError **error)
{
        g_autofree char *dns = bounded(dns_name);
        g_autofree char *wishes = bounded(groups);

        return put_machine(store, &sql_clientstore_seen,
                           DB_ARGS(DB_TEXT("id", client_id), DB_TEXT("dns", dns),
                                   DB_TEXT("groups", wishes), DB_TIME("now", uk_clock_now())),
                           error);
}

bool
clientstore_register(ClientStore *store, const char *client_id, const WsusComputer *computer,
                     GError **error)
{
        g_autofree char *dns = bounded(computer->dns_name);
        g_autofree char *os = bounded(computer->os_description);
        g_autofree char *arch = bounded(computer->architecture);
        g_autofree char *manufacturer = bounded(computer->manufacturer);
        g_autofree char *model = bounded(computer->model);
        g_autofree char *version = g_strdup_printf("%" G_GINT64_FORMAT ".%" G_GINT64_FORMAT
                                                   ".%" G_GINT64_FORMAT ".%" G_GINT64_FORMAT,
                                                   computer->client_major, computer->client_minor,
                                                   computer->client_build, computer->client_qfe);

        return put_machine(store, &sql_clientstore_register,
                           DB_ARGS(DB_TEXT("id", client_id), DB_TEXT("dns", dns), DB_TEXT("os", os),
                                   DB_TEXT("arch", arch), DB_TEXT("manufacturer", manufacturer),
                                   DB_TEXT("model", model), DB_TEXT("version", version),
                                   DB_TIME("now", uk_clock_now())),
                           error);
}

bool
clientstore_is_registered(ClientStore *store, const char *client_id, bool *registered_out,
                          GError **error)
{
        gint64 count = 0;

        pthread_mutex_lock(&store->lock);
        bool done = db_int(store->db, &sql_clientstore_is_registered,
                           DB_ARGS(DB_TEXT("id", client_id)), &count, NULL, error);
        pthread_mutex_unlock(&store->lock);
        if (done)
                *registered_out = count > 0;
        return done;
}

/* The texts of a list, a line each; what is too long is cut. */
static char *
lines_of(const GPtrArray *texts)
{
        g_autoptr(GString) all = g_string_new(NULL);

        for (guint i = 0; texts != NULL && i < texts->len; i++)
                g_string_append_printf(all, "%s%s", i > 0 ? "\n" : "",
                                       (const char *)g_ptr_array_index(texts, i));
        return cut(all->str, MAX_LINES);
}

static bool
add_event(DbTx *tx, const WsusEventBatch *batch, const WsusEvent *event, gint64 now_us,
          guint *added, GError **error)
{
        g_autofree char *instance = g_ascii_strdown(event->instance_id, -1);
        g_autofree char *client = g_ascii_strdown(event->sid, -1);
        g_autofree char *update = g_ascii_strdown(event->update_id, -1);
        g_autofree char *app = bounded(event->app_name);
        g_autofree char *strings = lines_of(event->strings);
        g_autofree char *misc = lines_of(event->misc);
        gint64 changed = 0;

        if (!db_run_counted(tx, &sql_clientstore_add_event,
                            DB_ARGS(DB_TEXT("instance", instance), DB_TEXT("client", client),
                                    DB_TIME("time", event->time_us),
                                    DB_TIME_OR_NULL("client_time", batch->client_time_us),
                                    DB_TIME("received", now_us), DB_INT("event", event->event_id),
                                    DB_INT("source", event->source_id), DB_TEXT("update", update),
                                    DB_INT("revision", event->revision),
                                    DB_INT("hresult", event->hresult), DB_TEXT("app", app),
                                    DB_TEXT("strings", strings), DB_TEXT("misc", misc)),
                            &changed, error))
                return false;
        *added += changed > 0;
        return true;
}

static bool
trim(ClientStore *store, DbTx *tx, GError **error)
{
        gint64 last = 0;

        return db_int(store->db, &sql_clientstore_last_event, DB_NO_ARGS, &last, NULL, error) &&
               db_run(tx, &sql_clientstore_trim_events,
                      DB_ARGS(DB_INT("last", last - store->bounds.events)), error);
}

static bool
add_all(ClientStore *store, const WsusEventBatch *batch, guint *added, GError **error)
{
        g_autoptr(DbTx) tx = db_begin(store->db, error);
        gint64 now = uk_clock_now();

        if (tx == NULL)
                return false;
        for (guint i = 0; i < batch->events->len; i++) {
                if (!add_event(tx, batch, g_ptr_array_index(batch->events, i), now, added, error))
                        return false;
        }
        return trim(store, tx, error) && db_commit(g_steal_pointer(&tx), error);
}

bool
clientstore_add_events(ClientStore *store, const WsusEventBatch *batch, guint *added_out,
                       GError **error)
{
        guint added = 0;

        pthread_mutex_lock(&store->lock);
        bool done = add_all(store, batch, &added, error);
        pthread_mutex_unlock(&store->lock);
        if (done && added_out != NULL)
                *added_out = added;
        return done;
}
