/* Tests of src/base/relay.c: what is given is taken in order by another thread, a failure is told
 * once and nothing is taken after it, and every item is freed whatever happens. */
#include "base/relay.h"

#include <pthread.h>
#include <stdatomic.h>

#include "base/log.h"

#define MANY 1000

static atomic_int alive; /* items that were made and not freed */

typedef struct {
        GArray *taken;
        int fail_at; /* 0: never */
        pthread_t thread;
        char *trace;
        pthread_mutex_t gate; /* held: nothing is taken */
} Taker;

static gpointer
item_new(int number)
{
        int *item = g_new(int, 1);

        *item = number;
        atomic_fetch_add(&alive, 1);
        return item;
}

static void
item_free(gpointer item)
{
        g_free(item);
        atomic_fetch_sub(&alive, 1);
}

static bool
take(gpointer user, gpointer item, GError **error)
{
        Taker *taker = user;
        int number = *(int *)item;

        pthread_mutex_lock(&taker->gate);
        g_array_append_val(taker->taken, number);
        taker->thread = pthread_self();
        g_free(taker->trace);
        taker->trace = g_strdup(uk_trace_get());
        pthread_mutex_unlock(&taker->gate);
        return number != taker->fail_at || uk_fail(error, UK_ERROR_IO, "item %d", number);
}

static void
taker_init(Taker *taker, int fail_at)
{
        *taker = (Taker){ .taken = g_array_new(FALSE, FALSE, sizeof(int)), .fail_at = fail_at };
        pthread_mutex_init(&taker->gate, NULL);
}

static void
taker_clear(Taker *taker)
{
        g_array_unref(taker->taken);
        g_free(taker->trace);
        pthread_mutex_destroy(&taker->gate);
        g_assert_cmpint(atomic_load(&alive), ==, 0);
}

static void
in_order(void)
{
        static const char trace[] = "0123456789abcdef0123456789abcdef";
        Taker taker;
        g_autoptr(GError) error = NULL;

        taker_init(&taker, 0);
        uk_trace_set(trace);
        UkRelay *relay = uk_relay_new(3, take, item_free, &taker, &error);
        g_assert_no_error(error);
        for (int i = 1; i <= MANY; i++)
                g_assert_true(uk_relay_give(relay, item_new(i), &error));
        g_assert_true(uk_relay_end(relay, &error));
        uk_trace_set("");
        g_assert_cmpuint(taker.taken->len, ==, MANY);
        for (int i = 1; i <= MANY; i++)
                g_assert_cmpint(g_array_index(taker.taken, int, i - 1), ==, i);
        g_assert_false(pthread_equal(taker.thread, pthread_self()));
        g_assert_cmpstr(taker.trace, ==, trace);
        taker_clear(&taker);
}

static void
a_failure_is_told_once(void)
{
        Taker taker;
        g_autoptr(GError) error = NULL, second = NULL;
        int given = 0;

        taker_init(&taker, 7);
        UkRelay *relay = uk_relay_new(2, take, item_free, &taker, &error);
        g_assert_no_error(error);
        while (uk_relay_give(relay, item_new(++given), &error))
                g_assert_cmpint(given, <, 12); /* those that wait, the one in hand, this one */
        g_assert_error(error, UK_ERROR, UK_ERROR_IO);
        g_assert_cmpstr(error->message, ==, "item 7");
        g_assert_false(uk_relay_end(relay, &second));
        g_assert_error(second, UK_ERROR, UK_ERROR_CANCELLED);
        g_assert_cmpuint(taker.taken->len, ==, 7);
        taker_clear(&taker);
}

static void
a_late_failure_is_told_at_the_end(void)
{
        Taker taker;
        g_autoptr(GError) error = NULL;

        taker_init(&taker, 1);
        pthread_mutex_lock(&taker.gate);
        UkRelay *relay = uk_relay_new(2, take, item_free, &taker, &error);
        g_assert_no_error(error);
        g_assert_true(uk_relay_give(relay, item_new(1), &error));
        g_assert_true(uk_relay_give(relay, item_new(2), &error));
        pthread_mutex_unlock(&taker.gate);
        g_assert_false(uk_relay_end(relay, &error));
        g_assert_cmpstr(error->message, ==, "item 1");
        g_assert_cmpuint(taker.taken->len, ==, 1);
        taker_clear(&taker);
}

static void
what_is_dropped_is_not_taken(void)
{
        Taker taker;
        g_autoptr(GError) error = NULL;

        taker_init(&taker, 0);
        pthread_mutex_lock(&taker.gate);
        UkRelay *relay = uk_relay_new(10, take, item_free, &taker, &error);
        g_assert_no_error(error);
        for (int i = 1; i <= 5; i++)
                g_assert_true(uk_relay_give(relay, item_new(i), &error));
        pthread_mutex_unlock(&taker.gate);
        uk_relay_drop(relay);
        g_assert_cmpuint(taker.taken->len, <=, 5);
        uk_relay_drop(NULL);
        taker_clear(&taker);
}

int
main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/base/relay/in-order", in_order);
        g_test_add_func("/base/relay/a-failure-is-told-once", a_failure_is_told_once);
        g_test_add_func("/base/relay/a-late-failure-is-told-at-the-end",
                        a_late_failure_is_told_at_the_end);
        g_test_add_func("/base/relay/what-is-dropped-is-not-taken", what_is_dropped_is_not_taken);
        return g_test_run();
}
