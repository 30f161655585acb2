/* Tests of src/base/clock.c: text, waiting, and the clock file of a lab. */
#include "base/clock.h"

#include <glib/gstdio.h>
#include <locale.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "base/io.h"

static void
written(void)
{
        /* `date -u -d @1795296300 --iso-8601=s` says 2026-11-21T21:25:00. */
        g_autofree char *iso = uk_clock_iso(G_GINT64_CONSTANT(1795296300123999));
        g_autofree char *plain = uk_clock_sql_like(G_GINT64_CONSTANT(1389981594000000));
        g_autofree char *before = uk_clock_iso(-1);
        g_autofree char *zero = uk_clock_iso(0);

        g_assert_cmpstr(iso, ==, "2026-11-21T21:25:00.123Z");
        g_assert_cmpstr(plain, ==, "2014-01-17 17:59:54");
        g_assert_cmpstr(before, ==, "1969-12-31T23:59:59.999Z");
        g_assert_cmpstr(zero, ==, "1970-01-01T00:00:00.000Z");
}

static void
assert_parsed(const char *text, gint64 expected)
{
        g_autoptr(GError) error = NULL;
        gint64 us = 0;

        g_assert_true(uk_clock_parse(text, &us, &error));
        g_assert_no_error(error);
        g_assert_cmpint(us, ==, expected);
}

/* The C library's calendar is the judge of ours, over all years that the text can name. */
static void
calendar(void)
{
        struct tm tm = { .tm_year = -1900, .tm_mday = 1 };
        const gint64 first = timegm(&tm);

        for (gint64 day = 0; day < 3652425; day += 13) {
                time_t seconds = (time_t)(first + day * 86400 + 43199);
                char text[32];

                gmtime_r(&seconds, &tm);
                g_snprintf(text, sizeof text, "%04d-%02d-%02dT%02d:%02d:%02d.000Z",
                           tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min,
                           tm.tm_sec);
                assert_parsed(text, seconds * UK_SECOND);

                g_autofree char *ours = uk_clock_iso(seconds * UK_SECOND);
                g_assert_cmpstr(ours, ==, text);
        }
}

static void
parsed(void)
{
        assert_parsed("2026-11-21T21:25:00.123Z", G_GINT64_CONSTANT(1795296300123000));
        assert_parsed("2026-11-21T21:25:00Z", G_GINT64_CONSTANT(1795296300000000));
        assert_parsed("2026-11-21T21:25:00.1Z", G_GINT64_CONSTANT(1795296300100000));
        assert_parsed("2026-11-21T21:25:00.123456789Z", G_GINT64_CONSTANT(1795296300123456));
        assert_parsed("2014-01-17 17:59:54", G_GINT64_CONSTANT(1389981594000000));
        assert_parsed("1970-01-01T00:00:00Z", 0);
        assert_parsed("1969-12-31T23:59:59.999Z", -1000);
        assert_parsed("2024-02-29T00:00:00Z", G_GINT64_CONSTANT(1709164800000000));
}

static void
refused(void)
{
        static const char *const bad[] = {
                NULL,
                "",
                "2026-11-21",
                "2026-11-21T21:25:00",
                "2026-11-21T21:25:00z",
                "2026-11-21 21:25:00Z",
                "2026-11-21 21:25:00.1",
                "2026-11-21T21:25:00.Z",
                "2026-11-21T21:25:00.1234567890Z",
                "2026-11-21T21:25:00+01:00",
                "2026-13-21T21:25:00Z",
                "2026-00-21T21:25:00Z",
                "2026-02-29T21:25:00Z",
                "1900-02-29T21:25:00Z",
                "2026-11-31T21:25:00Z",
                "2026-11-00T21:25:00Z",
                "2026-11-21T24:00:00Z",
                "2026-11-21T21:60:00Z",
                "2026-11-21T21:25:60Z",
                "2026-11-21T21:25:00Z ",
                " 2026-11-21T21:25:00Z",
                "+026-11-21T21:25:00Z",
                "2026-1-21T21:25:00Z",
        };

        for (gsize i = 0; i < G_N_ELEMENTS(bad); i++) {
                g_autoptr(GError) error = NULL;
                gint64 us = 42;

                g_assert_false(uk_clock_parse(bad[i], &us, &error));
                g_assert_error(error, UK_ERROR, UK_ERROR_PARSE);
                g_assert_cmpint(us, ==, 42);
        }
}

static void
there_and_back(void)
{
        for (int i = 0; i < 10000; i++) {
                gint64 us = (gint64)g_test_rand_int_range(-2000000000, 2000000000) * 1000000 +
                            g_test_rand_int_range(0, 1000) * 1000;
                g_autofree char *text = uk_clock_iso(us);
                assert_parsed(text, us);
        }
}

