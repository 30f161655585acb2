/* sync.h - the verbs `sync start` and `sync status`. */
#pragma once

#include "cli/cli.h"
#include "cli/rows.h"

/* The states of a synchronization by the number of its last status message. */
extern const RowsName sync_states[];

/* Asks for a run; with --wait fails if that run fails. */
bool sync_start(Cli *cli, GError **error);
/* Prints the state of each update point; with --follow once the run has ended. */
bool sync_status(Cli *cli, GError **error);
