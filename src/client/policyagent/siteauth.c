/* siteauth.c - the site's certificate and the signatures made with its key. */
#include "client/policyagent/siteauth.h"

#include <string.h>

#include "crypto/hash.h"

SignCert *
siteauth_certificate(Host *host, GError **error)
{
        g_autofree char *hex = settings_text(host_settings(host), "client.site_certificate");
        gsize size = strlen(g_strstrip(hex)) / 2;
        g_autofree guint8 *der = g_malloc(size + 1);

        if (size == 0 || !hash_from_hex(hex, strlen(hex), der, size)) {
                uk_fail(error, UK_ERROR_KEY,
                        "the site's certificate is not configured (client.site_certificate): run "
                        "upkeep-client join URL --fingerprint F");
                return NULL;
        }
        return sign_cert_read((const char *)der, size, error);
}

bool
siteauth_check(const SignCert *cert, const PolicyAssignmentDoc *doc, GError **error)
{
        const char *hex = doc->signature != NULL ? doc->signature : "";
        gsize size = strlen(hex) / 2;
        g_autofree guint8 *signature = g_malloc(size + 1);

        if (doc->document == NULL || size == 0 || !hash_from_hex(hex, strlen(hex), signature, size))
                return uk_fail(error, UK_ERROR_SIGNATURE, "it is not signed");
        return sign_verify(cert, doc->document, strlen(doc->document), signature, size, error);
}
