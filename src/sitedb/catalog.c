/* catalog.c - writes what is new or different in the engine's catalogue, and nothing else.
 *
 * An update is compared by a digest of all that was said of it. Its answer to a scan is tied to a
 * content version by a second digest, of what decides that answer: another description does not
 * make the machines' answers unknown. Where a relation's other end has not come yet, the row keeps
 * an empty digest until catalog_finish, so that a run that is cut short takes it up again.
 */
#include "sitedb/catalog.h"

#include <string.h>

#include "base/clock.h"
#include "base/guid.h"
#include "crypto/hash.h"
#include "sitedb/catalog.sql.h"
#include "sitedb/sitekey.h"
#include "sitedb/updatesource.h"

#define KEYS_AT_ONCE 1024
#define DIGEST_SIZE  HASH_SHA256_SIZE

struct Catalog {
        bool full;
        bool marked; /* the source is dirty */
        bool fresh;  /* there was no update before the run: nothing to look up */
        const char *cause;
        UpdateSource *source;
        GHashTable *categories; /* unique ID -> Category */
        GHashTable *added;      /* GUIDs of this run, while fresh */
        GHashTable *seen;       /* CI_IDs as pointers, in a full run */
        GPtrArray *waiting;     /* of Waiting */
        gint64 next_key, last_key;
        CatalogCounts counts;
        GString *sum; /* what a digest is taken of */
        gint64 now;   /* one time for all rows of the run */
};

typedef struct {
        gint64 id;
        char *unique_id, *type, *name;
        gint64 parent;
        gint64 allow;
        gint64 deleted;
        gint64 end_of_life_us;
        bool seen;
} Known;

/* Relations to be made when all updates are there. */
typedef struct {
        gint64 id;
        char **superseded_by;
        guint8 digest[DIGEST_SIZE];
} Waiting;

/* What is stored of an update. */
typedef struct {
        gint64 id;
        gint64 expired;
        GBytes *digest, *rule_digest;
        gint64 min_version;
} Stored;

static const DbField known_fields[] = {
        DB_FIELD(INT, Known, id, "CategoryInstanceID"),
        DB_FIELD(TEXT, Known, unique_id, "CategoryInstance_UniqueID"),
        DB_FIELD(TEXT, Known, type, "CategoryTypeName"),
        DB_FIELD(TEXT, Known, name, "CategoryInstanceName"),
        DB_FIELD(INT, Known, parent, "ParentCategoryInstanceID"),
        DB_FIELD(INT, Known, allow, "AllowSubscription"),
        DB_FIELD(INT, Known, deleted, "IsDeleted"),
        DB_FIELD(TIME, Known, end_of_life_us, "EndOfLife"),
        DB_FIELD_END,
};

static const DbField stored_fields[] = {
        DB_FIELD(INT, Stored, id, "CI_ID"),
        DB_FIELD(INT, Stored, expired, "IsExpired"),
        DB_FIELD(BYTES, Stored, digest, "Digest"),
        DB_FIELD(BYTES, Stored, rule_digest, "RuleDigest"),
        DB_FIELD(INT, Stored, min_version, "MinSourceVersion"),
        DB_FIELD_END,
};

static void
known_free(Known *category)
{
        g_free(category->unique_id);
        g_free(category->type);
        g_free(category->name);
        g_free(category);
}

static void
waiting_free(Waiting *waiting)
{
        g_strfreev(waiting->superseded_by);
        g_free(waiting);
}

static void
stored_clear(Stored *stored)
{
        g_clear_pointer(&stored->digest, g_bytes_unref);
        g_clear_pointer(&stored->rule_digest, g_bytes_unref);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Stored, stored_clear)

static const char *
text(const char *maybe)
{
        return maybe != NULL ? maybe : "";
}

/* ---- beginning ------------------------------------------------------------------------------ */

