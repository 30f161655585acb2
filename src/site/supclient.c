/* supclient.c - requests of the site server to an update point; see wire/supadmin.h. */
#include "site/supclient.h"

#include <string.h>

#include "base/clock.h"
#include "base/io.h"
#include "crypto/sitesig.h"

/* A first synchronization of a large catalogue; above it the answer is not believed. */
#define MAX_CHANGES (G_GINT64_CONSTANT(4) * 1024 * 1024 * 1024)

typedef struct {
        const char *method, *path;
        const char *body; /* NULL: none */
        gint64 max_bytes;
        HttpSink sink;
        gpointer user;
} Ask;

/* Sends one signed request; the answer is the caller's. */
static HttpResponse *
ask(const SupClient *client, const Ask *what, GError **error)
{
        UK_DOING(error, "asking the update point %s", client->base);
        gsize size = what->body != NULL ? strlen(what->body) : 0;
        g_autofree char *url = g_strconcat(client->base, what->path, NULL);
        g_autofree char *trace =
                g_strconcat("traceparent: 00-", client->trace, "-0000000000000001-01", NULL);
        const SiteRequest request = { what->method, what->path, what->body, size };
        g_autofree char *signature = sitesig_header(client->key, client->site, client->server,
                                                    uk_clock_now(), &request, error);

        if (signature == NULL)
                return NULL;
        const char *headers[] = { signature, "Content-Type: application/json",
                                  client->trace[0] != '\0' ? trace : NULL, NULL };
        HttpCall call = { .method = what->method,
                          .url = url,
                          .headers = headers,
                          .body = what->body,
                          .body_size = size,
                          .max_bytes = what->max_bytes,
                          .proxy = "",
                          .sink = what->sink,
                          .user = what->user };

        return http_call(client->http, &call, error);
}

static SupStatus *
ask_status(const SupClient *client, const Ask *what, GError **error)
{
        g_autoptr(HttpResponse) response = ask(client, what, error);

        return response != NULL ? supadmin_status_read(response->body, response->size, error)
                                : NULL;
}

bool
supclient_configure(const SupClient *client, const SupConfig *config, GError **error)
{
        g_autofree char *body = supadmin_config_write(config);
        g_autoptr(HttpResponse) response = ask(
                client, &(Ask){ .method = "PUT", .path = "/SupAdmin/configuration", .body = body },
                error);

        return response != NULL;
}

SupStatus *
supclient_start(const SupClient *client, GError **error)
{
        Ask what = { .method = "POST", .path = "/SupAdmin/synchronization", .body = "{}" };

        return ask_status(client, &what, error);
}

SupStatus *
supclient_status(const SupClient *client, gint64 seen, GError **error)
{
        g_autofree char *path = g_strdup_printf("/SupAdmin/status?seen=%" G_GINT64_FORMAT, seen);

        return ask_status(client, &(Ask){ .method = "GET", .path = path }, error);
}

static bool
keep(gpointer user, const void *data, gsize size, GError **error)
{
        return uk_io_write(*(int *)user, data, size, "the changes of the update point", error);
}

bool
supclient_changes(const SupClient *client, gint64 since, int fd, GError **error)
{
        g_autofree char *path = g_strdup_printf("/SupAdmin/changes?since=%" G_GINT64_FORMAT, since);
        Ask what = {
                .method = "GET", .path = path, .max_bytes = MAX_CHANGES, .sink = keep, .user = &fd
        };
        g_autoptr(HttpResponse) response = ask(client, &what, error);

        return response != NULL;
}
