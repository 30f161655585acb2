/* delta.c - makes and applies deltas: reads the files, tries both kinds, keeps the smaller.
 *
 * Comes in: open files. Goes out: the delta's bytes, or the new file's to a sink. Files are read,
 * not mapped: one that shrinks or cannot be read is an error and not a signal.
 */
#include "content/delta.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/io.h"
#include "content/delta_private.h"

#define MAGIC      "UKDLT1\r\n"
#define HEAD_SIZE  96
#define LARGE_PAGE ((gsize)2 * 1024 * 1024)
/* Beside files, index and segments: tables of zstd, and what has been packed, which a fourth of the
 * new file stands for: what is no gain is packed a second time only if a sample becomes small. */
#define WORK_MEMORY (32LL * 1024 * 1024)
/* Below this size, or this part of the new file, an additive delta is so good that the other kind
 * is not tried: it would be smaller seldom, and then by little. */
#define TINY      512
#define GOOD_PART 8
/* Of files above, a part is tried by the other kind first. */
#define LARGE       ((gsize)4 * 1024 * 1024)
#define SAMPLE_MIN  ((gsize)1024 * 1024)
#define SAMPLE_PART 64
/* Pieces that are unpacked and not yet with the sink. */
#define BEHIND       4
#define BEHIND_PIECE ((gsize)256 * 1024)

gint64
delta_memory(gint64 old_size, gint64 new_size)
{
        return old_size + new_size + new_size / 4 + delta_additive_index(old_size) +
               2 * MIN(new_size, 2 * DELTA_SEGMENT) + WORK_MEMORY;
}

static bool
check_sizes(gint64 old_size, gint64 new_size, GError **error)
{
        if (old_size < 0 || new_size < 0 || old_size > DELTA_MAX_MEMORY ||
            new_size > DELTA_MAX_MEMORY || delta_memory(old_size, new_size) > DELTA_MAX_MEMORY)
                return uk_fail(error, UK_ERROR_LIMIT,
                               "files of %" G_GINT64_FORMAT " and %" G_GINT64_FORMAT
                               " bytes are too large for a delta",
                               old_size, new_size);
        return true;
}

void *
delta_alloc(gsize size)
{
        void *data;

        if (size < 2 * LARGE_PAGE)
                return g_malloc(size);
        data = aligned_alloc(LARGE_PAGE, (size + LARGE_PAGE - 1) / LARGE_PAGE * LARGE_PAGE);
        if (data == NULL)
                g_error("there is no memory for %" G_GSIZE_FORMAT " bytes", size);
        (void)madvise(data, size, MADV_HUGEPAGE);
        return data;
}

/* The file's bytes, which the caller frees; one byte for an empty file. */
static guint8 *
read_bytes(int fd, gint64 size, const char *what, GError **error)
{
        g_autofree guint8 *data = delta_alloc((gsize)size + 1);

        for (gint64 at = 0; at < size;) {
                gssize n = pread(fd, data + at, (gsize)(size - at), at);

                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0) {
                        uk_fail_errno(error, errno, "reading the %s", what);
                        return NULL;
                }
                if (n == 0) {
                        uk_fail(error, UK_ERROR_IO, "the %s is shorter than %" G_GINT64_FORMAT,
                                what, size);
                        return NULL;
                }
                at += n;
        }
        return g_steal_pointer(&data);
}

/* --- two threads --- */

typedef struct {
        atomic_uint next;
        guint count;
        void (*job)(gpointer user, guint n);
        gpointer user;
} Both;

static void *
work(void *data)
{
        Both *both = data;
        guint n;

        while ((n = atomic_fetch_add(&both->next, 1)) < both->count)
                both->job(both->user, n);
        return NULL;
}

void
delta_both(guint count, void (*job)(gpointer user, guint n), gpointer user)
{
        Both both = { .count = count, .job = job, .user = user };
        pthread_t second;
        bool started = count > 1 && pthread_create(&second, NULL, work, &both) == 0;

        work(&both);
        if (started)
                pthread_join(second, NULL);
}

/* --- making --- */

typedef struct {
        int fds[2];
        gint64 sizes[2];
        guint8 *data[2];
        GError *errors[2];
} Reading;