/* A comma for a point, other digits: no locale may change what is written and read. */
static void
no_locale(void)
{
        setlocale(LC_ALL, "C.UTF-8");
        written();
        parsed();
        setlocale(LC_ALL, "C");
}

static void
system_clock(void)
{
        gint64 real = g_get_real_time();
        gint64 now = uk_clock_now();
        gint64 mono = uk_clock_mono();

        g_assert_cmpint(ABS(now - real), <, UK_SECOND);
        g_assert_true(uk_clock_sleep(20000, -1));
        g_assert_cmpint(uk_clock_mono() - mono, >=, 20000);
}

static void
sleeping_until_stopped(void)
{
        UK_AUTOFD stop = eventfd(0, EFD_CLOEXEC);
        gint64 mono = uk_clock_mono();

        g_assert_true(uk_clock_sleep(0, stop));
        g_assert_true(uk_clock_sleep(1000, stop));
        eventfd_write(stop, 1);
        g_assert_false(uk_clock_sleep(UK_HOUR, stop));
        g_assert_false(uk_clock_sleep(UK_NEVER, stop));
        g_assert_false(uk_clock_sleep(0, stop));
        g_assert_cmpint(uk_clock_mono() - mono, <, 5 * UK_SECOND);
}

/* An epoll set with one eventfd in it. */
static int
make_set(int *event)
{
        int set = epoll_create1(EPOLL_CLOEXEC);
        struct epoll_event e = { .events = EPOLLIN, .data.u32 = 7 };

        *event = eventfd(0, EFD_CLOEXEC);
        g_assert_cmpint(epoll_ctl(set, EPOLL_CTL_ADD, *event, &e), ==, 0);
        return set;
}

static void *
raise_after_50_ms(void *data)
{
        uk_clock_sleep(50000, -1);
        eventfd_write(*(int *)data, 1);
        return NULL;
}

static void
waiting_for_events(void)
{
        UK_AUTOFD event = -1;
        UK_AUTOFD set = make_set(&event);
        struct epoll_event got[4];
        gint64 mono = uk_clock_mono();
        pthread_t thread;

        g_assert_cmpint(uk_clock_epoll_wait(set, got, 4, uk_clock_now() - 1), ==, 0);
        g_assert_cmpint(uk_clock_epoll_wait(set, got, 4, 0), ==, 0);
        g_assert_cmpint(uk_clock_epoll_wait(set, got, 4, uk_clock_now() + 30000), ==, 0);
        g_assert_cmpint(uk_clock_mono() - mono, >=, 29000);

        pthread_create(&thread, NULL, raise_after_50_ms, &event);
        g_assert_cmpint(uk_clock_epoll_wait(set, got, 4, UK_NEVER), ==, 1);
        g_assert_cmpuint(got[0].data.u32, ==, 7);
        pthread_join(thread, NULL);
        /* Still readable: at once, whatever the deadline. */
        g_assert_cmpint(uk_clock_epoll_wait(set, got, 4, 0), ==, 1);
        g_assert_cmpint(uk_clock_epoll_wait(set, got, 4, uk_clock_now() + UK_HOUR), ==, 1);
}

/* ---- the clock file; from here on this process follows it ---- */

static char *clock_dir, *clock_path;

static void
following(void)
{
        g_autoptr(GError) error = NULL;

        g_assert_true(uk_clock_follow(clock_path, &error));
        g_assert_no_error(error);
        g_assert_cmpint(ABS(uk_clock_now() - g_get_real_time()), <, UK_SECOND);
}

static void
stepping(void)
{
        g_autoptr(GError) error = NULL;
        gint64 before = uk_clock_now();

        g_assert_true(uk_clock_step(clock_path, UK_DAY, &error));
        g_assert_cmpint(uk_clock_now() - before, >=, UK_DAY);
        g_assert_cmpint(uk_clock_now() - before, <, UK_DAY + 10 * UK_SECOND);
        g_assert_true(uk_clock_step(clock_path, -UK_DAY, &error));
        g_assert_cmpint(uk_clock_now() - before, <, 10 * UK_SECOND);
}

static void
fast(void)
{
        g_autoptr(GError) error = NULL;
        gint64 mono = uk_clock_mono();
        gint64 before = uk_clock_now();

        g_assert_true(uk_clock_set_rate(clock_path, 1000000, &error));
        g_assert_true(uk_clock_sleep(2 * UK_MINUTE, -1)); /* SYNC's two minutes, in 0.12 ms */
        g_assert_true(uk_clock_sleep(UK_DAY, -1));        /* 86 ms */
        g_assert_cmpint(uk_clock_now() - before, >=, UK_DAY + 2 * UK_MINUTE);
        g_assert_cmpint(uk_clock_mono() - mono, <, 5 * UK_SECOND);
        g_assert_true(uk_clock_set_rate(clock_path, 1, &error));
        gint64 after = uk_clock_now();
        uk_clock_sleep(1000, -1);
        g_assert_cmpint(uk_clock_now() - after, <, 10 * UK_SECOND);
}

