/* client.h - the role "client" as a table: its components, its settings, its database.
 */
#pragma once

#include "host/host.h"

extern const HostRole client_role;
/* Ended by a NULL name. */
extern const SettingDef client_settings[];
