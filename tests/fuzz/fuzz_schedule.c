/* fuzz_schedule.c - recurrences, which come in policies and settings: read or refused, and the next
 * time always lies ahead. */
#include <stdint.h>

#include "base/clock.h"
#include "host/schedule.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        g_autofree char *text = g_strndup((const char *)data, size);
        g_autoptr(Schedule) schedule = schedule_parse(text, NULL);
        gint64 after = G_GINT64_CONSTANT(1780000000) * UK_SECOND;

        for (int i = 0; schedule != NULL && i < 20 && after != UK_NEVER; i++) {
                gint64 next = schedule_next(schedule, after, after);

                g_assert(next > after);
                after = next;
        }
        return 0;
}
