/* route.c - answers requests: one HTTP server per port, the routes of all components, and threads
 * that work on requests, each with a database connection of its own.
 *
 * In: requests that the server has read whole. Out: the handler's answer, or an error as JSON by
 * the code of the handler's error. Who may call is decided before the handler is.
 */
#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "base/io.h"
#include "host/host_private.h"

#define MAX_PEM (1024 * 1024)

/* A request that waits for a worker. */
typedef struct {
        HttpRequest *request;
        HostComponent *component;
        const ComponentRoute *route;
} Task;

typedef struct {
        Routes *routes;
        pthread_t thread;
        HostContext **contexts; /* one per component, all with the same connections */
} Worker;

struct Routes {
        Host *host;
        GArray *known; /* Known; not changed once made */
        HttpServer *servers[G_N_ELEMENTS(((HostRole *)NULL)->listens)];
        guint worker_count;
        Worker *workers;
        pthread_key_t here;   /* the Worker of a thread of the server, for routes "at once" */
        pthread_mutex_t lock; /* guards all below */
        pthread_cond_t called;
        GQueue tasks;  /* Task * */
        guint idle;    /* workers that wait */
        bool calling;  /* one of them has been called and has not come yet */
        guint at_once; /* requests that threads of the server work on */
        bool ending;
};

/* A route as it is looked for. */
typedef struct {
        const ComponentRoute *route;
        HostComponent *component;
        gsize fixed; /* letters that the path begins with, or (exact) has */
        bool exact;
} Known;

static GArray *
know_routes(Host *host)
{
        GArray *all = g_array_new(FALSE, FALSE, sizeof(Known));

        for (guint i = 0; i < host->components->len; i++) {
                HostComponent *component = g_ptr_array_index(host->components, i);

                for (const ComponentRoute *r = component->def->routes; r->path != NULL; r++) {
                        gsize length = strlen(r->path);
                        bool prefix = length > 0 && r->path[length - 1] == '*';
                        Known known = { r, component, length - prefix, !prefix };

                        g_array_append_val(all, known);
                }
        }
        return all;
}

/* Every request passes all routes: a last letter that is another spares comparing the rest, which
 * paths have in common. */
static bool
path_fits(const Known *known, const char *path, gsize length)
{
        const char *pattern = known->route->path;
        gsize fixed = known->fixed;

        if (known->exact ? length != fixed : length < fixed)
                return false;
        if (fixed > 0 && g_ascii_tolower(pattern[fixed - 1]) != g_ascii_tolower(path[fixed - 1]))
                return false;
        return g_ascii_strncasecmp(pattern, path, fixed) == 0;
}

static bool
method_fits(const char *pattern, const char *method)
{
        return strcmp(pattern, "*") == 0 || strcmp(pattern, method) == 0 ||
               (strcmp(pattern, "GET") == 0 && strcmp(method, "HEAD") == 0);
}

/* The route of a request: an exact path before a prefix, a longer prefix before a shorter one.
 * NULL; *other_method_out says whether the path exists with another method. */
static const ComponentRoute *
find_route(const Routes *routes, const char *method, const char *path,
           HostComponent **component_out, bool *other_method_out)
{
        const ComponentRoute *best = NULL;
        gsize length = strlen(path);
        gsize best_length = 0;

        *other_method_out = false;
        for (guint i = 0; i < routes->known->len; i++) {
                const Known *known = &g_array_index(routes->known, Known, i);
                gsize worth = known->exact ? G_MAXSIZE : known->fixed + 1;

                if (!path_fits(known, path, length))
                        continue;
                if (!method_fits(known->route->method, method)) {
                        *other_method_out = true;
                        continue;
                }
                if (best == NULL || worth > best_length) {
                        best = known->route;
                        best_length = worth;
                        *component_out = known->component;
                }
        }
        return best;
}

static gssize
admit(const char *method, const char *path, gpointer user)
{
        Routes *routes = user;
        HostComponent *component = NULL;
        bool other_method;
        const ComponentRoute *route = find_route(routes, method, path, &component, &other_method);

        if (route == NULL)
                return other_method ? -1 : 0;
        /* 0 would refuse the path; a body of one byte does no harm. */
        return (gssize)MAX(route->max_body, 1);
}

