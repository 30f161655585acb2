/* manifest.c - what a backup holds, as text.
 *
 * Comes in: pages that somebody may have edited, cut off or made up. Goes out: parts whose paths
 * stay in their folder. Lines of words; what may contain blanks is escaped as in a URI. The last
 * line counts the others, so that a page that was cut off is seen.
 */
#include "backup/manifest.h"

#include <string.h>

#include "base/clock.h"
#include "base/io.h"

#define FIRST_LINE "Upkeep backup 1"
#define MAX_PAGE   (256 * 1024 * 1024)
#define MAX_WORDS  8

static void
file_free(gpointer data)
{
        BackupFile *file = data;

        g_free(file->path);
        g_free(file->sha256);
        g_free(file);
}

static void
ref_free(gpointer data)
{
        BackupRef *ref = data;

        g_free(ref->name);
        g_free(ref->sha256);
        g_free(ref);
}

BackupPart *
backup_part_new(const char *name)
{
        BackupPart *part = g_new0(BackupPart, 1);

        part->name = g_strdup(name);
        part->version = g_strdup("");
        part->site_code = g_strdup("");
        part->database = g_strdup("");
        part->files = g_ptr_array_new_with_free_func(file_free);
        return part;
}

void
backup_part_free(BackupPart *part)
{
        if (part == NULL)
                return;
        g_free(part->name);
        g_free(part->version);
        g_free(part->site_code);
        g_free(part->database);
        g_ptr_array_unref(part->files);
        g_free(part);
}

BackupFile *
backup_part_add(BackupPart *part, const char *path, bool folder)
{
        BackupFile *file = g_new0(BackupFile, 1);

        file->path = g_strdup(path);
        file->sha256 = g_strdup("");
        file->folder = folder;
        g_ptr_array_add(part->files, file);
        return file;
}

BackupSet *
backup_set_new(const char *site_code, gint64 time_us)
{
        BackupSet *set = g_new0(BackupSet, 1);

        set->site_code = g_strdup(site_code);
        set->time_us = time_us;
        set->parts = g_ptr_array_new_with_free_func(ref_free);
        return set;
}

void
backup_set_free(BackupSet *set)
{
        if (set == NULL)
                return;
        g_free(set->site_code);
        g_ptr_array_unref(set->parts);
        g_free(set);
}

void
backup_set_add(BackupSet *set, const char *name, const char *sha256)
{
        BackupRef *ref = g_new0(BackupRef, 1);

        ref->name = g_strdup(name);
        ref->sha256 = g_strdup(sha256);
        g_ptr_array_add(set->parts, ref);
}

char *
backup_hash(const void *data, gsize size)
{
        return g_compute_checksum_for_data(G_CHECKSUM_SHA256, data, size);
}

/* ---- writing ---- */

static void
append_word(GString *out, const char *key, const char *value)
{
        g_autofree char *escaped = g_uri_escape_string(value, "/", TRUE);

        g_string_append_printf(out, "%s %s\n", key, *escaped != '\0' ? escaped : "-");
}

static void
append_time(GString *out, gint64 time_us)
{
        g_string_append_printf(out, "time %" G_GINT64_FORMAT "\n", time_us);
}

char *
backup_part_write(const BackupPart *part)
{
        GString *out = g_string_new(FIRST_LINE "\n");

        append_word(out, "part", part->name);
        append_word(out, "version", part->version);
        append_word(out, "site", part->site_code);
        append_time(out, part->time_us);
        append_word(out, "database", part->database);
        g_string_append_printf(out, "schema %" G_GINT64_FORMAT "\n", part->schema);
        for (guint i = 0; i < part->files->len; i++) {
                const BackupFile *file = part->files->pdata[i];
                g_autofree char *path = g_uri_escape_string(file->path, "/", TRUE);

                if (file->folder)
                        g_string_append_printf(out, "folder %o %s\n", file->mode, path);
                else
                        g_string_append_printf(
                                out, "file %o %" G_GINT64_FORMAT " %" G_GINT64_FORMAT " %s %s\n",
                                file->mode, file->size, file->mtime_us, file->sha256, path);
        }
        g_string_append_printf(out, "end %u\n", part->files->len);
        return g_string_free(out, FALSE);
}

