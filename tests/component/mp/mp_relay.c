/* Tests of mp_relay in a box: from a signed message to a file for StateSys, and what is rejected.
 */
#include <locale.h>
#include <string.h>

#include "base/clock.h"
#include "base/fault.h"
#include "base/io.h"
#include "component-mp-rows.sql.h"
#include "component/mp/kit.h"
#include "sitedb/machine.h"
#include "unit/must.h"
#include "wire/statereport.h"
#include "wire/utf16.h"

#define BOX     "auth/statesys.box/incoming"
#define CORRUPT "auth/statesys.box/corrupt"
#define MESSAGE "{5B2C0000-0000-0000-0000-000000000001}"

static Answer
relay(World *world, const Client *client, const char *document)
{
        return world_send(world, "mp_relayendpoint", client->guid, client->key, MESSAGE, document);
}

/* The text of a file in a box below the inboxes, from UTF-16. */
static char *
file_text(World *world, const char *box, const char *name)
{
        g_autofree char *path =
                g_build_filename(world->root, "var/lib/upkeep/site/inboxes", box, name, NULL);
        g_autofree char *data = NULL;
        gsize size;
        char *text;

        g_assert_true(g_file_get_contents(path, &data, &size, NULL));
        g_assert_cmpmem(data, 2, "\xff\xfe", 2);
        MUST((text = utf16_read(data, size, NULL, &failure)) != NULL);
        return text;
}

static void
becomes_a_file(void)
{
        g_autoptr(World) world = world_new("");
        Client client = client_get(0);
        g_autofree char *report = report_of(&client, 5, 5);
        g_autofree char *files = NULL;
        g_autofree char *text = NULL;

        client_join(world, &client);
        g_auto(Answer) answer = relay(world, &client, report);

        g_assert_cmpint(answer.status, ==, 200);
        g_assert_cmpuint(answer.size, ==, 0); /* no reply (COMP-060) */
        g_assert_cmpstr(answer.refused, ==, NULL);
        files = world_await_files(world, BOX, 1);
        g_assert_true(g_regex_match_simple("^[A-Z0-9_]{8}\\.SMX$", files, 0, 0));
        text = file_text(world, BOX, files);
        g_assert_cmpstr(text, ==, report);
        /* Not verbose: the last line alone (OQ-D40). */
        world_await_log(world, "MP_Relay.log", "Inv-Relay: Task completed successfully");
        g_autofree char *log = world_log(world, "MP_Relay.log");

        g_assert_null(strstr(log, "Message Body"));
}

/* 93-logs, 7.2. */
static void
log_lines(void)
{
        g_autoptr(World) world = world_new("[log]\nverbose=MP_RelayEndpoint\n");
        Client client = client_get(0);
        g_autofree char *report = report_of(&client, 1, 5);
        g_autofree char *body = g_strconcat("Message Body : ", report, NULL);
        g_autofree char *plain =
                g_build_filename(world->root, "var/lib/upkeep/site/inboxes", BOX, NULL);
        g_autofree char *outbox = g_strconcat("Relay: Outbox dir: ", plain, NULL);
        g_autofree char *state = g_strconcat("State Priority Directory = ", plain, NULL);

        client_join(world, &client);
        g_auto(Answer) answer = relay(world, &client, report);

        world_await_log(world, "MP_Relay.log", "Inv-Relay: Task completed successfully");
        world_log_has(world, "MP_Relay.log",
                      "Mp Message Handler: start message processing for Relay"
                      "-----------------------",
                      "Mp Message Handler: FileType=SMX", body,
                      "Inv-Relay Task: Processing message body", outbox,
                      "Priority in the message = 5", state,
                      "Inv-Relay: Task completed successfully", NULL);
        world_await_log(world, "mp-access.log", "CCM_POST");
        g_autofree char *access = world_log(world, "mp-access.log");

        /* <server> CCM_POST <path> - <port> - <client> ccmhttp - 200 0 0 <bytes> <ms> */
        g_assert_true(g_regex_match_simple("127\\.0\\.0\\.1 CCM_POST /ccm_system/request - \\d+ - "
                                           "127\\.0\\.0\\.1 ccmhttp - 200 0 0 \\d+ \\d+",
                                           access, 0, 0));
}

