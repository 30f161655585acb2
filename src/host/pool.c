/* pool.c - work beside a lane: a bounded number of threads, one key never twice at a time.
 *
 * In: keys, from handlers. Out: calls of the pool's worker, each in a context of its own. Threads
 * come with the work and go when there has been none for a while. The queue is in memory; what
 * must survive a restart is in a row or a file.
 */
#include "host/pool.h"

#include <errno.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/io.h"
#include "host/host_private.h"

/* An idle thread stays so long, since work tends to come in rows. */
#define LINGER_US (10 * UK_SECOND)

typedef struct {
        char *key;
        bool running;
        bool again; /* was added while it ran */
        guint tries;
        gint64 due_us, span_us; /* not before; the pause that led to it */
} Entry;

typedef struct {
        Pool *pool;
        pthread_t thread;
        int epoll_fd, wake_fd;
        bool called; /* woken by wake_fd, and taken from those that are idle */
        bool ended;  /* takes no key any more, and does not touch the pool */
} Worker;

struct Pool {
        HostComponent *owner;
        const ComponentPool *row;
        HostContext *context; /* of host_step */
        pthread_mutex_t lock; /* guards all below, and what its workers are called by */
        GHashTable *entries;  /* key to Entry, waiting or running */
        GQueue waiting;       /* Entry *, in order */
        GQueue idle; /* Worker *, the last one that came to rest first: it is called first */
        guint running;
        guint added;        /* counts pool_add, so that none is missed on the way to waiting */
        GPtrArray *workers; /* Worker * */
};

static void
entry_free(gpointer data)
{
        Entry *entry = data;

        g_free(entry->key);
        g_free(entry);
}

static void
worker_free(gpointer data)
{
        Worker *worker = data;

        if (worker->epoll_fd >= 0)
                uk_io_close(&worker->epoll_fd);
        if (worker->wake_fd >= 0)
                uk_io_close(&worker->wake_fd);
        g_free(worker);
}

Pool *
pool_new(HostComponent *owner, const ComponentPool *row)
{
        Pool *pool = g_new0(Pool, 1);

        pool->owner = owner;
        pool->row = row;
        pool->context = component_context_new(owner, row->name);
        pthread_mutex_init(&pool->lock, NULL);
        pool->entries = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, entry_free);
        g_queue_init(&pool->waiting);
        g_queue_init(&pool->idle);
        pool->workers = g_ptr_array_new_with_free_func(worker_free);
        return pool;
}

void
pool_free(Pool *pool)
{
        g_queue_clear(&pool->waiting);
        g_hash_table_unref(pool->entries);
        g_ptr_array_unref(pool->workers);
        component_context_free(pool->context);
        pthread_mutex_destroy(&pool->lock);
        g_free(pool);
}

/* Takes the first key that may run now; the lock is held. NULL: none before *due_out. */
static Entry *
take(Pool *pool, gint64 *due_out)
{
        gint64 now = uk_clock_now();

        for (GList *link = pool->waiting.head; link != NULL; link = link->next) {
                Entry *entry = link->data;

                /* A clock that was set back must not make the pause longer. */
                entry->due_us = MIN(entry->due_us, now + entry->span_us);
                if (entry->due_us <= now) {
                        g_queue_delete_link(&pool->waiting, link);
                        entry->running = true;
                        pool->running++;
                        return entry;
                }
                *due_out = MIN(*due_out, entry->due_us);
        }
        return NULL;
}

static void
put_back(Pool *pool, Entry *entry, gint64 due_us, gint64 span_us)
{
        entry->due_us = due_us;
        entry->span_us = span_us;
        g_queue_push_tail(&pool->waiting, entry);
}

static void
put_off(Pool *pool, Entry *entry, const GError *error)
{
        gint64 span = component_pause(entry->tries++, UK_MINUTE);
        g_autofree char *pause = component_span_text(span);

        if (!host_stopping(pool->owner->host))
                uk_warn("\"%s\" of %s cannot be processed now and is tried again in %s: %s",
                        entry->key, pool->row->name, pause, error->message);
        put_back(pool, entry, uk_clock_now() + span, span);
}

static void
give_up(Pool *pool, HostContext *context, const Entry *entry, const GError *error)
{
        g_autoptr(GError) not_told = NULL;

        uk_error("\"%s\" of %s was given up: %s", entry->key, pool->row->name, error->message);
        if (!statusmsg_raise(&context->c, NULL, 60005, &not_told, entry->key, pool->row->name,
                             error->message, NULL))
                uk_error("%s", not_told->message);
}

