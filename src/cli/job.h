/* job.h - the verbs of `job`: the queue of Package Transfer Manager. */
#pragma once

#include "cli/cli.h"

/* Prints the queue in its order, or what of it is meant by a word. */
bool job_list(Cli *cli, GError **error);
/* Each of these changes the jobs that are named by number. */
bool job_top(Cli *cli, GError **error);
bool job_bottom(Cli *cli, GError **error);
bool job_pause(Cli *cli, GError **error);
bool job_resume(Cli *cli, GError **error);
bool job_cancel(Cli *cli, GError **error);
