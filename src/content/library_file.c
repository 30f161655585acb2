/* library_file.c - bytes on their way in: SMS_DP$/<HASH>-<ContentID>.temp, hashed while they are
 * written, and then, many at once, synced, noted and renamed into FileLib (DIST-016).
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/io.h"
#include "base/log.h"
#include "content/library_private.h"
#include "content/libraryini.h"
#include "content/verify.h"

#define BLOCK     4096 /* what a hole is made of */
#define READ_SIZE (128 * 1024)
#define START_AT  (8 * 1024 * 1024) /* bytes written, after which the disk begins with them */

struct LibraryFile {
        Library *library;
        guint8 hash[HASH_SHA256_SIZE];
        char *content_id;
        char *temporary; /* path */
        gint64 size, position;
        gint64 on_disk; /* the file's size: below position when it ends with a hole */
        gint64 started; /* up to here the disk has begun */
        gint since;     /* failed_syncs before its first byte */
        int fd;
        HashStream *stream; /* NULL if is_new */
        bool is_new; /* the caller hashes it, and the temporary file has no name to go on with */
        bool proved;
};

static char *
temporary_path(const Library *library, const guint8 *hash, const char *content_id)
{
        g_autofree char *hex = libraryini_hex(hash);
        g_autofree char *name = g_strconcat(hex, "-", content_id, NULL);

        return library_path(library, "SMS_DP$", name, ".temp");
}

/* *use_out (may be NULL) is what it is in use for already. */
static bool
take_busy(Library *library, const char *temporary, FileUse use, FileUse *use_out, GError **error)
{
        FileUse other;

        pthread_mutex_lock(&library->lock);
        other = GPOINTER_TO_INT(g_hash_table_lookup(library->busy, temporary));
        if (other == 0)
                g_hash_table_insert(library->busy, g_strdup(temporary), GINT_TO_POINTER(use));
        pthread_mutex_unlock(&library->lock);
        if (use_out != NULL)
                *use_out = other;
        return other == 0 ||
               uk_fail(error, UK_ERROR_BUSY, "%s is being received already", temporary);
}

bool
library_is_busy(Library *library, const char *temporary)
{
        pthread_mutex_lock(&library->lock);
        bool busy = g_hash_table_contains(library->busy, temporary);
        pthread_mutex_unlock(&library->lock);
        return busy;
}

bool
library_file_wait(Library *library, const guint8 *hash, const char *content_id, gint64 until_us)
{
        g_autofree char *temporary = temporary_path(library, hash, content_id);
        gpointer receiving = GINT_TO_POINTER(FILE_RECEIVING);
        bool in_time = true;

        pthread_mutex_lock(&library->lock);
        while (in_time && g_hash_table_lookup(library->busy, temporary) == receiving)
                in_time = uk_clock_cond_wait(&library->received, &library->lock, until_us);
        bool is_free = g_hash_table_lookup(library->busy, temporary) == NULL;
        pthread_mutex_unlock(&library->lock);
        return is_free;
}

bool
library_is_any_busy(Library *library, const char *content_id)
{
        GHashTableIter each;
        gpointer path;
        bool busy = false;

        pthread_mutex_lock(&library->lock);
        g_hash_table_iter_init(&each, library->busy);
        while (!busy && g_hash_table_iter_next(&each, &path, NULL)) {
                g_autofree char *id = library_content_of_temporary(strrchr(path, '/') + 1);

                busy = g_strcmp0(id, content_id) == 0;
        }
        pthread_mutex_unlock(&library->lock);
        return busy;
}

static void
end_busy(Library *library, const char *temporary)
{
        pthread_mutex_lock(&library->lock);
        g_hash_table_remove(library->busy, temporary);
        pthread_cond_broadcast(&library->received);
        pthread_mutex_unlock(&library->lock);
}

/* A removal of the same content item that a failure cut off comes first, lest it take away what
 * comes in now. */
static bool
finish_removal_of(Library *library, const char *content_id, GError **error)
{
        const char *const ids[] = { content_id, NULL };
        bool ok = true;

        if (g_atomic_int_get(&library->gone_count) == 0)
                return true;
        pthread_mutex_lock(&library->change);
        if (g_hash_table_contains(library->gone, content_id))
                ok = library_remove_finish(library, ids, error);
        pthread_mutex_unlock(&library->change);
        return ok;
}

