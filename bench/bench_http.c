/* bench_http.c - what a request costs through the host's routes, through net alone, and in a bare
 * libmicrohttpd handler that answers the same bytes.
 *
 *     bench_http [SECONDS]
 *
 * The load is wrk's, on the same machine; the processor time is the server's own. Without wrk
 * nothing is measured.
 */
#include <microhttpd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/io.h"
#include "bench.h"
#include "host/host.h"

#define ROUNDS 3

static const char answer[] =
        "{\"value\":[{\"ID\":1,\"Name\":\"one\"},{\"ID\":2,\"Name\":\"two\"}]}";

typedef enum {
        SERVER_BARE,
        SERVER_NET,
        SERVER_AT_ONCE,
        SERVER_WORKER,
        SERVERS,
} Server;
static const char *const names[] = { "bare libmicrohttpd", "net", "host, at once",
                                     "host, by a worker" };

/* ---- bare ---- */

static enum MHD_Result
on_bare(void *user, struct MHD_Connection *connection, const char *url, const char *method,
        const char *version, const char *body, size_t *size, void **state)
{
        if (*state == NULL) {
                *state = connection;
                return MHD_YES;
        }
        if (*size > 0) {
                *size = 0;
                return MHD_YES;
        }
        struct MHD_Response *response = MHD_create_response_from_buffer(
                sizeof answer - 1, (void *)answer, MHD_RESPMEM_PERSISTENT);
        MHD_add_response_header(response, "Content-Type", "application/json");
        enum MHD_Result result = MHD_queue_response(connection, 200, response);
        MHD_destroy_response(response);
        return result;
}

static guint16
start_bare(void)
{
        struct MHD_Daemon *daemon =
                MHD_start_daemon(MHD_USE_EPOLL_INTERNAL_THREAD, 0, NULL, NULL, on_bare, NULL,
                                 MHD_OPTION_THREAD_POOL_SIZE, 2u, MHD_OPTION_END);

        bench_must(daemon != NULL, NULL);
        return MHD_get_daemon_info(daemon, MHD_DAEMON_INFO_BIND_PORT)->port;
}

/* ---- net ---- */

static gssize
admit(const char *method, const char *path, gpointer user)
{
        return 10000;
}

static void
on_net(HttpRequest *request, gpointer user)
{
        http_answer(request, 200, "application/json", answer, sizeof answer - 1);
}

static guint16
start_net(void)
{
        g_autoptr(GError) error = NULL;
        HttpServerConfig config = {
                .address = "127.0.0.1", .threads = 2, .admit = admit, .handler = on_net
        };
        HttpServer *server = http_server_start(&config, &error);

        bench_must(server != NULL, error);
        return http_server_port(server);
}

/* ---- host ---- */

static bool
on_route(Component *c, HttpRequest *request, GError **error)
{
        http_answer(request, 200, "application/json", answer, sizeof answer - 1);
        return true;
}

static const ComponentDef bench = {
        .name = "BENCH",
        .log = "Bench.log",
        .log_form = UK_LOG_SERVER,
        .routes = { { "*", "/bench", CALLER_ANYONE, 10000, on_route },
                    { "*", "/at-once", CALLER_ANYONE, 10000, on_route, .at_once = true } },
};
static const ComponentDef *const components[] = { &bench, NULL };
static const SettingDef settings[] = {
        { "bench.port", SETTING_INT, "0", 0, 65535, "", "at start", "The port" },
        { .name = NULL },
};
static const HostRole role = { .role = "bench",
                               .components = components,
                               .settings = settings,
                               .listens = { { "bench.port", "http", NULL } } };

static guint16
start_host(const char *root)
{
        g_autoptr(GError) error = NULL;
        Host *host = host_new(&role, root, &error);

        bench_must(host != NULL && host_start(host, &error), error);
        return host_port(host, "http");
}

/* ---- the measurement ---- */

