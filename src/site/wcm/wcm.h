/* wcm.h - WSUS Configuration Manager: what the update point is to synchronize. */
#pragma once

#include "host/component.h"
#include "site/supclient.h"

extern const ComponentDef wcm;

/* Sends the criteria of the site database to the update point (SYNC-006). */
bool wcm_configure(Component *c, const SupClient *client, GError **error) UK_MUST_USE;
