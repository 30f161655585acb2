/* update.h - the verbs `update list` and `update show`. */
#pragma once

#include "cli/cli.h"

/* Prints the updates that the options choose. */
bool update_list(Cli *cli, GError **error);
/* Prints one update. */
bool update_show(Cli *cli, GError **error);
