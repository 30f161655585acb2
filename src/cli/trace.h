/* trace.h - the verb `trace package`. */
#pragma once

#include "cli/cli.h"

/* Prints the story of the newest action on a package, or of the one that --trace names, over all
 * components and machines, with durations; with --list the actions there were. */
bool trace_package(Cli *cli, GError **error);
