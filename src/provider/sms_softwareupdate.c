/* sms_softwareupdate.c - SMS_SoftwareUpdate: the updates of the site; SyncNow, RunSummarization. */
#include "provider/sms_softwareupdate.h"

#include "base/clock.h"
#include "host/host.h"
#include "sitedb/summarytask.h"
#include "sitedb/syncstatus.h"
#include "sitedb/wmiclass.sql.h"

static const char *const bools[] = { "IsSuperseded", "IsExpired", "IsEnabled", "IsHidden",
                                     "IsDeployed",   "IsBundle",  "IsLatest",  NULL };
static const char *const arrays[] = { "CategoryInstance_UniqueIDs",
                                      "LocalizedCategoryInstanceNames", "ContentFiles",
                                      "SupersededBy", NULL };

/* Asks for a synchronization: the row is written and set back at once, so that the next request is
 * a change again (SYNC-018, SYNC-019). The answer has the time, by which a run that began later is
 * known. */
static bool
sync_now(WmiCall *call, GError **error)
{
        bool full = json_get_bool(call->body, "fullSync", false);
        gint64 now = uk_clock_now();
        g_autofree char *cause = g_strdup_printf("SyncNow by %s", call->user);
        g_autoptr(DbTx) tx = db_begin_from(call->c->db, call->trace, NULL, error);

        if (tx == NULL ||
            !syncstatus_request(tx, host_site_code(call->c->host), full, cause, error) ||
            !wmi_audit(call, tx, "called", &sms_softwareupdate, "SyncNow", full ? "fullSync" : "",
                       error) ||
            !db_commit(g_steal_pointer(&tx), error))
                return false;
        g_autofree char *time = uk_clock_iso(now);
        JsonWriter w;

        json_begin(&w, call->answer);
        json_object(&w, NULL);
        json_int(&w, "ReturnValue", 0);
        json_text(&w, "RequestTime", time);
        json_text(&w, "Trace", call->trace);
        json_end(&w, '}');
        return true;
}

/* Asks StateSys to count the states of updates anew (COMP-077). */
static bool
run_summarization(WmiCall *call, GError **error)
{
        const char *command = json_get_text(call->body, "TaskCommand", "updates");
        g_autofree char *cause = g_strdup_printf("RunSummarization by %s", call->user);
        g_autoptr(DbTx) tx = db_begin_from(call->c->db, call->trace, NULL, error);

        return tx != NULL && summarytask_ask(tx, command, cause, error) &&
               wmi_audit(call, tx, "called", &sms_softwareupdate, "RunSummarization", command,
                         error) &&
               db_commit(g_steal_pointer(&tx), error);
}

const WmiClass sms_softwareupdate = {
        .name = "SMS_SoftwareUpdate",
        .list = &sql_wmiclass_softwareupdate,
        .key = "CI_ID",
        .one = &sql_wmiclass_softwareupdate_by_id,
        .by = "ArticleID",
        .list_by = &sql_wmiclass_softwareupdate_by_article,
        .by_is_text = true,
        .bools = bools,
        .arrays = arrays,
        .methods = { { "SyncNow", true, sync_now },
                     { "RunSummarization", true, run_summarization } },
};
