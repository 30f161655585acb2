/* Feeds the reader of .STA files; what it takes is written and read again with the same values. */
#include <stdint.h>
#include <string.h>

#include "wire/statusfile.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        g_autoptr(StatusFile) status = statusfile_read((const char *)data, size, NULL);

        if (status == NULL)
                return 0;
        g_autofree char *text = statusfile_write(status);
        g_autoptr(StatusFile) again = statusfile_read(text, strlen(text), NULL);
        /* Written, a file may be larger than may be read. */
        if (strlen(text) <= STATUSFILE_MAX_BYTES) {
                g_assert_nonnull(again);
                g_assert_cmpstr(again->nal_path, ==, status->nal_path);
                g_assert_cmpstr(again->location, ==, status->location);
        }
        return 0;
}
