/* clock.c - tells the time and waits; the system's clock, or the one of a lab's clock file.
 *
 * The file holds, twice, the real time at which the rate last changed, the clock's time then, and
 * the rate; a number says which of the two holds. A writer fills the other one and then adds one
 * to the number, so that a reader never waits and a writer that dies does no harm. The mapping is
 * one of the few file-level variables: set once, before the first thread.
 */
#include "base/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdatomic.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "base/io.h"

#define CLOCK_MAGIC  G_GUINT64_CONSTANT(0x314b434f4c434b55) /* "UKCLOCK1" */
#define RATE_UNIT    1000                                   /* rates are kept in thousandths */
#define RATE_MAX     1000000
#define LOOK_AGAIN   (UK_SECOND / 10) /* real time after which a followed clock is read again */
#define LONGEST_WAIT (UK_DAY)         /* real time of one poll; the loop goes on */

typedef struct {
        _Atomic gint64 real_us;  /* system time at the last change */
        _Atomic gint64 clock_us; /* this clock's time then */
        _Atomic gint64 rate;     /* thousandths */
} ClockSlot;

typedef struct {
        guint64 magic;
        _Atomic guint64 number; /* slot[number & 1] holds */
        ClockSlot slot[2];
} ClockFile;

static _Atomic(ClockFile *) followed;

static gint64
read_clock(clockid_t id)
{
        struct timespec ts;

        clock_gettime(id, &ts);
        return ts.tv_sec * UK_SECOND + ts.tv_nsec / 1000;
}

/* All that a clock file says, from one moment. */
typedef struct {
        gint64 real_us, clock_us, rate;
        gint64 now_us; /* system time at which this held */
} Reading;

static Reading
read_file(ClockFile *file)
{
        Reading r;
        guint64 number;

        do {
                number = atomic_load(&file->number);
                ClockSlot *slot = &file->slot[number & 1];
                r.real_us = atomic_load(&slot->real_us);
                r.clock_us = atomic_load(&slot->clock_us);
                r.rate = atomic_load(&slot->rate);
                r.now_us = read_clock(CLOCK_REALTIME);
        } while (atomic_load(&file->number) != number);
        r.rate = CLAMP(r.rate, RATE_UNIT, (gint64)RATE_MAX * RATE_UNIT);
        return r;
}

static gint64
time_of(const Reading *r)
{
        /* 128 bits: a day at a million times is beyond 63 bits of thousandths. */
        __int128 passed = (__int128)(r->now_us - r->real_us) * r->rate / RATE_UNIT;

        return r->clock_us + (gint64)passed;
}

gint64
uk_clock_now(void)
{
        ClockFile *file = atomic_load(&followed);

        if (file == NULL)
                return read_clock(CLOCK_REALTIME);
        Reading r = read_file(file);
        return time_of(&r);
}

gint64
uk_clock_files(void)
{
        struct timespec ts;

        clock_gettime(CLOCK_REALTIME, &ts);
        return (gint64)ts.tv_sec * UK_SECOND + ts.tv_nsec / 1000;
}

gint64
uk_clock_mono(void)
{
        return read_clock(CLOCK_MONOTONIC);
}

gint64
uk_clock_due(gint64 due_us, gint64 longest_us, gint64 now_us)
{
        return due_us != UK_NEVER && due_us - now_us > longest_us ? now_us : due_us;
}

void
uk_clock_cond_init(pthread_cond_t *cond)
{
        pthread_condattr_t monotonic;

        pthread_condattr_init(&monotonic);
        pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
        pthread_cond_init(cond, &monotonic);
        pthread_condattr_destroy(&monotonic);
}

bool
uk_clock_cond_wait(pthread_cond_t *cond, pthread_mutex_t *lock, gint64 until_us)
{
        const struct timespec until = { until_us / UK_SECOND, until_us % UK_SECOND * 1000 };

        return pthread_cond_timedwait(cond, lock, &until) != ETIMEDOUT;
}

static void
write_slot(ClockFile *file, const Reading *r)
{
        guint64 number = atomic_load(&file->number);
        ClockSlot *slot = &file->slot[(number + 1) & 1];

        atomic_store(&slot->real_us, r->real_us);
        atomic_store(&slot->clock_us, r->clock_us);
        atomic_store(&slot->rate, r->rate);
        atomic_store(&file->number, number + 1);
}

