/* Tests of src/host/pool.c: keys, workers and their failures, stepped and with real threads. */
#include "host/pool.h"

#include <fcntl.h>
#include <locale.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/resource.h>

#include "base/clock.h"
#include "base/io.h"
#include "unit/host/kit.h"

static atomic_int done, running, most, same, answer;
static atomic_int hold; /* workers wait while it is set */
static atomic_int busy[8];

static bool
work(Component *c, const char *key, GError **error)
{
        int place = key[0] - 'a';
        int now = atomic_fetch_add(&running, 1) + 1;

        g_assert_cmpstr(c->lane, ==, "keys");
        if (atomic_fetch_add(&busy[place], 1) != 0)
                atomic_fetch_add(&same, 1);
        for (int before = atomic_load(&most);
             now > before && !atomic_compare_exchange_weak(&most, &before, now);)
                ;
        while (atomic_load(&hold) && !host_stopping(c->host))
                uk_clock_sleep(UK_SECOND / 1000, host_stop_fd(c->host));
        atomic_fetch_sub(&busy[place], 1);
        atomic_fetch_sub(&running, 1);
        atomic_fetch_add(&done, 1);
        return answer == 0 || uk_fail(error, (UkErrorCode)answer, "told to fail");
}

/* The workers of the pool of eight, which do nothing but be there. */
static bool
stand(Component *c, const char *key, GError **error)
{
        atomic_fetch_add(&running, 1);
        while (atomic_load(&hold) && !host_stopping(c->host))
                uk_clock_sleep(UK_SECOND / 1000, host_stop_fd(c->host));
        atomic_fetch_sub(&running, 1);
        atomic_fetch_add(&done, 1);
        return true;
}

static bool
on_key(Component *c, const InboxFile *file, GError **error)
{
        return pool_add(c, "keys", file->stem, error);
}

static const ComponentDef def = {
        .name = "SMS_TOY",
        .log = "Toy.log",
        .log_form = UK_LOG_SERVER,
        .boxes = { { "main", "toy.box", ".KEY", on_key, .bare_name = true } },
        .pools = { { "keys", "toy.threads", work }, { "crowd", "toy.crowd", stand } },
};
static const ComponentDef *const components[] = { &def, NULL };
static const SettingDef settings[] = {
        { "toy.threads", SETTING_INT, "2", 1, 8, "threads", "at once", "Workers" },
        { "toy.crowd", SETTING_INT, "8", 1, 8, "threads", "at once", "Workers" },
        { .name = NULL },
};
static const HostRole role = { .role = "toy", .components = components, .settings = settings };

typedef struct {
        char *root;
        Host *host;
        Component c;
} Fixture;

static void
set_up(Fixture *f, gconstpointer data)
{
        done = running = most = same = answer = hold = 0;
        f->root = kit_root();
        f->host = kit_host(&role, f->root);
        f->c = (Component){ .def = &def, .host = f->host };
}

static void
tear_down(Fixture *f, gconstpointer data)
{
        host_free(f->host);
        kit_end(f->root);
}

static void
add(Fixture *f, const char *key)
{
        g_autoptr(GError) error = NULL;

        g_assert_true(pool_add(&f->c, "keys", key, &error));
        g_assert_no_error(error);
}

static void
check_count(Fixture *f, guint expect_running, guint expect_waiting)
{
        guint now_running, waiting;

        pool_count(&f->c, "keys", &now_running, &waiting);
        g_assert_cmpuint(now_running, ==, expect_running);
        g_assert_cmpuint(waiting, ==, expect_waiting);
}

static void
once_however_often(Fixture *f, gconstpointer data)
{
        add(f, "a");
        add(f, "a");
        add(f, "b");
        add(f, "a");
        check_count(f, 0, 2);
        g_assert_true(kit_run(f->host));
        g_assert_cmpint(done, ==, 2);
        g_assert_false(kit_run(f->host));
        check_count(f, 0, 0);
        kit_put(f->host, "toy.box", "c.KEY", "", 0);
        g_assert_true(kit_run(f->host));
        g_assert_cmpint(done, ==, 3);
}

