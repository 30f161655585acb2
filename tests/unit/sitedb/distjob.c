/* Tests of src/sitedb/distjob.c, distpoint.c, pulldpmap.c, contentdpmap.c and pkgstatus.c. Expected
 * rows are those of 90-tables 4.4 and 5. */
#include "sitedb/distjob.h"

#include "fixture.h"
#include "sitedb/contentdpmap.h"
#include "sitedb/distpoint.h"
#include "sitedb/package.h"
#include "sitedb/pkgserver.h"
#include "sitedb/pkgstatus.h"
#include "sitedb/pulldpmap.h"
#include "sitedb/pulldpresponse.h"

#define NAL(name_) "[\"Display=\\\\" name_ "\\\"]MSWNET:[\"SMS_SITE=PS1\"]\\\\" name_ "\\"

static gint64
add_point(Fixture *f, const char *server, bool pull)
{
        DistPoint point = { .server = (char *)server,
                            .site = (char *)"PS1",
                            .url = (char *)"http://127.0.0.1:80",
                            .is_pull = pull };
        gint64 id = 0;

        STEP(f, distpoint_put(tx, &point, "test", &id, &failure));
        return id;
}

static char *
add_package(Fixture *f, gint64 priority)
{
        const Package dummy = { .name = (char *)"Dummy1",
                                .source = (char *)"/srv/Dummy1",
                                .source_site = (char *)"PS1",
                                .priority = priority };
        char *id = NULL;

        STEP(f, package_create(tx, &dummy, "test", &id, &failure));
        return id;
}

static gint64
add_job(Fixture *f, gint64 dp, const char *pkg, gint64 version, DistJobAction action)
{
        gint64 id = 0;

        STEP(f, distjob_add(tx, dp, pkg, version, action, "test", &id, &failure));
        return id;
}

/* The jobs' numbers in their order, "2 1 3". */
static char *
order(Fixture *f)
{
        g_autoptr(GPtrArray) jobs = NULL;
        g_autoptr(GString) text = g_string_new(NULL);

        MUST((jobs = distjob_list(f->db, NULL, &failure)) != NULL);
        for (guint i = 0; i < jobs->len; i++)
                g_string_append_printf(text, "%s%d", i > 0 ? " " : "",
                                       (int)((DistJob *)jobs->pdata[i])->id);
        return g_string_free(g_steal_pointer(&text), FALSE);
}

#define ORDER(f_, expected_)                            \
        do {                                            \
                g_autofree char *order_ = order(f_);    \
                g_assert_cmpstr(order_, ==, expected_); \
        } while (0)

static void
rows(Fixture *f, gconstpointer unused) /* DIST-071, DIST-074, DIST-152 */
{
        gint64 dp = add_point(f, "PS1DP1.CONTOSO.COM", false);
        g_autofree char *pkg = add_package(f, 0);

        g_free(notices(f));
        gint64 first = add_job(f, dp, pkg, 1, DISTJOB_REDISTRIBUTE);
        NOTICES(f, "DistributionJob_Creation:PS100001");
        ASK(f,
            "SELECT DPID || '|' || PkgID || '|' || PackageVersion || '|' || State || '|' || Action"
            " || '|' || SendAction || '|' || Priority FROM DistributionJobs",
            "1|PS100001|1|0|2||2");
        /* A newer one takes the older one's place, and what that had still to do. */
        gint64 second = add_job(f, dp, pkg, 2, DISTJOB_SEND);
        NOTICES(f, "DistributionJob_Change:PS100001 DistributionJob_Creation:PS100001");
        ASK(f, "SELECT Action || '' FROM DistributionJobs WHERE PackageVersion = 1", "5");
        ASK(f, "SELECT Action || '' FROM DistributionJobs WHERE PackageVersion = 2", "2");
        STEP(f, distjob_delete(tx, first, &failure));
        g_autoptr(GError) error = NULL;
        g_assert_null(distjob_load(f->db, first, &error));
        g_assert_error(error, UK_ERROR, UK_ERROR_NOT_FOUND);
        STEP(f, distjob_pull_done(tx, dp, pkg, 1, uk_clock_now(), &failure));
        g_autoptr(DistJob) job = distjob_load(f->db, second, NULL);
        g_assert_nonnull(job);
        STEP(f, distjob_pull_done(tx, dp, pkg, 3, uk_clock_now(), &failure)); /* DIST-107 */
        ASK(f, "SELECT COUNT(*) || '' FROM DistributionJobs", "0");
        add_job(f, dp, pkg, 3, DISTJOB_SEND);
        ASK(f,
            "SELECT DPID || '|' || PkgID || '|' || PackageVersion || '|' || State || '|' || Action"
            " FROM DistributionJobs",
            "1|PS100001|3|0|1");
}

