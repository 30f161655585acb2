/* Tests of src/net/http_server.c, http_request.c, http_answer.c and http_file.c, over real
 * sockets: bytes written by hand, and the curl program as a foreign client.
 */
#include "net/http_server.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <locale.h>
#include <poll.h>
#include <pthread.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <glib/gstdio.h>

#include "base/clock.h"
#include "base/deflate.h"
#include "base/io.h"
#include "crypto/hash.h"
#include "crypto/sign.h"

#define BIG_TEXT 5000

typedef struct {
        HttpServer *server;
        guint16 port;
        char *dir;
        char *file; /* 100000 bytes, byte i is i % 251 */
        char *log;
        HttpCached *cached;
        HttpCached *packed;
        int go[2]; /* "/later" answers when a byte is here */
        int streams_freed;
        int too_large;
        char *trace;
} Fixture;

/* --- the server under test --- */

static gssize
admit(const char *method, const char *path, gpointer user)
{
        if (g_str_has_prefix(path, "/none"))
                return 0;
        if (strcmp(method, "DELETE") == 0)
                return -1;
        return 1000;
}

static void
answer_file(HttpRequest *r, Fixture *f)
{
        int fd = open(f->file, O_RDONLY | O_CLOEXEC);

        http_answer_file(r, fd, 100000, NULL, "tag1");
}

/* Answers from another thread, once it is told to. */
typedef struct {
        HttpRequest *request;
        int fd;
} Later;

static void *
later_thread(void *data)
{
        Later *later = data;
        char byte;

        g_assert_cmpint(read(later->fd, &byte, 1), ==, 1);
        http_answer(later->request, 200, "text/plain", "later", 5);
        g_free(later);
        return NULL;
}

static void
answer_later(HttpRequest *r, int fd)
{
        Later *later = g_new(Later, 1);
        pthread_t thread;

        *later = (Later){ r, fd };
        g_assert_cmpint(pthread_create(&thread, NULL, later_thread, later), ==, 0);
        pthread_detach(thread);
}

static void *
at_once_thread(void *request)
{
        http_answer(request, 200, "text/plain", "quick", 5);
        return NULL;
}

typedef struct {
        Fixture *fixture;
        int left;
        bool breaks;
} Count;

static gssize
fill(gpointer user, char *buffer, gsize max)
{
        Count *count = user;

        if (count->left == 0)
                return count->breaks ? -1 : 0;
        count->left--;
        g_assert_cmpuint(max, >=, 6);
        memcpy(buffer, "piece\n", 6);
        return 6;
}

static void
count_free(gpointer user)
{
        Count *count = user;

        g_atomic_int_inc(&count->fixture->streams_freed);
        g_free(count);
}

static void
answer_stream(HttpRequest *r, Fixture *f, bool breaks)
{
        Count *count = g_new(Count, 1);

        *count = (Count){ f, 3, breaks };
        http_answer_stream(r, 200, "text/plain", fill, count, count_free);
}

static void
answer_echo(HttpRequest *r)
{
        gsize size;
        const char *body = http_request_body(r, &size);
        const char *q = http_request_query(r, "q");
        g_autofree char *text =
                g_strdup_printf("%s|%s|%s|%s|%.*s", http_request_method(r), http_request_path(r),
                                q ? q : "-", http_request_peer(r), (int)size, body);

        http_answer_header(r, "X-Echo", "yes\r\nX-Faked: no");
        http_answer_take(r, 201, "text/plain", g_steal_pointer(&text), strlen(text));
}

static void
answer_plain(HttpRequest *r)
{
        g_autoptr(GError) error = NULL;
        g_autoptr(GBytes) plain = http_request_body_plain(r, 2000, &error);

        if (plain == NULL)
                http_answer_error(r, 400, uk_error_name(error->code), error->message);
        else
                http_answer(r, 200, "text/plain", g_bytes_get_data(plain, NULL),
                            g_bytes_get_size(plain));
}

static void
handle(HttpRequest *r, gpointer user)
{
        Fixture *f = user;
        const char *path = http_request_path(r);
        pthread_t thread;

        if (http_request_trace(r) != NULL) {
                g_free(f->trace);
                f->trace = g_strdup(http_request_trace(r));
        }
        if (strcmp(path, "/file") == 0) {
                answer_file(r, f);
        } else if (strcmp(path, "/empty") == 0) {
                http_answer_file(r, open("/dev/null", O_RDONLY | O_CLOEXEC), 0, NULL, NULL);
        } else if (strcmp(path, "/later") == 0) {
                answer_later(r, f->go[0]);
        } else if (strcmp(path, "/quick") == 0) {
                g_assert_cmpint(pthread_create(&thread, NULL, at_once_thread, r), ==, 0);
                pthread_detach(thread);
        } else if (strcmp(path, "/cached") == 0) {
                if (http_request_query(r, "extra") != NULL)
                        http_answer_header(r, "X-Extra", "1");
                http_answer_cached(r, f->cached);
        } else if (strcmp(path, "/packed") == 0) {
                if (http_request_query(r, "extra") != NULL)
                        http_answer_header(r, "X-Extra", "1");
                http_answer_cached(r, f->packed);
        } else if (strcmp(path, "/stream") == 0) {
                answer_stream(r, f, http_request_query(r, "break") != NULL);
        } else if (strcmp(path, "/plain") == 0) {
                answer_plain(r);
        } else if (strcmp(path, "/error") == 0) {
                http_answer_error(r, 409, "EXISTS", "a \"quoted\"\n\xff thing");
        } else if (strcmp(path, "/big") == 0) {
                http_answer_take(r, 200, "application/json", g_strnfill(BIG_TEXT, 'b'), BIG_TEXT);
        } else {
                answer_echo(r);
        }
}

