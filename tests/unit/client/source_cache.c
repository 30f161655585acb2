/* Tests of src/client/wuagent/source_cache.c: kept sets are what they are named, or nothing. */
#include "client/wuagent/source_cache.h"

#include <string.h>
#include <zstd.h>

#include "base/io.h"
#include "unit/must.h"

#define PRODUCT "3f2a6b1e-6a3f-5d0e-9a3b-0d6d4c6f8a10"
#define TEXT    "some set"

static char *
folder(void)
{
        g_autofree char *dir = g_dir_make_tmp("cache-XXXXXX", NULL);

        return g_build_filename(dir, "wuagent", NULL);
}

static void
end(char *dir_take)
{
        g_autofree char *parent = g_path_get_dirname(dir_take);

        MUST(uk_io_remove_tree(parent, &failure));
        g_free(dir_take);
}

/* The digest from outside, by the program every system has. */
static char *
digest_of(const char *text)
{
        g_autofree char *quoted = g_shell_quote(text);
        g_autofree char *command = g_strdup_printf("sh -c \"printf %%s %s | sha256sum\"", quoted);
        char *out = NULL;

        g_assert_true(g_spawn_command_line_sync(command, &out, NULL, NULL, NULL));
        out[64] = '\0';
        return out;
}

static SourceSet *
set_new(const char *arch, gint64 number, const char *text)
{
        SourceSet *set = g_new0(SourceSet, 1);

        set->product_id = g_strdup(PRODUCT);
        set->architecture = g_strdup(arch);
        set->number = number;
        set->sha256 = digest_of(text);
        set->text = g_bytes_new(text, strlen(text));
        return set;
}

static void
keeps(void)
{
        char *dir = folder();
        g_autoptr(SourceSet) set = set_new("amd64", 7, TEXT);

        MUST(source_cache_store(dir, set, &failure));
        g_autoptr(GPtrArray) sets = source_cache_list(dir, NULL);
        SourceSet *found = source_cache_find(sets, PRODUCT, "amd64");
        g_assert_nonnull(found);
        g_assert_null(source_cache_find(sets, PRODUCT, "i386"));
        g_assert_cmpint(found->number, ==, 7);
        g_assert_null(found->text);
        MUST(source_cache_load(dir, found, &failure));
        g_assert_true(g_bytes_equal(found->text, set->text));
        end(dir);
}

static void
nothing_yet(void)
{
        char *dir = folder();
        g_autoptr(GPtrArray) sets = source_cache_list(dir, NULL);

        g_assert_nonnull(sets);
        g_assert_cmpuint(sets->len, ==, 0);
        end(dir);
}

static void
refuses_another_text(void)
{
        char *dir = folder();
        g_autoptr(SourceSet) set = set_new("amd64", 7, TEXT);
        g_autoptr(GError) error = NULL;

        g_bytes_unref(set->text);
        set->text = g_bytes_new("other", 5);
        g_assert_false(source_cache_store(dir, set, &error));
        g_assert_error(error, UK_ERROR, UK_ERROR_SIGNATURE);
        end(dir);
}

static void
finds_damage(void)
{
        char *dir = folder();
        g_autoptr(SourceSet) set = set_new("amd64", 7, TEXT);
        g_autofree char *path = g_strdup_printf("%s/" PRODUCT "_amd64_7_%s.set", dir, set->sha256);
        g_autoptr(GError) error = NULL;

        MUST(source_cache_store(dir, set, &failure));
        g_assert_true(g_file_set_contents(path, "some sEt", -1, NULL));
        g_autoptr(GPtrArray) sets = source_cache_list(dir, NULL);
        g_assert_false(source_cache_load(dir, sets->pdata[0], &error));
        g_assert_error(error, UK_ERROR, UK_ERROR_SIGNATURE);
        end(dir);
}

