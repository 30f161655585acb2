/* control.c - what reaches a role from outside: signals, changed settings, a clock that was set, a
 * restore; and what it tells: the ready file, the service manager's datagram.
 *
 * In: SIGTERM, SIGINT (end), SIGHUP and changes in etc/upkeep (settings), a jump of the system's
 * clock, the note of a restore in var/lib/upkeep. Out: run/upkeep/<role>.ready with process and
 * ports, READY=1 and its kin. One thread.
 */
#include "host/control.h"

#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/io.h"
#include "backup/place.h"

struct Control {
        Host *host;
        pthread_t thread;
        int epoll_fd, signal_fd, changed_fd, clock_fd; /* changed_fd: an eventfd */
        atomic_bool settings_changed;
};

static void
fill_signals(sigset_t *set)
{
        sigemptyset(set);
        sigaddset(set, SIGTERM);
        sigaddset(set, SIGINT);
        sigaddset(set, SIGHUP);
}

void
control_block_signals(void)
{
        sigset_t set;

        fill_signals(&set);
        pthread_sigmask(SIG_BLOCK, &set, NULL);
        signal(SIGPIPE, SIG_IGN);
}

static char *
run_path(const Host *host, const char *suffix)
{
        return g_strdup_printf("%s/%s.%s", host->run_dir, host->role->role, suffix);
}

void
control_notify(const char *text)
{
        const char *path = g_getenv("NOTIFY_SOCKET");
        struct sockaddr_un address = { .sun_family = AF_UNIX };

        if (path == NULL || strlen(path) < 2 || strlen(path) >= sizeof address.sun_path)
                return;
        memcpy(address.sun_path, path, strlen(path));
        if (*path == '@')
                address.sun_path[0] = '\0';
        UK_AUTOFD fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        socklen_t size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(path));
        if (fd < 0 ||
            sendto(fd, text, strlen(text), MSG_NOSIGNAL, (struct sockaddr *)&address, size) < 0)
                uk_warn("The service manager could not be told \"%s\": %s", text,
                        g_strerror(errno));
}

bool
control_ready(Host *host, GError **error)
{
        g_autofree char *path = run_path(host, "ready");
        g_autoptr(GString) text = g_string_new(NULL);

        g_string_append_printf(text, "pid=%d\n", (int)getpid());
        for (guint i = 0; i < G_N_ELEMENTS(host->role->listens); i++) {
                const HostListen *listen = &host->role->listens[i];

                if (listen->setting == NULL)
                        break;
                g_string_append_printf(text, "%s=%u\n", listen->name,
                                       host_port(host, listen->name));
        }
        if (!uk_io_replace(path, text->str, text->len, 0644, error))
                return false;
        control_notify("READY=1");
        return true;
}

void
control_not_ready(Host *host)
{
        g_autofree char *path = run_path(host, "ready");
        g_autoptr(GError) error = NULL;

        control_notify(atomic_load(&host->again) ? "RELOADING=1" : "STOPPING=1");
        if (!uk_io_unlink(path, &error))
                uk_warn("%s", error->message);
}

static void
reload(Host *host)
{
        control_notify("RELOADING=1");
        host_reload(host);
        control_notify("READY=1");
}

static void
on_signal(Control *control)
{
        struct signalfd_siginfo info;

        while (read(control->signal_fd, &info, sizeof info) == (ssize_t)sizeof info) {
                if (info.ssi_signo == SIGHUP) {
                        reload(control->host);
                } else {
                        uk_log("Stopping on signal %u", info.ssi_signo);
                        host_stop(control->host);
                }
        }
}

/* A restore waits until this program has let go of everything it has open. */
static void
look_for_restore(Control *control)
{
        if (!backup_note_exists(control->host->root) || host_stopping(control->host))
                return;
        uk_log("A restore was asked for: beginning anew with what it brings");
        host_begin_anew(control->host);
}

/* The watcher's calls: of the settings' folder, and of the one in which the note appears. */
static void
settings_told(gpointer data, guint32 mask, const char *name)
{
        Control *control = data;
        g_autofree char *own = g_strconcat(control->host->role->role, ".conf", NULL);

        if (g_strcmp0(name, own) != 0 && g_strcmp0(name, "upkeep.conf") != 0 &&
            (mask & IN_Q_OVERFLOW) == 0)
                return;
        atomic_store(&control->settings_changed, true);
        eventfd_write(control->changed_fd, 1);
}

