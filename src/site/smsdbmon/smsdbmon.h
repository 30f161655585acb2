/* smsdbmon.h - the database notification monitor: changed rows become files in inboxes. */
#pragma once

#include "host/component.h"

extern const ComponentDef smsdbmon;
