/* Feeds the readers of location documents; what was read is written and read again. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "wire/locationdoc.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        g_autoptr(WsusLocationRequest) request = locationdoc_request_read(data, size, NULL);
        g_autoptr(WsusLocationReply) reply = locationdoc_reply_read(data, size, NULL);

        if (request != NULL) {
                g_autofree char *text = locationdoc_request_write(request);
                g_autofree char *info = locationdoc_client_info(request);
                g_autoptr(WsusLocationRequest) again =
                        locationdoc_request_read(text, strlen(text), NULL);

                if (again == NULL || strcmp(again->content_id, request->content_id) != 0)
                        abort();
        }
        if (reply != NULL) {
                g_autofree char *text = locationdoc_reply_write(reply);
                g_autoptr(WsusLocationReply) again =
                        locationdoc_reply_read(text, strlen(text), NULL);

                if (again == NULL || again->locations->len != reply->locations->len)
                        abort();
        }
        return 0;
}
