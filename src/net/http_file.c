/* http_file.c - files and memory answered whole or in parts: 200, 206, 304, 416.
 *
 * One part of a file goes by sendfile; several go as multipart/byteranges, made while they are
 * sent. The text of Range is read by http_range.c.
 */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/io.h"
#include "crypto/random.h"
#include "net/http_negotiate.h"
#include "net/http_private.h"
#include "net/http_range.h"

#define MULTIPART_BLOCK (64 * 1024)

/* --- several parts --- */

typedef struct {
        HttpRequest *request;
        int fd; /* -1: memory */
        GBytes *bytes;
        GPtrArray *heads; /* before each part; one more: the end */
        HttpRange parts[HTTP_RANGE_MAX];
        guint count;
        guint at;      /* the head or part that is being sent */
        bool in_part;  /* its bytes, not its head */
        gint64 offset; /* within it */
} Multipart;

static gssize
copy_head(Multipart *m, char *buffer, gsize max)
{
        const char *head = m->heads->pdata[m->at];
        gsize left = strlen(head) - (gsize)m->offset;
        gsize n = MIN(left, max);

        memcpy(buffer, head + m->offset, n);
        m->offset += (gint64)n;
        if (n == left) {
                m->offset = 0;
                m->in_part = true;
        }
        return (gssize)n;
}

static gssize
copy_part(Multipart *m, char *buffer, gsize max)
{
        const HttpRange *part = &m->parts[m->at];
        gsize n = (gsize)MIN((gint64)max, part->length - m->offset);
        gint64 from = part->first + m->offset;
        ssize_t got = (ssize_t)n;

        if (m->fd < 0)
                memcpy(buffer, (const char *)g_bytes_get_data(m->bytes, NULL) + from, n);
        else
                got = TEMP_FAILURE_RETRY(pread(m->fd, buffer, n, from));
        if (got <= 0)
                return -1; /* the file became shorter: the length we promised cannot be kept */
        m->offset += got;
        if (m->offset == part->length) {
                m->offset = 0;
                m->in_part = false;
                m->at++;
        }
        return got;
}

static ssize_t
on_multipart_read(void *cls, uint64_t position, char *buffer, size_t max)
{
        Multipart *m = cls;
        gssize n;

        if (m->in_part && m->at == m->count)
                return MHD_CONTENT_READER_END_OF_STREAM;
        n = m->in_part ? copy_part(m, buffer, max) : copy_head(m, buffer, max);
        if (n < 0)
                return MHD_CONTENT_READER_END_WITH_ERROR;
        m->request->sent += n;
        return n;
}

static void
on_multipart_free(void *cls)
{
        Multipart *m = cls;

        uk_io_close(&m->fd);
        if (m->bytes != NULL)
                g_bytes_unref(m->bytes);
        g_ptr_array_unref(m->heads);
        g_free(m);
}

static gint64
make_heads(Multipart *m, const HttpSource *source, const char *boundary)
{
        gint64 size = 0;

        m->heads = g_ptr_array_new_with_free_func(g_free);
        for (guint i = 0; i < m->count; i++) {
                gint64 first = m->parts[i].first;
                char *head = g_strdup_printf(
                        "%s--%s\r\nContent-Type: %s\r\nContent-Range: bytes %" G_GINT64_FORMAT
                        "-%" G_GINT64_FORMAT "/%" G_GINT64_FORMAT "\r\n\r\n",
                        i > 0 ? "\r\n" : "", boundary, source->content_type, first,
                        first + m->parts[i].length - 1, source->size);

                g_ptr_array_add(m->heads, head);
                size += (gint64)strlen(head) + m->parts[i].length;
        }
        g_ptr_array_add(m->heads, g_strdup_printf("\r\n--%s--\r\n", boundary));
        return size + (gint64)strlen(m->heads->pdata[m->count]);
}

static void
add_validators(struct MHD_Response *response, const HttpSource *source, const HttpRequest *r)
{
        if (source->etag != NULL)
                http_response_add(response, MHD_HTTP_HEADER_ETAG, source->etag);
        if (source->last_modified != NULL && http_answer_added(r, "Last-Modified") == NULL)
                http_response_add(response, MHD_HTTP_HEADER_LAST_MODIFIED, source->last_modified);
        http_response_add(response, MHD_HTTP_HEADER_ACCEPT_RANGES, "bytes");
}

static void
answer_multipart(HttpRequest *r, const HttpSource *source, const HttpRange *parts, guint count)
{
        Multipart *m = g_new0(Multipart, 1);
        g_autofree char *boundary = crypto_random_hex(12);
        g_autofree char *type = g_strdup_printf("multipart/byteranges; boundary=%s", boundary);
        struct MHD_Response *response;
        gint64 size;

        m->request = r;
        m->fd = source->fd;
        m->bytes = source->bytes;
        m->count = count;
        memcpy(m->parts, parts, count * sizeof parts[0]);
        size = make_heads(m, source, boundary);
        response = MHD_create_response_from_callback((guint64)size, MULTIPART_BLOCK,
                                                     on_multipart_read, m, on_multipart_free);
        http_response_add(response, MHD_HTTP_HEADER_CONTENT_TYPE, type);
        add_validators(response, source, r);
        http_request_answered(r, MHD_HTTP_PARTIAL_CONTENT, response, -1);
}

