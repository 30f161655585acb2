/* admin.h - the administration interface of the update point, for its site server (SYNC-009). */
#pragma once

#include "host/component.h"

extern const ComponentDef sup_engine;
