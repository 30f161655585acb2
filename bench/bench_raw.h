/* bench_raw.h - the limit of the state system's measurements: a raw SQLite loop that appends and
 * upserts the rows of reports, with the statements prepared, checking nothing, 1,000 messages a
 * transaction (synchronous=FULL). And the catalogue and machines that the reports are about.
 */
#pragma once

#include <sqlite3.h>

#include "bench.h"
#include "host/host.h"

#define RAW_MACHINES   5000
#define RAW_UPDATES    30000
#define RAW_PER_REPORT 5

/* 30,000 updates of the site's update source, whose content version is 1 then. */
extern const char raw_updates_sql[];
/* Of each machine there is: a completed scan of that version. */
extern const char raw_scans_sql[];

/* Opens a database as the raw loop uses it. */
sqlite3 *raw_open(const char *path);
/* Ends the program when a call failed. */
void raw_must(sqlite3 *db, int result);
/* The one number that a query gives. */
gint64 raw_number(sqlite3 *db, const char *sql);
/* Rows of states and of missing packages; they tell whether two did the same work. */
gint64 raw_count_states(const char *path);
/* A fresh site below root for the role, with updates and machines; the path of its database, the
 * caller's. */
char *raw_site(const HostRole *role, const char *root);
/* What a run over reports cost. */
typedef struct {
        double rate;  /* messages a second */
        double cpu;   /* microseconds of processor time a message */
        gint64 count; /* raw_count_states of it */
} RawCost;

/* The loop over so many reports. */
RawCost raw_loop(const HostRole *role, guint reports, guint32 random_seed);
/* Of a run that began at a time (uk_clock_mono) with bench_cpu. */
RawCost raw_cost(guint reports, gint64 began, double cpu);
/* The role of a site with this component alone. */
HostRole raw_role(const ComponentDef *const *components);
