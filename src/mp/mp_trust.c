/* mp_trust.c - plain queries that need no credentials: which management points there are, and whose
 * certificates to trust (spec: client protocol, 2).
 *
 * In: GET /SMS_MP/.sms_aut?VERB. Out: small XML documents that a browser shows. Secrets: none.
 */
#include <string.h>

#include "base/io.h"
#include "crypto/hash.h"
#include "mp/mp_private.h"
#include "sitedb/sitesystem.h"
#include "wire/xml.h"

#define XML_TYPE "text/xml; charset=utf-8"
#define MAX_PEM  (64 * 1024)

/* A query: its verb, and what stands behind the '&' ("" if nothing does). */
typedef struct {
        Component *c;
        const Mp *mp;
        char *verb;
        const char *argument;
} Query;

/* Writes the answer; false: error. */
typedef bool (*QueryFn)(const Query *query, XmlWriter *w, GError **error);

static void
write_hex(XmlWriter *w, const char *element, GBytes *bytes)
{
        gsize size;
        const guint8 *data = g_bytes_get_data(bytes, &size);
        g_autofree char *hex = hash_hex(data, size);
        g_autofree char *upper = g_ascii_strup(hex, -1);

        xml_element(w, element, upper);
}

static void
write_mp(XmlWriter *w, const char *fqdn, bool tls)
{
        g_autofree char *name = g_strndup(fqdn, strcspn(fqdn, "."));

        xml_open(w, "MP");
        xml_attribute(w, "Name", name);
        xml_attribute(w, "FQDN", fqdn);
        xml_element(w, "Version", UPKEEP_VERSION);
        xml_open(w, "Capabilities");
        xml_attribute(w, "SchemaVersion", "1.0");
        xml_open(w, "Property");
        xml_attribute(w, "Name", "SSLState");
        xml_attribute_int(w, "Value", tls ? 31 : 0);
        xml_close(w);
        xml_close(w);
        xml_close(w);
}

/* The management points of a site; this one, at least, if the site is its own. */
static bool
write_list(const Query *query, XmlWriter *w, GError **error)
{
        bool named = query->argument[0] != '\0';
        const char *own = host_site_code(query->c->host);
        const char *site = named ? query->argument : own;
        g_autofree char *upper = g_ascii_strup(site, -1);
        g_autoptr(GPtrArray) list = sitesystem_list(query->c->db, upper, SITESYSTEM_MP, error);

        if (list == NULL)
                return false;
        if (list->len == 0 && g_ascii_strcasecmp(site, own) != 0)
                return uk_fail(error, UK_ERROR_NOT_FOUND, "site '%.16s' is not known here", site);
        xml_open(w, "MPList");
        if (named)
                xml_attribute(w, "SiteCode", upper);
        for (guint i = 0; i < list->len; i++) {
                const SiteSystem *system = g_ptr_array_index(list, i);

                write_mp(w, system->server, strcmp(system->scheme, "https") == 0);
        }
        if (list->len == 0)
                write_mp(w, host_machine(query->c->host), false);
        xml_close(w);
        return true;
}

static bool
write_mp_cert(const Query *query, XmlWriter *w, GError **error)
{
        g_autoptr(GBytes) der = sign_key_cert_der(query->mp->key);

        write_hex(w, "MPCertificate", der);
        return true;
}

/* The DER form of a certificate in PEM. */
static GBytes *
der_of(const char *pem)
{
        static const char begin[] = "-----BEGIN CERTIFICATE-----";
        const char *start = strstr(pem, begin);
        const char *end = start != NULL ? strstr(start, "-----END") : NULL;
        g_autofree char *base64 =
                end != NULL ? g_strndup(start + strlen(begin), (gsize)(end - start) - strlen(begin))
                            : g_strdup("");
        gsize size;
        guint8 *der = g_base64_decode(base64, &size);

        return g_bytes_new_take(der, size);
}

