/* Tests of src/sitedb/package.c, pkgserver.c and pkgcontent.c. Expected rows are those of 90-tables
 * 4.1 to 4.3. */
#include "sitedb/package.h"

#include "fixture.h"
#include "sitedb/distpoint.h"
#include "sitedb/pkgcontent.h"
#include "sitedb/pkgserver.h"
#include "sitedb/pkgstatus.h"

#define DP "[\"Display=\\\\PS1DP1.CONTOSO.COM\\\"]MSWNET:[\"SMS_SITE=PS1\"]\\\\PS1DP1.CONTOSO.COM\\"
#define DP2 \
        "[\"Display=\\\\PS1DP2.CONTOSO.COM\\\"]MSWNET:[\"SMS_SITE=PS1\"]\\\\PS1DP2.CONTOSO.COM\\"

static const Package dummy = { .name = (char *)"Dummy1",
                               .source = (char *)"/srv/Packages/Dummy1",
                               .source_site = (char *)"PS1" };

static char *
create(Fixture *f)
{
        char *id = NULL;

        STEP(f, package_create(tx, &dummy, "test", &id, &failure));
        return id;
}

static void
creates(Fixture *f, gconstpointer unused) /* DIST-005, DIST-006, DIST-007 */
{
        g_autofree char *first = create(f);
        g_autofree char *second = create(f);
        g_autoptr(Package) package = NULL;

        g_assert_cmpstr(first, ==, "PS100001");
        g_assert_cmpstr(second, ==, "PS100002");
        NOTICES(f, "PkgNotify_Add:PS100001 PkgNotify_Add:PS100002");
        ASK(f, "SELECT PkgID || '|' || Priority || '|' || Type FROM PkgNotification",
            "PS100001|2|2");
        ASK(f,
            "SELECT SourceVersion || '|' || StoredPkgVersion || '|' || Priority || '|' || "
            "UpdateMask"
            " || '|' || UpdateMaskEx || '|' || Action || '|' || StorePkgFlag || '|' || PkgFlags"
            " || '|' || Permission || '|' || SourceLocaleID || '|' || LastRefresh FROM SMSPackages",
            "1|0|2|0|0|2|2|16777216|15|1033|1970-04-10T06:35:00.000Z");
        ASK(f, "SELECT Cause || ' ' || Trace FROM SMSPackages_L", "test " TRACE);
        MUST((package = package_load(f->db, first, &failure)) != NULL);
        g_assert_cmpstr(package->name, ==, "Dummy1");
        g_assert_cmpint(package->action, ==, PACKAGE_ACTION_ADD);
}

static void
numbers(Fixture *f, gconstpointer unused) /* DIST-005: five hexadecimal digits, never reused */
{
        g_autofree char *last = NULL;

        for (int i = 1; i <= 16; i++) {
                g_free(last);
                last = create(f);
                if (i == 10)
                        g_assert_cmpstr(last, ==, "PS10000A");
        }
        g_assert_cmpstr(last, ==, "PS100010");
        STEP(f, package_ask_delete(tx, last, "by hand", &failure));
        STEP(f, package_delete(tx, last, &failure));
        g_autofree char *next = create(f);
        g_assert_cmpstr(next, ==, "PS100011");
}

/* DIST-005: nor after a restore, be it the second one of the same backup. */
static void
leaps(Fixture *f, gconstpointer unused)
{
        g_autofree char *first = create(f);
        g_autoptr(Package) package = NULL;
        g_autofree char *again = NULL;
        gint64 before, after, fresh;

        MUST((package = package_load(f->db, first, &failure)) != NULL);
        MUST(package_next_version(f->db, package, &before, &failure));
        g_assert_cmpint(before, ==, 1);
        STEP(f, package_leap(tx, &failure));
        STEP(f, package_leap(tx, &failure));
        g_autofree char *second = create(f);
        STEP(f, package_leap(tx, &failure));
        again = create(f);
        /* 2026 begins 52608 hours (CD80), 3156480 minutes after 2020. */
        g_assert_cmpstr(second, >, "PS10CD80");
        g_assert_cmpstr(again, >, second);
        MUST(package_next_version(f->db, package, &after, &failure));
        g_assert_cmpint(after, >, 3156480);
        package_free(g_steal_pointer(&package));
        MUST((package = package_load(f->db, again, &failure)) != NULL);
        MUST(package_next_version(f->db, package, &fresh, &failure));
        g_assert_cmpint(fresh, ==, 1);
}

