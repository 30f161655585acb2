/* lab_points.h - tells the site of a lab of the lab's distribution points. */
#pragma once

#include "cli/cli.h"

/* Adds those that the site does not know, and gives it the addresses of those that listen elsewhere
 * now, through the provider as anybody would. */
bool lab_points_register(Cli *cli, const char *root, GError **error) UK_MUST_USE;
