/* sms_distributionjob.h - the class SMS_DistributionJob: the queue of Package Transfer Manager. */
#pragma once

#include "provider/wmi.h"

extern const WmiClass sms_distributionjob;
