/* category.h - the verbs of `product` and `classification`: what is synchronized. */
#pragma once

#include "cli/cli.h"

/* The noun of the row decides which categories are meant. */
bool category_list(Cli *cli, GError **error);
bool category_subscribe(Cli *cli, GError **error);
bool category_unsubscribe(Cli *cli, GError **error);