static void
refuses(Fixture *f, gconstpointer unused)
{
        const Package bad[] = {
                { .name = (char *)"", .source = (char *)"/x", .source_site = (char *)"PS1" },
                { .name = (char *)"x", .source = (char *)"x/y", .source_site = (char *)"PS1" },
                { .name = (char *)"x", .source = NULL, .source_site = (char *)"PS1" },
                { .name = (char *)"x",
                  .source = (char *)"/x",
                  .source_site = (char *)"PS1",
                  .priority = 4 },
        };
        g_autoptr(DbTx) tx = db_begin(f->db, NULL);

        for (gsize i = 0; i < G_N_ELEMENTS(bad); i++) {
                g_autoptr(GError) error = NULL;
                g_autofree char *id = NULL;
                g_assert_false(package_create(tx, &bad[i], "test", &id, &error));
                g_assert_error(error, UK_ERROR, UK_ERROR_INVALID);
        }
        g_autoptr(GError) unknown = NULL;
        g_assert_false(package_refresh(tx, "PS1FFFFF", "test", &unknown));
        g_assert_error(unknown, UK_ERROR, UK_ERROR_NOT_FOUND);
        g_assert_nonnull(strstr(unknown->message, "upkeep package list"));
}

#define MASKS                                                                                   \
        "SELECT Action || '|' || UpdateMask || '|' || UpdateMaskEx || '|' || SourceVersion || " \
        "'|' "                                                                                  \
        "|| StoredPkgVersion FROM SMSPackages"

static void
refresh(Fixture *f, gconstpointer unused) /* DIST-024, DIST-137, OQ-D45 */
{
        g_autofree char *id = create(f);

        STEP(f, package_store(tx, id, 1, "AB", 204800, "test", &failure));
        STEP(f, package_done(tx, id, &failure));
        ASK(f, MASKS, "0|0|0|1|1");
        STEP(f, package_refresh(tx, id, "by hand", &failure));
        ASK(f, MASKS, "1|32|8388608|1|1");
        NOTICES(f, "PkgNotify_Add:PS100001 PkgNotify_Add:PS100001");
        STEP(f, package_begin(tx, id, &failure));
        ASK(f, MASKS, "1|32|0|1|1");
        /* Asked for once more while the snapshot is taken: that one is not forgotten. */
        STEP(f, package_refresh(tx, id, "by hand", &failure));
        STEP(f, package_store(tx, id, 2, "CD", 204800, "test", &failure));
        STEP(f, package_done(tx, id, &failure));
        ASK(f, MASKS, "1|32|8388608|2|2");
        STEP(f, package_begin(tx, id, &failure));
        STEP(f, package_store(tx, id, 3, "CD", 204800, "test", &failure));
        STEP(f, package_done(tx, id, &failure));
        ASK(f, MASKS, "0|0|0|3|3");
}

static void
deletion_survives(Fixture *f, gconstpointer unused)
{
        g_autofree char *id = create(f);

        STEP(f, package_ask_delete(tx, id, "by hand", &failure));
        STEP(f, package_refresh(tx, id, "by hand", &failure));
        STEP(f, package_done(tx, id, &failure));
        ASK(f, "SELECT Action || '' FROM SMSPackages", "3");
        STEP(f, package_delete(tx, id, &failure));
        ASK(f, "SELECT COUNT(*) || '' FROM SMSPackages_G", "0");
        ASK(f, "SELECT COUNT(*) || '' FROM SMSPackages_L", "0");
}

static void
changes(Fixture *f, gconstpointer unused)
{
        g_autofree char *id = create(f);
        Package change = dummy;

        STEP(f, package_store(tx, id, 1, "AB", 1, "test", &failure));
        STEP(f, package_done(tx, id, &failure));
        change.id = id;
        change.name = (char *)"Another";
        STEP(f, package_change(tx, &change, "by hand", &failure));
        ASK(f, MASKS, "1|0|0|1|1"); /* its source need not be read again */
        change.source = (char *)"/srv/other";
        STEP(f, package_change(tx, &change, "by hand", &failure));
        ASK(f, MASKS, "1|32|8388608|1|1");
        ASK(f, "SELECT Name || Source FROM SMSPackages", "Another/srv/other");
}

#define SERVER                                                                                    \
        "SELECT Action || '|' || RefreshTrigger || '|' || UpdateMask || '|' || LastRefresh FROM " \
        "PkgServers"

