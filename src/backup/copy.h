/* copy.h - files copied with their hash, whole and on disk or not at all.
 */
#pragma once

#include <sys/stat.h>

#include "backup/manifest.h"

/* Copies a regular file (never following a link) to `to`, whose folder exists, and syncs it; fills
 * size, mtime, mode and hash of file. NOT_FOUND when it is gone, as files of an inbox may be. */
bool backup_copy_in(const char *from, const char *to, BackupFile *file, GError **error) UK_MUST_USE;
/* Copies a file of a backup back, with its mode and time, and holds size and hash against those of
 * file: SIGNATURE when they are others. owner: whose the copy will be where this user may decide
 * that. */
bool backup_copy_out(const char *from, const char *to, const BackupFile *file,
                     const struct stat *owner, GError **error) UK_MUST_USE;
/* The hash of a file; the caller's. */
char *backup_hash_file(const char *path, GError **error) UK_MUST_USE;
