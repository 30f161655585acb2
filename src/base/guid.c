/* guid.c - GUIDs: random ones (version 4) and ones that follow from a name (version 5).
 *
 * SHA-1 is only the recipe of RFC 4122 here and protects nothing; it is GLib's.
 */
#include "base/guid.h"

#include <string.h>

#include "base/io_private.h"

/* A first synchronization makes tens of thousands; printf would take most of the time. */
static char *
format(const guint8 b[16])
{
        static const char digits[] = "0123456789abcdef";
        char *text = g_malloc(UK_GUID_TEXT + 1), *at = text;

        for (guint i = 0; i < 16; i++) {
                if (i == 4 || i == 6 || i == 8 || i == 10)
                        *at++ = '-';
                *at++ = digits[b[i] >> 4];
                *at++ = digits[b[i] & 15];
        }
        *at = '\0';
        return text;
}

static void
mark(guint8 b[16], guint8 version)
{
        b[6] = (guint8)((b[6] & 0x0f) | version << 4);
        b[8] = (guint8)((b[8] & 0x3f) | 0x80);
}

char *
uk_guid_new(void)
{
        guint8 b[16];

        io_random(b, sizeof b);
        mark(b, 4);
        return format(b);
}

char *
uk_guid_new_braced(void)
{
        g_autofree char *plain = uk_guid_new();
        g_autofree char *upper = g_ascii_strup(plain, -1);

        return g_strdup_printf("{%s}", upper);
}

static void
bytes_of(const char *guid, guint8 b[16])
{
        for (gsize i = 0; i < 16; guid += 2) {
                if (*guid == '-')
                        guid++;
                b[i++] = (guint8)(g_ascii_xdigit_value(guid[0]) << 4 |
                                  g_ascii_xdigit_value(guid[1]));
        }
}

char *
uk_guid_v5(const char *namespace_guid, const char *name)
{
        g_autoptr(GChecksum) sum = g_checksum_new(G_CHECKSUM_SHA1);
        guint8 digest[20];
        gsize size = sizeof digest;
        guint8 b[16];

        g_assert(uk_guid_valid(namespace_guid));
        bytes_of(namespace_guid, b);
        g_checksum_update(sum, b, sizeof b);
        g_checksum_update(sum, (const guint8 *)name, (gssize)strlen(name));
        g_checksum_get_digest(sum, digest, &size);
        memcpy(b, digest, sizeof b);
        mark(b, 5);
        return format(b);
}

bool
uk_guid_valid(const char *text)
{
        if (text == NULL)
                return false;
        for (int i = 0; i < UK_GUID_TEXT; i++) {
                bool dash = i == 8 || i == 13 || i == 18 || i == 23;
                if (dash ? text[i] != '-' : !g_ascii_isxdigit(text[i]))
                        return false;
        }
        return text[UK_GUID_TEXT] == '\0';
}
