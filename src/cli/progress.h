/* progress.h - one line on a terminal that says how far a long work is; nothing anywhere else. */
#pragma once

#include "base/error.h"

#include <stdio.h>

typedef struct Progress Progress;

/* Shows on err if it is a terminal and json is false. The caller ends and frees it. */
Progress *progress_new(FILE *err, bool quiet);
/* Says where the work is; drawn at most five times a second. total 0: unknown. bytes: the numbers
 * are bytes, shown with their rate. now_us is uk_clock_mono(). */
void
progress_show(Progress *p, const char *label, gint64 done, gint64 total, bool bytes, gint64 now_us);
/* The line's text as it would be drawn; for tests. The caller's. */
char *progress_text(const Progress *p, const char *label, gint64 done, gint64 total, bool bytes,
                    gint64 now_us);
/* Clears the line and frees. */
void progress_free(Progress *p);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Progress, progress_free)
