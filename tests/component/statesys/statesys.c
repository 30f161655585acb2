/* statesys in a box: reports are dropped as the management point leaves them, lanes are stepped,
 * rows and log lines are looked at. The lines are the specification's (93-logs 7.3). */
#include "site/statesys/statesys.h"

#include <glib/gstdio.h>
#include <locale.h>
#include <string.h>

#include "base/fault.h"
#include "component/logspec.h"
#include "component/statesys/box.h"
#include "unit/host/kit.h"
#include "unit/must.h"

static void
set_up(Box *box, gconstpointer settings)
{
        box_set_up(box, settings);
        box_synchronize(box, 1, 9, 1);
        box_machine(box, 1, true);
}

/* ---- the log --------------------------------------------------------------------------------- */

static void
verbose_log(Box *box, gconstpointer unused)
{
        BOX_SEND(box, BOX_NORMAL, "TAZGYTSJ.SMX", 1,
                 { .type = 500, .about = 1, .state = 2, .serial = 232, .params = { "200" } });
        box_run(box);
        g_autofree char *texts = box_log(box);
        logspec_check(texts, 0, "7.3", 0);
        g_assert_cmpuint(logspec_count(texts, "CMessageProcessor - Processing file: TAZGYTSJ.SMX"),
                         ==, 1);
        g_assert_cmpuint(logspec_count(texts,
                                       "CMessageProcessor - Processed 1 records with 0 invalid "
                                       "records."),
                         ==, 1);
        g_assert_false(box_has(box, BOX_NORMAL, "TAZGYTSJ.SMX"));
}

/* The switch takes effect without a restart. */
static void
terse_log(Box *box, gconstpointer unused)
{
        kit_settings(box->root, "site", "[site]\ncode=PS1\n");
        host_reload(box->host);
        BOX_SEND(box, BOX_NORMAL, "TAZGYTSJ.SMX", 1,
                 { .type = 500, .about = 1, .state = 2, .serial = 232, .params = { "200" } });
        box_run(box);
        g_autofree char *texts = box_log(box);
        logspec_check(texts, 0, "7.3", 1);
        g_assert_null(strstr(texts, "pause for"));
        g_assert_null(strstr(texts, "CMessageProcessor"));
        g_assert_null(strstr(texts, "TAZGYTSJ"));
}

/* Files that come within the pause are one batch. */
static void
gathering(Box *box, gconstpointer unused)
{
        kit_run(box->host);
        BOX_SEND(box, BOX_NORMAL, "A.SMX", 1, { .type = 500, .about = 1, .state = 2, .serial = 1 });
        kit_run(box->host);
        kit_step(5 * UK_SECOND);
        BOX_SEND(box, BOX_NORMAL, "B.SMX", 1, { .type = 500, .about = 2, .state = 2, .serial = 2 });
        kit_run(box->host);
        g_assert_true(box_has(box, BOX_NORMAL, "A.SMX"));
        kit_step(5 * UK_SECOND);
        kit_run(box->host);
        g_autofree char *texts = box_log(box);
        g_assert_cmpuint(logspec_count(texts, "CMessageProcessor - Processed 2 message files in "
                                              "this batch, with 0 bad files."),
                         ==, 1);
}

/* 256 files are enough: nobody waits for more. */
static void
full_chunk(Box *box, gconstpointer unused)
{
        kit_run(box->host);
        for (int i = 0; i < 300; i++) {
                g_autofree char *name = g_strdup_printf("%08d.SMX", i);

                BOX_SEND(box, BOX_NORMAL, name, 1,
                         { .type = 500, .about = 1 + i % 9, .state = 2, .serial = i, .time = i });
        }
        kit_run(box->host);
        g_autofree char *texts = box_log(box);
        g_assert_cmpuint(logspec_count(texts, "CMessageProcessor - Processed 256 message files in "
                                              "this batch, with 0 bad files."),
                         ==, 1);
        g_assert_null(strstr(texts, "pause for"));
}

/* High first, Low last, however old the others are (OQ-C18). */
static void
priorities(Box *box, gconstpointer unused)
{
        g_autofree char *report = NULL;
        const BoxMessage message = { .type = 500, .about = 1, .state = 2, .serial = 1 };

        kit_run(box->host);
        report = box_report(box, 1, &message, 1);
        kit_put(box->host, BOX_LOW, "LOW.SMX", report, 3000);
        kit_put(box->host, BOX_NORMAL, "NORMAL.SMX", report, 2000);
        kit_step(11 * UK_SECOND);
        kit_put(box->host, BOX_HIGH, "HIGH.SMX", report, 1000);
        box_run(box);
        g_autofree char *texts = box_log(box);
        const char *high = strstr(texts, "file: HIGH.SMX");
        const char *normal = strstr(texts, "file: NORMAL.SMX");
        const char *low = strstr(texts, "file: LOW.SMX");
        g_assert_true(high != NULL && normal != NULL && low != NULL);
        g_assert_true(high < normal && normal < low);
}

/* A bad file among the urgent ones is set aside too when it is taken before its turn. */
static void
urgent_first_even_if_bad(Box *box, gconstpointer unused)
{
        g_autofree char *report = NULL;
        const BoxMessage message = { .type = 500, .about = 1, .state = 2, .serial = 1 };

        kit_run(box->host);
        report = box_report(box, 1, &message, 1);
        kit_put(box->host, BOX_NORMAL, "NORMAL.SMX", report, 2000);
        kit_put(box->host, BOX_HIGH, "BAD.SMX", "<Report>", 1000);
        kit_put(box->host, BOX_HIGH, "GOOD.SMX", report, 1000);
        kit_step(11 * UK_SECOND);
        kit_run(box->host);
        g_assert_false(box_has(box, BOX_HIGH, "BAD.SMX"));
        g_assert_false(box_has(box, BOX_HIGH, "GOOD.SMX"));
        g_assert_true(box_has(box, "auth/statesys.box/corrupt", "BAD.SMX.why"));
        BOX_ASK(box, "SELECT COUNT(*) FROM Update_ComplianceStatus", "1");
}

/* ---- what is stored -------------------------------------------------------------------------- */

