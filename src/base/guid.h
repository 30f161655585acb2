/* guid.h - GUIDs as the product writes them: 8-4-4-4-12 hexadecimal digits, no braces. */
#pragma once

#include "base/error.h"

#define UK_GUID_TEXT 36

/* A random (version 4) GUID, lower case, 36 characters. The caller frees it. */
char *uk_guid_new(void);
/* The same within braces, upper case, as policies, scan jobs and update sources are named. */
char *uk_guid_new_braced(void);
/* A version-5 (SHA-1) GUID of name in the namespace GUID; lower case, the caller's. RFC 4122. */
char *uk_guid_v5(const char *namespace_guid, const char *name);
/* True for exactly 8-4-4-4-12 hexadecimal digits, without braces. */
bool uk_guid_valid(const char *text);
