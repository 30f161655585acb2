/* Tests of src/backup/place.c: folders change places, and go on where that was cut short. */
#include "backup/place.h"

#include <glib/gstdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/io.h"

typedef struct {
        char *root;
        BackupNote note;
} Fixture;

static void
put(const char *folder, const char *text)
{
        g_autofree char *path = g_build_filename(folder, "mark", NULL);

        g_assert_true(uk_io_mkdirs(folder, 0750, NULL));
        g_assert_true(uk_io_replace(path, text, strlen(text), 0640, NULL));
}

static void
expect(char *folder_take, const char *text)
{
        g_autofree char *path = g_build_filename(folder_take, "mark", NULL);
        g_autofree char *found = NULL;

        g_file_get_contents(path, &found, NULL, NULL);
        g_assert_cmpstr(found, ==, text);
        g_free(folder_take);
}

static void
set_up(Fixture *f, gconstpointer unused)
{
        static const char *const parts[] = { "site", "etc", NULL };

        f->root = g_dir_make_tmp("upkeep-place-XXXXXX", NULL);
        f->note.stamp = g_strdup("20260120T171855Z");
        f->note.parts = g_strdupv((char **)parts);
        for (const char *const *part = parts; *part != NULL; part++) {
                g_autofree char *place = backup_place(f->root, *part);
                g_autofree char *staged = backup_place_staged(f->root, *part);

                put(place, "new");
                put(staged, "old");
        }
}

static void
tear_down(Fixture *f, gconstpointer unused)
{
        g_assert_true(uk_io_remove_tree(f->root, NULL));
        g_free(f->root);
        backup_note_clear(&f->note);
}

static void
expect_restored(Fixture *f)
{
        g_autoptr(GError) error = NULL;

        g_assert_true(backup_note_carry_out(f->root, &error));
        g_assert_no_error(error);
        expect(backup_place(f->root, "site"), "old");
        expect(backup_place(f->root, "etc"), "old");
        expect(backup_place_kept(f->root, "site", f->note.stamp), "new");
        expect(backup_place_kept(f->root, "etc", f->note.stamp), "new");
        g_assert_false(backup_note_exists(f->root));
}

static void
whole(Fixture *f, gconstpointer unused)
{
        g_autoptr(GError) error = NULL;

        g_assert_true(backup_note_carry_out(f->root, &error));
        expect(backup_place(f->root, "site"), "new"); /* without a note nothing happens */
        g_assert_true(backup_note_write(f->root, &f->note, &error));
        expect_restored(f);
        expect_restored(f); /* a second time there is nothing to do */
}

static void
cut_short(Fixture *f, gconstpointer unused)
{
        g_autofree char *place = backup_place(f->root, "site");
        g_autofree char *kept = backup_place_kept(f->root, "site", f->note.stamp);
        g_autoptr(GError) error = NULL;

        g_assert_true(backup_note_write(f->root, &f->note, &error));
        g_assert_cmpint(g_rename(place, kept), ==, 0);
        expect_restored(f);
}

static void
nothing_there(Fixture *f, gconstpointer unused)
{
        g_autofree char *place = backup_place(f->root, "site");
        g_autoptr(GError) error = NULL;

        g_assert_true(uk_io_remove_tree(place, &error));
        g_assert_true(backup_note_write(f->root, &f->note, &error));
        g_assert_true(backup_note_carry_out(f->root, &error));
        expect(backup_place(f->root, "site"), "old");
}

/* Settings are exchanged in their folder: it stays, others go, and what is left of the staged ones
 * by a crash is not taken for all of them. */
static void
settings(Fixture *f, gconstpointer unused)
{
        g_autofree char *place = backup_place(f->root, "etc");
        g_autofree char *staged = backup_place_staged(f->root, "etc");
        g_autofree char *done = g_strconcat(staged, ".done", NULL);
        g_autofree char *extra = g_build_filename(place, "extra", NULL);
        g_autofree char *deep = g_build_filename(staged, "site.d", NULL);
        struct stat before, after;

        put(extra, "new");
        put(deep, "old");
        g_assert_cmpint(stat(place, &before), ==, 0);
        g_assert_true(backup_note_write(f->root, &f->note, NULL));
        expect_restored(f);
        g_assert_cmpint(stat(place, &after), ==, 0);
        g_assert_cmpuint(before.st_ino, ==, after.st_ino);
        g_assert_false(g_file_test(extra, G_FILE_TEST_EXISTS));
        expect(g_build_filename(place, "site.d", NULL), "old");
        expect(g_build_filename(f->root, "var/lib/upkeep/etc.before-restore-20260120T171855Z/extra",
                                NULL),
               "new");
        put(done, "left over");
        g_assert_true(backup_note_write(f->root, &f->note, NULL));
        expect_restored(f);
        g_assert_false(g_file_test(done, G_FILE_TEST_EXISTS));
}

