/* http_server.c - the HTTP server: connections to requests, requests to the handler, answers back.
 *
 * Knows libmicrohttpd's rhythm: the callback below is called with the headers, then per piece of
 * body, then once more without any; the connection then sleeps (suspended) until somebody answers,
 * and is called a last time to queue the answer on its own thread. Decides nothing about paths.
 */
#include "net/http_server.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "base/io.h"
#include "base/log.h"
#include "net/http_framing.h"
#include "net/http_listen.h"
#include "net/http_private.h"

/* Head lines of a request: the reference client's are below 2 KiB. Costs memory per connection. */
#define CONNECTION_MEMORY   (16 * 1024)
#define DEFAULT_CONNECTIONS 4096
#define DEFAULT_IDLE        60
#define DEFAULT_BODIES      (256 * 1024 * 1024)
#define DEFAULT_STOP        10
#define ACCESS_LOGS_KEPT    4
/* The connections of a port take at most this part of the files that the program may have open:
 * each may send a file, and databases, inboxes and transfers need some too. */
#define PART_OF_FILES 4
/* A refused body up to this size is read and thrown away, so that the client, still writing, reads
 * the answer and not a broken connection. */
#define DRAIN_MAX (64 * 1024)
/* First allocation for a body, whatever its Content-Length promises; the promise is believed when
 * so much has come. */
#define FIRST_BODY (64 * 1024)

/* --- requests: made, gathered, freed --- */

static void *
on_target(void *cls, const char *raw, struct MHD_Connection *connection)
{
        HttpRequest *r = g_new0(HttpRequest, 1);
        g_autoptr(GError) error = NULL;

        r->server = cls;
        r->started = uk_clock_mono();
        if (!http_target_read(raw, &r->target, &error))
                r->bad_target = g_strdup(error->message);
        else if (r->target.has_control && !r->server->any_name)
                r->bad_target = g_strdup("the path has a control character");
        return r;
}

static void
drop_body(HttpRequest *r)
{
        gsize size = r->incoming ? r->incoming->len : r->body ? g_bytes_get_size(r->body) : 0;

        atomic_fetch_sub(&r->server->bodies, size);
        g_clear_pointer(&r->incoming, g_byte_array_unref);
        g_clear_pointer(&r->body, g_bytes_unref);
}

static void
request_free(HttpRequest *r)
{
        drop_body(r);
        if (r->response != NULL && r->cached == NULL)
                MHD_destroy_response(r->response);
        if (r->cached != NULL)
                http_cached_unref(r->cached);
        if (r->headers != NULL)
                g_ptr_array_unref(r->headers);
        http_target_clear(&r->target);
        g_free(r->bad_target);
        g_free(r);
}

static void
write_access(const HttpRequest *r, enum MHD_RequestTerminationCode code)
{
        bool whole = code == MHD_REQUEST_TERMINATED_COMPLETED_OK;
        gint64 bytes = r->body_size < 0 ? r->sent : whole ? r->body_size : 0;
        AccessRecord record = {
                .server_ip = r->peer->server_ip,
                .method = r->method,
                .path = r->target.raw_path,
                .query = r->target.raw_query,
                .port = r->server->port,
                .client_ip = r->peer->client_ip,
                .agent = http_request_header(r, "User-Agent"),
                .status = r->status != 0    ? r->status
                          : r->refusal != 0 ? r->refusal
                                            : MHD_HTTP_BAD_REQUEST,
                .broken = !whole,
                .bytes = r->status == 0 || http_request_is(r, "HEAD") ? 0 : bytes,
                .ms = (uk_clock_mono() - r->started) / 1000,
        };

        accesslog_write(r->server->access_log, &record);
}

static void
set_cork(const HttpRequest *r, int on)
{
        const union MHD_ConnectionInfo *fd =
                MHD_get_connection_info(r->connection, MHD_CONNECTION_INFO_CONNECTION_FD);

        if (fd != NULL)
                setsockopt(fd->connect_fd, IPPROTO_TCP, TCP_CORK, &on, sizeof on);
}

