/* backup.c - the verbs `site backup` and `site restore`.
 *
 * Comes in: a folder. Goes out: a backup in it, or the state of it below the root. Opens no
 * database itself: each part is the business of its own program, started for it with --backup or
 * --stage; here they are put in order and counted, and the moments are written down after which
 * there is a backup, and after which there is a restore.
 */
#include "cli/backup.h"

#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/io.h"
#include "backup/manifest.h"
#include "backup/place.h"
#include "cli/output.h"
#include "lab/lab.h"
#include "lab/process.h"
#include "lab/program.h"
#include "wire/json.h"

#define MAX_PAGE  (256 * 1024 * 1024)
#define MAX_WORDS 65536
#define GROWING   ".upkeep-part" /* a folder of that name is ours, and no backup yet */
#define READY_US  (60 * UK_SECOND)
#define LOOK_US   (UK_SECOND / 10)
#define LOCK      "restore.lock"

/* The order in which parts are written. What a management point has promised is in its journal or,
 * later, in the site's inboxes; the site has not read changes of an update point that the latter
 * does not have in its copy; a client has not given a serial number twice. */
static const char *const order[] = { "mp", "site", "sup", "client", "provider" };

/* The root as a path that others can be joined to. */
static const char *
root_of(const Cli *cli)
{
        return *cli->root != '\0' ? cli->root : "/";
}

static bool
is_present(GPtrArray *programs, const char *role)
{
        for (guint i = 0; i < programs->len; i++) {
                const Program *program = programs->pdata[i];

                if (strcmp(program->role, role) == 0)
                        return true;
        }
        return false;
}

/* Runs upkeep-<role> for a piece of work; its last sentence is the error. */
static bool
run_program(const Cli *cli, const char *role, const char *option, GError **error)
{
        g_autofree char *program = lab_program(NULL, role, error);
        g_autofree char *root = g_strconcat("--root=", root_of(cli), NULL);
        g_autofree char *output = NULL;
        g_autofree char *words = NULL;
        const char *arguments[] = { program, root, option, NULL };
        gsize size;
        int status;

        if (program == NULL)
                return false;
        UK_AUTOFD fd = g_file_open_tmp("upkeep-XXXXXX", &output, error);

        if (fd < 0)
                return false;
        bool ran = process_run(program, arguments, output, &status, error);
        bool read = ran && uk_io_read(output, MAX_WORDS, &words, &size, error);

        if (!uk_io_unlink(output, NULL))
                cli_note((Cli *)cli, "%s is left over\n", output);
        if (!read)
                return false;
        if (status == 0)
                return true;
        return uk_fail(error, UK_ERROR_REMOTE, "%s",
                       *g_strstrip(words) != '\0' ? words : "it failed without a word");
}

/* ---- backup ---- */

static bool
is_empty(const char *path)
{
        g_autoptr(GDir) dir = g_dir_open(path, 0, NULL);

        return dir != NULL && g_dir_read_name(dir) == NULL;
}

/* The folder in which the backup grows: beside its place, so that it appears by a rename. */
static char *
begin_folder(const char *dir, GError **error)
{
        g_autofree char *part = g_strconcat(dir, GROWING, NULL);

        if (g_file_test(dir, G_FILE_TEST_EXISTS) && !is_empty(dir)) {
                uk_fail(error, UK_ERROR_EXISTS,
                        "%s has something in it; name a folder that is not there yet", dir);
                return NULL;
        }
        if (!uk_io_remove_tree(part, error) || !uk_io_mkdirs(part, 0700, error))
                return NULL;
        return g_steal_pointer(&part);
}

/* Adds a part to the whole by the page its program wrote. */
static bool
add_part(BackupSet *set, const char *dir, const char *name, gint64 *bytes, GError **error)
{
        g_autofree char *file = g_strconcat(name, ".manifest", NULL);
        g_autofree char *path = g_build_filename(dir, file, NULL);
        g_autofree char *text = NULL;
        gsize size;

        if (!uk_io_read(path, MAX_PAGE, &text, &size, error))
                return false;
        g_autoptr(BackupPart) part = backup_part_read(text, size, error);
        g_autofree char *hash = backup_hash(text, size);

        if (part == NULL)
                return false;
        for (guint i = 0; i < part->files->len; i++) {
                const BackupFile *one = part->files->pdata[i];

                *bytes += one->size;
        }
        if (strcmp(name, BACKUP_ETC) != 0 && *part->site_code != '\0') {
                g_free(set->site_code);
                set->site_code = g_strdup(part->site_code);
        }
        backup_set_add(set, name, hash);
        return true;
}

