/* fuzz_http_negotiate.c - the small texts of headers. */
#include <stdint.h>

#include "net/http_negotiate.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        g_autofree char *text = g_strndup((const char *)data, size);
        gint64 seconds = http_negotiate_read_date(text);

        (void)http_negotiate_coding(text, "gzip");
        (void)http_negotiate_etag(text, "\"a\"", true);
        (void)http_negotiate_etag(text, "\"a\"", false);
        (void)http_negotiate_is_text(text);
        if (seconds >= 0) {
                g_autofree char *again = http_negotiate_date(seconds);

                g_assert(http_negotiate_read_date(again) == seconds);
        }
        return 0;
}
