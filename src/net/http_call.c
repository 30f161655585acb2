/* http_call.c - what one call means: options for libcurl, headers and bodies that come back.
 *
 * The answer is hostile: headers and body are capped, an error body never reaches the sink, a part
 * that is not the one asked for is refused, and a server that lets bytes drip is left.
 */
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "crypto/random.h"
#include "net/http_client_private.h"
#include "net/http_range.h"

#define DEFAULT_MAX     (16 * 1024 * 1024)
#define MAX_HEADERS     (64 * 1024)
#define MAX_ERROR_BODY  (64 * 1024)
#define CONNECT_SECONDS 10
#define STALL_SECONDS   30
#define LEAST_RATE      64
#define LEAST_SECONDS   60
/* A thread that was held up for longer has not looked at the network meanwhile. */
#define LONGEST_LOOK   (2 * UK_SECOND)
#define MAX_REDIRECTS  5L
#define PROGRESS_EVERY (UK_SECOND / 2)
/* How much of an error's body is quoted in our own error. */
#define QUOTED_BODY 200

/* --- responses --- */

void
http_response_free(HttpResponse *response)
{
        if (response == NULL)
                return;
        g_free(response->body);
        g_free(response->etag);
        g_free(response->last_modified);
        g_free(response->content_type);
        g_free(response->location);
        g_hash_table_unref(response->headers);
        g_free(response);
}

const char *
http_response_header(const HttpResponse *response, const char *name)
{
        return g_hash_table_lookup(response->headers, name);
}

/* The first words of a body, on one line. */
static char *
quote(const void *body, gsize size)
{
        g_autofree char *text =
                g_utf8_make_valid(size > 0 ? body : "", (gssize)MIN(size, QUOTED_BODY));
        g_autoptr(GString) line = g_string_new(NULL);

        for (const char *p = text; *p != '\0'; p = g_utf8_next_char(p)) {
                gunichar letter = g_utf8_get_char(p);

                g_string_append_unichar(line, g_unichar_isprint(letter) ? letter : ' ');
        }
        return g_strdup(g_strstrip(line->str));
}

char *
http_response_words(const HttpResponse *response)
{
        return response->body != NULL ? quote(response->body, response->size) : g_strdup("");
}

static HttpResponse *
response_new(void)
{
        HttpResponse *response = g_new0(HttpResponse, 1);

        response->headers = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
        return response;
}

static void
fill_named_headers(HttpResponse *response)
{
        response->etag = g_strdup(http_response_header(response, "etag"));
        response->last_modified = g_strdup(http_response_header(response, "last-modified"));
        response->content_type = g_strdup(http_response_header(response, "content-type"));
        response->location = g_strdup(http_response_header(response, "location"));
}

/* --- callbacks of libcurl --- */

static gint64
max_bytes(const HttpTransfer *t)
{
        return t->call->max_bytes > 0 ? t->call->max_bytes : DEFAULT_MAX;
}

static void
take_header(HttpResponse *response, const char *line, gsize size)
{
        const char *colon = memchr(line, ':', size);
        g_autofree char *name = NULL;
        g_autofree char *value = NULL;
        const char *old;

        if (colon == NULL)
                return;
        name = g_ascii_strdown(line, colon - line);
        value = g_strstrip(g_strndup(colon + 1, size - (gsize)(colon - line) - 1));
        old = http_response_header(response, name);
        if (old != NULL) {
                char *joined = g_strconcat(old, ", ", value, NULL);

                g_free(value);
                value = joined;
        }
        g_hash_table_replace(response->headers, g_steal_pointer(&name), g_steal_pointer(&value));
}

/* Redirects and "100 Continue" have headers too: each status line begins anew. */
static size_t
on_header(char *line, size_t one, size_t size, void *user)
{
        HttpTransfer *t = user;

        t->header_bytes += size;
        if (t->header_bytes > MAX_HEADERS) {
                uk_fail(&t->error, UK_ERROR_LIMIT, "the headers have more than %d bytes",
                        MAX_HEADERS);
                return 0;
        }
        if (size >= 5 && memcmp(line, "HTTP/", 5) == 0) {
                http_response_free(t->response);
                t->response = response_new();
        } else {
                take_header(t->response, line, size);
        }
        return size;
}