static void
folders_by_priority(void)
{
        g_autoptr(World) world = world_new("");
        Client client = client_get(0);
        static const struct {
                int priority;
                const char *box;
        } rows[] = {
                { 0, BOX "/High" }, { 1, BOX "/High" }, { 5, BOX }, { 10, BOX "/Low" }, { 7, BOX },
        };

        client_join(world, &client);
        for (gsize i = 0; i < G_N_ELEMENTS(rows); i++) {
                g_autofree char *report = report_of(&client, 1, rows[i].priority);
                g_auto(Answer) answer = relay(world, &client, report);

                g_assert_cmpint(answer.status, ==, 200);
        }
        g_free(world_await_files(world, BOX "/High", 2));
        g_free(world_await_files(world, BOX "/Low", 1));
        g_free(world_await_files(world, BOX, 2));
}

/* A pull DP has no client; the names of its files say so (OQ-X05). */
static void
without_a_client(void)
{
        g_autoptr(World) world = world_new("");
        Client client = client_get(0);
        const StateReportHead head = { .client_id = (char *)client.guid,
                                       .client_version = (char *)"5.00.0000.0000",
                                       .name = (char *)"P01PDP1.CONTOSO.COM",
                                       .priority = 5,
                                       .content = (char *)"StateMessage" };
        const StateReportMessage message = {
                .serial = 3, .topic_type = 902, .topic_id = "P010000F", .state_id = 1
        };
        g_autofree char *report = statereport_write(&head, &message, 1);
        g_autofree char *files = NULL;

        client_join(world, &client);
        g_auto(Answer) answer = relay(world, &client, report);

        files = world_await_files(world, BOX, 1);
        g_assert_true(g_regex_match_simple("^N_[A-Z0-9_]{8}\\.SMX$", files, 0, 0));
}

static void
other_letters(void)
{
        g_autoptr(World) world = world_new("");
        Client client = client_get(0);
        const StateReportHead head = { .client_id = (char *)client.guid,
                                       .client_version = (char *)"1",
                                       .name = (char *)"M\xc3\x9cLLER",
                                       .client_installed = true,
                                       .priority = 5,
                                       .content = (char *)"State Message Data" };
        const StateReportMessage message = { .topic_type = 500,
                                             .topic_id = "a",
                                             .user = "\xf0\x9f\x98\x80" };
        g_autofree char *report = statereport_write(&head, &message, 1);
        g_autofree char *files = NULL;
        g_autofree char *text = NULL;

        client_join(world, &client);
        g_auto(Answer) answer = relay(world, &client, report);

        files = world_await_files(world, BOX, 1);
        text = file_text(world, BOX, files);
        g_assert_cmpstr(text, ==, report);
}

/* Who is not served: 200, nothing, and the reason in the log with the message's ID. */
static void
expect_refused(World *world, const char *guid, const SignKey *key, const char *report,
               const char *words)
{
        g_auto(Answer) answer = world_send(world, "MP_RelayEndpoint", guid, key, MESSAGE, report);
        g_autofree char *line = g_strconcat(
                "Message '" MESSAGE "' from 127.0.0.1 is not served: ", answer.refused, NULL);

        g_assert_cmpint(answer.status, ==, 200);
        g_assert_cmpuint(answer.size, ==, 0);
        g_assert_nonnull(answer.refused);
        if (strstr(answer.refused, words) == NULL)
                g_test_message("'%s' lacks '%s'", answer.refused, words);
        g_assert_nonnull(strstr(answer.refused, words));
        world_await_log(world, "MP_Framework.log", line);
}

static void
set_state(World *world, const Client *client, int state)
{
        g_autoptr(DbTx) tx = NULL;

        MUST((tx = db_begin(world->db, &failure)) != NULL);
        MUST(db_run(tx, &sql_rows_client_state,
                    DB_ARGS(DB_INT("state", state), DB_TEXT("name", client->name)), &failure));
        MUST(db_commit(g_steal_pointer(&tx), &failure));
}

static void
refused(void)
{
        g_autoptr(World) world = world_new("");
        Client client = client_get(0);
        Client other = client_get(1);
        g_autofree char *report = report_of(&client, 1, 5);
        g_autofree char *files = NULL;

        expect_refused(world, client.guid, client.key, report, "is not known here");
        expect_refused(world, "", NULL, report, "it names no client");
        expect_refused(world, "' OR 1=1 --", client.key, report, "it names no client");
        client_join(world, &client);
        expect_refused(world, client.guid, NULL, report, "is not signed");
        expect_refused(world, client.guid, other.key, report, "does not fit");
        set_state(world, &client, MACHINE_PENDING);
        expect_refused(world, client.guid, client.key, report, "upkeep client approve PS1WIN7X64");
        set_state(world, &client, MACHINE_BLOCKED);
        expect_refused(world, client.guid, client.key, report, "is blocked");
        set_state(world, &client, MACHINE_APPROVED);
        g_auto(Answer) good = relay(world, &client, report);

        g_assert_cmpstr(good.refused, ==, NULL);
        files = world_await_files(world, BOX, 1);
}