void
http_request_cork(HttpRequest *r)
{
        set_cork(r, 1);
        r->corked = true;
}

static void
on_completed(void *cls, struct MHD_Connection *connection, void **con_cls,
             enum MHD_RequestTerminationCode code)
{
        HttpServer *server = cls;
        HttpRequest *r = *con_cls;

        *con_cls = NULL;
        if (r == NULL)
                return;
        if (r->corked)
                set_cork(r, 0);
        if (server->access_log != NULL && r->begun)
                write_access(r, code);
        if (r->handed_over) {
                pthread_mutex_lock(&server->lock);
                server->unsent--;
                pthread_cond_signal(&server->changed);
                pthread_mutex_unlock(&server->lock);
        }
        request_free(r);
}

/* --- connections --- */

static void
on_connection(void *cls, struct MHD_Connection *connection, void **context,
              enum MHD_ConnectionNotificationCode code)
{
        HttpPeer *peer = *context;

        if (code == MHD_CONNECTION_NOTIFY_STARTED) {
                const union MHD_ConnectionInfo *client =
                        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
                const union MHD_ConnectionInfo *fd =
                        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
                struct sockaddr_storage own = { 0 };
                socklen_t size = sizeof own;

                peer = g_new0(HttpPeer, 1);
                peer->client_ip = http_listen_name(client ? client->client_addr : NULL);
                if (fd == NULL || getsockname(fd->connect_fd, (struct sockaddr *)&own, &size) < 0)
                        own.ss_family = AF_UNSPEC;
                peer->server_ip = http_listen_name((struct sockaddr *)&own);
                *context = peer;
        } else if (peer != NULL) {
                if (peer->kept != NULL)
                        peer->kept_free(peer->kept);
                g_free(peer->client_ip);
                g_free(peer->server_ip);
                g_free(peer);
                *context = NULL;
        }
}

/* --- the callback's three phases --- */

static bool
parse_length(const char *text, guint64 *out)
{
        return text != NULL && g_ascii_string_to_unsigned(text, 10, 0, G_MAXINT64, out, NULL);
}

static unsigned
too_large(const HttpRequest *r)
{
        if (r->server->too_large != NULL)
                r->server->too_large(r->method, r->target.path, r->peer->client_ip, r->cap,
                                     r->server->user);
        return MHD_HTTP_CONTENT_TOO_LARGE;
}

static unsigned
judge_headers(HttpRequest *r, const char *version)
{
        HttpServer *server = r->server;
        guint64 length = 0;
        gssize cap;

        r->bad_framing = http_framing_wrong(r->connection, version);
        if (r->bad_framing != NULL || r->bad_target != NULL)
                return MHD_HTTP_BAD_REQUEST;
        if (atomic_load(&server->stopping))
                return MHD_HTTP_SERVICE_UNAVAILABLE;
        cap = server->admit(r->method, r->target.path, server->user);
        if (cap == 0)
                return MHD_HTTP_NOT_FOUND;
        if (cap < 0)
                return MHD_HTTP_METHOD_NOT_ALLOWED;
        r->cap = MIN((gsize)cap, G_MAXINT);
        if (parse_length(http_request_header(r, "Content-Length"), &length) && length > r->cap)
                return too_large(r);
        if (length > server->max_bodies)
                return MHD_HTTP_SERVICE_UNAVAILABLE;
        return 0;
}

static char *
why_refused(const HttpRequest *r, const char *phrase)
{
        if (r->refusal == MHD_HTTP_CONTENT_TOO_LARGE)
                return g_strdup_printf("the body is larger than the %zu bytes that are taken here",
                                       r->cap);
        if (r->bad_framing != NULL)
                return g_strdup(r->bad_framing);
        return g_strdup(r->bad_target ? r->bad_target : phrase);
}

static enum MHD_Result
queue_refusal(HttpRequest *r)
{
        const char *phrase = MHD_get_reason_phrase_for(r->refusal);
        g_autofree char *why = why_refused(r, phrase);

        if (r->bad_framing != NULL)
                http_answer_header(r, MHD_HTTP_HEADER_CONNECTION, "close");
        /* answered on the connection's own thread: as if a handler had answered at once */
        http_answer_error(r, r->refusal, phrase, why);
        return MHD_queue_response(r->connection, r->status, r->response);
}

