/* sign_make.c - makes RSA keys and self-signed certificates, and gives their PEM and DER forms.
 *
 * The certificates never end: their trust comes from being approved by fingerprint, not from a
 * date that would stop a site on a Sunday. Touches no file.
 */
#include <arpa/inet.h>
#include <string.h>

#include "base/clock.h"
#include "crypto/random.h"
#include "crypto/sign_private.h"

/* Clocks of lab and machines differ; a certificate is valid from a day before it was made. */
#define BACKDATED_SECONDS (24 * 60 * 60)
/* GNUTLS_X509_NO_WELL_DEFINED_EXPIRATION as a time: 31.12.9999 23:59:59 UTC. */
#define NEVER_ENDS  253402300799
#define SERIAL_SIZE 16

gnutls_x509_privkey_t
sign_make_key(unsigned bits, GError **error)
{
        g_auto(gnutls_x509_privkey_t) key = NULL;
        int rc;

        if (bits < SIGN_MIN_BITS || bits > SIGN_MAX_BITS) {
                uk_fail(error, UK_ERROR_KEY, "a key of %u bits is not allowed (%d to %d)", bits,
                        SIGN_MIN_BITS, SIGN_MAX_BITS);
                return NULL;
        }
        rc = gnutls_x509_privkey_init(&key);
        if (rc >= 0)
                rc = gnutls_x509_privkey_generate(key, GNUTLS_PK_RSA, bits, 0);
        if (rc < 0) {
                uk_fail(error, UK_ERROR_KEY, "making a key: %s", gnutls_strerror(rc));
                return NULL;
        }
        return g_steal_pointer(&key);
}

/* The name as TLS clients look for it: an address or a DNS name. */
static int
set_alternative_name(gnutls_x509_crt_t cert, const char *cn)
{
        guint8 address[16];

        if (inet_pton(AF_INET, cn, address) == 1)
                return gnutls_x509_crt_set_subject_alt_name(cert, GNUTLS_SAN_IPADDRESS, address, 4,
                                                            GNUTLS_FSAN_SET);
        if (inet_pton(AF_INET6, cn, address) == 1)
                return gnutls_x509_crt_set_subject_alt_name(cert, GNUTLS_SAN_IPADDRESS, address, 16,
                                                            GNUTLS_FSAN_SET);
        if (strspn(cn, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-.") !=
            strlen(cn))
                return 0; /* not a host: a site code with a blank, say */
        return gnutls_x509_crt_set_subject_alt_name(cert, GNUTLS_SAN_DNSNAME, cn,
                                                    (unsigned)strlen(cn), GNUTLS_FSAN_SET);
}

static int
fill_cert(gnutls_x509_crt_t cert, gnutls_x509_privkey_t key, const char *cn)
{
        const unsigned usage = GNUTLS_KEY_DIGITAL_SIGNATURE | GNUTLS_KEY_DATA_ENCIPHERMENT |
                               GNUTLS_KEY_KEY_ENCIPHERMENT;
        guint8 serial[SERIAL_SIZE];
        int rc;

        crypto_random(serial, sizeof serial);
        serial[0] = (serial[0] & 0x7f) | 0x40; /* positive, and always of the same length */
        if ((rc = gnutls_x509_crt_set_version(cert, 3)) < 0 ||
            (rc = gnutls_x509_crt_set_key(cert, key)) < 0 ||
            (rc = gnutls_x509_crt_set_serial(cert, serial, sizeof serial)) < 0 ||
            (rc = gnutls_x509_crt_set_dn_by_oid(cert, GNUTLS_OID_X520_COMMON_NAME, 0, cn,
                                                (unsigned)strlen(cn))) < 0 ||
            (rc = set_alternative_name(cert, cn)) < 0 ||
            (rc = gnutls_x509_crt_set_key_usage(cert, usage)) < 0 ||
            (rc = gnutls_x509_crt_set_basic_constraints(cert, 0, -1)) < 0 ||
            (rc = gnutls_x509_crt_set_activation_time(cert, uk_clock_now() / UK_SECOND -
                                                                    BACKDATED_SECONDS)) < 0 ||
            (rc = gnutls_x509_crt_set_expiration_time(cert, NEVER_ENDS)) < 0)
                return rc;
        return gnutls_x509_crt_sign2(cert, cert, key, GNUTLS_DIG_SHA256, 0);
}

gnutls_x509_crt_t
sign_make_cert(gnutls_x509_privkey_t key, const char *cn, GError **error)
{
        g_auto(gnutls_x509_crt_t) cert = NULL;
        int rc = gnutls_x509_crt_init(&cert);

        if (rc >= 0)
                rc = fill_cert(cert, key, cn);
        if (rc < 0) {
                uk_fail(error, UK_ERROR_KEY, "making a certificate for '%s': %s", cn,
                        gnutls_strerror(rc));
                return NULL;
        }
        return g_steal_pointer(&cert);
}

static char *
pem_text(int rc, gnutls_datum_t *pem, const char *what, GError **error)
{
        char *text;

        if (rc < 0) {
                uk_fail(error, UK_ERROR_KEY, "writing a %s as PEM: %s", what, gnutls_strerror(rc));
                return NULL;
        }
        text = g_strndup((const char *)pem->data, pem->size);
        gnutls_memset(pem->data, 0, pem->size);
        gnutls_free(pem->data);
        return text;
}

char *
sign_pem_of_key(gnutls_x509_privkey_t key, GError **error)
{
        gnutls_datum_t pem = { NULL, 0 };
        int rc = gnutls_x509_privkey_export2(key, GNUTLS_X509_FMT_PEM, &pem);

        return pem_text(rc, &pem, "key", error);
}

char *
sign_pem_of_cert(gnutls_x509_crt_t cert, GError **error)
{
        gnutls_datum_t pem = { NULL, 0 };
        int rc = gnutls_x509_crt_export2(cert, GNUTLS_X509_FMT_PEM, &pem);

        return pem_text(rc, &pem, "certificate", error);
}

GBytes *
sign_der_of_cert(gnutls_x509_crt_t cert)
{
        gnutls_datum_t der = { NULL, 0 };
        GBytes *bytes;

        if (gnutls_x509_crt_export2(cert, GNUTLS_X509_FMT_DER, &der) < 0)
                g_error("a certificate that was read cannot be written");
        bytes = g_bytes_new(der.data, der.size);
        gnutls_free(der.data);
        return bytes;
}

void
sign_wipe(char *secret)
{
        if (secret == NULL)
                return;
        gnutls_memset(secret, 0, strlen(secret));
        g_free(secret);
}