static void
ordered(Fixture *f, gconstpointer unused) /* DIST-075, OQ-D21 */
{
        gint64 low_dp = add_point(f, "PS1DP1.CONTOSO.COM", false);
        gint64 dp = add_point(f, "PS1DP2.CONTOSO.COM", false);
        g_autofree char *low = add_package(f, 3), *high = add_package(f, 1);
        DistPoint slow = { .server = (char *)"PS1DP1.CONTOSO.COM",
                           .site = (char *)"PS1",
                           .url = (char *)"http://127.0.0.1:80",
                           .priority = 100 };

        STEP(f, distpoint_put(tx, &slow, "test", NULL, &failure));
        add_job(f, low_dp, low, 1, DISTJOB_SEND);
        add_job(f, dp, low, 1, DISTJOB_SEND);
        add_job(f, low_dp, high, 1, DISTJOB_SEND);
        ORDER(f, "3 2 1");
        STEP(f, distjob_to_top(tx, 1, "by hand", &failure));
        ORDER(f, "1 3 2");
        STEP(f, distjob_to_bottom(tx, 3, "by hand", &failure));
        ORDER(f, "1 2 3");
        STEP(f, distjob_to_top(tx, 2, "by hand", &failure));
        ORDER(f, "2 1 3");
}

static void
by_hand(Fixture *f, gconstpointer unused)
{
        gint64 dp = add_point(f, "PS1DP1.CONTOSO.COM", false);
        g_autofree char *pkg = add_package(f, 0);
        gint64 id = add_job(f, dp, pkg, 1, DISTJOB_SEND);
        g_autoptr(GError) twice = NULL, gone = NULL;
        g_autoptr(DbTx) refused = NULL;

        g_free(notices(f));
        STEP(f, distjob_start(tx, id, &failure));
        STEP(f, distjob_pause(tx, id, "by hand", &failure));
        NOTICES(f, "DistributionJob_Change:PS100001");
        STEP(f, distjob_put_back(tx, id, &failure)); /* the thread that sent it ends */
        STEP(f, distjob_retry(tx, id, DISTJOB_PENDING_RESTART, 1, 5, "cut", &failure));
        ASK(f, "SELECT State || '' FROM DistributionJobs", "8");
        refused = db_begin(f->db, NULL);
        g_assert_false(distjob_pause(refused, id, "by hand", &twice));
        g_assert_error(twice, UK_ERROR, UK_ERROR_BUSY);
        g_assert_false(distjob_pause(refused, 99, "by hand", &gone));
        g_assert_error(gone, UK_ERROR, UK_ERROR_NOT_FOUND);
        g_clear_pointer(&refused, db_rollback);
        STEP(f, distjob_resume(tx, id, "by hand", &failure));
        NOTICES(f, "DistributionJob_Change:PS100001");
        ASK(f, "SELECT State || '|' || RetryCount FROM DistributionJobs", "0|0");
        STEP(f, distjob_retry(tx, id, DISTJOB_FAILED, 100, 0, "cut", &failure)); /* DIST-082 */
        STEP(f, distjob_resume(tx, id, "by hand", &failure));
        NOTICES(f, "DistributionJob_Change:PS100001");
        STEP(f, distjob_cancel(tx, id, "by hand", &failure));
        NOTICES(f, "DistributionJob_Change:PS100001");
        ASK(f, "SELECT Action || '' FROM DistributionJobs", "5");
}