/* The report of the specification's own sample, in UTF-16, from that very client. */
static void
sample(Box *box, gconstpointer unused)
{
        g_autofree char *path =
                g_build_filename(g_getenv("UPKEEP_SOURCE_ROOT"),
                                 "tests/wire/statereport/update-detection.xml", NULL);
        g_autofree char *text = NULL;
        g_autoptr(GBytes) wide = NULL;
        g_autofree char *folder = host_box_path(box->host, BOX_NORMAL);
        g_autofree char *file = g_build_filename(folder, "YCE2H3VD.SMX", NULL);

        box_do(box, "UPDATE Machines SET SMSID = 'GUID:A1006D0E-CF56-41D1-A006-6330EFC39381'");
        box_do(box, "UPDATE CI_ConfigurationItems SET CI_UniqueID ="
                    " '505fda07-b4f3-45fb-83d9-8642554e2773' WHERE CI_ID = (SELECT MIN(CI_ID) FROM"
                    " CI_ConfigurationItems)");
        g_assert_true(g_file_get_contents(path, &text, NULL, NULL));
        gsize size = 0;
        g_autofree char *utf16 = g_convert(text, -1, "UTF-16", "UTF-8", NULL, &size, NULL);
        g_assert_true(g_file_set_contents(file, utf16, (gssize)size, NULL));
        box_run(box);
        BOX_ASK(box,
                "SELECT s.Status, s.Revision, s.StateTime, s.SerialNumber, r.FileName, r.Messages,"
                " r.Invalid, r.Refusal FROM Update_ComplianceStatus s"
                " JOIN SR_Reports r ON r.ReportID = s.CauseID",
                "2|200|2014-01-20T17:18:55.573Z|232|YCE2H3VD.SMX|1|0|");
        BOX_ASK(box, "SELECT LastSerialNumber FROM MachineContacts", "232");
}

static void
packages(Box *box, gconstpointer unused)
{
        const char *rows = "SELECT PackageName, Architecture, InstalledVersion, NewVersion, IsHeld"
                           " FROM Update_MissingPackages ORDER BY PackageName";

        BOX_SEND(box, BOX_NORMAL, "A.SMX", 1,
                 { .type = 500,
                   .about = 1,
                   .state = 2,
                   .serial = 1,
                   .params = { "200" },
                   .details = "libssl3 amd64 3.0.1-1 3.0.2-1\nopenssl amd64 3.0.1-1 3.0.2-1 held\n"
                              "zlib1g i386 1:1.2 1:1.3 hold" });
        box_run(box);
        BOX_ASK(box, rows,
                "libssl3|amd64|3.0.1-1|3.0.2-1|0 openssl|amd64|3.0.1-1|3.0.2-1|1"
                " zlib1g|i386|1:1.2|1:1.3|1");
        BOX_SEND(box, BOX_NORMAL, "B.SMX", 1,
                 { .type = 500,
                   .about = 1,
                   .state = 2,
                   .serial = 2,
                   .time = 1,
                   .details = "openssl amd64 3.0.1-1 3.0.3-1\n" });
        box_run(box);
        BOX_ASK(box, rows, "openssl|amd64|3.0.1-1|3.0.3-1|0");
        BOX_SEND(box, BOX_NORMAL, "C.SMX", 1,
                 { .type = 500, .about = 1, .state = 3, .serial = 3, .time = 2 });
        box_run(box);
        BOX_ASK(box, rows, "");
        BOX_ASK(box, "SELECT Trace FROM SR_Reports WHERE FileName = 'C.SMX'", BOX_TRACE);
}

static void
other_topics(Box *box, gconstpointer unused)
{
        const char *rows = "SELECT TopicType, TopicID, StateID, SerialNumber, Parameters, Details"
                           " FROM SR_StateMessages ORDER BY TopicType";

        BOX_SEND(box, BOX_NORMAL, "A.SMX", 1,
                 { .type = 1001, .about = 1, .state = 1, .serial = 5, .params = { "a", "", "b" } },
                 { .type = 903, .about = 2, .state = 16, .serial = 6, .params = { "50" } },
                 { .type = 4711, .about = 3, .state = -9, .serial = 7, .details = "what" });
        box_run(box);
        BOX_ASK(box, rows, "903|topic 2|16|6|50| 1001|topic 1|1|5|a\n\nb| 4711|topic 3|-9|7||what");
        BOX_SEND(box, BOX_NORMAL, "B.SMX", 1, { .type = 903, .about = 2, .state = 8, .serial = 5 });
        BOX_SEND(box, BOX_NORMAL, "C.SMX", 1,
                 { .type = 1001, .about = 1, .state = 2, .serial = 8, .time = 1 });
        box_run(box);
        BOX_ASK(box, rows, "903|topic 2|16|6|50| 1001|topic 1|2|8|| 4711|topic 3|-9|7||what");
}

static void
scans(Box *box, gconstpointer unused)
{
        g_autofree char *digest = box_digest((const int[]){ 1, 2, 2, 3, 0 });
        g_autofree char *details = box_details(1, 1, 1, digest);
        const char *row = "SELECT LastScanState, SerialNumber, LastErrorCode, ScanPackageVersion,"
                          " LastScanTime, LastScanVersion, LastScanLocation, NumMissing,"
                          " NumInstalled, NumNotApplicable, ResyncTime FROM Update_ScanStatus";

        BOX_SEND(box, BOX_NORMAL, "A.SMX", 1,
                 { .type = 501, .state = 2, .serial = 1, .params = { "0", "1" } });
        box_run(box);
        BOX_ASK(box, row, "2|1|0|1|-|0||0|0|0|-");
        BOX_SEND(box, BOX_NORMAL, "B.SMX", 1,
                 { .type = 500, .about = 1, .state = 2, .serial = 2, .time = 1 },
                 { .type = 500, .about = 2, .state = 3, .serial = 3, .time = 1 },
                 { .type = 501,
                   .state = 3,
                   .serial = 4,
                   .time = 2,
                   .params = { "0", "1" },
                   .details = details });
        box_run(box);
        BOX_ASK(box, row, "3|4|0|1|2026-01-02T03:04:05.000Z|1|http://sup.example.org:8530|1|1|7|-");
        BOX_SEND(box, BOX_NORMAL, "C.SMX", 1,
                 { .type = 501,
                   .state = 5,
                   .serial = 9,
                   .time = 9,
                   .params = { "-2147012866", "1" } });
        box_run(box);
        BOX_ASK(box, row,
                "5|9|-2147012866|1|2026-01-02T03:04:05.000Z|1|http://sup.example.org:8530|1|1|7|-");
        /* One that comes late changes nothing, not even what is of completed scans. */
        BOX_SEND(box, BOX_NORMAL, "D.SMX", 1,
                 { .type = 501, .state = 3, .serial = 8, .time = 8, .params = { "0", "7" } });
        box_run(box);
        BOX_ASK(box, "SELECT LastScanState, SerialNumber, NumMissing FROM Update_ScanStatus",
                "5|9|1");
}

