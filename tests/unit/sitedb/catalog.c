/* Tests of src/sitedb/catalog.c, category.c and update.c: what the engine says comes in, whole and
 * only where it is new, and can be looked at. */
#include "sitedb/catalog.h"

#include "base/fault.h"
#include "fixture.h"
#include "sitedb/category.h"
#include "sitedb/update.h"

#define GUID_A "11111111-aaaa-4aaa-8aaa-111111111111"
#define GUID_B "22222222-bbbb-4bbb-8bbb-222222222222"
#define GUID_C "33333333-cccc-4ccc-8ccc-333333333333"

static const CatalogCategory categories[] = {
        { "Company:1", "Company", "Debian", NULL, false, false, 0 },
        { "ProductFamily:1", "ProductFamily", "Debian GNU/Linux", "Company:1", false, false, 0 },
        { "Product:12", "Product", "Debian 12 (bookworm)", "ProductFamily:1", true, true, 0 },
        { "Product:13", "Product", "Debian 13 (trixie)", "ProductFamily:1", true, false, 0 },
        { "UpdateClassification:S", "UpdateClassification", "Security Updates", NULL, true, true,
          0 },
};
static const char *const in_bookworm[] = { "Product:12", "UpdateClassification:S", NULL };
static const guint8 sha[32] = { 0xab, 0xcd };
static const CatalogFile files[] = {
        { "libssl3_3.0.17-1_amd64.deb", 2000, sha, "pool/o/libssl3_3.0.17-1_amd64.deb", "libssl3",
          "amd64", "3.0.17-1", true },
        { "openssl_3.0.17-1_amd64.deb", 1000, sha, "pool/o/openssl_3.0.17-1_amd64.deb", "openssl",
          "amd64", "3.0.17-1", false },
};

static CatalogUpdate
openssl(void)
{
        CatalogUpdate update = { .unique_id = GUID_A,
                                 .revision = 1,
                                 .title = "openssl 3.0.17-1 (Security Updates)",
                                 .description = "Secure Sockets Layer toolkit",
                                 .article = "openssl",
                                 .info_url = "https://www.openssl.org/",
                                 .posted_us = 1700000000 * UK_SECOND,
                                 .revised_us = 1700000000 * UK_SECOND,
                                 .categories = in_bookworm,
                                 .files = files,
                                 .file_count = G_N_ELEMENTS(files) };

        return update;
}

static CatalogUpdate
older(const char *guid, const char *const *superseded_by)
{
        CatalogUpdate update = openssl();

        update.unique_id = guid;
        update.title = "openssl 3.0.15-1 (Security Updates)";
        update.superseded_by = superseded_by;
        return update;
}

/* A run with the categories and the updates of a list that ends without ID; what was written as
 * "categories/added/changed/expired". */
static char *
run(Fixture *f, bool full, const CatalogUpdate *updates)
{
        g_autoptr(Catalog) catalog = NULL;
        g_autoptr(DbTx) tx = NULL;
        CatalogChange change;
        CatalogCounts counts;

        MUST((catalog = catalog_new(f->db, full, "sync 1", &failure)) != NULL);
        MUST((tx = db_begin(f->db, &failure)) != NULL);
        for (gsize i = 0; i < G_N_ELEMENTS(categories); i++)
                MUST(catalog_category(catalog, tx, &categories[i], &change, &failure));
        for (; updates->unique_id != NULL; updates++)
                MUST(catalog_update(catalog, tx, updates, &change, &failure));
        MUST(catalog_finish(catalog, tx, &counts, &failure));
        MUST(db_commit(g_steal_pointer(&tx), &failure));
        return g_strdup_printf("%d/%d/%d/%d", (int)counts.categories, (int)counts.added,
                               (int)counts.changed, (int)counts.expired);
}

