/* Fuzzes the readers of wire/supadmin: the stream in two pieces, the status, the configuration. */
#include <stdint.h>

#include "wire/supadmin.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        g_autoptr(SupReader) reader = supadmin_reader_new();
        SupRecord record;
        bool got = true;

        supadmin_reader_add(reader, data, size / 2);
        while (got && supadmin_reader_next(reader, &record, &got, NULL))
                ;
        supadmin_reader_add(reader, data + size / 2, size - size / 2);
        got = true;
        while (got && supadmin_reader_next(reader, &record, &got, NULL))
                ;
        g_autoptr(SupStatus) status = supadmin_status_read((const char *)data, size, NULL);
        g_autoptr(SupConfig) config = supadmin_config_read((const char *)data, size, NULL);

        return 0;
}
