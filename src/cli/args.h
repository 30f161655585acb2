/* args.h - takes a command line apart by the rows of the verb table. */
#pragma once

#include "cli/cli.h"

/* The options that every verb has, ended by a NULL name. */
const CliOption *args_common(void);
/* Finds the row for argv and fills verb, options and words of cli. Both forms are understood:
 * `sync start --full` and `Sync-CMSoftwareUpdate -FullSync $true`. What cannot be understood is a
 * usage error that names the next command. A noun alone, or `help`, leaves verb NULL and puts the
 * noun (if any) into words. */
bool args_parse(Cli *cli, int argc, char **argv, GError **error) UK_MUST_USE;
