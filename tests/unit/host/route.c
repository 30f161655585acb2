/* Tests of src/host/route.c: requests over a real connection to handlers and back. */
#include <locale.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#include "base/clock.h"
#include "host/host.h"
#include "unit/host/kit.h"

static atomic_int calls, held_calls, starts, together, most;
static _Atomic(HttpRequest *) held;

static bool
on_echo(Component *c, HttpRequest *request, GError **error)
{
        gsize size;
        const char *body = http_request_body(request, &size);

        atomic_fetch_add(&calls, 1);
        g_assert_nonnull(c->db);
        g_assert_true(c->state == &starts);
        http_answer_header(request, "X-Trace", *uk_trace_get() != '\0' ? uk_trace_get() : "none");
        http_answer(request, 200, "text/plain", body, size);
        return true;
}

static bool
on_path(Component *c, HttpRequest *request, GError **error)
{
        g_autofree char *text =
                g_strdup_printf("%s in %s", http_request_path(request), c->def->name);

        http_answer(request, 200, "text/plain", text, strlen(text));
        return true;
}

static bool
on_error(Component *c, HttpRequest *request, GError **error)
{
        const char *code = http_request_query(request, "code");

        return uk_fail(error, (UkErrorCode)atoi(code), "code %s was wished", code);
}

static bool
on_slow(Component *c, HttpRequest *request, GError **error)
{
        int now = atomic_fetch_add(&together, 1) + 1;

        for (int before = atomic_load(&most);
             now > before && !atomic_compare_exchange_weak(&most, &before, now);)
                ;
        uk_clock_sleep(UK_SECOND / 5, -1);
        atomic_fetch_sub(&together, 1);
        http_answer(request, 200, "text/plain", "ok", 2);
        return true;
}

/* Keeps the request until the component stops. */
static bool
on_hold(Component *c, HttpRequest *request, GError **error)
{
        atomic_store(&held, request);
        atomic_fetch_add(&held_calls, 1);
        return true;
}

static bool
start(Component *c, GError **error)
{
        atomic_fetch_add(&starts, 1);
        c->state = &starts;
        return true;
}

static void
stop(Component *c)
{
        HttpRequest *request = atomic_exchange(&held, NULL);

        if (request != NULL)
                http_answer(request, 200, "text/plain", "stopped", 7);
}

static const ComponentDef first = {
        .name = "SMS_FIRST",
        .log = "First.log",
        .log_form = UK_LOG_CLIENT,
        .routes = { { "POST", "/echo", CALLER_ANYONE, 1000, on_echo },
                    { "GET", "/first/*", CALLER_ANYONE, 0, on_path },
                    { "GET", "/first/exact", CALLER_ANYONE, 0, on_slow },
                    { "POST", "/at-once", CALLER_ANYONE, 1000, on_echo, .at_once = true },
                    { "GET", "/error", CALLER_ANYONE, 0, on_error },
                    { "GET", "/site", CALLER_SITE, 0, on_path },
                    { "GET", "/hold", CALLER_ANYONE, 0, on_hold } },
        .start = start,
        .stop = stop,
};
static const ComponentDef second = {
        .name = "SMS_SECOND",
        .log = "Second.log",
        .log_form = UK_LOG_CLIENT,
        .routes = { { "*", "/first/second/*", CALLER_ANYONE, 10, on_path } },
};
static const ComponentDef *const components[] = { &first, &second, NULL };
static const SettingDef settings[] = {
        { "toy.port", SETTING_INT, "0", 0, 65535, "", "at start", "The port" },
        { .name = NULL },
};
static const DbMigration migrations[] = {
        { 1, "0001_toy", "CREATE TABLE Toy (N INTEGER)", "CREATE TABLE Toy (N bigint)" },
};

static bool
allow(Component *c, const ComponentRoute *route, HttpRequest *request, GError **error)
{
        if (http_request_header(request, "X-Key") != NULL)
                return true;
        return uk_fail(error, UK_ERROR_DENIED, "there is no key");
}

