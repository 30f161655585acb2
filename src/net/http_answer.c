/* http_answer.c - the answers that are made in memory: texts, errors, cached bytes, streams.
 *
 * Each makes a response and gives it to the request's connection (http_server.c); files and
 * ranges are http_file.c.
 */
#include <string.h>

#include "base/deflate.h"
#include "net/http_negotiate.h"
#include "net/http_private.h"

/* Below it compression costs more than it saves. */
#define COMPRESS_ABOVE 1024
#define STREAM_BLOCK   (32 * 1024)
/* A cached answer that must be decompressed for an odd client is at most this long. */
#define CACHED_MAX (256 * 1024 * 1024)

struct HttpCached {
        atomic_int refs;
        GBytes *bytes;
        char *content_type;
        char *encoding;
        char *etag;          /* quoted */
        char *last_modified; /* or NULL */
        struct MHD_Response *response;
};

void
http_response_add(struct MHD_Response *response, const char *name, const char *value)
{
        MHD_add_response_header(response, name, value);
}

void
http_answer_header(HttpRequest *request, const char *name, const char *value)
{
        /* A line break in a value would let whoever chose the value write headers of their own. */
        g_assert(strpbrk(name, "\r\n: ") == NULL);
        if (request->headers == NULL)
                request->headers = g_ptr_array_new_with_free_func(g_free);
        g_ptr_array_add(request->headers, g_strdup(name));
        g_ptr_array_add(request->headers, g_strdelimit(g_strdup(value), "\r\n", ' '));
}

const char *
http_answer_added(const HttpRequest *request, const char *name)
{
        for (guint i = 0; request->headers != NULL && i < request->headers->len; i += 2) {
                if (g_ascii_strcasecmp(request->headers->pdata[i], name) == 0)
                        return request->headers->pdata[i + 1];
        }
        return NULL;
}

static void
free_plain(void *memory)
{
        g_free(memory);
}

static bool
compress(HttpRequest *r, const char *content_type, char **body, gsize *size)
{
        const char *accepts = http_request_header(r, "Accept-Encoding");
        g_autoptr(GBytes) packed = NULL;

        if (*size <= COMPRESS_ABOVE || !http_negotiate_is_text(content_type) ||
            http_answer_added(r, "Content-Encoding") != NULL ||
            !http_negotiate_coding(accepts, "gzip"))
                return false;
        packed = deflate_pack(DEFLATE_GZIP, *body, *size);
        g_free(*body);
        *body = g_bytes_unref_to_data(g_steal_pointer(&packed), size);
        return true;
}

void
http_answer_take(HttpRequest *r, unsigned status, const char *content_type, char *body_take,
                 gsize size)
{
        char *body = body_take ? body_take : g_strdup("");
        bool is_text = content_type != NULL && http_negotiate_is_text(content_type);
        bool packed = is_text && compress(r, content_type, &body, &size);
        struct MHD_Response *response =
                MHD_create_response_from_buffer_with_free_callback(size, body, free_plain);

        if (content_type != NULL)
                http_response_add(response, MHD_HTTP_HEADER_CONTENT_TYPE, content_type);
        if (packed)
                http_response_add(response, MHD_HTTP_HEADER_CONTENT_ENCODING, "gzip");
        if (is_text)
                http_response_add(response, MHD_HTTP_HEADER_VARY, "Accept-Encoding");
        http_request_answered(r, status, response, (gint64)size);
}

void
http_answer(HttpRequest *r, unsigned status, const char *content_type, const void *body, gsize size)
{
        http_answer_take(r, status, content_type, g_memdup2(body, size), size);
}

static void
append_json_text(GString *out, const char *text)
{
        g_autofree char *valid = g_utf8_make_valid(text, -1);

        g_string_append_c(out, '"');
        for (const guchar *p = (const guchar *)valid; *p; p++) {
                if (*p == '"' || *p == '\\')
                        g_string_append_printf(out, "\\%c", *p);
                else if (*p < 0x20)
                        g_string_append_printf(out, "\\u%04x", *p);
                else
                        g_string_append_c(out, (char)*p);
        }
        g_string_append_c(out, '"');
}

