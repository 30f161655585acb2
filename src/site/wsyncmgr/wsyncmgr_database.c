/* wsyncmgr_database.c - phase 2 of a synchronization: the engine's changes into the site database.
 *
 * The changes come into a file first, so that no transaction waits for the network; then all of
 * them are written in one transaction with the content version, so that a reader sees the old
 * catalogue or the new one. A delta run never expires anything; a full one looks at everything.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/io.h"
#include "base/log.h"
#include "base/relay.h"
#include "crypto/hash.h"
#include "site/wsyncmgr/wsyncmgr_private.h"
#include "site/wsyncmgr/wsyncmgr_progress.h"
#include "sitedb/catalog.h"
#include "sitedb/updatesource.h"

#define SPOOL     "wsyncmgr.changes"
#define FULL_MARK "wsyncmgr.full_anchor"
#define BLOCK     (256 * 1024)
#define MAX_FILES 100000 /* of one update */

/* An update that was put together from its lines; its files and superseding updates are so many of
 * the batch's. */
typedef struct {
        char *fields[SUP_U_FIELDS];
        guint first_file, files, first_by, by;
} Draft;

#define BATCH_DRAFTS 128
#define BATCH_DEPTH  8

/* Updates on their way to the thread that writes them. The texts live in chunk. */
typedef struct {
        GStringChunk *chunk;
        GArray *files; /* of CatalogFile */
        GPtrArray *by; /* of borrowed text; NULL behind those of each update */
        guint count;
        Draft drafts[BATCH_DRAFTS];
} Batch;

/* Phase 2 while it goes on. */
typedef struct {
        SyncWork *work;
        DbTx *tx;
        Catalog *catalog;
        UkRelay *relay; /* writes the updates; NULL before the first */
        Batch *batch;   /* the one that is being filled; may be NULL */
        bool drafting;  /* its last draft takes lines */
        SyncProgress progress;
        gint64 categories, updates; /* in the file */
        gint64 categories_done, updates_done;
        gint64 written;
        bool full, name_each, saw_end;
        gint64 end_count;
} Apply;

/* ---- the file with the changes ---- */

static char *
spool_path(const SyncWork *work)
{
        return g_build_filename(host_state_dir(work->c->host), SPOOL, NULL);
}

/* Whether the mark is of this catalogue of the engine: of another one its number says nothing. */
static bool
is_same_catalogue(const SyncWork *work)
{
        gsize size = strlen(work->epoch);

        return strncmp(work->run->anchor, work->epoch, size) == 0 && work->run->anchor[size] == ':';
}

/* Fetches the changes since the mark into the file (a full run: everything). */
static bool
fetch(SyncWork *work, bool full, GError **error)
{
        g_autofree char *path = spool_path(work);
        UK_AUTOFD fd = open(path, O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC, 0640);
        bool all = full || !is_same_catalogue(work);
        gint64 since =
                all ? 0 : g_ascii_strtoll(work->run->anchor + strlen(work->epoch) + 1, NULL, 10);

        if (fd < 0)
                return uk_fail_errno(error, errno, "opening %s", path);
        return supclient_changes(&work->client, since, fd, error);
}

/* Feeds the file to the reader and each line to fn. */
static bool
each_line(const char *path, bool (*fn)(Apply *apply, SupRecord *record, GError **error),
          Apply *apply, GError **error)
{
        UK_DOING(error, "reading the changes of the update point");
        g_autoptr(SupReader) reader = supadmin_reader_new();
        g_autofree char *block = g_malloc(BLOCK);
        UK_AUTOFD fd = open(path, O_RDONLY | O_CLOEXEC);
        gssize got;

        if (fd < 0)
                return uk_fail_errno(error, errno, "opening %s", path);
        while ((got = read(fd, block, BLOCK)) > 0) {
                SupRecord record;
                bool whole = true;

                supadmin_reader_add(reader, block, (gsize)got);
                for (;;) {
                        if (!supadmin_reader_next(reader, &record, &whole, error))
                                return false;
                        if (!whole)
                                break;
                        if (!fn(apply, &record, error))
                                return false;
                }
        }
        return got == 0 || uk_fail_errno(error, errno, "reading %s", path);
}