/* A body that is too long to be read for nothing, or whose end nobody knows: answered at once, and
 * the connection closes. */
static bool
answer_early(const HttpRequest *r)
{
        guint64 length = 0;

        if (r->bad_framing != NULL || http_request_header(r, "Expect") != NULL)
                return true;
        return parse_length(http_request_header(r, "Content-Length"), &length) &&
               length > DRAIN_MAX;
}

static enum MHD_Result
begin(HttpRequest *r, struct MHD_Connection *connection, const char *method, const char *version)
{
        const union MHD_ConnectionInfo *context =
                MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);

        r->begun = true;
        r->connection = connection;
        r->method = method;
        r->peer = context->socket_context;
        r->refusal = judge_headers(r, version);
        if (r->refusal != 0 && answer_early(r))
                return queue_refusal(r);
        return MHD_YES;
}

static void
refuse_body(HttpRequest *r, unsigned status)
{
        drop_body(r);
        r->refusal = status;
}

/* Room for n bytes more, so that a long body is not copied as often as it doubles. */
static void
make_room(HttpRequest *r, gsize n)
{
        guint64 length = 0;

        if (r->incoming == NULL) {
                r->incoming = g_byte_array_sized_new(MIN(r->cap, FIRST_BODY));
        } else if (r->incoming->len <= FIRST_BODY && r->incoming->len + n > FIRST_BODY &&
                   parse_length(http_request_header(r, "Content-Length"), &length)) {
                GByteArray *first = r->incoming;

                r->incoming = g_byte_array_sized_new((guint)MIN(length, r->cap));
                g_byte_array_append(r->incoming, first->data, first->len);
                g_byte_array_unref(first);
        }
}

static enum MHD_Result
gather(HttpRequest *r, const char *data, size_t *size)
{
        HttpServer *server = r->server;
        gsize n = *size;

        *size = 0;
        if (r->refusal == 0)
                make_room(r, n);
        if (r->refusal == 0 && n > r->cap - r->incoming->len) {
                refuse_body(r, too_large(r));
        } else if (r->refusal == 0 &&
                   atomic_fetch_add(&server->bodies, n) + n > server->max_bodies) {
                atomic_fetch_sub(&server->bodies, n);
                refuse_body(r, MHD_HTTP_SERVICE_UNAVAILABLE);
        }
        if (r->refusal == 0) {
                g_byte_array_append(r->incoming, (const guint8 *)data, (guint)n);
                return MHD_YES;
        }
        r->drained += n;
        return r->drained <= DRAIN_MAX ? MHD_YES : MHD_NO;
}

static void
count(HttpServer *server, int unanswered, int unsent)
{
        pthread_mutex_lock(&server->lock);
        server->unanswered += (unsigned)unanswered;
        server->unsent += (unsigned)unsent;
        pthread_cond_signal(&server->changed);
        pthread_mutex_unlock(&server->lock);
}

static enum MHD_Result
hand_over(HttpRequest *r)
{
        struct MHD_Connection *connection = r->connection;
        int expected = REQUEST_HANDLING;

        if (r->incoming != NULL)
                r->body = g_byte_array_free_to_bytes(g_steal_pointer(&r->incoming));
        http_request_note_trace(r);
        r->handed_over = true;
        count(r->server, 1, 1);
        r->server->handler(r, r->server->user);
        if (atomic_load(&r->state) == REQUEST_ANSWERED)
                return MHD_queue_response(connection, r->status, r->response);
        /* From the exchange on the request may be answered and gone at any moment. */
        MHD_suspend_connection(connection);
        if (!atomic_compare_exchange_strong(&r->state, &expected, REQUEST_SUSPENDED))
                MHD_resume_connection(connection);
        return MHD_YES;
}

