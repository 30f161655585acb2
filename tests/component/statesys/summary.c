/* The summary of updates and the tasks of the state system in a box. What the summary must be is
 * counted by the view v_Update_ComplianceSummary_Live from every machine and update. */
#include "sitedb/summary.h"

#include <locale.h>
#include <stdlib.h>
#include <string.h>

#include "component/logspec.h"
#include "component/statesys/box.h"
#include "sitedb/updatesource.h"
#include "unit/host/kit.h"
#include "unit/must.h"

#define UPDATES "SUM Update Status Summarizer"
#define AGED    "SUM Delete Aged Status"
#define TOTALS                                                                               \
        "SELECT SUM(NumMissing), SUM(NumInstalled), SUM(NumNotApplicable), SUM(NumUnknown)," \
        " MAX(NumTotal) FROM Update_ComplianceSummary"

static void
set_up(Box *box, gconstpointer settings)
{
        box_set_up(box, settings);
        box_synchronize(box, 1, 4, 1);
}

/* A name that no earlier report had. */
static void
send(Box *box, int machine, const BoxMessage *messages, guint count)
{
        static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
        g_autofree char *guid = g_uuid_string_random();

        for (char *c = guid; *c != '\0'; c++)
                *c = *c == '-' ? '_' : letters[*c % 26];
        g_autofree char *name = g_strdup_printf("%.20s.SMX", guid);
        box_send(box, BOX_NORMAL, name, machine, messages, count);
}

static void
scan(Box *box, int machine, int version, int serial)
{
        g_autofree char *text = g_strdup_printf("%d", version);
        const BoxMessage message = {
                .type = 501, .state = 3, .time = serial, .serial = serial, .params = { "0", text }
        };

        send(box, machine, &message, 1);
}

static void
say(Box *box, int machine, int update, int state, int serial)
{
        const BoxMessage message = {
                .type = 500, .about = update, .state = state, .time = serial, .serial = serial
        };

        send(box, machine, &message, 1);
}

/* ---- current at every commit ----------------------------------------------------------------- */

static void
unknown_until_scanned(Box *box, gconstpointer unused)
{
        BOX_ASK(box, TOTALS, "0|0|0|0|0");
        box_machine(box, 1, true);
        box_machine(box, 2, true);
        BOX_ASK(box, TOTALS, "0|0|0|8|2");
        say(box, 1, 1, 2, 1);
        say(box, 1, 2, 3, 2);
        say(box, 1, 3, 0, 3);
        box_run(box);
        BOX_ASK(box, TOTALS, "0|0|0|8|2"); /* the scan is not completed yet */
        scan(box, 1, 1, 9);
        box_run(box);
        BOX_ASK(box, TOTALS, "1|1|1|5|2");
        box_check_summary(box);
        say(box, 1, 1, 3, 10);
        say(box, 1, 3, 1, 11);
        box_run(box);
        BOX_ASK(box, TOTALS, "0|2|2|4|2");
        box_check_summary(box);
}

static void
new_updates_are_unknown(Box *box, gconstpointer unused)
{
        box_machine(box, 1, true);
        say(box, 1, 1, 2, 1);
        say(box, 1, 2, 2, 2);
        scan(box, 1, 1, 3);
        box_run(box);
        BOX_ASK(box, TOTALS, "2|0|2|0|1");
        box_synchronize(box, 1, 1, 2); /* other rules: the answer is void */
        box_synchronize(box, 9, 9, 1);
        BOX_ASK(box, TOTALS, "1|0|2|2|1");
        box_check_summary(box);
        scan(box, 1, 2, 4);
        box_run(box);
        BOX_ASK(box, TOTALS, "2|0|2|1|1");
        scan(box, 1, 3, 5);
        box_run(box);
        BOX_ASK(box, TOTALS, "2|0|3|0|1");
        box_check_summary(box);
        scan(box, 1, 1, 6); /* at an update point that is behind */
        box_run(box);
        BOX_ASK(box, TOTALS, "1|0|2|2|1");
        box_check_summary(box);
}

