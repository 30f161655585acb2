/* Feeds the readers of registrations: from the client, and from the management point. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "wire/registration.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        g_autoptr(RegistrationRequest) request = registration_request_read(data, size, NULL);
        g_autoptr(RegistrationResponse) response = registration_response_read(data, size, NULL);

        if (request != NULL) {
                g_autoptr(GBytes) covered = registration_signed_bytes(request->data, NULL);

                if (covered == NULL)
                        abort();
        }
        if (response != NULL) {
                g_autofree char *text = registration_response_write(response);
                g_autoptr(RegistrationResponse) again =
                        registration_response_read(text, strlen(text), NULL);

                if (again == NULL || again->status != response->status)
                        abort();
        }
        return 0;
}
