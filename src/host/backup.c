/* backup.c - a role's part of a backup.
 *
 * Comes in: a folder that others read and write meanwhile. Goes out: a copy from which the role can
 * go on: databases by the engine's own copy, files as they are, and the inboxes of the very moment
 * of which the database is, so that each piece of work is in the one or in the other. Files that
 * vanish while they are copied have been dealt with.
 */
#include "host/backup.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/io.h"
#include "base/log.h"
#include "backup/copy.h"
#include "backup/place.h"
#include "host/host_private.h"
#include "host/state_lock.h"

#define INBOXES     "inboxes"
#define LINKS       ".backup-inboxes" /* the inboxes of one moment, on the same volume */
#define PATIENCE_MS 60000             /* for a transaction that another process has open */
#define OLD_SCHEMA  ".schema-"        /* copies that db_migrate kept */

typedef struct {
        const HostRole *role;
        const char *place; /* the folder that is copied */
        const char *to;    /* where it is copied to */
        BackupPart *part;
        bool state; /* the folder of the role, not that of the settings */
} Work;

/* What an engine keeps beside a database, what writers have not finished, copies of earlier
 * schemas, and what the role says it can make again. */
static bool
is_left_out(const Work *work, const char *name, bool top)
{
        static const char *const endings[] = {
                "-wal", "-shm", "-journal", ".bell", ".tmp", ".part"
        };

        for (guint i = 0; i < G_N_ELEMENTS(endings); i++) {
                if (g_str_has_suffix(name, endings[i]))
                        return true;
        }
        if (strstr(name, OLD_SCHEMA) != NULL || strcmp(name, LINKS) == 0)
                return true;
        return top && work->state && work->role->remade != NULL &&
               g_strv_contains(work->role->remade, name);
}

static bool
is_database(const Work *work, const char *name, bool top)
{
        return top && work->state && g_str_has_suffix(name, ".db");
}

