/* pkgxfermgr_files.c - the bytes of an order, each file the cheapest way.
 *
 * Small files of a content item of which the receiver has an older one go in a frame, other small
 * ones in batches; a larger one as a delta against a file that the receiver has, else in blocks
 * from the position where it stands. Whatever the receiver refuses goes the next way. Blocks are
 * compressed where that is faster than the link (DIST-077, DIST-153, OQ-D51; architecture 6).
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>
#include <zstd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/io.h"
#include "crypto/hash.h"
#include "site/pkgxfermgr/pkgxfermgr_work.h"

/* A file below it goes with others in one request, */
#define SMALL_FILE (64 * 1024)
/* which is sent when it has so many bytes. */
#define BATCH_BYTES (4 * 1024 * 1024)
/* A batch's entry has hash and size before the bytes. */
#define ENTRY_HEAD (HASH_SHA256_SIZE + 8)
/* A file that comes out wrong is sent again so many times, before somebody is blamed. */
#define FILE_TRIES 3
/* Above it packing takes longer than sending. */
#define FAST_LINK  (G_GINT64_CONSTANT(40) * 1000 * 1000)
#define PACK_LEVEL 1
/* Less than that is not worth the receiver's time. */
#define PACK_GAIN 0.9
/* A block of which this part is pages of zeros is packed on any link: zeros pack faster than they
 * are sent. */
#define ZERO_PAGE 4096
#define ZERO_PART 8
/* A rate limit is followed live: no block takes longer than half a second by it. */
#define LEAST_BLOCK 16384
#define PROGRESS_US UK_SECOND
/* A run that is over before that is not said to have begun. */
#define BEGIN_US (UK_SECOND / 4)

char *
pkgxfermgr_hex(const guint8 *hash)
{
        g_autofree char *hex = hash_hex(hash, HASH_SHA256_SIZE);

        return g_ascii_strup(hex, -1);
}

/* ---- whether to go on, and how far it is ---- */

static void
take_settings(Send *send)
{
        g_autoptr(DistPoint) now = distpoint_load(send->c->db, send->point->id, NULL);

        if (now == NULL)
                return;
        send->client.rate =
                now->rate_limit / (gint64)pkgxfermgr_threads_of(send->c, send->point->id);
        if (now->maintenance ||
            !pkgxfermgr_window_open(now->schedule, send->job->priority, uk_clock_now()))
                send->point->maintenance = 1;
}

/* The row of the job, for people: not worth failing for. */
static void
tell_progress(Send *send)
{
        g_autoptr(GError) failure = NULL;
        g_autoptr(DbTx) tx = db_begin(send->c->db, &failure);

        send->job->bytes_sent = send->client.sent;
        if (tx == NULL || !distjob_progress(tx, send->job, &failure) ||
            !db_commit(g_steal_pointer(&tx), &failure))
                uk_warn("The progress of job %" G_GINT64_FORMAT " cannot be written: %s",
                        send->job->id, failure->message);
}

static bool
is_stopped(const Send *send)
{
        return atomic_load(&send->sending->stop) != STOP_NONE || send->point->maintenance ||
               host_stopping(send->c->host);
}

/* About once a second: the row, and what the distribution point's row says now. */
static void
now_and_then(Send *send)
{
        gint64 now = uk_clock_mono();
        g_autoptr(GError) failure = NULL;

        if (!send->begun && now - send->told_us >= BEGIN_US && !pkgxfermgr_begin(send, &failure))
                uk_warn("Job %" G_GINT64_FORMAT " cannot be said to run: %s", send->job->id,
                        failure->message);
        if (now - send->told_us < PROGRESS_US)
                return;
        send->told_us = now;
        tell_progress(send);
        take_settings(send);
}

bool
pkgxfermgr_go_on(Send *send, GError **error)
{
        atomic_store(&send->sending->active_us, uk_clock_mono());
        now_and_then(send);
        return !is_stopped(send) || uk_fail(error, UK_ERROR_CANCELLED, "the sending was stopped");
}

