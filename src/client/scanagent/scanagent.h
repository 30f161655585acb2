/* scanagent.h - Scan Agent: when to scan, against which server, and what becomes of it.
 *
 *   PolicyEvaluator --PolicyChanged--> ScanAgent --request--> LocationServices --> ScanAgent
 *   ScanAgent --job in AddSource, Search--> WUAHandler --> UpdatesStore --job in Stored-->
 * ScanAgent (COMP-003, COMP-005, COMP-021 to COMP-027, COMP-038, COMP-043, COMP-044.)
 */
#pragma once

#include "client/work.h"

/* Letter to BOX_SCAN: scan now. Body: the content version wanted, or empty. */
#define SCAN_NOW "ScanNow"

extern const ComponentDef scanagent;
