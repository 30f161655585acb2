/* fuzz_http_range.c - Range and Content-Range headers: parts must lie within the thing. */
#include <stdint.h>

#include "net/http_range.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        const gint64 sizes[] = { 0, 1, 100, G_MAXINT64 };
        g_autofree char *text = g_strndup((const char *)data, size);
        gint64 first, last, total;

        for (gsize i = 0; i < G_N_ELEMENTS(sizes); i++) {
                HttpRange parts[HTTP_RANGE_MAX];
                guint count = 0;
                gint64 sum = 0;

                if (http_range_read(text, sizes[i], parts, &count) != HTTP_RANGE_PARTS)
                        continue;
                g_assert(count >= 1 && count <= HTTP_RANGE_MAX);
                for (guint p = 0; p < count; p++) {
                        g_assert(parts[p].first >= 0 && parts[p].length > 0);
                        g_assert(parts[p].length <= sizes[i] - parts[p].first);
                        g_assert(parts[p].length <= sizes[i] - sum);
                        sum += parts[p].length;
                }
        }
        if (http_range_content(text, &first, &last, &total))
                g_assert(first >= 0 && last >= first && (total < 0 || last < total));
        return 0;
}