/* A 206 must begin where we asked, or bytes would land in the wrong place. */
static bool
check_part(HttpTransfer *t)
{
        const char *range = http_response_header(t->response, "content-range");
        gint64 first, last, total;

        if (t->call->resume_from <= 0 || t->response->status != 206)
                return true;
        if (!http_range_content(range, &first, &last, &total) || first != t->call->resume_from)
                return uk_fail(
                        &t->error, UK_ERROR_REMOTE,
                        "the server sent another part (Content-Range '%s') than the one from "
                        "%" G_GINT64_FORMAT " on",
                        range ? range : "", t->call->resume_from);
        return true;
}

/* Before the first byte, and for empty bodies at the end. */
static bool
begin_body(HttpTransfer *t)
{
        if (t->started)
                return true;
        t->started = true;
        curl_easy_getinfo(t->easy, CURLINFO_RESPONSE_CODE, &t->response->status);
        fill_named_headers(t->response);
        if (t->response->status >= 300)
                return true;
        return check_part(t) &&
               (t->call->start == NULL || t->call->start(t->call->user, t->response, &t->error));
}

static bool
take_body(HttpTransfer *t, const char *data, gsize size)
{
        bool good = t->response->status < 300;
        bool bad = t->response->status >= 400;
        gint64 max = bad || (!good && !t->call->accept_errors) ? MAX_ERROR_BODY : max_bytes(t);

        if (bad && t->received + (gint64)size > max) {
                t->enough = true;
                size = (gsize)(max - t->received);
        }
        t->received += (gint64)size;
        if (t->received > max)
                return uk_fail(&t->error, UK_ERROR_LIMIT,
                               "the answer has more than the %" G_GINT64_FORMAT " bytes allowed",
                               max);
        if (good && t->call->sink != NULL)
                return t->call->sink(t->call->user, data, size, &t->error);
        g_byte_array_append(t->body, (const guint8 *)data, (guint)size);
        return true;
}

static size_t
on_body(char *data, size_t one, size_t size, void *user)
{
        HttpTransfer *t = user;

        if (!begin_body(t) || !take_body(t, data, size) || t->enough)
                return size == 0 ? 1 : 0;
        return size;
}

static gint64
least_pace(const HttpCall *call)
{
        gint64 least = call->least_rate != 0 ? call->least_rate : LEAST_RATE;

        return call->rate > 0 ? MIN(least, call->rate / 2) : least;
}

static gint64
pace_span(const HttpCall *call)
{
        unsigned stall = call->stall_seconds ? call->stall_seconds : STALL_SECONDS;
        unsigned least = call->least_seconds ? call->least_seconds : LEAST_SECONDS;

        return MAX(stall, least);
}

/* A server that lets a byte drip now and then would hold a transfer for ever: the limit for silence
 * does not see it. Silence itself is none of this, a server may have to work before it answers. */
static bool
keeps_pace(HttpTransfer *t, gint64 moved, bool waiting, gint64 now)
{
        gint64 passed = CLAMP(now - t->looked_at, 0, LONGEST_LOOK);
        gint64 seconds = pace_span(t->call), least = least_pace(t->call) * seconds;
        gint64 came = moved - t->pace_from;

        t->looked_at = now;
        if (!waiting && (t->pace_us > 0 || came > 0))
                t->pace_us += MAX(passed, 1);
        if (!waiting && t->pace_us < seconds * UK_SECOND)
                return true;
        t->pace_us = 0;
        t->pace_from = moved;
        return waiting || came >= least ||
               uk_fail(&t->error, UK_ERROR_NETWORK,
                       "only %" G_GINT64_FORMAT " bytes went over in %" G_GINT64_FORMAT
                       " seconds, fewer than %" G_GINT64_FORMAT " a second",
                       came, seconds, least / seconds);
}

