/* Tests of src/inbox/inbox.c: order, removal that loses no news, corrupt/, backlog. */
#include "inbox/inbox.h"

#include <fcntl.h>
#include <glib/gstdio.h>
#include <locale.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fault.h"
#include "base/io.h"
#include "base/log.h"
#include "inbox/drop.h"

#define ANY ((const char *const[]){ "*", NULL })

typedef struct {
        char *root;
        char *box;      /* <root>/distmgr.box */
        char *incoming; /* <root>/distmgr.box/incoming */
        char *corrupt;  /* <root>/distmgr.box/corrupt */
} Fixture;

static void
set_up(Fixture *f, gconstpointer data)
{
        f->root = g_dir_make_tmp("inbox-XXXXXX", NULL);
        f->box = g_build_filename(f->root, "distmgr.box", NULL);
        f->incoming = g_build_filename(f->box, "incoming", NULL);
        f->corrupt = g_build_filename(f->box, "corrupt", NULL);
        g_assert_cmpint(g_mkdir_with_parents(f->incoming, 0700), ==, 0);
}

static void
tear_down(Fixture *f, gconstpointer data)
{
        uk_fault_set(NULL);
        g_assert_true(uk_io_remove_tree(f->root, NULL));
        g_free(f->root);
        g_free(f->box);
        g_free(f->incoming);
        g_free(f->corrupt);
}

static void
drop(const char *box, const char *name, const char *body)
{
        g_autoptr(GError) error = NULL;

        (void)!inbox_drop(box, name, body, strlen(body), &error);
        g_assert_no_error(error);
}

static GPtrArray *
scan(const char *box, const char *const *kinds, guint max)
{
        g_autoptr(GError) error = NULL;
        GPtrArray *files = inbox_scan(box, kinds, max, &error);

        g_assert_no_error(error);
        g_assert_nonnull(files);
        return files;
}

/* The names of a scan with commas between. */
static char *
names_of(const char *box, const char *const *kinds, guint max)
{
        g_autoptr(GPtrArray) files = scan(box, kinds, max);
        GString *names = g_string_new(NULL);

        for (guint i = 0; i < files->len; i++)
                g_string_append_printf(names, "%s%s", i > 0 ? "," : "",
                                       ((InboxFile *)files->pdata[i])->name);
        return g_string_free(names, FALSE);
}

#define assert_scan(box, kinds, max, expected)                       \
        do {                                                         \
                g_autofree char *names_ = names_of(box, kinds, max); \
                g_assert_cmpstr(names_, ==, expected);               \
        } while (0)

static bool
there(const char *dir, const char *name)
{
        g_autofree char *path = g_build_filename(dir, name, NULL);

        return g_file_test(path, G_FILE_TEST_EXISTS);
}

static int
by_text(gconstpointer a, gconstpointer b)
{
        return strcmp(*(char *const *)a, *(char *const *)b);
}

/* All names of a folder, sorted, with commas. */
static char *
listing(const char *dir)
{
        GDir *d = g_dir_open(dir, 0, NULL);
        g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);
        const char *name;

        while (d != NULL && (name = g_dir_read_name(d)) != NULL)
                g_ptr_array_add(names, g_strdup(name));
        g_clear_pointer(&d, g_dir_close);
        g_ptr_array_sort(names, by_text);
        g_ptr_array_add(names, NULL);
        return g_strjoinv(",", (char **)names->pdata);
}

/* The first file of a box; the caller's. */
static InboxFile *
first_of(const char *box)
{
        g_autoptr(GPtrArray) files = scan(box, ANY, 0);

        g_assert_cmpuint(files->len, >=, 1);
        return g_ptr_array_steal_index(files, 0);
}

static void
oldest_first(Fixture *f, gconstpointer data)
{
        drop(f->box, "b.PKN", "1");
        drop(f->box, "c.PKN", "2");
        drop(f->box, "a.PKN", "3");
        drop(f->box, "b.PKN", "4"); /* dropped anew: it is the youngest now */
        assert_scan(f->box, ANY, 0, "c.PKN,a.PKN,b.PKN");
        assert_scan(f->box, ANY, 2, "c.PKN,a.PKN");
        assert_scan(f->box, ANY, 9, "c.PKN,a.PKN,b.PKN");
}