void
http_answer_error(HttpRequest *r, unsigned status, const char *code, const char *message)
{
        GString *body = g_string_new("{\"error\":{\"code\":");
        gsize size;

        append_json_text(body, code);
        g_string_append(body, ",\"message\":");
        append_json_text(body, message);
        g_string_append(body, "}}\n");
        size = body->len;
        http_answer_take(r, status, "application/json", g_string_free(body, FALSE), size);
}

/* --- cached --- */

static void
unref_bytes(void *bytes)
{
        g_bytes_unref(bytes);
}

struct MHD_Response *
http_response_of_bytes(GBytes *bytes, gsize first, gsize length)
{
        const char *data = g_bytes_get_data(bytes, NULL);

        return MHD_create_response_from_buffer_with_free_callback_cls(
                length, (void *)(length > 0 ? data + first : ""), unref_bytes, g_bytes_ref(bytes));
}

HttpCached *
http_cached_new(GBytes *bytes, const char *content_type, const char *encoding, const char *etag)
{
        HttpCached *cached = g_new0(HttpCached, 1);

        cached->refs = 1;
        cached->bytes = g_bytes_ref(bytes);
        cached->content_type = g_strdup(content_type);
        cached->encoding = g_strdup(encoding);
        cached->etag = etag ? g_strdup_printf("\"%s\"", etag) : NULL;
        cached->response = http_response_of_bytes(bytes, 0, g_bytes_get_size(bytes));
        http_response_add(cached->response, MHD_HTTP_HEADER_CONTENT_TYPE, content_type);
        if (encoding != NULL) {
                http_response_add(cached->response, MHD_HTTP_HEADER_CONTENT_ENCODING, encoding);
                http_response_add(cached->response, MHD_HTTP_HEADER_VARY, "Accept-Encoding");
        } else {
                http_response_add(cached->response, MHD_HTTP_HEADER_ACCEPT_RANGES, "bytes");
        }
        if (etag != NULL)
                http_response_add(cached->response, MHD_HTTP_HEADER_ETAG, cached->etag);
        return cached;
}

void
http_cached_set_modified(HttpCached *cached, gint64 seconds)
{
        cached->last_modified = http_negotiate_date(seconds);
        http_response_add(cached->response, MHD_HTTP_HEADER_LAST_MODIFIED, cached->last_modified);
}

HttpCached *
http_cached_ref(HttpCached *cached)
{
        atomic_fetch_add(&cached->refs, 1);
        return cached;
}

void
http_cached_unref(HttpCached *cached)
{
        if (cached == NULL || atomic_fetch_sub(&cached->refs, 1) > 1)
                return;
        MHD_destroy_response(cached->response);
        g_bytes_unref(cached->bytes);
        g_free(cached->content_type);
        g_free(cached->encoding);
        g_free(cached->etag);
        g_free(cached->last_modified);
        g_free(cached);
}

/* Compressed bytes for a client that cannot take them: another representation, so no ETag. */
static void
answer_unpacked(HttpRequest *r, const HttpCached *cached)
{
        g_autoptr(GError) error = NULL;
        gsize size;
        const void *data = g_bytes_get_data(cached->bytes, &size);
        g_autoptr(GBytes) plain = deflate_unpack(data, size, CACHED_MAX, &error);
        struct MHD_Response *response;

        if (plain == NULL) {
                http_answer_error(r, MHD_HTTP_INTERNAL_SERVER_ERROR, "INTERNAL", error->message);
                return;
        }
        size = g_bytes_get_size(plain);
        response = http_response_of_bytes(plain, 0, size);
        http_response_add(response, MHD_HTTP_HEADER_CONTENT_TYPE, cached->content_type);
        http_response_add(response, MHD_HTTP_HEADER_VARY, "Accept-Encoding");
        http_request_answered(r, MHD_HTTP_OK, response, (gint64)size);
}