static void
capacity(Fixture *f, gconstpointer unused) /* DIST-099, DIST-104 */
{
        gint64 dp = add_point(f, "P01PDP1.CONTOSO.COM", true);
        g_autofree char *one = add_package(f, 0), *two = add_package(f, 0);
        gint64 first = add_job(f, dp, one, 1, DISTJOB_SEND), active = -1;

        add_job(f, dp, two, 1, DISTJOB_SEND);
        STEP(f, distjob_start(tx, first, &failure));
        MUST(distjob_count_active(f->db, NAL("P01PDP1.CONTOSO.COM"), 0, &active, &failure));
        g_assert_cmpint(active, ==, 0); /* not notified yet */
        STEP(f, distjob_told(tx, first, 1, 0, 2 * UK_SECOND, "", &failure));
        MUST(distjob_count_active(f->db, NAL("P01PDP1.CONTOSO.COM"), 0, &active, &failure));
        g_assert_cmpint(active, ==, 1);
        /* One that must be told again takes no place from itself; without a source it has none. */
        MUST(distjob_count_active(f->db, NAL("P01PDP1.CONTOSO.COM"), first, &active, &failure));
        g_assert_cmpint(active, ==, 0);
        STEP(f, distjob_wait(tx, first, 1, 2 * UK_SECOND, "no source", &failure));
        MUST(distjob_count_active(f->db, NAL("P01PDP1.CONTOSO.COM"), 0, &active, &failure));
        g_assert_cmpint(active, ==, 0);
        ASK(f,
            "SELECT SendAction || '|' || State || '|' || RetryCount || '|' || LastError"
            " FROM DistributionJobs WHERE JobID = 1",
            "|4|1|no source");
        STEP(f, distjob_told(tx, first, 1, 0, 2 * UK_SECOND, "", &failure));
        ASK(f, "SELECT SendAction || '|' || State FROM DistributionJobs WHERE JobID = 1",
            "PullQueryResultAction|3");
        /* What keeps it stands in its row until bytes come. */
        STEP(f, distjob_pull_waits(tx, dp, one, 1, "no space", &failure));
        ASK(f, "SELECT State || '|' || LastError FROM DistributionJobs WHERE JobID = 1",
            "3|no space");
        STEP(f, distjob_pull_progress(tx, dp, one, 1, &(DistJobPull){ 10, 30, 300 }, &failure));
        ASK(f,
            "SELECT State || '|' || LastError || '|' || TotalSize || '|' || RemainingSize"
            " FROM DistributionJobs WHERE JobID = 1",
            "3||300|270");
        STEP(f, distjob_pull_progress(tx, dp, one, 1, &(DistJobPull){ 50, 0, 0 }, &failure));
        ASK(f, "SELECT TotalSize || '|' || RemainingSize FROM DistributionJobs WHERE JobID = 1",
            "300|150");
        STEP(f, distjob_cancel(tx, first, "by hand", &failure));
        MUST(distjob_count_active(f->db, NAL("P01PDP1.CONTOSO.COM"), 0, &active, &failure));
        g_assert_cmpint(active, ==, 0);
}