static void
serve(Server server, const char *root, int out)
{
        g_autoptr(GError) error = NULL;

        bench_must(net_global_init(&error), error);
        guint16 port = server == SERVER_BARE  ? start_bare()
                       : server == SERVER_NET ? start_net()
                                              : start_host(root);
        bench_must(write(out, &port, sizeof port) == (ssize_t)sizeof port, NULL);
        for (;;)
                pause();
}

static double
cpu_seconds(pid_t pid)
{
        clockid_t id;
        struct timespec ts;

        bench_must(clock_getcpuclockid(pid, &id) == 0 && clock_gettime(id, &ts) == 0, NULL);
        return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

/* Requests that wrk has made, of its lines. */
static double
run_wrk(guint16 port, const char *path, int seconds, bool post)
{
        g_autofree char *url = g_strdup_printf("http://127.0.0.1:%u/%s", port, path);
        g_autofree char *time = g_strdup_printf("-d%ds", seconds);
        g_autofree char *output = NULL;
        g_autoptr(GError) error = NULL;
        const char *argv[] = { "wrk",        "-t1", "-c16", time, url, post ? "-s" : NULL,
                               "/dev/stdin", NULL };
        g_autofree char *script = NULL;

        if (post) {
                script = g_build_filename(g_get_tmp_dir(), "upkeep-bench-post.lua", NULL);
                bench_must(g_file_set_contents(script,
                                               "wrk.method = 'POST'\n"
                                               "wrk.body = string.rep('x', 1500)\n",
                                               -1, &error),
                           error);
                argv[6] = script;
        }
        bench_must(g_spawn_sync(NULL, (char **)argv, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL, &output,
                                NULL, NULL, &error),
                   error);
        const char *line = strstr(output, " requests in ");
        bench_must(line != NULL && strstr(output, "Non-2xx") == NULL, NULL);
        while (line > output && line[-1] != '\n')
                line--;
        return g_ascii_strtod(line, NULL);
}

/* Microseconds of the server's processor time per request. */
static double
measure(Server server, int seconds, bool post)
{
        char *root = bench_folder();
        int ends[2];
        guint16 port = 0;

        bench_must(pipe(ends) == 0, NULL);
        pid_t pid = fork();
        if (pid == 0)
                serve(server, root, ends[1]);
        bench_must(read(ends[0], &port, sizeof port) == (ssize_t)sizeof port, NULL);
        close(ends[0]);
        close(ends[1]);
        double before = cpu_seconds(pid);
        double requests =
                run_wrk(port, server == SERVER_AT_ONCE ? "at-once" : "bench", seconds, post);
        double used = cpu_seconds(pid) - before;
        kill(pid, SIGKILL);
        waitpid(pid, NULL, 0);
        bench_folder_remove(root);
        return used * 1e6 / requests;
}

static void
measure_all(int seconds, bool post)
{
        double values[SERVERS][ROUNDS];

        for (int round = 0; round < ROUNDS; round++) {
                for (int server = 0; server < SERVERS; server++)
                        values[server][round] = measure((Server)server, seconds, post);
        }
        double limit = bench_median(values[SERVER_BARE], ROUNDS);
        for (int server = 0; server < SERVERS; server++) {
                g_autofree char *name = g_strdup_printf(
                        "  %s, %s", post ? "POST 1500 bytes" : "GET", names[server]);

                bench_print(name, bench_median(values[server], ROUNDS), "us CPU",
                            server == SERVER_BARE ? 0 : limit);
        }
}

int
main(int argc, char **argv)
{
        int seconds = argc > 1 ? atoi(argv[1]) : 2;
        g_autofree char *wrk = g_find_program_in_path("wrk");

        if (wrk == NULL) {
                printf("HTTP: not measured, because wrk is not installed\n");
                return 0;
        }
        printf("HTTP: the server's processor time per request, 16 connections, median of %d\n",
               ROUNDS);
        measure_all(seconds, false);
        measure_all(seconds, true);
        return 0;
}
