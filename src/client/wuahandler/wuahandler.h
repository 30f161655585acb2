/* wuahandler.h - WUAHandler: drives the scanning engine for Scan Agent.
 *
 *   ScanAgent --job in AddSource--> WUAHandler --policy file, "reload"--> WUAgent
 *   ScanAgent --job in Search-----> WUAHandler --"search"--> WUAgent --results--> WUAHandler
 *   WUAHandler --results without what is superseded--> UpdatesStore
 * (COMP-039 to COMP-042, COMP-046, COMP-047, COMP-050, COMP-051.)
 */
#pragma once

#include "client/work.h"

/* Letters in memory from WUAgent to "@wua": it has noticed the changed policy; what it will ask
 * (body: URL of the server); results of a search. */
#define WUA_NOTICED ".NOTICED"
#define WUA_EFFECT  ".EFFECT"
#define WUA_RESULTS ".RESULTS"

extern const ComponentDef wuahandler;
