/* io.c - the only caller of write, fsync, rename, link, unlink and mkdir.
 *
 * In: paths, descriptors, bytes. Out: files that are there whole, or an error that names the file.
 * Every action passes a fault point; a point's name is the file as others will know it, never the
 * temporary name, so that two runs report the same points.
 */
#include "base/io.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fault.h"
#include "base/io_private.h"

void
uk_io_close(int *fd)
{
        int saved = errno;

        if (*fd >= 0)
                close(*fd);
        *fd = -1;
        errno = saved;
}

/* One stretch of a write; offset < 0: at the file's position. */
static gssize
write_some(int fd, const char *data, gsize size, gint64 offset)
{
        gssize done;

        do {
                done = offset < 0 ? write(fd, data, size) : pwrite(fd, data, size, offset);
        } while (done < 0 && errno == EINTR);
        if (done == 0)
                errno = EIO; /* a device that takes nothing would hold us for ever */
        return done;
}

static bool
write_all(int fd, const void *data, gsize size, gint64 offset)
{
        const char *rest = data;

        while (size > 0) {
                gssize done = write_some(fd, rest, size, offset);
                if (done <= 0)
                        return false;
                rest += done;
                size -= (gsize)done;
                if (offset >= 0)
                        offset += done;
        }
        return true;
}

static bool
write_at(int fd, const void *data, gsize size, gint64 offset, const char *name, GError **error)
{
        if (size == 0)
                return true;
        int failure = uk_fault_before(UK_FAULT_WRITE, name);
        if (failure == 0 && !write_all(fd, data, size, offset))
                failure = errno;
        if (failure != 0)
                return uk_fail_errno(error, failure, "writing %s", name);
        uk_fault_after(UK_FAULT_WRITE, name);
        return true;
}

bool
uk_io_write(int fd, const void *data, gsize size, const char *name, GError **error)
{
        return write_at(fd, data, size, -1, name, error);
}

bool
uk_io_pwrite(int fd, const void *data, gsize size, gint64 offset, const char *name, GError **error)
{
        g_assert(offset >= 0);
        return write_at(fd, data, size, offset, name, error);
}

bool
uk_io_sync(int fd, bool only_data, const char *name, GError **error)
{
        int failure = uk_fault_before(UK_FAULT_SYNC, name);

        if (failure == 0 && (only_data ? fdatasync(fd) : fsync(fd)) != 0)
                failure = errno;
        if (failure != 0)
                return uk_fail_errno(error, failure, "syncing %s", name);
        uk_fault_after(UK_FAULT_SYNC, name);
        return true;
}

void
uk_io_start_writing(int fd, gint64 offset, gint64 size)
{
        (void)!sync_file_range(fd, offset, size, SYNC_FILE_RANGE_WRITE);
}

bool
uk_io_sync_dir(const char *dir, GError **error)
{
        UK_AUTOFD fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

        if (fd < 0)
                return uk_fail_errno(error, errno, "opening folder %s", dir);
        return uk_io_sync(fd, false, dir, error);
}

bool
uk_io_sync_fs(int fd, const char *name, GError **error)
{
        int failure = uk_fault_before(UK_FAULT_SYNC, name);

        if (failure == 0 && syncfs(fd) != 0)
                failure = errno;
        if (failure != 0)
                return uk_fail_errno(error, failure, "syncing the file system of %s", name);
        uk_fault_after(UK_FAULT_SYNC, name);
        return true;
}

bool
uk_io_truncate(int fd, gint64 size, const char *name, GError **error)
{
        int failure = uk_fault_before(UK_FAULT_WRITE, name);

        if (failure == 0 && ftruncate(fd, size) != 0)
                failure = errno;
        if (failure != 0)
                return uk_fail_errno(error, failure, "setting the size of %s", name);
        uk_fault_after(UK_FAULT_WRITE, name);
        return true;
}

