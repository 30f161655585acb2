/* When Scan Agent plans the first scan, as policies come and go. */
#include <string.h>

#include "base/clock.h"
#include "client/policyevaluator/actualconfig.h"
#include "client/policyevaluator/policyevaluator.h"
#include "client/scanagent/scanagent_private.h"
#include "clientbox.h"

#define POLICY  "{11B8C6B5-5A4B-4B39-9C74-0D5D4D6B2A10}"
#define RULE    "{5F0BB5A2-3A0C-4C57-9C0A-5F0D1A7A1F10}"
#define SOURCE  "{C2D17964-BBDD-4339-B9F3-12D7205B39CC}"
#define LONGEST (7200 * UK_SECOND)

static const ComponentDef silent_agent = {
        .name = "ScanAgent",
        .log = "ScanAgent.log",
        .what = "stands for what the test calls",
};
static const ComponentDef *const components[] = { &silent_agent, NULL };
static const HostRole role = CLIENTBOX_ROLE(components);

/* A policy that names the update source is there, or not any more; Scan Agent is told so. */
static void
policy(Box *box, bool there)
{
        Component c = { .def = &silent_agent, .host = box->host, .db = box->db };
        g_autoptr(PolicyBody) body = policydoc_body_new(POLICY, "40.00", "UpdateSource", "SMS:PS1",
                                                        RULE, POLICY_CLASS_SOURCE);
        g_autofree char *class_name = NULL;
        g_autoptr(Work) work = NULL;
        bool created;

        policydoc_body_add(body, "UniqueId", 8, SOURCE);
        policydoc_body_add(body, "ContentVersion", 19, "38");
        policydoc_body_add(body, "ContentType", 19, "2");
        MUST((work = work_begin(&c, "test", &failure)) != NULL);
        if (there)
                MUST(actualconfig_apply(work->tx, body, "test", &created, &failure));
        else
                MUST(actualconfig_withdraw(work->tx, POLICY, &class_name, &failure));
        MUST(scanagent_plan_first(work, &failure));
        MUST(work_commit(g_steal_pointer(&work), &failure));
}

static gint64
planned(Box *box)
{
        g_autoptr(GError) failure = NULL;
        g_autoptr(ScanHistory) history = scanagent_history(box->db, &failure);

        g_assert_no_error(failure);
        return history->first_us;
}

static void
is_planned_from(Box *box, gint64 before)
{
        g_assert_cmpint(planned(box), >=, before);
        g_assert_cmpint(planned(box), <=, uk_clock_now() + LONGEST);
}

/* A machine that slept over its first scan is told of a policy when it wakes: it scans now. */
static void
not_put_off(void)
{
        Box box;
        gint64 before = uk_clock_now();

        clientbox_open(&box, &role);
        policy(&box, true);
        is_planned_from(&box, before);
        gint64 plan = planned(&box);
        kit_step(LONGEST + UK_SECOND);
        policy(&box, true);
        g_assert_cmpint(planned(&box), ==, plan);
        clientbox_close(&box);
}

/* What was planned ends with the source; a new one does not find all clients late for their scan.
 */
static void
planned_anew(void)
{
        Box box;

        clientbox_open(&box, &role);
        policy(&box, false);
        g_assert_cmpint(planned(&box), ==, 0);
        policy(&box, true);
        g_assert_cmpint(planned(&box), !=, 0);
        policy(&box, false);
        g_assert_cmpint(planned(&box), ==, 0);
        kit_step(2 * LONGEST);
        gint64 before = uk_clock_now();
        policy(&box, true);
        is_planned_from(&box, before);
        clientbox_close(&box);
}

int
main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/client/scanagent/a-plan-is-not-put-off-COMP-003", not_put_off);
        g_test_add_func("/client/scanagent/planned-anew-with-a-new-source-COMP-003", planned_anew);
        return g_test_run();
}
