/* sitesig.c - signs and checks the requests of a site server to its site systems. */
#include "crypto/sitesig.h"

#include <string.h>

#include "crypto/hash.h"
#include "crypto/sign_private.h"

/* What is signed: one line each, so that no part can run into the next. */
static char *
signed_text(const char *site, const char *to, const char *time, const SiteRequest *request)
{
        g_autofree char *hash =
                hash_sha256_hex(request->body_size > 0 ? request->body : "", request->body_size);

        return g_strdup_printf("%s\n%s\n%s\n%s\n%s\n%s\n", site, to, request->method, request->path,
                               time, hash);
}

static char *
delegation_text(const char *site, const char *public_half, const char *until)
{
        return g_strdup_printf("upkeep-delegate\n%s\n%s\n%s\n", site, public_half, until);
}

/* Gives the key a new deputy; the lock is held. */
static bool
renew(SignDeputy *deputy, const SignKey *key, const char *site, gint64 now_us, GError **error)
{
        g_autoptr(SignDelegate) delegate = sign_delegate_new(error);

        if (delegate == NULL)
                return false;
        g_autofree char *until = uk_clock_iso(now_us + SITESIG_DEPUTY);
        g_autofree char *half = hash_hex(sign_delegate_public(delegate), SIGN_DELEGATE_KEY);
        g_autofree char *text = delegation_text(site, half, until);
        g_autoptr(GBytes) proof = sign_data(key, text, strlen(text), error);
        if (proof == NULL)
                return false;
        gsize size;
        const guint8 *bytes = g_bytes_get_data(proof, &size);
        g_autofree char *hex = hash_hex(bytes, size);

        sign_delegate_free(deputy->delegate);
        deputy->delegate = g_steal_pointer(&delegate);
        g_free(deputy->credential);
        deputy->credential = g_strdup_printf("%s %s %s", half, until, hex);
        deputy->made_us = now_us;
        deputy->until_us = now_us + SITESIG_DEPUTY;
        return true;
}

/* Whether the deputy may still sign; not near its end, nor after the clock was set back. */
static bool
is_good(const SignDeputy *deputy, gint64 now_us)
{
        return deputy->delegate != NULL && now_us + SITESIG_WINDOW < deputy->until_us &&
               now_us >= deputy->made_us;
}

/* "<signature> <key> <until> <signature of the site's key>"; the caller's. */
static char *
sign_by_deputy(const SignKey *key, const char *site, const char *text, gint64 now_us,
               GError **error)
{
        SignDeputy *deputy = sign_key_deputy(key);
        guint8 signature[SIGN_DELEGATE_SIGNATURE];
        char *value = NULL;

        pthread_mutex_lock(&deputy->lock);
        if ((is_good(deputy, now_us) || renew(deputy, key, site, now_us, error)) &&
            sign_delegate_sign(deputy->delegate, text, strlen(text), signature, error)) {
                g_autofree char *hex = hash_hex(signature, sizeof signature);

                value = g_strconcat(hex, " ", deputy->credential, NULL);
        }
        pthread_mutex_unlock(&deputy->lock);
        return value;
}

