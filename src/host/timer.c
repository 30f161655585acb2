/* timer.c - sets the timers that a component has declared; from any of its threads. */
#include "host/timer.h"

#include "host/lane_private.h"

void
timer_set(Component *c, const char *name, gint64 at_us)
{
        HostComponent *component = component_of(c);

        for (guint i = 0; i < component->lanes->len; i++) {
                if (lane_job_set_timer(g_ptr_array_index(component->lanes, i), name, at_us))
                        return;
        }
        g_error("%s has no timer \"%s\"", c->def->name, name);
}