#define RUN(f_, full_, expected_, ...)                                   \
        do {                                                             \
                const CatalogUpdate list_[] = { __VA_ARGS__, { NULL } }; \
                g_autofree char *counts_ = run((f_), (full_), list_);    \
                g_assert_cmpstr(counts_, ==, (expected_));               \
        } while (0)

static gint64
raise_version(Fixture *f)
{
        gint64 version = 0;

        STEP(f, updatesource_raise(tx, "sync 1", &version, NULL, &failure));
        return version;
}

static void
first_run_then_nothing_new(Fixture *f, gconstpointer unused)
{
        RUN(f, true, "5/1/0/0", openssl());
        g_assert_cmpint(raise_version(f), ==, 1);
        RUN(f, true, "0/0/0/0", openssl());
        g_assert_cmpint(raise_version(f), ==, 1);
        ASK(f,
            "SELECT CI_ID || ' ' || CI_UniqueID || ' ' || Title || ' ' || ArticleID || ' ' ||"
            " MinSourceVersion || ' ' || DateRevised FROM v_UpdateInfo",
            "16777217 " GUID_A " openssl 3.0.17-1 (Security Updates) openssl 1"
            " 2023-11-14T22:13:20.000Z"); /* date -u -d @1700000000 */
        ASK(f, "SELECT Cause || ' ' || Trace FROM CI_ConfigurationItems", "sync 1 " TRACE);
        ASK(f, "SELECT ContentSize FROM CI_ConfigurationItems", "3000");
        ASK(f,
            "SELECT GROUP_CONCAT(CategoryInstanceName, '; ') FROM (SELECT CategoryInstanceName"
            " FROM v_CICategoryInfo_All ORDER BY CategoryTypeName)",
            "Debian; Debian 12 (bookworm); Debian GNU/Linux; Security Updates");
}

static void
only_what_changed(Fixture *f, gconstpointer unused)
{
        CatalogUpdate changed = openssl(), other = older(GUID_B, NULL);
        CatalogFile changed_files[2] = { files[0], files[1] };

        RUN(f, false, "5/2/0/0", openssl(), other);
        raise_version(f);
        /* Another description: the machines' answers stay what they are. */
        changed.description = "Another description";
        RUN(f, false, "0/0/1/0", changed, other);
        g_assert_cmpint(raise_version(f), ==, 2);
        ASK(f, "SELECT MinSourceVersion FROM v_UpdateInfo WHERE CI_UniqueID = '" GUID_A "'", "1");
        /* Another owner of a package: they must be asked again. */
        changed_files[1].owned = true;
        changed.files = changed_files;
        RUN(f, false, "0/0/1/0", changed, other);
        g_assert_cmpint(raise_version(f), ==, 3);
        ASK(f, "SELECT MinSourceVersion FROM v_UpdateInfo WHERE CI_UniqueID = '" GUID_A "'", "3");
        ASK(f, "SELECT Description FROM v_UpdateInfo WHERE CI_UniqueID = '" GUID_A "'",
            "Another description");
        ASK(f, "SELECT COUNT(*) FROM CI_ContentFiles WHERE IsOwned = 0", "1");
        /* A file fewer. */
        changed.file_count = 1;
        changed.revision = 2;
        RUN(f, false, "0/0/1/0", changed);
        ASK(f, "SELECT COUNT(*) FROM CI_ContentFiles", "3");
        ASK(f, "SELECT RevisionNumber FROM v_UpdateInfo WHERE CI_UniqueID = '" GUID_A "'", "2");
}

static void
delta_never_expires(Fixture *f, gconstpointer unused)
{
        RUN(f, true, "5/2/0/0", openssl(), older(GUID_B, NULL));
        RUN(f, false, "0/0/0/0", openssl());
        ASK(f, "SELECT SUM(IsExpired) FROM v_UpdateCIs", "0");
}

