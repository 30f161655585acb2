/* sign_private.h - what the files about keys and certificates share; not for others. */
#pragma once

#include <gnutls/abstract.h>
#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <pthread.h>

#include "crypto/sign.h"
#include "crypto/sign_delegate.h"

#define SIGN_MIN_BITS 2048
#define SIGN_MAX_BITS 16384

G_DEFINE_AUTO_CLEANUP_FREE_FUNC(gnutls_x509_crt_t, gnutls_x509_crt_deinit, NULL)
G_DEFINE_AUTO_CLEANUP_FREE_FUNC(gnutls_x509_privkey_t, gnutls_x509_privkey_deinit, NULL)
G_DEFINE_AUTO_CLEANUP_FREE_FUNC(gnutls_privkey_t, gnutls_privkey_deinit, NULL)
G_DEFINE_AUTO_CLEANUP_FREE_FUNC(gnutls_pubkey_t, gnutls_pubkey_deinit, NULL)

/* An RSA key, and a self-signed certificate for it. NULL with KEY. */
gnutls_x509_privkey_t sign_make_key(unsigned bits, GError **error) UK_MUST_USE;
gnutls_x509_crt_t
sign_make_cert(gnutls_x509_privkey_t key, const char *cn, GError **error) UK_MUST_USE;
/* The PEM forms; the caller's. The private one must be wiped, see sign_wipe(). */
char *sign_pem_of_key(gnutls_x509_privkey_t key, GError **error) UK_MUST_USE;
char *sign_pem_of_cert(gnutls_x509_crt_t cert, GError **error) UK_MUST_USE;
/* DER form of a certificate; the caller's. */
GBytes *sign_der_of_cert(gnutls_x509_crt_t cert);
/* Overwrites a secret text and frees it; NULL is fine. */
void sign_wipe(char *secret);

/* What signs in the place of a key for a while, shared by its users (sitesig.c). */
typedef struct {
        pthread_mutex_t lock; /* guards all below */
        SignDelegate *delegate;
        char *credential;         /* how others know that it may */
        gint64 made_us, until_us; /* uk_clock_now() */
} SignDeputy;
/* The deputy of a key, with nothing in it at first; borrowed. */
SignDeputy *sign_key_deputy(const SignKey *key);

/* The last delegation that was found to be signed by a certificate's key, so that it is not proved
 * with each request of its hour. */
typedef struct {
        pthread_mutex_t lock; /* guards all below */
        char *digest;         /* of what was signed and the signature; NULL: none yet */
} SignProved;
SignProved *sign_cert_proved(const SignCert *cert);
