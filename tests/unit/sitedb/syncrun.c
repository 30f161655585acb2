/* Tests of src/sitedb/syncrun.c, syncstatus.c, updatesource.c and alert.c: what a synchronization
 * leaves behind. */
#include "sitedb/syncrun.h"

#include "fixture.h"
#include "sitedb/alert.h"

static SyncRun *
load(Fixture *f)
{
        SyncRun *run = NULL;

        MUST((run = syncrun_load(f->db, "PS1", &failure)) != NULL);
        return run;
}

static bool
request(Fixture *f, SyncRunKind kind, const char *origin, gint64 seq)
{
        bool taken = false;

        STEP(f, syncrun_request(tx, "PS1", kind, origin, seq, &taken, &failure));
        return taken;
}

static void
nothing_yet(Fixture *f, gconstpointer unused)
{
        g_autoptr(SyncRun) run = load(f);
        g_autoptr(GError) error = NULL;

        g_assert_cmpint(run->pending_kind, ==, SYNCRUN_NONE);
        g_assert_cmpstr(run->anchor, ==, "");
        g_autoptr(DbTx) tx = db_begin(f->db, NULL);
        g_assert_false(syncrun_begin(tx, "PS1", &error));
        g_assert_error(error, UK_ERROR, UK_ERROR_NOT_FOUND);
}

static void
stronger_wins(Fixture *f, gconstpointer unused)
{
        g_assert_true(request(f, SYNCRUN_DELTA, SYNCRUN_LOCAL, 0));
        g_assert_true(request(f, SYNCRUN_DELTA, SYNCRUN_PARENT, 0));
        {
                g_autoptr(SyncRun) run = load(f);
                g_assert_cmpint(run->pending_kind, ==, SYNCRUN_DELTA);
                g_assert_cmpstr(run->pending_origin, ==, SYNCRUN_LOCAL);
        }
        uk_trace_set("11111111111111111111111111111111");
        g_assert_true(request(f, SYNCRUN_FULL, SYNCRUN_SCHEDULE, 0));
        g_assert_true(request(f, SYNCRUN_DELTA, SYNCRUN_LOCAL, 0));
        g_autoptr(SyncRun) run = load(f);
        g_assert_cmpint(run->pending_kind, ==, SYNCRUN_FULL);
        g_assert_cmpstr(run->pending_origin, ==, SYNCRUN_SCHEDULE);
        g_assert_cmpstr(run->pending_trace, ==, "11111111111111111111111111111111");
        g_assert_cmpint(run->pending_us, !=, 0);
}

/* The same notice, dropped again because a program was killed in between. */
static void
notice_taken_once(Fixture *f, gconstpointer unused)
{
        g_assert_true(request(f, SYNCRUN_DELTA, SYNCRUN_LOCAL, 7));
        g_assert_false(request(f, SYNCRUN_DELTA, SYNCRUN_LOCAL, 7));
        STEP(f, syncrun_begin(tx, "PS1", &failure));
        STEP(f, syncrun_succeed(tx, "PS1", "a1", "", 0, "sync", &failure));
        g_assert_false(request(f, SYNCRUN_DELTA, SYNCRUN_LOCAL, 7));
        g_autoptr(SyncRun) run = load(f);
        g_assert_cmpint(run->pending_kind, ==, SYNCRUN_NONE);
        g_assert_true(request(f, SYNCRUN_DELTA, SYNCRUN_LOCAL, 8));
        g_assert_true(request(f, SYNCRUN_DELTA, SYNCRUN_LOCAL, 0)); /* made by hand */
}

