/* fuzz_dpprov_configure.c - configurations of a distribution point: what is taken is whole. */
#include <stdint.h>

#include "dp/dp_private.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        g_autoptr(DistributionPoint) dp = dpprov_read_configuration((const char *)data, size, NULL);

        if (dp != NULL)
                g_assert(*dp->server_name != '\0' && dp->verify_rate >= 0 &&
                         dp->sources->len <= DISTRIBUTIONPOINT_MAX_SOURCES);
        return 0;
}
