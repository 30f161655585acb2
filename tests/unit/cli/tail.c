/* Tests of src/cli/tail.c: no line is lost or given twice, whatever becomes of the file. */
#include "cli/tail.h"

#include <stdio.h>
#include <unistd.h>

#include "base/io.h"

typedef struct {
        char *dir, *path;
} Fixture;

static void
set_up(Fixture *f, gconstpointer data)
{
        f->dir = g_dir_make_tmp("upkeep-tail-XXXXXX", NULL);
        f->path = g_build_filename(f->dir, "a.log", NULL);
}

static void
tear_down(Fixture *f, gconstpointer data)
{
        g_autoptr(GError) error = NULL;

        g_assert_true(uk_io_remove_tree(f->dir, &error));
        g_free(f->dir);
        g_free(f->path);
}

static void
append(Fixture *f, const char *text)
{
        FILE *file = fopen(f->path, "a");

        g_assert_cmpint(fputs(text, file), >=, 0);
        g_assert_cmpint(fclose(file), ==, 0);
}

static void
expect(Tail *tail, const char *expected)
{
        g_autofree char *line = tail_next(tail);

        g_assert_cmpstr(line, ==, expected);
}

static void
whole_lines_only(Fixture *f, gconstpointer data)
{
        g_autoptr(GError) error = NULL;

        append(f, "one\ntw");
        g_autoptr(Tail) tail = tail_open(f->path, -1, &error);

        g_assert_cmpstr(tail_name(tail), ==, "a.log");
        expect(tail, "one");
        expect(tail, NULL);
        append(f, "o\nthree\n");
        expect(tail, "two");
        expect(tail, "three");
        expect(tail, NULL);
}

static void
only_the_end(Fixture *f, gconstpointer data)
{
        g_autoptr(GError) error = NULL;

        append(f, "first\nsecond\nthird\n");
        g_autoptr(Tail) tail = tail_open(f->path, 9, &error);

        expect(tail, "third");
        expect(tail, NULL);
}

static void
rotation(Fixture *f, gconstpointer data)
{
        g_autoptr(GError) error = NULL;
        g_autofree char *old = g_build_filename(f->dir, "a.lo_", NULL);

        append(f, "one\n");
        g_autoptr(Tail) tail = tail_open(f->path, -1, &error);

        expect(tail, "one");
        append(f, "two\n");
        g_assert_cmpint(rename(f->path, old), ==, 0);
        append(f, "three\n");
        expect(tail, "two");
        expect(tail, "three");
        expect(tail, NULL);
}

static void
cut_short(Fixture *f, gconstpointer data)
{
        g_autoptr(GError) error = NULL;

        append(f, "one\ntwo\n");
        g_autoptr(Tail) tail = tail_open(f->path, -1, &error);

        expect(tail, "one");
        expect(tail, "two");
        g_assert_cmpint(truncate(f->path, 0), ==, 0);
        append(f, "new\n");
        expect(tail, "new");
}

static void
missing(Fixture *f, gconstpointer data)
{
        g_autoptr(GError) error = NULL;

        g_assert_null(tail_open(f->path, -1, &error));
        g_assert_nonnull(error);
}

int
main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
#define CASE(name, function) \
        g_test_add("/cli/tail/" name, Fixture, NULL, set_up, function, tear_down)
        CASE("whole-lines-only", whole_lines_only);
        CASE("only-the-end", only_the_end);
        CASE("rotation", rotation);
        CASE("cut-short", cut_short);
        CASE("missing", missing);
        return g_test_run();
}