static bool
load_categories(Catalog *catalog, Db *db, GError **error)
{
        g_autoptr(GPtrArray) list = db_list(db, &sql_catalog_categories, DB_NO_ARGS, known_fields,
                                            sizeof(Known), NULL, error);

        if (list == NULL)
                return false;
        for (guint i = 0; i < list->len; i++) {
                Known *category = list->pdata[i];
                g_hash_table_insert(catalog->categories, category->unique_id, category);
        }
        return true;
}

Catalog *
catalog_new(Db *db, bool full, const char *cause, GError **error)
{
        g_autoptr(Catalog) catalog = g_new0(Catalog, 1);
        gint64 count = 0;

        catalog->full = full;
        catalog->cause = cause;
        catalog->sum = g_string_new(NULL);
        catalog->now = uk_clock_now();
        catalog->categories =
                g_hash_table_new_full(g_str_hash, g_str_equal, NULL, (GDestroyNotify)known_free);
        catalog->added = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
        catalog->seen = g_hash_table_new(NULL, NULL);
        catalog->waiting = g_ptr_array_new_with_free_func((GDestroyNotify)waiting_free);
        catalog->source = updatesource_load(db, error);
        if (catalog->source == NULL || !load_categories(catalog, db, error) ||
            !db_int(db, &sql_catalog_count, DB_NO_ARGS, &count, NULL, error))
                return NULL;
        catalog->fresh = count == 0;
        return g_steal_pointer(&catalog);
}

void
catalog_free(Catalog *catalog)
{
        if (catalog == NULL)
                return;
        updatesource_free(catalog->source);
        g_hash_table_unref(catalog->categories);
        g_hash_table_unref(catalog->added);
        g_hash_table_unref(catalog->seen);
        g_ptr_array_unref(catalog->waiting);
        g_string_free(catalog->sum, TRUE);
        g_free(catalog);
}

/* The version must grow at the end of the run, however the run ends. */
static bool
mark(Catalog *catalog, DbTx *tx, GError **error)
{
        if (!catalog->marked && !updatesource_set_dirty(tx, catalog->cause, error))
                return false;
        catalog->marked = true;
        return true;
}

static bool
take_key(Catalog *catalog, DbTx *tx, gint64 *key_out, GError **error)
{
        if (catalog->next_key == catalog->last_key) {
                gint64 first = 0;
                if (!sitekey_next(tx, SITEKEY_CI, KEYS_AT_ONCE, &first, error))
                        return false;
                catalog->next_key = first;
                catalog->last_key = first + KEYS_AT_ONCE;
        }
        *key_out = catalog->next_key++;
        return true;
}

/* ---- categories ----------------------------------------------------------------------------- */

static bool
check_category(const CatalogCategory *category, GError **error)
{
        static const char *const types[] = { "Company", "ProductFamily", "Product",
                                             "UpdateClassification", NULL };
        const char *name = text(category->unique_id);

        if (category->type == NULL || !g_strv_contains(types, category->type))
                return uk_fail(error, UK_ERROR_INVALID, "category %s has the unknown type '%s'",
                               name, text(category->type));
        if (name[0] == '\0' || text(category->name)[0] == '\0')
                return uk_fail(error, UK_ERROR_INVALID, "a %s without ID or name", category->type);
        return true;
}

static bool
find_parent(Catalog *catalog, const CatalogCategory *category, gint64 *parent_out, GError **error)
{
        const Known *parent = NULL;

        *parent_out = 0;
        if (category->parent == NULL)
                return true;
        parent = g_hash_table_lookup(catalog->categories, category->parent);
        if (parent == NULL || strcmp(category->parent, category->unique_id) == 0)
                return uk_fail(error, UK_ERROR_INVALID, "category %s has the unknown parent %s",
                               category->unique_id, category->parent);
        *parent_out = parent->id;
        return true;
}

static bool
category_is_same(const Known *have, const CatalogCategory *want, gint64 parent)
{
        return !have->deleted && have->allow == (want->allow ? 1 : 0) && have->parent == parent &&
               have->end_of_life_us / 1000 == want->end_of_life_us / 1000 &&
               strcmp(have->name, want->name) == 0 && strcmp(have->type, want->type) == 0;
}

