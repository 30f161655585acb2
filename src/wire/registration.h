/* registration.h - how a client becomes known to its site (spec: client protocol, 7).
 *
 *   ClientIDManagerStartup (client) --ClientRegistrationRequest--> MP_ClientRegistration
 *   ClientIDManagerStartup (client) <--ClientRegistrationResponse- MP_ClientRegistration
 */
#pragma once

#include "base/error.h"

#define REGISTRATION_MAX_BYTES (64 * 1024)

typedef struct {
        char *smsid;       /* GUID; "" asks for a new one */
        bool confirmation; /* RequestType ConfirmationRequest */
        gint64 time_us;
        char *agent_version;
        char *certificate; /* PEM of the client's certificate (on the wire DER, hexadecimal) */
        char *netbios_name, *fq_name;
        char *os, *os_version; /* of our namespace: "Debian GNU/Linux", "12" */
        char *architecture;
        char *data; /* set by the reader: the Data element as sent, what the signature covers */
        char *signature; /* hexadecimal */
} RegistrationRequest;

/* The bytes that the signature covers: the text of the Data element in UTF-16 little-endian,
 * without a byte order mark. The caller's. */
GBytes *registration_signed_bytes(const char *data, GError **error) UK_MUST_USE;

/* Signs the Data element; as EnvelopeSigner. The signature is written in reverse order of its bytes
 * (read it with envelope_signature). */
typedef GBytes *(*RegistrationSigner)(gpointer user, const void *data, gsize size, GError **error);

char *registration_request_write(const RegistrationRequest *request, RegistrationSigner signer,
                                 gpointer user, GError **error);
RegistrationRequest *
registration_request_read(const void *data, gsize size, GError **error) UK_MUST_USE;
void registration_request_free(RegistrationRequest *request);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(RegistrationRequest, registration_request_free)

/* Status: 0 registered, 1 pending, 2 send the registration again, 3 rejected. */
typedef struct {
        bool confirmation;
        int status;
        char *smsid;
        bool approved;
        gint64 time_us;
        char *reason; /* of our namespace: why rejected or pending; "" else */
        bool stale;   /* likewise: what the request says of the machine was not taken, since a newer
                       * one is known; it is to be sent again */
} RegistrationResponse;

char *registration_response_write(const RegistrationResponse *response);
RegistrationResponse *
registration_response_read(const void *data, gsize size, GError **error) UK_MUST_USE;
void registration_response_free(RegistrationResponse *response);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(RegistrationResponse, registration_response_free)
