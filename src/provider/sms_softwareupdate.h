/* sms_softwareupdate.h - the class SMS_SoftwareUpdate: updates, and SyncNow. */
#pragma once

#include "provider/wmi.h"

extern const WmiClass sms_softwareupdate;