static void
forgets(void)
{
        char *dir = folder();
        g_autoptr(SourceSet) old = set_new("amd64", 7, TEXT);
        g_autoptr(SourceSet) new = set_new("amd64", 8, "newer set");
        g_autofree char *foreign = g_build_filename(dir, "README", NULL);
        g_autoptr(GPtrArray) keep = g_ptr_array_new();

        MUST(source_cache_store(dir, old, &failure));
        MUST(source_cache_store(dir, new, &failure));
        g_assert_true(g_file_set_contents(foreign, "x", 1, NULL));
        g_ptr_array_add(keep, new);
        MUST(source_cache_keep_only(dir, keep, &failure));
        g_autoptr(GPtrArray) sets = source_cache_list(dir, NULL);
        g_assert_cmpuint(sets->len, ==, 1);
        g_assert_cmpint(((SourceSet *)sets->pdata[0])->number, ==, 8);
        g_assert_true(g_file_test(foreign, G_FILE_TEST_EXISTS));
        end(dir);
}

static GBytes *
packed(const char *text, gsize size)
{
        gsize room = ZSTD_compressBound(size);
        char *frame = g_malloc(room);
        gsize got = ZSTD_compress(frame, room, text, size, 3);

        return g_bytes_new_take(frame, got);
}

static void
unpacks(void)
{
        g_autofree char *text = g_strnfill(1000000, 'x');
        g_autoptr(GBytes) frame = packed(text, 1000000);
        gsize size;
        const void *data = g_bytes_get_data(frame, &size);
        g_autoptr(GBytes) plain = source_cache_unpack(data, size, NULL);

        g_assert_nonnull(plain);
        g_assert_cmpuint(g_bytes_get_size(plain), ==, 1000000);
}

static void
refuses_frames(void)
{
        g_autoptr(GBytes) frame = packed(TEXT, strlen(TEXT));
        gsize size;
        const char *data = g_bytes_get_data(frame, &size);
        g_autofree char *longer = g_malloc0(size + 1);
        g_autoptr(GError) cut = NULL, garbage = NULL, more = NULL, empty = NULL;

        memcpy(longer, data, size);
        g_assert_null(source_cache_unpack(data, size - 1, &cut));
        g_assert_error(cut, UK_ERROR, UK_ERROR_PARSE);
        g_assert_null(source_cache_unpack("<html>not found</html>", 22, &garbage));
        g_assert_error(garbage, UK_ERROR, UK_ERROR_PARSE);
        g_assert_null(source_cache_unpack(longer, size + 1, &more));
        g_assert_error(more, UK_ERROR, UK_ERROR_PARSE);
        g_assert_null(source_cache_unpack("", 0, &empty));
        g_assert_error(empty, UK_ERROR, UK_ERROR_PARSE);
}

/* A frame of a few kilobytes that would become more than any set is. */
static void
refuses_a_bomb(void)
{
        gsize plain = (gsize)SOURCE_CACHE_MAX_BYTES + 1;
        g_autofree char *text = g_malloc0(plain);
        g_autoptr(GBytes) frame = packed(text, plain);
        gsize size;
        const void *data = g_bytes_get_data(frame, &size);
        g_autoptr(GError) error = NULL;

        g_assert_cmpuint(size, <, 100000);
        g_assert_null(source_cache_unpack(data, size, &error));
        g_assert_error(error, UK_ERROR, UK_ERROR_LIMIT);
}

int
main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/client/source-cache/keeps-DEB-042", keeps);
        g_test_add_func("/client/source-cache/nothing-yet", nothing_yet);
        g_test_add_func("/client/source-cache/refuses-another-text", refuses_another_text);
        g_test_add_func("/client/source-cache/finds-damage", finds_damage);
        g_test_add_func("/client/source-cache/forgets", forgets);
        g_test_add_func("/client/source-cache/unpacks", unpacks);
        g_test_add_func("/client/source-cache/refuses-frames", refuses_frames);
        g_test_add_func("/client/source-cache/refuses-a-bomb", refuses_a_bomb);
        return g_test_run();
}
