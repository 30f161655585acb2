/* fragments.h - an item of a scope as the fragments that clients are sent (40-3,
 * section 10): sequences of elements without a common root and without namespaces.
 *
 * Rules of Debian's products: what a machine is, is asked by b.GenericQuery in the namespace
 * FRAGMENTS_NS, which any agent can read (one that does not know the namespace has no such
 * machine); what is installed, by dpkg.Version (DEB-031), which only those machines are sent.
 */
#pragma once

#include "sup/soap_client/scope.h"

#define FRAGMENTS_NS "urn:upkeep:dpkg"
/* Archives know no SHA-1, so the digest by which the exchange tells files apart is the first 20
 * bytes of the SHA-256, and is called so. */
#define FRAGMENTS_DIGEST      "SHA256-160"
#define FRAGMENTS_DIGEST_SIZE 20

/* What is below IsInstalled of the detectoid of a product, by its rule (deb/machine.h), and of an
 * architecture. The caller's. */
char *fragments_product_rules(const char *rule);
char *fragments_arch_rules(const char *arch);

/* Fragments of an item; update is its row if it is one. The caller's. */
char *fragments_core(const Scope *scope, const ScopeItem *item, const CatalogUpdate *update);
char *fragments_extended(const Scope *scope, const ScopeItem *item, const CatalogUpdate *update);
char *fragments_localized(const Scope *scope, const ScopeItem *item, const CatalogUpdate *update);

/* The digest of a file, base64, the caller's; NULL when the catalogue has none. */
char *fragments_digest(const CatalogFile *file);
