/* summarize.h - the verb `summarize run`. */
#pragma once

#include "cli/cli.h"

/* Asks StateSys to count anew now; it says in StateSys.log when it has. */
bool summarize_run(Cli *cli, GError **error);
