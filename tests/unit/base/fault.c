/* Tests of src/base/fault.c: the plan in one process, and the killing in a child. */
#include "base/fault.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <locale.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/io.h"

/* Passes five points and says at how many of them it was told to fail. */
static int
five_points(int *errnos)
{
        static const UkFaultKind kinds[] = { UK_FAULT_WRITE, UK_FAULT_SYNC, UK_FAULT_RENAME,
                                             UK_FAULT_COMMIT, UK_FAULT_WRITE };
        int failed = 0;

        for (gsize i = 0; i < G_N_ELEMENTS(kinds); i++) {
                errnos[i] = uk_fault_before(kinds[i], "/a/b/c");
                if (errnos[i] != 0)
                        failed++;
                else
                        uk_fault_after(kinds[i], "/a/b/c");
        }
        return failed;
}

static void
no_plan(void)
{
        int errnos[5];

        uk_fault_set(NULL);
        g_assert_cmpint(five_points(errnos), ==, 0);
        g_assert_cmpuint(uk_fault_count(), ==, 0);
}

static void
counting(void)
{
        int errnos[5];

        uk_fault_set("count");
        g_assert_cmpint(five_points(errnos), ==, 0);
        g_assert_cmpuint(uk_fault_count(), ==, 5);
        uk_fault_set("count");
        g_assert_cmpuint(uk_fault_count(), ==, 0);
        uk_fault_set(NULL);
}

static void
one_fails(void)
{
        int errnos[5];

        uk_fault_set("fail:1");
        g_assert_cmpint(five_points(errnos), ==, 1);
        g_assert_cmpint(errnos[0], ==, ENOSPC);
        uk_fault_set("fail:3");
        g_assert_cmpint(five_points(errnos), ==, 1);
        g_assert_cmpint(errnos[2], ==, EIO);
        uk_fault_set("fail:6");
        g_assert_cmpint(five_points(errnos), ==, 0);
        uk_fault_set(NULL);
}

static void
all_later_fail(void)
{
        int errnos[5];

        uk_fault_set("fail+:4");
        g_assert_cmpint(five_points(errnos), ==, 2);
        g_assert_cmpint(errnos[3], ==, EIO);
        g_assert_cmpint(errnos[4], ==, ENOSPC);
        uk_fault_set(NULL);
}

/* Runs five points in a child whose environment has the plan; its wait status. */
static int
child_at(const char *plan, const char *only, const char *at, const char *report)
{
        g_autofree char *self = g_file_read_link("/proc/self/exe", NULL);
        g_auto(GStrv) env = g_get_environ();
        char *argv[] = { self, (char *)"--five-points", NULL };
        int status = 0;

        env = g_environ_setenv(env, "UPKEEP_FAULT", plan, TRUE);
        env = g_environ_setenv(env, "UPKEEP_FAULT_ONLY", only, TRUE);
        env = g_environ_setenv(env, "UPKEEP_FAULT_AT", at, TRUE);
        env = g_environ_setenv(env, "UPKEEP_FAULT_REPORT", report, TRUE);
        g_assert_true(g_spawn_sync(NULL, argv, env, G_SPAWN_STDERR_TO_DEV_NULL, NULL, NULL, NULL,
                                   NULL, &status, NULL));
        return status;
}

static int
child(const char *plan, const char *only, const char *report)
{
        return child_at(plan, only, "", report);
}

static void
report_is(const char *report, const char *expected)
{
        g_autofree char *text = NULL;

        g_assert_true(g_file_get_contents(report, &text, NULL, NULL));
        g_assert_cmpstr(text, ==, expected);
        g_remove(report);
}