bool
pkgxfermgr_tick(gpointer user, gint64 done, gint64 total)
{
        Send *send = user;

        (void)total;
        if (done != send->last_bytes) {
                send->last_bytes = done;
                atomic_store(&send->sending->active_us, uk_clock_mono());
        }
        now_and_then(send);
        return !is_stopped(send);
}

/* ---- one request ---- */

/* Whether a good part of it is holes. Other pages cost the look at their first bytes. */
static bool
has_holes(const guint8 *data, gsize size)
{
        gsize zeros = 0;

        for (gsize at = 0; at + ZERO_PAGE <= size; at += ZERO_PAGE)
                zeros += data[at] == 0 && memcmp(data + at, data + at + 1, ZERO_PAGE - 1) == 0;
        return zeros * ZERO_PAGE * ZERO_PART >= size;
}

/* Compressed when the link is slower than the packing, or it is holes, and it gains something; else
 * the bytes themselves. The caller's. */
static GBytes *
pack(const SendWork *work, GBytes *plain, bool *packed_out)
{
        gsize size = g_bytes_get_size(plain), room = ZSTD_compressBound(size), got;
        bool fast = work->sent_us == 0 ||
                    work->sent_bytes * UK_SECOND / MAX(work->sent_us, 1) > FAST_LINK;
        g_autofree guint8 *out = NULL;

        *packed_out = false;
        if (size == 0 || (fast && work->send->client.rate == 0 &&
                          !has_holes(g_bytes_get_data(plain, NULL), size)))
                return g_bytes_ref(plain);
        out = g_malloc(room);
        got = ZSTD_compress(out, room, g_bytes_get_data(plain, NULL), size, PACK_LEVEL);
        if (ZSTD_isError(got) || (double)got > (double)size * PACK_GAIN)
                return g_bytes_ref(plain);
        *packed_out = true;
        return g_bytes_new_take(g_steal_pointer(&out), got);
}

bool
pkgxfermgr_put(SendWork *work, const char *path, GBytes *plain, bool may_pack,
               DpVerdict *verdict_out, gint64 *position_out, GError **error)
{
        Send *send = work->send;
        bool packed = false;
        g_autoptr(GBytes) body = may_pack ? pack(work, plain, &packed) : g_bytes_ref(plain);
        gint64 began = uk_clock_mono();

        if (!pkgxfermgr_go_on(send, error))
                return false;
        send->last_bytes = 0;
        send->blame = true;
        if (!dpclient_put(&send->client, path, work->order->token, body, packed, verdict_out,
                          position_out, error))
                return false;
        send->blame = false;
        atomic_store(&send->sending->active_us, uk_clock_mono());
        work->sent_us += uk_clock_mono() - began;
        work->sent_bytes += (gint64)g_bytes_get_size(body);
        return true;
}

void
pkgxfermgr_note_sent(SendWork *work, SendFile *file, gint64 left)
{
        if (!file->sent)
                work->send->job->remaining_size = MAX(work->send->job->remaining_size - left, 0);
        file->sent = true;
}

/* ---- names and lines ---- */

static char *
temp_name(const SendFile *file)
{
        g_autofree char *hash = pkgxfermgr_hex(file->entry->hash);

        return g_strdup_printf("%s-%s.temp", hash, file->content_id);
}

static void
log_file(const SendWork *work, const SendFile *file)
{
        g_autofree char *temp = temp_name(file);
        const char *slash = strrchr(file->entry->path, '/');

        uk_log("Sending file '\\\\%s\\SMS_DP$\\%s'", work->send->point->server, temp);
        uk_log("Adding %s file in %s.", slash != NULL ? slash + 1 : file->entry->path,
               file->content_id);
}

/* ---- the library's bytes ---- */

static bool
read_at(int fd, void *data, gsize size, gint64 position, const SendFile *file, GError **error)
{
        for (gsize got = 0; got < size;) {
                ssize_t n = pread(fd, (char *)data + got, size - got, position + (gint64)got);

                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return uk_fail_errno(error, errno, "reading %s from the content library",
                                             file->entry->path);
                if (n == 0)
                        return uk_fail(error, UK_ERROR_IO,
                                       "%s ends early in the content library of the site",
                                       file->entry->path);
                got += (gsize)n;
        }
        return true;
}

