/* place.c - where parts live, and how they change places.
 *
 * Two renames a part, each of which may be the last thing before a crash: the place is empty only
 * between them, and a staged part whose place is empty goes there. Settings are copied instead;
 * copying them again changes nothing.
 */
#include "backup/place.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/io.h"
#include "base/owner.h"

#define MAX_NOTE    65536
#define MAX_SETTING (16 * 1024 * 1024)

char *
backup_place(const char *root, const char *part)
{
        return strcmp(part, BACKUP_ETC) == 0 ? g_build_filename(root, "etc/upkeep", NULL)
                                             : g_build_filename(root, "var/lib/upkeep", part, NULL);
}

char *
backup_place_staged(const char *root, const char *part)
{
        return g_strdup_printf("%s/var/lib/upkeep/%s.restore", root, part);
}

char *
backup_place_kept(const char *root, const char *part, const char *stamp)
{
        return g_strdup_printf("%s/var/lib/upkeep/%s.before-restore-%s", root, part, stamp);
}

bool
backup_place_check(const char *root, const char *part, GError **error)
{
        g_autofree char *place = backup_place(root, part);
        struct statx st = { 0 };
        const char *what = NULL;

        if (strcmp(part, BACKUP_ETC) == 0)
                return true;
        if (statx(AT_FDCWD, place, AT_SYMLINK_NOFOLLOW, STATX_TYPE, &st) != 0)
                return errno == ENOENT || uk_fail_errno(error, errno, "looking at %s", place);
        if (S_ISLNK(st.stx_mode))
                what = "a symbolic link";
        else if (st.stx_attributes & STATX_ATTR_MOUNT_ROOT)
                what = "a file system of its own";
        return what == NULL ||
               uk_fail(error, UK_ERROR_CONFIG,
                       "%s is %s, which cannot change places with what is restored: stop the "
                       "programs, move what is in it to a folder of that name, or mount the file "
                       "system at the folder above it; then restore again",
                       place, what);
}

static char *
note_path(const char *root)
{
        return g_build_filename(root, "var/lib/upkeep", BACKUP_NOTE, NULL);
}

void
backup_note_clear(BackupNote *note)
{
        g_clear_pointer(&note->stamp, g_free);
        g_clear_pointer(&note->parts, g_strfreev);
}

bool
backup_note_write(const char *root, const BackupNote *note, GError **error)
{
        g_autofree char *path = note_path(root);
        g_autofree char *parts = g_strjoinv("\n", note->parts);
        g_autofree char *text = g_strdup_printf("%s\n%s\n", note->stamp, parts);

        /* Whoever wrote it, every program must be able to read it. */
        return uk_io_replace(path, text, strlen(text), 0644, error);
}

bool
backup_note_exists(const char *root)
{
        g_autofree char *path = note_path(root);

        return g_file_test(path, G_FILE_TEST_EXISTS);
}

/* The note was written by us in one piece; what is in it goes into paths all the same. */
static bool
is_word(const char *text)
{
        return *text != '\0' &&
               strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789TZ") == strlen(text);
}

static bool
read_note(const char *path, BackupNote *note, GError **error)
{
        g_autofree char *text = NULL;
        gsize size;

        if (!uk_io_read(path, MAX_NOTE, &text, &size, error))
                return false;
        g_auto(GStrv) lines = g_strsplit(g_strchomp(text), "\n", -1);

        for (char **line = lines; *line != NULL; line++) {
                if (!is_word(*line))
                        return uk_fail(error, UK_ERROR_CONFIG,
                                       "%s cannot be read; restore again, or remove it to go on "
                                       "with what is there",
                                       path);
        }
        if (lines[0] == NULL)
                return uk_fail(error, UK_ERROR_CONFIG, "%s is empty", path);
        note->stamp = g_strdup(lines[0]);
        note->parts = g_strdupv(lines + 1);
        return true;
}

static bool
exchange(const char *place, const char *staged, const char *kept, GError **error)
{
        g_autofree char *folder = g_path_get_dirname(place);

        if (g_file_test(place, G_FILE_TEST_EXISTS) && !uk_io_rename(place, kept, error))
                return false;
        return uk_io_rename(staged, place, error) && uk_io_sync_dir(folder, error);
}

/* ---- settings ---- */

/* What root copies belongs to whom it belonged, or to the owner of its folder. */
static bool
copy_setting(const char *from, const char *to, GError **error)
{
        g_autofree char *folder = g_path_get_dirname(to);
        g_autofree char *text = NULL;
        struct stat source, owner;
        gsize size;

        if (stat(from, &source) != 0 || (stat(to, &owner) != 0 && stat(folder, &owner) != 0))
                return uk_fail_errno(error, errno, "looking at %s", from);
        if (!uk_io_read(from, MAX_SETTING, &text, &size, error) ||
            !uk_io_replace(to, text, size, source.st_mode & 0777, error))
                return false;
        return geteuid() != 0 || lchown(to, owner.st_uid, owner.st_gid) == 0 ||
               uk_fail_errno(error, errno, "giving %s to its owner", to);
}

