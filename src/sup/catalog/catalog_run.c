/* catalog_run.c - a run's transaction: suites and indices go in, then products are computed. */
#include "sup/catalog/catalog_run.h"

#include <string.h>

#include "base/clock.h"
#include "sup/catalog/catalog.sql.h"
#include "sup/catalog/catalog_run.sql.h"
#include "sup/catalog/catalog_run_private.h"

/* Plain stanzas of one index; a million packages have about 200 MB. */
#define CONTENT_MAX (1024u * 1024 * 1024)

DbArg
catalog_run_time(const char *name, gint64 us)
{
        if (us == 0)
                return (DbArg)DB_NULL(name);
        return (DbArg)DB_TIME(name, us);
}

CatalogRun *
catalog_run_begin(Db *db, const char *root, gint64 now_us, GError **error)
{
        g_autoptr(CatalogRun) run = g_new0(CatalogRun, 1);
        g_autoptr(CatalogState) state = NULL;

        run->db = db;
        run->root = g_strdup(root);
        run->now_us = now_us;
        run->dirty = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, NULL);
        run->tx = db_begin(db, error);
        if (run->tx == NULL)
                return NULL;
        state = catalog_state(db, error);
        run->suites = state != NULL ? catalog_suites(db, error) : NULL;
        run->products = run->suites != NULL ? catalog_products(db, error) : NULL;
        if (run->products == NULL)
                return NULL;
        run->change = state->change + 1;
        run->revision_id = state->revision_id;
        for (guint i = 0; i < run->suites->len; i++) {
                const CatalogSuite *suite = g_ptr_array_index(run->suites, i);

                run->next_suite = MAX(run->next_suite, suite->id);
        }
        for (guint i = 0; i < run->products->len; i++) {
                const CatalogProduct *product = g_ptr_array_index(run->products, i);

                run->next_product = MAX(run->next_product, product->id);
        }
        return g_steal_pointer(&run);
}

void
catalog_run_watch(CatalogRun *run, CatalogUpdateFn fn, gpointer user)
{
        run->added = fn;
        run->added_user = user;
}

void
catalog_run_free(CatalogRun *run)
{
        if (run == NULL)
                return;
        db_rollback(run->tx);
        g_free(run->root);
        g_clear_pointer(&run->suites, g_ptr_array_unref);
        g_clear_pointer(&run->products, g_ptr_array_unref);
        g_hash_table_unref(run->dirty);
        g_free(run);
}

void
catalog_run_result_clear(CatalogRunResult *result)
{
        g_clear_pointer(&result->refusals, g_ptr_array_unref);
}

static void
mark_dirty(CatalogRun *run, gint64 product)
{
        gint64 *key;

        if (product == 0)
                return;
        key = g_new(gint64, 1);
        *key = product;
        g_hash_table_add(run->dirty, key);
}

/* ---- suites ---- */

static CatalogSuite *
find_suite(CatalogRun *run, const char *uri, const char *suite)
{
        for (guint i = 0; i < run->suites->len; i++) {
                CatalogSuite *s = g_ptr_array_index(run->suites, i);

                if (strcmp(s->uri, uri) == 0 && strcmp(s->suite, suite) == 0)
                        return s;
        }
        return NULL;
}

static CatalogSuite *
suite_by_id(CatalogRun *run, gint64 id)
{
        for (guint i = 0; i < run->suites->len; i++) {
                CatalogSuite *s = g_ptr_array_index(run->suites, i);

                if (s->id == id)
                        return s;
        }
        g_assert_not_reached();
}

static CatalogSuite *
find_or_add_suite(CatalogRun *run, const char *uri, const char *name)
{
        CatalogSuite *suite = find_suite(run, uri, name);

        if (suite != NULL)
                return suite;
        suite = g_new0(CatalogSuite, 1);
        suite->id = ++run->next_suite;
        suite->uri = g_strdup(uri);
        suite->suite = g_strdup(name);
        suite->codename = g_strdup("");
        suite->release_suite = g_strdup("");
        suite->classification = g_strdup("");
        suite->etag = g_strdup("");
        suite->last_modified = g_strdup("");
        suite->sha256 = g_strdup("");
        suite->wants = g_strdup("");
        suite->failure = g_strdup("");
        g_ptr_array_add(run->suites, suite);
        return suite;
}

