/* bench_road.c - the road up: signed reports over HTTP to the management point, durable, then
 * files, then rows and summaries of the site, all by the real programs; beside the raw loop of
 * bench_statesys in the same run.
 *
 *     bench_road [--seconds N] [--rate MESSAGES] [--programs DIR]
 *
 * Reports of five messages from 5,000 registered machines with keys of their own on 30,000 updates.
 * Asked for: 0.15 of the raw loop's messages a second, for a minute, with the load made on this
 * machine and no growing backlog. That rate and a tenth more is offered unless --rate names
 * another. A report counts when its rows are committed. Keys are kept in upkeep-bench-keys below
 * $UPKEEP_BENCH_DIR; reports are signed before the clock starts.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>

#include "base/clock.h"
#include "base/io.h"
#include "bench_raw.h"
#include "bench_road_load.h"
#include "crypto/hash.h"
#include "net/http_server.h"
#include "site/statesys/statesys.h"
#include "wire/xml.h"

#define ASKED      0.15
#define OFFERED    1.1 /* of what is asked for */
#define RAW_ROUNDS 3
#define RAW_LOAD   10000 /* reports */
#define START_US   (30 * UK_SECOND)
#define DRAIN_US   (120 * UK_SECOND)
#define SAMPLE_US  (UK_SECOND / 2)

static const char configuration[] = "[site]\ncode=UPK\n[mp]\nport=0\n"
                                    "[wsyncmgr]\nsync_on_install=false\n";

static const ComponentDef *const components[] = { &statesys, NULL };

typedef struct {
        const char *role;
        pid_t pid;
        double cpu; /* seconds, when the clock started */
} Program;

typedef struct {
        int seconds;
        double rate; /* messages a second; 0: by the raw loop */
        char *programs;
} Options;

/* ---- programs -------------------------------------------------------------------------------- */

static char *
ready_path(const char *root, const char *role)
{
        return g_strdup_printf("%s/run/upkeep/%s.ready", root, role);
}

/* A program does not outlive the measurement. */
static void
end_with_us(gpointer unused)
{
        prctl(PR_SET_PDEATHSIG, SIGTERM);
}

/* Starts upkeep-<role> and waits until it says that it is ready. */
static void
start(Program *program, const char *programs, const char *root)
{
        g_autofree char *path =
                g_strdup_printf("%s/%s/upkeep-%s", programs, program->role, program->role);
        g_autofree char *ready = ready_path(root, program->role);
        const char *argv[] = { path, "--root", root, NULL };
        gint64 deadline = uk_clock_mono() + START_US;
        g_autoptr(GError) error = NULL;

        bench_must(!g_file_test(ready, G_FILE_TEST_EXISTS) || uk_io_unlink(ready, &error), error);
        bench_must(g_spawn_async(NULL, (char **)argv, NULL, G_SPAWN_DO_NOT_REAP_CHILD, end_with_us,
                                 NULL, &program->pid, &error),
                   error);
        while (!g_file_test(ready, G_FILE_TEST_EXISTS)) {
                if (waitpid(program->pid, NULL, WNOHANG) != 0 || uk_clock_mono() >= deadline)
                        bench_fail("upkeep-%s did not get ready", program->role);
                uk_clock_sleep(UK_SECOND / 100, -1);
        }
}

static void
stop(Program *program)
{
        kill(program->pid, SIGTERM);
        waitpid(program->pid, NULL, 0);
}

static guint16
port_of(const char *root, const char *role)
{
        g_autofree char *path = ready_path(root, role);
        g_autofree char *key = g_strdup_printf("%s=", role);
        g_autofree char *text = NULL;
        g_autoptr(GError) error = NULL;
        gsize size;

        bench_must(uk_io_read(path, 4096, &text, &size, &error), error);
        const char *line = strstr(text, key);
        if (line == NULL)
                bench_fail("%s names no port", path);
        return (guint16)atoi(line + strlen(key));
}

