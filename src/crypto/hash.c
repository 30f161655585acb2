/* hash.c - SHA-256 and SHA-1 through GnuTLS.
 *
 * Bytes come in, whole, in pieces or from a file; digests go out. Reads files, writes nothing.
 */
#include "crypto/hash.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>

#include "base/io.h"

/* Large enough that the system calls do not count beside the hashing, small enough for the cache.
 */
#define READ_SIZE (128 * 1024)

struct HashStream {
        gnutls_hash_hd_t handle;
};

static HashStream *
stream_new(gnutls_digest_algorithm_t algorithm)
{
        HashStream *hash = g_new0(HashStream, 1);
        int rc = gnutls_hash_init(&hash->handle, algorithm);

        if (rc < 0)
                g_error("the crypto library has no %s: %s", gnutls_digest_get_name(algorithm),
                        gnutls_strerror(rc));
        return hash;
}

HashStream *
hash_stream_new(void)
{
        return stream_new(GNUTLS_DIG_SHA256);
}

HashStream *
hash_stream_new_sha1(void)
{
        return stream_new(GNUTLS_DIG_SHA1);
}

void
hash_stream_add(HashStream *hash, const void *data, gsize size)
{
        gnutls_hash(hash->handle, data, size);
}

void
hash_stream_end(HashStream *hash, guint8 *digest_out)
{
        gnutls_hash_output(hash->handle, digest_out);
}

void
hash_stream_free(HashStream *hash)
{
        if (hash == NULL)
                return;
        gnutls_hash_deinit(hash->handle, NULL);
        g_free(hash);
}

static void
hash_whole(gnutls_digest_algorithm_t algorithm, const void *data, gsize size, guint8 *digest_out)
{
        int rc = gnutls_hash_fast(algorithm, data, size, digest_out);

        if (rc < 0)
                g_error("the crypto library has no %s: %s", gnutls_digest_get_name(algorithm),
                        gnutls_strerror(rc));
}

void
hash_sha256(const void *data, gsize size, guint8 digest_out[HASH_SHA256_SIZE])
{
        hash_whole(GNUTLS_DIG_SHA256, data, size, digest_out);
}

void
hash_sha1(const void *data, gsize size, guint8 digest_out[HASH_SHA1_SIZE])
{
        hash_whole(GNUTLS_DIG_SHA1, data, size, digest_out);
}

char *
hash_sha256_hex(const void *data, gsize size)
{
        guint8 digest[HASH_SHA256_SIZE];

        hash_sha256(data, size, digest);
        return hash_hex(digest, sizeof digest);
}

char *
hash_hex(const guint8 *digest, gsize size)
{
        static const char digits[] = "0123456789abcdef";
        char *text = g_malloc(size * 2 + 1);

        for (gsize i = 0; i < size; i++) {
                text[2 * i] = digits[digest[i] >> 4];
                text[2 * i + 1] = digits[digest[i] & 15];
        }
        text[size * 2] = '\0';
        return text;
}

/* The value of a hexadecimal digit; 0x80 for anything else. */
static guint8
nibble(char c)
{
        guint8 decimal = (guint8)(c - '0'), letter = (guint8)((c | 0x20) - 'a');

        if (decimal < 10)
                return decimal;
        return letter < 6 ? (guint8)(letter + 10) : 0x80;
}

bool
hash_from_hex(const char *text, gsize text_size, guint8 *digest_out, gsize size)
{
        guint8 bad = 0;

        if (text_size != size * 2)
                return false;
        for (gsize i = 0; i < size; i++) {
                guint8 high = nibble(text[2 * i]), low = nibble(text[2 * i + 1]);

                bad |= high | low;
                digest_out[i] = (guint8)(high << 4 | (low & 15));
        }
        return bad < 16;
}

/* A digest is random enough as it is. */
guint
hash_key_of(gconstpointer digest)
{
        guint value;

        memcpy(&value, digest, sizeof value);
        return value;
}

gboolean
hash_key_equal(gconstpointer a, gconstpointer b)
{
        return memcmp(a, b, HASH_SHA256_SIZE) == 0;
}

bool
hash_file(const char *path, guint8 digest_out[HASH_SHA256_SIZE], GError **error)
{
        UK_DOING(error, "hashing %s", path);
        UK_AUTOFD fd = open(path, O_RDONLY | O_CLOEXEC);

        if (fd < 0 && errno == ENOENT)
                return uk_fail(error, UK_ERROR_NOT_FOUND, "there is no such file");
        if (fd < 0)
                return uk_fail_errno(error, errno, "opening it");
        (void)posix_fadvise(fd, 0, 0, POSIX_FADV_SEQUENTIAL);

        g_autoptr(HashStream) hash = hash_stream_new();
        g_autofree char *buffer = g_malloc(READ_SIZE);

        for (;;) {
                ssize_t n = read(fd, buffer, READ_SIZE);

                if (n == 0)
                        break;
                if (n > 0)
                        hash_stream_add(hash, buffer, (gsize)n);
                else if (errno != EINTR)
                        return uk_fail_errno(error, errno, "reading it");
        }
        hash_stream_end(hash, digest_out);
        return true;
}

bool
crypto_global_init(GError **error)
{
        int rc;

        if (gnutls_check_version("3.7.0") == NULL)
                return uk_fail(error, UK_ERROR_BROKEN, "GnuTLS %s is too old, 3.7 is needed",
                               gnutls_check_version(NULL));
        rc = gnutls_global_init();
        if (rc < 0)
                return uk_fail(error, UK_ERROR_BROKEN, "starting GnuTLS: %s", gnutls_strerror(rc));
        return true;
}
