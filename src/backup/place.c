/* place.c - where parts live, and how they change places.
 *
 * Two renames a part, each of which may be the last thing before a crash: the place is empty only
 * between them, and a staged part whose place is empty goes there.
 */
#include "backup/place.h"

#include <string.h>

#include "base/io.h"

#define MAX_NOTE 65536

char *
backup_place(const char *root, const char *part)
{
        return strcmp(part, BACKUP_ETC) == 0 ? g_build_filename(root, "etc/upkeep", NULL)
                                             : g_build_filename(root, "var/lib/upkeep", part, NULL);
}

char *
backup_place_staged(const char *root, const char *part)
{
        g_autofree char *place = backup_place(root, part);

        return g_strconcat(place, ".restore", NULL);
}

char *
backup_place_kept(const char *root, const char *part, const char *stamp)
{
        g_autofree char *place = backup_place(root, part);

        return g_strconcat(place, ".before-restore-", stamp, NULL);
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

        return uk_io_replace(path, text, strlen(text), 0640, error);
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
exchange(const char *root, const char *part, const char *stamp, GError **error)
{
        UK_DOING(error, "putting the restored part \"%s\" in place", part);
        g_autofree char *place = backup_place(root, part);
        g_autofree char *staged = backup_place_staged(root, part);
        g_autofree char *kept = backup_place_kept(root, part, stamp);
        g_autofree char *folder = g_path_get_dirname(place);

        if (!g_file_test(staged, G_FILE_TEST_IS_DIR))
                return true;
        if (g_file_test(place, G_FILE_TEST_EXISTS) && !uk_io_rename(place, kept, error))
                return false;
        return uk_io_rename(staged, place, error) && uk_io_sync_dir(folder, error);
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
                if (!exchange(root, *part, note.stamp, error))
                        return false;
        }
        return uk_io_unlink(path, error) && uk_io_sync_dir(folder, error);
}