/* The end record, by which the stream is whole. */
static bool
read_end(Apply *apply, const char *line, gsize size, GError **error)
{
        g_autoptr(SupReader) reader = supadmin_reader_new();
        SupRecord record;
        bool whole;

        supadmin_reader_add(reader, line, size);
        if (!supadmin_reader_next(reader, &record, &whole, error))
                return false;
        if (whole && record.kind == SUP_RECORD_END) {
                if (!g_str_equal(record.fields[2], apply->work->epoch))
                        return uk_fail(error, UK_ERROR_NETWORK,
                                       "the update point has got another catalogue meanwhile");
                apply->saw_end = true;
                apply->work->anchor = g_ascii_strtoll(record.fields[0], NULL, 10);
                apply->end_count = g_ascii_strtoll(record.fields[1], NULL, 10);
        }
        return true;
}

/* Counts lines by their letters alone; they are read once, when they are written. */
static bool
count_lines(Apply *apply, const char *text, gsize size, GError **error)
{
        const char *line = text, *end = text + size;

        while (line < end) {
                const char *newline = memchr(line, '\n', (gsize)(end - line));

                if (newline == NULL)
                        return true;
                apply->categories += *line == 'C';
                apply->updates += *line == 'U';
                if (*line == 'E' && !read_end(apply, line, (gsize)(newline - line) + 1, error))
                        return false;
                line = newline + 1;
        }
        return true;
}

/* How much there is, and whether it is whole. */
static bool
count(Apply *apply, const char *path, GError **error)
{
        g_autoptr(GMappedFile) file = g_mapped_file_new(path, FALSE, error);

        if (file == NULL || !count_lines(apply, g_mapped_file_get_contents(file),
                                         g_mapped_file_get_length(file), error))
                return false;
        if (!apply->saw_end || apply->end_count != apply->updates)
                return uk_fail(error, UK_ERROR_NETWORK,
                               "the update point broke off: %" G_GINT64_FORMAT " updates came",
                               apply->updates);
        return true;
}

/* ---- categories ---- */

static char *
unique_id(const char *type, const char *id)
{
        return id[0] != '\0' ? g_strconcat(type, ":", id, NULL) : NULL;
}

static const char *
parent_type(const char *type)
{
        return g_str_equal(type, "Product") ? "ProductFamily" : "Company";
}

/* A time, or 0 where the engine says none. */
static gint64
time_of(const char *text)
{
        gint64 us = 0;

        return text[0] != '\0' && uk_clock_parse(text, &us, NULL) ? us : 0;
}

static bool
take_category(Apply *apply, SupRecord *r, GError **error)
{
        const char *type = r->fields[SUP_C_TYPE];
        g_autofree char *id = unique_id(type, r->fields[SUP_C_ID]);
        g_autofree char *parent = unique_id(parent_type(type), r->fields[SUP_C_PARENT]);
        bool choosable = g_str_equal(type, "Product") || g_str_equal(type, "UpdateClassification");
        CatalogCategory category = { .unique_id = id,
                                     .type = type,
                                     .name = r->fields[SUP_C_TITLE],
                                     .parent = parent,
                                     .allow = choosable,
                                     .subscribe = choosable && r->fields[SUP_C_DEFAULT][0] == '1',
                                     .end_of_life_us = time_of(r->fields[SUP_C_END_OF_LIFE]) };
        CatalogChange change;

        if (id == NULL)
                return uk_fail(error, UK_ERROR_PARSE, "a category has no ID");
        apply->categories_done++;
        return catalog_category(apply->catalog, apply->tx, &category, &change, error);
}

static void
say_progress(Apply *apply, gint64 done, gint64 total, bool last)
{
        g_autofree char *line =
                wsyncmgr_progress_line(&apply->progress, done, total, last, uk_clock_now());

        if (line != NULL)
                uk_log("%s", line);
}

/* ---- updates ---- */

