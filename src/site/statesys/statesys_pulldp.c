/* statesys_pulldp.c - topic 902: what a pull distribution point says of a package (DIST-129).
 *
 * In: a message of a distribution point. Out: the row of PullDPResponse that belongs to the row of
 * PkgStatus for package and distribution point. A distribution point speaks for itself only, and of
 * nothing else; what does not fit is refused whole, so that somebody sees it.
 */
#include <string.h>

#include "base/log.h"
#include "site/statesys/statesys_private.h"

#define PARAM_PACKAGE 0
#define PARAM_NAL     1
#define PARAM_DATA    3
#define PARAM_BYTES   4

static const char *
param(const StateReportMessage *message, guint place)
{
        return place < message->param_count ? message->params[place] : "";
}

/* 1, 2, 4 … 128 (92, 1.3). */
static bool
is_state(int state)
{
        return state >= 1 && state <= 128 && (state & (state - 1)) == 0;
}

static bool
check(const PullDPSender *sender, const StateReportMessage *message, GError **error)
{
        if (strcmp(param(message, PARAM_PACKAGE), message->topic_id) != 0)
                return uk_fail(error, UK_ERROR_INVALID,
                               "distribution point %s speaks of package '%.16s' and names '%.16s'",
                               sender->server, message->topic_id, param(message, PARAM_PACKAGE));
        if (strcmp(param(message, PARAM_NAL), sender->nal) != 0)
                return uk_fail(error, UK_ERROR_DENIED,
                               "distribution point %s speaks for '%.200s' and not for itself",
                               sender->server, param(message, PARAM_NAL));
        if (!is_state(message->state_id) || message->serial < 1)
                return uk_fail(error, UK_ERROR_INVALID,
                               "distribution point %s sends state %d of version %" G_GINT64_FORMAT
                               " of package %s, and there is no such thing",
                               sender->server, message->state_id, message->serial,
                               message->topic_id);
        return true;
}

/* What the state messages show, beside those of machines. */
static bool
remember(StatesysReport *report, const StateReportMessage *message, GError **error)
{
        TopicState state = { .machine_id = pulldpresponse_resource(report->dp),
                             .topic_type = message->topic_type,
                             .topic_id = (char *)message->topic_id,
                             .state = message->state_id,
                             .time_us = message->time_us,
                             .serial = message->serial,
                             .parameters = (char *)param(message, PARAM_DATA),
                             .details = (char *)"" };

        return statesys_report_cause(report, &state.cause_id, error) &&
               topicstate_put(report->chunk->work->tx, &state, error);
}

bool
statesys_pulldp_take(StatesysReport *report, const StateReportMessage *message,
                     GError **error) /* DIST-125, DIST-129 */
{
        const PullDPSender *sender = report->dp;
        g_autofree char *cause = g_strdup_printf("state message %d", message->state_id);
        PullDPResponse response = { .pkg_id = message->topic_id,
                                    .version = message->serial,
                                    .time_us = message->time_us,
                                    .state = message->state_id,
                                    .data = param(message, PARAM_DATA),
                                    .cause = cause,
                                    .trace = report->row.trace };
        g_autofree char *more =
                *param(message, PARAM_BYTES) != '\0'
                        ? g_strconcat(response.data, " ", param(message, PARAM_BYTES), NULL)
                        : NULL;
        bool newer = false;

        if (more != NULL)
                response.data = more;
        if (!check(sender, message, error) ||
            !pulldpresponse_put(report->chunk->work->tx, sender, &response, &newer, error))
                return false;
        if (!newer)
                uk_verbose("State %d of version %" G_GINT64_FORMAT " of package %s on %s is older "
                           "than what is known.",
                           message->state_id, message->serial, message->topic_id, sender->server);
        return !newer || remember(report, message, error);
}