static void
machines_come_and_go(Box *box, gconstpointer unused)
{
        box_machine(box, 1, true);
        box_machine(box, 2, true);
        for (int machine = 1; machine <= 2; machine++) {
                say(box, machine, 1, 2, 1);
                say(box, machine, 2, 3, 2);
                scan(box, machine, 1, 3);
        }
        box_run(box);
        BOX_ASK(box, TOTALS, "2|2|4|0|2");
        box_set_machine(box, 1, 2);
        BOX_ASK(box, TOTALS, "1|1|2|0|1");
        box_check_summary(box);
        box_set_machine(box, 1, 1);
        BOX_ASK(box, TOTALS, "2|2|4|0|2");
        box_set_machine(box, 2, -1);
        BOX_ASK(box, TOTALS, "1|1|2|0|1");
        BOX_ASK(box, "SELECT COUNT(*) FROM Update_ComplianceStatus", "2");
        box_check_summary(box);
        box_machine(box, 3, false);
        BOX_ASK(box, TOTALS, "1|1|2|0|1");
}

/* A completed scan of one machine turns every update from unknown to not required, and writes a
 * handful of rows. */
static void
a_scan_costs_little(Box *box, gconstpointer unused)
{
        const char *changes = "SELECT COUNT(*) FROM Update_ComplianceCounts";

        box_synchronize(box, 100, 2100, 1);
        box_machine(box, 1, true);
        scan(box, 1, 2, 1);
        box_run(box);
        BOX_ASK(box, TOTALS, "0|0|2005|0|1");
        BOX_ASK(box, changes, "0");
        BOX_ASK(box,
                "SELECT UpdateSource_ID > 0, SourceVersion, NumMachines FROM"
                " Update_ScanVersions ORDER BY 1, 2",
                "0|0|1 1|1|1 1|2|1");
}

/* After a restore the content version leaps by millions; a scan across that costs no more rows, and
 * what comes behind it counts as before. */
static void
a_leap_costs_little(Box *box, gconstpointer unused)
{
        const char *rows = "SELECT SourceVersion < 100, NumMachines FROM Update_ScanVersions"
                           " WHERE UpdateSource_ID > 0 ORDER BY SourceVersion";
        g_autoptr(SummaryProof) proof = NULL;
        g_autoptr(DbTx) tx = NULL;
        gint64 first;

        box_machine(box, 1, true);
        box_machine(box, 2, true);
        scan(box, 1, 1, 1);
        box_run(box);
        MUST((tx = db_begin(box->db, &failure)) != NULL);
        MUST(updatesource_leap(tx, &failure));
        MUST(db_commit(g_steal_pointer(&tx), &failure));
        g_autofree char *leapt = box_ask(box, "SELECT ContentVersion FROM CI_UpdateSources");
        int version = atoi(leapt);
        g_assert_cmpint(version, >, 3000000);
        scan(box, 1, version, 2);
        scan(box, 2, version, 3);
        box_run(box);
        BOX_ASK(box, rows, "1|2");
        BOX_ASK(box, TOTALS, "0|0|8|0|2");
        box_synchronize(box, 9, 9, 1);
        BOX_ASK(box, TOTALS, "0|0|8|2|2");
        scan(box, 2, version + 1, 4);
        box_run(box);
        BOX_ASK(box, rows, "1|2 0|1");
        BOX_ASK(box, TOTALS, "0|0|9|1|2");
        box_check_summary(box);
        MUST((proof = summary_prove(box->db, &failure)) != NULL);
        g_assert_cmpuint(summary_proof_wrong(proof, &first), ==, 0);
        g_assert_cmpuint(summary_proof_wrong_versions(proof), ==, 0);
}

static void
ages(Box *box, gconstpointer unused)
{
        box_machine(box, 1, true);
        scan(box, 1, 1, 1);
        say(box, 1, 1, 2, 2);
        box_run(box);
        BOX_ASK(box,
                "SELECT COUNT(*) FROM v_Update_ComplianceSummary s JOIN SR_Reports r ON"
                " s.LastSummaryTime >= r.ReceivedTime",
                "8");
        BOX_ASK(box,
                "SELECT n.Cause, n.Trace FROM Update_ComplianceCounts n JOIN SR_Reports r ON"
                " n.Cause = 'report ' || r.ReportID",
                "report 2|" BOX_TRACE);
}

/* Everything that can happen, in any order; the summary is right after each step, and the proof
 * agrees. */
