/* pulldp_package.c - a package as a whole: how far it is, and its end (DIST-122 to DIST-127).
 *
 * Every end is a row together with the state message that tells of it; the job is removed when that
 * message is in the durable queue. A package that failed is tried again by itself, since whoever
 * was away may be back.
 */
#include <string.h>

#include "base/clock.h"
#include "base/io.h"
#include "dp/pulldp/pulldp_private.h"
#include "host/timer.h"
#include "transfer/dts.h"

#define PROGRESS_EVERY UK_MINUTE
#define TENTH          10 /* percent */
#define TROUBLE_PAUSE  UK_MINUTE
#define LONGEST_PAUSE  30 /* minutes */

/* ---- how far it is --------------------------------------------------------------------------- */

static void
put(char **member, const char *value)
{
        g_free(*member);
        *member = g_strdup(value);
}

static bool
raise_once(DbTx *tx, PullPackage *package, PullReportState state, const char *data, bool *raised,
           GError **error)
{
        if ((package->reported & state) != 0)
                return true;
        package->reported |= state;
        *raised = true;
        return pulldp_report_add(tx, package, state, data, error);
}

/* "30 1234 5678", without the percentage " 1234 5678": how much of what must be fetched is here. */
static char *
progress_data(const char *percent, const PullProgress *progress)
{
        return g_strdup_printf("%s %" G_GINT64_FORMAT " %" G_GINT64_FORMAT, percent,
                               MIN(progress->bytes_done, progress->bytes_all), progress->bytes_all);
}

/* Every tenth percent, and no two within a minute. */
static bool
raise_progress(DbTx *tx, PullPackage *package, const PullProgress *progress, bool *raised,
               GError **error)
{
        int percent = pulljob_percent(progress);
        gint64 now = uk_clock_now();
        gint64 since = now - package->progress_us;
        g_autofree char *number = g_strdup_printf("%d", percent);
        g_autofree char *data = progress_data(number, progress);

        if (percent >= 100 || percent / 10 <= package->reported_percent / 10 ||
            (package->progress_us != 0 && since >= 0 && since < PROGRESS_EVERY))
                return true;
        package->reported_percent = percent;
        package->progress_us = now;
        put(&package->error, "");
        *raised = true;
        return pulldp_report_add(tx, package, REPORT_PROGRESS, data, error);
}

/* Before all of it is planned, neither a percentage nor bytes would be true; before the sources
 * have said how large the deltas are, bytes would not, and the beginning is told a little later. */
static bool
raise_due(DbTx *tx, PullPackage *package, const PullProgress *progress, bool *raised,
          GError **error)
{
        g_autofree char *bytes = progress_data("", progress);

        if (progress->unplanned > 0 || (progress->unsized > 0 && pulljob_percent(progress) < TENTH))
                return true;
        if (!raise_once(tx, package, REPORT_STARTED, bytes, raised, error))
                return false;
        if (progress->lacking > 0)
                return raise_progress(tx, package, progress, raised, error);
        return raise_once(tx, package, REPORT_DOWNLOADED, "", raised, error);
}

bool
pulldp_package_tell(Component *c, const char *package_id, GError **error)
{
        g_autoptr(DbTx) tx = db_begin(c->db, error);
        g_autoptr(PullPackage) package = NULL;
        PullProgress progress;
        bool raised = false;

        if (tx == NULL || !pulljob_load(c->db, package_id, &package, error))
                return false;
        if (package == NULL || strcmp(package->state, PULLJOB_RUNNING) != 0)
                return true;
        if (!pulljob_progress(c->db, package_id, &progress, error) ||
            !raise_due(tx, package, &progress, &raised, error))
                return false;
        if (!raised)
                return true;
        if (!pulljob_save(tx, package, error) || !db_commit(g_steal_pointer(&tx), error))
                return false;
        pulldp_ring_report(c->host);
        return true;
}

/* ---- success --------------------------------------------------------------------------------- */

