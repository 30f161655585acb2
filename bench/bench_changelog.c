/* bench_changelog.c - the time from a row committed in one program to the handler of the change log
 * called in another, with the row in its hands, and on to the handler of the file that smsdbmon
 * makes of it; beside the bare wake-up by inotify.
 *
 *     bench_changelog [ROWS]
 */
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/io.h"
#include "bench.h"
#include "bench_changelog.sql.h"
#include "db/changelog.h"
#include "host/host.h"
#include "site/smsdbmon/smsdbmon.h"
#include "sitedb/schema.h"

#define MAX_ROWS 20000
/* Rows come one at a time, when the last has been handled and the system is quiet again: behind a
 * commit the lanes that follow it rest for ten milliseconds, and what comes then waits for the end
 * of that. */
#define PAUSE_US 20000

/* Between the two programs: when each row was committed, seen, and its file handled. */
typedef struct {
        _Atomic gint64 committed[MAX_ROWS], seen[MAX_ROWS], handled[MAX_ROWS];
        atomic_int ready;
} Shared;
static Shared *shared;

static bool
on_commit(Component *c, GError **error)
{
        g_autoptr(GPtrArray) entries = changelog_read(c->db, "bench", 100, error);
        gint64 now = uk_clock_mono();
        gint64 last = 0;

        if (entries == NULL)
                return false;
        for (guint i = 0; i < entries->len; i++) {
                const ChangelogEntry *entry = g_ptr_array_index(entries, i);

                atomic_store(&shared->seen[atoi(entry->value)], now);
                last = entry->seq;
        }
        if (entries->len == 0)
                return true;
        g_autoptr(DbTx) tx = db_begin(c->db, error);
        return tx != NULL && changelog_advance(tx, "bench", last, error) &&
               db_commit(g_steal_pointer(&tx), error);
}

static bool
start(Component *c, GError **error)
{
        g_autoptr(DbTx) tx = db_begin(c->db, error);

        return tx != NULL && changelog_register(tx, "bench", error) &&
               db_commit(g_steal_pointer(&tx), error);
}

static bool
on_file(Component *c, const InboxFile *file, GError **error)
{
        atomic_store(&shared->handled[atoi(file->stem)], uk_clock_mono());
        return true;
}

static const ComponentDef follower = { .name = "FOLLOWER",
                                       .log = "Follower.log",
                                       .log_form = UK_LOG_SERVER,
                                       .on_commit = on_commit,
                                       .start = start };
static const ComponentDef reader = { .name = "READER",
                                     .log = "Reader.log",
                                     .log_form = UK_LOG_SERVER,
                                     .boxes = { { "main", "distmgr.box", ".PKN", on_file } } };
static const ComponentDef *const only_follower[] = { &follower, NULL };
static const ComponentDef *const with_files[] = { &smsdbmon, &reader, NULL };
#define ROLE(components_)                                                                    \
        {                                                                                    \
                .role = "site", .components = components_, .database = "site.db",            \
                .migrations = sitedb_migrations, .migration_count = SITEDB_MIGRATIONS_COUNT, \
                .migrates = true                                                             \
        }
static const HostRole roles[] = { ROLE(only_follower), ROLE(with_files) };

/* The other program. */
static void
serve(const HostRole *role, const char *root)
{
        g_autoptr(GError) error = NULL;
        Host *host = host_new(role, root, &error);

        bench_must(host != NULL && host_start(host, &error), error);
        atomic_store(&shared->ready, 1);
        for (;;)
                pause();
}

static void
wait_for(_Atomic gint64 *time)
{
        while (atomic_load(time) == 0)
                uk_clock_sleep(UK_SECOND / 20000, -1);
}

