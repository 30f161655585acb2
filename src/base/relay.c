/* relay.c - hands work to one thread of its own. */
#include "base/relay.h"

#include <pthread.h>

#include "base/log.h"

struct UkRelay {
        UkRelayFn fn;
        GDestroyNotify item_free;
        gpointer user;
        guint depth;
        UkLog *log;
        char *trace;
        pthread_t thread;
        pthread_mutex_t lock; /* guards all below */
        pthread_cond_t moved; /* an item came, or was taken, or none comes any more */
        GQueue waiting;
        bool ended;      /* nothing more comes */
        bool failed;     /* what comes is freed untaken */
        GError *failure; /* until it is told */
};

/* The next item, or NULL at the end. */
static gpointer
next_item(UkRelay *relay)
{
        gpointer item;

        pthread_mutex_lock(&relay->lock);
        while (g_queue_is_empty(&relay->waiting) && !relay->ended)
                pthread_cond_wait(&relay->moved, &relay->lock);
        item = g_queue_pop_head(&relay->waiting);
        pthread_cond_broadcast(&relay->moved);
        pthread_mutex_unlock(&relay->lock);
        return item;
}

static void
note_failure(UkRelay *relay, GError *failure_take)
{
        pthread_mutex_lock(&relay->lock);
        relay->failed = true;
        relay->failure = failure_take;
        pthread_cond_broadcast(&relay->moved);
        pthread_mutex_unlock(&relay->lock);
}

static bool
has_failed(UkRelay *relay)
{
        pthread_mutex_lock(&relay->lock);
        bool failed = relay->failed;
        pthread_mutex_unlock(&relay->lock);
        return failed;
}

static void *
take_items(void *data)
{
        UkRelay *relay = data;
        gpointer item;

        uk_log_bind(relay->log);
        uk_trace_set(relay->trace);
        while ((item = next_item(relay)) != NULL) {
                GError *failure = NULL;

                if (!has_failed(relay) && !relay->fn(relay->user, item, &failure))
                        note_failure(relay, failure);
                relay->item_free(item);
        }
        uk_log_bind(NULL);
        return NULL;
}

/* All but the thread. */
static void
release(UkRelay *relay)
{
        pthread_cond_destroy(&relay->moved);
        pthread_mutex_destroy(&relay->lock);
        g_clear_error(&relay->failure);
        g_free(relay->trace);
        g_free(relay);
}

UkRelay *
uk_relay_new(guint depth, UkRelayFn fn, GDestroyNotify item_free, gpointer user, GError **error)
{
        UkRelay *relay = g_new0(UkRelay, 1);

        *relay = (UkRelay){ .fn = fn,
                            .item_free = item_free,
                            .user = user,
                            .depth = depth,
                            .log = uk_log_bound(),
                            .trace = g_strdup(uk_trace_get()) };
        g_queue_init(&relay->waiting);
        pthread_mutex_init(&relay->lock, NULL);
        pthread_cond_init(&relay->moved, NULL);
        int failure = pthread_create(&relay->thread, NULL, take_items, relay);
        if (failure == 0)
                return relay;
        release(relay);
        uk_fail_errno(error, failure, "starting a thread");
        return NULL;
}

/* Called with the lock held. */
static bool
tell_failure(UkRelay *relay, GError **error)
{
        if (!relay->failed)
                return true;
        if (relay->failure != NULL)
                g_propagate_error(error, g_steal_pointer(&relay->failure));
        else
                uk_fail(error, UK_ERROR_CANCELLED, "what came before failed");
        return false;
}

bool
uk_relay_give(UkRelay *relay, gpointer item_take, GError **error)
{
        pthread_mutex_lock(&relay->lock);
        while (!relay->failed && g_queue_get_length(&relay->waiting) >= relay->depth)
                pthread_cond_wait(&relay->moved, &relay->lock);
        bool good = tell_failure(relay, error);
        if (good)
                g_queue_push_tail(&relay->waiting, item_take);
        pthread_cond_broadcast(&relay->moved);
        pthread_mutex_unlock(&relay->lock);
        if (!good)
                relay->item_free(item_take);
        return good;
}

static void
stop(UkRelay *relay, bool untaken)
{
        pthread_mutex_lock(&relay->lock);
        relay->ended = true;
        relay->failed |= untaken;
        pthread_cond_broadcast(&relay->moved);
        pthread_mutex_unlock(&relay->lock);
        pthread_join(relay->thread, NULL);
}

bool
uk_relay_end(UkRelay *relay_take, GError **error)
{
        stop(relay_take, false);
        bool good = tell_failure(relay_take, error);
        release(relay_take);
        return good;
}

void
uk_relay_drop(UkRelay *relay_take)
{
        if (relay_take == NULL)
                return;
        stop(relay_take, true);
        release(relay_take);
}