/* A stranger's scan has no details; its version is its parameter, and never one that this site does
 * not have (another catalogue). */
static void
scan_without_details(Box *box, gconstpointer unused)
{
        BOX_SEND(box, BOX_NORMAL, "A.SMX", 1,
                 { .type = 501, .state = 3, .serial = 1, .params = { "0", "1" } });
        box_run(box);
        BOX_ASK(box,
                "SELECT LastScanVersion, ScanPackageVersion, Digest, ResyncTime FROM"
                " Update_ScanStatus",
                "1|1||-");
        BOX_SEND(box, BOX_NORMAL, "B.SMX", 1,
                 { .type = 501, .state = 3, .serial = 2, .time = 1, .params = { "0", "40" } });
        box_run(box);
        BOX_ASK(box, "SELECT LastScanVersion, ScanPackageVersion FROM Update_ScanStatus", "1|40");
        box_check_summary(box);
}

/* ---- order and repetition -------------------------------------------------------------------- */

/* Every order of delivery, with repetitions, ends with the newest state of each update: by time,
 * then by serial number. */
static void
any_order(Box *box, gconstpointer unused)
{
        const BoxMessage messages[] = {
                { .type = 500, .about = 1, .state = 2, .time = 1, .serial = 9, .params = { "9" } },
                { .type = 500, .about = 1, .state = 3, .time = 2, .serial = 3, .params = { "3" } },
                { .type = 500, .about = 1, .state = 1, .time = 2, .serial = 5, .params = { "5" } },
                { .type = 500, .about = 2, .state = 3, .time = 1, .serial = 1, .params = { "1" } },
                { .type = 500, .about = 2, .state = 2, .time = 4, .serial = 6, .params = { "6" } },
                { .type = 501, .state = 3, .time = 3, .serial = 4, .params = { "0", "1" } },
        };
        g_autoptr(GRand) random = g_rand_new_with_seed(20260107);

        for (int round = 0; round < 40; round++) {
                int machine = 100 + round;
                gint64 id = box_machine(box, machine, true);

                for (int i = 0; i < 18; i++) {
                        g_autofree char *name = g_strdup_printf("%02d-%02d.SMX", round, i);
                        guint at = i < 6 ? (guint)(i + round) % 6
                                         : (guint)g_rand_int_range(random, 0, 6);

                        box_send(box, i % 5 == 0 ? BOX_HIGH : BOX_NORMAL, name, machine,
                                 &messages[at], 1);
                        if (i == 9)
                                box_run(box);
                }
                box_run(box);
                g_autofree char *question = g_strdup_printf(
                        "SELECT Status, Revision, SerialNumber FROM Update_ComplianceStatus"
                        " WHERE ResourceID = %" G_GINT64_FORMAT " ORDER BY CI_ID",
                        id);
                BOX_ASK(box, question, "1|5|5 2|6|6");
                box_check_summary(box);
        }
}

/* A report that says what is known already leaves no row, so that a kill between commit and removal
 * is not seen in the database. */
static void
repetition(Box *box, gconstpointer unused)
{
        g_autofree char *before = NULL;
        g_autofree char *after = NULL;
        const char *all = "SELECT s.Status, s.CauseID, (SELECT COUNT(*) FROM SR_Reports),"
                          " (SELECT COUNT(*) FROM Update_MissingPackages), c.NumMissing"
                          " FROM Update_ComplianceStatus s, Update_ComplianceCounts c";
        g_autofree char *digest = box_digest((const int[]){ 1, 2, 0 });
        g_autofree char *details = box_details(1, 1, 0, digest);
        const BoxMessage messages[] = {
                { .type = 500, .about = 1, .state = 2, .serial = 1, .details = "a b c d" },
                { .type = 501,
                  .state = 3,
                  .serial = 2,
                  .params = { "0", "1" },
                  .details = details },
                { .type = 1000, .about = 1, .state = 1, .serial = 3 },
        };

        for (int i = 0; i < 3; i++) {
                box_send(box, BOX_NORMAL, "SAME.SMX", 1, messages, G_N_ELEMENTS(messages));
                box_run(box);
                g_assert_false(box_has(box, BOX_NORMAL, "SAME.SMX"));
                g_free(after);
                after = box_ask(box, all);
                if (before == NULL)
                        before = g_strdup(after);
                g_assert_cmpstr(after, ==, before);
        }
        g_assert_cmpstr(before, ==, "2|1|1|1|1");
}

/* A clock that ran a year ahead for a while does not lock the machine out: then the serial number
 * decides. */