static void
anything(Box *box, gconstpointer unused)
{
        g_autoptr(GRand) random = g_rand_new_with_seed(20260108);
        int serial = 1;
        int version = 1, newest = 4;
        bool known[9] = { false };

        for (int step = 0; step < 250; step++) {
                int machine = g_rand_int_range(random, 1, 9);

                switch (known[machine] ? g_rand_int_range(random, 0, 14) : 13) {
                case 0:
                        version++;
                        box_synchronize(box, newest + 1, newest + 2, 1);
                        newest += 2;
                        break;
                case 1: {
                        int update = g_rand_int_range(random, 1, newest + 1);

                        version++;
                        box_synchronize(box, update, update, step + 2);
                        break;
                }
                case 2:
                        box_set_machine(box, machine, g_rand_int_range(random, 0, 3));
                        break;
                case 3:
                        box_set_machine(box, machine, -1);
                        known[machine] = false;
                        break;
                case 4:
                case 5:
                        scan(box, machine, g_rand_int_range(random, 1, version + 2), serial++);
                        break;
                case 6: {
                        const BoxMessage again = { .type = 700, .time = serial, .serial = serial };

                        send(box, machine, &again, 1);
                        serial++;
                        break;
                }
                case 13:
                        if (!known[machine])
                                box_machine(box, machine, g_rand_boolean(random));
                        known[machine] = true;
                        break;
                default:
                        for (int i = 0; i < 4; i++)
                                say(box, machine, g_rand_int_range(random, 1, newest + 3),
                                    g_rand_int_range(random, 0, 4), serial++);
                        break;
                }
                box_run(box);
                box_check_summary(box);
                if (step % 10 == 0) {
                        g_autoptr(SummaryProof) proof = NULL;
                        gint64 first;

                        MUST((proof = summary_prove(box->db, &failure)) != NULL);
                        g_assert_cmpuint(summary_proof_wrong(proof, &first), ==, 0);
                        g_assert_cmpuint(summary_proof_wrong_versions(proof), ==, 0);
                }
        }
        g_autofree char *totals = box_ask(box, TOTALS);
        g_test_message("%s", totals);
        g_assert_false(g_str_has_prefix(totals, "0|0|"));
}

/* ---- the tasks ------------------------------------------------------------------------------- */

static guint
runs(Box *box, const char *task)
{
        g_autofree char *texts = box_log(box);
        g_autofree char *line = g_strdup_printf(
                "Task '%s' completed successfully after running for <n> seconds, with status <n>.",
                task);

        return logspec_count(texts, line);
}

static void
tasks_run(Box *box, gconstpointer unused)
{
        kit_run(box->host);
        g_autofree char *texts = box_log(box);
        gsize first = logspec_check(texts, 0, "7.4", 0);
        logspec_check(texts, first, "7.4", 0);
        g_assert_nonnull(strstr(texts, "Started task '" UPDATES "'"));
        g_assert_nonnull(strstr(texts, "Started task '" AGED "'"));
        g_assert_null(strstr(texts, "Migrate"));
        BOX_ASK(box,
                "SELECT TaskName, LastRunResult, LastStartTime <= LastSuccessfulCompletionTime,"
                " LastRunDuration < 60000, Cause FROM SR_SummaryTasks WHERE LastStartTime IS NOT "
                "NULL"
                " ORDER BY TaskID",
                UPDATES "|4|1|1|schedule " AGED "|0|1|1|schedule");
        BOX_ASK(box, "SELECT TaskName FROM vSR_SummaryTasks ORDER BY TaskID",
                "SUM Assignment Compliance Evaluator SUM Update Group Status Summarizer"
                " SUM Update Status Summarizer SUM Migrate Update Status SUM Delete Aged Status");
        kit_step(59 * UK_MINUTE);
        kit_run(box->host);
        g_assert_cmpuint(runs(box, UPDATES), ==, 1);
        kit_step(2 * UK_MINUTE);
        kit_run(box->host);
        g_assert_cmpuint(runs(box, UPDATES), ==, 2);
        g_assert_cmpuint(runs(box, AGED), ==, 1);
        for (int hour = 0; hour < 24; hour++) {
                kit_step(UK_HOUR);
                kit_run(box->host);
        }
        g_assert_cmpuint(runs(box, UPDATES), ==, 26);
        g_assert_cmpuint(runs(box, AGED), ==, 2);
}

static void
task_by_hand(Box *box, gconstpointer unused)
{
        kit_run(box->host);
        box_do(box, "UPDATE SR_SummaryTasks SET RunNow = 1 WHERE TaskName = '" UPDATES "'");
        kit_run(box->host);
        g_assert_cmpuint(runs(box, UPDATES), ==, 2);
        g_assert_cmpuint(runs(box, AGED), ==, 1);
        BOX_ASK(box, "SELECT RunNow, Cause FROM SR_SummaryTasks WHERE TaskID = 3", "0|by hand");
        kit_run(box->host);
        g_assert_cmpuint(runs(box, UPDATES), ==, 2);
}