/* The site learned who the distribution point is when it configured it. */
static void
add_distribution_point(World *world, const Client *identity)
{
        g_autofree char *braced = g_strconcat("{", identity->guid, "}", NULL);
        g_autoptr(DbTx) tx = NULL;

        MUST((tx = db_begin(world->db, &failure)) != NULL);
        MUST(db_run(tx, &sql_rows_distribution_point,
                    DB_ARGS(DB_TEXT("guid", braced),
                            DB_TEXT("certificate", sign_key_cert_pem(identity->key))),
                    &failure));
        MUST(db_commit(g_steal_pointer(&tx), &failure));
}

static char *
report_of_dp(const Client *identity, int topic)
{
        g_autofree char *guid = g_ascii_strdown(identity->guid, -1);
        const StateReportHead head = { .client_id = guid,
                                       .client_version = (char *)"5.00.0000.0000",
                                       .name = (char *)"P01PDP1.CONTOSO.COM",
                                       .priority = 5,
                                       .content = (char *)"StateMessage" };
        const StateReportMessage message = {
                .serial = 3, .topic_type = topic, .topic_id = "P010000F", .state_id = 1
        };

        return statereport_write(&head, &message, 1);
}

/* A distribution point needs no registration: its key is that of its row. */
static void
distribution_point(void)
{
        g_autoptr(World) world = world_new("");
        Client dp = client_get(0);
        Client other = client_get(1);
        g_autofree char *report = report_of_dp(&dp, 902);
        g_autofree char *of_other = report_of_dp(&other, 902);
        g_autofree char *update = report_of_dp(&dp, 500);
        g_autofree char *files = NULL;

        expect_refused(world, dp.guid, dp.key, report, "is not known here");
        add_distribution_point(world, &dp);
        expect_refused(world, dp.guid, NULL, report, "is not signed");
        expect_refused(world, dp.guid, other.key, report, "does not fit");
        expect_refused(world, other.guid, other.key, of_other, "is not known here");
        g_auto(Answer) good = relay(world, &dp, report);
        g_auto(Answer) foreign = relay(world, &dp, of_other);
        g_auto(Answer) topic = relay(world, &dp, update);
        g_auto(Answer) policy =
                world_send(world, "MP_PolicyManager", dp.guid, dp.key, MESSAGE, "<x/>");

        g_assert_cmpint(good.status, ==, 200);
        g_assert_cmpstr(good.refused, ==, NULL);
        files = world_await_files(world, BOX, 1);
        g_assert_true(g_regex_match_simple("^N_[A-Z0-9_]{8}\\.SMX$", files, 0, 0));
        g_assert_cmpint(foreign.status, ==, 400);
        g_assert_nonnull(strstr(foreign.body, "in the name of"));
        g_assert_cmpint(topic.status, ==, 400);
        g_assert_nonnull(strstr(topic.body, "topic type 500"));
        g_assert_nonnull(policy.refused);
}

/* A status message is kept as one of whoever signed it. */
static void
status_message(void)
{
        g_autoptr(World) world = world_new("");
        Client dp = client_get(0);
        static const char text[] =
                "{\"MessageID\":60001,\"Severity\":\"W\",\"Component\":\"PullDP\","
                "\"MachineName\":\"SOMEBODY.ELSE\",\"SiteCode\":\"PS1\","
                "\"Time\":\"2026-01-02T03:04:05.678Z\",\"ProcessID\":1,\"ThreadID\":2}";
        g_autofree char *files = NULL;
        g_autofree char *body = NULL;
        g_autofree char *path = NULL;

        add_distribution_point(world, &dp);
        g_auto(Answer) good = world_send(world, "MP_StatusManager", dp.guid, dp.key, MESSAGE, text);
        g_auto(Answer) bad = world_send(world, "MP_StatusManager", dp.guid, dp.key, MESSAGE, "{}");
        g_auto(Answer) stranger =
                world_send(world, "MP_StatusManager", dp.guid, NULL, MESSAGE, text);

        g_assert_cmpint(good.status, ==, 200);
        g_assert_cmpstr(good.refused, ==, NULL);
        g_assert_cmpint(bad.status, ==, 400);
        g_assert_nonnull(stranger.refused);
        files = world_await_files(world, "statmgr.box/statmsgs", 1);
        g_assert_true(g_str_has_suffix(files, ".SVF"));
        path = g_build_filename(world->root, "var/lib/upkeep/site/inboxes/statmgr.box/statmsgs",
                                files, NULL);
        g_assert_true(g_file_get_contents(path, &body, NULL, NULL));
        g_assert_nonnull(strstr(body, "P01PDP1.CONTOSO.COM"));
        g_assert_null(strstr(body, "SOMEBODY"));
}

