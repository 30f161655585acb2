/* utf16.c - UTF-16 to UTF-8 and back, strictly: nothing is replaced, nothing is guessed.
 *
 * Real clients send envelopes and bodies as UTF-16LE; inside, all is UTF-8.
 */
#include "wire/utf16.h"

#include <string.h>

static void
put_unit(guint8 *out, gunichar unit)
{
        out[0] = (guint8)unit;
        out[1] = (guint8)(unit >> 8);
}

static gsize
put_char(guint8 *out, gunichar c)
{
        if (c < 0x10000) {
                put_unit(out, c);
                return 2;
        }
        c -= 0x10000;
        put_unit(out, 0xd800 + (c >> 10));
        put_unit(out + 2, 0xdc00 + (c & 0x3ff));
        return 4;
}

GBytes *
utf16_write(const char *text, gssize size, GError **error)
{
        gsize length = size < 0 ? strlen(text) : (gsize)size;
        const char *end = text + length;
        const char *bad;
        guint8 *out;
        gsize n = 0;

        if (!g_utf8_validate_len(text, length, &bad)) {
                uk_fail(error, UK_ERROR_PARSE, "byte %zu of the text is no UTF-8",
                        (gsize)(bad - text));
                return NULL;
        }
        out = g_malloc(2 + 2 * length); /* no character takes more than twice its UTF-8 bytes */
        n += put_char(out, 0xfeff);
        for (const char *p = text; p < end; p = g_utf8_next_char(p))
                n += put_char(out + n, g_utf8_get_char(p));
        return g_bytes_new_take(out, n);
}

static gunichar
get_unit(const guint8 *p, bool big)
{
        return big ? (gunichar)p[0] << 8 | p[1] : (gunichar)p[1] << 8 | p[0];
}

/* A character at p, before end; 0xffffffff for a lone surrogate. */
static gunichar
get_char(const guint8 **p, const guint8 *end, bool big)
{
        gunichar c = get_unit(*p, big);
        gunichar low;

        *p += 2;
        if (c < 0xd800 || c > 0xdfff)
                return c;
        low = c < 0xdc00 && *p < end ? get_unit(*p, big) : 0;
        if (low < 0xdc00 || low > 0xdfff)
                return 0xffffffff;
        *p += 2;
        return 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00);
}

/* Little-endian ASCII, which nearly all text is, from p on; returns behind the last of it. */
static const guint8 *
take_ascii(const guint8 *p, const guint8 *end, char *out, gsize *n)
{
        gsize at = *n;

        for (; end - p >= 2 && p[0] < 0x80 && p[1] == 0; p += 2)
                out[at++] = (char)p[0];
        *n = at;
        return p;
}

char *
utf16_read(const void *data, gsize size, gsize *size_out, GError **error)
{
        const guint8 *p = data;
        const guint8 *end = p + size;
        bool big = size >= 2 && p[0] == 0xfe && p[1] == 0xff;
        g_autofree char *out = NULL;
        gsize n = 0;

        if (size % 2 != 0) {
                uk_fail(error, UK_ERROR_PARSE, "UTF-16 of an odd number of bytes (%zu)", size);
                return NULL;
        }
        if (big || (size >= 2 && p[0] == 0xff && p[1] == 0xfe))
                p += 2;
        out = g_malloc(size / 2 * 3 + 1);
        while (p < end) {
                if (!big && (p = take_ascii(p, end, out, &n)) == end)
                        break;
                gunichar c = get_char(&p, end, big);

                if (c == 0xffffffff) {
                        uk_fail(error, UK_ERROR_PARSE, "half a surrogate pair before byte %zu",
                                (gsize)(p - (const guint8 *)data));
                        return NULL;
                }
                n += (gsize)g_unichar_to_utf8(c, out + n);
        }
        out[n] = '\0';
        if (size_out != NULL)
                *size_out = n;
        return g_steal_pointer(&out);
}
