/* fault.h - makes the n-th write, sync, rename, unlink, commit or connect fail, or kills there.
 *
 * The plan comes from the environment, read at the first fault point, or from a test in the same
 * process:
 *   UPKEEP_FAULT=fail:7        the 7th point fails once, with ENOSPC for writes and EIO else
 *   UPKEEP_FAULT=fail+:7       the 7th and all later ones fail
 *   UPKEEP_FAULT=kill:7        the process kills itself (SIGKILL) at the 7th point, before it acts
 *   UPKEEP_FAULT=killafter:7   the same, after the point's action succeeded
 *   UPKEEP_FAULT=count         nothing fails; points are only reported
 *   UPKEEP_FAULT=hold:PART:/FIFO   points with PART in their names wait at the fifo for its end
 * UPKEEP_FAULT_ONLY=commit,rename   counts only these kinds
 * UPKEEP_FAULT_AT=upkeep/content    counts only points of that name, as the report has it
 * UPKEEP_FAULT_REPORT=FILE          appends a line "<n> <kind> <name> <what was done>" per point
 * Without a plan a point costs one load of a variable.
 */
#pragma once

#include "base/error.h"

typedef enum {
        UK_FAULT_WRITE,
        UK_FAULT_SYNC,
        UK_FAULT_RENAME,
        UK_FAULT_UNLINK,
        UK_FAULT_COMMIT,
        UK_FAULT_CONNECT,
        UK_FAULT_MKDIR,
} UkFaultKind;

/* To be called before the action: 0 to go on, else an errno value with which the action must
 * fail without having been tried. */
int uk_fault_before(UkFaultKind kind, const char *name);
/* To be called after the action succeeded (for killafter). */
void uk_fault_after(UkFaultKind kind, const char *name);

/* For tests in one process: sets a plan as in UPKEEP_FAULT (NULL: none) and starts the count
 * anew; the number of points passed since. */
void uk_fault_set(const char *plan);
unsigned uk_fault_count(void);
