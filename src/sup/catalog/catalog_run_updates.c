/* catalog_run_updates.c - what was computed against what is held: added, revised, moved, expired
 * (DEB-020, DEB-021, DEB-026, DEB-050, DEB-051). */
#include <string.h>

#include "base/relay.h"
#include "deb/evalset.h"
#include "sup/catalog/catalog_files.h"
#include "sup/catalog/catalog_run.sql.h"
#include "sup/catalog/catalog_run_private.h"

/* A row as it is held. */
typedef struct {
        gint64 revision_id, revision, expired;
        gint64 revision_hash, row_hash, rule_hash;
        const char *id; /* the texts lie in the chunk */
        Slice source, version;
        bool seen;
} Held;

typedef struct {
        GArray *rows; /* of Held */
        guint32 *index;
        guint32 mask;
        GStringChunk *texts;
} HeldRows;

static void
held_rows_clear(HeldRows *held)
{
        g_array_unref(held->rows);
        g_free(held->index);
        g_string_chunk_free(held->texts);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(HeldRows, held_rows_clear)

/* ---- hashes ---- */

/* Mixes 8 bytes at a time; tells what changed, defends against nobody. */
static guint64
mix(guint64 a, guint64 b)
{
        __uint128_t product = (__uint128_t)a * b;

        return (guint64)product ^ (guint64)(product >> 64);
}

static guint64
hash_bytes(guint64 hash, const void *data, gsize size)
{
        const guint8 *p = data;
        guint64 word;

        for (; size >= 8; p += 8, size -= 8) {
                memcpy(&word, p, 8);
                hash = mix(hash ^ word, G_GUINT64_CONSTANT(0x9e3779b97f4a7c15));
        }
        word = size + 1;
        memcpy((guint8 *)&word + 1, p, MIN(size, 7));
        return mix(hash ^ word, G_GUINT64_CONSTANT(0xd6e8feb86659fd93));
}

static guint64
hash_slice(guint64 hash, Slice slice)
{
        return hash_bytes(hash, slice.text, slice.size);
}

#define HASH_START G_GUINT64_CONSTANT(0xa0761d6478bd642f)

/* Over what makes a new revision: the words and the binaries (DEB-021). */
static guint64
hash_revision(const Compute *c, const ComputeUpdate *u)
{
        guint64 hash = hash_bytes(HASH_START, &u->classification, sizeof u->classification);

        hash = hash_slice(hash, slice_of(u->severity));
        hash = hash_slice(hash, u->description);
        hash = hash_slice(hash, u->homepage);
        for (guint i = 0; i < u->file_count; i++) {
                const Stanza *s = &c->files[u->first_file + i].s;

                hash = hash_slice(hash, s->package);
                hash = hash_slice(hash, s->arch);
                hash = hash_slice(hash, s->version);
                hash = hash_bytes(hash, s->sha256, HASH_SHA256_SIZE);
        }
        return hash;
}

/* ---- rows held ---- */

static guint32
slot_of(const HeldRows *held, Slice source, Slice version)
{
        guint32 slot =
                (guint32)(hash_slice(hash_slice(HASH_START, source), version) >> 20) & held->mask;

        for (; held->index[slot] != 0; slot = (slot + 1) & held->mask) {
                const Held *row = &g_array_index(held->rows, Held, held->index[slot] - 1);

                if (slice_compare(row->source, source) == 0 &&
                    slice_compare(row->version, version) == 0)
                        break;
        }
        return slot;
}

static Slice
keep(GStringChunk *texts, DbRows *rows, int column)
{
        gsize size;
        const char *text = db_cell_text(rows, column, &size);

        return (Slice){ g_string_chunk_insert_len(texts, text, (gssize)size), size };
}

static bool
read_held(HeldRows *held, DbRows *rows, GError **error)
{
        static const char *const names[] = { "RevisionID",   "UpdateID", "Source",
                                             "Version",      "Revision", "Expired",
                                             "RevisionHash", "RowHash",  "RuleHash" };
        int at[G_N_ELEMENTS(names)];
        bool more;

        for (guint i = 0; i < G_N_ELEMENTS(names); i++) {
                if (!db_column(rows, names[i], &at[i], error))
                        return false;
        }
        while (db_next(rows, &more, error)) {
                Held row = { 0 };

                if (!more)
                        return true;
                row.revision_id = db_cell_int(rows, at[0]);
                row.id = keep(held->texts, rows, at[1]).text;
                row.source = keep(held->texts, rows, at[2]);
                row.version = keep(held->texts, rows, at[3]);
                row.revision = db_cell_int(rows, at[4]);
                row.expired = db_cell_int(rows, at[5]);
                row.revision_hash = db_cell_int(rows, at[6]);
                row.row_hash = db_cell_int(rows, at[7]);
                row.rule_hash = db_cell_int(rows, at[8]);
                g_array_append_val(held->rows, row);
        }
        return false;
}

static bool
load_held(CatalogRun *run, gint64 product, HeldRows *held, GError **error)
{
        g_autoptr(DbRows) rows = db_query(run->db, &sql_catalog_run_known,
                                          DB_ARGS(DB_INT("product", product)), error);
        guint32 size = 64;

        if (rows == NULL || !read_held(held, rows, error))
                return false;
        while (size < held->rows->len * 2)
                size *= 2;
        held->mask = size - 1;
        held->index = g_new0(guint32, size);
        for (guint i = 0; i < held->rows->len; i++) {
                const Held *row = &g_array_index(held->rows, Held, i);

                held->index[slot_of(held, row->source, row->version)] = i + 1;
        }
        return true;
}

static Held *
find_held(const HeldRows *held, const ComputeUpdate *u)
{
        guint32 slot = slot_of(held, u->source, u->version);

        return held->index[slot] != 0 ? &g_array_index(held->rows, Held, held->index[slot] - 1)
                                      : NULL;
}

/* ---- writing ---- */

/* An update that is not held yet. */
typedef struct {
        const char *id, *source, *version, *classification, *severity, *description, *url;
        const char *superseded_by, *files, *arches, *special;
        gint64 revision_id, file_count, file_size, posted;
        gint64 revision_hash, row_hash, rule_hash;
} NewRow;

#define BATCH_ROWS  128
#define BATCH_DEPTH 8

typedef struct {
        GStringChunk *texts;
        guint count;
        NewRow rows[BATCH_ROWS];
} Batch;

typedef struct {
        CatalogRun *run;
        const CatalogProduct *product;
        const Compute *compute;
        char **ids; /* UpdateID of each update, made when needed */
        const HeldRows *held;
        const CatalogRules *rules;
        GString *files, *superseded_by, *arches, *special;
        guint64 rule_hash;                             /* over what it owns */
        GString *source, *version, *description, *url; /* NUL-terminated copies */
        CatalogRunResult *result;
        UkRelay *relay; /* inserts rows; NULL where others are changed between them */
        Batch *batch;   /* the one that is being filled; may be NULL */
} Writer;

static const char *
text(GString *buffer, Slice slice)
{
        g_string_truncate(buffer, 0);
        g_string_append_len(buffer, slice.size > 0 ? slice.text : "", (gssize)slice.size);
        return buffer->str;
}

static const char *
id_of(Writer *w, guint update)
{
        const ComputeUpdate *u = &w->compute->updates[update];
        const Held *row;

        if (w->ids[update] != NULL)
                return w->ids[update];
        row = find_held(w->held, u);
        if (row != NULL) {
                w->ids[update] = g_strdup(row->id);
        } else {
                g_autofree char *source = slice_dup(u->source), *version = slice_dup(u->version);

                w->ids[update] = evalset_update_id(w->product->origin, w->product->codename, source,
                                                   version);
        }
        return w->ids[update];
}

/* Over what stands in the rules, as far as it is no matter of the revision. */
static guint64
hash_rule(const Writer *w, const ComputeUpdate *u)
{
        guint64 hash = hash_bytes(HASH_START, w->arches->str, w->arches->len);

        hash = hash_bytes(hash, w->special->str, w->special->len);
        for (guint i = 0; i < u->file_count; i++)
                hash = mix(hash, 2u + (w->compute->files[u->first_file + i].owned != 0));
        return hash;
}

/* Makes the texts of a row, and the hash over all that readers see of it. */
static guint64
prepare(Writer *w, const ComputeUpdate *u, guint64 revision_hash)
{
        g_string_truncate(w->files, 0);
        g_string_truncate(w->superseded_by, 0);
        catalog_rules_of(w->rules, u, w->arches, w->special);
        w->rule_hash = hash_rule(w, u);
        for (guint i = 0; i < u->file_count; i++)
                catalog_files_add(w->files, w->compute, u, &w->compute->files[u->first_file + i]);
        for (guint i = 0; u->superseded && i < u->superseder_count; i++) {
                guint owner = w->compute->superseders[u->first_superseder + i];

                g_string_append_printf(w->superseded_by, "%s%s", i > 0 ? " " : "", id_of(w, owner));
        }
        return hash_bytes(hash_bytes(revision_hash, w->files->str, w->files->len),
                          w->superseded_by->str, w->superseded_by->len);
}

/* Tells whoever watches the run; the texts are those of the row. */
static bool
tell_added(Writer *w, const ComputeUpdate *u, const NewRow *row, GError **error)
{
        CatalogRun *run = w->run;
        const CatalogUpdate view = { .revision_id = row->revision_id,
                                     .id = (char *)row->id,
                                     .source = (char *)row->source,
                                     .version = (char *)row->version,
                                     .revision = 1,
                                     .classification = (char *)row->classification,
                                     .severity = (char *)row->severity,
                                     .description = (char *)row->description,
                                     .url = (char *)row->url,
                                     .superseded_by = (char *)row->superseded_by,
                                     .special = (char *)row->special,
                                     .file_count = row->file_count,
                                     .file_size = row->file_size,
                                     .files = (char *)row->files,
                                     .posted = u->date_us,
                                     .revised = u->date_us,
                                     .first_change = run->change,
                                     .change = run->change,
                                     .product = w->product->id,
                                     .product_id = w->product->category };

        return run->added == NULL || run->added(run->added_user, &view, error);
}

static bool
insert_row(Writer *w, const NewRow *row, GError **error)
{
        return db_run(w->run->tx, &sql_catalog_run_insert,
                      DB_ARGS(DB_INT("revision_id", row->revision_id),
                              DB_TEXT("update_id", row->id), DB_INT("product", w->product->id),
                              DB_TEXT("source", row->source), DB_TEXT("version", row->version),
                              DB_TEXT("classification", row->classification),
                              DB_TEXT("severity", row->severity),
                              DB_TEXT("description", row->description), DB_TEXT("url", row->url),
                              DB_TEXT("superseded_by", row->superseded_by),
                              DB_INT("file_count", row->file_count),
                              DB_INT("file_size", row->file_size), DB_TEXT("files", row->files),
                              DB_TIME("posted", row->posted),
                              DB_INT("revision_hash", row->revision_hash),
                              DB_INT("row_hash", row->row_hash), DB_INT("change", w->run->change),
                              DB_TEXT("arches", row->arches), DB_TEXT("special", row->special),
                              DB_INT("rule_hash", row->rule_hash)),
                      error);
}

/* ---- rows on their way to the other thread ---- */

static Batch *
batch_new(void)
{
        Batch *batch = g_new0(Batch, 1);

        batch->texts = g_string_chunk_new(64 * 1024);
        return batch;
}

static void
batch_free(gpointer data)
{
        Batch *batch = data;

        g_string_chunk_free(batch->texts);
        g_free(batch);
}

/* A copy of the row whose texts are the batch's; the others outlive the run. */
static void
batch_add(Batch *batch, const NewRow *row)
{
        NewRow *copy = &batch->rows[batch->count++];
        const char **texts[] = {
                &copy->id,    &copy->source,        &copy->version, &copy->description, &copy->url,
                &copy->files, &copy->superseded_by, &copy->arches,  &copy->special
        };

        *copy = *row;
        for (guint i = 0; i < G_N_ELEMENTS(texts); i++)
                *texts[i] = g_string_chunk_insert(batch->texts, *texts[i]);
}

static bool
insert_batch(gpointer user, gpointer item, GError **error)
{
        const Batch *batch = item;

        for (guint i = 0; i < batch->count; i++) {
                if (!insert_row(user, &batch->rows[i], error))
                        return false;
        }
        return true;
}

static bool
give_batch(Writer *w, GError **error)
{
        return w->batch == NULL || uk_relay_give(w->relay, g_steal_pointer(&w->batch), error);
}

static bool
give_row(Writer *w, const NewRow *row, GError **error)
{
        if (w->batch == NULL)
                w->batch = batch_new();
        batch_add(w->batch, row);
        return w->batch->count < BATCH_ROWS || give_batch(w, error);
}

static const char *
letter_of(int classification)
{
        static const char letters[][2] = {
                { EVALSET_SECURITY }, { EVALSET_UPDATES }, { EVALSET_ROLLUPS }, { EVALSET_FEATURES }
        };

        for (guint i = 0; i < G_N_ELEMENTS(letters); i++) {
                if (letters[i][0] == (char)classification)
                        return letters[i];
        }
        g_assert_not_reached();
}

/* Watchers are told before the row is given away: they may read the database themselves. */
static bool
insert(Writer *w, guint update, guint64 revision_hash, guint64 row_hash, GError **error)
{
        const ComputeUpdate *u = &w->compute->updates[update];
        const NewRow row = { .revision_id = ++w->run->revision_id,
                             .id = id_of(w, update),
                             .source = text(w->source, u->source),
                             .version = text(w->version, u->version),
                             .classification = letter_of(u->classification),
                             .severity = u->severity,
                             .description = text(w->description, u->description),
                             .url = text(w->url, u->homepage),
                             .superseded_by = w->superseded_by->str,
                             .files = w->files->str,
                             .arches = w->arches->str,
                             .special = w->special->str,
                             .file_count = u->file_count,
                             .file_size = (gint64)u->size,
                             .posted = u->date_us,
                             .revision_hash = (gint64)revision_hash,
                             .row_hash = (gint64)row_hash,
                             .rule_hash = (gint64)w->rule_hash };

        w->result->added++;
        w->run->wrote = true;
        return tell_added(w, u, &row, error) &&
               (w->relay != NULL ? give_row(w, &row, error) : insert_row(w, &row, error));
}

/* One that was away comes back as a new revision: whoever scanned meanwhile has said nothing of it,
 * and must be asked again before silence means that it is not required. */
static bool
is_revised(const Held *row, guint64 revision_hash)
{
        return (guint64)row->revision_hash != revision_hash || row->expired != 0;
}

static bool
change_row(Writer *w, const ComputeUpdate *u, const Held *row, guint64 revision_hash,
           guint64 row_hash, gint64 *revision_out, GError **error)
{
        CatalogRun *run = w->run;
        bool revised = is_revised(row, revision_hash);
        char letter[2] = { (char)u->classification, '\0' };

        *revision_out = row->revision + revised;
        *(revised ? &w->result->revised : &w->result->moved) += 1;
        run->wrote = true;
        return db_run(
                run->tx, &sql_catalog_run_update,
                DB_ARGS(DB_INT("revision_id", row->revision_id),
                        DB_INT("new_revision_id", revised ? ++run->revision_id : row->revision_id),
                        DB_INT("revision", *revision_out), DB_TEXT("classification", letter),
                        DB_TEXT("severity", u->severity),
                        DB_TEXT("description", text(w->description, u->description)),
                        DB_TEXT("url", text(w->url, u->homepage)),
                        DB_TEXT("superseded_by", w->superseded_by->str),
                        DB_INT("file_count", u->file_count), DB_INT("file_size", (gint64)u->size),
                        DB_TEXT("files", w->files->str),
                        catalog_run_time("revised", revised ? u->date_us : 0),
                        DB_INT("revision_hash", (gint64)revision_hash),
                        DB_INT("row_hash", (gint64)row_hash), DB_INT("change", run->change)),
                error);
}

/* A change of what it owns is a change of deployment; a new revision comes with one of its own. */
static bool
write_deployment(Writer *w, const Held *row, bool revised, gint64 revision_id, GError **error)
{
        CatalogRun *run = w->run;

        if (!revised && (guint64)row->rule_hash == w->rule_hash)
                return true;
        run->wrote = true;
        return db_run(run->tx, &sql_catalog_run_deployment,
                      DB_ARGS(DB_INT("revision_id", revision_id), DB_TEXT("arches", w->arches->str),
                              DB_TEXT("special", w->special->str),
                              DB_INT("rule_hash", (gint64)w->rule_hash),
                              DB_INT("deployment", revised ? 0 : ++run->revision_id),
                              DB_INT("change", revised ? 0 : run->change),
                              catalog_run_time("now", revised ? 0 : run->now_us)),
                      error);
}

static bool
write_held(Writer *w, const ComputeUpdate *u, const Held *row, guint64 revision_hash,
           guint64 row_hash, gint64 *revision_out, GError **error)
{
        bool revised = is_revised(row, revision_hash);

        *revision_out = row->revision;
        if ((guint64)row->row_hash == row_hash && row->expired == 0)
                w->result->unchanged++;
        else if (!change_row(w, u, row, revision_hash, row_hash, revision_out, error))
                return false;
        return write_deployment(w, row, revised, revised ? w->run->revision_id : row->revision_id,
                                error);
}

static bool
write_update(Writer *w, guint update, int *revision_out, GError **error)
{
        const ComputeUpdate *u = &w->compute->updates[update];
        guint64 revision_hash = hash_revision(w->compute, u);
        guint64 row_hash = prepare(w, u, revision_hash);
        Held *row = find_held(w->held, u);
        gint64 revision = 1;
        bool good = true;

        if (row == NULL) {
                good = insert(w, update, revision_hash, row_hash, error);
        } else {
                row->seen = true;
                good = write_held(w, u, row, revision_hash, row_hash, &revision, error);
        }
        *revision_out = (int)revision;
        return good;
}

/* Updates whose files no index lists any more (DEB-051). */
static bool
expire_rest(Writer *w, GError **error)
{
        for (guint i = 0; i < w->held->rows->len; i++) {
                const Held *row = &g_array_index(w->held->rows, Held, i);

                if (row->seen || row->expired != 0)
                        continue;
                w->result->expired++;
                w->run->wrote = true;
                if (!db_run(w->run->tx, &sql_catalog_run_expire,
                            DB_ARGS(DB_INT("revision_id", row->revision_id),
                                    DB_INT("change", w->run->change)),
                            error))
                        return false;
        }
        return true;
}

static bool
write_each(Writer *w, GArray *revisions, GError **error)
{
        for (guint i = 0; i < w->compute->update_count; i++) {
                int revision;

                if (!write_update(w, i, &revision, error))
                        return false;
                g_array_append_val(revisions, revision);
        }
        return true;
}

/* Of a product of which nothing is held every update is new: while one thread makes the rows,
 * another inserts them, and nobody else uses the database meanwhile. */
static bool
write_new(Writer *w, GArray *revisions, GError **error)
{
        w->relay = uk_relay_new(BATCH_DEPTH, insert_batch, batch_free, w, error);
        bool good = w->relay != NULL && write_each(w, revisions, error) && give_batch(w, error) &&
                    uk_relay_end(g_steal_pointer(&w->relay), error);

        g_clear_pointer(&w->relay, uk_relay_drop);
        g_clear_pointer(&w->batch, batch_free);
        return good;
}

static bool
write_all(Writer *w, GArray *revisions, GError **error)
{
        if (w->held->rows->len == 0)
                return write_new(w, revisions, error);
        return write_each(w, revisions, error) && expire_rest(w, error);
}

bool
catalog_run_updates(CatalogRun *run, const CatalogProduct *product, const Compute *compute,
                    GArray *revisions_out, CatalogRunResult *result, GError **error)
{
        g_auto(HeldRows) held = { .rows = g_array_new(FALSE, FALSE, sizeof(Held)),
                                  .texts = g_string_chunk_new(256 * 1024) };
        g_autoptr(GString) files = g_string_new(NULL), superseded_by = g_string_new(NULL);
        g_autoptr(GString) source = g_string_new(NULL), version = g_string_new(NULL);
        g_autoptr(GString) description = g_string_new(NULL), url = g_string_new(NULL);
        g_autoptr(GString) arches = g_string_new(NULL), special = g_string_new(NULL);
        g_autoptr(CatalogRules) rules = catalog_rules_new(compute);
        Writer w = { .run = run,
                     .product = product,
                     .compute = compute,
                     .ids = g_new0(char *, compute->update_count + 1),
                     .held = &held,
                     .rules = rules,
                     .files = files,
                     .superseded_by = superseded_by,
                     .arches = arches,
                     .special = special,
                     .source = source,
                     .version = version,
                     .description = description,
                     .url = url,
                     .result = result };
        bool good =
                load_held(run, product->id, &held, error) && write_all(&w, revisions_out, error);

        for (guint i = 0; i < compute->update_count; i++)
                g_free(w.ids[i]);
        g_free(w.ids);
        return good;
}
