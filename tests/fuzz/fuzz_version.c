/* Two texts, cut at the first space: the order must be the same from both sides. */
#include "deb/version.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        const char *text = (const char *)data;
        const char *cut = size > 0 ? memchr(text, ' ', size) : NULL;
        gsize first = cut != NULL ? (gsize)(cut - text) : size;
        gsize rest = cut != NULL ? size - first - 1 : 0;
        const char *other = cut != NULL ? cut + 1 : "";
        int there = version_compare(text, first, other, rest);
        int back = version_compare(other, rest, text, first);

        if ((there < 0) != (back > 0) || (there == 0) != (back == 0))
                abort();
        (void)version_fault(text, first);
        return 0;
}