static void *
step_after_50_ms(void *step)
{
        uk_clock_sleep(50000, -1);
        g_assert_true(uk_clock_step(clock_path, *(const gint64 *)step, NULL));
        return NULL;
}

static void
waiters_notice_a_step(void)
{
        UK_AUTOFD event = -1;
        UK_AUTOFD set = make_set(&event);
        struct epoll_event got[1];
        gint64 mono = uk_clock_mono(), step = 2 * UK_HOUR;
        pthread_t thread;

        pthread_create(&thread, NULL, step_after_50_ms, &step);
        g_assert_cmpint(uk_clock_epoll_wait(set, got, 1, uk_clock_now() + UK_HOUR), ==, 0);
        pthread_join(thread, NULL);
        g_assert_cmpint(uk_clock_mono() - mono, <, 2 * UK_SECOND);
        pthread_create(&thread, NULL, step_after_50_ms, &step);
        g_assert_true(uk_clock_sleep(UK_HOUR, event));
        pthread_join(thread, NULL);
        g_assert_cmpint(uk_clock_mono() - mono, <, 4 * UK_SECOND);
}

/* Whoever counted ten seconds from now must not wait for a day and ten seconds. */
static void
waiters_notice_a_step_back(void)
{
        UK_AUTOFD event = -1;
        UK_AUTOFD set = make_set(&event);
        struct epoll_event got[1];
        gint64 mono = uk_clock_mono(), step = -UK_DAY;
        pthread_t thread;

        pthread_create(&thread, NULL, step_after_50_ms, &step);
        g_assert_cmpint(uk_clock_epoll_wait(set, got, 1, uk_clock_now() + 10 * UK_SECOND), ==, 0);
        pthread_join(thread, NULL);
        g_assert_cmpint(uk_clock_mono() - mono, <, 5 * UK_SECOND);
        mono = uk_clock_mono();
        pthread_create(&thread, NULL, step_after_50_ms, &step);
        g_assert_true(uk_clock_sleep(UK_SECOND, event));
        pthread_join(thread, NULL);
        g_assert_cmpint(uk_clock_mono() - mono, >=, UK_SECOND * 9 / 10);
        g_assert_cmpint(uk_clock_mono() - mono, <, 10 * UK_SECOND);
        g_assert_true(uk_clock_step(clock_path, 2 * UK_DAY, NULL));
}

static void
no_pause_is_longer_than_it_can_be(void)
{
        g_assert_cmpint(uk_clock_due(1000, 500, 400), ==, 400);
        g_assert_cmpint(uk_clock_due(900, 500, 400), ==, 900);
        g_assert_cmpint(uk_clock_due(100, 500, 400), ==, 100);
        g_assert_cmpint(uk_clock_due(UK_NEVER, 500, 400), ==, UK_NEVER);
}

static void
bad_files_and_rates(void)
{
        g_autofree char *other = g_build_filename(clock_dir, "other", NULL);
        g_autoptr(GError) error = NULL;

        g_assert_true(uk_io_replace(other, "short", 5, 0600, &error));
        g_assert_false(uk_clock_follow(other, &error));
        g_assert_error(error, UK_ERROR, UK_ERROR_CONFIG);
        g_clear_error(&error);
        g_assert_false(uk_clock_step(other, 1, &error));
        g_assert_error(error, UK_ERROR, UK_ERROR_CONFIG);
        g_clear_error(&error);
        g_assert_false(uk_clock_set_rate(clock_path, 0.5, &error));
        g_assert_error(error, UK_ERROR, UK_ERROR_INVALID);
        g_clear_error(&error);
        g_assert_false(uk_clock_set_rate(clock_path, 1000001, &error));
        g_assert_error(error, UK_ERROR, UK_ERROR_INVALID);
        g_clear_error(&error);
        g_assert_false(uk_clock_set_rate(clock_path, 0.0 / 0.0, &error));
        g_assert_error(error, UK_ERROR, UK_ERROR_INVALID);
        g_remove(other);
}

typedef struct {
        volatile gint *stop;
        gint64 worst;
} Reader;

/* Time may jump forward here, but never comes out as a mixture of two settings of the clock. */
static void *
read_all_the_time(void *data)
{
        Reader *r = data;
        gint64 last = uk_clock_now();

        while (!g_atomic_int_get(r->stop)) {
                gint64 now = uk_clock_now();
                r->worst = MIN(r->worst, now - last);
                last = now;
        }
        return NULL;
}

