/* statesys_chunk.c - many files in one transaction, each inside a savepoint of its own, so that a
 * bad one takes nothing with it (COMP-068, COMP-069).
 *
 * Nothing is removed here: the host removes the files when the transaction is on disk. A kill
 * before that brings them again, which changes nothing (COMP-071).
 */
#include "base/log.h"
#include "site/statesys/statesys_private.h"
#include "wire/utf16.h"

/* A chunk touches a page or two for each message, all over the tables; with SQLite's own 2 MB they
 * are written out and read again before the commit. */
#define CACHE_KIB (32 * 1024)

static void
chunk_clear(StatesysChunk *chunk)
{
        statesys_machine_rollback(chunk->work);
        updatesource_free(chunk->source);
        g_string_free(chunk->text, TRUE);
        g_array_unref(chunk->packages);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(StatesysChunk, chunk_clear)

/* The update source as of this transaction; none before the site is installed. */
static bool
load_source(StatesysChunk *chunk, GError **error)
{
        g_autoptr(GError) why = NULL;

        chunk->source = updatesource_load(chunk->work->db, &why);
        if (chunk->source == NULL && !g_error_matches(why, UK_ERROR, UK_ERROR_NOT_YET)) {
                g_propagate_error(error, g_steal_pointer(&why));
                return false;
        }
        if (statesys_updates_refresh(chunk->ss->updates, chunk->source))
                chunk->ss->adopt = true;
        return true;
}

static bool
begin(StatesysChunk *chunk, GError **error)
{
        chunk->text = g_string_new(NULL);
        chunk->packages = g_array_new(FALSE, FALSE, sizeof(CompliancePackage));
        db_set_cache(chunk->c->db, CACHE_KIB);
        chunk->work = statesys_machine_begin(chunk->c->db, error);
        return chunk->work != NULL && load_source(chunk, error);
}

/* Takes back what a bad file did, and remembers for its sender why it was refused. */
static bool
refuse(StatesysChunk *chunk, StatesysReport *report, BatchItem *item, SummaryMark mark,
       guint compares, GError *why, GError **error)
{
        StatesysWork *work = chunk->work;

        summary_return(work->summary, mark);
        g_array_set_size(work->compares, compares);
        item->verdict = BATCH_CORRUPT;
        item->why = g_strdup(why->message);
        chunk->bad++;
        return db_savepoint_rollback(work->tx, error) &&
               (!report->headed || report_refuse(work->tx, &report->row, why->message, error));
}

static bool
take_data(StatesysChunk *chunk, BatchItem *item, const char *data, gsize size, GError **error)
{
        StatesysWork *work = chunk->work;
        g_auto(StatesysReport) report = { 0 };
        g_autoptr(GError) why = NULL;
        const SummaryMark mark = summary_mark(work->summary);
        guint compares = work->compares->len;

        if (!db_savepoint(work->tx, error))
                return false;
        if (statesys_report_take(&report, chunk, item->file, data, size, &why)) {
                uk_verbose("CMessageProcessor - Processed %" G_GINT64_FORMAT
                           " records with %" G_GINT64_FORMAT " invalid records.",
                           report.row.messages, report.row.invalid);
                item->verdict = BATCH_DONE;
                return db_savepoint_release(work->tx, error);
        }
        if (uk_error_class(why) == UK_CLASS_CORRUPT)
                return refuse(chunk, &report, item, mark, compares, why, error);
        g_propagate_error(error, g_steal_pointer(&why));
        return false;
}

/* The procedure's call as administrators know it, with the whole body (DIST-129). */
static void
log_call(const char *data, gsize size)
{
        g_autofree char *text = NULL;

        if (!uk_log_is_verbose())
                return;
        text = utf16_read(data, size, NULL, NULL);
        if (text == NULL)
                text = g_utf8_make_valid(data, (gssize)size);
        uk_verbose("CMessageProcessor - the cmdline to DB exec dbo.spProcessStateReport N'?%s~~'",
                   text);
}

/* A file that cannot be read (now, or for its size) is that file's trouble alone. */
static bool
take_file(StatesysChunk *chunk, BatchItem *item, GError **error)
{
        g_autofree char *data = NULL;
        g_autoptr(GError) why = NULL;
        gsize size = 0;

        uk_verbose("CMessageProcessor - Processing file: %s", item->file->name);
        if (inbox_file_read(item->file, STATEREPORT_MAX_BYTES, &data, &size, &why)) {
                log_call(data, size);
                return take_data(chunk, item, data, size, error);
        }
        item->verdict = uk_error_class(why) == UK_CLASS_CORRUPT ? BATCH_CORRUPT : BATCH_LATER;
        item->why = g_strdup(why->message);
        chunk->bad++;
        return true;
}

bool
statesys_chunk(Component *c, BatchItem *items, guint count, GError **error)
{
        UK_DOING(error, "processing %u state message files", count);
        g_auto(StatesysChunk) chunk = { .c = c, .ss = c->state };
        bool adopted = false;

        if (!begin(&chunk, error))
                return false;
        if (chunk.ss->adopt && !statesys_topics_adopt(&chunk, &adopted, error))
                return false;
        for (guint i = 0; i < count; i++) {
                if (!take_file(&chunk, &items[i], error))
                        return false;
        }
        if (!statesys_digest_compare(chunk.work, error) ||
            !statesys_machine_commit(g_steal_pointer(&chunk.work), error))
                return false;
        if (adopted)
                chunk.ss->adopt = false;
        uk_verbose("CMessageProcessor - Processed %u message files in this batch, with %u bad "
                   "files.",
                   count, chunk.bad);
        return true;
}