static const char *
second_part(GBytes *message, gsize *size_out)
{
        gsize size;
        const char *data = g_bytes_get_data(message, &size);
        static const char mark[] = "application/octet-stream\r\n\r\n";
        const char *at = memmem(data, size, mark, sizeof mark - 1);

        g_assert_nonnull(at);
        *size_out = size - (gsize)(at - data);
        return at;
}

/* A body that was changed on its way: the envelope of one message before the body of another. */
static void
changed_on_the_way(void)
{
        g_autoptr(World) world = world_new("");
        Client client = client_get(0);
        g_autofree char *report = report_of(&client, 1, 5);
        g_autofree char *changed = g_strdup(report);
        g_autofree char *type = NULL;
        g_autofree char *other_type = NULL;
        g_autoptr(GBytes) one = NULL;
        g_autoptr(GBytes) two = NULL;
        g_autoptr(GByteArray) spliced = g_byte_array_new();
        gsize rest;
        const char *part;

        client_join(world, &client);
        strstr(changed, "<Param>200")[9] = '7';
        one = world_frame("MP_RelayEndpoint", client.guid, client.key, MESSAGE, report, &type);
        two = world_frame("MP_RelayEndpoint", client.guid, client.key, MESSAGE, changed,
                          &other_type);
        part = second_part(one, &rest);
        g_byte_array_append(spliced, g_bytes_get_data(one, NULL),
                            (guint)(g_bytes_get_size(one) - rest));
        part = second_part(two, &rest);
        g_byte_array_append(spliced, (const guint8 *)part, (guint)rest);
        g_auto(Answer) answer = world_post(world, "CCM_POST", "/ccm_system/request", type,
                                           spliced->data, spliced->len);

        g_assert_cmpint(answer.status, ==, 200);
        g_assert_nonnull(strstr(answer.refused, "the signature of the body does not fit"));
        g_auto(Answer) good = relay(world, &client, report);

        g_assert_cmpstr(good.refused, ==, NULL);
        g_free(world_await_files(world, BOX, 1));
}

/* The same message sent twice is taken twice: what it says does not change by that (COMP-071). */
static void
replayed(void)
{
        g_autoptr(World) world = world_new("");
        Client client = client_get(0);
        g_autofree char *report = report_of(&client, 1, 5);
        g_autofree char *files = NULL;
        g_auto(GStrv) names = NULL;

        client_join(world, &client);
        for (int i = 0; i < 2; i++) {
                g_auto(Answer) answer = relay(world, &client, report);

                g_assert_cmpint(answer.status, ==, 200);
        }
        files = world_await_files(world, BOX, 2);
        names = g_strsplit(files, " ", -1);
        g_autofree char *one = file_text(world, BOX, names[0]);
        g_autofree char *two = file_text(world, BOX, names[1]);

        g_assert_cmpstr(one, ==, two);
}

static void
expect_rejected(World *world, const Client *client, const char *report, const char *words)
{
        g_auto(Answer) answer = relay(world, client, report);

        g_assert_cmpint(answer.status, ==, 400);
        if (strstr(answer.body, words) == NULL)
                g_test_message("'%s' lacks '%s'", answer.body, words);
        g_assert_nonnull(strstr(answer.body, words));
        world_await_log(world, "MP_Relay.log", words);
}

static char *
with_topic(const Client *client, int type)
{
        const StateReportHead head = { .client_id = (char *)client->guid,
                                       .client_version = (char *)"1",
                                       .name = (char *)client->name,
                                       .client_installed = true,
                                       .priority = 5,
                                       .content = (char *)"State Message Data" };
        const StateReportMessage messages[] = {
                { .topic_type = type, .topic_id = "a", .user = "" },
                { .topic_type = 500, .topic_id = "", .user = "" },
        };

        return statereport_write(&head, messages, 2);
}

