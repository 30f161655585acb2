/* sms_r_system.h - SMS_R_System: the clients of the site, as an administrator sees and treats them.
 */
#pragma once

#include "provider/wmi.h"

extern const WmiClass sms_r_system;