static void
remember_category(Catalog *catalog, gint64 id, const CatalogCategory *category, gint64 parent)
{
        Known *known = g_new0(Known, 1);

        known->id = id;
        known->unique_id = g_strdup(category->unique_id);
        known->type = g_strdup(category->type);
        known->name = g_strdup(category->name);
        known->parent = parent;
        known->allow = category->allow;
        known->end_of_life_us = category->end_of_life_us;
        known->seen = true;
        g_hash_table_replace(catalog->categories, known->unique_id, known);
        catalog->counts.categories++;
}

#define INT_OR_NULL(name_, v_)                                                                  \
        {                                                                                       \
                .name = (name_), .type = (v_) != 0 ? DB_TYPE_INT : DB_TYPE_NULL, .number = (v_) \
        }

static bool
change_category(Catalog *catalog, DbTx *tx, gint64 id, const CatalogCategory *c, gint64 parent,
                GError **error)
{
        return db_run(tx, &sql_catalog_category_change,
                      DB_ARGS(DB_TEXT("type", c->type), DB_TEXT("name", c->name),
                              INT_OR_NULL("parent", parent), DB_INT("allow", c->allow),
                              DB_TIME_OR_NULL("end_of_life", c->end_of_life_us),
                              DB_TIME("now", catalog->now), DB_TEXT("cause", catalog->cause),
                              DB_TEXT("trace", db_tx_trace(tx)), DB_INT("id", id)),
                      error);
}

static bool
add_category(Catalog *catalog, DbTx *tx, const CatalogCategory *c, gint64 parent, gint64 *id_out,
             GError **error)
{
        return sitekey_next(tx, SITEKEY_CATEGORY, 1, id_out, error) &&
               db_run(tx, &sql_catalog_category_add,
                      DB_ARGS(DB_INT("id", *id_out), DB_TEXT("unique_id", c->unique_id),
                              DB_TEXT("type", c->type), DB_TEXT("name", c->name),
                              INT_OR_NULL("parent", parent), DB_INT("allow", c->allow),
                              DB_INT("subscribed", c->subscribe && c->allow),
                              DB_TIME_OR_NULL("end_of_life", c->end_of_life_us),
                              DB_TEXT("site", catalog->source->site), DB_TIME("now", catalog->now),
                              DB_TEXT("cause", catalog->cause), DB_TEXT("trace", db_tx_trace(tx))),
                      error);
}

char *
catalog_category_id(const char *type, const char *guid)
{
        g_autofree char *lower = g_ascii_strdown(guid, -1);

        return g_strconcat(type, ":", lower, NULL);
}

bool
catalog_category(Catalog *catalog, DbTx *tx, const CatalogCategory *category,
                 CatalogChange *change_out, GError **error)
{
        gint64 parent = 0, id = 0;
        Known *known = NULL;

        if (!check_category(category, error) || !find_parent(catalog, category, &parent, error))
                return false;
        known = g_hash_table_lookup(catalog->categories, category->unique_id);
        if (known != NULL && category_is_same(known, category, parent)) {
                known->seen = true;
                *change_out = CATALOG_SAME;
                return true;
        }
        if (known != NULL)
                id = known->id;
        if (!mark(catalog, tx, error) ||
            !(known != NULL ? change_category(catalog, tx, id, category, parent, error)
                            : add_category(catalog, tx, category, parent, &id, error)))
                return false;
        *change_out = known != NULL ? CATALOG_CHANGED : CATALOG_ADDED;
        remember_category(catalog, id, category, parent);
        return true;
}

/* ---- updates -------------------------------------------------------------------------------- */

/* Each part with its length before it, so that no two updates give the same bytes. */
static void
add_text(GString *sum, const char *maybe)
{
        guint32 length = (guint32)strlen(text(maybe));

        g_string_append_len(sum, (const char *)&length, sizeof length);
        g_string_append_len(sum, text(maybe), length);
}

