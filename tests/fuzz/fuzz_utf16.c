/* fuzz_utf16.c - UTF-16: what is read, written again, has the same characters. */
#include <stdint.h>
#include <string.h>

#include "wire/utf16.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        gsize length = 0, again_length = 0;
        g_autofree char *text = utf16_read(data, size, &length, NULL);
        g_autoptr(GBytes) bytes = text ? utf16_write(text, (gssize)length, NULL) : NULL;

        if (bytes != NULL) {
                g_autofree char *again = utf16_read(g_bytes_get_data(bytes, NULL),
                                                    g_bytes_get_size(bytes), &again_length, NULL);

                g_assert(again_length == length && memcmp(again, text, length) == 0);
        }
        return 0;
}
