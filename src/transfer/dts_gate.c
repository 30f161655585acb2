/* dts_gate.c - a bucket of bytes that fills at the rate, and the schedule of a week.
 *
 * A block passes whole when the bucket is above zero and may take it below; the next one waits
 * until it is above again. So blocks of any size pass, and the rate holds on the average of a
 * second. Who waits looks again at once when rate or schedule change.
 */
#include "transfer/dts_gate.h"

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/io.h"

struct DtsGate {
        pthread_mutex_t lock; /* guards all below */
        gint64 rate;          /* bytes a second, 0 none */
        char *schedule;       /* "" or 168 letters */
        double level;         /* bytes that may pass; below 0: owed */
        gint64 filled_us;
        GPtrArray *passers; /* DtsPasser, borrowed */
};

struct DtsPasser {
        DtsGate *gate;
        int priority;
        int wake_fd, epoll_fd;
        atomic_bool cancelled;
};

DtsGate *
dts_gate_new(void)
{
        DtsGate *gate = g_new0(DtsGate, 1);

        pthread_mutex_init(&gate->lock, NULL);
        gate->schedule = g_strdup("");
        gate->filled_us = uk_clock_now();
        gate->passers = g_ptr_array_new();
        return gate;
}

void
dts_gate_free(DtsGate *gate)
{
        if (gate == NULL)
                return;
        g_ptr_array_unref(gate->passers);
        g_free(gate->schedule);
        pthread_mutex_destroy(&gate->lock);
        g_free(gate);
}

static bool
is_schedule(const char *text)
{
        return text[0] == '\0' || (strlen(text) == DTS_HOURS && strspn(text, "AMHC") == DTS_HOURS);
}

bool
dts_gate_set(DtsGate *gate, gint64 rate, const char *schedule)
{
        bool good = is_schedule(schedule);

        pthread_mutex_lock(&gate->lock);
        if (gate->rate != rate)
                gate->level = 0;
        gate->rate = rate;
        if (good) {
                g_free(gate->schedule);
                gate->schedule = g_strdup(schedule);
        }
        for (guint i = 0; i < gate->passers->len; i++)
                eventfd_write(((DtsPasser *)g_ptr_array_index(gate->passers, i))->wake_fd, 1);
        pthread_mutex_unlock(&gate->lock);
        return good;
}

static bool
letter_allows(char letter, int priority)
{
        return letter == 'A' || (letter == 'M' && priority <= 2) ||
               (letter == 'H' && priority <= 1);
}

static bool
open_at(const DtsGate *gate, int priority, time_t when)
{
        struct tm local;

        if (gate->schedule[0] == '\0')
                return true;
        localtime_r(&when, &local);
        return letter_allows(gate->schedule[local.tm_wday * 24 + local.tm_hour], priority);
}

/* The lock is held. The hours are walked in the machine's own time, whatever its clock changes. */
static bool
is_open(const DtsGate *gate, int priority, gint64 *next_out)
{
        time_t now = (time_t)(uk_clock_now() / UK_SECOND);
        struct tm local;
        time_t hour;

        if (open_at(gate, priority, now))
                return true;
        localtime_r(&now, &local);
        hour = now - local.tm_min * 60 - local.tm_sec;
        *next_out = UK_NEVER;
        for (int i = 1; i <= DTS_HOURS && *next_out == UK_NEVER; i++) {
                if (open_at(gate, priority, hour + i * 3600))
                        *next_out = (gint64)(hour + i * 3600) * UK_SECOND;
        }
        return false;
}

bool
dts_gate_open(DtsGate *gate, int priority, gint64 *next_out)
{
        bool open;

        pthread_mutex_lock(&gate->lock);
        open = is_open(gate, priority, next_out);
        pthread_mutex_unlock(&gate->lock);
        return open;
}