/* What becomes of a key whose worker has returned. */
static void
settle(Pool *pool, Entry *entry, bool failed, const GError *error)
{
        pthread_mutex_lock(&pool->lock);
        pool->running--;
        entry->running = false;
        if (failed && uk_error_class(error) == UK_CLASS_LATER) {
                put_off(pool, entry, error);
        } else if (failed) { /* the component stops; the key runs when it does again */
                put_back(pool, entry, 0, 0);
        } else if (entry->again) {
                entry->tries = 0;
                put_back(pool, entry, 0, 0);
        } else {
                g_hash_table_remove(pool->entries, entry->key);
                entry = NULL;
        }
        if (entry != NULL)
                entry->again = false;
        pthread_mutex_unlock(&pool->lock);
}

/* Runs one key; the component has been entered. */
static void
run(Pool *pool, HostContext *context, Entry *entry)
{
        g_autoptr(GError) error = NULL;

        uk_trace_set("");
        bool ok = pool->row->worker(&context->c, entry->key, &error);
        if (!ok && error == NULL)
                uk_fail(&error, UK_ERROR_BUSY, "the worker failed without saying why");
        if (!ok && uk_error_class(error) == UK_CLASS_HALT)
                component_halt(context, error);
        bool corrupt = !ok && uk_error_class(error) == UK_CLASS_CORRUPT;
        if (corrupt)
                give_up(pool, context, entry, error);
        settle(pool, entry, !ok && !corrupt, error);
}

/* Serves one key. False: nothing may run before *due_out. */
static bool
serve(Pool *pool, HostContext *context, gint64 *due_out)
{
        if (!component_enter(context, due_out))
                return false;
        pthread_mutex_lock(&pool->lock);
        Entry *entry = take(pool, due_out);
        pthread_mutex_unlock(&pool->lock);
        if (entry != NULL)
                run(pool, context, entry);
        component_leave(context);
        return entry != NULL;
}

/* Each thread is woken by a descriptor of its own: by one that all share all would be, for one key.
 * False: errno says why. */
static bool
make_fds(Worker *worker)
{
        worker->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
        worker->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
        int fds[] = { worker->wake_fd, host_stop_fd(worker->pool->owner->host) };
        bool ok = worker->wake_fd >= 0 && worker->epoll_fd >= 0;

        for (guint i = 0; ok && i < G_N_ELEMENTS(fds); i++) {
                struct epoll_event event = { .events = EPOLLIN, .data.fd = fds[i] };

                ok = epoll_ctl(worker->epoll_fd, EPOLL_CTL_ADD, fds[i], &event) == 0;
        }
        return ok;
}

/* Waits for work, unless some was added since `seen`. False: there has been none, and none is
 * coming that this thread must stay for; then it counts as ended, in the same moment, so that who
 * adds a key now does not rely on it. */
static bool
wait_for_work(Worker *worker, guint seen, gint64 due)
{
        Pool *pool = worker->pool;
        struct epoll_event events[2];
        guint64 count;
        gint64 linger = uk_clock_now() + LINGER_US;

        pthread_mutex_lock(&pool->lock);
        if (pool->added != seen) {
                pthread_mutex_unlock(&pool->lock);
                return true;
        }
        g_queue_push_head(&pool->idle, worker);
        pthread_mutex_unlock(&pool->lock);
        bool called = uk_clock_epoll_wait(worker->epoll_fd, events, 2, MIN(due, linger)) > 0;
        pthread_mutex_lock(&pool->lock);
        if (worker->called) {
                (void)eventfd_read(worker->wake_fd, &count);
                worker->called = false;
                called = true;
        } else {
                g_queue_remove(&pool->idle, worker);
        }
        /* The last one stays while a key waits for its time. */
        bool stay = called || due <= linger ||
                    (pool->waiting.length > 0 && pool->idle.length == 0 && pool->running == 0);
        worker->ended = !stay;
        pthread_mutex_unlock(&pool->lock);
        return stay;
}

