/* fuzz_http_target.c - request targets: no path that leaves climbs out.
 */
#include <stdint.h>
#include <string.h>

#include "net/http_target.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        g_autofree char *text = g_strndup((const char *)data, size);
        HttpTarget target;

        if (http_target_read(text, &target, NULL)) {
                g_auto(GStrv) segments = g_strsplit(target.path, "/", -1);

                for (gsize i = 0; segments[i] != NULL; i++)
                        g_assert(strcmp(segments[i], "..") != 0);
                for (const guchar *p = (const guchar *)target.path; !target.has_control && *p; p++)
                        g_assert(*p >= 0x20 && *p != 0x7f);
                (void)http_target_query(&target, "a");
        }
        http_target_clear(&target);
        return 0;
}
