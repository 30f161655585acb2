/* smsdbmon in a box: rows are committed, lanes are stepped, files and log lines are looked at. The
 * lines are the specification's (93-logs 2.2, 4.1, 8.1, 9.9, 11.8), with this machine's paths. */
#include "site/smsdbmon/smsdbmon.h"

#include <glib/gstdio.h>
#include <locale.h>
#include <string.h>

#include "base/clock.h"
#include "base/fault.h"
#include "base/io.h"
#include "rows.sql.h"
#include "inbox/drop.h"
#include "sitedb/pkgnotification.h"
#include "sitedb/schema.h"
#include "sitedb/syncstatus.h"
#include "unit/host/kit.h"
#include "unit/must.h"

#define SOURCE  "{C2D17964-BBDD-4339-B9F3-12D7205B39CC}"
#define SUP     "PS1SITE.CONTOSO.COM"
#define TRACE_A "0af7651916cd43dd8448eb211c80319a"
#define TRACE_B "0af7651916cd43dd8448eb211c80319b"
#define TRACE_C "0af7651916cd43dd8448eb211c80319c"

static const ComponentDef *const components[] = { &smsdbmon, NULL };
static const HostRole role = { .role = "site",
                               .components = components,
                               .database = "var/lib/upkeep/site/site.db",
                               .migrations = sitedb_migrations,
                               .migration_count = SITEDB_MIGRATIONS_COUNT,
                               .migrates = true };

typedef struct {
        char *root;
        Host *host;
        Db *db; /* another program's connection */
} Fixture;

/* Runs calls, which may name tx, in a transaction of another program. */
#define COMMIT(f_, trace_, call_)                                                     \
        do {                                                                          \
                g_autoptr(DbTx) tx = NULL;                                            \
                MUST((tx = db_begin_from((f_)->db, trace_, NULL, &failure)) != NULL); \
                MUST(call_);                                                          \
                MUST(db_commit(g_steal_pointer(&tx), &failure));                      \
        } while (0)

static void
set_up(Fixture *f, gconstpointer data)
{
        f->root = kit_root();
        f->host = kit_host(&role, f->root);
        g_autofree char *path = g_build_filename(f->root, role.database, NULL);
        MUST((f->db = db_open(path, false, 1000, &failure)) != NULL);
        COMMIT(f, NULL, syncstatus_ensure(tx, "PS1", SUP, SOURCE, "test", &failure));
}

static void
tear_down(Fixture *f, gconstpointer data)
{
        uk_fault_set(NULL);
        db_close(f->db);
        host_free(f->host);
        kit_end(f->root);
}

/* The texts of the log's records, each ended by a newline, with the inboxes' path shortened. */
static char *
log_texts(Fixture *f)
{
        g_autofree char *log = kit_log(f->host, "SMSDBMON.log");
        g_auto(GStrv) lines = g_strsplit(log, "\n", -1);
        g_autoptr(GString) texts = g_string_new(NULL);

        for (char **line = lines; **line != '\0'; line++) {
                const char *end = strstr(*line, "  $$<SMS_DATABASE_NOTIFICATION_MONITOR><");

                g_assert_nonnull(end);
                g_string_append_len(texts, *line, end - *line);
                g_string_append_c(texts, '\n');
        }
        g_string_replace(texts, host_inboxes(f->host), "<inboxes>", 0);
        return g_string_free(g_steal_pointer(&texts), FALSE);
}

static void
check_log(Fixture *f, const char *expected)
{
        g_autofree char *texts = log_texts(f);

        g_assert_cmpstr(texts, ==, expected);
}

static InboxNotice *
read_notice(Fixture *f, const char *box, const char *name)
{
        g_autofree char *dir = host_box_path(f->host, box);
        g_autofree char *path = g_build_filename(dir, name, NULL);
        g_autofree char *body = NULL;
        gsize size = 0;
        InboxNotice *notice = NULL;

        MUST(uk_io_read(path, 1 << 20, &body, &size, &failure));
        MUST((notice = inbox_notice_read(body, size, &failure)) != NULL);
        return notice;
}

static void
check_notice(Fixture *f, const char *box, const char *name, gint64 seq, const char *value,
             const char *traces)
{
        g_autoptr(InboxNotice) notice = read_notice(f, box, name);
        g_autofree char *joined = g_strjoinv(" ", notice->traces);

        g_assert_cmpint(notice->seq, ==, seq);
        g_assert_cmpstr(notice->value, ==, value);
        g_assert_cmpstr(joined, ==, traces);
}

