/* catalog.c - reads the catalogue. What a synchronization writes is in catalog_run.c. */
#include "sup/catalog/catalog.h"

#include <string.h>
#include <zstd.h>

#include "base/guid.h"
#include "deb/evalset.h"
#include "sup/catalog/catalog.sql.h"
#include "sup/catalog/schema.h"

#define BUSY_MS 30000
#define PAGE    1000
#define SET_MAX (256 * 1024 * 1024)

/* ---- state ---- */

static const DbField state_fields[] = {
        DB_FIELD(TEXT, CatalogState, epoch, "Epoch"),
        DB_FIELD(TEXT, CatalogState, former_epoch, "FormerEpoch"),
        DB_FIELD(INT, CatalogState, change, "Change"),
        DB_FIELD(INT, CatalogState, revision_id, "RevisionID"),
        DB_FIELD(TEXT, CatalogState, sources, "Sources"),
        DB_FIELD(TIME, CatalogState, last_started, "LastStarted"),
        DB_FIELD(TIME, CatalogState, last_ended, "LastEnded"),
        DB_FIELD(TIME, CatalogState, last_good, "LastGood"),
        DB_FIELD(TEXT, CatalogState, last_result, "LastResult"),
        DB_FIELD_END,
};

bool
catalog_prepare(Db *db, GError **error)
{
        g_autofree char *epoch = uk_guid_new(), *held = NULL;
        bool found = false;
        g_autoptr(DbTx) tx = NULL;

        if (!db_text(db, &sql_catalog_state, DB_NO_ARGS, &held, &found, error))
                return false;
        if (found)
                return true;
        tx = db_begin(db, error);
        return tx != NULL &&
               db_run(tx, &sql_catalog_state_init, DB_ARGS(DB_TEXT("epoch", epoch)), error) &&
               db_commit(g_steal_pointer(&tx), error);
}

static bool
renew(DbTx *tx, GError **error)
{
        g_autofree char *epoch = uk_guid_new();

        return db_run(tx, &sql_catalog_set_epoch, DB_ARGS(DB_TEXT("epoch", epoch)), error);
}

bool
catalog_renew(Db *db, GError **error)
{
        g_autoptr(DbTx) tx = db_begin(db, error);

        return tx != NULL && renew(tx, error) && db_commit(g_steal_pointer(&tx), error);
}

bool
catalog_distrust(Db *db, GError **error)
{
        g_autoptr(DbTx) tx = db_begin(db, error);

        return tx != NULL && renew(tx, error) &&
               db_run(tx, &sql_catalog_set_unended, DB_NO_ARGS, error) &&
               db_commit(g_steal_pointer(&tx), error);
}

Db *
catalog_open(const char *path, GError **error)
{
        UK_DOING(error, "opening the catalogue");
        g_autoptr(Db) db = db_open(path, true, BUSY_MS, error);

        if (db == NULL || !db_migrate(db, catalog_migrations, CATALOG_MIGRATIONS_COUNT, error) ||
            !catalog_prepare(db, error))
                return NULL;
        return g_steal_pointer(&db);
}

CatalogState *
catalog_state(Db *db, GError **error)
{
        g_autoptr(CatalogState) state = g_new0(CatalogState, 1);

        if (!db_one(db, &sql_catalog_state, DB_NO_ARGS, state_fields, state, NULL, error))
                return NULL;
        return g_steal_pointer(&state);
}

void
catalog_state_free(CatalogState *state)
{
        if (state == NULL)
                return;
        g_free(state->epoch);
        g_free(state->former_epoch);
        g_free(state->sources);
        g_free(state->last_result);
        g_free(state);
}

bool
catalog_set_sources(DbTx *tx, const char *sources, GError **error)
{
        return db_run(tx, &sql_catalog_set_sources, DB_ARGS(DB_TEXT("sources", sources)), error);
}

bool
catalog_counts(Db *db, CatalogCounts *counts_out, GError **error)
{
        static const DbField fields[] = {
                DB_FIELD(INT, CatalogCounts, updates, "Updates"),
                DB_FIELD(INT, CatalogCounts, expired, "Expired"),
                DB_FIELD(INT, CatalogCounts, superseded, "Superseded"),
                DB_FIELD(INT, CatalogCounts, files, "Files"),
                DB_FIELD_END,
        };

        return db_one(db, &sql_catalog_counts, DB_NO_ARGS, fields, counts_out, NULL, error);
}