typedef bool (*EntryFn)(const char *one, const char *other, GError **error);

/* Calls fn for each name in the folder one, with its path there and in the folder other. */
static bool
each(const char *one, const char *other, EntryFn fn, GError **error)
{
        g_autoptr(GDir) dir = g_dir_open(one, 0, error);
        const char *name;

        while (dir != NULL && (name = g_dir_read_name(dir)) != NULL) {
                g_autofree char *here = g_build_filename(one, name, NULL);
                g_autofree char *there = g_build_filename(other, name, NULL);

                if (!fn(here, there, error))
                        return false;
        }
        return dir != NULL;
}

static bool
copy_entry(const char *from, const char *to, GError **error)
{
        if (g_file_test(from, G_FILE_TEST_IS_DIR))
                return uk_io_mkdirs(to, 0750, error) && each(from, to, copy_entry, error);
        return !g_file_test(from, G_FILE_TEST_IS_REGULAR) || copy_setting(from, to, error);
}

/* Removes what the backup has not. */
static bool
prune_entry(const char *here, const char *there, GError **error)
{
        if (!g_file_test(there, G_FILE_TEST_EXISTS))
                return uk_io_remove_tree(here, error);
        return !g_file_test(here, G_FILE_TEST_IS_DIR) || each(here, there, prune_entry, error);
}

/* Kept whole before anything is changed; then each file appears by a rename of its own. */
static bool
exchange_settings(const char *place, const char *staged, const char *kept, GError **error)
{
        g_autofree char *part = g_strconcat(kept, ".part", NULL);
        g_autofree char *folder = g_path_get_dirname(kept);

        if (!uk_io_mkdirs(place, 0770, error))
                return false;
        if (!g_file_test(kept, G_FILE_TEST_EXISTS) &&
            (!uk_io_remove_tree(part, error) || !copy_entry(place, part, error) ||
             !uk_io_rename(part, kept, error)))
                return false;
        return copy_entry(staged, place, error) && each(place, staged, prune_entry, error) &&
               uk_io_sync_dir(place, error) && uk_io_sync_dir(folder, error);
}

/* One part. Staged settings get another name when they are in place, so that what is left of them
 * by a crash is not taken for all that should be there. */
static bool
carry_out_part(const char *root, const char *part, const char *stamp, GError **error)
{
        UK_DOING(error, "putting the restored part \"%s\" in place", part);
        g_autofree char *place = backup_place(root, part);
        g_autofree char *staged = backup_place_staged(root, part);
        g_autofree char *kept = backup_place_kept(root, part, stamp);
        g_autofree char *done = g_strconcat(staged, ".done", NULL);

        if (g_file_test(staged, G_FILE_TEST_IS_DIR)) {
                if (strcmp(part, BACKUP_ETC) != 0)
                        return exchange(place, staged, kept, error);
                if (!exchange_settings(place, staged, kept, error) ||
                    !uk_io_rename(staged, done, error))
                        return false;
        }
        return uk_io_remove_tree(done, error);
}

bool
backup_note_carry_out(const char *root, GError **error)
{
        g_autofree char *path = note_path(root);
        g_autofree char *folder = g_path_get_dirname(path);
        g_auto(BackupNote) note = { 0 };

        if (!backup_note_exists(root))
                return true;
        if (!read_note(path, &note, error))
                return false;
        for (char **part = note.parts; *part != NULL; part++) {
                if (!carry_out_part(root, *part, note.stamp, error))
                        return false;
        }
        return uk_io_unlink(path, error) && uk_io_sync_dir(folder, error);
}

int
backup_open_lock(const char *root, const char *name, GError **error)
{
        g_autofree char *dir = g_build_filename(root, "run/upkeep", NULL);
        g_autofree char *path = g_build_filename(dir, name, NULL);

        if (!uk_io_mkdirs(dir, 0755, error))
                return -1;
        int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0660);

        if (fd < 0) {
                uk_fail_errno(error, errno, "opening %s", path);
                return -1;
        }
        /* Nothing is done to a file that is not the lock alone. */
        if (!uk_owner_of_folder(fd, path, error)) {
                uk_io_close(&fd);
                return -1;
        }
        /* Root or an administrator may come first, with any umask; the programs must be able to
         * take it later. */
        (void)fchmod(fd, 0660);
        return fd;
}
