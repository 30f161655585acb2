/* update.h - the verbs `update list`, `update show` and `update missing`. */
#pragma once

#include "cli/cli.h"

/* Prints the updates that the options choose. */
bool update_list(Cli *cli, GError **error);
/* Prints one update. */
bool update_show(Cli *cli, GError **error);
/* Prints what each machine lacks: a row for an installed package that has a newer version. */
bool update_missing(Cli *cli, GError **error);
