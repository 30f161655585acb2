/* utf16.h - UTF-16 (little-endian, with byte order mark) to UTF-8 and back; strict. */
#pragma once

#include "base/error.h"

/* UTF-8 to UTF-16LE with a byte order mark; PARSE on bad UTF-8. The caller owns the bytes. */
GBytes *utf16_write(const char *text, gssize size, GError **error) UK_MUST_USE;
/* UTF-16 of either order (by its mark; little-endian without) to UTF-8, NUL-terminated, the
 * caller's. PARSE on a lone surrogate or an odd size. */
char *utf16_read(const void *data, gsize size, gsize *size_out, GError **error) UK_MUST_USE;