/* An answer of a job before, for one that the distribution point was not told of. */
static void
late_answers(Fixture *f, gconstpointer unused) /* DIST-107, DIST-133 */
{
        static const char jobs[] =
                "SELECT COALESCE(GROUP_CONCAT(JobID || ':' || State || ':' || SendAction), '')"
                " FROM (SELECT * FROM DistributionJobs ORDER BY JobID)";
        static const char error[] = "SELECT LastError FROM DistributionJobs";
        gint64 dp = add_point(f, "P01PDP1.CONTOSO.COM", true);
        g_autofree char *pkg = add_package(f, 0);
        gint64 now = uk_clock_now(), job = add_job(f, dp, pkg, 1, DISTJOB_REDISTRIBUTE);

        /* Everything again, which waits to be told: neither success nor failure is its own. */
        STEP(f, distjob_pull_done(tx, dp, pkg, 1, now + UK_HOUR, &failure));
        STEP(f, distjob_pull_failed(tx, dp, pkg, 1, now + UK_HOUR, "no", &failure));
        STEP(f, distjob_pull_cancelled(tx, dp, pkg, 1, &failure));
        ASK(f, jobs, "1:0:");
        ASK(f, "SELECT COALESCE(ReStartTime, '') FROM DistributionJobs", "");
        /* It is told now, of which an answer from before knows nothing. */
        STEP(f, distjob_start(tx, job, &failure));
        STEP(f, distjob_pull_done(tx, dp, pkg, 1, now - UK_HOUR, &failure));
        ASK(f, jobs, "1:2:");
        STEP(f, distjob_told(tx, job, 1, 0, now + UK_HOUR, "", &failure));
        STEP(f, distjob_pull_cancelled(tx, dp, pkg, 1, &failure));
        ASK(f, jobs, "1:3:PullQueryResultAction");
        g_autoptr(DistJob) row = distjob_load(f->db, job, NULL);
        g_assert_cmpint(row->restart_us, <, now + UK_MINUTE); /* it is asked after at once */
        /* Its own failure, and the success that may follow from that by itself. */
        STEP(f, distjob_pull_failed(tx, dp, pkg, 1, now + UK_HOUR, "no", &failure));
        ASK(f, jobs, "1:4:");
        /* It goes on by itself: it is paused when its distribution point has taken that. */
        STEP(f, distjob_pause(tx, job, "by hand", &failure));
        ASK(f, error, "its distribution point has not taken the pause yet");
        STEP(f, distjob_pause_waits(tx, job, "", 0, &failure));
        STEP(f, distjob_pull_failed(tx, dp, pkg, 1, now + UK_HOUR, "from before", &failure));
        ASK(f, error, "");
        ASK(f, jobs, "1:8:");
        STEP(f, distjob_pull_done(tx, dp, pkg, 1, now - UK_HOUR, &failure));
        ASK(f, jobs, "");
        /* What is lacking only: it is there now, unless the job is newer than the answer. */
        add_job(f, dp, pkg, 1, DISTJOB_SEND);
        STEP(f, distjob_pull_done(tx, dp, pkg, 1, now - UK_HOUR, &failure));
        ASK(f, jobs, "2:0:");
        STEP(f, distjob_pull_done(tx, dp, pkg, 1, now + UK_HOUR, &failure));
        ASK(f, jobs, "");
}

static void
sources(Fixture *f, gconstpointer unused) /* DIST-096 */
{
        g_autoptr(GPtrArray) none = NULL, one = NULL, with_fallback = NULL;
        g_autoptr(GError) error = NULL;

        add_point(f, "P01PDP1.CONTOSO.COM", true);
        add_point(f, "P01DP1.CONTOSO.COM", false);
        add_point(f, "P01DP2.CONTOSO.COM", false);
        STEP(f, pulldpmap_put(tx, "P01PDP1.CONTOSO.COM", "P01DP1.CONTOSO.COM", 1, &failure));
        STEP(f, contentdpmap_put(tx, "P01DP1.CONTOSO.COM", "P0100009", 3, &failure));
        MUST((none = pulldpmap_holders(f->db, "P01PDP1.CONTOSO.COM", "P0100009", 4, false,
                                       &failure)) != NULL);
        g_assert_cmpuint(none->len, ==, 0);
        STEP(f, contentdpmap_put(tx, "P01DP1.CONTOSO.COM", "P0100009", 4, &failure));
        STEP(f, contentdpmap_put(tx, "P01DP2.CONTOSO.COM", "P0100009", 4, &failure));
        ASK(f, "SELECT COUNT(*) || '' FROM ContentDPMap", "2"); /* version 3 has gone */
        MUST((one = pulldpmap_holders(f->db, "P01PDP1.CONTOSO.COM", "P0100009", 4, false,
                                      &failure)) != NULL);
        g_assert_cmpuint(one->len, ==, 1);
        g_assert_cmpstr(((PullDPSource *)one->pdata[0])->source, ==, "P01DP1.CONTOSO.COM");
        MUST((with_fallback = pulldpmap_holders(f->db, "P01PDP1.CONTOSO.COM", "P0100009", 4, true,
                                                &failure)) != NULL);
        g_assert_cmpuint(with_fallback->len, ==, 2);
        g_assert_cmpint(((PullDPSource *)with_fallback->pdata[1])->priority, ==, 1000);
        /* What may not be fetched there is no source (AccessType 1 may). */
        const DbSql close = { "close", "UPDATE ContentDPMap SET AccessType = 0", "", "" };
        g_autoptr(GPtrArray) closed = NULL;
        STEP(f, db_run(tx, &close, DB_NO_ARGS, &failure));
        MUST((closed = pulldpmap_holders(f->db, "P01PDP1.CONTOSO.COM", "P0100009", 4, true,
                                         &failure)) != NULL);
        g_assert_cmpuint(closed->len, ==, 0);
        g_autoptr(DbTx) tx = db_begin(f->db, NULL);
        g_assert_false(pulldpmap_put(tx, "A", "a", 1, &error));
        g_assert_error(error, UK_ERROR, UK_ERROR_INVALID);
}

