/* Fuzzes the readers of provider/odata: filters, with their evaluation, and paths. */
#include <stdint.h>

#include "provider/odata.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool
get(gpointer row, const char *property, ODataValue *value_out)
{
        *value_out = (ODataValue){ .type = ODATA_TEXT, .text = property };
        return property[0] != 'x';
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        g_autofree char *text = g_strndup((const char *)data, size);
        g_autoptr(ODataFilter) filter = odata_filter_parse(text, NULL);
        g_autoptr(ODataPath) path = odata_path_parse(text, NULL);
        g_autoptr(ODataQuery) query = odata_query_parse(NULL, text, text, NULL, NULL, NULL, NULL);
        bool fits;

        if (filter != NULL && odata_filter_fits(filter, get, NULL, &fits, NULL))
                return 0;
        return 0;
}
