/* dpcontact.h - what the components of the site server note of a distribution point that does not
 * do what it is asked: it is let alone for a while, and the DP manager finds out when it answers.
 */
#pragma once

#include "host/host.h"
#include "sitedb/distpoint.h"

/* Notes the failure, once for all calls that failed together: the distribution point is let alone
 * for 5 seconds, then 10, and so on up to distmgr.contact_max_seconds, and then asked. */
bool dpcontact_failed(Component *c, gint64 dp_id, const char *why, GError **error) UK_MUST_USE;
/* For how long one is let alone that has failed so often before. */
gint64 dpcontact_pause(Component *c, gint64 failures);
/* For how long one is let alone at most, in microseconds. */
gint64 dpcontact_longest(Component *c);
/* Has the DP manager ask it now. */
bool dpcontact_ask(Component *c, gint64 dp_id, GError **error) UK_MUST_USE;