/* FULL.SYN and SELF.SYN are two files: the older notice may be read behind the newer one. */
static void
full_notice_behind_a_newer(Fixture *f, gconstpointer unused)
{
        g_assert_true(request(f, SYNCRUN_DELTA, SYNCRUN_LOCAL, 7));
        g_assert_true(request(f, SYNCRUN_FULL, SYNCRUN_LOCAL, 6));
        {
                g_autoptr(SyncRun) run = load(f);
                g_assert_cmpint(run->pending_kind, ==, SYNCRUN_FULL);
        }
        STEP(f, syncrun_begin(tx, "PS1", &failure));
        STEP(f, syncrun_succeed(tx, "PS1", "a1", "", 0, "sync", &failure));
        g_assert_false(request(f, SYNCRUN_FULL, SYNCRUN_LOCAL, 6));
        g_assert_false(request(f, SYNCRUN_DELTA, SYNCRUN_LOCAL, 7));
        /* The other way round the full run has done what the older notice asks for. */
        g_assert_true(request(f, SYNCRUN_FULL, SYNCRUN_LOCAL, 9));
        g_assert_false(request(f, SYNCRUN_DELTA, SYNCRUN_LOCAL, 8));
}

static void
one_at_a_time(Fixture *f, gconstpointer unused)
{
        g_autoptr(GError) busy = NULL;

        request(f, SYNCRUN_DELTA, SYNCRUN_LOCAL, 0);
        STEP(f, syncrun_begin(tx, "PS1", &failure));
        request(f, SYNCRUN_FULL, SYNCRUN_SCHEDULE, 0); /* remembered meanwhile */
        {
                g_autoptr(DbTx) tx = db_begin(f->db, NULL);
                g_assert_false(syncrun_begin(tx, "PS1", &busy));
                g_assert_error(busy, UK_ERROR, UK_ERROR_BUSY);
        }
        STEP(f, syncrun_progress(tx, "PS1", "WSUS synchronizing updates", 122, 130, &failure));
        g_autoptr(SyncRun) run = load(f);
        g_assert_cmpint(run->running_kind, ==, SYNCRUN_DELTA);
        g_assert_cmpstr(run->running_origin, ==, SYNCRUN_LOCAL);
        g_assert_cmpstr(run->running_trace, ==, TRACE);
        g_assert_cmpstr(run->phase, ==, "WSUS synchronizing updates");
        g_assert_cmpint(run->done * 1000 + run->total, ==, 122130);
        g_assert_cmpint(run->pending_kind, ==, SYNCRUN_FULL);
}

static void
success_moves_the_mark(Fixture *f, gconstpointer unused)
{
        g_autoptr(GError) idle = NULL;

        request(f, SYNCRUN_FULL, SYNCRUN_SCHEDULE, 0);
        STEP(f, syncrun_begin(tx, "PS1", &failure));
        STEP(f, syncrun_succeed(tx, "PS1", "anchor 9", "", 0, "sync", &failure));
        g_autoptr(SyncRun) run = load(f);
        g_assert_cmpint(run->running_kind, ==, SYNCRUN_NONE);
        g_assert_cmpstr(run->anchor, ==, "anchor 9");
        g_assert_cmpint(run->last_success_us, !=, 0);
        g_assert_cmpint(run->retry_us, ==, 0);
        g_assert_cmpstr(run->trace, ==, TRACE);
        g_autoptr(DbTx) tx = db_begin(f->db, NULL);
        g_assert_false(syncrun_succeed(tx, "PS1", "x", "", 0, "sync", &idle));
        g_assert_error(idle, UK_ERROR, UK_ERROR_BROKEN);
        g_clear_error(&idle);
        g_assert_false(syncrun_fail(tx, "PS1", "why", 1, "sync", &idle));
        g_assert_error(idle, UK_ERROR, UK_ERROR_BROKEN);
}

