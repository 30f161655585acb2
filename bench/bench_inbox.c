/* bench_inbox.c - files dropped and handled per second through the host, beside a bare loop of
 * write, fsync and rename.
 *
 *     bench_inbox [FILES]
 *
 * One thread drops, as another program would; the lane of a component takes each file and removes
 * it. The batch line is the way of StateSys: drops without a sync, handled many at a time.
 */
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/io.h"
#include "bench.h"
#include "host/host.h"
#include "inbox/drop.h"

#define ROUNDS    5
#define BODY_SIZE 200

static atomic_uint handled;

static bool
on_file(Component *c, const InboxFile *file, GError **error)
{
        atomic_fetch_add(&handled, 1);
        return true;
}

static bool
on_batch(Component *c, BatchItem *items, guint count, GError **error)
{
        for (guint i = 0; i < count; i++)
                items[i].verdict = BATCH_DONE;
        atomic_fetch_add(&handled, count);
        return true;
}

static const ComponentDef bench = {
        .name = "BENCH",
        .log = "Bench.log",
        .log_form = UK_LOG_SERVER,
        .boxes = { { "one", "one.box", ".ONE", on_file },
                   { "many", "many.box", ".SMX", .on_batch = on_batch } },
};
static const ComponentDef *const components[] = { &bench, NULL };
static const HostRole role = { .role = "bench", .components = components };

/* Files per second. */
static double
rate(guint files, gint64 began)
{
        return files / ((double)(uk_clock_mono() - began) / UK_SECOND);
}

static double
bare_loop(const char *dir, guint files, bool synced)
{
        char body[BODY_SIZE] = { 0 };
        gint64 began = uk_clock_mono();
        g_autoptr(GError) error = NULL;

        for (guint i = 0; i < files; i++) {
                g_autofree char *temporary = g_strdup_printf("%s/.%u.tmp", dir, i);
                g_autofree char *path = g_strdup_printf("%s/%u.ONE", dir, i);
                UK_AUTOFD fd = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0640);

                bench_must(fd >= 0 && uk_io_write(fd, body, sizeof body, path, &error), error);
                if (synced)
                        bench_must(uk_io_sync(fd, false, path, &error), error);
                bench_must(rename(temporary, path) == 0, NULL);
        }
        return rate(files, began);
}

static double
through_host(Host *host, const char *box, const char *kind, guint files, bool synced)
{
        g_autofree char *path = host_box_path(host, box);
        char body[BODY_SIZE] = { 0 };
        gint64 began = uk_clock_mono();
        g_autoptr(GError) error = NULL;

        atomic_store(&handled, 0);
        for (guint i = 0; i < files; i++) {
                g_autofree char *name = g_strdup_printf("%u%s", i, kind);

                bench_must(synced ? inbox_drop(path, name, body, sizeof body, &error)
                                  : inbox_drop_unsynced(path, name, body, sizeof body, &error),
                           error);
        }
        while (atomic_load(&handled) < files)
                uk_clock_sleep(UK_SECOND / 5000, -1);
        return rate(files, began);
}

int
main(int argc, char **argv)
{
        guint files = argc > 1 ? (guint)atoi(argv[1]) : 2000;
        char *root = bench_folder();
        g_autoptr(GError) error = NULL;
        double bare[ROUNDS], host_rate[ROUNDS], bare_batch[ROUNDS], batch[ROUNDS];
        Host *host = host_new(&role, root, &error);

        bench_must(host != NULL && host_start(host, &error), error);
        for (guint i = 0; i < ROUNDS; i++) {
                g_autofree char *dir = g_strdup_printf("%s/bare%u", root, i);
                g_autofree char *unsynced = g_strdup_printf("%s/unsynced%u", root, i);

                bench_must(uk_io_mkdirs(dir, 0750, &error), error);
                bench_must(uk_io_mkdirs(unsynced, 0750, &error), error);
                bare[i] = bare_loop(dir, files, true);
                host_rate[i] = through_host(host, "one.box", ".ONE", files, true);
                bare_batch[i] = bare_loop(unsynced, files * 10, false);
                batch[i] = through_host(host, "many.box", ".SMX", files * 10, false);
        }
        printf("Inbox: %u files of %d bytes, median of %d\n", files, BODY_SIZE, ROUNDS);
        bench_print("  dropped, synced, handled one by one", bench_median(host_rate, ROUNDS),
                    "files/s", bench_median(bare, ROUNDS));
        bench_print("  dropped unsynced, handled in batches", bench_median(batch, ROUNDS),
                    "files/s", bench_median(bare_batch, ROUNDS));
        host_free(host);
        bench_folder_remove(root);
        return 0;
}