/* ---- categories ---- */

void
catalog_category_free(CatalogCategory *category)
{
        g_free(category->id);
        g_free(category->type);
        g_free(category->parent);
        g_free(category->title);
        g_free(category);
}

GPtrArray *
catalog_categories(Db *db, GError **error)
{
        static const DbField fields[] = {
                DB_FIELD(TEXT, CatalogCategory, id, "CategoryID"),
                DB_FIELD(TEXT, CatalogCategory, type, "CategoryType"),
                DB_FIELD(TEXT, CatalogCategory, parent, "ParentID"),
                DB_FIELD(TEXT, CatalogCategory, title, "Title"),
                DB_FIELD(INT, CatalogCategory, revision_id, "RevisionID"),
                DB_FIELD(INT, CatalogCategory, revision, "Revision"),
                DB_FIELD(INT, CatalogCategory, change, "Change"),
                DB_FIELD(TIME, CatalogCategory, changed, "Changed"),
                DB_FIELD(INT, CatalogCategory, wanted, "Wanted"),
                DB_FIELD_END,
        };

        return db_list(db, &sql_catalog_categories, DB_NO_ARGS, fields, sizeof(CatalogCategory),
                       (GDestroyNotify)catalog_category_free, error);
}

bool
catalog_subscribe(DbTx *tx, const char *id, bool wanted, GError **error)
{
        g_autofree char *small = g_ascii_strdown(id, -1);

        if (!uk_guid_valid(small))
                return uk_fail(error, UK_ERROR_INVALID,
                               "\"%s\" is no GUID of a product or classification", id);
        return db_run(tx, &sql_catalog_subscribe,
                      DB_ARGS(DB_TEXT("id", small), DB_INT("wanted", wanted)), error);
}

bool
catalog_is_wanted(Db *db, const char *id, bool *wanted_out, GError **error)
{
        gint64 wanted = 1;
        bool found;

        if (!db_int(db, &sql_catalog_wanted, DB_ARGS(DB_TEXT("id", id)), &wanted, &found, error))
                return false;
        *wanted_out = !found || wanted != 0;
        return true;
}

void
catalog_product_free(CatalogProduct *product)
{
        g_free(product->category);
        g_free(product->title);
        g_free(product->origin);
        g_free(product->codename);
        g_free(product->version);
        g_free(product->rule);
        g_free(product->end_of_life);
        g_free(product);
}

GPtrArray *
catalog_products(Db *db, GError **error)
{
        static const DbField fields[] = {
                DB_FIELD(INT, CatalogProduct, id, "ProductID"),
                DB_FIELD(TEXT, CatalogProduct, category, "CategoryID"),
                DB_FIELD(TEXT, CatalogProduct, title, "Title"),
                DB_FIELD(TEXT, CatalogProduct, origin, "Origin"),
                DB_FIELD(TEXT, CatalogProduct, codename, "Codename"),
                DB_FIELD(TEXT, CatalogProduct, version, "Version"),
                DB_FIELD(TEXT, CatalogProduct, rule, "Rule"),
                DB_FIELD(TEXT, CatalogProduct, end_of_life, "EndOfLife"),
                DB_FIELD_END,
        };

        return db_list(db, &sql_catalog_products, DB_NO_ARGS, fields, sizeof(CatalogProduct),
                       (GDestroyNotify)catalog_product_free, error);
}

/* ---- suites ---- */

void
catalog_suite_free(CatalogSuite *suite)
{
        g_free(suite->uri);
        g_free(suite->suite);
        g_free(suite->codename);
        g_free(suite->release_suite);
        g_free(suite->classification);
        g_free(suite->etag);
        g_free(suite->last_modified);
        g_free(suite->sha256);
        g_free(suite->wants);
        g_free(suite->failure);
        g_free(suite);
}

