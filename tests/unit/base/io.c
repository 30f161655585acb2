/* Tests of src/base/io.c. */
#include "base/io.h"

#include <fcntl.h>
#include <glib/gstdio.h>
#include <locale.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fault.h"

typedef struct {
        char *dir;
} Fixture;

static void
set_up(Fixture *f, gconstpointer data)
{
        f->dir = g_dir_make_tmp("io-XXXXXX", NULL);
        g_assert_nonnull(f->dir);
}

static void
tear_down(Fixture *f, gconstpointer data)
{
        const char *argv[] = { "rm", "-rf", f->dir, NULL };
        int status = -1;

        uk_fault_set(NULL);
        g_assert_true(g_spawn_sync(NULL, (char **)argv, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL, NULL,
                                   NULL, &status, NULL));
        g_assert_cmpint(status, ==, 0);
        g_free(f->dir);
}

static char *
path_in(Fixture *f, const char *name)
{
        return g_build_filename(f->dir, name, NULL);
}

/* Makes files with the folders that they need, without the code under test. */
static void G_GNUC_NULL_TERMINATED
make_files(Fixture *f, ...)
{
        const char *name;
        va_list names;

        va_start(names, f);
        while ((name = va_arg(names, const char *)) != NULL) {
                g_autofree char *path = path_in(f, name);
                g_autofree char *dir = g_path_get_dirname(path);

                g_assert_cmpint(g_mkdir_with_parents(dir, 0700), ==, 0);
                g_assert_true(g_file_set_contents(path, "", 0, NULL));
        }
        va_end(names);
}

/* Number of names in the folder, those with a dot included. */
static guint
names_in(const char *dir)
{
        GDir *d = g_dir_open(dir, 0, NULL);
        guint count = 0;

        while (g_dir_read_name(d) != NULL)
                count++;
        g_dir_close(d);
        return count;
}

static void
assert_content(const char *path, const char *expected)
{
        g_autofree char *data = NULL;
        g_autoptr(GError) error = NULL;
        gsize size = 0;

        g_assert_true(uk_io_read(path, 1000000, &data, &size, &error));
        g_assert_no_error(error);
        g_assert_cmpstr(data, ==, expected);
        g_assert_cmpuint(size, ==, strlen(expected));
}

static void
replace_makes_and_replaces(Fixture *f, gconstpointer data)
{
        g_autofree char *path = path_in(f, "a");
        g_autoptr(GError) error = NULL;
        struct stat st;

        g_assert_true(uk_io_replace(path, "old", 3, 0600, &error));
        assert_content(path, "old");
        g_assert_cmpint(stat(path, &st), ==, 0);
        g_assert_cmpint(st.st_mode & 07777, ==, 0600);
        g_assert_true(uk_io_replace(path, "new one", 7, 0600, &error));
        assert_content(path, "new one");
        g_assert_true(uk_io_replace(path, NULL, 0, 0600, &error));
        assert_content(path, "");
        g_assert_cmpuint(names_in(f->dir), ==, 1);
}

/* At every point that can fail: the old or the new whole file, and no litter. */
static void
replace_failing_at_each_point(Fixture *f, gconstpointer data)
{
        g_autofree char *path = path_in(f, "a");
        unsigned points = 0;

        g_assert_true(uk_io_replace(path, "old", 3, 0600, NULL));
        for (unsigned n = 1;; n++) {
                g_autofree char *plan = g_strdup_printf("fail:%u", n);
                g_autoptr(GError) error = NULL;
                g_autofree char *text = NULL;

                uk_fault_set(plan);
                bool ok = uk_io_replace(path, "new", 3, 0600, &error);
                points = uk_fault_count();
                uk_fault_set(NULL);
                if (ok)
                        break;
                g_assert_nonnull(error);
                g_assert_cmpint(uk_error_class(error), ==, UK_CLASS_LATER);
                g_assert_true(g_file_get_contents(path, &text, NULL, NULL));
                /* Only the last point, the sync of the folder, comes after the rename. */
                g_assert_cmpstr(text, ==, n < 4 ? "old" : "new");
                g_assert_cmpuint(names_in(f->dir), ==, 1);
                g_assert_true(uk_io_replace(path, "old", 3, 0600, NULL));
        }
        g_assert_cmpuint(points, ==, 4); /* write, sync, rename, sync of the folder */
        assert_content(path, "new");
}

