/* bench_update_ours.c - our side of bench_update.py: an update of one content item, from deltas
 * that are not made yet to files that are proved.
 *
 *   bench_update_ours OLD NEW DIR
 *
 * Without the clock: the old tree goes into two libraries below DIR (site, dp), the new one into
 * the site's. With it: the receiver's plan, by two threads each delta made at the site, moved (put
 * into the receiver's folder of deltas), applied and proved; then all is published. Prints "bytes
 * <n>" (definition, signatures, deltas), "seconds <to the last proof>", "durable <to the last
 * sync>", "cpu <seconds>" and "ways <frame> <delta> <chunks> <whole>".
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/io.h"
#include "bench.h"
#include "content/bundle.h"
#include "content/deltastore.h"
#include "content/plan.h"
#include "content/snapshot.h"

#define THREADS 2

typedef struct {
        Library *site, *dp;
        const ContentTree *old_tree, *dp_old_tree, *tree;
        Plan *plan;
        GPtrArray *order; /* PlanFile, the largest first; NULL for the frame */
        atomic_uint next, ways[4];
        atomic_llong bytes;
} Update;

static Library *
open_library(const char *dir, const char *name)
{
        g_autofree char *path = g_build_filename(dir, name, NULL);
        g_autoptr(GError) error = NULL;
        Library *library = library_open(path, true, &error);

        bench_must(library != NULL, error);
        return library;
}

static Snapshot *
take(Library *library, const char *source, const char *content_id)
{
        g_autoptr(GError) error = NULL;
        Snapshot *snapshot = snapshot_take(library, source, content_id, NULL, NULL, NULL, &error);

        bench_must(snapshot != NULL, error);
        bench_must(library_add_content(library, snapshot->tree, snapshot->signatures, &error),
                   error);
        bench_must(library_keep_content(library, content_id, &error), error);
        return snapshot;
}

static bool
on_fetch(gpointer user, gint64 offset, void *data, gsize size, GError **error)
{
        return pread(*(int *)user, data, size, offset) == (gssize)size ||
               uk_fail(error, UK_ERROR_IO, "reading");
}

/* Moves the open delta to the receiver and opens it there; -1 when there is none. */
static int
move(Update *u, int delta, const guint8 *new_hash, const guint8 *old_hash)
{
        g_autofree char *name = deltastore_name(new_hash, old_hash);
        g_autoptr(GError) error = NULL;
        gint64 size;

        if (delta < 0)
                return -1;
        bench_must(deltastore_put(u->dp, name, delta, &error), error);
        delta = deltastore_open_named(u->dp, name, &size, &error);
        bench_must(delta >= 0, error);
        atomic_fetch_add(&u->bytes, size);
        return delta;
}

static void update_file(Update *u, PlanFile *file);

/* The small files; where there is no frame, one by one. */
static void
update_frame(Update *u)
{
        g_autoptr(GError) error = NULL;
        gint64 size;
        UK_AUTOFD made = deltastore_open_frame(u->site, u->tree, u->old_tree, &size, NULL);
        UK_AUTOFD frame = move(u, made, tree_hash(u->tree), tree_hash(u->old_tree));

        if (frame >= 0) {
                bench_must(deltastore_apply_frame(u->dp, u->tree, u->dp_old_tree, frame, &error),
                           error);
                atomic_fetch_add(&u->ways[PLAN_FRAME], 1);
                return;
        }
        for (guint i = 0; i < u->plan->files->len; i++) {
                PlanFile *file = u->plan->files->pdata[i];

                if (file->way == PLAN_FRAME && plan_next_way(file, "there is no frame"))
                        update_file(u, file);
        }
}

/* By the file's delta; false when there is none. */
static bool
update_by_delta(Update *u, PlanFile *file, LibraryFile *out)
{
        g_autoptr(GError) error = NULL;
        gint64 size;
        UK_AUTOFD made = deltastore_open(u->site, file->hash, file->old_hash, &size, &error);
        UK_AUTOFD delta = move(u, made, file->hash, file->old_hash);

        if (delta < 0)
                return false;
        bench_must(plan_apply_delta(u->dp, file, delta, out, &error), error);
        return true;
}