static void
clock_was_wrong(Box *box, gconstpointer unused)
{
        const int year = 365 * 86400;

        BOX_SEND(box, BOX_NORMAL, "A.SMX", 1,
                 { .type = 500, .about = 1, .state = 2, .serial = 5, .time = year },
                 { .type = 501, .state = 5, .serial = 6, .time = year, .params = { "1", "1" } },
                 { .type = 1000, .about = 1, .state = 2, .serial = 7, .time = year });
        box_run(box);
        box_do(box, "UPDATE MachineContacts SET LastContactTime = '2100-01-01T00:00:00.000Z',"
                    " LastReportTime = '2100-01-01T00:00:00.000Z'");
        BOX_SEND(box, BOX_NORMAL, "B.SMX", 1,
                 { .type = 500, .about = 1, .state = 3, .serial = 8, .time = 10 },
                 { .type = 501, .state = 3, .serial = 9, .time = 10, .params = { "0", "1" } },
                 { .type = 1000, .about = 1, .state = 1, .serial = 10, .time = 10 });
        BOX_SEND(box, BOX_NORMAL, "C.SMX", 1, /* repeated, after the newer ones */
                 { .type = 500, .about = 1, .state = 2, .serial = 5, .time = year },
                 { .type = 501, .state = 5, .serial = 6, .time = year, .params = { "1", "1" } },
                 { .type = 1000, .about = 1, .state = 2, .serial = 7, .time = year });
        box_run(box);
        BOX_ASK(box, "SELECT Status, SerialNumber FROM Update_ComplianceStatus", "3|8");
        BOX_ASK(box, "SELECT LastScanState, SerialNumber FROM Update_ScanStatus", "3|9");
        BOX_ASK(box, "SELECT StateID, SerialNumber FROM SR_StateMessages", "1|10");
        /* Nor does the site's own clock, if it was that one. */
        BOX_ASK(box,
                "SELECT LastContactTime < '2099', LastReportTime < '2099' FROM MachineContacts",
                "1|1");
        box_check_summary(box);
}

/* ---- bad files, bad records, reports that are refused ---------------------------------------- */

static void
check_why(Box *box, const char *name, const char *why)
{
        g_autofree char *dir = host_box_path(box->host, "auth/statesys.box/corrupt");
        g_autofree char *file = g_strdup_printf("%s/%s.why", dir, name);
        g_autofree char *text = NULL;

        g_assert_true(g_file_get_contents(file, &text, NULL, NULL));
        if (strstr(text, why) == NULL)
                g_error("%s.why does not say \"%s\" but: %s", name, why, text);
        g_assert_false(box_has(box, BOX_NORMAL, name));
        g_assert_true(box_has(box, "auth/statesys.box/corrupt", name));
}

static void
bad_files(Box *box, gconstpointer unused)
{
        const BoxMessage message = { .type = 500, .about = 1, .state = 2, .serial = 1 };
        g_autofree char *good = box_report(box, 1, &message, 1);
        g_autofree char *half = g_strndup(good, strlen(good) - 30);

        kit_put(box->host, BOX_NORMAL, "EMPTY.SMX", "", 100);
        kit_put(box->host, BOX_NORMAL, "HALF.SMX", half, 99);
        kit_put(box->host, BOX_NORMAL, "TEXT.SMX", "hello", 98);
        kit_put(box->host, BOX_NORMAL, "OTHER.SMX", "<a><b/></a>", 97);
        kit_put(box->host, BOX_NORMAL, "BOMB.SMX",
                "<!DOCTYPE r [<!ENTITY a 'aaaa'><!ENTITY b '&a;&a;'>]><Report>&b;</Report>", 96);
        kit_put(box->host, BOX_NORMAL, "GOOD.SMX", good, 95);
        box_run(box);
        kit_step(61 * UK_SECOND); /* an empty file may still have been written by hand */
        box_run(box);
        check_why(box, "EMPTY.SMX", "Reason: XML without a root element");
        check_why(box, "HALF.SMX", "Reason: XML, line 1: ");
        check_why(box, "TEXT.SMX", "Reason: XML, line 1: Start tag expected");
        check_why(box, "OTHER.SMX",
                  "Reason: the document is 'a' and not a report of state messages");
        check_why(box, "BOMB.SMX", "Reason: XML with a document type is refused");
        BOX_ASK(box, "SELECT COUNT(*) FROM Update_ComplianceStatus", "1");
        g_autofree char *texts = box_log(box);
        g_assert_cmpuint(logspec_count(texts, "CMessageProcessor - Processed 5 message files in "
                                              "this batch, with 4 bad files."),
                         ==, 1);
        /* Its client was known before the end was missed: a reason that can be found. */
        BOX_ASK(box,
                "SELECT COUNT(*) FROM SR_Reports WHERE FileName = 'HALF.SMX' AND ResourceID ="
                " (SELECT ResourceID FROM Machines) AND Refusal <> ''",
                "1");
}

static void
refused_clients(Box *box, gconstpointer unused)
{
        const BoxMessage message = { .type = 500, .about = 1, .state = 2, .serial = 1 };

        box_machine(box, 2, false);
        box_machine(box, 3, true);
        box_set_machine(box, 3, 2);
        box_machine(box, 4, true);
        box_do(box, "UPDATE Machines SET SiteCode = 'PS2' WHERE Name = 'machine4'");
        for (int machine = 1; machine <= 5; machine++) {
                g_autofree char *name = g_strdup_printf("%d.SMX", machine);

                box_send(box, BOX_NORMAL, name, machine, &message, 1);
        }
        box_run(box);
        check_why(box, "2.SMX", "is not approved");
        check_why(box, "3.SMX", "is blocked");
        check_why(box, "4.SMX", "is assigned to site PS2, not to site PS1");
        check_why(box, "5.SMX",
                  "site PS1 knows no client GUID:A1006D0E-CF56-41D1-A006-000000000005");
        BOX_ASK(box,
                "SELECT m.Name, r.Messages FROM Update_ComplianceStatus s JOIN SR_Reports r ON"
                " r.ReportID = s.CauseID JOIN Machines m ON m.ResourceID = s.ResourceID",
                "machine1|1");
        BOX_ASK(box,
                "SELECT r.FileName, COALESCE(m.Name, '?'), r.Trace <> '' FROM SR_Reports r"
                " LEFT JOIN Machines m ON m.ResourceID = r.ResourceID WHERE r.Refusal <> ''"
                " ORDER BY r.FileName",
                "2.SMX|machine2|1 3.SMX|machine3|1 4.SMX|machine4|1 5.SMX|?|1");
        /* Once, however often the file is tried. */
        box_send(box, BOX_NORMAL, "5.SMX", 5, &message, 1);
        box_run(box);
        BOX_ASK(box, "SELECT COUNT(*) FROM SR_Reports WHERE FileName = '5.SMX'", "1");
        box_check_summary(box);
}