static bool
check_begin(Library *library, const char *content_id, gint64 size, GError **error)
{
        if (!library_check_writer(library, error))
                return false;
        if (!tree_valid_id(content_id) || size < 0)
                return uk_fail(error, UK_ERROR_INVALID,
                               "this is no ID of a content item, or no size of a file");
        return finish_removal_of(library, content_id, error);
}

/* Hashes what an earlier try left, and so finds the position. From the disk, not from memory, which
 * has what was to be written even where the disk could not. */
static bool
take_up(LibraryFile *file, GError **error)
{
        g_autofree char *buffer = g_malloc(READ_SIZE);

        if (file->on_disk > 0)
                posix_fadvise(file->fd, 0, 0, POSIX_FADV_DONTNEED);
        while (file->position < file->on_disk) {
                gssize n = pread(file->fd, buffer, READ_SIZE, file->position);

                if (n < 0 && errno == EINTR)
                        continue;
                if (n <= 0)
                        return uk_fail_errno(error, n < 0 ? errno : EIO, "reading %s",
                                             file->temporary);
                hash_stream_add(file->stream, buffer, (gsize)n);
                file->position += n;
        }
        return true;
}

static bool
open_temporary(LibraryFile *file, GError **error)
{
        struct stat st;

        file->fd =
                open(file->temporary, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, LIBRARY_FILE_MODE);
        if (file->fd < 0 || fstat(file->fd, &st) != 0)
                return uk_fail_errno(error, errno, "opening %s", file->temporary);
        file->on_disk = st.st_size;
        if (file->on_disk > file->size) {
                if (!uk_io_truncate(file->fd, 0, file->temporary, error))
                        return false;
                file->on_disk = 0;
        }
        return take_up(file, error);
}

/* Opens it where it goes on, or where the file at from (may be NULL, or none) goes on, which takes
 * its place. */
static LibraryFile *
begin(Library *library, const guint8 *hash, gint64 size, const char *content_id, const char *from,
      FileUse *use_out, GError **error)
{
        g_autoptr(LibraryFile) file = NULL;
        g_autofree char *temporary = NULL;

        if (!check_begin(library, content_id, size, error))
                return NULL;
        temporary = temporary_path(library, hash, content_id);
        if (!take_busy(library, temporary, FILE_RECEIVING, use_out, error))
                return NULL;
        file = g_new0(LibraryFile, 1);
        file->library = library;
        memcpy(file->hash, hash, sizeof file->hash);
        file->content_id = g_strdup(content_id);
        file->temporary = g_steal_pointer(&temporary);
        file->size = size;
        file->fd = -1;
        file->since = g_atomic_int_get(&library->failed_syncs);
        file->stream = hash_stream_new();
        if (from != NULL && access(from, F_OK) == 0 && !uk_io_rename(from, file->temporary, error))
                return NULL;
        return open_temporary(file, error) ? g_steal_pointer(&file) : NULL;
}

LibraryFile *
library_file_begin(Library *library, const guint8 *hash, gint64 size, const char *content_id,
                   GError **error)
{
        return begin(library, hash, size, content_id, NULL, NULL, error);
}

/* The file's size tells the next try the position, also behind a hole; as well as that can be done.
 */
static void
leave_for_next_try(LibraryFile *file)
{
        if (file->is_new)
                uk_io_discard(file->temporary);
        else if (file->fd >= 0 && file->on_disk < file->position)
                (void)!uk_io_truncate(file->fd, file->position, file->temporary, NULL);
}

void
library_file_free(LibraryFile *file)
{
        if (file == NULL)
                return;
        if (!file->proved) {
                leave_for_next_try(file);
                end_busy(file->library, file->temporary);
        }
        uk_io_close(&file->fd);
        hash_stream_free(file->stream);
        g_free(file->content_id);
        g_free(file->temporary);
        g_free(file);
}

gint64
library_file_position(const LibraryFile *file)
{
        return file->position;
}