static void
readers_see_one_moment(void)
{
        volatile gint stop = 0;
        Reader readers[3] = { { &stop, 0 }, { &stop, 0 }, { &stop, 0 } };
        pthread_t threads[3];

        for (int i = 0; i < 3; i++)
                pthread_create(&threads[i], NULL, read_all_the_time, &readers[i]);
        for (int i = 0; i < 300; i++) {
                g_assert_true(uk_clock_set_rate(clock_path, i % 2 == 0 ? 1000 : 1, NULL));
                g_assert_true(uk_clock_step(clock_path, UK_DAY, NULL));
        }
        g_atomic_int_set(&stop, 1);
        for (int i = 0; i < 3; i++) {
                pthread_join(threads[i], NULL);
                /* Two clocks are read one after the other; that much may lie between. */
                g_assert_cmpint(readers[i].worst, >, -UK_HOUR);
        }
        g_assert_true(uk_clock_set_rate(clock_path, 1, NULL));
}

typedef struct {
        pthread_mutex_t lock;
        pthread_cond_t changed;
        bool set;
} Flag;

static void *
set_flag(void *data)
{
        Flag *flag = data;

        pthread_mutex_lock(&flag->lock);
        flag->set = true;
        pthread_cond_broadcast(&flag->changed);
        pthread_mutex_unlock(&flag->lock);
        return NULL;
}

static void
conditions_wait_by_the_clock_that_never_jumps(void)
{
        Flag flag = { .lock = PTHREAD_MUTEX_INITIALIZER };
        gint64 until = uk_clock_mono() + UK_SECOND / 20;
        pthread_t setter;

        uk_clock_cond_init(&flag.changed);
        pthread_mutex_lock(&flag.lock);
        while (uk_clock_cond_wait(&flag.changed, &flag.lock, until))
                g_assert_cmpint(uk_clock_mono(), <, until); /* woken for nothing */
        g_assert_cmpint(uk_clock_mono(), >=, until);
        g_assert_cmpint(pthread_create(&setter, NULL, set_flag, &flag), ==, 0);
        until = uk_clock_mono() + 30 * UK_SECOND;
        while (!flag.set)
                g_assert_true(uk_clock_cond_wait(&flag.changed, &flag.lock, until));
        pthread_mutex_unlock(&flag.lock);
        g_assert_cmpint(pthread_join(setter, NULL), ==, 0);
        pthread_cond_destroy(&flag.changed);
}

int
main(int argc, char **argv)
{
        int result;

        setlocale(LC_ALL, "C");
        g_test_init(&argc, &argv, NULL);
        clock_dir = g_dir_make_tmp("clock-XXXXXX", NULL);
        clock_path = g_build_filename(clock_dir, "clock", NULL);
        g_test_add_func("/base/clock/written-COMP-006", written);
        g_test_add_func("/base/clock/parsed", parsed);
        g_test_add_func("/base/clock/calendar", calendar);
        g_test_add_func("/base/clock/refused", refused);
        g_test_add_func("/base/clock/there-and-back", there_and_back);
        g_test_add_func("/base/clock/no-locale", no_locale);
        g_test_add_func("/base/clock/system", system_clock);
        g_test_add_func("/base/clock/sleeping-until-stopped", sleeping_until_stopped);
        g_test_add_func("/base/clock/waiting-for-events", waiting_for_events);
        g_test_add_func("/base/clock/file/following", following);
        g_test_add_func("/base/clock/file/stepping", stepping);
        g_test_add_func("/base/clock/file/fast", fast);
        g_test_add_func("/base/clock/file/waiters-notice-a-step", waiters_notice_a_step);
        g_test_add_func("/base/clock/no-pause-is-longer-than-it-can-be",
                        no_pause_is_longer_than_it_can_be);
        g_test_add_func("/base/clock/file/waiters-notice-a-step-back", waiters_notice_a_step_back);
        g_test_add_func("/base/clock/file/sleeping-until-stopped", sleeping_until_stopped);
        g_test_add_func("/base/clock/conditions", conditions_wait_by_the_clock_that_never_jumps);
        g_test_add_func("/base/clock/file/waiting-for-events", waiting_for_events);
        g_test_add_func("/base/clock/file/bad-files-and-rates", bad_files_and_rates);
        g_test_add_func("/base/clock/file/readers-see-one-moment", readers_see_one_moment);
        result = g_test_run();
        g_remove(clock_path);
        g_rmdir(clock_dir);
        g_free(clock_path);
        g_free(clock_dir);
        return result;
}
