/* pkgxfermgr.h - Package Transfer Manager of a site. */
#pragma once

#include "host/component.h"

extern const ComponentDef pkgxfermgr;