static int
on_progress(void *user, curl_off_t down_all, curl_off_t down, curl_off_t up_all, curl_off_t up)
{
        HttpTransfer *t = user;
        const HttpCall *call = t->call;
        gint64 now = uk_clock_mono();
        gint64 before = 0;
        bool sending = down == 0 && up_all > 0;

        /* It is asked once more when all is over already: the first reason stays. */
        if (t->error != NULL)
                return 1;
        if (atomic_load(t->cancelled))
                return !uk_fail(&t->error, UK_ERROR_CANCELLED, "it was stopped");
        if (!keeps_pace(t, up + down, down == 0 && up == up_all, now))
                return 1;
        if (call->progress == NULL || now - t->progress_at < PROGRESS_EVERY)
                return 0;
        t->progress_at = now;
        if (t->started && t->response != NULL && t->response->status == 206)
                before = call->resume_from;
        if (sending ? call->progress(call->user, up, up_all)
                    : call->progress(call->user, before + down,
                                     down_all > 0 ? before + down_all : -1))
                return 0;
        return !uk_fail(&t->error, UK_ERROR_CANCELLED, "it was stopped");
}

/* --- options --- */

static void
add_header(HttpTransfer *t, const char *line)
{
        t->headers = curl_slist_append(t->headers, line);
}

static bool
has_header(const HttpCall *call, const char *name)
{
        gsize size = strlen(name);

        for (guint i = 0; call->headers != NULL && call->headers[i] != NULL; i++) {
                if (g_ascii_strncasecmp(call->headers[i], name, size) == 0 &&
                    call->headers[i][size] == ':')
                        return true;
        }
        return false;
}

static void
add_trace(HttpTransfer *t)
{
        const char *trace = uk_trace_get();

        if (trace == NULL || *trace == '\0' || has_header(t->call, "traceparent"))
                return;
        g_autofree char *span = crypto_random_hex(8);
        g_autofree char *line = g_strdup_printf("traceparent: 00-%s-%s-01", trace, span);
        add_header(t, line);
}

static bool
set_headers(HttpTransfer *t, GError **error)
{
        const HttpCall *call = t->call;

        for (guint i = 0; call->headers != NULL && call->headers[i] != NULL; i++) {
                if (strpbrk(call->headers[i], "\r\n") != NULL)
                        return uk_fail(error, UK_ERROR_INVALID, "a header has a line break");
                add_header(t, call->headers[i]);
        }
        if (call->body != NULL && !has_header(call, "Content-Type"))
                add_header(t, "Content-Type:"); /* or libcurl calls it a form */
        add_trace(t);
        curl_easy_setopt(t->easy, CURLOPT_HTTPHEADER, t->headers);
        return true;
}

static void
set_method(HttpTransfer *t)
{
        const HttpCall *call = t->call;
        const char *method = call->method;

        if (method != NULL && strcmp(method, "HEAD") == 0) {
                curl_easy_setopt(t->easy, CURLOPT_NOBODY, 1L);
                return;
        }
        if (call->body != NULL || g_strcmp0(method, "POST") == 0) {
                curl_easy_setopt(t->easy, CURLOPT_POST, 1L);
                curl_easy_setopt(t->easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)call->body_size);
                curl_easy_setopt(t->easy, CURLOPT_POSTFIELDS, call->body ? call->body : "");
        }
        if (method != NULL && strcmp(method, "GET") != 0 && strcmp(method, "POST") != 0)
                curl_easy_setopt(t->easy, CURLOPT_CUSTOMREQUEST, method);
}

/* libcurl looks at its rate limit only after a hundred reads: with its usual buffer 1.6 MB would
 * pass unhindered. A quarter of a second's worth is looked at instead. */
static void
set_rate(HttpTransfer *t, gint64 rate)
{
        curl_easy_setopt(t->easy, CURLOPT_BUFFERSIZE, (long)CLAMP(rate / 400, 1024, 16384));
        curl_easy_setopt(t->easy, CURLOPT_MAX_RECV_SPEED_LARGE, (curl_off_t)rate);
        curl_easy_setopt(t->easy, CURLOPT_MAX_SEND_SPEED_LARGE, (curl_off_t)rate);
}