/* --- the whole or one part --- */

/* Takes what the source holds. */
static struct MHD_Response *
response_of_part(HttpRequest *r, const HttpSource *source, gint64 first, gint64 length)
{
        struct MHD_Response *response;
        int fd = source->fd;

        if (source->fd >= 0 && length > 0 && http_request_is(r, "GET"))
                http_request_cork(r);
        if (source->fd >= 0 && length > 0)
                return MHD_create_response_from_fd_at_offset64((guint64)length, source->fd,
                                                               (guint64)first);
        uk_io_close(&fd);
        if (source->bytes == NULL)
                return MHD_create_response_from_buffer(0, (void *)"", MHD_RESPMEM_PERSISTENT);
        response = http_response_of_bytes(source->bytes, (gsize)first, (gsize)length);
        g_bytes_unref(source->bytes);
        return response;
}

static void
answer_whole(HttpRequest *r, const HttpSource *source)
{
        struct MHD_Response *response = response_of_part(r, source, 0, source->size);

        http_response_add(response, MHD_HTTP_HEADER_CONTENT_TYPE, source->content_type);
        add_validators(response, source, r);
        http_request_answered(r, MHD_HTTP_OK, response, source->size);
}

static void
answer_part(HttpRequest *r, const HttpSource *source, const HttpRange *part)
{
        struct MHD_Response *response = response_of_part(r, source, part->first, part->length);
        g_autofree char *range =
                g_strdup_printf("bytes %" G_GINT64_FORMAT "-%" G_GINT64_FORMAT "/%" G_GINT64_FORMAT,
                                part->first, part->first + part->length - 1, source->size);

        http_response_add(response, MHD_HTTP_HEADER_CONTENT_TYPE, source->content_type);
        http_response_add(response, MHD_HTTP_HEADER_CONTENT_RANGE, range);
        add_validators(response, source, r);
        http_request_answered(r, MHD_HTTP_PARTIAL_CONTENT, response, part->length);
}

static void
answer_without_body(HttpRequest *r, const HttpSource *source, unsigned status)
{
        struct MHD_Response *response = response_of_part(r, source, 0, 0);

        add_validators(response, source, r);
        if (status == MHD_HTTP_RANGE_NOT_SATISFIABLE) {
                g_autofree char *range = g_strdup_printf("bytes */%" G_GINT64_FORMAT, source->size);

                http_response_add(response, MHD_HTTP_HEADER_CONTENT_RANGE, range);
        }
        http_request_answered(r, status, response, 0);
}

/* --- conditions --- */

bool
http_request_has_it(const HttpRequest *r, const char *etag, const char *last_modified)
{
        const char *none_match = http_request_header(r, "If-None-Match");
        gint64 since, changed;

        if (!http_request_is(r, "GET") && !http_request_is(r, "HEAD"))
                return false;
        if (none_match != NULL)
                return http_negotiate_etag(none_match, etag, false);
        if (last_modified == NULL)
                return false;
        since = http_negotiate_read_date(http_request_header(r, "If-Modified-Since"));
        changed = http_negotiate_read_date(last_modified);
        return since >= 0 && changed >= 0 && changed <= since;
}

/* The Range header to obey: none when If-Range names another version than ours. */
static const char *
range_to_obey(const HttpRequest *r, const HttpSource *source)
{
        const char *condition = http_request_header(r, "If-Range");

        if (!http_request_is(r, "GET"))
                return NULL;
        if (condition == NULL || http_negotiate_etag(condition, source->etag, true) ||
            g_strcmp0(condition, source->last_modified) == 0)
                return http_request_header(r, "Range");
        return NULL;
}

void
http_answer_source(HttpRequest *r, const HttpSource *source)
{
        HttpRange parts[HTTP_RANGE_MAX];
        guint count = 0;

        if (http_request_has_it(r, source->etag, source->last_modified)) {
                answer_without_body(r, source, MHD_HTTP_NOT_MODIFIED);
                return;
        }
        switch (http_range_read(range_to_obey(r, source), source->size, parts, &count)) {
        case HTTP_RANGE_NONE:
                answer_without_body(r, source, MHD_HTTP_RANGE_NOT_SATISFIABLE);
                break;
        case HTTP_RANGE_PARTS:
                if (count == 1)
                        answer_part(r, source, &parts[0]);
                else
                        answer_multipart(r, source, parts, count);
                break;
        default:
                answer_whole(r, source);
                break;
        }
}

void
http_answer_file(HttpRequest *r, int fd_take, gint64 size, const char *content_type,
                 const char *etag)
{
        g_autofree char *quoted = etag ? g_strdup_printf("\"%s\"", etag) : NULL;
        g_autofree char *date = NULL;
        const char *added = http_answer_added(r, "Last-Modified");
        struct stat info;

        if (added == NULL && fstat(fd_take, &info) == 0)
                date = http_negotiate_date(info.st_mtim.tv_sec);
        http_answer_source(
                r, &(HttpSource){
                           .fd = fd_take,
                           .size = size,
                           .content_type = content_type ? content_type : "application/octet-stream",
                           .etag = quoted,
                           .last_modified = added ? added : date,
                   });
}
