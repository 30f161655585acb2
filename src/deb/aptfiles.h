/* aptfiles.h - which files of a folder below /etc/apt apt reads. */
#pragma once

#include "base/error.h"

/* The paths of the files of a folder that apt reads, sorted by name: names of letters, digits,
 * '_', '-' and '.', with the suffix (".list"), or, if bare, without any dot. A missing folder gives
 * none. The caller owns the array and the paths. */
GPtrArray *aptfiles_list(const char *folder, const char *suffix, bool bare);