static bool
write_suite(CatalogRun *run, const CatalogSuite *s, GError **error)
{
        DbArg product = DB_NULL("product");

        if (s->product != 0)
                product = (DbArg)DB_INT("product", s->product);
        return db_run(
                run->tx, &sql_catalog_run_suite,
                DB_ARGS(DB_INT("suite_id", s->id), DB_TEXT("uri", s->uri),
                        DB_TEXT("suite", s->suite), product, DB_TEXT("codename", s->codename),
                        DB_TEXT("release_suite", s->release_suite), DB_INT("priority", s->priority),
                        DB_TEXT("classification", s->classification), DB_TEXT("etag", s->etag),
                        DB_TEXT("last_modified", s->last_modified), DB_TEXT("sha256", s->sha256),
                        DB_TEXT("wants", s->wants), catalog_run_time("date", s->date),
                        catalog_run_time("valid_until", s->valid_until),
                        catalog_run_time("checked", s->checked),
                        catalog_run_time("changed", s->changed),
                        catalog_run_time("failed", s->failed), DB_TEXT("failure", s->failure)),
                error);
}

static void
set_text(char **slot, const char *text)
{
        char *copy = g_strdup(text != NULL ? text : "");

        g_free(*slot);
        *slot = copy;
}

/* What of a suite the updates depend on. */
static bool
same_for_updates(const CatalogSuite *s, const CatalogRunSuite *found, gint64 product)
{
        return s->product == product && s->priority == found->priority &&
               *s->classification == (char)found->classification;
}

bool
catalog_run_suite(CatalogRun *run, const CatalogRunSuite *found, gint64 *suite_id_out,
                  GError **error)
{
        UK_DOING(error, "writing the suite %s of %s", found->suite, found->uri);
        CatalogSuite *s = find_or_add_suite(run, found->uri, found->suite);
        char letter[2] = { (char)found->classification, '\0' };
        gint64 product;

        if (!catalog_run_product(run, found, &product, error))
                return false;
        if (!same_for_updates(s, found, product)) {
                mark_dirty(run, s->product);
                mark_dirty(run, product);
        }
        s->product = product;
        s->priority = found->priority;
        s->date = found->date_us;
        s->valid_until = found->valid_until_us;
        s->checked = run->now_us;
        if (found->changed)
                s->changed = run->now_us;
        s->failed = 0;
        set_text(&s->failure, "");
        set_text(&s->codename, found->release_codename);
        set_text(&s->release_suite, found->release_suite);
        set_text(&s->classification, letter);
        set_text(&s->etag, found->etag);
        set_text(&s->last_modified, found->last_modified);
        set_text(&s->sha256, found->sha256);
        set_text(&s->wants, found->wants);
        *suite_id_out = s->id;
        return write_suite(run, s, error);
}

bool
catalog_run_suite_unchanged(CatalogRun *run, gint64 suite_id, const char *etag,
                            const char *last_modified, GError **error)
{
        CatalogSuite *s = suite_by_id(run, suite_id);

        s->checked = run->now_us;
        s->failed = 0;
        set_text(&s->failure, "");
        if (etag != NULL)
                set_text(&s->etag, etag);
        if (last_modified != NULL)
                set_text(&s->last_modified, last_modified);
        return write_suite(run, s, error);
}

bool
catalog_run_suite_failed(CatalogRun *run, const char *uri, const char *name, const char *why,
                         GError **error)
{
        CatalogSuite *s = find_or_add_suite(run, uri, name);

        if (s->failed == 0)
                s->failed = run->now_us;
        set_text(&s->failure, why);
        return write_suite(run, s, error);
}

/* ---- indices ---- */

