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

extern const ComponentDef pulldp;