static int
open_file(const SendWork *work, const SendFile *file, GError **error)
{
        gint64 size = 0;
        int fd = library_open_file(work->send->library, file->entry->hash, &size, error);

        if (fd >= 0 && size != file->entry->size) {
                uk_fail(error, UK_ERROR_IO,
                        "%s has another size in the content library of the site",
                        file->entry->path);
                close(fd);
                return -1;
        }
        /* A missing file of ours is no order that the other side has lost. */
        if (fd < 0 && error != NULL && g_error_matches(*error, UK_ERROR, UK_ERROR_NOT_FOUND))
                (*error)->code = UK_ERROR_IO;
        return fd;
}

/* The receiver proves another hash: whose fault it is. */
static bool
blame_for(SendWork *work, const SendFile *file, GError **error)
{
        g_autofree char *hash = pkgxfermgr_hex(file->entry->hash);
        g_autofree char *path = g_strdup_printf("%s/FileLib/%.4s/%s",
                                                library_root(work->send->library), hash, hash);
        guint8 digest[HASH_SHA256_SIZE];

        if (!hash_file(path, digest, error))
                return false;
        if (memcmp(digest, file->entry->hash, sizeof digest) != 0)
                return uk_fail(error, UK_ERROR_IO,
                               "%s is damaged in the content library of the site; update the "
                               "package, which reads its source again",
                               file->entry->path);
        work->send->blame = true;
        return uk_fail(error, UK_ERROR_REMOTE,
                       "distribution point %s refuses the right bytes of %s; its disk or the way "
                       "to it damages them",
                       work->send->point->server, file->entry->path);
}

/* ---- a file in blocks ---- */

gsize
pkgxfermgr_block_size(const SendWork *work)
{
        gint64 size =
                settings_int(host_settings(work->send->c->host), "pkgxfermgr.block_kilobytes") *
                1024;
        gint64 rate = work->send->client.rate;

        return (gsize)(rate > 0 ? CLAMP(rate / 2, LEAST_BLOCK, size) : size);
}

static void
log_attempt(const SendWork *work, const char *temp, gsize size, gint64 position)
{
        uk_verbose(
                "~Attempt to write %zu bytes to \\\\%s\\SMS_DP$\\%s at position %" G_GINT64_FORMAT,
                size, work->send->point->server, temp, position);
}

/* One block; *position moves on, or to where the receiver wants it. */
static bool
send_block(SendWork *work, const SendFile *file, const char *temp, int fd, gint64 *position,
           DpVerdict *verdict_out, GError **error)
{
        gsize size = (gsize)MIN((gint64)pkgxfermgr_block_size(work), file->entry->size - *position);
        guint8 *data = g_malloc(MAX(size, 1));
        g_autoptr(GBytes) block = g_bytes_new_take(data, size);
        g_autofree char *path = g_strdup_printf("/SMS_DP$/%s?order=%s&position=%" G_GINT64_FORMAT,
                                                temp, work->order->id, *position);
        gint64 wanted = 0, began = uk_clock_mono();

        if (!read_at(fd, data, size, *position, file, error))
                return false;
        log_attempt(work, temp, size, *position);
        if (!pkgxfermgr_put(work, path, block, true, verdict_out, &wanted, error))
                return false;
        if (*verdict_out == DPCLIENT_TAKEN) {
                uk_verbose("~Wrote %zu bytes to \\\\%s\\SMS_DP$\\%s at position %" G_GINT64_FORMAT
                           " in %d ticks",
                           size, work->send->point->server, temp, *position,
                           (int)((uk_clock_mono() - began) / 1000));
                *position += (gint64)size;
        } else {
                *position = *verdict_out == DPCLIENT_ELSEWHERE ? MIN(wanted, file->entry->size) : 0;
        }
        work->send->job->remaining_size -= *verdict_out == DPCLIENT_TAKEN ? (gint64)size : 0;
        return true;
}

