/* soap_client.h - the web services of the update point for its clients: client and SimpleAuth. */
#pragma once

#include "host/component.h"

extern const ComponentDef sup_soap_client;
