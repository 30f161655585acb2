/* pulldp.h - PullDP: a pull distribution point fetches what it is told to, and reports.
 *
 *   SMS DP Provider --stored notification, ring--> PullDP --jobs--> DataTransferService
 *   PullDP --content items--> content library;  --state messages 902--> management point
 * (DIST-108 to DIST-127, DIST-154; 51, section 8.)
 */
#pragma once

#include "host/component.h"

/* Makes PullDP look at stored notifications, the configuration, and cancelled jobs. */
void pulldp_ring(Host *host);

/* Halts the pull of that version of a package, with its downloads, whose bytes stay; or lets it go
 * on. Both hold over a restart. NOT_FOUND: it is not being pulled, or not paused. */
bool pulldp_pause(Component *c, const char *package_id, gint64 version, bool paused,
                  GError **error) UK_MUST_USE;

extern const ComponentDef pulldp;
