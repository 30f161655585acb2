/* siteauth.h - what the site has signed: its certificate as this client was given it, and the
 * check of policy assignments (COMP-013).
 */
#pragma once

#include "crypto/sign.h"
#include "host/host.h"
#include "wire/policydoc.h"

/* The site's certificate of the setting client.site_certificate. KEY when there is none or it
 * cannot be read, with the next step. The caller frees it. */
SignCert *siteauth_certificate(Host *host, GError **error) UK_MUST_USE;
/* Whether the assignment's document bears the site's signature. */
bool
siteauth_check(const SignCert *cert, const PolicyAssignmentDoc *doc, GError **error) UK_MUST_USE;