static bool
set_package(Component *c, const PullPackage *package, GPtrArray *contents, GError **error)
{
        Library *library = pulldp_library(c, error);
        g_autoptr(GPtrArray) ids = g_ptr_array_new();

        for (guint i = 0; i < contents->len; i++)
                g_ptr_array_add(ids, ((PullContent *)contents->pdata[i])->content_id);
        g_ptr_array_add(ids, NULL);
        return library != NULL &&
               library_set_package(library, package->package_id, package->version,
                                   (const char *const *)ids->pdata, error);
}

/* The state and the message that tells of it, for the first who comes here. */
static bool
succeed(Component *c, PullPackage *package, GPtrArray *contents, GError **error)
{
        g_autoptr(DbTx) tx = db_begin(c->db, error);
        bool first = false, raised = false;

        if (tx == NULL || !raise_once(tx, package, REPORT_STARTED, "", &raised, error) ||
            !raise_once(tx, package, REPORT_DOWNLOADED, "", &raised, error) ||
            !pulljob_set_state(tx, package, PULLJOB_SUCCEEDED, &first, error))
                return false;
        if (!first)
                return true;
        g_free(package->state);
        package->state = g_strdup(PULLJOB_SUCCEEDED);
        if (!pulldp_report_add(tx, package, REPORT_SUCCESS, "", error) ||
            !pulljob_save(tx, package, error))
                return false;
        /* Before the commit: the reporter may be awake and tell of it at once (93-logs 1.3). */
        uk_log("All %u content jobs for %s.%" G_GINT64_FORMAT
               " have completed, notify of success for this pull dp job.",
               contents->len, package->package_id, package->version);
        uk_log("%s.%" G_GINT64_FORMAT
               " has completed successfully, will clear stored content job state.",
               package->package_id, package->version);
        if (!db_commit(g_steal_pointer(&tx), error))
                return false;
        pulldp_ring_report(c->host);
        return true;
}

/* A content item that had come, and went while others came, is fetched again. */
static bool
fetch_lost(Component *c, GPtrArray *contents, bool *any_out, GError **error)
{
        Library *library = pulldp_library(c, error);

        *any_out = false;
        for (guint i = 0; library != NULL && i < contents->len; i++) {
                PullContent *content = contents->pdata[i];
                g_autoptr(GError) why = NULL;
                const ContentTree *tree = library_tree_ref(library, content->content_id, &why);

                if (tree != NULL)
                        library_tree_unref(library, tree);
                if (tree != NULL || !g_error_matches(why, UK_ERROR, UK_ERROR_NOT_FOUND))
                        continue;
                uk_warn("Content %s is fetched again: %s", content->content_id, why->message);
                *any_out = true;
                content->state = PULL_NOT_STARTED;
                content->bytes_done = 0;
                if (!pulldp_content_save(c, content, error) ||
                    !pulldp_run_content(c, content->guid, error))
                        return false;
        }
        return library != NULL;
}

static bool
set_and_succeed(Component *c, PullPackage *package, GPtrArray *contents, GError **error)
{
        g_autoptr(GError) why = NULL;
        bool again;

        if (set_package(c, package, contents, &why))
                return succeed(c, package, contents, error);
        if (g_error_matches(why, UK_ERROR, UK_ERROR_NOT_FOUND)) {
                if (!fetch_lost(c, contents, &again, error))
                        return false;
                if (again)
                        return true;
        }
        g_propagate_error(error, g_steal_pointer(&why));
        return false;
}

static bool
finish(Component *c, const char *package_id, GError **error)
{
        g_autoptr(PullPackage) package = NULL;
        g_autoptr(GPtrArray) contents = NULL;
        PullProgress progress;

        if (!pulljob_load(c->db, package_id, &package, error))
                return false;
        if (package == NULL || strcmp(package->state, PULLJOB_RUNNING) != 0)
                return true;
        if (!pulljob_progress(c->db, package_id, &progress, error))
                return false;
        if (progress.contents == 0 || progress.unfinished > 0)
                return true;
        contents = pulljob_contents(c->db, package_id, error);
        return contents != NULL && set_and_succeed(c, package, contents, error);
}