static void
points(Fixture *f, gconstpointer unused)
{
        g_autofree char *week = g_strnfill(DISTPOINT_SCHEDULE_HOURS, 'A');
        const DistPoint bad[] = {
                { .server = (char *)"A B", .site = (char *)"PS1", .url = (char *)"http://a:80" },
                { .server = (char *)"A", .site = (char *)"PS1", .url = (char *)"ftp://a" },
                { .server = (char *)"A", .site = (char *)"PS1", .url = (char *)"http://a/b" },
                { .server = (char *)"A",
                  .site = (char *)"PS1",
                  .url = (char *)"http://a:80",
                  .schedule = (char *)"AMHC" },
                { .server = (char *)"A",
                  .site = (char *)"PS1",
                  .url = (char *)"http://a:80",
                  .rate_limit = -1 },
        };
        g_autoptr(DbTx) refused = db_begin(f->db, NULL);

        for (gsize i = 0; i < G_N_ELEMENTS(bad); i++) {
                g_autoptr(GError) error = NULL;
                g_assert_false(distpoint_put(refused, &bad[i], "test", NULL, &error));
                g_assert_error(error, UK_ERROR, UK_ERROR_INVALID);
        }
        g_clear_pointer(&refused, db_rollback);
        DistPoint point = { .server = (char *)"PS1DP1.CONTOSO.COM",
                            .site = (char *)"PS1",
                            .url = (char *)"https://a:443",
                            .schedule = week };
        STEP(f, distpoint_put(tx, &point, "test", &point.id, &failure));
        NOTICES(f, "DPNotify_Add:1");
        point.identity = (char *)"{AB}";
        STEP(f, distpoint_configured(tx, &point, &failure));
        STEP(f, distpoint_failed(tx, point.id, 3, 7, "no answer", &failure));
        STEP(f, distpoint_put(tx, &point, "test", &point.id, &failure));
        g_autoptr(DistPoint) row = distpoint_by_server(f->db, "ps1dp1.contoso.com", NULL);
        g_assert_cmpstr(row->identity, ==, "{AB}");
        g_assert_cmpstr(row->nal, ==, NAL("PS1DP1.CONTOSO.COM"));
        g_assert_cmpint(row->priority, ==, 200);
        g_assert_cmpint(row->failures, ==, 0); /* new settings deserve a new try */
        STEP(f, distpoint_delete(tx, point.id, &failure));
        ASK(f, "SELECT COUNT(*) || '' FROM DistributionPoints", "0");
}

static void
status(Fixture *f, gconstpointer unused) /* DIST-085 */
{
        g_autofree char *pkg = add_package(f, 0);
        g_autoptr(PkgStatus) none = NULL, row = NULL;
        PkgStatus present = { .pkg_id = pkg,
                              .type = PKGSTATUS_TYPE_DP,
                              .site = (char *)"PS1",
                              .server = (char *)NAL("PS1DP1.CONTOSO.COM"),
                              .status = PKGSTATUS_INSTALLED,
                              .http_url = (char *)"http://PS1DP1.CONTOSO.COM/SMS_DP_SMSPKG$/X",
                              .source_version = 1 };

        g_assert_null(pkgstatus_load(f->db, pkg, PKGSTATUS_TYPE_DP, "PS1", present.server, NULL));
        STEP(f, pkgstatus_ensure(tx, pkg, PKGSTATUS_TYPE_DP, "PS1", present.server, "t", &failure));
        STEP(f, pkgstatus_ensure(tx, pkg, PKGSTATUS_TYPE_DP, "PS1", present.server, "t", &failure));
        ASK(f, "SELECT PKID || '|' || Status FROM PkgStatus", "72057594037927937|0");
        STEP(f, pkgstatus_set_present(tx, &present, "job 1", &failure));
        STEP(f, pkgstatus_set_state(tx, pkg, PKGSTATUS_TYPE_DP, "PS1", present.server,
                                    PKGSTATUS_RETRY, 40, "cut", "job 2", &failure));
        MUST((row = pkgstatus_load(f->db, pkg, PKGSTATUS_TYPE_DP, "PS1", present.server,
                                   &failure)) != NULL);
        g_assert_cmpint(row->status, ==, PKGSTATUS_RETRY);
        g_assert_cmpint(row->source_version, ==, 1); /* what is there is there */
        g_assert_cmpstr(row->error_text, ==, "cut");
        g_assert_cmpstr(row->trace, ==, TRACE);
}