static void
kinds_without_case(Fixture *f, gconstpointer data)
{
        const char *syn[] = { ".SYN", NULL };
        const char *two[] = { ".sta", ".Pul", NULL };
        const char *none[] = { "", NULL };

        drop(f->box, "SELF.SYN", "");
        drop(f->box, "full.syn", "");
        drop(f->box, "1.STA", "");
        drop(f->box, "2.PUL", "");
        drop(f->box, "plain", "");
        assert_scan(f->box, syn, 0, "SELF.SYN,full.syn");
        assert_scan(f->box, two, 0, "1.STA,2.PUL");
        assert_scan(f->box, none, 0, "plain");
        g_autoptr(InboxFile) file = first_of(f->box);
        g_assert_cmpstr(file->stem, ==, "SELF");
        g_assert_cmpstr(file->kind, ==, ".SYN");
        g_autoptr(GPtrArray) files = scan(f->box, syn, 0);
        InboxFile *lower = files->pdata[1];
        g_assert_cmpstr(lower->stem, ==, "full");
        g_assert_cmpstr(lower->kind, ==, ".SYN");
        g_assert_cmpint(lower->size, ==, 0);
}

static void
parts_of_names(Fixture *f, gconstpointer data)
{
        drop(f->box, "a.b.PkN", "");
        drop(f->box, "plain", "");
        drop(f->box, "dot.", "");
        g_autoptr(GPtrArray) files = scan(f->box, ANY, 0);
        static const char *const expected[][2] = { { "a.b", ".PKN" },
                                                   { "plain", "" },
                                                   { "dot", "." } };

        g_assert_cmpuint(files->len, ==, 3);
        for (guint i = 0; i < 3; i++) {
                InboxFile *file = files->pdata[i];
                g_assert_cmpstr(file->stem, ==, expected[i][0]);
                g_assert_cmpstr(file->kind, ==, expected[i][1]);
        }
}

/* Drops what a stranger with rights to the folder may leave there. */
static void
litter(const char *box)
{
        static const char *const names[] = { ".hidden.PKN", ".x.PKN.0123456789abcdef.tmp",
                                             "a\nb.PKN", "a\xff.PKN" };
        g_autofree char *folder = g_build_filename(box, "folder.PKN", NULL);
        g_autofree char *link = g_build_filename(box, "link.PKN", NULL);
        g_autofree char *pipe = g_build_filename(box, "pipe.PKN", NULL);

        for (gsize i = 0; i < G_N_ELEMENTS(names); i++) {
                g_autofree char *path = g_build_filename(box, names[i], NULL);
                g_assert_true(g_file_set_contents(path, "x", 1, NULL));
        }
        g_assert_cmpint(g_mkdir(folder, 0700), ==, 0);
        g_assert_cmpint(symlink("/etc/passwd", link), ==, 0);
        g_assert_cmpint(mkfifo(pipe, 0600), ==, 0);
}

static void
passed_over(Fixture *f, gconstpointer data)
{
        guint count = 99;
        gint64 age = 99;

        litter(f->box);
        drop(f->box, "good.PKN", "x");
        assert_scan(f->box, ANY, 0, "good.PKN");
        g_assert_true(inbox_backlog(f->box, &count, &age, NULL));
        g_assert_cmpuint(count, ==, 1);
}

static void
many_files_small_batch(Fixture *f, gconstpointer data)
{
        for (int i = 0; i < 3000; i++) {
                g_autofree char *name = g_strdup_printf("%04d.SMX", (i * 7) % 3000);
                g_assert_true(inbox_drop_unsynced(f->box, name, "x", 1, NULL));
        }
        assert_scan(f->box, ANY, 3, "0000.SMX,0007.SMX,0014.SMX");
        guint count = 0;
        gint64 age = 0;
        g_assert_true(inbox_backlog(f->box, &count, &age, NULL));
        g_assert_cmpuint(count, ==, 3000);
}

static void
missing_box(Fixture *f, gconstpointer data)
{
        g_autofree char *none = g_build_filename(f->root, "none.box", NULL);
        g_autoptr(GError) error = NULL;
        guint count;
        gint64 age;

        g_assert_null(inbox_scan(none, ANY, 0, &error));
        g_assert_error(error, UK_ERROR, UK_ERROR_IO);
        g_clear_error(&error);
        g_assert_false(inbox_backlog(none, &count, &age, &error));
        g_assert_error(error, UK_ERROR, UK_ERROR_IO);
}

static void
reading(Fixture *f, gconstpointer data)
{
        g_autoptr(GError) error = NULL;
        g_autofree char *text = NULL;
        gsize size = 0;

        drop(f->box, "a.PKN", "hello");
        g_autoptr(InboxFile) file = first_of(f->box);
        g_assert_true(inbox_file_read(file, 5, &text, &size, &error));
        g_assert_cmpstr(text, ==, "hello");
        g_assert_cmpuint(size, ==, 5);
        g_clear_pointer(&text, g_free);
        g_assert_false(inbox_file_read(file, 4, &text, &size, &error));
        g_assert_error(error, UK_ERROR, UK_ERROR_LIMIT);
}