static void
full_expires_what_is_gone(Fixture *f, gconstpointer unused)
{
        RUN(f, true, "5/2/0/0", openssl(), older(GUID_B, NULL));
        raise_version(f);
        RUN(f, true, "0/0/0/1", openssl());
        g_assert_cmpint(raise_version(f), ==, 2);
        ASK(f, "SELECT CI_UniqueID FROM v_UpdateCIs WHERE IsExpired = 1", GUID_B);
        RUN(f, true, "0/0/0/0", openssl());
        g_assert_cmpint(raise_version(f), ==, 2);
        /* It comes back as it was; but who scanned meanwhile has said nothing of it. */
        RUN(f, true, "0/0/1/0", openssl(), older(GUID_B, NULL));
        ASK(f, "SELECT SUM(IsExpired) FROM v_UpdateCIs", "0");
        g_assert_cmpint(raise_version(f), ==, 3);
        ASK(f, "SELECT MinSourceVersion FROM v_UpdateInfo WHERE CI_UniqueID = '" GUID_B "'", "3");
        ASK(f, "SELECT MinSourceVersion FROM v_UpdateInfo WHERE CI_UniqueID = '" GUID_A "'", "1");
}

static void
expired_by_name(Fixture *f, gconstpointer unused)
{
        g_autoptr(Catalog) catalog = NULL;
        bool changed = false;

        RUN(f, true, "5/1/0/0", openssl());
        MUST((catalog = catalog_new(f->db, false, "sync 2", &failure)) != NULL);
        STEP(f, catalog_expire(catalog, tx, "11111111-AAAA-4AAA-8AAA-111111111111", &changed,
                               &failure));
        g_assert_true(changed);
        STEP(f, catalog_expire(catalog, tx, GUID_A, &changed, &failure));
        g_assert_false(changed);
        STEP(f, catalog_expire(catalog, tx, GUID_C, &changed, &failure));
        g_assert_false(changed);
}

static void
superseded_by_what_comes_later(Fixture *f, gconstpointer unused)
{
        const char *const by_a[] = { GUID_A, NULL };

        /* The superseded one first, and one twice in the stream. */
        RUN(f, true, "5/2/0/0", older(GUID_B, by_a), openssl(), openssl());
        ASK(f, "SELECT IsSuperseded FROM v_UpdateCIs WHERE CI_UniqueID = '" GUID_B "'", "1");
        ASK(f,
            "SELECT f.CI_UniqueID || ' over ' || t.CI_UniqueID FROM v_CIRelation r"
            " JOIN v_UpdateCIs f ON f.CI_ID = r.FromCIID JOIN v_UpdateCIs t ON t.CI_ID = r.ToCIID",
            GUID_A " over " GUID_B);
        RUN(f, true, "0/0/0/0", older(GUID_B, by_a), openssl());
        /* Not any more. */
        RUN(f, true, "0/0/1/0", older(GUID_B, NULL), openssl());
        ASK(f, "SELECT COUNT(*) FROM v_CIRelation", "0");
}

/* Killed between two transactions of one run: the next run completes it, and the version grows
 * although it finds the updates there already. */
static void
cut_short_and_completed(Fixture *f, gconstpointer unused)
{
        const char *const by_a[] = { GUID_A, NULL };
        CatalogUpdate first = older(GUID_B, by_a), second = openssl();
        CatalogChange change;
        gint64 version = 0;

        {
                g_autoptr(Catalog) catalog = NULL;
                MUST((catalog = catalog_new(f->db, true, "sync 1", &failure)) != NULL);
                for (gsize i = 0; i < G_N_ELEMENTS(categories); i++)
                        STEP(f, catalog_category(catalog, tx, &categories[i], &change, &failure));
                STEP(f, catalog_update(catalog, tx, &first, &change, &failure));
                g_assert_cmpint(change, ==, CATALOG_ADDED);
                STEP(f, catalog_update(catalog, tx, &second, &change, &failure));
        }
        ASK(f, "SELECT COUNT(*) FROM v_CIRelation", "0");
        RUN(f, true, "0/0/1/0", first, second);
        ASK(f, "SELECT COUNT(*) FROM v_CIRelation", "1");
        version = raise_version(f);
        g_assert_cmpint(version, ==, 1);
        ASK(f, "SELECT MAX(MinSourceVersion) FROM v_UpdateCIs", "1");
        RUN(f, true, "0/0/0/0", first, second);
}

