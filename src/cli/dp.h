/* dp.h - the verbs of `dp`: distribution points. */
#pragma once

#include "cli/cli.h"

/* Makes a server a distribution point. */
bool dp_add(Cli *cli, GError **error);
/* Changes the settings of one. */
bool dp_set(Cli *cli, GError **error);
/* Prints them with how they are. */
bool dp_list(Cli *cli, GError **error);
/* Prints one, and its sources. */
bool dp_show(Cli *cli, GError **error);
/* Prints what should be on one and what is; without a name as dp_list. */
bool dp_status(Cli *cli, GError **error);
/* Lets all that is on some be read and compared. */
bool dp_validate(Cli *cli, GError **error);
/* Calls a method of SMS_DistributionPointInfo that wants to know the distribution point only. */
bool dp_call(Cli *cli, const char *server, const char *method, GError **error);
/* Lists the packages that the one of that name holds and was not given, or has them removed. */
bool dp_stray_clean(Cli *cli, const char *name, GError **error);
/* Says how many there are, if any. */
bool dp_stray_note(Cli *cli, const char *server, GError **error);
/* Takes the role away; one that has packages is refused. */
bool dp_remove(Cli *cli, GError **error);