static void
set_limits(HttpTransfer *t)
{
        const HttpCall *call = t->call;

        curl_easy_setopt(t->easy, CURLOPT_CONNECTTIMEOUT,
                         (long)(call->connect_seconds ? call->connect_seconds : CONNECT_SECONDS));
        curl_easy_setopt(t->easy, CURLOPT_LOW_SPEED_LIMIT, 1L);
        curl_easy_setopt(t->easy, CURLOPT_LOW_SPEED_TIME,
                         (long)(call->stall_seconds ? call->stall_seconds : STALL_SECONDS));
        curl_easy_setopt(t->easy, CURLOPT_TIMEOUT, (long)call->total_seconds);
        if (call->rate > 0)
                set_rate(t, call->rate);
        if (call->follow_redirects) {
                curl_easy_setopt(t->easy, CURLOPT_FOLLOWLOCATION, 1L);
                curl_easy_setopt(t->easy, CURLOPT_MAXREDIRS, MAX_REDIRECTS);
        }
        if (call->sink == NULL && call->resume_from <= 0 && !has_header(call, "Accept-Encoding") &&
            !has_header(call, "Range"))
                curl_easy_setopt(t->easy, CURLOPT_ACCEPT_ENCODING, "gzip, deflate");
        if (call->resume_from > 0) {
                g_autofree char *range =
                        g_strdup_printf("%" G_GINT64_FORMAT "-", call->resume_from);

                curl_easy_setopt(t->easy, CURLOPT_RANGE, range);
        }
}

static void
set_peer(HttpTransfer *t)
{
        const HttpCall *call = t->call;

        curl_easy_setopt(t->easy, CURLOPT_PROTOCOLS_STR, "http,https");
        curl_easy_setopt(t->easy, CURLOPT_REDIR_PROTOCOLS_STR, "http,https");
        curl_easy_setopt(t->easy, CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_1_1);
        curl_easy_setopt(t->easy, CURLOPT_NOSIGNAL, 1L);
        curl_easy_setopt(t->easy, CURLOPT_TCP_KEEPALIVE, 1L);
        curl_easy_setopt(t->easy, CURLOPT_NETRC, CURL_NETRC_IGNORED);
        /* "" means none and keeps libcurl from asking the environment. */
        curl_easy_setopt(t->easy, CURLOPT_PROXY, call->proxy ? call->proxy : "");
        curl_easy_setopt(t->easy, CURLOPT_USERAGENT,
                         call->user_agent ? call->user_agent : "Upkeep/" UPKEEP_VERSION);
        if (call->user_password != NULL) {
                curl_easy_setopt(t->easy, CURLOPT_HTTPAUTH, CURLAUTH_BASIC);
                curl_easy_setopt(t->easy, CURLOPT_USERPWD, call->user_password);
        }
        if (call->ca_file != NULL)
                curl_easy_setopt(t->easy, CURLOPT_CAINFO, call->ca_file);
}

static void
set_callbacks(HttpTransfer *t)
{
        curl_easy_setopt(t->easy, CURLOPT_ERRORBUFFER, t->words);
        curl_easy_setopt(t->easy, CURLOPT_HEADERFUNCTION, on_header);
        curl_easy_setopt(t->easy, CURLOPT_HEADERDATA, t);
        curl_easy_setopt(t->easy, CURLOPT_WRITEFUNCTION, on_body);
        curl_easy_setopt(t->easy, CURLOPT_WRITEDATA, t);
        curl_easy_setopt(t->easy, CURLOPT_NOPROGRESS, 0L);
        curl_easy_setopt(t->easy, CURLOPT_XFERINFOFUNCTION, on_progress);
        curl_easy_setopt(t->easy, CURLOPT_XFERINFODATA, t);
        curl_easy_setopt(t->easy, CURLOPT_PRIVATE, t);
}

