/* sitesig.c - signs and checks the requests of a site server to its site systems. */
#include "crypto/sitesig.h"

#include <string.h>

#include "crypto/hash.h"

/* What is signed: one line each, so that no part can run into the next. */
static char *
signed_text(const char *site, const char *method, const char *path, const char *time,
            const void *body, gsize body_size)
{
        g_autofree char *hash = hash_sha256_hex(body_size > 0 ? body : "", body_size);

        return g_strdup_printf("%s\n%s\n%s\n%s\n%s\n", site, method, path, time, hash);
}

char *
sitesig_header(const SignKey *key, const char *site, const char *method, const char *path,
               gint64 now_us, const void *body, gsize body_size, GError **error)
{
        UK_DOING(error, "signing %s %s", method, path);
        g_autofree char *time = uk_clock_iso(now_us);
        g_autofree char *text = signed_text(site, method, path, time, body, body_size);
        g_autoptr(GBytes) signature = sign_data(key, text, strlen(text), error);

        if (signature == NULL)
                return NULL;
        gsize size;
        const guint8 *bytes = g_bytes_get_data(signature, &size);
        g_autofree char *hex = hash_hex(bytes, size);

        return g_strdup_printf(SITESIG_HEADER ": %s %s %s", site, time, hex);
}

static bool
check_time(const char *time, gint64 now_us, GError **error)
{
        gint64 us;

        if (!uk_clock_parse(time, &us, NULL))
                return uk_fail(error, UK_ERROR_DENIED, "the time '%.40s' cannot be read", time);
        if (us > now_us + SITESIG_WINDOW || us < now_us - SITESIG_WINDOW)
                return uk_fail(error, UK_ERROR_DENIED,
                               "the request is dated %.40s, more than 10 minutes from this "
                               "machine's clock; compare the clocks of both machines",
                               time);
        return true;
}

static bool
check_signature(const SignCert *cert, const char *hex, const char *text, GError **error)
{
        gsize size = strlen(hex) / 2;
        g_autofree guint8 *signature = g_malloc(size + 1);

        if (size == 0 || size > 2048 || !hash_from_hex(hex, strlen(hex), signature, size))
                return uk_fail(error, UK_ERROR_DENIED, "the signature is no hexadecimal text");
        if (!sign_verify(cert, text, strlen(text), signature, size, NULL))
                return uk_fail(error, UK_ERROR_DENIED,
                               "the signature is not of the site that this machine belongs to");
        return true;
}

bool
sitesig_check(const SignCert *cert, const char *value, const char *method, const char *path,
              gint64 now_us, const void *body, gsize body_size, char **site_out, GError **error)
{
        UK_DOING(error, "%s %s", method, path);
        if (value == NULL)
                return uk_fail(error, UK_ERROR_DENIED,
                               "only the site server may ask this, and the "
                               "request is not signed");
        g_auto(GStrv) parts = g_strsplit(value, " ", 4);

        if (g_strv_length(parts) != 3)
                return uk_fail(error, UK_ERROR_DENIED,
                               "the header " SITESIG_HEADER " is malformed");
        g_autofree char *text = signed_text(parts[0], method, path, parts[1], body, body_size);

        if (!check_time(parts[1], now_us, error) || !check_signature(cert, parts[2], text, error))
                return false;
        if (site_out != NULL)
                *site_out = g_strdup(parts[0]);
        return true;
}