char *
backup_set_write(const BackupSet *set)
{
        GString *out = g_string_new(FIRST_LINE "\n");

        append_word(out, "site", set->site_code);
        append_time(out, set->time_us);
        for (guint i = 0; i < set->parts->len; i++) {
                const BackupRef *ref = set->parts->pdata[i];

                g_string_append_printf(out, "holds %s %s\n", ref->sha256, ref->name);
        }
        g_string_append_printf(out, "end %u\n", set->parts->len);
        return g_string_free(out, FALSE);
}

/* ---- reading ---- */

static bool
number(const char *word, guint base, guint64 max, gint64 *out)
{
        guint64 value;

        if (!g_ascii_string_to_unsigned(word, base, 0, max, &value, NULL))
                return false;
        *out = (gint64)value;
        return true;
}

static bool
is_hash(const char *word)
{
        return strlen(word) == 64 && strspn(word, "0123456789abcdef") == 64;
}

/* A name of a part is a folder's name, and goes into paths. */
static bool
is_name(const char *word)
{
        return *word != '\0' && strlen(word) <= 16 &&
               strspn(word, "abcdefghijklmnopqrstuvwxyz") == strlen(word);
}

/* The path an escaped word means, or NULL if it does not stay below its folder. */
static char *
path_of(const char *word)
{
        g_autofree char *path = g_uri_unescape_string(word, NULL);

        if (path == NULL || *path == '\0')
                return NULL;
        g_auto(GStrv) parts = g_strsplit(path, "/", -1);

        for (char **part = parts; *part != NULL; part++) {
                if (**part == '\0' || strcmp(*part, ".") == 0 || strcmp(*part, "..") == 0)
                        return NULL;
        }
        return g_steal_pointer(&path);
}

static bool
take_text(char **field, const char *word)
{
        char *text = strcmp(word, "-") == 0 ? g_strdup("") : g_uri_unescape_string(word, NULL);

        if (text == NULL)
                return false;
        g_free(*field);
        *field = text;
        return true;
}

static bool
take_folder(BackupPart *part, char *const *words)
{
        g_autofree char *path = path_of(words[2]);
        gint64 mode;

        if (path == NULL || !number(words[1], 8, 0777, &mode))
                return false;
        backup_part_add(part, path, true)->mode = (guint)mode;
        return true;
}

static bool
take_file(BackupPart *part, char *const *words)
{
        g_autofree char *path = path_of(words[5]);
        gint64 mode, size, mtime;

        if (path == NULL || !number(words[1], 8, 0777, &mode) ||
            !number(words[2], 10, G_MAXINT64, &size) || !number(words[3], 10, G_MAXINT64, &mtime) ||
            !is_hash(words[4]))
                return false;
        BackupFile *file = backup_part_add(part, path, false);

        file->mode = (guint)mode;
        file->size = size;
        file->mtime_us = mtime;
        g_free(file->sha256);
        file->sha256 = g_strdup(words[4]);
        return true;
}

static bool
take_database(BackupPart *part, const char *word)
{
        g_autofree char *path = strcmp(word, "-") == 0 ? g_strdup("") : path_of(word);

        if (path == NULL)
                return false;
        g_free(part->database);
        part->database = g_steal_pointer(&path);
        return true;
}

static bool
take_part_line(gpointer user, char *const *words, guint count)
{
        BackupPart *part = user;

        if (count == 6 && strcmp(words[0], "file") == 0)
                return take_file(part, words);
        if (count == 3 && strcmp(words[0], "folder") == 0)
                return take_folder(part, words);
        if (count != 2)
                return false;
        if (strcmp(words[0], "part") == 0)
                return is_name(words[1]) && take_text(&part->name, words[1]);
        if (strcmp(words[0], "version") == 0)
                return take_text(&part->version, words[1]);
        if (strcmp(words[0], "site") == 0)
                return take_text(&part->site_code, words[1]);
        if (strcmp(words[0], "database") == 0)
                return take_database(part, words[1]);
        if (strcmp(words[0], "time") == 0)
                return number(words[1], 10, G_MAXINT64, &part->time_us);
        return strcmp(words[0], "schema") == 0 && number(words[1], 10, G_MAXINT32, &part->schema);
}

static bool
take_set_line(gpointer user, char *const *words, guint count)
{
        BackupSet *set = user;

        if (count == 3 && strcmp(words[0], "holds") == 0 && is_hash(words[1]) &&
            is_name(words[2])) {
                backup_set_add(set, words[2], words[1]);
                return true;
        }
        if (count != 2)
                return false;
        if (strcmp(words[0], "site") == 0)
                return take_text(&set->site_code, words[1]);
        return strcmp(words[0], "time") == 0 && number(words[1], 10, G_MAXINT64, &set->time_us);
}