/* What a killed writer left is swept up; what a living one writes, and what only looks like it,
 * stays. */
static void
sweeping(Fixture *f, gconstpointer data)
{
        g_autofree char *path = path_in(f, "a");
        g_autofree char *dead = NULL, *alive = NULL;
        g_autoptr(GError) error = NULL;
        UK_AUTOFD first = uk_io_temporary(path, 0600, &dead, &error);
        UK_AUTOFD second = uk_io_temporary(path, 0600, &alive, &error);

        g_assert_cmpint(first, >=, 0);
        g_assert_cmpint(second, >=, 0);
        g_assert_true(g_str_has_prefix(strrchr(dead, '/'), "/.a."));
        make_files(f, "a", ".tmp", ".a.tmp", ".a.0123456789abcdeg.tmp", ".0123456789abcdef.tmp",
                   "a.0123456789abcdef.tmp", NULL);
        g_autofree char *folder = path_in(f, ".d.0123456789abcdef.tmp");
        g_assert_cmpint(g_mkdir(folder, 0700), ==, 0);
        uk_io_close(&first);
        g_assert_cmpuint(names_in(f->dir), ==, 9);
        g_assert_true(uk_io_sweep(f->dir, &error));
        g_assert_no_error(error);
        g_assert_false(g_file_test(dead, G_FILE_TEST_EXISTS));
        g_assert_true(g_file_test(alive, G_FILE_TEST_EXISTS));
        g_assert_cmpuint(names_in(f->dir), ==, 8);
        uk_io_discard(alive);
        g_assert_cmpuint(names_in(f->dir), ==, 7);
        g_assert_false(uk_io_sweep(path, &error));
        g_assert_error(error, UK_ERROR, UK_ERROR_IO);
}

typedef struct {
        const char *dir;
        gint stop;
} Sweeper;

static void *
sweep_all_the_time(void *data)
{
        Sweeper *s = data;

        while (!g_atomic_int_get(&s->stop))
                g_assert_true(uk_io_sweep(s->dir, NULL));
        return NULL;
}

static void
sweeping_disturbs_nobody(Fixture *f, gconstpointer data)
{
        g_autofree char *path = path_in(f, "a");
        Sweeper s = { f->dir, 0 };
        pthread_t thread;

        pthread_create(&thread, NULL, sweep_all_the_time, &s);
        for (int i = 0; i < 300; i++) {
                g_autoptr(GError) error = NULL;
                (void)!uk_io_replace(path, "x", 1, 0600, &error);
                g_assert_no_error(error);
        }
        g_atomic_int_set(&s.stop, 1);
        pthread_join(thread, NULL);
        g_assert_cmpuint(names_in(f->dir), ==, 1);
}

static void
full_disk_is_full(Fixture *f, gconstpointer data)
{
        g_autofree char *path = path_in(f, "a");
        g_autoptr(GError) error = NULL;

        uk_fault_set("fail:1");
        g_assert_false(uk_io_replace(path, "x", 1, 0600, &error));
        g_assert_error(error, UK_ERROR, UK_ERROR_FULL);
        UK_AUTOFD fd = open("/dev/full", O_WRONLY);
        g_clear_error(&error);
        uk_fault_set(NULL);
        g_assert_false(uk_io_write(fd, "x", 1, "the device", &error));
        g_assert_error(error, UK_ERROR, UK_ERROR_FULL);
        g_assert_cmpstr(error->message, ==, "writing the device: No space left on device");
}

