/* leap.h - from when numbers are counted that a restore lifts above all that were given out since
 * the backup.
 */
#pragma once

#include "base/clock.h"

/* The time since the beginning of 2020, in microseconds; 0 by a clock that says less. */
static inline gint64
leap_past(gint64 now)
{
        return MAX(0, now - G_GINT64_CONSTANT(1577836800) * UK_SECOND);
}