/* Makes a clock file of rate 1 unless there is one; of two makers one wins, and both use it. */
static bool
make_file(const char *path, GError **error)
{
        gint64 now = read_clock(CLOCK_REALTIME);
        ClockFile content = { .magic = CLOCK_MAGIC };
        Reading start = { .real_us = now, .clock_us = now, .rate = RATE_UNIT };
        g_autofree char *temporary = g_strdup_printf("%s.%d.tmp", path, (int)gettid());
        g_autoptr(GError) local = NULL;

        if (access(path, F_OK) == 0)
                return true;
        write_slot(&content, &start);
        if (!uk_io_replace(temporary, &content, sizeof content, 0640, error))
                return false;
        bool made = uk_io_link(temporary, path, &local);
        if (!uk_io_unlink(temporary, error))
                return false;
        if (!made && !g_error_matches(local, UK_ERROR, UK_ERROR_EXISTS)) {
                g_propagate_error(error, g_steal_pointer(&local));
                return false;
        }
        return true;
}

/* Maps a clock file; *fd_out, if wanted, is its descriptor (the caller's). */
static ClockFile *
map_file(const char *path, bool writing, int *fd_out, GError **error)
{
        UK_AUTOFD fd = open(path, (writing ? O_RDWR : O_RDONLY) | O_CLOEXEC);
        struct stat st;

        if (fd < 0 || fstat(fd, &st) != 0) {
                uk_fail_errno(error, errno, "opening clock file %s", path);
                return NULL;
        }
        if (!S_ISREG(st.st_mode) || st.st_size != sizeof(ClockFile)) {
                uk_fail(error, UK_ERROR_CONFIG, "%s is not a clock file", path);
                return NULL;
        }
        ClockFile *file =
                mmap(NULL, sizeof *file, PROT_READ | (writing ? PROT_WRITE : 0), MAP_SHARED, fd, 0);
        if (file == MAP_FAILED) {
                uk_fail_errno(error, errno, "mapping clock file %s", path);
                return NULL;
        }
        if (file->magic != CLOCK_MAGIC) {
                munmap(file, sizeof *file);
                uk_fail(error, UK_ERROR_CONFIG, "%s is not a clock file", path);
                return NULL;
        }
        if (fd_out != NULL) {
                *fd_out = fd;
                fd = -1;
        }
        return file;
}

bool
uk_clock_follow(const char *path, GError **error)
{
        if (!make_file(path, error))
                return false;
        ClockFile *file = map_file(path, false, NULL, error);
        if (file == NULL)
                return false;
        atomic_store(&followed, file);
        return true;
}

/* Changes the clock file under a lock: at this real moment it goes on from where it is plus
 * step_us, with the rate given (0: as before). */
static bool
change_file(const char *path, gint64 step_us, gint64 rate, GError **error)
{
        UK_AUTOFD fd = -1;
        ClockFile *file = NULL;

        if (!make_file(path, error) || (file = map_file(path, true, &fd, error)) == NULL)
                return false;
        while (flock(fd, LOCK_EX) != 0 && errno == EINTR)
                continue;
        Reading r = read_file(file);
        Reading next = { .real_us = r.now_us,
                         .clock_us = time_of(&r) + step_us,
                         .rate = rate != 0 ? rate : r.rate };
        write_slot(file, &next);
        munmap(file, sizeof *file);
        return true;
}

bool
uk_clock_set_rate(const char *path, double rate, GError **error)
{
        if (!(rate >= 1 && rate <= RATE_MAX))
                return uk_fail(error, UK_ERROR_INVALID, "a clock's rate is between 1 and %d",
                               RATE_MAX);
        return change_file(path, 0, (gint64)(rate * RATE_UNIT + 0.5), error);
}

bool
uk_clock_step(const char *path, gint64 step_us, GError **error)
{
        return change_file(path, step_us, 0, error);
}

/* Polls the descriptors for at most span_us of real time. */
static int
poll_for(struct pollfd *fds, nfds_t count, gint64 span_us)
{
        struct timespec span = { .tv_sec = span_us / UK_SECOND,
                                 .tv_nsec = span_us % UK_SECOND * 1000 };

        return ppoll(fds, count, &span, NULL);
}

/* A timer that becomes readable at deadline_us of the system's clock, and at once when that clock
 * is set; -1 where there is none (then the wait is cut into slices). */
static int
arm_timer(gint64 deadline_us)
{
        UK_AUTOFD fd = timerfd_create(CLOCK_REALTIME, TFD_CLOEXEC | TFD_NONBLOCK);
        struct itimerspec at = { .it_value = { .tv_sec = deadline_us / UK_SECOND,
                                               .tv_nsec = deadline_us % UK_SECOND * 1000 } };
        int result;

        if (fd < 0 || timerfd_settime(fd, TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET, &at, NULL))
                return -1;
        result = fd;
        fd = -1;
        return result;
}

