/* fuzz_envelope.c - messages of clients: what is read can be written and read again. */
#include <stdint.h>
#include <string.h>

#include "wire/envelope.h"
#include "wire/xml.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        g_autoptr(Envelope) e = NULL;

        if (!wire_global_init(NULL))
                return 0;
        e = envelope_read(data, size, "multipart/mixed; boundary=b", NULL);
        if (e != NULL) {
                g_autofree char *type = NULL;
                g_autoptr(GBytes) bytes = envelope_write(e, NULL, NULL, &type, NULL);
                g_autoptr(GBytes) signature = envelope_signature(e->client_signature, NULL);

                g_assert(bytes != NULL);
                g_autoptr(Envelope) again = envelope_read(g_bytes_get_data(bytes, NULL),
                                                          g_bytes_get_size(bytes), type, NULL);
                g_assert(again != NULL && strcmp(again->body, e->body) == 0);
        }
        return 0;
}
