/* log.h - the verb `log`: all logs of a site as one, by time. */
#pragma once

#include "cli/cli.h"

/* Prints the records that the options choose; with --follow until it is interrupted. */
bool log_show(Cli *cli, GError **error);