static void
servers(Fixture *f, gconstpointer unused) /* DIST-031, DIST-032, DIST-072, DIST-151 */
{
        g_autofree char *id = create(f);
        g_autoptr(GPtrArray) pending = NULL;
        g_autoptr(GError) error = NULL;
        bool changed = false;

        NOTICES(f, "PkgNotify_Add:PS100001");
        STEP(f, pkgserver_add(tx, id, DP, "PS1", "PS1", "by hand", &changed, &failure));
        g_assert_true(changed);
        NOTICES(f, "PkgNotify_Add:PS100001");
        ASK(f, "SELECT Type || '' FROM PkgNotification ORDER BY NotificationID DESC", "4");
        ASK(f, SERVER, "2|0|0|1970-04-10T06:35:00.000Z");
        ASK(f, "SELECT SiteName || '|' || SourceSite FROM PkgServers", "Primary One|PS1");
        STEP(f, pkgserver_add(tx, id, DP, "PS1", "PS1", "by hand", &changed, &failure));
        g_assert_false(changed);
        NOTICES(f, "");
        MUST((pending = pkgserver_list(f->db, id, "PS1", true, &failure)) != NULL);
        g_assert_cmpuint(pending->len, ==, 1);
        STEP(f, pkgserver_reset_action(tx, pending->pdata[0], &failure));
        ASK(f, "SELECT Action || '' FROM PkgServers", "0");
        STEP(f, pkgserver_redistribute(tx, id, DP, "PS1", "by hand", &failure));
        ASK(f, "SELECT Action || '|' || RefreshTrigger FROM PkgServers", "2|1");
        STEP(f, pkgserver_mark_update(tx, id, "PS1", "by hand", &failure));
        ASK(f, "SELECT Action || '|' || RefreshTrigger FROM PkgServers", "2|1");
        /* What was served is not what is asked for by now. */
        STEP(f, pkgserver_reset_action(tx, pending->pdata[0], &failure));
        ASK(f, "SELECT Action || '|' || RefreshTrigger FROM PkgServers", "2|1");
        g_autoptr(PkgServer) validated = pkgserver_load(f->db, id, DP, "PS1", NULL);
        STEP(f, pkgserver_reset_action(tx, validated, &failure));
        ASK(f,
            "SELECT Action || '|' || RefreshTrigger || '|' || UpdateMask || '|' ||"
            " (LastRefresh > '2026') FROM PkgServers",
            "0|0|0|1");
        STEP(f, pkgserver_validate(tx, id, DP, "PS1", "by hand", &failure));
        validated->action = PACKAGE_ACTION_VALIDATE;
        validated->refresh_trigger = 0;
        STEP(f, pkgserver_mark_update(tx, id, "PS1", "by hand", &failure));
        STEP(f, pkgserver_reset_action(tx, validated, &failure));
        ASK(f, "SELECT Action || '|' || RefreshTrigger FROM PkgServers", "1|0");
        STEP(f, pkgserver_remove(tx, id, DP, "PS1", "by hand", &failure));
        STEP(f, pkgserver_reset_action(tx, pending->pdata[0], &failure));
        ASK(f, "SELECT Action || '' FROM PkgServers", "3");
        STEP(f, pkgserver_delete_removed(tx, pending->pdata[0], &failure));
        ASK(f, "SELECT COUNT(*) || '' FROM PkgServers_G", "0");
        g_autoptr(DbTx) tx = db_begin(f->db, NULL);
        g_assert_false(pkgserver_redistribute(tx, id, DP2, "PS1", "by hand", &error));
        g_assert_error(error, UK_ERROR, UK_ERROR_NOT_FOUND);
        g_assert_nonnull(strstr(error->message, "PS1DP2.CONTOSO.COM"));
}

static void
update_marks(Fixture *f, gconstpointer unused) /* DIST-141 */
{
        g_autofree char *id = create(f);
        g_autoptr(GPtrArray) all = NULL;
        g_autoptr(GPtrArray) ids = NULL;

        STEP(f, pkgserver_add(tx, id, DP, "PS1", "PS1", "by hand", NULL, &failure));
        STEP(f, pkgserver_add(tx, id, DP2, "PS1", "PS1", "by hand", NULL, &failure));
        MUST((all = pkgserver_list(f->db, id, "PS1", false, &failure)) != NULL);
        STEP(f, pkgserver_reset_action(tx, all->pdata[0], &failure));
        STEP(f, pkgserver_mark_update(tx, id, "PS1", "update", &failure));
        ASK(f, "SELECT Action || Cause FROM PkgServers_L WHERE NALPath LIKE '%DP1%'", "1update");
        ASK(f, "SELECT Action || Cause FROM PkgServers_L WHERE NALPath LIKE '%DP2%'", "2by hand");
        STEP(f, package_store(tx, id, 1, "AB", 1, "test", &failure));
        STEP(f, package_done(tx, id, &failure));
        MUST((ids = package_list_pending(f->db, "PS1", &failure)) != NULL);
        g_assert_cmpuint(ids->len, ==, 1);
        g_assert_cmpstr(ids->pdata[0], ==, id);
}