static void
add_number(GString *sum, gint64 number)
{
        g_string_append_len(sum, (const char *)&number, sizeof number);
}

static void
add_list(GString *sum, const char *const *list)
{
        for (; list != NULL && *list != NULL; list++)
                add_text(sum, *list);
        add_number(sum, -1);
}

/* What decides the answer of a scan: the revision, and which packages in which version count. */
static void
digest_rules(Catalog *catalog, const CatalogUpdate *u, guint8 digest_out[DIGEST_SIZE])
{
        GString *sum = g_string_truncate(catalog->sum, 0);

        add_number(sum, u->revision);
        for (guint i = 0; i < u->file_count; i++) {
                const CatalogFile *f = &u->files[i];
                if (!f->owned)
                        continue;
                add_text(sum, f->package);
                add_text(sum, f->architecture);
                add_text(sum, f->version);
        }
        hash_sha256(sum->str, sum->len, digest_out);
}

static void
digest_all(Catalog *catalog, const CatalogUpdate *u, guint8 digest_out[DIGEST_SIZE])
{
        GString *sum = g_string_truncate(catalog->sum, 0);
        const char *const texts[] = { u->title,    u->description, u->article,
                                      u->bulletin, u->info_url,    u->references };
        const gint64 numbers[] = { u->revision, u->severity, u->posted_us, u->revised_us,
                                   u->superseded };

        g_string_append_len(sum, (const char *)numbers, sizeof numbers);
        for (gsize i = 0; i < G_N_ELEMENTS(texts); i++)
                add_text(sum, texts[i]);
        add_list(sum, u->categories);
        add_list(sum, u->superseded_by);
        for (guint i = 0; i < u->file_count; i++) {
                const CatalogFile *f = &u->files[i];
                add_text(sum, f->name);
                add_number(sum, f->size);
                g_string_append_len(sum, (const char *)f->sha256, HASH_SHA256_SIZE);
                add_text(sum, f->url);
                add_text(sum, f->package);
                add_text(sum, f->architecture);
                add_text(sum, f->version);
                add_number(sum, f->owned);
        }
        hash_sha256(sum->str, sum->len, digest_out);
}

static bool
check_file(const CatalogUpdate *u, const CatalogFile *f, GError **error)
{
        if (text(f->name)[0] == '\0' || f->size < 0 || f->sha256 == NULL || f->url == NULL)
                return uk_fail(error, UK_ERROR_INVALID,
                               "update %s has a file without name, size, hash or URL",
                               u->unique_id);
        return true;
}

static bool
check_update(const CatalogUpdate *u, GError **error)
{
        if (u->unique_id == NULL || !uk_guid_valid(u->unique_id))
                return uk_fail(error, UK_ERROR_INVALID, "'%s' is no ID of an update",
                               text(u->unique_id));
        if (text(u->title)[0] == '\0' || u->revision < 0)
                return uk_fail(error, UK_ERROR_INVALID, "update %s has no title or revision",
                               u->unique_id);
        for (guint i = 0; i < u->file_count; i++) {
                if (!check_file(u, &u->files[i], error))
                        return false;
        }
        return true;
}

static gint64
content_size(const CatalogUpdate *u)
{
        gint64 size = 0;

        for (guint i = 0; i < u->file_count; i++)
                size += u->files[i].size;
        return size;
}

static bool
has_relations(const CatalogUpdate *u)
{
        return u->superseded_by != NULL && u->superseded_by[0] != NULL;
}

/* The row itself, new or changed. */
typedef struct {
        gint64 id;
        const char *guid;
        guint8 digest[DIGEST_SIZE], rule_digest[DIGEST_SIZE];
        gint64 min_version;
} Row;