static void
read_one(gpointer user, guint n)
{
        static const char *const names[] = { "old file", "new file" };
        Reading *reading = user;

        reading->data[n] =
                read_bytes(reading->fds[n], reading->sizes[n], names[n], &reading->errors[n]);
}

/* Both files, large ones beside each other; the caller frees them, also after a failure. */
static bool
read_both(int old_fd, int new_fd, const DeltaHead *head, guint8 **old_out, guint8 **new_out,
          GError **error)
{
        Reading reading = { .fds = { old_fd, new_fd },
                            .sizes = { head->old_size, head->new_size } };

        if (head->new_size > (gint64)LARGE) {
                delta_both(2, read_one, &reading);
        } else {
                read_one(&reading, 0);
                read_one(&reading, 1);
        }
        *old_out = reading.data[0];
        *new_out = reading.data[1];
        if (reading.errors[0] == NULL && reading.errors[1] == NULL)
                return true;
        g_propagate_error(error, reading.errors[0] != NULL ? g_steal_pointer(&reading.errors[0])
                                                           : g_steal_pointer(&reading.errors[1]));
        g_clear_error(&reading.errors[1]);
        return false;
}

static void
put_64(guint8 *out, guint64 value)
{
        guint64 little = GUINT64_TO_LE(value);

        memcpy(out, &little, sizeof little);
}

static guint64
get_64(const guint8 *data)
{
        guint64 little;

        memcpy(&little, data, sizeof little);
        return GUINT64_FROM_LE(little);
}

/* The smaller one; frees the other. NULL is no delta. */
static GByteArray *
smaller(GByteArray *prefix, GByteArray *additive, DeltaKind *kind_out)
{
        bool take = additive != NULL && (prefix == NULL || additive->len < prefix->len);
        GByteArray *other = take ? prefix : additive;

        *kind_out = take ? DELTA_ADDITIVE : DELTA_PREFIX;
        g_clear_pointer(&other, g_byte_array_unref);
        return take ? additive : prefix;
}

/* Whether an additive delta is so good that the other kind need not be tried. */
static bool
is_enough(gsize packed, gsize of)
{
        return packed <= TINY || packed <= of / GOOD_PART;
}

/* Of a file that is not large: the additive kind, and the other where that may be smaller. */
static GByteArray *
make_small(DeltaBytes old, DeltaBytes new, DeltaKind *kind_out)
{
        GByteArray *additive = old.size == 0 ? NULL : delta_additive_make(old, new, NULL, NULL);
        bool done = additive != NULL && is_enough(additive->len, new.size);

        return smaller(done ? NULL : delta_prefix_make(old, new), additive, kind_out);
}

typedef struct {
        DeltaBytes old, part; /* of the old and the new file, from their middles */
        GByteArray *sample;
} Sample;

static void
make_sample(gpointer user, gsize packed, gsize of)
{
        Sample *sample = user;

        if (of == 0 || !is_enough(packed, of))
                sample->sample = delta_prefix_make(sample->old, sample->part);
}

/* Of a large file: the additive kind, and the prefix where that is not good, and a part from the
 * middle says that the prefix is smaller. */
static GByteArray *
make_large(DeltaBytes old, DeltaBytes new, DeltaKind *kind_out)
{
        gsize size = MAX(new.size / SAMPLE_PART, SAMPLE_MIN);
        gsize around = MIN(MAX(4 * size, SAMPLE_MIN), old.size);
        Sample sample = { .old = { old.data + (old.size - around) / 2, around },
                          .part = { new.data + (new.size - size) / 2, size } };
        GByteArray *additive = delta_additive_make(old, new, make_sample, &sample);
        GByteArray *prefix = NULL;
        bool is_less = sample.sample != NULL && additive != NULL &&
                       (double)sample.sample->len / (double)size <
                               (double)additive->len / (double)new.size;

        g_clear_pointer(&sample.sample, g_byte_array_unref);
        if (additive == NULL || is_less)
                prefix = delta_prefix_make(old, new);
        return smaller(prefix, additive, kind_out);
}

/* The smaller of both kinds; NULL when zstd has no memory. */
static GByteArray *
make_smaller(DeltaBytes old, DeltaBytes new, DeltaKind *kind_out)
{
        if (new.size <= LARGE || old.size == 0)
                return make_small(old, new, kind_out);
        return make_large(old, new, kind_out);
}