static void
make_cached(Fixture *f)
{
        g_autofree char *text = g_strnfill(BIG_TEXT, 'c');
        g_autoptr(GBytes) plain = g_bytes_new_static("0123456789", 10);
        g_autoptr(GBytes) packed = deflate_pack(DEFLATE_GZIP, text, BIG_TEXT);

        f->cached = http_cached_new(plain, "text/plain", NULL, "c1");
        f->packed = http_cached_new(packed, "application/json", "gzip", "p1");
}

static void
on_too_large(const char *method, const char *path, const char *peer, gsize cap, gpointer user)
{
        Fixture *f = user;

        g_assert_cmpstr(method, ==, "POST");
        g_assert_cmpstr(path, ==, "/x");
        g_assert_cmpstr(peer, ==, "127.0.0.1");
        g_assert_cmpuint(cap, ==, 1000);
        g_atomic_int_inc(&f->too_large);
}

static void
start(Fixture *f, HttpServerConfig config)
{
        g_autoptr(GError) error = NULL;

        config.address = "127.0.0.1";
        config.threads = 2;
        config.admit = admit;
        config.handler = handle;
        config.too_large = on_too_large;
        config.user = f;
        config.access_log = f->log;
        config.stop_seconds = config.stop_seconds ? config.stop_seconds : 1;
        f->server = http_server_start(&config, &error);
        g_assert_no_error(error);
        f->port = http_server_port(f->server);
}

static void
setup(Fixture *f, gconstpointer data)
{
        g_autofree char *bytes = g_malloc(100000);

        for (int i = 0; i < 100000; i++)
                bytes[i] = (char)(i % 251);
        f->dir = g_dir_make_tmp("uk-http-XXXXXX", NULL);
        f->file = g_build_filename(f->dir, "file", NULL);
        f->log = g_build_filename(f->dir, "access.log", NULL);
        g_assert_true(g_file_set_contents(f->file, bytes, 100000, NULL));
        g_assert_cmpint(pipe(f->go), ==, 0);
        make_cached(f);
        start(f, (HttpServerConfig){ .max_bodies = 1500 });
}

static void
stop(Fixture *f)
{
        http_server_stop(g_steal_pointer(&f->server));
}

static void
teardown(Fixture *f, gconstpointer data)
{
        const char *argv[] = { "rm", "-rf", f->dir, NULL };

        stop(f);
        http_cached_unref(f->cached);
        http_cached_unref(f->packed);
        close(f->go[0]);
        close(f->go[1]);
        g_spawn_sync(NULL, (char **)argv, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL, NULL, NULL, NULL,
                     NULL);
        g_free(f->dir);
        g_free(f->file);
        g_free(f->log);
        g_free(f->trace);
}

/* --- a client made of bytes --- */