static void *
work(void *arg)
{
        Worker *worker = arg;
        Pool *pool = worker->pool;
        g_autoptr(HostContext) context = component_context_new(pool->owner, pool->row->name);
        bool stay = true;

        uk_log_bind(pool->owner->log);
        while (stay && !host_stopping(pool->owner->host)) {
                gint64 due = UK_NEVER;

                pthread_mutex_lock(&pool->lock);
                guint seen = pool->added;
                pthread_mutex_unlock(&pool->lock);
                if (!serve(pool, context, &due))
                        stay = wait_for_work(worker, seen, due);
        }
        uk_log_bind(NULL);
        return NULL;
}

/* The thread has all it needs before it is promised to anybody. Returns 0 or the system's error. */
static int
start_worker(Pool *pool)
{
        Worker *worker = g_new0(Worker, 1);
        int failed = 0;

        worker->pool = pool;
        if (!make_fds(worker))
                failed = errno;
        else
                failed = pthread_create(&worker->thread, NULL, work, worker);
        if (failed != 0) {
                worker_free(worker);
                return failed;
        }
        pthread_setname_np(worker->thread, "pool");
        g_ptr_array_add(pool->workers, worker);
        return 0;
}

/* Threads that have ended are collected by the next one who needs a thread; the lock is held. */
static void
collect(Pool *pool)
{
        for (guint i = pool->workers->len; i-- > 0;) {
                Worker *worker = g_ptr_array_index(pool->workers, i);

                if (!worker->ended)
                        continue;
                pthread_join(worker->thread, NULL);
                g_ptr_array_remove_index(pool->workers, i);
        }
}

/* Sees to it that somebody takes the key that was added; the lock is held. */
static bool
call_worker(Pool *pool, GError **error)
{
        HostComponent *owner = pool->owner;

        if (!owner->host->threaded || host_stopping(owner->host))
                return true;
        pool->added++;
        Worker *idle = g_queue_pop_head(&pool->idle);
        if (idle != NULL) {
                idle->called = true;
                eventfd_write(idle->wake_fd, 1);
                return true;
        }
        collect(pool);
        if (pool->workers->len >=
            (guint)settings_int(owner->host->settings, pool->row->size_setting))
                return true;
        int failed = start_worker(pool);
        if (failed == 0)
                return true;
        /* Those that run will come to it. */
        if (pool->workers->len > 0)
                return true;
        return uk_fail_errno(error, failed, "starting a thread for %s", pool->row->name);
}

static Pool *
find(Component *c, const char *name)
{
        HostComponent *component = component_of(c);

        for (guint i = 0; i < component->pools->len; i++) {
                Pool *pool = g_ptr_array_index(component->pools, i);

                if (strcmp(pool->row->name, name) == 0)
                        return pool;
        }
        g_error("%s has no pool \"%s\"", c->def->name, name);
}

bool
pool_add(Component *c, const char *name, const char *key, GError **error)
{
        Pool *pool = find(c, name);

        pthread_mutex_lock(&pool->lock);
        Entry *entry = g_hash_table_lookup(pool->entries, key);
        bool is_new = entry == NULL;
        if (is_new) {
                entry = g_new0(Entry, 1);
                entry->key = g_strdup(key);
                g_hash_table_insert(pool->entries, entry->key, entry);
                g_queue_push_tail(&pool->waiting, entry);
        } else if (entry->running) {
                entry->again = true;
        } else {
                entry->due_us = 0; /* a new reason to try is not kept waiting */
        }
        bool ok = call_worker(pool, error);
        if (!ok && is_new) {
                g_queue_remove(&pool->waiting, entry);
                g_hash_table_remove(pool->entries, key);
        }
        pthread_mutex_unlock(&pool->lock);
        return ok;
}

void
pool_count(Component *c, const char *name, guint *running_out, guint *waiting_out)
{
        Pool *pool = find(c, name);

        pthread_mutex_lock(&pool->lock);
        *running_out = pool->running;
        *waiting_out = pool->waiting.length;
        pthread_mutex_unlock(&pool->lock);
}

bool
pool_step(Pool *pool)
{
        gint64 due = UK_NEVER;

        return serve(pool, pool->context, &due);
}

void
pool_join(Pool *pool)
{
        pthread_mutex_lock(&pool->lock);
        g_autoptr(GPtrArray) workers = g_steal_pointer(&pool->workers);
        pool->workers = g_ptr_array_new_with_free_func(worker_free);
        pthread_mutex_unlock(&pool->lock);
        for (guint i = 0; i < workers->len; i++)
                pthread_join(((Worker *)g_ptr_array_index(workers, i))->thread, NULL);
}
