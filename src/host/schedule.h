/* schedule.h - recurrences: the product's schedule tokens, and words.
 *
 * A recurrence is "" (never), "every <n> minutes|hours|days|weeks", or one or more tokens of 16
 * hexadecimal digits as the admin-interface page of the specification lays them out.
 */
#pragma once

#include "host/component.h"
#include "host/timer.h"

typedef struct Schedule Schedule;

/* INVALID names the part that cannot be read. The caller frees the result. */
Schedule *schedule_parse(const char *text, GError **error) UK_MUST_USE;
void schedule_free(Schedule *schedule);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Schedule, schedule_free)
/* The first time after `after_us`; for interval recurrences counted from anchor_us (the last run,
 * or the time of installation). UK_NEVER when there is none. */
gint64 schedule_next(const Schedule *schedule, gint64 anchor_us, gint64 after_us);