bool
uk_io_rename(const char *from, const char *to, GError **error)
{
        int failure = uk_fault_before(UK_FAULT_RENAME, to);

        if (failure == 0 && rename(from, to) != 0)
                failure = errno;
        if (failure != 0)
                return uk_fail_errno(error, failure, "renaming %s to %s", from, to);
        uk_fault_after(UK_FAULT_RENAME, to);
        return true;
}

bool
uk_io_link(const char *from, const char *to, GError **error)
{
        int failure = uk_fault_before(UK_FAULT_RENAME, to);

        if (failure == 0 && link(from, to) != 0)
                failure = errno;
        if (failure == EEXIST)
                return uk_fail(error, UK_ERROR_EXISTS, "%s exists already", to);
        if (failure != 0)
                return uk_fail_errno(error, failure, "linking %s to %s", from, to);
        uk_fault_after(UK_FAULT_RENAME, to);
        return true;
}

bool
uk_io_unlink(const char *path, GError **error)
{
        int failure = uk_fault_before(UK_FAULT_UNLINK, path);

        if (failure == 0 && unlink(path) != 0 && errno != ENOENT)
                failure = errno;
        if (failure != 0)
                return uk_fail_errno(error, failure, "removing %s", path);
        uk_fault_after(UK_FAULT_UNLINK, path);
        return true;
}

bool
uk_io_remove_empty(const char *path, GError **error)
{
        int failure = uk_fault_before(UK_FAULT_UNLINK, path);

        if (failure == 0 && rmdir(path) != 0 && errno != ENOENT && errno != ENOTEMPTY &&
            errno != EEXIST)
                failure = errno;
        if (failure != 0)
                return uk_fail_errno(error, failure, "removing folder %s", path);
        uk_fault_after(UK_FAULT_UNLINK, path);
        return true;
}

static bool
sync_parent(const char *path, GError **error)
{
        g_autofree char *parent = g_path_get_dirname(path);

        return uk_io_sync_dir(parent, error);
}

