/* trust_private.h - what trust.c needs of a source's keys. */
#pragma once

#include "sup/upstream/trust.h"

/* The file with the keys, as gpgv wants it. Borrowed. */
const char *trust_keys_path(const TrustKeys *keys);
/* The fingerprints that alone are allowed, NULL-terminated; empty: all. Borrowed. */
char **trust_keys_allowed(const TrustKeys *keys);
