/* random.c - unpredictable bytes, comparison in constant time, and HMAC, through GnuTLS. */
#include "crypto/random.h"

#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>

#include "crypto/hash.h"

void
crypto_random(void *buffer, gsize size)
{
        int rc = gnutls_rnd(GNUTLS_RND_KEY, buffer, size);

        if (rc < 0)
                g_error("the system has no randomness: %s", gnutls_strerror(rc));
}

char *
crypto_random_hex(gsize n)
{
        g_autofree guint8 *bytes = g_malloc(MAX(n, 1));

        crypto_random(bytes, n);
        return hash_hex(bytes, n);
}

bool
crypto_equal(const void *a, const void *b, gsize size)
{
        return gnutls_memcmp(a, b, size) == 0;
}

void
crypto_hmac_sha256(const void *key, gsize key_size, const void *data, gsize size,
                   guint8 digest_out[32])
{
        int rc = gnutls_hmac_fast(GNUTLS_MAC_SHA256, key, key_size, data, size, digest_out);

        if (rc < 0)
                g_error("the crypto library has no HMAC-SHA-256: %s", gnutls_strerror(rc));
}
