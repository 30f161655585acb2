/* command.h - asks the running client to do something, and waits until it has.
 *
 *   upkeep-client scan|policy|send --file in client.box--> CcmExec; the answer is read from the
 *   client's database.
 */
#pragma once

#include "base/error.h"

/* Drops a command ("scan", "scan 38") into the inbox of the client below root. trace (may be NULL)
 * goes with it. It survives a restart, and waits for a client that does not run. */
bool
command_drop(const char *root, const char *command, const char *trace, GError **error) UK_MUST_USE;

/* What came of a command. */
typedef struct {
        bool done;  /* false: not within the time */
        bool good;  /* false: text says what went wrong */
        char *text; /* one sentence */
} CommandResult;

void command_result_clear(CommandResult *result);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(CommandResult, command_result_clear)

/* Drops a command (scan, policy, send, resend) and waits at most so many seconds for its end. */
bool command_wait(const char *root, const char *command, unsigned seconds,
                  CommandResult *result_out, GError **error) UK_MUST_USE;
