/* Tests of tests/fault/faultloop.c: a right mover passes it, planted mistakes do not. */
#include "faultloop.h"

#include <locale.h>
#include <string.h>

#include "base/io.h"
#include "inbox/drop.h"
#include "inbox/inbox.h"

typedef struct {
        char *box;
        char *out;
        bool lost, deaf, nothing; /* the mistakes */
} Mover;

static void
prepare(gpointer data)
{
        Mover *m = data;

        m->box = g_dir_make_tmp("mover-XXXXXX", NULL);
        m->out = g_build_filename(m->box, "out", NULL);
        g_assert_true(inbox_drop(m->box, "a.TOY", "body", 4, NULL));
}

static void
finish(gpointer data)
{
        Mover *m = data;

        g_assert_true(uk_io_remove_tree(m->box, NULL));
        g_free(m->box);
        g_free(m->out);
}

static bool
run(gpointer data, GError **error)
{
        Mover *m = data;
        g_autoptr(GPtrArray) files = inbox_scan(m->box, (const char *[]){ ".TOY", NULL }, 0, error);
        InboxFile *file = files != NULL && files->len > 0 ? files->pdata[0] : NULL;

        if (m->nothing || file == NULL)
                return files != NULL;
        if (m->lost && !inbox_file_done(file, error))
                return false;
        if (!uk_io_replace(m->out, "body", 4, 0600, error)) {
                if (m->deaf && error != NULL) {
                        g_clear_error(error);
                        return uk_fail(error, UK_ERROR_PARSE, "it must be the input's fault");
                }
                return false;
        }
        return inbox_file_done(file, error);
}

static bool
check(gpointer data, GError **error)
{
        Mover *m = data;
        g_autofree char *text = NULL;

        return m->nothing || uk_io_read(m->out, 10, &text, NULL, error);
}

static const FaultLoop mover_loop = { prepare, run, check, finish };

static void
right(void)
{
        Mover m = { 0 };
        g_autoptr(GError) error = NULL;
        unsigned points = 0;

        (void)!faultloop_run(&mover_loop, &m, &points, &error);
        g_assert_no_error(error);
        g_assert_cmpuint(points, ==, 5); /* write, sync, rename, sync, removal */
}

static void
finds_what_is_lost(void)
{
        Mover m = { .lost = true };
        g_autoptr(GError) error = NULL;

        g_assert_false(faultloop_run(&mover_loop, &m, NULL, &error));
        g_assert_true(g_str_has_prefix(error->message, "fail:2: "));
        g_assert_nonnull(strstr(error->message, "does not exist"));
}

static void
finds_errors_that_blame_the_input(void)
{
        Mover m = { .deaf = true };
        g_autoptr(GError) error = NULL;

        g_assert_false(faultloop_run(&mover_loop, &m, NULL, &error));
        g_assert_nonnull(strstr(error->message, "it must be the input's fault"));
}

static void
fails_without_a_point(void)
{
        Mover m = { .nothing = true };
        g_autoptr(GError) error = NULL;

        g_assert_false(faultloop_run(&mover_loop, &m, NULL, &error));
        g_assert_nonnull(strstr(error->message, "no fault point"));
}

int
main(int argc, char **argv)
{
        setlocale(LC_ALL, "C");
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/fault/in-process/right", right);
        g_test_add_func("/fault/in-process/finds-what-is-lost", finds_what_is_lost);
        g_test_add_func("/fault/in-process/finds-errors-that-blame-the-input",
                        finds_errors_that_blame_the_input);
        g_test_add_func("/fault/in-process/fails-without-a-point", fails_without_a_point);
        return g_test_run();
}