typedef bool (*LineFn)(gpointer user, char *const *words, guint count);

/* Every line but the first and the last to take; the last says how many things there must be. */
static bool
read_page(const char *text, gsize size, LineFn take, gpointer user, const GPtrArray *things,
          GError **error)
{
        if (size > MAX_PAGE)
                return uk_fail(error, UK_ERROR_LIMIT, "the page has more than %d bytes", MAX_PAGE);
        g_autofree char *copy = g_strndup(text, size);
        char *rest = copy;
        guint line = 1;

        if (strlen(copy) != size || !g_str_has_prefix(copy, FIRST_LINE "\n"))
                return uk_fail(error, UK_ERROR_PARSE, "this is no page of a backup of Upkeep");
        for (strsep(&rest, "\n"); rest != NULL && *rest != '\0'; line++) {
                char *one = strsep(&rest, "\n");
                g_auto(GStrv) words = g_strsplit(one, " ", MAX_WORDS);
                guint count = g_strv_length(words);
                gint64 told;

                if (rest != NULL && *rest == '\0' && count == 2 && strcmp(words[0], "end") == 0 &&
                    number(words[1], 10, G_MAXUINT32, &told) && told == things->len)
                        return true;
                if (rest == NULL || !take(user, words, count))
                        return uk_fail(error, UK_ERROR_PARSE, "line %u cannot be read", line + 1);
        }
        return uk_fail(error, UK_ERROR_PARSE, "the page ends in the middle");
}

BackupPart *
backup_part_read(const char *text, gsize size, GError **error)
{
        g_autoptr(BackupPart) part = backup_part_new("");

        if (!read_page(text, size, take_part_line, part, part->files, error))
                return NULL;
        return g_steal_pointer(&part);
}

BackupSet *
backup_set_read(const char *text, gsize size, GError **error)
{
        g_autoptr(BackupSet) set = backup_set_new("", 0);

        if (!read_page(text, size, take_set_line, set, set->parts, error))
                return NULL;
        return g_steal_pointer(&set);
}

BackupSet *
backup_set_load(const char *dir, GError **error)
{
        g_autofree char *path = g_build_filename(dir, BACKUP_MANIFEST, NULL);
        g_autoptr(GError) why = NULL;
        g_autofree char *text = NULL;
        gsize size;

        if (!uk_io_read(path, MAX_PAGE, &text, &size, &why)) {
                if (g_error_matches(why, UK_ERROR, UK_ERROR_NOT_FOUND))
                        uk_fail(error, UK_ERROR_NOT_FOUND,
                                "%s is no whole backup: it has no file " BACKUP_MANIFEST
                                ", which is written last; choose another one",
                                dir);
                else
                        g_propagate_error(error, g_steal_pointer(&why));
                return NULL;
        }
        BackupSet *set = backup_set_read(text, size, error);

        if (set == NULL)
                g_prefix_error(error, "%s is damaged, choose another backup: ", path);
        return set;
}

BackupPart *
backup_part_load(const char *dir, const BackupSet *set, const char *name, GError **error)
{
        g_autofree char *file = g_strconcat(name, ".manifest", NULL);
        g_autofree char *path = g_build_filename(dir, file, NULL);
        g_autofree char *text = NULL;
        gsize size;
        const BackupRef *ref = NULL;

        for (guint i = 0; i < set->parts->len && ref == NULL; i++) {
                const BackupRef *one = set->parts->pdata[i];

                ref = strcmp(one->name, name) == 0 ? one : NULL;
        }
        if (ref == NULL) {
                uk_fail(error, UK_ERROR_NOT_FOUND, "the backup %s has no part \"%s\"", dir, name);
                return NULL;
        }
        if (!uk_io_read(path, MAX_PAGE, &text, &size, error))
                return NULL;
        g_autofree char *hash = backup_hash(text, size);

        if (strcmp(hash, ref->sha256) != 0) {
                uk_fail(error, UK_ERROR_SIGNATURE,
                        "%s is damaged (its hash is another); choose another backup", path);
                return NULL;
        }
        BackupPart *part = backup_part_read(text, size, error);

        if (part == NULL)
                g_prefix_error(error, "%s: ", path);
        return part;
}