static void
invalid_records(Box *box, gconstpointer unused)
{
        BOX_SEND(box, BOX_NORMAL, "A.SMX", 1, { .type = 500, .about = 1, .state = 4, .serial = 1 },
                 { .type = 500, .about = 2, .state = 2, .serial = 2, .params = { "x" } },
                 { .type = 500, .about = 3, .state = 2, .serial = 3, .details = "one two" },
                 { .type = 500, .about = 4, .state = 2, .serial = 4, .details = "a b c d e" },
                 { .type = 501, .state = 7, .serial = 5 },
                 { .type = 501, .state = 3, .serial = 6, .params = { "0", "1" }, .details = "x" },
                 { .type = 501, .state = 3, .serial = 7, .params = { "none" } },
                 { .type = 500, .about = 5, .state = 3, .serial = 8, .params = { "200" } });
        box_run(box);
        BOX_ASK(box, "SELECT Status, SerialNumber FROM Update_ComplianceStatus", "3|8");
        BOX_ASK(box, "SELECT COUNT(*) FROM Update_ScanStatus", "0");
        BOX_ASK(box, "SELECT Messages, Invalid, Refusal FROM SR_Reports", "8|7|");
        g_autofree char *texts = box_log(box);
        g_assert_cmpuint(logspec_count(texts,
                                       "CMessageProcessor - Processed 8 records with 7 invalid "
                                       "records."),
                         ==, 1);
        BOX_SEND(box, BOX_NORMAL, "B.SMX", 1, { .type = 500, .about = 1, .state = 9, .serial = 9 });
        box_run(box);
        BOX_ASK(box, "SELECT Messages, Invalid, Refusal FROM SR_Reports WHERE FileName = 'B.SMX'",
                "1|1|none of its records can be used");
}

/* A record that the reader itself cannot take is counted as well. */
static void
unreadable_record(Box *box, gconstpointer unused)
{
        const BoxMessage message = { .type = 500, .about = 1, .state = 2, .serial = 1 };
        g_autofree char *report = box_report(box, 1, &message, 1);
        g_autoptr(GString) text = g_string_new(report);

        g_string_replace(text, "<StateMessage ",
                         "<StateMessage MessageTime=\"never\" SerialNumber=\"0\"><Topic ID=\"x\""
                         " Type=\"500\" IDType=\"3\"/><State ID=\"2\" Criticality=\"0\"/>"
                         "</StateMessage><StateMessage ",
                         1);
        kit_put(box->host, BOX_NORMAL, "A.SMX", text->str, 0);
        box_run(box);
        BOX_ASK(box, "SELECT Messages, Invalid FROM SR_Reports", "2|1");
        BOX_ASK(box, "SELECT COUNT(*) FROM Update_ComplianceStatus", "1");
}

/* ---- updates that are not known yet ---------------------------------------------------------- */

/* The engine has an update before the site database has: its states wait, packages and all. */
static void
unknown_update(Box *box, gconstpointer unused)
{
        BOX_SEND(box, BOX_NORMAL, "A.SMX", 1,
                 { .type = 500,
                   .about = 20,
                   .state = 2,
                   .serial = 3,
                   .params = { "201" },
                   .details = "a amd64 1 2" },
                 { .type = 500, .about = 21, .state = 3, .serial = 4, .params = { "201" } });
        box_run(box);
        BOX_ASK(box, "SELECT COUNT(*) FROM Update_ComplianceStatus", "0");
        BOX_ASK(box, "SELECT StateID, Parameters, Details FROM SR_StateMessages ORDER BY StateID",
                "2|201|a amd64 1 2 3|201|");
        box_synchronize(box, 20, 20, 1);
        BOX_SEND(box, BOX_NORMAL, "B.SMX", 1,
                 { .type = 1000, .about = 1, .state = 1, .serial = 5 });
        box_run(box);
        BOX_ASK(box,
                "SELECT s.Status, s.Revision, s.SerialNumber, r.FileName FROM"
                " Update_ComplianceStatus s JOIN SR_Reports r ON r.ReportID = s.CauseID",
                "2|201|3|A.SMX");
        BOX_ASK(box, "SELECT PackageName FROM Update_MissingPackages", "a");
        BOX_ASK(box, "SELECT COUNT(*) FROM SR_StateMessages WHERE TopicType = 500", "1");
        box_check_summary(box);
        BOX_SEND(box, BOX_NORMAL, "C.SMX", 1,
                 { .type = 501, .state = 3, .serial = 6, .params = { "0", "2" } });
        box_run(box);
        BOX_ASK(box, "SELECT SUM(NumMissing) FROM Update_ComplianceSummary", "1");
        box_check_summary(box);
}

/* ---- what the machine says it said ----------------------------------------------------------- */

