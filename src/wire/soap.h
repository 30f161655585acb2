/* soap.h - SOAP envelopes of the update engine's web services: 1.1 written, 1.2 read as well.
 *
 *   client, downstream server --call--> update point
 *   client, downstream server <--response, or fault with status 500-- update point
 * (spec: WSUS protocols, 3 to 5.) Elements are found by local name; order and prefixes are free.
 */
#pragma once

#include "wire/xml.h"

#define SOAP_MAX_BYTES (8 * 1024 * 1024) /* of a request; answers may be larger */

/* The original's layouts; each is understood by either kind of client. */
typedef enum {
        SOAP_PLAIN, /* prefix s, no declaration: answers of the client service */
        SOAP_ASMX,  /* prefix soap, with declaration: all other answers */
        SOAP_CALL,  /* prefix s, nothing more: calls of an update agent */
} SoapLayout;

/* ErrorCode tokens are those of the specification ("InvalidCookie", …). */
typedef struct {
        bool server;      /* faultcode Server, else Client */
        char *error_code; /* "" if there is none: not to be recovered from */
        char *message;
        char *id;     /* GUID, also in the log; "" if none */
        char *method; /* the SOAPAction, without quotes */
        char *actor;  /* URL of the request (server synchronization only), or "" */
        char *code;   /* when read: the faultcode's local name */
        char *text;   /* when read: the faultstring */
} SoapFault;

SoapFault *
soap_fault_new(bool server, const char *error_code, const char *message, const char *method);
void soap_fault_free(SoapFault *fault);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(SoapFault, soap_fault_free)
/* The whole document of a fault, with a fresh ID where it has none; the caller's. */
char *soap_fault_write(const SoapFault *fault, SoapLayout layout);

/* A call or an answer that was read. */
typedef struct {
        XmlDoc *doc;
        const XmlNode *element; /* first element of the body; NULL for a fault */
        const char *method;     /* its local name; borrowed */
        const char *ns;         /* its namespace; borrowed */
        bool is_12;
        bool disagrees;   /* SOAPAction names another method; the element counts */
        SoapFault *fault; /* NULL if it is none */
} SoapMessage;

void soap_message_free(SoapMessage *message);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(SoapMessage, soap_message_free)

/* What a caller whose envelope is refused is told: the faultcode. */
typedef enum {
        SOAP_REFUSAL_CLIENT,
        SOAP_REFUSAL_VERSION, /* VersionMismatch */
        SOAP_REFUSAL_HEADER,  /* MustUnderstand */
} SoapRefusal;

/* Reads an envelope. action is the SOAPAction header, quoted or not, or NULL. PARSE or LIMIT with
 * *refusal_out (may be NULL) set. The caller frees the message. */
SoapMessage *soap_read(const void *data, gsize size, gsize max, const char *action,
                       SoapRefusal *refusal_out, GError **error) UK_MUST_USE;
/* The answer to a refused envelope, the caller's. */
char *soap_refusal_write(SoapRefusal refusal, const char *why, SoapLayout layout);

/* Opens envelope, body and <name xmlns="ns"> on a begun writer; soap_close() closes all three. */
void soap_open(XmlWriter *w, SoapLayout layout, const char *name, const char *ns);
void soap_close(XmlWriter *w);