/* Waits once on the system's clock. */
static void
wait_on_system(int watched, gint64 deadline_us, gint64 left_us)
{
        UK_AUTOFD timer = deadline_us > 0 ? arm_timer(deadline_us) : -1;
        struct pollfd fds[2] = { { .fd = watched, .events = POLLIN },
                                 { .fd = timer, .events = POLLIN } };

        poll_for(fds, 2, timer >= 0 ? LONGEST_WAIT : MIN(left_us, LOOK_AGAIN));
}

/* Waits once on a followed clock: as long as it needs at its present rate, in slices, because its
 * next change comes without an event. */
static void
wait_on_file(int watched, ClockFile *file, gint64 left_us)
{
        Reading r = read_file(file);
        struct pollfd fd = { .fd = watched, .events = POLLIN };
        __int128 real = (__int128)left_us * RATE_UNIT / r.rate + 1;

        poll_for(&fd, 1, real < LOOK_AGAIN ? (gint64)real : LOOK_AGAIN);
}

/* Waits until watched is readable or the deadline, or returns early. */
static void
wait_once(int watched, gint64 deadline_us, gint64 left_us)
{
        ClockFile *file = atomic_load(&followed);

        if (deadline_us == UK_NEVER) {
                struct pollfd fd = { .fd = watched, .events = POLLIN };
                poll_for(&fd, 1, LONGEST_WAIT);
        } else if (file == NULL) {
                wait_on_system(watched, deadline_us, left_us);
        } else {
                wait_on_file(watched, file, left_us);
        }
}

int
uk_clock_epoll_wait(int epfd, struct epoll_event *events, int max, gint64 deadline_us)
{
        gint64 before = G_MININT64;

        for (;;) {
                int count = epoll_wait(epfd, events, max, 0);
                gint64 now;

                if (count > 0)
                        return count;
                if (count < 0 && errno != EINTR)
                        g_error("waiting: %s", g_strerror(errno));
                now = uk_clock_now();
                if (now >= deadline_us || (now < before && deadline_us != UK_NEVER))
                        return 0;
                before = now;
                /* The descriptor of an epoll set is itself readable when it has events. */
                wait_once(epfd, deadline_us, deadline_us == UK_NEVER ? 0 : deadline_us - now);
        }
}

static bool
is_stopped(int stop_fd)
{
        struct pollfd fd = { .fd = stop_fd, .events = POLLIN };

        return stop_fd >= 0 && poll(&fd, 1, 0) > 0;
}

/* A span on the system's clock is measured by the one that never jumps. */
static bool
sleep_really(gint64 span_us, int stop_fd)
{
        gint64 end = uk_clock_mono() + MIN(span_us, UK_NEVER - uk_clock_mono() - UK_DAY);
        gint64 left;

        while (!is_stopped(stop_fd)) {
                struct pollfd fd = { .fd = stop_fd, .events = POLLIN };

                if ((left = end - uk_clock_mono()) <= 0)
                        return true;
                poll_for(&fd, 1, MIN(left, LONGEST_WAIT));
        }
        return false;
}

bool
uk_clock_sleep(gint64 span_us, int stop_fd)
{
        ClockFile *file = atomic_load(&followed);

        if (file == NULL)
                return sleep_really(span_us, stop_fd);
        gint64 before = uk_clock_now(), now = before;
        gint64 left = span_us;

        while (!is_stopped(stop_fd)) {
                now = uk_clock_now();
                left -= MAX(now - before, 0); /* set back, it has gone on by next to nothing */
                if (left <= 0)
                        return true;
                before = now;
                wait_on_file(stop_fd, file, left);
        }
        return false;
}

/* Seconds since 1970, rounded down, with the microseconds that are left. */
static struct tm
split(gint64 us, int *micro_out)
{
        gint64 micro = us % UK_SECOND;
        struct tm tm;

        if (micro < 0)
                micro += UK_SECOND;
        time_t seconds = (time_t)((us - micro) / UK_SECOND);
        gmtime_r(&seconds, &tm);
        *micro_out = (int)micro;
        return tm;
}

/* Rows carry times by the hundred thousand, for which printf takes too long. */
static void
put_digits(char *at, int count, int number)
{
        for (int i = count - 1; i >= 0; i--, number /= 10)
                at[i] = (char)('0' + number % 10);
}

