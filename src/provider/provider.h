/* provider.h - the SMS Provider: the administrator's interface. */
#pragma once

#include "host/component.h"

extern const ComponentDef provider;