/* A success that had to leave something out moves the mark and is tried again all the same. */
static void
partial_success_is_retried(Fixture *f, gconstpointer unused)
{
        gint64 retry = uk_clock_now() / 1000 * 1000 + 60 * UK_MINUTE;

        request(f, SYNCRUN_FULL, SYNCRUN_SCHEDULE, 0);
        STEP(f, syncrun_begin(tx, "PS1", &failure));
        STEP(f, syncrun_succeed(tx, "PS1", "7", "1 of 2 failed", retry, "sync", &failure));
        g_autoptr(SyncRun) run = load(f);
        g_assert_cmpint(run->retry_us, ==, retry);
        g_assert_cmpint(run->retry_kind, ==, SYNCRUN_FULL);
        g_assert_cmpstr(run->last_error, ==, "1 of 2 failed");
        g_assert_cmpstr(run->anchor, ==, "7");
        g_assert_cmpint(run->last_success_us, !=, 0);
}

static void
failure_is_retried(Fixture *f, gconstpointer unused)
{
        gint64 retry = uk_clock_now() / 1000 * 1000 + 60 * UK_MINUTE;

        request(f, SYNCRUN_FULL, SYNCRUN_SCHEDULE, 0);
        STEP(f, syncrun_begin(tx, "PS1", &failure));
        STEP(f, syncrun_fail(tx, "PS1", "the mirror stalls", retry, "sync", &failure));
        {
                g_autoptr(SyncRun) run = load(f);
                g_assert_cmpint(run->retry_us, ==, retry);
                g_assert_cmpint(run->retry_kind, ==, SYNCRUN_FULL);
                g_assert_cmpstr(run->last_error, ==, "the mirror stalls");
                g_assert_cmpstr(run->anchor, ==, "");
        }
        /* A weaker request that comes earlier settles the retry, so it must do as much. */
        request(f, SYNCRUN_DELTA, SYNCRUN_LOCAL, 0);
        STEP(f, syncrun_begin(tx, "PS1", &failure));
        g_autoptr(SyncRun) run = load(f);
        g_assert_cmpint(run->running_kind, ==, SYNCRUN_FULL);
        g_assert_cmpstr(run->running_origin, ==, SYNCRUN_LOCAL);
        g_assert_cmpint(run->retry_us, ==, 0);
}

static void
interruption_counts_as_failure(Fixture *f, gconstpointer unused)
{
        gint64 retry = uk_clock_now() / 1000 * 1000;
        bool interrupted = true;

        STEP(f, syncrun_recover(tx, "PS1", retry, &interrupted, &failure));
        g_assert_false(interrupted);
        request(f, SYNCRUN_DELTA, SYNCRUN_LOCAL, 0);
        for (int i = 1; i <= 2; i++) {
                STEP(f, syncrun_begin(tx, "PS1", &failure));
                STEP(f, syncrun_recover(tx, "PS1", retry, &interrupted, &failure));
                g_assert_true(interrupted);
                g_autoptr(SyncRun) run = load(f);
                g_assert_cmpint(run->interruptions, ==, i);
                g_assert_cmpint(run->retry_us, ==, retry);
                g_assert_cmpint(run->retry_kind, ==, SYNCRUN_DELTA);
                g_assert_cmpstr(run->anchor, ==, "");
                request(f, SYNCRUN_DELTA, SYNCRUN_RETRY, 0);
        }
        STEP(f, syncrun_begin(tx, "PS1", &failure));
        STEP(f, syncrun_fail(tx, "PS1", "another reason", retry, "sync", &failure));
        g_autoptr(SyncRun) run = load(f);
        g_assert_cmpint(run->interruptions, ==, 0);
}

static void
request_makes_a_notice(Fixture *f, gconstpointer unused)
{
        g_autoptr(GError) error = NULL;

        STEP(f, syncstatus_request(tx, "PS1", false, "SyncNow", &failure));
        NOTICES(f, "SyncNotif_WSyncMgr:SELF");
        STEP(f, syncstatus_request(tx, "PS1", false, "SyncNow", &failure));
        STEP(f, syncstatus_request(tx, "PS1", true, "SyncNow", &failure));
        NOTICES(f, "SyncNotif_WSyncMgr:SELF SyncNotif_WSyncMgr:FULL");
        ASK(f, "SELECT COALESCE(SyncNow, 'null') FROM Update_SyncStatus", "null");
        g_autoptr(DbTx) tx = db_begin(f->db, NULL);
        g_assert_false(syncstatus_request(tx, "PS9", false, "SyncNow", &error));
        g_assert_error(error, UK_ERROR, UK_ERROR_NOT_FOUND);
}

