/* fuzz_deflate.c - decompression: never more than allowed, and what we pack comes back. */
#include <stdint.h>

#include "base/deflate.h"

#define CAP 100000

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        g_autoptr(GBytes) out = deflate_unpack(data, size, CAP, NULL);
        g_autoptr(GBytes) packed = deflate_pack(DEFLATE_ZLIB, data, size);
        g_autoptr(GBytes) back = deflate_unpack(g_bytes_get_data(packed, NULL),
                                                g_bytes_get_size(packed), size, NULL);

        g_assert(out == NULL || g_bytes_get_size(out) <= CAP);
        g_assert(back != NULL && g_bytes_get_size(back) == size);
        return 0;
}