static void
letters(Fixture *f, gconstpointer data)
{
        InboxFile *letter = g_new0(InboxFile, 1);
        g_autoptr(GError) error = NULL;
        g_autofree char *text = NULL;
        gsize size = 0;

        letter->path = g_strdup("@scan/a.REQ");
        letter->name = g_strdup("a.REQ");
        letter->letter = g_bytes_new("hello", 5);
        g_assert_true(inbox_file_read(letter, 5, &text, &size, &error));
        g_assert_cmpstr(text, ==, "hello");
        g_clear_pointer(&text, g_free);
        g_assert_false(inbox_file_read(letter, 4, &text, &size, &error));
        g_assert_error(error, UK_ERROR, UK_ERROR_LIMIT);
        g_clear_error(&error);
        g_assert_true(inbox_file_done(letter, &error));
        g_assert_true(inbox_file_corrupt(letter, "why", &error));
        g_clear_pointer(&letter->letter, g_bytes_unref);
        letter->letter = g_bytes_new(NULL, 0);
        g_assert_true(inbox_file_read(letter, 0, &text, &size, &error));
        g_assert_cmpstr(text, ==, "");
        inbox_file_free(letter);
}

static void
done(Fixture *f, gconstpointer data)
{
        drop(f->box, "a.PKN", "x");
        g_autoptr(InboxFile) file = first_of(f->box);

        g_assert_true(inbox_file_done(file, NULL));
        g_assert_false(there(f->box, "a.PKN"));
        g_assert_true(inbox_file_done(file, NULL)); /* a handler may run twice */
}

static void
newer_news_survives(Fixture *f, gconstpointer data)
{
        /* Several times, since inodes are used again. */
        for (int i = 0; i < 20; i++) {
                drop(f->box, "a.PKN", "old");
                g_autoptr(InboxFile) file = first_of(f->box);
                for (int n = 0; n <= i % 4; n++)
                        drop(f->box, "a.PKN", "new");
                g_assert_true(inbox_file_done(file, NULL));
                g_assert_true(there(f->box, "a.PKN"));
                g_assert_true(inbox_file_corrupt(file, "bad", NULL));
                g_assert_true(there(f->box, "a.PKN"));
                g_autoptr(InboxFile) newer = first_of(f->box);
                g_assert_true(inbox_file_done(newer, NULL));
                g_assert_false(there(f->box, "a.PKN"));
        }
        g_assert_false(g_file_test(f->corrupt, G_FILE_TEST_EXISTS));
}

typedef struct {
        const char *box;
        gint dropped; /* the number in the last file dropped */
} Dropper;

static void *
drop_numbers(void *data)
{
        Dropper *d = data;

        for (int i = 1; i <= 2000; i++) {
                g_autofree char *body = g_strdup_printf("%d", i);
                g_assert_true(inbox_drop_unsynced(d->box, "a.PKN", body, strlen(body), NULL));
                g_atomic_int_set(&d->dropped, i);
        }
        return NULL;
}

/* One file dropped again and again while it is taken: the last news is always seen. */
static void
no_news_is_lost_in_a_race(Fixture *f, gconstpointer data)
{
        Dropper dropper = { f->box, 0 };
        pthread_t thread;
        int seen = 0;

        pthread_create(&thread, NULL, drop_numbers, &dropper);
        while (g_atomic_int_get(&dropper.dropped) < 2000 || there(f->box, "a.PKN")) {
                g_autoptr(GPtrArray) files = scan(f->box, ANY, 0);
                g_autofree char *text = NULL;

                if (files->len == 0 || !inbox_file_read(files->pdata[0], 10, &text, NULL, NULL))
                        continue;
                g_assert_cmpint(atoi(text), >=, seen);
                seen = atoi(text);
                g_assert_true(inbox_file_done(files->pdata[0], NULL));
        }
        pthread_join(thread, NULL);
        g_assert_cmpint(seen, ==, 2000);
}

/* ---- corrupt/ ---- */

static void
assert_listing(const char *dir, const char *expected)
{
        g_autofree char *names = listing(dir);
        g_assert_cmpstr(names, ==, expected);
}