static bool
write_delta(const DeltaHead *head, const GByteArray *packed, int out, GError **error)
{
        guint8 bytes[HEAD_SIZE] = MAGIC;

        put_64(bytes + 8, head->kind);
        put_64(bytes + 16, (guint64)head->old_size);
        put_64(bytes + 24, (guint64)head->new_size);
        memcpy(bytes + 32, head->old_hash, HASH_SHA256_SIZE);
        memcpy(bytes + 32 + HASH_SHA256_SIZE, head->new_hash, HASH_SHA256_SIZE);
        return uk_io_pwrite(out, bytes, HEAD_SIZE, 0, "the delta", error) &&
               uk_io_pwrite(out, packed->data, packed->len, HEAD_SIZE, "the delta", error);
}

bool
delta_make(int old_fd, int new_fd, DeltaHead *head, int out, gint64 *size_out, GError **error)
{
        UK_DOING(error, "making a delta");

        if (!check_sizes(head->old_size, head->new_size, error))
                return false;
        g_autofree guint8 *old = NULL, *new = NULL;
        if (!read_both(old_fd, new_fd, head, &old, &new, error))
                return false;
        g_autoptr(GByteArray) packed =
                make_smaller((DeltaBytes){ old, (gsize)head->old_size },
                             (DeltaBytes){ new, (gsize)head->new_size }, &head->kind);
        if (packed == NULL)
                return uk_fail(error, UK_ERROR_LIMIT, "there is no memory to compress with");
        *size_out = HEAD_SIZE + packed->len;
        return write_delta(head, packed, out, error);
}

/* --- applying --- */

/* What comes out of a large delta goes to the sink in a thread of its own, so that it is hashed and
 * written while more is unpacked. */
typedef struct {
        DeltaSink sink;
        gpointer user;
        guint8 *pieces; /* BEHIND of BEHIND_PIECE bytes */
        gsize sizes[BEHIND];

        pthread_mutex_t lock; /* guards what follows */
        pthread_cond_t changed;
        guint filled, taken; /* pieces so far */
        bool ended;
        GError *error; /* of the sink; nothing more is taken then */
} Behind;

static void *
take_pieces(void *data)
{
        Behind *b = data;
        GError *error = NULL;

        pthread_mutex_lock(&b->lock);
        while (error == NULL && (b->taken < b->filled || !b->ended)) {
                guint n = b->taken % BEHIND;

                if (b->taken == b->filled) {
                        pthread_cond_wait(&b->changed, &b->lock);
                        continue;
                }
                pthread_mutex_unlock(&b->lock);
                (void)!b->sink(b->user, b->pieces + n * BEHIND_PIECE, b->sizes[n], &error);
                pthread_mutex_lock(&b->lock);
                b->taken++;
                b->error = error;
                pthread_cond_signal(&b->changed);
        }
        pthread_mutex_unlock(&b->lock);
        return NULL;
}

/* The number of a free piece; false when the sink has failed. */
static bool
wait_for_piece(Behind *b, guint *n_out)
{
        bool ok;

        pthread_mutex_lock(&b->lock);
        while (b->error == NULL && b->filled - b->taken == BEHIND)
                pthread_cond_wait(&b->changed, &b->lock);
        *n_out = b->filled % BEHIND;
        ok = b->error == NULL;
        pthread_mutex_unlock(&b->lock);
        return ok;
}

static bool
put_piece(gpointer user, const void *data, gsize size, GError **error)
{
        Behind *b = user;
        const guint8 *bytes = data;

        while (size > 0) {
                gsize part = MIN(size, BEHIND_PIECE);
                guint n;

                if (!wait_for_piece(b, &n))
                        return uk_fail(error, UK_ERROR_CANCELLED, "nothing more is taken");
                memcpy(b->pieces + n * BEHIND_PIECE, bytes, part);
                b->sizes[n] = part;
                pthread_mutex_lock(&b->lock);
                b->filled++;
                pthread_cond_signal(&b->changed);
                pthread_mutex_unlock(&b->lock);
                bytes += part;
                size -= part;
        }
        return true;
}

