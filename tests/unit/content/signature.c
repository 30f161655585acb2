/* Tests of src/content/signature.c; the cutting itself is judged by chunks.py. */
#include "content/signature.h"

#include <locale.h>
#include <string.h>

#include "unit/must.h"

#define SIZE 1500000

static guint8 *
some_bytes(gsize size)
{
        guint8 *data = g_malloc(size);
        g_autoptr(GRand) r = g_rand_new_with_seed(20261121);

        for (gsize i = 0; i < size; i++)
                data[i] = (guint8)g_rand_int(r);
        return data;
}

static Signature *
sign(SignatureMaker *maker, const guint8 *data, gsize size, gsize piece)
{
        guint8 hash[HASH_SHA256_SIZE];

        for (gsize at = 0; at < size; at += piece)
                signature_maker_add(maker, data + at, MIN(piece, size - at));
        hash_sha256(data, size, hash);
        return signature_maker_end(maker, hash);
}

static void
pieces_do_not_matter(void) /* DIST-018 */
{
        g_autofree guint8 *data = some_bytes(SIZE);
        g_autoptr(SignatureMaker) maker = signature_maker_new();
        g_autoptr(Signature) whole = sign(maker, data, SIZE, SIZE);
        g_autoptr(GBytes) expected = signature_write(whole);
        const gsize pieces[] = { 1, 16383, 16384, 65537, 262144, 262145, 1000000 };

        for (gsize i = 0; i < G_N_ELEMENTS(pieces); i++) {
                g_autoptr(Signature) again = sign(maker, data, SIZE, pieces[i]);
                g_autoptr(GBytes) got = signature_write(again);

                g_assert_true(g_bytes_equal(got, expected));
        }
        g_assert_cmpuint(whole->chunks->len, >, 10);
}

static void
file_form_both_ways(void)
{
        g_autofree guint8 *data = some_bytes(SIZE);
        g_autoptr(SignatureMaker) maker = signature_maker_new();
        const gsize sizes[] = { 0, 1, 16384, 300000, SIZE };

        for (gsize i = 0; i < G_N_ELEMENTS(sizes); i++) {
                g_autoptr(Signature) made = sign(maker, data, sizes[i], 4096);
                g_autoptr(GBytes) bytes = signature_write(made);
                g_autoptr(Signature) back = NULL;
                g_autoptr(GBytes) again = NULL;

                MUST((back = signature_read(g_bytes_get_data(bytes, NULL), g_bytes_get_size(bytes),
                                            &failure)) != NULL);
                again = signature_write(back);
                g_assert_true(g_bytes_equal(bytes, again));
                g_assert_cmpint(back->size, ==, (gint64)sizes[i]);
        }
}

static void
refuse(const guint8 *data, gsize size, UkErrorCode code)
{
        g_autoptr(GError) error = NULL;
        g_autoptr(Signature) none = signature_read(data, size, &error);

        g_assert_null(none);
        g_assert_error(error, UK_ERROR, (int)code);
}

static void
bad_bytes_are_refused(void)
{
        g_autofree guint8 *data = some_bytes(300000);
        g_autoptr(SignatureMaker) maker = signature_maker_new();
        g_autoptr(Signature) made = sign(maker, data, 300000, 300000);
        g_autoptr(GBytes) bytes = signature_write(made);
        gsize size = g_bytes_get_size(bytes);
        const guint8 *good = g_bytes_get_data(bytes, NULL);
        static const struct {
                gsize at;
                guint8 flip;
                UkErrorCode code;
        } cases[] = {
                { 0, 1, UK_ERROR_PARSE },         /* not ours */
                { 9, 1, UK_ERROR_UNSUPPORTED },   /* another minimum */
                { 18, 4, UK_ERROR_UNSUPPORTED },  /* another maximum */
                { 20, 1, UK_ERROR_PARSE },        /* another count */
                { 23, 0x80, UK_ERROR_LIMIT },     /* a count beyond all measure */
                { 24, 1, UK_ERROR_PARSE },        /* another size of the file */
                { 31, 0x80, UK_ERROR_PARSE },     /* a negative one */
                { 64 + 2, 0x80, UK_ERROR_PARSE }, /* a chunk that is too long */
        };

        for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
                g_autofree guint8 *bad = g_memdup2(good, size);

                bad[cases[i].at] ^= cases[i].flip;
                refuse(bad, size, cases[i].code);
        }
        for (gsize cut = 0; cut < size; cut += cut < 70 ? 1 : 31)
                refuse(good, cut, UK_ERROR_PARSE);
}

int
main(int argc, char **argv)
{
        setlocale(LC_ALL, "C");
        g_test_init(&argc, &argv, NULL);
        g_assert_true(crypto_global_init(NULL));
        g_test_add_func("/content/signature/pieces-do-not-matter-DIST-018", pieces_do_not_matter);
        g_test_add_func("/content/signature/file-form-both-ways", file_form_both_ways);
        g_test_add_func("/content/signature/bad-bytes-are-refused", bad_bytes_are_refused);
        return g_test_run();
}
