/* sms_distributionpoint.h - the class SMS_DistributionPoint: one package on one distribution point.
 */
#pragma once

#include "provider/wmi.h"

extern const WmiClass sms_distributionpoint;
