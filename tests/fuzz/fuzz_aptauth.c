/* Feeds apt's auth.conf. */
#include "deb/aptauth.h"

#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        g_autoptr(AptAuth) none = aptauth_read("/nonexistent", NULL);
        g_autoptr(AptAuth) auth = aptauth_parse((const char *)data, size);

        g_free(aptauth_find(auth, "https://example.org:8443/debian/"));
        return 0;
}
