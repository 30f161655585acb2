/* supclient.h - the site server's side of the update point's administration interface.
 *
 * One call, one request of wire/supadmin, signed by the site's key. Errors are sentences fit for
 * insertion string 1 of status message 6703.
 */
#pragma once

#include "crypto/sign.h"
#include "net/http_client.h"
#include "wire/supadmin.h"

/* Whom to ask, and as whom. All borrowed. */
typedef struct {
        HttpClient *http;
        const SignKey *key;
        const char *site; /* site code */
        const char *base; /* "http://PS1SITE:8530" */
        const char *server;
        const char *trace; /* "" if none */
} SupClient;

bool
supclient_configure(const SupClient *client, const SupConfig *config, GError **error) UK_MUST_USE;
/* Asks for a synchronization; one that runs already is joined. The caller frees the status. */
SupStatus *supclient_start(const SupClient *client, GError **error) UK_MUST_USE;
/* The status as soon as its number is not `seen`, at the latest after about 5 seconds. */
SupStatus *supclient_status(const SupClient *client, gint64 seen, GError **error) UK_MUST_USE;
/* The changes since an anchor (0: everything), written as they come into the open file fd. */
bool supclient_changes(const SupClient *client, gint64 since, int fd, GError **error) UK_MUST_USE;
