/* why.h - the verb `why client`: where the road from the catalogue to a client's state is broken.
 */
#pragma once

#include "cli/cli.h"

/* `why client NAME update ID`. */
bool why_client(Cli *cli, GError **error);
