/* dpmon.c - the content library of a distribution point is looked after: verified in idle time,
 * repaired from other distribution points, and verified at once when the site asks.
 *
 *   timers "verify", "repair": see transfer/librarymonitor.h; deltas that nobody needs go
 *   POST /SMS_DP$/verify: a package, now
 *
 * On a site server this is the site's task: there the library is only read.
 */
#include "base/clock.h"
#include "content/deltastore.h"
#include "content/library_check.h"
#include "content/verify.h"
#include "dp/dp_private.h"
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

static const LibraryMonitorWays ways = {
        .library = library_of,
        .rate = rate_of,
        .sources = sources_of,
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

static bool
verify_entry(Library *library, const TreeEntry *entry, gint64 *bytes, VerifyState *state_out,
             GError **error)
{
        g_autoptr(Verify) verify = verify_begin(library, entry->hash, entry->size);

        *state_out = VERIFY_MORE;
        while (*state_out == VERIFY_MORE) {
                gsize got;

                if (!verify_step(verify, G_MAXINT, &got, state_out, error))
                        return false;
                *bytes += (gint64)got;
        }
        return true;
}

typedef struct {
        JsonWriter json;
        gint64 files, bytes, damaged;
} Verdict;

static void
tell_damaged(Verdict *verdict, const char *content_id, const char *path)
{
        g_autofree char *shown = g_utf8_make_valid(path, -1);

        verdict->damaged++;
        json_object(&verdict->json, NULL);
        json_text(&verdict->json, "ContentID", content_id);
        json_text(&verdict->json, "Path", shown);
        json_end(&verdict->json, '}');
}

static bool
verify_tree(Library *library, const ContentTree *tree, Verdict *verdict, GError **error)
{
        for (guint i = 0; i < tree_count(tree); i++) {
                const TreeEntry *entry = tree_entry(tree, i);
                VerifyState state;

                if (entry->kind != TREE_FILE)
                        continue;
                if (!verify_entry(library, entry, &verdict->bytes, &state, error))
                        return false;
                verdict->files++;
                if (state != VERIFY_GOOD)
                        tell_damaged(verdict, tree_content_id(tree), entry->path);
        }
        return true;
}

/* The definition, and the files that it names as far as it can be read. */
static bool
verify_package(Library *library, const char *package_id, Verdict *verdict, GError **error)
{
        g_autoptr(GPtrArray) flaws = library_flaws_new();
        g_autoptr(LibraryPackage) package = NULL;

        if (!library_check_package(library, package_id, false, flaws, &package, error))
                return false;
        for (char **id = package != NULL ? package->content_ids : NULL; id != NULL && *id != NULL;
             id++) {
                if (!library_check_content(library, *id, false, flaws, error))
                        return false;
                const ContentTree *tree = library_tree_ref(library, *id, NULL);
                bool good = tree == NULL || verify_tree(library, tree, verdict, error);

                if (tree != NULL)
                        library_tree_unref(library, tree);
                if (!good)
                        return false;
        }
        for (guint i = 0; i < flaws->len; i++) {
                const LibraryFlaw *flaw = flaws->pdata[i];

                tell_damaged(verdict, flaw->id, flaw->path);
        }
        return true;
}

static bool
on_asked(Component *c, HttpRequest *request, GError **error)
{
        Library *library = dp_library(dp_of(c), error);
        g_autofree char *id = NULL;
        g_autoptr(GString) out = g_string_new(NULL);
        Verdict verdict = { 0 };

        if (library == NULL || !dpprov_read_package(request, &id, NULL, error))
                return false;
        UK_DOING(error, "verifying package %s", id);
        json_begin(&verdict.json, out);
        json_object(&verdict.json, NULL);
        json_array(&verdict.json, "Damaged");
        if (!verify_package(library, id, &verdict, error))
                return false;
        json_end(&verdict.json, ']');
        json_int(&verdict.json, "Verified", verdict.files);
        json_int(&verdict.json, "Bytes", verdict.bytes);
        json_end(&verdict.json, '}');
        uk_log("Package '%s' has been verified: %" G_GINT64_FORMAT " files, %" G_GINT64_FORMAT
               " damaged",
               id, verdict.files, verdict.damaged);
        if (verdict.damaged > 0)
                timer_set(c, "repair", uk_clock_now());
        http_answer(request, 200, "application/json", out->str, out->len);
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
