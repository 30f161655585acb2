/* lab_verbs.h - the verbs `lab up`, `lab down` and `lab status`. */
#pragma once

#include "cli/cli.h"

/* Starts what does not run, then shows the roles. */
bool lab_verbs_up(Cli *cli, GError **error);
/* Ends all roles; with --purge the folder goes. */
bool lab_verbs_down(Cli *cli, GError **error);
/* Shows the roles; partly done (3) when one died. */
bool lab_verbs_status(Cli *cli, GError **error);
/* Makes the lab's clock run faster, or moves it. */
bool lab_verbs_clock(Cli *cli, GError **error);
/* Shows or changes the link of a distribution point. */
bool lab_verbs_link(Cli *cli, GError **error);