bool
http_call_prepare(HttpTransfer *t, const HttpCall *call, CURL *easy, const atomic_bool *cancelled,
                  GError **error)
{
        *t = (HttpTransfer){ .call = call, .easy = easy, .cancelled = cancelled };
        t->response = response_new();
        t->body = g_byte_array_new();
        t->progress_at = t->looked_at = uk_clock_mono();
        curl_easy_reset(easy);
        if (g_ascii_strncasecmp(call->url, "http://", 7) != 0 &&
            g_ascii_strncasecmp(call->url, "https://", 8) != 0)
                return uk_fail(error, UK_ERROR_INVALID, "the URL is not http or https");
        curl_easy_setopt(easy, CURLOPT_URL, call->url);
        set_callbacks(t);
        set_peer(t);
        set_limits(t);
        set_method(t);
        return set_headers(t, error);
}

void
http_call_clear(HttpTransfer *t)
{
        http_response_free(t->response);
        curl_slist_free_all(t->headers);
        if (t->body != NULL)
                g_byte_array_unref(t->body);
        g_clear_error(&t->error);
        *t = (HttpTransfer){ 0 };
}

/* --- the end --- */

char *
http_call_name(const char *url)
{
        gsize size = strcspn(url, "?#");
        const char *scheme_end = strstr(url, "://");
        const char *host = scheme_end != NULL ? scheme_end + 3 : url;
        const char *at = memchr(host, '@', strcspn(host, "/?#"));

        if (at == NULL)
                return g_strndup(url, size);
        return g_strdup_printf("%.*s%.*s", (int)(host - url), url,
                               (int)(size - (gsize)(at + 1 - url)), at + 1);
}

static bool
fail_status(const HttpTransfer *t, GError **error)
{
        g_autofree char *quoted = quote(t->body->data, t->body->len);

        return uk_fail(error, UK_ERROR_REMOTE, "the server answered %ld%s%s", t->response->status,
                       *quoted ? ": " : "", quoted);
}

static bool
fail_code(const HttpTransfer *t, CURLcode code, GError **error)
{
        const char *words = t->words[0] ? t->words : curl_easy_strerror(code);
        UkErrorCode ours = UK_ERROR_NETWORK;

        if (code == CURLE_UNSUPPORTED_PROTOCOL || code == CURLE_URL_MALFORMAT)
                ours = UK_ERROR_INVALID;
        else if (code == CURLE_SSL_CACERT_BADFILE)
                ours = UK_ERROR_CONFIG;
        else if (code == CURLE_TOO_MANY_REDIRECTS || code == CURLE_WEIRD_SERVER_REPLY ||
                 code == CURLE_BAD_CONTENT_ENCODING)
                ours = UK_ERROR_REMOTE;
        return uk_fail(error, ours, "%s", words);
}

static HttpResponse *
take_response(HttpTransfer *t)
{
        HttpResponse *response = g_steal_pointer(&t->response);

        response->size = t->body->len;
        g_byte_array_append(t->body, (const guint8 *)"", 1);
        response->body = (char *)g_byte_array_free(g_steal_pointer(&t->body), FALSE);
        if (t->call->sink != NULL && response->status < 300)
                g_clear_pointer(&response->body, g_free);
        return response;
}

HttpResponse *
http_call_finish(HttpTransfer *t, CURLcode code, GError **error)
{
        g_autofree char *name = http_call_name(t->call->url);
        UK_DOING(error, "%s", name);

        if (code == CURLE_WRITE_ERROR && t->enough)
                code = CURLE_OK; /* the rest of an error's body was not waited for */
        if (code == CURLE_OK && t->error == NULL)
                (void)begin_body(t); /* an empty body had no first byte; an error is in t->error */
        if (t->error != NULL)
                g_propagate_error(error, g_steal_pointer(&t->error));
        else if (code != CURLE_OK)
                fail_code(t, code, error);
        else if (t->response->status >= 400 && !t->call->accept_errors)
                fail_status(t, error);
        else
                return take_response(t);
        return NULL;
}
