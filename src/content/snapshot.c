/* snapshot.c - reads a source folder into the library, by two threads.
 *
 * First the folder is listed (snapshot_list.c). Then two threads, the caller's and another, take
 * the files. The large ones come first, both threads at one: the caller's reads it in pieces, cuts
 * and writes them, the other one hashes (snapshot_pipe.c), so that neither is left with the largest
 * one when all else is done. Then each takes small file after small file, reads it whole, and
 * writes it where the library has not got it. A third thread publishes what has been written so
 * far, so that the disk works while the processors hash. In the end everything is looked at once
 * more: what has changed since it was listed makes the snapshot fail.
 */
#include "content/snapshot.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/io.h"
#include "content/library_check.h"
#include "content/library_private.h"
#include "content/place.h"
#include "content/signature.h"
#include "content/snapshot_private.h"

#define SMALL         (8 * 1024 * 1024) /* read whole */
#define TELL_EVERY    (UK_SECOND / 4)
#define PUBLISH_BYTES (32 * 1024 * 1024)
#define PUBLISH_FILES 4000

typedef struct {
        Library *library;
        const char *content_id;
        int top;
        SnapshotList *list;
        const ContentTree *old; /* the package's present one, a hint; or NULL */
        SnapshotTell tell;
        gpointer user;
        gint64 told;        /* when; the caller's thread only */
        SnapshotPipe *pipe; /* for large files */
        char *zeros;        /* SNAPSHOT_PIECE bytes */

        gint next;          /* index of the next file; atomic */
        gint stop;          /* atomic */
        gint library_fails; /* a failure is the library's, not the source's; atomic */

        pthread_mutex_t lock; /* guards what follows */
        pthread_cond_t wake;  /* of the publisher */
        SnapshotProgress progress;
        GError *error;       /* the first one */
        GHashTable *taken;   /* hashes that this snapshot has put in */
        GHashTable *signed_; /* hash -> Signature */
        gint64 unpublished_bytes;
        guint unpublished_files;
        bool all_read;
} Taking;

/* One of the threads that read. */
typedef struct {
        Taking *taking;
        bool tells; /* it is the caller's */
        Place place;
        char *buffer; /* SMALL bytes */
        SignatureMaker *maker;
} Worker;

static void
set_error(Taking *t, GError *error)
{
        pthread_mutex_lock(&t->lock);
        if (t->error == NULL)
                t->error = g_steal_pointer(&error);
        pthread_mutex_unlock(&t->lock);
        g_clear_error(&error);
        g_atomic_int_set(&t->stop, 1);
}

/* Tells the caller, in its own thread, now and then. False stops everything. */
static bool
tick(Worker *w, GError **error)
{
        Taking *t = w->taking;
        SnapshotProgress progress;
        gint64 now;

        if (g_atomic_int_get(&t->stop) != 0)
                return uk_fail(error, UK_ERROR_CANCELLED, "the snapshot was stopped");
        if (!w->tells || t->tell == NULL || (now = uk_clock_mono()) < t->told + TELL_EVERY)
                return true;
        t->told = now;
        pthread_mutex_lock(&t->lock);
        progress = t->progress;
        pthread_mutex_unlock(&t->lock);
        return t->tell(t->user, &progress) ||
               uk_fail(error, UK_ERROR_CANCELLED, "the snapshot was cancelled");
}

static void
count_bytes(Taking *t, gint64 bytes)
{
        pthread_mutex_lock(&t->lock);
        t->progress.bytes_done += bytes;
        pthread_mutex_unlock(&t->lock);
}

static void
count_new(Taking *t, gint64 bytes)
{
        pthread_mutex_lock(&t->lock);
        t->progress.files_new++;
        t->progress.bytes_new += bytes;
        t->unpublished_files++;
        t->unpublished_bytes += bytes;
        if (t->unpublished_files >= PUBLISH_FILES || t->unpublished_bytes >= PUBLISH_BYTES)
                pthread_cond_signal(&t->wake);
        pthread_mutex_unlock(&t->lock);
}

/* False when another thread, or an equal file, has put it in before. */
static bool
take_hash(Taking *t, const guint8 *hash)
{
        bool first;

        pthread_mutex_lock(&t->lock);
        first = g_hash_table_add(t->taken, g_memdup2(hash, HASH_SHA256_SIZE));
        pthread_mutex_unlock(&t->lock);
        return first;
}