static int
connect_from(Fixture *f, const char *address)
{
        struct sockaddr_in at = { .sin_family = AF_INET,
                                  .sin_port = htons(f->port),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
        struct sockaddr_in from = { .sin_family = AF_INET, .sin_addr.s_addr = inet_addr(address) };
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

        g_assert_cmpint(bind(fd, (struct sockaddr *)&from, sizeof from), ==, 0);
        g_assert_cmpint(connect(fd, (struct sockaddr *)&at, sizeof at), ==, 0);
        return fd;
}

static int
connect_to(Fixture *f)
{
        return connect_from(f, "127.0.0.1");
}

static void
say(int fd, const char *text, gsize size)
{
        g_assert_cmpint(send(fd, text, size, MSG_NOSIGNAL), ==, (gssize)size);
}

/* Everything until the other side closes, at most ten seconds. */
static GString *
hear_all(int fd)
{
        GString *out = g_string_new(NULL);
        char buffer[65536];
        struct pollfd p = { .fd = fd, .events = POLLIN };
        ssize_t n = 1;

        while (n > 0 && poll(&p, 1, 10000) == 1) {
                n = recv(fd, buffer, sizeof buffer, 0);
                if (n > 0)
                        g_string_append_len(out, buffer, n);
        }
        close(fd);
        return out;
}

static GString *
ask_bytes(Fixture *f, const char *request, gsize size)
{
        int fd = connect_to(f);

        say(fd, request, size);
        return hear_all(fd);
}

static GString *
ask_text(Fixture *f, const char *request)
{
        return ask_bytes(f, request, strlen(request));
}

/* A request without body; the connection closes after it. */
static GString *
ask(Fixture *f, const char *line, const char *headers)
{
        g_autofree char *request = g_strdup_printf(
                "%s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n%s\r\n", line, headers);

        return ask_text(f, request);
}

static int
status_of(const GString *answer)
{
        return answer->len > 12 ? atoi(answer->str + 9) : 0;
}

static bool
has(const GString *answer, const char *text)
{
        const char *end = memmem(answer->str, answer->len, "\r\n\r\n", 4);
        g_autofree char *head = end ? g_strndup(answer->str, (gsize)(end - answer->str) + 2) : NULL;

        return head != NULL && strcasestr(head, text) != NULL;
}

static const char *
body_of(const GString *answer, gsize *size_out)
{
        const char *end = memmem(answer->str, answer->len, "\r\n\r\n", 4);

        g_assert_nonnull(end);
        *size_out = answer->len - (gsize)(end + 4 - answer->str);
        return end + 4;
}

static void
expect_text(const GString *answer, int status, const char *text)
{
        gsize size;
        const char *body = body_of(answer, &size);

        g_assert_cmpint(status_of(answer), ==, status);
        g_assert_cmpmem(body, size, text, strlen(text));
}

static void
expect_file(const GString *answer, int first, int length)
{
        gsize size;
        const char *body = body_of(answer, &size);

        g_assert_cmpint((int)size, ==, length);
        for (int i = 0; i < length; i++)
                g_assert_cmpint((guchar)body[i], ==, (first + i) % 251);
}

#define ANSWER g_autoptr(GString)

/* --- cases --- */

static void
what_was_asked(Fixture *f, gconstpointer data)
{
        ANSWER a =
                ask_text(f, "CCM_POST /a%20b?q=1%2B1 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
                            "Content-Length: 5\r\n\r\nhello");

        expect_text(a, 201, "CCM_POST|/a b|1+1|127.0.0.1|hello");
        g_assert_true(
                has(a, "\r\nX-Echo: yes  X-Faked: no\r\n")); /* no header of the value's own */
}

static void
chunked_body(Fixture *f, gconstpointer data)
{
        static const char request[] =
                "POST /x HTTP/1.1\r\nHost: x\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n"
                "\r\n3\r\nabc\r\n4\r\ndefg\r\n0\r\n\r\n";
        ANSWER a = ask_text(f, request);

        expect_text(a, 201, "POST|/x|-|127.0.0.1|abcdefg");
}

static void
kept_alive(Fixture *f, gconstpointer data)
{
        static const char requests[] = "GET /1 HTTP/1.1\r\nHost: x\r\n\r\n"
                                       "POST /2 HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\nx"
                                       "GET /none HTTP/1.1\r\nHost: x\r\n\r\n"
                                       "GET /later HTTP/1.1\r\nHost: x\r\n\r\n"
                                       "GET /3 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
        ANSWER a = NULL;

        g_assert_cmpint(write(f->go[1], "x", 1), ==, 1);
        a = ask_text(f, requests);
        g_assert_nonnull(strstr(a->str, "GET|/1|"));
        g_assert_nonnull(strstr(a->str, "POST|/2|-|127.0.0.1|x"));
        g_assert_nonnull(strstr(a->str, "404"));
        g_assert_nonnull(strstr(a->str, "later"));
        g_assert_nonnull(strstr(a->str, "GET|/3|"));
}

/* Bodies above the route's cap are refused before and while they come. */
static void
too_long_bodies(Fixture *f, gconstpointer data)
{
        static const char huge[] =
                "POST /x HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999\r\n\r\n";
        static const char head[] = "POST /x HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n"
                                   "Connection: close\r\n\r\n";
        g_autofree char *x = g_strnfill(1001, 'x');
        g_autofree char *known = g_strdup_printf("POST /x HTTP/1.1\r\nHost: x\r\nConnection: close"
                                                 "\r\nContent-Length: 1001\r\n\r\n%s",
                                                 x);
        g_autofree char *chunked = g_strdup_printf("%s3e9\r\n%s\r\n0\r\n\r\n", head, x);
        ANSWER a = ask_text(f, huge); /* not one byte of it was sent */
        ANSWER b = ask_text(f, known);
        ANSWER c = ask_text(f, chunked);

        g_assert_cmpint(status_of(a), ==, 413);
        g_assert_cmpint(status_of(b), ==, 413);
        g_assert_cmpint(status_of(c), ==, 413);
        g_assert_nonnull(
                strstr(a->str, "the body is larger than the 1000 bytes that are taken here"));
        g_assert_nonnull(
                strstr(c->str, "the body is larger than the 1000 bytes that are taken here"));
        g_assert_cmpint(g_atomic_int_get(&f->too_large), ==, 3);
}

/* A chunked body without end is broken off, not read for ever; the access log says why. */
static void
endless_body(Fixture *f, gconstpointer data)
{
        static const char head[] =
                "POST /x HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n";
        g_autofree char *chunk = g_strdup_printf("1000\r\n%*s\r\n", 4096, "");
        int fd = connect_to(f);
        int sent = 0;

        say(fd, head, strlen(head));
        while (sent < 10000 && send(fd, chunk, strlen(chunk), MSG_NOSIGNAL) > 0)
                sent++;
        g_assert_cmpint(sent, <, 10000);
        close(fd);
        stop(f);
        g_autofree char *text = NULL;
        g_assert_true(g_file_get_contents(f->log, &text, NULL, NULL));
        g_assert_nonnull(strstr(text, " 127.0.0.1 - - 413 0 64 0 "));
        g_assert_cmpint(g_atomic_int_get(&f->too_large), ==, 1);
}

static void
expect_continue(Fixture *f, gconstpointer data)
{
        static const char good[] = "POST /x HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
                                   "Expect: 100-continue\r\nContent-Length: 2\r\n\r\n";
        static const char bad[] = "POST /none HTTP/1.1\r\nHost: x\r\n"
                                  "Expect: 100-continue\r\nContent-Length: 2\r\n\r\n";
        char first[64] = "";
        int fd = connect_to(f);

        say(fd, good, strlen(good));
        g_assert_cmpint(recv(fd, first, 25, MSG_WAITALL), ==, 25);
        g_assert_cmpstr(first, ==, "HTTP/1.1 100 Continue\r\n\r\n");
        say(fd, "hi", 2);
        ANSWER a = hear_all(fd);
        expect_text(a, 201, "POST|/x|-|127.0.0.1|hi");
        ANSWER b = ask_text(f, bad);
        g_assert_cmpint(status_of(b), ==, 404); /* without asking for the body */
}

static void
memory_for_bodies_is_bounded(Fixture *f, gconstpointer data)
{
        static const char head[] = "POST /x HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
                                   "Content-Length: 1000\r\n\r\n";
        g_autofree char *x = g_strnfill(1000, 'x');
        int one = connect_to(f), two = connect_to(f);
        struct pollfd p = { .fd = two, .events = POLLIN };

        say(one, head, strlen(head));
        say(one, x, 900);
        /* The first body is in memory when its connection has nothing unread; asked by a third. */
        for (int i = 0; i < 20; i++)
                g_string_free(ask(f, "GET /y", ""), TRUE);
        say(two, head, strlen(head));
        say(two, x, 1000);
        g_assert_cmpint(poll(&p, 1, 10000), ==, 1);
        ANSWER b = hear_all(two);
        g_assert_cmpint(status_of(b), ==, 503);
        say(one, x, 100);
        ANSWER a = hear_all(one);
        g_assert_cmpint(status_of(a), ==, 201);
}

static void
refused_requests(Fixture *f, gconstpointer data)
{
        ANSWER a = ask(f, "GET /none/x", "");
        ANSWER b = ask(f, "DELETE /x", "");
        ANSWER c = ask(f, "GET /a/%2e%2e/b", "");
        ANSWER d = ask(f, "GET /a%00b", "");
        ANSWER e = ask(f, "GET nothing", "");
        g_autofree char *longest = g_strnfill(40000, 'h');
        g_autofree char *header = g_strdup_printf("X-Long: %s\r\n", longest);
        ANSWER g = ask(f, "GET /x", header);
        ANSWER junk = ask_bytes(f, "\x16\x03\x01junk\r\n\r\n", 11);

        g_assert_cmpint(status_of(a), ==, 404);
        g_assert_cmpint(status_of(b), ==, 405);
        g_assert_cmpint(status_of(c), ==, 400);
        g_assert_cmpint(status_of(d), ==, 400);
        g_assert_cmpint(status_of(e), ==, 400);
        g_assert_cmpint(status_of(g), >=, 400);
        g_assert_cmpint(status_of(g), <, 500);
        g_assert_cmpint(status_of(junk), !=, 201);
}

/* What a proxy in front and a server behind could read in two ways is refused, and the connection
 * closes, so that nothing that follows is taken for a request (RFC 9112, 3.2, 6.1 and 6.3). */
static const char *const two_ways[] = {
        "POST /x HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nContent-Length: 40\r\n\r\nhello",
        "POST /x HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\ncontent-length: 5\r\n\r\nhello",
        "POST /x HTTP/1.1\r\nHost: x\r\nContent-Length: 5, 5\r\n\r\nhello",
        "POST /x HTTP/1.1\r\nHost: x\r\nContent-Length: +5\r\n\r\nhello",
        "POST /x HTTP/1.1\r\nHost: x\r\nContent-Length: 0x5\r\n\r\nhello",
        "POST /x HTTP/1.1\r\nHost: x\r\nContent-Length: -5\r\n\r\nhello",
        "POST /x HTTP/1.1\r\nHost: x\r\nContent-Length:\r\n\r\n",
        "POST /x HTTP/1.1\r\nHost: x\r\nContent-Length : 5\r\n\r\nhello",
        "POST /x HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n"
        "0\r\n\r\n",
        "POST /x HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n"
        "0\r\n\r\n",
        "POST /x HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n"
        "Transfer-Encoding: identity\r\n\r\n0\r\n\r\n",
        "POST /x HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
        "POST /x HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
        "POST /x HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "POST /x HTTP/1.1\r\nHost: x\r\nTransfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n",
        "POST /x HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\t5\r\n\r\nhello",
        "POST /x HTTP/1.1\r\nHost: x\r\n Content-Length: 5\r\n\r\nhello",
        "POST /x HTTP/1.1\r\nHost: x\r\nX: a\rContent-Length: 5\r\n\r\nhello",
        "GET /x HTTP/1.1\r\n\r\n",
        "GET /x HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n",
        "GET /x HTTP/1.1\r\nHost : x\r\n\r\n",
};

static void
read_in_two_ways(Fixture *f, gconstpointer data)
{
        for (gsize i = 0; i < G_N_ELEMENTS(two_ways); i++) {
                g_autofree char *request =
                        g_strconcat(two_ways[i], "GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n", NULL);
                ANSWER a = ask_text(f, request); /* ends only when the server closes */

                g_test_message("%s -> %s", two_ways[i], a->str);
                g_assert_cmpint(status_of(a), ==, 400);
                g_assert_null(strstr(a->str, "smuggled")); /* which is echoed */
        }
}

/* An HTTP/1.0 client has no Host to send; one that sends it, or names an empty one, is served. */
static void
clients_without_host(Fixture *f, gconstpointer data)
{
        ANSWER old = ask_text(f, "GET /x HTTP/1.0\r\n\r\n");
        ANSWER with = ask_text(f, "GET /x HTTP/1.0\r\nHost: x\r\n\r\n");
        ANSWER empty = ask_text(f, "GET /x HTTP/1.1\r\nHost:\r\nConnection: close\r\n\r\n");
        ANSWER body = ask_text(f, "POST /x HTTP/1.0\r\nContent-Length: 5\r\n\r\nhello");
        ANSWER coded = ask_text(f, "POST /x HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
                                   "Transfer-Encoding: Chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n");

        g_assert_cmpint(status_of(old), ==, 201);
        g_assert_cmpint(status_of(with), ==, 201);
        g_assert_cmpint(status_of(empty), ==, 201);
        expect_text(body, 201, "POST|/x|-|127.0.0.1|hello");
        expect_text(coded, 201, "POST|/x|-|127.0.0.1|hi");
}

static void
from_other_threads(Fixture *f, gconstpointer data)
{
        for (int i = 0; i < 200; i++) { /* races between handing over, suspending and answering */
                ANSWER a = ask(f, "GET /quick", "");

                expect_text(a, 200, "quick");
        }
        int fd[20];
        static const char request[] = "GET /later HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";

        for (int i = 0; i < 20; i++) {
                fd[i] = connect_to(f);
                say(fd[i], request, strlen(request));
        }
        ANSWER between = ask(f, "GET /x", ""); /* waiting requests hold up nobody */
        g_assert_cmpint(status_of(between), ==, 201);
        g_assert_cmpint(write(f->go[1], "12345678901234567890", 20), ==, 20);
        for (int i = 0; i < 20; i++) {
                ANSWER a = hear_all(fd[i]);

                expect_text(a, 200, "later");
        }
}

static void
compressed_when_it_pays(Fixture *f, gconstpointer data)
{
        ANSWER plain = ask(f, "GET /big", "");
        ANSWER packed = ask(f, "GET /big", "Accept-Encoding: gzip\r\n");
        ANSWER small = ask(f, "GET /x", "Accept-Encoding: gzip\r\n");
        gsize size;
        const char *body = body_of(packed, &size);
        g_autoptr(GBytes) unpacked = deflate_unpack(body, size, BIG_TEXT, NULL);
        const char *bytes = g_bytes_get_data(unpacked, NULL);

        g_assert_false(has(plain, "Content-Encoding"));
        body_of(plain, &size);
        g_assert_cmpuint(size, ==, BIG_TEXT);
        g_assert_true(has(packed, "\r\nContent-Encoding: gzip\r\n"));
        g_assert_true(has(packed, "\r\nVary: Accept-Encoding\r\n"));
        g_assert_true(has(plain, "\r\nVary: Accept-Encoding\r\n"));
        g_assert_cmpuint(g_bytes_get_size(unpacked), ==, BIG_TEXT);
        g_assert_cmpint(bytes[BIG_TEXT - 1], ==, 'b');
        g_assert_false(has(small, "Content-Encoding"));
}

static void
compressed_requests(Fixture *f, gconstpointer data)
{
        g_autofree char *text = g_strnfill(1900, 'r');
        g_autofree char *more = g_strnfill(2100, 'r');
        g_autoptr(GBytes) good = deflate_pack(DEFLATE_GZIP, text, 1900);
        g_autoptr(GBytes) bomb = deflate_pack(DEFLATE_ZLIB, more, 2100);
        GBytes *bodies[] = { good, bomb };
        const char *const codings[] = { "gzip", "deflate" };
        const int statuses[] = { 200, 400 };

        for (int i = 0; i < 2; i++) {
                GString *request = g_string_new(NULL);
                gsize size = g_bytes_get_size(bodies[i]);

                g_string_printf(request,
                                "POST /plain HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
                                "Content-Encoding: %s\r\nContent-Length: %zu\r\n\r\n",
                                codings[i], size);
                g_string_append_len(request, g_bytes_get_data(bodies[i], NULL), (gssize)size);
                ANSWER a = ask_bytes(f, request->str, request->len);
                g_assert_cmpint(status_of(a), ==, statuses[i]);
                if (statuses[i] == 200)
                        expect_text(a, 200, text);
                else
                        g_assert_nonnull(strstr(a->str, "\"LIMIT\""));
                g_string_free(request, TRUE);
        }
}

static void
error_as_json(Fixture *f, gconstpointer data)
{
        ANSWER a = ask(f, "GET /error", "");

        expect_text(a, 409,
                    "{\"error\":{\"code\":\"EXISTS\",\"message\":\"a \\\"quoted\\\"\\u000a\xef\xbf"
                    "\xbd thing\"}}\n");
        g_assert_true(has(a, "\r\nContent-Type: application/json\r\n"));
}

static void
whole_file(Fixture *f, gconstpointer data)
{
        ANSWER get = ask(f, "GET /file", "");
        ANSWER head = ask(f, "HEAD /file", "");
        ANSWER empty = ask(f, "GET /empty", "");

        g_assert_cmpint(status_of(get), ==, 200);
        expect_file(get, 0, 100000);
        g_assert_true(has(get, "\r\nETag: \"tag1\"\r\n"));
        g_assert_true(has(get, "\r\nAccept-Ranges: bytes\r\n"));
        g_assert_true(has(get, "\r\nLast-Modified: "));
        g_assert_true(has(get, "\r\nContent-Type: application/octet-stream\r\n"));
        g_assert_cmpint(status_of(head), ==, 200);
        g_assert_true(has(head, "\r\nContent-Length: 100000\r\n"));
        expect_text(head, 200, "");
        expect_text(empty, 200, "");
}

static void
one_part(Fixture *f, gconstpointer data)
{
        ANSWER first = ask(f, "GET /file", "Range: bytes=0-99\r\n");
        ANSWER middle = ask(f, "GET /file", "Range: bytes=70000-79999\r\n");
        ANSWER last = ask(f, "GET /file", "Range: bytes=-1\r\n");
        ANSWER none = ask(f, "GET /file", "Range: bytes=100000-\r\n");
        ANSWER head = ask(f, "HEAD /file", "Range: bytes=0-99\r\n");

        g_assert_cmpint(status_of(first), ==, 206);
        expect_file(first, 0, 100);
        g_assert_true(has(first, "\r\nContent-Range: bytes 0-99/100000\r\n"));
        g_assert_true(has(first, "\r\nETag: \"tag1\"\r\n"));
        expect_file(middle, 70000, 10000);
        expect_file(last, 99999, 1);
        g_assert_true(has(last, "\r\nContent-Range: bytes 99999-99999/100000\r\n"));
        expect_text(none, 416, "");
        g_assert_true(has(none, "\r\nContent-Range: bytes */100000\r\n"));
        g_assert_cmpint(status_of(head), ==, 200);
}

/* The form of RFC 7233, 4.1, taken apart by hand. */
static void
several_parts(Fixture *f, gconstpointer data)
{
        ANSWER a = ask(f, "GET /file", "Range: bytes=251-254, -2\r\n");
        gsize size;
        const char *body = body_of(a, &size);
        const char *type = strcasestr(a->str, "boundary=");
        g_autofree char *boundary = g_strndup(type + 9, strcspn(type + 9, "\r"));
        GString *expected = g_string_new(NULL);

        g_assert_cmpint(status_of(a), ==, 206);
        g_assert_true(has(a, "\r\nContent-Type: multipart/byteranges; boundary="));
        g_string_printf(expected,
                        "--%s\r\nContent-Type: application/octet-stream\r\n"
                        "Content-Range: bytes 251-254/100000\r\n\r\n",
                        boundary);
        g_string_append_len(expected, "\0\1\2\3", 4);
        g_string_append_printf(expected,
                               "\r\n--%s\r\nContent-Type: application/octet-stream\r\n"
                               "Content-Range: bytes 99998-99999/100000\r\n\r\n",
                               boundary);
        g_string_append_c(expected, (char)(99998 % 251));
        g_string_append_c(expected, (char)(99999 % 251));
        g_string_append_printf(expected, "\r\n--%s--\r\n", boundary);
        g_assert_cmpmem(body, size, expected->str, expected->len);
        g_string_free(expected, TRUE);
}

static void
conditions(Fixture *f, gconstpointer data)
{
        ANSWER same = ask(f, "GET /file", "If-None-Match: \"tag1\"\r\n");
        ANSWER other = ask(f, "GET /file", "If-None-Match: \"tag2\"\r\n");
        ANSWER part = ask(f, "GET /file", "If-Range: \"tag1\"\r\nRange: bytes=0-9\r\n");
        ANSWER anew = ask(f, "GET /file", "If-Range: \"tag0\"\r\nRange: bytes=0-9\r\n");
        ANSWER weak = ask(f, "GET /file", "If-Range: W/\"tag1\"\r\nRange: bytes=0-9\r\n");
        ANSWER old = ask(f, "GET /file", "If-Modified-Since: Tue, 15 Nov 1994 08:12:31 GMT\r\n");
        ANSWER future = ask(f, "GET /file", "If-Modified-Since: Fri, 15 Nov 2999 08:12:31 GMT\r\n");

        expect_text(same, 304, "");
        g_assert_cmpint(status_of(other), ==, 200);
        g_assert_cmpint(status_of(part), ==, 206);
        g_assert_cmpint(status_of(anew), ==, 200);
        expect_file(anew, 0, 100000);
        g_assert_cmpint(status_of(weak), ==, 200);
        g_assert_cmpint(status_of(old), ==, 200);
        g_assert_cmpint(status_of(future), ==, 304);

        const char *date = strcasestr(other->str, "Last-Modified: ") + 15;
        g_autofree char *headers = g_strdup_printf("If-Range: %.29s\r\nRange: bytes=0-9\r\n", date);
        ANSWER dated = ask(f, "GET /file", headers);
        g_assert_cmpint(status_of(dated), ==, 206);
}

/* A file that became shorter than was said: the connection breaks, nothing is made up. */
static void
shortened_file(Fixture *f, gconstpointer data)
{
        g_assert_cmpint(truncate(f->file, 500), ==, 0);
        ANSWER whole = ask(f, "GET /file", "");
        ANSWER parts = ask(f, "GET /file", "Range: bytes=0-9,600-700\r\n");
        gsize size;

        body_of(whole, &size);
        g_assert_cmpuint(size, <=, 500);
        body_of(parts, &size);
        g_assert_cmpuint(size, <, 300);
        ANSWER after = ask(f, "GET /x", "");
        g_assert_cmpint(status_of(after), ==, 201);
}

static void
cached_bytes(Fixture *f, gconstpointer data)
{
        for (int i = 0; i < 3; i++) {
                ANSWER a = ask(f, "GET /cached", "");

                expect_text(a, 200, "0123456789");
                g_assert_true(has(a, "\r\nETag: \"c1\"\r\n"));
        }
        ANSWER head = ask(f, "HEAD /cached", "");
        ANSWER same = ask(f, "GET /cached", "If-None-Match: \"c1\"\r\n");
        ANSWER extra = ask(f, "GET /cached?extra", "");
        ANSWER part = ask(f, "GET /cached", "Range: bytes=2-4\r\n");
        ANSWER parts = ask(f, "GET /cached", "Range: bytes=0-0,-1\r\n");

        expect_text(head, 200, "");
        g_assert_true(has(head, "\r\nContent-Length: 10\r\n"));
        expect_text(same, 304, "");
        expect_text(extra, 200, "0123456789");
        g_assert_true(has(extra, "\r\nX-Extra: 1\r\n"));
        expect_text(part, 206, "234");
        g_assert_cmpint(status_of(parts), ==, 206);
        g_assert_nonnull(strstr(parts->str, "bytes 9-9/10\r\n\r\n9\r\n--"));
}

static void
cached_compressed_bytes(Fixture *f, gconstpointer data)
{
        ANSWER packed = ask(f, "GET /packed", "Accept-Encoding: gzip\r\n");
        ANSWER extra = ask(f, "GET /packed?extra", "Accept-Encoding: gzip\r\n");
        ANSWER plain = ask(f, "GET /packed", "");
        ANSWER same = ask(f, "GET /packed", "Accept-Encoding: gzip\r\nIf-None-Match: \"p1\"\r\n");
        gsize size;
        const char *body = body_of(packed, &size);
        g_autoptr(GBytes) unpacked = deflate_unpack(body, size, BIG_TEXT, NULL);

        g_assert_true(has(packed, "\r\nContent-Encoding: gzip\r\n"));
        g_assert_cmpuint(g_bytes_get_size(unpacked), ==, BIG_TEXT);
        g_assert_true(has(extra, "\r\nContent-Encoding: gzip\r\n"));
        g_assert_true(has(extra, "\r\nX-Extra: 1\r\n"));
        g_assert_false(has(plain, "Content-Encoding"));
        g_assert_false(has(plain, "ETag"));
        body_of(plain, &size);
        g_assert_cmpuint(size, ==, BIG_TEXT);
        expect_text(same, 304, "");
}

static void
streams(Fixture *f, gconstpointer data)
{
        ANSWER a = ask(f, "GET /stream", "");
        ANSWER broken = ask(f, "GET /stream?break", "");
        ANSWER head = ask(f, "HEAD /stream", "");

        g_assert_cmpint(status_of(a), ==, 200);
        g_assert_nonnull(strstr(a->str, "piece\n"));
        g_assert_true(g_str_has_suffix(a->str, "\r\n0\r\n\r\n")); /* a chunked body, whole */
        g_assert_false(g_str_has_suffix(broken->str, "0\r\n\r\n"));
        g_assert_cmpint(status_of(head), ==, 200);
        stop(f);
        g_assert_cmpint(g_atomic_int_get(&f->streams_freed), ==, 3);
}

static void
trace_comes_in(Fixture *f, gconstpointer data)
{
        ANSWER bad =
                ask(f, "GET /x",
                    "traceparent: 00-00000000000000000000000000000000-00f067aa0ba902b7-01\r\n");
        g_assert_null(f->trace);
        ANSWER a = ask(f, "GET /x",
                       "traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01\r\n");
        g_assert_cmpint(status_of(bad), ==, 201);
        g_assert_cmpint(status_of(a), ==, 201);
        g_assert_cmpstr(f->trace, ==, "4bf92f3577b34da6a3ce929d0e0e4736");
}

static void
access_log(Fixture *f, gconstpointer data)
{
        g_autofree char *text = NULL;
        g_autofree char *port = g_strdup_printf(" - %u - 127.0.0.1 ccmhttp - ", f->port);
        ANSWER a = ask_text(
                f, "CCM_POST /ccm_system/request HTTP/1.1\r\nHost: x\r\n"
                   "User-Agent: ccmhttp\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
        ANSWER part = ask(f, "GET /file?a=b", "Range: bytes=0-99\r\n");
        ANSWER none = ask(f, "GET /none", "");

        g_assert_cmpint(status_of(a), ==, 201);
        stop(f);
        g_assert_true(g_file_get_contents(f->log, &text, NULL, NULL));
        g_autofree char *line =
                g_strdup_printf(" 127.0.0.1 CCM_POST /ccm_system/request%s201 0 0 41 ", port);
        g_assert_nonnull(strstr(text, line));
        g_assert_nonnull(strstr(text, " 127.0.0.1 GET /file a=b "));
        g_assert_nonnull(strstr(text, " - 206 0 0 100 "));
        g_assert_nonnull(strstr(text, " GET /none - "));
        g_assert_nonnull(strstr(text, " - 404 0 0 "));
}

static void *
stop_thread(void *data)
{
        stop(data);
        return NULL;
}

/* Stopping waits for the handler's answer, lets nobody new in, and then ends. */
static void
stop_waits_for_answers(Fixture *f, gconstpointer data)
{
        static const char request[] = "GET /later HTTP/1.1\r\nHost: x\r\n\r\n";
        int fd = connect_to(f);
        int idle = connect_to(f);
        struct pollfd p = { .fd = fd, .events = POLLIN };
        pthread_t thread;

        say(fd, request, strlen(request));
        g_string_free(ask(f, "GET /x", ""), TRUE); /* by now the other was taken */
        g_assert_cmpint(pthread_create(&thread, NULL, stop_thread, f), ==, 0);
        g_assert_cmpint(poll(&p, 1, 300), ==, 0); /* no answer yet, and no end of the connection */
        g_assert_cmpint(write(f->go[1], "x", 1), ==, 1);
        ANSWER a = hear_all(fd);
        expect_text(a, 200, "later");
        g_assert_cmpint(pthread_join(thread, NULL), ==, 0);
        ANSWER none = hear_all(idle);
        g_assert_cmpuint(none->len, ==, 0);
}

static void
port_that_is_taken(Fixture *f, gconstpointer data)
{
        HttpServerConfig config = {
                .address = "127.0.0.1", .port = f->port, .admit = admit, .handler = handle
        };
        g_autoptr(GError) error = NULL;

        g_assert_null(http_server_start(&config, &error));
        g_assert_true(g_error_matches(error, UK_ERROR, UK_ERROR_BUSY));
        g_clear_error(&error);
        config.address = "nowhere.example.test";
        g_assert_null(http_server_start(&config, &error));
        g_assert_true(g_error_matches(error, UK_ERROR, UK_ERROR_CONFIG));
        g_clear_error(&error);
        config.address = NULL; /* all addresses, a port of the system's choice */
        config.port = 0;
        HttpServer *all = http_server_start(&config, &error);
        g_assert_no_error(error);
        g_assert_cmpint(http_server_port(all), >, 0);
        http_server_stop(all);
        config.cert_pem = "junk";
        config.key_pem = "junk";
        g_assert_null(http_server_start(&config, &error));
        g_assert_true(g_error_matches(error, UK_ERROR, UK_ERROR_CONFIG));
}

/* Connections that say nothing are closed. */
static void
idle_connections(Fixture *f, gconstpointer data)
{
        gint64 begin;

        stop(f);
        start(f, (HttpServerConfig){ .idle_seconds = 1 });
        begin = uk_clock_mono();
        ANSWER a = hear_all(connect_to(f));
        g_assert_cmpuint(a->len, ==, 0);
        g_assert_cmpint(uk_clock_mono() - begin, <, 8 * UK_SECOND);
}

/* Whether a request is answered on a connection that stays; -1: it was closed. */
static int
served(int fd, int milliseconds)
{
        const char *text = "GET /hello HTTP/1.1\r\nHost: x\r\n\r\n";
        struct pollfd p = { .fd = fd, .events = POLLIN };
        char buffer[1000];

        if (send(fd, text, strlen(text), MSG_NOSIGNAL) < 0)
                return -1;
        if (poll(&p, 1, milliseconds) != 1)
                return 0;
        return recv(fd, buffer, sizeof buffer, 0) > 0 ? 1 : -1;
}

/* A port leaves the program most of the files that it may open, and nobody takes it for himself. */
static void
bounded_connections(Fixture *f, gconstpointer data)
{
        struct rlimit old, few;
        int fds[16];

        stop(f);
        getrlimit(RLIMIT_NOFILE, &old);
        few = old;
        few.rlim_cur = 64;
        setrlimit(RLIMIT_NOFILE, &few);
        start(f, (HttpServerConfig){ .max_connections = 1000 });
        setrlimit(RLIMIT_NOFILE, &old);
        for (int i = 0; i < 12; i++) {
                fds[i] = connect_to(f);
                g_assert_cmpint(served(fds[i], 10000), ==, 1);
        }
        UK_AUTOFD more = connect_to(f);
        g_assert_cmpint(served(more, 10000), ==, -1);
        for (int i = 12; i < 16; i++) {
                fds[i] = connect_from(f, "127.0.0.2");
                g_assert_cmpint(served(fds[i], 10000), ==, 1);
        }
        UK_AUTOFD waits = connect_from(f, "127.0.0.2");
        g_assert_cmpint(served(waits, 100), ==, 0);
        for (int i = 0; i < 16; i++)
                close(fds[i]);
        g_assert_cmpint(served(waits, 10000), ==, 1);
}

static char *
run_curl(const char *const *argv, int *status_out)
{
        g_autofree char *found = g_find_program_in_path("curl");
        char *out = NULL;

        if (found == NULL) {
                g_test_skip("curl is not installed");
                return NULL;
        }
        g_assert_true(g_spawn_sync(NULL, (char **)argv, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL, &out,
                                   NULL, status_out, NULL));
        return out;
}

/* A foreign client resumes a download and ends with the same bytes. */
static void
resumed_by_curl(Fixture *f, gconstpointer data)
{
        g_autofree char *out = g_build_filename(f->dir, "out", NULL);
        g_autofree char *url = g_strdup_printf("http://127.0.0.1:%u/file", f->port);
        const char *argv[] = { "curl", "-s", "-f", "-C", "-", "-o", out, url, NULL };
        g_autofree char *original = NULL;
        g_autofree char *copy = NULL;
        gsize size;
        int status = -1;

        g_assert_true(g_file_get_contents(f->file, &original, NULL, NULL));
        g_assert_true(g_file_set_contents(out, original, 33333, NULL));
        g_autofree char *said = run_curl(argv, &status);
        if (said == NULL)
                return;
        g_assert_cmpint(status, ==, 0);
        g_assert_true(g_file_get_contents(out, &copy, &size, NULL));
        g_assert_cmpmem(copy, size, original, 100000);
}

static void
https(Fixture *f, gconstpointer data)
{
        g_autofree char *path = g_build_filename(f->dir, "tls", NULL);
        g_autofree char *ca = g_strconcat(path, ".crt", NULL);
        g_autoptr(SignKey) key = sign_key_load_or_make(path, "127.0.0.1", 2048, NULL);
        int status = -1;

        stop(f);
        start(f, (HttpServerConfig){ .cert_pem = sign_key_cert_pem(key),
                                     .key_pem = sign_key_private_pem(key) });
        g_autofree char *url = g_strdup_printf("https://127.0.0.1:%u/hello", f->port);
        const char *argv[] = { "curl", "-s", "--cacert", ca, url, NULL };
        g_autofree char *said = run_curl(argv, &status);
        if (said == NULL)
                return;
        g_assert_cmpint(status, ==, 0);
        g_assert_cmpstr(said, ==, "GET|/hello|-|127.0.0.1|");
}

#define CASE(name, function) \
        g_test_add("/net/http-server/" name, Fixture, NULL, setup, function, teardown)

int
main(int argc, char **argv)
{
        setlocale(LC_ALL, "C");
        g_test_init(&argc, &argv, NULL);
        g_assert_true(crypto_global_init(NULL));
        g_assert_true(net_global_init(NULL));
        CASE("what-was-asked", what_was_asked);
        CASE("chunked-body", chunked_body);
        CASE("kept-alive", kept_alive);
        CASE("too-long-bodies", too_long_bodies);
        CASE("endless-body", endless_body);
        CASE("expect-continue", expect_continue);
        CASE("memory-for-bodies-is-bounded", memory_for_bodies_is_bounded);
        CASE("refused-requests", refused_requests);
        CASE("read-in-two-ways", read_in_two_ways);
        CASE("clients-without-host", clients_without_host);
        CASE("from-other-threads", from_other_threads);
        CASE("compressed-when-it-pays", compressed_when_it_pays);
        CASE("compressed-requests", compressed_requests);
        CASE("error-as-json", error_as_json);
        CASE("whole-file", whole_file);
        CASE("one-part", one_part);
        CASE("several-parts", several_parts);
        CASE("conditions", conditions);
        CASE("shortened-file", shortened_file);
        CASE("cached-bytes", cached_bytes);
        CASE("cached-compressed-bytes", cached_compressed_bytes);
        CASE("streams", streams);
        CASE("trace-comes-in", trace_comes_in);
        CASE("access-log-COMP-061", access_log);
        CASE("stop-waits-for-answers", stop_waits_for_answers);
        CASE("port-that-is-taken", port_that_is_taken);
        CASE("idle-connections", idle_connections);
        CASE("bounded-connections", bounded_connections);
        CASE("resumed-by-curl", resumed_by_curl);
        CASE("https", https);
        return g_test_run();
}