static bool
write_parts(Cli *cli, GPtrArray *programs, const char *part, BackupSet *set, gint64 *bytes,
            GError **error)
{
        g_autofree char *option = g_strconcat("--backup=", part, NULL);

        for (guint i = 0; i < G_N_ELEMENTS(order); i++) {
                if (!is_present(programs, order[i]))
                        continue;
                if (!run_program(cli, order[i], option, error) ||
                    !add_part(set, part, order[i], bytes, error))
                        return false;
                cli_note(cli, "upkeep-%s is backed up\n", order[i]);
        }
        return add_part(set, part, BACKUP_ETC, bytes, error);
}

/* The page of the whole, and then the name: before the rename there is no backup. */
static bool
finish_folder(const char *part, const char *dir, const BackupSet *set, GError **error)
{
        g_autofree char *page = g_build_filename(part, BACKUP_MANIFEST, NULL);
        g_autofree char *above = g_path_get_dirname(dir);
        g_autofree char *text = backup_set_write(set);

        return uk_io_replace(page, text, strlen(text), 0600, error) &&
               uk_io_sync_dir(part, error) && uk_io_rename(part, dir, error) &&
               uk_io_sync_dir(above, error);
}

static void
tell_backup(Cli *cli, const char *dir, const BackupSet *set, gint64 bytes)
{
        g_autofree char *size = output_size(bytes), *time = uk_clock_iso(set->time_us);
        g_autoptr(GString) out = g_string_new(NULL);
        JsonWriter w;

        if (!cli->json) {
                cli_print(cli, "%s is a backup of site %s as of %s, %s.\n", dir, set->site_code,
                          time, size);
                cli_note(cli,
                         "It holds private keys: keep it where nobody else reads it.\n"
                         "Next, when it is needed: upkeep site restore %s\n",
                         dir);
                return;
        }
        json_begin(&w, out);
        json_object(&w, NULL);
        json_text(&w, "backup", dir);
        json_text(&w, "site", set->site_code);
        json_text(&w, "time", time);
        json_int(&w, "bytes", bytes);
        json_array(&w, "parts");
        for (guint i = 0; i < set->parts->len; i++)
                json_text(&w, NULL, ((const BackupRef *)set->parts->pdata[i])->name);
        json_end(&w, ']');
        json_end(&w, '}');
        cli_print(cli, "%s\n", out->str);
}

/* A distribution point has no part: the site fills and configures it again. */
static bool
check_parts(const Cli *cli, GPtrArray *programs, GError **error)
{
        if (programs->len == 0)
                return uk_fail(
                        error, UK_ERROR_NOT_FOUND,
                        "there is nothing of Upkeep below \"%s/\"; --root names another root",
                        cli->root);
        for (guint i = 0; i < G_N_ELEMENTS(order); i++) {
                if (is_present(programs, order[i]))
                        return true;
        }
        return uk_fail(error, UK_ERROR_NOT_FOUND,
                       "there is a distribution point only below \"%s/\", which needs no backup: "
                       "the site server fills and configures it again",
                       cli->root);
}

bool
backup_make(Cli *cli, GError **error)
{
        g_autofree char *dir = g_canonicalize_filename(cli_word(cli, 0), NULL);
        g_autoptr(GPtrArray) programs = program_list(cli->root);

        if (!cli_follow_clock(cli, error) || !check_parts(cli, programs, error))
                return false;
        g_autofree char *part = begin_folder(dir, error);
        g_autoptr(BackupSet) set = backup_set_new("", uk_clock_now());
        gint64 bytes = 0;

        if (part == NULL)
                return false;
        if (!write_parts(cli, programs, part, set, &bytes, error) ||
            !finish_folder(part, dir, set, error)) {
                if (!uk_io_remove_tree(part, NULL))
                        cli_note(cli, "%s is left over and may be deleted\n", part);
                return false;
        }
        tell_backup(cli, dir, set, bytes);
        return true;
}

