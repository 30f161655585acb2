/* sign.c - keys on disk, signatures and the certificates that prove them.
 *
 * A key is two files, <path>.key and <path>.crt. They appear so that a crash at any point leaves
 * either nothing, or enough to go on: the certificate first under a temporary name, then the key,
 * then the certificate's own name.
 */
#include "crypto/sign.h"

#include <string.h>
#include <unistd.h>

#include "base/io.h"
#include "crypto/hash.h"
#include "crypto/random.h"
#include "crypto/sign_private.h"

#define MAX_PEM (256 * 1024)

struct SignKey {
        gnutls_privkey_t key;
        gnutls_x509_crt_t cert;
        char *cert_pem;
        char *private_pem;
        SignDeputy *deputy;
};

struct SignCert {
        gnutls_x509_crt_t cert;
        gnutls_pubkey_t key;
        SignProved *proved;
};

void
sign_key_free(SignKey *key)
{
        if (key == NULL)
                return;
        gnutls_privkey_deinit(key->key);
        gnutls_x509_crt_deinit(key->cert);
        g_free(key->cert_pem);
        sign_wipe(key->private_pem);
        if (key->deputy != NULL) {
                sign_delegate_free(key->deputy->delegate);
                g_free(key->deputy->credential);
                pthread_mutex_destroy(&key->deputy->lock);
                g_free(key->deputy);
        }
        g_free(key);
}

SignDeputy *
sign_key_deputy(const SignKey *key)
{
        return key->deputy;
}

/* A key and a certificate belong together when both give the same key ID. */
static bool
belong_together(gnutls_x509_privkey_t private, gnutls_x509_crt_t cert)
{
        guint8 a[64], b[64];
        size_t a_size = sizeof a, b_size = sizeof b;

        return gnutls_x509_privkey_get_key_id(private, GNUTLS_KEYID_USE_SHA256, a, &a_size) >= 0 &&
               gnutls_x509_crt_get_key_id(cert, GNUTLS_KEYID_USE_SHA256, b, &b_size) >= 0 &&
               a_size == b_size && memcmp(a, b, a_size) == 0;
}

static SignKey *
key_new(gnutls_x509_privkey_t private, gnutls_x509_crt_t cert, GError **error)
{
        g_autoptr(SignKey) key = g_new0(SignKey, 1);
        int rc;

        key->deputy = g_new0(SignDeputy, 1);
        pthread_mutex_init(&key->deputy->lock, NULL);
        if (!belong_together(private, cert)) {
                uk_fail(error, UK_ERROR_KEY, "the certificate is of another key");
                return NULL;
        }
        if (gnutls_x509_privkey_get_pk_algorithm(private) != GNUTLS_PK_RSA) {
                uk_fail(error, UK_ERROR_KEY, "the key is not an RSA key");
                return NULL;
        }
        if ((rc = gnutls_privkey_init(&key->key)) < 0 ||
            (rc = gnutls_privkey_import_x509(key->key, private, GNUTLS_PRIVKEY_IMPORT_COPY)) < 0 ||
            (rc = gnutls_x509_crt_init(&key->cert)) < 0) {
                uk_fail(error, UK_ERROR_KEY, "taking the key: %s", gnutls_strerror(rc));
                return NULL;
        }
        key->cert_pem = sign_pem_of_cert(cert, error);
        key->private_pem = key->cert_pem ? sign_pem_of_key(private, error) : NULL;
        if (key->private_pem == NULL)
                return NULL;

        gnutls_datum_t pem = { (unsigned char *)key->cert_pem, (unsigned)strlen(key->cert_pem) };
        rc = gnutls_x509_crt_import(key->cert, &pem, GNUTLS_X509_FMT_PEM);
        if (rc < 0) {
                uk_fail(error, UK_ERROR_KEY, "taking the certificate: %s", gnutls_strerror(rc));
                return NULL;
        }
        return g_steal_pointer(&key);
}

