/* http_request.c - what was asked: the accessors of a request, and its body in the clear. */
#include <string.h>

#include "base/deflate.h"
#include "net/http_peer.h"
#include "net/http_private.h"

const char *
http_request_method(const HttpRequest *request)
{
        return request->method;
}

bool
http_request_is(const HttpRequest *request, const char *method)
{
        return strcmp(request->method, method) == 0;
}

const char *
http_request_path(const HttpRequest *request)
{
        return request->target.path;
}

const char *
http_request_raw_path(const HttpRequest *request)
{
        return request->target.raw_path;
}

const char *
http_request_raw_query(const HttpRequest *request)
{
        return request->target.raw_query;
}

const char *
http_request_query(const HttpRequest *request, const char *name)
{
        return http_target_query(&request->target, name);
}

const char *
http_request_header(const HttpRequest *request, const char *name)
{
        return MHD_lookup_connection_value(request->connection, MHD_HEADER_KIND, name);
}

const char *
http_request_peer(const HttpRequest *request)
{
        return request->peer->client_ip;
}

bool
http_request_peer_user(const HttpRequest *request, guint32 *uid_out, GError **error)
{
        const union MHD_ConnectionInfo *fd =
                MHD_get_connection_info(request->connection, MHD_CONNECTION_INFO_CONNECTION_FD);

        return http_peer_user(fd != NULL ? fd->connect_fd : -1, uid_out, error);
}

void
http_request_keep(HttpRequest *request, gpointer data_take, GDestroyNotify free_fn)
{
        HttpPeer *peer = request->peer;

        if (peer->kept != NULL)
                peer->kept_free(peer->kept);
        peer->kept = data_take;
        peer->kept_free = free_fn;
}

gpointer
http_request_kept(const HttpRequest *request)
{
        return request->peer->kept;
}

static bool
is_hex(const char *text, gsize size)
{
        for (gsize i = 0; i < size; i++) {
                if (!g_ascii_isdigit(text[i]) && (text[i] < 'a' || text[i] > 'f'))
                        return false;
        }
        return true;
}

/* "00-<32 digits>-<16 digits>-<2 digits>"; zeros only, and version ff, are no trace (W3C). */
static bool
is_traceparent(const char *text)
{
        return strlen(text) >= 55 && is_hex(text, 2) && strncmp(text, "ff", 2) != 0 &&
               text[2] == '-' && is_hex(text + 3, 32) && strspn(text + 3, "0") < 32 &&
               text[35] == '-' && is_hex(text + 36, 16) && text[52] == '-' && is_hex(text + 53, 2);
}

void
http_request_note_trace(HttpRequest *request)
{
        const char *text = http_request_header(request, "traceparent");

        if (text != NULL && is_traceparent(text))
                g_strlcpy(request->trace, text + 3, sizeof request->trace);
}

const char *
http_request_trace(const HttpRequest *request)
{
        return request->trace[0] != '\0' ? request->trace : NULL;
}

const void *
http_request_body(const HttpRequest *request, gsize *size_out)
{
        if (request->body == NULL) {
                *size_out = 0;
                return "";
        }
        return g_bytes_get_data(request->body, size_out);
}

GBytes *
http_request_body_bytes(const HttpRequest *request)
{
        return request->body != NULL ? g_bytes_ref(request->body) : g_bytes_new(NULL, 0);
}

GBytes *
http_request_body_plain(HttpRequest *request, gsize max, GError **error)
{
        const char *coding = http_request_header(request, "Content-Encoding");
        gsize size;
        const void *body = http_request_body(request, &size);

        if (coding == NULL || g_ascii_strcasecmp(coding, "identity") == 0) {
                if (size > max) {
                        uk_fail(error, UK_ERROR_LIMIT,
                                "the body has %zu bytes, at most %zu are allowed", size, max);
                        return NULL;
                }
                return http_request_body_bytes(request);
        }
        if (g_ascii_strcasecmp(coding, "gzip") == 0 || g_ascii_strcasecmp(coding, "x-gzip") == 0 ||
            g_ascii_strcasecmp(coding, "deflate") == 0) {
                UK_DOING(error, "decompressing the body of %s", request->target.raw_path);
                return deflate_unpack(body, size, max, error);
        }
        uk_fail(error, UK_ERROR_UNSUPPORTED, "the body is coded as '%s'; gzip and deflate are read",
                coding);
        return NULL;
}
