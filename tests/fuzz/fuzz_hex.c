/* fuzz_hex.c - hexadecimal texts: what is read is written the same again. */
#include <stdint.h>
#include <string.h>

#include "wire/hex.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        g_autofree char *text = g_strndup((const char *)data, size);
        g_autoptr(GBytes) bytes = hex_read(text, 100, true, NULL);

        if (bytes != NULL) {
                g_autofree char *again =
                        hex_write(g_bytes_get_data(bytes, NULL), g_bytes_get_size(bytes), true);

                g_assert(g_ascii_strcasecmp(again, text) == 0);
        }
        return 0;
}