static void
record_success_and_failure(Fixture *f, gconstpointer unused)
{
        /* 2014-01-17 17:59:54 of the sample, by date -u +%s */
        SyncStatusReport report = { 1389981594 * UK_SECOND, "PS1", f->source_id, true, 0, 36, SUP };
        g_autofree char *notice = g_strdup_printf("UpdSyncStatus_iu:%s", f->source_id);

        STEP(f, syncstatus_record(tx, &report, "sync", &failure));
        NOTICES(f, notice);
        ASK(f,
            "SELECT SyncCatalogVersion || ' ' || LastSuccessfulSyncTime || ' ' || LastSyncState"
            " FROM vSMS_SUPSyncStatus",
            "36 2014-01-17T17:59:54.000Z 6702");
        report.succeeded = false;
        report.error_code = 5;
        report.version = 0;
        report.time_us += UK_HOUR;
        STEP(f, syncstatus_record(tx, &report, "sync", &failure));
        NOTICES(f, "");
        ASK(f,
            "SELECT SyncCatalogVersion || ' ' || LastSuccessfulSyncTime || ' ' || LastSyncState"
            " || ' ' || LastSyncStateTime || ' ' || LastSyncErrorCode FROM Update_SyncStatus",
            "36 2014-01-17T17:59:54.000Z 6703 2014-01-17T18:59:54.000Z 5");
        /* A replica of which nothing is known yet. */
        report.server = "PS1SYS.CONTOSO.COM";
        report.succeeded = true;
        report.version = 36;
        STEP(f, syncstatus_record(tx, &report, "sync", &failure));
        NOTICES(f, notice);
}

static void
state_and_version_on_the_way(Fixture *f, gconstpointer unused)
{
        g_autoptr(GPtrArray) list = NULL;

        STEP(f, syncstatus_set_state(tx, "PS1", SUP, 6704, "sync", &failure));
        STEP(f, syncstatus_set_version(tx, "PS1", SUP, 33, "sync", &failure));
        MUST((list = syncstatus_list(f->db, &failure)) != NULL);
        g_assert_cmpuint(list->len, ==, 1);
        const SyncStatus *status = list->pdata[0];
        g_assert_cmpint(status->state, ==, 6704);
        g_assert_cmpint(status->version, ==, 33);
        g_assert_cmpint(status->success_us, ==, 0);
        g_assert_cmpstr(status->server, ==, SUP);
        g_assert_cmpstr(status->trace, ==, TRACE);
}

static void
version_grows_on_change(Fixture *f, gconstpointer unused)
{
        gint64 version = -1;
        bool raised = true;

        STEP(f, updatesource_raise(tx, "sync", &version, &raised, &failure));
        g_assert_cmpint(version, ==, 0);
        g_assert_false(raised);
        STEP(f, updatesource_set_dirty(tx, "sync", &failure));
        STEP(f, updatesource_set_dirty(tx, "sync", &failure));
        STEP(f, updatesource_raise(tx, "sync", &version, &raised, &failure));
        g_assert_cmpint(version, ==, 1);
        g_assert_true(raised);
        STEP(f, updatesource_raise(tx, "sync", &version, NULL, &failure));
        g_assert_cmpint(version, ==, 1);
        /* The GUID stays what it was. */
        STEP(f, updatesource_ensure(tx, "Other", "test", &failure));
        g_autoptr(UpdateSource) source = NULL;
        MUST((source = updatesource_load(f->db, &failure)) != NULL);
        g_assert_cmpstr(source->unique_id, ==, f->source_id);
        g_assert_cmpint(source->id, ==, 16777217);
        g_assert_cmpint(source->version, ==, 1);
}