static gint64
count(Fixture *f, const DbSql *sql)
{
        gint64 number = -1;

        MUST(db_int(f->db, sql, DB_NO_ARGS, &number, NULL, &failure));
        return number;
}

static void
take(Fixture *f, const char *box, const char *name)
{
        g_autofree char *dir = host_box_path(f->host, box);
        g_autofree char *path = g_build_filename(dir, name, NULL);

        g_assert_cmpint(g_unlink(path), ==, 0);
}

static void
self_and_full(Fixture *f, gconstpointer data)
{
        COMMIT(f, TRACE_A, syncstatus_request(tx, "PS1", false, "test", &failure));
        g_assert_true(kit_run(f->host));
        check_log(f, "RCV: UPDATE on Update_SyncStatus for SyncNotif_WSyncMgr [SELF][1]\n"
                     "SND: Dropped <inboxes>/WSyncMgr.box/SELF.SYN [1]\n");
        check_notice(f, "WSyncMgr.box", "SELF.SYN", 1, "SELF", TRACE_A);
        g_assert_false(kit_run(f->host));
        COMMIT(f, TRACE_B, syncstatus_request(tx, "PS1", true, "test", &failure));
        g_assert_true(kit_run(f->host));
        check_notice(f, "WSyncMgr.box", "FULL.SYN", 2, "FULL", TRACE_B);
}

static void
scan_tool(Fixture *f, gconstpointer data)
{
        SyncStatusReport report = { .time_us = uk_clock_now(),
                                    .site = "PS1",
                                    .source_id = SOURCE,
                                    .succeeded = true,
                                    .version = 36,
                                    .server = SUP };

        COMMIT(f, TRACE_A, syncstatus_record(tx, &report, "test", &failure));
        g_assert_true(kit_run(f->host));
        check_log(f, "RCV: UPDATE on Update_SyncStatus for UpdSyncStatus_iu [" SOURCE "][1]\n"
                     "SND: Dropped <inboxes>/policypv.box/" SOURCE ".STN (non-zero) [1]\n");
        check_notice(f, "policypv.box", SOURCE ".STN", 1, SOURCE, TRACE_A);
}

static void
package(Fixture *f, gconstpointer data)
{
        COMMIT(f, TRACE_A, pkgnotification_add(tx, "PS100039", PKGNOTIFICATION_PROGRAM, &failure));
        g_assert_cmpint(count(f, &sql_rows_count_notifications), ==, 1);
        g_assert_true(kit_run(f->host));
        check_log(f, "RCV: INSERT on PkgNotification for PkgNotify_Add [PS100039][1]\n"
                     "SND: Dropped <inboxes>/distmgr.box/PS100039.PKN  [1]\n");
        check_notice(f, "distmgr.box", "PS100039.PKN", 1, "PS100039", TRACE_A);
        /* The row and the entry have done their duty (DIST-008). */
        g_assert_cmpint(count(f, &sql_rows_count_notifications), ==, 0);
        g_assert_cmpint(count(f, &sql_rows_count_changes), ==, 0);
}

static void
job(Fixture *f, gconstpointer data)
{
        COMMIT(f, TRACE_A,
               db_run(tx, &sql_rows_add_point, DB_NO_ARGS, &failure) &&
                       db_run(tx, &sql_rows_add_job,
                              DB_ARGS(DB_TEXT("pkg_id", "PS100039"), DB_TIME("now", UK_DAY)),
                              &failure));
        g_assert_true(kit_run(f->host));
        check_log(f, "RCV: UPDATE on DistributionJobs for DistributionJob_Creation [PS100039][1]\n"
                     "SND: Dropped <inboxes>/PkgTransferMgr.box/PS100039.PKN [1]\n");
        check_notice(f, "PkgTransferMgr.box", "PS100039.PKN", 1, "PS100039", TRACE_A);
}

static void
response(Fixture *f, gconstpointer data)
{
        COMMIT(f, TRACE_A, db_run(tx, &sql_rows_add_status, DB_NO_ARGS, &failure));
        COMMIT(f, TRACE_A,
               db_run(tx, &sql_rows_add_response, DB_ARGS(DB_TIME("now", UK_DAY)), &failure));
        g_assert_true(kit_run(f->host));
        check_log(f, "RCV: INSERT on PullDPResponse for PullDPResponse_UpdIns "
                     "[72057594037928008  ][1]\n"
                     "SND: Dropped <inboxes>/distmgr.box/incoming/72057594037928008.PUL  [1]\n");
        COMMIT(f, TRACE_B, db_run(tx, &sql_rows_set_response, DB_NO_ARGS, &failure));
        g_assert_true(kit_run(f->host));
        check_notice(f, "distmgr.box/incoming", "72057594037928008.PUL", 2, "72057594037928008",
                     TRACE_A " " TRACE_B);
}

