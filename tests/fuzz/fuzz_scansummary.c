/* Feeds the reader of a scan's figures; what was read is written and read again. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "wire/scansummary.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        g_autoptr(ScanSummary) summary = scansummary_read((const char *)data, size, NULL);

        if (summary == NULL)
                return 0;
        g_autofree char *text = scansummary_write(summary);
        g_autoptr(ScanSummary) again = scansummary_read(text, strlen(text), NULL);
        if (again == NULL || again->missing != summary->missing ||
            strcmp(again->digest, summary->digest) != 0)
                abort();
        return 0;
}