static void
superseded_by_nobody_named(Fixture *f, gconstpointer unused)
{
        CatalogUpdate update = openssl();
        g_autofree char *id = catalog_category_id("Product", "ABCD-12");

        g_assert_cmpstr(id, ==, "Product:abcd-12");
        RUN(f, true, "5/1/0/0", update);
        update.superseded = true;
        RUN(f, true, "0/0/1/0", update);
        ASK(f, "SELECT IsSuperseded FROM v_UpdateCIs", "1");
        RUN(f, true, "0/0/0/0", update);
}

/* The disk fails at the commit: nothing is there, and the next run does it all. */
static void
commit_fails(Fixture *f, gconstpointer unused)
{
        const CatalogUpdate update = openssl();
        g_autoptr(Catalog) catalog = NULL;
        g_autoptr(DbTx) tx = NULL;
        g_autoptr(GError) error = NULL;
        CatalogChange change;

        MUST((catalog = catalog_new(f->db, true, "sync 1", &failure)) != NULL);
        MUST((tx = db_begin(f->db, &failure)) != NULL);
        for (gsize i = 0; i < G_N_ELEMENTS(categories); i++)
                MUST(catalog_category(catalog, tx, &categories[i], &change, &failure));
        MUST(catalog_update(catalog, tx, &update, &change, &failure));
        MUST(catalog_finish(catalog, tx, NULL, &failure));
        uk_fault_set("fail:1");
        g_assert_false(db_commit(g_steal_pointer(&tx), &error));
        uk_fault_set(NULL);
        ASK(f, "SELECT COUNT(*) FROM CI_ConfigurationItems", "0");
        g_assert_cmpint(raise_version(f), ==, 0);
        RUN(f, true, "5/1/0/0", update);
        g_assert_cmpint(raise_version(f), ==, 1);
}

static void
bad_input(Fixture *f, gconstpointer unused)
{
        const char *const nowhere[] = { "Product:99", NULL };
        CatalogFile no_hash = files[0];
        CatalogUpdate bad[5];
        const CatalogCategory bad_categories[] = {
                { "X:1", "Colour", "Red", NULL, false, false, 0 },
                { "Product:1", "Product", "", NULL, true, false, 0 },
                { "", "Product", "Name", NULL, true, false, 0 },
                { "Product:1", "Product", "Name", "ProductFamily:99", true, false, 0 },
        };
        CatalogChange change;

        no_hash.sha256 = NULL;
        for (gsize i = 0; i < G_N_ELEMENTS(bad); i++)
                bad[i] = openssl();
        bad[0].unique_id = "{" GUID_A "}";
        bad[1].title = "";
        bad[2].categories = nowhere;
        bad[3].files = &no_hash;
        bad[4].title = "not \xff UTF-8";
        for (gsize i = 0; i < G_N_ELEMENTS(bad); i++) {
                g_autoptr(GError) error = NULL;
                g_autoptr(Catalog) catalog = catalog_new(f->db, false, "sync 1", NULL);
                g_autoptr(DbTx) tx = db_begin(f->db, NULL);
                for (gsize c = 0; c < G_N_ELEMENTS(categories); c++)
                        MUST(catalog_category(catalog, tx, &categories[c], &change, &failure));
                g_assert_false(catalog_update(catalog, tx, &bad[i], &change, &error));
                g_assert_error(error, UK_ERROR, UK_ERROR_INVALID);
        }
        for (gsize i = 0; i < G_N_ELEMENTS(bad_categories); i++) {
                g_autoptr(GError) error = NULL;
                g_autoptr(Catalog) catalog = catalog_new(f->db, false, "sync 1", NULL);
                g_autoptr(DbTx) tx = db_begin(f->db, NULL);
                g_assert_false(catalog_category(catalog, tx, &bad_categories[i], &change, &error));
                g_assert_error(error, UK_ERROR, UK_ERROR_INVALID);
        }
        ASK(f, "SELECT COUNT(*) FROM CI_ConfigurationItems", "0");
}

