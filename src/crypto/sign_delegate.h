/* sign_delegate.h - a key for an hour (Ed25519) that signs in place of a site's RSA key, a hundred
 * times cheaper; whoever relies on it asks for the RSA key's signature of it. It never leaves the
 * memory of the program that made it.
 */
#pragma once

#include "base/error.h"

#define SIGN_DELEGATE_KEY       32
#define SIGN_DELEGATE_SIGNATURE 64

typedef struct SignDelegate SignDelegate;

/* A new key; the caller frees it. */
SignDelegate *sign_delegate_new(GError **error) UK_MUST_USE;
void sign_delegate_free(SignDelegate *delegate);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(SignDelegate, sign_delegate_free)
/* Its public half, SIGN_DELEGATE_KEY bytes; borrowed. */
const guint8 *sign_delegate_public(const SignDelegate *delegate);
/* Signs data; may be called by several threads. */
bool sign_delegate_sign(const SignDelegate *delegate, const void *data, gsize size,
                        guint8 signature_out[SIGN_DELEGATE_SIGNATURE], GError **error) UK_MUST_USE;
/* True when the signature is of the holder of that public half; false with SIGNATURE when not. */
bool
sign_delegate_verify(const guint8 public_half[SIGN_DELEGATE_KEY], const void *data, gsize size,
                     const guint8 signature[SIGN_DELEGATE_SIGNATURE], GError **error) UK_MUST_USE;