/* On a thread of the server: such a request never gets to a component. */
static void
on_too_large(const char *method, const char *path, const char *peer, gsize cap, gpointer user)
{
        Routes *routes = user;
        UkLog *outer = uk_log_bind(routes->host->self->log);

        uk_warn("%s %s from %s is answered 413: its body is larger than the %zu bytes that are "
                "taken there",
                method, path, peer, cap);
        uk_log_bind(outer);
}

static unsigned
status_of(const GError *error)
{
        if (error->domain != UK_ERROR)
                return 500;
        switch ((UkErrorCode)error->code) {
        case UK_ERROR_NOT_FOUND:
                return 404;
        case UK_ERROR_DENIED:
                return 403;
        case UK_ERROR_EXISTS:
        case UK_ERROR_STALE:
                return 409;
        case UK_ERROR_LIMIT:
                return 413;
        case UK_ERROR_UNSUPPORTED:
                return 501;
        case UK_ERROR_FULL:
                return 507;
        case UK_ERROR_PARSE:
        case UK_ERROR_SIGNATURE:
        case UK_ERROR_INVALID:
                return 400;
        case UK_ERROR_BUSY:
        case UK_ERROR_NOT_YET:
                return 503;
        default:
                return 500;
        }
}

void
route_answer_error(HttpRequest *request, const GError *error)
{
        unsigned status = status_of(error);

        if (status >= 500)
                uk_error("%s %s from %s is answered %u: %s", http_request_method(request),
                         http_request_path(request), http_request_peer(request), status,
                         error->message);
        else
                uk_warn("%s %s from %s is answered %u: %s", http_request_method(request),
                        http_request_path(request), http_request_peer(request), status,
                        error->message);
        if (status == 503)
                http_answer_header(request, "Retry-After", "10");
        http_answer_error(request, status,
                          error->domain == UK_ERROR ? uk_error_name(error->code) : "IO",
                          error->message);
}

static bool
is_loopback(const char *peer)
{
        return g_str_has_prefix(peer, "127.") || strcmp(peer, "::1") == 0 ||
               g_str_has_prefix(peer, "::ffff:127.");
}

static bool
may_call(HostContext *context, const Task *task, GError **error)
{
        Host *host = context->c.host;

        if (task->route->caller == CALLER_ANYONE)
                return true;
        if (host->role->allow != NULL)
                return host->role->allow(&context->c, task->route, task->request, error);
        if (is_loopback(http_request_peer(task->request)))
                return true;
        return uk_fail(error, UK_ERROR_DENIED, "this path is not for callers from other machines");
}

/* A handler that fails has not answered; the error of a component that must stop is reported by
 * component_halt. */
static void
answer(HostContext *context, Task *task)
{
        g_autoptr(GError) error = NULL;
        const char *trace = http_request_trace(task->request);

        uk_trace_set(trace != NULL ? trace : "");
        if (may_call(context, task, &error) &&
            task->route->on_request(&context->c, task->request, &error))
                return;
        if (error == NULL)
                uk_fail(&error, UK_ERROR_BROKEN, "the handler failed without saying why");
        if (uk_error_class(error) == UK_CLASS_HALT)
                component_halt(context, error);
        route_answer_error(task->request, error);
}

static HostContext *
context_of(Worker *worker, const HostComponent *component)
{
        GPtrArray *components = worker->routes->host->components;

        for (guint i = 0; i < components->len; i++) {
                if (g_ptr_array_index(components, i) == component)
                        return worker->contexts[i];
        }
        return NULL;
}

static void
work_on(Worker *worker, Task *task)
{
        HostContext *context = context_of(worker, task->component);
        HostContext *owner = worker->contexts[0];
        gint64 until;

        /* The client belongs to the first context, the others borrow it; what they ask the database
         * is prepared on one connection. */
        if (context != owner) {
                context->c.http = owner->c.http;
                context->liked = owner->liked;
        }
        if (component_enter(context, &until)) {
                answer(context, task);
                component_leave(context);
        } else {
                http_answer_header(task->request, "Retry-After", "60");
                http_answer_error(task->request, 503, uk_error_name(UK_ERROR_BUSY),
                                  "the component that answers this is stopped; see its log");
        }
        if (context != owner) {
                owner->c.http = context->c.http;
                owner->liked = context->liked;
        }
}