static void
categories_change_but_not_the_subscription(Fixture *f, gconstpointer unused)
{
        CatalogCategory renamed = categories[2], gone = categories[3];
        g_autoptr(Category) bookworm = NULL;
        CatalogChange change;
        bool changed = false;

        RUN(f, true, "5/0/0/0", { NULL });
        MUST((bookworm = category_find(f->db, "debian 12 (BOOKWORM)", &failure)) != NULL);
        g_assert_true(bookworm->subscribed);
        STEP(f, category_subscribe(tx, bookworm, false, "admin", &changed, &failure));
        g_assert_true(changed);
        STEP(f, category_subscribe(tx, bookworm, false, "admin", &changed, &failure));
        g_assert_false(changed);
        renamed.name = "Debian 12 (oldstable)";
        renamed.end_of_life_us = 1900000000 * UK_SECOND;
        {
                g_autoptr(Catalog) catalog = NULL;
                MUST((catalog = catalog_new(f->db, true, "sync 2", &failure)) != NULL);
                STEP(f, catalog_category(catalog, tx, &renamed, &change, &failure));
                g_assert_cmpint(change, ==, CATALOG_CHANGED);
                STEP(f, catalog_category(catalog, tx, &renamed, &change, &failure));
                g_assert_cmpint(change, ==, CATALOG_SAME);
                STEP(f, catalog_finish(catalog, tx, NULL, &failure));
        }
        ASK(f,
            "SELECT IsSubscribed || ' ' || EndOfLife FROM CI_CategoryInstances"
            " WHERE CategoryInstanceName = 'Debian 12 (oldstable)'",
            "0 2030-03-17T17:46:40.000Z");
        ASK(f, "SELECT COUNT(*) FROM v_UpdateCategoryInstances", "1");
        /* What was gone comes back with its row. */
        g_autoptr(Catalog) catalog = NULL;
        MUST((catalog = catalog_new(f->db, false, "sync 3", &failure)) != NULL);
        gone.parent = NULL;
        STEP(f, catalog_category(catalog, tx, &gone, &change, &failure));
        g_assert_cmpint(change, ==, CATALOG_CHANGED);
        ASK(f, "SELECT COUNT(*) FROM v_UpdateCategoryInstances", "2");
}

static void
category_names(Fixture *f, gconstpointer unused)
{
        const CatalogCategory twin = { "Product:99", "Product", "Debian 13 (TRIXIE)", NULL, true,
                                       false,        0 };
        g_autoptr(GError) unknown = NULL, two = NULL, fixed = NULL;
        g_autoptr(Category) company = NULL, by_id = NULL;
        g_autoptr(GPtrArray) products = NULL;
        g_autoptr(Catalog) catalog = NULL;
        CatalogChange change;

        RUN(f, true, "5/0/0/0", { NULL });
        g_assert_null(category_find(f->db, "Debian 11", &unknown));
        g_assert_error(unknown, UK_ERROR, UK_ERROR_NOT_FOUND);
        MUST((company = category_find(f->db, "Debian", &failure)) != NULL);
        g_assert_cmpstr(company->type, ==, "Company");
        MUST((catalog = catalog_new(f->db, false, "sync", &failure)) != NULL);
        STEP(f, catalog_category(catalog, tx, &twin, &change, &failure));
        g_assert_null(category_find(f->db, "Debian 13 (trixie)", &two));
        g_assert_error(two, UK_ERROR, UK_ERROR_INVALID);
        MUST((by_id = category_find(f->db, "product:13", &failure)) != NULL);
        g_assert_cmpstr(by_id->parent_name, ==, "Debian GNU/Linux");
        g_autoptr(DbTx) tx = db_begin(f->db, NULL);
        g_assert_false(category_subscribe(tx, company, true, "admin", NULL, &fixed));
        g_assert_error(fixed, UK_ERROR, UK_ERROR_INVALID);
        MUST((products = category_list(f->db, "Product", &failure)) != NULL);
        g_assert_cmpuint(products->len, ==, 3);
}

