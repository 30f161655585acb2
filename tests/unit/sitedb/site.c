/* Tests of src/sitedb/site.c, sitekey.c and sitesystem.c. */
#include "sitedb/site.h"

#include "fixture.h"
#include "sitedb/sitekey.h"
#include "sitedb/sitesystem.h"

static void
installs_once(Fixture *f, gconstpointer unused)
{
        g_autoptr(GError) early = NULL, other = NULL, number = NULL;
        g_autoptr(Site) site = NULL;
        Site stranger = *fixture_site(), renumbered = *fixture_site(), renamed = *fixture_site();

        g_assert_null(site_this(f->db, &early));
        g_assert_error(early, UK_ERROR, UK_ERROR_NOT_YET);
        STEP(f, site_install(tx, fixture_site(), "setup", &failure));
        MUST((site = site_this(f->db, &failure)) != NULL);
        g_assert_cmpstr(site->code, ==, "PS1");
        g_assert_cmpint(site->type, ==, SITE_PRIMARY);
        stranger.code = (char *)"PS2";
        renumbered.number = 2;
        renamed.name = (char *)"Another Name";
        g_autoptr(DbTx) refused = db_begin(f->db, NULL);
        g_assert_false(site_install(refused, &stranger, "setup", &other));
        g_assert_error(other, UK_ERROR, UK_ERROR_CONFIG);
        g_assert_nonnull(strstr(other->message, "belongs to site PS1"));
        g_assert_false(site_install(refused, &renumbered, "setup", &number));
        g_assert_error(number, UK_ERROR, UK_ERROR_CONFIG);
        g_clear_pointer(&refused, db_rollback);
        STEP(f, site_install(tx, &renamed, "setup", &failure));
        ASK(f, "SELECT SiteName || ' ' || Cause || ' ' || Trace FROM Sites",
            "Another Name setup " TRACE);
        ASK(f, "SELECT SiteCode || Type || Status FROM v_Site", "PS121");
}

static void
bad_sites(Fixture *f, gconstpointer unused)
{
        const char *codes[] = { "", "PS", "PS11", "ps1", "P/1", "P 1", NULL };
        g_autoptr(DbTx) tx = db_begin(f->db, NULL);

        for (gsize i = 0; i < G_N_ELEMENTS(codes); i++) {
                g_autoptr(GError) error = NULL;
                Site site = *fixture_site();
                site.code = (char *)codes[i];
                g_assert_false(site_install(tx, &site, "setup", &error));
                g_assert_error(error, UK_ERROR, UK_ERROR_INVALID);
        }
        g_autoptr(GError) error = NULL;
        Site site = *fixture_site();
        site.number = 128;
        g_assert_false(site_install(tx, &site, "setup", &error));
        g_assert_error(error, UK_ERROR, UK_ERROR_INVALID);
}

static void
keys_carry_the_site(Fixture *f, gconstpointer unused)
{
        g_autoptr(GError) error = NULL;
        gint64 first = 0, second = 0, other = 0;
        g_autoptr(DbTx) early = db_begin(f->db, NULL);

        g_assert_false(sitekey_next(early, SITEKEY_CI, 1, &first, &error));
        g_assert_error(error, UK_ERROR, UK_ERROR_NOT_YET);
        g_clear_pointer(&early, db_rollback);
        STEP(f, site_install(tx, fixture_site(), "setup", &failure));
        STEP(f, sitekey_next(tx, SITEKEY_CI, 10, &first, &failure));
        STEP(f, sitekey_next(tx, SITEKEY_CI, 1, &second, &failure));
        STEP(f, sitekey_next(tx, SITEKEY_PADB, 1, &other, &failure));
        g_assert_cmpint(first, ==, 16777217); /* 16777216 x site number + 1 (database, 1) */
        g_assert_cmpint(second, ==, 16777227);
        g_assert_cmpint(other, ==, 16777217);
}

static void
keys_run_out(Fixture *f, gconstpointer unused)
{
        g_autoptr(GError) error = NULL;
        gint64 first = 0;

        STEP(f, sitekey_next(tx, SITEKEY_CI, 16777215, &first, &failure));
        g_autoptr(DbTx) tx = db_begin(f->db, NULL);
        g_assert_false(sitekey_next(tx, SITEKEY_CI, 1, &first, &error));
        g_assert_error(error, UK_ERROR, UK_ERROR_LIMIT);
}

static SiteSystem
sup(const char *server, int port)
{
        SiteSystem system = { .site = (char *)"PS1",
                              .role = SITESYSTEM_SUP,
                              .server = (char *)server,
                              .scheme = (char *)"http",
                              .port = port,
                              .intranet = 1 };

        return system;
}