static bool
is_zero(const char *data, gsize size)
{
        return data[0] == 0 && memcmp(data, data + 1, size - 1) == 0;
}

/* How many of the bytes, from the file's position at, are to be written (or, *hole_out, to be left
 * out: behind its end a file is a hole), up to the next change at a block's edge. */
static gsize
next_run(const char *data, gsize size, gint64 at, bool *hole_out)
{
        gsize run = MIN(size, BLOCK - (gsize)(at % BLOCK));
        bool hole = is_zero(data, run);

        while (run + BLOCK <= size && is_zero(data + run, BLOCK) == hole)
                run += BLOCK;
        if (run < size && size - run < BLOCK && (!hole || is_zero(data + run, size - run)))
                run = size;
        *hole_out = hole;
        return run;
}

/* Of a large file there is no sync before its end, which would find the disk idle until then. */
static void
start_writing(LibraryFile *file)
{
        if (file->on_disk - file->started < START_AT)
                return;
        uk_io_start_writing(file->fd, file->started, file->on_disk - file->started);
        file->started = file->on_disk;
}

static bool
write_run(LibraryFile *file, const char *data, gsize size, bool hole, GError **error)
{
        if (!hole) {
                if (!uk_io_pwrite(file->fd, data, size, file->position, file->temporary, error))
                        return false;
                file->on_disk = file->position + (gint64)size;
                start_writing(file);
        }
        if (!file->is_new)
                hash_stream_add(file->stream, data, size);
        file->position += (gint64)size;
        return true;
}

bool
library_file_write(LibraryFile *file, const void *data, gsize size, GError **error)
{
        const char *rest = data;

        if ((gint64)size > file->size - file->position)
                return uk_fail(error, UK_ERROR_LIMIT,
                               "%s: more bytes came than the %" G_GINT64_FORMAT
                               " that the file has",
                               file->temporary, file->size);
        while (size > 0) {
                bool hole;
                gsize run = next_run(rest, size, file->position, &hole);

                if (!write_run(file, rest, run, hole, error))
                        return false;
                rest += run;
                size -= run;
        }
        return true;
}

bool
library_file_peek(const LibraryFile *file, gint64 offset, void *data, gsize size, GError **error)
{
        guint8 *out = data;

        if (offset < 0 || offset > file->position || (gint64)size > file->position - offset)
                return uk_fail(error, UK_ERROR_LIMIT, "%s has not so many bytes yet",
                               file->temporary);
        while (size > 0) {
                gssize n = pread(file->fd, out, size, offset);

                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return uk_fail_errno(error, errno, "reading %s", file->temporary);
                if (n == 0) { /* a hole at the end */
                        memset(out, 0, size);
                        return true;
                }
                out += n;
                offset += n;
                size -= (gsize)n;
        }
        return true;
}

bool
library_file_restart(LibraryFile *file, GError **error)
{
        if (!uk_io_truncate(file->fd, 0, file->temporary, error))
                return false;
        hash_stream_free(file->stream);
        file->stream = hash_stream_new();
        file->position = file->on_disk = file->started = 0;
        file->since = g_atomic_int_get(&file->library->failed_syncs);
        return true;
}

static void
add_proved(Library *library, const guint8 *hash, const char *content_id, const char *temporary,
           gint since)
{
        Proved *proved = g_new0(Proved, 1);

        memcpy(proved->hash, hash, sizeof proved->hash);
        proved->content_id = g_strdup(content_id);
        proved->temporary = g_strdup(temporary);
        proved->since = since;
        pthread_mutex_lock(&library->lock);
        g_hash_table_insert(library->busy, g_strdup(temporary), GINT_TO_POINTER(FILE_PROVED));
        g_ptr_array_add(library->proved, proved);
        pthread_cond_broadcast(&library->received);
        pthread_mutex_unlock(&library->lock);
}