bool
pulldp_package_finish(Component *c, const char *package_id, GError **error)
{
        Dp *dp = dp_of(c);

        if (dp == NULL) /* which fails where it would set the package */
                return finish(c, package_id, error);
        dp_settle_begin(dp, package_id);
        bool done = finish(c, package_id, error);
        dp_settle_end(dp, package_id);
        return done;
}

/* ---- what keeps it --------------------------------------------------------------------------- */

/* Sets state, reason and next time of a package that runs. A warning is reported when it is another
 * than before. */
static bool
stop_package(Component *c, const char *package_id, const char *state, const char *why, gint64 pause,
             PullReportState state_id, GError **error)
{
        g_autoptr(DbTx) tx = db_begin(c->db, error);
        g_autoptr(PullPackage) package = NULL;
        bool news;

        if (tx == NULL || !pulljob_load(c->db, package_id, &package, error))
                return false;
        if (package == NULL || strcmp(package->state, PULLJOB_RUNNING) != 0)
                return true;
        news = state_id == REPORT_FAILURE || strcmp(package->error, why) != 0;
        put(&package->state, state);
        put(&package->error, why);
        if (pause < 0)
                pause = UK_MINUTE * MIN(1 << MIN(package->failures, 5), LONGEST_PAUSE);
        package->failures += state_id == REPORT_FAILURE;
        package->next_us = pause > 0 ? uk_clock_now() + pause : 0;
        if ((news && !pulldp_report_add(tx, package, state_id, why, error)) ||
            !pulljob_save(tx, package, error) || !db_commit(g_steal_pointer(&tx), error))
                return false;
        if (news)
                pulldp_ring_report(c->host);
        pulldp_ring(c->host); /* the next time is planned there */
        return true;
}

bool
pulldp_package_wait(Component *c, const char *package_id, const char *why, GError **error)
{
        gint64 minutes = settings_int(host_settings(c->host), "pulldp.no_source_minutes");

        uk_warn("No source distribution point has package %s; the next try is in %d minutes: %s",
                package_id, (int)minutes, why);
        return stop_package(c, package_id, PULLJOB_WAITING, why, minutes * UK_MINUTE,
                            REPORT_WARNING, error);
}

bool
pulldp_package_fail(Component *c, const char *package_id, const char *why, bool for_good,
                    GError **error) /* DIST-120 */
{
        uk_error("Package %s failed: %s", package_id, why);
        return stop_package(c, package_id, PULLJOB_FAILED, why, for_good ? 0 : -1, REPORT_FAILURE,
                            error);
}

bool
pulldp_package_trouble(Component *c, const char *package_id, const char *why, GError **error)
{
        return stop_package(c, package_id, PULLJOB_RUNNING, why, TROUBLE_PAUSE, REPORT_WARNING,
                            error);
}

bool
pulldp_package_hold(Component *c, const char *package_id, const GError *why, GError **error)
{
        bool full = g_error_matches(why, UK_ERROR, UK_ERROR_FULL);
        g_autofree char *words =
                g_strconcat(why->message, full ? ": " UK_ERROR_MAKE_ROOM : NULL, NULL);

        return pulldp_package_trouble(c, package_id, words, error);
}

/* ---- looking ----------------------------------------------------------------------------------
 */

bool
pulldp_package_drop_downloads(DbTx *tx, GPtrArray *contents, GError **error)
{
        for (guint i = 0; i < contents->len; i++) {
                const PullContent *content = contents->pdata[i];

                if (content->dts_job[0] != '\0' && !dts_remove(tx, content->dts_job, error))
                        return false;
        }
        return true;
}

/* All sources are as good as new, and whatever waits for nothing runs. The reason stays until bytes
 * come: the same one again is no news. */
