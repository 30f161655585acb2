/* library.h - the verbs of `library`: the content library of this machine. */
#pragma once

#include "cli/cli.h"

/* Prints the packages of the library below the root, or what one holds. */
bool library_browse(Cli *cli, GError **error);
/* Reads all files from the disk, of one package or all, and says which are not what they were. */
bool library_verify(Cli *cli, GError **error);
/* Says what lies in the library and does not belong there; with --delete it goes. */
bool library_clean(Cli *cli, GError **error);
