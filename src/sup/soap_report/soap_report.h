/* soap_report.h - the reporting web service of the update point, for its clients. */
#pragma once

#include "host/component.h"

extern const ComponentDef sup_soap_report;
