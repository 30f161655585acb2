/* watcher.c - reads the role's inotify instance and tells those who watch; see watcher.h. */
#include "host/watcher.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "base/io.h"

typedef struct {
        int wd;
        guint32 mask;
        WatcherFn fn;
        gpointer data;
} Watch;

struct Watcher {
        int notify_fd, stop_fd;
        pthread_t thread;
        bool started;
        pthread_mutex_t lock; /* guards watches, and the reading, so that events keep their order */
        GArray *watches;      /* Watch */
};

/* An instance tells of a file once, whoever watches it: each is told what it asked for. */
static void
tell(Watcher *watcher, const struct inotify_event *event)
{
        guint32 always = IN_IGNORED | IN_Q_OVERFLOW | IN_UNMOUNT;

        for (guint i = watcher->watches->len; i-- > 0;) {
                Watch watch = g_array_index(watcher->watches, Watch, i);

                if ((event->mask & IN_Q_OVERFLOW) == 0 && event->wd != watch.wd)
                        continue;
                if ((event->mask & IN_IGNORED) != 0)
                        g_array_remove_index_fast(watcher->watches, i);
                if ((event->mask & (watch.mask | always)) != 0)
                        watch.fn(watch.data, event->mask, event->len > 0 ? event->name : NULL);
        }
}

void
watcher_read(Watcher *watcher)
{
        char buffer[16384] __attribute__((aligned(__alignof__(struct inotify_event))));
        ssize_t size;

        pthread_mutex_lock(&watcher->lock);
        while ((size = read(watcher->notify_fd, buffer, sizeof buffer)) > 0) {
                for (char *p = buffer; p < buffer + size;) {
                        const struct inotify_event *event = (gpointer)p;

                        tell(watcher, event);
                        p += sizeof *event + event->len;
                }
        }
        pthread_mutex_unlock(&watcher->lock);
}

static void *
run(void *arg)
{
        Watcher *watcher = arg;
        struct pollfd fds[] = { { watcher->notify_fd, POLLIN, 0 },
                                { watcher->stop_fd, POLLIN, 0 } };

        while (fds[1].revents == 0) {
                if (poll(fds, G_N_ELEMENTS(fds), -1) > 0 && fds[0].revents != 0)
                        watcher_read(watcher);
        }
        return NULL;
}

Watcher *
watcher_new(GError **error)
{
        Watcher *watcher = g_new0(Watcher, 1);

        pthread_mutex_init(&watcher->lock, NULL);
        watcher->watches = g_array_new(FALSE, FALSE, sizeof(Watch));
        watcher->stop_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
        watcher->notify_fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
        if (watcher->notify_fd < 0 && errno == EMFILE)
                uk_fail(error, UK_ERROR_LIMIT,
                        "the system gives no more inotify instances (raise "
                        "fs.inotify.max_user_instances)");
        else if (watcher->notify_fd < 0 || watcher->stop_fd < 0)
                uk_fail_errno(error, errno, "making a descriptor");
        else if ((errno = pthread_create(&watcher->thread, NULL, run, watcher)) != 0)
                uk_fail_errno(error, errno, "starting a thread");
        else
                watcher->started = true;
        if (!watcher->started) {
                watcher_free(watcher);
                return NULL;
        }
        pthread_setname_np(watcher->thread, "watcher");
        return watcher;
}

void
watcher_free(Watcher *watcher)
{
        if (watcher == NULL)
                return;
        if (watcher->started) {
                eventfd_write(watcher->stop_fd, 1);
                pthread_join(watcher->thread, NULL);
        }
        uk_io_close(&watcher->notify_fd);
        uk_io_close(&watcher->stop_fd);
        g_array_unref(watcher->watches);
        pthread_mutex_destroy(&watcher->lock);
        g_free(watcher);
}

bool
watcher_add(Watcher *watcher, const char *path, guint32 mask, WatcherFn fn, gpointer data,
            GError **error)
{
        Watch watch = { .mask = mask, .fn = fn, .data = data };

        pthread_mutex_lock(&watcher->lock);
        watch.wd = inotify_add_watch(watcher->notify_fd, path, mask | IN_MASK_ADD);
        int failed = errno;
        if (watch.wd >= 0)
                g_array_append_val(watcher->watches, watch);
        pthread_mutex_unlock(&watcher->lock);
        return watch.wd >= 0 || uk_fail_errno(error, failed, "watching %s", path);
}

/* The kernel's watch ends with the last who uses it; what it still announces finds nobody. */
static void
drop(Watcher *watcher, guint index)
{
        int wd = g_array_index(watcher->watches, Watch, index).wd;

        g_array_remove_index_fast(watcher->watches, index);
        for (guint i = 0; i < watcher->watches->len; i++) {
                if (g_array_index(watcher->watches, Watch, i).wd == wd)
                        return;
        }
        inotify_rm_watch(watcher->notify_fd, wd);
}

void
watcher_remove(Watcher *watcher, gpointer data)
{
        pthread_mutex_lock(&watcher->lock);
        for (guint i = watcher->watches->len; i-- > 0;) {
                if (g_array_index(watcher->watches, Watch, i).data == data)
                        drop(watcher, i);
        }
        pthread_mutex_unlock(&watcher->lock);
}