/* Rows that were not handled yet share one file, which carries the traces of all. */
static void
coalescing(Fixture *f, gconstpointer data)
{
        COMMIT(f, TRACE_A, pkgnotification_add(tx, "PS100001", PKGNOTIFICATION_PACKAGE, &failure));
        COMMIT(f, TRACE_B, pkgnotification_add(tx, "PS100002", PKGNOTIFICATION_PACKAGE, &failure));
        COMMIT(f, TRACE_B, pkgnotification_add(tx, "PS100001", PKGNOTIFICATION_SERVER, &failure));
        g_assert_true(kit_run(f->host));
        check_log(f, "RCV: INSERT on PkgNotification for PkgNotify_Add [PS100001][1]\n"
                     "RCV: INSERT on PkgNotification for PkgNotify_Add [PS100001][3]\n"
                     "SND: Dropped <inboxes>/distmgr.box/PS100001.PKN  [1]\n"
                     "SND: Dropped <inboxes>/distmgr.box/PS100001.PKN  [3]\n"
                     "RCV: INSERT on PkgNotification for PkgNotify_Add [PS100002][2]\n"
                     "SND: Dropped <inboxes>/distmgr.box/PS100002.PKN  [2]\n");
        check_notice(f, "distmgr.box", "PS100001.PKN", 3, "PS100001", TRACE_A " " TRACE_B);
        /* A file that still waits keeps them, each once; one that was taken has had its say. */
        COMMIT(f, TRACE_B, pkgnotification_add(tx, "PS100001", PKGNOTIFICATION_SERVER, &failure));
        COMMIT(f, TRACE_C, pkgnotification_add(tx, "PS100001", PKGNOTIFICATION_SERVER, &failure));
        take(f, "distmgr.box", "PS100002.PKN");
        COMMIT(f, TRACE_C, pkgnotification_add(tx, "PS100002", PKGNOTIFICATION_SERVER, &failure));
        g_assert_true(kit_run(f->host));
        check_notice(f, "distmgr.box", "PS100001.PKN", 5, "PS100001",
                     TRACE_A " " TRACE_B " " TRACE_C);
        check_notice(f, "distmgr.box", "PS100002.PKN", 6, "PS100002", TRACE_C);
}

/* A file made by hand is no notice; it is replaced and asks for nothing. */
static void
made_by_hand(Fixture *f, gconstpointer data)
{
        kit_run(f->host);
        kit_put(f->host, "distmgr.box", "PS100001.PKN", "\x01nonsense", 0);
        COMMIT(f, TRACE_A, pkgnotification_add(tx, "PS100001", PKGNOTIFICATION_PACKAGE, &failure));
        g_assert_true(kit_run(f->host));
        check_notice(f, "distmgr.box", "PS100001.PKN", 1, "PS100001", TRACE_A);
}

/* What cannot become a file stands in nobody's way. */
static void
bad_values(Fixture *f, gconstpointer data)
{
        COMMIT(f, NULL, pkgnotification_add(tx, "../../x", PKGNOTIFICATION_PACKAGE, &failure));
        COMMIT(f, NULL, db_run(tx, &sql_rows_add_unknown, DB_NO_ARGS, &failure));
        COMMIT(f, NULL, pkgnotification_add(tx, "", PKGNOTIFICATION_PACKAGE, &failure));
        COMMIT(f, NULL, pkgnotification_add(tx, "PS100001", PKGNOTIFICATION_PACKAGE, &failure));
        g_assert_true(kit_run(f->host));
        g_assert_true(kit_is_there(f->host, "distmgr.box", "PS100001.PKN"));
        g_assert_false(kit_is_there(f->host, "distmgr.box", "../../x.PKN"));
        g_assert_cmpint(count(f, &sql_rows_count_changes), ==, 0);
        g_autofree char *texts = log_texts(f);
        g_assert_nonnull(strstr(texts, "The change is passed over: \"../../x.PKN\" is no name"));
        g_assert_nonnull(strstr(texts, "The change is passed over: \".PKN\" is no name"));
        g_assert_nonnull(strstr(texts, "Change 2 of Newer is passed over: there is no route for "
                                       "the notice Newer_Notice"));
        g_assert_false(kit_run(f->host));
}