GPtrArray *
catalog_suites(Db *db, GError **error)
{
        static const DbField fields[] = {
                DB_FIELD(INT, CatalogSuite, id, "SuiteID"),
                DB_FIELD(TEXT, CatalogSuite, uri, "URI"),
                DB_FIELD(TEXT, CatalogSuite, suite, "Suite"),
                DB_FIELD(INT, CatalogSuite, product, "ProductID"),
                DB_FIELD(TEXT, CatalogSuite, codename, "Codename"),
                DB_FIELD(TEXT, CatalogSuite, release_suite, "ReleaseSuite"),
                DB_FIELD(INT, CatalogSuite, priority, "Priority"),
                DB_FIELD(TEXT, CatalogSuite, classification, "Classification"),
                DB_FIELD(TEXT, CatalogSuite, etag, "ETag"),
                DB_FIELD(TEXT, CatalogSuite, last_modified, "LastModified"),
                DB_FIELD(TEXT, CatalogSuite, sha256, "SHA256"),
                DB_FIELD(TEXT, CatalogSuite, wants, "Wants"),
                DB_FIELD(TIME, CatalogSuite, date, "ReleaseDate"),
                DB_FIELD(TIME, CatalogSuite, valid_until, "ValidUntil"),
                DB_FIELD(TIME, CatalogSuite, checked, "Checked"),
                DB_FIELD(TIME, CatalogSuite, changed, "Changed"),
                DB_FIELD(TIME, CatalogSuite, failed, "Failed"),
                DB_FIELD(TEXT, CatalogSuite, failure, "Failure"),
                DB_FIELD_END,
        };

        return db_list(db, &sql_catalog_suites, DB_NO_ARGS, fields, sizeof(CatalogSuite),
                       (GDestroyNotify)catalog_suite_free, error);
}

void
catalog_index_free(CatalogIndex *index)
{
        g_free(index->component);
        g_free(index->arch);
        g_free(index->serves);
        g_free(index->sha256);
        g_free(index);
}

GPtrArray *
catalog_indexes(Db *db, GError **error)
{
        static const DbField fields[] = {
                DB_FIELD(INT, CatalogIndex, suite_id, "SuiteID"),
                DB_FIELD(TEXT, CatalogIndex, component, "Component"),
                DB_FIELD(TEXT, CatalogIndex, arch, "Architecture"),
                DB_FIELD(TEXT, CatalogIndex, serves, "Serves"),
                DB_FIELD(TEXT, CatalogIndex, sha256, "SHA256"),
                DB_FIELD(INT, CatalogIndex, stanzas, "Stanzas"),
                DB_FIELD(INT, CatalogIndex, refused, "Refused"),
                DB_FIELD_END,
        };

        return db_list(db, &sql_catalog_indexes, DB_NO_ARGS, fields, sizeof(CatalogIndex),
                       (GDestroyNotify)catalog_index_free, error);
}

/* ---- updates ---- */

static const DbField update_fields[] = {
        DB_FIELD(INT, CatalogUpdate, revision_id, "RevisionID"),
        DB_FIELD(TEXT, CatalogUpdate, id, "UpdateID"),
        DB_FIELD(TEXT, CatalogUpdate, source, "Source"),
        DB_FIELD(TEXT, CatalogUpdate, version, "Version"),
        DB_FIELD(INT, CatalogUpdate, revision, "Revision"),
        DB_FIELD(INT, CatalogUpdate, expired, "Expired"),
        DB_FIELD(TEXT, CatalogUpdate, classification, "Classification"),
        DB_FIELD(TEXT, CatalogUpdate, severity, "Severity"),
        DB_FIELD(TEXT, CatalogUpdate, description, "Description"),
        DB_FIELD(TEXT, CatalogUpdate, url, "URL"),
        DB_FIELD(TEXT, CatalogUpdate, superseded_by, "SupersededBy"),
        DB_FIELD(INT, CatalogUpdate, file_count, "FileCount"),
        DB_FIELD(INT, CatalogUpdate, file_size, "FileSize"),
        DB_FIELD(TEXT, CatalogUpdate, files, "Files"),
        DB_FIELD(TIME, CatalogUpdate, posted, "Posted"),
        DB_FIELD(TIME, CatalogUpdate, revised, "Revised"),
        DB_FIELD(INT, CatalogUpdate, first_change, "FirstChange"),
        DB_FIELD(INT, CatalogUpdate, change, "Change"),
        DB_FIELD(INT, CatalogUpdate, product, "ProductID"),
        DB_FIELD(TEXT, CatalogUpdate, product_id, "CategoryID"),
        DB_FIELD(TEXT, CatalogUpdate, special, "Special"),
        DB_FIELD_END,
};