static void
failures(Fixture *f, gconstpointer data)
{
        answer = UK_ERROR_NETWORK;
        add(f, "a");
        for (int minutes = 1; minutes <= 4; minutes *= 2) {
                g_assert_true(kit_run(f->host));
                kit_step(minutes * UK_MINUTE - 5 * UK_SECOND);
                g_assert_false(kit_run(f->host));
                kit_step(5 * UK_SECOND);
        }
        g_assert_true(kit_run(f->host));
        /* A new reason does not wait for the pause. */
        add(f, "a");
        g_assert_true(kit_run(f->host));
        g_assert_cmpint(done, ==, 5);
        answer = UK_ERROR_PARSE;
        kit_step(UK_HOUR);
        g_assert_true(kit_run(f->host));
        kit_step(UK_DAY);
        g_assert_false(kit_run(f->host));
        check_count(f, 0, 0);
        answer = UK_ERROR_SCHEMA;
        add(f, "a");
        g_assert_true(kit_run(f->host));
        g_assert_false(kit_run(f->host));
        check_count(f, 0, 1);
        answer = 0;
        kit_step(UK_MINUTE + UK_SECOND);
        g_assert_true(kit_run(f->host));
        check_count(f, 0, 0);
        g_autofree char *log = kit_log(f->host, "Toy.log");
        g_assert_nonnull(strstr(log, "\"a\" of keys was given up: told to fail"));
        g_assert_nonnull(strstr(log, "STATMSG: ID=60005"));
        g_assert_nonnull(strstr(log, "STATMSG: ID=60002"));
}

static void
threads(Fixture *f, gconstpointer data)
{
        g_autoptr(GError) error = NULL;
        static const char *const keys[] = { "a", "b", "c", "d", "e", "f", "g", "h" };

        hold = 1;
        g_assert_true(host_start(f->host, &error));
        for (guint i = 0; i < 8; i++)
                add(f, keys[i]);
        kit_wait_for(&running, 2);
        kit_idle(20);
        check_count(f, 2, 6);
        /* While it runs it is queued once more, however often it is named. */
        add(f, "a");
        add(f, "a");
        hold = 0;
        kit_wait_for(&done, 9);
        g_assert_cmpint(most, ==, 2);
        g_assert_cmpint(same, ==, 0);
        /* Idle threads are called, and no more are made. */
        for (int i = 0; i < 200; i++) {
                add(f, keys[i % 8]);
                if (i % 16 == 0)
                        kit_idle(1);
        }
        for (int i = 0; i < 1000 && running + done < 9; i++)
                kit_idle(1);
        g_assert_cmpint(most, <=, 2);
        g_assert_cmpint(same, ==, 0);
}

/* How often threads of pools have been woken so far, by the kernel's count of how often they slept.
 */
static gint64
count_sleeps(void)
{
        g_autoptr(GDir) tasks = g_dir_open("/proc/self/task", 0, NULL);
        gint64 sleeps = 0;

        for (const char *task; (task = g_dir_read_name(tasks)) != NULL;) {
                g_autofree char *path = g_build_filename("/proc/self/task", task, "status", NULL);
                g_autofree char *text = NULL;

                if (!g_file_get_contents(path, &text, NULL, NULL) ||
                    !g_str_has_prefix(text, "Name:\tpool\n"))
                        continue;
                sleeps += g_ascii_strtoll(strstr(text, "\nvoluntary_ctxt_switches:") +
                                                  strlen("\nvoluntary_ctxt_switches:"),
                                          NULL, 10);
        }
        return sleeps;
}

