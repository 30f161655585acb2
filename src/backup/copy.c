/* copy.c - files copied with their hash.
 *
 * Comes in: a path of a file that others may rename, replace or remove meanwhile. Goes out: a copy
 * of what was opened. No more is kept in memory than a block.
 */
#include "backup/copy.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/io.h"

#define BLOCK (256 * 1024)

/* Copies from one descriptor to another (-1: nowhere); the hash is the caller's. */
static char *
pump(int from, int to, const char *from_name, const char *to_name, gint64 *size_out, GError **error)
{
        g_autoptr(GChecksum) sum = g_checksum_new(G_CHECKSUM_SHA256);
        g_autofree guint8 *block = g_malloc(BLOCK);
        gint64 size = 0;

        for (;;) {
                ssize_t count = read(from, block, BLOCK);

                if (count < 0 && errno == EINTR)
                        continue;
                if (count < 0) {
                        uk_fail_errno(error, errno, "reading %s", from_name);
                        return NULL;
                }
                if (count == 0)
                        break;
                g_checksum_update(sum, block, count);
                size += count;
                if (to >= 0 && !uk_io_write(to, block, (gsize)count, to_name, error))
                        return NULL;
        }
        *size_out = size;
        return g_strdup(g_checksum_get_string(sum));
}

static int
open_regular(const char *path, struct stat *st, GError **error)
{
        UK_AUTOFD fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);

        if (fd < 0 && errno == ENOENT) {
                uk_fail(error, UK_ERROR_NOT_FOUND, "%s is not there", path);
                return -1;
        }
        if (fd < 0 || fstat(fd, st) != 0) {
                uk_fail_errno(error, errno, "opening %s", path);
                return -1;
        }
        if (!S_ISREG(st->st_mode)) {
                uk_fail(error, UK_ERROR_INVALID, "%s is no file", path);
                return -1;
        }
        int mine = fd;

        fd = -1;
        return mine;
}

static int
create(const char *path, GError **error)
{
        int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);

        if (fd < 0)
                uk_fail_errno(error, errno, "making %s", path);
        return fd;
}

bool
backup_copy_in(const char *from, const char *to, BackupFile *file, GError **error)
{
        struct stat st;
        UK_AUTOFD in = open_regular(from, &st, error);
        UK_AUTOFD out = in >= 0 ? create(to, error) : -1;

        if (out < 0)
                return false;
        g_free(file->sha256);
        file->sha256 = pump(in, out, from, to, &file->size, error);
        file->mode = st.st_mode & 0777;
        file->mtime_us =
                MAX(0, (gint64)st.st_mtim.tv_sec * G_USEC_PER_SEC + st.st_mtim.tv_nsec / 1000);
        if (file->sha256 == NULL) {
                file->sha256 = g_strdup("");
                return false;
        }
        return uk_io_sync(out, false, to, error);
}

/* Mode, time and owner as they were; a user who may not give files away keeps them. */
static bool
dress(int fd, const char *path, const BackupFile *file, const struct stat *owner, GError **error)
{
        const struct timespec time = { .tv_sec = file->mtime_us / G_USEC_PER_SEC,
                                       .tv_nsec = file->mtime_us % G_USEC_PER_SEC * 1000 };
        const struct timespec times[] = { time, time };

        if (geteuid() == 0 && fchown(fd, owner->st_uid, owner->st_gid) != 0)
                return uk_fail_errno(error, errno, "giving %s to its owner", path);
        if (fchmod(fd, file->mode) != 0 || futimens(fd, times) != 0)
                return uk_fail_errno(error, errno, "setting mode and time of %s", path);
        return true;
}

bool
backup_copy_out(const char *from, const char *to, const BackupFile *file, const struct stat *owner,
                GError **error)
{
        struct stat st;
        UK_AUTOFD in = open_regular(from, &st, error);
        UK_AUTOFD out = in >= 0 ? create(to, error) : -1;
        gint64 size;

        if (out < 0)
                return false;
        g_autofree char *hash = pump(in, out, from, to, &size, error);

        if (hash == NULL)
                return false;
        if (size != file->size || strcmp(hash, file->sha256) != 0)
                return uk_fail(error, UK_ERROR_SIGNATURE,
                               "%s is damaged (it has %" G_GINT64_FORMAT
                               " bytes of %" G_GINT64_FORMAT
                               ", or another hash); choose another backup",
                               from, size, file->size);
        return dress(out, to, file, owner, error) && uk_io_sync(out, false, to, error);
}

char *
backup_hash_file(const char *path, GError **error)
{
        struct stat st;
        gint64 size;
        UK_AUTOFD fd = open_regular(path, &st, error);

        return fd >= 0 ? pump(fd, -1, path, "", &size, error) : NULL;
}
