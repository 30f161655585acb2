/* Tests of src/lab/process.c, with /bin/sh as the program. */
#include "lab/process.h"

#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/io.h"

typedef struct {
        char *dir, *output;
} Fixture;

static void
set_up(Fixture *f, gconstpointer data)
{
        f->dir = g_dir_make_tmp("upkeep-process-XXXXXX", NULL);
        f->output = g_build_filename(f->dir, "out", NULL);
}

static void
tear_down(Fixture *f, gconstpointer data)
{
        g_autoptr(GError) error = NULL;

        g_assert_true(uk_io_remove_tree(f->dir, &error));
        g_free(f->dir);
        g_free(f->output);
}

static Process
start(Fixture *f, const char *script)
{
        const char *arguments[] = { "sh", "-c", script, NULL };
        g_autoptr(GError) error = NULL;
        Process process;

        g_assert_true(process_start("/bin/sh", arguments, f->output, &process, &error));
        g_assert_no_error(error);
        return process;
}

/* Waits for the end without taking the exit status. */
static void
wait_end(const Process *process)
{
        siginfo_t info;

        g_assert_cmpint(waitid(P_PID, (id_t)process->pid, &info, WEXITED | WNOWAIT), ==, 0);
}

static void
output_is_kept(Fixture *f, gconstpointer data)
{
        Process process = start(f, "echo out; echo err >&2; exit 3");
        g_autofree char *how = NULL, *text = NULL;

        wait_end(&process);
        g_assert_false(process_runs(&process));
        how = process_end_text(&process);
        g_assert_cmpstr(how, ==, "exit status 3");
        g_assert_true(g_file_get_contents(f->output, &text, NULL, NULL));
        g_assert_cmpstr(text, ==, "out\nerr\n");
}

static void
stops_when_asked(Fixture *f, gconstpointer data)
{
        g_autoptr(GError) error = NULL;
        Process process = start(f, "exec sleep 600");

        g_assert_true(process_runs(&process));
        g_assert_true(process_stop(&process, 10 * UK_SECOND, &error));
        g_assert_false(process_runs(&process));
        g_assert_true(process_stop(&process, UK_SECOND, &error));
}

/* A program that does not listen is ended by force. */
static void
stops_by_force(Fixture *f, gconstpointer data)
{
        g_autoptr(GError) error = NULL;
        g_autofree char *ready = g_build_filename(f->dir, "ready", NULL);
        g_autofree char *script =
                g_strdup_printf("trap '' TERM; echo > %s; while :; do sleep 600; done", ready);
        Process process = start(f, script);

        for (int i = 0; i < 1000 && !g_file_test(ready, G_FILE_TEST_EXISTS); i++)
                uk_clock_sleep(UK_SECOND / 100, -1);
        g_assert_true(process_stop(&process, UK_SECOND / 5, &error));
        g_assert_no_error(error);
        g_assert_false(process_runs(&process));
}

/* Another program that got the number is neither taken for ours nor ended. */
static void
reused_number_is_left_alone(Fixture *f, gconstpointer data)
{
        g_autoptr(GError) error = NULL;
        Process process = start(f, "exec sleep 600"), old = process;

        old.began--;
        g_assert_false(process_runs(&old));
        g_assert_cmpint(process_open(&old), ==, -1);
        g_assert_true(process_stop(&old, UK_SECOND, &error));
        g_assert_true(process_runs(&process));
        g_assert_true(process_stop(&process, 10 * UK_SECOND, &error));
}

static void
missing_program(Fixture *f, gconstpointer data)
{
        g_autoptr(GError) error = NULL;
        const char *arguments[] = { "none", NULL };
        Process process;

        g_assert_false(process_start("/nonexistent/none", arguments, f->output, &process, &error));
        g_assert_cmpstr(error->message, ==,
                        "starting /nonexistent/none: No such file or directory");
}

static void
kept_as_text(Fixture *f, gconstpointer data)
{
        g_autoptr(GError) error = NULL;
        Process process = { 1234, 987654321 }, back = { 0 };
        g_autofree char *text = process_write(&process);

        g_assert_cmpstr(text, ==, "1234 987654321\n");
        g_assert_true(process_read(text, &back, &error));
        g_assert_cmpint(back.pid, ==, 1234);
        g_assert_cmpint(back.began, ==, 987654321);
        static const char *const bad[] = { "", "x", "12", "1 5", "-1 5", "0 0" };
        for (guint i = 0; i < G_N_ELEMENTS(bad); i++) {
                g_clear_error(&error);
                g_assert_false(process_read(bad[i], &back, &error));
                g_assert_error(error, UK_ERROR, UK_ERROR_PARSE);
        }
}

/* A name with brackets and blanks must not confuse the reader of /proc. */
static void
odd_name(Fixture *f, gconstpointer data)
{
        g_autoptr(GError) error = NULL;
        g_autofree char *program = g_build_filename(f->dir, "a) S 1 (b", NULL);
        const char *arguments[] = { program, "600", NULL };
        Process process;

        g_assert_cmpint(symlink("/bin/sleep", program), ==, 0);
        g_assert_true(process_start(program, arguments, f->output, &process, &error));
        g_assert_true(process_runs(&process));
        g_assert_true(process_stop(&process, 10 * UK_SECOND, &error));
        g_assert_false(process_runs(&process));
}

int
main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
#define CASE(name, function) \
        g_test_add("/lab/process/" name, Fixture, NULL, set_up, function, tear_down)
        CASE("output-is-kept", output_is_kept);
        CASE("stops-when-asked", stops_when_asked);
        CASE("stops-by-force", stops_by_force);
        CASE("reused-number-is-left-alone", reused_number_is_left_alone);
        CASE("missing-program", missing_program);
        CASE("kept-as-text", kept_as_text);
        CASE("odd-name", odd_name);
        return g_test_run();
}