static bool
begin_again(Component *c, PullPackage *package, GError **error)
{
        g_autoptr(GPtrArray) contents = pulljob_contents(c->db, package->package_id, error);
        g_autoptr(DbTx) tx = contents != NULL ? db_begin(c->db, error) : NULL;
        g_autoptr(PullPackage) now = NULL;

        if (tx == NULL || !pulljob_load(c->db, package->package_id, &now, error))
                return false;
        if (now == NULL || strcmp(now->state, package->state) != 0)
                return true; /* paused or cancelled meanwhile, which has its own ring */
        put(&package->state, PULLJOB_RUNNING);
        package->next_us = 0;
        if (!pulljob_forget_verdicts(tx, package->package_id, error) ||
            !pulljob_save(tx, package, error) || !db_commit(g_steal_pointer(&tx), error))
                return false;
        for (guint i = 0; i < contents->len; i++) {
                if (!pulldp_content_resume(c, contents->pdata[i], error))
                        return false;
        }
        return pulldp_package_finish(c, package->package_id, error);
}

static void
stop_downloads(Host *host, const GPtrArray *contents)
{
        for (guint i = 0; i < contents->len; i++) {
                const PullContent *content = contents->pdata[i];

                if (content->dts_job[0] != '\0')
                        dts_stop(host, content->dts_job);
        }
}

bool
pulldp_pause(Component *c, const char *package_id, gint64 version, bool paused, GError **error)
{
        g_autoptr(DbTx) tx = db_begin(c->db, error);
        g_autoptr(GPtrArray) contents =
                tx != NULL ? pulljob_contents(c->db, package_id, error) : NULL;

        if (contents == NULL || !pulljob_pause(tx, package_id, version, paused, error) ||
            (paused && !pulldp_package_drop_downloads(tx, contents, error)) ||
            !db_commit(g_steal_pointer(&tx), error))
                return false;
        if (paused)
                stop_downloads(c->host, contents);
        pulldp_ring(c->host);
        return true;
}

static bool
end_cancelled(Component *c, PullPackage *package, GError **error)
{
        g_autoptr(DbTx) tx = db_begin(c->db, error);
        g_autoptr(GPtrArray) contents =
                tx != NULL ? pulljob_contents(c->db, package->package_id, error) : NULL;

        if (contents == NULL || (package->reported & REPORT_CANCELLED) != 0)
                return contents != NULL;
        package->reported |= REPORT_CANCELLED;
        if (!pulldp_package_drop_downloads(tx, contents, error) ||
            !pulldp_report_add(tx, package, REPORT_CANCELLED, "", error) ||
            !pulljob_save(tx, package, error) || !db_commit(g_steal_pointer(&tx), error))
                return false;
        stop_downloads(c->host, contents);
        uk_log("%s.%" G_GINT64_FORMAT " has been cancelled.", package->package_id,
               package->version);
        pulldp_ring_report(c->host);
        return true;
}

/* The longest that a package waits for its next try. */
static gint64
longest_pause(Component *c)
{
        gint64 minutes = settings_int(host_settings(c->host), "pulldp.no_source_minutes");

        return MAX(minutes, LONGEST_PAUSE) * UK_MINUTE;
}

static bool
look_at(Component *c, PullPackage *package, gint64 *next, GError **error)
{
        gint64 now = uk_clock_now();

        if (strcmp(package->state, PULLJOB_CANCELLED) == 0)
                return end_cancelled(c, package, error);
        if (package->next_us == 0 || strcmp(package->state, PULLJOB_SUCCEEDED) == 0)
                return true;
        if (uk_clock_due(package->next_us, longest_pause(c), now) <= now)
                return begin_again(c, package, error);
        *next = MIN(*next, package->next_us);
        return true;
}

