/* sms_r_system.c - SMS_R_System: the clients of the site; approved, blocked, deleted.
 *
 * In: calls of an administrator. Out: audited changes of the machine's row, which the management
 * point reads with each message of the client: they take effect with its next one.
 */
#include "provider/sms_r_system.h"

#include "provider/why.h"
#include "sitedb/clienttrigger.h"
#include "sitedb/machine.h"
#include "sitedb/wmiclass.sql.h"

static const char *const bools[] = { "IsApproved", "IsBlocked", NULL };

static gint64
id_of(const WmiCall *call)
{
        return g_ascii_strtoll(call->key, NULL, 10);
}

/* Approving a client that is blocked unblocks it. */
static bool
set_state(WmiCall *call, MachineState state, const char *method, GError **error)
{
        g_autofree char *cause = g_strdup_printf(
                "%s by %s", state == MACHINE_APPROVED ? "approved" : "blocked", call->user);
        g_autoptr(DbTx) tx = db_begin_from(call->c->db, call->trace, NULL, error);

        return tx != NULL && machine_set_state(tx, id_of(call), state, cause, NULL, error) &&
               wmi_audit(call, tx, "called", &sms_r_system, method, cause, error) &&
               db_commit(g_steal_pointer(&tx), error);
}

static bool
approve(WmiCall *call, GError **error)
{
        return set_state(call, MACHINE_APPROVED, "Approve", error);
}

static bool
block(WmiCall *call, GError **error)
{
        return set_state(call, MACHINE_BLOCKED, "Block", error);
}

/* Asks the client to scan: the wish waits for its next policy request. */
static bool
trigger_schedule(WmiCall *call, GError **error)
{
        const char *schedule = json_get_text(call->body, "sScheduleID", "");
        g_autofree char *cause = g_strdup_printf("asked by %s", call->user);

        if (g_ascii_strcasecmp(schedule, CLIENTTRIGGER_SCAN) != 0)
                return uk_fail(error, UK_ERROR_INVALID,
                               "sScheduleID '%.80s': a client can be asked for a "
                               "scan, " CLIENTTRIGGER_SCAN,
                               schedule);
        g_autoptr(DbTx) tx = db_begin_from(call->c->db, call->trace, NULL, error);

        return tx != NULL && clienttrigger_add(tx, id_of(call), CLIENTTRIGGER_SCAN, cause, error) &&
               wmi_audit(call, tx, "called", &sms_r_system, "TriggerSchedule", schedule, error) &&
               db_commit(g_steal_pointer(&tx), error);
}

/* The machine and all that it reported. If its client still runs, it registers anew. */
static bool
remove_client(WmiCall *call, GError **error)
{
        g_autoptr(Machine) machine = machine_find(call->c->db, call->key, error);
        g_autoptr(DbTx) tx =
                machine != NULL ? db_begin_from(call->c->db, call->trace, NULL, error) : NULL;

        return tx != NULL && machine_delete(tx, machine->id, error) &&
               wmi_audit(call, tx, "deleted", &sms_r_system, NULL, machine->name, error) &&
               db_commit(g_steal_pointer(&tx), error);
}

const WmiClass sms_r_system = {
        .name = "SMS_R_System",
        .list = &sql_wmiclass_r_system,
        .key = "ResourceID",
        .one = &sql_wmiclass_r_system_by_id,
        .bools = bools,
        .methods = { { "Approve", false, approve },
                     { "Block", false, block },
                     { "TriggerSchedule", false, trigger_schedule },
                     { "Why", false, why_method } },
        .remove = remove_client,
};
