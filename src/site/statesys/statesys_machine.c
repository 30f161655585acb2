/* statesys_machine.c - a machine's states, and what they do to the summary of updates.
 *
 * Every change of a state goes through here, in the transaction that also changes the summary: what
 * a report brings, what is forgotten when a machine sends all anew, what is deleted for its age.
 */
#include "base/clock.h"
#include "site/statesys/statesys_private.h"

StatesysWork *
statesys_machine_begin(Db *db, GError **error)
{
        DbTx *tx = db_begin(db, error);

        if (tx == NULL)
                return NULL;
        StatesysWork *work = g_new0(StatesysWork, 1);
        work->tx = tx;
        work->db = db;
        work->summary = summary_new();
        work->compares = g_array_new(FALSE, FALSE, sizeof(StatesysCompare));
        work->now_us = uk_clock_now();
        return work;
}

void
statesys_machine_rollback(StatesysWork *work)
{
        if (work == NULL)
                return;
        db_rollback(work->tx);
        summary_free(work->summary);
        g_array_unref(work->compares);
        g_free(work);
}

bool
statesys_machine_commit(StatesysWork *work_take, GError **error)
{
        g_autoptr(StatesysWork) work = work_take;

        return summary_write(work->summary, work->tx, work->now_us, error) &&
               db_commit(g_steal_pointer(&work->tx), error);
}

/* The version that the machine's last completed scan of a source saw. */
static bool
look_up_scan(StatesysWork *work, StatesysMachine *machine, gint64 source_id, GError **error)
{
        if (machine->source_id == source_id)
                return true;
        if (!scanstatus_version(work->db, machine->id, source_id, &machine->version,
                                &machine->resync, error))
                return false;
        machine->source_id = source_id;
        return true;
}

static bool
write_packages(StatesysWork *work, const ComplianceState *state, const ComplianceStored *stored,
               const GArray *packages, GError **error)
{
        if (stored->status == 2 &&
            !compliance_drop_packages(work->tx, state->machine_id, state->ci_id, error))
                return false;
        for (guint i = 0; packages != NULL && i < packages->len; i++) {
                if (!compliance_add_package(work->tx, state->machine_id, state->ci_id,
                                            &g_array_index(packages, CompliancePackage, i), error))
                        return false;
        }
        return true;
}

bool
statesys_machine_store(StatesysWork *work, StatesysMachine *machine, const ComplianceUpdate *update,
                       const ComplianceState *state, const ComplianceStored *stored,
                       const GArray *packages, GError **error)
{
        if (!look_up_scan(work, machine, update->source_id, error) ||
            !compliance_put(work->tx, state, error) ||
            !write_packages(work, state, stored, packages, error))
                return false;
        if (machine->counts && machine->version >= update->min_version)
                summary_state(work->summary, update->ci_id,
                              stored->found ? (int)stored->status : SUMMARY_NONE, state->status);
        if (machine->resync) {
                const StatesysCompare compare = { machine->id, update->source_id };

                g_array_append_val(work->compares, compare);
        }
        return true;
}

bool
statesys_machine_scanned(StatesysWork *work, StatesysMachine *machine, gint64 source_id,
                         gint64 before, gint64 after, GError **error)
{
        machine->source_id = 0;
        if (!machine->counts || before == after)
                return true;
        g_autoptr(GArray) states = compliance_between(
                work->db, machine->id, source_id, MIN(before, after), MAX(before, after), error);
        if (states == NULL)
                return false;
        for (guint i = 0; i < states->len; i++) {
                const ComplianceCounting *state = &g_array_index(states, ComplianceCounting, i);
                int status = (int)state->status;

                summary_state(work->summary, state->ci_id, after > before ? SUMMARY_NONE : status,
                              after > before ? status : SUMMARY_NONE);
        }
        summary_scan(work->summary, source_id, before, after);
        return true;
}

bool
statesys_machine_forget(StatesysWork *work, StatesysMachine *machine, gint64 *removed_out,
                        GError **error)
{
        g_autoptr(GArray) scans = scanstatus_versions(work->db, machine->id, error);
        gint64 states = 0, rows = 0;

        for (guint i = 0; scans != NULL && i < scans->len; i++) {
                const ScanVersion *scan = &g_array_index(scans, ScanVersion, i);

                if (!statesys_machine_scanned(work, machine, scan->source_id, scan->version, 0,
                                              error))
                        return false;
        }
        if (scans == NULL || !compliance_forget(work->tx, machine->id, &states, error) ||
            !scanstatus_forget(work->tx, machine->id, &rows, error))
                return false;
        machine->source_id = 0;
        *removed_out = states + rows;
        return true;
}
