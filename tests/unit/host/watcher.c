/* Tests of src/host/watcher.c: many watch, each is told what it asked for, by one instance. */
#include "host/watcher.h"

#include <glib/gstdio.h>
#include <string.h>
#include <sys/inotify.h>

#include "base/io.h"
#include "unit/host/kit.h"

/* What one who watches was told; guarded by the watcher's lock while it is told. */
typedef struct {
        _Atomic int count;
        guint32 mask;
        char name[64];
} Told;

static void
told(gpointer data, guint32 mask, const char *name)
{
        Told *t = data;

        t->mask = mask;
        g_strlcpy(t->name, name != NULL ? name : "", sizeof t->name);
        t->count++;
}

static char *
make_folder(void)
{
        char *dir = g_dir_make_tmp("upkeep-watcher-XXXXXX", NULL);

        g_assert_nonnull(dir);
        return dir;
}

static void
end(Watcher *watcher, const char *dir)
{
        g_autoptr(GError) error = NULL;

        watcher_free(watcher);
        g_assert_true(uk_io_remove_tree(dir, &error));
}

static char *
put(const char *dir, const char *name)
{
        char *path = g_build_filename(dir, name, NULL);

        g_assert_true(g_file_set_contents(path, "x", 1, NULL));
        return path;
}

static void
each_what_it_asked_for(void)
{
        g_autoptr(GError) error = NULL;
        g_autofree char *dir = make_folder();
        Watcher *watcher = watcher_new(&error);
        Told moved = { 0 }, removed = { 0 }, gone = { 0 };

        g_assert_no_error(error);
        g_assert_true(watcher_add(watcher, dir, IN_MOVED_TO, told, &moved, &error));
        g_assert_true(watcher_add(watcher, dir, IN_DELETE, told, &removed, &error));
        g_assert_true(watcher_add(watcher, dir, IN_MOVED_TO, told, &gone, &error));
        watcher_remove(watcher, &gone);
        /* g_file_set_contents renames a temporary file. */
        g_autofree char *path = put(dir, "a");
        watcher_read(watcher);
        g_assert_cmpint(moved.count, ==, 1);
        g_assert_cmpstr(moved.name, ==, "a");
        g_assert_cmpint(removed.count, ==, 0);
        g_unlink(path);
        watcher_read(watcher);
        g_assert_cmpint(removed.count, ==, 1);
        g_assert_cmpint(moved.count, ==, 1);
        /* The last who watches for something else does not end the others' watch. */
        watcher_remove(watcher, &removed);
        g_free(put(dir, "b"));
        watcher_read(watcher);
        g_assert_cmpint(moved.count, ==, 2);
        g_assert_cmpint(gone.count, ==, 0);
        end(watcher, dir);
}

static void
by_its_own_thread(void)
{
        g_autoptr(GError) error = NULL;
        g_autofree char *dir = make_folder(), *path = NULL;
        Watcher *watcher = watcher_new(&error);
        Told moved = { 0 };

        g_assert_true(watcher_add(watcher, dir, IN_MOVED_TO, told, &moved, &error));
        path = put(dir, "a");
        kit_wait_for(&moved.count, 1);
        end(watcher, dir);
}

/* Who watches a folder that goes is told so, once, and may watch the next one of that name. */
static void
a_folder_that_goes(void)
{
        g_autoptr(GError) error = NULL;
        g_autofree char *dir = make_folder();
        Watcher *watcher = watcher_new(&error);
        Told moved = { 0 };

        g_assert_true(watcher_add(watcher, dir, IN_MOVED_TO, told, &moved, &error));
        g_assert_cmpint(g_rmdir(dir), ==, 0);
        watcher_read(watcher);
        g_assert_cmpint(moved.count, ==, 1);
        g_assert_cmphex(moved.mask & IN_IGNORED, ==, IN_IGNORED);
        g_assert_false(watcher_add(watcher, dir, IN_MOVED_TO, told, &moved, &error));
        g_assert_nonnull(strstr(error->message, dir));
        g_assert_cmpint(g_mkdir(dir, 0700), ==, 0);
        g_clear_error(&error);
        g_assert_true(watcher_add(watcher, dir, IN_MOVED_TO, told, &moved, &error));
        g_free(put(dir, "a"));
        watcher_read(watcher);
        g_assert_cmpint(moved.count, ==, 2);
        g_assert_cmpstr(moved.name, ==, "a");
        end(watcher, dir);
}

int
main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/host/watcher/each-what-it-asked-for", each_what_it_asked_for);
        g_test_add_func("/host/watcher/by-its-own-thread", by_its_own_thread);
        g_test_add_func("/host/watcher/a-folder-that-goes", a_folder_that_goes);
        return g_test_run();
}