static enum MHD_Result
on_request(void *cls, struct MHD_Connection *connection, const char *url, const char *method,
           const char *version, const char *data, size_t *size, void **con_cls)
{
        HttpRequest *r = *con_cls;

        if (!r->begun)
                return begin(r, connection, method, version);
        if (*size > 0)
                return gather(r, data, size);
        if (r->refusal != 0)
                return queue_refusal(r);
        if (!r->handed_over)
                return hand_over(r);
        return MHD_queue_response(connection, r->status, r->response);
}

/* Called by the answers (http_private.h). */
static void
answered(HttpRequest *r)
{
        HttpServer *server = r->server;
        struct MHD_Connection *connection = r->connection;
        bool counted = r->handed_over;
        int before = atomic_exchange(&r->state, REQUEST_ANSWERED);

        if (before == REQUEST_SUSPENDED)
                MHD_resume_connection(connection);
        if (counted) /* after the resuming: stop must not find a sleeping connection */
                count(server, -1, 0);
}

void
http_request_answered(HttpRequest *r, unsigned status, struct MHD_Response *response,
                      gint64 body_size)
{
        g_assert(r->response == NULL); /* exactly one answer */
        for (guint i = 0; r->headers != NULL && i < r->headers->len; i += 2)
                MHD_add_response_header(response, r->headers->pdata[i], r->headers->pdata[i + 1]);
        r->status = status;
        r->response = response;
        r->body_size = body_size;
        answered(r);
}

void
http_request_answered_cached(HttpRequest *r, HttpCached *cached, struct MHD_Response *response,
                             gint64 body_size)
{
        g_assert(r->response == NULL);
        r->status = MHD_HTTP_OK;
        r->cached = http_cached_ref(cached);
        r->response = response;
        r->body_size = body_size;
        answered(r);
}

/* --- start and stop --- */

/* The library decodes paths in place and stops at NUL; we decode them ourselves (http_target.c). */
static size_t
leave_as_is(void *cls, struct MHD_Connection *connection, char *text)
{
        return strlen(text);
}

static void G_GNUC_PRINTF(2, 0) on_library_words(void *cls, const char *format, va_list args)
{
        HttpServer *server = cls;

        if (pthread_equal(server->starter, pthread_self()) && server->start_words != NULL)
                g_string_append_vprintf(server->start_words, format, args);
}

/* Beyond its limit a port lets connections wait; without a file left everything fails. */
static unsigned
most_connections(const HttpServerConfig *config)
{
        unsigned wanted = config->max_connections ? config->max_connections : DEFAULT_CONNECTIONS;
        struct rlimit files;

        if (getrlimit(RLIMIT_NOFILE, &files) != 0 || wanted <= files.rlim_cur / PART_OF_FILES)
                return wanted;
        unsigned most = MAX((unsigned)(files.rlim_cur / PART_OF_FILES), config->threads);
        if (most < wanted)
                uk_warn("A port takes %u connections at the same time and not %u, because this "
                        "program may have no more than %llu files open (LimitNOFILE of its unit)",
                        most, wanted, (unsigned long long)files.rlim_cur);
        return MIN(most, wanted);
}

static struct MHD_Daemon *
start_daemon(HttpServer *server, const HttpServerConfig *config)
{
        bool tls = config->cert_pem != NULL && config->key_pem != NULL;
        unsigned flags = MHD_USE_EPOLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME |
                         MHD_USE_ERROR_LOG | (tls ? MHD_USE_TLS : 0);
        unsigned connections = most_connections(config);
        struct MHD_OptionItem tls_options[] = {
                { MHD_OPTION_HTTPS_MEM_CERT, 0, (void *)config->cert_pem },
                { MHD_OPTION_HTTPS_MEM_KEY, 0, (void *)config->key_pem },
                { MHD_OPTION_HTTPS_PRIORITIES, 0,
                  (void *)"NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2" },
                { MHD_OPTION_END, 0, NULL },
        };

        return MHD_start_daemon(
                flags, 0, NULL, NULL, on_request, server, MHD_OPTION_EXTERNAL_LOGGER,
                on_library_words, server, MHD_OPTION_ARRAY, tls ? tls_options : tls_options + 3,
                MHD_OPTION_LISTEN_SOCKET, server->listen_fd, MHD_OPTION_THREAD_POOL_SIZE,
                MAX(config->threads, 2u), MHD_OPTION_CONNECTION_LIMIT, connections,
                /* Generous: many machines stand behind one address, or a proxy before the port. */
                MHD_OPTION_PER_IP_CONNECTION_LIMIT, connections - connections / 4,
                MHD_OPTION_CONNECTION_TIMEOUT,
                config->idle_seconds ? config->idle_seconds : DEFAULT_IDLE,
                MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)CONNECTION_MEMORY,
                MHD_OPTION_URI_LOG_CALLBACK, on_target, server, MHD_OPTION_UNESCAPE_CALLBACK,
                leave_as_is, NULL, MHD_OPTION_NOTIFY_COMPLETED, on_completed, server,
                MHD_OPTION_NOTIFY_CONNECTION, on_connection, server, MHD_OPTION_END);
}