static void
rejected(void)
{
        g_autoptr(World) world = world_new("contact_seconds=1\n");
        Client client = client_get(0);
        Client other = client_get(1);
        g_autofree char *good = report_of(&client, 1, 5);
        g_autofree char *cut = g_strndup(good, strlen(good) - 20);
        g_autofree char *foreign = report_of(&other, 1, 5);
        g_autofree char *topic = with_topic(&client, 4711);
        g_autofree char *empty = report_of(&client, 0, 5);
        g_autofree char *reason = NULL;
        g_autofree char *incoming = NULL;
        g_autofree char *kept = NULL;
        gint64 count = 0;

        client_join(world, &client);
        expect_rejected(world, &client, cut, " is rejected: ");
        expect_rejected(world, &client, "hello", " is rejected: ");
        expect_rejected(world, &client, "<!DOCTYPE a [<!ENTITY b \"c\">]><Report>&b;</Report>",
                        "document type");
        expect_rejected(world, &client, foreign,
                        "sent a report in the name of GUID:B2006D0E-CF56-41D1-A006-6330EFC39382");
        expect_rejected(world, &client, topic,
                        "none of its topics is known here (topic type 4711)");
        expect_rejected(world, &client, empty, "it has no state message");
        incoming = world_files(world, BOX);
        g_assert_cmpstr(incoming, ==, "");
        /* The row comes with the next writing of contacts. */
        for (int i = 0; i < 500 && reason == NULL; i++) {
                bool found;

                MUST(db_text(world->db, &sql_rows_rejection, DB_ARGS(DB_TEXT("name", client.name)),
                             &reason, &found, &failure));
                uk_clock_sleep(UK_SECOND / 50, -1);
        }
        g_assert_nonnull(reason);
        MUST(db_int(world->db, &sql_rows_rejections, DB_ARGS(DB_TEXT("name", client.name)), &count,
                    NULL, &failure));
        g_assert_cmpint(count, >=, 1);
        /* The body is kept, with the reason beside it. */
        kept = world_files(world, CORRUPT);
        g_assert_true(
                g_regex_match_simple("^[A-Z0-9_]{8}\\.SMX [A-Z0-9_]{8}\\.SMX\\.why", kept, 0, 0));
}

/* What the client says in a body of that many letters. */
static void
expect_size(World *world, const Client *client, gsize size, long status, const char *words)
{
        g_autofree char *body = g_strnfill(size, ' ');
        g_auto(Answer) answer = relay(world, client, body);

        g_assert_cmpint(answer.status, ==, status);
        g_assert_nonnull(strstr(answer.body, words));
}

/* A report of 8 MB is a file of more than the 16 MB that StateSys reads: the receipt for it would
 * be a lie. One that the journal never takes would be sent for ever. */
static void
too_large(void)
{
        g_autoptr(World) world = world_new("");
        Client client = client_get(0);
        g_autofree char *kept = NULL;

        client_join(world, &client);
        expect_size(world, &client, 8 * 1024 * 1024, 413,
                    "the report is rejected: it has 8388608 bytes; at most 8388607 are taken");
        world_await_log(world, "MP_Relay.log", "is rejected: it has 8388608 bytes");
        kept = world_files(world, CORRUPT);
        g_assert_cmpstr(kept, ==, "");
        expect_size(world, &client, 8 * 1024 * 1024 - 1, 400, "the report is rejected");
}

static void
larger_than_the_journal(void)
{
        g_autoptr(World) world = world_new("journal_megabytes=1\n");
        Client client = client_get(0);
        g_autofree char *small = report_of(&client, 1, 5);

        client_join(world, &client);
        expect_size(world, &client, 1024 * 1024 + 1, 413, "at most 1048576 are taken");
        g_auto(Answer) answer = relay(world, &client, small);
        g_assert_cmpint(answer.status, ==, 200);
        g_free(world_await_files(world, BOX, 1));
}

/* One bad message among good ones is StateSys's to count, and does not take the others with it. */
static void
partly_bad(void)
{
        g_autoptr(World) world = world_new("");
        Client client = client_get(0);
        g_autofree char *report = with_topic(&client, 500);

        client_join(world, &client);
        g_auto(Answer) answer = relay(world, &client, report);

        g_assert_cmpint(answer.status, ==, 200);
        g_free(world_await_files(world, BOX, 1));
}

