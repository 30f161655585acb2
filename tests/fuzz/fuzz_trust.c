/* Feeds what gpgv says, and keys in armour. */
#include "sup/upstream/trust.h"

#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        static const char *const allowed[] = { "0123456789ABCDEF0123456789ABCDEF01234567!", "AB",
                                               NULL };
        g_autoptr(GBytes) keys = trust_armour_read((const char *)data, size, NULL);

        (void)!trust_status_read((const char *)data, size, NULL, NULL);
        (void)!trust_status_read((const char *)data, size, allowed, NULL);
        return 0;
}
