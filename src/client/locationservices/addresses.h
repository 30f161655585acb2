/* addresses.h - the machine's network addresses with their subnets (COMP-030).
 */
#pragma once

#include "base/error.h"

/* The addresses of the interfaces that are up, loopback and link-local ones left out:
 * "192.168.2.62" and, in the same order, "192.168.2.0". Both are the caller's, NULL-terminated,
 * never NULL. */
bool addresses_list(char ***addresses_out, char ***subnets_out, GError **error) UK_MUST_USE;
/* The subnet of an address under a mask, both in network order, size 4 or 16; as text, the
 * caller's. */
char *addresses_subnet(const guint8 *address, const guint8 *mask, gsize size);
