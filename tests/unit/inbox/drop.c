/* Tests of src/inbox/drop.c: names, drops that fail at each step, notices. */
#include "inbox/drop.h"

#include <glib/gstdio.h>
#include <locale.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fault.h"
#include "base/io.h"

typedef struct {
        char *box;
} Fixture;

static void
set_up(Fixture *f, gconstpointer data)
{
        f->box = g_dir_make_tmp("drop-XXXXXX", NULL);
        g_assert_nonnull(f->box);
}

static void
tear_down(Fixture *f, gconstpointer data)
{
        uk_fault_set(NULL);
        g_assert_true(uk_io_remove_tree(f->box, NULL));
        g_free(f->box);
}

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
assert_holds(Fixture *f, const char *name, const char *expected)
{
        g_autofree char *path = g_build_filename(f->box, name, NULL);
        g_autofree char *text = NULL;
        gsize size;

        g_assert_true(g_file_get_contents(path, &text, &size, NULL));
        g_assert_cmpstr(text, ==, expected);
        g_assert_cmpuint(size, ==, strlen(expected));
}

static void
dropped_whole(Fixture *f, gconstpointer data)
{
        g_autoptr(GError) error = NULL;

        g_assert_true(inbox_drop(f->box, "SELF.SYN", NULL, 0, &error));
        assert_holds(f, "SELF.SYN", "");
        g_assert_true(inbox_drop(f->box, "SELF.SYN", "Seq: 7\n", 7, &error));
        assert_holds(f, "SELF.SYN", "Seq: 7\n");
        g_assert_true(inbox_drop_unsynced(f->box, "a b.SMX", "x", 1, &error));
        assert_holds(f, "a b.SMX", "x");
        g_assert_cmpuint(names_in(f->box), ==, 2);
}

static void
time_is_the_clocks(Fixture *f, gconstpointer data)
{
        g_autofree char *path = g_build_filename(f->box, "a.PKN", NULL);
        gint64 before = uk_clock_now();
        struct stat st;

        g_assert_true(inbox_drop(f->box, "a.PKN", "x", 1, NULL));
        g_assert_cmpint(stat(path, &st), ==, 0);
        gint64 time = (gint64)st.st_mtim.tv_sec * UK_SECOND + st.st_mtim.tv_nsec / 1000;
        g_assert_cmpint(time, >=, before);
        g_assert_cmpint(time, <=, uk_clock_now());
}

static void
hostile_names(Fixture *f, gconstpointer data)
{
        g_autofree char *long_name = g_strnfill(201, 'x');
        g_autofree char *longest = g_strnfill(200, 'x');
        const char *bad[] = { "",      ".",       "..",       ".hidden", "a/b",     "/etc/passwd",
                              "../up", "a\nb",    "a\x1b[2J", "a\x7f",   "a\xff.X", "a\xc2\x85.X",
                              "a\tb",  long_name, ".SELF.SYN" };

        for (gsize i = 0; i < G_N_ELEMENTS(bad); i++) {
                g_autoptr(GError) error = NULL;

                g_assert_false(inbox_name_valid(bad[i]));
                g_assert_false(inbox_drop(f->box, bad[i], "x", 1, &error));
                g_assert_error(error, UK_ERROR, UK_ERROR_INVALID);
                g_assert_true(g_utf8_validate(error->message, -1, NULL));
        }
        g_assert_cmpuint(names_in(f->box), ==, 0);
        g_assert_true(inbox_drop(f->box, longest, "x", 1, NULL));
        g_assert_true(
                inbox_drop(f->box, "{3DA21691-E39D-4DA6-8A4B-B43877BCB1B7}.STN", "", 0, NULL));
        g_assert_true(inbox_drop(f->box, "\xc3\xa4.PKN", "", 0, NULL));
}

/* The programs run without rights: what root leaves in their boxes is theirs, or it is never read.
 */
static void
given_to_the_owner(Fixture *f, gconstpointer data)
{
        g_autofree char *path = g_build_filename(f->box, "a.PKN", NULL);
        g_autoptr(GError) error = NULL;
        struct stat st;

        if (geteuid() != 0 || chown(f->box, 12345, 54321) != 0) {
                g_test_skip("only root gives files away");
                return;
        }
        g_assert_true(inbox_drop(f->box, "a.PKN", "x", 1, &error));
        g_assert_cmpint(stat(path, &st), ==, 0);
        g_assert_cmpuint(st.st_uid, ==, 12345);
        g_assert_cmpuint(st.st_gid, ==, 54321);
}

static void
missing_box(Fixture *f, gconstpointer data)
{
        g_autofree char *box = g_build_filename(f->box, "none.box", NULL);
        g_autoptr(GError) error = NULL;

        g_assert_false(inbox_drop(box, "a.PKN", "x", 1, &error));
        g_assert_error(error, UK_ERROR, UK_ERROR_IO);
        g_assert_cmpint(uk_error_class(error), ==, UK_CLASS_LATER);
}

