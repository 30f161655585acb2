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
#include "content/verify.h"
#include "crypto/hash.h"
#include "site/contentlibrary/contentlibrary.h"
#include "site/pkgxfermgr/pkgxfermgr_work.h"

/* A file below it goes with others in one request, without the look for a delta; */
#define SMALL_FILE (64 * 1024)
/* a larger one, too, that would be a single block, which saves a request each; */
#define MEDIUM_FILE (1024 * 1024)
/* it is sent when it has so many bytes. */
#define BATCH_BYTES (4 * 1024 * 1024)
/* A batch's entry has hash and size before the bytes. */
#define ENTRY_HEAD (HASH_SHA256_SIZE + 8)
/* A file that comes out wrong is sent again so many times, before somebody is blamed. */
#define FILE_TRIES 3
/* Above it packing takes longer than sending; as one of the two that may share the link sees it. */
#define FAST_LINK (G_GINT64_CONSTANT(20) * 1000 * 1000)
/* A smaller request tells more of the other end than of the link. */
#define LINK_BYTES (256 * 1024)
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
/* Of a file that is read to find whose fault it is. */
#define VERIFY_PIECE (8 * 1024 * 1024)
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
        gint64 lanes = atomic_load(&send->helped) ? 2 : 1;

        if (now == NULL)
                return;
        send->client.rate =
                now->rate_limit / (gint64)pkgxfermgr_threads_of(send->c, send->point->id) / lanes;
        atomic_store(&send->rate, send->client.rate);
        if (now->maintenance ||
            !distpoint_window_open(now->schedule, send->job->priority, uk_clock_now()))
                send->point->maintenance = 1;
}

/* The row of the job, for people: not worth failing for. */
static void
tell_progress(Send *send)
{
        g_autoptr(GError) failure = NULL;
        g_autoptr(DbTx) tx = db_begin(send->c->db, &failure);

        send->job->bytes_sent = send->client.sent + atomic_load(&send->beside);
        if (send->measured)
                send->job->remaining_size = MAX(atomic_load(&send->left), 0);
        if (tx == NULL || !distjob_progress(tx, send->job, &failure) ||
            !db_commit(g_steal_pointer(&tx), &failure))
                uk_warn("The progress of job %" G_GINT64_FORMAT " cannot be written: %s",
                        send->job->id, failure->message);
}

static bool
is_stopped(const Send *send)
{
        if (send->helps == NULL && send->point->maintenance)
                return true;
        return atomic_load(&send->sending->stop) != STOP_NONE || host_stopping(send->c->host) ||
               atomic_load(send->helps != NULL ? &send->helps->over : &send->over);
}

/* About once a second: the row, and what the distribution point's row says now. */
static void
now_and_then(Send *send)
{
        gint64 now = uk_clock_mono();
        g_autoptr(GError) failure = NULL;

        if (send->helps != NULL) {
                send->client.rate = atomic_load(&send->helps->rate);
                return;
        }
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
        if (g_bytes_get_size(body) >= LINK_BYTES) {
                work->sent_us += uk_clock_mono() - began;
                work->sent_bytes += (gint64)g_bytes_get_size(body);
        }
        if (send->helps != NULL)
                atomic_fetch_add(&send->helps->beside, (gint64)g_bytes_get_size(body));
        return true;
}

/* So many bytes less are lacking. */
static void
note_left(SendWork *work, gint64 less)
{
        Send *first = work->send->helps != NULL ? work->send->helps : work->send;

        atomic_fetch_sub(&first->left, less);
}

void
pkgxfermgr_note_sent(SendWork *work, SendFile *file, gint64 left)
{
        if (!file->sent)
                note_left(work, left);
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
        UK_LOG_TOGETHER();

        uk_log("Sending file '\\\\%s\\SMS_DP$\\%s'", work->send->point->server, temp);
        uk_log("Adding %s file in %s.", slash != NULL ? slash + 1 : file->entry->path,
               file->content_id);
}

/* ---- the verbose lines of every copy (DIST-153, OQ-D51) ---- */

/* A name on the way begins with the file's hash. */
static void
log_started(const Send *send, const char *temp)
{
        uk_verbose("~Sending Started [%s/FileLib/%.4s/%.64s]", library_root(send->library), temp,
                   temp);
}

static void
log_attempt(const Send *send, const char *temp, gint64 size, gint64 position)
{
        uk_verbose("~Attempt to write %" G_GINT64_FORMAT
                   " bytes to \\\\%s\\SMS_DP$\\%s at position %" G_GINT64_FORMAT,
                   size, send->point->server, temp, position);
}

