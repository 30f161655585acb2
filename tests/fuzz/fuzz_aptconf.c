/* Feeds apt's configuration syntax. */
#include "deb/aptconf.h"

#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        g_autoptr(AptConf) none = aptconf_read("/nonexistent", NULL, NULL);
        g_autoptr(AptConf) conf = aptconf_new(NULL);

        (void)!aptconf_add(conf, "f", (const char *)data, size, NULL);
        (void)aptconf_proxy(conf, "https", "example.org");
        return 0;
}
