/* soap_client_cookie.h - the cookies of the client services: made here, read only here.
 *
 *   update point --opaque text--> client --the same text--> update point
 *
 * Nothing in one is secret: identity, expiry and versions stand in it readably, followed by an
 * HMAC-SHA-256 under a key of this update point, so that nobody else can make one.
 */
#pragma once

#include "base/error.h"

typedef struct CookieKey CookieKey;

/* Reads the key, or makes it where it is missing (mode 0600, durable). KEY when it is damaged. */
CookieKey *soap_client_key_load(const char *path, GError **error) UK_MUST_USE;
void soap_client_key_free(CookieKey *key);

typedef enum {
        COOKIE_AUTHORIZATION = 'A', /* of GetAuthorizationCookie */
        COOKIE_CLIENT = 'C',        /* of GetCookie and SyncUpdates */
} CookieKind;

typedef struct {
        CookieKind kind;
        char client_id[37]; /* GUID, lower case */
        char server[37];    /* GUID of the catalogue whose numbers the client knows */
        gint64 expires_us;
        gint64 last_change_us; /* of the configuration the client has */
        gint64 mark;           /* highest change number delivered */
        guint16 major, minor;  /* protocol of the client */
        bool registered;
} ClientCookie;

/* The text of a cookie, base64; the caller's. Both GUIDs must be valid. */
char *soap_client_cookie_make(const CookieKey *key, const ClientCookie *cookie);
/* Takes one apart. False when this update point did not make it, or made it as another kind. */
bool soap_client_cookie_read(const CookieKey *key, const char *text, CookieKind kind,
                             ClientCookie *cookie_out);
