/* each.h - verbs that take several names: each is done, whatever becomes of the others. */
#pragma once

#include "cli/cli.h"

/* Does what is asked for with one name. */
typedef bool (*EachFn)(Cli *cli, const char *word, gpointer user, GError **error);

/* Calls fn for every word and goes on when one fails. People read the failures in turn, the last
 * of them as the error; with --json an array says of each name whether it was done and why not.
 * *good_out (may be NULL) counts those that were. */
bool each_word(Cli *cli, EachFn fn, gpointer user, guint *good_out, GError **error) UK_MUST_USE;
