/* policyevaluator.h - the policy evaluator: from requested to actual configuration.
 *
 *   PolicyAgent --policy, Compiled--> PolicyEvaluator --instance--> CCM_UpdateSource, …
 *   PolicyEvaluator --PolicyChanged--> ScanAgent
 * (COMP-018, COMP-020, COMP-021.)
 */
#pragma once

#include "client/work.h"

/* Letter to BOX_SCAN. Key: the class of the instance; body: the event below. */
#define POLICY_CHANGED  "PolicyChanged"
#define POLICY_CREATED  "InstanceCreationEvent"
#define POLICY_MODIFIED "InstanceModificationEvent"
#define POLICY_DELETED  "InstanceDeletionEvent"

#define POLICY_CLASS_SOURCE "CCM_UpdateSource"
#define POLICY_CLASS_CONFIG "CCM_SoftwareUpdatesClientConfig"
#define POLICY_CLASS_STATES "CCM_StateMessagingClientConfig"

extern const ComponentDef policyevaluator;