static void
task_schedule_changed(Box *box, gconstpointer unused)
{
        kit_run(box->host);
        box_do(box, "UPDATE SR_SummaryTasks SET RunInterval = 600 WHERE TaskID = 3");
        box_restart(box);
        kit_run(box->host);
        g_assert_cmpuint(runs(box, UPDATES), ==, 1);
        kit_step(10 * UK_MINUTE);
        kit_run(box->host);
        g_assert_cmpuint(runs(box, UPDATES), ==, 2);
}

/* Runs by a clock that was a year ahead do not put the next one off for a year. */
static void
task_after_clock_ahead(Box *box, gconstpointer unused)
{
        kit_step(365 * UK_DAY);
        kit_run(box->host);
        g_assert_cmpuint(runs(box, UPDATES), ==, 1);
        kit_step(-365 * UK_DAY);
        box_restart(box);
        kit_run(box->host);
        g_assert_cmpuint(runs(box, UPDATES), ==, 2);
        g_assert_cmpuint(runs(box, AGED), ==, 2);
        kit_step(61 * UK_MINUTE);
        kit_run(box->host);
        g_assert_cmpuint(runs(box, UPDATES), ==, 3);
        g_assert_cmpuint(runs(box, AGED), ==, 2);
}

/* A run that was cut short is made good at the next start; one that was not is not repeated. */
static void
task_cut_short(Box *box, gconstpointer unused)
{
        kit_run(box->host);
        box_restart(box);
        kit_run(box->host);
        g_assert_cmpuint(runs(box, UPDATES), ==, 1);
        box_do(box, "UPDATE SR_SummaryTasks SET LastRunDuration = NULL WHERE TaskID = 3");
        box_restart(box);
        kit_run(box->host);
        g_assert_cmpuint(runs(box, UPDATES), ==, 2);
        g_assert_cmpuint(runs(box, AGED), ==, 1);
}

/* The summary is made wrong by hand in every way; the task finds and corrects all of it. */
static void
proof_corrects(Box *box, gconstpointer unused)
{
        const char *const harm[] = {
                "UPDATE Update_ComplianceCounts SET NumMissing = NumMissing + 5",
                "DELETE FROM Update_ComplianceCounts",
                "INSERT INTO Update_ComplianceCounts (CI_ID, NumInstalled, LastSummaryTime)"
                " SELECT MAX(CI_ID), 3, '' FROM CI_ConfigurationItems",
                "UPDATE Update_ScanVersions SET NumMachines = NumMachines - 1",
                "DELETE FROM Update_ScanVersions",
        };

        box_machine(box, 1, true);
        box_machine(box, 2, true);
        say(box, 1, 1, 2, 1);
        say(box, 1, 2, 3, 2);
        say(box, 2, 3, 0, 3);
        scan(box, 1, 1, 4);
        scan(box, 2, 1, 5);
        box_run(box);
        g_autofree char *right = box_ask(box, TOTALS);
        for (guint i = 0; i < G_N_ELEMENTS(harm); i++) {
                box_do(box, harm[i]);
                box_do(box, "UPDATE SR_SummaryTasks SET RunNow = 1 WHERE TaskID = 3");
                kit_run(box->host);
                box_check_summary(box);
                BOX_ASK(box, TOTALS, right);
        }
        g_autofree char *texts = box_log(box);
        g_assert_cmpuint(logspec_count(texts, "The summary of updates did not agree with the "
                                              "states of the machines and has been corrected: "
                                              "<what>"),
                         ==, G_N_ELEMENTS(harm));
        g_assert_nonnull(strstr(texts, "STATMSG: ID=60020 SEV=W"));
        g_assert_nonnull(strstr(texts, "corrected: 3 updates (first CI_ID 16777217), machines of 0 "
                                       "content versions."));
        box_do(box, "UPDATE SR_SummaryTasks SET RunNow = 1 WHERE TaskID = 3");
        kit_run(box->host);
        g_autofree char *later = box_log(box);
        g_assert_cmpuint(logspec_count(later, "STATMSG: ID=60020 <rest>"), ==, G_N_ELEMENTS(harm));
}

