/* statesys.h - the state system of a site. */
#pragma once

#include "host/component.h"

extern const ComponentDef statesys;