/* ---- restore ---- */

typedef struct {
        Cli *cli;
        const char *dir;
        BackupSet *set;
        GPtrArray *before; /* of Program: what ran before */
        BackupNote note;
} Restore;

static bool
take_lock(const Cli *cli, int *fd_out, GError **error)
{
        UK_AUTOFD fd = backup_open_lock(root_of(cli), LOCK, error);

        if (fd < 0)
                return false;
        if (flock(fd, LOCK_EX | LOCK_NB) != 0)
                return uk_fail(error, UK_ERROR_BUSY, "another restore is being made; wait for it");
        *fd_out = fd;
        fd = -1;
        return true;
}

/* The role whose program does what any of them could. */
static const char *
any_role(const Restore *restore)
{
        for (guint i = 0; i < restore->set->parts->len; i++) {
                const BackupRef *ref = restore->set->parts->pdata[i];

                if (strcmp(ref->name, BACKUP_ETC) != 0)
                        return ref->name;
        }
        return "site";
}

static bool
remove_staged(const Restore *restore, GError **error)
{
        for (guint i = 0; i < restore->set->parts->len; i++) {
                const BackupRef *ref = restore->set->parts->pdata[i];
                g_autofree char *staged = backup_place_staged(root_of(restore->cli), ref->name);

                if (!uk_io_remove_tree(staged, error))
                        return false;
        }
        return true;
}

static bool
check_places(const Restore *restore, GError **error)
{
        for (guint i = 0; i < restore->set->parts->len; i++) {
                const BackupRef *ref = restore->set->parts->pdata[i];

                if (!backup_place_check(root_of(restore->cli), ref->name, error))
                        return false;
        }
        return true;
}

/* Every part verified and laid ready, or none. */
static bool
stage(const Restore *restore, GError **error)
{
        g_autofree char *option = g_strconcat("--stage=", restore->dir, NULL);

        if (!check_places(restore, error) || !remove_staged(restore, error))
                return false;
        for (guint i = 0; i < restore->set->parts->len; i++) {
                const BackupRef *ref = restore->set->parts->pdata[i];

                if (strcmp(ref->name, BACKUP_ETC) == 0)
                        continue;
                if (!run_program(restore->cli, ref->name, option, error)) {
                        g_prefix_error(error, "nothing was changed: ");
                        if (!remove_staged(restore, NULL))
                                cli_note(restore->cli,
                                         "folders ending in .restore are left over\n");
                        return false;
                }
                cli_note(restore->cli, "the part of upkeep-%s is good\n", ref->name);
        }
        return true;
}

/* Whether something is kept already under that stamp. */
static bool
is_stamp_taken(const Restore *restore, const char *stamp)
{
        for (guint i = 0; i < restore->set->parts->len; i++) {
                const BackupRef *ref = restore->set->parts->pdata[i];
                g_autofree char *kept = backup_place_kept(root_of(restore->cli), ref->name, stamp);

                if (g_file_test(kept, G_FILE_TEST_EXISTS))
                        return true;
        }
        return false;
}

/* 2026-01-20T17:18:55.123Z as 20260120T171855Z, with a number where that is taken. */
static char *
choose_stamp(const Restore *restore)
{
        g_autofree char *iso = uk_clock_iso(uk_clock_now());
        g_autoptr(GString) base = g_string_new(NULL);

        for (const char *p = iso; *p != '\0' && *p != '.'; p++) {
                if (*p != '-' && *p != ':')
                        g_string_append_c(base, *p);
        }
        g_string_append_c(base, 'Z');
        g_autofree char *stamp = g_strdup(base->str);

        for (guint n = 2; is_stamp_taken(restore, stamp); n++) {
                g_free(stamp);
                stamp = g_strdup_printf("%sn%u", base->str, n);
        }
        return g_steal_pointer(&stamp);
}

static void
fill_note(Restore *restore)
{
        const GPtrArray *parts = restore->set->parts;

        restore->note.stamp = choose_stamp(restore);
        restore->note.parts = g_new0(char *, parts->len + 1);
        for (guint i = 0; i < parts->len; i++)
                restore->note.parts[i] = g_strdup(((const BackupRef *)parts->pdata[i])->name);
}

