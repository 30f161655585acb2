/* wmi_audit.c - who changed what: a line in SMSProv.log and a row, in the transaction of the
 * change. */
#include "base/clock.h"
#include "base/log.h"
#include "provider/wmi.h"
#include "sitedb/wmiclass.sql.h"

/* The audit line's words for each kind of change. */
static void
say(const WmiCall *call, const char *action, const WmiClass *class)
{
        if (g_str_equal(action, "called") && call->key != NULL)
                uk_log("Auditing: User %s called an audited method of an instance of class %s.~",
                       call->user, class->name);
        else if (g_str_equal(action, "called"))
                uk_log("Auditing: User %s called an audited method of class %s.~", call->user,
                       class->name);
        else
                uk_log("Auditing: User %s %s an instance of class %s.~", call->user, action,
                       class->name);
}

bool
wmi_audit(WmiCall *call, DbTx *tx, const char *action, const WmiClass *class, const char *method,
          const char *details, GError **error)
{
        if (!db_run(tx, &sql_wmiclass_audit_add,
                    DB_ARGS(DB_TIME("now", uk_clock_now()), DB_TEXT("user", call->user),
                            DB_TEXT("address", http_request_peer(call->request)),
                            DB_TEXT("action", action), DB_TEXT("class", class->name),
                            DB_TEXT("object", call->key != NULL ? call->key : ""),
                            DB_TEXT("method", method != NULL ? method : ""),
                            DB_TEXT("details", details), DB_TEXT("trace", call->trace)),
                    error))
                return false;
        say(call, action, class);
        return true;
}
