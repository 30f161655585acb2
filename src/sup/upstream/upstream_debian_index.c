/* upstream_debian_index.c - one index from the archive into the spool (DEB-012, DEB-013).
 *
 * The spool file of an index that was read is named by its digest and holds a line with two numbers
 * (stanzas, refused) and the packed stanzas. It outlives a kill, so that nothing is read twice.
 */
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/io.h"
#include "sup/catalog/stanzas.h"
#include "sup/upstream/index.h"
#include "sup/upstream/upstream_private.h"

#define SPOOLED_MAX (1024u * 1024 * 1024)

/* The sink of a transfer. */
typedef struct {
        UpstreamWork *work;
        IndexAsk ask;
        Index *index;
        guint done_before;
} Reading;

static bool
on_begin(gpointer user, GError **error)
{
        Reading *reading = user;

        g_clear_pointer(&reading->index, index_free);
        reading->index = index_new(&reading->ask, error);
        return reading->index != NULL;
}

static bool
on_bytes(gpointer user, const void *data, gsize size, GError **error)
{
        Reading *reading = user;

        return index_feed(reading->index, data, size, error);
}

static bool
on_piece(gpointer user, guint count, GError **error)
{
        Reading *reading = user;

        reading->work->progress.done = reading->done_before + count;
        return upstream_tell(reading->work, false) ||
               uk_fail(error, UK_ERROR_CANCELLED, "the synchronization was stopped");
}

static bool
write_spooled(const char *path, const IndexResult *result, GError **error)
{
        g_autoptr(GBytes) packed = stanzas_compress(result->stanzas->data, result->stanzas->len);
        g_autofree char *head = g_strdup_printf("%u %u\n", result->count, result->refused);
        g_autofree char *temporary = g_strconcat(path, ".new", NULL);
        gsize size;
        const void *data = g_bytes_get_data(packed, &size);
        UK_AUTOFD fd = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0640);

        if (fd < 0)
                return uk_fail(error, UK_ERROR_IO, "%s cannot be written", temporary);
        /* Not synced: what a crash damages is noticed by its checksum and read again. */
        return uk_io_write(fd, head, strlen(head), temporary, error) &&
               uk_io_write(fd, data, size, temporary, error) &&
               uk_io_rename(temporary, path, error);
}

bool
upstream_spooled_read(const char *path, guint *stanzas_out, guint *refused_out, GBytes **packed_out,
                      GError **error)
{
        g_autofree char *text = NULL;
        gsize size;
        const char *newline;
        guint64 stanzas, refused;
        Slice head, first, second;

        if (!uk_io_read(path, SPOOLED_MAX, &text, &size, error))
                return false;
        newline = size > 0 ? memchr(text, '\n', size) : NULL;
        head = (Slice){ text, newline != NULL ? (gsize)(newline - text) : 0 };
        if (!slice_word(&head, &first) || !slice_word(&head, &second) ||
            !slice_number(first, G_MAXUINT, &stanzas) || !slice_number(second, G_MAXUINT, &refused))
                return uk_fail(error, UK_ERROR_PARSE, "%s is damaged", path);
        *stanzas_out = (guint)stanzas;
        *refused_out = (guint)refused;
        *packed_out = g_bytes_new(newline + 1, size - (gsize)(newline + 1 - text));
        return true;
}

/* Whether an earlier run left the whole of it. */
static bool
is_spooled(const char *path, guint *stanzas_out, guint *refused_out)
{
        g_autoptr(GBytes) packed = NULL;
        g_autoptr(GByteArray) plain = NULL;

        if (!g_file_test(path, G_FILE_TEST_EXISTS) ||
            !upstream_spooled_read(path, stanzas_out, refused_out, &packed, NULL))
                return false;
        plain = stanzas_expand(g_bytes_get_data(packed, NULL), g_bytes_get_size(packed),
                               SPOOLED_MAX, NULL);
        return plain != NULL;
}

static void
take_result(UpstreamWork *work, Suite *suite, IndexResult *result)
{
        suite->refused += result->refused;
        work->stanzas += result->count;
        g_ptr_array_extend_and_steal(work->problems, g_steal_pointer(&result->refusals));
}

static bool
fetch_once(UpstreamWork *work, Suite *suite, const SuiteIndex *index, const IndexAsk *ask,
           GError **error)
{
        Reading reading = { .work = work, .ask = *ask, .done_before = work->progress.done };
        FetchSink sink = { on_begin, on_bytes, &reading };
        g_auto(IndexResult) result = { 0 };

        reading.ask.tell = on_piece;
        reading.ask.user = &reading;
        bool good = fetch_large(work->fetch, (const char *const *)index->urls, index->packed, &sink,
                                error) &&
                    index_end(reading.index, &result, error) &&
                    write_spooled(index->spooled, &result, error);

        if (reading.index != NULL)
                work->progress.done = reading.done_before + index_count(reading.index);
        index_free(reading.index);
        if (good)
                take_result(work, suite, &result);
        return good;
}

/* What was kept of an earlier transfer may be wrong though the archive is right: then once more
 * from the beginning. */
static bool
fetch_index(UpstreamWork *work, Suite *suite, const SuiteIndex *index, const IndexAsk *ask,
            GError **error)
{
        bool resumed = fetch_kept(work->fetch, index->packed) > 0;
        g_autoptr(GError) failure = NULL;

        if (fetch_once(work, suite, index, ask, &failure))
                return true;
        if (uk_error_class(failure) == UK_CLASS_CORRUPT) {
                if (!fetch_forget(work->fetch, index->packed, error))
                        return false;
                if (resumed)
                        return fetch_once(work, suite, index, ask, error);
        }
        g_propagate_error(error, g_steal_pointer(&failure));
        return false;
}

/* Of a flat archive it depends on the architectures what is kept of an index. */
static char *
spooled_path(const UpstreamWork *work, const Suite *suite, const SuiteIndex *index)
{
        g_autofree char *serves = hash_sha256_hex(index->serves, strlen(index->serves));

        return suite->flat ? g_strdup_printf("%s/%s-%.16s.stanzas", work->options->spool,
                                             index->sha256, serves)
                           : g_strdup_printf("%s/%s.stanzas", work->options->spool, index->sha256);
}

bool
upstream_read_index(UpstreamWork *work, Suite *suite, SuiteIndex *index, GError **error)
{
        g_autofree char *name = g_strdup_printf("%s %s", suite->name, index->name);
        IndexAsk ask = { .name = name,
                         .packed = index->packed,
                         .plain = index->plain,
                         .kind = index->kind,
                         .arches = (const char *const *)suite->arches,
                         .refused_share = work->refused_share };
        guint stanzas, refused;
        bool good;

        index->spooled = spooled_path(work, suite, index);
        if (is_spooled(index->spooled, &stanzas, &refused)) {
                work->progress.done += stanzas;
                work->stanzas += stanzas;
                suite->refused += refused;
                return true;
        }
        if (!index_check(&ask, error))
                return false;
        work->progress.what = name;
        good = upstream_tell(work, false)
                       ? fetch_index(work, suite, index, &ask, error)
                       : uk_fail(error, UK_ERROR_CANCELLED, "the synchronization was stopped");
        work->progress.what = "";
        return good;
}