static bool
add_row(Catalog *catalog, DbTx *tx, const CatalogUpdate *u, const Row *row, GError **error)
{
        gsize stored = has_relations(u) ? 0 : DIGEST_SIZE;

        return db_run(tx, &sql_catalog_add,
                      DB_ARGS(DB_INT("id", row->id), DB_TEXT("unique_id", row->guid),
                              DB_INT("revision", u->revision),
                              DB_INT("source", catalog->source->id),
                              DB_INT("min_version", row->min_version),
                              DB_TEXT("article", text(u->article)),
                              DB_TEXT("bulletin", text(u->bulletin)),
                              DB_INT("severity", u->severity), DB_INT("size", content_size(u)),
                              DB_INT("superseded", u->superseded || has_relations(u)),
                              DB_TIME_OR_NULL("posted", u->posted_us),
                              DB_TIME_OR_NULL("revised", u->revised_us),
                              DB_TIME("now", catalog->now), DB_TEXT("site", catalog->source->site),
                              DB_BYTES("digest", row->digest, stored),
                              DB_BYTES("rule_digest", row->rule_digest, DIGEST_SIZE),
                              DB_TEXT("cause", catalog->cause), DB_TEXT("trace", db_tx_trace(tx))),
                      error);
}

static bool
change_row(Catalog *catalog, DbTx *tx, const CatalogUpdate *u, const Row *row, GError **error)
{
        gsize stored = has_relations(u) ? 0 : DIGEST_SIZE;
        const DbArg *id = DB_ARGS(DB_INT("id", row->id));

        return db_run(tx, &sql_catalog_change,
                      DB_ARGS(DB_INT("revision", u->revision),
                              DB_INT("min_version", row->min_version),
                              DB_TEXT("article", text(u->article)),
                              DB_TEXT("bulletin", text(u->bulletin)),
                              DB_INT("severity", u->severity), DB_INT("size", content_size(u)),
                              DB_INT("superseded", u->superseded || has_relations(u)),
                              DB_TIME_OR_NULL("posted", u->posted_us),
                              DB_TIME_OR_NULL("revised", u->revised_us),
                              DB_TIME("now", catalog->now), DB_BYTES("digest", row->digest, stored),
                              DB_BYTES("rule_digest", row->rule_digest, DIGEST_SIZE),
                              DB_TEXT("cause", catalog->cause), DB_TEXT("trace", db_tx_trace(tx)),
                              DB_INT("id", row->id)),
                      error) &&
               db_run(tx, &sql_catalog_drop_categories, id, error) &&
               db_run(tx, &sql_catalog_drop_files, id, error) &&
               db_run(tx, &sql_catalog_drop_relations, id, error);
}

static bool
add_files(DbTx *tx, const CatalogUpdate *u, gint64 id, GError **error)
{
        for (guint i = 0; i < u->file_count; i++) {
                const CatalogFile *f = &u->files[i];
                if (!db_run(tx, &sql_catalog_add_file,
                            DB_ARGS(DB_INT("id", id), DB_INT("ordinal", i),
                                    DB_TEXT("name", f->name), DB_INT("size", f->size),
                                    DB_BYTES("hash", f->sha256, DIGEST_SIZE),
                                    DB_TEXT("url", f->url), DB_TEXT("package", text(f->package)),
                                    DB_TEXT("architecture", text(f->architecture)),
                                    DB_TEXT("version", text(f->version)),
                                    DB_INT("owned", f->owned)),
                            error))
                        return false;
        }
        return true;
}

static bool
add_categories(Catalog *catalog, DbTx *tx, const CatalogUpdate *u, gint64 id, GError **error)
{
        for (const char *const *name = u->categories; name != NULL && *name != NULL; name++) {
                const Known *category = g_hash_table_lookup(catalog->categories, *name);
                if (category == NULL)
                        return uk_fail(error, UK_ERROR_INVALID,
                                       "update %s is in the unknown category %s", u->unique_id,
                                       *name);
                if (!db_run(tx, &sql_catalog_add_category,
                            DB_ARGS(DB_INT("id", id), DB_INT("category", category->id)), error))
                        return false;
        }
        return true;
}

