/* manifest.h - what a backup holds, as text: a page for each part, and one for the whole.
 *
 *   DIR/MANIFEST        the whole: site, time, its parts with the hashes of their pages; written
 * last DIR/site.manifest   a part: its program's version, its schema, and each file with size and
 * hash DIR/site/…          the files of the part
 *
 * A folder without MANIFEST is no backup. Hashes find damage; they are no signature, so a backup is
 * kept where its keys are safe.
 */
#pragma once

#include "base/error.h"

#define BACKUP_MANIFEST "MANIFEST"

/* A file or folder of a part. */
typedef struct {
        char *path;   /* below the part's folder */
        char *sha256; /* lower-case hex; "" for a folder */
        guint mode;   /* permissions */
        bool folder;
        gint64 size;     /* bytes */
        gint64 mtime_us; /* an inbox is served by the order of times */
} BackupFile;

/* What one program keeps, or the settings ("etc"). */
typedef struct {
        char *name;      /* "site", "etc" */
        char *version;   /* of the program that wrote it */
        char *site_code; /* "LAB" */
        char *database;  /* the program's own database below the part's folder, or "" */
        gint64 schema;   /* its schema number, 0: none */
        gint64 time_us;
        GPtrArray *files; /* of BackupFile, folders before what is in them */
} BackupPart;

/* A part within the whole. */
typedef struct {
        char *name;
        char *sha256; /* of its page */
} BackupRef;

/* The whole. */
typedef struct {
        char *site_code;
        gint64 time_us;
        GPtrArray *parts; /* of BackupRef */
} BackupSet;

BackupPart *backup_part_new(const char *name);
void backup_part_free(BackupPart *part);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(BackupPart, backup_part_free)
/* Adds a file and gives it back to be filled in; it is the part's. */
BackupFile *backup_part_add(BackupPart *part, const char *path, bool folder);
BackupSet *backup_set_new(const char *site_code, gint64 time_us);
void backup_set_free(BackupSet *set);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(BackupSet, backup_set_free)
void backup_set_add(BackupSet *set, const char *name, const char *sha256);

/* The texts, which are the caller's, and back. PARSE names the line; a path that leaves its folder
 * and a name that is no part's are refused. */
char *backup_part_write(const BackupPart *part);
BackupPart *backup_part_read(const char *text, gsize size, GError **error) UK_MUST_USE;
char *backup_set_write(const BackupSet *set);
BackupSet *backup_set_read(const char *text, gsize size, GError **error) UK_MUST_USE;

/* SHA-256 in lower-case hex; the caller's. */
char *backup_hash(const void *data, gsize size);

/* Reads the whole's page of a backup folder; NOT_FOUND says that it is no (whole) backup. */
BackupSet *backup_set_load(const char *dir, GError **error) UK_MUST_USE;
/* Reads a part's page and holds it against the hash that the whole has of it; NOT_FOUND when the
 * backup has no such part. */
BackupPart *backup_part_load(const char *dir, const BackupSet *set, const char *name,
                             GError **error) UK_MUST_USE;
