/* net.c - readies the HTTP libraries, once, before the first thread. */
#include <signal.h>
#include <string.h>

#include <curl/curl.h>
#include <microhttpd.h>

#include "net/http_server.h"

bool
net_global_init(GError **error)
{
        const struct sigaction ignore = { .sa_handler = SIG_IGN };
        CURLcode rc;

        /* TLS and sendfile have no flag against it; a peer that hangs up must not end the program.
         */
        sigaction(SIGPIPE, &ignore, NULL);
        rc = curl_global_init(CURL_GLOBAL_DEFAULT);
        if (rc != CURLE_OK)
                return uk_fail(error, UK_ERROR_BROKEN, "starting libcurl: %s",
                               curl_easy_strerror(rc));
        /* Debian has several flavours under one name; TLS settings mean this one. */
        if (strstr(curl_version(), "GnuTLS") == NULL)
                return uk_fail(error, UK_ERROR_BROKEN,
                               "libcurl is not the GnuTLS flavour (libcurl3-gnutls): %s",
                               curl_version());
        if (MHD_is_feature_supported(MHD_FEATURE_EPOLL) != MHD_YES)
                return uk_fail(error, UK_ERROR_BROKEN, "libmicrohttpd has no epoll");
        return true;
}
