/* sign.h - RSA keys, signatures with SHA-256 (HashAlgOID 1.2.840.113549.1.1.11), and the
 * self-signed certificates that carry the public half.
 */
#pragma once

#include "base/error.h"

typedef struct SignKey SignKey;   /* private key with its certificate */
typedef struct SignCert SignCert; /* certificate only */

/* Loads <path>.key and <path>.crt (PEM), or makes an RSA key of `bits` with a self-signed
 * certificate of common name cn where both are missing; written with mode 0600 / 0644, durable.
 * KEY when one is missing or they do not belong together. A crash while they are made is mended
 * by the next call. The certificate serves TLS too: cn stands in the alternative names. */
SignKey *
sign_key_load_or_make(const char *path, const char *cn, unsigned bits, GError **error) UK_MUST_USE;
SignKey *sign_key_load(const char *path, GError **error) UK_MUST_USE;
void sign_key_free(SignKey *key);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(SignKey, sign_key_free)
/* The certificate as PEM; borrowed. */
const char *sign_key_cert_pem(const SignKey *key);
/* The private key as PEM, for the HTTPS server of the same process; borrowed. Never log it. */
const char *sign_key_private_pem(const SignKey *key);
/* The certificate in DER form; the caller's. */
GBytes *sign_key_cert_der(const SignKey *key);
/* The public key as a Windows PUBLICKEYBLOB, the form of the message envelope (50, section 5);
 * the caller's. */
GBytes *sign_key_public_blob(const SignKey *key, GError **error) UK_MUST_USE;
/* Signs data (RSA PKCS#1 v1.5 with SHA-256); the signature is the caller's. */
GBytes *sign_data(const SignKey *key, const void *data, gsize size, GError **error) UK_MUST_USE;

/* Reads a certificate, PEM or DER. PARSE when it is none, UNSUPPORTED when its key is not RSA
 * of 2048 to 16384 bits. */
SignCert *sign_cert_read(const char *data, gsize size, GError **error) UK_MUST_USE;
void sign_cert_free(SignCert *cert);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(SignCert, sign_cert_free)
/* PEM text of the certificate, the caller's. */
char *sign_cert_pem(const SignCert *cert);
/* SHA-256 over the DER form, lower-case hexadecimal; the caller's. What `join --fingerprint` and
 * `client approve` show. */
char *sign_cert_fingerprint(const SignCert *cert);
/* The common name of the subject; the caller's. */
char *sign_cert_name(const SignCert *cert);
/* True when the signature fits; false with SIGNATURE when not. */
bool sign_verify(const SignCert *cert, const void *data, gsize size, const void *signature,
                 gsize signature_size, GError **error) UK_MUST_USE;
