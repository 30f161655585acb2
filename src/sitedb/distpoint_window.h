/* distpoint_window.h - the hours of the week in which a distribution point may be sent to. */
#pragma once

#include <glib.h>
#include <stdbool.h>

/* Whether the schedule (168 letters; "" open) is open for a priority at that time, local to the
 * site. */
bool distpoint_window_open(const char *schedule, gint64 priority, gint64 at_us);
/* When it next opens for that priority: at_us when it is open, UK_NEVER when it never is. */
gint64 distpoint_window_next(const char *schedule, gint64 priority, gint64 at_us);
