/* io.h - the only caller of write, fsync, rename and unlink.
 *
 * Appear by rename, vanish last: others see a file only when it is whole and on disk. Every call
 * passes a fault point (fault.h), so that tests can make the n-th one fail or kill the process.
 */
#pragma once

#include "base/error.h"

#include <sys/types.h>

/* Writes all of data, going on after short writes and EINTR. name is for the message. */
bool
uk_io_write(int fd, const void *data, gsize size, const char *name, GError **error) UK_MUST_USE;
bool uk_io_pwrite(int fd, const void *data, gsize size, gint64 offset, const char *name,
                  GError **error) UK_MUST_USE;
/* fsync (fdatasync where only_data) of an open file. */
bool uk_io_sync(int fd, bool only_data, const char *name, GError **error) UK_MUST_USE;
/* Has the disk begin with these bytes of a file, without waiting, so that the sync to come has less
 * to wait for; that one tells of failures. */
void uk_io_start_writing(int fd, gint64 offset, gint64 size);
/* fsync of a folder, after which its names are durable. */
bool uk_io_sync_dir(const char *dir, GError **error) UK_MUST_USE;
/* Everything written so far to the file system that the open file is on, at once: for many small
 * files in place of as many syncs. */
bool uk_io_sync_fs(int fd, const char *name, GError **error) UK_MUST_USE;
/* Sets the size of an open file; what is new is a hole. */
bool uk_io_truncate(int fd, gint64 size, const char *name, GError **error) UK_MUST_USE;
bool uk_io_rename(const char *from, const char *to, GError **error) UK_MUST_USE;
/* Hard link; an existing target is EXISTS. */
bool uk_io_link(const char *from, const char *to, GError **error) UK_MUST_USE;
/* Removes a file; a file that is not there is success (a handler may run twice). */
bool uk_io_unlink(const char *path, GError **error) UK_MUST_USE;
/* Makes a folder and those above it, mode 0750 or as given. */
bool uk_io_mkdirs(const char *path, mode_t mode, GError **error) UK_MUST_USE;
/* Makes one folder, which may be there already, within the open folder dir (AT_FDCWD: name is a
 * path); its name is not synced. */
bool uk_io_mkdir_at(int dir, const char *name, mode_t mode, GError **error) UK_MUST_USE;
/* Makes a file of these bytes within the open folder dir, in place of one of that name, whose own
 * bytes (it may have other names) are left alone. Not synced: the caller syncs many at once. After
 * an error no part of it is there. */
bool uk_io_create_at(int dir, const char *name, const void *data, gsize size, mode_t mode,
                     GError **error) UK_MUST_USE;
/* Removes a folder in which nothing is; one that has something in it stays, and is success as well.
 */
bool uk_io_remove_empty(const char *path, GError **error) UK_MUST_USE;
/* Removes a folder and all below it, never following a link. Missing is success. */
bool uk_io_remove_tree(const char *path, GError **error) UK_MUST_USE;

/* Makes a temporary file beside path (".<name>.<random>.tmp") and opens it for writing. As long as
 * the descriptor is open the file is locked, so that uk_io_sweep leaves it alone: rename it first,
 * then close. Returns the descriptor or -1; *temporary_out is the caller's. */
int
uk_io_temporary(const char *path, mode_t mode, char **temporary_out, GError **error) UK_MUST_USE;
/* Removes a temporary file that came to nothing, as well as that can be done; errno is kept. */
void uk_io_discard(const char *temporary);
/* Removes the temporary files in dir whose writers have died. */
bool uk_io_sweep(const char *dir, GError **error) UK_MUST_USE;

/* Replaces or makes a file so that others see the old or the new whole one: a temporary name
 * beside it, written, synced, renamed, the folder synced. */
bool uk_io_replace(const char *path, const void *data, gsize size, mode_t mode,
                   GError **error) UK_MUST_USE;
/* Reads a whole file of at most max bytes (else LIMIT). *data_out is NUL-terminated behind its
 * size and the caller's. A missing file is NOT_FOUND. */
bool uk_io_read(const char *path, gsize max, char **data_out, gsize *size_out,
                GError **error) UK_MUST_USE;

/* Closes *fd and sets it to -1; for __attribute__((cleanup)). */
void uk_io_close(int *fd);
#define UK_AUTOFD __attribute__((cleanup(uk_io_close))) int