static void
server_free(HttpServer *server)
{
        uk_io_close(&server->listen_fd);
        accesslog_close(server->access_log);
        pthread_cond_destroy(&server->changed);
        pthread_mutex_destroy(&server->lock);
        g_free(server);
}

static HttpServer *
server_new(const HttpServerConfig *config)
{
        HttpServer *server = g_new0(HttpServer, 1);

        server->listen_fd = -1;
        server->starter = pthread_self();
        server->admit = config->admit;
        server->handler = config->handler;
        server->too_large = config->too_large;
        server->user = config->user;
        server->any_name = config->any_name;
        server->max_bodies = config->max_bodies ? config->max_bodies : DEFAULT_BODIES;
        server->stop_seconds = config->stop_seconds ? config->stop_seconds : DEFAULT_STOP;
        pthread_mutex_init(&server->lock, NULL);
        uk_clock_cond_init(&server->changed);
        return server;
}

HttpServer *
http_server_start(const HttpServerConfig *config, GError **error)
{
        UK_DOING(error, "starting the HTTP server");
        HttpServer *server = server_new(config);
        g_autoptr(GString) words = g_string_new(NULL);
        bool ok = true;

        if (config->access_log != NULL) {
                server->access_log = accesslog_open(config->access_log, config->server_name, 0,
                                                    ACCESS_LOGS_KEPT, error);
                ok = server->access_log != NULL;
        }
        if (ok) {
                server->listen_fd =
                        http_listen(config->address, config->port, &server->port, error);
                ok = server->listen_fd >= 0;
        }
        if (ok) {
                server->start_words = words;
                server->daemon = start_daemon(server, config);
                server->start_words = NULL;
                ok = server->daemon != NULL;
                if (!ok)
                        uk_fail(error, UK_ERROR_CONFIG, "%s",
                                words->len > 0 ? g_strchomp(words->str) : "it is refused");
        }
        if (!ok) {
                server_free(server);
                return NULL;
        }
        return server;
}

guint16
http_server_port(const HttpServer *server)
{
        return server->port;
}

/* Handlers are ours and answer; readers of the answers are not, so they get a bounded time. */
static void
wait_for_answers(HttpServer *server)
{
        gint64 deadline;

        pthread_mutex_lock(&server->lock);
        while (server->unanswered > 0)
                pthread_cond_wait(&server->changed, &server->lock);
        deadline = uk_clock_mono() + server->stop_seconds * UK_SECOND;
        while (server->unsent > 0) {
                if (!uk_clock_cond_wait(&server->changed, &server->lock, deadline))
                        break;
        }
        pthread_mutex_unlock(&server->lock);
}

void
http_server_stop(HttpServer *server)
{
        if (server == NULL)
                return;
        atomic_store(&server->stopping, true);
        /* Nobody new is let in. The number of the socket stays taken until the library's threads
         * have ended, which may still use it. */
        MHD_quiesce_daemon(server->daemon);
        (void)shutdown(server->listen_fd, SHUT_RDWR);
        wait_for_answers(server);
        MHD_stop_daemon(server->daemon);
        server_free(server);
}
