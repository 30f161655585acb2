/* wsyncmgr.h - the synchronization manager of a site. */
#pragma once

#include "host/component.h"

extern const ComponentDef wsyncmgr;
