/* envelope.h - the framing of messages between clients and management points (CCM_POST).
 *
 *   CcmMessaging (client) --multipart: Msg (UTF-16), body (zlib)--> /ccm_system/request
 *   CcmMessaging (client) <--multipart: Msg, body, or nothing------ management point
 * (spec: client protocol, 3 to 5.) Sizes, offsets and the inflated length are checked; an element
 * that is not known is passed over.
 */
#pragma once

#include "base/error.h"

#define ENVELOPE_MAX_BYTES (8 * 1024 * 1024)  /* of a whole request */
#define ENVELOPE_MAX_BODY  (32 * 1024 * 1024) /* of an inflated body, in UTF-16 bytes */

typedef struct {
        char *id;          /* message GUID with braces */
        char *correlation; /* "" in a request */
        char *source_id;   /* GUID of the client, "" before registration */
        char *source_host;
        char *target_address; /* "mp:[http]MP_LocationManager" */
        char *target_endpoint;
        char *target_host;
        char *reply_to; /* "direct:<host>:<endpoint>" */
        bool sync;      /* ReplyMode */
        int priority;
        gint64 sent_us;
        char *trace; /* of our namespace, "" if none */
        /* Hook clientauth; empty when the message is not signed. */
        char *client_signature;  /* upper-case hexadecimal, bytes in reverse order */
        char *payload_signature; /* over the body as sent */
        char *body;              /* UTF-8, NUL-terminated */
        gsize body_size;
        /* Set by the reader: the body as sent and the bytes that client_signature covers, for
         * checking the signatures. */
        GBytes *payload;
        GBytes *client_id_bytes;
} Envelope;

Envelope *envelope_new(void);
void envelope_free(Envelope *envelope);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Envelope, envelope_free)

/* Signs bytes with the client's key, for envelope_write. */
typedef GBytes *(*EnvelopeSigner)(gpointer user, const void *data, gsize size, GError **error);

/* The whole HTTP body of a message, compressed; *content_type_out is the caller's. signer NULL: not
 * signed. The caller owns the bytes. */
GBytes *envelope_write(const Envelope *envelope, EnvelopeSigner signer, gpointer user,
                       char **content_type_out, GError **error) UK_MUST_USE;
/* Reads an HTTP body with its content type. PARSE, LIMIT. */
Envelope *
envelope_read(const void *data, gsize size, const char *content_type, GError **error) UK_MUST_USE;
/* The signature bytes of one of the hexadecimal members in the order that crypto/sign verifies; the
 * caller's. PARSE. */
GBytes *envelope_signature(const char *hex, GError **error) UK_MUST_USE;
