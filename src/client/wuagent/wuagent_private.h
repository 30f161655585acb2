/* wuagent_private.h - what the files of the scanning engine share.
 */
#pragma once

#include "client/wuagent/results.h"
#include "client/wuagent/source.h"

/* Evaluates the sets (of SourceSet) against the machine and puts what is missing and installed into
 * the result, with the sums. PARSE when a set is damaged. */
bool wuagent_evaluate(const DebMachine *machine, const GPtrArray *sets, SearchResult *result,
                      GError **error) UK_MUST_USE;