static void
environment_and_report(void)
{
        g_autofree char *dir = g_dir_make_tmp("fault-XXXXXX", NULL);
        g_autofree char *report = g_build_filename(dir, "report", NULL);

        g_assert_cmpint(child("count", "", report), ==, 0);
        report_is(report, "1 write b/c pass\n2 sync b/c pass\n3 rename b/c pass\n"
                          "4 commit b/c pass\n5 write b/c pass\n");
        g_assert_cmpint(WEXITSTATUS(child("fail:2", "", report)), ==, 1);
        report_is(report, "1 write b/c pass\n2 sync b/c fail\n3 rename b/c pass\n"
                          "4 commit b/c pass\n5 write b/c pass\n");
        g_assert_cmpint(WEXITSTATUS(child("fail+:1", "commit,rename", report)), ==, 2);
        report_is(report, "1 rename b/c fail\n2 commit b/c fail\n");
        g_assert_cmpint(WEXITSTATUS(child_at("fail+:1", "sync", "b/c", report)), ==, 1);
        report_is(report, "1 sync b/c fail\n");
        g_assert_cmpint(WEXITSTATUS(child_at("fail+:1", "sync", "c", report)), ==, 0);
        g_assert_false(g_file_test(report, G_FILE_TEST_EXISTS));
        g_rmdir(dir);
}

static void
killing(void)
{
        g_autofree char *dir = g_dir_make_tmp("fault-XXXXXX", NULL);
        g_autofree char *report = g_build_filename(dir, "report", NULL);
        int status = child("kill:2", "", report);

        g_assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
        report_is(report, "1 write b/c pass\n2 sync b/c kill\n");
        status = child("killafter:3", "", report);
        g_assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
        report_is(report, "1 write b/c pass\n2 sync b/c pass\n3 rename b/c killafter\n");
        g_assert_cmpint(child("kill:6", "", report), ==, 0);
        g_remove(report);
        g_rmdir(dir);
}

/* Lets the first who waits at the fifo go, and all after it. */
static void *
let_go(void *fifo)
{
        int fd = open(fifo, O_WRONLY | O_CLOEXEC);

        g_remove(fifo);
        close(fd);
        return NULL;
}

static void
holding(void)
{
        g_autofree char *dir = g_dir_make_tmp("fault-XXXXXX", NULL);
        g_autofree char *fifo = g_build_filename(dir, "fifo", NULL);
        g_autofree char *report = g_build_filename(dir, "report", NULL);
        g_autofree char *plan = g_strconcat("hold:b/c:", fifo, NULL);
        pthread_t thread;

        g_assert_cmpint(mkfifo(fifo, 0600), ==, 0);
        g_assert_cmpint(pthread_create(&thread, NULL, let_go, fifo), ==, 0);
        g_assert_cmpint(child(plan, "sync", report), ==, 0);
        pthread_join(thread, NULL);
        g_assert_false(g_file_test(fifo, G_FILE_TEST_EXISTS));
        report_is(report, "1 sync b/c pass\n");
        g_rmdir(dir);
}

/* A plan with a slip must not become a test that tests nothing. */
static void
bad_plans_end_the_program(void)
{
        static const char *const bad[] = { "fail",    "fail:",     "fail:0", "fail:x",
                                           "kill:-1", "explode:3", "hold:/x" };

        for (gsize i = 0; i < G_N_ELEMENTS(bad); i++) {
                int status = child(bad[i], "", "/dev/null");
                g_assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
        }
        int status = child("count", "commits", "/dev/null");
        g_assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
}

int
main(int argc, char **argv)
{
        int errnos[5];

        if (argc == 2 && strcmp(argv[1], "--five-points") == 0)
                return five_points(errnos);
        setlocale(LC_ALL, "C");
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/base/fault/no-plan", no_plan);
        g_test_add_func("/base/fault/counting", counting);
        g_test_add_func("/base/fault/one-fails", one_fails);
        g_test_add_func("/base/fault/all-later-fail", all_later_fail);
        g_test_add_func("/base/fault/environment-and-report", environment_and_report);
        g_test_add_func("/base/fault/killing", killing);
        g_test_add_func("/base/fault/holding", holding);
        g_test_add_func("/base/fault/bad-plans-end-the-program", bad_plans_end_the_program);
        return g_test_run();
}
