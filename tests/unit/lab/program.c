/* Tests of src/lab/program.c: the test is the program of a role, by its name and its lock. */
#include "lab/program.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/io.h"

#define CHURNERS 4
#define LOCKS    40 /* of each: together some pages of /proc/locks */

typedef struct {
        char *root;
        int lock;
        pid_t churners[CHURNERS];
} Fixture;

static void
set_up(Fixture *f, gconstpointer data)
{
        g_autoptr(GError) error = NULL;

        f->root = g_dir_make_tmp("upkeep-program-XXXXXX", NULL);
        g_autofree char *run = g_strconcat(f->root, "/run/upkeep", NULL);
        g_autofree char *state = g_strconcat(f->root, "/var/lib/upkeep/site", NULL);
        g_autofree char *lock = g_strconcat(run, "/site.lock", NULL);
        g_autofree char *ready = g_strconcat(run, "/site.ready", NULL);
        g_autofree char *said = g_strdup_printf("pid=%d\nhttp=8530\n", (int)getpid());

        g_assert_true(uk_io_mkdirs(run, 0700, &error) && uk_io_mkdirs(state, 0700, &error));
        g_assert_true(g_file_set_contents(ready, said, -1, &error));
        f->lock = open(lock, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
        g_assert_cmpint(flock(f->lock, LOCK_EX | LOCK_NB), ==, 0);
        g_assert_cmpint(prctl(PR_SET_NAME, "upkeep-site"), ==, 0);
}

static void
tear_down(Fixture *f, gconstpointer data)
{
        g_autoptr(GError) error = NULL;

        for (int i = 0; i < CHURNERS; i++) {
                if (f->churners[i] == 0)
                        continue;
                g_assert_cmpint(kill(f->churners[i], SIGKILL), ==, 0);
                g_assert_cmpint(waitpid(f->churners[i], NULL, 0), ==, f->churners[i]);
        }
        if (f->lock >= 0)
                close(f->lock);
        g_assert_true(uk_io_remove_tree(f->root, &error));
        g_free(f->root);
}

/* What the list says of the only program. */
static ProgramState
state_of(Fixture *f)
{
        g_autoptr(GPtrArray) all = program_list(f->root);

        g_assert_cmpuint(all->len, ==, 1);
        return ((const Program *)all->pdata[0])->state;
}

static void
by_lock_and_name(Fixture *f, gconstpointer data)
{
        g_autofree char *ready = g_strconcat(f->root, "/run/upkeep/site.ready", NULL);
        g_autoptr(GPtrArray) all = program_list(f->root);
        const Program *program = all->pdata[0];

        g_assert_cmpint(program->state, ==, PROGRAM_RUNNING);
        g_assert_cmpint(program->pid, ==, getpid());
        g_assert_cmpstr(program->ports, ==, "http 8530");
        g_assert_cmpint(unlink(ready), ==, 0);
        g_assert_cmpint(state_of(f), ==, PROGRAM_STARTING);
        g_assert_cmpint(prctl(PR_SET_NAME, "other"), ==, 0);
        g_assert_cmpint(state_of(f), ==, PROGRAM_STOPPED);
}

static void
lock_is_gone(Fixture *f, gconstpointer data)
{
        close(f->lock);
        f->lock = -1;
        g_assert_cmpint(state_of(f), ==, PROGRAM_DIED);
}

/* Takes and leaves locks until it is ended. */
_Noreturn static void
churn(const char *root)
{
        int fds[LOCKS];

        (void)prctl(PR_SET_PDEATHSIG, SIGKILL); /* a test that fails does not come to its end */
        for (int i = 0; i < LOCKS; i++) {
                g_autofree char *path = g_strdup_printf("%s/churn-%d-%d", root, (int)getpid(), i);

                fds[i] = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
        }
        for (;;) {
                for (int i = 0; i < LOCKS; i++)
                        (void)flock(fds[i], LOCK_EX);
                for (int i = 0; i < LOCKS; i++)
                        (void)flock(fds[i], LOCK_UN);
        }
}

/* One list in some hundred lacks a lock while others come and go; nobody is told that a program
 * died because of that. */
static void
busy_list(Fixture *f, gconstpointer data)
{
        gint64 end = uk_clock_mono() + UK_SECOND;

        for (int i = 0; i < CHURNERS; i++) {
                f->churners[i] = fork();
                g_assert_cmpint(f->churners[i], >=, 0);
                if (f->churners[i] == 0)
                        churn(f->root);
        }
        while (uk_clock_mono() < end)
                g_assert_cmpint(state_of(f), ==, PROGRAM_RUNNING);
}

int
main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
#define CASE(name, function) \
        g_test_add("/lab/program/" name, Fixture, NULL, set_up, function, tear_down)
        CASE("by-lock-and-name", by_lock_and_name);
        CASE("lock-is-gone", lock_is_gone);
        CASE("busy-list", busy_list);
        return g_test_run();
}