static bool
is_folder(const char *path)
{
        struct stat st;

        return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

static bool
make_folder(const char *path, mode_t mode, GError **error)
{
        int failure = uk_fault_before(UK_FAULT_MKDIR, path);

        if (failure == 0 && mkdir(path, mode) != 0)
                failure = errno;
        if (failure == EEXIST && is_folder(path))
                return true; /* another made it meanwhile */
        if (failure != 0)
                return uk_fail_errno(error, failure, "making folder %s", path);
        uk_fault_after(UK_FAULT_MKDIR, path);
        /* Its files will be synced into it; so its own name must last too. */
        return sync_parent(path, error);
}

bool
uk_io_mkdir_at(int dir, const char *name, mode_t mode, GError **error)
{
        int failure;
        struct stat st;

        if (fstatat(dir, name, &st, 0) == 0 && S_ISDIR(st.st_mode))
                return true;
        failure = uk_fault_before(UK_FAULT_MKDIR, name);
        if (failure == 0 && mkdirat(dir, name, mode) != 0)
                failure = errno;
        if (failure != 0)
                return uk_fail_errno(error, failure, "making folder %s", name);
        uk_fault_after(UK_FAULT_MKDIR, name);
        return true;
}

/* Makes the file anew; a file of that name goes first, never its bytes. */
static int
open_new_at(int dir, const char *name, mode_t mode)
{
        int flags = O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC;
        int fd = openat(dir, name, flags, mode);

        if (fd < 0 && errno == EEXIST && unlinkat(dir, name, 0) == 0)
                fd = openat(dir, name, flags, mode);
        return fd;
}

bool
uk_io_create_at(int dir, const char *name, const void *data, gsize size, mode_t mode,
                GError **error)
{
        int failure = uk_fault_before(UK_FAULT_WRITE, name);
        UK_AUTOFD fd = failure == 0 ? open_new_at(dir, name, mode) : -1;

        if (failure == 0 && (fd < 0 || !write_all(fd, data, size, -1)))
                failure = errno;
        /* What the disk took of it would look like the whole to those who ask whether it is there.
         */
        if (failure != 0 && fd >= 0)
                (void)!unlinkat(dir, name, 0);
        if (failure != 0)
                return uk_fail_errno(error, failure, "making %s", name);
        uk_fault_after(UK_FAULT_WRITE, name);
        return true;
}

bool
uk_io_mkdirs(const char *path, mode_t mode, GError **error)
{
        g_autofree char *part = g_strdup(path);

        if (is_folder(path))
                return true;
        for (char *c = part; *c != '\0'; c++) {
                if (c == part || *c != '/')
                        continue;
                *c = '\0';
                if (!is_folder(part) && !make_folder(part, mode, error))
                        return false;
                *c = '/';
        }
        return is_folder(part) || make_folder(part, mode, error);
}

static bool
is_dots(const char *name)
{
        return strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
}

/* A folder on the way down of remove_tree. Only the deepest one is held open, since the depth of
 * a tree from outside may exceed the number of descriptors. */
typedef struct {
        char *name;
        dev_t dev;
        ino_t ino;
} Level;

static void
level_clear(gpointer data)
{
        g_free(((Level *)data)->name);
}

/* Opens folder name within the folder *fd and goes there. */
static bool
go_down(int *fd, const char *name, GArray *levels, GError **error)
{
        UK_AUTOFD next = openat(*fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        struct stat st;

        if (next < 0 || fstat(next, &st) != 0)
                return uk_fail_errno(error, errno, "opening folder %s", name);
        Level level = { .name = g_strdup(name), .dev = st.st_dev, .ino = st.st_ino };
        g_array_append_val(levels, level);
        uk_io_close(fd);
        *fd = next;
        next = -1;
        return true;
}

static bool
remove_at(int fd, const char *name, int flags, GError **error)
{
        int failure = uk_fault_before(UK_FAULT_UNLINK, name);

        if (failure == 0 && unlinkat(fd, name, flags) != 0 && errno != ENOENT)
                failure = errno;
        if (failure != 0)
                return uk_fail_errno(error, failure, "removing %s", name);
        uk_fault_after(UK_FAULT_UNLINK, name);
        return true;
}

/* Leaves the empty folder *fd for the one above and removes it there. */
static bool
go_up(int *fd, int top, GArray *levels, GError **error)
{
        Level *here = &g_array_index(levels, Level, levels->len - 1);
        UK_AUTOFD above = levels->len == 1 ? fcntl(top, F_DUPFD_CLOEXEC, 3)
                                           : openat(*fd, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        struct stat st;

        if (above < 0 || fstat(above, &st) != 0)
                return uk_fail_errno(error, errno, "opening the folder above %s", here->name);
        if (levels->len > 1 && (st.st_dev != here[-1].dev || st.st_ino != here[-1].ino))
                return uk_fail(error, UK_ERROR_IO, "folder %s was moved while it was removed",
                               here->name);
        if (!remove_at(above, here->name, AT_REMOVEDIR, error))
                return false;
        g_array_set_size(levels, levels->len - 1);
        uk_io_close(fd);
        *fd = above;
        above = -1;
        return true;
}

/* Removes what is no folder from the folder fd; *folder_out is the first folder met (then it
 * stopped there), or NULL when the folder is empty now. */
static bool
remove_files(int fd, char **folder_out, GError **error)
{
        int copy = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        DIR *dir = copy >= 0 ? fdopendir(copy) : NULL;
        struct dirent *entry;
        bool ok = true;

        if (dir == NULL) {
                uk_fail_errno(error, errno, "reading a folder");
                uk_io_close(&copy);
                return false;
        }
        *folder_out = NULL;
        while (ok && *folder_out == NULL && (entry = readdir(dir)) != NULL) {
                struct stat st;

                if (is_dots(entry->d_name) ||
                    fstatat(fd, entry->d_name, &st, AT_SYMLINK_NOFOLLOW) != 0)
                        continue;
                if (S_ISDIR(st.st_mode))
                        *folder_out = g_strdup(entry->d_name);
                else
                        ok = remove_at(fd, entry->d_name, 0, error);
        }
        closedir(dir);
        return ok;
}

/* The path without slashes at its end: "" for the root. */
static char *
without_slashes(const char *path)
{
        gsize length = strlen(path);

        while (length > 0 && path[length - 1] == '/')
                length--;
        return g_strndup(path, length);
}

bool
uk_io_remove_tree(const char *path, GError **error)
{
        UK_DOING(error, "removing %s", path);
        g_autofree char *clean = without_slashes(path);
        g_autofree char *parent = g_path_get_dirname(clean);
        g_autofree char *name = g_path_get_basename(clean);
        g_autoptr(GArray) levels = g_array_new(FALSE, FALSE, sizeof(Level));
        UK_AUTOFD top = open(parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        struct stat st;

        g_array_set_clear_func(levels, level_clear);
        if (*clean == '\0' || is_dots(name))
                return uk_fail(error, UK_ERROR_INVALID, "this is no name of a folder");
        if (top < 0 || fstatat(top, name, &st, AT_SYMLINK_NOFOLLOW) != 0)
                return errno == ENOENT ? true : uk_fail_errno(error, errno, "looking at it");
        if (!S_ISDIR(st.st_mode))
                return remove_at(top, name, 0, error);

        UK_AUTOFD fd = fcntl(top, F_DUPFD_CLOEXEC, 3);
        if (fd < 0)
                return uk_fail_errno(error, errno, "opening it");
        if (!go_down(&fd, name, levels, error))
                return false;
        while (levels->len > 0) {
                g_autofree char *folder = NULL;

                if (!remove_files(fd, &folder, error))
                        return false;
                if (folder != NULL ? !go_down(&fd, folder, levels, error)
                                   : !go_up(&fd, top, levels, error))
                        return false;
        }
        return true;
}

#define TEMPORARY_DIGITS 16
#define TEMPORARY_END    ".tmp"

/* "<folder>/.<name>.<random>.tmp": readers pass over names that begin with a dot. */
static char *
temporary_beside(const char *path)
{
        g_autofree char *dir = g_path_get_dirname(path);
        g_autofree char *name = g_path_get_basename(path);
        guint64 number;

        io_random(&number, sizeof number);
        return g_strdup_printf("%s/.%.*s.%0*" G_GINT64_MODIFIER "x" TEMPORARY_END, dir, 200, name,
                               TEMPORARY_DIGITS, number);
}

/* Waits while a sweeper looks at it, and says whether it left the file there. */
static bool
lock_new(int fd)
{
        struct stat st;

        while (flock(fd, LOCK_EX) != 0 && errno == EINTR)
                continue;
        return fstat(fd, &st) == 0 && st.st_nlink > 0;
}

int
uk_io_temporary(const char *path, mode_t mode, char **temporary_out, GError **error)
{
        for (;;) {
                g_autofree char *temporary = temporary_beside(path);
                int fd = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);

                if (fd < 0 && errno != EEXIST) {
                        uk_fail_errno(error, errno, "making %s", temporary);
                        return -1;
                }
                if (fd >= 0 && lock_new(fd)) {
                        *temporary_out = g_steal_pointer(&temporary);
                        return fd;
                }
                uk_io_close(&fd);
        }
}

void
uk_io_discard(const char *temporary)
{
        int saved = errno;

        unlink(temporary);
        errno = saved;
}

static bool
is_temporary(const char *name)
{
        gsize length = strlen(name);
        gsize tail = 1 + TEMPORARY_DIGITS + strlen(TEMPORARY_END);

        if (name[0] != '.' || length <= tail || !g_str_has_suffix(name, TEMPORARY_END))
                return false;
        name += length - tail;
        return *name == '.' && strspn(name + 1, "0123456789abcdef") == TEMPORARY_DIGITS;
}

/* Nobody holds the lock of a temporary file whose writer is gone. */
static bool
sweep_one(const char *dir, const char *name, GError **error)
{
        g_autofree char *path = g_build_filename(dir, name, NULL);
        UK_AUTOFD fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
        struct stat st;

        if (fd < 0 || fstat(fd, &st) != 0 || !S_ISREG(st.st_mode) ||
            flock(fd, LOCK_EX | LOCK_NB) != 0)
                return true;
        return uk_io_unlink(path, error);
}

bool
uk_io_sweep(const char *dir, GError **error)
{
        DIR *d = opendir(dir);
        struct dirent *entry;
        bool ok = true;

        if (d == NULL)
                return uk_fail_errno(error, errno, "reading folder %s", dir);
        while (ok && (entry = readdir(d)) != NULL) {
                if (is_temporary(entry->d_name))
                        ok = sweep_one(dir, entry->d_name, error);
        }
        closedir(d);
        return ok;
}

bool
uk_io_replace(const char *path, const void *data, gsize size, mode_t mode, GError **error)
{
        g_autofree char *temporary = NULL;
        UK_AUTOFD fd = uk_io_temporary(path, mode, &temporary, error);

        if (fd < 0)
                return false;
        if (!uk_io_write(fd, data, size, path, error) || !uk_io_sync(fd, false, path, error) ||
            !uk_io_rename(temporary, path, error)) {
                uk_io_discard(temporary);
                return false;
        }
        return sync_parent(path, error);
}

static int
open_for_reading(const char *path, GError **error)
{
        /* Without O_NONBLOCK a pipe that someone left there would hold us for ever. */
        UK_AUTOFD fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
        struct stat st;
        int result;

        if (fd < 0 && (errno == ENOENT || errno == ENOTDIR)) {
                uk_fail(error, UK_ERROR_NOT_FOUND, "%s does not exist", path);
                return -1;
        }
        if (fd < 0 || fstat(fd, &st) != 0) {
                uk_fail_errno(error, errno, "opening %s", path);
                return -1;
        }
        if (!S_ISREG(st.st_mode)) {
                uk_fail(error, UK_ERROR_INVALID, "%s is not a regular file", path);
                return -1;
        }
        result = fd;
        fd = -1;
        return result;
}

bool
uk_io_read(const char *path, gsize max, char **data_out, gsize *size_out, GError **error)
{
        UK_AUTOFD fd = open_for_reading(path, error);
        g_autoptr(GString) data = g_string_new(NULL);
        char block[16384];

        if (fd < 0)
                return false;
        for (;;) {
                gssize got = read(fd, block, sizeof block);
                if (got < 0 && errno == EINTR)
                        continue;
                if (got < 0)
                        return uk_fail_errno(error, errno, "reading %s", path);
                if (got == 0)
                        break;
                if ((gsize)got > max - data->len)
                        return uk_fail(error, UK_ERROR_LIMIT, "%s is larger than %zu bytes", path,
                                       max);
                g_string_append_len(data, block, got);
        }
        if (size_out != NULL)
                *size_out = data->len;
        *data_out = g_string_free(g_steal_pointer(&data), FALSE);
        return true;
}

bool
io_append_record(int fd, const void *data, gsize size, bool *torn_out)
{
        gssize done = write_some(fd, data, size, -1);

        /* A short write ends where the disk or a limit does; the rest rarely succeeds. */
        if (done > 0 && (gsize)done < size &&
            write_all(fd, (const char *)data + done, size - (gsize)done, -1))
                done = (gssize)size;
        *torn_out = done > 0 && (gsize)done < size;
        return done == (gssize)size;
}

bool
io_mkdirs_quietly(const char *path)
{
        return g_mkdir_with_parents(path, 0750) == 0;
}

bool
io_rename_quietly(const char *from, const char *to)
{
        return rename(from, to) == 0;
}

bool
io_unlink_quietly(const char *path)
{
        int saved = errno;
        bool was_there = unlink(path) == 0;

        errno = saved;
        return was_there;
}

void
io_random(void *data, gsize size)
{
        /* Up to 256 bytes are never short and never interrupted once the system has started. */
        if (getrandom(data, size, 0) != (gssize)size)
                g_error("the system gives no random numbers: %s", g_strerror(errno));
}
