/* wsyncmgr_progress.h - the progress lines of a synchronization and when they are due (SYNC-029,
 * SYNC-036): on a whole per cent or after 60 seconds, and always the last.
 */
#pragma once

#include "base/error.h"

typedef struct {
        const char *what; /* "sync: WSUS synchronizing updates" */
        gint64 began_us, said_us;
        int said_percent; /* -1: nothing was said */
} SyncProgress;

/* Starts to watch a phase that began at now_us. */
void wsyncmgr_progress_begin(SyncProgress *progress, const char *what, gint64 now_us);
/* The line for `done` of `total` if one is due (last: always), else NULL; the caller's. The line
 * of a phase that is not complete ends with the expected time to go. */
char *
wsyncmgr_progress_line(SyncProgress *progress, gint64 done, gint64 total, bool last, gint64 now_us);
/* Rounded down; 100 of nothing. */
int wsyncmgr_percent(gint64 done, gint64 total);