/* The site's certificate, with which policies are signed; upkeep-site puts it there. */
static GBytes *
site_certificate(Host *host, GError **error)
{
        UK_DOING(error, "reading the certificate of the site");
        g_autofree char *path = g_build_filename(host_etc_dir(host), "site.crt", NULL);
        g_autofree char *pem = NULL;
        g_autoptr(SignCert) cert = NULL;
        gsize size;

        if (!g_file_test(path, G_FILE_TEST_EXISTS)) {
                uk_fail(error, UK_ERROR_NOT_YET, "%s is not there yet; is upkeep-site running?",
                        path);
                return NULL;
        }
        if (!uk_io_read(path, MAX_PEM, &pem, &size, error))
                return NULL;
        cert = sign_cert_read(pem, size, error);
        return cert != NULL ? der_of(pem) : NULL;
}

static bool
write_site_cert(const Query *query, XmlWriter *w, GError **error)
{
        g_autoptr(GBytes) der = site_certificate(query->c->host, error);

        if (der == NULL)
                return false;
        write_hex(w, "SiteSigningCertificate", der);
        return true;
}

/* Sites have no authority above them: what is trusted is the site's own certificate. */
static bool
write_root(const Query *query, XmlWriter *w, GError **error)
{
        g_autoptr(GBytes) der = site_certificate(query->c->host, error);

        if (der == NULL)
                return false;
        write_hex(w, "SMSTRC", der);
        return true;
}

static bool
write_key(const Query *query, XmlWriter *w, GError **error)
{
        g_autoptr(GBytes) blob = sign_key_public_blob(query->mp->key, error);

        if (blob == NULL)
                return false;
        xml_open(w, "MPKEYINFORMATION");
        xml_element(w, "FQDN", host_machine(query->c->host));
        xml_element(w, "SITECODE", host_site_code(query->c->host));
        write_hex(w, "PUBLICKEY", blob);
        xml_close(w);
        return true;
}

/* There is one management point a database: whoever is known here belongs here. */
static bool
write_affinity(const Query *query, XmlWriter *w, GError **error)
{
        g_autoptr(Machine) client = NULL;

        if (!machine_by_smsid(query->c->db, query->argument, &client, error))
                return false;
        if (client == NULL)
                return uk_fail(error, UK_ERROR_NOT_FOUND, "client '%.64s' is not known here",
                               query->argument);
        xml_open(w, "ClientAffinity");
        xml_attribute(w, "SMSID", client->smsid);
        xml_element(w, "FQDN", host_machine(query->c->host));
        xml_close(w);
        return true;
}

static const struct {
        const char *verb;
        QueryFn write;
} queries[] = {
        { "MPLIST", write_list },
        { "MPLIST1", write_list },
        { "MPLIST2", write_list },
        { "MPCERT", write_mp_cert },
        { "SITESIGNCERT", write_site_cert },
        { "SMSTRC", write_root },
        { "MPKEYINFORMATION", write_key },
        { "GETCLIENTAFFINITY", write_affinity },
};

static bool
write_answer(const Query *query, GString *out, GError **error)
{
        XmlWriter w;

        for (guint i = 0; i < G_N_ELEMENTS(queries); i++) {
                if (g_ascii_strcasecmp(queries[i].verb, query->verb) != 0)
                        continue;
                xml_begin(&w, out);
                bool ok = queries[i].write(query, &w, error);

                xml_finish(&w); /* who fails has opened nothing yet */
                return ok;
        }
        return uk_fail(error, UK_ERROR_NOT_FOUND, "there is no query '%.64s'", query->verb);
}

bool
mp_trust_on_query(Component *c, HttpRequest *request, GError **error)
{
        const char *raw = http_request_raw_query(request);
        g_autofree char *verb = g_uri_unescape_string(raw != NULL ? raw : "", NULL);
        g_autoptr(GString) out = g_string_new(NULL);

        if (verb == NULL || !g_utf8_validate(verb, -1, NULL))
                return uk_fail(error, UK_ERROR_PARSE, "the query cannot be read");
        char *split = strpbrk(verb, "&");
        if (split != NULL)
                *split = '\0';
        Query query = { c, c->state, verb, split != NULL ? split + 1 : "" };

        if (!write_answer(&query, out, error))
                return false;
        http_answer(request, 200, XML_TYPE, out->str, out->len);
        return true;
}
