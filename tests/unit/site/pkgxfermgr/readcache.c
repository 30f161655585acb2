/* Tests of src/site/pkgxfermgr/readcache.c: several threads read one thing once. */
#include "site/pkgxfermgr/readcache.h"

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#define THREADS 8
#define SIZE    1000

/* What is read: each byte tells its piece. */
typedef struct {
        ReadCache *cache;
        atomic_int reads;
        bool fails;
        pthread_barrier_t together;
} World;

static bool
read_it(gpointer user, const ReadPiece *piece, guint8 *data, GError **error)
{
        World *w = user;

        atomic_fetch_add(&w->reads, 1);
        if (w->fails)
                return uk_fail(error, UK_ERROR_IO, "the disk is broken");
        memset(data, (int)piece->position, piece->size);
        return true;
}

static bool
get(World *w, gint64 position, guint others)
{
        ReadPiece piece = { .hash = { 1 }, .position = position, .size = SIZE };
        g_autoptr(GError) error = NULL;
        g_autoptr(GBytes) bytes = readcache_get(w->cache, &piece, others, read_it, w, &error);
        gsize size;

        if (bytes == NULL) {
                g_assert_error(error, UK_ERROR, UK_ERROR_IO);
                return false;
        }
        const guint8 *data = g_bytes_get_data(bytes, &size);
        g_assert_cmpuint(size, ==, SIZE);
        for (gsize i = 0; i < size; i++)
                g_assert_cmpint(data[i], ==, (guint8)position);
        return true;
}

static void *
want_all(void *data)
{
        World *w = data;

        pthread_barrier_wait(&w->together);
        for (gint64 position = 0; position < 200; position++)
                g_assert_true(get(w, position, THREADS - 1));
        return NULL;
}

static World *
world(gsize max_bytes)
{
        World *w = g_new0(World, 1);

        w->cache = readcache_new(max_bytes);
        pthread_barrier_init(&w->together, NULL, THREADS);
        return w;
}

static void
world_free(World *w)
{
        readcache_free(w->cache);
        pthread_barrier_destroy(&w->together);
        g_free(w);
}

/* "to ten DPs the source reads … each file once" */
static void
once(void)
{
        World *w = world(200 * SIZE);
        pthread_t threads[THREADS];

        for (int i = 0; i < THREADS; i++)
                g_assert_cmpint(pthread_create(&threads[i], NULL, want_all, w), ==, 0);
        for (int i = 0; i < THREADS; i++)
                pthread_join(threads[i], NULL);
        g_assert_cmpint(w->reads, ==, 200);
        /* All have had it: nothing is kept. */
        g_assert_true(get(w, 7, THREADS - 1));
        g_assert_cmpint(w->reads, ==, 201);
        world_free(w);
}

static void
alone(void)
{
        World *w = world(10 * SIZE);

        g_assert_true(get(w, 1, 0));
        g_assert_true(get(w, 1, 0));
        g_assert_cmpint(w->reads, ==, 2);
        world_free(w);
}

/* The oldest goes for the newest; what is cleared is read again. */
static void
limit(void)
{
        World *w = world(3 * SIZE);

        for (gint64 position = 0; position < 4; position++)
                g_assert_true(get(w, position, 9));
        for (gint64 position = 3; position > 0; position--)
                g_assert_true(get(w, position, 9));
        g_assert_cmpint(w->reads, ==, 4);
        g_assert_true(get(w, 0, 9));
        g_assert_cmpint(w->reads, ==, 5);
        readcache_clear(w->cache);
        g_assert_true(get(w, 3, 9));
        g_assert_cmpint(w->reads, ==, 6);
        world_free(w);
}

/* One that cannot be read is nobody else's failure. */
static void
failure(void)
{
        World *w = world(10 * SIZE);

        w->fails = true;
        g_assert_false(get(w, 1, 2));
        g_assert_false(get(w, 1, 2));
        w->fails = false;
        g_assert_true(get(w, 1, 2));
        g_assert_true(get(w, 1, 2));
        g_assert_cmpint(w->reads, ==, 3);
        world_free(w);
}

int
main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/site/pkgxfermgr/readcache/once", once);
        g_test_add_func("/site/pkgxfermgr/readcache/alone", alone);
        g_test_add_func("/site/pkgxfermgr/readcache/limit", limit);
        g_test_add_func("/site/pkgxfermgr/readcache/failure", failure);
        return g_test_run();
}