bool
library_file_end(LibraryFile *file, GError **error)
{
        guint8 digest[HASH_SHA256_SIZE];

        g_assert(!file->proved);
        if (file->position != file->size)
                return uk_fail(error, UK_ERROR_NOT_YET,
                               "%s has %" G_GINT64_FORMAT " of %" G_GINT64_FORMAT " bytes",
                               file->temporary, file->position, file->size);
        if (file->on_disk < file->size &&
            !uk_io_truncate(file->fd, file->size, file->temporary, error))
                return false;
        file->on_disk = file->size;
        hash_stream_end(file->stream, digest);
        if (memcmp(digest, file->hash, sizeof digest) != 0) {
                g_autofree char *hex = libraryini_hex(digest);

                if (!library_file_restart(file, error))
                        return false;
                return uk_fail(error, UK_ERROR_SIGNATURE,
                               "the bytes of %s have the hash %s; they are thrown away",
                               file->temporary, hex);
        }
        add_proved(file->library, file->hash, file->content_id, file->temporary, file->since);
        file->proved = true;
        return true;
}

bool
library_file_adopt(Library *library, const guint8 *hash, gint64 size, const char *content_id,
                   const char *path, GError **error)
{
        FileUse use = 0;
        g_autoptr(GError) why = NULL;
        g_autoptr(LibraryFile) file = begin(library, hash, size, content_id, path, &use, &why);

        if (file == NULL && use == FILE_PROVED)
                return uk_io_unlink(path, error);
        if (file == NULL) {
                g_propagate_error(error, g_steal_pointer(&why));
                return false;
        }
        return library_file_end(file, error);
}

LibraryFile *
library_file_begin_new(Library *library, const char *content_id, GError **error)
{
        g_autofree char *path = NULL;
        LibraryFile *file;
        char *temporary;
        int fd;

        if (!check_begin(library, content_id, 0, error))
                return NULL;
        path = library_path(library, "SMS_DP$", content_id, "");
        fd = uk_io_temporary(path, LIBRARY_FILE_MODE, &temporary, error);
        if (fd < 0)
                return NULL;
        file = g_new0(LibraryFile, 1);
        file->library = library;
        file->content_id = g_strdup(content_id);
        file->temporary = temporary;
        file->size = G_MAXINT64;
        file->fd = fd;
        file->since = g_atomic_int_get(&library->failed_syncs);
        file->is_new = true;
        return file;
}

bool
library_file_end_new(LibraryFile *file, const guint8 *hash, bool *is_new_out, GError **error)
{
        g_autofree char *temporary = NULL;
        gint64 size;

        if (file->on_disk < file->position &&
            !uk_io_truncate(file->fd, file->position, file->temporary, error))
                return false;
        *is_new_out = !library_has(file->library, hash, &size) || size != file->position;
        if (!*is_new_out)
                return true;
        temporary = temporary_path(file->library, hash, file->content_id);
        /* An equal file has been taken up beside this one: that one is enough. */
        if (!take_busy(file->library, temporary, FILE_PROVED, NULL, NULL))
                return true;
        if (!uk_io_rename(file->temporary, temporary, error)) {
                end_busy(file->library, temporary);
                return false;
        }
        add_proved(file->library, hash, file->content_id, temporary, file->since);
        file->proved = true;
        return true;
}

/* True when leaving out zeros would save a block at least. */
static bool
has_hole(const char *data, gsize size)
{
        for (gsize at = 0; at + BLOCK <= size; at += BLOCK) {
                if (is_zero(data + at, BLOCK))
                        return true;
        }
        return false;
}

static bool
write_sparse(const char *temporary, const char *data, gsize size, GError **error)
{
        UK_AUTOFD fd = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW,
                            LIBRARY_FILE_MODE);
        gsize at = 0;

        if (fd < 0)
                return uk_fail_errno(error, errno, "opening %s", temporary);
        while (at < size) {
                bool hole;
                gsize run = next_run(data + at, size - at, (gint64)at, &hole);

                if (!hole && !uk_io_pwrite(fd, data + at, run, (gint64)at, temporary, error))
                        return false;
                at += run;
        }
        return uk_io_truncate(fd, (gint64)size, temporary, error);
}