bool
pulldp_package_look(Component *c, GError **error)
{
        g_autoptr(GPtrArray) packages = pulljob_list(c->db, error);
        gint64 next = UK_NEVER;

        if (packages == NULL)
                return false;
        for (guint i = 0; i < packages->len; i++) {
                PullPackage *package = packages->pdata[i];

                uk_trace_set(package->trace);
                bool ok = look_at(c, package, &next, error);
                uk_trace_set("");
                if (!ok)
                        return false;
        }
        timer_set(c, "due", next);
        return true;
}

/* ---- clearing ---------------------------------------------------------------------------------
 */

static bool
is_over(const PullPackage *package)
{
        return strcmp(package->state, PULLJOB_SUCCEEDED) == 0 ||
               (strcmp(package->state, PULLJOB_CANCELLED) == 0 &&
                (package->reported & REPORT_CANCELLED) != 0);
}

/* Of a distribution point that is sent its packages since, an order may bring them now. */
static bool
drop_contents(Component *c, const char *package_id, const GPtrArray *contents, GError **error)
{
        g_autoptr(GHashTable) gone = g_hash_table_new(g_str_hash, g_str_equal);

        for (guint i = 0; i < contents->len; i++)
                g_hash_table_add(gone, ((PullContent *)contents->pdata[i])->content_id);
        return dp_drop_unordered(dp_of(c), c->db, package_id, gone, error);
}

/* Nothing stays of a job that did not come to its end: neither downloads nor content items. */
static bool
drop_rests(Component *c, const PullPackage *package, GError **error)
{
        bool over = strcmp(package->state, PULLJOB_SUCCEEDED) == 0;
        g_autoptr(DbTx) tx = NULL;
        g_autoptr(GPtrArray) contents = pulljob_contents(c->db, package->package_id, error);

        if (contents != NULL && !over && !drop_contents(c, package->package_id, contents, error))
                return false;
        tx = contents != NULL ? db_begin(c->db, error) : NULL;
        return tx != NULL && pulldp_package_drop_downloads(tx, contents, error) &&
               pulljob_drop(tx, package->package_id, error) &&
               db_commit(g_steal_pointer(&tx), error);
}

static bool
clear(Component *c, Library *library, const PullPackage *package, guint count, GError **error)
{
        g_autofree char *folder = pulldp_package_folder(library, package->package_id);
        g_autofree char *name =
                g_strdup_printf("%s.%" G_GINT64_FORMAT, package->package_id, package->version);
        PullProgress progress;

        if (!pulljob_progress(c->db, package->package_id, &progress, error))
                return false;
        uk_log("Clearing content job states for all %" G_GINT64_FORMAT
               " content jobs in package %s.",
               progress.contents, name);
        uk_log("CPullDPService::ClearCompletedJobs(), removing %u completed jobs.", count);
        if (!uk_io_remove_tree(folder, error) ||
            !dp_drop_bundle(dp_of(c), c->db, package->package_id, error))
                return false;
        dp_settle_begin(dp_of(c), package->package_id);
        bool dropped = drop_rests(c, package, error);
        dp_settle_end(dp_of(c), package->package_id);
        if (!dropped)
                return false;
        pulldp_bundle_forget(c, package->guid);
        uk_log("Removing job for package %s from job array and WMI.", name);
        uk_log("Clearing content job states for all %" G_GINT64_FORMAT
               " content jobs in package %s.",
               progress.contents, name);
        return true;
}

bool
pulldp_package_clear(Component *c, GError **error) /* DIST-127 */
{
        g_autoptr(GPtrArray) packages = pulljob_list(c->db, error);
        guint count = 0;

        for (guint i = 0; packages != NULL && i < packages->len; i++)
                count += is_over(packages->pdata[i]);
        for (guint i = 0; packages != NULL && i < packages->len; i++) {
                const PullPackage *package = packages->pdata[i];
                Library *library = is_over(package) ? pulldp_library(c, error) : NULL;

                if (!is_over(package))
                        continue;
                if (library == NULL || !clear(c, library, package, count, error))
                        return false;
        }
        return packages != NULL;
}