static int
make_epoll(int wake_fd, int stop_fd)
{
        int fds[] = { wake_fd, stop_fd };
        int epoll_fd = epoll_create1(EPOLL_CLOEXEC);

        for (guint i = 0; i < G_N_ELEMENTS(fds); i++) {
                struct epoll_event event = { .events = EPOLLIN, .data.fd = fds[i] };

                if (fds[i] >= 0)
                        epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fds[i], &event);
        }
        return epoll_fd;
}

DtsPasser *
dts_passer_new(DtsGate *gate, int priority, int stop_fd)
{
        DtsPasser *passer = g_new0(DtsPasser, 1);

        passer->gate = gate;
        passer->priority = priority;
        passer->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
        passer->epoll_fd = make_epoll(passer->wake_fd, stop_fd);
        pthread_mutex_lock(&gate->lock);
        g_ptr_array_add(gate->passers, passer);
        pthread_mutex_unlock(&gate->lock);
        return passer;
}

void
dts_passer_free(DtsPasser *passer)
{
        if (passer == NULL)
                return;
        pthread_mutex_lock(&passer->gate->lock);
        g_ptr_array_remove_fast(passer->gate->passers, passer);
        pthread_mutex_unlock(&passer->gate->lock);
        uk_io_close(&passer->epoll_fd);
        uk_io_close(&passer->wake_fd);
        g_free(passer);
}

void
dts_passer_cancel(DtsPasser *passer)
{
        atomic_store(&passer->cancelled, true);
        eventfd_write(passer->wake_fd, 1);
}

bool
dts_passer_cancelled(const DtsPasser *passer)
{
        return atomic_load(&passer->cancelled);
}

/* Fills the bucket up to now; a quarter of a second's worth is kept at most. The lock is held. */
static void
fill(DtsGate *gate, gint64 now)
{
        gint64 passed = MAX(now - gate->filled_us, 0);

        gate->filled_us = now;
        gate->level = MIN(gate->level + (double)gate->rate * (double)passed / UK_SECOND,
                          (double)gate->rate / 4);
}

/* Whether the bytes may pass now; if not, *due_out is when to look again. The lock is held. */
static bool
try_take(DtsPasser *passer, gsize bytes, gint64 *due_out)
{
        DtsGate *gate = passer->gate;
        gint64 now = uk_clock_now();

        if (gate->rate <= 0)
                return true;
        fill(gate, now);
        if (gate->level > 0) {
                gate->level -= (double)bytes;
                return true;
        }
        *due_out = now + 1 + (gint64)(-gate->level * UK_SECOND / (double)gate->rate);
        return false;
}

/* Waits for the time, a change, or the stop; false when it is the stop. */
static bool
wait_until(DtsPasser *passer, gint64 due)
{
        struct epoll_event events[2];
        eventfd_t count;
        int ready = uk_clock_epoll_wait(passer->epoll_fd, events, 2, due);

        for (int i = 0; i < ready; i++) {
                if (events[i].data.fd != passer->wake_fd)
                        return false;
                eventfd_read(passer->wake_fd, &count);
        }
        return true;
}

bool
dts_passer_take(DtsPasser *passer, gsize bytes, GError **error)
{
        for (;;) {
                gint64 due = 0, next;
                bool open, passed;

                if (dts_passer_cancelled(passer))
                        return uk_fail(error, UK_ERROR_CANCELLED, "the job was removed");
                pthread_mutex_lock(&passer->gate->lock);
                open = is_open(passer->gate, passer->priority, &next);
                passed = open && try_take(passer, bytes, &due);
                pthread_mutex_unlock(&passer->gate->lock);
                if (!open)
                        return uk_fail(error, UK_ERROR_NOT_YET,
                                       "the schedule allows no transfer of priority %d now",
                                       passer->priority);
                if (passed)
                        return true;
                if (!wait_until(passer, due))
                        return uk_fail(error, UK_ERROR_CANCELLED, "the program stops");
        }
}
