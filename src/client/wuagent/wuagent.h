/* wuagent.h - the scanning engine: asks the update point, evaluates, hands over results.
 *
 *   WUAHandler --"reload", "effect?", "search"--> WUAgent ("@search")
 *   WUAHandler <--"noticed", effect, results----- WUAgent
 *   WUAgent --SOAP, evaluation sets--> update point; WUAgent --reads--> dpkg's files
 * Its log is WindowsUpdate.log. Letters are in memory: WUAHandler asks again after a restart.
 * (COMP-041, COMP-045, COMP-048, COMP-049, DEB-030 to DEB-042.)
 */
#pragma once

#include "client/work.h"

/* Letters to "@search": read the policy anew; say which server is used; search. The body of the
 * last is the ID of the scan job. */
#define WUAGENT_BOX    "@search"
#define WUAGENT_RELOAD ".RELOAD"
#define WUAGENT_EFFECT ".EFFECT"
#define WUAGENT_SEARCH ".SEARCH"

/* What a search asks for, as both logs write it (COMP-046). */
#define WUAGENT_CRITERIA \
        "(DeploymentAction=* AND Type='Software') OR (DeploymentAction=* AND Type='Driver')"

extern const ComponentDef wuagent;