static Batch *
batch_new(void)
{
        Batch *batch = g_new0(Batch, 1);

        batch->chunk = g_string_chunk_new(64 * 1024);
        batch->files = g_array_new(FALSE, FALSE, sizeof(CatalogFile));
        batch->by = g_ptr_array_new();
        return batch;
}

static void
batch_free(gpointer data)
{
        Batch *batch = data;

        g_string_chunk_free(batch->chunk);
        g_array_unref(batch->files);
        g_ptr_array_unref(batch->by);
        g_free(batch);
}

static bool
give_batch(Apply *apply, GError **error)
{
        return apply->batch == NULL ||
               uk_relay_give(apply->relay, g_steal_pointer(&apply->batch), error);
}

/* The draft that takes lines has all of its own. */
static void
draft_end(Apply *apply)
{
        if (apply->drafting)
                g_ptr_array_add(apply->batch->by, NULL);
        apply->drafting = false;
}

static bool
draft_begin(Apply *apply, SupRecord *r, GError **error)
{
        Batch *batch;
        Draft *draft;

        draft_end(apply);
        if (apply->batch != NULL && apply->batch->count == BATCH_DRAFTS &&
            !give_batch(apply, error))
                return false;
        if (apply->batch == NULL)
                apply->batch = batch_new();
        batch = apply->batch;
        draft = &batch->drafts[batch->count++];
        draft->first_file = batch->files->len;
        draft->first_by = batch->by->len;
        for (guint i = 0; i < SUP_U_FIELDS; i++)
                draft->fields[i] = g_string_chunk_insert(batch->chunk, r->fields[i]);
        apply->drafting = true;
        return true;
}

static bool
draft_file(Batch *batch, SupRecord *r, GError **error)
{
        Draft *draft = &batch->drafts[batch->count - 1];
        char *copies[SUP_F_FIELDS];
        const char *hex = r->fields[SUP_F_SHA256];
        guint8 digest[HASH_SHA256_SIZE];

        if (!hash_from_hex(hex, strlen(hex), digest, sizeof digest))
                return uk_fail(error, UK_ERROR_PARSE, "the file %.80s has no SHA-256",
                               r->fields[SUP_F_NAME]);
        if (++draft->files > MAX_FILES)
                return uk_fail(error, UK_ERROR_LIMIT, "an update has more than %d files",
                               MAX_FILES);
        for (guint i = 0; i < SUP_F_FIELDS; i++)
                copies[i] = g_string_chunk_insert(batch->chunk, r->fields[i]);
        CatalogFile file = { .name = copies[SUP_F_NAME],
                             .size = g_ascii_strtoll(copies[SUP_F_SIZE], NULL, 10),
                             .sha256 = (const guint8 *)g_string_chunk_insert_len(
                                     batch->chunk, (const char *)digest, sizeof digest),
                             .url = copies[SUP_F_URL],
                             .package = copies[SUP_F_PACKAGE],
                             .architecture = copies[SUP_F_ARCHITECTURE],
                             .version = copies[SUP_F_VERSION],
                             .owned = copies[SUP_F_OWNED][0] == '1' };

        g_array_append_val(batch->files, file);
        return true;
}

static bool
write_update(Apply *apply, const Batch *batch, const Draft *draft, CatalogChange *change_out,
             GError **error)
{
        char *const *f = draft->fields;
        g_autofree char *product = unique_id("Product", f[SUP_U_PRODUCT]);
        g_autofree char *class = unique_id("UpdateClassification", f[SUP_U_CLASSIFICATION]);
        const char *categories[] = { product != NULL ? product : class,
                                     product != NULL ? class : NULL, NULL };
        const CatalogFile *files = (const CatalogFile *)(const void *)batch->files->data;
        CatalogUpdate update = { .unique_id = f[SUP_U_ID],
                                 .revision = g_ascii_strtoll(f[SUP_U_REVISION], NULL, 10),
                                 .title = f[SUP_U_TITLE],
                                 .description = f[SUP_U_DESCRIPTION],
                                 .article = f[SUP_U_ARTICLE],
                                 .info_url = f[SUP_U_URL],
                                 .severity = g_ascii_strtoll(f[SUP_U_SEVERITY], NULL, 10),
                                 .posted_us = time_of(f[SUP_U_CREATED]),
                                 .revised_us = time_of(f[SUP_U_REVISED]),
                                 .categories = categories,
                                 .files = files + draft->first_file,
                                 .file_count = draft->files,
                                 .superseded_by =
                                         (const char *const *)batch->by->pdata + draft->first_by };

        return catalog_update(apply->catalog, apply->tx, &update, change_out, error);
}