static void
contact_is_written(void)
{
        g_autoptr(World) world = world_new("contact_seconds=1\n");
        Client client = client_get(0);
        g_autofree char *report = report_of(&client, 1, 5);
        g_autofree char *time = NULL;

        client_join(world, &client);
        g_auto(Answer) answer = relay(world, &client, report);

        for (int i = 0; i < 500 && time == NULL; i++) {
                bool found;

                MUST(db_text(world->db, &sql_rows_contact, DB_ARGS(DB_TEXT("name", client.name)),
                             &time, &found, &failure));
                uk_clock_sleep(UK_SECOND / 50, -1);
        }
        g_assert_nonnull(time);
}

/* The disk of the journal fails: the sender is told to try again, and later does so with success.
 */
static void
disk_fails(void)
{
        g_autoptr(World) world = world_new("");
        Client client = client_get(0);
        g_autofree char *report = report_of(&client, 1, 5);

        client_join(world, &client);
        g_setenv("UPKEEP_FAULT_ONLY", "sync", TRUE);
        uk_fault_set("fail+:1");
        g_auto(Answer) bad = relay(world, &client, report);

        uk_fault_set(NULL);
        g_unsetenv("UPKEEP_FAULT_ONLY");
        g_assert_cmpint(bad.status, ==, 503);
        world_await_log(world, "MP_Relay.log", "senders are told to try again");
        g_auto(Answer) good = relay(world, &client, report);

        g_assert_cmpint(good.status, ==, 200);
        g_free(world_await_files(world, BOX, 1));
        world_await_log(world, "MP_Relay.log", "The journal takes reports again");
}

/* Stopping answers whoever waits and leaves nothing in the journal. */
static void
stopped_in_order(void)
{
        g_autoptr(World) world = world_new("");
        Client client = client_get(0);
        g_autofree char *report = report_of(&client, 1, 5);
        g_autofree char *dir = g_build_filename(world->root, "var/lib/upkeep/mp/journal", NULL);
        g_autofree char *files = NULL;
        g_autoptr(GDir) journal = NULL;

        client_join(world, &client);
        for (int i = 0; i < 20; i++) {
                g_auto(Answer) answer = relay(world, &client, report);

                g_assert_cmpint(answer.status, ==, 200);
        }
        world_stop(world);
        files = world_await_files(world, BOX, 20);
        journal = g_dir_open(dir, 0, NULL);
        g_assert_cmpstr(g_dir_read_name(journal), ==, NULL);
        world_start(world);
        g_auto(Answer) again = relay(world, &client, report);

        g_assert_cmpint(again.status, ==, 200);
        g_free(world_await_files(world, BOX, 21));
}

int
main(int argc, char **argv)
{
        int failed;

        setlocale(LC_ALL, "C");
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/mp/relay/becomes-a-file-COMP-059-COMP-060-COMP-062-COMP-063",
                        becomes_a_file);
        g_test_add_func("/mp/relay/log-lines-COMP-061-COMP-062", log_lines);
        g_test_add_func("/mp/relay/folders-by-priority-COMP-063", folders_by_priority);
        g_test_add_func("/mp/relay/without-a-client", without_a_client);
        g_test_add_func("/mp/relay/other-letters-COMP-062", other_letters);
        g_test_add_func("/mp/relay/refused", refused);
        g_test_add_func("/mp/relay/distribution-point-DIST-128", distribution_point);
        g_test_add_func("/mp/status/kept-as-one-of-its-signer", status_message);
        g_test_add_func("/mp/relay/changed-on-the-way", changed_on_the_way);
        g_test_add_func("/mp/relay/replayed-COMP-071", replayed);
        g_test_add_func("/mp/relay/rejected", rejected);
        g_test_add_func("/mp/relay/too-large", too_large);
        g_test_add_func("/mp/relay/larger-than-the-journal", larger_than_the_journal);
        g_test_add_func("/mp/relay/partly-bad-COMP-069", partly_bad);
        g_test_add_func("/mp/relay/contact-is-written", contact_is_written);
        g_test_add_func("/mp/relay/disk-fails", disk_fails);
        g_test_add_func("/mp/relay/stopped-in-order", stopped_in_order);
        failed = g_test_run();
        clients_free();
        return failed;
}