static bool (*const inits[])(GError **error) = { net_global_init, NULL };
#define ROLE                                                                                     \
        .role = "toy", .components = components, .settings = settings,                           \
        .database = "var/lib/upkeep/toy/toy.db", .migrations = migrations, .migration_count = 1, \
        .migrates = true, .listens = { { "toy.port", "http", "access.log" } }, .inits = inits
static const HostRole open_role = { ROLE };
static const HostRole guarded_role = { ROLE, .allow = allow };

typedef struct {
        char *root;
        Host *host;
        HttpClient *client;
} Fixture;

static void
set_up(Fixture *f, gconstpointer role)
{
        g_autoptr(GError) error = NULL;

        calls = held_calls = starts = together = most = 0;
        f->root = kit_root();
        f->host = kit_host(role, f->root);
        g_assert_true(host_start(f->host, &error));
        g_assert_no_error(error);
        f->client = http_client_new();
}

static void
tear_down(Fixture *f, gconstpointer data)
{
        http_client_free(f->client);
        host_free(f->host);
        kit_end(f->root);
}

static HttpResponse *
call(Fixture *f, const char *method, const char *path, const char *body, const char *header)
{
        g_autoptr(GError) error = NULL;
        g_autofree char *url =
                g_strdup_printf("http://127.0.0.1:%u%s", host_port(f->host, "http"), path);
        const char *const headers[] = { header, NULL };
        HttpCall request = { .method = method,
                             .url = url,
                             .headers = headers,
                             .body = body,
                             .body_size = body != NULL ? strlen(body) : 0,
                             .accept_errors = true };
        HttpResponse *response = http_call(f->client, &request, &error);

        g_assert_no_error(error);
        return response;
}

static void
check(Fixture *f, const char *method, const char *path, const char *body, long status,
      const char *part)
{
        g_autoptr(HttpResponse) response = call(f, method, path, body, NULL);

        g_assert_cmpint(response->status, ==, status);
        if (strstr(response->body, part) == NULL)
                g_error("\"%s\" is not in \"%s\"", part, response->body);
}

static void
finds_the_route(Fixture *f, gconstpointer data)
{
        check(f, "POST", "/echo", "hello", 200, "hello");
        check(f, "GET", "/first/a/b", NULL, 200, "/first/a/b in SMS_FIRST");
        check(f, "GET", "/FIRST/Second/x", NULL, 200, "in SMS_SECOND");
        check(f, "PUT", "/first/second/x", "12345", 200, "in SMS_SECOND");
        check(f, "GET", "/first/exact", NULL, 200, "ok");
        check(f, "GET", "/nowhere", NULL, 404, "");
        check(f, "GET", "/echo", NULL, 405, "");
        check(f, "PUT", "/first/second/x", "12345678901", 413, "");
        check(f, "POST", "/at-once", "hello", 200, "hello");
        g_assert_cmpint(starts, ==, 1);
        g_assert_cmpint(calls, ==, 2);
}

static void
errors_become_answers(Fixture *f, gconstpointer data)
{
        static const struct {
                UkErrorCode code;
                int status;
        } cases[] = {
                { UK_ERROR_NOT_FOUND, 404 },   { UK_ERROR_DENIED, 403 },
                { UK_ERROR_EXISTS, 409 },      { UK_ERROR_LIMIT, 413 },
                { UK_ERROR_UNSUPPORTED, 501 }, { UK_ERROR_PARSE, 400 },
                { UK_ERROR_SIGNATURE, 400 },   { UK_ERROR_INVALID, 400 },
                { UK_ERROR_BUSY, 503 },        { UK_ERROR_NOT_YET, 503 },
                { UK_ERROR_IO, 500 },          { UK_ERROR_DATABASE, 500 },
        };

        for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
                g_autofree char *path = g_strdup_printf("/error?code=%d", cases[i].code);
                g_autofree char *json =
                        g_strdup_printf("{\"error\":{\"code\":\"%s\",\"message\":\"code %d was "
                                        "wished\"}}",
                                        uk_error_name((int)cases[i].code), cases[i].code);

                check(f, "GET", path, NULL, cases[i].status, json);
        }
        g_autofree char *log = kit_log(f->host, "First.log");
        g_assert_nonnull(strstr(log, "GET /error from 127.0.0.1 is answered 404: code 24 was "
                                     "wished"));
}

