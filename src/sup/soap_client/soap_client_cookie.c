/* soap_client_cookie.c - packs, seals and opens cookies. */
#include "sup/soap_client/soap_client_cookie.h"

#include <string.h>

#include "base/guid.h"
#include "base/io.h"
#include "crypto/hash.h"
#include "crypto/random.h"

#define KEY_SIZE 32
#define MAC_SIZE 32
#define VERSION  1
#define MAX_TEXT 512

struct CookieKey {
        guint8 bytes[KEY_SIZE];
};

/* As it is sealed, without gaps; read again by the same program alone, so in the machine's own
 * order of bytes. */
typedef struct {
        gint64 expires_us, last_change_us, mark;
        guint8 client_id[16], server[16];
        guint16 major, minor;
        guint8 version, kind, registered, zero;
        guint8 mac[MAC_SIZE];
} Sealed;

CookieKey *
soap_client_key_load(const char *path, GError **error)
{
        g_autoptr(GError) why = NULL;
        g_autofree char *data = NULL;
        CookieKey key;
        gsize size;

        if (uk_io_read(path, KEY_SIZE, &data, &size, &why)) {
                if (size == KEY_SIZE)
                        return g_memdup2(data, sizeof key);
                uk_fail(error, UK_ERROR_KEY, "%s has %zu bytes, not %d: remove it", path, size,
                        KEY_SIZE);
                return NULL;
        }
        if (!g_error_matches(why, UK_ERROR, UK_ERROR_NOT_FOUND)) {
                g_propagate_error(error, g_steal_pointer(&why));
                return NULL;
        }
        crypto_random(key.bytes, KEY_SIZE);
        if (!uk_io_replace(path, key.bytes, KEY_SIZE, 0600, error))
                return NULL;
        return g_memdup2(&key, sizeof key);
}

void
soap_client_key_free(CookieKey *key)
{
        if (key == NULL)
                return;
        explicit_bzero(key, sizeof *key);
        g_free(key);
}

static void
pack_guid(const char *text, guint8 out[16])
{
        g_auto(GStrv) parts = g_strsplit(text, "-", -1);
        g_autofree char *digits = g_strjoinv("", parts);
        bool good = hash_from_hex(digits, strlen(digits), out, 16);

        g_assert(good);
}

static void
unpack_guid(const guint8 bytes[16], char out[37])
{
        g_autofree char *hex = hash_hex(bytes, 16);

        g_snprintf(out, 37, "%.8s-%.4s-%.4s-%.4s-%.12s", hex, hex + 8, hex + 12, hex + 16,
                   hex + 20);
}

static void
mac_of(const CookieKey *key, const Sealed *sealed, guint8 mac[MAC_SIZE])
{
        crypto_hmac_sha256(key->bytes, KEY_SIZE, sealed, sizeof *sealed - MAC_SIZE, mac);
}

char *
soap_client_cookie_make(const CookieKey *key, const ClientCookie *cookie)
{
        Sealed sealed = {
                .version = VERSION,
                .kind = (guint8)cookie->kind,
                .expires_us = cookie->expires_us,
                .last_change_us = cookie->last_change_us,
                .mark = cookie->mark,
                .major = cookie->major,
                .minor = cookie->minor,
                .registered = cookie->registered,
        };

        G_STATIC_ASSERT(sizeof sealed == 96);
        pack_guid(cookie->client_id, sealed.client_id);
        pack_guid(cookie->server, sealed.server);
        mac_of(key, &sealed, sealed.mac);
        return g_base64_encode((const guchar *)&sealed, sizeof sealed);
}

bool
soap_client_cookie_read(const CookieKey *key, const char *text, CookieKind kind,
                        ClientCookie *cookie_out)
{
        g_autofree guchar *data = NULL;
        guint8 mac[MAC_SIZE];
        Sealed sealed;
        gsize size;

        if (strlen(text) > MAX_TEXT)
                return false;
        data = g_base64_decode(text, &size);
        if (size != sizeof sealed)
                return false;
        memcpy(&sealed, data, sizeof sealed);
        mac_of(key, &sealed, mac);
        if (!crypto_equal(mac, sealed.mac, MAC_SIZE) || sealed.version != VERSION ||
            sealed.kind != kind)
                return false;
        *cookie_out = (ClientCookie){
                .kind = kind,
                .expires_us = sealed.expires_us,
                .last_change_us = sealed.last_change_us,
                .mark = sealed.mark,
                .major = sealed.major,
                .minor = sealed.minor,
                .registered = sealed.registered != 0,
        };
        unpack_guid(sealed.client_id, cookie_out->client_id);
        unpack_guid(sealed.server, cookie_out->server);
        return true;
}
