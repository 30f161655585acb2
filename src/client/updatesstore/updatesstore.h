/* updatesstore.h - the updates store: the state of each update on this machine.
 *
 *   WUAHandler --results (letter in memory)--> UpdatesStore --states--> StateMessage
 *   UpdatesStore --job in Stored--> ScanAgent
 * (COMP-052, COMP-053, OQ-C17, OQ-C27, DEB-041.)
 */
#pragma once

#include "client/work.h"

/* Letter to "@store": the results of a search, without what is superseded. */
#define STORE_BOX     "@store"
#define STORE_RESULTS ".RESULTS"

extern const ComponentDef updatesstore;