static void
log_wrote(const Send *send, const char *temp, gint64 size, gint64 position, int ticks)
{
        uk_verbose("~Wrote %" G_GINT64_FORMAT
                   " bytes to \\\\%s\\SMS_DP$\\%s at position %" G_GINT64_FORMAT " in %d ticks",
                   size, send->point->server, temp, position, ticks);
}

static void
log_completed(const Send *send, const char *temp)
{
        uk_verbose("~Sending completed [%s/FileLib/%.4s/%.64s]", library_root(send->library), temp,
                   temp);
}

void
pkgxfermgr_log_copy(const SendWork *work, const SendFile *file, int ticks)
{
        g_autofree char *temp = uk_log_is_verbose() ? temp_name(file) : NULL;

        if (temp == NULL)
                return;
        log_started(work->send, temp);
        log_attempt(work->send, temp, file->entry->size, 0);
        log_wrote(work->send, temp, file->entry->size, 0, ticks);
        log_completed(work->send, temp);
}

/* A small file that is on its way with others. */
typedef struct {
        char *temp;
        gint64 size;
} Copy;

static void
copy_free(gpointer data)
{
        Copy *copy = data;

        g_free(copy->temp);
        g_free(copy);
}

/* The files of the batch, which is about to be sent; the caller's. NULL: nobody wants the lines. */
static GPtrArray *
log_batch_begins(const SendWork *work)
{
        UK_LOG_TOGETHER();
        GPtrArray *copies = uk_log_is_verbose() ? g_ptr_array_new_with_free_func(copy_free) : NULL;

        for (guint i = 0; copies != NULL && i < work->in_batch->len; i++) {
                const SendFile *file = work->in_batch->pdata[i];
                Copy *copy = g_new0(Copy, 1);

                copy->temp = temp_name(file);
                copy->size = file->entry->size;
                g_ptr_array_add(copies, copy);
                log_started(work->send, copy->temp);
                log_attempt(work->send, copy->temp, copy->size, 0);
        }
        return copies;
}

static void
log_batch_ends(const Send *send, const GPtrArray *copies, int ticks)
{
        UK_LOG_TOGETHER();

        for (guint i = 0; copies != NULL && i < copies->len; i++) {
                const Copy *copy = copies->pdata[i];

                log_wrote(send, copy->temp, copy->size, 0, ticks);
                log_completed(send, copy->temp);
        }
}

void
pkgxfermgr_log_last(Send *send, int ticks)
{
        log_batch_ends(send, send->last, ticks);
        g_clear_pointer(&send->last, g_ptr_array_unref);
}

