/* soap_client_call.h - one call of a web service: read, given to its operation, answered.
 *
 * In: a request with an envelope. Out: the operation's document with status 200, or a fault with
 * status 500, which is a line in the log with the same ID. Shared by the services for clients.
 */
#pragma once

#include "host/component.h"
#include "wire/wsusclient.h"

typedef struct {
        Component *c;
        HttpRequest *request;
        const XmlNode *element; /* the operation */
        WsusLifted lifted;      /* the long list of its body, if it has one */
        char *reply;            /* the whole answer; the operation makes it */
        const char *fault;      /* the token of a fault, where the error's code is not enough */
} SoapCall;

typedef struct {
        const char *ns, *name;
        /* True with call->reply, or an error, whose text is the fault's message: INVALID becomes
         * InvalidParameters, BUSY ServerBusy, all else InternalServerError. */
        bool (*fn)(SoapCall *call, GError **error);
} SoapOperation;

/* Sets the token of the fault, and the error with it; false. */
bool soap_client_fault(SoapCall *call, GError **error, const char *token, const char *format, ...)
        G_GNUC_PRINTF(4, 5);
/* Answers a request by the operation (of a table that ends with a NULL name) its envelope names. */
void soap_client_serve(Component *c, HttpRequest *request_take, SoapLayout layout, gsize max,
                       const SoapOperation *operations);
