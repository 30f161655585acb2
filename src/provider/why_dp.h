/* why_dp.h - the chain from a package's source to its files on one distribution point.
 *
 *   package, source, stored, given, point, contact, room, sources, job, arrival, files
 *
 * Each link says how it stands, since when and by what; the first broken one is the answer, with
 * the command that helps.
 */
#pragma once

#include "provider/wmi.h"

/* SMS_DistributionPoint.Why {"PackageID": …, "NALPath": …}: appends the chain as a JSON object. */
bool why_dp_method(WmiCall *call, GError **error);
