/* dpstatus.h - status messages of a distribution point, until its site has them.
 *
 *   any component --row--> dpstatus --MP_StatusManager--> .SVF --> Status Manager of the site
 */
#pragma once

#include "host/host.h"

/* The role's sink: keeps the message in the transaction that raised it. */
bool dpstatus_keep(DbTx *tx, const StatusMsg *msg, GError **error);

extern const ComponentDef dpstatus;