bool
library_file_store(Library *library, const guint8 *hash, const void *data, gsize size,
                   const char *content_id, GError **error)
{
        g_autofree char *temporary = NULL;
        gint since = g_atomic_int_get(&library->failed_syncs);
        FileUse use;

        if (!check_begin(library, content_id, 0, error))
                return false;
        temporary = temporary_path(library, hash, content_id);
        if (!take_busy(library, temporary, FILE_RECEIVING, &use, NULL))
                return use == FILE_PROVED ||
                       uk_fail(error, UK_ERROR_BUSY, "%s is being received already", temporary);
        if (has_hole(data, size)
                    ? !write_sparse(temporary, data, size, error)
                    : !uk_io_create_at(AT_FDCWD, temporary, data, size, LIBRARY_FILE_MODE, error)) {
                uk_io_discard(temporary);
                end_busy(library, temporary);
                return false;
        }
        add_proved(library, hash, content_id, temporary, since);
        return true;
}

bool
library_put(Library *library, const guint8 *hash, const void *data, gsize size,
            const char *content_id, GError **error)
{
        guint8 digest[HASH_SHA256_SIZE];

        hash_sha256(data, size, digest);
        if (memcmp(digest, hash, sizeof digest) != 0) {
                g_autofree char *hex = libraryini_hex(hash);
                return uk_fail(error, UK_ERROR_SIGNATURE, "the bytes of %s have another hash", hex);
        }
        return library_file_store(library, hash, data, size, content_id, error);
}

static bool
is_noted(Library *library, const Proved *p)
{
        return library_users_has(library, p->hash, p->content_id);
}

/* What went wrong while files were published. */
typedef struct {
        const char *const *ids; /* the caller's content items; NULL: none */
        GError *own, *other;    /* the first of these, and of others */
        guint others;           /* files */
} Trouble;

static void
add_trouble(Trouble *t, const char *content_id, const GError *why)
{
        bool is_own = t->ids != NULL && g_strv_contains(t->ids, content_id);
        GError **first = is_own ? &t->own : &t->other;

        if (*first == NULL)
                *first = g_error_copy(why);
        t->others += !is_own;
}

/* Nobody but the caller is told of what is the caller's. */
static bool
tell_trouble(Trouble *t, GError **error)
{
        if (t->other != NULL)
                uk_warn("%u files that nobody waits for here are not published: %s", t->others,
                        t->other->message);
        g_clear_error(&t->other);
        if (t->own == NULL)
                return true;
        g_propagate_error(error, g_steal_pointer(&t->own));
        return false;
}

/* The files of each content item together: content ID -> GPtrArray of Proved. */
static GHashTable *
by_content(const GPtrArray *files)
{
        GHashTable *groups = g_hash_table_new_full(g_str_hash, g_str_equal, NULL,
                                                   (GDestroyNotify)g_ptr_array_unref);

        for (guint i = 0; i < files->len; i++) {
                Proved *p = files->pdata[i];
                GPtrArray *group = g_hash_table_lookup(groups, p->content_id);

                if (group == NULL) {
                        group = g_ptr_array_new();
                        g_hash_table_insert(groups, p->content_id, group);
                }
                g_ptr_array_add(group, p);
        }
        return groups;
}

/* Without those that were noted before their bytes came. That some came is to be seen of each
 * content item, lest it be taken for one that never comes. */
static bool
note_pending(Library *library, const char *content_id, const GPtrArray *group, GError **error)
{
        g_autoptr(GPtrArray) hashes = g_ptr_array_new();

        for (guint i = 0; i < group->len; i++) {
                Proved *p = group->pdata[i];

                if (!is_noted(library, p))
                        g_ptr_array_add(hashes, p->hash);
        }
        if (!library_users_pend(library, content_id, hashes, error))
                return false;
        library_users_touch(library, content_id);
        return true;
}

/* A file whose use cannot be noted stays without a name, and the others do not wait for it. */
static void
note_uses(Library *library, const GPtrArray *files, Trouble *t)
{
        g_autoptr(GHashTable) groups = by_content(files);
        GHashTableIter each;
        gpointer id, group;

        g_hash_table_iter_init(&each, groups);
        while (g_hash_table_iter_next(&each, &id, &group)) {
                g_autoptr(GError) none = NULL;
                bool pending = note_pending(library, id, group, &none);

                for (guint i = 0; i < ((GPtrArray *)group)->len; i++) {
                        const Proved *p = ((GPtrArray *)group)->pdata[i];
                        g_autoptr(GError) why = NULL;

                        if (!pending)
                                add_trouble(t, id, none);
                        else if (!library_users_note(library, p->hash, id, &why))
                                add_trouble(t, id, why);
                }
        }
}