static void
note_told(gpointer data, guint32 mask, const char *name)
{
        Control *control = data;

        eventfd_write(control->changed_fd, 1);
}

static void
on_folders(Control *control)
{
        eventfd_t count;

        eventfd_read(control->changed_fd, &count);
        look_for_restore(control);
        if (atomic_exchange(&control->settings_changed, false) && !host_stopping(control->host))
                reload(control->host);
}

/* A timer far ahead that the kernel cancels when the system's clock is set: lanes whose deadlines
 * are now wrong look again. */
static void
arm_clock(Control *control)
{
        struct itimerspec far = { .it_value.tv_sec = G_MAXINT32 };
        guint64 count;

        if (read(control->clock_fd, &count, sizeof count) < 0 && errno == ECANCELED) {
                uk_log("The system's clock was set");
                host_wake(control->host);
        }
        timerfd_settime(control->clock_fd, TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET, &far, NULL);
}

static void *
run(void *arg)
{
        Control *control = arg;
        struct epoll_event events[4];

        uk_log_bind(control->host->self->log);
        while (!host_stopping(control->host)) {
                int count = uk_clock_epoll_wait(control->epoll_fd, events, 4, UK_NEVER);

                for (int i = 0; i < count; i++) {
                        if (events[i].data.fd == control->signal_fd)
                                on_signal(control);
                        else if (events[i].data.fd == control->changed_fd)
                                on_folders(control);
                        else if (events[i].data.fd == control->clock_fd)
                                arm_clock(control);
                }
        }
        uk_log_bind(NULL);
        return NULL;
}

/* Watches the settings, and the folder in which the note of a restore appears. */
static void
watch_folders(Control *control)
{
        Host *host = control->host;
        g_autofree char *above = g_path_get_dirname(host->state_dir);
        g_autoptr(GError) settings = NULL, note = NULL;

        host_watch(host);
        if (host->watcher != NULL &&
            !watcher_add(host->watcher, host->etc_dir,
                         IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE, settings_told,
                         control, &settings))
                uk_warn("Changes of the settings take effect on SIGHUP only: %s",
                        settings->message);
        if (host->watcher != NULL &&
            !watcher_add(host->watcher, above, IN_MOVED_TO, note_told, control, &note))
                uk_warn("A restore would not be noticed: %s", note->message);
        look_for_restore(control);
}

static bool
open_all(Control *control, GError **error)
{
        Host *host = control->host;
        sigset_t set;

        fill_signals(&set);
        control->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
        control->signal_fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
        control->clock_fd = timerfd_create(CLOCK_REALTIME, TFD_NONBLOCK | TFD_CLOEXEC);
        control->changed_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
        watch_folders(control);
        int fds[] = { control->signal_fd, control->clock_fd, host->stop_fd, control->changed_fd };
        for (guint i = 0; i < G_N_ELEMENTS(fds); i++) {
                struct epoll_event event = { .events = EPOLLIN, .data.fd = fds[i] };

                if (epoll_ctl(control->epoll_fd, EPOLL_CTL_ADD, fds[i], &event) != 0)
                        return uk_fail_errno(error, errno, "watching an event");
        }
        arm_clock(control);
        return true;
}

static void
close_all(Control *control)
{
        if (control->host->watcher != NULL)
                watcher_remove(control->host->watcher, control);
        int *fds[] = { &control->epoll_fd, &control->signal_fd, &control->clock_fd,
                       &control->changed_fd };

        for (guint i = 0; i < G_N_ELEMENTS(fds); i++) {
                if (*fds[i] >= 0)
                        uk_io_close(fds[i]);
        }
        g_free(control);
}

Control *
control_start(Host *host, GError **error)
{
        Control *control = g_new0(Control, 1);

        control->host = host;
        control->epoll_fd = control->signal_fd = control->clock_fd = -1;
        control->changed_fd = -1;
        if (!open_all(control, error)) {
                close_all(control);
                return NULL;
        }
        int failed = pthread_create(&control->thread, NULL, run, control);
        if (failed != 0) {
                uk_fail_errno(error, failed, "starting a thread");
                close_all(control);
                return NULL;
        }
        pthread_setname_np(control->thread, "control");
        return control;
}

void
control_wait(Control *control)
{
        pthread_join(control->thread, NULL);
        close_all(control);
}
