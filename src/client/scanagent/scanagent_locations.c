/* scanagent_locations.c - which of the update points of a reply a scan goes to.
 *
 * The one of the last good scan, as long as it is offered; else one at random of the client's own
 * forest, else the first (OQ-C13, COMP-081). One that this job has left is passed over (COMP-082).
 */
#include <string.h>

#include "client/scanagent/scanagent_private.h"
#include "crypto/random.h"

/* Whether a line of text is exactly this. */
static bool
has_line(const char *text, const char *line)
{
        gsize size = strlen(line);

        for (const char *at = strstr(text, line); at != NULL; at = strstr(at + 1, line)) {
                if ((at == text || at[-1] == '\n') && (at[size] == '\n' || at[size] == '\0'))
                        return true;
        }
        return false;
}

/* A client without a forest takes all servers for its own. */
static bool
is_of_forest(const char *server, const char *forest)
{
        gsize server_size = strlen(server), forest_size = strlen(forest);

        return forest_size == 0 ||
               (server_size > forest_size + 1 && server[server_size - forest_size - 1] == '.' &&
                g_ascii_strcasecmp(server + server_size - forest_size, forest) == 0);
}

static GPtrArray *
without_failed(const GPtrArray *locations, const char *failed)
{
        g_autoptr(GPtrArray) left = g_ptr_array_new();

        for (guint i = 0; i < locations->len; i++) {
                WsusLocation *location = g_ptr_array_index(locations, i);

                if (!has_line(failed, location->url))
                        g_ptr_array_add(left, location);
        }
        return g_steal_pointer(&left);
}

static const WsusLocation *
choose(const GPtrArray *locations, const char *last, const char *forest)
{
        g_autoptr(GPtrArray) own = g_ptr_array_new();
        guint32 number;

        for (guint i = 0; i < locations->len; i++) {
                WsusLocation *location = g_ptr_array_index(locations, i);

                if (strcmp(location->url, last) == 0)
                        return location;
                if (is_of_forest(location->server, forest))
                        g_ptr_array_add(own, location);
        }
        if (own->len == 0)
                return g_ptr_array_index(locations, 0);
        crypto_random(&number, sizeof number);
        return g_ptr_array_index(own, number % own->len);
}

const WsusLocation *
scanagent_choose(const WsusLocationReply *reply, ScanJob *job, const char *last, const char *forest)
{
        g_autoptr(GPtrArray) left = without_failed(reply->locations, job->failed_locations);

        /* A retry goes to the same one. */
        if (left->len > 0)
                return choose(left, job->tries > 0 ? job->location : last, forest);
        /* All were tried: the round begins anew. */
        scanjob_set(&job->failed_locations, "");
        return choose(reply->locations, "", forest);
}
