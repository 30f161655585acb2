/* message.h - the verbs `message list` and `alert list`: what the site has to say. */
#pragma once

#include "cli/cli.h"

/* Prints status messages. */
bool message_list(Cli *cli, GError **error);
/* Prints alerts. */
bool message_alerts(Cli *cli, GError **error);
