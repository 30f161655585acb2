/* timer.h - wakes a component at a time that it has set itself. */
#pragma once

#include "host/component.h"

/* Wakes the component's timer `name` at at_us (UK_NEVER: not any more). An earlier time that is
 * already set is replaced. If the clock is set back, it wakes after no longer than from now. */
void timer_set(Component *c, const char *name, gint64 at_us);
