/* join.h - makes this machine a client of a site: whom to ask, and whose signature to trust.
 *
 *   upkeep-client join URL --fingerprint F: fetches the site's certificate from the management
 *   point and takes it only if it is the one whose fingerprint the administrator gave.
 */
#pragma once

#include "net/http_client.h"

typedef struct {
        const char *root;        /* below which etc/upkeep/client.conf is written */
        const char *url;         /* of a management point: "http://ps1mp.contoso.com" */
        const char *fingerprint; /* SHA-256, hexadecimal; colons and case do not matter */
        const char *site;        /* site code, or NULL: what the management point says */
} JoinRequest;

/* Asks, checks, writes the configuration and tells a running client. *site_out is the site's code,
 * the caller's. SIGNATURE when the certificate is another one. */
bool join_site(HttpClient *http, const JoinRequest *request, char **site_out,
               GError **error) UK_MUST_USE;
/* The certificate's bytes (DER) in the answer of SITESIGNCERT: hexadecimal digits in one XML
 * element. PARSE. */
GBytes *join_read_certificate(const void *data, gsize size, GError **error) UK_MUST_USE;
/* The site code in the answer of MPKEYINFORMATION; the caller's. PARSE. */
char *join_read_site(const void *data, gsize size, GError **error) UK_MUST_USE;