static SignKey *
key_from_files(const char *key_path, const char *cert_path, GError **error)
{
        g_auto(gnutls_x509_privkey_t) private = NULL;
        g_auto(gnutls_x509_crt_t) cert = NULL;
        g_autofree char *cert_pem = NULL;
        char *key_pem = NULL;
        gsize size;
        int rc;

        if (!uk_io_read(cert_path, MAX_PEM, &cert_pem, &size, error))
                return NULL;
        gnutls_datum_t cert_data = { (unsigned char *)cert_pem, (unsigned)size };
        if ((rc = gnutls_x509_crt_init(&cert)) < 0 ||
            (rc = gnutls_x509_crt_import(cert, &cert_data, GNUTLS_X509_FMT_PEM)) < 0) {
                uk_fail(error, UK_ERROR_KEY, "%s: %s", cert_path, gnutls_strerror(rc));
                return NULL;
        }
        if (!uk_io_read(key_path, MAX_PEM, &key_pem, &size, error))
                return NULL;
        gnutls_datum_t key_data = { (unsigned char *)key_pem, (unsigned)size };
        if ((rc = gnutls_x509_privkey_init(&private)) >= 0)
                rc = gnutls_x509_privkey_import2(private, &key_data, GNUTLS_X509_FMT_PEM, NULL, 0);
        gnutls_memset(key_pem, 0, size);
        g_free(key_pem);
        if (rc < 0) {
                uk_fail(error, UK_ERROR_KEY, "%s: %s", key_path, gnutls_strerror(rc));
                return NULL;
        }
        return key_new(private, cert, error);
}

typedef struct {
        char *key;
        char *cert;
        char *cert_new; /* the certificate before its key is on disk */
        char *dir;
} KeyPaths;

static KeyPaths
key_paths(const char *path)
{
        return (KeyPaths){ g_strconcat(path, ".key", NULL), g_strconcat(path, ".crt", NULL),
                           g_strconcat(path, ".crt.new", NULL), g_path_get_dirname(path) };
}

