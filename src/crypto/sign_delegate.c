/* sign_delegate.c - Ed25519 keys that live in memory only. */
#include "crypto/sign_delegate.h"

#include <string.h>

#include "crypto/sign_private.h"

struct SignDelegate {
        gnutls_privkey_t key;
        guint8 public_half[SIGN_DELEGATE_KEY];
};

void
sign_delegate_free(SignDelegate *delegate)
{
        if (delegate == NULL)
                return;
        gnutls_privkey_deinit(delegate->key);
        g_free(delegate);
}

static int
export_public(SignDelegate *delegate)
{
        gnutls_datum_t x = { NULL, 0 };
        int rc = gnutls_privkey_export_ecc_raw2(delegate->key, NULL, &x, NULL, NULL, 0);

        if (rc >= 0 && x.size != SIGN_DELEGATE_KEY)
                rc = GNUTLS_E_INTERNAL_ERROR;
        if (rc >= 0)
                memcpy(delegate->public_half, x.data, SIGN_DELEGATE_KEY);
        gnutls_free(x.data);
        return rc;
}

SignDelegate *
sign_delegate_new(GError **error)
{
        g_autoptr(SignDelegate) delegate = g_new0(SignDelegate, 1);
        int rc = gnutls_privkey_init(&delegate->key);

        if (rc >= 0)
                rc = gnutls_privkey_generate(delegate->key, GNUTLS_PK_EDDSA_ED25519, 0, 0);
        if (rc >= 0)
                rc = export_public(delegate);
        if (rc < 0) {
                uk_fail(error, UK_ERROR_KEY, "making a key for an hour: %s", gnutls_strerror(rc));
                return NULL;
        }
        return g_steal_pointer(&delegate);
}

const guint8 *
sign_delegate_public(const SignDelegate *delegate)
{
        return delegate->public_half;
}

bool
sign_delegate_sign(const SignDelegate *delegate, const void *data, gsize size,
                   guint8 signature_out[SIGN_DELEGATE_SIGNATURE], GError **error)
{
        const gnutls_datum_t text = { (unsigned char *)data, (unsigned)size };
        gnutls_datum_t signature = { NULL, 0 };
        int rc = gnutls_privkey_sign_data2(delegate->key, GNUTLS_SIGN_EDDSA_ED25519, 0, &text,
                                           &signature);

        if (rc >= 0 && signature.size != SIGN_DELEGATE_SIGNATURE)
                rc = GNUTLS_E_INTERNAL_ERROR;
        if (rc >= 0)
                memcpy(signature_out, signature.data, SIGN_DELEGATE_SIGNATURE);
        gnutls_free(signature.data);
        return rc >= 0 || uk_fail(error, UK_ERROR_KEY, "signing: %s", gnutls_strerror(rc));
}

bool
sign_delegate_verify(const guint8 public_half[SIGN_DELEGATE_KEY], const void *data, gsize size,
                     const guint8 signature[SIGN_DELEGATE_SIGNATURE], GError **error)
{
        const gnutls_datum_t text = { (unsigned char *)data, (unsigned)size };
        const gnutls_datum_t proof = { (unsigned char *)signature, SIGN_DELEGATE_SIGNATURE };
        const gnutls_datum_t x = { (unsigned char *)public_half, SIGN_DELEGATE_KEY };
        g_auto(gnutls_pubkey_t) key = NULL;
        int rc = gnutls_pubkey_init(&key);

        if (rc >= 0)
                rc = gnutls_pubkey_import_ecc_raw(key, GNUTLS_ECC_CURVE_ED25519, &x, NULL);
        if (rc >= 0)
                rc = gnutls_pubkey_verify_data2(key, GNUTLS_SIGN_EDDSA_ED25519, 0, &text, &proof);
        return rc >= 0 ||
               uk_fail(error, UK_ERROR_SIGNATURE, "the signature: %s", gnutls_strerror(rc));
}
