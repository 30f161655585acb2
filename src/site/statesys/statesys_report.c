/* statesys_report.c - one report: who sent it, whether it may, and its messages one by one.
 *
 * In: an .SMX file as the management point left it. Out: calls of statesys_topics_take, and a row
 * that is the cause of what these change. A report of a client that is unknown, not approved,
 * blocked or another site's is refused as a whole, with a sentence that says so.
 */
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "site/statesys/statesys_private.h"
#include "sitedb/machine.h"

void
statesys_report_clear(StatesysReport *report)
{
        report_sender_clear(&report->sender);
        g_clear_pointer(&report->dp, pulldpresponse_sender_free);
        g_clear_pointer(&report->trace, g_free);
}

static bool
check_sender(const StatesysReport *report, const StateReportHead *head, GError **error)
{
        const ReportSender *sender = &report->sender;
        const char *site = report->chunk->ss->site;

        if (strcmp(sender->site, site) != 0)
                return uk_fail(error, UK_ERROR_DENIED,
                               "client %s (%s) is assigned to site %s, not to site %s",
                               sender->name, head->client_id, sender->site, site);
        if (sender->state == MACHINE_PENDING)
                return uk_fail(error, UK_ERROR_DENIED, "client %s (%s) is not approved",
                               sender->name, head->client_id);
        if (sender->state != MACHINE_APPROVED)
                return uk_fail(error, UK_ERROR_DENIED, "client %s (%s) is blocked", sender->name,
                               head->client_id);
        return true;
}

static bool
is_trace(const char *text)
{
        return strlen(text) == 32 && strspn(text, "0123456789abcdef") == 32;
}

/* A sender that is no machine: a distribution point of this site, or nobody. */
static bool
take_distribution_point(StatesysReport *report, const StateReportHead *head, const char *smsid,
                        GError **error)
{
        const char *site = report->chunk->ss->site;

        if (!pulldpresponse_sender(report->chunk->work->db, head->client_id, &report->dp, error))
                return false;
        if (report->dp == NULL)
                return uk_fail(error, UK_ERROR_DENIED,
                               "site %s knows no client %s, which calls itself %s", site, smsid,
                               head->name);
        return strcmp(report->dp->site, site) == 0 ||
               uk_fail(error, UK_ERROR_DENIED,
                       "distribution point %s belongs to site %s, not to site %s",
                       report->dp->server, report->dp->site, site);
}

static bool
on_head(gpointer user, const StateReportHead *head, GError **error)
{
        StatesysReport *report = user;
        char smsid[64];
        bool found = false;

        report->headed = true;
        if (is_trace(head->trace))
                report->row.trace = report->trace = g_strdup(head->trace);
        g_snprintf(smsid, sizeof smsid, "GUID:%s", head->client_id);
        for (char *c = smsid; *c != '\0'; c++)
                *c = g_ascii_toupper(*c);
        if (!report_sender(report->chunk->work->db, smsid, &report->sender, &found, error))
                return false;
        if (!found)
                return take_distribution_point(report, head, smsid, error);
        report->machine.id = report->sender.machine_id;
        report->machine.counts = report->sender.state == MACHINE_APPROVED;
        report->row.machine_id = report->sender.machine_id;
        return check_sender(report, head, error);
}

static bool
on_message(gpointer user, const StateReportMessage *message, GError **error)
{
        StatesysReport *report = user;

        report->row.messages++;
        report->highest_serial = MAX(report->highest_serial, message->serial);
        return statesys_topics_take(report, message, error);
}

static void
on_invalid(gpointer user, const char *why)
{
        StatesysReport *report = user;

        report->row.messages++;
        statesys_report_invalid(report, why);
}

bool
statesys_report_invalid(StatesysReport *report, const char *why)
{
        report->row.invalid++;
        uk_verbose("CMessageProcessor - Record %" G_GINT64_FORMAT " of %s is invalid: %s",
                   report->row.messages, report->row.file, why);
        return true;
}

bool
statesys_report_cause(StatesysReport *report, gint64 *id_out, GError **error)
{
        if (report->id == 0) {
                if (!report_add(report->chunk->work->tx, &report->row, &report->id, error))
                        return false;
                summary_cause(report->chunk->work->summary, report->id, report->row.trace);
        }
        *id_out = report->id;
        return true;
}

/* What remains of a report: its counts where it caused something, its time in any case. One of
 * which nothing could be used is kept as refused, so that its client can be told why. */
static bool
finish(StatesysReport *report, GError **error)
{
        DbTx *tx = report->chunk->work->tx;

        if (report->id != 0 && !report_count(tx, report->id, &report->row, error))
                return false;
        if (report->row.invalid > 0 && report->row.invalid == report->row.messages &&
            !report_refuse(tx, &report->row, "none of its records can be used", error))
                return false;
        if (report->dp != NULL)
                return true;
        return report_contact(tx, report->machine.id, report->row.received_us,
                              report->highest_serial, error);
}

bool
statesys_report_take(StatesysReport *report, StatesysChunk *chunk, const InboxFile *file,
                     const char *data, gsize size, GError **error) /* COMP-068 */
{
        const StateReportSink sink = { on_head, on_message, on_invalid, report };

        report->chunk = chunk;
        report->row.file = file->name;
        report->row.trace = "";
        report->row.received_us = MIN(file->mtime_us, chunk->work->now_us);
        return statereport_read(data, size, &sink, error) && finish(report, error);
}
