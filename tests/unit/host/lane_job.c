/* Tests of src/host/lane_job.c and timer.c: timers, ticks, schedules and following commits, stepped
 * by hand. */
#include "unit/host/kit.h"

#include <locale.h>
#include <pthread.h>
#include <string.h>

#include "base/clock.h"
#include "host/timer.h"

typedef struct {
        int timers, starts, ticks, runs, commits;
        int answer; /* error code, 0: success */
        gint64 set_again;
        gint64 set_by_other; /* the same, by another thread */
} Toy;
static Toy toy;

static bool
result(GError **error)
{
        return toy.answer == 0 || uk_fail(error, (UkErrorCode)toy.answer, "told to fail");
}

static void *
set_it(void *c)
{
        timer_set(c, "alarm", toy.set_by_other);
        return NULL;
}

static bool
on_timer(Component *c, GError **error)
{
        pthread_t other;

        toy.timers++;
        if (toy.set_by_other != 0) {
                g_assert_cmpint(pthread_create(&other, NULL, set_it, c), ==, 0);
                g_assert_cmpint(pthread_join(other, NULL), ==, 0);
        }
        toy.set_by_other = 0;
        if (toy.set_again != 0)
                timer_set(c, "alarm", toy.set_again);
        toy.set_again = 0;
        return result(error);
}

static bool
on_start(Component *c, GError **error)
{
        toy.starts++;
        return true;
}

static bool
on_tick(Component *c, GError **error)
{
        toy.ticks++;
        return result(error);
}

static bool
on_schedule(Component *c, GError **error)
{
        toy.runs++;
        return result(error);
}

static bool
on_commit(Component *c, GError **error)
{
        toy.commits++;
        return result(error);
}

static const ComponentDef def = {
        .name = "SMS_TOY",
        .log = "Toy.log",
        .log_form = UK_LOG_SERVER,
        .timers = { { "main", "alarm", on_timer }, { "main", "begin", on_start, true } },
        .schedules = { { "main", "toy.when", on_schedule } },
        .on_commit = on_commit,
        .tick = { "toy.minutes", on_tick },
};
static const ComponentDef *const components[] = { &def, NULL };
static const SettingDef settings[] = {
        { "toy.minutes", SETTING_INT, "0", 0, 100, "minutes", "at once", "The tick" },
        { "toy.when", SETTING_RECURRENCE, "", 0, 0, "", "at once", "The schedule" },
        { .name = NULL },
};
static const DbMigration migrations[] = {
        { 1, "0001_toy", "CREATE TABLE Toy (N INTEGER)", "CREATE TABLE Toy (N bigint)" },
};
static const HostRole role = { .role = "toy",
                               .components = components,
                               .settings = settings,
                               .database = "var/lib/upkeep/toy/toy.db",
                               .migrations = migrations,
                               .migration_count = 1,
                               .migrates = true };

typedef struct {
        char *root;
        Host *host;
} Fixture;

static void
set_up(Fixture *f, gconstpointer data)
{
        memset(&toy, 0, sizeof toy);
        f->root = kit_root();
        if (data != NULL)
                kit_settings(f->root, "toy", data);
        f->host = kit_host(&role, f->root);
}

static void
tear_down(Fixture *f, gconstpointer data)
{
        host_free(f->host);
        kit_end(f->root);
}

static void
restart(Fixture *f)
{
        host_free(f->host);
        f->host = kit_host(&role, f->root);
}

/* Anything that has the host and the component's description will do for timer_set. */
static void
set_alarm(Fixture *f, gint64 at)
{
        Component c = { .def = &def, .host = f->host };

        timer_set(&c, "alarm", at);
}

static void
timers(Fixture *f, gconstpointer data)
{
        kit_run(f->host);
        g_assert_cmpint(toy.starts, ==, 1);
        set_alarm(f, uk_clock_now() + UK_HOUR);
        g_assert_false(kit_run(f->host));
        set_alarm(f, uk_clock_now() + 2 * UK_HOUR);
        kit_step(UK_HOUR + UK_MINUTE);
        g_assert_false(kit_run(f->host));
        kit_step(UK_HOUR);
        g_assert_true(kit_run(f->host));
        g_assert_cmpint(toy.timers, ==, 1);
        g_assert_false(kit_run(f->host));
        set_alarm(f, uk_clock_now() + UK_HOUR);
        set_alarm(f, UK_NEVER);
        kit_step(UK_DAY);
        g_assert_false(kit_run(f->host));
        g_assert_cmpint(toy.starts, ==, 1);
}