bool
catalog_run_index(CatalogRun *run, gint64 suite_id, const CatalogRunIndex *index, GError **error)
{
        const void *data;
        gsize size;

        mark_dirty(run, suite_by_id(run, suite_id)->product);
        if (index->content == NULL)
                return db_run(run->tx, &sql_catalog_run_index_serves,
                              DB_ARGS(DB_INT("suite_id", suite_id),
                                      DB_TEXT("component", index->component),
                                      DB_TEXT("arch", index->arch),
                                      DB_TEXT("serves", index->serves)),
                              error);
        data = g_bytes_get_data(index->content, &size);
        return db_run(run->tx, &sql_catalog_run_index,
                      DB_ARGS(DB_INT("suite_id", suite_id), DB_TEXT("component", index->component),
                              DB_TEXT("arch", index->arch), DB_TEXT("serves", index->serves),
                              DB_TEXT("sha256", index->sha256), DB_INT("stanzas", index->stanzas),
                              DB_INT("refused", index->refused), DB_BYTES("content", data, size)),
                      error);
}

bool
catalog_run_drop_index(CatalogRun *run, gint64 suite_id, const char *component, const char *arch,
                       GError **error)
{
        mark_dirty(run, suite_by_id(run, suite_id)->product);
        return db_run(run->tx, &sql_catalog_run_delete_index,
                      DB_ARGS(DB_INT("suite_id", suite_id), DB_TEXT("component", component),
                              DB_TEXT("arch", arch)),
                      error);
}

bool
catalog_run_empty_suite(CatalogRun *run, gint64 suite_id, GError **error)
{
        mark_dirty(run, suite_by_id(run, suite_id)->product);
        return db_run(run->tx, &sql_catalog_run_delete_indexes,
                      DB_ARGS(DB_INT("suite_id", suite_id)), error);
}

bool
catalog_run_drop_suite(CatalogRun *run, gint64 suite_id, GError **error)
{
        CatalogSuite *suite = suite_by_id(run, suite_id);

        if (!catalog_run_empty_suite(run, suite_id, error) ||
            !db_run(run->tx, &sql_catalog_run_delete_suite, DB_ARGS(DB_INT("suite_id", suite_id)),
                    error))
                return false;
        g_ptr_array_remove(run->suites, suite);
        return true;
}

/* ---- products ---- */

/* An index as it is kept, and what holds its texts. */
typedef struct {
        gint64 suite_id;
        char *component, *arch, *serves, *uri, *suite, *classification;
        gint64 priority, date;
        GBytes *content;
        GByteArray *stanzas;
} Kept;

static void
kept_free(gpointer data)
{
        Kept *kept = data;

        g_free(kept->component);
        g_free(kept->arch);
        g_free(kept->serves);
        g_free(kept->uri);
        g_free(kept->suite);
        g_free(kept->classification);
        g_clear_pointer(&kept->content, g_bytes_unref);
        g_clear_pointer(&kept->stanzas, g_byte_array_unref);
        g_free(kept);
}

static GPtrArray *
load_kept(CatalogRun *run, gint64 product, GError **error)
{
        static const DbField fields[] = {
                DB_FIELD(INT, Kept, suite_id, "SuiteID"),
                DB_FIELD(TEXT, Kept, component, "Component"),
                DB_FIELD(TEXT, Kept, arch, "Architecture"),
                DB_FIELD(TEXT, Kept, serves, "Serves"),
                DB_FIELD(BYTES, Kept, content, "Content"),
                DB_FIELD(TEXT, Kept, uri, "URI"),
                DB_FIELD(TEXT, Kept, suite, "Suite"),
                DB_FIELD(INT, Kept, priority, "Priority"),
                DB_FIELD(TEXT, Kept, classification, "Classification"),
                DB_FIELD(TIME, Kept, date, "ReleaseDate"),
                DB_FIELD_END,
        };
        g_autoptr(GPtrArray) list = db_list(run->db, &sql_catalog_run_product_indexes,
                                            DB_ARGS(DB_INT("product", product)), fields,
                                            sizeof(Kept), kept_free, error);

        for (guint i = 0; list != NULL && i < list->len; i++) {
                Kept *kept = g_ptr_array_index(list, i);
                gsize size;
                const void *data = g_bytes_get_data(kept->content, &size);

                kept->stanzas = stanzas_expand(data, size, CONTENT_MAX, error);
                if (kept->stanzas == NULL)
                        return NULL;
                g_clear_pointer(&kept->content, g_bytes_unref);
        }
        return g_steal_pointer(&list);
}

