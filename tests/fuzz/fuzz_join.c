/* Feeds the readers of what a management point says to a machine that joins. */
#include <stdint.h>

#include "client/join.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        g_autoptr(GBytes) certificate = join_read_certificate(data, size, NULL);
        g_autofree char *site = join_read_site(data, size, NULL);

        return 0;
}
