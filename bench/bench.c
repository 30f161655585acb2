/* bench.c - see bench.h. */
#include "bench.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/io.h"

char *
bench_folder(void)
{
        const char *base = g_getenv("UPKEEP_BENCH_DIR");
        char *path =
                g_build_filename(base != NULL ? base : "/var/tmp", "upkeep-bench-XXXXXX", NULL);

        if (g_mkdtemp(path) == NULL) {
                fprintf(stderr, "no folder can be made at %s\n", path);
                exit(1);
        }
        return path;
}

void
bench_folder_remove(char *path_take)
{
        g_autoptr(GError) error = NULL;

        bench_must(uk_io_remove_tree(path_take, &error), error);
        g_free(path_take);
}

const char *
bench_sentence(const GError *error)
{
        return error != NULL ? error->message : "it failed without saying why";
}

void
bench_fail(const char *format, ...)
{
        va_list args;

        va_start(args, format);
        vfprintf(stderr, format, args);
        va_end(args);
        fputc('\n', stderr);
        exit(1);
}

double
bench_cpu(void)
{
        struct timespec ts;

        clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
        return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static int
compare(const void *a, const void *b)
{
        double x = *(const double *)a;
        double y = *(const double *)b;

        return x < y ? -1 : x > y;
}

double
bench_percentile(double *values, guint count, double part)
{
        qsort(values, count, sizeof *values, compare);
        return values[MIN((guint)(count * part), count - 1)];
}

double
bench_median(double *values, guint count)
{
        return bench_percentile(values, count, 0.5);
}

void
bench_print(const char *name, double value, const char *unit, double limit)
{
        printf("%-44s %10.1f %s", name, value, unit);
        if (limit > 0)
                printf("   (limit %.1f, ratio %.2f)", limit, value / limit);
        printf("\n");
}
