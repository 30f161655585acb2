/* sms_distributionpointgroup.h - the class SMS_DistributionPointGroup. */
#pragma once

#include "provider/wmi.h"

extern const WmiClass sms_distributionpointgroup;
