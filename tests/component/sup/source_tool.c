/* source_tool.c - the client's transport alone, for tests against a real update point.
 *
 *   component-sup-source SERVER CACHE MACHINE_ROOT CLIENT_ID [LOG]
 *
 *   component-sup-source clock-step ROOT SECONDS
 *
 * Prints a line per set: product, architecture, number, SHA-256; or the error, with status 1.
 */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "client/wuagent/source.h"
#include "crypto/hash.h"
#include "net/http_server.h"
#include "wire/xml.h"

static int
failed(GError *error)
{
        fprintf(stderr, "%s: %s\n", uk_error_name(error->code), error->message);
        g_error_free(error);
        return 1;
}

static void
show(const GPtrArray *sets)
{
        for (guint i = 0; i < sets->len; i++) {
                const SourceSet *set = g_ptr_array_index(sets, i);
                gsize size;
                const void *text = g_bytes_get_data(set->text, &size);
                g_autofree char *digest = hash_sha256_hex(text, size);

                printf("%s\t%s\t%" G_GINT64_FORMAT "\t%s\n", set->product_id, set->architecture,
                       set->number, digest);
        }
}

static int
step(const char *root, const char *seconds)
{
        g_autofree char *path = g_build_filename(root, "run/upkeep/clock", NULL);

        return uk_clock_step(path, g_ascii_strtoll(seconds, NULL, 10) * UK_SECOND, NULL) ? 0 : 1;
}

int
main(int argc, char **argv)
{
        GError *error = NULL;

        if (argc == 4 && strcmp(argv[1], "clock-step") == 0)
                return step(argv[2], argv[3]);
        if (argc < 5)
                return 2;
        if (!crypto_global_init(&error) || !net_global_init(&error) || !wire_global_init(&error))
                return failed(error);
        g_autoptr(UkLog) log =
                argc > 5 ? uk_log_open(argv[5], "PT", UK_LOG_AGENT, 0, 1, &error) : NULL;
        g_autoptr(DebMachine) machine = machine_read(argv[3], &error);
        g_autoptr(HttpClient) http = http_client_new();
        SourceAsk ask = { .http = http,
                          .server_url = argv[1],
                          .cache_dir = argv[2],
                          .client_id = argv[4],
                          .name = "ps1lnx64.contoso.com",
                          .trace = "",
                          .machine = machine };

        if (error != NULL)
                return failed(error);
        uk_log_bind(log);
        g_autoptr(GPtrArray) sets = source_refresh(&ask, &error);
        uk_log_bind(NULL);
        if (sets == NULL)
                return failed(error);
        show(sets);
        return 0;
}