static bool
unpack(DeltaKind kind, DeltaBytes old, DeltaBytes packed, gsize new_size, DeltaSink sink,
       gpointer user, GError **error)
{
        if (kind == DELTA_PREFIX)
                return delta_prefix_apply(old, packed, new_size, sink, user, error);
        return delta_additive_apply(old, packed, new_size, sink, user, error);
}

static bool
unpack_large(DeltaKind kind, DeltaBytes old, DeltaBytes packed, gsize new_size, DeltaSink sink,
             gpointer user, GError **error)
{
        g_autofree guint8 *pieces = g_malloc(BEHIND * BEHIND_PIECE);
        Behind b = { .sink = sink, .user = user, .pieces = pieces };
        g_autoptr(GError) problem = NULL;
        pthread_t taker;
        bool ok;

        pthread_mutex_init(&b.lock, NULL);
        pthread_cond_init(&b.changed, NULL);
        if (pthread_create(&taker, NULL, take_pieces, &b) != 0) {
                ok = unpack(kind, old, packed, new_size, sink, user, &problem);
        } else {
                ok = unpack(kind, old, packed, new_size, put_piece, &b, &problem);
                pthread_mutex_lock(&b.lock);
                b.ended = true;
                pthread_cond_signal(&b.changed);
                pthread_mutex_unlock(&b.lock);
                pthread_join(taker, NULL);
        }
        pthread_cond_destroy(&b.changed);
        pthread_mutex_destroy(&b.lock);
        if (b.error != NULL)
                g_propagate_error(error, b.error);
        else if (!ok)
                g_propagate_error(error, g_steal_pointer(&problem));
        return ok && b.error == NULL;
}

static bool
parse_head(const guint8 *data, DeltaHead *head, GError **error)
{
        guint64 kind = get_64(data + 8), old_size = get_64(data + 16), new_size = get_64(data + 24);

        if (memcmp(data, MAGIC, strlen(MAGIC)) != 0 || kind > DELTA_ADDITIVE)
                return uk_fail(error, UK_ERROR_PARSE, "it does not begin as a delta does");
        if (old_size > DELTA_MAX_MEMORY || new_size > DELTA_MAX_MEMORY)
                return uk_fail(error, UK_ERROR_LIMIT, "a delta of files that are too large");
        head->kind = (DeltaKind)kind;
        head->old_size = (gint64)old_size;
        head->new_size = (gint64)new_size;
        memcpy(head->old_hash, data + 32, HASH_SHA256_SIZE);
        memcpy(head->new_hash, data + 32 + HASH_SHA256_SIZE, HASH_SHA256_SIZE);
        return true;
}

bool
delta_read_head(int delta_fd, DeltaHead *head_out, GError **error)
{
        g_autofree guint8 *data = read_bytes(delta_fd, HEAD_SIZE, "delta", error);

        if (data == NULL) {
                if (error != NULL)
                        (*error)->code = UK_ERROR_PARSE;
                return false;
        }
        return parse_head(data, head_out, error);
}

bool
delta_apply(int old_fd, gint64 old_size, int delta_fd, gint64 new_size, DeltaSink sink,
            gpointer user, GError **error)
{
        UK_DOING(error, "applying a delta");
        gint64 delta_size = lseek(delta_fd, 0, SEEK_END);
        DeltaHead head;

        if (!check_sizes(old_size, new_size, error))
                return false;
        if (delta_size < 0)
                return uk_fail_errno(error, errno, "finding its size");
        if (!delta_read_head(delta_fd, &head, error))
                return false;
        if (head.old_size != old_size || head.new_size != new_size)
                return uk_fail(error, UK_ERROR_PARSE, "it is one of other files");
        if (delta_size > new_size + WORK_MEMORY)
                return uk_fail(error, UK_ERROR_LIMIT, "it is larger than the new file");
        g_autofree guint8 *old = read_bytes(old_fd, old_size, "old file", error);
        g_autofree guint8 *delta =
                old == NULL ? NULL : read_bytes(delta_fd, delta_size, "delta", error);
        if (delta == NULL)
                return false;
        DeltaBytes from = { old, (gsize)old_size };
        DeltaBytes packed = { delta + HEAD_SIZE, (gsize)delta_size - HEAD_SIZE };
        return (new_size > (gint64)LARGE ? unpack_large : unpack)(
                head.kind, from, packed, (gsize)new_size, sink, user, error);
}