static void
reading_has_a_limit(Fixture *f, gconstpointer data)
{
        g_autofree char *path = path_in(f, "a");
        g_autoptr(GString) big = g_string_new(NULL);
        g_autoptr(GError) error = NULL;
        g_autofree char *text = NULL;
        gsize size = 0;

        for (int i = 0; i < 40000; i++)
                g_string_append_c(big, (char)('a' + i % 26));
        g_assert_true(uk_io_replace(path, big->str, big->len, 0600, &error));
        g_assert_true(uk_io_read(path, 40000, &text, &size, &error));
        g_assert_cmpuint(size, ==, 40000);
        g_assert_cmpstr(text, ==, big->str);
        g_clear_pointer(&text, g_free);
        g_assert_false(uk_io_read(path, 39999, &text, &size, &error));
        g_assert_error(error, UK_ERROR, UK_ERROR_LIMIT);
        g_assert_null(text);
        g_clear_error(&error);
        g_assert_false(uk_io_read(path, 0, &text, &size, &error));
        g_assert_error(error, UK_ERROR, UK_ERROR_LIMIT);
}

static void
reading_what_is_no_file(Fixture *f, gconstpointer data)
{
        g_autofree char *missing = path_in(f, "missing");
        g_autofree char *pipe = path_in(f, "pipe");
        g_autoptr(GError) error = NULL;
        g_autofree char *text = NULL;

        g_assert_false(uk_io_read(missing, 10, &text, NULL, &error));
        g_assert_error(error, UK_ERROR, UK_ERROR_NOT_FOUND);
        g_clear_error(&error);
        g_assert_false(uk_io_read(f->dir, 10, &text, NULL, &error));
        g_assert_error(error, UK_ERROR, UK_ERROR_INVALID);
        g_clear_error(&error);
        g_assert_cmpint(mkfifo(pipe, 0600), ==, 0);
        g_assert_false(uk_io_read(pipe, 10, &text, NULL, &error)); /* and does not hang */
        g_assert_error(error, UK_ERROR, UK_ERROR_INVALID);
        g_assert_null(text);
}

static void
reading_bytes_with_nul(Fixture *f, gconstpointer data)
{
        g_autofree char *path = path_in(f, "a");
        g_autofree char *bytes = NULL;
        gsize size = 0;

        g_assert_true(uk_io_replace(path, "a\0b", 3, 0600, NULL));
        g_assert_true(uk_io_read(path, 3, &bytes, &size, NULL));
        g_assert_cmpmem(bytes, size, "a\0b", 3);
        g_assert_cmpint(bytes[3], ==, '\0');
}

static void
links_and_renames(Fixture *f, gconstpointer data)
{
        g_autofree char *a = path_in(f, "a");
        g_autofree char *b = path_in(f, "b");
        g_autoptr(GError) error = NULL;

        g_assert_true(uk_io_replace(a, "a", 1, 0600, &error));
        g_assert_true(uk_io_link(a, b, &error));
        g_assert_false(uk_io_link(a, b, &error));
        g_assert_error(error, UK_ERROR, UK_ERROR_EXISTS);
        g_clear_error(&error);
        g_assert_true(uk_io_unlink(a, &error));
        g_assert_true(uk_io_unlink(a, &error)); /* a second time is no failure */
        g_assert_false(uk_io_rename(a, b, &error));
        g_assert_error(error, UK_ERROR, UK_ERROR_IO);
        g_clear_error(&error);
        g_assert_true(uk_io_rename(b, a, &error));
        assert_content(a, "a");
}

static void
writing_at_offsets(Fixture *f, gconstpointer data)
{
        g_autofree char *path = path_in(f, "a");
        UK_AUTOFD fd = open(path, O_RDWR | O_CREAT, 0600);
        g_autoptr(GError) error = NULL;

        g_assert_true(uk_io_pwrite(fd, "world", 5, 6, "a", &error));
        g_assert_true(uk_io_pwrite(fd, "hello ", 6, 0, "a", &error));
        g_assert_true(uk_io_sync(fd, true, "a", &error));
        assert_content(path, "hello world");
        uk_io_close(&fd);
        g_assert_cmpint(fd, ==, -1);
        g_assert_false(uk_io_write(fd, "x", 1, "a", &error));
        g_assert_error(error, UK_ERROR, UK_ERROR_IO);
}

