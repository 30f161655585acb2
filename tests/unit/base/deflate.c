/* Tests of src/base/deflate.c; the judge of the forms is Python's zlib and gzip. */
#include "base/deflate.h"

#include <locale.h>
#include <string.h>

#include <glib/gstdio.h>

static GBytes *
pattern(gsize size)
{
        char *data = g_malloc(size + 1);

        for (gsize i = 0; i < size; i++)
                data[i] = "the same again and again "[i % 25];
        return g_bytes_new_take(data, size);
}

static void
there_and_back(void)
{
        const gsize sizes[] = { 0, 1, 100, 65536, 3000000 };

        for (gsize i = 0; i < 2 * G_N_ELEMENTS(sizes); i++) {
                g_autoptr(GBytes) plain = pattern(sizes[i / 2]);
                gsize size;
                const void *data = g_bytes_get_data(plain, &size);
                g_autoptr(GBytes) packed = deflate_pack((DeflateForm)(i % 2), data, size);
                g_autoptr(GError) error = NULL;
                g_autoptr(GBytes) back = deflate_unpack(g_bytes_get_data(packed, NULL),
                                                        g_bytes_get_size(packed), size, &error);

                g_assert_no_error(error);
                g_assert_true(g_bytes_equal(plain, back));
                if (size > 1000)
                        g_assert_cmpuint(g_bytes_get_size(packed), <, size / 10);
        }
}

/* What Python reads of ours, in hexadecimal. */
static void
as_python_reads_it(void)
{
        static const char script[] =
                "import sys,zlib,gzip\n"
                "a=bytes.fromhex(sys.argv[1]);b=bytes.fromhex(sys.argv[2])\n"
                "print(zlib.decompress(a).decode(),gzip.decompress(b).decode(),"
                "zlib.compress(b'from python').hex())";
        GString *hex[2] = { g_string_new(NULL), g_string_new(NULL) };
        const DeflateForm forms[2] = { DEFLATE_ZLIB, DEFLATE_GZIP };
        g_autofree char *out = NULL;
        int status = -1;

        for (int i = 0; i < 2; i++) {
                g_autoptr(GBytes) packed = deflate_pack(forms[i], "ours", 4);
                const guint8 *bytes = g_bytes_get_data(packed, NULL);

                for (gsize j = 0; j < g_bytes_get_size(packed); j++)
                        g_string_append_printf(hex[i], "%02x", bytes[j]);
        }
        const char *argv[] = { "/usr/bin/python3", "-c", script, hex[0]->str, hex[1]->str, NULL };
        g_assert_true(
                g_spawn_sync(NULL, (char **)argv, NULL, 0, NULL, NULL, &out, NULL, &status, NULL));
        g_string_free(hex[0], TRUE);
        g_string_free(hex[1], TRUE);
        g_assert_cmpint(status, ==, 0);
        g_assert_cmpstr(out, ==, "ours ours 789c4b2bcacf5528a82cc9c8cf03001a610477\n");

        static const guint8 theirs[] = { 0x78, 0x9c, 0x4b, 0x2b, 0xca, 0xcf, 0x55, 0x28, 0xa8, 0x2c,
                                         0xc9, 0xc8, 0xcf, 0x03, 0x00, 0x1a, 0x61, 0x04, 0x77 };
        g_autoptr(GBytes) back = deflate_unpack(theirs, sizeof theirs, 100, NULL);
        g_assert_cmpmem(g_bytes_get_data(back, NULL), g_bytes_get_size(back), "from python", 11);
}

static void
bombs_are_refused(void)
{
        g_autoptr(GBytes) plain = pattern(2000000);
        g_autoptr(GBytes) packed =
                deflate_pack(DEFLATE_ZLIB, g_bytes_get_data(plain, NULL), 2000000);
        g_autoptr(GError) error = NULL;

        g_assert_null(deflate_unpack(g_bytes_get_data(packed, NULL), g_bytes_get_size(packed),
                                     1999999, &error));
        g_assert_true(g_error_matches(error, UK_ERROR, UK_ERROR_LIMIT));
        g_clear_error(&error);
        g_assert_null(deflate_unpack(g_bytes_get_data(packed, NULL), g_bytes_get_size(packed), 0,
                                     &error));
        g_assert_true(g_error_matches(error, UK_ERROR, UK_ERROR_LIMIT));
}

static void
damage_is_refused(void)
{
        g_autoptr(GBytes) packed = deflate_pack(DEFLATE_GZIP, "some words of text", 18);
        gsize size = g_bytes_get_size(packed);
        g_autofree guint8 *bad = g_malloc(size + 1);

        for (gsize n = 0; n <= size + 1; n++) { /* cut at every length, and one byte too many */
                g_autoptr(GError) error = NULL;
                g_autoptr(GBytes) out = NULL;

                memcpy(bad, g_bytes_get_data(packed, NULL), MIN(n, size));
                bad[size] = 0;
                out = deflate_unpack(bad, n, 100, &error);
                g_assert_true((out != NULL) == (n == size));
                if (out == NULL)
                        g_assert_true(g_error_matches(error, UK_ERROR, UK_ERROR_PARSE));
        }
        memcpy(bad, g_bytes_get_data(packed, NULL), size);
        bad[12] ^= 0x55;
        g_autoptr(GBytes) none = deflate_unpack(bad, size, 100, NULL);
        g_assert_null(none);
}

int
main(int argc, char **argv)
{
        setlocale(LC_ALL, "C");
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/base/deflate/there-and-back", there_and_back);
        g_test_add_func("/base/deflate/as-python-reads-it", as_python_reads_it);
        g_test_add_func("/base/deflate/bombs-are-refused", bombs_are_refused);
        g_test_add_func("/base/deflate/damage-is-refused", damage_is_refused);
        return g_test_run();
}