/* "SERVER/order/default …" */
static char *
listed(Db *db)
{
        g_autoptr(GPtrArray) systems = NULL;
        g_autoptr(GString) text = g_string_new(NULL);

        MUST((systems = sitesystem_list(db, "PS1", SITESYSTEM_SUP, &failure)) != NULL);
        for (guint i = 0; i < systems->len; i++) {
                const SiteSystem *s = systems->pdata[i];
                g_string_append_printf(text, "%s%s/%d/%d", i > 0 ? " " : "", s->server,
                                       (int)s->install_order, (int)s->is_default);
        }
        return g_string_free(g_steal_pointer(&text), FALSE);
}

#define LISTED(f_, expected_)                              \
        do {                                               \
                g_autofree char *list_ = listed((f_)->db); \
                g_assert_cmpstr(list_, ==, (expected_));   \
        } while (0)

static void
first_is_default(Fixture *f, gconstpointer unused)
{
        SiteSystem b = sup("B.CONTOSO.COM", 8530), a = sup("A.CONTOSO.COM", 8530);
        g_autoptr(GError) error = NULL;
        bool changed = false;

        STEP(f, sitesystem_put(tx, &b, "setup", &changed, &failure));
        g_assert_true(changed);
        STEP(f, sitesystem_put(tx, &a, "setup", NULL, &failure));
        LISTED(f, "B.CONTOSO.COM/1/1 A.CONTOSO.COM/2/0");
        STEP(f, sitesystem_put(tx, &b, "setup", &changed, &failure));
        g_assert_false(changed);
        b.port = 80;
        STEP(f, sitesystem_put(tx, &b, "setup", &changed, &failure));
        g_assert_true(changed);
        STEP(f,
             sitesystem_set_default(tx, "PS1", SITESYSTEM_SUP, "A.CONTOSO.COM", "admin", &failure));
        LISTED(f, "A.CONTOSO.COM/2/1 B.CONTOSO.COM/1/0");
        /* Nobody steps into the place of a default that is removed. */
        STEP(f, sitesystem_remove(tx, "PS1", SITESYSTEM_SUP, "A.CONTOSO.COM", &failure));
        LISTED(f, "B.CONTOSO.COM/1/0");
        g_autoptr(DbTx) tx = db_begin(f->db, NULL);
        g_assert_false(sitesystem_remove(tx, "PS1", SITESYSTEM_SUP, "A.CONTOSO.COM", &error));
        g_assert_error(error, UK_ERROR, UK_ERROR_NOT_FOUND);
        g_clear_error(&error);
        g_assert_false(sitesystem_set_default(tx, "PS1", SITESYSTEM_SUP, "A.CONTOSO.COM", "admin",
                                              &error));
        g_assert_error(error, UK_ERROR, UK_ERROR_NOT_FOUND);
}

static void
names_and_urls(Fixture *f, gconstpointer unused)
{
        SiteSystem s = sup(SUP, 8530);
        g_autofree char *url = sitesystem_url(&s);

        STEP(f, sitesystem_put(tx, &s, "setup", NULL, &failure));
        g_assert_cmpstr(url, ==, "http://PS1SITE.CONTOSO.COM:8530");
        ASK(f, "SELECT NALPath || ' ' || RoleName FROM v_SystemResourceList",
            "[\"Display=\\\\PS1SITE.CONTOSO.COM\\\"]MSWNET:[\"SMS_SITE=PS1\"]\\\\"
            "PS1SITE.CONTOSO.COM\\ SMS Software Update Point");
}

static void
bad_systems(Fixture *f, gconstpointer unused)
{
        SiteSystem bad[] = { sup("", 8530),   sup("A B", 8530), sup("A/../B", 8530), sup("A", 0),
                             sup("A", 65536), sup("A", 80),     sup(NULL, 80) };
        g_autoptr(DbTx) tx = db_begin(f->db, NULL);

        bad[5].scheme = (char *)"ftp";
        for (gsize i = 0; i < G_N_ELEMENTS(bad); i++) {
                g_autoptr(GError) error = NULL;
                g_assert_false(sitesystem_put(tx, &bad[i], "setup", NULL, &error));
                g_assert_error(error, UK_ERROR, UK_ERROR_INVALID);
        }
}

int
main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        FIXTURE_CASE("/sitedb/site/installs-once", fixture_empty, installs_once);
        FIXTURE_CASE("/sitedb/site/bad-sites", fixture_empty, bad_sites);
        FIXTURE_CASE("/sitedb/sitekey/carry-the-site", fixture_empty, keys_carry_the_site);
        FIXTURE_CASE("/sitedb/sitekey/run-out", fixture_setup, keys_run_out);
        FIXTURE_CASE("/sitedb/sitesystem/first-is-default", fixture_setup, first_is_default);
        FIXTURE_CASE("/sitedb/sitesystem/names-and-urls", fixture_setup, names_and_urls);
        FIXTURE_CASE("/sitedb/sitesystem/bad-systems", fixture_setup, bad_systems);
        return g_test_run();
}