static void
key_paths_clear(KeyPaths *paths)
{
        g_free(paths->key);
        g_free(paths->cert);
        g_free(paths->cert_new);
        g_free(paths->dir);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(KeyPaths, key_paths_clear)

static bool
exists(const char *path)
{
        return access(path, F_OK) == 0;
}

/* The third step of making a key: from here on the pair is whole. */
static bool
publish_cert(const KeyPaths *paths, GError **error)
{
        return uk_io_rename(paths->cert_new, paths->cert, error) &&
               uk_io_sync_dir(paths->dir, error);
}

static SignKey *
make(const KeyPaths *paths, const char *cn, unsigned bits, GError **error)
{
        g_auto(gnutls_x509_privkey_t) private = sign_make_key(bits, error);
        g_auto(gnutls_x509_crt_t) cert = private ? sign_make_cert(private, cn, error) : NULL;
        g_autoptr(SignKey) key = cert ? key_new(private, cert, error) : NULL;

        if (key == NULL ||
            !uk_io_replace(paths->cert_new, key->cert_pem, strlen(key->cert_pem), 0644, error) ||
            !uk_io_replace(paths->key, key->private_pem, strlen(key->private_pem), 0600, error) ||
            !publish_cert(paths, error))
                return NULL;
        return g_steal_pointer(&key);
}

/* Ends what a crash between key and certificate left; any other half of a pair is KEY. */
static bool
mend_or_refuse(const KeyPaths *paths, GError **error)
{
        bool has_key = exists(paths->key);
        bool has_cert = exists(paths->cert);

        if (has_key && !has_cert && exists(paths->cert_new)) {
                g_autoptr(SignKey) whole = key_from_files(paths->key, paths->cert_new, error);

                return whole != NULL && publish_cert(paths, error);
        }
        if (has_key != has_cert)
                return uk_fail(error, UK_ERROR_KEY,
                               "%s exists but %s is missing; restore it from a backup, or remove "
                               "the other to make a new pair",
                               has_key ? paths->key : paths->cert,
                               has_key ? paths->cert : paths->key);
        return true;
}

SignKey *
sign_key_load(const char *path, GError **error)
{
        UK_DOING(error, "loading the key %s", path);
        g_auto(KeyPaths) paths = key_paths(path);

        if (!mend_or_refuse(&paths, error))
                return NULL;
        if (!exists(paths.key)) {
                uk_fail(error, UK_ERROR_KEY, "%s is missing", paths.key);
                return NULL;
        }
        return key_from_files(paths.key, paths.cert, error);
}

SignKey *
sign_key_load_or_make(const char *path, const char *cn, unsigned bits, GError **error)
{
        UK_DOING(error, "loading or making the key %s", path);
        g_auto(KeyPaths) paths = key_paths(path);

        if (!mend_or_refuse(&paths, error))
                return NULL;
        if (exists(paths.key))
                return key_from_files(paths.key, paths.cert, error);
        return make(&paths, cn, bits, error);
}

const char *
sign_key_cert_pem(const SignKey *key)
{
        return key->cert_pem;
}

const char *
sign_key_private_pem(const SignKey *key)
{
        return key->private_pem;
}

GBytes *
sign_key_cert_der(const SignKey *key)
{
        return sign_der_of_cert(key->cert);
}

static void
append_le32(GByteArray *out, guint32 value)
{
        guint32 little = GUINT32_TO_LE(value);

        g_byte_array_append(out, (const guint8 *)&little, sizeof little);
}

/* Big-endian with perhaps leading zeros, to little-endian of exactly size bytes. */
static void
append_reversed(GByteArray *out, const gnutls_datum_t *number, gsize size)
{
        for (gsize i = 0; i < size; i++) {
                guint8 byte = i < number->size ? number->data[number->size - 1 - i] : 0;

                g_byte_array_append(out, &byte, 1);
        }
}

GBytes *
sign_key_public_blob(const SignKey *key, GError **error)
{
        static const guint8 head[] = { 6, 2, 0, 0, 0, 0xa4, 0, 0, 'R', 'S', 'A', '1' };
        g_auto(gnutls_pubkey_t) public = NULL;
        gnutls_datum_t modulus, exponent;
        GByteArray *out;
        unsigned bits;
        int rc;

        if ((rc = gnutls_pubkey_init(&public)) < 0 ||
            (rc = gnutls_pubkey_import_x509(public, key->cert, 0)) < 0 ||
            (rc = gnutls_pubkey_get_pk_algorithm(public, &bits)) < 0 ||
            (rc = gnutls_pubkey_export_rsa_raw2(public, &modulus, &exponent,
                                                GNUTLS_EXPORT_FLAG_NO_LZ)) < 0) {
                uk_fail(error, UK_ERROR_KEY, "reading the public key: %s", gnutls_strerror(rc));
                return NULL;
        }
        out = g_byte_array_new();
        g_byte_array_append(out, head, sizeof head);
        append_le32(out, bits);
        append_reversed(out, &exponent, 4);
        append_reversed(out, &modulus, bits / 8);
        gnutls_free(modulus.data);
        gnutls_free(exponent.data);
        return g_byte_array_free_to_bytes(out);
}

GBytes *
sign_data(const SignKey *key, const void *data, gsize size, GError **error)
{
        const gnutls_datum_t message = { (unsigned char *)data, (unsigned)size };
        gnutls_datum_t signature = { NULL, 0 };
        GBytes *bytes;
        int rc;

        if (size > G_MAXUINT) {
                uk_fail(error, UK_ERROR_LIMIT, "%zu bytes are too many to sign", size);
                return NULL;
        }
        rc = gnutls_privkey_sign_data(key->key, GNUTLS_DIG_SHA256, 0, &message, &signature);
        if (rc < 0) {
                uk_fail(error, UK_ERROR_KEY, "signing: %s", gnutls_strerror(rc));
                return NULL;
        }
        bytes = g_bytes_new(signature.data, signature.size);
        gnutls_free(signature.data);
        return bytes;
}

/* Others' certificates come from anybody: what they hold is a reason to refuse them, never one to
 * stop whoever reads them. */
static bool
key_allowed(gnutls_pubkey_t key, GError **error)
{
        unsigned bits = 0;
        int algorithm = gnutls_pubkey_get_pk_algorithm(key, &bits);

        if (algorithm != GNUTLS_PK_RSA || bits < SIGN_MIN_BITS || bits > SIGN_MAX_BITS)
                return uk_fail(error, UK_ERROR_UNSUPPORTED,
                               "a key of type %s with %u bits; RSA of %d to %d bits is allowed",
                               algorithm >= 0 ? gnutls_pk_get_name(algorithm) : "?", bits,
                               SIGN_MIN_BITS, SIGN_MAX_BITS);
        return true;
}

SignCert *
sign_cert_read(const char *data, gsize size, GError **error)
{
        UK_DOING(error, "reading a certificate");
        g_autoptr(SignCert) cert = g_new0(SignCert, 1);
        gnutls_x509_crt_fmt_t form =
                size > 0 && data[0] == 0x30 ? GNUTLS_X509_FMT_DER : GNUTLS_X509_FMT_PEM;
        int rc;

        cert->proved = g_new0(SignProved, 1);
        pthread_mutex_init(&cert->proved->lock, NULL);
        if (size > MAX_PEM) {
                uk_fail(error, UK_ERROR_LIMIT, "%zu bytes, at most %d are read", size, MAX_PEM);
                return NULL;
        }
        const gnutls_datum_t datum = { (unsigned char *)data, (unsigned)size };
        if ((rc = gnutls_x509_crt_init(&cert->cert)) < 0 ||
            (rc = gnutls_x509_crt_import(cert->cert, &datum, form)) < 0 ||
            (rc = gnutls_pubkey_init(&cert->key)) < 0 ||
            (rc = gnutls_pubkey_import_x509(cert->key, cert->cert, 0)) < 0) {
                uk_fail(error, UK_ERROR_PARSE, "%s", gnutls_strerror(rc));
                return NULL;
        }
        return key_allowed(cert->key, error) ? g_steal_pointer(&cert) : NULL;
}

void
sign_cert_free(SignCert *cert)
{
        if (cert == NULL)
                return;
        gnutls_pubkey_deinit(cert->key);
        gnutls_x509_crt_deinit(cert->cert);
        if (cert->proved != NULL) {
                pthread_mutex_destroy(&cert->proved->lock);
                g_free(cert->proved->digest);
                g_free(cert->proved);
        }
        g_free(cert);
}

SignProved *
sign_cert_proved(const SignCert *cert)
{
        return cert->proved;
}

char *
sign_cert_pem(const SignCert *cert)
{
        char *pem = sign_pem_of_cert(cert->cert, NULL);

        if (pem == NULL)
                g_error("a certificate that was read cannot be written");
        return pem;
}

char *
sign_cert_fingerprint(const SignCert *cert)
{
        g_autoptr(GBytes) der = sign_der_of_cert(cert->cert);
        gsize size;
        const void *data = g_bytes_get_data(der, &size);

        return hash_sha256_hex(data, size);
}

char *
sign_cert_name(const SignCert *cert)
{
        char name[512] = "";
        size_t size = sizeof name - 1;

        if (gnutls_x509_crt_get_dn_by_oid(cert->cert, GNUTLS_OID_X520_COMMON_NAME, 0, 0, name,
                                          &size) < 0)
                return g_strdup("");
        return g_utf8_make_valid(name, -1);
}

bool
sign_verify(const SignCert *cert, const void *data, gsize size, const void *signature,
            gsize signature_size, GError **error)
{
        const gnutls_datum_t message = { (unsigned char *)data, (unsigned)size };
        const gnutls_datum_t proof = { (unsigned char *)signature, (unsigned)signature_size };
        int rc;

        if (size > G_MAXUINT || signature_size > SIGN_MAX_BITS / 8)
                return uk_fail(error, UK_ERROR_SIGNATURE, "data or signature are too large");
        rc = gnutls_pubkey_verify_data2(cert->key, GNUTLS_SIGN_RSA_SHA256, 0, &message, &proof);
        if (rc < 0)
                return uk_fail(error, UK_ERROR_SIGNATURE, "the signature does not fit: %s",
                               gnutls_strerror(rc));
        return true;
}
