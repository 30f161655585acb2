/* Tests of src/net/http_client.c and http_call.c against a server whose every byte is scripted,
 * against our own, and against Python's.
 */
#include "net/http_client.h"

#include <arpa/inet.h>
#include <locale.h>
#include <pthread.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <glib/gstdio.h>

#include <curl/curl.h>

#include "base/clock.h"
#include "base/deflate.h"
#include "base/fault.h"
#include "base/log.h"
#include "net/http_server.h"

/* --- a server that answers each connection with the next text, whatever is asked --- */

typedef struct {
        const char *reply;
        gsize size; /* 0: strlen */
        bool hold;  /* keep the connection open without a further byte */
        int drip;   /* so many further bytes, twenty a second */
} Reply;

typedef struct {
        int fd;
        char *url;
        Reply replies[4];
        GString *heard; /* all requests */
        pthread_t thread;
        HttpClient *client;
} Fixture;

static void
read_request(int fd, GString *heard)
{
        char buffer[4096];
        gsize start = heard->len;
        ssize_t n;

        while (strstr(heard->str + start, "\r\n\r\n") == NULL &&
               (n = recv(fd, buffer, sizeof buffer, 0)) > 0)
                g_string_append_len(heard, buffer, n);
}

static void *
serve(void *data)
{
        Fixture *f = data;
        char byte;

        for (gsize i = 0; i < G_N_ELEMENTS(f->replies); i++) {
                const Reply *reply = &f->replies[i];
                int fd = accept(f->fd, NULL, NULL);

                if (fd < 0)
                        return NULL;
                read_request(fd, f->heard);
                if (reply->reply != NULL)
                        send(fd, reply->reply, reply->size ? reply->size : strlen(reply->reply),
                             MSG_NOSIGNAL);
                for (int n = 0; n < reply->drip && send(fd, "x", 1, MSG_NOSIGNAL) == 1; n++)
                        uk_clock_sleep(UK_SECOND / 20, -1);
                while (reply->hold && recv(fd, &byte, 1, 0) > 0)
                        ;
                close(fd);
        }
        return NULL;
}