static bool
send_blocks(SendWork *work, SendFile *file, gint64 position, GError **error)
{
        g_autofree char *temp = temp_name(file);
        g_autofree char *hash = pkgxfermgr_hex(file->entry->hash);
        UK_AUTOFD fd = open_file(work, file, error);
        int refused = 0;

        if (fd < 0)
                return false;
        uk_verbose("~Sending Started [%s/FileLib/%.4s/%s]", library_root(work->send->library), hash,
                   hash);
        do {
                DpVerdict verdict;

                if (!send_block(work, file, temp, fd, &position, &verdict, error))
                        return false;
                if (verdict != DPCLIENT_TAKEN && ++refused == FILE_TRIES)
                        return blame_for(work, file, error);
        } while (position < file->entry->size);
        uk_verbose("~Sending completed [%s/FileLib/%.4s/%s]", library_root(work->send->library),
                   hash, hash);
        file->sent = true;
        work->whole++;
        return true;
}

/* ---- small files ---- */

bool
pkgxfermgr_fail_small(Send *send, GError **error)
{
        send->blame = true;
        return uk_fail(error, UK_ERROR_REMOTE,
                       "distribution point %s refuses small files that it was sent: their hashes "
                       "are not right there",
                       send->point->server);
}

static bool
flush_batch(SendWork *work, GError **error)
{
        g_autofree char *path =
                g_strdup_printf("/SMS_DP$/%s.batch?order=%s", work->order->id, work->order->id);
        DpVerdict verdict;
        gint64 position;

        if (work->batch->len == 0)
                return true;
        g_autoptr(GBytes) body = g_byte_array_free_to_bytes(g_steal_pointer(&work->batch));
        work->batch = g_byte_array_new();
        if (!pkgxfermgr_put(work, path, body, true, &verdict, &position, error))
                return false;
        return verdict == DPCLIENT_TAKEN || pkgxfermgr_fail_small(work->send, error);
}

/* Those that are left go with the end of the order, where that is wanted. */
static bool
end_batch(SendWork *work, DpBatch *last_out, GError **error)
{
        if (last_out == NULL || work->batch->len == 0)
                return flush_batch(work, error);
        g_autoptr(GBytes) plain = g_byte_array_free_to_bytes(g_steal_pointer(&work->batch));

        work->batch = g_byte_array_new();
        last_out->bytes = pack(work, plain, &last_out->zstd);
        return true;
}

static bool
add_to_batch(SendWork *work, SendFile *file, GError **error)
{
        guint64 size = GUINT64_TO_LE((guint64)file->entry->size);
        UK_AUTOFD fd = open_file(work, file, error);
        guint at = work->batch->len;

        if (fd < 0)
                return false;
        g_byte_array_set_size(work->batch, at + ENTRY_HEAD + (guint)file->entry->size);
        memcpy(work->batch->data + at, file->entry->hash, HASH_SHA256_SIZE);
        memcpy(work->batch->data + at + HASH_SHA256_SIZE, &size, sizeof size);
        if (!read_at(fd, work->batch->data + at + ENTRY_HEAD, (gsize)file->entry->size, 0, file,
                     error))
                return false;
        work->batched++;
        pkgxfermgr_note_sent(work, file, file->entry->size);
        return work->batch->len < BATCH_BYTES || flush_batch(work, error);
}

/* ---- all of them ---- */

