/* why.h - the chain from the catalogue to the state of one update on one client.
 *
 *   catalogue, approval, contact, policy, download, location, report, acceptance, processing, scan,
 *   version, state, summary
 *
 * Each link says how it stands, since when and by what; the first broken one is the answer, with
 * the command that helps. A state behind a broken link is not shown as if it were true.
 */
#pragma once

#include "provider/wmi.h"

/* SMS_R_System(ID)/AdminService.Why {"CI_ID": number}: appends the chain as a JSON object. */
bool why_method(WmiCall *call, GError **error);