static void
put_content(Fixture *f, const char *id, gint64 version)
{
        g_autofree char *content = g_strdup_printf("%s.%d", id, (int)version);
        PkgContent row = { .pkg_id = (char *)id,
                           .version = version,
                           .content_id = content,
                           .hash = (char *)"AB",
                           .files = 1,
                           .size = 2 };

        STEP(f, pkgcontent_put(tx, &row, "test", &failure));
}

static void
superseded_versions(Fixture *f, gconstpointer unused)
{
        g_autofree char *id = create(f);
        g_autoptr(GArray) versions = NULL;
        g_autoptr(GPtrArray) rows = NULL;
        g_autoptr(GArray) rest = NULL;

        for (gint64 version = 1; version <= 8; version++)
                put_content(f, id, version);
        MUST((versions = pkgcontent_superseded(f->db, id, 8, 5, &failure)) != NULL);
        g_assert_cmpuint(versions->len, ==, 7); /* nobody is recorded with any of them */
        MUST((rows = pkgcontent_list(f->db, id, 3, &failure)) != NULL);
        g_assert_cmpuint(rows->len, ==, 1);
        g_assert_cmpstr(((PkgContent *)rows->pdata[0])->content_id, ==, "PS100001.3");
        STEP(f, pkgcontent_delete(tx, id, 3, &failure));
        MUST((rest = pkgcontent_superseded(f->db, id, 8, 5, &failure)) != NULL);
        g_assert_cmpuint(rest->len, ==, 6);
}

/* What a distribution point has stays for deltas, be the next version millions further (restored).
 */
static void
superseded_over_a_leap(Fixture *f, gconstpointer unused)
{
        g_autofree char *id = create(f);
        g_autoptr(GArray) versions = NULL;
        const PkgStatus there = { .pkg_id = id,
                                  .type = PKGSTATUS_TYPE_DP,
                                  .site = (char *)"PS1",
                                  .server = (char *)DP,
                                  .status = PKGSTATUS_INSTALLED,
                                  .source_version = 2,
                                  .location = (char *)"",
                                  .http_url = (char *)"",
                                  .sig_url = (char *)"",
                                  .sig_location = (char *)"" };

        put_content(f, id, 1);
        put_content(f, id, 2);
        put_content(f, id, 3500000);
        STEP(f, pkgstatus_ensure(tx, id, PKGSTATUS_TYPE_DP, "PS1", DP, "test", &failure));
        STEP(f, pkgstatus_set_present(tx, &there, "test", &failure));
        MUST((versions = pkgcontent_superseded(f->db, id, 3500000, 5, &failure)) != NULL);
        g_assert_cmpuint(versions->len, ==, 1);
        g_assert_cmpint(g_array_index(versions, gint64, 0), ==, 1);
}

int
main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        FIXTURE_CASE("/sitedb/package/creates-DIST-005-006-007", fixture_setup, creates);
        FIXTURE_CASE("/sitedb/package/numbers-DIST-005", fixture_setup, numbers);
        FIXTURE_CASE("/sitedb/package/leaps-DIST-005", fixture_setup, leaps);
        FIXTURE_CASE("/sitedb/package/refuses", fixture_setup, refuses);
        FIXTURE_CASE("/sitedb/package/refresh-DIST-137-OQ-D45", fixture_setup, refresh);
        FIXTURE_CASE("/sitedb/package/deletion-survives", fixture_setup, deletion_survives);
        FIXTURE_CASE("/sitedb/package/changes", fixture_setup, changes);
        FIXTURE_CASE("/sitedb/pkgserver/rows-DIST-031-072-151", fixture_setup, servers);
        FIXTURE_CASE("/sitedb/pkgserver/update-DIST-141", fixture_setup, update_marks);
        FIXTURE_CASE("/sitedb/pkgcontent/superseded", fixture_setup, superseded_versions);
        FIXTURE_CASE("/sitedb/pkgcontent/superseded-over-a-leap", fixture_setup,
                     superseded_over_a_leap);
        return g_test_run();
}