static void
update_file(Update *u, PlanFile *file)
{
        g_autoptr(GError) error = NULL;
        g_autoptr(LibraryFile) out =
                library_file_begin(u->dp, file->hash, file->size, "B.2", &error);

        bench_must(out != NULL, error);
        if (file->way == PLAN_DELTA && !update_by_delta(u, file, out))
                plan_next_way(file, "there is no delta");
        if (file->way == PLAN_CHUNKS || file->way == PLAN_WHOLE) {
                gint64 size;
                UK_AUTOFD fd = library_open_file(u->site, file->hash, &size, &error);

                bench_must(plan_assemble(u->dp, file, out, on_fetch, &fd, &error), error);
                atomic_fetch_add(&u->bytes, file->cost);
        }
        bench_must(library_file_end(out, &error), error);
        atomic_fetch_add(&u->ways[file->way], 1);
}

static void *
work(void *data)
{
        Update *u = data;
        guint n;

        while ((n = atomic_fetch_add(&u->next, 1)) < u->order->len) {
                if (u->order->pdata[n] == NULL)
                        update_frame(u);
                else
                        update_file(u, u->order->pdata[n]);
        }
        return NULL;
}

static int
by_size(gconstpointer a, gconstpointer b)
{
        const PlanFile *x = *(PlanFile *const *)a, *y = *(PlanFile *const *)b;

        return x->size < y->size ? 1 : x->size > y->size ? -1 : 0;
}

static void
update(Update *u, GBytes *signatures)
{
        g_autoptr(GError) error = NULL;
        pthread_t threads[THREADS];

        u->plan = plan_make(u->dp, u->tree, signatures, u->dp_old_tree, &error);
        bench_must(u->plan != NULL, error);
        u->order = g_ptr_array_new();
        for (guint i = 0; i < u->plan->files->len; i++) {
                PlanFile *file = u->plan->files->pdata[i];

                if (file->way != PLAN_FRAME)
                        g_ptr_array_add(u->order, file);
        }
        g_ptr_array_sort(u->order, by_size);
        if (u->plan->has_frame)
                g_ptr_array_insert(u->order, MIN(1, (int)u->order->len), NULL);
        for (int i = 0; i < THREADS; i++)
                pthread_create(&threads[i], NULL, work, u);
        for (int i = 0; i < THREADS; i++)
                pthread_join(threads[i], NULL);
}

static gsize
definition_size(const Snapshot *snapshot)
{
        g_autoptr(GError) error = NULL;
        g_autoptr(Bundle) bundle = bundle_new("B", 2);
        g_autoptr(GBytes) tree = tree_write(snapshot->tree);
        g_autoptr(GBytes) bytes = NULL;

        g_ptr_array_add(bundle->trees,
                        tree_read(g_bytes_get_data(tree, NULL), g_bytes_get_size(tree), &error));
        bytes = bundle_write(bundle, &error);
        bench_must(bytes != NULL, error);
        return g_bytes_get_size(bytes);
}

int
main(int argc, char **argv)
{
        g_autoptr(GError) error = NULL;
        Update u = { 0 };

        if (argc != 4)
                bench_fail("usage: bench_update_ours OLD NEW DIR");
        bench_must(crypto_global_init(&error), error);
        u.site = open_library(argv[3], "site");
        u.dp = open_library(argv[3], "dp");
        g_autoptr(Snapshot) old = take(u.site, argv[1], "B.1");
        g_autoptr(Snapshot) dp_old = take(u.dp, argv[1], "B.1");
        g_autoptr(Snapshot) new = take(u.site, argv[2], "B.2");
        sync();
        u.old_tree = old->tree;
        u.dp_old_tree = dp_old->tree;
        u.tree = new->tree;
        u.bytes = (gint64)(definition_size(new) + g_bytes_get_size(new->signatures));

        double cpu = bench_cpu();
        gint64 start = uk_clock_mono();
        update(&u, new->signatures);
        gint64 proved = uk_clock_mono();
        bench_must(library_publish(u.dp, NULL, &error), error);
        bench_must(library_add_content(u.dp, u.tree, new->signatures, &error), error);
        printf("bytes %lld\nseconds %.3f\ndurable %.3f\ncpu %.3f\nways %u %u %u %u\n",
               (long long)u.bytes, (double)(proved - start) / UK_SECOND,
               (double)(uk_clock_mono() - start) / UK_SECOND, bench_cpu() - cpu, u.ways[0],
               u.ways[1], u.ways[2], u.ways[3]);
        g_ptr_array_unref(u.order);
        plan_free(u.plan);
        library_free(u.dp);
        library_free(u.site);
        return 0;
}
