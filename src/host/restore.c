/* restore.c - a role's part of a backup, verified and staged.
 *
 * Comes in: a folder that may be damaged, half a backup, of another site or of a later version.
 * Goes out: a folder beside the role's own that is as good as that, or an error and no such folder.
 */
#include "host/restore.h"

#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/io.h"
#include "base/log.h"
#include "backup/copy.h"
#include "backup/place.h"
#include "host/backup.h"
#include "host/host_private.h"

#define PATIENCE_MS 10000

typedef struct {
        const HostRole *role;
        const char *from; /* the part's folder in the backup */
        char *staged;     /* where it goes */
        const BackupPart *part;
        struct stat owner; /* of what is there now, or of the folder above */
} Stage;

static int
newest_schema(const HostRole *role)
{
        int number = 0;

        for (gsize i = 0; i < role->migration_count; i++)
                number = MAX(number, role->migrations[i].number);
        return number;
}

static bool
copy_one(const Stage *stage, const BackupFile *file, GError **error)
{
        g_autofree char *from = g_build_filename(stage->from, file->path, NULL);
        g_autofree char *to = g_build_filename(stage->staged, file->path, NULL);

        if (!file->folder)
                return backup_copy_out(from, to, file, &stage->owner, error);
        if (!uk_io_mkdirs(to, file->mode, error))
                return false;
        return geteuid() != 0 || lchown(to, stage->owner.st_uid, stage->owner.st_gid) == 0 ||
               uk_fail(error, UK_ERROR_IO, "%s cannot be given to its owner", to);
}

/* Folders are synced at the end, so that each is once. */
static bool
copy_all(const Stage *stage, GError **error)
{
        const GPtrArray *files = stage->part->files;

        for (guint i = 0; i < files->len; i++) {
                if (!copy_one(stage, files->pdata[i], error))
                        return false;
        }
        for (guint i = 0; i < files->len; i++) {
                const BackupFile *file = files->pdata[i];
                g_autofree char *to = g_build_filename(stage->staged, file->path, NULL);

                if (file->folder && !uk_io_sync_dir(to, error))
                        return false;
        }
        return uk_io_sync_dir(stage->staged, error);
}

static bool
check_database(const Stage *stage, const char *name, GError **error)
{
        UK_DOING(error, "checking its database %s", name);
        g_autofree char *path = g_build_filename(stage->staged, name, NULL);
        g_autofree char *problems = NULL;
        g_autoptr(Db) db = db_open(path, false, PATIENCE_MS, error);
        int number = 0, known = newest_schema(stage->role);
        bool is_main = strcmp(name, stage->part->database) == 0;

        if (db == NULL || !db_check(db, &problems, error))
                return false;
        if (problems != NULL)
                return uk_fail(error, UK_ERROR_BROKEN,
                               "the database %s of the backup is damaged, choose another one: %s",
                               name, g_strchomp(problems));
        if (!is_main)
                return true;
        if (!db_schema_number(db, &number, error))
                return false;
        if (number > known)
                return uk_fail(error, UK_ERROR_SCHEMA,
                               "the database %s of the backup has schema %d, this program "
                               "(version " UPKEEP_VERSION
                               ") knows up to %d; install version %s or a later one",
                               name, number, known, stage->part->version);
        return db_migrate(db, stage->role->migrations, stage->role->migration_count, error) &&
               (stage->role->restored == NULL || stage->role->restored(db, error));
}

static bool
check_databases(const Stage *stage, GError **error)
{
        const GPtrArray *files = stage->part->files;

        for (guint i = 0; i < files->len; i++) {
                const BackupFile *file = files->pdata[i];

                if (!file->folder && strchr(file->path, '/') == NULL &&
                    g_str_has_suffix(file->path, ".db") &&
                    !check_database(stage, file->path, error))
                        return false;
        }
        return true;
}

