/* fuzz_body.c - bodies packed by zstd: every piece is counted, and it ends. */
#include <stdint.h>

#include "dp/body.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MAX_BYTES (64 * 1024 * 1024)

static bool
add(gpointer user, const void *data, gsize size, GError **error)
{
        gsize *sum = user;

        *sum += size;
        return *sum <= MAX_BYTES || uk_fail(error, UK_ERROR_LIMIT, "enough");
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        gsize sum = 0;

        if (!body_unpack(data, size, add, &sum, NULL))
                return 0;
        return 0;
}
