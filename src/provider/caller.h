/* caller.h - who may administer the site, and under which name that is audited. */
#pragma once

#include "host/component.h"

/* HostRole.allow: root, the provider's own user, and the members of the group upkeep where the
 * provider runs in it; from this machine only. */
bool caller_allow(Component *c, const ComponentRoute *route, HttpRequest *request, GError **error);
/* The name of a caller that was allowed; borrowed from the connection. */
const char *caller_name(const HttpRequest *request);
