/* standstill.h - why nothing goes on while a command waits for the site. */
#pragma once

#include "cli/cli.h"

/* "upkeep-site does not run, and until it does nothing goes on (systemctl …)", where the site is on
 * this machine and that is so; else NULL. The caller's. */
char *standstill_why(const Cli *cli);
/* How a program is started here: a command, for messages. The caller's. */
char *standstill_start_command(const char *root, const char *role);
