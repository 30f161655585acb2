/* distmgr.h - Distribution Manager of a site. */
#pragma once

#include "host/component.h"

extern const ComponentDef distmgr;