static const Alert *
only_alert(GPtrArray *list)
{
        g_assert_cmpuint(list->len, ==, 1);
        return list->pdata[0];
}

static void
alert_until_cancelled(Fixture *f, gconstpointer unused)
{
        g_autoptr(GPtrArray) first = NULL, again = NULL, cancelled = NULL;

        STEP(f, alert_cancel(tx, ALERT_SYNC, "PS1", "", "sync", &failure));
        STEP(f,
             alert_raise(tx, ALERT_SYNC, "PS1", "", ALERT_ERROR, "unreachable", "sync", &failure));
        MUST((first = alert_list(f->db, &failure)) != NULL);
        g_assert_cmpint(only_alert(first)->state, ==, ALERT_ACTIVE);
        g_assert_cmpint(only_alert(first)->occurrences, ==, 1);
        STEP(f, alert_raise(tx, ALERT_SYNC, "PS1", "", ALERT_ERROR, "still unreachable", "sync",
                            &failure));
        MUST((again = alert_list(f->db, &failure)) != NULL);
        g_assert_cmpint(only_alert(again)->state_us, ==, only_alert(first)->state_us);
        g_assert_cmpint(only_alert(again)->occurrences, ==, 1);
        g_assert_cmpstr(only_alert(again)->description, ==, "still unreachable");
        STEP(f, alert_cancel(tx, ALERT_SYNC, "PS1", "", "sync", &failure));
        MUST((cancelled = alert_list(f->db, &failure)) != NULL);
        g_assert_cmpint(only_alert(cancelled)->state, ==, ALERT_CANCELLED);
        g_assert_cmpstr(only_alert(cancelled)->trace, ==, TRACE);
}

int
main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        FIXTURE_CASE("/sitedb/syncrun/nothing-yet", fixture_setup, nothing_yet);
        FIXTURE_CASE("/sitedb/syncrun/stronger-wins-SYNC-071", fixture_setup, stronger_wins);
        FIXTURE_CASE("/sitedb/syncrun/notice-taken-once", fixture_setup, notice_taken_once);
        FIXTURE_CASE("/sitedb/syncrun/full-notice-behind-a-newer-one-is-taken-SYNC-022",
                     fixture_setup, full_notice_behind_a_newer);
        FIXTURE_CASE("/sitedb/syncrun/one-at-a-time-SYNC-071", fixture_setup, one_at_a_time);
        FIXTURE_CASE("/sitedb/syncrun/success-moves-the-mark", fixture_setup,
                     success_moves_the_mark);
        FIXTURE_CASE("/sitedb/syncrun/partial-success-is-retried", fixture_setup,
                     partial_success_is_retried);
        FIXTURE_CASE("/sitedb/syncrun/failure-is-retried", fixture_setup, failure_is_retried);
        FIXTURE_CASE("/sitedb/syncrun/interruption-counts-as-failure", fixture_setup,
                     interruption_counts_as_failure);
        FIXTURE_CASE("/sitedb/syncstatus/request-makes-a-notice-SYNC-019", fixture_setup,
                     request_makes_a_notice);
        FIXTURE_CASE("/sitedb/syncstatus/record-success-and-failure-COMP-007", fixture_setup,
                     record_success_and_failure);
        FIXTURE_CASE("/sitedb/syncstatus/state-and-version-on-the-way", fixture_setup,
                     state_and_version_on_the_way);
        FIXTURE_CASE("/sitedb/updatesource/version-grows-on-change-SYNC-038", fixture_setup,
                     version_grows_on_change);
        FIXTURE_CASE("/sitedb/alert/until-cancelled", fixture_setup, alert_until_cancelled);
        return g_test_run();
}
