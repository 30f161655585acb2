/* help_verbs.h - the verbs that print what is made from the verb table. */
#pragma once

#include "cli/cli.h"

/* Prints the completion script. */
bool help_verbs_completion(Cli *cli, GError **error);
/* Prints the man page. */
bool help_verbs_man(Cli *cli, GError **error);