static void
set_aside(Fixture *f, gconstpointer data)
{
        g_autofree char *why = g_build_filename(f->corrupt, "1.STA.why", NULL);
        g_autofree char *text = NULL;

        uk_trace_set("0123456789abcdef0123456789abcdef");
        for (int i = 0; i < 3; i++) {
                drop(f->incoming, "1.STA", "bad");
                g_autoptr(InboxFile) file = first_of(f->incoming);
                g_assert_true(inbox_file_corrupt(file, "line 7\nis \x1b bad \xff", NULL));
                g_assert_true(inbox_file_corrupt(file, "again", NULL));
        }
        uk_trace_set(NULL);
        assert_listing(f->incoming, "");
        assert_listing(f->corrupt, "1.1.STA,1.1.STA.why,1.2.STA,1.2.STA.why,1.STA,1.STA.why");
        g_assert_true(g_file_get_contents(why, &text, NULL, NULL));
        g_assert_true(g_str_has_prefix(text, "File: 1.STA\nDropped: 20"));
        g_assert_nonnull(strstr(text, "\nReason: line 7 is   bad \xef\xbf\xbd\n"));
        g_assert_nonnull(strstr(text, "\nTrace: 0123456789abcdef0123456789abcdef\n"));
}

static void
without_a_box(Fixture *f, gconstpointer data)
{
        g_autofree char *plain = g_build_filename(f->root, "plain", NULL);
        g_autofree char *corrupt = g_build_filename(plain, "corrupt", NULL);

        g_mkdir(plain, 0700);
        drop(plain, "a.why", "x"); /* must not be taken for a reason */
        g_autoptr(InboxFile) file = first_of(plain);
        g_assert_true(inbox_file_corrupt(file, "bad", NULL));
        g_assert_true(inbox_trim_corrupt(plain, 10, UK_DAY, NULL));
        assert_listing(corrupt, "_a.why_,_a.why_.why");
}

static void
box_in_capitals(Fixture *f, gconstpointer data)
{
        g_autofree char *box = g_build_filename(f->root, "StateMsg.BOX/a/b", NULL);
        g_autofree char *corrupt = g_build_filename(f->root, "StateMsg.BOX/corrupt", NULL);

        g_mkdir_with_parents(box, 0700);
        drop(box, "a.SMX", "x");
        g_autoptr(InboxFile) file = first_of(box);
        g_assert_true(inbox_file_corrupt(file, "bad", NULL));
        assert_listing(corrupt, "a.SMX,a.SMX.why");
}

/* Whichever step fails: the file is in the box or in corrupt/, never in both, and repeating ends
 * with one file and one reason. */
static void
set_aside_failing_at_each_point(Fixture *f, gconstpointer data)
{
        unsigned n = 1;

        for (bool ok = false; !ok; n++) {
                g_autofree char *plan = g_strdup_printf("fail:%u", n);
                g_autoptr(GError) error = NULL;

                drop(f->incoming, "1.STA", "bad");
                g_autoptr(InboxFile) file = first_of(f->incoming);
                uk_fault_set(plan);
                ok = inbox_file_corrupt(file, "bad", &error);
                uk_fault_set(NULL);
                g_assert_cmpint(there(f->incoming, "1.STA") + there(f->corrupt, "1.STA"), ==, 1);
                if (there(f->corrupt, "1.STA"))
                        g_assert_true(there(f->corrupt, "1.STA.why"));
                g_assert_true(inbox_file_corrupt(file, "bad", &error));
                assert_listing(f->incoming, "");
                assert_listing(f->corrupt, "1.STA,1.STA.why");
                g_assert_true(uk_io_remove_tree(f->corrupt, NULL));
        }
        g_assert_cmpuint(n, >, 6);
}

static void
trimming_by_number(Fixture *f, gconstpointer data)
{
        for (int i = 0; i < 6; i++) {
                g_autofree char *name = g_strdup_printf("%d.STA", i);
                drop(f->box, name, "bad");
                g_autoptr(InboxFile) file = first_of(f->box);
                g_assert_true(inbox_file_corrupt(file, "bad", NULL));
        }
        g_assert_true(inbox_trim_corrupt(f->box, 2, UK_DAY, NULL));
        assert_listing(f->corrupt, "4.STA,4.STA.why,5.STA,5.STA.why");
        g_assert_true(inbox_trim_corrupt(f->incoming, 1, UK_DAY, NULL));
        assert_listing(f->corrupt, "5.STA,5.STA.why");
        g_assert_true(inbox_trim_corrupt(f->box, 0, UK_DAY, NULL));
        assert_listing(f->corrupt, "");
}

