/* lane.c - a lane: one thread that waits for files, letters, times and commits and serves them in
 * turn.
 *
 * In: events (of the folders and of the database's bell, by the watcher; an eventfd for letters and
 * timers), the earliest time at which something is due, and the end of the role. Out: calls of
 * handlers. What becomes of files is in lane_box.c, of work by time in lane_job.c. In a test the
 * same lane is stepped without a thread.
 */
#include <errno.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/io.h"
#include "host/lane_private.h"

#define MAIN_LANE   "main"
#define NOTICE_LANE "notices"
/* Without inotify (the system's limit of instances) folders are looked at so often. */
#define BLIND_RESCAN_US (2 * UK_SECOND)
#define EVENTS          8
/* Of what happened in folders meanwhile, so much is kept; as the kernel does. */
#define MAX_EVENTS 16384
/* Commits in the time after one are followed together: of many a second most need no look. */
#define REST_NS (10 * 1000 * 1000)

static void
event_free(LaneEvent *event)
{
        g_free(event->name);
        g_free(event);
}

static Lane *
lane_of(HostComponent *component, const char *name)
{
        const char *wanted = name != NULL ? name : MAIN_LANE;

        for (guint i = 0; i < component->lanes->len; i++) {
                Lane *lane = g_ptr_array_index(component->lanes, i);

                if (strcmp(lane->name, wanted) == 0)
                        return lane;
        }
        Lane *lane = g_new0(Lane, 1);
        lane->owner = component;
        lane->name = wanted;
        lane->context = component_context_new(component, wanted);
        lane->boxes = g_ptr_array_new_with_free_func((GDestroyNotify)lane_box_free);
        lane->jobs = g_ptr_array_new_with_free_func((GDestroyNotify)lane_job_free);
        lane->epoll_fd = lane->beat_fd = -1;
        lane->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
        pthread_mutex_init(&lane->lock, NULL);
        g_ptr_array_add(component->lanes, lane);
        return lane;
}

void
lane_make_all(HostComponent *component)
{
        const ComponentDef *def = component->def;

        for (const ComponentBox *row = def->boxes; row->box != NULL; row++) {
                Lane *lane = lane_of(component, row->lane);
                LaneBox *box = lane_box_new(lane, row);

                g_ptr_array_add(lane->boxes, box);
                lane->has_folders |= box->path != NULL;
        }
        for (const ComponentTimer *row = def->timers; row->name != NULL; row++)
                lane_job_add(lane_of(component, row->lane), LANE_JOB_TIMER, row->name, row->fn,
                             row->at_start ? 0 : UK_NEVER);
        for (const ComponentSchedule *row = def->schedules; row->setting != NULL; row++)
                lane_job_add(lane_of(component, row->lane), LANE_JOB_SCHEDULE, row->setting,
                             row->fn, UK_NEVER);
        if (def->tick.fn != NULL) {
                Lane *first = component->lanes->len > 0 ? g_ptr_array_index(component->lanes, 0)
                                                        : lane_of(component, NULL);

                lane_job_add(first, LANE_JOB_TICK, def->tick.setting, def->tick.fn, UK_NEVER);
        }
        if (def->on_commit != NULL)
                lane_job_add(lane_of(component, NOTICE_LANE), LANE_JOB_COMMIT, "commits",
                             def->on_commit, 0);
}

void
lane_free(Lane *lane)
{
        uk_io_close(&lane->epoll_fd);
        uk_io_close(&lane->wake_fd);
        g_queue_clear_full(&lane->events, (GDestroyNotify)event_free);
        uk_io_close(&lane->beat_fd);
        g_ptr_array_unref(lane->boxes);
        g_ptr_array_unref(lane->jobs);
        component_context_free(lane->context);
        db_close(lane->follow);
        pthread_mutex_destroy(&lane->lock);
        g_free(lane);
}

void
lane_wake(Lane *lane)
{
        if (lane->wake_fd >= 0 && !atomic_exchange(&lane->called, true))
                eventfd_write(lane->wake_fd, 1);
}

bool
lane_work(Lane *lane, gint64 *due_out)
{
        bool worked = false;

        if (!component_enter(lane->context, due_out))
                return false;
        lane_job_plan(lane);
        /* In turn, so that a full box keeps no timer waiting and a busy mailbox no box. */
        for (guint i = 0; i < 3 && !worked; i++, lane->turn++) {
                guint source = lane->turn % 3;

                worked = source == 0 ? lane_job_serve(lane, due_out)
                                     : lane_box_serve(lane, source == 1, due_out);
        }
        component_leave(lane->context);
        return worked;
}

