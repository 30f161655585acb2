/* db_writer.c - one connection through which the threads of a program write, several transactions
 * with one commit.
 *
 * In: the beginnings and ends of transactions of connections that were told to write through it.
 * Each transaction is a savepoint of a larger one, the group: whoever ends its own while another
 * waits leaves the group open for that one and waits for the group's commit, so that what is
 * written and synced for each commit is shared by all that came meanwhile. A transaction is told as
 * committed when the group is; one that rolls back takes nothing with it; a group that cannot be
 * committed fails all of its transactions. The pages that are written stay in one cache, which no
 * commit of another thread makes worthless.
 */
#include <pthread.h>

#include "base/clock.h"
#include "base/log.h"
#include "db/db_private.h"

/* A group is committed when it has so many transactions, or is so old, though others wait. */
#define GROUP_MAX 64
#define GROUP_US  (UK_SECOND / 50)

/* Guarded by the writer's lock. */
typedef struct {
        guint members; /* transactions that have ended in it */
        guint refs;    /* of those that wait for its end, and of the writer while it is open */
        bool ended;
        GError *failure; /* NULL when it was committed */
        gint64 began_us;
        pthread_cond_t end;
} Group;

struct DbWriter {
        char *path;
        int timeout_ms;
        Db *db; /* NULL: not opened yet; belongs to whoever has taken the writer */
        pthread_mutex_t lock;
        pthread_cond_t free;
        bool taken;
        guint waiting;
        Group *group; /* the open one, or NULL */
};

DbWriter *
db_writer_new(const char *path, int timeout_ms)
{
        DbWriter *writer = g_new0(DbWriter, 1);

        writer->path = g_strdup(path);
        writer->timeout_ms = timeout_ms;
        pthread_mutex_init(&writer->lock, NULL);
        uk_clock_cond_init(&writer->free);
        return writer;
}

void
db_writer_free(DbWriter *writer)
{
        if (writer == NULL)
                return;
        db_close(writer->db);
        pthread_cond_destroy(&writer->free);
        pthread_mutex_destroy(&writer->lock);
        g_free(writer->path);
        g_free(writer);
}

/* The lock is held. */
static void
group_unref(Group *group)
{
        if (--group->refs > 0)
                return;
        pthread_cond_destroy(&group->end);
        g_clear_error(&group->failure);
        g_free(group);
}

/* Waits until nobody has the connection, and takes it. */
static bool
take(DbWriter *writer, GError **error)
{
        gint64 deadline = uk_clock_mono() + (gint64)writer->timeout_ms * 1000;
        bool in_time = true;

        pthread_mutex_lock(&writer->lock);
        writer->waiting++;
        while (writer->taken && in_time)
                in_time = uk_clock_cond_wait(&writer->free, &writer->lock, deadline);
        writer->waiting--;
        bool mine = !writer->taken;
        writer->taken = true;
        pthread_mutex_unlock(&writer->lock);
        return mine || uk_fail(error, UK_ERROR_BUSY, "another transaction on %s takes too long",
                               writer->path);
}

static bool
begin_group(DbWriter *writer, GError **error)
{
        if (writer->db == NULL)
                writer->db = db_open_shared(writer->path, writer->timeout_ms, error);
        if (writer->db == NULL || !db_word(writer->db, DB_WORD_BEGIN, error))
                return false;
        Group *group = g_new0(Group, 1);
        group->refs = 1;
        group->began_us = uk_clock_mono();
        pthread_cond_init(&group->end, NULL);
        writer->group = group;
        return true;
}

/* Whether the next one may go on in the open group; the lock is held. */
static bool
may_grow(const DbWriter *writer)
{
        return writer->waiting > 0 && writer->group->members > 0 &&
               writer->group->members < GROUP_MAX &&
               uk_clock_mono() - writer->group->began_us < GROUP_US;
}

/* A full disk may have made the engine end the transaction, with what others had written. */
static bool
commit_group(DbWriter *writer, GError **error)
{
        if (!db_engine_in_transaction(writer->db))
                return uk_fail(error, UK_ERROR_BUSY,
                               "the transaction on %s has ended after the failure of another",
                               writer->path);
        return db_context_put(writer->db, "", "", error) &&
               db_word(writer->db, DB_WORD_COMMIT, error);
}

/* The group comes to its end, in the engine. One in which nothing was kept is rolled back. Who is
 * woken finds the lock free, here and in leave. */
static void
end_group(DbWriter *writer, Group *group)
{
        GError *failure = NULL;
        bool committed = group->members > 0 && commit_group(writer, &failure);

        if (committed)
                db_bell_ring(writer->db);
        else if (db_engine_in_transaction(writer->db) &&
                 !db_word(writer->db, DB_WORD_ROLLBACK, NULL))
                uk_error("Could not roll back a transaction of %s.", writer->path);
        db_context_forget(writer->db);
        pthread_mutex_lock(&writer->lock);
        group->failure = failure;
        group->ended = true;
        pthread_mutex_unlock(&writer->lock);
        pthread_cond_broadcast(&group->end);
}

/* Gives the connection back: to one that waits, within the group, else after the group's end. It is
 * free from the moment in which that is decided: one that gives up waiting before it is would leave
 * the group open for nobody. */
static void
leave(DbWriter *writer)
{
        pthread_mutex_lock(&writer->lock);
        if (writer->group != NULL && (!db_engine_in_transaction(writer->db) || !may_grow(writer))) {
                Group *ending = g_steal_pointer(&writer->group);

                pthread_mutex_unlock(&writer->lock);
                end_group(writer, ending);
                pthread_mutex_lock(&writer->lock);
                group_unref(ending);
        }
        writer->taken = false;
        pthread_mutex_unlock(&writer->lock);
        pthread_cond_signal(&writer->free);
}

Db *
db_writer_begin(DbWriter *writer, DbTx *tx, const char *origin, const char *trace, GError **error)
{
        if (!take(writer, error))
                return NULL;
        /* Outside of the savepoint, so that what the row says is known whatever becomes of it. */
        if ((writer->group != NULL || begin_group(writer, error)) &&
            db_context_put(writer->db, origin, trace, error) &&
            db_word(writer->db, DB_WORD_PART, error)) {
                db_share(writer->db, tx);
                return writer->db;
        }
        leave(writer);
        return NULL;
}

void
db_writer_rollback(DbWriter *writer)
{
        db_share(writer->db, NULL);
        if (db_engine_in_transaction(writer->db) &&
            (!db_word(writer->db, DB_WORD_PART_BACK, NULL) ||
             !db_word(writer->db, DB_WORD_PART_END, NULL)))
                uk_error("Could not roll back a part of a transaction of %s.", writer->path);
        leave(writer);
}

bool
db_writer_commit(DbWriter *writer, GError **error)
{
        db_share(writer->db, NULL);
        if (!db_word(writer->db, DB_WORD_PART_END, error)) {
                db_writer_rollback(writer);
                return false;
        }
        pthread_mutex_lock(&writer->lock);
        Group *group = writer->group;
        group->members++;
        group->refs++;
        pthread_mutex_unlock(&writer->lock);
        leave(writer);
        pthread_mutex_lock(&writer->lock);
        while (!group->ended)
                pthread_cond_wait(&group->end, &writer->lock);
        bool committed = group->failure == NULL;
        if (!committed && error != NULL)
                *error = g_error_copy(group->failure);
        group_unref(group);
        pthread_mutex_unlock(&writer->lock);
        return committed;
}
