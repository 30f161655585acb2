/* process.c - a program the lab started: begun, recognised again later, and ended.
 *
 * Comes in: a program and its arguments, or what was kept of a process. Goes out: whether it runs,
 * and its end. Knows nothing of roles. Signals go through a pidfd that was opened first and
 * compared afterwards, so that there is no moment in which the number could change hands.
 */
#include "lab/process.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/io.h"

#define MAX_STAT 8192

/* State and time of beginning from /proc/<pid>/stat: they follow the name, which may contain
 * anything, behind its last bracket. False when there is no such process. */
static bool
look(gint64 pid, char *state_out, gint64 *began_out)
{
        g_autofree char *path = g_strdup_printf("/proc/%" G_GINT64_FORMAT "/stat", pid);
        g_autofree char *text = NULL;
        gsize size;

        if (!uk_io_read(path, MAX_STAT, &text, &size, NULL))
                return false;
        const char *rest = strrchr(text, ')');

        if (rest == NULL || rest[1] == '\0')
                return false;
        g_auto(GStrv) fields = g_strsplit(rest + 2, " ", -1);

        if (g_strv_length(fields) < 20)
                return false;
        *state_out = fields[0][0];
        *began_out = g_ascii_strtoll(fields[19], NULL, 10);
        return true;
}

bool
process_run(const char *program, const char *const *arguments, const char *output, int *status_out,
            GError **error)
{
        Process process;
        int status;

        if (!process_start(program, arguments, output, &process, error))
                return false;
        while (waitpid((pid_t)process.pid, &status, 0) < 0) {
                if (errno != EINTR)
                        return uk_fail_errno(error, errno, "waiting for %s", program);
        }
        if (!WIFEXITED(status))
                return uk_fail(error, UK_ERROR_REMOTE, "%s ended with signal %d (%s)", program,
                               WTERMSIG(status), g_strsignal(WTERMSIG(status)));
        *status_out = WEXITSTATUS(status);
        return true;
}

bool
process_runs(const Process *process)
{
        char state;
        gint64 began;

        return look(process->pid, &state, &began) && began == process->began && state != 'Z' &&
               state != 'X';
}

gint64
process_span(gint64 pid)
{
        g_autofree char *text = NULL;
        char state;
        gint64 began;
        gsize size;

        if (!look(pid, &state, &began) || state == 'Z' || state == 'X' ||
            !uk_io_read("/proc/uptime", MAX_STAT, &text, &size, NULL))
                return -1;
        double span = g_ascii_strtod(text, NULL) - (double)began / (double)sysconf(_SC_CLK_TCK);

        return MAX(0, (gint64)(span * UK_SECOND));
}

int
process_open(const Process *process)
{
        int fd = pidfd_open((pid_t)process->pid, 0);

        if (fd >= 0 && !process_runs(process))
                uk_io_close(&fd);
        return fd;
}

/* What the child does with its descriptors before it becomes the program. */
static int
prepare(posix_spawn_file_actions_t *actions, posix_spawnattr_t *attributes, const char *output)
{
        sigset_t none, all;
        int code = posix_spawn_file_actions_addopen(actions, 0, "/dev/null", O_RDONLY, 0);

        sigemptyset(&none);
        sigfillset(&all);
        if (code == 0)
                code = posix_spawn_file_actions_addopen(actions, 1, output,
                                                        O_WRONLY | O_CREAT | O_APPEND, 0640);
        if (code == 0)
                code = posix_spawn_file_actions_adddup2(actions, 1, 2);
        if (code == 0)
                code = posix_spawn_file_actions_addclosefrom_np(actions, 3);
        if (code == 0)
                code = posix_spawnattr_setsigmask(attributes, &none);
        if (code == 0)
                code = posix_spawnattr_setsigdefault(attributes, &all);
        if (code == 0)
                code = posix_spawnattr_setflags(attributes, POSIX_SPAWN_SETSID |
                                                                    POSIX_SPAWN_SETSIGMASK |
                                                                    POSIX_SPAWN_SETSIGDEF);
        return code;
}

