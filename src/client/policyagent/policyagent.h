/* policyagent.h - the policy agent: asks for assignments, checks their signatures, fetches bodies.
 *
 *   PolicyAgent --RequestAssignments--> MP_PolicyManager --ReplyAssignments--> PolicyAgent
 *   PolicyAgent --GET /SMS_MP/.sms_pol--> management point --policy body--> PolicyAgent
 *   PolicyAgent --row, Compiled--> PolicyEvaluator
 * (COMP-016, COMP-017, COMP-019; client protocol, 8.)
 */
#pragma once

#include "client/work.h"

/* Letter to BOX_POLICY: ask for the assignments now. */
#define POLICY_NOW "Now"

/* The client was joined to a site, perhaps another than before: withdraws what any other has
 * assigned, and has the next request ask for all of it, since a site that it comes back to thinks
 * that it still has its policies. */
bool policyagent_joined(Work *work, GError **error) UK_MUST_USE;

extern const ComponentDef policyagent;