/* The first program that ran before and is not ready again, or NULL. A program keeps its process;
 * *hope_out is false when that is gone. */
static const char *
not_back(const Restore *restore, bool *hope_out)
{
        g_autoptr(GPtrArray) now = program_list(restore->cli->root);

        for (guint i = 0; i < restore->before->len; i++) {
                const Program *old = restore->before->pdata[i];
                bool back = old->state != PROGRAM_RUNNING;

                for (guint j = 0; j < now->len && !back; j++) {
                        const Program *program = now->pdata[j];

                        back = strcmp(program->role, old->role) == 0 &&
                               program->state == PROGRAM_RUNNING;
                }
                *hope_out = process_span(old->pid) >= 0;
                if (!back)
                        return old->role;
        }
        return NULL;
}

/* Programs come back by themselves; nobody but their ready files tells when. */
static void
wait_back(Restore *restore)
{
        gint64 deadline = uk_clock_mono() + READY_US;
        const char *missing;
        bool hope = true;

        while ((missing = not_back(restore, &hope)) != NULL && hope && uk_clock_mono() < deadline)
                uk_clock_sleep(LOOK_US, -1);
        if (missing == NULL)
                return;
        restore->cli->partly = true;
        cli_note(restore->cli,
                 hope ? "upkeep-%s is not ready yet; see: upkeep site status\n"
                      : "upkeep-%s ran before and does not now; see: upkeep site status\n",
                 missing);
}

static void
tell_restore(Cli *cli, const Restore *restore)
{
        g_autofree char *time = uk_clock_iso(restore->set->time_us);
        g_autofree char *kept = backup_place_kept(root_of(cli), "*", restore->note.stamp);
        g_autoptr(GString) out = g_string_new(NULL);
        JsonWriter w;

        if (!cli->json) {
                cli_print(cli, "Site %s is as it was at %s.\n", restore->set->site_code, time);
                cli_note(cli,
                         "What was there before is kept as %s.\n"
                         "Next: upkeep site status, upkeep sync start --wait\n",
                         kept);
                return;
        }
        json_begin(&w, out);
        json_object(&w, NULL);
        json_text(&w, "site", restore->set->site_code);
        json_text(&w, "time", time);
        json_text(&w, "kept", kept);
        json_array(&w, "parts");
        for (char **part = restore->note.parts; *part != NULL; part++)
                json_text(&w, NULL, *part);
        json_end(&w, ']');
        json_end(&w, '}');
        cli_print(cli, "%s\n", out->str);
}

/* After the note is written there is no way back, and none is needed: whoever comes next goes on.
 */
static bool
carry_out(Restore *restore, GError **error)
{
        fill_note(restore);
        if (!backup_note_write(root_of(restore->cli), &restore->note, error))
                return false;
        if (!run_program(restore->cli, any_role(restore), "--finish-restore", error)) {
                g_prefix_error(error, "the restore is not finished: ");
                return false;
        }
        wait_back(restore);
        tell_restore(restore->cli, restore);
        return true;
}

static bool
restore_from(Restore *restore, GError **error)
{
        Cli *cli = restore->cli;

        /* One that was cut short after its note is finished first. */
        if (backup_note_exists(root_of(cli)) &&
            !run_program(cli, any_role(restore), "--finish-restore", error))
                return false;
        if (!stage(restore, error))
                return false;
        if (!cli_flag(cli, "what-if"))
                return carry_out(restore, error);
        cli_print(cli,
                  cli->json ? "{\"good\":true}\n"
                            : "The backup is good and could be restored; nothing was changed.\n");
        return remove_staged(restore, error);
}

bool
backup_restore(Cli *cli, GError **error)
{
        g_autofree char *dir = g_canonicalize_filename(cli_word(cli, 0), NULL);
        g_autoptr(BackupSet) set = backup_set_load(dir, error);
        g_autoptr(GPtrArray) before = program_list(cli->root);
        Restore restore = { .cli = cli, .dir = dir, .set = set, .before = before };
        UK_AUTOFD lock = -1;

        if (set == NULL || !cli_follow_clock(cli, error) || !take_lock(cli, &lock, error))
                return false;
        bool done = restore_from(&restore, error);

        backup_note_clear(&restore.note);
        return done;
}
