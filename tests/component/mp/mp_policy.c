/* Tests of mp_policy in a box: what is served, to whom, and when a client hears "unchanged". */
#include <locale.h>
#include <string.h>

#include "base/clock.h"
#include "component/mp/kit.h"
#include "crypto/hash.h"
#include "sitedb/clienttrigger.h"
#include "sitedb/machine.h"
#include "sitedb/policy.h"
#include "unit/must.h"
#include "wire/policydoc.h"

#define POLICY "{d0855677-b0a6-4e33-9bd5-7b0d06f0a2be}"

/* What the Policy Provider writes for a source, in its two steps; whole: also the second. */
static void
put_policy(World *world, const char *source, const char *id, const char *version, bool whole)
{
        g_autofree char *body = g_strdup_printf("<Policy PolicyID=\"%s\" V=\"%s\"/>", id, version);
        g_autofree char *hex = hash_sha256_hex(body, strlen(body));
        g_autofree char *hash = g_strconcat("SHA256:", hex, NULL);
        g_autoptr(PolicySettings) settings = NULL;
        g_autoptr(DbTx) tx = NULL;
        gint64 padbid;
        bool found;

        MUST((settings = policy_settings(world->db, SITE, source, &found, &failure)) != NULL);
        if (!found) {
                g_free(settings->policy_id);
                settings->policy_id = g_strdup(id);
        }
        const PolicyBegin begin = { SITE,    source, settings,     "crc", "UpdateSource",
                                    version, body,   strlen(body), hash };
        const PolicyAssignmentDoc assignment = { .assignment_id = settings->assignment_id,
                                                 .policy_id = (char *)id,
                                                 .version = (char *)version,
                                                 .category = (char *)"UpdateSource",
                                                 .hash = hash,
                                                 .location = (char *)"http://<mp>/x" };
        const PolicyAssignmentDoc withdrawn = { .assignment_id = settings->assignment_id,
                                                .policy_id = (char *)id,
                                                .version = (char *)version,
                                                .category = (char *)"UpdateSource",
                                                .tombstone = true };
        g_autofree char *document = policydoc_assignment_write(&assignment);
        g_autofree char *tombstone = policydoc_assignment_write(&withdrawn);

        MUST((tx = db_begin(world->db, &failure)) != NULL);
        MUST(policy_begin(tx, &begin, "test", &padbid, &failure));
        const PolicyFinish finish = {
                padbid, document, strlen(document), tombstone, strlen(tombstone), hash, "ABCD",
                "x",    "DEAD"
        };
        if (whole)
                MUST(policy_finish(tx, &finish, "test", &failure));
        MUST(db_commit(g_steal_pointer(&tx), &failure));
}

static PolicyReply *
ask(World *world, const Client *client, const char *cookie)
{
        const PolicyRequest request = { .site = (char *)SITE,
                                        .cookie = (char *)cookie,
                                        .client_id = (char *)client->guid,
                                        .name = (char *)client->name,
                                        .only_changes = cookie[0] != '\0' };
        g_autofree char *text = policydoc_request_write(&request);
        g_auto(Answer) answer =
                world_send(world, "MP_PolicyManager", client->guid, client->key, "{POL}", text);
        PolicyReply *reply;

        g_assert_cmpint(answer.status, ==, 200);
        g_assert_cmpstr(answer.refused, ==, NULL);
        MUST((reply = policydoc_reply_read(answer.document, strlen(answer.document), &failure)) !=
             NULL);
        return reply;
}

/* Waits until the commit of another program has come through. */
static PolicyReply *
ask_until(World *world, const Client *client, const char *not_cookie)
{
        for (int i = 0; i < 400; i++) {
                PolicyReply *reply = ask(world, client, "");

                if (strcmp(reply->cookie, not_cookie) != 0)
                        return reply;
                policydoc_reply_free(reply);
                uk_clock_sleep(UK_SECOND / 100, -1);
        }
        g_assert_not_reached();
}

static void
served_when_whole(void)
{
        g_autoptr(World) world = world_new("");
        Client client = client_get(0);
        g_autoptr(PolicyReply) empty = NULL;
        g_autoptr(PolicyReply) reply = NULL;
        g_autoptr(PolicyReply) next = NULL;
        const PolicyAssignmentDoc *assignment;

        client_join(world, &client);
        empty = ask(world, &client, "");
        g_assert_cmpuint(empty->assignments->len, ==, 0);
        put_policy(world, "Other", "{other}", "1.00", false); /* half written */
        put_policy(world, "UpdateSource", POLICY, "40.00", true);
        reply = ask_until(world, &client, empty->cookie);
        g_assert_cmpuint(reply->assignments->len, ==, 1);
        assignment = g_ptr_array_index(reply->assignments, 0);
        g_assert_cmpstr(assignment->policy_id, ==, POLICY);
        g_assert_cmpstr(assignment->version, ==, "40.00");
        g_assert_cmpstr(assignment->signature, ==, "ABCD");
        put_policy(world, "Other", "{other}", "1.00", true);
        next = ask_until(world, &client, reply->cookie);
        g_assert_cmpuint(next->assignments->len, ==, 2);
}

