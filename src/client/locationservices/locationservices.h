/* locationservices.h - Location Services: which update servers have the content a scan needs.
 *
 *   ScanAgent --request--> LocationServices --WSUSLocationRequest--> CcmMessaging
 *   ScanAgent <--locations- LocationServices <--LS_ReplyLocations---- CcmMessaging
 * (COMP-026, COMP-028 to COMP-030, COMP-037.)
 */
#pragma once

#include "client/work.h"
#include "wire/locationdoc.h"

/* Letters to BOX_SCAN; the key is the request's ID. The body of the first is the reply document,
 * with at least one location; of the second why there is none. */
#define LOCATION_FOUND  "Locations"
#define LOCATION_FAILED "NoLocations"

/* Asks, in the work, for the servers that have a content version of an update source. *id_out is
 * the request's ID with braces, the caller's. The answer is one of the letters above, at the latest
 * when the request is given up (a day). */
bool locationservices_request(Work *work, const char *content_id, gint64 content_version,
                              char **id_out, GError **error) UK_MUST_USE;
/* Forgets a request whose asker is gone. */
bool locationservices_forget(Work *work, const char *id, GError **error) UK_MUST_USE;

extern const ComponentDef locationservices;
