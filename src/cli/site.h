/* site.h - the verb `site status`: the site on one screen. */
#pragma once

#include "cli/cli.h"

/* Prints the site, its components and its synchronization. */
bool site_status(Cli *cli, GError **error);