static void
set_lost(Library *library, const guint8 *hash, bool lost)
{
        pthread_mutex_lock(&library->lock);
        if (lost)
                g_hash_table_add(library->lost, g_memdup2(hash, HASH_SHA256_SIZE));
        else
                g_hash_table_remove(library->lost, hash);
        pthread_mutex_unlock(&library->lock);
}

bool
library_was_lost(Library *library, const guint8 *hash)
{
        pthread_mutex_lock(&library->lock);
        bool lost = g_hash_table_contains(library->lost, hash);
        pthread_mutex_unlock(&library->lock);
        return lost;
}

/* *over_out: the temporary file is not there any more. Then a try before gave it its name; or
 * somebody took the bytes away, and they have to come again. */
static bool
look_whether_over(Library *library, const Proved *p, bool *over_out, GError **error)
{
        g_autofree char *path = NULL;

        *over_out = access(p->temporary, F_OK) != 0 && errno == ENOENT;
        if (!*over_out)
                return true;
        path = library_file_path(library, p->hash, "");
        return access(path, F_OK) == 0 ||
               uk_fail(error, UK_ERROR_IO,
                       "%s is gone before it was published; it has to come again", p->temporary);
}

/* What was set aside of it, since it was damaged, is of no more use: whichever way it came back. */
static bool
rename_file(Library *library, const Proved *p, GError **error)
{
        g_autofree char *path = library_file_path(library, p->hash, "");
        g_autofree char *aside = verify_damaged_path(library, p->hash);

        if (!uk_io_rename(p->temporary, path, error))
                return false;
        uk_io_discard(aside);
        library_opened_forget(library, p->hash);
        set_lost(library, p->hash, false);
        return true;
}

/* Takes over what gets its name. What cannot have it stays in files, and so does a file whose use
 * was dropped while it was synced: it is noted again first. */
static void
rename_files(Library *library, GPtrArray *files, GPtrArray *renamed, Trouble *t)
{
        for (guint i = 0; i < files->len;) {
                const Proved *p = files->pdata[i];
                g_autoptr(GError) why = NULL;
                bool over, good = look_whether_over(library, p, &over, &why);
                bool stays = !over && !is_noted(library, p);

                if (!over && !stays) {
                        good = rename_file(library, p, &why);
                        stays = !good;
                }
                if (!good)
                        add_trouble(t, p->content_id, why);
                if (stays)
                        i++;
                else
                        g_ptr_array_add(renamed, g_ptr_array_steal_index_fast(files, i));
        }
}

static void
end_files(Library *library, GPtrArray *files)
{
        for (guint i = 0; i < files->len; i++)
                end_busy(library, ((Proved *)files->pdata[i])->temporary);
}

/* After a failed sync nobody knows what is on the disk of the bytes that were written before: they
 * have to come again, whoever's sync it was. */
static void
sync_files(Library *library, GPtrArray *files, Trouble *t)
{
        g_autoptr(GError) why = NULL;
        bool ok = library_sync(library, &why);
        gint failed = g_atomic_int_get(&library->failed_syncs);

        if (ok)
                uk_fail(&why, UK_ERROR_IO,
                        "files that were written before a sync failed have to come again");
        for (guint i = 0; i < files->len;) {
                const Proved *p = files->pdata[i];

                if (p->since == failed) {
                        i++;
                        continue;
                }
                add_trouble(t, p->content_id, why);
                set_lost(library, p->hash, true);
                uk_io_discard(p->temporary);
                end_busy(library, p->temporary);
                g_ptr_array_remove_index_fast(files, i);
        }
}

/* Those that have no name yet wait for the next try. */
static void
give_back(Library *library, GPtrArray *files)
{
        pthread_mutex_lock(&library->lock);
        g_ptr_array_extend_and_steal(library->proved, files);
        pthread_mutex_unlock(&library->lock);
}

