/* relay_main.c - upkeep-lab: the links of a lab, started by `upkeep lab up`. */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>

#include "base/io.h"
#include "lab/relay.h"

static bool
serve(const char *root, GError **error)
{
        sigset_t set;

        sigemptyset(&set);
        sigaddset(&set, SIGTERM);
        sigaddset(&set, SIGINT);
        sigprocmask(SIG_BLOCK, &set, NULL);
        UK_AUTOFD stop = signalfd(-1, &set, SFD_CLOEXEC);
        g_autoptr(Relay) relay = relay_new(root, error);

        return relay != NULL && relay_run(relay, stop, error);
}

int
main(int argc, char **argv)
{
        g_autoptr(GError) error = NULL;

        if (argc != 3 || strcmp(argv[1], "--root") != 0) {
                fprintf(stderr, "upkeep-lab --root DIR: the links of the lab there; upkeep lab up "
                                "starts it\n");
                return 2;
        }
        if (serve(argv[2], &error))
                return 0;
        fprintf(stderr, "%s\n", error->message);
        return 1;
}
