/* sitesig.h - how a site server proves to its site systems that a request is its own.
 *
 * The header X-Upkeep-Site carries "<site code> <time, ISO 8601> <machine> <signature,
 * hexadecimal>"; the signature covers site code, machine, method, path with query, time and the
 * SHA-256 of the body, each on a line. The machine is whom the request is for, by the name that the
 * site has for it: what was said to one is not taken by another. The signature is made by the
 * site's key (RSA, SHA-256), or by a key for an hour (Ed25519), since RSA costs milliseconds; then
 * there stand behind it "<that key> <until, ISO 8601> <signature>", by which the site's key says
 * so: over "upkeep-delegate", site code, key and time, each on a line. The receiver knows the
 * site's certificate and takes a request once within SITESIG_WINDOW of its own clock.
 */
#pragma once

#include "base/clock.h"
#include "base/error.h"
#include "crypto/sign.h"

#define SITESIG_HEADER "X-Upkeep-Site"
#define SITESIG_WINDOW (10 * UK_MINUTE)
#define SITESIG_DEPUTY (60 * UK_MINUTE) /* how long a key for an hour is good */

typedef struct {
        const char *method, *path; /* with the query */
        const void *body;
        gsize body_size;
} SiteRequest;

/* The whole header line "X-Upkeep-Site: …" for a request at now_us to the machine `to`, a name
 * without blanks (INVALID); the caller's. */
char *sitesig_header(const SignKey *key, const char *site, const char *to, gint64 now_us,
                     const SiteRequest *request, GError **error) UK_MUST_USE;

/* Checks the value of the header (NULL: DENIED). *to_out is the machine that the request is for,
 * the caller's, who judges it; may be NULL. DENIED says what is wrong: no header, malformed, too
 * old or too new, bad signature. */
bool sitesig_check(const SignCert *cert, const char *value, gint64 now_us,
                   const SiteRequest *request, char **to_out, GError **error) UK_MUST_USE;
