/* dpgroup.h - the verbs of `dp-group`: groups of distribution points. */
#pragma once

#include "cli/cli.h"

/* Makes a group. */
bool dpgroup_create(Cli *cli, GError **error);
/* Prints all. */
bool dpgroup_list(Cli *cli, GError **error);
/* Prints one with its members and packages. */
bool dpgroup_show(Cli *cli, GError **error);
/* Takes distribution points in; they get what belongs to the group. */
bool dpgroup_add(Cli *cli, GError **error);
/* Lets them go; they keep what they have. */
bool dpgroup_remove(Cli *cli, GError **error);
/* Brings packages to every member. */
bool dpgroup_add_package(Cli *cli, GError **error);
/* Takes them away from every member. */
bool dpgroup_remove_package(Cli *cli, GError **error);
/* Removes groups; members keep what they have. */
bool dpgroup_delete(Cli *cli, GError **error);