static bool
follows_commits(const Lane *lane)
{
        return lane->owner->def->on_commit != NULL && strcmp(lane->name, NOTICE_LANE) == 0 &&
               lane->owner->host->db_path != NULL;
}

static bool
open_follow(Lane *lane, GError **error)
{
        const Host *host = lane->owner->host;

        if (lane->follow == NULL)
                lane->follow = db_open_readonly(
                        host->db_path, (int)settings_int(host->settings, "host.db_timeout_ms"),
                        error);
        return lane->follow != NULL;
}

/* Compares the number that changes with each commit of another connection: for a writer that died
 * between commit and bell, or that is not ours. */
static void
check_commits(Lane *lane)
{
        g_autoptr(GError) error = NULL;
        gint64 version = lane->data_version;

        if (!open_follow(lane, &error) || !db_data_version(lane->follow, &version, &error))
                uk_warn("%s", error->message);
        if (version == lane->data_version)
                return;
        lane->data_version = version;
        lane_job_commit(lane);
}

void
lane_look(Lane *lane)
{
        for (guint i = 0; i < lane->boxes->len; i++)
                lane_box_look(g_ptr_array_index(lane->boxes, i));
        if (follows_commits(lane))
                check_commits(lane);
}

static bool
add_event(Lane *lane, int fd, GError **error)
{
        struct epoll_event event = { .events = EPOLLIN, .data.fd = fd };

        if (epoll_ctl(lane->epoll_fd, EPOLL_CTL_ADD, fd, &event) != 0)
                return uk_fail_errno(error, errno, "watching an event");
        return true;
}

/* Running out of inotify instances is no reason to stand still. */
static void
watch_boxes(Lane *lane)
{
        for (guint i = 0; i < lane->boxes->len; i++) {
                g_autoptr(GError) why = NULL;
                LaneBox *box = g_ptr_array_index(lane->boxes, i);

                if (box->path != NULL && !lane_box_watch(box, &why))
                        uk_warn("%s", why->message);
        }
}

static void
bell_told(gpointer data, guint32 mask, const char *name)
{
        Lane *lane = data;

        /* While it rests, its beat comes to it. */
        if (!atomic_exchange(&lane->rung, true) && !atomic_load(&lane->rests))
                lane_wake(lane);
}

/* The next beat, after which one comes each second. */
static int
set_beat(const Lane *lane, time_t seconds, long nanoseconds)
{
        struct itimerspec beat = { .it_interval.tv_sec = 1, .it_value = { seconds, nanoseconds } };

        return timerfd_settime(lane->beat_fd, 0, &beat, NULL);
}

/* If the bell rang, the commit is followed at once, those of the time right after it at its end. */
static void
take_bell(Lane *lane)
{
        if (atomic_load(&lane->rests) || !atomic_exchange(&lane->rung, false))
                return;
        lane_job_commit(lane);
        if (set_beat(lane, 0, REST_NS) == 0)
                atomic_store(&lane->rests, true);
}

/* The end of a rest, or a second in which nothing rang. */
static void
take_beat(Lane *lane)
{
        guint64 count;

        if (read(lane->beat_fd, &count, sizeof count) <= 0)
                return;
        if (!atomic_exchange(&lane->rests, false))
                check_commits(lane);
        take_bell(lane);
}

/* The bell, and once a second a look at the version: in real time, since it is for what may have
 * happened really. */
static bool
watch_commits(Lane *lane, GError **error)
{
        if (!follows_commits(lane))
                return true;
        if (!open_follow(lane, error))
                return false;
        g_autoptr(GError) why = NULL;
        const char *bell = db_bell(lane->follow, &why);
        Watcher *watcher = lane->owner->host->watcher;
        if (bell == NULL ||
            (watcher != NULL && !watcher_add(watcher, bell, IN_ATTRIB, bell_told, lane, &why)))
                uk_warn("Commits are noticed every second only: %s", why->message);
        lane->beat_fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
        if (lane->beat_fd < 0 || set_beat(lane, 1, 0) != 0)
                return uk_fail_errno(error, errno, "making a timer");
        return add_event(lane, lane->beat_fd, error);
}

void
lane_box_told(gpointer data, guint32 mask, const char *name)
{
        LaneBox *box = data;
        Lane *lane = box->lane;

        if (name != NULL && !lane_box_fits(box, name))
                return;
        LaneEvent *event = g_new0(LaneEvent, 1);
        event->box = (mask & IN_Q_OVERFLOW) == 0 ? box : NULL;
        event->mask = mask;
        event->name = g_strdup(name);
        pthread_mutex_lock(&lane->lock);
        /* A lane that is busy for long looks at everything afterwards. */
        if (lane->events.length >= MAX_EVENTS) {
                g_queue_clear_full(&lane->events, (GDestroyNotify)event_free);
                event->box = NULL;
        }
        g_queue_push_tail(&lane->events, event);
        pthread_mutex_unlock(&lane->lock);
        lane_wake(lane);
}

