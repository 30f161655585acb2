/* pulldp_report.c - state messages 902 on their way to the management point (DIST-124, DIST-125).
 *
 * In: rows, in the order in which they were raised. Out: messages of the form of 92-state-messages
 * 2.2, signed with this distribution point's own key. A row goes when the management point has
 * answered for it; until then it is sent again after 5, 10, 20 seconds … 15 minutes, or with the
 * next one.
 */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "dp/mpclient.h"
#include "dp/pulldp/pulldp_private.h"
#include "host/timer.h"
#include "wire/statereport.h"

#define ENDPOINT       "MP_RelayEndpoint"
#define CLIENT_VERSION "5.00.0000.0000"
#define TOPIC_PULL_DP  902
#define FAILED         0x80004005u
#define FIRST_PAUSE    (5 * UK_SECOND)
#define LONGEST_PAUSE  (15 * UK_MINUTE)
#define MOST_DOUBLINGS 10
#define MAX_DATA       1000

bool
pulldp_report_add(DbTx *tx, PullPackage *package, PullReportState state, const char *data,
                  GError **error)
{
        g_autofree char *cut = g_utf8_make_valid(data, (gssize)strnlen(data, MAX_DATA));

        /* No two have one time: the site tells by it which is newer. */
        package->reported_us = MAX(uk_clock_now(), package->reported_us + UK_SECOND / 1000);
        return pulljob_add_report(tx, package, state, cut, package->reported_us, error);
}

/* Of progress the percentage is the fourth parameter (DIST-126), the bytes are the fifth. */
static char *
write_report(const DistributionPoint *dp, const PullReport *report)
{
        bool counts = report->state_id == REPORT_STARTED || report->state_id == REPORT_PROGRESS;
        g_auto(GStrv) parts = g_strsplit(report->data, " ", 2);
        bool apart = counts && parts[0] != NULL && parts[1] != NULL;
        const StateReportHead head = { .client_id = dp->identity_guid,
                                       .client_version = (char *)CLIENT_VERSION,
                                       .name = dp->server_name,
                                       .priority = 5,
                                       .content = (char *)"StateMessage",
                                       .date_us = uk_clock_now(),
                                       .trace = report->trace };
        const StateReportMessage message = {
                .time_us = report->time_us,
                .serial = report->version, /* DIST-125 */
                .topic_type = TOPIC_PULL_DP,
                .topic_id = report->package_id,
                .state_id = (int)report->state_id,
                .param_count = apart ? 5 : 4,
                .params = { report->package_id, dp->nal_path, report->guid,
                            apart ? parts[0] : report->data, apart ? parts[1] : NULL },
        };

        return statereport_write(&head, &message, 1);
}

/* True when the management point has it, or will never take it. */
static bool
send_one(Component *c, const DistributionPoint *dp, const PullReport *report)
{
        g_autofree char *body = write_report(dp, report);
        g_autoptr(GError) why = NULL;

        uk_log("Report state message 0x%08x (%d) to MP for package '%s.%" G_GINT64_FORMAT "'",
               (unsigned)report->state_id, (int)report->state_id, report->package_id,
               report->version);
        uk_verbose("Sending Report");
        uk_verbose("%s", body);
        if (mpclient_post(c, dp, ENDPOINT, report->trace, body, &why)) {
                uk_log("Request was successful.");
                uk_log("CPullDPResponse::ReportPackageState return value 0x00000000.");
                return true;
        }
        uk_warn("CPullDPResponse::ReportPackageState return value 0x%08X: %s", FAILED,
                why->message);
        return g_error_matches(why, UK_ERROR, UK_ERROR_INVALID);
}

static bool
drop(Component *c, const PullReport *report, GError **error)
{
        g_autoptr(DbTx) tx = db_begin(c->db, error);

        return tx != NULL && pulljob_drop_report(tx, report->id, error) &&
               db_commit(g_steal_pointer(&tx), error);
}

/* The pauses grow as long as nobody answers. */
static void
plan(Component *c, bool failed)
{
        static const char *const mark = "pulldp.report_failures";
        g_autofree char *text = host_mark_get(c->host, mark);
        int before = text != NULL ? atoi(text) : 0;
        g_autofree char *now = g_strdup_printf("%d", failed ? before + 1 : 0);

        timer_set(c, "report",
                  failed ? uk_clock_now() +
                                   MIN(FIRST_PAUSE << MIN(before, MOST_DOUBLINGS), LONGEST_PAUSE)
                         : UK_NEVER);
        if (failed || before != 0)
                (void)!host_mark_set(c->host, mark, now, NULL);
}

bool
pulldp_report_send(Component *c, GError **error)
{
        g_autoptr(DistributionPoint) dp = distributionpoint_load(c->db, error);

        while (dp != NULL && !host_stopping(c->host)) {
                g_autoptr(PullReport) report = NULL;

                if (!pulljob_first_report(c->db, &report, error))
                        return false;
                if (report == NULL)
                        break;
                uk_trace_set(report->trace);
                bool sent = send_one(c, dp, report);
                uk_trace_set("");
                if (!sent) {
                        plan(c, true);
                        return true;
                }
                if (!drop(c, report, error))
                        return false;
        }
        plan(c, false);
        return dp != NULL;
}