static void
timer_fails(Fixture *f, gconstpointer data)
{
        kit_run(f->host);
        toy.answer = UK_ERROR_NETWORK;
        set_alarm(f, uk_clock_now());
        for (int minutes = 1; minutes <= 4; minutes *= 2) {
                g_assert_true(kit_run(f->host));
                kit_step(minutes * UK_MINUTE - 5 * UK_SECOND);
                g_assert_false(kit_run(f->host));
                kit_step(5 * UK_SECOND);
        }
        /* Its own time goes before the pause. */
        toy.set_again = uk_clock_now() + UK_DAY;
        g_assert_true(kit_run(f->host));
        kit_step(UK_HOUR);
        g_assert_false(kit_run(f->host));
        kit_step(UK_DAY);
        toy.answer = UK_ERROR_PARSE;
        g_assert_true(kit_run(f->host));
        kit_step(UK_DAY);
        g_assert_false(kit_run(f->host));
        g_assert_cmpint(toy.timers, ==, 5);
        g_autofree char *log = kit_log(f->host, "Toy.log");
        g_assert_nonnull(strstr(log, "The work \"alarm\" was given up: told to fail"));
        g_assert_nonnull(strstr(log, "STATMSG: ID=60005 SEV=W"));
}

/* What somebody wishes for while the timer's own function runs is kept, however the run ends. */
static void
timer_set_meanwhile(Fixture *f, gconstpointer data)
{
        static const int ends[] = { 0, UK_ERROR_PARSE, UK_ERROR_NETWORK, UK_ERROR_CONFIG };

        kit_run(f->host);
        for (gsize i = 0; i < G_N_ELEMENTS(ends); i++) {
                toy.answer = ends[i];
                toy.set_by_other = uk_clock_now() + UK_DAY;
                set_alarm(f, uk_clock_now());
                g_assert_true(kit_run(f->host));
                toy.answer = 0;
                kit_step(UK_HOUR);
                kit_run(f->host); /* a component that was stopped has begun anew, and tries again */
                int before = toy.timers;
                g_assert_false(kit_run(f->host));
                kit_step(UK_DAY);
                g_assert_true(kit_run(f->host));
                g_assert_cmpint(toy.timers, ==, before + 1);
                g_assert_false(kit_run(f->host));
        }
        g_assert_cmpint(toy.timers, ==, 2 * G_N_ELEMENTS(ends) + 1);
}

static void
tick(Fixture *f, gconstpointer data)
{
        g_assert_true(kit_run(f->host));
        g_assert_cmpint(toy.ticks, ==, 1);
        kit_step(9 * UK_MINUTE);
        g_assert_false(kit_run(f->host));
        kit_step(UK_MINUTE + UK_SECOND);
        g_assert_true(kit_run(f->host));
        g_assert_cmpint(toy.ticks, ==, 2);
        /* Set back, the clock must not keep it waiting for a year. */
        kit_step(-365 * UK_DAY);
        g_assert_false(kit_run(f->host));
        kit_step(10 * UK_MINUTE + UK_SECOND);
        g_assert_true(kit_run(f->host));
        g_assert_cmpint(toy.ticks, ==, 3);
        kit_step(365 * UK_DAY);
        g_assert_true(kit_run(f->host));
        g_assert_cmpint(toy.ticks, ==, 4);
        kit_settings(f->root, "toy", "[toy]\nminutes=0\n");
        host_reload(f->host);
        kit_step(UK_DAY);
        g_assert_false(kit_run(f->host));
}

static void
schedule(Fixture *f, gconstpointer data)
{
        kit_run(f->host);
        g_assert_cmpint(toy.runs, ==, 0);
        kit_step(UK_HOUR + UK_SECOND);
        g_assert_true(kit_run(f->host));
        g_assert_cmpint(toy.runs, ==, 1);
        /* Not again after a restart … */
        restart(f);
        kit_run(f->host);
        g_assert_cmpint(toy.runs, ==, 1);
        /* … but once for all that were missed meanwhile. */
        kit_step(5 * UK_HOUR);
        restart(f);
        kit_run(f->host);
        g_assert_cmpint(toy.runs, ==, 2);
        kit_step(UK_HOUR / 2);
        g_assert_false(kit_run(f->host));
        kit_step(UK_HOUR / 2 + UK_SECOND);
        g_assert_true(kit_run(f->host));
        g_assert_cmpint(toy.runs, ==, 3);
        /* Restarts are no reason to count anew from each after the clock was set back. */
        kit_step(-365 * UK_DAY);
        for (int i = 0; i < 3; i++) {
                restart(f);
                kit_run(f->host);
                kit_step(UK_HOUR / 3);
        }
        g_assert_cmpint(toy.runs, ==, 3);
        kit_step(UK_MINUTE);
        restart(f);
        kit_run(f->host);
        g_assert_cmpint(toy.runs, ==, 4);
}

