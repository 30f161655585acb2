/* sms_distributionjob.c - SMS_DistributionJob: jobs of the queue moved, paused, gone on with, taken
 * back.
 */
#include "provider/sms_distributionjob.h"

#include "provider/wmi_content.h"
#include "sitedb/distjob.h"
#include "sitedb/wmiclass.sql.h"

typedef bool (*JobFn)(DbTx *tx, gint64 id, const char *cause, GError **error);

static bool
treat(WmiCall *call, const char *method, const char *doing, JobFn fn, GError **error)
{
        gint64 id = g_ascii_strtoll(call->key, NULL, 10);
        g_autofree char *cause = wmi_cause(call, doing);
        g_autoptr(DistJob) job = distjob_load(call->c->db, id, error);
        g_autoptr(DbTx) tx = job != NULL ? wmi_begin(call, error) : NULL;

        if (tx == NULL || !fn(tx, id, cause, error) ||
            !wmi_end(call, g_steal_pointer(&tx), "called", &sms_distributionjob, method,
                     job->pkg_id, error))
                return false;
        wmi_answer(call, NULL, NULL);
        return true;
}

static bool
cancel(WmiCall *call, GError **error)
{
        return treat(call, "Cancel", "cancelled", distjob_cancel, error);
}

static bool
pause_job(WmiCall *call, GError **error)
{
        return treat(call, "Pause", "paused", distjob_pause, error);
}

static bool
resume(WmiCall *call, GError **error)
{
        return treat(call, "Resume", "resumed", distjob_resume, error);
}

static bool
to_top(WmiCall *call, GError **error)
{
        return treat(call, "MoveToTop", "moved to the top", distjob_to_top, error);
}

static bool
to_bottom(WmiCall *call, GError **error)
{
        return treat(call, "MoveToBottom", "moved to the bottom", distjob_to_bottom, error);
}

static const char *const bools[] = { "IsPullDP", NULL };

const WmiClass sms_distributionjob = {
        .name = "SMS_DistributionJob",
        .list = &sql_wmiclass_distributionjob,
        .key = "JobID",
        .one = &sql_wmiclass_distributionjob_by_id,
        .bools = bools,
        .methods = { { "Cancel", false, cancel, "~" },
                     { "Pause", false, pause_job, "~" },
                     { "Resume", false, resume, "~" },
                     { "MoveToTop", false, to_top, "~" },
                     { "MoveToBottom", false, to_bottom, "~" } },
};
