/* policypv.h - the policy provider of a site. */
#pragma once

#include "host/component.h"

extern const ComponentDef policypv;