/* What of the package is missing, by hash, with the first path it stands at. */
static bool
index_files(SendWork *work, GError **error)
{
        g_autoptr(GHashTable) wanted = g_hash_table_new(hash_key_of, hash_key_equal);
        GArray *missing = work->order->missing;

        for (guint i = 0; i < missing->len; i++)
                g_hash_table_add(wanted, g_array_index(missing, DpMissing, i).hash);
        for (guint i = 0; i < work->rows->len; i++) {
                const PkgContent *row = work->rows->pdata[i];
                const ContentTree *tree =
                        library_tree_ref(work->send->library, row->content_id, error);

                if (tree == NULL)
                        return false;
                g_ptr_array_add(work->trees, (gpointer)tree);
                for (guint k = 0; k < tree_count(tree); k++) {
                        const TreeEntry *entry = tree_entry(tree, k);

                        if (entry->kind != TREE_FILE ||
                            !g_hash_table_contains(wanted, entry->hash) ||
                            g_hash_table_contains(work->files, entry->hash))
                                continue;
                        SendFile *file = g_new0(SendFile, 1);
                        file->entry = entry;
                        file->content_id = row->content_id;
                        g_hash_table_insert(work->files, (gpointer)entry->hash, file);
                }
        }
        return true;
}

static bool
send_one(SendWork *work, const DpMissing *missing, GError **error)
{
        SendFile *file = g_hash_table_lookup(work->files, missing->hash);
        bool sent = false;

        if (file == NULL || file->entry->size != missing->size) {
                work->send->blame = true;
                return uk_fail(error, UK_ERROR_REMOTE,
                               "distribution point %s asks for a file that the package has not",
                               work->send->point->server);
        }
        if (!pkgxfermgr_go_on(work->send, error))
                return false;
        log_file(work, file);
        if (file->sent)
                return true;
        if (missing->size < SMALL_FILE && missing->position == 0)
                return add_to_batch(work, file, error);
        if (!pkgxfermgr_try_delta(work, file, missing, &sent, error))
                return false;
        return sent || send_blocks(work, file, missing->position, error);
}

static char *
describe(const SendWork *work)
{
        return g_strdup_printf(
                "%u whole and %u small files, %u deltas and %u frames of %" G_GINT64_FORMAT
                " bytes",
                work->whole, work->batched, work->deltas, work->frames, work->delta_bytes);
}

static void
measure(SendWork *work)
{
        gint64 total = 0, left = 0;

        for (guint i = 0; i < work->rows->len; i++)
                total += ((PkgContent *)work->rows->pdata[i])->size;
        for (guint i = 0; i < work->order->missing->len; i++) {
                const DpMissing *one = &g_array_index(work->order->missing, DpMissing, i);

                left += one->size - one->position;
        }
        work->send->job->total_size = total;
        work->send->job->remaining_size = left;
}

static bool
send_all(SendWork *work, DpBatch *last_out, GError **error)
{
        GArray *missing = work->order->missing;

        if (missing->len == 0)
                return true;
        if (!index_files(work, error) || !pkgxfermgr_use_old_items(work, error))
                return false;
        for (guint i = 0; i < missing->len; i++) {
                if (!send_one(work, &g_array_index(missing, DpMissing, i), error))
                        return false;
        }
        return end_batch(work, last_out, error);
}

bool
pkgxfermgr_files(Send *send, const DpOrderAnswer *order, const GPtrArray *rows, DpBatch *last_out,
                 GError **error)
{
        SendWork work = { .send = send,
                          .order = order,
                          .rows = rows,
                          .trees = g_ptr_array_new(),
                          .files = g_hash_table_new_full(hash_key_of, hash_key_equal, NULL, g_free),
                          .old_of =
                                  g_hash_table_new_full(hash_key_of, hash_key_equal, NULL, g_free),
                          .batch = g_byte_array_new() };

        measure(&work);
        bool done = send_all(&work, last_out, error);
        g_free(send->job->way);
        send->job->way = describe(&work);
        if (done && work.whole + work.batched + work.deltas + work.frames > 0)
                uk_log("Sent %s to %s, %" G_GINT64_FORMAT " bytes on the wire", send->job->way,
                       send->point->server, send->client.sent);
        g_hash_table_unref(work.files);
        g_hash_table_unref(work.old_of);
        g_byte_array_unref(work.batch);
        for (guint i = 0; i < work.trees->len; i++)
                library_tree_unref(send->library, work.trees->pdata[i]);
        g_ptr_array_unref(work.trees);
        return done;
}
