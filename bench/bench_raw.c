/* bench_raw.c - see bench_raw.h. */
#include "bench_raw.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "sitedb/schema.h"

#define PER_COMMIT 1000

static const SettingDef settings[] = {
#define SETTING_DEF(name, type, fallback, min, max, unit, when, what) \
        { name, SETTING_##type, fallback, min, max, unit, when, what },
#include "site/settings.def"
#undef SETTING_DEF
        { NULL },
};

HostRole
raw_role(const ComponentDef *const *components)
{
        return (HostRole){ .role = "site",
                           .components = components,
                           .settings = settings,
                           .database = "var/lib/upkeep/site/site.db",
                           .migrations = sitedb_migrations,
                           .migration_count = SITEDB_MIGRATIONS_COUNT,
                           .migrates = true };
}

/* What sitectrl would write. */
static const char site_sql[] =
        "INSERT INTO Sites (SiteCode, SiteNumber, SiteName, ServerName, SiteType)"
        " VALUES ('UPK', 1, 'One', 's', 2);"
        "INSERT INTO SMSData VALUES (1, 'UPK');"
        "INSERT INTO CI_UpdateSources (UpdateSource_ID, UpdateSource_UniqueID, UpdateSourceName,"
        " SourceSite, ContentVersion, DateCreated, DateModified)"
        " VALUES (1, '{S}', 'n', 'UPK', 0, '2026-01-02T03:04:05.000Z',"
        " '2026-01-02T03:04:05.000Z');";

const char raw_updates_sql[] =
        "UPDATE CI_UpdateSources SET ContentVersion = 1;"
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 30000)"
        " INSERT INTO CI_ConfigurationItems (CI_ID, CI_UniqueID, RevisionNumber, UpdateSource_ID,"
        " MinSourceVersion, DateCreated, DateLastModified, SourceSite, Digest, RuleDigest)"
        " SELECT i, printf('%08x-b3f4-45fb-83d9-8642554e2773', i), 200, s.UpdateSource_ID, 1, '',"
        " '', s.SourceSite, zeroblob(32), zeroblob(32) FROM n, CI_UpdateSources s;";

/* Without keys: nobody checks a signature here. */
static const char machines_sql[] =
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 5000)"
        " INSERT INTO Machines (ResourceID, SMSID, Name, SiteCode, State, StateTime,"
        " RegisteredTime, Certificate, Fingerprint)"
        " SELECT i, printf('GUID:A1006D0E-CF56-41D1-A006-%012X', i), 'm', 'UPK', 1, '', '',"
        " zeroblob(0) || '', printf('%064x', i) FROM n;";

const char raw_scans_sql[] =
        "INSERT INTO Update_ScanStatus (ResourceID, UpdateSource_ID, LastScanState, StateTime,"
        " SerialNumber, LastScanVersion, CauseID)"
        " SELECT m.ResourceID, s.UpdateSource_ID, 3, '2026-01-02T03:04:05.000Z', 0, 1, 0"
        " FROM Machines m, CI_UpdateSources s;"
        "INSERT INTO Update_ScanVersions SELECT UpdateSource_ID, 1, 5000,"
        " '2026-01-02T03:04:05.000Z' FROM CI_UpdateSources;";

/* Statements of the raw loop, in the order of a report's work. */
static const char *const raw_sql[] = {
        "INSERT INTO SR_Reports (ResourceID, ReceivedTime, FileName, Messages) VALUES (?1,"
        " '2026-01-02T03:04:05.000Z', 'ABCDEFGH.SMX', 5)",
        "INSERT INTO MachineContacts VALUES (?1, '2026-01-02T03:04:05.000Z',"
        " '2026-01-02T03:04:05.000Z', 5) ON CONFLICT DO UPDATE SET LastReportTime ="
        " excluded.LastReportTime",
        "INSERT INTO Update_ComplianceStatus VALUES (?1, ?2, 2, 200, '2026-01-02T03:04:05.000Z', 5,"
        " ?3) ON CONFLICT DO UPDATE SET Status = excluded.Status, StateTime = excluded.StateTime,"
        " CauseID = excluded.CauseID",
        "INSERT INTO Update_MissingPackages VALUES (?1, ?2, 'libexample1', 'amd64', '1.2.3-4',"
        " '1.2.3-5', 0) ON CONFLICT DO UPDATE SET NewVersion = excluded.NewVersion",
        "INSERT INTO Update_ComplianceCounts (CI_ID, NumMissing, LastSummaryTime) VALUES (?2, 1,"
        " '2026-01-02T03:04:05.000Z') ON CONFLICT DO UPDATE SET NumMissing = NumMissing + 1",
};
enum {
        RAW_OF_REPORT = 2, /* of these the first are of the report, not of each message */
        RAW_ALL = 5
};

