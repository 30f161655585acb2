/* process.h - a program the lab started: begun, recognised again later, and ended.
 *
 * A process is known by its number and the time it began, so that a number that the system gave to
 * another program meanwhile is never taken for ours, and nobody else's program is ever ended.
 */
#pragma once

#include "base/error.h"

typedef struct {
        gint64 pid;
        gint64 began; /* clock ticks after the machine's start, as /proc/<pid>/stat has it */
} Process;

/* Starts program with arguments (NULL-terminated, the program's name first) in a session of its
 * own, reading nothing, writing both outputs to the end of the file output. */
bool process_start(const char *program, const char *const *arguments, const char *output,
                   Process *process_out, GError **error) UK_MUST_USE;
/* Runs a program as process_start does, to its end. *status_out is its exit status; ended otherwise
 * is REMOTE. */
bool process_run(const char *program, const char *const *arguments, const char *output,
                 int *status_out, GError **error) UK_MUST_USE;
/* True while it runs; a zombie does not. */
bool process_runs(const Process *process);
/* How long a process has run, of the machine's time, which no set clock moves; -1: there is none.
 */
gint64 process_span(gint64 pid);
/* A descriptor that becomes readable when the process ends, or -1 when it has ended already. */
int process_open(const Process *process);
/* Asks it to end, waits, and after grace_us ends it by force. A process that is gone is success. */
bool process_stop(const Process *process, gint64 grace_us, GError **error) UK_MUST_USE;
/* How a child of ours ended ("exit status 1", "signal 11 (Segmentation fault)"); NULL if it runs
 * or is no child of ours. The caller's. */
char *process_end_text(const Process *process);

/* "<pid> <began>", to be kept in a file; and back. The text is the caller's. */
char *process_write(const Process *process);
bool process_read(const char *text, Process *process_out, GError **error) UK_MUST_USE;
