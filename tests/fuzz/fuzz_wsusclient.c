/* fuzz_wsusclient.c - every call and answer of the client web services, read from one document;
 * what is understood is written. A long list that is taken out first must be the one that is read
 * otherwise.
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

static void
lifted_list(const uint8_t *data, size_t size, const XmlNode *element)
{
        g_auto(WsusLifted) lifted = { 0 };

        if (!wsusclient_lift_read(data, size, &lifted))
                return;
        g_autoptr(SoapMessage) rest =
                soap_read(lifted.document, lifted.size, lifted.size, NULL, NULL, NULL);
        g_autoptr(WsusSyncRequest) plain = wsusclient_sync_request_read(element, NULL);
        g_autoptr(WsusSyncRequest) other =
                rest != NULL && rest->element != NULL
                        ? wsusclient_sync_request_read(rest->element, NULL)
                        : NULL;
        g_assert_cmpint(plain == NULL, ==, other == NULL);
        if (plain == NULL)
                return;
        wsusclient_lift_return(&lifted, rest->element, other);
        g_assert_cmpmem(plain->cached->data, plain->cached->len * sizeof(gint64),
                        other->cached->data, other->cached->len * sizeof(gint64));
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
                lifted_list(data, size, message->element);
        }
        return 0;
}
