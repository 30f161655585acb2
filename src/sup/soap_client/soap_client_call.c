/* soap_client_call.c - from a request to an operation, and from its error to a fault. */
#include "sup/soap_client/soap_client_call.h"

#include <string.h>

#include "base/guid.h"
#include "base/log.h"

#define CONTENT_TYPE "text/xml; charset=utf-8"
#define LIFT_ABOVE   (16 * 1024) /* smaller bodies are read as they are */

bool
soap_client_fault(SoapCall *call, GError **error, const char *token, const char *format, ...)
{
        g_autofree char *text = NULL;
        va_list args;

        va_start(args, format);
        text = g_strdup_vprintf(format, args);
        va_end(args);
        call->fault = token;
        return uk_fail(error, UK_ERROR_INVALID, "%s", text);
}

static const char *
token_of(const SoapCall *call, const GError *error)
{
        if (call->fault != NULL)
                return call->fault;
        if (error->domain != UK_ERROR)
                return "InternalServerError";
        switch ((UkErrorCode)error->code) {
        case UK_ERROR_INVALID:
        case UK_ERROR_PARSE:
        case UK_ERROR_LIMIT:
                return "InvalidParameters";
        case UK_ERROR_BUSY:
        case UK_ERROR_FULL:
                return "ServerBusy";
        default:
                return "InternalServerError";
        }
}

static void
send(HttpRequest *request, unsigned status, char *document_take)
{
        http_answer_header(request, "Cache-Control", "private, max-age=0");
        http_answer_take(request, status, CONTENT_TYPE, document_take, strlen(document_take));
}

/* What went wrong inside is for the log; the caller is told what it did wrong. */
static void
send_fault(HttpRequest *request, SoapLayout layout, const char *token, const char *why,
           const char *action)
{
        bool server = strcmp(token, "InternalServerError") == 0 || strcmp(token, "ServerBusy") == 0;
        g_autoptr(SoapFault) fault = soap_fault_new(server, token, server ? "" : why, action);

        g_free(fault->id);
        fault->id = uk_guid_new();
        uk_log_engine(server ? "Error" : "Warning", "w3wp", "SoapUtilities.CreateException",
                      "ThrowException: actor = %s, ID=%s, ErrorCode=%s, Message=%s, Client=%s",
                      http_request_path(request), fault->id, token, why,
                      http_request_peer(request));
        send(request, 500, soap_fault_write(fault, layout));
}

static void
refuse(HttpRequest *request, SoapLayout layout, SoapRefusal refusal, const char *why)
{
        uk_log_engine("Warning", "w3wp", "SoapUtilities.CreateException",
                      "ThrowException: actor = %s, Message=%s, Client=%s",
                      http_request_path(request), why, http_request_peer(request));
        send(request, 500, soap_refusal_write(refusal, why, layout));
}

static const SoapOperation *
find(const SoapOperation *operations, const SoapMessage *message)
{
        for (const SoapOperation *o = operations; o->name != NULL; o++) {
                if (strcmp(o->name, message->method) == 0 && strcmp(o->ns, message->ns) == 0)
                        return o;
        }
        return NULL;
}

static void
run(SoapCall *call, const SoapMessage *message, SoapLayout layout, const SoapOperation *operations)
{
        const SoapOperation *operation = find(operations, message);
        g_autofree char *action = g_strconcat(message->ns, "/", message->method, NULL);
        g_autoptr(GError) error = NULL;
        bool done = operation != NULL
                            ? operation->fn(call, &error)
                            : soap_client_fault(call, &error, "InvalidParameters",
                                                "there is no method '%.64s' here", message->method);

        if (done)
                send(call->request, 200, call->reply);
        else
                send_fault(call->request, layout, token_of(call, error), error->message, action);
}

void
soap_client_serve(Component *c, HttpRequest *request, SoapLayout layout, gsize max,
                  const SoapOperation *operations)
{
        SoapRefusal refusal = SOAP_REFUSAL_CLIENT;
        g_autoptr(GError) error = NULL;
        gsize size;
        const void *body = http_request_body(request, &size);
        g_auto(WsusLifted) lifted = { 0 };

        if (size > LIFT_ABOVE && size <= max && wsusclient_lift_read(body, size, &lifted)) {
                body = lifted.document;
                size = lifted.size;
        }
        g_autoptr(SoapMessage) message = soap_read(
                body, size, max, http_request_header(request, "SOAPAction"), &refusal, &error);

        if (message != NULL && message->fault != NULL)
                uk_fail(&error, UK_ERROR_PARSE, "the request is a fault, not a call");
        if (error != NULL) {
                refuse(request, layout, refusal, error->message);
                return;
        }
        SoapCall call = {
                .c = c, .request = request, .element = message->element, .lifted = lifted
        };

        run(&call, message, layout, operations);
}
