/* hex.h - bytes as hexadecimal text, in order or last byte first, as the other world's libraries
 * write signatures.
 */
#pragma once

#include "base/error.h"

/* Upper-case digits; the caller's. */
char *hex_write(const void *data, gsize size, bool reversed);
/* Digits of either case to bytes, at most max of them; PARSE for anything else, and for none at
 * all. The caller owns the bytes. */
GBytes *hex_read(const char *hex, gsize max, bool reversed, GError **error) UK_MUST_USE;