/* An answer that comes while the one before it is looked at stays. */
static void
responses(Fixture *f, gconstpointer unused) /* DIST-132, OQ-D43 */
{
        g_autofree char *pkg = add_package(f, 0);
        const PullDPSender sender = { .id = 1,
                                      .server = (char *)"P01PDP1.CONTOSO.COM",
                                      .nal = (char *)NAL("P01PDP1.CONTOSO.COM"),
                                      .site = (char *)"PS1" };
        PullDPResponse said = { .pkg_id = pkg,
                                .version = 1,
                                .time_us = 5 * UK_SECOND,
                                .state = 4,
                                .data = "30",
                                .cause = "test",
                                .trace = TRACE };
        g_autoptr(PkgStatusResponse) first = NULL, second = NULL, none = NULL;
        g_autofree char *key = NULL;
        g_autoptr(GError) error = NULL;
        bool newer = false;

        STEP(f, pkgstatus_ensure(tx, pkg, PKGSTATUS_TYPE_DP, "PS1", sender.nal, "test", &failure));
        STEP(f, package_store(tx, pkg, 1, "AB", 1, "test", &failure));
        said.version = 2; /* of before a restore: what is sent again is of version 1 */
        STEP(f, pulldpresponse_put(tx, &sender, &said, &newer, &failure));
        g_assert_false(newer);
        said.version = 1;
        STEP(f, pulldpresponse_put(tx, &sender, &said, &newer, &failure));
        g_assert_true(newer);
        key = ask(f->db, "SELECT PKID || '' FROM PkgStatus");
        gint64 row = g_ascii_strtoll(key, NULL, 10);
        MUST((first = pkgstatus_response(f->db, row, &failure)) != NULL);
        g_assert_cmpint(first->action_state, ==, 4);
        said.time_us += UK_SECOND;
        said.state = 1;
        STEP(f, pulldpresponse_put(tx, &sender, &said, &newer, &failure));
        STEP(f, pkgstatus_delete_response(tx, row, first->message_time, &failure));
        MUST((second = pkgstatus_response(f->db, row, &failure)) != NULL);
        g_assert_cmpint(second->action_state, ==, 1);
        STEP(f, pkgstatus_delete_response(tx, row, second->message_time, &failure));
        none = pkgstatus_response(f->db, row, &error);
        g_assert_no_error(error);
        g_assert_null(none);
}

int
main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        FIXTURE_CASE("/sitedb/distjob/rows-DIST-071-074-107-152", fixture_setup, rows);
        FIXTURE_CASE("/sitedb/distjob/order-DIST-075", fixture_setup, ordered);
        FIXTURE_CASE("/sitedb/distjob/by-hand-DIST-082", fixture_setup, by_hand);
        FIXTURE_CASE("/sitedb/distjob/capacity-DIST-099-104", fixture_setup, capacity);
        FIXTURE_CASE("/sitedb/distjob/late-answers-DIST-107-DIST-133", fixture_setup, late_answers);
        FIXTURE_CASE("/sitedb/pulldpmap/sources-DIST-096", fixture_setup, sources);
        FIXTURE_CASE("/sitedb/distpoint/rows", fixture_setup, points);
        FIXTURE_CASE("/sitedb/pkgstatus/rows-DIST-085", fixture_setup, status);
        FIXTURE_CASE("/sitedb/pulldpresponse/newer-stays-DIST-132", fixture_setup, responses);
        return g_test_run();
}
