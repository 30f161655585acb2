/* labclock.c - makes a lab's clock file, or changes its rate: labclock PATH RATE. */
#include <stdio.h>

#include "base/clock.h"

int
main(int argc, char **argv)
{
        g_autoptr(GError) error = NULL;

        if (argc == 3 && uk_clock_set_rate(argv[1], g_ascii_strtod(argv[2], NULL), &error))
                return 0;
        fprintf(stderr, "labclock: %s\n", error != NULL ? error->message : "PATH RATE");
        return 1;
}
