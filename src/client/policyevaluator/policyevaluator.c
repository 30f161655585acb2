/* policyevaluator.c - the policy evaluator: applies what is compiled, withdraws what is revoked.
 *
 * In: policies in those two states. Out: the instances of the configuration in force, and the news
 * of them to ScanAgent, in one transaction with the policy's new state.
 */
#include "client/policyevaluator/policyevaluator.h"

#include <string.h>

#include "base/log.h"
#include "client/policyagent/policyrow.h"
#include "client/policyevaluator/actualconfig.h"

static bool
tell_scanagent(Work *work, const char *class_name, const char *event, GError **error)
{
        return work_tell(work, WORK_BOX_SCAN, POLICY_CHANGED, class_name, event, strlen(event),
                         error);
}

static bool
apply(Work *work, const PolicyRow *row, GError **error) /* COMP-018, COMP-020, COMP-021 */
{
        UK_DOING(error, "applying policy '%s' version '%s'", row->id, row->version);
        gsize size = 0;
        const void *data = row->body != NULL ? g_bytes_get_data(row->body, &size) : "";
        g_autoptr(PolicyBody) body = policydoc_body_read(data, size, error);
        bool created = false;

        if (body == NULL)
                return false;
        uk_log("Updating policy CCM_Policy_Policy5.PolicyID=\"%s\",PolicySource=\"%s\","
               "PolicyVersion=\"%s\"",
               row->id, row->source, row->version);
        if (!actualconfig_apply(work->tx, body, work->cause, &created, error) ||
            !policyrow_set_state(work->tx, row->id, row->version, POLICY_ACTIVE, error) ||
            !policyrow_remove_settled(work->tx, row->id, row->version, error) ||
            !tell_scanagent(work, body->class_name, created ? POLICY_CREATED : POLICY_MODIFIED,
                            error))
                return false;
        uk_log("Applied policy CCM_Policy_Policy5.PolicyID=\"%s\",PolicySource=\"%s\","
               "PolicyVersion=\"%s\"",
               row->id, row->source, row->version);
        uk_log("Policy state for [CCM_Policy_Policy5.PolicyID=\"%s\",PolicyVersion=\"%s\","
               "PolicySource=\"%s\"] is currently [Active]",
               row->id, row->version, row->source);
        return true;
}

static bool
withdraw(Work *work, const PolicyRow *row, GError **error)
{
        g_autofree char *class_name = NULL;

        if (!actualconfig_withdraw(work->tx, row->id, &class_name, error) ||
            !policyrow_remove_revoked(work->tx, row->id, error))
                return false;
        uk_log("Policy state for [CCM_Policy_Policy5.PolicyID=\"%s\",PolicyVersion=\"%s\","
               "PolicySource=\"%s\"] is currently [Inactive]",
               row->id, row->version, row->source);
        return class_name == NULL || tell_scanagent(work, class_name, POLICY_DELETED, error);
}

/* A body that cannot be applied stays visible as such; the site must send another version. */
static bool
give_up(Component *c, const PolicyRow *row, const GError *why, GError **error)
{
        g_autoptr(Work) work = work_begin(c, row->cause, error);

        uk_error("%s", why->message);
        return work != NULL &&
               policyrow_set_state(work->tx, row->id, row->version, POLICY_INVALID, error) &&
               work_commit(g_steal_pointer(&work), error);
}

/* Whether the policy agent has left the row as it was read. */
static bool
is_still(Work *work, const PolicyRow *row, bool *same_out, GError **error)
{
        g_autoptr(GError) why = NULL;
        g_autoptr(PolicyRow) now = policyrow_load(work_db(work), row->id, row->version, &why);

        *same_out = now != NULL && strcmp(now->state, row->state) == 0;
        if (why == NULL)
                return true;
        g_propagate_error(error, g_steal_pointer(&why));
        return false;
}

static bool
serve_row(Component *c, const PolicyRow *row, GError **error)
{
        g_autofree char *cause = g_strdup_printf("policy %s %s", row->id, row->version);
        g_autoptr(GError) why = NULL;
        g_autoptr(Work) work = work_begin(c, cause, error);

        bool same = false;

        if (work == NULL || !is_still(work, row, &same, error))
                return false;
        if (!same)
                return true;
        bool revoked = strcmp(row->state, POLICY_REVOKED) == 0;
        if (revoked ? withdraw(work, row, &why) : apply(work, row, &why))
                return work_commit(g_steal_pointer(&work), error);
        g_clear_pointer(&work, work_free);
        if (uk_error_class(why) == UK_CLASS_CORRUPT)
                return give_up(c, row, why, error);
        g_propagate_error(error, g_steal_pointer(&why));
        return false;
}

static bool
serve_state(Component *c, const char *state, GError **error)
{
        for (;;) {
                g_autoptr(GError) why = NULL;
                g_autoptr(PolicyRow) row = policyrow_first(c->db, state, &why);

                if (row == NULL) {
                        if (why == NULL)
                                return true;
                        g_propagate_error(error, g_steal_pointer(&why));
                        return false;
                }
                uk_trace_set(row->trace);
                bool done = serve_row(c, row, error);
                uk_trace_set("");
                if (!done)
                        return false;
        }
}

static bool
on_start(Component *c, GError **error)
{
        return serve_state(c, POLICY_REVOKED, error) && serve_state(c, POLICY_COMPILED, error);
}

static bool
on_ring(Component *c, const InboxFile *file, GError **error)
{
        return on_start(c, error);
}

const ComponentDef policyevaluator = {
        .name = "PolicyAgent_PolicyEvaluator",
        .log = "PolicyEvaluator.log",
        .log_form = UK_LOG_CLIENT,
        .what = "applies policies: from requested to actual configuration",
        .boxes = {
                { .lane = "main", .box = "@evaluator", .kind = WORK_RING, .on_file = on_ring },
        },
        .timers = {
                { "main", "start", on_start, true },
        },
};