void
catalog_update_free(CatalogUpdate *update)
{
        if (update == NULL)
                return;
        g_free(update->id);
        g_free(update->source);
        g_free(update->version);
        g_free(update->classification);
        g_free(update->severity);
        g_free(update->description);
        g_free(update->url);
        g_free(update->superseded_by);
        g_free(update->files);
        g_free(update->product_id);
        g_free(update->special);
        g_free(update);
}

char *
catalog_update_title(const CatalogUpdate *update)
{
        return evalset_title(slice_of(update->source), slice_of(update->version),
                             *update->classification);
}

const char *
catalog_update_classification(const CatalogUpdate *update)
{
        return evalset_class_guid(*update->classification);
}

CatalogUpdate *
catalog_update_get(Db *db, const char *update_id, GError **error)
{
        g_autoptr(CatalogUpdate) update = g_new0(CatalogUpdate, 1);
        g_autofree char *small = g_ascii_strdown(update_id, -1);
        bool found = false;

        if (!db_one(db, &sql_catalog_update_by_id, DB_ARGS(DB_TEXT("update_id", small)),
                    update_fields, update, &found, error))
                return NULL;
        if (found)
                return g_steal_pointer(&update);
        uk_fail(error, UK_ERROR_NOT_FOUND, "the catalogue has no update %s", update_id);
        return NULL;
}

CatalogUpdate *
catalog_update_of_revision(Db *db, gint64 revision_id, GError **error)
{
        g_autoptr(CatalogUpdate) update = g_new0(CatalogUpdate, 1);
        bool found = false;

        if (!db_one(db, &sql_catalog_update_by_revision,
                    DB_ARGS(DB_INT("revision_id", revision_id)), update_fields, update, &found,
                    error))
                return NULL;
        if (found)
                return g_steal_pointer(&update);
        uk_fail(error, UK_ERROR_NOT_FOUND,
                "no update has %" G_GINT64_FORMAT " as its present revision", revision_id);
        return NULL;
}

bool
catalog_changes_since(Db *db, gint64 change, CatalogUpdateFn fn, gpointer user, gint64 *change_out,
                      GError **error)
{
        gint64 revision_id = G_MAXINT64;
        guint got;

        do {
                g_autoptr(GPtrArray) page =
                        db_list(db, &sql_catalog_changes,
                                DB_ARGS(DB_INT("change", change),
                                        DB_INT("revision_id", revision_id), DB_INT("max", PAGE)),
                                update_fields, sizeof(CatalogUpdate),
                                (GDestroyNotify)catalog_update_free, error);

                if (page == NULL)
                        return false;
                got = page->len;
                for (guint i = 0; i < got; i++) {
                        const CatalogUpdate *update = g_ptr_array_index(page, i);

                        if (!fn(user, update, error))
                                return false;
                        change = update->change;
                        revision_id = update->revision_id;
                }
        } while (got == PAGE);
        if (change_out != NULL)
                *change_out = change;
        return true;
}

/* ---- sets ---- */

void
catalog_set_free(CatalogSet *set)
{
        g_free(set->product_id);
        g_free(set->arch);
        g_free(set->sha256);
        g_free(set);
}

GPtrArray *
catalog_sets(Db *db, GError **error)
{
        static const DbField fields[] = {
                DB_FIELD(INT, CatalogSet, product, "ProductID"),
                DB_FIELD(TEXT, CatalogSet, product_id, "CategoryID"),
                DB_FIELD(TEXT, CatalogSet, arch, "Architecture"),
                DB_FIELD(INT, CatalogSet, number, "Number"),
                DB_FIELD(TEXT, CatalogSet, sha256, "SHA256"),
                DB_FIELD(INT, CatalogSet, plain_size, "PlainSize"),
                DB_FIELD(INT, CatalogSet, packed_size, "PackedSize"),
                DB_FIELD(TIME, CatalogSet, created, "Created"),
                DB_FIELD_END,
        };

        return db_list(db, &sql_catalog_sets, DB_NO_ARGS, fields, sizeof(CatalogSet),
                       (GDestroyNotify)catalog_set_free, error);
}