bool
process_start(const char *program, const char *const *arguments, const char *output,
              Process *process_out, GError **error)
{
        posix_spawn_file_actions_t actions;
        posix_spawnattr_t attributes;
        pid_t pid = 0;
        char state;

        posix_spawn_file_actions_init(&actions);
        posix_spawnattr_init(&attributes);
        int code = prepare(&actions, &attributes, output);

        if (code == 0)
                code = posix_spawn(&pid, program, &actions, &attributes, (char *const *)arguments,
                                   environ);
        posix_spawn_file_actions_destroy(&actions);
        posix_spawnattr_destroy(&attributes);
        if (code != 0)
                return uk_fail_errno(error, code, "starting %s", program);
        process_out->pid = pid;
        /* As our child it keeps its entry, even when it has ended already. */
        if (!look(pid, &state, &process_out->began))
                return uk_fail(error, UK_ERROR_BROKEN, "process %d began and cannot be seen",
                               (int)pid);
        return true;
}

static bool
send_signal(int fd, int number, GError **error)
{
        if (pidfd_send_signal(fd, number, NULL, 0) != 0 && errno != ESRCH)
                return uk_fail_errno(error, errno, "ending a program");
        return true;
}

/* True when the process of fd has ended within the span. */
static bool
wait_end(int epfd, gint64 span_us)
{
        gint64 now = uk_clock_now(), deadline = now + span_us;
        struct epoll_event event;

        for (; now < deadline; now = uk_clock_now()) {
                deadline = MIN(deadline, now + span_us); /* the clock may be set back */
                if (uk_clock_epoll_wait(epfd, &event, 1, deadline) > 0)
                        return true;
        }
        return false;
}

bool
process_stop(const Process *process, gint64 grace_us, GError **error)
{
        UK_AUTOFD fd = process_open(process);
        UK_AUTOFD epfd = epoll_create1(EPOLL_CLOEXEC);
        struct epoll_event wanted = { .events = EPOLLIN };

        if (fd < 0)
                return true;
        if (epfd < 0 || epoll_ctl(epfd, EPOLL_CTL_ADD, fd, &wanted) != 0)
                return uk_fail_errno(error, errno, "watching a program end");
        if (!send_signal(fd, SIGTERM, error))
                return false;
        if (!wait_end(epfd, grace_us)) {
                if (!send_signal(fd, SIGKILL, error))
                        return false;
                if (!wait_end(epfd, grace_us))
                        return uk_fail(error, UK_ERROR_BUSY,
                                       "process %" G_GINT64_FORMAT
                                       " does not end, not even by force",
                                       process->pid);
        }
        /* If it was a child of ours its entry is taken away; if not, this does nothing. */
        waitpid((pid_t)process->pid, NULL, WNOHANG);
        return true;
}

char *
process_end_text(const Process *process)
{
        int status;

        if (waitpid((pid_t)process->pid, &status, WNOHANG) != process->pid)
                return NULL;
        if (WIFEXITED(status))
                return g_strdup_printf("exit status %d", WEXITSTATUS(status));
        return g_strdup_printf("signal %d (%s)", WTERMSIG(status), g_strsignal(WTERMSIG(status)));
}

char *
process_write(const Process *process)
{
        return g_strdup_printf("%" G_GINT64_FORMAT " %" G_GINT64_FORMAT "\n", process->pid,
                               process->began);
}

bool
process_read(const char *text, Process *process_out, GError **error)
{
        Process process;

        if (sscanf(text, "%" G_GINT64_FORMAT " %" G_GINT64_FORMAT, &process.pid, &process.began) !=
                    2 ||
            process.pid <= 1)
                return uk_fail(error, UK_ERROR_PARSE, "\"%.40s\" names no process", text);
        *process_out = process;
        return true;
}