static void
take_event(Lane *lane, const LaneEvent *event)
{
        if (event->box != NULL) {
                lane_box_event(event->box, event->mask, event->name);
                return;
        }
        for (guint i = 0; i < lane->boxes->len; i++)
                lane_box_look(g_ptr_array_index(lane->boxes, i));
}

void
lane_read_events(Lane *lane)
{
        if (lane->owner->host->watcher != NULL)
                watcher_read(lane->owner->host->watcher);
        pthread_mutex_lock(&lane->lock);
        GQueue events = lane->events;
        g_queue_init(&lane->events);
        pthread_mutex_unlock(&lane->lock);
        for (LaneEvent *event; (event = g_queue_pop_head(&events)) != NULL;) {
                take_event(lane, event);
                event_free(event);
        }
}

static void
read_event(Lane *lane, int fd)
{
        guint64 count;

        if (fd == lane->beat_fd) {
                take_beat(lane);
        } else if (fd == lane->wake_fd) {
                eventfd_read(fd, &count);
                /* Before the look: what is told from now on calls again. */
                atomic_store(&lane->called, false);
                lane_read_events(lane);
                take_bell(lane);
        }
}

/* A folder that is gone, or was made anew, is watched again as soon as it is there. */
static bool
sees_all(const Lane *lane)
{
        for (guint i = 0; i < lane->boxes->len; i++) {
                LaneBox *box = g_ptr_array_index(lane->boxes, i);

                if (box->path != NULL && !box->watched && !lane_box_watch(box, NULL))
                        return false;
        }
        return lane->owner->host->watcher != NULL;
}

/* Everything is looked at now and then, in case an event was lost. */
static void
rescan(Lane *lane, gint64 *due)
{
        if (!lane->has_folders)
                return;
        gint64 now = uk_clock_now();
        gint64 span = sees_all(lane) ? UK_SECOND * settings_int(lane->owner->host->settings,
                                                                "host.rescan_seconds")
                                     : BLIND_RESCAN_US;

        if (now >= lane->rescan_us || lane->rescan_us > now + span) {
                for (guint i = 0; i < lane->boxes->len; i++)
                        lane_box_look(g_ptr_array_index(lane->boxes, i));
                lane->rescan_us = now + span;
                *due = now;
        }
        *due = MIN(*due, lane->rescan_us);
}

static void *
run(void *arg)
{
        Lane *lane = arg;
        struct epoll_event events[EVENTS];

        uk_log_bind(lane->owner->log);
        while (!host_stopping(lane->owner->host)) {
                gint64 due = UK_NEVER;
                bool worked = lane_work(lane, &due);

                if (!worked)
                        rescan(lane, &due);
                /* After work only what has happened meanwhile is taken in. */
                int count = uk_clock_epoll_wait(lane->epoll_fd, events, EVENTS, worked ? 0 : due);
                for (int i = 0; i < count; i++)
                        read_event(lane, events[i].data.fd);
        }
        uk_log_bind(NULL);
        return NULL;
}

static void
name_thread(Lane *lane)
{
        /* The system keeps 15 characters; the log's file name tells more than SMS_… */
        const char *log = lane->owner->def->log;
        g_autofree char *name = g_strdup_printf("%.*s/%s", (int)strcspn(log, "."), log, lane->name);

        if (strlen(name) > 15)
                name[15] = '\0';
        pthread_setname_np(lane->thread, name);
}

bool
lane_start(Lane *lane, GError **error)
{
        UK_DOING(error, "starting lane %s of %s", lane->name, lane->owner->def->name);

        lane->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
        if (lane->epoll_fd < 0 || lane->wake_fd < 0)
                return uk_fail_errno(error, errno, "making a descriptor");
        if (!add_event(lane, lane->wake_fd, error) ||
            !add_event(lane, host_stop_fd(lane->owner->host), error) || !watch_commits(lane, error))
                return false;
        watch_boxes(lane);
        int failed = pthread_create(&lane->thread, NULL, run, lane);
        if (failed != 0)
                return uk_fail_errno(error, failed, "starting a thread");
        lane->started = true;
        name_thread(lane);
        return true;
}

void
lane_join(Lane *lane)
{
        if (!lane->started)
                return;
        pthread_join(lane->thread, NULL);
        lane->started = false;
}
