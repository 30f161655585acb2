/* dp_window.h - the hours of the week in which a distribution point may be sent to, in words. */
#pragma once

#include "cli/cli.h"

#define DP_WINDOW_HOURS \
        168 /* letters, from Sunday 00:00: A all, M medium and high, H high, C closed */

/* Writes a window of "mon-fri 08-18 high" into the letters: those hours take what is so urgent
 * only. */
bool dp_window_mark(Cli *cli, char *hours, const char *window, GError **error) UK_MUST_USE;
/* The windows in which not everything may be sent, as --window takes them, in the order of a week
 * that begins on Monday; none for letters that cannot be read. The caller owns them. */
GStrv dp_window_words(const char *hours);