/* Whichever step fails: the old file or the new one, never a mixture, and no litter. */
static void
failing_at_each_point(Fixture *f, gconstpointer data)
{
        unsigned n = 1;

        for (;; n++) {
                g_autofree char *plan = g_strdup_printf("fail:%u", n);
                g_autofree char *path = g_build_filename(f->box, "a.PKN", NULL);
                g_autofree char *text = NULL;
                g_autoptr(GError) error = NULL;

                g_assert_true(inbox_drop(f->box, "a.PKN", "old", 3, NULL));
                uk_fault_set(plan);
                bool ok = inbox_drop(f->box, "a.PKN", "new", 3, &error);
                uk_fault_set(NULL);
                g_assert_cmpuint(names_in(f->box), ==, 1);
                if (ok)
                        break;
                g_assert_cmpint(uk_error_class(error), ==, UK_CLASS_LATER);
                g_assert_true(g_file_get_contents(path, &text, NULL, NULL));
                g_assert_cmpstr(text, ==, n < 4 ? "old" : "new");
        }
        g_assert_cmpuint(n, ==, 5); /* write, sync, rename, sync of the folder */
}

/* ---- notices ---- */

static InboxNotice *
read_notice(const char *body)
{
        g_autoptr(GError) error = NULL;
        InboxNotice *notice = inbox_notice_read(body, strlen(body), &error);

        g_assert_no_error(error);
        g_assert_nonnull(notice);
        g_assert_nonnull(notice->traces);
        return notice;
}

static void
notice_written_and_read(void)
{
        const char *traces[] = { "0123456789abcdef0123456789abcdef",
                                 "fedcba9876543210fedcba9876543210", NULL };
        const InboxNotice notice = { 42, (char *)" 100%\r\n\xc3\xa4: ", (char **)traces };
        g_autofree char *body = inbox_notice_write(&notice);
        g_autoptr(InboxNotice) back = read_notice(body);

        g_assert_cmpstr(body, ==,
                        "Seq: 42\nValue:  100%25%0D%0A\xc3\xa4: \n"
                        "Trace: 0123456789abcdef0123456789abcdef\n"
                        "Trace: fedcba9876543210fedcba9876543210\n");
        g_assert_cmpint(back->seq, ==, 42);
        g_assert_cmpstr(back->value, ==, notice.value);
        g_assert_true(g_strv_equal((const char *const *)back->traces, traces));
}

static void
notice_with_nothing(void)
{
        const InboxNotice none = { 0 };
        g_autofree char *body = inbox_notice_write(&none);
        g_autoptr(InboxNotice) back = read_notice("");
        g_autoptr(InboxNotice) null = inbox_notice_read(NULL, 0, NULL);

        g_assert_cmpstr(body, ==, "");
        g_assert_cmpint(back->seq, ==, 0);
        g_assert_null(back->value);
        g_assert_cmpuint(g_strv_length(back->traces), ==, 0);
        g_assert_nonnull(null);
}

static void
notice_made_by_hand(void)
{
        g_autoptr(InboxNotice) notice =
                read_notice("\xef\xbb\xbfseq:7\r\n\r\nVALUE:50% of it %zz\r\nColour: red\r\n"
                            "Trace: no trace\r\nTrace: 0123456789ABCDEF0123456789ABCDEF\r\n"
                            "trace:0123456789abcdef0123456789abcdef");

        g_assert_cmpint(notice->seq, ==, 7);
        g_assert_cmpstr(notice->value, ==, "50% of it %zz");
        g_assert_cmpuint(g_strv_length(notice->traces), ==, 1);
}

static void
notice_refused(void)
{
        static const char *const bad[] = { "Seq",
                                           "Seq: x",
                                           "Seq: 0",
                                           "Seq: -1",
                                           "Seq: 99999999999999999999",
                                           "Seq: 1\nSeq: 2",
                                           "Value: a\nValue: b",
                                           "<xml/>",
                                           "Value: \xff",
                                           "Value: %FF" };

        for (gsize i = 0; i < G_N_ELEMENTS(bad); i++) {
                g_autoptr(GError) error = NULL;
                g_assert_null(inbox_notice_read(bad[i], strlen(bad[i]), &error));
                g_assert_error(error, UK_ERROR, UK_ERROR_PARSE);
        }
        g_autoptr(GError) error = NULL;
        g_assert_null(inbox_notice_read("Value: a\0b", 10, &error));
        g_assert_error(error, UK_ERROR, UK_ERROR_PARSE);
        g_clear_error(&error);
        g_autofree char *big = g_strnfill(1024 * 1024 + 1, 'x');
        g_assert_null(inbox_notice_read(big, 1024 * 1024 + 1, &error));
        g_assert_error(error, UK_ERROR, UK_ERROR_LIMIT);
}

int
main(int argc, char **argv)
{
        setlocale(LC_ALL, "C");
        g_test_init(&argc, &argv, NULL);
#define CASE(path, fn) g_test_add("/inbox/drop/" path, Fixture, NULL, set_up, fn, tear_down)
        CASE("whole", dropped_whole);
        CASE("time-is-the-clocks", time_is_the_clocks);
        CASE("hostile-names", hostile_names);
        CASE("given-to-the-owner", given_to_the_owner);
        CASE("missing-box", missing_box);
        CASE("failing-at-each-point", failing_at_each_point);
        g_test_add_func("/inbox/notice/written-and-read", notice_written_and_read);
        g_test_add_func("/inbox/notice/with-nothing", notice_with_nothing);
        g_test_add_func("/inbox/notice/made-by-hand", notice_made_by_hand);
        g_test_add_func("/inbox/notice/refused", notice_refused);
        return g_test_run();
}