static bool
add_parts(Catalog *catalog, DbTx *tx, const CatalogUpdate *u, const Row *row, GError **error)
{
        if (!db_run(tx, &sql_catalog_add_texts,
                    DB_ARGS(DB_INT("id", row->id), DB_TEXT("title", u->title),
                            DB_TEXT("description", text(u->description)),
                            DB_TEXT("info_url", text(u->info_url)),
                            DB_TEXT("references", text(u->references))),
                    error) ||
            !add_categories(catalog, tx, u, row->id, error) || !add_files(tx, u, row->id, error))
                return false;
        if (has_relations(u)) {
                Waiting *waiting = g_new0(Waiting, 1);
                waiting->id = row->id;
                waiting->superseded_by = g_strdupv((char **)u->superseded_by);
                memcpy(waiting->digest, row->digest, DIGEST_SIZE);
                g_ptr_array_add(catalog->waiting, waiting);
        }
        return true;
}

static bool
is_digest(GBytes *stored, const guint8 *digest)
{
        return stored != NULL && g_bytes_get_size(stored) == DIGEST_SIZE &&
               memcmp(g_bytes_get_data(stored, NULL), digest, DIGEST_SIZE) == 0;
}

/* While the table was empty at the beginning, only this run's own updates can be there. */
static bool
find_stored(Catalog *catalog, DbTx *tx, const char *guid, Stored *stored, bool *found_out,
            GError **error)
{
        *found_out = false;
        if (catalog->fresh && g_hash_table_add(catalog->added, g_strdup(guid)))
                return true;
        return db_one(db_tx_db(tx), &sql_catalog_find, DB_ARGS(DB_TEXT("unique_id", guid)),
                      stored_fields, stored, found_out, error);
}

static bool
write_update(Catalog *catalog, DbTx *tx, const CatalogUpdate *u, Row *row, const Stored *stored,
             GError **error)
{
        bool found = stored->id != 0;

        /* Who scanned while it was expired has not answered for it. */
        row->min_version =
                found && !stored->expired && is_digest(stored->rule_digest, row->rule_digest)
                        ? stored->min_version
                        : catalog->source->version + 1;
        if (found) {
                row->id = stored->id;
                return change_row(catalog, tx, u, row, error) &&
                       add_parts(catalog, tx, u, row, error);
        }
        return take_key(catalog, tx, &row->id, error) && add_row(catalog, tx, u, row, error) &&
               add_parts(catalog, tx, u, row, error);
}

bool
catalog_update(Catalog *catalog, DbTx *tx, const CatalogUpdate *update, CatalogChange *change_out,
               GError **error)
{
        g_auto(Stored) stored = { 0 };
        Row row = { 0 };
        bool found = false;

        if (!check_update(update, error))
                return false;
        g_autofree char *guid = g_ascii_strdown(update->unique_id, -1);
        row.guid = guid;
        digest_all(catalog, update, row.digest);
        digest_rules(catalog, update, row.rule_digest);
        if (!find_stored(catalog, tx, guid, &stored, &found, error))
                return false;
        if (found && !stored.expired && is_digest(stored.digest, row.digest)) {
                row.id = stored.id;
                *change_out = CATALOG_SAME;
        } else {
                if (!mark(catalog, tx, error) ||
                    !write_update(catalog, tx, update, &row, &stored, error))
                        return false;
                *change_out = found ? CATALOG_CHANGED : CATALOG_ADDED;
                *(found ? &catalog->counts.changed : &catalog->counts.added) += 1;
        }
        if (catalog->full)
                g_hash_table_add(catalog->seen, GSIZE_TO_POINTER(row.id));
        return true;
}

/* ---- expiry and the end --------------------------------------------------------------------- */

static bool
expire(Catalog *catalog, DbTx *tx, gint64 id, bool *changed_out, GError **error)
{
        gint64 changed = 0;

        if (!db_run_counted(tx, &sql_catalog_expire,
                            DB_ARGS(DB_TIME("now", catalog->now), DB_TEXT("cause", catalog->cause),
                                    DB_TEXT("trace", db_tx_trace(tx)), DB_INT("id", id)),
                            &changed, error) ||
            (changed > 0 && !mark(catalog, tx, error)))
                return false;
        catalog->counts.expired += changed;
        *changed_out = changed > 0;
        return true;
}