static double
cpu_of(pid_t pid)
{
        clockid_t id;
        struct timespec ts;

        if (clock_getcpuclockid(pid, &id) != 0 || clock_gettime(id, &ts) != 0)
                bench_fail("the processor time of process %d cannot be read", (int)pid);
        return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

/* ---- the site -------------------------------------------------------------------------------- */

static void
add_machines(sqlite3 *db, const RoadMachines *machines)
{
        sqlite3_stmt *st = NULL;

        raw_must(db, sqlite3_prepare_v2(
                             db,
                             "INSERT INTO Machines (ResourceID, SMSID, Name, SiteCode, State,"
                             " StateTime, RegisteredTime, Certificate, Fingerprint) VALUES"
                             " (?1, 'GUID:' || upper(?2), printf('m%05d', ?1 - 1), 'UPK', 1,"
                             " '2026-01-02T03:04:05.000Z', '2026-01-02T03:04:05.000Z', ?3, ?4)",
                             -1, &st, NULL));
        for (guint i = 0; i < RAW_MACHINES; i++) {
                const char *certificate = road_machine_certificate(machines, i);
                g_autofree char *guid = road_machine_guid(i);
                g_autofree char *fingerprint = road_machine_fingerprint(machines, i);

                sqlite3_bind_int64(st, 1, i + 1);
                sqlite3_bind_text(st, 2, guid, -1, SQLITE_TRANSIENT);
                sqlite3_bind_text(st, 3, certificate, -1, SQLITE_TRANSIENT);
                sqlite3_bind_text(st, 4, fingerprint, -1, SQLITE_TRANSIENT);
                raw_must(db, sqlite3_step(st));
                sqlite3_reset(st);
        }
        sqlite3_finalize(st);
}

/* The site makes its database itself; what a synchronization, registrations and first scans bring
 * is written while it is down. The path of the database, the caller's. */
static char *
make_road(const Options *options, const char *root, const RoadMachines *machines)
{
        g_autofree char *etc = g_build_filename(root, "etc/upkeep", NULL);
        g_autofree char *conf = g_build_filename(etc, "upkeep.conf", NULL);
        char *path = g_build_filename(root, "var/lib/upkeep/site/site.db", NULL);
        Program site = { .role = "site" };
        g_autoptr(GError) error = NULL;

        bench_must(uk_io_mkdirs(etc, 0750, &error) &&
                           uk_io_replace(conf, configuration, strlen(configuration), 0600, &error),
                   error);
        start(&site, options->programs, root);
        stop(&site);
        sqlite3 *db = raw_open(path);
        raw_must(db, sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL));
        raw_must(db, sqlite3_exec(db, raw_updates_sql, NULL, NULL, NULL));
        add_machines(db, machines);
        raw_must(db, sqlite3_exec(db, raw_scans_sql, NULL, NULL, NULL));
        raw_must(db, sqlite3_exec(db, "COMMIT", NULL, NULL, NULL));
        sqlite3_close(db);
        return path;
}

/* ---- the measurement ------------------------------------------------------------------------- */

/* What is seen while the load runs, every half a second. */
typedef struct {
        GArray *backlog; /* double: reports that are answered and no rows yet */
        gint64 stored;   /* reports that are rows at the end of the time */
        double seconds;
} Watch;

static gint64
stored_reports(sqlite3 *db)
{
        return raw_number(db, "SELECT COALESCE(MAX(ReportID), 0) FROM SR_Reports");
}

static void
watch(const Options *options, RoadLoad *load, sqlite3 *db, Watch *seen)
{
        gint64 began = uk_clock_mono();
        gint64 end = began + options->seconds * UK_SECOND;

        seen->backlog = g_array_new(FALSE, FALSE, sizeof(double));
        while (uk_clock_mono() < end) {
                uk_clock_sleep(SAMPLE_US, -1);
                guint taken = road_load_taken(load);

                seen->stored = stored_reports(db);
                double backlog = taken > seen->stored ? (double)(taken - seen->stored) : 0;
                g_array_append_val(seen->backlog, backlog);
        }
        seen->seconds = (double)(uk_clock_mono() - began) / UK_SECOND;
}

/* The average of the samples from one part of the time to another. */
static double
backlog_between(const Watch *seen, double from, double to)
{
        guint first = (guint)(seen->backlog->len * from), end = (guint)(seen->backlog->len * to);
        double sum = 0;

        for (guint i = first; i < end; i++)
                sum += g_array_index(seen->backlog, double, i);
        return sum / MAX(end - first, 1);
}

/* Everything must arrive, and the summary must be what the states are. */
static void
check_rows(RoadLoad *load, sqlite3 *db, guint reports)
{
        gint64 deadline = uk_clock_mono() + DRAIN_US;

        if (road_load_failed(load) > 0)
                bench_fail("%u reports were not taken; the first was answered\n%s",
                           road_load_failed(load), road_load_first_failure(load));
        while (stored_reports(db) < reports && uk_clock_mono() < deadline)
                uk_clock_sleep(SAMPLE_US, -1);
        gint64 messages = raw_number(db, "SELECT SUM(Messages) FROM SR_Reports");
        gint64 states = raw_number(db, "SELECT COUNT(*) FROM Update_ComplianceStatus");
        gint64 packages = raw_number(db, "SELECT COUNT(*) FROM Update_MissingPackages");
        gint64 counted = raw_number(db, "SELECT SUM(NumMissing) FROM Update_ComplianceCounts");
        if (messages == (gint64)reports * RAW_PER_REPORT && packages == states && counted == states)
                return;
        bench_fail("%u reports: %" G_GINT64_FORMAT " messages, %" G_GINT64_FORMAT
                   " states, %" G_GINT64_FORMAT " packages, %" G_GINT64_FORMAT " in the summary",
                   reports, messages, states, packages, counted);
}

static void
print_cpu(const Program *programs, guint count, double own, double seconds, gint64 reports)
{
        for (guint i = 0; i < count; i++) {
                double used = cpu_of(programs[i].pid) - programs[i].cpu;

                printf("  upkeep-%-37s %8.1f %% of a core, %6.1f us a report\n", programs[i].role,
                       used / seconds * 100, used * 1e6 / (double)reports);
        }
        printf("  %-44s %8.1f %% of a core, %6.1f us a report\n", "the load (this program)",
               own / seconds * 100, own * 1e6 / (double)reports);
}

