/* Tests of src/host/connections.c: how many connections to its database a role has, and whose they
 * are. They are counted from outside, by the descriptors that are open on the database. */
#include <dirent.h>
#include <locale.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/io.h"
#include "db/db_private.h"
#include "host/host_private.h"
#include "host/pool.h"
#include "unit/host/kit.h"

#define DATABASE "var/lib/upkeep/toy/toy.db"
#define WORKERS  4
#define LANES    4

static atomic_int running, done;
static atomic_int hold; /* workers wait while it is set */
static Db *_Atomic used[WORKERS];

static bool
look(Component *c, GError **error)
{
        static const DbSql sql = { "toy_count", "SELECT count(*) FROM Toy",
                                   "SELECT count(*) FROM Toy", "" };
        gint64 count;

        if (!db_int(c->db, &sql, DB_NO_ARGS, &count, NULL, error))
                return false;
        g_assert_cmpint(count, ==, 0);
        return true;
}

static bool
on_file(Component *c, const InboxFile *file, GError **error)
{
        if (!look(c, error))
                return false;
        atomic_fetch_add(&done, 1);
        return true;
}

static bool
work(Component *c, const char *key, GError **error)
{
        atomic_store(&used[key[0] - 'a'], c->db);
        atomic_fetch_add(&running, 1);
        while (atomic_load(&hold) && !host_stopping(c->host))
                uk_clock_sleep(UK_SECOND / 1000, host_stop_fd(c->host));
        bool ok = look(c, error);
        atomic_fetch_sub(&running, 1);
        atomic_fetch_add(&done, 1);
        return ok;
}

static const ComponentDef def = {
        .name = "SMS_TOY",
        .log = "Toy.log",
        .log_form = UK_LOG_SERVER,
        .boxes = { { "a", "toy.box/a", ".SYN", on_file, .bare_name = true },
                   { "b", "toy.box/b", ".SYN", on_file, .bare_name = true },
                   { "c", "toy.box/c", ".SYN", on_file, .bare_name = true },
                   { "d", "toy.box/d", ".SYN", on_file, .bare_name = true } },
        .pools = { { "keys", "toy.threads", work } },
};
static const ComponentDef *const components[] = { &def, NULL };
static const SettingDef settings[] = {
        { "toy.threads", SETTING_INT, G_STRINGIFY(WORKERS), 1, 8, "threads", "at once", "Workers" },
        { .name = NULL },
};
static const DbMigration migrations[] = {
        { 1, "0001_toy", "CREATE TABLE Toy (N INTEGER)", "CREATE TABLE Toy (N bigint)" },
};
static const HostRole role = { .role = "toy",
                               .components = components,
                               .settings = settings,
                               .database = DATABASE,
                               .migrations = migrations,
                               .migration_count = 1,
                               .migrates = true };

typedef struct {
        char *root, *path;
        Host *host;
        Component c;
} Fixture;

static void
set_up(Fixture *f, gconstpointer data)
{
        running = done = hold = 0;
        f->root = kit_root();
        f->path = g_build_filename(f->root, DATABASE, NULL);
        f->host = kit_host(&role, f->root);
        f->c = (Component){ .def = &def, .host = f->host };
}

static void
tear_down(Fixture *f, gconstpointer data)
{
        host_free(f->host);
        g_free(f->path);
        kit_end(f->root);
}

static int
connections(Fixture *f)
{
        g_autofree char *whole = realpath(f->path, NULL);
        DIR *fds = opendir("/proc/self/fd");
        int count = 0;

        g_assert_nonnull(fds);
        for (struct dirent *entry = readdir(fds); entry != NULL; entry = readdir(fds)) {
                char target[PATH_MAX];
                ssize_t length = readlinkat(dirfd(fds), entry->d_name, target, sizeof target);

                count += length > 0 && g_strcmp0(whole, (target[length] = '\0', target)) == 0;
        }
        closedir(fds);
        return count;
}

static void
put(Fixture *f, int lane)
{
        char box[] = { 't', 'o', 'y', '.', 'b', 'o', 'x', '/', (char)('a' + lane), '\0' };

        kit_put(f->host, box, "SELF.SYN", "", 0);
}

static void
put_in_each(Fixture *f)
{
        for (int lane = 0; lane < LANES; lane++)
                put(f, lane);
}

static void
add_keys(Fixture *f, int count)
{
        g_autoptr(GError) error = NULL;

        for (int i = 0; i < count; i++) {
                char key[] = { (char)('a' + i), '\0' };

                g_assert_true(pool_add(&f->c, "keys", key, &error));
        }
}

/* Four lanes and a pool that serve one after the other need one. */
static void
one_serves_all_in_turn(Fixture *f, gconstpointer data)
{
        put_in_each(f);
        add_keys(f, 2);
        g_assert_true(kit_run(f->host));
        g_assert_cmpint(done, ==, LANES + 2);
        g_assert_cmpint(connections(f), ==, 1);
}