static void
schedule_fails(Fixture *f, gconstpointer data)
{
        kit_run(f->host);
        toy.answer = UK_ERROR_NETWORK;
        kit_step(UK_HOUR + UK_SECOND);
        g_assert_true(kit_run(f->host));
        g_assert_false(kit_run(f->host));
        toy.answer = 0;
        /* The run has not been: a restart tries it again. */
        restart(f);
        kit_run(f->host);
        g_assert_cmpint(toy.runs, ==, 2);
        toy.answer = UK_ERROR_NETWORK;
        kit_step(UK_HOUR + UK_SECOND);
        g_assert_true(kit_run(f->host));
        toy.answer = 0;
        kit_step(UK_MINUTE + UK_SECOND);
        g_assert_true(kit_run(f->host));
        g_assert_cmpint(toy.runs, ==, 4);
}

/* A changed recurrence counts from the change; nothing is made up for the past. */
static void
schedule_changes(Fixture *f, gconstpointer data)
{
        kit_run(f->host);
        kit_step(30 * UK_MINUTE);
        kit_settings(f->root, "toy", "[toy]\nwhen=every 10 minutes\n");
        host_reload(f->host);
        g_assert_false(kit_run(f->host));
        kit_step(10 * UK_MINUTE + UK_SECOND);
        g_assert_true(kit_run(f->host));
        g_assert_cmpint(toy.runs, ==, 1);
        kit_step(-UK_DAY);
        g_assert_false(kit_run(f->host));
        kit_step(10 * UK_MINUTE + UK_SECOND);
        g_assert_true(kit_run(f->host));
        g_assert_cmpint(toy.runs, ==, 2);
        kit_settings(f->root, "toy", "[toy]\nwhen=\n");
        host_reload(f->host);
        kit_step(UK_DAY);
        g_assert_false(kit_run(f->host));
        kit_step(UK_MINUTE);
}

static void
commit_a_row(Fixture *f)
{
        static const DbSql insert = { "toy_insert", "INSERT INTO Toy (N) VALUES (:n)",
                                      "INSERT INTO Toy (N) VALUES ($1)", "n" };
        g_autoptr(GError) error = NULL;
        g_autofree char *path = g_build_filename(f->root, "var/lib/upkeep/toy/toy.db", NULL);
        g_autoptr(Db) db = db_open(path, false, 1000, &error);
        g_autoptr(DbTx) tx = db_begin(db, &error);

        g_assert_no_error(error);
        g_assert_true(db_run(tx, &insert, DB_ARGS(DB_INT("n", 1)), &error));
        g_assert_true(db_commit(g_steal_pointer(&tx), &error));
}

static void
commits(Fixture *f, gconstpointer data)
{
        kit_run(f->host);
        int first = toy.commits;
        g_assert_cmpint(first, >=, 1);
        g_assert_false(kit_run(f->host));
        commit_a_row(f);
        commit_a_row(f);
        g_assert_true(kit_run(f->host));
        g_assert_cmpint(toy.commits, ==, first + 1);
        g_assert_false(kit_run(f->host));
}

static void
commit_fails(Fixture *f, gconstpointer data)
{
        kit_run(f->host);
        toy.commits = 0;
        toy.answer = UK_ERROR_FULL;
        commit_a_row(f);
        g_assert_true(kit_run(f->host));
        /* However much is committed, the pause holds. */
        commit_a_row(f);
        g_assert_false(kit_run(f->host));
        kit_step(UK_SECOND);
        g_assert_true(kit_run(f->host));
        kit_step(2 * UK_SECOND);
        toy.answer = 0;
        g_assert_true(kit_run(f->host));
        g_assert_false(kit_run(f->host));
        g_assert_cmpint(toy.commits, ==, 3);
        g_autofree char *log = kit_log(f->host, "Toy.log");
        g_assert_nonnull(strstr(log, "The work \"commits\" cannot be done now and is tried again "
                                     "in 2 seconds: told to fail"));
}

#define ADD(name, data, function) g_test_add(name, Fixture, data, set_up, function, tear_down)

int
main(int argc, char **argv)
{
        setlocale(LC_ALL, "C");
        g_test_init(&argc, &argv, NULL);
        ADD("/host/lane-job/timers", NULL, timers);
        ADD("/host/lane-job/timer-fails", NULL, timer_fails);
        ADD("/host/lane-job/timer-set-meanwhile", NULL, timer_set_meanwhile);
        ADD("/host/lane-job/tick", "[toy]\nminutes=10\n", tick);
        ADD("/host/lane-job/schedule", "[toy]\nwhen=every 1 hour\n", schedule);
        ADD("/host/lane-job/schedule-fails", "[toy]\nwhen=every 1 hour\n", schedule_fails);
        ADD("/host/lane-job/schedule-changes", "[toy]\nwhen=every 1 hour\n", schedule_changes);
        ADD("/host/lane-job/commits", NULL, commits);
        ADD("/host/lane-job/commit-fails", NULL, commit_fails);
        return g_test_run();
}
