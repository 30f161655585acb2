/* compliance.c - states of updates on machines; on the hottest path of a site, so one look and one
 * write a message.
 */
#include "sitedb/compliance.h"

#include "sitedb/compliance.sql.h"

static const DbField update_fields[] = {
        DB_FIELD(INT, ComplianceUpdate, ci_id, "CI_ID"),
        DB_FIELD(INT, ComplianceUpdate, source_id, "UpdateSource_ID"),
        DB_FIELD(INT, ComplianceUpdate, min_version, "MinSourceVersion"),
        DB_FIELD_END,
};

static const DbField stored_fields[] = {
        DB_FIELD(INT, ComplianceStored, status, "Status"),
        DB_FIELD(INT, ComplianceStored, newer, "Newer"),
        DB_FIELD_END,
};

bool
compliance_find_update(Db *db, const char *guid, ComplianceUpdate *update_out, bool *found_out,
                       GError **error)
{
        return db_one(db, &sql_compliance_find_update, DB_ARGS(DB_TEXT("guid", guid)),
                      update_fields, update_out, found_out, error);
}

bool
compliance_compare(Db *db, const ComplianceState *state, gint64 now_us,
                   ComplianceStored *stored_out, GError **error)
{
        ComplianceStored stored = { .status = -1, .newer = 1 };

        if (!db_one(db, &sql_compliance_compare,
                    DB_ARGS(DB_TIME("time", state->time_us), DB_TIME("now", now_us),
                            DB_INT("serial", state->serial), DB_INT("machine", state->machine_id),
                            DB_INT("ci", state->ci_id)),
                    stored_fields, &stored, &stored.found, error))
                return false;
        *stored_out = stored;
        return true;
}

bool
compliance_put(DbTx *tx, const ComplianceState *state, GError **error)
{
        return db_run(tx, &sql_compliance_put,
                      DB_ARGS(DB_INT("machine", state->machine_id), DB_INT("ci", state->ci_id),
                              DB_INT("status", state->status), DB_INT("revision", state->revision),
                              DB_TIME("time", state->time_us), DB_INT("serial", state->serial),
                              DB_INT("cause", state->cause_id)),
                      error);
}

bool
compliance_add_package(DbTx *tx, gint64 machine_id, gint64 ci_id, const CompliancePackage *package,
                       GError **error)
{
        return db_run(tx, &sql_compliance_add_package,
                      DB_ARGS(DB_INT("machine", machine_id), DB_INT("ci", ci_id),
                              DB_TEXT("name", package->name),
                              DB_TEXT("architecture", package->architecture),
                              DB_TEXT("installed", package->installed),
                              DB_TEXT("available", package->available),
                              DB_INT("held", package->held)),
                      error);
}

bool
compliance_drop_packages(DbTx *tx, gint64 machine_id, gint64 ci_id, GError **error)
{
        return db_run(tx, &sql_compliance_drop_packages,
                      DB_ARGS(DB_INT("machine", machine_id), DB_INT("ci", ci_id)), error);
}

GArray *
compliance_between(Db *db, gint64 machine_id, gint64 source_id, gint64 above, gint64 upto,
                   GError **error)
{
        g_autoptr(GArray) list = g_array_new(FALSE, FALSE, sizeof(ComplianceCounting));
        g_autoptr(DbRows) rows =
                db_query(db, &sql_compliance_between,
                         DB_ARGS(DB_INT("machine", machine_id), DB_INT("source", source_id),
                                 DB_INT("above", above), DB_INT("upto", upto)),
                         error);
        bool row = rows != NULL;

        while (row) {
                if (!db_next(rows, &row, error))
                        return NULL;
                const ComplianceCounting state = { row ? db_cell_int(rows, 0) : 0,
                                                   row ? db_cell_int(rows, 1) : 0 };
                if (row)
                        g_array_append_val(list, state);
        }
        return rows != NULL ? g_steal_pointer(&list) : NULL;
}

DbRows *
compliance_reported(Db *db, gint64 machine_id, GError **error)
{
        return db_query(db, &sql_compliance_reported, DB_ARGS(DB_INT("machine", machine_id)),
                        error);
}

bool
compliance_forget(DbTx *tx, gint64 machine_id, gint64 *removed_out, GError **error)
{
        static const DbSql *const statements[] = { &sql_compliance_forget,
                                                   &sql_compliance_forget_packages,
                                                   &sql_compliance_forget_waiting };
        gint64 sum = 0;

        for (gsize i = 0; i < G_N_ELEMENTS(statements); i++) {
                gint64 removed = 0;

                if (!db_run_counted(tx, statements[i], DB_ARGS(DB_INT("machine", machine_id)),
                                    &removed, error))
                        return false;
                sum += removed;
        }
        *removed_out = sum;
        return true;
}

GArray *
compliance_aged(Db *db, gint64 before_us, guint max, GError **error)
{
        g_autoptr(GArray) list = g_array_new(FALSE, FALSE, sizeof(gint64));
        g_autoptr(DbRows) rows =
                db_query(db, &sql_compliance_aged,
                         DB_ARGS(DB_TIME("before", before_us), DB_INT("max", max)), error);
        bool row = rows != NULL;

        while (row) {
                if (!db_next(rows, &row, error))
                        return NULL;
                gint64 id = row ? db_cell_int(rows, 0) : 0;
                if (row)
                        g_array_append_val(list, id);
        }
        return rows != NULL ? g_steal_pointer(&list) : NULL;
}
