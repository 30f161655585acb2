/* Tests of src/sitedb/distpoint_window.c: hours of the week, by the calendar of `date`.
 */
#include "sitedb/distpoint_window.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "sitedb/distpoint.h"

/* Monday, 2026-11-23 10:30 UTC. */
#define MONDAY (G_GINT64_CONSTANT(1795429800) * UK_SECOND)

/* A week that is closed but for some hours of one day. */
static char *
week(int day, int from, int to, char letter)
{
        char *text = g_strnfill(DISTPOINT_SCHEDULE_HOURS, 'C');

        memset(text + day * 24 + from, letter, (gsize)(to - from));
        return text;
}

static void
priorities(void)
{
        g_autofree char *medium = week(1, 10, 11, 'M');
        g_autofree char *high = week(1, 10, 11, 'H');

        g_assert_true(distpoint_window_open("", 3, MONDAY));
        g_assert_true(distpoint_window_open(medium, 1, MONDAY));
        g_assert_true(distpoint_window_open(medium, 2, MONDAY));
        g_assert_false(distpoint_window_open(medium, 3, MONDAY));
        g_assert_true(distpoint_window_open(high, 1, MONDAY));
        g_assert_false(distpoint_window_open(high, 2, MONDAY));
}

static void
next_opening(void)
{
        g_autofree char *tuesday = week(2, 3, 4, 'A');
        g_autofree char *earlier = week(1, 9, 10, 'A');
        g_autofree char *never = week(1, 9, 10, 'C');

        g_assert_cmpint(distpoint_window_next("", 3, MONDAY), ==, MONDAY);
        /* 03:00 on Tuesday is 16 hours and a half away. */
        g_assert_cmpint(distpoint_window_next(tuesday, 2, MONDAY), ==,
                        MONDAY + 16 * UK_HOUR + 30 * UK_MINUTE);
        /* The hour that is over comes in a week. */
        g_assert_cmpint(distpoint_window_next(earlier, 2, MONDAY), ==,
                        MONDAY + 6 * UK_DAY + 22 * UK_HOUR + 30 * UK_MINUTE);
        g_assert_cmpint(distpoint_window_next(never, 1, MONDAY), ==, UK_NEVER);
}

int
main(int argc, char **argv)
{
        g_setenv("TZ", "UTC", TRUE);
        tzset();
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/sitedb/distpoint_window/priorities", priorities);
        g_test_add_func("/sitedb/distpoint_window/next-opening", next_opening);
        return g_test_run();
}
