/* statmgr.h - the Status Manager: status messages of other programs. */
#pragma once

#include "host/component.h"

extern const ComponentDef statmgr;