/* Of eight that are idle, each key wakes one. */
static void
one_is_woken(Fixture *f, gconstpointer data)
{
        static const char *const keys[] = { "a", "b", "c", "d", "e", "f", "g", "h" };
        g_autoptr(GError) error = NULL;
        const int rounds = 200;

        hold = 1;
        g_assert_true(host_start(f->host, &error));
        for (guint i = 0; i < 8; i++)
                g_assert_true(pool_add(&f->c, "crowd", keys[i], &error));
        kit_wait_for(&running, 8);
        hold = 0;
        kit_wait_for(&done, 8);
        kit_idle(50);
        gint64 before = count_sleeps();
        for (int i = 0; i < rounds; i++) {
                g_assert_true(pool_add(&f->c, "crowd", keys[i % 8], &error));
                kit_wait_for(&done, 9 + i);
        }
        g_assert_cmpint(count_sleeps() - before, <, 4 * rounds);
}

/* A key that waits for its pause is served by a thread that stays for it. */
static void
threads_wait_for_pauses(Fixture *f, gconstpointer data)
{
        g_autoptr(GError) error = NULL;

        g_assert_true(host_start(f->host, &error));
        answer = UK_ERROR_NETWORK;
        add(f, "a");
        kit_wait_for(&done, 1);
        answer = 0;
        kit_idle(20);
        g_assert_cmpint(done, ==, 1);
        kit_step(UK_MINUTE);
        kit_wait_for(&done, 2);
        /* After the lingering time the threads are gone, and come back for work. */
        kit_step(UK_MINUTE);
        kit_idle(200);
        add(f, "b");
        kit_wait_for(&done, 3);
}

/* A clock that was set back makes no pause longer, though the thread that stays already waits. */
static void
threads_notice_a_step_back(Fixture *f, gconstpointer data)
{
        g_autoptr(GError) error = NULL;

        g_assert_true(host_start(f->host, &error));
        answer = UK_ERROR_NETWORK;
        add(f, "a");
        kit_wait_for(&done, 1);
        answer = 0;
        kit_idle(50);
        kit_step(-UK_DAY);
        kit_idle(400);
        g_assert_cmpint(done, ==, 1);
        kit_step(UK_MINUTE);
        kit_wait_for(&done, 2);
        kit_step(UK_DAY - UK_MINUTE);
}

static void
stopping(Fixture *f, gconstpointer data)
{
        g_autoptr(GError) error = NULL;

        hold = 1;
        g_assert_true(host_start(f->host, &error));
        add(f, "a");
        add(f, "b");
        add(f, "c");
        kit_wait_for(&running, 2);
        host_stop(f->host);
        kit_wait_for(&done, 2);
        add(f, "d");
        kit_idle(20);
        g_assert_cmpint(done, ==, 2);
}

/* Where no thread can be had, the key is not said to be on its way, and none is left behind. */
static void
no_thread(Fixture *f, gconstpointer data)
{
        g_autoptr(GError) error = NULL;
        struct rlimit old, few;

        g_assert_true(host_start(f->host, &error));
        UK_AUTOFD next = open("/dev/null", O_RDONLY | O_CLOEXEC);
        getrlimit(RLIMIT_NOFILE, &old);
        few = old;
        few.rlim_cur = (rlim_t)next + 1;
        setrlimit(RLIMIT_NOFILE, &few);
        bool added = pool_add(&f->c, "keys", "a", &error);
        setrlimit(RLIMIT_NOFILE, &old);
        g_assert_false(added);
        g_assert_nonnull(strstr(error->message, "starting a thread for keys: "));
        check_count(f, 0, 0);
        add(f, "b");
        kit_wait_for(&done, 1);
        kit_idle(20);
        g_assert_cmpint(done, ==, 1);
}

#define ADD(name, function) g_test_add(name, Fixture, NULL, set_up, function, tear_down)

int
main(int argc, char **argv)
{
        setlocale(LC_ALL, "C");
        g_test_init(&argc, &argv, NULL);
        ADD("/host/pool/once-however-often", once_however_often);
        ADD("/host/pool/failures", failures);
        ADD("/host/pool/threads", threads);
        ADD("/host/pool/one-is-woken", one_is_woken);
        ADD("/host/pool/threads-wait-for-pauses", threads_wait_for_pauses);
        ADD("/host/pool/threads-notice-a-step-back", threads_notice_a_step_back);
        ADD("/host/pool/no-thread", no_thread);
        ADD("/host/pool/stopping", stopping);
        return g_test_run();
}