static void
folders_are_made(Fixture *f, gconstpointer data)
{
        g_autofree char *deep = path_in(f, "x/y/z");
        g_autofree char *slash = path_in(f, "x/w//v/");
        g_autofree char *file = path_in(f, "file");
        g_autofree char *below = path_in(f, "file/below");
        g_autoptr(GError) error = NULL;
        struct stat st;

        g_assert_true(uk_io_mkdirs(deep, 0750, &error));
        g_assert_true(uk_io_mkdirs(deep, 0750, &error));
        g_assert_cmpint(stat(deep, &st), ==, 0);
        g_assert_cmpint(st.st_mode & 0777, ==, 0750);
        g_assert_true(uk_io_mkdirs(slash, 0750, &error));
        g_assert_true(g_file_test(slash, G_FILE_TEST_IS_DIR));
        g_assert_true(uk_io_replace(file, "", 0, 0600, &error));
        g_assert_false(uk_io_mkdirs(below, 0750, &error));
        g_assert_error(error, UK_ERROR, UK_ERROR_IO);
        g_clear_error(&error);
        g_assert_false(uk_io_mkdirs(file, 0750, &error));
        g_assert_error(error, UK_ERROR, UK_ERROR_IO);
}

static void
trees_are_removed(Fixture *f, gconstpointer data)
{
        g_autofree char *tree = path_in(f, "tree");
        g_autofree char *slash = path_in(f, "tree/");
        g_autofree char *keep = path_in(f, "keep");
        g_autofree char *inner = path_in(f, "keep/file");
        g_autofree char *link = path_in(f, "tree/a/link");
        g_autofree char *other_link = path_in(f, "tree/0link");
        g_autofree char *empty = path_in(f, "tree/c");
        g_autoptr(GError) error = NULL;

        make_files(f, "tree/1", "tree/a/2", "tree/a/b/3", "keep/file", NULL);
        g_assert_cmpint(g_mkdir(empty, 0700), ==, 0);
        g_assert_cmpint(symlink("../../keep", link), ==, 0);
        g_assert_cmpint(symlink("../keep", other_link), ==, 0);
        g_assert_true(uk_io_remove_tree(slash, &error));
        g_assert_no_error(error);
        g_assert_false(g_file_test(tree, G_FILE_TEST_EXISTS));
        g_assert_true(g_file_test(inner, G_FILE_TEST_EXISTS)); /* links were not followed */
        g_assert_true(uk_io_remove_tree(tree, &error));        /* missing is success */
        /* A link or a file in the folder's place is removed itself. */
        g_assert_cmpint(symlink(keep, tree), ==, 0);
        g_assert_true(uk_io_remove_tree(tree, &error));
        g_assert_true(g_file_test(inner, G_FILE_TEST_EXISTS));
        g_assert_true(uk_io_remove_tree(inner, &error));
        g_assert_false(g_file_test(inner, G_FILE_TEST_EXISTS));
}

static void
dangerous_names_are_refused(Fixture *f, gconstpointer data)
{
        static const char *const bad[] = { "", "/", "//", ".", "..", "a/..", "a/.", "./" };

        for (gsize i = 0; i < G_N_ELEMENTS(bad); i++) {
                g_autoptr(GError) error = NULL;
                g_assert_false(uk_io_remove_tree(bad[i], &error));
                g_assert_error(error, UK_ERROR, UK_ERROR_INVALID);
        }
}

/* A tree from outside may be deeper than a program may have files open, and than a path may be
 * long. */