static void
digests(Box *box, gconstpointer unused)
{
        const char *due = "SELECT ResyncTime IS NOT NULL FROM Update_ScanStatus";
        const char *asked = "SELECT COUNT(*) FROM ClientTriggers WHERE ScheduleID LIKE '%114}'";
        const char *totals = "SELECT SUM(NumMissing), SUM(NumInstalled), SUM(NumNotApplicable),"
                             " SUM(NumUnknown) FROM Update_ComplianceSummary";
        g_autofree char *digest = box_digest((const int[]){ 1, 2, 2, 3, 30, 2, 0 });
        g_autofree char *details = box_details(1, 2, 1, digest);

        /* The state of update 2 is missing, that of 30 waits for its update. */
        BOX_SEND(box, BOX_NORMAL, "A.SMX", 1, { .type = 500, .about = 1, .state = 2, .serial = 1 },
                 { .type = 500, .about = 30, .state = 2, .serial = 2 },
                 { .type = 500, .about = 3, .state = 1, .serial = 3 },
                 { .type = 501, .state = 3, .serial = 5, .time = 1, .details = details });
        box_run(box);
        BOX_ASK(box, due, "1");
        BOX_ASK(box, asked, "1");
        g_autofree char *texts = box_log(box);
        g_assert_nonnull(strstr(texts, "it is asked to send them all again"));
        /* What did not arrive is not "not required": nothing is known of the machine. */
        BOX_ASK(box, totals, "0|0|0|9");
        box_check_summary(box);
        /* It comes after all: the request is withdrawn, and the scan counts. */
        BOX_SEND(box, BOX_NORMAL, "B.SMX", 1, { .type = 500, .about = 2, .state = 3, .serial = 4 });
        box_run(box);
        BOX_ASK(box, due, "0");
        BOX_ASK(box, asked, "0");
        BOX_ASK(box, totals, "1|1|7|0");
        box_check_summary(box);
        BOX_SEND(box, BOX_NORMAL, "C.SMX", 1,
                 { .type = 500, .about = 3, .state = 2, .serial = 6, .time = 2 },
                 { .type = 501, .state = 3, .serial = 7, .time = 3, .details = details });
        box_run(box);
        BOX_ASK(box, due, "1");
        BOX_ASK(box, totals, "0|0|0|9");
        box_check_summary(box);
        /* It was asked in a year that the clock was set back from, and the request was lost: it is
         * asked again, not in that year. */
        box_do(box, "UPDATE Update_ScanStatus SET ResyncTime = '2100-01-01T00:00:00.000Z'");
        box_do(box, "DELETE FROM ClientTriggers");
        BOX_SEND(box, BOX_NORMAL, "D.SMX", 1,
                 { .type = 501, .state = 3, .serial = 8, .time = 4, .details = details });
        box_run(box);
        BOX_ASK(box, asked, "1");
        BOX_ASK(box, totals, "0|0|0|9");
        /* What counts when the states are right again is what the completed scan saw, not what a
         * failed one was about to see. */
        box_synchronize(box, 10, 10, 1);
        BOX_SEND(box, BOX_NORMAL, "E.SMX", 1,
                 { .type = 501, .state = 5, .serial = 9, .time = 5, .params = { "1", "2" } },
                 { .type = 500, .about = 3, .state = 1, .serial = 10, .time = 5 });
        box_run(box);
        BOX_ASK(box, due, "0");
        BOX_ASK(box, totals, "1|1|7|1");
        BOX_ASK(box, "SELECT LastScanVersion, ScanPackageVersion FROM Update_ScanStatus", "1|2");
        box_check_summary(box);
}

/* A file of a scan that is read after the scan's end, in the same chunk, is no loss. */
static void
digest_over_files(Box *box, gconstpointer unused)
{
        g_autofree char *digest = box_digest((const int[]){ 1, 2, 0 });
        g_autofree char *details = box_details(1, 1, 0, digest);

        BOX_SEND(box, BOX_NORMAL, "A.SMX", 1,
                 { .type = 501, .state = 3, .serial = 5, .details = details });
        BOX_SEND(box, BOX_NORMAL, "B.SMX", 1, { .type = 500, .about = 1, .state = 2, .serial = 4 });
        box_run(box);
        BOX_ASK(box, "SELECT ResyncTime IS NOT NULL FROM Update_ScanStatus", "0");
        box_check_summary(box);
}

static void
resend(Box *box, gconstpointer unused)
{
        g_autofree char *digest = box_digest((const int[]){ 2, 3, 0 });
        g_autofree char *details = box_details(1, 0, 1, digest);

        BOX_SEND(box, BOX_NORMAL, "A.SMX", 1,
                 { .type = 500, .about = 1, .state = 2, .serial = 1, .details = "a b c d" },
                 { .type = 500, .about = 2, .state = 3, .serial = 2 },
                 { .type = 500, .about = 40, .state = 3, .serial = 3 },
                 { .type = 501, .state = 3, .serial = 4, .time = 1, .details = details });
        box_run(box);
        BOX_ASK(box, "SELECT ResyncTime IS NOT NULL FROM Update_ScanStatus", "1");
        /* It begins anew: until its scan is in, nothing is known of it. */
        BOX_SEND(box, BOX_NORMAL, "B.SMX", 1,
                 { .type = 700, .about = 1, .serial = 10, .time = 20 });
        box_run(box);
        BOX_ASK(box, "SELECT COUNT(*) FROM Update_ComplianceStatus", "0");
        BOX_ASK(box, "SELECT COUNT(*) FROM Update_MissingPackages", "0");
        BOX_ASK(box, "SELECT SUM(NumUnknown), SUM(NumMissing) FROM Update_ComplianceSummary",
                "9|0");
        box_check_summary(box);
        /* The states keep the times of their changes; older numbers are from before. */
        BOX_SEND(box, BOX_NORMAL, "C.SMX", 1, { .type = 500, .about = 1, .state = 2, .serial = 1 },
                 { .type = 501, .state = 3, .serial = 4, .time = 1, .details = details },
                 { .type = 700, .about = 1, .serial = 3, .time = 10 });
        BOX_SEND(box, BOX_NORMAL, "D.SMX", 1, { .type = 500, .about = 2, .state = 3, .serial = 11 },
                 { .type = 501, .state = 3, .serial = 12, .time = 1, .details = details });
        box_run(box);
        BOX_ASK(box, "SELECT Status, SerialNumber FROM Update_ComplianceStatus", "3|11");
        BOX_ASK(box, "SELECT SerialNumber, ResyncTime FROM Update_ScanStatus", "12|-");
        BOX_ASK(box, "SELECT SUM(NumUnknown), SUM(NumInstalled) FROM Update_ComplianceSummary",
                "0|1");
        box_check_summary(box);
        /* Put back from a snapshot it counts from 1 again: what it says is news all the same, also
         * that it begins anew. */
        BOX_SEND(box, BOX_NORMAL, "E.SMX", 1,
                 { .type = 500, .about = 2, .state = 2, .serial = 1, .time = 40 });
        box_run(box);
        BOX_ASK(box, "SELECT Status, SerialNumber FROM Update_ComplianceStatus", "2|1");
        BOX_SEND(box, BOX_NORMAL, "F.SMX", 1, { .type = 700, .about = 1, .serial = 2, .time = 50 });
        box_run(box);
        BOX_ASK(box, "SELECT COUNT(*) FROM Update_ComplianceStatus", "0");
        BOX_SEND(box, BOX_NORMAL, "G.SMX", 1, { .type = 500, .about = 2, .state = 3, .serial = 3 },
                 { .type = 501, .state = 3, .serial = 4, .time = 1, .details = details });
        box_run(box);
        BOX_ASK(box, "SELECT Status, SerialNumber FROM Update_ComplianceStatus", "3|3");
        BOX_ASK(box, "SELECT SUM(NumUnknown), SUM(NumInstalled) FROM Update_ComplianceSummary",
                "0|1");
        box_check_summary(box);
}