static void
bad_note(Fixture *f, gconstpointer unused)
{
        g_autofree char *path = g_build_filename(f->root, "var/lib/upkeep", BACKUP_NOTE, NULL);
        static const char *const notes[] = { "x\n../../etc\n", "\n", "a/b\nsite\n" };

        for (guint i = 0; i < G_N_ELEMENTS(notes); i++) {
                g_autoptr(GError) error = NULL;

                g_assert_true(uk_io_replace(path, notes[i], strlen(notes[i]), 0640, NULL));
                g_assert_false(backup_note_carry_out(f->root, &error));
                g_assert_error(error, UK_ERROR, UK_ERROR_CONFIG);
                expect(backup_place(f->root, "site"), "new");
        }
}

/* Anybody of the group may put names into the folder of the locks; root comes by. */
static void
lock_is_no_link(Fixture *f, gconstpointer unused)
{
        g_autofree char *folder = g_build_filename(f->root, "run/upkeep", NULL);
        g_autofree char *lock = g_build_filename(folder, "state.lock", NULL);
        g_autofree char *other = g_build_filename(f->root, "other", NULL);
        UK_AUTOFD good = backup_open_lock(f->root, "site.lock", NULL);
        g_autoptr(GError) error = NULL;
        struct stat st;

        g_assert_cmpint(good, >=, 0);
        g_assert_cmpint(fstat(good, &st), ==, 0);
        g_assert_cmpuint(st.st_mode & 0777, ==, 0660); /* under any umask */
        g_assert_true(uk_io_replace(other, "x", 1, 0600, NULL));
        g_assert_cmpint(symlink(other, lock), ==, 0);
        g_assert_cmpint(backup_open_lock(f->root, "state.lock", &error), ==, -1);
        g_assert_nonnull(strstr(error->message, lock));
        g_assert_cmpint(stat(other, &st), ==, 0);
        g_assert_cmpuint(st.st_mode & 0777, ==, 0600);

        /* A second name is found where the program is not the folder's owner. */
        g_clear_error(&error);
        g_assert_cmpint(unlink(lock), ==, 0);
        g_assert_cmpint(link(other, lock), ==, 0);
        if (getuid() != 0 || chown(folder, 65534, 65534) != 0)
                return;
        g_assert_cmpint(backup_open_lock(f->root, "state.lock", &error), ==, -1);
        g_assert_nonnull(strstr(error->message, lock));
        g_assert_cmpint(stat(other, &st), ==, 0);
        g_assert_cmpuint(st.st_mode & 0777, ==, 0600);
}

/* Found out before anything is changed: a rename would fail when all programs have ended for it. */
static void
place_that_cannot_change(Fixture *f, gconstpointer unused)
{
        g_autoptr(GError) error = NULL;
        g_autofree char *place = backup_place(f->root, "site");
        g_autofree char *away = g_strconcat(place, ".away", NULL);

        g_assert_true(backup_place_check(f->root, "site", &error));
        g_assert_true(backup_place_check(f->root, "sup", &error)); /* nothing is there */
        g_assert_cmpint(g_rename(place, away), ==, 0);
        g_assert_cmpint(symlink(away, place), ==, 0);
        g_assert_false(backup_place_check(f->root, "site", &error));
        g_assert_error(error, UK_ERROR, UK_ERROR_CONFIG);
        g_assert_nonnull(strstr(error->message, "is a symbolic link"));
}

static void
place_of_its_own(Fixture *f, gconstpointer unused)
{
        g_autoptr(GError) error = NULL;
        g_autofree char *place = backup_place(f->root, "site");

        if (mount("upkeep", place, "tmpfs", 0, "size=64k") != 0) {
                g_test_skip("nothing may be mounted here");
                return;
        }
        bool good = backup_place_check(f->root, "site", &error);
        g_assert_cmpint(umount(place), ==, 0);
        g_assert_false(good);
        g_assert_nonnull(strstr(error->message, "is a file system of its own"));
}

int
main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        g_test_add("/backup/place/whole", Fixture, NULL, set_up, whole, tear_down);
        g_test_add("/backup/place/cut-short-between-two-renames", Fixture, NULL, set_up, cut_short,
                   tear_down);
        g_test_add("/backup/place/nothing-was-there", Fixture, NULL, set_up, nothing_there,
                   tear_down);
        g_test_add("/backup/place/settings-are-exchanged-in-their-folder", Fixture, NULL, set_up,
                   settings, tear_down);
        g_test_add("/backup/place/lock-is-no-link", Fixture, NULL, set_up, lock_is_no_link,
                   tear_down);
        g_test_add("/backup/place/a-bad-note-moves-nothing", Fixture, NULL, set_up, bad_note,
                   tear_down);
        g_test_add("/backup/place/a-link-cannot-change-places", Fixture, NULL, set_up,
                   place_that_cannot_change, tear_down);
        g_test_add("/backup/place/a-file-system-of-its-own-cannot-change-places", Fixture, NULL,
                   set_up, place_of_its_own, tear_down);
        return g_test_run();
}