static void
answer_packed_with_headers(HttpRequest *r, const HttpCached *cached)
{
        gsize size = g_bytes_get_size(cached->bytes);
        struct MHD_Response *response = http_response_of_bytes(cached->bytes, 0, size);

        http_response_add(response, MHD_HTTP_HEADER_CONTENT_TYPE, cached->content_type);
        http_response_add(response, MHD_HTTP_HEADER_CONTENT_ENCODING, cached->encoding);
        http_response_add(response, MHD_HTTP_HEADER_VARY, "Accept-Encoding");
        if (cached->etag != NULL)
                http_response_add(response, MHD_HTTP_HEADER_ETAG, cached->etag);
        http_request_answered(r, MHD_HTTP_OK, response, (gint64)size);
}

static void
answer_not_modified(HttpRequest *r, const HttpCached *cached)
{
        struct MHD_Response *response =
                MHD_create_response_from_buffer(0, (void *)"", MHD_RESPMEM_PERSISTENT);

        if (cached->etag != NULL)
                http_response_add(response, MHD_HTTP_HEADER_ETAG, cached->etag);
        if (cached->last_modified != NULL)
                http_response_add(response, MHD_HTTP_HEADER_LAST_MODIFIED, cached->last_modified);
        if (cached->encoding != NULL)
                http_response_add(response, MHD_HTTP_HEADER_VARY, "Accept-Encoding");
        http_request_answered(r, MHD_HTTP_NOT_MODIFIED, response, 0);
}

/* The common case is the shared response as it is; everything else is made for this request. */
void
http_answer_cached(HttpRequest *r, HttpCached *cached)
{
        bool packed = cached->encoding != NULL;
        bool takes = !packed || http_negotiate_coding(http_request_header(r, "Accept-Encoding"),
                                                      cached->encoding);

        if (!takes)
                answer_unpacked(r, cached);
        else if (http_request_has_it(r, cached->etag, cached->last_modified))
                answer_not_modified(r, cached);
        else if (r->headers == NULL && (packed || http_request_header(r, "Range") == NULL))
                http_request_answered_cached(r, cached, cached->response,
                                             (gint64)g_bytes_get_size(cached->bytes));
        else if (packed)
                answer_packed_with_headers(r, cached);
        else
                http_answer_source(r, &(HttpSource){
                                              .fd = -1,
                                              .bytes = g_bytes_ref(cached->bytes),
                                              .size = (gint64)g_bytes_get_size(cached->bytes),
                                              .content_type = cached->content_type,
                                              .etag = cached->etag,
                                              .last_modified = cached->last_modified,
                                      });
}

/* --- streams --- */

typedef struct {
        HttpRequest *request; /* alive as long as the library reads */
        HttpFill fill;
        gpointer user;
        GDestroyNotify user_free;
} Stream;

static ssize_t
on_stream_read(void *cls, uint64_t position, char *buffer, size_t max)
{
        Stream *stream = cls;
        gssize n = stream->fill(stream->user, buffer, max);

        if (n < 0)
                return MHD_CONTENT_READER_END_WITH_ERROR;
        if (n == 0)
                return MHD_CONTENT_READER_END_OF_STREAM;
        stream->request->sent += n;
        return n;
}

static void
on_stream_free(void *cls)
{
        Stream *stream = cls;

        if (stream->user_free != NULL)
                stream->user_free(stream->user);
        g_free(stream);
}

void
http_answer_stream(HttpRequest *r, unsigned status, const char *content_type, HttpFill fill,
                   gpointer user, GDestroyNotify user_free)
{
        Stream *stream = g_new(Stream, 1);
        struct MHD_Response *response;

        *stream = (Stream){ r, fill, user, user_free };
        response = MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, STREAM_BLOCK, on_stream_read,
                                                     stream, on_stream_free);
        if (content_type != NULL)
                http_response_add(response, MHD_HTTP_HEADER_CONTENT_TYPE, content_type);
        http_request_answered(r, status, response, -1);
}
