/* The policy evaluator in a box: what it finds when it looks later than the policy agent wrote. */
#include "client/policyevaluator/policyevaluator.h"

#include <string.h>

#include "client/policyagent/policyrow.h"
#include "client/work.h"
#include "clientbox.h"
#include "host/mailbox.h"
#include "wire/policydoc.h"

#define POLICY "{11B8C6B5-5A4B-4B39-9C74-0D5D4D6B2A10}"
#define RULE   "{5F0BB5A2-3A0C-4C57-9C0A-5F0D1A7A1F10}"
#define SOURCE "{C2D17964-BBDD-4339-B9F3-12D7205B39CC}"

static const ComponentDef silent_agent = {
        .name = "ScanAgent",
        .log = "ScanAgent.log",
        .what = "takes news of policies",
        .boxes = { { .lane = "main", .box = "@scan", .kind = "*", .on_file = clientbox_take } },
};

static const ComponentDef *const components[] = { &policyevaluator, &silent_agent, NULL };

static const HostRole role = CLIENTBOX_ROLE(components);

static void
box_up(Box *box)
{
        clientbox_open(box, &role);
        kit_run(box->host);
}

/* The policy agent took an assignment of that version. */
static void
assign(Box *box, const char *version)
{
        const PolicyRow row = { .id = (char *)POLICY,
                                .version = (char *)version,
                                .source = (char *)"SMS:PS1",
                                .category = (char *)"UpdateSource",
                                .state = (char *)POLICY_REQUESTED,
                                .assignment_id = (char *)POLICY,
                                .hash = (char *)"SHA256:",
                                .location = (char *)"",
                                .cause = (char *)"test",
                                .trace = (char *)"" };
        g_autoptr(DbTx) tx = NULL;

        MUST((tx = db_begin(box->db, &failure)) != NULL);
        MUST(policyrow_remove_pending(tx, POLICY, version, &failure));
        MUST(policyrow_put(tx, &row, &failure));
        MUST(db_commit(g_steal_pointer(&tx), &failure));
}

/* The body of that version came in. */
static void
deliver(Box *box, const char *version)
{
        g_autoptr(PolicyBody) body = policydoc_body_new(POLICY, version, "UpdateSource", "SMS:PS1",
                                                        RULE, "CCM_UpdateSource");

        policydoc_body_add(body, "UniqueId", 8, SOURCE);
        policydoc_body_add(body, "ContentVersion", 19, version);
        policydoc_body_add(body, "ContentType", 19, "2");
        char *text = policydoc_body_write(body);
        g_autoptr(GBytes) bytes = g_bytes_new_take(text, strlen(text));
        g_autoptr(DbTx) tx = NULL;

        MUST((tx = db_begin(box->db, &failure)) != NULL);
        MUST(policyrow_set_body(tx, POLICY, version, bytes, &failure));
        MUST(db_commit(g_steal_pointer(&tx), &failure));
}

static void
withdraw(Box *box)
{
        g_autoptr(DbTx) tx = NULL;
        bool changed;

        MUST((tx = db_begin(box->db, &failure)) != NULL);
        MUST(policyrow_revoke(tx, POLICY, &changed, &failure));
        MUST(db_commit(g_steal_pointer(&tx), &failure));
}

static void
evaluate(Box *box)
{
        MUST(mailbox_post(box->host, "@evaluator", "" WORK_RING, NULL, 0, &failure));
        kit_run(box->host);
}

static void
state_is(Box *box, const char *version, const char *expected)
{
        g_autoptr(GError) failure = NULL;
        g_autoptr(PolicyRow) row = policyrow_load(box->db, POLICY, version, &failure);

        g_assert_no_error(failure);
        g_assert_cmpstr(row != NULL ? row->state : "none", ==, expected);
}

/* The body of a version is there when a newer one is assigned: the newer one comes into force. */
static void
newer_under_way(void)
{
        Box box;

        box_up(&box);
        assign(&box, "40");
        deliver(&box, "40");
        evaluate(&box);
        state_is(&box, "40", POLICY_ACTIVE);
        assign(&box, "41");
        deliver(&box, "41");
        assign(&box, "42");
        evaluate(&box);
        state_is(&box, "40", POLICY_ACTIVE);
        state_is(&box, "41", "none");
        state_is(&box, "42", POLICY_REQUESTED);
        deliver(&box, "42");
        evaluate(&box);
        state_is(&box, "40", "none");
        state_is(&box, "42", POLICY_ACTIVE);
        clientbox_close(&box);
}

/* What is assigned after a withdrawal does not go with it. */
static void
assigned_after_withdrawal(void)
{
        Box box;

        box_up(&box);
        assign(&box, "40");
        deliver(&box, "40");
        evaluate(&box);
        withdraw(&box);
        assign(&box, "41");
        evaluate(&box);
        state_is(&box, "40", "none");
        state_is(&box, "41", POLICY_REQUESTED);
        deliver(&box, "41");
        evaluate(&box);
        state_is(&box, "41", POLICY_ACTIVE);
        clientbox_close(&box);
}

int
main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/client/policyevaluator/newer-under-way-COMP-019", newer_under_way);
        g_test_add_func("/client/policyevaluator/assigned-after-withdrawal-COMP-019",
                        assigned_after_withdrawal);
        return g_test_run();
}