static bool
expire(Apply *apply, const Draft *draft, CatalogChange *change_out, GError **error)
{
        bool changed = false;

        *change_out = CATALOG_SAME;
        /* A delta run removes and expires nothing (OQ-S03). */
        if (apply->full &&
            !catalog_expire(apply->catalog, apply->tx, draft->fields[SUP_U_ID], &changed, error))
                return false;
        *change_out = changed ? CATALOG_CHANGED : CATALOG_SAME;
        return true;
}

static bool
write_draft(Apply *apply, const Batch *batch, const Draft *draft, GError **error)
{
        CatalogChange change;

        if (draft->fields[SUP_U_EXPIRED][0] == '1'
                    ? !expire(apply, draft, &change, error)
                    : !write_update(apply, batch, draft, &change, error))
                return false;
        if (change != CATALOG_SAME) {
                apply->written++;
                if (apply->name_each || uk_log_is_verbose())
                        uk_log("Synchronizing update %s - %s", draft->fields[SUP_U_ID],
                               draft->fields[SUP_U_TITLE]);
        }
        apply->updates_done++;
        say_progress(apply, apply->updates_done, apply->updates, false);
        return true;
}

/* In the thread of the relay, to which the transaction belongs while there are updates. */
static bool
write_batch(gpointer user, gpointer item, GError **error)
{
        const Batch *batch = item;

        for (guint i = 0; i < batch->count; i++) {
                if (!write_draft(user, batch, &batch->drafts[i], error))
                        return false;
        }
        return true;
}

/* The first line that is no category ends them. From here on this thread reads and puts together,
 * while another writes. */
static bool
begin_updates(Apply *apply, GError **error)
{
        if (apply->relay != NULL)
                return true;
        say_progress(apply, apply->categories_done, apply->categories, true);
        uk_log("sync: SMS synchronizing updates");
        wsyncmgr_progress_begin(&apply->progress, "sync: SMS synchronizing updates",
                                uk_clock_now());
        apply->relay = uk_relay_new(BATCH_DEPTH, write_batch, batch_free, apply, error);
        return apply->relay != NULL;
}

static bool
take_line(Apply *apply, SupRecord *r, GError **error)
{
        if (r->kind == SUP_RECORD_CATEGORY && apply->relay == NULL)
                return take_category(apply, r, error);
        if (!begin_updates(apply, error))
                return false;
        switch (r->kind) {
        case SUP_RECORD_UPDATE:
                return draft_begin(apply, r, error);
        case SUP_RECORD_FILE:
                return !apply->drafting || draft_file(apply->batch, r, error);
        case SUP_RECORD_BY:
                if (apply->drafting)
                        g_ptr_array_add(apply->batch->by,
                                        g_string_chunk_insert(apply->batch->chunk, r->fields[0]));
                return true;
        case SUP_RECORD_CATEGORY:
                return uk_fail(error, UK_ERROR_PARSE, "a category comes behind the updates");
        default:
                return true;
        }
}

/* ---- the phase ---- */

/* Until all that was read is written. */
static bool
end_updates(Apply *apply, GError **error)
{
        draft_end(apply);
        return give_batch(apply, error) &&
               (apply->relay == NULL || uk_relay_end(g_steal_pointer(&apply->relay), error));
}

