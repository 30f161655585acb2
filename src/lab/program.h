/* program.h - the programs that work below a root, however they were started, and whether they run.
 *
 * Known by the locks they hold on run/upkeep/<role>.lock, which end with a process however it ends;
 * nothing is locked, written or signalled to find that out.
 */
#pragma once

#include "base/error.h"

typedef enum {
        PROGRAM_RUNNING,  /* holds its lock and has said that it is ready */
        PROGRAM_STARTING, /* holds its lock, and has not */
        PROGRAM_STOPPED,  /* ended in an orderly way, or was not started since the machine was */
        PROGRAM_DIED,     /* said that it is ready, and is gone */
} ProgramState;

typedef struct {
        char *role;
        ProgramState state;
        gint64 pid;     /* 0: none */
        gint64 span_us; /* runs for so long, of the machine's time; -1: does not run */
        char *ports;    /* "http 8530, internal 40001", or "" */
} Program;

void program_free(Program *program);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Program, program_free)
/* "running"; borrowed. */
const char *program_state_name(ProgramState state);

/* The programs that work or have worked below root (they have a folder in var/lib/upkeep there), in
 * the order of starting. Of Program; the caller's, possibly empty. */
GPtrArray *program_list(const char *root);