char *
sitesig_header(const SignKey *key, const char *site, const char *to, gint64 now_us,
               const SiteRequest *request, GError **error)
{
        UK_DOING(error, "signing %s %s", request->method, request->path);
        if (to[0] == '\0' || to[strcspn(to, " \t\r\n")] != '\0') {
                uk_fail(error, UK_ERROR_INVALID, "'%s' is no name of a machine", to);
                return NULL;
        }
        g_autofree char *time = uk_clock_iso(now_us);
        g_autofree char *text = signed_text(site, to, time, request);
        g_autofree char *signature = sign_by_deputy(key, site, text, now_us, error);

        return signature != NULL
                       ? g_strdup_printf(SITESIG_HEADER ": %s %s %s %s", site, time, to, signature)
                       : NULL;
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

/* RSA takes longer than all else of a request: one delegation is proved once. */
static bool
check_proof(const SignCert *cert, const char *text, const char *proof, GError **error)
{
        SignProved *proved = sign_cert_proved(cert);
        g_autofree char *whole = g_strconcat(text, proof, NULL);
        g_autofree char *digest = hash_sha256_hex(whole, strlen(whole));

        pthread_mutex_lock(&proved->lock);
        bool known = g_strcmp0(proved->digest, digest) == 0;
        pthread_mutex_unlock(&proved->lock);
        if (known)
                return true;
        if (!check_signature(cert, proof, text, error))
                return false;
        pthread_mutex_lock(&proved->lock);
        g_free(proved->digest);
        proved->digest = g_steal_pointer(&digest);
        pthread_mutex_unlock(&proved->lock);
        return true;
}

/* The key for an hour that the header names is the site's, and still good. */
static bool
check_delegation(const SignCert *cert, const char *site, char *const *parts, gint64 now_us,
                 GError **error)
{
        g_autofree char *text = delegation_text(site, parts[0], parts[1]);
        gint64 until;

        if (!uk_clock_parse(parts[1], &until, NULL) || until < now_us - SITESIG_WINDOW ||
            until > now_us + SITESIG_DEPUTY + SITESIG_WINDOW)
                return uk_fail(error, UK_ERROR_DENIED,
                               "the key that signed is good until '%.40s', which does not fit "
                               "this machine's clock; compare the clocks of both machines",
                               parts[1]);
        return check_proof(cert, text, parts[2], error);
}

/* parts: signature, key, until, signature of the site's key. */
static bool
check_by_deputy(const SignCert *cert, const char *site, char *const *parts, const char *text,
                gint64 now_us, GError **error)
{
        guint8 half[SIGN_DELEGATE_KEY], signature[SIGN_DELEGATE_SIGNATURE];

        if (!hash_from_hex(parts[0], strlen(parts[0]), signature, sizeof signature) ||
            !hash_from_hex(parts[1], strlen(parts[1]), half, sizeof half))
                return uk_fail(error, UK_ERROR_DENIED, "the signature is no hexadecimal text");
        if (!check_delegation(cert, site, parts + 1, now_us, error))
                return false;
        return sign_delegate_verify(half, text, strlen(text), signature, NULL) ||
               uk_fail(error, UK_ERROR_DENIED,
                       "the signature is not of the site that this machine belongs to");
}

/* One spelling only: a request that was taken is known again by its header. */
static bool
is_lower_hex(const char *text)
{
        return text[strspn(text, "0123456789abcdef")] == '\0';
}

bool
sitesig_check(const SignCert *cert, const char *value, gint64 now_us, const SiteRequest *request,
              char **to_out, GError **error)
{
        UK_DOING(error, "%s %s", request->method, request->path);
        if (value == NULL)
                return uk_fail(error, UK_ERROR_DENIED,
                               "only the site server may ask this, and the "
                               "request is not signed");
        g_auto(GStrv) parts = g_strsplit(value, " ", 8);
        guint count = g_strv_length(parts);

        if (count != 4 && count != 7)
                return uk_fail(error, UK_ERROR_DENIED,
                               "the header " SITESIG_HEADER " is malformed");
        if (!is_lower_hex(parts[3]) ||
            (count == 7 && (!is_lower_hex(parts[4]) || !is_lower_hex(parts[6]))))
                return uk_fail(error, UK_ERROR_DENIED, "the signature is no hexadecimal text");
        g_autofree char *text = signed_text(parts[0], parts[2], parts[1], request);

        if (!check_time(parts[1], now_us, error) ||
            !(count == 4 ? check_signature(cert, parts[3], text, error)
                         : check_by_deputy(cert, parts[0], parts + 3, text, now_us, error)))
                return false;
        if (to_out != NULL)
                *to_out = g_strdup(parts[2]);
        return true;
}