/* What is counted between the counting and the correction is not counted twice. */
static void
proof_beside_reports(Box *box, gconstpointer unused)
{
        g_autoptr(SummaryProof) proof = NULL;
        g_autoptr(DbTx) tx = NULL;

        box_machine(box, 1, true);
        box_machine(box, 2, true);
        say(box, 1, 1, 2, 1);
        scan(box, 1, 1, 2);
        box_run(box);
        box_do(box, "UPDATE Update_ComplianceCounts SET NumMissing = 7");
        box_do(box, "UPDATE Update_ScanVersions SET NumMachines = 9 WHERE SourceVersion = 1");
        MUST((proof = summary_prove(box->db, &failure)) != NULL);
        say(box, 2, 1, 2, 1);
        scan(box, 2, 1, 2);
        box_run(box);
        box_synchronize(box, 2, 2, 2);
        MUST((tx = db_begin(box->db, &failure)) != NULL);
        MUST(summary_correct(tx, proof, uk_clock_now(), "test", &failure));
        MUST(db_commit(g_steal_pointer(&tx), &failure));
        box_check_summary(box);
}

static void
aged(Box *box, gconstpointer unused)
{
        box_machine(box, 1, true);
        box_machine(box, 2, true);
        for (int machine = 1; machine <= 2; machine++) {
                const BoxMessage messages[] = {
                        { .type = 500, .about = 1, .state = 2, .serial = 1, .details = "a b c d" },
                        { .type = 501, .state = 3, .serial = 2, .params = { "0", "1" } },
                };

                send(box, machine, messages, 2);
        }
        box_run(box);
        BOX_ASK(box, TOTALS, "2|0|6|0|2");
        /* Machine 2 goes on reporting; its missing update is as it was. */
        kit_step(60 * UK_DAY);
        kit_run(box->host);
        box_do(box, "UPDATE MachineContacts SET LastReportTime = '2100-01-01T00:00:00.000Z' WHERE"
                    " ResourceID = (SELECT MAX(ResourceID) FROM Machines)");
        BOX_ASK(box, TOTALS, "2|0|6|0|2");
        kit_step(31 * UK_DAY);
        kit_run(box->host);
        BOX_ASK(box, TOTALS, "1|0|3|4|2");
        BOX_ASK(box,
                "SELECT COUNT(*), (SELECT COUNT(*) FROM Update_MissingPackages),"
                " (SELECT COUNT(*) FROM Update_ScanStatus), (SELECT COUNT(*) FROM SR_Reports)"
                " FROM Update_ComplianceStatus",
                "1|1|1|1");
        BOX_ASK(box, "SELECT LastRunResult FROM SR_SummaryTasks WHERE TaskID = 5", "4");
        /* A report that is still to come ages from the day on which that was seen. */
        BOX_ASK(box,
                "SELECT COUNT(*) FROM MachineContacts WHERE LastReportTime > '2099'"
                " OR LastContactTime > '2099'",
                "0");
        box_check_summary(box);
}

#define ADD(name, function) g_test_add(name, Box, NULL, set_up, function, box_tear_down)

int
main(int argc, char **argv)
{
        setlocale(LC_ALL, "C");
        g_test_init(&argc, &argv, NULL);
        ADD("/statesys/summary/unknown-until-scanned-COMP-072", unknown_until_scanned);
        ADD("/statesys/summary/new-updates-are-unknown", new_updates_are_unknown);
        ADD("/statesys/summary/machines-come-and-go", machines_come_and_go);
        ADD("/statesys/summary/a-scan-costs-little", a_scan_costs_little);
        ADD("/statesys/summary/a-leap-costs-little", a_leap_costs_little);
        ADD("/statesys/summary/ages", ages);
        ADD("/statesys/summary/anything-COMP-072-COMP-077", anything);
        ADD("/statesys/tasks/run-COMP-073-COMP-074", tasks_run);
        ADD("/statesys/tasks/by-hand-COMP-077", task_by_hand);
        ADD("/statesys/tasks/schedule-changed-COMP-077", task_schedule_changed);
        ADD("/statesys/tasks/clock-was-ahead-COMP-074", task_after_clock_ahead);
        ADD("/statesys/tasks/cut-short-COMP-074", task_cut_short);
        ADD("/statesys/tasks/proof-corrects-COMP-077", proof_corrects);
        ADD("/statesys/tasks/proof-beside-reports-COMP-077", proof_beside_reports);
        ADD("/statesys/tasks/aged-COMP-079", aged);
        return g_test_run();
}
