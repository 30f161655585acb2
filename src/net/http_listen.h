/* http_listen.h - the listening socket of a server. */
#pragma once

#include "base/error.h"

/* Binds and listens. address: an IPv4 or IPv6 address, or NULL for all of both; port 0: the
 * system chooses, *port_out tells. The descriptor is the caller's; -1 with CONFIG for a bad
 * address, BUSY when the port is taken, IO else. */
int http_listen(const char *address, guint16 port, guint16 *port_out, GError **error) UK_MUST_USE;
/* The address in a socket address as text, "::ffff:" left out, "-" for no Internet address. The
 * caller frees it. */
struct sockaddr;
char *http_listen_name(const struct sockaddr *address);
