/* ccmexec.h - CcmExec: takes the commands of people and other programs.
 *
 *   upkeep-client scan|policy|send --file--> client.box --> CcmExec --letters--> the components
 *
 * A command is a file of the inbox client.box with the kind .CMD: the name says what ("SCAN.CMD",
 * "SCAN-1.CMD"), or the value of the notice in it does ("scan 38"). It is written like any notice
 * (inbox/drop.h), and carries the trace of whoever asked. (spec: client protocol, 12.)
 */
#pragma once

#include "client/work.h"

#define CCMEXEC_BOX "client.box"

/* The command that a word stands for: "scan", "policy", "send", "resend", "join", or one of the
 * product's schedule IDs, "{00000000-0000-0000-0000-000000000113}". NULL if there is none. */
const char *ccmexec_command(const char *word);

/* What the site asks for with a schedule ID: the letters of that command, in the work. An ID that
 * is not known here is a line in the log. */
bool ccmexec_trigger(Work *work, const char *schedule_id, GError **error) UK_MUST_USE;

extern const ComponentDef ccmexec;
