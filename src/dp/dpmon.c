/* dpmon.c - the content library of a distribution point is looked after: verified in idle time,
 * repaired from other distribution points, and verified at once when the site asks.
 *
 *   timers "verify", "repair": see transfer/librarymonitor.h; deltas that nobody needs go
 *   POST /SMS_DP$/verify: a package, now
 *
 * On a site server this is the site's task: there the library is only read.
 */
#include <string.h>

#include "base/clock.h"
#include "content/deltastore.h"
#include "content/packageverify.h"
#include "dp/dp_private.h"
#include "dp/pulljob.h"
#include "host/timer.h"
#include "transfer/librarymonitor.h"
#include "wire/json.h"

static Library *
library_of(Component *c, GError **error)
{
        Dp *dp = dp_of(c);

        return dp != NULL && !dp_colocated(dp) ? dp_library(dp, error) : NULL;
}

static bool
rate_of(Component *c, gint64 *rate_out, GError **error)
{
        g_autoptr(DistributionPoint) row = distributionpoint_load(c->db, error);

        if (row == NULL)
                return false;
        *rate_out = row->verify_rate > 0
                            ? row->verify_rate
                            : settings_int(host_settings(c->host), "dp.verify_bytes_per_second");
        return true;
}

/* The distribution points that the site has named. */
static GPtrArray *
sources_of(Component *c, const char *content_id, GError **error)
{
        g_autoptr(DistributionPoint) row = distributionpoint_load(c->db, error);

        if (row == NULL)
                return NULL;
        GPtrArray *sources = g_ptr_array_new_with_free_func((GDestroyNotify)repair_source_free);
        for (guint i = 0; i < row->sources->len; i++) {
                const DistributionPointSource *named = row->sources->pdata[i];
                RepairSource *source = g_new0(RepairSource, 1);

                source->name = g_strdup(named->server_name);
                source->url = g_strdup(named->url);
                g_ptr_array_add(sources, source);
        }
        return sources;
}

/* What a pull has brought, however long it takes or is paused. */
static GHashTable *
coming_of(Component *c, GError **error)
{
        g_autoptr(GPtrArray) contents = pulljob_open_contents(c->db, error);
        GHashTable *ids = NULL;

        if (contents == NULL)
                return NULL;
        ids = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
        for (guint i = 0; i < contents->len; i++)
                g_hash_table_add(ids, g_strdup(((PullContent *)contents->pdata[i])->content_id));
        return ids;
}

static const LibraryMonitorWays ways = {
        .library = library_of,
        .rate = rate_of,
        .sources = sources_of,
        .coming = coming_of,
        .pause_setting = "dp.verify_pause_minutes",
        .repair_setting = "dp.repair_minutes",
};

static bool
on_verify(Component *c, GError **error)
{
        return librarymonitor_verify(c->state, c, error);
}

static bool
on_repair(Component *c, GError **error)
{
        gint64 keep = settings_int(host_settings(c->host), "dp.delta_megabytes") * 1000000;
        Library *library;

        if (!librarymonitor_repair(c->state, c, error))
                return false;
        library = library_of(c, NULL);
        return library == NULL || deltastore_trim(library, keep, error);
}

/* --- asked for by the site --- */

static void
tell_damaged(JsonWriter *json, const PackageDamage *damage)
{
        g_autofree char *shown = g_utf8_make_valid(damage->path, -1);

        json_object(json, NULL);
        json_text(json, "ContentID", damage->content_id);
        json_text(json, "Path", shown);
        json_end(json, '}');
}

static char *
write_verdict(const PackageVerdict *verdict)
{
        GString *out = g_string_new(NULL);
        JsonWriter json;

        json_begin(&json, out);
        json_object(&json, NULL);
        json_array(&json, "Damaged");
        for (guint i = 0; i < verdict->damaged->len; i++)
                tell_damaged(&json, verdict->damaged->pdata[i]);
        json_end(&json, ']');
        json_int(&json, "Version", verdict->version);
        json_int(&json, "Verified", verdict->files);
        json_int(&json, "Bytes", verdict->bytes);
        json_end(&json, '}');
        return g_string_free(out, FALSE);
}

static bool
go_on(gpointer host)
{
        return !host_stopping(host);
}

static bool
on_asked(Component *c, HttpRequest *request, GError **error)
{
        Library *library = dp_library(dp_of(c), error);
        g_autofree char *id = NULL;
        g_auto(PackageVerdict) verdict = { 0 };

        if (library == NULL || !dpprov_read_package(request, &id, NULL, error))
                return false;
        UK_DOING(error, "verifying package %s", id);
        if (!packageverify_run(library, id, false, go_on, c->host, &verdict, error))
                return false;
        uk_log("Package '%s' has been verified: %" G_GINT64_FORMAT " files, %u damaged", id,
               verdict.files, verdict.damaged->len);
        if (verdict.damaged->len > 0)
                timer_set(c, "repair", uk_clock_now());
        g_autofree char *body = write_verdict(&verdict);
        http_answer(request, 200, "application/json", body, strlen(body));
        return true;
}

/* --- the component --- */

static bool
start(Component *c, GError **error)
{
        c->state = librarymonitor_new(&ways);
        return true;
}

static void
stop(Component *c)
{
        librarymonitor_free(c->state);
        c->state = NULL;
}

const ComponentDef dpmon = {
        .name = "SMS_DISTRIBUTION_POINT_MONITORING",
        .log = "smsdpmon.log",
        .log_form = UK_LOG_SERVER,
        .what = "verifies the content library in idle time and repairs it from other distribution "
                "points",
        .routes = { { "POST", "/SMS_DP$/verify", CALLER_SITE, 64 * 1024, on_asked } },
        .timers = { { "verify", "verify", on_verify, true },
                    { "repair", "repair", on_repair, true } },
        .start = start,
        .stop = stop,
};
