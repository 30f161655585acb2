/* Tests of src/crypto/hash.c; expected digests are sha256sum's, sha1sum's and FIPS 180-4's. */
#include "crypto/hash.h"

#include <locale.h>
#include <string.h>

#include <glib/gstdio.h>

#define ABC_SHA256 "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
#define ABC_SHA1   "a9993e364706816aba3e25717850c26c9cd0d89d"

static char *
run_sum(const char *program, const char *path)
{
        const char *argv[] = { program, path, NULL };
        char *out = NULL;
        int status = -1;

        if (!g_spawn_sync(NULL, (char **)argv, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL, &out, NULL,
                          &status, NULL) ||
            status != 0)
                g_error("%s does not run", program);
        *strchr(out, ' ') = '\0';
        return out;
}

static void
known_digests(void)
{
        guint8 sha1[HASH_SHA1_SIZE];
        g_autofree char *abc = hash_sha256_hex("abc", 3);
        g_autofree char *none = hash_sha256_hex("", 0);

        g_assert_cmpstr(abc, ==, ABC_SHA256);
        g_assert_cmpstr(none, ==,
                        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
        hash_sha1("abc", 3, sha1);
        g_autofree char *hex = hash_hex(sha1, sizeof sha1);
        g_assert_cmpstr(hex, ==, ABC_SHA1);
}

static void
pieces_are_the_whole(void)
{
        g_autoptr(HashStream) hash = hash_stream_new();
        g_autoptr(HashStream) sha1 = hash_stream_new_sha1();
        guint8 digest[HASH_SHA256_SIZE];

        for (int round = 0; round < 2; round++) { /* the stream is as new after its end */
                hash_stream_add(hash, "a", 1);
                hash_stream_add(hash, "", 0);
                hash_stream_add(hash, "bc", 2);
                hash_stream_end(hash, digest);
                g_autofree char *hex = hash_hex(digest, sizeof digest);
                g_assert_cmpstr(hex, ==, ABC_SHA256);
        }
        hash_stream_add(sha1, "abc", 3);
        hash_stream_end(sha1, digest);
        g_autofree char *hex = hash_hex(digest, HASH_SHA1_SIZE);
        g_assert_cmpstr(hex, ==, ABC_SHA1);
}

static void
file_as_sha256sum(void)
{
        g_autofree char *dir = g_dir_make_tmp("uk-hash-XXXXXX", NULL);
        g_autofree char *path = g_build_filename(dir, "file", NULL);
        const gsize sizes[] = { 0, 1, 131071, 131072, 131073, 1000000 };

        for (gsize i = 0; i < G_N_ELEMENTS(sizes); i++) {
                g_autofree char *data = g_malloc(sizes[i] + 1);
                guint8 digest[HASH_SHA256_SIZE];
                g_autoptr(GError) error = NULL;

                for (gsize j = 0; j < sizes[i]; j++)
                        data[j] = (char)(j * 31 + j / 253);
                g_assert_true(g_file_set_contents(path, data, (gssize)sizes[i], NULL));
                g_assert_true(hash_file(path, digest, &error));
                g_autofree char *hex = hash_hex(digest, sizeof digest);
                g_autofree char *expected = run_sum("sha256sum", path);
                g_assert_cmpstr(hex, ==, expected);
        }
        g_unlink(path);
        g_rmdir(dir);
}

static void
file_that_cannot_be_read(void)
{
        guint8 digest[HASH_SHA256_SIZE];
        g_autoptr(GError) error = NULL;

        g_assert_false(hash_file("/nonexistent/file", digest, &error));
        g_assert_true(g_error_matches(error, UK_ERROR, UK_ERROR_NOT_FOUND));
        g_clear_error(&error);
        g_assert_false(hash_file("/", digest, &error));
        g_assert_true(g_error_matches(error, UK_ERROR, UK_ERROR_IO));
}

static void
hex_both_ways(void)
{
        guint8 out[2] = { 0, 0 };

        g_assert_true(hash_from_hex("fF0a", 4, out, 2));
        g_assert_cmpint(out[0], ==, 0xff);
        g_assert_cmpint(out[1], ==, 0x0a);
        g_assert_false(hash_from_hex("ff0", 3, out, 2));
        g_assert_false(hash_from_hex("ff0a0", 5, out, 2));
        g_assert_false(hash_from_hex("ff0g", 4, out, 2));
        g_assert_false(hash_from_hex("ff0\n", 4, out, 2));
        g_assert_cmpint(out[0], ==, 0xff); /* untouched on failure */
}

int
main(int argc, char **argv)
{
        setlocale(LC_ALL, "C");
        g_test_init(&argc, &argv, NULL);
        g_assert_true(crypto_global_init(NULL));
        g_test_add_func("/crypto/hash/known-digests", known_digests);
        g_test_add_func("/crypto/hash/pieces-are-the-whole", pieces_are_the_whole);
        g_test_add_func("/crypto/hash/file-as-sha256sum", file_as_sha256sum);
        g_test_add_func("/crypto/hash/file-that-cannot-be-read", file_that_cannot_be_read);
        g_test_add_func("/crypto/hash/hex-both-ways", hex_both_ways);
        return g_test_run();
}