bool
catalog_expire(Catalog *catalog, DbTx *tx, const char *unique_id, bool *changed_out, GError **error)
{
        g_autofree char *guid = g_ascii_strdown(unique_id, -1);
        g_auto(Stored) stored = { 0 };
        bool found = false;

        *changed_out = false;
        if (!db_one(db_tx_db(tx), &sql_catalog_find, DB_ARGS(DB_TEXT("unique_id", guid)),
                    stored_fields, &stored, &found, error))
                return false;
        return !found || expire(catalog, tx, stored.id, changed_out, error);
}

static bool
relate(DbTx *tx, const Waiting *waiting, GError **error)
{
        for (char **by = waiting->superseded_by; *by != NULL; by++) {
                g_autofree char *guid = g_ascii_strdown(*by, -1);
                if (!db_run(tx, &sql_catalog_add_relation,
                            DB_ARGS(DB_INT("id", waiting->id), DB_TEXT("by", guid)), error))
                        return false;
        }
        return db_run(tx, &sql_catalog_complete,
                      DB_ARGS(DB_BYTES("digest", waiting->digest, DIGEST_SIZE),
                              DB_INT("id", waiting->id)),
                      error);
}

/* The valid updates that the run did not name; read whole before the first is written. */
static GArray *
unseen(Catalog *catalog, DbTx *tx, GError **error)
{
        g_autoptr(DbRows) rows = db_query(db_tx_db(tx), &sql_catalog_valid,
                                          DB_ARGS(DB_INT("source", catalog->source->id)), error);
        g_autoptr(GArray) ids = g_array_new(FALSE, FALSE, sizeof(gint64));
        bool row = rows != NULL;

        while (row) {
                if (!db_next(rows, &row, error))
                        return NULL;
                gint64 id = row ? db_cell_int(rows, 0) : 0;
                if (row && !g_hash_table_contains(catalog->seen, GSIZE_TO_POINTER(id)))
                        g_array_append_val(ids, id);
        }
        return rows != NULL ? g_steal_pointer(&ids) : NULL;
}

static bool
expire_unseen(Catalog *catalog, DbTx *tx, GError **error)
{
        g_autoptr(GArray) ids = unseen(catalog, tx, error);
        bool changed = false;

        for (guint i = 0; ids != NULL && i < ids->len; i++) {
                if (!expire(catalog, tx, g_array_index(ids, gint64, i), &changed, error))
                        return false;
        }
        return ids != NULL;
}

static bool
delete_unseen_categories(Catalog *catalog, DbTx *tx, GError **error)
{
        GHashTableIter iter;
        gpointer value;

        g_hash_table_iter_init(&iter, catalog->categories);
        while (g_hash_table_iter_next(&iter, NULL, &value)) {
                const Known *category = value;
                if (category->seen || category->deleted)
                        continue;
                if (!mark(catalog, tx, error) ||
                    !db_run(tx, &sql_catalog_category_delete,
                            DB_ARGS(DB_TIME("now", catalog->now), DB_TEXT("cause", catalog->cause),
                                    DB_TEXT("trace", db_tx_trace(tx)), DB_INT("id", category->id)),
                            error))
                        return false;
                catalog->counts.categories++;
        }
        return true;
}

bool
catalog_finish(Catalog *catalog, DbTx *tx, CatalogCounts *counts_out, GError **error)
{
        UK_DOING(error, "finishing the catalogue");

        for (guint i = 0; i < catalog->waiting->len; i++) {
                if (!relate(tx, catalog->waiting->pdata[i], error))
                        return false;
        }
        if (catalog->full &&
            (!expire_unseen(catalog, tx, error) || !delete_unseen_categories(catalog, tx, error)))
                return false;
        if (counts_out != NULL)
                *counts_out = catalog->counts;
        return true;
}