static int
ticks_since(gint64 began_us)
{
        return (int)((uk_clock_mono() - began_us) / 1000);
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

/* Reads the file from the disk; one that is not what it should be is set aside, and no more sent.
 */
static bool
set_aside(const SendWork *work, const SendFile *file, bool *damaged_out, GError **error)
{
        g_autoptr(Verify) verify =
                verify_begin(work->send->library, file->entry->hash, file->entry->size);
        VerifyState state = VERIFY_MORE;
        gsize got;

        while (state == VERIFY_MORE) {
                if (host_stopping(work->send->c->host))
                        return uk_fail(error, UK_ERROR_CANCELLED, "the sending was stopped");
                if (!verify_step(verify, VERIFY_PIECE, &got, &state, error))
                        return false;
        }
        *damaged_out = state != VERIFY_GOOD;
        return true;
}

/* A file of our own library is damaged or missing: it is seldom the only one, so all that were to
 * be sent are looked at, who mends them is told, and the job tries again soon. */
static bool
fail_own(const SendWork *work, const SendFile *file, GError **error)
{
        const GArray *missing = work->order->missing;

        for (guint i = 0; i < missing->len; i++) {
                const SendFile *other =
                        g_hash_table_lookup(work->files, g_array_index(missing, DpMissing, i).hash);
                bool damaged;

                if (other != NULL && other != file && !set_aside(work, other, &damaged, error))
                        return false;
        }
        readcache_clear(pkgxfermgr_read_cache(work->send->c));
        if (!contentlibrary_mend(work->send->c->host, error))
                return false;
        return uk_fail(error, UK_ERROR_IO,
                       "%s is damaged or missing in the content library of the site; it is brought "
                       "back from the package's source or from a distribution point, and then sent "
                       "(ContentLibrary.log)",
                       file->entry->path);
}

static int
open_file(const SendWork *work, const SendFile *file, GError **error)
{
        gint64 size = 0;
        g_autoptr(GError) failure = NULL;
        int fd = library_open_file(work->send->library, file->entry->hash, &size, &failure);
        bool damaged;

        if (fd >= 0 && size == file->entry->size)
                return fd;
        if (fd < 0 && !g_error_matches(failure, UK_ERROR, UK_ERROR_NOT_FOUND)) {
                g_propagate_error(error, g_steal_pointer(&failure));
                return -1;
        }
        uk_io_close(&fd);
        if (set_aside(work, file, &damaged, error))
                (void)!fail_own(work, file, error);
        return -1;
}

/* Where a file's bytes come from when nobody has read them. */
typedef struct {
        const SendWork *work;
        const SendFile *file;
        int *fd; /* opened by the first who needs it */
} Source;

static bool
read_source(gpointer user, const ReadPiece *piece, guint8 *data, GError **error)
{
        const Source *source = user;

        if (*source->fd < 0)
                *source->fd = open_file(source->work, source->file, error);
        return *source->fd >= 0 &&
               read_at(*source->fd, data, piece->size, piece->position, source->file, error);
}

/* A stretch of a file; the caller's. *fd is open for it, or will be: the caller closes it. */
static GBytes *
read_piece(const SendWork *work, const SendFile *file, int *fd, gint64 position, gsize size,
           guint others, GError **error)
{
        Source source = { work, file, fd };
        ReadPiece piece = { .position = position, .size = size };

        memcpy(piece.hash, file->entry->hash, sizeof piece.hash);
        return readcache_get(pkgxfermgr_read_cache(work->send->c), &piece, others, read_source,
                             &source, error);
}

/* A whole file into memory, without a copy where no other thread may want it. */
static bool
read_whole(const SendWork *work, const SendFile *file, guint8 *data, GError **error)
{
        guint others = pkgxfermgr_others_of(work->send->c, work->send->sending);
        gsize size = (gsize)file->entry->size;
        UK_AUTOFD fd = others == 0 ? open_file(work, file, error) : -1;

        if (others == 0)
                return fd >= 0 && read_at(fd, data, size, 0, file, error);
        g_autoptr(GBytes) bytes = read_piece(work, file, &fd, 0, size, others, error);

        if (bytes != NULL && size > 0)
                memcpy(data, g_bytes_get_data(bytes, NULL), size);
        return bytes != NULL;
}

/* The receiver proves another hash: whose fault it is. */
static bool
blame_for(SendWork *work, const SendFile *file, GError **error)
{
        bool damaged;

        if (!set_aside(work, file, &damaged, error))
                return false;
        if (damaged)
                return fail_own(work, file, error);
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

/* One block; *position moves on, or to where the receiver wants it. */
static bool
send_block(SendWork *work, const SendFile *file, const char *temp, int *fd, gint64 *position,
           DpVerdict *verdict_out, GError **error)
{
        gsize size = (gsize)MIN((gint64)pkgxfermgr_block_size(work), file->entry->size - *position);
        guint others = pkgxfermgr_others_of(work->send->c, work->send->sending);
        g_autoptr(GBytes) block = read_piece(work, file, fd, *position, size, others, error);
        g_autofree char *path = g_strdup_printf("/SMS_DP$/%s?order=%s&position=%" G_GINT64_FORMAT,
                                                temp, work->order->id, *position);
        gint64 wanted = 0, began = uk_clock_mono();

        if (block == NULL)
                return false;
        log_attempt(work->send, temp, (gint64)size, *position);
        if (!pkgxfermgr_put(work, path, block, true, verdict_out, &wanted, error))
                return false;
        if (*verdict_out == DPCLIENT_TAKEN) {
                log_wrote(work->send, temp, (gint64)size, *position, ticks_since(began));
                *position += (gint64)size;
        } else {
                *position = *verdict_out == DPCLIENT_ELSEWHERE ? MIN(wanted, file->entry->size) : 0;
        }
        note_left(work, *verdict_out == DPCLIENT_TAKEN ? (gint64)size : 0);
        return true;
}

static bool
send_blocks(SendWork *work, SendFile *file, gint64 position, GError **error)
{
        g_autofree char *temp = temp_name(file);
        UK_AUTOFD fd = -1;
        int refused = 0;

        log_started(work->send, temp);
        do {
                DpVerdict verdict;

                if (!send_block(work, file, temp, &fd, &position, &verdict, error))
                        return false;
                if (verdict != DPCLIENT_TAKEN && ++refused == FILE_TRIES)
                        return blame_for(work, file, error);
        } while (position < file->entry->size);
        log_completed(work->send, temp);
        file->sent = true;
        work->whole++;
        return true;
}

/* ---- small files ---- */

/* By a rate limit a batch is no longer than a block is. */
static gsize
batch_bytes(const SendWork *work)
{
        return work->send->client.rate > 0 ? pkgxfermgr_block_size(work) : BATCH_BYTES;
}

static GByteArray *
new_batch(void)
{
        return g_byte_array_sized_new(BATCH_BYTES + MEDIUM_FILE + ENTRY_HEAD);
}

/* One of the files at least is refused: which one, and whose fault it is, tell blocks. Those that
 * were taken are known there. */
static bool
send_singly(SendWork *work, GError **error)
{
        for (guint i = 0; i < work->in_batch->len; i++) {
                SendFile *file = work->in_batch->pdata[i];

                file->sent = false;
                note_left(work, -file->entry->size);
                work->batched--;
                if (!send_blocks(work, file, 0, error))
                        return false;
        }
        return true;
}

bool
pkgxfermgr_flush_batch(SendWork *work, GError **error)
{
        g_autofree char *path =
                g_strdup_printf("/SMS_DP$/%s.batch?order=%s", work->order->id, work->order->id);
        DpVerdict verdict;
        gint64 position;

        if (work->batch->len == 0)
                return true;
        g_autoptr(GBytes) body = g_byte_array_free_to_bytes(g_steal_pointer(&work->batch));
        work->batch = new_batch();
        g_autoptr(GPtrArray) copies = log_batch_begins(work);
        gint64 began = uk_clock_mono();

        if (!pkgxfermgr_put(work, path, body, true, &verdict, &position, error))
                return false;
        if (verdict == DPCLIENT_TAKEN)
                log_batch_ends(work->send, copies, ticks_since(began));
        else if (!send_singly(work, error))
                return false;
        g_ptr_array_set_size(work->in_batch, 0);
        return true;
}

/* Those that are left go with the end of the order, where that is wanted. */
static bool
end_batch(SendWork *work, DpBatch *last_out, GError **error)
{
        if (last_out == NULL || work->batch->len == 0)
                return pkgxfermgr_flush_batch(work, error);
        g_autoptr(GBytes) plain = g_byte_array_free_to_bytes(g_steal_pointer(&work->batch));

        work->batch = new_batch();
        last_out->bytes = pack(work, plain, &last_out->zstd);
        g_clear_pointer(&work->send->last, g_ptr_array_unref);
        work->send->last = log_batch_begins(work);
        return true;
}

static bool
add_to_batch(SendWork *work, SendFile *file, GError **error)
{
        guint64 size = GUINT64_TO_LE((guint64)file->entry->size);
        guint at = work->batch->len;

        g_byte_array_set_size(work->batch, at + ENTRY_HEAD + (guint)file->entry->size);
        memcpy(work->batch->data + at, file->entry->hash, HASH_SHA256_SIZE);
        memcpy(work->batch->data + at + HASH_SHA256_SIZE, &size, sizeof size);
        if (!read_whole(work, file, work->batch->data + at + ENTRY_HEAD, error))
                return false;
        work->batched++;
        g_ptr_array_add(work->in_batch, file);
        pkgxfermgr_note_sent(work, file, file->entry->size);
        return work->batch->len < batch_bytes(work) || pkgxfermgr_flush_batch(work, error);
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

/* An interruption costs a batch, as it does a block: by a rate limit both are short. */
static bool
is_medium(const SendWork *work, const DpMissing *missing)
{
        return missing->position == 0 &&
               missing->size <= (gint64)MIN(pkgxfermgr_block_size(work), MEDIUM_FILE);
}

static bool
send_one(SendWork *work, const DpMissing *missing, SendFile *file, GError **error)
{
        bool sent = false;

        if (missing->size < SMALL_FILE && missing->position == 0)
                return add_to_batch(work, file, error);
        if (!pkgxfermgr_try_delta(work, file, missing, &sent, error))
                return false;
        if (sent)
                return true;
        return is_medium(work, missing) ? add_to_batch(work, file, error)
                                        : send_blocks(work, file, missing->position, error);
}

/* The next file of the order, told in the order's order; NULL in *file_out: it needs nothing, in
 * *missing_out: there is none. */
static bool
take_next(SendWork *work, const DpMissing **missing_out, SendFile **file_out, GError **error)
{
        SendQueue *queue = work->queue;
        const GArray *missing = work->order->missing;
        bool known = true;

        *missing_out = NULL;
        *file_out = NULL;
        pthread_mutex_lock(&queue->lock);
        if (queue->next < missing->len) {
                *missing_out = &g_array_index(missing, DpMissing, queue->next++);
                SendFile *file = g_hash_table_lookup(work->files, (*missing_out)->hash);

                known = file != NULL && file->entry->size == (*missing_out)->size;
                if (known)
                        log_file(work, file);
                if (known && file->sent && !file->taken)
                        pkgxfermgr_log_copy(work, file, file->ticks);
                if (known && !file->taken && !file->sent)
                        *file_out = file;
                if (known)
                        file->taken = true;
        }
        pthread_mutex_unlock(&queue->lock);
        if (known)
                return true;
        work->send->blame = true;
        return uk_fail(error, UK_ERROR_REMOTE,
                       "distribution point %s asks for a file that the package has not",
                       work->send->point->server);
}

bool
pkgxfermgr_send_queue(SendWork *work, GError **error)
{
        const DpMissing *missing;
        SendFile *file;

        for (;;) {
                if (!pkgxfermgr_go_on(work->send, error) ||
                    !take_next(work, &missing, &file, error))
                        return false;
                if (missing == NULL)
                        return true;
                if (file != NULL && !send_one(work, missing, file, error))
                        return false;
        }
}

static char *
describe(const SendWork *work)
{
        return g_strdup_printf(
                "%u whole and %u small files, %u deltas and %u frames of %" G_GINT64_FORMAT
                " bytes",
                work->whole, work->batched, work->deltas, work->frames, work->delta_bytes);
}

/* What must travel is what is lacking: files that are there are no progress. A job that is tried
 * again lacks less than at first, and has as much to do in all. */
static void
measure(SendWork *work)
{
        gint64 total = 0, left = 0;

        for (guint i = 0; i < work->order->missing->len; i++) {
                const DpMissing *one = &g_array_index(work->order->missing, DpMissing, i);

                total += one->size;
                left += one->size - one->position;
        }
        work->send->measured = true;
        work->send->job->total_size = MAX(total, work->send->job->total_size);
        atomic_store(&work->send->left, left);
        work->send->job->remaining_size = left;
}

static bool
send_all(SendWork *work, DpBatch *last_out, GError **error)
{
        if (work->order->missing->len == 0)
                return true;
        if (!index_files(work, error) || !pkgxfermgr_use_old_items(work, error))
                return false;
        SendHelper *helper = pkgxfermgr_help(work);
        bool good = pkgxfermgr_send_queue(work, error);

        if (helper != NULL)
                good = pkgxfermgr_help_end(helper, work, good, error);
        return good && end_batch(work, last_out, error);
}

bool
pkgxfermgr_files(Send *send, const DpOrderAnswer *order, const GPtrArray *rows, DpBatch *last_out,
                 GError **error)
{
        SendQueue queue = { .lock = PTHREAD_MUTEX_INITIALIZER };
        SendWork work = { .send = send,
                          .queue = &queue,
                          .order = order,
                          .rows = rows,
                          .trees = g_ptr_array_new(),
                          .files = g_hash_table_new_full(hash_key_of, hash_key_equal, NULL, g_free),
                          .old_of =
                                  g_hash_table_new_full(hash_key_of, hash_key_equal, NULL, g_free),
                          .batch = new_batch(),
                          .in_batch = g_ptr_array_new() };

        measure(&work);
        bool done = send_all(&work, last_out, error);
        send->job->remaining_size = MAX(atomic_load(&send->left), 0);
        g_free(send->job->way);
        send->job->way = describe(&work);
        if (done && work.whole + work.batched + work.deltas + work.frames > 0)
                uk_log("Sent %s to %s, %" G_GINT64_FORMAT " bytes on the wire", send->job->way,
                       send->point->server, send->client.sent);
        g_hash_table_unref(work.files);
        g_hash_table_unref(work.old_of);
        g_byte_array_unref(work.batch);
        g_ptr_array_unref(work.in_batch);
        for (guint i = 0; i < work.trees->len; i++)
                library_tree_unref(send->library, work.trees->pdata[i]);
        g_ptr_array_unref(work.trees);
        return done;
}