static void
trimming_by_age(Fixture *f, gconstpointer data)
{
        g_autofree char *old = g_build_filename(f->corrupt, "old.STA", NULL);
        struct timespec times[2] = { { .tv_sec = 1000000 }, { .tv_sec = 1000000 } };

        g_assert_true(inbox_trim_corrupt(f->box, 10, UK_DAY, NULL)); /* no corrupt/ yet */
        drop(f->box, "old.STA", "bad");
        drop(f->box, "new.STA", "bad");
        /* What waited for years is not old in corrupt/ before it has been there for a day. */
        g_autofree char *waiting = g_build_filename(f->box, "old.STA", NULL);
        g_assert_cmpint(utimensat(AT_FDCWD, waiting, times, 0), ==, 0);
        for (int i = 0; i < 2; i++) {
                g_autoptr(InboxFile) file = first_of(f->box);
                g_assert_true(inbox_file_corrupt(file, "bad", NULL));
        }
        g_assert_true(inbox_trim_corrupt(f->box, 10, UK_DAY, NULL));
        assert_listing(f->corrupt, "new.STA,new.STA.why,old.STA,old.STA.why");
        g_assert_cmpint(utimensat(AT_FDCWD, old, times, 0), ==, 0);
        g_assert_true(inbox_trim_corrupt(f->box, 10, UK_DAY, NULL));
        assert_listing(f->corrupt, "new.STA,new.STA.why");
}

static void
tidying(Fixture *f, gconstpointer data)
{
        litter(f->box);
        drop(f->box, "good.PKN", "x");
        g_assert_true(inbox_trim_corrupt(f->box, 10, UK_DAY, NULL));
        assert_scan(f->box, ANY, 0, "good.PKN");
        g_assert_false(there(f->box, ".x.PKN.0123456789abcdef.tmp"));
        g_assert_true(there(f->box, ".hidden.PKN"));
        g_assert_true(there(f->box, "link.PKN"));
        assert_listing(f->corrupt, "a_b.PKN,a_b.PKN.why,a\xef\xbf\xbd.PKN,a\xef\xbf\xbd.PKN.why");
}

static void
backlog(Fixture *f, gconstpointer data)
{
        g_autofree char *path = g_build_filename(f->box, "a.PKN", NULL);
        gint64 now = uk_clock_now();
        time_t hour_ago = (time_t)(now / UK_SECOND) - 3600;
        struct timespec times[2] = { { .tv_sec = hour_ago }, { .tv_sec = hour_ago } };
        guint count = 99;
        gint64 age = 99;

        g_assert_true(inbox_backlog(f->box, &count, &age, NULL));
        g_assert_cmpuint(count, ==, 0);
        g_assert_cmpint(age, ==, 0);
        drop(f->box, "a.PKN", "");
        drop(f->box, "b.STA", "");
        g_assert_cmpint(utimensat(AT_FDCWD, path, times, 0), ==, 0);
        g_assert_true(inbox_backlog(f->box, &count, &age, NULL));
        g_assert_cmpuint(count, ==, 2);
        g_assert_cmpint(age, >=, UK_HOUR);
        g_assert_cmpint(age, <, UK_HOUR + UK_MINUTE);
}

int
main(int argc, char **argv)
{
        setlocale(LC_ALL, "C");
        g_test_init(&argc, &argv, NULL);
#define CASE(path, fn) g_test_add("/inbox/" path, Fixture, NULL, set_up, fn, tear_down)
        CASE("scan/oldest-first", oldest_first);
        CASE("scan/kinds-without-case", kinds_without_case);
        CASE("scan/parts-of-names", parts_of_names);
        CASE("scan/passed-over", passed_over);
        CASE("scan/many-files-small-batch", many_files_small_batch);
        CASE("scan/missing-box", missing_box);
        CASE("file/reading", reading);
        CASE("file/letters", letters);
        CASE("file/done", done);
        CASE("file/newer-news-survives", newer_news_survives);
        CASE("file/no-news-is-lost-in-a-race", no_news_is_lost_in_a_race);
        CASE("corrupt/set-aside", set_aside);
        CASE("corrupt/without-a-box", without_a_box);
        CASE("corrupt/box-in-capitals", box_in_capitals);
        CASE("corrupt/failing-at-each-point", set_aside_failing_at_each_point);
        CASE("corrupt/trimming-by-number", trimming_by_number);
        CASE("corrupt/trimming-by-age", trimming_by_age);
        CASE("corrupt/tidying", tidying);
        CASE("backlog", backlog);
        return g_test_run();
}
