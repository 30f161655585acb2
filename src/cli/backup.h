/* backup.h - the verbs `site backup` and `site restore`. */
#pragma once

#include "cli/cli.h"

/* Has every program of the root write its part into a new folder, and then says what it holds. */
bool backup_make(Cli *cli, GError **error);
/* Has every program verify and stage its part, then has all of them let go, exchange, go on. */
bool backup_restore(Cli *cli, GError **error);