static GPtrArray *
take_proved(Library *library)
{
        pthread_mutex_lock(&library->lock);
        GPtrArray *files = g_steal_pointer(&library->proved);
        library->proved = library_proved_new();
        pthread_mutex_unlock(&library->lock);
        return files;
}

/* The disk may take its time: meanwhile the library may be changed. */
static void
publish(Library *library, GPtrArray *files, GPtrArray *renamed, Trouble *t)
{
        pthread_mutex_lock(&library->change);
        note_uses(library, files, t);
        pthread_mutex_unlock(&library->change);
        sync_files(library, files, t);
        pthread_mutex_lock(&library->change);
        rename_files(library, files, renamed, t);
        pthread_mutex_unlock(&library->change);
}

bool
library_publish(Library *library, const char *const *ids, GError **error)
{
        UK_DOING(error, "publishing files of the content library");
        g_autoptr(GPtrArray) renamed = library_proved_new();
        Trouble trouble = { .ids = ids };

        if (!library_check_writer(library, error))
                return false;
        /* Who comes while another thread publishes finds those files named. */
        pthread_mutex_lock(&library->publishing);
        GPtrArray *files = take_proved(library);
        if (files->len > 0)
                publish(library, files, renamed, &trouble);
        end_files(library, renamed);
        give_back(library, files);
        pthread_mutex_unlock(&library->publishing);
        return tell_trouble(&trouble, error);
}

/* ---- what will not be wanted any more ---------------------------------------------------------
 */

typedef struct {
        GHashTable *things; /* what may come in several versions */
        GHashTable *keep;   /* content IDs */
} Drop;

static bool
is_unwanted(const char *content_id, const Drop *drop)
{
        g_autofree char *thing = library_thing_of(content_id, NULL);

        return thing != NULL && g_hash_table_contains(drop->things, thing) &&
               !g_hash_table_contains(drop->keep, content_id);
}

/* Those that nobody is publishing right now. */
static void
forget_proved(Library *library, const Drop *drop)
{
        pthread_mutex_lock(&library->lock);
        for (guint i = 0; i < library->proved->len;) {
                const Proved *p = library->proved->pdata[i];

                if (!is_unwanted(p->content_id, drop)) {
                        i++;
                        continue;
                }
                g_hash_table_remove(library->busy, p->temporary);
                g_ptr_array_remove_index_fast(library->proved, i);
        }
        pthread_mutex_unlock(&library->lock);
}

char *
library_content_of_temporary(const char *name)
{
        gsize length = strlen(name), before = HASH_SHA256_HEX + 1, behind = strlen(".temp");

        if (length <= before + behind || name[HASH_SHA256_HEX] != '-' ||
            !g_str_has_suffix(name, ".temp"))
                return NULL;
        return g_strndup(name + before, length - before - behind);
}

static bool
remove_unwanted(Library *library, const Drop *drop, GError **error)
{
        g_autofree char *folder = g_strconcat(library->root, "/SMS_DP$", NULL);
        g_autoptr(GPtrArray) names = library_names(folder, error);

        for (guint i = 0; names != NULL && i < names->len; i++) {
                g_autofree char *id = library_content_of_temporary(names->pdata[i]);
                g_autofree char *path = library_path(library, "SMS_DP$", names->pdata[i], "");

                if (id != NULL && is_unwanted(id, drop) && !library_is_busy(library, path) &&
                    !uk_io_unlink(path, error))
                        return false;
        }
        return names != NULL;
}

bool
library_drop_arriving(Library *library, const char *package_id, GHashTable *ids, GHashTable *keep,
                      GError **error)
{
        UK_DOING(error, "dropping what is on its way of package %s", package_id);
        g_autoptr(GHashTable) things = library_things_of(ids);
        const Drop drop = { things, keep };

        if (!library_check_writer(library, error))
                return false;
        g_hash_table_add(things, g_strdup(package_id));
        /* Whoever publishes has taken files out of the list of those that wait. */
        pthread_mutex_lock(&library->publishing);
        forget_proved(library, &drop);
        bool ok = remove_unwanted(library, &drop, error);
        pthread_mutex_unlock(&library->publishing);
        return ok;
}
