/* update.h - the verbs `update list`, `update show` and `update missing`, and which update a word
 * means. */
#pragma once

#include "cli/cli.h"

/* Prints the updates that the options choose. */
bool update_list(Cli *cli, GError **error);
/* Prints one update. */
bool update_show(Cli *cli, GError **error);
/* The CI_ID, as text, of what a word names: a CI_ID, an article (its newest update), an UpdateID,
 * or a package that a machine lacks. NOT_FOUND. The caller's. */
char *update_key(Cli *cli, const char *word, GError **error) UK_MUST_USE;
/* Prints what each machine lacks: a row for an installed package that has a newer version. */
bool update_missing(Cli *cli, GError **error);
