/* mpclient.c - frames a message, signs it with this distribution point's key, and posts it. */
#include "dp/mpclient.h"

#include <string.h>

#include "base/clock.h"
#include "base/guid.h"
#include "wire/envelope.h"

#define REQUEST_PATH   "/ccm_system/request"
#define REFUSED_HEADER "x-upkeep-refused"

static GBytes *
sign(gpointer user, const void *data, gsize size, GError **error)
{
        return sign_data(user, data, size, error);
}

static void
put(char **member, char *value_take)
{
        g_free(*member);
        *member = value_take;
}

static GBytes *
frame(Component *c, const DistributionPoint *dp, const char *endpoint, const char *trace,
      const char *body, char **type_out, GError **error)
{
        g_autoptr(Envelope) envelope = envelope_new();
        g_autoptr(GUri) uri = g_uri_parse(dp->management_point, G_URI_FLAGS_NONE, NULL);
        const Dp *provider = dp_of(c);

        if (provider == NULL) {
                uk_fail(error, UK_ERROR_NOT_YET,
                        "the SMS DP Provider, which has the key, does not run");
                return NULL;
        }
        if (uri == NULL || g_uri_get_host(uri) == NULL) {
                uk_fail(error, UK_ERROR_NOT_YET,
                        "the site has not said where its management point is");
                return NULL;
        }
        put(&envelope->id, uk_guid_new_braced());
        put(&envelope->source_id, g_strdup(dp->identity_guid));
        put(&envelope->source_host, g_strdup(dp->server_name));
        put(&envelope->target_address, g_strconcat("mp:[http]", endpoint, NULL));
        put(&envelope->target_endpoint, g_strdup(endpoint));
        put(&envelope->target_host, g_strdup(g_uri_get_host(uri)));
        put(&envelope->reply_to, g_strdup(""));
        put(&envelope->trace, g_strdup(trace));
        put(&envelope->body, g_strdup(body));
        envelope->body_size = strlen(body);
        envelope->sent_us = uk_clock_now();
        return envelope_write(envelope, sign, (gpointer)dp_key(provider), type_out, error);
}

/* Only an empty answer of 200 is a receipt: a page is of somebody who stands in between. */
static bool
judge(const HttpResponse *response, GError **error)
{
        const char *refusal = http_response_header(response, REFUSED_HEADER);

        if (refusal != NULL)
                return uk_fail(error, UK_ERROR_NOT_YET, "the management point refused it: %s",
                               refusal);
        if (response->status == 400 || response->status == 413) {
                g_autofree char *words = http_response_words(response);

                return uk_fail(error, UK_ERROR_INVALID, "the management point rejected it: %s",
                               words);
        }
        if (response->status != 200)
                return uk_fail(error, UK_ERROR_REMOTE, "the management point answered %ld",
                               response->status);
        return response->size == 0 ||
               uk_fail(error, UK_ERROR_REMOTE,
                       "200 with %" G_GSIZE_FORMAT " bytes (%.64s) is no receipt of a management "
                       "point: somebody else answers for it; look for a proxy or a login page",
                       response->size,
                       response->content_type != NULL ? response->content_type : "no type");
}

bool
mpclient_post(Component *c, const DistributionPoint *dp, const char *endpoint, const char *trace,
              const char *body, GError **error)
{
        g_autofree char *type = NULL;
        g_autoptr(GBytes) bytes = frame(c, dp, endpoint, trace, body, &type, error);
        g_autofree char *url = g_strconcat(dp->management_point, REQUEST_PATH, NULL);
        g_autofree char *header = g_strconcat("Content-Type: ", type, NULL);
        const char *headers[] = { header, NULL };
        g_autoptr(HttpResponse) response = NULL;

        if (bytes == NULL)
                return false;
        HttpCall call = { .method = "CCM_POST",
                          .url = url,
                          .headers = headers,
                          .body = g_bytes_get_data(bytes, NULL),
                          .body_size = g_bytes_get_size(bytes),
                          .max_bytes = ENVELOPE_MAX_BYTES,
                          .user_agent = "ccmhttp",
                          .accept_errors = true };
        response = http_call(c->http, &call, error);
        return response != NULL && judge(response, error);
}
