/* connections.c - the host's connections to its database, lent to a thread while it serves.
 *
 * A connection reads the whole schema when it is first used (of a site's 5 ms and 1 MiB), and most
 * threads serve for moments. So there are as many as have been needed at one time, and not one for
 * each thread.
 */
#include "base/clock.h"
#include "host/host_private.h"

/* While another thread makes a connection, one that is given back may come sooner than a further
 * one would be made; but a database that cannot be opened keeps nobody waiting for long. */
#define PATIENCE_US (100 * G_TIME_SPAN_MILLISECOND)

struct Connections {
        pthread_mutex_t lock;
        pthread_cond_t changed;
        GPtrArray *idle; /* Db *, the one that was used last at the end */
        guint making;
};

Connections *
connections_new(void)
{
        Connections *connections = g_new0(Connections, 1);

        pthread_mutex_init(&connections->lock, NULL);
        uk_clock_cond_init(&connections->changed);
        connections->idle = g_ptr_array_new_with_free_func((GDestroyNotify)db_close);
        return connections;
}

void
connections_free(Connections *connections)
{
        if (connections == NULL)
                return;
        g_ptr_array_unref(connections->idle);
        pthread_cond_destroy(&connections->changed);
        pthread_mutex_destroy(&connections->lock);
        g_free(connections);
}

/* One that is idle, best the one that has the caller's statements, least a wide one, whose pages
 * somebody will want again; the lock is held. */
static Db *
take_idle(Connections *connections, const Db *liked)
{
        guint at;

        if (connections->idle->len == 0)
                return NULL;
        if (!g_ptr_array_find(connections->idle, liked, &at)) {
                at = connections->idle->len - 1;
                while (at > 0 && db_is_wide(connections->idle->pdata[at]))
                        at--;
        }
        return g_ptr_array_steal_index(connections->idle, at);
}

/* What one thread set for its work is not the next one's; a thread that comes back finds the pages
 * that it kept. */
static Db *
hand_over(const Host *host, Db *db, const Db *liked)
{
        if (db != liked)
                db_set_back(db);
        db_write_through(db, host->writer);
        return db;
}

static Db *
make(const Host *host, GError **error)
{
        Db *db = db_open(host->db_path, false,
                         (int)settings_int(host->settings, "host.db_timeout_ms"), error);

        if (db != NULL)
                db_write_through(db, host->writer);
        return db;
}

Db *
connections_lend(const Host *host, const Db *liked, GError **error)
{
        Connections *connections = host->connections;
        gint64 until_us = uk_clock_mono() + PATIENCE_US;
        bool in_time = true;

        pthread_mutex_lock(&connections->lock);
        Db *db = take_idle(connections, liked);
        while (db == NULL && connections->making > 0 && in_time) {
                in_time = uk_clock_cond_wait(&connections->changed, &connections->lock, until_us);
                db = take_idle(connections, liked);
        }
        connections->making += db == NULL;
        pthread_mutex_unlock(&connections->lock);
        if (db != NULL)
                return hand_over(host, db, liked);
        db = make(host, error);
        pthread_mutex_lock(&connections->lock);
        connections->making--;
        pthread_cond_signal(&connections->changed);
        pthread_mutex_unlock(&connections->lock);
        return db;
}

void
connections_return(const Host *host, Db *db)
{
        Connections *connections = host->connections;

        pthread_mutex_lock(&connections->lock);
        g_ptr_array_add(connections->idle, db);
        pthread_cond_signal(&connections->changed);
        pthread_mutex_unlock(&connections->lock);
}