static bool
print_result(RoadLoad *load, const Watch *seen, double raw)
{
        double rate = (double)seen->stored * RAW_PER_REPORT / seen->seconds;
        double middle = backlog_between(seen, 1.0 / 3, 2.0 / 3);
        double last = backlog_between(seen, 2.0 / 3, 1);
        /* A chunk of files more or less is no growth. */
        bool grows = last > middle * 1.1 + 256;

        bench_print("  summarized messages", rate, "a second", raw);
        printf("  asked for is %.2f of the raw loop: %s\n", ASKED,
               rate >= ASKED * raw ? "kept" : "NOT KEPT");
        printf("  answered in %.1f ms (median), %.1f ms (99 %%)\n",
               road_load_latency(load, 0.5) * 1e3, road_load_latency(load, 0.99) * 1e3);
        printf("  reports that wait for their rows: %.0f in the second third of the time, %.0f in "
               "the last (%s)\n",
               middle, last, grows ? "GROWING" : "not growing");
        return rate >= ASKED * raw && !grows;
}

static bool
measure(const Options *options, const char *root, RoadLoad *load, const char *path, double rate,
        double raw)
{
        Program programs[] = { { .role = "site" }, { .role = "mp" } };
        guint reports = (guint)(rate * options->seconds / RAW_PER_REPORT);
        Watch seen = { 0 };

        for (guint i = 0; i < G_N_ELEMENTS(programs); i++)
                start(&programs[i], options->programs, root);
        sqlite3 *db = raw_open(path);
        for (guint i = 0; i < G_N_ELEMENTS(programs); i++)
                programs[i].cpu = cpu_of(programs[i].pid);
        double own = bench_cpu();
        road_load_start(load, port_of(root, "mp"), rate / RAW_PER_REPORT);
        watch(options, load, db, &seen);
        print_cpu(programs, G_N_ELEMENTS(programs), bench_cpu() - own, seen.seconds, seen.stored);
        road_load_join(load);
        check_rows(load, db, reports);
        bool kept = print_result(load, &seen, raw);
        sqlite3_close(db);
        for (guint i = G_N_ELEMENTS(programs); i > 0; i--)
                stop(&programs[i - 1]);
        g_array_unref(seen.backlog);
        return kept;
}

static double
raw_rate(void)
{
        const HostRole role = raw_role(components);
        double rates[RAW_ROUNDS];

        for (guint32 i = 0; i < RAW_ROUNDS; i++)
                rates[i] = raw_loop(&role, RAW_LOAD, i).rate;
        return bench_median(rates, RAW_ROUNDS);
}

static bool
run(const Options *options)
{
        const char *base = g_getenv("UPKEEP_BENCH_DIR");
        g_autofree char *keys =
                g_build_filename(base != NULL ? base : "/var/tmp", "upkeep-bench-keys", NULL);
        g_autoptr(RoadMachines) machines = road_machines_new(keys, RAW_MACHINES);
        double raw = raw_rate();
        double rate = options->rate > 0 ? options->rate : raw * ASKED * OFFERED;
        guint reports = (guint)(rate * options->seconds / RAW_PER_REPORT);
        g_autoptr(RoadLoad) load = road_load_new(machines, reports, 1);
        char *root = bench_folder();
        g_autofree char *path = make_road(options, root, machines);

        printf("The road up: %u reports of %d messages, %.0f bytes each, in %d seconds "
               "(%.0f messages a second)\n",
               reports, RAW_PER_REPORT, road_load_size(load), options->seconds, rate);
        bool kept = measure(options, root, load, path, rate, raw);
        bench_folder_remove(root);
        return kept;
}

int
main(int argc, char **argv)
{
        g_autofree char *self = g_file_read_link("/proc/self/exe", NULL);
        g_autofree char *here = self != NULL ? g_path_get_dirname(self) : g_strdup(".");
        Options options = { .seconds = 60, .programs = g_build_filename(here, "../src", NULL) };
        const GOptionEntry entries[] = {
                { "seconds", 0, 0, G_OPTION_ARG_INT, &options.seconds, "How long", "N" },
                { "rate", 0, 0, G_OPTION_ARG_DOUBLE, &options.rate, "Messages a second", "N" },
                { "programs", 0, 0, G_OPTION_ARG_FILENAME, &options.programs, "Build folder's src",
                  "DIR" },
                { NULL },
        };
        g_autoptr(GOptionContext) context = g_option_context_new(NULL);
        g_autoptr(GError) error = NULL;

        g_option_context_add_main_entries(context, entries, NULL);
        bench_must(g_option_context_parse(context, &argc, &argv, &error) &&
                           crypto_global_init(&error) && wire_global_init(&error) &&
                           net_global_init(&error),
                   error);
        bool kept = run(&options);
        g_free(options.programs);
        return kept ? EXIT_SUCCESS : EXIT_FAILURE;
}
