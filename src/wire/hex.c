/* hex.c - bytes to hexadecimal text and back. */
#include "wire/hex.h"

#include <string.h>

char *
hex_write(const void *data, gsize size, bool reversed)
{
        static const char digits[] = "0123456789ABCDEF";
        const guint8 *bytes = data;
        char *out = g_malloc(2 * size + 1);

        for (gsize i = 0; i < size; i++) {
                guint8 byte = bytes[reversed ? size - 1 - i : i];

                out[2 * i] = digits[byte >> 4];
                out[2 * i + 1] = digits[byte & 15];
        }
        out[2 * size] = '\0';
        return out;
}

/* 0 to 15, -1 for what is no digit; in line, since each message has a thousand of them. */
static inline int
digit_value(guchar c)
{
        if (c >= '0' && c <= '9')
                return c - '0';
        c |= 0x20;
        return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

GBytes *
hex_read(const char *hex, gsize max, bool reversed, GError **error)
{
        gsize length = strlen(hex);
        gsize size = length / 2;
        g_autofree guint8 *out = NULL;

        if (length == 0 || length % 2 != 0 || size > max) {
                uk_fail(error, UK_ERROR_PARSE, "%zu hexadecimal digits", length);
                return NULL;
        }
        out = g_malloc(size);
        for (gsize i = 0; i < size; i++) {
                int high = digit_value((guchar)hex[2 * i]);
                int low = digit_value((guchar)hex[2 * i + 1]);

                if (high < 0 || low < 0) {
                        uk_fail(error, UK_ERROR_PARSE, "it is not hexadecimal");
                        return NULL;
                }
                out[reversed ? size - 1 - i : i] = (guint8)(high << 4 | low);
        }
        return g_bytes_new_take(g_steal_pointer(&out), size);
}
