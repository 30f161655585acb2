/* relay.h - the links of a lab: between the site and each distribution point a relay of TCP
 * connections with a rate and a delay, that can be cut.
 */
#pragma once

#include "base/error.h"

typedef struct Relay Relay;

/* Opens a port for every distribution point of the lab at root, and says in run/upkeep/lab.ready
 * which. The caller frees it. */
Relay *relay_new(const char *root, GError **error) UK_MUST_USE;
void relay_free(Relay *relay);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Relay, relay_free)
/* Relays until stop_fd becomes readable; a change of lab.conf takes effect at once. */
bool relay_run(Relay *relay, int stop_fd, GError **error) UK_MUST_USE;