static guint
count_rows(Fixture *f, const UpdateFilter *filter)
{
        g_autoptr(DbRows) rows = NULL;
        guint count = 0;
        bool row = true;

        MUST((rows = update_rows(f->db, filter, &failure)) != NULL);
        for (;; count++) {
                MUST(db_next(rows, &row, &failure));
                if (!row)
                        return count;
        }
}

static void
lists(Fixture *f, gconstpointer unused)
{
        const char *const by_a[] = { GUID_A, NULL };
        CatalogUpdate percent = older(GUID_C, NULL);
        g_autoptr(Category) bookworm = NULL, trixie = NULL;
        gint64 valid = 0, all = 0;

        percent.title = "100%_safe";
        percent.article = "safe";
        RUN(f, true, "5/3/0/0", openssl(), older(GUID_B, by_a), percent);
        MUST((bookworm = category_find(f->db, "Product:12", &failure)) != NULL);
        MUST((trixie = category_find(f->db, "Product:13", &failure)) != NULL);
        const struct {
                UpdateFilter filter;
                guint rows;
        } cases[] = {
                { { 0 }, 2 },
                { { .with_superseded = true }, 3 },
                { { .text = "OPENSSL" }, 1 },
                { { .text = "%" }, 1 },
                { { .text = "0%_S" }, 1 },
                { { .text = "' OR 1 = 1 --" }, 0 },
                { { .article = "openssl", .with_superseded = true }, 2 },
                { { .category = bookworm->id }, 2 },
                { { .category = trixie->id }, 0 },
                { { .missing_only = true }, 0 },
                { { .limit = 1 }, 1 },
                { { .after = 16777217 }, 1 },
        };
        for (gsize i = 0; i < G_N_ELEMENTS(cases); i++)
                g_assert_cmpuint(count_rows(f, &cases[i].filter), ==, cases[i].rows);
        MUST(update_count(f->db, &valid, &all, &failure));
        g_assert_cmpint(valid * 10 + all, ==, 23);
}

static void
one_row(Fixture *f, gconstpointer unused)
{
        g_autoptr(DbRows) rows = NULL, none = NULL;
        int product = -1, classification = -1;
        bool row = false;

        RUN(f, true, "5/1/0/0", openssl());
        MUST((rows = update_row(f->db, 16777217, &failure)) != NULL);
        MUST(db_next(rows, &row, &failure));
        g_assert_true(row);
        MUST(db_column(rows, "Product", &product, &failure));
        MUST(db_column(rows, "Classification", &classification, &failure));
        g_assert_cmpstr(db_cell_text(rows, product, NULL), ==, "Debian 12 (bookworm)");
        g_assert_cmpstr(db_cell_text(rows, classification, NULL), ==, "Security Updates");
        MUST((none = update_row(f->db, 1, &failure)) != NULL);
        MUST(db_next(none, &row, &failure));
        g_assert_false(row);
}