/* A component that must stop answers 503 until its pause is over. */
static void
halt_rests_the_routes(Fixture *f, gconstpointer data)
{
        g_autofree char *path = g_strdup_printf("/error?code=%d", UK_ERROR_BROKEN);

        check(f, "GET", path, NULL, 500, "BROKEN");
        check(f, "POST", "/echo", "x", 503, "the component that answers this is stopped");
        check(f, "GET", "/first/second/x", NULL, 200, "in SMS_SECOND");
        kit_step(UK_MINUTE + UK_SECOND);
        check(f, "POST", "/echo", "x", 200, "x");
        g_assert_cmpint(starts, ==, 2);
}

static void
trace_comes_with_the_request(Fixture *f, gconstpointer data)
{
        g_autoptr(HttpResponse) with =
                call(f, "POST", "/echo", "x",
                     "traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01");
        g_autoptr(HttpResponse) without = call(f, "POST", "/echo", "x", NULL);

        g_assert_cmpstr(http_response_header(with, "x-trace"), ==,
                        "4bf92f3577b34da6a3ce929d0e0e4736");
        g_assert_cmpstr(http_response_header(without, "x-trace"), ==, "none");
}

static void
callers(Fixture *f, gconstpointer data)
{
        bool guarded = data == &guarded_role;

        check(f, "GET", "/site", NULL, guarded ? 403 : 200, guarded ? "there is no key" : "/site");
        g_autoptr(HttpResponse) response = call(f, "GET", "/site", NULL, "X-Key: 1");
        g_assert_cmpint(response->status, ==, 200);
        check(f, "POST", "/echo", "x", 200, "x");
}

static void *
call_slow(void *arg)
{
        Fixture own = *(Fixture *)arg;

        own.client = http_client_new();
        check(&own, "GET", "/first/exact", NULL, 200, "ok");
        http_client_free(own.client);
        return NULL;
}

static void
several_at_once(Fixture *f, gconstpointer data)
{
        pthread_t threads[8];

        for (guint i = 0; i < 8; i++)
                pthread_create(&threads[i], NULL, call_slow, f);
        for (guint i = 0; i < 8; i++)
                pthread_join(threads[i], NULL);
        /* http.workers is 4 unless set. */
        g_assert_cmpint(most, ==, 4);
}

static void *
call_held(void *arg)
{
        Fixture own = *(Fixture *)arg;

        own.client = http_client_new();
        check(&own, "GET", "/hold", NULL, 200, "stopped");
        http_client_free(own.client);
        return NULL;
}

/* Who keeps a request answers it in stop(); the end of the role waits for that. */
static void
held_requests_are_answered(Fixture *f, gconstpointer data)
{
        pthread_t thread;

        pthread_create(&thread, NULL, call_held, f);
        kit_wait_for(&held_calls, 1);
        host_free(g_steal_pointer(&f->host));
        pthread_join(thread, NULL);
}

#define ADD(name, role, function) g_test_add(name, Fixture, role, set_up, function, tear_down)

int
main(int argc, char **argv)
{
        g_autoptr(GError) error = NULL;

        setlocale(LC_ALL, "C");
        g_test_init(&argc, &argv, NULL);
        g_assert_true(net_global_init(&error));
        ADD("/host/route/finds-the-route", &open_role, finds_the_route);
        ADD("/host/route/errors-become-answers", &open_role, errors_become_answers);
        ADD("/host/route/halt-rests-the-routes", &open_role, halt_rests_the_routes);
        ADD("/host/route/trace-comes-with-the-request", &open_role, trace_comes_with_the_request);
        ADD("/host/route/callers-open", &open_role, callers);
        ADD("/host/route/callers-guarded", &guarded_role, callers);
        ADD("/host/route/several-at-once", &open_role, several_at_once);
        ADD("/host/route/held-requests-are-answered", &open_role, held_requests_are_answered);
        return g_test_run();
}