/* A wish goes with each reply until the client comes back with its number, and the wish of another
 * client never does. */
static void
trigger_until_taken(void)
{
        g_autoptr(World) world = world_new("");
        Client client = client_get(0), other = client_get(1);
        g_autoptr(PolicyReply) before = NULL;
        g_autoptr(PolicyReply) asked = NULL;
        g_autoptr(PolicyReply) again = NULL;
        g_autoptr(PolicyReply) others = NULL;
        g_autoptr(PolicyReply) after = NULL;
        g_autoptr(Machine) machine = NULL;
        g_autoptr(DbTx) tx = NULL;

        client_join(world, &client);
        client_join(world, &other);
        before = ask(world, &client, "");
        g_assert_cmpuint(before->triggers->len, ==, 0);
        MUST(machine_by_smsid(world->db, client.guid, &machine, &failure));
        MUST((tx = db_begin(world->db, &failure)) != NULL);
        MUST(clienttrigger_add(tx, machine->id, CLIENTTRIGGER_SCAN, "test", &failure));
        MUST(db_commit(g_steal_pointer(&tx), &failure));
        asked = ask(world, &client, before->cookie);
        g_assert_true(asked->unchanged);
        g_assert_cmpuint(asked->triggers->len, ==, 1);
        g_assert_cmpstr(asked->triggers->pdata[0], ==, CLIENTTRIGGER_SCAN);
        again = ask(world, &client, before->cookie); /* the reply was lost */
        g_assert_cmpuint(again->triggers->len, ==, 1);
        others = ask(world, &other, "");
        g_assert_cmpuint(others->triggers->len, ==, 0);
        after = ask(world, &client, asked->cookie);
        g_assert_true(after->unchanged);
        g_assert_cmpuint(after->triggers->len, ==, 0);
        g_assert_cmpstr(after->cookie, ==, before->cookie);
        gint64 newest = 0;
        g_autoptr(GPtrArray) left = NULL;
        MUST((left = clienttrigger_pending(world->db, machine->id, &newest, &failure)) != NULL);
        g_assert_cmpuint(left->len, ==, 0);
}

static void
unchanged_by_cookie(void)
{
        g_autoptr(World) world = world_new("");
        Client client = client_get(0);
        g_autoptr(PolicyReply) empty = NULL;
        g_autoptr(PolicyReply) first = NULL;
        g_autoptr(PolicyReply) same = NULL;
        g_autoptr(PolicyReply) changed = NULL;
        g_autoptr(PolicyReply) after = NULL;

        client_join(world, &client);
        empty = ask(world, &client, "");
        put_policy(world, "UpdateSource", POLICY, "40.00", true);
        first = ask_until(world, &client, empty->cookie);
        same = ask(world, &client, first->cookie);
        g_assert_true(same->unchanged);
        g_assert_cmpuint(same->assignments->len, ==, 0);
        put_policy(world, "UpdateSource", POLICY, "41.00", true);
        changed = ask_until(world, &client, first->cookie);
        g_assert_cmpuint(changed->assignments->len, ==, 1);
        after = ask(world, &client, first->cookie); /* the old cookie gets everything */
        g_assert_false(after->unchanged);
        g_assert_cmpuint(after->assignments->len, ==, 1);
        world_log_has(world, "MP_Policy.log", "MP PM: Client GUID:", "gets 1 assignments",
                      "has all 1 assignments", NULL);
}

static void
withdrawn(void)
{
        g_autoptr(World) world = world_new("");
        Client client = client_get(0);
        g_autoptr(PolicyReply) empty = NULL;
        g_autoptr(PolicyReply) before = NULL;
        g_autoptr(PolicyReply) reply = NULL;
        const PolicyAssignmentDoc *assignment;
        g_autoptr(PolicySettings) settings = NULL;
        g_autoptr(DbTx) tx = NULL;
        bool found;

        client_join(world, &client);
        empty = ask(world, &client, "");
        put_policy(world, "UpdateSource", POLICY, "40.00", true);
        before = ask_until(world, &client, empty->cookie);
        MUST((tx = db_begin(world->db, &failure)) != NULL);
        MUST((settings = policy_settings(world->db, SITE, "UpdateSource", &found, &failure)) !=
             NULL);
        MUST(policy_withdraw(tx, settings->padbid, "test", &failure));
        MUST(db_commit(g_steal_pointer(&tx), &failure));
        reply = ask_until(world, &client, before->cookie);
        assignment = g_ptr_array_index(reply->assignments, 0);
        g_assert_true(assignment->tombstone);
        g_assert_cmpstr(assignment->signature, ==, "DEAD");
}