typedef struct {
        GBytes *content;
} Content;

static const DbField content_fields[] = {
        DB_FIELD(BYTES, Content, content, "Content"),
        DB_FIELD_END,
};

GBytes *
catalog_set_content(Db *db, const CatalogSet *set, GError **error)
{
        Content content = { NULL };

        if (!db_one(db, &sql_catalog_set_content,
                    DB_ARGS(DB_INT("product", set->product), DB_TEXT("arch", set->arch),
                            DB_INT("number", set->number)),
                    content_fields, &content, NULL, error))
                return NULL;
        return content.content;
}

bool
catalog_step_content(Db *db, const CatalogSet *set, const char *from_sha256, GBytes **content_out,
                     GError **error)
{
        Content content = { NULL };
        bool found;

        if (!db_one(db, &sql_catalog_step_content,
                    DB_ARGS(DB_INT("product", set->product), DB_TEXT("arch", set->arch),
                            DB_TEXT("sha256", from_sha256)),
                    content_fields, &content, &found, error))
                return false;
        *content_out = content.content;
        return true;
}

GBytes *
catalog_unpack(GBytes *packed, gsize max, GError **error)
{
        gsize size;
        const void *data = g_bytes_get_data(packed, &size);
        guint64 plain = ZSTD_getFrameContentSize(data, size);
        g_autofree char *out = NULL;

        if (plain == ZSTD_CONTENTSIZE_UNKNOWN || plain == ZSTD_CONTENTSIZE_ERROR) {
                uk_fail(error, UK_ERROR_PARSE, "this is no zstd frame that says its size");
                return NULL;
        }
        if (plain > max) {
                uk_fail(error, UK_ERROR_LIMIT,
                        "it unpacks to %" G_GUINT64_FORMAT " bytes, more than %" G_GSIZE_FORMAT,
                        plain, max);
                return NULL;
        }
        out = g_malloc(plain + 1);
        if (ZSTD_decompress(out, plain, data, size) != plain) {
                uk_fail(error, UK_ERROR_PARSE, "its zstd data are damaged");
                return NULL;
        }
        return g_bytes_new_take(g_steal_pointer(&out), plain);
}

/* The owner within one update's line, if the package is in it. */
static bool
owns(const EvalSetUpdate *update, const char *package, bool *owns_out, GError **error)
{
        Slice rest = update->binaries;
        EvalSetBinary binary;
        bool more;

        *owns_out = false;
        while (!*owns_out) {
                if (!evalset_next_binary(&rest, &binary, &more, error))
                        return false;
                if (!more)
                        return true;
                *owns_out = slice_equal(evalset_binary_name(update, &binary), package);
        }
        return true;
}

static char *
find_owner(const EvalSet *set, const char *package, GError **error)
{
        const EvalSetHead *head = evalset_head(set);
        g_autofree char *id = NULL;
        int best = 0;
        gsize position = 0;
        EvalSetUpdate update;
        bool more, found;

        while (evalset_next(set, &position, &update, &more, error)) {
                g_autofree char *source = NULL, *version = NULL;

                if (!more && id == NULL)
                        uk_fail(error, UK_ERROR_NOT_FOUND, "no update of %s owns %s", head->title,
                                package);
                if (!more)
                        return g_steal_pointer(&id);
                if (update.priority <= best || !owns(&update, package, &found, error) || !found)
                        continue;
                best = update.priority;
                source = slice_dup(update.source);
                version = slice_dup(update.version);
                g_free(id);
                id = evalset_update_id(head->origin, head->codename, source, version);
        }
        return NULL;
}

char *
catalog_owner_of(Db *db, const CatalogSet *set, const char *package, GError **error)
{
        g_autoptr(GBytes) packed = catalog_set_content(db, set, error);
        g_autoptr(GBytes) plain = packed != NULL ? catalog_unpack(packed, SET_MAX, error) : NULL;
        g_autoptr(EvalSet) read = NULL;
        gsize size;
        const char *text;

        if (plain == NULL)
                return NULL;
        text = g_bytes_get_data(plain, &size);
        read = evalset_read(text, size, error);
        return read != NULL ? find_owner(read, package, error) : NULL;
}