static void
commit_rows(Db *db, int rows, _Atomic gint64 *answers)
{
        g_autoptr(GError) error = NULL;

        for (int n = 0; n < rows; n++) {
                g_autofree char *text = g_strdup_printf("%d", n);
                g_autoptr(DbTx) tx = db_begin(db, &error);

                bench_must(tx != NULL && db_run(tx, &sql_bench_changelog_insert,
                                                DB_ARGS(DB_TEXT("n", text)), &error),
                           error);
                bench_must(db_commit(g_steal_pointer(&tx), &error), error);
                atomic_store(&shared->committed[n], uk_clock_mono());
                wait_for(&answers[n]);
                uk_clock_sleep(PAUSE_US, -1);
        }
}

/* Microseconds from each commit to its answer; the caller's. An answer may come while db_commit
 * still rings the bell: that counts as none. */
static double *
latencies(int rows, _Atomic gint64 *answers)
{
        double *values = g_new(double, rows);

        for (int n = 0; n < rows; n++)
                values[n] = MAX((double)(answers[n] - shared->committed[n]), 0);
        return values;
}

static double *
measure(const HostRole *role, int rows, _Atomic gint64 *answers)
{
        char *root = bench_folder();
        g_autofree char *path = g_build_filename(root, "site.db", NULL);
        g_autoptr(GError) error = NULL;

        memset(shared, 0, sizeof *shared);
        pid_t other = fork();
        if (other == 0)
                serve(role, root);
        while (atomic_load(&shared->ready) == 0)
                uk_clock_sleep(UK_SECOND / 100, -1);
        g_autoptr(Db) db = db_open(path, false, 10000, &error);
        bench_must(db != NULL, error);
        commit_rows(db, rows, answers);
        kill(other, SIGKILL);
        waitpid(other, NULL, 0);
        bench_folder_remove(root);
        return latencies(rows, answers);
}

/* The least that a wake-up between programs by a file costs. */
static void
answer_touches(const char *path, int rows)
{
        int fd = inotify_init1(IN_CLOEXEC);
        char buffer[4096];

        inotify_add_watch(fd, path, IN_ATTRIB);
        atomic_store(&shared->ready, 1);
        for (int n = 0; n < rows && read(fd, buffer, sizeof buffer) > 0; n++)
                atomic_store(&shared->seen[n], uk_clock_mono());
        _exit(0);
}

static double *
measure_bare(int rows)
{
        char *root = bench_folder();
        g_autofree char *path = g_build_filename(root, "bell", NULL);

        memset(shared, 0, sizeof *shared);
        close(open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0640));
        pid_t other = fork();
        if (other == 0)
                answer_touches(path, rows);
        while (atomic_load(&shared->ready) == 0)
                uk_clock_sleep(UK_SECOND / 100, -1);
        for (int n = 0; n < rows; n++) {
                atomic_store(&shared->committed[n], uk_clock_mono());
                utimensat(AT_FDCWD, path, NULL, 0);
                wait_for(&shared->seen[n]);
                uk_clock_sleep(PAUSE_US, -1);
        }
        waitpid(other, NULL, 0);
        bench_folder_remove(root);
        return latencies(rows, shared->seen);
}

int
main(int argc, char **argv)
{
        int rows = MIN(argc > 1 ? atoi(argv[1]) : 1000, MAX_ROWS);

        shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
                      0);
        bench_must(shared != MAP_FAILED, NULL);
        g_autofree double *bare = measure_bare(rows);
        g_autofree double *log = measure(&roles[0], rows, shared->seen);
        g_autofree double *file = measure(&roles[1], rows, shared->handled);
        double limit = bench_median(bare, rows);
        double limit99 = bench_percentile(bare, rows, 0.99);

        printf("Change log: %d rows, one at a time, to another program; limit: a bare inotify "
               "wake-up\n",
               rows);
        bench_print("  commit to change-log handler, median", bench_median(log, rows), "us", limit);
        bench_print("  the same, 99th percentile", bench_percentile(log, rows, 0.99), "us",
                    limit99);
        bench_print("  commit to handler of the file, median", bench_median(file, rows), "us",
                    limit);
        bench_print("  the same, 99th percentile", bench_percentile(file, rows, 0.99), "us",
                    limit99);
        return 0;
}
