/* ccmmessaging_send.c - one message over HTTP: framed and signed, to the first management point
 * that answers.
 *
 * An answer of 200 without a body is the receipt of a message that expects no reply. The same on a
 * message that does, or with the header that names a reason, says that the client is not served.
 * Anything else below 400 is the page of somebody who stands in between, such as a network that
 * wants its visitors to log in: nobody has taken the message.
 */
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "client/ccmmessaging/ccmmessaging_private.h"
#include "client/clientid/clientid.h"
#include "client/hresult.h"
#include "wire/envelope.h"

#define REQUEST_PATH   "/ccm_system/request"
#define REFUSED_HEADER "x-upkeep-refused"
#define CLIENT_HEADER  "X-Upkeep-Client"
#define FLAGS          0x200
#define OPTIONS        480

void
ccmmessaging_result_clear(CcmResult *result)
{
        g_free(result->host);
        g_free(result->reply_id);
        g_clear_pointer(&result->reply, g_bytes_unref);
        g_free(result->why);
}

static void
outcome(CcmResult *result, CcmOutcome what, const char *format, ...) G_GNUC_PRINTF(3, 4);

static void
outcome(CcmResult *result, CcmOutcome what, const char *format, ...)
{
        va_list args;

        va_start(args, format);
        g_free(result->why);
        result->why = g_strdup_vprintf(format, args);
        va_end(args);
        result->outcome = what;
}

static GBytes *
sign(gpointer user, const void *data, gsize size, GError **error)
{
        return sign_data(user, data, size, error);
}

/* "mp:[http]mp_locationmanager" says also by which protocol. */
static char *
target_address(const CcmOutgoing *message)
{
        bool forced = strstr(message->queue, "[http]") != NULL;

        return g_strconcat(forced ? "mp:[http]" : "mp:", message->endpoint, NULL);
}

/* Gives a member of a document its value, whatever stood there. */
static void
put(char **member, char *value_take)
{
        g_free(*member);
        *member = value_take;
}

static GBytes *
frame(const CcmSender *sender, const CcmOutgoing *message, const char *host,
      char **content_type_out, GError **error)
{
        g_autoptr(Envelope) envelope = envelope_new();
        g_autofree char *name = clientid_netbios_name(sender->c->host);
        bool sync = message->reply_to[0] != '\0';
        gsize size;
        const char *body = g_bytes_get_data(message->body, &size);

        put(&envelope->id, g_strdup(message->id));
        put(&envelope->source_id, g_strdup(message->open ? "" : sender->smsid));
        put(&envelope->source_host, g_strdup(name));
        put(&envelope->target_address, target_address(message));
        put(&envelope->target_endpoint, g_strdup(message->endpoint));
        put(&envelope->target_host, g_strdup(host));
        put(&envelope->reply_to,
            sync ? g_strdup_printf("direct:%s:%s", name, message->reply_to) : g_strdup(""));
        put(&envelope->trace, g_strdup(message->trace));
        put(&envelope->body, g_strndup(body != NULL ? body : "", size));
        envelope->body_size = size;
        envelope->sync = sync;
        envelope->sent_us = uk_clock_now();
        return envelope_write(envelope, message->open ? NULL : sign, (gpointer)sender->key,
                              content_type_out, error);
}

/* A management point's address, taken apart. */
typedef struct {
        const char *base; /* "http://ps1mp.contoso.com:80" */
        char *host, *scheme;
        int port;
} Mp;

static void
mp_clear(Mp *mp)
{
        g_free(mp->host);
        g_free(mp->scheme);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Mp, mp_clear)

static bool
mp_read(const char *base, Mp *mp_out, GError **error)
{
        g_autoptr(GUri) uri = g_uri_parse(base, G_URI_FLAGS_NONE, NULL);

        if (uri == NULL || g_uri_get_host(uri) == NULL)
                return uk_fail(error, UK_ERROR_CONFIG,
                               "'%s' in the setting client.mp is no URL: run upkeep-client join",
                               base);
        mp_out->base = base;
        mp_out->host = g_strdup(g_uri_get_host(uri));
        mp_out->scheme = g_strdup(g_uri_get_scheme(uri));
        mp_out->port = g_uri_get_port(uri);
        if (mp_out->port < 0)
                mp_out->port = strcmp(mp_out->scheme, "https") == 0 ? 443 : 80;
        return true;
}

static HttpResponse *
call(const CcmSender *sender, const CcmOutgoing *message, const Mp *mp, GBytes *body,
     const char *content_type, GError **error)
{
        bool get = message->queue[0] == '\0';
        gsize size = 0;
        const char *data = g_bytes_get_data(body, &size);
        g_autofree char *path = get ? g_strndup(data, size) : g_strdup(REQUEST_PATH);
        g_autofree char *url = g_strconcat(mp->base, path, NULL);
        g_autoptr(GPtrArray) headers = g_ptr_array_new_with_free_func(g_free);
        if (!get)
                g_ptr_array_add(headers, g_strconcat("Content-Type: ", content_type, NULL));
        else /* so that the site can tell who has fetched its policy */
                g_ptr_array_add(headers, g_strconcat(CLIENT_HEADER ": ", sender->smsid, NULL));
        if (strlen(message->trace) == 32)
                g_ptr_array_add(headers, g_strdup_printf("traceparent: 00-%s-%.16s-01",
                                                         message->trace, message->trace));
        g_ptr_array_add(headers, NULL);
        HttpCall request = {
                .method = get ? "GET" : "CCM_POST",
                .url = url,
                .headers = (const char *const *)headers->pdata,
                .body = get ? NULL : data,
                .body_size = get ? 0 : size,
                .max_bytes = ENVELOPE_MAX_BYTES,
                .user_agent = "ccmhttp",
                .accept_errors = true,
        };

        return http_call(sender->c->http, &request, error);
}