char *
uk_clock_iso(gint64 us)
{
        static const char form[] = "0000-00-00T00:00:00.000Z";
        int micro;
        struct tm tm = split(us, &micro);
        char *text;

        if (tm.tm_year + 1900 < 0 || tm.tm_year + 1900 > 9999)
                return g_strdup_printf("%04d-%02d-%02dT%02d:%02d:%02d.%03dZ", tm.tm_year + 1900,
                                       tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec,
                                       micro / 1000);
        text = g_memdup2(form, sizeof form);
        put_digits(text, 4, tm.tm_year + 1900);
        put_digits(text + 5, 2, tm.tm_mon + 1);
        put_digits(text + 8, 2, tm.tm_mday);
        put_digits(text + 11, 2, tm.tm_hour);
        put_digits(text + 14, 2, tm.tm_min);
        put_digits(text + 17, 2, tm.tm_sec);
        put_digits(text + 20, 3, micro / 1000);
        return text;
}

char *
uk_clock_sql_like(gint64 us)
{
        int micro;
        struct tm tm = split(us, &micro);

        return g_strdup_printf("%04d-%02d-%02d %02d:%02d:%02d", tm.tm_year + 1900, tm.tm_mon + 1,
                               tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec);
}

/* Exactly `count` digits, then the character behind them ('\0' for: any). */
static bool
take_number(const char **text, int count, char behind, int *number_out)
{
        int number = 0;

        for (int i = 0; i < count; i++) {
                if (!g_ascii_isdigit((*text)[i]))
                        return false;
                number = number * 10 + ((*text)[i] - '0');
        }
        *text += count;
        if (behind != '\0' && *(*text)++ != behind)
                return false;
        *number_out = number;
        return true;
}

/* A point and one to nine digits, or nothing; what is finer than microseconds is cut off. */
static bool
take_fraction(const char **text, gint64 *micro_out)
{
        gint64 unit = UK_SECOND / 10;
        const char *start;

        *micro_out = 0;
        if (**text != '.')
                return true;
        start = ++*text;
        for (; g_ascii_isdigit(**text); ++*text, unit /= 10)
                *micro_out += (**text - '0') * unit;
        return *text > start && *text - start <= 9;
}

static int
days_in(int year, int month)
{
        static const int days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
        bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

        return days[month - 1] + (month == 2 && leap ? 1 : 0);
}

static bool
in_range(const struct tm *tm)
{
        return tm->tm_mon >= 1 && tm->tm_mon <= 12 && tm->tm_mday >= 1 &&
               tm->tm_mday <= days_in(tm->tm_year, tm->tm_mon) && tm->tm_hour <= 23 &&
               tm->tm_min <= 59 && tm->tm_sec <= 59;
}

/* Of the Gregorian calendar, counted from years that begin in March, so that the day of a leap
 * year is the last of its year. (timegm asks for the time zone each time.) */
static gint64
days_since_1970(int year, int month, int day)
{
        gint64 y = month > 2 ? year : year - 1;
        gint64 m = (month + 9) % 12;
        gint64 leaps = y >= 0 ? y / 4 - y / 100 + y / 400 : -1;

        return y * 365 + leaps + (m * 153 + 2) / 5 + day - 1 - 719468;
}

bool
uk_clock_parse(const char *text, gint64 *us_out, GError **error)
{
        const char *rest = text != NULL ? text : "";
        bool iso = strlen(rest) > 10 && rest[10] == 'T';
        struct tm tm = { 0 };
        gint64 micro = 0;

        if (!take_number(&rest, 4, '-', &tm.tm_year) || !take_number(&rest, 2, '-', &tm.tm_mon) ||
            !take_number(&rest, 2, iso ? 'T' : ' ', &tm.tm_mday) ||
            !take_number(&rest, 2, ':', &tm.tm_hour) || !take_number(&rest, 2, ':', &tm.tm_min) ||
            !take_number(&rest, 2, '\0', &tm.tm_sec) || !in_range(&tm) ||
            (iso && (!take_fraction(&rest, &micro) || *rest++ != 'Z')) || *rest != '\0')
                return uk_fail(error, UK_ERROR_PARSE,
                               "'%.40s' is not a time (YYYY-MM-DDThh:mm:ssZ)",
                               text != NULL ? text : "");
        *us_out = ((days_since_1970(tm.tm_year, tm.tm_mon, tm.tm_mday) * 24 + tm.tm_hour) * 3600 +
                   tm.tm_min * 60 + tm.tm_sec) *
                          UK_SECOND +
                  micro;
        return true;
}
