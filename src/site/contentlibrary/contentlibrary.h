/* contentlibrary.h - the content library of a site server: opened once, as its writer, and shared
 * by the components of upkeep-site.
 */
#pragma once

#include "content/library.h"
#include "host/component.h"

extern const ComponentDef contentlibrary;

/* The library, which lives as long as the program's threads do; NOT_YET while it cannot be
 * opened. */
Library *contentlibrary_of(Host *host, GError **error) UK_MUST_USE;
/* Has what is damaged or missing brought back now; for whoever found it so. */
bool contentlibrary_mend(Host *host, GError **error) UK_MUST_USE;
