/* Tests of src/crypto/random.c; the HMAC's expected value is of RFC 4231, test case 2. */
#include "crypto/random.h"

#include <locale.h>
#include <string.h>

#include "crypto/hash.h"

static void
differs_each_time(void)
{
        g_autofree char *a = crypto_random_hex(16);
        g_autofree char *b = crypto_random_hex(16);
        g_autofree char *none = crypto_random_hex(0);

        g_assert_cmpuint(strlen(a), ==, 32);
        g_assert_cmpuint(strspn(a, "0123456789abcdef"), ==, 32);
        g_assert_cmpstr(a, !=, b);
        g_assert_cmpstr(none, ==, "");
}

static void
equal(void)
{
        g_assert_true(crypto_equal("abc", "abd", 2));
        g_assert_false(crypto_equal("abc", "abd", 3));
        g_assert_true(crypto_equal("a", "b", 0));
}

static void
hmac_of_the_rfc(void)
{
        guint8 digest[32];

        crypto_hmac_sha256("Jefe", 4, "what do ya want for nothing?", 28, digest);
        g_autofree char *hex = hash_hex(digest, sizeof digest);
        g_assert_cmpstr(hex, ==,
                        "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
}

int
main(int argc, char **argv)
{
        setlocale(LC_ALL, "C");
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/crypto/random/differs-each-time", differs_each_time);
        g_test_add_func("/crypto/random/equal", equal);
        g_test_add_func("/crypto/random/hmac-of-the-rfc", hmac_of_the_rfc);
        return g_test_run();
}
