/* random.h - unpredictable bytes, for keys, cookies and nonces. */
#pragma once

#include "base/error.h"

/* Fills the buffer; aborts when the system has no randomness, because going on would be a lie. */
void crypto_random(void *buffer, gsize size);
/* Hexadecimal text of n random bytes; the caller's. */
char *crypto_random_hex(gsize n);
/* Compares in constant time. */
bool crypto_equal(const void *a, const void *b, gsize size);
/* HMAC-SHA-256 of data under key. */
void crypto_hmac_sha256(const void *key, gsize key_size, const void *data, gsize size,
                        guint8 digest_out[32]);