void
raw_must(sqlite3 *db, int result)
{
        if (result == SQLITE_OK || result == SQLITE_DONE)
                return;
        fprintf(stderr, "%s\n", sqlite3_errmsg(db));
        exit(1);
}

sqlite3 *
raw_open(const char *path)
{
        sqlite3 *db = NULL;

        raw_must(db, sqlite3_open(path, &db));
        raw_must(db, sqlite3_busy_timeout(db, 10000));
        raw_must(db, sqlite3_exec(db, "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL", NULL,
                                  NULL, NULL));
        return db;
}

gint64
raw_number(sqlite3 *db, const char *sql)
{
        sqlite3_stmt *st = NULL;

        raw_must(db, sqlite3_prepare_v2(db, sql, -1, &st, NULL));
        gint64 number = sqlite3_step(st) == SQLITE_ROW ? sqlite3_column_int64(st, 0) : -1;
        raw_must(db, sqlite3_finalize(st));
        return number;
}

gint64
raw_count_states(const char *path)
{
        sqlite3 *db = raw_open(path);
        gint64 count = raw_number(db, "SELECT (SELECT COUNT(*) FROM Update_ComplianceStatus) +"
                                      " (SELECT COUNT(*) FROM Update_MissingPackages)");

        sqlite3_close(db);
        return count;
}

char *
raw_site(const HostRole *role, const char *root)
{
        static const char *const seed[] = { "BEGIN",      site_sql,      raw_updates_sql,
                                            machines_sql, raw_scans_sql, "COMMIT" };
        g_autoptr(GError) error = NULL;
        g_autoptr(Host) host = host_new(role, root, &error);
        char *path = g_build_filename(root, role->database, NULL);

        bench_must(host != NULL, error);
        sqlite3 *db = raw_open(path);
        for (guint i = 0; i < G_N_ELEMENTS(seed); i++)
                raw_must(db, sqlite3_exec(db, seed[i], NULL, NULL, NULL));
        sqlite3_close(db);
        return path;
}

/* One message: its rows, and before the first one the report's. */
static void
take_message(sqlite3 *db, sqlite3_stmt *const *st, bool first, gint64 machine, gint64 update,
             gint64 *report)
{
        for (int i = first ? 0 : RAW_OF_REPORT; i < RAW_ALL; i++) {
                sqlite3_bind_int64(st[i], 1, machine);
                sqlite3_bind_int64(st[i], 2, update);
                sqlite3_bind_int64(st[i], 3, *report);
                raw_must(db, sqlite3_step(st[i]));
                sqlite3_reset(st[i]);
                if (i == 0)
                        *report = sqlite3_last_insert_rowid(db);
        }
}

static void
take_reports(sqlite3 *db, guint reports, guint32 random_seed)
{
        g_autoptr(GRand) random = g_rand_new_with_seed(random_seed);
        sqlite3_stmt *st[RAW_ALL];
        guint messages = 0;

        for (int i = 0; i < RAW_ALL; i++)
                raw_must(db, sqlite3_prepare_v2(db, raw_sql[i], -1, &st[i], NULL));
        raw_must(db, sqlite3_exec(db, "BEGIN", NULL, NULL, NULL));
        for (guint r = 0; r < reports; r++) {
                gint64 machine = g_rand_int_range(random, 1, RAW_MACHINES + 1);
                gint64 report = 0;

                for (guint m = 0; m < RAW_PER_REPORT; m++, messages++)
                        take_message(db, st, m == 0, machine,
                                     g_rand_int_range(random, 1, RAW_UPDATES + 1), &report);
                if (messages % PER_COMMIT == 0)
                        raw_must(db, sqlite3_exec(db, "COMMIT; BEGIN", NULL, NULL, NULL));
        }
        raw_must(db, sqlite3_exec(db, "COMMIT", NULL, NULL, NULL));
        for (int i = 0; i < RAW_ALL; i++)
                sqlite3_finalize(st[i]);
}

RawCost
raw_cost(guint reports, gint64 began, double cpu)
{
        double seconds = (double)(uk_clock_mono() - began) / UK_SECOND;
        double messages = (double)reports * RAW_PER_REPORT;

        return (RawCost){ .rate = messages / seconds, .cpu = (bench_cpu() - cpu) * 1e6 / messages };
}

RawCost
raw_loop(const HostRole *role, guint reports, guint32 random_seed)
{
        char *root = bench_folder();
        g_autofree char *path = raw_site(role, root);
        sqlite3 *db = raw_open(path);
        gint64 began = uk_clock_mono();
        double cpu = bench_cpu();

        take_reports(db, reports, random_seed);
        RawCost cost = raw_cost(reports, began, cpu);
        sqlite3_close(db);
        cost.count = raw_count_states(path);
        bench_folder_remove(root);
        return cost;
}