/* The body of a reply, checked against the message it must belong to. */
static bool
take_reply(const CcmOutgoing *message, const HttpResponse *response, CcmResult *result,
           GError **error)
{
        const char *type = response->content_type != NULL ? response->content_type : "";
        g_autoptr(Envelope) reply = envelope_read(response->body, response->size, type, error);

        if (reply == NULL)
                return false;
        if (reply->correlation == NULL || g_ascii_strcasecmp(reply->correlation, message->id) != 0)
                return uk_fail(error, UK_ERROR_PARSE, "the reply belongs to message '%s'",
                               reply->correlation != NULL ? reply->correlation : "");
        result->reply_id = g_strdup(reply->id);
        result->reply = g_bytes_new(reply->body, reply->body_size);
        return true;
}

static void
judge_success(const CcmOutgoing *message, const HttpResponse *response, CcmResult *result)
{
        const char *refusal = http_response_header(response, REFUSED_HEADER);
        bool expects = message->reply_to[0] != '\0';
        g_autoptr(GError) why = NULL;

        result->outcome = CCM_SENT;
        if (refusal != NULL)
                outcome(result, CCM_REFUSED, "%s", refusal);
        else if (response->status != 200 || (!expects && response->size > 0))
                outcome(result, CCM_UNREACHABLE,
                        "%ld with %" G_GSIZE_FORMAT " bytes (%.64s) is no answer of a management "
                        "point: somebody else answers for '%s'; look for a proxy or a login page",
                        response->status, response->size,
                        response->content_type != NULL ? response->content_type : "no type",
                        result->host);
        else if (message->queue[0] == '\0')
                result->reply = g_bytes_new(response->body, response->size);
        else if (expects && response->size == 0)
                outcome(result, CCM_REFUSED, "it answered without a reply");
        else if (expects && !take_reply(message, response, result, &why))
                outcome(result, CCM_UNREACHABLE, "%s", why->message);
}

/* What an answer of 400 and above says of the message: that nobody will take it, or that another
 * time or place may. */
static void
judge_failure(const CcmOutgoing *message, const HttpResponse *response, const Mp *mp,
              CcmResult *result)
{
        bool get = message->queue[0] == '\0';
        long status = response->status;
        bool bad = status == 400 || status == 415 || (get && status == 404);

        uk_warn("Post to %s%s failed with 0x%08x.", mp->base, get ? "" : REQUEST_PATH,
                hresult_of(NULL, status));
        outcome(result,
                bad             ? CCM_BAD
                : status == 413 ? CCM_LARGE
                                : CCM_UNREACHABLE,
                "host '%s' answered %ld", mp->host, status);
}

static void
failed(const Mp *mp, const GError *why, CcmResult *result)
{
        uk_warn("Post to %s%s failed with 0x%08x.", mp->base, REQUEST_PATH, hresult_of(why, 0));
        outcome(result, CCM_UNREACHABLE, "%s", why->message);
}

static void
log_post(const CcmOutgoing *message, const Mp *mp)
{
        if (message->queue[0] == '\0')
                return;
        uk_log("Sending outgoing message '%s'. Flags 0x%x, sender account empty", message->id,
               FLAGS);
        uk_log("POST: Host=%s, Path=%s, Port=%d, Protocol=%s, Flags=%d, Options=%d", mp->host,
               REQUEST_PATH, mp->port, mp->scheme, FLAGS, OPTIONS);
}

static void
send_to(const CcmSender *sender, const CcmOutgoing *message, const Mp *mp, CcmResult *result)
{
        g_autoptr(GError) why = NULL;
        g_autofree char *content_type = NULL;
        g_autoptr(GBytes) body = message->queue[0] == '\0'
                                         ? g_bytes_ref(message->body)
                                         : frame(sender, message, mp->host, &content_type, &why);

        if (body == NULL) {
                outcome(result, uk_error_class(why) == UK_CLASS_CORRUPT ? CCM_BAD : CCM_UNREACHABLE,
                        "%s", why->message);
                return;
        }
        log_post(message, mp);
        g_autoptr(HttpResponse) response = call(sender, message, mp, body, content_type, &why);
        if (response == NULL) {
                failed(mp, why, result);
                return;
        }
        g_free(result->host);
        result->host = g_strdup(mp->host);
        if (response->status >= 400)
                judge_failure(message, response, mp, result);
        else
                judge_success(message, response, result);
}

void
ccmmessaging_send(const CcmSender *sender, const CcmOutgoing *message, CcmResult *result_out)
{
        g_autofree char *text = settings_text(host_settings(sender->c->host), "client.mp");
        g_auto(GStrv) bases = g_strsplit_set(g_strstrip(text), " ,", -1);
        guint count = text[0] != '\0' ? g_strv_length(bases) : 0;

        outcome(result_out, CCM_UNREACHABLE,
                "no management point is configured: run upkeep-client join URL");
        for (guint i = 0; i < count; i++) {
                guint index = (*sender->current + i) % count;
                g_autoptr(GError) why = NULL;
                g_auto(Mp) mp = { 0 };

                if (bases[index][0] == '\0')
                        continue;
                if (!mp_read(bases[index], &mp, &why)) {
                        outcome(result_out, CCM_UNREACHABLE, "%s", why->message);
                        continue;
                }
                send_to(sender, message, &mp, result_out);
                if (result_out->outcome != CCM_UNREACHABLE) {
                        *sender->current = index;
                        return;
                }
        }
}