static void
keep_signature(Taking *t, Signature *signature)
{
        pthread_mutex_lock(&t->lock);
        if (g_hash_table_contains(t->signed_, signature->hash))
                g_clear_pointer(&signature, signature_free);
        else
                g_hash_table_insert(t->signed_, g_memdup2(signature->hash, HASH_SHA256_SIZE),
                                    signature);
        pthread_mutex_unlock(&t->lock);
}

static bool
is_signed(Taking *t, const guint8 *hash)
{
        bool is;

        pthread_mutex_lock(&t->lock);
        is = g_hash_table_contains(t->signed_, hash);
        pthread_mutex_unlock(&t->lock);
        return is;
}

/* The signature of an equal file, or that the library has from an earlier snapshot, spares making
 * it. */
static bool
reuse_signature(Taking *t, const guint8 *hash, gint64 size)
{
        Signature *signature;

        if (is_signed(t, hash))
                return true;
        signature = library_signature(t->library, hash, size);
        if (signature != NULL)
                keep_signature(t, signature);
        return signature != NULL;
}

static bool
library_has_it(Taking *t, const guint8 *hash, gint64 size)
{
        gint64 there;

        return library_has(t->library, hash, &there) && there == size;
}

static bool
fail_changed(const SnapshotFound *f, GError **error)
{
        g_autofree char *shown = g_strescape(f->path, NULL);

        return uk_fail(error, UK_ERROR_CHANGED,
                       "\"%s\" changed while it was read; the snapshot has to be taken again",
                       shown);
}

/* Notes what did not go well in the library. */
static bool
in_library(Taking *t, bool good)
{
        if (!good)
                g_atomic_int_set(&t->library_fails, 1);
        return good;
}

