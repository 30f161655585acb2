/* Tests of src/cli/library.c over a library made of a small folder; names, sizes and the hash are
 * those of the folder and of sha256sum. */
#include "cli/library.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/io.h"
#include "content/snapshot.h"

/* printf 'hello' | sha256sum */
#define HELLO "2CF24DBA5FB0A30E26E83B2AC5B9E29E1B161E5C1FA7425E73043362938B9824"

static const CliVerb verbs[] = {
        { "library", "browse", "[PACKAGE]", NULL, "browse", library_browse },
        { "library", "verify", "[PACKAGE]", NULL, "verify", library_verify },
        { "library",
          "clean",
          "",
          NULL,
          "clean",
          library_clean,
          { { "delete", NULL, NULL, "remove" }, { "older-than", "SPAN", NULL, "age" } } },
        { .noun = NULL },
};

typedef struct {
        char *root, *file; /* of the machine; of "hello" in the library */
} Fixture;

static void
set_up(Fixture *f, gconstpointer data)
{
        g_autoptr(GError) error = NULL;

        f->root = g_dir_make_tmp("upkeep-cli-library-XXXXXX", NULL);
        g_autofree char *source = g_build_filename(f->root, "source", NULL);
        g_autofree char *hello = g_build_filename(source, "greeting", NULL);
        g_autofree char *link = g_build_filename(source, "way", NULL);
        g_autofree char *place = g_build_filename(f->root, LIBRARY_FOLDER, NULL);
        const char *ids[] = { "LAB00001.1", NULL };

        g_assert_cmpint(mkdir(source, 0755), ==, 0);
        g_assert_true(g_file_set_contents(hello, "hello", 5, NULL));
        g_assert_cmpint(symlink("greeting", link), ==, 0);
        g_autoptr(Library) library = library_open(place, true, &error);

        g_assert_no_error(error);
        g_autoptr(Snapshot) snapshot =
                snapshot_take(library, source, ids[0], NULL, NULL, NULL, &error);

        g_assert_no_error(error);
        g_assert_true(library_add_content(library, snapshot->tree, snapshot->signatures, &error));
        g_assert_true(library_set_package(library, "LAB00001", 1, ids, &error));
        f->file = g_build_filename(place, "FileLib", "2CF2", HELLO, NULL);
        g_assert_true(g_file_test(f->file, G_FILE_TEST_EXISTS));
}

static void
tear_down(Fixture *f, gconstpointer data)
{
        g_assert_true(uk_io_remove_tree(f->root, NULL));
        g_free(f->root);
        g_free(f->file);
}

/* Runs "library|verify"; the exit status must be that, and the texts be in the outputs. */
static void
check(Fixture *f, const char *line, int status, const char *out_part, const char *err_part)
{
        g_autofree char *whole = g_strconcat("upkeep|", line, "|--root|", f->root, NULL);
        g_auto(GStrv) argv = g_strsplit(whole, "|", -1);
        char *out_text = NULL, *err_text = NULL;
        size_t size;
        FILE *out = open_memstream(&out_text, &size), *err = open_memstream(&err_text, &size);
        int got = cli_run(verbs, (int)g_strv_length(argv), argv, out, err);

        fclose(out);
        fclose(err);
        g_test_message("%s: %d\n%s%s", line, got, out_text, err_text);
        g_assert_cmpint(got, ==, status);
        g_assert_nonnull(strstr(out_text, out_part));
        g_assert_nonnull(strstr(err_text, err_part));
        free(out_text);
        free(err_text);
}

static void
browse(Fixture *f, gconstpointer data)
{
        check(f, "library|browse", 0, "LAB00001        1      1   5 B  LAB00001.1", "");
        check(f, "library|browse|lab00001", 0, "2cf24dba5fb0a30e  greeting", "");
        check(f, "library|browse|lab00001", 0, "way -> greeting", "");
        check(f, "library|browse|LAB00001|--json", 0, "\"Kind\":\"symlink\",\"Path\":\"way\"", "");
        check(f, "library|browse|LAB00009", 1, "", "upkeep library browse shows all");
}

/* What was changed on the disk behind the library's back is found by reading. */
static void
verify(Fixture *f, gconstpointer data)
{
        check(f, "library|verify", 0, "1 files, 5 B: all are right", "");
        g_assert_cmpint(chmod(f->file, 0644), ==, 0);
        g_assert_true(g_file_set_contents(f->file, "jello", 5, NULL));
        check(f, "library|verify|LAB00001", 1, "LAB00001.1: greeting is damaged",
              "upkeep package redistribute");
        check(f, "library|verify|--json", 1, "\"Damaged\":1", "");
        g_assert_cmpint(unlink(f->file), ==, 0);
        check(f, "library|verify", 1, "LAB00001.1: greeting is missing", "1 files are missing");
}

/* Reported, and removed only when that is asked for and nobody writes the library. */
static void
clean(Fixture *f, gconstpointer data)
{
        g_autofree char *stray =
                g_build_filename(f->root, LIBRARY_FOLDER, "FileLib", "2CF2", "notes.txt", NULL);
        g_autofree char *place = g_build_filename(f->root, LIBRARY_FOLDER, NULL);

        check(f, "library|clean|--older-than|0s", 0, "nothing is there", "");
        g_assert_true(g_file_set_contents(stray, "mine", 4, NULL));
        check(f, "library|clean", 0, "nothing is there", "");
        check(f, "library|clean|--older-than|0s", 0, "FileLib/2CF2/notes.txt: the name is none",
              "");
        check(f, "library|clean|--older-than|0s|--json", 0, "\"Bytes\":4", "");
        Library *writer = library_open(place, true, NULL);
        check(f, "library|clean|--older-than|0s|--delete", 1, "", "removes such things by itself");
        library_free(writer);
        g_assert_cmpint(access(stray, F_OK), ==, 0);
        check(f, "library|clean|--older-than|0s|--delete", 0, "1 things, 4 B; removed", "");
        g_assert_cmpint(access(stray, F_OK), !=, 0);
        g_assert_cmpint(access(f->file, F_OK), ==, 0);
}

static void
nothing_there(Fixture *f, gconstpointer data)
{
        g_autofree char *place = g_build_filename(f->root, LIBRARY_FOLDER, NULL);

        g_assert_true(uk_io_remove_tree(place, NULL));
        check(f, "library|browse", 1, "", "there is no content library to read at");
}

int
main(int argc, char **argv)
{
        g_assert_true(crypto_global_init(NULL));
        g_test_init(&argc, &argv, NULL);
#define CASE(name, function) \
        g_test_add("/cli/library/" name, Fixture, NULL, set_up, function, tear_down)
        CASE("browse", browse);
        CASE("verify-finds-what-is-damaged", verify);
        CASE("clean-tells-and-removes", clean);
        CASE("nothing-there", nothing_there);
        return g_test_run();
}
