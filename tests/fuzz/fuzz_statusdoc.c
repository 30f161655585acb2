/* Feeds the reader of status messages; what was read is written and read again. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "wire/statusdoc.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        g_autoptr(StatusDoc) doc = statusdoc_read((const char *)data, size, NULL);

        if (doc == NULL)
                return 0;
        g_autofree char *text = statusdoc_write(doc);
        g_autoptr(StatusDoc) again = statusdoc_read(text, strlen(text), NULL);

        if (strlen(text) <= STATUSDOC_MAX_BYTES &&
            (again == NULL || again->attribute_count != doc->attribute_count ||
             strcmp(again->machine, doc->machine) != 0))
                abort();
        return 0;
}