static int
open_file(Worker *w, const SnapshotFound *f, GError **error)
{
        const char *slash = strrchr(f->path, '/');
        g_autofree char *folder = g_strndup(f->path, slash != NULL ? (gsize)(slash - f->path) : 0);
        g_autofree char *shown = g_strescape(f->path, NULL);
        UK_AUTOFD fd = -1;
        struct stat st;
        int result;

        if (!place_go(&w->place, folder, error))
                return -1;
        fd = openat(w->place.fd, slash != NULL ? slash + 1 : f->path,
                    O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
        if (fd < 0 && errno != ENOENT && errno != ELOOP) {
                uk_fail_errno(error, errno, "opening \"%s\" of the package source", shown);
                return -1;
        }
        if (fd < 0 || fstat(fd, &st) != 0 || !snapshot_list_is_same(f, &st)) {
                fail_changed(f, error);
                return -1;
        }
        result = fd;
        fd = -1;
        return result;
}

/* Exactly the bytes that the file had when it was listed. */
static bool
read_exactly(const SnapshotFound *f, int fd, char *buffer, gsize size, gint64 at, GError **error)
{
        while (size > 0) {
                gssize n = pread(fd, buffer, size, at);

                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return uk_fail_errno(error, errno, "reading %s", f->path);
                if (n == 0)
                        return fail_changed(f, error);
                buffer += n;
                size -= (gsize)n;
                at += n;
        }
        return true;
}

/* What the package has at the path now, if it is as long: the file is likely the same, and hashing
 * alone tells. Else NULL. */
static const TreeEntry *
likely_same(Taking *t, const SnapshotFound *f)
{
        const TreeEntry *old = t->old != NULL ? tree_find(t->old, f->path) : NULL;

        return old != NULL && old->kind == TREE_FILE && old->size == f->size &&
                               library_has_it(t, old->hash, f->size)
                       ? old
                       : NULL;
}

/* Hash and signature of a file in memory; *known_out says that the library has both. */
static void
sign_small(Worker *w, SnapshotFound *f, bool *known_out)
{
        const TreeEntry *old = likely_same(w->taking, f);
        gsize size = (gsize)f->size;
        Signature *signature;
        bool same = false;

        if (old != NULL) {
                hash_sha256(w->buffer, size, f->hash);
                same = memcmp(f->hash, old->hash, sizeof f->hash) == 0;
        }
        *known_out =
                same && (size <= SIGNATURE_MIN || reuse_signature(w->taking, f->hash, f->size));
        if (*known_out)
                return;
        signature = signature_make(w->maker, w->buffer, size, old != NULL ? f->hash : NULL);
        memcpy(f->hash, signature->hash, sizeof f->hash);
        if (signature->chunks->len > 1)
                keep_signature(w->taking, g_steal_pointer(&signature));
        signature_free(signature);
}

static bool
take_small(Worker *w, SnapshotFound *f, int fd, GError **error)
{
        Taking *t = w->taking;
        gsize size = (gsize)f->size;
        bool known;

        if (!read_exactly(f, fd, w->buffer, size, 0, error))
                return false;
        sign_small(w, f, &known);
        count_bytes(t, f->size);
        if (known || !take_hash(t, f->hash) || library_has_it(t, f->hash, f->size))
                return true;
        if (!in_library(t, library_file_store(t->library, f->hash, w->buffer, size, t->content_id,
                                              error)))
                return false;
        count_new(t, f->size);
        return true;
}

/* The end of the stretch that begins at `at`, which is a hole or bytes. */
static gint64
stretch(const SnapshotFound *f, int fd, gint64 at, bool *hole_out)
{
        off_t data = f->sparse ? lseek(fd, at, SEEK_DATA) : at;
        off_t hole;

        *hole_out = data != at && (data > at || errno == ENXIO);
        if (*hole_out)
                return data > at ? MIN(data, f->size) : f->size;
        hole = f->sparse ? lseek(fd, at, SEEK_HOLE) : f->size;
        return hole > at ? MIN(hole, f->size) : f->size;
}

/* Into the pipe, and into `to` unless it is only to be hashed (NULL). */
static bool
read_large(Worker *w, const SnapshotFound *f, int fd, LibraryFile *to, GError **error)
{
        Taking *t = w->taking;
        gint64 at = 0, end = 0;
        bool hole = false;

        (void)posix_fadvise(fd, 0, 0, POSIX_FADV_SEQUENTIAL);
        if (!snapshot_pipe_begin(t->pipe, to != NULL, error))
                return false;
        while (at < f->size) {
                char *room = snapshot_pipe_room(t->pipe);
                const char *data;
                gsize size;

                if (at == end)
                        end = stretch(f, fd, at, &hole);
                size = (gsize)MIN(end - at, SNAPSHOT_PIECE);
                if (!hole && !read_exactly(f, fd, room, size, at, error))
                        return false;
                data = hole ? t->zeros : room;
                if (!snapshot_pipe_push(t->pipe, data, size, error) ||
                    (to != NULL && !in_library(t, library_file_write(to, data, size, error))))
                        return false;
                count_bytes(t, (gint64)size);
                if (!tick(w, error))
                        return false;
                at += (gint64)size;
        }
        return true;
}

static bool
is_as_before(Worker *w, SnapshotFound *f, int fd, bool *same_out, GError **error)
{
        Taking *t = w->taking;
        const TreeEntry *old = likely_same(t, f);

        *same_out = false;
        if (old == NULL)
                return true;
        if (!read_large(w, f, fd, NULL, error) || !snapshot_pipe_end(t->pipe, f->hash, NULL, error))
                return false;
        *same_out = memcmp(f->hash, old->hash, sizeof f->hash) == 0 &&
                    reuse_signature(t, f->hash, f->size);
        if (!*same_out)
                count_bytes(t, -f->size); /* it is read again */
        return true;
}

static bool
take_large(Worker *w, SnapshotFound *f, int fd, GError **error)
{
        Taking *t = w->taking;
        g_autoptr(LibraryFile) file = NULL;
        Signature *signature;
        bool same, is_new;

        if (!is_as_before(w, f, fd, &same, error) || same)
                return same;
        file = library_file_begin_new(t->library, t->content_id, error);
        if (!in_library(t, file != NULL) || !read_large(w, f, fd, file, error) ||
            !snapshot_pipe_end(t->pipe, f->hash, &signature, error))
                return false;
        keep_signature(t, signature);
        if (!in_library(t, library_file_end_new(file, f->hash, &is_new, error)))
                return false;
        if (is_new && take_hash(t, f->hash))
                count_new(t, f->size);
        return true;
}

static bool
take_file(Worker *w, SnapshotFound *f, GError **error)
{
        Taking *t = w->taking;
        UK_AUTOFD fd = -1;

        if (!tick(w, error))
                return false;
        fd = open_file(w, f, error);
        if (fd < 0 ||
            !(f->size <= SMALL ? take_small(w, f, fd, error) : take_large(w, f, fd, error)))
                return false;
        pthread_mutex_lock(&t->lock);
        t->progress.files_done++;
        pthread_mutex_unlock(&t->lock);
        return true;
}

/* In the caller's thread; the pipe's hashes meanwhile. */
static void
take_large_files(Worker *w)
{
        Taking *t = w->taking;
        GError *error = NULL;

        for (guint i = 0; error == NULL && i < t->list->files->len; i++) {
                SnapshotFound *f = t->list->files->pdata[i];

                if (f->size > SMALL)
                        (void)!take_file(w, f, &error);
        }
        if (error != NULL)
                set_error(t, error);
}

static void
take_small_files(Worker *w)
{
        Taking *t = w->taking;
        GError *error = NULL;

        while (error == NULL) {
                gint index = g_atomic_int_add(&t->next, 1);
                SnapshotFound *f;

                if (index >= (gint)t->list->files->len)
                        return;
                f = t->list->files->pdata[index];
                if (f->size <= SMALL)
                        (void)!take_file(w, f, &error);
        }
        set_error(t, error);
}

static void
worker_init(Worker *w, Taking *t, bool tells)
{
        *w = (Worker){ .taking = t, .tells = tells };
        place_init(&w->place, t->top);
        w->buffer = g_malloc(SMALL);
        w->maker = signature_maker_new_hashing();
}

static void
worker_clear(Worker *w)
{
        place_clear(&w->place);
        g_free(w->buffer);
        signature_maker_free(w->maker);
}

/* The second thread, and how it says that it is at its end. */
typedef struct {
        Worker worker;
        int ended; /* eventfd */
} Second;

static void *
work_beside(void *user)
{
        Second *second = user;

        take_small_files(&second->worker);
        (void)!eventfd_write(second->ended, 1);
        return NULL;
}

static void *
publish_beside(void *user)
{
        Taking *t = user;
        const char *const ids[] = { t->content_id, NULL };
        GError *error = NULL;

        pthread_mutex_lock(&t->lock);
        while (!t->all_read && error == NULL) {
                if (t->unpublished_files < PUBLISH_FILES && t->unpublished_bytes < PUBLISH_BYTES) {
                        pthread_cond_wait(&t->wake, &t->lock);
                        continue;
                }
                t->unpublished_files = 0;
                t->unpublished_bytes = 0;
                pthread_mutex_unlock(&t->lock);
                (void)!in_library(t, library_publish(t->library, ids, &error));
                pthread_mutex_lock(&t->lock);
        }
        pthread_mutex_unlock(&t->lock);
        if (error != NULL)
                set_error(t, error);
        return NULL;
}

/* The caller's thread has nothing left to read; it tells until the other one is at its end. */
static void
wait_for_second(Worker *w, int ended)
{
        GError *error = NULL;

        while (uk_clock_sleep(TELL_EVERY, ended)) {
                if (error == NULL && !tick(w, &error))
                        set_error(w->taking, g_steal_pointer(&error));
        }
}

static bool
start(pthread_t *thread, void *(*run)(void *), void *user, GError **error)
{
        int failure = pthread_create(thread, NULL, run, user);

        return failure == 0 || uk_fail_errno(error, failure, "starting a thread");
}

static bool
read_files(Taking *t, GError **error)
{
        Second second = { .ended = eventfd(0, EFD_CLOEXEC) };
        pthread_t reader, publisher;
        bool reads = false, publishes;
        GError *failure = NULL;
        Worker first;

        if (second.ended < 0)
                return uk_fail_errno(error, errno, "making an event");
        t->pipe = snapshot_pipe_new();
        t->zeros = g_malloc0(SNAPSHOT_PIECE);
        worker_init(&first, t, true);
        worker_init(&second.worker, t, false);
        publishes = start(&publisher, publish_beside, t, &failure);
        if (publishes) {
                take_large_files(&first);
                reads = start(&reader, work_beside, &second, &failure);
        }
        if (reads) {
                take_small_files(&first);
                wait_for_second(&first, second.ended);
                pthread_join(reader, NULL);
        }
        pthread_mutex_lock(&t->lock);
        t->all_read = true;
        pthread_cond_signal(&t->wake);
        pthread_mutex_unlock(&t->lock);
        if (publishes)
                pthread_join(publisher, NULL);
        worker_clear(&first);
        worker_clear(&second.worker);
        snapshot_pipe_free(t->pipe);
        g_free(t->zeros);
        uk_io_close(&second.ended);
        if (failure != NULL)
                set_error(t, failure);
        if (t->error == NULL)
                return true;
        g_propagate_error(error, g_steal_pointer(&t->error));
        return false;
}

static ContentTree *
make_tree(const Taking *t, GError **error)
{
        g_autoptr(ContentTree) tree = tree_new(t->content_id);

        for (guint i = 0; i < t->list->all->len; i++) {
                const SnapshotFound *f = t->list->all->pdata[i];
                const SnapshotFound *bytes = f->first != NULL ? f->first : f;
                TreeEntry e = { .path = f->path,
                                .kind = f->kind,
                                .mode = f->mode,
                                .modified_us = f->modified_us,
                                .size = f->kind == TREE_FILE ? f->size : 0,
                                .target = f->target,
                                .twin = f->twin };

                memcpy(e.hash, bytes->hash, sizeof e.hash);
                if (!tree_add(tree, &e, error))
                        return NULL;
        }
        return tree_seal(tree, error) ? g_steal_pointer(&tree) : NULL;
}

static bool
make_signatures(Taking *t, Snapshot *snapshot, GError **error)
{
        g_autoptr(GPtrArray) signatures = g_ptr_array_new();
        GHashTableIter each;
        gpointer signature;
        gconstpointer data;
        gsize size;

        g_hash_table_iter_init(&each, t->signed_);
        while (g_hash_table_iter_next(&each, NULL, &signature))
                g_ptr_array_add(signatures, signature);
        snapshot->signatures = signature_tar_write(signatures, error);
        if (snapshot->signatures == NULL)
                return false;
        data = g_bytes_get_data(snapshot->signatures, &size);
        hash_sha256(data, size, snapshot->signature_hash);
        return true;
}

void
snapshot_free(Snapshot *snapshot)
{
        if (snapshot == NULL)
                return;
        tree_free(snapshot->tree);
        g_clear_pointer(&snapshot->signatures, g_bytes_unref);
        g_free(snapshot);
}

static bool
finish(Taking *t, Snapshot *snapshot, GError **error)
{
        SnapshotProgress progress = t->progress;

        if (!snapshot_list_check(t->list, t->top, error))
                return false;
        snapshot->tree = make_tree(t, error);
        if (snapshot->tree == NULL || !make_signatures(t, snapshot, error))
                return false;
        if (t->tell != NULL && !t->tell(t->user, &progress))
                return uk_fail(error, UK_ERROR_CANCELLED, "the snapshot was cancelled");
        return true;
}

/* What the package has now; without it everything works, but large files are written to be
 * compared. */
static const ContentTree *
find_old(Library *library, const char *content_id)
{
        const char *dot = strrchr(content_id, '.');
        g_autofree char *package_id =
                g_strndup(content_id, dot != NULL ? (gsize)(dot - content_id) : 0);
        g_autoptr(LibraryPackage) package = NULL;

        if (*package_id == '\0')
                return NULL;
        package = library_package(library, package_id, NULL);
        if (package == NULL || package->content_ids[0] == NULL)
                return NULL;
        return library_tree_ref(library, package->content_ids[0], NULL);
}

/* Files that failed to be published before must not be in the way; and whatever happens, none is
 * left waiting. */
static bool
take(Taking *t, Snapshot *snapshot, GError **error)
{
        const char *const ids[] = { t->content_id, NULL };
        bool ok, published;

        if (!in_library(t, library_publish(t->library, NULL, error)))
                return false;
        ok = read_files(t, error);
        published = library_publish(t->library, ids, ok ? error : NULL);
        return ok && in_library(t, published) && finish(t, snapshot, error);
}

Snapshot *
snapshot_take(Library *library, const char *source, const char *content_id, SnapshotTell tell,
              gpointer user, bool *library_fails_out, GError **error)
{
        UK_DOING(error, "taking the snapshot of %s", source);
        g_autoptr(Snapshot) snapshot = g_new0(Snapshot, 1);
        UK_AUTOFD top = snapshot_list_open(source, error);
        g_autoptr(SnapshotList) list = top >= 0 ? snapshot_list_make(top, error) : NULL;
        Taking t = { .library = library,
                     .content_id = content_id,
                     .top = top,
                     .list = list,
                     .tell = tell,
                     .user = user };
        bool ok;

        if (library_fails_out != NULL)
                *library_fails_out = false;
        if (list == NULL)
                return NULL;
        t.progress.files_all = (gint64)list->files->len;
        t.progress.bytes_all = list->bytes;
        t.old = find_old(library, content_id);
        t.taken = library_hash_set();
        t.signed_ = library_hash_table((GDestroyNotify)signature_free);
        pthread_mutex_init(&t.lock, NULL);
        pthread_cond_init(&t.wake, NULL);
        ok = take(&t, snapshot, error);
        if (library_fails_out != NULL)
                *library_fails_out = g_atomic_int_get(&t.library_fails) != 0;
        pthread_cond_destroy(&t.wake);
        pthread_mutex_destroy(&t.lock);
        g_hash_table_unref(t.taken);
        g_hash_table_unref(t.signed_);
        if (t.old != NULL)
                library_tree_unref(library, t.old);
        return ok ? g_steal_pointer(&snapshot) : NULL;
}