/* ---- trouble --------------------------------------------------------------------------------- */

/* Whatever step fails: nothing lost, nothing twice, the bad file aside, the summary right. */
static void
any_step_fails(Box *box, gconstpointer unused)
{
        const char *sum = "SELECT COUNT(*), SUM(s.Status), (SELECT COUNT(*) FROM SR_Reports),"
                          " (SELECT NumMissing FROM Update_ComplianceSummary ORDER BY CI_ID LIMIT"
                          " 1) FROM Update_ComplianceStatus s";

        kit_run(box->host);
        for (int n = 1;; n++) {
                g_autofree char *plan = g_strdup_printf("fail:%d", n);
                int machine = 100 + n;

                box_machine(box, machine, true);
                for (int i = 0; i < 3; i++) {
                        g_autofree char *name = g_strdup_printf("%d-%d.SMX", n, i);

                        BOX_SEND(box, BOX_NORMAL, name, machine,
                                 { .type = 500, .about = 1 + i, .state = 2, .serial = i },
                                 { .type = 501, .state = 3, .serial = 9, .params = { "0", "1" } });
                }
                kit_put(box->host, BOX_NORMAL, "BAD.SMX", "<Report>", 0);
                kit_run(box->host);
                kit_step(11 * UK_SECOND);
                uk_fault_set(plan);
                kit_run(box->host);
                bool reached = uk_fault_count() >= (unsigned)n;
                uk_fault_set(NULL);
                for (int i = 0; i < 8; i++) {
                        kit_step(2 * UK_MINUTE);
                        kit_run(box->host);
                }
                g_autofree char *expected = g_strdup_printf("%d|%d|%d|%d", 3 * n, 6 * n, 3 * n, n);
                BOX_ASK(box, sum, expected);
                box_check_summary(box);
                g_assert_false(box_has(box, BOX_NORMAL, "BAD.SMX"));
                if (!reached) {
                        g_assert_cmpint(n, >, 5);
                        break;
                }
        }
}

/* One file that cannot be read holds up no other. */
static void
unreadable_file(Box *box, gconstpointer unused)
{
        g_autofree char *dir = host_box_path(box->host, BOX_NORMAL);
        g_autofree char *path = g_build_filename(dir, "HUGE.SMX", NULL);

        BOX_SEND(box, BOX_NORMAL, "A.SMX", 1, { .type = 500, .about = 1, .state = 2, .serial = 1 });
        kit_put(box->host, BOX_NORMAL, "HUGE.SMX", "x", 0);
        g_assert_cmpint(truncate(path, STATEREPORT_MAX_BYTES + 1), ==, 0);
        box_run(box);
        check_why(box, "HUGE.SMX", "HUGE.SMX is larger than 16777216 bytes");
        BOX_ASK(box, "SELECT COUNT(*) FROM Update_ComplianceStatus", "1");
}

/* ---- 902: pull distribution points ----------------------------------------------------------- */

#define DP_GUID "925b0ab0-247b-466b-be0f-93d7cb032c87"
#define DP_NAL                                                                                 \
        "[\"Display=\\\\P01PDP1.CONTOSO.COM\\\"]MSWNET:[\"SMS_SITE=PS1\"]\\\\P01PDP1.CONTOSO." \
        "COM\\"
#define RESPONSES \
        "SELECT PkgStatusID, PkgVersion, ActionState, ActionData, Trace FROM PullDPResponse"

/* A pull distribution point that has been given the package of the specification's sample. */
static void
add_distribution_point(Box *box)
{
        box_do(box,
               "INSERT INTO DistributionPoints (NALPath, ServerName, SiteCode, IsPullDP,"
               " IdentityGUID, Certificate) VALUES ('" DP_NAL "', 'P01PDP1.CONTOSO.COM', 'PS1', 1,"
               " '925B0AB0-247B-466B-BE0F-93D7CB032C87', 'learned')");
        box_do(box, "INSERT INTO PkgStatus (PKID, ID, Type, SiteCode, PkgServer)"
                    " VALUES (72057594037928008, 'P010000F', 2, 'PS1', '" DP_NAL "')");
}

/* The sample of the specification (92, 2.2) with another state, time and fourth parameter. */
static void
send_answer(Box *box, const char *name, const char *guid, const char *nal, int state, int second,
            const char *data)
{
        g_autofree char *text = g_strdup_printf(
                "<Report xmlns:upkeep=\"urn:upkeep\" upkeep:trace=\"" BOX_TRACE "\"><ReportHeader>"
                "<Identification><Machine><ClientInstalled>0</ClientInstalled>"
                "<ClientType>1</ClientType><Unknown>0</Unknown>"
                "<ClientID IDType=\"0\" IDFlag=\"1\">%s</ClientID>"
                "<ClientVersion>5.00.0000.0000</ClientVersion>"
                "<NetBIOSName>P01PDP1.CONTOSO.COM</NetBIOSName><CodePage>437</CodePage>"
                "<SystemDefaultLCID>1033</SystemDefaultLCID></Machine></Identification>"
                "<ReportDetails><ReportContent>StateMessage</ReportContent>"
                "<ReportType>Full</ReportType><Date>20190107200618.000000+000</Date>"
                "<Version>1.0</Version><Format>1.1</Format></ReportDetails></ReportHeader>"
                "<ReportBody><StateMessage MessageTime=\"201901072006%02d.000000+000\" "
                "SerialNumber=\"3\"><Topic ID=\"P010000F\" Type=\"902\" IDType=\"0\"/>"
                "<State ID=\"%d\" Criticality=\"0\"/><UserParameters Flags=\"0\" Count=\"%d\">"
                "<Param>P010000F</Param><Param>%s</Param>"
                "<Param>{04AD1BB3-5E54-457A-9873-DFB2E8035090}</Param><Param>%s</Param>"
                "</UserParameters></StateMessage></ReportBody></Report>",
                guid, second, state, strstr(data, "<Param>") != NULL ? 5 : 4, nal, data);

        kit_put(box->host, BOX_NORMAL, name, text, 0);
}

