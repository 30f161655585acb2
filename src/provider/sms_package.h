/* sms_package.h - the classes SMS_Package and SMS_ContentPackage, and SMS_PackageBaseclass, which
 * lists both. */
#pragma once

#include "provider/wmi.h"

extern const WmiClass sms_package;
extern const WmiClass sms_contentpackage;
extern const WmiClass sms_packagebaseclass;