/* Calls an idle worker, one at a time: who comes calls the next if there is more to do. The lock is
 * held. */
static void
call_worker(Routes *routes)
{
        if (routes->idle == 0 || routes->calling || g_queue_is_empty(&routes->tasks))
                return;
        routes->calling = true;
        pthread_cond_signal(&routes->called);
}

static bool
next_task(Routes *routes, Task *task_out)
{
        pthread_mutex_lock(&routes->lock);
        while (g_queue_is_empty(&routes->tasks) && !routes->ending) {
                routes->idle++;
                pthread_cond_wait(&routes->called, &routes->lock);
                routes->idle--;
                routes->calling = false;
        }
        g_autofree Task *task = g_queue_pop_head(&routes->tasks);
        call_worker(routes);
        pthread_mutex_unlock(&routes->lock);
        if (task == NULL)
                return false;
        *task_out = *task;
        return true;
}

static void *
run(void *arg)
{
        Worker *worker = arg;
        Task task;

        while (next_task(worker->routes, &task))
                work_on(worker, &task);
        return NULL;
}

static HostContext **
make_contexts(Routes *routes)
{
        GPtrArray *components = routes->host->components;
        HostContext **contexts = g_new0(HostContext *, components->len);

        for (guint i = 0; i < components->len; i++) {
                contexts[i] = component_context_new(g_ptr_array_index(components, i), "routes");
                contexts[i]->borrowed_http = i > 0;
        }
        return contexts;
}

static void
clear_worker(Worker *worker)
{
        for (guint i = 0; i < worker->routes->host->components->len; i++)
                component_context_free(worker->contexts[i]);
        g_free(worker->contexts);
}

/* What a thread of the server has for routes "at once"; freed when the thread ends. */
static void
free_here(gpointer data)
{
        clear_worker(data);
        g_free(data);
}

static Worker *
worker_here(Routes *routes)
{
        Worker *worker = pthread_getspecific(routes->here);

        if (worker == NULL) {
                worker = g_new0(Worker, 1);
                worker->routes = routes;
                worker->contexts = make_contexts(routes);
                pthread_setspecific(routes->here, worker);
        }
        return worker;
}

/* Puts a task where a worker finds it, or counts it as being worked on here. False: the role is
 * ending. */
static bool
take_on(Routes *routes, const Task *task)
{
        pthread_mutex_lock(&routes->lock);
        bool ending = routes->ending;
        if (!ending && task->route->at_once) {
                routes->at_once++;
        } else if (!ending) {
                g_queue_push_tail(&routes->tasks, g_memdup2(task, sizeof *task));
                call_worker(routes);
        }
        pthread_mutex_unlock(&routes->lock);
        return !ending;
}

static void
work_here(Routes *routes, Task *task)
{
        work_on(worker_here(routes), task);
        pthread_mutex_lock(&routes->lock);
        routes->at_once--;
        if (routes->at_once == 0 && routes->ending)
                pthread_cond_broadcast(&routes->called);
        pthread_mutex_unlock(&routes->lock);
}

static void
on_request(HttpRequest *request, gpointer user)
{
        Routes *routes = user;
        Task task = { .request = request };
        bool other_method;

        task.route = find_route(routes, http_request_method(request), http_request_path(request),
                                &task.component, &other_method);
        if (task.route == NULL)
                http_answer_error(request, 404, uk_error_name(UK_ERROR_NOT_FOUND),
                                  "there is nothing at this path");
        else if (!take_on(routes, &task))
                http_answer_error(request, 503, uk_error_name(UK_ERROR_BUSY),
                                  "this program is being stopped");
        else if (task.route->at_once)
                work_here(routes, &task);
}

static bool
start_worker(Routes *routes, GError **error)
{
        Worker *worker = &routes->workers[routes->worker_count];

        worker->routes = routes;
        worker->contexts = make_contexts(routes);
        int failed = pthread_create(&worker->thread, NULL, run, worker);
        if (failed != 0) {
                clear_worker(worker);
                return uk_fail_errno(error, failed, "starting a thread for requests");
        }
        pthread_setname_np(worker->thread, "requests");
        routes->worker_count++;
        return true;
}

