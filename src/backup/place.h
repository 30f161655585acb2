/* place.h - where below a root the parts of a backup live, and the note that a restore is under
 * way.
 *
 * A restore stages each part beside its place and then writes the note, var/lib/upkeep/
 * restore.pending: from then on no program opens anything before the parts have changed places with
 * what was there. Before the note nothing has happened; after it everything will.
 */
#pragma once

#include "base/error.h"

#define BACKUP_NOTE "restore.pending" /* in var/lib/upkeep */
#define BACKUP_LOCK "state.lock"      /* in run/upkeep: shared by all that have something open */
#define BACKUP_ETC  "etc"             /* the part with the settings */

/* The folder of a part: etc/upkeep, or var/lib/upkeep/<part>. The caller's. */
char *backup_place(const char *root, const char *part);
/* Where it is staged, and where what was there is kept, with the stamp of the restore: both in
 * var/lib/upkeep, since a unit's sandbox lets programs write there and in etc/upkeep, not in etc.
 */
char *backup_place_staged(const char *root, const char *part);
char *backup_place_kept(const char *root, const char *part, const char *stamp);
/* Whether what is restored can take the place of what is there, by renaming: CONFIG with what to do
 * where the folder is a link or has a file system of its own. The settings are copied. */
bool backup_place_check(const char *root, const char *part, GError **error) UK_MUST_USE;

/* The note: its stamp, and the parts that are staged. */
typedef struct {
        char *stamp;  /* "20260120T171855Z" */
        char **parts; /* NULL-terminated */
} BackupNote;

void backup_note_clear(BackupNote *note);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(BackupNote, backup_note_clear)
/* Writes the note, which is the moment from which on the restore takes place. */
bool backup_note_write(const char *root, const BackupNote *note, GError **error) UK_MUST_USE;
/* Whether there is a note. */
bool backup_note_exists(const char *root);
/* Lets the staged parts of the note change places with what is there, and removes the note; the
 * settings are copied, file by file, since their folder cannot be renamed. Goes on where an earlier
 * call was cut short. The caller alone has the lock. No note is success. */
bool backup_note_carry_out(const char *root, GError **error) UK_MUST_USE;

/* Opens (making it where missing) a lock file in run/upkeep, which whoever owns that folder may
 * open as well. -1 with error. */
int backup_open_lock(const char *root, const char *name, GError **error) UK_MUST_USE;
