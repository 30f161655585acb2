/* join.c - makes this machine a client of a site. */
#include "client/join.h"

#include <string.h>

#include "base/io.h"
#include "base/log.h"
#include "client/command.h"
#include "crypto/hash.h"
#include "crypto/sign.h"
#include "wire/xml.h"

#define MAX_ANSWER (256 * 1024)

/* A URL without the slashes behind it. */
static char *
plain_url(const char *url)
{
        gsize size = strlen(url);

        while (size > 0 && url[size - 1] == '/')
                size--;
        return g_strndup(url, size);
}

/* An answer of the plain queries of a management point. */
static bool
ask(HttpClient *http, const char *url, const char *query, HttpResponse **response_out,
    GError **error)
{
        g_autofree char *base = plain_url(url);
        g_autofree char *whole = g_strconcat(base, "/SMS_MP/.sms_aut?", query, NULL);
        HttpCall call = { .url = whole, .max_bytes = MAX_ANSWER, .user_agent = "ccmhttp" };

        *response_out = http_call(http, &call, error);
        return *response_out != NULL;
}

GBytes *
join_read_certificate(const void *data, gsize size, GError **error)
{
        UK_DOING(error, "reading the site's certificate");
        g_autoptr(XmlDoc) doc = xml_read(data, size, MAX_ANSWER, error);

        if (doc == NULL)
                return NULL;
        g_autofree char *text = xml_text(xml_root(doc));
        gsize bytes = strlen(g_strstrip(text)) / 2;
        g_autofree guint8 *der = g_malloc(bytes + 1);
        if (bytes == 0 || !hash_from_hex(text, strlen(text), der, bytes)) {
                uk_fail(error, UK_ERROR_PARSE, "there are no hexadecimal digits in it");
                return NULL;
        }
        return g_bytes_new(der, bytes);
}

static bool
is_site_code(const char *text)
{
        return text != NULL && strlen(text) == 3 && g_ascii_isalnum(text[0]) &&
               g_ascii_isalnum(text[1]) && g_ascii_isalnum(text[2]);
}

char *
join_read_site(const void *data, gsize size, GError **error)
{
        UK_DOING(error, "reading the management point's site");
        g_autoptr(XmlDoc) doc = xml_read(data, size, MAX_ANSWER, error);

        if (doc == NULL)
                return NULL;
        g_autofree char *site = xml_child_text(xml_root(doc), "SITECODE");
        if (is_site_code(site))
                return g_steal_pointer(&site);
        uk_fail(error, UK_ERROR_PARSE, "there is no site code in it: give it with --site");
        return NULL;
}

/* Hexadecimal digits in small letters, without what people put between them. */
static char *
plain_fingerprint(const char *text)
{
        GString *plain = g_string_new(NULL);

        for (; *text != '\0'; text++) {
                if (g_ascii_isxdigit(*text))
                        g_string_append_c(plain, g_ascii_tolower(*text));
        }
        return g_string_free(plain, FALSE);
}

static bool
check_fingerprint(GBytes *der, const char *wanted, GError **error)
{
        gsize size;
        const char *data = g_bytes_get_data(der, &size);
        g_autoptr(SignCert) cert = sign_cert_read(data, size, error);
        g_autofree char *plain = plain_fingerprint(wanted);

        if (cert == NULL)
                return false;
        g_autofree char *is = sign_cert_fingerprint(cert);
        if (strcmp(is, plain) == 0)
                return true;
        return uk_fail(error, UK_ERROR_SIGNATURE,
                       "the management point gives a certificate with fingerprint %s, not %s; "
                       "on the site server, openssl x509 -in /etc/upkeep/site.crt -noout "
                       "-fingerprint -sha256 says which is right",
                       is, plain);
}

static bool
write_conf(const JoinRequest *request, const char *site, GBytes *der, GError **error)
{
        g_autofree char *dir = g_build_filename(request->root, "etc", "upkeep", NULL);
        g_autofree char *path = g_build_filename(dir, "client.conf", NULL);
        g_autoptr(GKeyFile) file = g_key_file_new();
        gsize size;
        const guint8 *data = g_bytes_get_data(der, &size);
        g_autofree char *hex = hash_hex(data, size);
        g_autofree char *url = plain_url(request->url);
        g_autofree char *old = NULL;
        g_autoptr(GError) why = NULL;

        if (!uk_io_read(path, MAX_ANSWER, &old, &size, &why) &&
            !g_error_matches(why, UK_ERROR, UK_ERROR_NOT_FOUND)) {
                g_propagate_error(error, g_steal_pointer(&why));
                return false;
        }
        g_clear_error(&why);
        if (old != NULL && size > 0 &&
            !g_key_file_load_from_data(file, old, size, G_KEY_FILE_KEEP_COMMENTS, &why))
                return uk_fail(error, UK_ERROR_CONFIG, "%s: %s", path, why->message);
        g_key_file_set_string(file, "client", "mp", url);
        g_key_file_set_string(file, "client", "site_certificate", hex);
        g_key_file_set_string(file, "site", "code", site);
        g_autofree char *text = g_key_file_to_data(file, &size, NULL);
        return uk_io_mkdirs(dir, 0755, error) && uk_io_replace(path, text, size, 0644, error);
}

static char *
find_site(HttpClient *http, const JoinRequest *request, GError **error)
{
        g_autoptr(HttpResponse) answer = NULL;

        if (request->site != NULL) {
                if (is_site_code(request->site))
                        return g_ascii_strup(request->site, -1);
                uk_fail(error, UK_ERROR_INVALID, "'%s' is no site code: it has three characters",
                        request->site);
                return NULL;
        }
        if (!ask(http, request->url, "MPKEYINFORMATION", &answer, error))
                return NULL;
        return join_read_site(answer->body, answer->size, error);
}

bool
join_site(HttpClient *http, const JoinRequest *request, char **site_out, GError **error)
{
        UK_DOING(error, "joining the site of %s", request->url);
        g_autoptr(HttpResponse) answer = NULL;

        if (!ask(http, request->url, "SITESIGNCERT", &answer, error))
                return false;
        g_autoptr(GBytes) der = join_read_certificate(answer->body, answer->size, error);
        if (der == NULL || !check_fingerprint(der, request->fingerprint, error))
                return false;
        g_autofree char *site = find_site(http, request, error);
        if (site == NULL || !write_conf(request, site, der, error) ||
            !command_drop(request->root, "join", NULL, error))
                return false;
        *site_out = g_steal_pointer(&site);
        return true;
}