static void
deep_trees_are_removed(Fixture *f, gconstpointer data)
{
        g_autofree char *tree = path_in(f, "deep");
        g_autoptr(GError) error = NULL;
        struct rlimit old, few;

        g_assert_cmpint(mkdir(tree, 0700), ==, 0);
        UK_AUTOFD fd = open(tree, O_RDONLY | O_DIRECTORY);
        for (int i = 0; i < 1500; i++) {
                g_assert_cmpint(mkdirat(fd, "folder", 0700), ==, 0);
                int next = openat(fd, "folder", O_RDONLY | O_DIRECTORY);
                g_assert_cmpint(next, >=, 0);
                uk_io_close(&fd);
                fd = next;
        }
        uk_io_close(&fd);
        getrlimit(RLIMIT_NOFILE, &old);
        few = old;
        few.rlim_cur = 32;
        setrlimit(RLIMIT_NOFILE, &few);
        bool ok = uk_io_remove_tree(tree, &error);
        setrlimit(RLIMIT_NOFILE, &old);
        g_assert_no_error(error);
        g_assert_true(ok);
        g_assert_cmpuint(names_in(f->dir), ==, 0);
}

/* The disk takes some of the bytes and no more. */
static void
cut_files_are_not_left(Fixture *f, gconstpointer data)
{
        g_autofree char *path = path_in(f, "file");
        g_autoptr(GError) error = NULL;
        struct rlimit old, few;

        signal(SIGXFSZ, SIG_IGN);
        getrlimit(RLIMIT_FSIZE, &old);
        few = old;
        few.rlim_cur = 3;
        setrlimit(RLIMIT_FSIZE, &few);
        bool ok = uk_io_create_at(AT_FDCWD, path, "whole", 5, 0600, &error);
        setrlimit(RLIMIT_FSIZE, &old);
        g_assert_false(ok);
        g_assert_error(error, UK_ERROR, UK_ERROR_FULL);
        g_assert_cmpuint(names_in(f->dir), ==, 0);
}

static void
failed_removal_can_be_repeated(Fixture *f, gconstpointer data)
{
        g_autofree char *tree = path_in(f, "tree");
        g_autoptr(GError) error = NULL;
        unsigned n = 1;

        for (;; n++) {
                g_autofree char *plan = g_strdup_printf("fail:%u", n);

                make_files(f, "tree/a/b/c", "tree/d", NULL);
                uk_fault_set(plan);
                if (uk_io_remove_tree(tree, &error))
                        break;
                g_assert_error(error, UK_ERROR, UK_ERROR_IO);
                g_clear_error(&error);
                uk_fault_set(NULL);
                g_assert_true(uk_io_remove_tree(tree, &error));
        }
        g_assert_cmpuint(n, ==, 6); /* five things to remove */
}

int
main(int argc, char **argv)
{
        setlocale(LC_ALL, "C");
        g_test_init(&argc, &argv, NULL);
#define CASE(path, fn) g_test_add("/base/io/" path, Fixture, NULL, set_up, fn, tear_down)
        CASE("replace", replace_makes_and_replaces);
        CASE("replace-failing-at-each-point", replace_failing_at_each_point);
        CASE("sweeping", sweeping);
        CASE("sweeping-disturbs-nobody", sweeping_disturbs_nobody);
        CASE("full-disk", full_disk_is_full);
        CASE("reading-has-a-limit", reading_has_a_limit);
        CASE("reading-what-is-no-file", reading_what_is_no_file);
        CASE("reading-bytes-with-nul", reading_bytes_with_nul);
        CASE("links-and-renames", links_and_renames);
        CASE("writing-at-offsets", writing_at_offsets);
        CASE("folders-are-made", folders_are_made);
        CASE("trees-are-removed", trees_are_removed);
        CASE("dangerous-names-are-refused", dangerous_names_are_refused);
        CASE("deep-trees-are-removed", deep_trees_are_removed);
        CASE("cut-files-are-not-left", cut_files_are_not_left);
        CASE("failed-removal-can-be-repeated", failed_removal_can_be_repeated);
        return g_test_run();
}
