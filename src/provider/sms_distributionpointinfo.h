/* sms_distributionpointinfo.h - the class SMS_DistributionPointInfo: distribution points and their
 * settings. */
#pragma once

#include "provider/wmi.h"

extern const WmiClass sms_distributionpointinfo;
