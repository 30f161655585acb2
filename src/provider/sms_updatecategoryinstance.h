/* sms_updatecategoryinstance.h - the class SMS_UpdateCategoryInstance: products and
 * classifications. */
#pragma once

#include "provider/wmi.h"

extern const WmiClass sms_updatecategoryinstance;
