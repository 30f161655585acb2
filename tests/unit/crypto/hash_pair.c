/* Tests of src/crypto/hash_pair.c: the digests are those of FIPS 180-4's examples and of GnuTLS,
 * with the processor's instructions, where it has them, and without. */
#include "crypto/hash_pair.h"

#include <locale.h>
#include <string.h>

#define ROUNDS   400
#define MAX_SIZE 5000

/* The variable that forbids GnuTLS to use them. */
static void
forbid_instructions(bool forbid)
{
        if (forbid)
                g_setenv("GNUTLS_CPUID_OVERRIDE", "1", TRUE);
        else
                g_unsetenv("GNUTLS_CPUID_OVERRIDE");
}

static void
check_digest(HashPair *pair, int lane, const char *expected)
{
        guint8 digest[HASH_SHA256_SIZE];

        hash_pair_end(pair, lane, digest);
        g_autofree char *hex = hash_hex(digest, sizeof digest);
        g_assert_cmpstr(hex, ==, expected);
}

/* The examples for SHA-256 that belong to FIPS 180-4, in both lanes. */
static void
known_digests(gconstpointer forbid)
{
        static const struct {
                const char *text, *digest;
        } known[] = {
                { "", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855" },
                { "abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad" },
                { "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
                  "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1" },
                { "abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmnhijklmnoijklmnop"
                  "jklmnopqklmnopqrlmnopqrsmnopqrstnopqrstu",
                  "cf5b16a778af8380036ce59e7b0492370b249b11e8f07a51afac45037afee9d1" },
        };

        forbid_instructions(forbid != NULL);
        g_autoptr(HashPair) pair = hash_pair_new();
        for (gsize i = 0; i < G_N_ELEMENTS(known); i++) {
                for (gsize j = 0; j < G_N_ELEMENTS(known); j++) {
                        hash_pair_add(pair, known[i].text, strlen(known[i].text), known[j].text,
                                      strlen(known[j].text));
                        check_digest(pair, 0, known[i].digest);
                        check_digest(pair, 1, known[j].digest);
                }
        }
        for (int i = 0; i < 10000; i++)
                hash_pair_add(pair, NULL, 0,
                              "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
                              "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
                              100);
        check_digest(pair, 1, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
        forbid_instructions(false);
}

/* What one lane is still to be given. */
typedef struct {
        const guint8 *data;
        gsize size;
        guint8 expected[HASH_SHA256_SIZE];
} Rest;

/* Bytes of any length at any address. */
static Rest
some_rest(GRand *r, const guint8 *noise)
{
        Rest rest = { .data = noise + g_rand_int_range(r, 0, 100),
                      .size = (gsize)g_rand_int_range(r, 0, MAX_SIZE) };

        hash_sha256(rest.data, rest.size, rest.expected);
        return rest;
}

static gsize
some_piece(GRand *r, const Rest *rest)
{
        gsize n = (gsize)g_rand_int_range(r, 0, g_rand_boolean(r) ? 200 : MAX_SIZE);

        return MIN(n, rest->size);
}

/* Lanes of any lengths, in any pieces, that end at different times: GnuTLS's digests. */
static void
any_pieces(gconstpointer forbid)
{
        g_autoptr(GRand) r = g_rand_new_with_seed(20261122);
        guint8 *noise = g_malloc(MAX_SIZE + 100);
        Rest rests[2];

        forbid_instructions(forbid != NULL);
        g_autoptr(HashPair) pair = hash_pair_new();
        for (gsize i = 0; i < MAX_SIZE + 100; i++)
                noise[i] = (guint8)g_rand_int(r);
        for (int l = 0; l < 2; l++)
                rests[l] = some_rest(r, noise);
        for (int round = 0; round < ROUNDS;) {
                gsize n0 = some_piece(r, &rests[0]), n1 = some_piece(r, &rests[1]);

                hash_pair_add(pair, rests[0].data, n0, rests[1].data, n1);
                for (int l = 0; l < 2; l++) {
                        guint8 digest[HASH_SHA256_SIZE];

                        rests[l].data += l == 0 ? n0 : n1;
                        rests[l].size -= l == 0 ? n0 : n1;
                        if (rests[l].size > 0)
                                continue;
                        hash_pair_end(pair, l, digest);
                        g_assert_cmpmem(digest, sizeof digest, rests[l].expected, sizeof digest);
                        rests[l] = some_rest(r, noise);
                        round++;
                }
        }
        g_free(noise);
        forbid_instructions(false);
}

/* Every length around the edges of blocks and of the padding. */
static void
every_length(gconstpointer forbid)
{
        guint8 data[260], digest[HASH_SHA256_SIZE], expected[HASH_SHA256_SIZE];

        forbid_instructions(forbid != NULL);
        g_autoptr(HashPair) pair = hash_pair_new();
        for (gsize i = 0; i < sizeof data; i++)
                data[i] = (guint8)(i * 31 + 7);
        for (gsize size = 0; size <= sizeof data; size++) {
                hash_pair_add(pair, data, size, data + sizeof data - size, size);
                hash_sha256(data, size, expected);
                hash_pair_end(pair, 0, digest);
                g_assert_cmpmem(digest, sizeof digest, expected, sizeof expected);
                hash_sha256(data + sizeof data - size, size, expected);
                hash_pair_end(pair, 1, digest);
                g_assert_cmpmem(digest, sizeof digest, expected, sizeof expected);
        }
        forbid_instructions(false);
}

static void
forbidden_is_not_fast(void)
{
        forbid_instructions(true);
        g_assert_false(hash_pair_is_fast());
        forbid_instructions(false);
#if defined(__x86_64__)
        g_autofree char *processor = NULL;

        /* What the kernel says of the processor. */
        if (g_file_get_contents("/proc/cpuinfo", &processor, NULL, NULL))
                g_assert_cmpint(hash_pair_is_fast(), ==, strstr(processor, " sha_ni") != NULL);
#else
        g_assert_false(hash_pair_is_fast());
#endif
}

int
main(int argc, char **argv)
{
        setlocale(LC_ALL, "C");
        g_test_init(&argc, &argv, NULL);
        g_assert_true(crypto_global_init(NULL));
        for (gsize forbid = 0; forbid < 2; forbid++) {
                static const struct {
                        const char *name;
                        void (*run)(gconstpointer);
                } tests[] = { { "known-digests", known_digests },
                              { "any-pieces", any_pieces },
                              { "every-length", every_length } };

                for (gsize i = 0; i < G_N_ELEMENTS(tests); i++) {
                        g_autofree char *path =
                                g_strdup_printf("/crypto/hash-pair/%s-%s", tests[i].name,
                                                forbid ? "by-library" : "by-processor");
                        g_test_add_data_func(path, GSIZE_TO_POINTER(forbid), tests[i].run);
                }
        }
        g_test_add_func("/crypto/hash-pair/forbidden-is-not-fast", forbidden_is_not_fast);
        return g_test_run();
}