static void
pull_answers(Box *box, gconstpointer unused)
{
        add_distribution_point(box);
        send_answer(box, "A.SMX", DP_GUID, DP_NAL, 8, 10, "");
        box_run(box);
        BOX_ASK(box, RESPONSES, "72057594037928008|3|8||" BOX_TRACE);
        BOX_ASK(box,
                "SELECT Notice, Value, Op FROM ChangeLog WHERE Notice = 'PullDPResponse_UpdIns'",
                "PullDPResponse_UpdIns|72057594037928008|INSERT");
        send_answer(box, "B.SMX", DP_GUID, DP_NAL, 16, 11, "40");
        box_run(box);
        BOX_ASK(box, RESPONSES, "72057594037928008|3|16|40|" BOX_TRACE);
        /* With bytes in a fifth parameter. */
        send_answer(box, "BB.SMX", DP_GUID, DP_NAL, 16, 12, "50</Param><Param>400 800");
        box_run(box);
        BOX_ASK(box, RESPONSES, "72057594037928008|3|16|50 400 800|" BOX_TRACE);
        BOX_ASK(box, "SELECT COUNT(*) FROM ChangeLog WHERE Notice = 'PullDPResponse_UpdIns'", "3");
        send_answer(box, "C.SMX", DP_GUID, DP_NAL, 1, 18, "");
        box_run(box);
        BOX_ASK(box, "SELECT ActionState, MessageTime FROM PullDPResponse",
                "1|2019-01-07T20:06:18.000Z");
        g_autofree char *texts = box_log(box);
        g_assert_nonnull(strstr(texts, "CMessageProcessor - the cmdline to DB exec "
                                       "dbo.spProcessStateReport N'?<Report"));
        g_assert_nonnull(strstr(texts, "</Report>~~'"));
}

/* Once Distribution Manager has deleted an answer, its repetition does not bring it back. */
static void
pull_repetition(Box *box, gconstpointer unused)
{
        add_distribution_point(box);
        send_answer(box, "A.SMX", DP_GUID, DP_NAL, 16, 11, "40");
        box_run(box);
        send_answer(box, "B.SMX", DP_GUID, DP_NAL, 1, 18, "");
        box_run(box);
        box_do(box, "DELETE FROM PullDPResponse");
        send_answer(box, "A.SMX", DP_GUID, DP_NAL, 16, 11, "40");
        send_answer(box, "B.SMX", DP_GUID, DP_NAL, 1, 18, "");
        box_run(box);
        BOX_ASK(box, "SELECT COUNT(*) FROM PullDPResponse", "0");
        g_assert_false(box_has(box, "auth/statesys.box/corrupt", "A.SMX"));
}

static void
pull_refused(Box *box, gconstpointer unused)
{
        const BoxMessage of_client = { .type = 902, .about = 1, .state = 1, .serial = 3 };

        add_distribution_point(box);
        send_answer(box, "WHO.SMX", "00000000-247b-466b-be0f-93d7cb032c87", DP_NAL, 1, 1, "");
        send_answer(box, "OTHER.SMX", DP_GUID, "[\"Display=x\"]", 1, 1, "");
        send_answer(box, "STATE.SMX", DP_GUID, DP_NAL, 3, 1, "");
        box_send(box, BOX_NORMAL, "CLIENT.SMX", 1, &of_client, 1);
        box_run(box);
        check_why(box, "WHO.SMX", "knows no client");
        check_why(box, "OTHER.SMX", "and not for itself");
        check_why(box, "STATE.SMX", "sends state 3");
        BOX_ASK(box, "SELECT COUNT(*) FROM PullDPResponse", "0");
        BOX_ASK(box, "SELECT Invalid FROM SR_Reports WHERE FileName = 'CLIENT.SMX'", "1");
        box_do(box, "DELETE FROM PkgStatus");
        send_answer(box, "GONE.SMX", DP_GUID, DP_NAL, 1, 2, "");
        box_run(box);
        check_why(box, "GONE.SMX",
                  "package P010000F is not given to distribution point P01PDP1.CONTOSO.COM");
}

#define ADD(name, function) g_test_add(name, Box, NULL, set_up, function, box_tear_down)

int
main(int argc, char **argv)
{
        setlocale(LC_ALL, "C");
        g_test_init(&argc, &argv, NULL);
        ADD("/statesys/verbose-log-COMP-066-COMP-067", verbose_log);
        ADD("/statesys/terse-log-COMP-066-COMP-067", terse_log);
        ADD("/statesys/pause-COMP-066", gathering);
        ADD("/statesys/full-chunk-COMP-066", full_chunk);
        ADD("/statesys/priorities-COMP-063", priorities);
        ADD("/statesys/urgent-first-even-if-bad", urgent_first_even_if_bad);
        ADD("/statesys/sample-COMP-068", sample);
        ADD("/statesys/packages-DEB-041", packages);
        ADD("/statesys/other-topics-COMP-068", other_topics);
        ADD("/statesys/scans-COMP-068", scans);
        ADD("/statesys/scan-without-details", scan_without_details);
        ADD("/statesys/any-order-COMP-071", any_order);
        ADD("/statesys/repetition-COMP-071", repetition);
        ADD("/statesys/clock-was-wrong-COMP-071", clock_was_wrong);
        ADD("/statesys/bad-files-COMP-069", bad_files);
        ADD("/statesys/refused-clients", refused_clients);
        ADD("/statesys/invalid-records-COMP-069", invalid_records);
        ADD("/statesys/unreadable-record-COMP-069", unreadable_record);
        ADD("/statesys/unknown-update", unknown_update);
        ADD("/statesys/digests", digests);
        ADD("/statesys/digest-over-files", digest_over_files);
        ADD("/statesys/resend", resend);
        ADD("/statesys/any-step-fails-COMP-068", any_step_fails);
        ADD("/statesys/unreadable-file", unreadable_file);
        ADD("/statesys/pull-dp-answers-DIST-125-DIST-129-DIST-130", pull_answers);
        ADD("/statesys/pull-dp-repetition-DIST-129", pull_repetition);
        ADD("/statesys/pull-dp-refused-DIST-129", pull_refused);
        return g_test_run();
}
