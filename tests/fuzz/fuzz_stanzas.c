/* Feeds packed stanzas as if the database had them, and computes a product of them. */
#include "sup/catalog/catalog.h"
#include "sup/catalog/compute.h"

#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        ComputeIndex indexes[] = {
                { 1, "u", "s", "main", "amd64", "amd64 i386", 500, 'r', 0, data, size },
                { 2, "u", "t", "main", "all", "amd64", 100, 's', 0, data, size / 2 },
        };
        g_autoptr(Compute) compute = compute_product(indexes, 2, NULL);
        g_autoptr(Compute) one = compute_product(indexes, 1, NULL);
        g_autoptr(GByteArray) plain = stanzas_expand(data, size, 1 << 20, NULL);
        g_autoptr(GBytes) packed = g_bytes_new(data, size);
        g_autoptr(GBytes) unpacked = catalog_unpack(packed, 1 << 20, NULL);

        return 0;
}
