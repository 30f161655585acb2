/* hresult.h - the error codes that administrators know from the logs and search for (0x80244022).
 */
#pragma once

#include "base/error.h"

#define HRESULT_FAIL         0x80004005u /* unspecified */
#define HRESULT_OVERRIDDEN   0x87d00692u /* group policy conflict */
#define HRESULT_NOT_FOUND    0x80070002u /* no such file */
#define HRESULT_CANNOT_REACH 0x80072efdu /* no connection */
#define HRESULT_TIMEOUT      0x80072ee2u
#define HRESULT_NO_LOCATION  0x87d00215u /* item not found: no update server for the version */

/* The code of an error of ours. http_status (0: none) tells more about a REMOTE error. */
guint32 hresult_of(const GError *error, long http_status);