/* Those that serve at the same time have one each; who comes afterwards has one of these. */
static void
as_many_as_at_one_time(Fixture *f, gconstpointer data)
{
        g_autoptr(GError) error = NULL;

        g_assert_true(host_start(f->host, &error));
        hold = 1;
        add_keys(f, WORKERS);
        kit_wait_for(&running, WORKERS);
        for (int i = 0; i < WORKERS; i++) {
                for (int other = 0; other < i; other++)
                        g_assert_true(used[i] != used[other]);
        }
        hold = 0;
        kit_wait_for(&done, WORKERS);
        for (int lane = 0; lane < LANES; lane++) {
                put(f, lane);
                kit_wait_for(&done, WORKERS + lane + 1);
        }
        g_assert_cmpint(connections(f), <, WORKERS + LANES);
}

/* A thread gets the connection again that has its statements, else the one that was used last. */
static void
the_one_it_had(Fixture *f, gconstpointer data)
{
        g_autoptr(GError) error = NULL;
        Db *first = connections_lend(f->host, NULL, &error);
        Db *second = connections_lend(f->host, first, &error);

        g_assert_nonnull(first);
        g_assert_nonnull(second);
        g_assert_true(first != second);
        connections_return(f->host, first);
        connections_return(f->host, second);
        g_assert_true(connections_lend(f->host, first, &error) == first);
        connections_return(f->host, first);
        g_assert_true(connections_lend(f->host, NULL, &error) == first);
        g_assert_true(connections_lend(f->host, first, &error) == second);
        connections_return(f->host, first);
        connections_return(f->host, second);
        g_assert_cmpint(connections(f), ==, 2);
}

static gint64
cache_of(Db *db)
{
        static const DbSql sql = { "cache_size", "PRAGMA cache_size", "", "" };
        g_autoptr(GError) error = NULL;
        gint64 size;

        g_assert_true(db_int(db, &sql, DB_NO_ARGS, &size, NULL, &error));
        return size;
}

/* A cache of its own, and writing past the writer, end when another thread gets the connection; the
 * one that had set them finds its pages, and says anew that it writes alone. */
static void
as_it_was_made(Fixture *f, gconstpointer data)
{
        g_autoptr(GError) error = NULL;
        Db *db = connections_lend(f->host, NULL, &error);
        gint64 usual = cache_of(db);

        db_set_cache(db, 32768);
        g_assert_true(db->alone);
        connections_return(f->host, db);
        g_assert_true(connections_lend(f->host, db, &error) == db);
        g_assert_cmpint(cache_of(db), ==, -32768);
        g_assert_false(db->alone);
        connections_return(f->host, db);
        g_assert_true(connections_lend(f->host, NULL, &error) == db);
        g_assert_cmpint(cache_of(db), ==, usual);
        db_begin_bulk(db);
        connections_return(f->host, db);
        g_assert_true(connections_lend(f->host, NULL, &error) == db);
        g_assert_cmpint(cache_of(db), ==, usual);
        g_assert_false(db->alone);
        connections_return(f->host, db);
}

/* What cannot be opened now is opened when it can; what waits is served then. */
static void
opened_when_it_can_be(Fixture *f, gconstpointer data)
{
        g_autofree char *aside = g_strconcat(f->path, ".aside", NULL);
        g_autoptr(GError) error = NULL;

        g_assert_cmpint(rename(f->path, aside), ==, 0);
        g_assert_true(uk_io_replace(f->path, "no database, but text of a size", 31, 0640, &error));
        put_in_each(f);
        g_assert_false(kit_run(f->host));
        g_assert_cmpint(done, ==, 0);
        g_autofree char *log = kit_log(f->host, "Toy.log");
        g_assert_nonnull(strstr(log, "SMS_TOY cannot work now: "));
        g_assert_nonnull(strstr(log, f->path));
        g_assert_cmpint(rename(aside, f->path), ==, 0);
        g_assert_true(kit_run(f->host));
        g_assert_cmpint(done, ==, LANES);
        g_assert_cmpint(connections(f), ==, 1);
}

#define ADD(name, function) g_test_add(name, Fixture, NULL, set_up, function, tear_down)

int
main(int argc, char **argv)
{
        setlocale(LC_ALL, "C");
        g_test_init(&argc, &argv, NULL);
        ADD("/host/connections/one-serves-all-in-turn", one_serves_all_in_turn);
        ADD("/host/connections/as-many-as-at-one-time", as_many_as_at_one_time);
        ADD("/host/connections/the-one-it-had", the_one_it_had);
        ADD("/host/connections/as-it-was-made", as_it_was_made);
        ADD("/host/connections/opened-when-it-can-be", opened_when_it_can_be);
        return g_test_run();
}