static int
compare_names(gconstpointer a, gconstpointer b)
{
        return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static GPtrArray *
names_in(const char *path, GError **error)
{
        g_autoptr(GDir) dir = g_dir_open(path, 0, error);

        if (dir == NULL)
                return NULL;
        GPtrArray *names = g_ptr_array_new_with_free_func(g_free);

        for (const char *name; (name = g_dir_read_name(dir)) != NULL;)
                g_ptr_array_add(names, g_strdup(name));
        g_ptr_array_sort(names, compare_names);
        return names;
}

static bool copy_tree(Work *work, const char *from, const char *path, GError **error);

/* A file that is gone by now was handled, and what came of it is copied after it. */
static bool
copy_file(Work *work, const char *from, const char *path, GError **error)
{
        g_autofree char *to = g_build_filename(work->to, path, NULL);
        BackupFile *file = backup_part_add(work->part, path, false);
        g_autoptr(GError) why = NULL;

        if (backup_copy_in(from, to, file, &why))
                return true;
        if (!g_error_matches(why, UK_ERROR, UK_ERROR_NOT_FOUND)) {
                g_propagate_error(error, g_steal_pointer(&why));
                return false;
        }
        g_ptr_array_set_size(work->part->files, (int)work->part->files->len - 1);
        return true;
}

static bool
copy_entry(Work *work, const char *from, const char *path, GError **error)
{
        struct stat st;

        if (lstat(from, &st) != 0)
                return errno == ENOENT || uk_fail_errno(error, errno, "looking at %s", from);
        if (S_ISDIR(st.st_mode))
                return copy_tree(work, from, path, error);
        return !S_ISREG(st.st_mode) || copy_file(work, from, path, error);
}

/* Copies the folder `from` to path below the part ("" for itself). */
static bool
copy_tree(Work *work, const char *from, const char *path, GError **error)
{
        g_autofree char *to = g_build_filename(work->to, path, NULL);
        g_autoptr(GError) why = NULL;
        g_autoptr(GPtrArray) names = names_in(from, &why);
        bool top = *path == '\0';
        struct stat st;

        if (names == NULL || stat(from, &st) != 0)
                return g_error_matches(why, G_FILE_ERROR, G_FILE_ERROR_NOENT) ||
                       uk_fail(error, UK_ERROR_IO, "reading %s: %s", from,
                               why != NULL ? why->message : "it is gone");
        if (!uk_io_mkdirs(to, 0700, error))
                return false;
        if (!top)
                backup_part_add(work->part, path, true)->mode = st.st_mode & 0777;
        for (guint i = 0; i < names->len; i++) {
                const char *name = names->pdata[i];
                g_autofree char *full = g_build_filename(from, name, NULL);
                g_autofree char *below = top ? g_strdup(name) : g_build_filename(path, name, NULL);

                if (is_left_out(work, name, top) || is_database(work, name, top) ||
                    (top && work->state && strcmp(name, INBOXES) == 0))
                        continue;
                if (!copy_entry(work, full, below, error))
                        return false;
        }
        return uk_io_sync_dir(to, error);
}

/* ---- the inboxes of one moment ---- */

/* Links every file of the folder `from` into `to`: a link costs no time and keeps what it names,
 * also when the file is handled and removed meanwhile. */
static bool
link_tree(const char *from, const char *to, GError **error)
{
        g_autoptr(GPtrArray) names = names_in(from, error);

        if (names == NULL || !uk_io_mkdirs(to, 0770, error))
                return false;
        for (guint i = 0; i < names->len; i++) {
                g_autofree char *source = g_build_filename(from, names->pdata[i], NULL);
                g_autofree char *target = g_build_filename(to, names->pdata[i], NULL);
                g_autoptr(GError) why = NULL;
                struct stat st;

                if (*(const char *)names->pdata[i] == '.')
                        continue;
                if (lstat(source, &st) != 0) {
                        if (errno == ENOENT)
                                continue;
                        return uk_fail_errno(error, errno, "looking at %s", source);
                }
                if (S_ISDIR(st.st_mode)) {
                        if (!link_tree(source, target, error))
                                return false;
                } else if (S_ISREG(st.st_mode) && !uk_io_link(source, target, &why) &&
                           g_file_test(source, G_FILE_TEST_EXISTS)) {
                        g_propagate_error(error, g_steal_pointer(&why));
                        return false;
                }
        }
        return true;
}

static bool
link_inboxes(gpointer user, GError **error)
{
        const Work *work = user;
        g_autofree char *inboxes = g_build_filename(work->place, INBOXES, NULL);
        g_autofree char *links = g_build_filename(work->place, LINKS, NULL);

        return !g_file_test(inboxes, G_FILE_TEST_IS_DIR) || link_tree(inboxes, links, error);
}

static bool
copy_links(Work *work, GError **error)
{
        g_autofree char *links = g_build_filename(work->place, LINKS, NULL);

        return !g_file_test(links, G_FILE_TEST_IS_DIR) ||
               (copy_tree(work, links, INBOXES, error) && uk_io_remove_tree(links, error));
}

/* ---- databases ---- */

static bool
is_main_database(const Work *work, const char *name)
{
        g_autofree char *base = work->role->database != NULL && work->role->migrates
                                        ? g_path_get_basename(work->role->database)
                                        : NULL;

        return g_strcmp0(base, name) == 0;
}

/* The role's own database is copied together with the inboxes, any other by itself. */
static bool
copy_database(Work *work, const char *name, GError **error)
{
        g_autofree char *from = g_build_filename(work->place, name, NULL);
        g_autofree char *to = g_build_filename(work->to, name, NULL);
        g_autofree char *inboxes = g_build_filename(work->place, INBOXES, NULL);
        g_autoptr(Db) db = db_open(from, false, PATIENCE_MS, error);
        bool is_main = is_main_database(work, name);
        int number = 0;

        if (db == NULL)
                return false;
        if (is_main && g_file_test(inboxes, G_FILE_TEST_IS_DIR)
                    ? !db_backup_with(db, link_inboxes, work, to, error)
                    : !db_backup(db, to, error))
                return false;
        if (is_main && !db_schema_number(db, &number, error))
                return false;
        if (is_main) {
                work->part->schema = number;
                g_free(work->part->database);
                work->part->database = g_strdup(name);
        }
        BackupFile *file = backup_part_add(work->part, name, false);
        struct stat st;

        g_free(file->sha256);
        file->sha256 = backup_hash_file(to, error);
        if (file->sha256 == NULL || stat(to, &st) != 0)
                return false;
        file->size = st.st_size;
        file->mode = 0640;
        file->mtime_us = (gint64)st.st_mtim.tv_sec * G_USEC_PER_SEC;
        return true;
}

static bool
copy_databases(Work *work, GError **error)
{
        g_autoptr(GPtrArray) names = names_in(work->place, error);

        if (names == NULL)
                return false;
        for (guint i = 0; i < names->len; i++) {
                if (is_database(work, names->pdata[i], true) &&
                    !copy_database(work, names->pdata[i], error))
                        return false;
        }
        return true;
}

/* Files first (the journal of a management point is emptied into inboxes, which come later), then
 * the database with the inboxes; a role without a database of its own may have inboxes all the
 * same. */
static bool
copy_state(Work *work, GError **error)
{
        g_autofree char *links = g_build_filename(work->place, LINKS, NULL);

        if (!uk_io_remove_tree(links, error) || !copy_tree(work, work->place, "", error) ||
            !copy_databases(work, error))
                return false;
        if (*work->part->database == '\0' && !link_inboxes(work, error))
                return false;
        return copy_links(work, error) && uk_io_sync_dir(work->to, error);
}

/* ---- the part ---- */

char *
backup_site_code(const HostRole *role, const char *root)
{
        const SettingDef *tables[] = { role->settings, NULL };
        g_autofree char *etc = g_build_filename(root, "etc/upkeep", NULL);
        g_autoptr(GError) why = NULL;
        Settings *settings = settings_load(etc, role->role, tables, &why);

        if (settings == NULL) {
                uk_warn("The settings cannot be read: %s", why->message);
                return g_strdup("");
        }
        char *code = settings_text(settings, "site.code");

        settings_free(settings);
        return code;
}

static bool
write_page(const char *dir, const BackupPart *part, GError **error)
{
        g_autofree char *name = g_strconcat(part->name, ".manifest", NULL);
        g_autofree char *path = g_build_filename(dir, name, NULL);
        g_autofree char *text = backup_part_write(part);

        return uk_io_replace(path, text, strlen(text), 0600, error);
}

static bool
make_part(const HostRole *role, const char *root, const char *dir, const char *name, GError **error)
{
        UK_DOING(error, "backing up \"%s\"", name);
        g_autofree char *place = backup_place(root, name);
        g_autofree char *to = g_build_filename(dir, name, NULL);
        g_autoptr(BackupPart) part = backup_part_new(name);
        bool state = strcmp(name, BACKUP_ETC) != 0;
        Work work = { role, place, to, part, state };

        g_free(part->version);
        part->version = g_strdup(UPKEEP_VERSION);
        g_free(part->site_code);
        part->site_code = backup_site_code(role, root);
        part->time_us = uk_clock_now();
        if (!uk_io_mkdirs(to, 0700, error))
                return false;
        return (state ? copy_state(&work, error) : copy_tree(&work, place, "", error)) &&
               write_page(dir, part, error);
}

bool
backup_make(const HostRole *role, const char *root, const char *dir, GError **error)
{
        g_autofree char *etc = g_build_filename(dir, BACKUP_ETC ".manifest", NULL);
        UK_AUTOFD state = state_lock_try(root, error);
        UK_AUTOFD alone = state >= 0 ? state_lock_backup(root, role->role, error) : -1;

        if (alone < 0)
                return false;
        return make_part(role, root, dir, role->role, error) &&
               (g_file_test(etc, G_FILE_TEST_EXISTS) ||
                make_part(role, root, dir, BACKUP_ETC, error));
}
