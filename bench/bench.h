/* bench.h - what the measurements share: folders, medians, and how a result is printed.
 *
 * A figure of ours stands beside its limit (the least that any program must do for the same end),
 * measured in the same run, in turn, so that the ratio means something on a busy machine.
 */
#pragma once

#include "base/error.h"

/* A folder on a real disk for a measurement, below $UPKEEP_BENCH_DIR or /var/tmp; removed by
 * bench_folder_remove. */
char *bench_folder(void);
void bench_folder_remove(char *path_take);
/* Ends the program with the sentence when a call failed. A macro, since the error is there only
 * after the call. */
#define bench_must(ok, error)                                    \
        do {                                                     \
                if (!(ok))                                       \
                        bench_fail("%s", bench_sentence(error)); \
        } while (0)
const char *bench_sentence(const GError *error);
/* Ends the program with a sentence. */
void bench_fail(const char *format, ...) G_GNUC_PRINTF(1, 2) G_GNUC_NORETURN;
/* Processor seconds that this program has used so far. */
double bench_cpu(void);
/* The median and the 99th percentile; values are sorted in place. */
double bench_median(double *values, guint count);
double bench_percentile(double *values, guint count, double part);
/* "name                 12.3 unit   (limit 10.1, ratio 1.22)"; limit 0: none. */
void bench_print(const char *name, double value, const char *unit, double limit);
