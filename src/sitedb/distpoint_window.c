/* distpoint_window.c - the hours of the week in which a distribution point may be sent to (51,
 * section 14). Letters from Sunday 00:00, local time of the site: A all priorities, M medium and
 * high, H high only, C closed.
 */
#include "sitedb/distpoint_window.h"

#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "sitedb/distpoint.h"

#define HIGH   1
#define MEDIUM 2

static bool
admits(char letter, gint64 priority)
{
        switch (letter) {
        case 'A':
                return true;
        case 'M':
                return priority <= MEDIUM;
        case 'H':
                return priority <= HIGH;
        default:
                return false;
        }
}

/* The hour of the week at that time, and how much of it is over. */
static int
hour_of(gint64 at_us, gint64 *into_us_out)
{
        time_t seconds = (time_t)(at_us / UK_SECOND);
        struct tm local;

        localtime_r(&seconds, &local);
        *into_us_out = (local.tm_min * 60 + local.tm_sec) * UK_SECOND + at_us % UK_SECOND;
        return local.tm_wday * 24 + local.tm_hour;
}

bool
distpoint_window_open(const char *schedule, gint64 priority, gint64 at_us)
{
        gint64 into;

        return strlen(schedule) != DISTPOINT_SCHEDULE_HOURS ||
               admits(schedule[hour_of(at_us, &into)], priority);
}

gint64
distpoint_window_next(const char *schedule, gint64 priority, gint64 at_us)
{
        gint64 into;

        if (distpoint_window_open(schedule, priority, at_us))
                return at_us;
        hour_of(at_us, &into);
        /* By the hour, so that a change of the clocks in between is met as it comes. */
        for (int i = 1; i <= DISTPOINT_SCHEDULE_HOURS + 1; i++) {
                gint64 hour = at_us - into + i * UK_HOUR;

                if (distpoint_window_open(schedule, priority, hour))
                        return hour;
        }
        return UK_NEVER;
}
