/* clock.h - the only source of time and the only place that waits.
 *
 * Time is UTC in microseconds since 1970. It may run scaled or stepped: programs of one lab share
 * a small mapped file (origin, rate, step), so that a two-minute wait takes no time in a test and
 * times compare between the logs of several programs. Without that file it is the system's clock.
 * Time-outs inside libraries (curl, SQLite, the HTTP server) stay in real time.
 */
#pragma once

#include "base/error.h"

#include <pthread.h>
#include <sys/epoll.h>

#define UK_SECOND G_GINT64_CONSTANT(1000000)
#define UK_MINUTE (60 * UK_SECOND)
#define UK_HOUR   (60 * UK_MINUTE)
#define UK_DAY    (24 * UK_HOUR)
/* A deadline that never comes. */
#define UK_NEVER G_MAXINT64

/* Makes this process follow the clock file (made with rate 1 where it is missing). Call once,
 * before the first thread; without a call the system's clock is used. */
bool uk_clock_follow(const char *path, GError **error) UK_MUST_USE;
/* Sets the rate of a clock file (time units per real unit, 1 to 1000000) or moves it forward or
 * back by step_us; every process that follows the file sees it and waiters look again. */
bool uk_clock_set_rate(const char *path, double rate, GError **error) UK_MUST_USE;
bool uk_clock_step(const char *path, gint64 step_us, GError **error) UK_MUST_USE;

/* Now, in microseconds since 1970, UTC. May jump when the clock is set. */
gint64 uk_clock_now(void);
/* Microseconds of a clock that never jumps, real and unscaled: for measuring and for deadlines of
 * network calls. */
gint64 uk_clock_mono(void);
/* A condition whose waits end by that clock; to be destroyed as any other. */
void uk_clock_cond_init(pthread_cond_t *cond);
/* Waits, the lock held, until it is woken; false: until_us (of uk_clock_mono) is over. */
bool uk_clock_cond_wait(pthread_cond_t *cond, pthread_mutex_t *lock, gint64 until_us);
/* Now by the clock that stamps files: real and unscaled, for the age of a file. */
gint64 uk_clock_files(void);
/* Waits on an epoll descriptor until an event, or until uk_clock_now() reaches deadline_us
 * (UK_NEVER: no deadline). Returns the number of events, 0 at the deadline; a step or a new rate
 * of the clock is noticed within a tenth of a second. When the clock was set back it returns 0 too,
 * before the deadline: to whoever counted from now, that means another time. EINTR is handled. */
int uk_clock_epoll_wait(int epfd, struct epoll_event *events, int max, gint64 deadline_us);
/* When something is due that was to wait for longest_us at most: due_us, or now_us if that lies
 * further ahead, because the clock was set back meanwhile. UK_NEVER stays. */
gint64 uk_clock_due(gint64 due_us, gint64 longest_us, gint64 now_us);
/* Sleeps for a span of clock time, or until the descriptor stop_fd (-1: none) becomes readable.
 * True when the span is over, false when stopped. */
bool uk_clock_sleep(gint64 span_us, int stop_fd);

/* Time as text. The caller frees what is returned. */
char *uk_clock_iso(gint64 us);      /* 2026-11-21T21:25:00.123Z, the form of database and JSON */
char *uk_clock_sql_like(gint64 us); /* 2014-01-17 17:59:54, the form of COMP-006 */
/* Reads the ISO forms (with or without fraction, with Z) and "YYYY-MM-DD hh:mm:ss". */
bool uk_clock_parse(const char *text, gint64 *us_out, GError **error) UK_MUST_USE;