static void
bodies(void)
{
        g_autoptr(World) world = world_new("");
        Client client = client_get(0);
        g_autoptr(PolicyReply) empty = NULL;
        g_autoptr(PolicyReply) reply = NULL;
        static const char expected[] = "<Policy PolicyID=\"" POLICY "\" V=\"40.00\"/>";
        g_autofree char *hex = hash_sha256_hex(expected, strlen(expected));
        g_autofree char *by_hash = g_strconcat(
                "/SMS_MP/.sms_pol?%7Bd0855677-b0a6-4e33-9bd5-7b0d06f0a2be%7D.SHA256:", hex, NULL);
        g_autofree char *path = policydoc_body_path(POLICY, "40.00");
        static const struct {
                const char *path;
                long status;
        } bad[] = {
                { "/SMS_MP/.sms_pol?" POLICY ".39_00", 404 },
                { "/SMS_MP/.sms_pol?{none}.40_00", 404 },
                { "/SMS_MP/.sms_pol", 400 },
                { "/SMS_MP/.sms_pol?nonsense", 400 },
        };

        client_join(world, &client);
        empty = ask(world, &client, "");
        put_policy(world, "UpdateSource", POLICY, "40.00", true);
        reply = ask_until(world, &client, empty->cookie);
        g_auto(Answer) first = world_get(world, path);
        g_auto(Answer) second = world_get(world, by_hash);
        g_auto(Answer) third = world_get(world, "/sms_mp/.SMS_POL?" POLICY ".40_00");

        g_assert_cmpint(first.status, ==, 200);
        g_assert_cmpstr(first.body, ==, expected);
        g_assert_cmpstr(second.body, ==, expected);
        g_assert_cmpstr(third.body, ==, expected);
        world_log_has(world, "MP_GetPolicy.log", "Policy " POLICY ", version 40.00, to 127.0.0.1",
                      NULL);
        for (gsize i = 0; i < G_N_ELEMENTS(bad); i++) {
                g_auto(Answer) answer = world_get(world, bad[i].path);

                g_assert_cmpint(answer.status, ==, bad[i].status);
        }
}

static void
refused(void)
{
        g_autoptr(World) world = world_new("");
        Client client = client_get(0);
        Client other = client_get(1);
        const PolicyRequest stolen = { (char *)SITE, (char *)"", (char *)client.guid, (char *)"x",
                                       false };
        const PolicyRequest elsewhere = { (char *)"XX1", (char *)"", (char *)other.guid,
                                          (char *)"x", false };
        g_autofree char *one = policydoc_request_write(&stolen);
        g_autofree char *two = policydoc_request_write(&elsewhere);

        client_join(world, &client);
        client_join(world, &other);
        g_auto(Answer) a = world_send(world, "MP_PolicyManager", other.guid, other.key, "{A}", one);
        g_auto(Answer) b = world_send(world, "MP_PolicyManager", other.guid, other.key, "{B}", two);
        g_auto(Answer) c = world_send(world, "MP_PolicyManager", client.guid, NULL, "{C}", one);

        g_assert_nonnull(strstr(a.refused, "asks for the policy of GUID:A1006D0E"));
        g_assert_nonnull(strstr(b.refused, "asks for policy of site 'XX1'"));
        g_assert_nonnull(strstr(c.refused, "not signed"));
        g_assert_cmpuint(a.size + b.size + c.size, ==, 0);
        world_log_has(world, "MP_Framework.log", "Message '{A}'", "Message '{B}'", "Message '{C}'",
                      NULL);
}

int
main(int argc, char **argv)
{
        int failed;

        setlocale(LC_ALL, "C");
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/mp/policy/served-when-whole-COMP-014-COMP-016", served_when_whole);
        g_test_add_func("/mp/policy/trigger-until-taken-COMP-016", trigger_until_taken);
        g_test_add_func("/mp/policy/unchanged-by-cookie-COMP-016", unchanged_by_cookie);
        g_test_add_func("/mp/policy/withdrawn", withdrawn);
        g_test_add_func("/mp/policy/bodies-COMP-016", bodies);
        g_test_add_func("/mp/policy/refused", refused);
        failed = g_test_run();
        clients_free();
        return failed;
}
