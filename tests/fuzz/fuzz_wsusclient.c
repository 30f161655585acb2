/* fuzz_wsusclient.c - every call and answer of the client web services, read from one document;
 * what is understood is written.
 */
#include <stdint.h>
#include <string.h>

#include "wire/wsusclient.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define TRY(Type, name)                                                  \
        do {                                                             \
                Type *record_ = wsusclient_##name##_read(element, NULL); \
                if (record_ != NULL)                                     \
                        g_free(wsusclient_##name##_write(record_));      \
                wsusclient_##name##_free(record_);                       \
        } while (0)

static void
calls(const XmlNode *element)
{
        TRY(WsusConfigRequest, config_request);
        TRY(WsusAuthRequest, auth_request);
        TRY(WsusCookieRequest, cookie_request);
        TRY(WsusComputer, computer);
        TRY(WsusSyncRequest, sync_request);
        TRY(WsusExtendedRequest, extended_request);
        TRY(WsusLocationsRequest, locations_request);
        TRY(WsusEventBatch, events);
        wsusclient_refresh_request_free(wsusclient_refresh_request_read(element, NULL));
        g_autoptr(GPtrArray) wishes = wsusclient_category_scan_read(element, NULL);
        (void)wishes;
}

static void
answers(const XmlNode *element)
{
        bool stored;

        TRY(WsusConfig, config);
        TRY(WsusCookie, cookie);
        TRY(WsusSyncReply, sync_reply);
        TRY(WsusExtendedReply, extended_reply);
        TRY(WsusLocationsReply, locations_reply);
        g_free(wsusclient_auth_read(element, NULL));
        (void)wsusclient_events_answer_read(element, &stored, NULL);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        g_autoptr(SoapMessage) message = NULL;

        if (!wire_global_init(NULL))
                return 0;
        message = soap_read(data, size, size, NULL, NULL, NULL);
        if (message != NULL && message->element != NULL) {
                calls(message->element);
                answers(message->element);
        }
        return 0;
}
