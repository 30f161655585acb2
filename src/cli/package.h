/* package.h - the verbs of `package` that ask for something or show packages; package_status.h has
 * those that follow. */
#pragma once

#include "cli/cli.h"

/* Makes a package and prints its ID; with --wait its source has been read at the end. */
bool package_create(Cli *cli, GError **error);
/* Changes properties; another source is read at once. */
bool package_set(Cli *cli, GError **error);
/* Prints packages, or those of a text, with on how many distribution points they are. */
bool package_list(Cli *cli, GError **error);
/* Prints one. */
bool package_show(Cli *cli, GError **error);
/* Gives packages to the distribution points of --dp, --group, --all. */
bool package_distribute(Cli *cli, GError **error);
/* Lets the source be read again; what changed goes to all that have the package. */
bool package_update(Cli *cli, GError **error);
/* Sends everything again to distribution points that have it. */
bool package_redistribute(Cli *cli, GError **error);
/* Takes packages away from distribution points. */
bool package_remove_content(Cli *cli, GError **error);
/* Lets all files be read and compared, everywhere unless some are named. */
bool package_validate(Cli *cli, GError **error);
/* Takes back what is on its way, everywhere unless some are named. */
bool package_cancel(Cli *cli, GError **error);
/* Deletes packages, wherever they are. */
bool package_delete(Cli *cli, GError **error);
