/* scanstatus.c - scans of machines. */
#include "sitedb/scanstatus.h"

#include "sitedb/scanstatus.sql.h"

static const DbField fields[] = {
        DB_FIELD(INT, ScanStatus, state, "LastScanState"),
        DB_FIELD(TIME, ScanStatus, state_us, "StateTime"),
        DB_FIELD(INT, ScanStatus, serial, "SerialNumber"),
        DB_FIELD(INT, ScanStatus, error_code, "LastErrorCode"),
        DB_FIELD(INT, ScanStatus, package_version, "ScanPackageVersion"),
        DB_FIELD(TIME, ScanStatus, scan_us, "LastScanTime"),
        DB_FIELD(INT, ScanStatus, completed_version, "CompletedVersion"),
        DB_FIELD(INT, ScanStatus, version, "LastScanVersion"),
        DB_FIELD(TEXT, ScanStatus, location, "LastScanLocation"),
        DB_FIELD(INT, ScanStatus, missing, "NumMissing"),
        DB_FIELD(INT, ScanStatus, installed, "NumInstalled"),
        DB_FIELD(INT, ScanStatus, not_applicable, "NumNotApplicable"),
        DB_FIELD(TEXT, ScanStatus, digest, "Digest"),
        DB_FIELD(TIME, ScanStatus, resync_us, "ResyncTime"),
        DB_FIELD(INT, ScanStatus, cause_id, "CauseID"),
        DB_FIELD_END,
};

void
scanstatus_free(ScanStatus *scan)
{
        if (scan == NULL)
                return;
        g_free(scan->location);
        g_free(scan->digest);
        g_free(scan);
}

ScanStatus *
scanstatus_load(Db *db, gint64 machine_id, gint64 source_id, GError **error)
{
        g_autoptr(ScanStatus) scan = g_new0(ScanStatus, 1);
        bool found = false;

        if (!db_one(db, &sql_scanstatus_load,
                    DB_ARGS(DB_INT("machine", machine_id), DB_INT("source", source_id)), fields,
                    scan, &found, error))
                return NULL;
        if (!found) {
                scan->location = g_strdup("");
                scan->digest = g_strdup("");
        }
        return g_steal_pointer(&scan);
}

bool
scanstatus_version(Db *db, gint64 machine_id, gint64 source_id, gint64 *version_out,
                   bool *resync_out, GError **error)
{
        static const DbField version_fields[] = {
                { "LastScanVersion", DB_TYPE_INT, 0 },
                { "Resync", DB_TYPE_INT, sizeof(gint64) },
                DB_FIELD_END,
        };
        gint64 values[2] = { 0, 0 };
        bool found = false;

        if (!db_one(db, &sql_scanstatus_version,
                    DB_ARGS(DB_INT("machine", machine_id), DB_INT("source", source_id)),
                    version_fields, values, &found, error))
                return false;
        *version_out = values[0];
        *resync_out = values[1] != 0;
        return true;
}

GArray *
scanstatus_versions(Db *db, gint64 machine_id, GError **error)
{
        g_autoptr(GArray) list = g_array_new(FALSE, FALSE, sizeof(ScanVersion));
        g_autoptr(DbRows) rows = db_query(db, &sql_scanstatus_versions,
                                          DB_ARGS(DB_INT("machine", machine_id)), error);
        bool row = rows != NULL;

        while (row) {
                if (!db_next(rows, &row, error))
                        return NULL;
                const ScanVersion scan = { row ? db_cell_int(rows, 0) : 0,
                                           row ? db_cell_int(rows, 1) : 0 };
                if (row)
                        g_array_append_val(list, scan);
        }
        return rows != NULL ? g_steal_pointer(&list) : NULL;
}

bool
scanstatus_put(DbTx *tx, gint64 machine_id, gint64 source_id, const ScanStatus *scan,
               GError **error)
{
        return db_run(
                tx, &sql_scanstatus_put,
                DB_ARGS(DB_INT("machine", machine_id), DB_INT("source", source_id),
                        DB_INT("state", scan->state), DB_TIME("time", scan->state_us),
                        DB_INT("serial", scan->serial), DB_INT("error_code", scan->error_code),
                        DB_INT("package_version", scan->package_version),
                        DB_TIME_OR_NULL("scan_time", scan->scan_us),
                        DB_INT("completed", scan->completed_version),
                        DB_INT("version", scan->version), DB_TEXT("location", scan->location),
                        DB_INT("missing", scan->missing), DB_INT("installed", scan->installed),
                        DB_INT("not_applicable", scan->not_applicable),
                        DB_TEXT("digest", scan->digest), DB_TIME_OR_NULL("resync", scan->resync_us),
                        DB_INT("cause", scan->cause_id)),
                error);
}

bool
scanstatus_set_version(DbTx *tx, gint64 machine_id, gint64 source_id, gint64 version,
                       GError **error)
{
        return db_run(tx, &sql_scanstatus_set_version,
                      DB_ARGS(DB_INT("version", version), DB_INT("machine", machine_id),
                              DB_INT("source", source_id)),
                      error);
}

bool
scanstatus_set_resync(DbTx *tx, gint64 machine_id, gint64 source_id, gint64 resync_us,
                      GError **error)
{
        return db_run(tx, &sql_scanstatus_set_resync,
                      DB_ARGS(DB_TIME_OR_NULL("resync", resync_us), DB_INT("machine", machine_id),
                              DB_INT("source", source_id)),
                      error);
}

bool
scanstatus_forget(DbTx *tx, gint64 machine_id, gint64 *removed_out, GError **error)
{
        return db_run_counted(tx, &sql_scanstatus_forget, DB_ARGS(DB_INT("machine", machine_id)),
                              removed_out, error);
}