static void
show(Fixture *f, gconstpointer unused)
{
        const char *const by_a[] = { GUID_A, NULL };
        g_autoptr(Update) newer = NULL, old = NULL;
        g_autoptr(GError) missing = NULL;

        RUN(f, true, "5/2/0/0", openssl(), older(GUID_B, by_a));
        MUST((newer = update_load(f->db, 16777217, &failure)) != NULL);
        g_assert_cmpuint(newer->files->len, ==, 2);
        const UpdateFile *file = newer->files->pdata[1];
        g_assert_cmpstr(file->package, ==, "openssl");
        g_assert_cmpint(file->owned, ==, 0);
        g_assert_cmpmem(g_bytes_get_data(file->sha256, NULL), 32, sha, 32);
        g_assert_cmpuint(newer->categories->len, ==, 2);
        g_assert_cmpstr(newer->categories->pdata[0], ==, "Product: Debian 12 (bookworm)");
        g_assert_cmpuint(newer->supersedes->len, ==, 1);
        MUST((old = update_load(f->db, 16777218, &failure)) != NULL);
        g_assert_cmpuint(old->superseded_by->len, ==, 1);
        g_assert_cmpstr(((const UpdateRef *)old->superseded_by->pdata[0])->unique_id, ==, GUID_A);
        g_assert_null(update_load(f->db, 99, &missing));
        g_assert_error(missing, UK_ERROR, UK_ERROR_NOT_FOUND);
}

static gint64
found_first(Fixture *f, const char *text)
{
        g_autoptr(GArray) ids = NULL;

        MUST((ids = update_find(f->db, text, &failure)) != NULL);
        return g_array_index(ids, gint64, 0);
}

static void
finds(Fixture *f, gconstpointer unused)
{
        const char *const by_a[] = { GUID_A, NULL };
        g_autoptr(GError) missing = NULL;

        RUN(f, true, "5/2/0/0", older(GUID_B, by_a), openssl());
        g_assert_cmpint(found_first(f, "openssl"), ==, 16777218); /* not the superseded one */
        g_assert_cmpint(found_first(f, "16777217"), ==, 16777217);
        g_assert_cmpint(found_first(f, "22222222-BBBB-4BBB-8BBB-222222222222"), ==, 16777217);
        g_assert_null(update_find(f->db, "libssl3", &missing));
        g_assert_error(missing, UK_ERROR, UK_ERROR_NOT_FOUND);
}

int
main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        FIXTURE_CASE("/sitedb/catalog/first-run-then-nothing-new-SYNC-035", fixture_setup,
                     first_run_then_nothing_new);
        FIXTURE_CASE("/sitedb/catalog/only-what-changed-SYNC-034", fixture_setup,
                     only_what_changed);
        FIXTURE_CASE("/sitedb/catalog/delta-never-expires", fixture_setup, delta_never_expires);
        FIXTURE_CASE("/sitedb/catalog/full-expires-what-is-gone", fixture_setup,
                     full_expires_what_is_gone);
        FIXTURE_CASE("/sitedb/catalog/expired-by-name", fixture_setup, expired_by_name);
        FIXTURE_CASE("/sitedb/catalog/superseded-by-what-comes-later", fixture_setup,
                     superseded_by_what_comes_later);
        FIXTURE_CASE("/sitedb/catalog/cut-short-and-completed", fixture_setup,
                     cut_short_and_completed);
        FIXTURE_CASE("/sitedb/catalog/superseded-by-nobody-named", fixture_setup,
                     superseded_by_nobody_named);
        FIXTURE_CASE("/sitedb/catalog/commit-fails", fixture_setup, commit_fails);
        FIXTURE_CASE("/sitedb/catalog/bad-input", fixture_setup, bad_input);
        FIXTURE_CASE("/sitedb/category/change-but-not-the-subscription", fixture_setup,
                     categories_change_but_not_the_subscription);
        FIXTURE_CASE("/sitedb/category/names", fixture_setup, category_names);
        FIXTURE_CASE("/sitedb/update/lists", fixture_setup, lists);
        FIXTURE_CASE("/sitedb/update/one-row", fixture_setup, one_row);
        FIXTURE_CASE("/sitedb/update/show", fixture_setup, show);
        FIXTURE_CASE("/sitedb/update/finds", fixture_setup, finds);
        return g_test_run();
}
