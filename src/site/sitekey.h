/* sitekey.h - the key of the site, with which it signs policies and its requests to site systems.
 */
#pragma once

#include "crypto/sign.h"
#include "host/host.h"

/* Loads the key from var/lib/upkeep/site/keys/, making it (RSA, host.key_bits) at the first start,
 * and keeps a copy of the certificate where the machine's other roles look for it,
 * etc/upkeep/site.crt. The caller frees the key. */
SignKey *sitekey_load(Host *host, const char *site, GError **error) UK_MUST_USE;