static void
restart(Fixture *f)
{
        host_free(f->host);
        f->host = kit_host(&role, f->root);
}

/* Rows written before the first start, and while it was down, are not missed; those that were
 * told are not told again. */
static void
restarts(Fixture *f, gconstpointer data)
{
        COMMIT(f, TRACE_A, pkgnotification_add(tx, "PS100001", PKGNOTIFICATION_PACKAGE, &failure));
        restart(f);
        g_assert_true(kit_run(f->host));
        check_notice(f, "distmgr.box", "PS100001.PKN", 1, "PS100001", TRACE_A);
        take(f, "distmgr.box", "PS100001.PKN");
        COMMIT(f, TRACE_B, pkgnotification_add(tx, "PS100002", PKGNOTIFICATION_PACKAGE, &failure));
        restart(f);
        kit_run(f->host);
        g_assert_true(kit_is_there(f->host, "distmgr.box", "PS100002.PKN"));
        g_assert_false(kit_is_there(f->host, "distmgr.box", "PS100001.PKN"));
}

/* Whatever step fails, the file comes, with the same number, and the row goes only afterwards. */
static void
any_step_fails(Fixture *f, gconstpointer data)
{
        kit_run(f->host);
        for (int n = 1;; n++) {
                g_autofree char *id = g_strdup_printf("PS1%05X", n);
                g_autofree char *name = g_strconcat(id, ".PKN", NULL);
                g_autofree char *plan = g_strdup_printf("fail:%d", n);

                COMMIT(f, TRACE_A, pkgnotification_add(tx, id, PKGNOTIFICATION_PACKAGE, &failure));
                uk_fault_set(plan);
                g_assert_true(kit_run(f->host));
                bool reached = uk_fault_count() >= (unsigned)n;
                uk_fault_set(NULL);
                if (count(f, &sql_rows_count_notifications) == 0)
                        g_assert_true(kit_is_there(f->host, "distmgr.box", name));
                kit_step(UK_MINUTE);
                kit_run(f->host);
                check_notice(f, "distmgr.box", name, n, id, TRACE_A);
                g_assert_cmpint(count(f, &sql_rows_count_notifications), ==, 0);
                if (!reached) {
                        g_assert_cmpint(n, >, 4);
                        break;
                }
        }
}

static void
many_rows(Fixture *f, gconstpointer data)
{
        g_autoptr(DbTx) tx = NULL;

        MUST((tx = db_begin(f->db, &failure)) != NULL);
        for (int i = 0; i < 700; i++) {
                g_autofree char *id = g_strdup_printf("PS1%05X", i % 100);

                MUST(pkgnotification_add(tx, id, PKGNOTIFICATION_PACKAGE, &failure));
        }
        MUST(db_commit(g_steal_pointer(&tx), &failure));
        g_assert_true(kit_run(f->host));
        g_assert_cmpint(count(f, &sql_rows_count_changes), ==, 0);
        g_assert_cmpint(count(f, &sql_rows_count_notifications), ==, 0);
        for (int i = 0; i < 100; i++) {
                g_autofree char *name = g_strdup_printf("PS1%05X.PKN", i);

                g_assert_true(kit_is_there(f->host, "distmgr.box", name));
        }
}

#define ADD(name, function) g_test_add(name, Fixture, NULL, set_up, function, tear_down)

int
main(int argc, char **argv)
{
        setlocale(LC_ALL, "C");
        g_test_init(&argc, &argv, NULL);
        ADD("/smsdbmon/self-and-full-SYNC-019-SYNC-020", self_and_full);
        ADD("/smsdbmon/scan-tool-COMP-008", scan_tool);
        ADD("/smsdbmon/package-DIST-008-DIST-009", package);
        ADD("/smsdbmon/job-DIST-074", job);
        ADD("/smsdbmon/response-DIST-130", response);
        ADD("/smsdbmon/coalescing-DIST-009", coalescing);
        ADD("/smsdbmon/made-by-hand", made_by_hand);
        ADD("/smsdbmon/bad-values", bad_values);
        ADD("/smsdbmon/restarts", restarts);
        ADD("/smsdbmon/any-step-fails", any_step_fails);
        ADD("/smsdbmon/many-rows", many_rows);
        return g_test_run();
}
