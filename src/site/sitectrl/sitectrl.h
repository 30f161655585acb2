/* sitectrl.h - the site control manager: the site's configuration, from its file into the database.
 */
#pragma once

#include "host/component.h"

extern const ComponentDef sitectrl;
