/* why.h - the verb `why client`: where the road from the catalogue to a client's state is broken.
 */
#pragma once

#include "cli/cli.h"

/* `why client NAME update ID`. */
bool why_client(Cli *cli, GError **error);
/* Shows the road from the source of a package to its files on a distribution point. */
bool why_dp(Cli *cli, GError **error);