static void
setup(Fixture *f, gconstpointer data)
{
        struct sockaddr_in at = { .sin_family = AF_INET,
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
        socklen_t size = sizeof at;

        f->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        g_assert_cmpint(bind(f->fd, (struct sockaddr *)&at, sizeof at), ==, 0);
        g_assert_cmpint(listen(f->fd, 16), ==, 0);
        g_assert_cmpint(getsockname(f->fd, (struct sockaddr *)&at, &size), ==, 0);
        f->url = g_strdup_printf("http://127.0.0.1:%u/thing", ntohs(at.sin_port));
        f->heard = g_string_new(NULL);
        f->client = http_client_new();
}

static void
serve_replies(Fixture *f)
{
        g_assert_cmpint(pthread_create(&f->thread, NULL, serve, f), ==, 0);
}

static void
end_serving(Fixture *f)
{
        g_clear_pointer(&f->client, http_client_free);
        if (f->thread != 0) {
                shutdown(f->fd, SHUT_RDWR);
                g_assert_cmpint(pthread_join(f->thread, NULL), ==, 0);
                f->thread = 0;
        }
}

static void
teardown(Fixture *f, gconstpointer data)
{
        uk_fault_set(NULL);
        end_serving(f);
        close(f->fd);
        g_free(f->url);
        g_string_free(f->heard, TRUE);
}

/* --- plain calls --- */

static void
answer_with_headers(Fixture *f, gconstpointer data)
{
        const char *headers[] = { "X-Mine: 1", NULL };
        HttpCall call = { .url = f->url, .headers = headers };
        g_autoptr(GError) error = NULL;

        f->replies[0].reply = "HTTP/1.1 200 OK\r\nContent-Length: 4\r\nETag: \"e\"\r\n"
                              "Content-Type: text/plain\r\nLast-Modified: then\r\nX-A: 1\r\n"
                              "x-a:  2 \r\nConnection: close\r\n\r\nbody";
        serve_replies(f);
        g_autoptr(HttpResponse) r = http_call(f->client, &call, &error);
        g_assert_no_error(error);
        g_assert_cmpint(r->status, ==, 200);
        g_assert_cmpstr(r->body, ==, "body");
        g_assert_cmpuint(r->size, ==, 4);
        g_assert_cmpstr(r->etag, ==, "\"e\"");
        g_assert_cmpstr(r->last_modified, ==, "then");
        g_assert_cmpstr(r->content_type, ==, "text/plain");
        g_assert_cmpstr(http_response_header(r, "x-a"), ==, "1, 2");
        g_assert_null(http_response_header(r, "nothing"));
        end_serving(f);
        g_assert_true(g_str_has_prefix(f->heard->str, "GET /thing HTTP/1.1\r\n"));
        g_assert_nonnull(strstr(f->heard->str, "\r\nX-Mine: 1\r\n"));
        g_assert_nonnull(strstr(f->heard->str, "\r\nUser-Agent: Upkeep/"));
        g_assert_null(strstr(f->heard->str, "traceparent"));
}

static void
method_body_trace_and_password(Fixture *f, gconstpointer data)
{
        HttpCall call = { .url = f->url,
                          .method = "CCM_POST",
                          .body = "hello",
                          .body_size = 5,
                          .user_agent = "ccmhttp",
                          .user_password = "user:secret" };

        f->replies[0].reply = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
        serve_replies(f);
        uk_trace_set("4bf92f3577b34da6a3ce929d0e0e4736");
        g_autoptr(HttpResponse) r = http_call(f->client, &call, NULL);
        uk_trace_set("");
        g_assert_nonnull(r);
        g_assert_cmpstr(r->body, ==, "");
        end_serving(f);
        g_assert_true(g_str_has_prefix(f->heard->str, "CCM_POST /thing HTTP/1.1\r\n"));
        g_assert_nonnull(strstr(f->heard->str, "\r\nContent-Length: 5\r\n"));
        g_assert_nonnull(strstr(f->heard->str, "\r\nUser-Agent: ccmhttp\r\n"));
        g_assert_nonnull(strstr(f->heard->str, "\r\nAuthorization: Basic dXNlcjpzZWNyZXQ=\r\n"));
        g_assert_nonnull(
                strstr(f->heard->str, "\r\ntraceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-"));
        g_assert_null(strstr(f->heard->str, "Content-Type"));
}

static void
errors_of_the_server(Fixture *f, gconstpointer data)
{
        HttpCall call = { .url = f->url };
        g_autoptr(GError) error = NULL;
        g_autofree char *url = g_strdup_printf("%s?token=secret", f->url);

        f->replies[0].reply = "HTTP/1.1 404 Not Found\r\nContent-Length: 8\r\n\r\nno\nsuch ";
        f->replies[1].reply = f->replies[0].reply;
        serve_replies(f);
        call.url = url;
        g_assert_null(http_call(f->client, &call, &error));
        g_assert_true(g_error_matches(error, UK_ERROR, UK_ERROR_REMOTE));
        g_assert_nonnull(strstr(error->message, "the server answered 404: no such"));
        g_assert_null(strstr(error->message, "secret"));
        call.accept_errors = true;
        g_autoptr(HttpResponse) r = http_call(f->client, &call, NULL);
        g_assert_cmpint(r->status, ==, 404);
        g_assert_cmpstr(r->body, ==, "no\nsuch ");
}

/* Of an error's body no more is read than a message needs, however much comes and whenever. */
static void
long_error(Fixture *f, gconstpointer data)
{
        HttpCall call = { .url = f->url };
        g_autoptr(GError) error = NULL;
        g_autoptr(GString) page =
                g_string_new("HTTP/1.1 500 Oops\r\nContent-Length: 1000000\r\n\r\n");

        for (int i = 0; i < 70000; i++)
                g_string_append_c(page, 'x');
        f->replies[0] = f->replies[1] = (Reply){ page->str, page->len, true, 0 };
        serve_replies(f);
        g_assert_null(http_call(f->client, &call, &error));
        g_assert_error(error, UK_ERROR, UK_ERROR_REMOTE);
        g_assert_nonnull(strstr(error->message, "the server answered 500: xxxx"));
        g_assert_cmpuint(strlen(error->message), <, 400);
        call.accept_errors = true;
        call.max_bytes = 10; /* of a good answer */
        g_autoptr(HttpResponse) r = http_call(f->client, &call, NULL);
        g_assert_cmpint(r->status, ==, 500);
        g_assert_cmpuint(r->size, ==, 64 * 1024);
}

/* What a message quotes is one line that no terminal and no log takes for anything else. */
static void
words_of_an_error(Fixture *f, gconstpointer data)
{
        HttpCall call = { .url = f->url };
        g_autoptr(GError) error = NULL;

        f->replies[0].reply = "HTTP/1.1 502 No\r\nContent-Length: 22\r\n\r\n"
                              "caf\xe9\r\n\x1b[31m\xe2\x80\xae\xc2\x9b\xc3\xa4 end";
        f->replies[1].reply = f->replies[0].reply;
        serve_replies(f);
        g_assert_null(http_call(f->client, &call, &error));
        g_assert_true(g_utf8_validate(error->message, -1, NULL));
        g_assert_nonnull(
                strstr(error->message, "answered 502: caf\xef\xbf\xbd   [31m  \xc3\xa4 end"));
        call.accept_errors = true;
        g_autoptr(HttpResponse) r = http_call(f->client, &call, NULL);
        g_autofree char *words = http_response_words(r);
        g_assert_cmpstr(words, ==, "caf\xef\xbf\xbd   [31m  \xc3\xa4 end");
}

static void
nobody_there(Fixture *f, gconstpointer data)
{
        HttpCall call = { .url = f->url };
        g_autoptr(GError) error = NULL;

        close(f->fd);
        f->fd = -1;
        g_assert_null(http_call(f->client, &call, &error));
        g_assert_true(g_error_matches(error, UK_ERROR, UK_ERROR_NETWORK));
        g_assert_nonnull(strstr(error->message, f->url));
        g_assert_cmpint(uk_error_class(error), ==, UK_CLASS_LATER);
}

static void
only_http(Fixture *f, gconstpointer data)
{
        const char *const urls[] = { "file:///etc/passwd",
                                     "FILE:///etc/passwd",
                                     "ftp://127.0.0.1/",
                                     "ldap://127.0.0.1/",
                                     "127.0.0.1",
                                     "",
                                     "http://" };

        for (gsize i = 0; i < G_N_ELEMENTS(urls); i++) {
                HttpCall call = { .url = urls[i] };
                g_autoptr(GError) error = NULL;

                g_assert_null(http_call(f->client, &call, &error));
                g_assert_true(g_error_matches(error, UK_ERROR, UK_ERROR_INVALID));
        }
}

/* A redirect may not lead to a file either, and ends somewhere. */
static void
redirects(Fixture *f, gconstpointer data)
{
        HttpCall call = { .url = f->url, .follow_redirects = true };
        g_autoptr(GError) error = NULL;
        g_autofree char *to_good = g_strdup_printf(
                "HTTP/1.1 302 Found\r\nLocation: %s2\r\nContent-Length: 5\r\nX-Old: 1\r\n\r\nmoved",
                f->url);

        f->replies[0].reply = to_good;
        f->replies[1].reply = "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nhere";
        f->replies[2].reply = "HTTP/1.1 302 Found\r\nLocation: file:///etc/passwd\r\n\r\n";
        f->replies[3].reply = to_good;
        serve_replies(f);
        g_autoptr(HttpResponse) r = http_call(f->client, &call, &error);
        g_assert_no_error(error);
        g_assert_cmpstr(r->body, ==, "here");
        g_assert_null(http_response_header(r, "x-old"));
        g_assert_null(http_call(f->client, &call, &error));
        g_assert_true(g_error_matches(error, UK_ERROR, UK_ERROR_INVALID));
        call.follow_redirects = false;
        g_autoptr(HttpResponse) stays = http_call(f->client, &call, NULL);
        g_assert_cmpint(stays->status, ==, 302);
        g_assert_true(g_str_has_suffix(stays->location, "/thing2"));
        end_serving(f);
}

/* --- hostile answers --- */

static void
caps(Fixture *f, gconstpointer data)
{
        HttpCall call = { .url = f->url, .max_bytes = 10 };
        g_autoptr(GError) error = NULL;
        g_autoptr(GString) headers = g_string_new("HTTP/1.1 200 OK\r\n");
        g_autofree char *zeros = g_malloc0(100000);
        g_autoptr(GBytes) packed = deflate_pack(DEFLATE_GZIP, zeros, 100000);
        g_autoptr(GString) bomb = g_string_new(NULL);

        f->replies[0].reply = "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n0123456789";
        f->replies[1].reply = "HTTP/1.1 200 OK\r\n\r\n01234567890";
        for (int i = 0; i < 5000; i++)
                g_string_append_printf(headers, "X-%d: 1234567890\r\n", i);
        g_string_append(headers, "\r\n");
        f->replies[2].reply = headers->str;
        g_string_printf(bomb, "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n");
        g_string_append_len(bomb, g_bytes_get_data(packed, NULL), (gssize)g_bytes_get_size(packed));
        f->replies[3] = (Reply){ bomb->str, bomb->len, false };
        serve_replies(f);
        g_autoptr(HttpResponse) fits = http_call(f->client, &call, &error);
        g_assert_no_error(error);
        g_assert_cmpuint(fits->size, ==, 10);
        for (int i = 0; i < 3; i++) {
                call.max_bytes = i == 2 ? 99999 : 10;
                g_assert_null(http_call(f->client, &call, &error));
                g_assert_true(g_error_matches(error, UK_ERROR, UK_ERROR_LIMIT));
                g_clear_error(&error);
        }
        end_serving(f);
}

static void
server_that_stalls(Fixture *f, gconstpointer data)
{
        HttpCall call = { .url = f->url, .stall_seconds = 1 };
        g_autoptr(GError) error = NULL;
        gint64 begin = uk_clock_mono();

        f->replies[0] = (Reply){ "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n012", 0, true };
        serve_replies(f);
        g_assert_null(http_call(f->client, &call, &error));
        g_assert_true(g_error_matches(error, UK_ERROR, UK_ERROR_NETWORK));
        g_assert_cmpint(uk_clock_mono() - begin, <, 8 * UK_SECOND);
}

/* Twenty bytes a second are never silence, and no end is in sight. What must succeed lasts four
 * seconds and is judged after three: a busy machine may hold either side up for some of them. */
static void
server_that_drips(Fixture *f, gconstpointer data)
{
        static const char head[] = "HTTP/1.1 200 OK\r\nContent-Length: 80\r\n\r\n";
        HttpCall call = { .url = f->url, .stall_seconds = 1, .least_seconds = 1 };
        g_autoptr(GError) error = NULL;

        f->replies[0] = f->replies[1] = f->replies[2] = (Reply){ head, 0, false, 80 };
        serve_replies(f);
        g_assert_null(http_call(f->client, &call, &error));
        g_assert_error(error, UK_ERROR, UK_ERROR_NETWORK);
        g_assert_nonnull(strstr(error->message, "in 1 seconds, fewer than 64 a second"));
        g_clear_error(&error);
        /* A pace that the call itself sets is none to complain of. */
        call.stall_seconds = 3;
        call.rate = 16;
        g_autoptr(HttpResponse) paced = http_call(f->client, &call, &error);
        g_assert_no_error(error);
        g_assert_cmpuint(paced->size, ==, 80);
        call.rate = 0;
        call.least_rate = 5;
        g_autoptr(HttpResponse) slow = http_call(f->client, &call, &error);
        g_assert_no_error(error);
        g_assert_cmpuint(slow->size, ==, 80);
        end_serving(f);
}

static void
answer_that_ends_early(Fixture *f, gconstpointer data)
{
        HttpCall call = { .url = f->url };
        g_autoptr(GError) error = NULL;

        f->replies[0].reply = "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n012";
        f->replies[1].reply = "nonsense";
        serve_replies(f);
        for (int i = 0; i < 2; i++) {
                g_assert_null(http_call(f->client, &call, &error));
                g_assert_true(g_error_matches(error, UK_ERROR, UK_ERROR_NETWORK) ||
                              g_error_matches(error, UK_ERROR, UK_ERROR_INVALID));
                g_clear_error(&error);
        }
}

/* --- sinks and resuming --- */

typedef struct {
        GString *taken;
        long status; /* told by start */
        int refuse_after;
} Taker;

static bool
on_start(gpointer user, const HttpResponse *head, GError **error)
{
        Taker *taker = user;

        taker->status = head->status;
        if (head->status == 200)
                g_string_truncate(taker->taken, 0);
        return true;
}

static bool
on_data(gpointer user, const void *data, gsize size, GError **error)
{
        Taker *taker = user;

        if (taker->refuse_after == 0)
                return uk_fail(error, UK_ERROR_FULL, "no room");
        taker->refuse_after--;
        g_string_append_len(taker->taken, data, (gssize)size);
        return true;
}

static void
resume(Fixture *f, gconstpointer data)
{
        Taker taker = { g_string_new("0123"), 0, 99 };
        HttpCall call = {
                .url = f->url, .resume_from = 4, .start = on_start, .sink = on_data, .user = &taker
        };
        g_autoptr(GError) error = NULL;

        f->replies[0].reply = "HTTP/1.1 206 Partial Content\r\nContent-Length: 2\r\n"
                              "Content-Range: bytes 4-5/6\r\n\r\n45";
        f->replies[1].reply = "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nnew";
        f->replies[2].reply = "HTTP/1.1 206 Partial Content\r\nContent-Length: 2\r\n"
                              "Content-Range: bytes 0-1/6\r\n\r\n01";
        f->replies[3].reply = "HTTP/1.1 404 Not Found\r\nContent-Length: 5\r\n\r\nerror";
        serve_replies(f);
        g_autoptr(HttpResponse) part = http_call(f->client, &call, &error);
        g_assert_no_error(error);
        g_assert_cmpint(part->status, ==, 206);
        g_assert_null(part->body);
        g_assert_cmpstr(taker.taken->str, ==, "012345");
        g_autoptr(HttpResponse) anew = http_call(f->client, &call, &error);
        g_assert_cmpint(anew->status, ==, 200);
        g_assert_cmpint(taker.status, ==, 200);
        g_assert_cmpstr(taker.taken->str, ==, "new");
        g_assert_null(http_call(f->client, &call, &error)); /* another part than was asked */
        g_assert_true(g_error_matches(error, UK_ERROR, UK_ERROR_REMOTE));
        g_clear_error(&error);
        g_assert_null(http_call(f->client, &call, &error)); /* an error is no content */
        g_assert_true(g_error_matches(error, UK_ERROR, UK_ERROR_REMOTE));
        g_assert_cmpstr(taker.taken->str, ==, "new");
        end_serving(f);
        g_assert_nonnull(strstr(f->heard->str, "\r\nRange: bytes=4-\r\n"));
        g_assert_null(strstr(f->heard->str, "Accept-Encoding"));
        g_string_free(taker.taken, TRUE);
}

static void
sink_that_fails(Fixture *f, gconstpointer data)
{
        Taker taker = { g_string_new(NULL), 0, 0 };
        HttpCall call = { .url = f->url, .sink = on_data, .user = &taker };
        g_autoptr(GError) error = NULL;

        f->replies[0].reply = "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nnew";
        serve_replies(f);
        g_assert_null(http_call(f->client, &call, &error));
        g_assert_true(g_error_matches(error, UK_ERROR, UK_ERROR_FULL));
        g_assert_nonnull(strstr(error->message, "no room"));
        g_string_free(taker.taken, TRUE);
}

/* --- stopping --- */

static bool
no_more(gpointer user, gint64 done, gint64 total)
{
        *(gint64 *)user = total;
        return false;
}

static void
stopped_by_progress(Fixture *f, gconstpointer data)
{
        gint64 total = 0;
        HttpCall call = { .url = f->url, .progress = no_more, .user = &total };
        g_autoptr(GError) error = NULL;

        f->replies[0] = (Reply){ "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n012", 0, true };
        serve_replies(f);
        g_assert_null(http_call(f->client, &call, &error));
        g_assert_true(g_error_matches(error, UK_ERROR, UK_ERROR_CANCELLED));
        g_assert_cmpint(total, ==, 10);
}

static void *
cancel_thread(void *client)
{
        http_client_cancel(client);
        return NULL;
}

static bool
cancel_from_elsewhere(gpointer user, const void *bytes, gsize size, GError **error)
{
        Fixture *f = user;
        pthread_t thread;

        g_assert_cmpint(pthread_create(&thread, NULL, cancel_thread, f->client), ==, 0);
        g_assert_cmpint(pthread_join(thread, NULL), ==, 0);
        return true;
}

static void
cancelled(Fixture *f, gconstpointer data)
{
        HttpCall call = { .url = f->url, .sink = cancel_from_elsewhere, .user = f };
        g_autoptr(GError) error = NULL;
        gint64 begin = uk_clock_mono();

        f->replies[0] = (Reply){ "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n012", 0, true };
        serve_replies(f);
        g_assert_null(http_call(f->client, &call, &error));
        g_assert_true(g_error_matches(error, UK_ERROR, UK_ERROR_CANCELLED));
        g_assert_cmpint(uk_clock_mono() - begin, <, 5 * UK_SECOND);
        g_clear_error(&error);
        g_assert_null(http_call(f->client, &call, &error)); /* and for good */
        g_assert_true(g_error_matches(error, UK_ERROR, UK_ERROR_CANCELLED));
}

static bool
cancel_and_fail(gpointer user, const void *bytes, gsize size, GError **error)
{
        return !cancel_from_elsewhere(user, bytes, size, error) ||
               uk_fail(error, UK_ERROR_FULL, "no room for it");
}

/* The reason that came first stays, also where libcurl asks on. */
static void
cancelled_as_it_fails(Fixture *f, gconstpointer data)
{
        HttpCall call = { .url = f->url, .sink = cancel_and_fail, .user = f };
        g_autoptr(GError) error = NULL;

        f->replies[0] = (Reply){ "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n012", 0, true };
        serve_replies(f);
        g_assert_null(http_call(f->client, &call, &error));
        g_assert_true(g_error_matches(error, UK_ERROR, UK_ERROR_FULL));
}

static void
fault_points(Fixture *f, gconstpointer data)
{
        HttpCall call = { .url = f->url };
        g_autoptr(GError) error = NULL;

        f->replies[0].reply = "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nnew";
        serve_replies(f);
        uk_fault_set("fail:1");
        g_assert_null(http_call(f->client, &call, &error));
        g_assert_true(g_error_matches(error, UK_ERROR, UK_ERROR_NETWORK));
        g_autoptr(HttpResponse) r = http_call(f->client, &call, NULL);
        g_assert_nonnull(r);
        g_assert_cmpuint(uk_fault_count(), ==, 2);
}

/* The environment names a proxy where nobody listens; it is not asked. */
static void
proxies(Fixture *f, gconstpointer data)
{
        HttpCall call = { .url = f->url };
        g_autoptr(GError) error = NULL;

        f->replies[0].reply = "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nnew";
        f->replies[1].reply = f->replies[0].reply;
        serve_replies(f);
        g_setenv("http_proxy", "http://127.0.0.1:1", TRUE);
        g_setenv("ALL_PROXY", "http://127.0.0.1:1", TRUE);
        g_autoptr(HttpResponse) direct = http_call(f->client, &call, &error);
        g_unsetenv("http_proxy");
        g_unsetenv("ALL_PROXY");
        g_assert_no_error(error);
        call.proxy = f->url;
        call.url = "http://update.example.test/x";
        g_autoptr(HttpResponse) proxied = http_call(f->client, &call, &error);
        g_assert_no_error(error);
        end_serving(f);
        g_assert_nonnull(strstr(f->heard->str, "GET http://update.example.test/x HTTP/1.1\r\n"));
}

static void
line_breaks_in_headers(Fixture *f, gconstpointer data)
{
        const char *headers[] = { "X-Mine: 1\r\nX-Faked: 2", NULL };
        HttpCall call = { .url = f->url, .headers = headers };
        g_autoptr(GError) error = NULL;

        g_assert_null(http_call(f->client, &call, &error));
        g_assert_true(g_error_matches(error, UK_ERROR, UK_ERROR_INVALID));
}

/* --- many at once, against our own server --- */

static gssize
admit(const char *method, const char *path, gpointer user)
{
        return strcmp(path, "/none") == 0 ? 0 : 1024;
}

static void
echo_path(HttpRequest *r, gpointer user)
{
        g_autofree char *path = g_strdup(http_request_path(r));

        if (strcmp(path, "/large") == 0)
                http_answer_take(r, 200, "application/octet-stream", g_malloc0(600000), 600000);
        else
                http_answer(r, 200, "text/plain", path, strlen(path));
}

static HttpServer *
own_server(void)
{
        HttpServerConfig config = { .address = "127.0.0.1",
                                    .threads = 2,
                                    .admit = admit,
                                    .handler = echo_path,
                                    .stop_seconds = 1 };

        return http_server_start(&config, NULL);
}

typedef struct {
        int ends[40];
        int good, bad;
        int stop_after;
} Ends;

static bool
on_end(gpointer user, guint index, const HttpResponse *response, const GError *error)
{
        Ends *ends = user;
        g_autofree char *expected = g_strdup_printf("/%u", index);

        g_assert_true((response != NULL) != (error != NULL));
        ends->ends[index]++;
        if (response != NULL) {
                g_assert_cmpstr(response->body, ==, expected);
                ends->good++;
        } else {
                ends->bad++;
        }
        return ends->stop_after == 0 || ends->good + ends->bad < ends->stop_after;
}

static void
many(Fixture *f, gconstpointer data)
{
        HttpServer *server = own_server();
        HttpCall calls[40] = { 0 };
        Ends ends = { .stop_after = 0 };
        Ends few = { .stop_after = 5 };
        g_autoptr(GError) error = NULL;

        for (guint i = 0; i < 40; i++)
                calls[i].url = i == 7 ? g_strdup_printf("http://127.0.0.1:%u/none",
                                                        http_server_port(server))
                                      : g_strdup_printf("http://127.0.0.1:%u/%u",
                                                        http_server_port(server), i);
        g_assert_true(http_call_many(f->client, calls, 40, 6, on_end, &ends, &error));
        g_assert_no_error(error);
        for (int i = 0; i < 40; i++)
                g_assert_cmpint(ends.ends[i], ==, 1);
        g_assert_cmpint(ends.good, ==, 39);
        g_assert_cmpint(ends.bad, ==, 1);
        g_assert_false(http_call_many(f->client, calls, 40, 6, on_end, &few, &error));
        g_assert_true(g_error_matches(error, UK_ERROR, UK_ERROR_CANCELLED));
        g_assert_cmpint(few.good + few.bad, ==, 5);
        g_assert_true(http_call_many(f->client, calls, 0, 6, on_end, &ends, NULL));
        for (guint i = 0; i < 40; i++)
                g_free((char *)calls[i].url);
        g_clear_pointer(&f->client, http_client_free);
        http_server_stop(server);
}

static void
rate_is_kept(Fixture *f, gconstpointer data)
{
        HttpServer *server = own_server();
        g_autofree char *url =
                g_strdup_printf("http://127.0.0.1:%u/large", http_server_port(server));
        HttpCall call = { .url = url, .rate = 200000 };
        g_autoptr(GError) error = NULL;
        gint64 begin = uk_clock_mono();
        g_autoptr(HttpResponse) r = http_call(f->client, &call, &error);

        g_assert_no_error(error);
        g_assert_cmpuint(r->size, ==, 600000);
        g_assert_cmpint(uk_clock_mono() - begin, >, 2 * UK_SECOND);
        g_assert_cmpint(uk_clock_mono() - begin, <, 8 * UK_SECOND);
        g_clear_pointer(&f->client, http_client_free);
        http_server_stop(server);
}

/* --- a foreign server --- */

static void
pythons_server(Fixture *f, gconstpointer data)
{
        static const char script[] =
                "import http.server,sys,os\n"
                "os.chdir(sys.argv[1])\n"
                "s=http.server.HTTPServer(('127.0.0.1',0),http.server.SimpleHTTPRequestHandler)\n"
                "print(s.server_port,flush=True)\n"
                "s.handle_request()\n";
        g_autofree char *dir = g_dir_make_tmp("uk-client-XXXXXX", NULL);
        g_autofree char *file = g_build_filename(dir, "file.txt", NULL);
        const char *argv[] = { "/usr/bin/python3", "-c", script, dir, NULL };
        char port[16] = "";
        GPid pid;
        int out;
        g_autoptr(GError) error = NULL;

        g_assert_true(g_file_set_contents(file, "from python", -1, NULL));
        g_assert_true(g_spawn_async_with_pipes(NULL, (char **)argv, NULL,
                                               G_SPAWN_STDERR_TO_DEV_NULL, NULL, NULL, &pid, NULL,
                                               &out, NULL, NULL));
        g_assert_cmpint(read(out, port, sizeof port - 1), >, 0);
        g_autofree char *url = g_strdup_printf("http://127.0.0.1:%d/file.txt", atoi(port));
        HttpCall call = { .url = url };
        g_autoptr(HttpResponse) r = http_call(f->client, &call, &error);
        g_assert_no_error(error);
        g_assert_cmpstr(r->body, ==, "from python");
        close(out);
        g_unlink(file);
        g_rmdir(dir);
}

static void
gnutls_flavour(Fixture *f, gconstpointer data)
{
        g_assert_nonnull(strstr(curl_version(), "GnuTLS"));
}

#define CASE(name, function) \
        g_test_add("/net/http-client/" name, Fixture, NULL, setup, function, teardown)

int
main(int argc, char **argv)
{
        setlocale(LC_ALL, "C");
        g_test_init(&argc, &argv, NULL);
        g_assert_true(net_global_init(NULL));
        CASE("gnutls-flavour", gnutls_flavour);
        CASE("answer-with-headers", answer_with_headers);
        CASE("method-body-trace-and-password", method_body_trace_and_password);
        CASE("errors-of-the-server", errors_of_the_server);
        CASE("long-error", long_error);
        CASE("words-of-an-error", words_of_an_error);
        CASE("nobody-there", nobody_there);
        CASE("only-http", only_http);
        CASE("redirects", redirects);
        CASE("caps", caps);
        CASE("server-that-stalls", server_that_stalls);
        CASE("server-that-drips", server_that_drips);
        CASE("answer-that-ends-early", answer_that_ends_early);
        CASE("resume", resume);
        CASE("sink-that-fails", sink_that_fails);
        CASE("stopped-by-progress", stopped_by_progress);
        CASE("cancelled", cancelled);
        CASE("cancelled-as-it-fails", cancelled_as_it_fails);
        CASE("fault-points", fault_points);
        CASE("proxies", proxies);
        CASE("line-breaks-in-headers", line_breaks_in_headers);
        CASE("many", many);
        CASE("rate-is-kept", rate_is_kept);
        CASE("pythons-server", pythons_server);
        return g_test_run();
}