static bool
write_all(Apply *apply, const char *path, GError **error)
{
        CatalogCounts counts;

        uk_log("sync: SMS synchronizing categories");
        wsyncmgr_progress_begin(&apply->progress, "sync: SMS synchronizing categories",
                                uk_clock_now());
        if (!each_line(path, take_line, apply, error) || !end_updates(apply, error) ||
            !catalog_finish(apply->catalog, apply->tx, &counts, error))
                return false;
        say_progress(apply, apply->updates_done, apply->updates, true);
        apply->work->written = apply->written;
        return true;
}

/* Everything in one transaction with the content version (SYNC-038). */
static bool
apply_changes(Apply *apply, const char *path, GError **error)
{
        g_autofree char *cause = wsyncmgr_cause(apply->work);
        g_autoptr(Catalog) catalog = catalog_new(apply->work->c->db, apply->full, cause, error);
        g_autoptr(DbTx) tx =
                catalog != NULL ? db_begin_from(apply->work->c->db, uk_trace_get(), NULL, error)
                                : NULL;

        if (tx == NULL)
                return false;
        apply->catalog = catalog;
        apply->tx = tx;
        bool written = write_all(apply, path, error);

        g_clear_pointer(&apply->relay, uk_relay_drop);
        g_clear_pointer(&apply->batch, batch_free);
        return written &&
               updatesource_raise(tx, cause, &apply->work->version, &apply->work->changed, error) &&
               db_commit(g_steal_pointer(&tx), error);
}

static bool
apply_file(SyncWork *work, bool full, GError **error)
{
        g_autofree char *path = spool_path(work);
        Apply apply = { .work = work, .full = full };

        bool done = count(&apply, path, error);

        apply.name_each =
                apply.updates <= settings_int(host_settings(work->c->host), "wsyncmgr.log_updates");
        done = done && apply_changes(&apply, path, error);
        return done && uk_io_unlink(path, error);
}

/* A full run looks at everything unless the last full one saw this very content. */
static bool
nothing_new(const SyncWork *work, bool full)
{
        g_autofree char *mark = wsyncmgr_mark(work);
        g_autofree char *seen = full ? host_mark_get(work->c->host, FULL_MARK) : NULL;

        return g_str_equal(mark, work->run->anchor) && (!full || g_strcmp0(mark, seen) == 0);
}

/* Whether the catalogue has come in place of the one that the mark is of. */
static bool
is_other_catalogue(const SyncWork *work)
{
        return work->run->anchor[0] != '\0' && !is_same_catalogue(work);
}

bool
wsyncmgr_is_incomplete(const SyncWork *work)
{
        return is_other_catalogue(work) && work->sources_failed > 0;
}

/* A catalogue that has come in place of another says nothing of what that one had: only a look at
 * everything finds what is gone, of whatever kind the run is. But one that has not everything yet
 * would have expired what sources that failed are to bring again. */
static bool
must_be_full(const SyncWork *work)
{
        return is_other_catalogue(work) ? !wsyncmgr_is_incomplete(work)
                                        : work->run->running_kind == SYNCRUN_FULL;
}

static void
say_nothing(void)
{
        uk_log("sync: SMS synchronizing categories");
        uk_log("sync: SMS synchronizing categories, processed 0 out of 0 items (100%%)");
        uk_log("sync: SMS synchronizing updates");
        uk_log("sync: SMS synchronizing updates, processed 0 out of 0 items (100%%)");
}

static bool
note_full(SyncWork *work, GError **error)
{
        g_autofree char *mark = wsyncmgr_mark(work);

        return host_mark_set(work->c->host, FULL_MARK, mark, error);
}

bool
wsyncmgr_database_phase(SyncWork *work, GError **error)
{
        bool full = must_be_full(work);

        if (!wsyncmgr_enter(work, 6705, error))
                return false;
        uk_log("Synchronizing SMS database with WSUS server %s ...", work->sup->server);
        if (nothing_new(work, full))
                say_nothing();
        else if (!fetch(work, full, error) || !apply_file(work, full, error) ||
                 (full && !note_full(work, error)))
                return false;
        uk_log("Done synchronizing SMS with WSUS Server %s", work->sup->server);
        wsyncmgr_say_version(work, work->version);
        return true;
}