/* What compute_product() wants; it points into kept. */
static ComputeIndex *
indexes_of(const GPtrArray *kept)
{
        ComputeIndex *indexes = g_new0(ComputeIndex, kept->len + 1);

        for (guint i = 0; i < kept->len; i++) {
                const Kept *k = g_ptr_array_index(kept, i);

                indexes[i] = (ComputeIndex){ .suite_id = k->suite_id,
                                             .uri = k->uri,
                                             .suite = k->suite,
                                             .component = k->component,
                                             .arch = k->arch,
                                             .serves = k->serves,
                                             .priority = (int)k->priority,
                                             .classification = *k->classification,
                                             .date_us = k->date,
                                             .stanzas = k->stanzas->data,
                                             .size = k->stanzas->len };
        }
        return indexes;
}

static void
take_refusals(CatalogRunResult *result, Compute *compute)
{
        g_ptr_array_extend_and_steal(result->refusals, compute->refusals);
        compute->refusals = g_ptr_array_new();
}

static bool
renew_product(CatalogRun *run, const CatalogProduct *product, CatalogRunResult *result,
              GError **error)
{
        UK_DOING(error, "computing the updates of %s", product->title);
        g_autoptr(GPtrArray) kept = load_kept(run, product->id, error);
        g_autofree ComputeIndex *indexes = kept != NULL ? indexes_of(kept) : NULL;
        g_autoptr(Compute) compute =
                kept != NULL ? compute_product(indexes, kept->len, error) : NULL;
        g_autoptr(GArray) revisions = g_array_new(FALSE, FALSE, sizeof(int));

        if (compute == NULL ||
            !catalog_run_updates(run, product, compute, revisions, result, error) ||
            !catalog_run_sets(run, product, compute, revisions, error))
                return false;
        take_refusals(result, compute);
        result->products++;
        return true;
}

static bool
renew_products(CatalogRun *run, CatalogRunProgress progress, gpointer user,
               CatalogRunResult *result, GError **error)
{
        guint total = g_hash_table_size(run->dirty), done = 0;

        for (guint i = 0; i < run->products->len; i++) {
                const CatalogProduct *product = g_ptr_array_index(run->products, i);

                if (!g_hash_table_contains(run->dirty, &product->id))
                        continue;
                if (progress != NULL && !progress(user, done, total))
                        return uk_fail(error, UK_ERROR_CANCELLED,
                                       "the synchronization was stopped");
                if (!renew_product(run, product, result, error))
                        return false;
                done++;
        }
        return progress == NULL || progress(user, done, total) ||
               uk_fail(error, UK_ERROR_CANCELLED, "the synchronization was stopped");
}

static bool
write_state(CatalogRun *run, const char *summary, bool good, GError **error)
{
        gint64 change = run->wrote ? run->change : run->change - 1;

        return db_run(run->tx, &sql_catalog_run_numbers,
                      DB_ARGS(DB_INT("change", change), DB_INT("revision_id", run->revision_id)),
                      error) &&
               db_run(run->tx, &sql_catalog_set_ended,
                      DB_ARGS(DB_TIME("started", run->now_us), DB_TIME("ended", uk_clock_now()),
                              DB_TEXT("result", summary), DB_INT("good", good)),
                      error);
}

bool
catalog_run_commit(CatalogRun *run, const char *summary, bool good, CatalogRunProgress progress,
                   gpointer user, CatalogRunResult *result_out, GError **error)
{
        g_auto(CatalogRunResult) result = { 0 };

        result.refusals = g_ptr_array_new_with_free_func(g_free);
        if (!catalog_run_rules(run, error) ||
            !renew_products(run, progress, user, &result, error) ||
            !catalog_run_detectoids(run, error) || !write_state(run, summary, good, error) ||
            !db_commit(g_steal_pointer(&run->tx), error))
                return false;
        result.change = run->wrote ? run->change : run->change - 1;
        *result_out = result;
        result.refusals = NULL;
        return true;
}
