/* mpclient.h - messages of a distribution point to the management point, signed by its own key. */
#pragma once

#include "dp/dp.h"

/* Posts one message; true when the management point has taken it. INVALID: it will never take it;
 * everything else may be mended by time. trace may be "". */
bool mpclient_post(Component *c, const DistributionPoint *dp, const char *endpoint,
                   const char *trace, const char *body, GError **error) UK_MUST_USE;