/* The text of the PEM file that a setting names, NULL without one. */
static bool
read_pem(Host *host, const char *setting, char **pem_out, GError **error)
{
        g_autofree char *path = settings_text(host->settings, setting);
        gsize size;

        if (*path == '\0')
                return true;
        if (uk_io_read(path, MAX_PEM, pem_out, &size, error))
                return true;
        g_prefix_error(error, "reading the file of the setting %s: ", setting);
        return false;
}

static bool
listen_on(Routes *routes, guint index, GError **error)
{
        Host *host = routes->host;
        const HostListen *listen = &host->role->listens[index];
        g_autofree char *address = settings_text(host->settings, "http.address");
        g_autofree char *access_log =
                listen->access_log != NULL
                        ? g_build_filename(host->log_dir, listen->access_log, NULL)
                        : NULL;
        g_autofree char *cert = NULL;
        g_autofree char *key = NULL;

        if (!listen->plain && (!read_pem(host, "http.certificate", &cert, error) ||
                               !read_pem(host, "http.key", &key, error)))
                return false;
        HttpServerConfig config = {
                .address = *address != '\0' ? address : NULL,
                .port = (guint16)settings_int(host->settings, listen->setting),
                .threads = 2,
                .max_connections = (unsigned)settings_int(host->settings, "http.max_connections"),
                .cert_pem = cert,
                .key_pem = key,
                .access_log = access_log,
                .server_name = host->machine,
                .admit = admit,
                .handler = on_request,
                .too_large = on_too_large,
                .any_name = listen->any_name,
                .user = routes,
        };
        routes->servers[index] = http_server_start(&config, error);
        return routes->servers[index] != NULL;
}

bool
route_start(Host *host, GError **error)
{
        UK_DOING(error, "listening for requests");
        guint workers = (guint)settings_int(host->settings, "http.workers");

        if (host->role->listens[0].setting == NULL)
                return true;
        Routes *routes = host->routes = g_new0(Routes, 1);
        routes->host = host;
        routes->known = know_routes(host);
        pthread_mutex_init(&routes->lock, NULL);
        pthread_cond_init(&routes->called, NULL);
        pthread_key_create(&routes->here, free_here);
        g_queue_init(&routes->tasks);
        routes->workers = g_new0(Worker, workers);
        for (guint i = 0; i < workers; i++) {
                if (!start_worker(routes, error))
                        return false;
        }
        for (guint i = 0; i < G_N_ELEMENTS(routes->servers); i++) {
                if (host->role->listens[i].setting == NULL)
                        break;
                if (!listen_on(routes, i, error))
                        return false;
        }
        return true;
}

void
route_stop_work(Host *host)
{
        Routes *routes = host->routes;

        if (routes == NULL)
                return;
        pthread_mutex_lock(&routes->lock);
        routes->ending = true;
        pthread_cond_broadcast(&routes->called);
        while (routes->at_once > 0)
                pthread_cond_wait(&routes->called, &routes->lock);
        pthread_mutex_unlock(&routes->lock);
        for (guint i = 0; i < routes->worker_count; i++) {
                pthread_join(routes->workers[i].thread, NULL);
                clear_worker(&routes->workers[i]);
        }
        routes->worker_count = 0;
}

void
route_stop(Host *host)
{
        Routes *routes = g_steal_pointer(&host->routes);

        if (routes == NULL)
                return;
        for (guint i = 0; i < G_N_ELEMENTS(routes->servers); i++) {
                if (routes->servers[i] != NULL)
                        http_server_stop(routes->servers[i]);
        }
        g_array_unref(routes->known);
        g_free(routes->workers);
        pthread_key_delete(routes->here);
        pthread_cond_destroy(&routes->called);
        pthread_mutex_destroy(&routes->lock);
        g_free(routes);
}

guint16
route_port(const Host *host, const char *listen_name)
{
        for (guint i = 0; host->routes != NULL && i < G_N_ELEMENTS(host->routes->servers); i++) {
                const HostListen *listen = &host->role->listens[i];

                if (listen->setting == NULL)
                        break;
                if (strcmp(listen->name, listen_name) == 0 && host->routes->servers[i] != NULL)
                        return http_server_port(host->routes->servers[i]);
        }
        return 0;
}