/* A page that names another version is said before a file that this one would not understand. */
static bool
check_page(const Stage *stage, GError **error)
{
        if (stage->part->schema > newest_schema(stage->role))
                return uk_fail(error, UK_ERROR_SCHEMA,
                               "the backup is of version %s with schema %" G_GINT64_FORMAT
                               ", this program (version " UPKEEP_VERSION
                               ") knows up to %d; install version %s or a later one",
                               stage->part->version, stage->part->schema,
                               newest_schema(stage->role), stage->part->version);
        return true;
}

static bool
look_at_owner(const char *place, struct stat *owner_out, GError **error)
{
        g_autofree char *above = g_path_get_dirname(place);

        if (stat(place, owner_out) == 0)
                return true;
        return uk_io_mkdirs(above, 0755, error) &&
               (stat(above, owner_out) == 0 ||
                uk_fail(error, UK_ERROR_IO, "%s cannot be looked at", above));
}

static bool
fill(Stage *stage, bool state, GError **error)
{
        if (!uk_io_remove_tree(stage->staged, error) || !uk_io_mkdirs(stage->staged, 0750, error))
                return false;
        if (geteuid() == 0 && lchown(stage->staged, stage->owner.st_uid, stage->owner.st_gid) != 0)
                return uk_fail(error, UK_ERROR_IO, "%s cannot be given to its owner",
                               stage->staged);
        return copy_all(stage, error) && (!state || check_databases(stage, error));
}

static bool
stage_part(const HostRole *role, const char *root, const char *dir, const BackupSet *set,
           const char *name, GError **error)
{
        UK_DOING(error, "restoring \"%s\" from %s", name, dir);
        g_autoptr(BackupPart) part = backup_part_load(dir, set, name, error);
        g_autofree char *from = g_build_filename(dir, name, NULL);
        g_autofree char *place = backup_place(root, name);
        g_autofree char *staged = backup_place_staged(root, name);
        bool state = strcmp(name, BACKUP_ETC) != 0;
        Stage stage = { .role = role, .from = from, .staged = staged, .part = part };

        if (part == NULL || (state && !check_page(&stage, error)) ||
            !look_at_owner(place, &stage.owner, error))
                return false;
        if (fill(&stage, state, error))
                return true;
        if (!uk_io_remove_tree(staged, NULL))
                uk_warn("%s is left over from a restore that failed; it may be deleted.", staged);
        return false;
}

/* A machine whose database is gone takes any site's backup; one that has a site takes its own. */
static bool
check_site(const HostRole *role, const char *root, const char *dir, const BackupSet *set,
           GError **error)
{
        g_autofree char *code = backup_site_code(role, root);
        g_autofree char *database =
                role->database != NULL ? g_build_filename(root, role->database, NULL) : NULL;

        if (database == NULL || !g_file_test(database, G_FILE_TEST_EXISTS) ||
            strcmp(code, set->site_code) == 0)
                return true;
        return uk_fail(
                error, UK_ERROR_INVALID,
                "%s is a backup of site %s, and %s belongs to site %s; name another root, or "
                "move %s away to have it become that site",
                dir, set->site_code, database, code, database);
}

bool
restore_stage(const HostRole *role, const char *root, const char *dir, GError **error)
{
        g_autoptr(BackupSet) set = backup_set_load(dir, error);
        g_autofree char *etc = backup_place_staged(root, BACKUP_ETC);
        bool has_etc = false, has_role = false;

        if (set == NULL || !check_site(role, root, dir, set, error))
                return false;
        for (guint i = 0; i < set->parts->len; i++) {
                const BackupRef *ref = set->parts->pdata[i];

                has_etc |= strcmp(ref->name, BACKUP_ETC) == 0;
                has_role |= strcmp(ref->name, role->role) == 0;
        }
        return (!has_role || stage_part(role, root, dir, set, role->role, error)) &&
               (!has_etc || g_file_test(etc, G_FILE_TEST_IS_DIR) ||
                stage_part(role, root, dir, set, BACKUP_ETC, error));
}
