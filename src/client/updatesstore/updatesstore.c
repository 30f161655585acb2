/* updatesstore.c - the updates store: compares a scan with what was known and raises what is new.
 *
 * In: results of a search, as a letter in memory (the scan job stays in Search until they are
 * stored). Out, in one transaction: the rows, a state message for each update whose state the site
 * must learn, and the job with its figures. Missing is always raised; installed only if it was
 * reported missing before, or for security and critical updates; what is no longer applicable only
 * if something else was reported (OQ-C17, OQ-C27).
 */
#include "client/updatesstore/updatesstore.h"

#include <string.h>

#include "base/log.h"
#include "client/hresult.h"
#include "client/scanagent/scanjob.h"
#include "client/statemessage/statemessage.h"
#include "client/updatesstore/updatestatus.h"
#include "crypto/hash.h"
#include "wire/scansummary.h"

#define RESULTS_MAX (256 * 1024 * 1024)

/* The storing of one scan. */
typedef struct {
        Work *work;
        ScanJob *job;
        const SearchResult *result;
        GHashTable *known; /* UpdateStatus by ID */
        char *sources;     /* "{update source};content version" */
} Storing;

/* The packages that make the update missing, one a line: "name architecture installed new", and
 * "hold" behind it when the administrator holds the package (DEB-033, DEB-041). */
static char *
package_lines(const ResultUpdate *update)
{
        GString *text = g_string_new(NULL);

        for (guint i = 0; i < update->packages->len; i++) {
                const ResultPackage *package = g_ptr_array_index(update->packages, i);

                g_string_append_printf(text, "%s %s %s %s%s\n", package->name,
                                       package->architecture, package->installed,
                                       package->available, package->held ? " hold" : "");
        }
        return g_string_free(text, FALSE);
}

static bool
is_important(const ResultUpdate *update)
{
        return g_ascii_strcasecmp(update->classification_id, RESULT_CLASS_SECURITY) == 0 ||
               g_ascii_strcasecmp(update->classification_id, RESULT_CLASS_CRITICAL) == 0;
}

/* Whether the site must be told. */
static bool
is_news(const ResultUpdate *update, const UpdateStatus *known, const char *digest)
{
        gint64 reported = known != NULL ? known->reported_state : 0;

        if (reported == update->state)
                return strcmp(known->digest, digest) != 0;
        if (update->state == RESULT_MISSING)
                return true;
        return reported == RESULT_MISSING || is_important(update);
}

static bool
raise_update(Storing *storing, const char *id, gint64 revision, int state, const char *details,
             GError **error) /* COMP-053 */
{
        g_autofree char *number = g_strdup_printf("%" G_GINT64_FORMAT, revision);
        StateMsg message = {
                .topic_type = STATE_TOPIC_DETECTION,
                .topic_id = id,
                .id_type = 3,
                .state_id = state,
                .param_count = 1,
                .params = { number },
                .details = details,
                .time_us = storing->result->time_us,
        };

        return statemessage_raise(storing->work, &message, error);
}

/* Writes and raises an update that is new or not as it was. */
static bool
store_changed(Storing *storing, const ResultUpdate *update, const UpdateStatus *known,
              const char *details, const char *digest, GError **error)
{
        bool news = is_news(update, known, digest);
        gint64 reported =
                news ? (gint64)update->state : (known != NULL ? known->reported_state : 0);

        if (known == NULL)
                uk_log("Update status from update (%s) hasn't been reported before, creating new "
                       "instance.",
                       update->update_id);
        if (news) {
                if (!raise_update(storing, update->update_id, update->revision, update->state,
                                  details, error))
                        return false;
                uk_log("Successfully raised state message for update (%s) with state (%s).",
                       update->update_id,
                       update->state == RESULT_MISSING ? "Missing" : "Installed");
        }
        if (!updatestatus_put(storing->work, update, storing->sources, storing->result->time_us,
                              reported, digest, error))
                return false;
        uk_log("Successfully added WMI instance of update status (%s).", update->update_id);
        return true;
}

/* One update of the scan. The digest tells whether anything about it changed, so that a scan with
 * nothing new writes nothing. */
static bool
store_update(Storing *storing, const ResultUpdate *update, GError **error) /* COMP-052 */
{
        UpdateStatus *known = g_hash_table_lookup(storing->known, update->update_id);
        g_autofree char *details = package_lines(update);
        g_autofree char *whole = g_strdup_printf(
                "%d %" G_GINT64_FORMAT " %s %s %s\n%s", update->state, update->revision,
                update->title, update->product_id, update->classification_id, details);
        g_autofree char *digest = hash_sha256_hex(whole, strlen(whole));

        uk_log("Processing update status from update (%s) with ProductID = %s", update->update_id,
               update->product_id);
        if (known != NULL) {
                known->seen = true;
                if (strcmp(known->digest, digest) == 0)
                        return true;
        }
        return store_changed(storing, update, known, details, digest, error);
}

/* What the scan does not find any more is not required (any more). */
static bool
drop_unseen(Storing *storing, GError **error)
{
        GHashTableIter iter;
        gpointer value;

        g_hash_table_iter_init(&iter, storing->known);
        while (g_hash_table_iter_next(&iter, NULL, &value)) {
                const UpdateStatus *known = value;

                if (known->seen)
                        continue;
                if (known->reported_state != 0) {
                        if (!raise_update(storing, known->id, known->revision,
                                          RESULT_NOT_APPLICABLE, NULL, error))
                                return false;
                        uk_log("Successfully raised state message for update (%s) with state "
                               "(NotRequired).",
                               known->id);
                }
                if (!updatestatus_remove(storing->work, known->id, error))
                        return false;
        }
        return true;
}

/* The figures of the scan, in the job and as the details of its state message (OQ-C27). */
static bool
sum_up(Storing *storing, GError **error)
{
        ScanJob *job = storing->job;
        const SearchResult *result = storing->result;
        g_autoptr(ScanSummary) summary = scansummary_new();

        job->missing = results_count(result, RESULT_MISSING);
        job->installed = results_count(result, RESULT_INSTALLED);
        job->not_applicable = MAX((gint64)result->deployed - job->missing - job->installed, 0);
        job->scan_us = result->time_us;
        summary->content_version = job->required_version;
        summary->scan_us = result->time_us;
        scanjob_set(&summary->location, job->location);
        summary->missing = job->missing;
        summary->installed = job->installed;
        summary->not_applicable = job->not_applicable;
        g_free(summary->digest);
        summary->digest = updatestatus_digest(work_db(storing->work), error);
        if (summary->digest == NULL)
                return false;
        for (guint i = 0; i < result->other_builds->len; i++) {
                const ResultPackage *build = g_ptr_array_index(result->other_builds, i);

                scansummary_add_build(summary, build->name, build->architecture, build->installed,
                                      build->available);
        }
        g_autofree char *details = scansummary_write(summary);
        scanjob_set(&job->details, details);
        scanjob_set(&job->state, SCANJOB_STORED);
        work_ring(storing->work, WORK_BOX_SCAN);
        return scanjob_save(storing->work->tx, job, error);
}

static bool
store_all(Storing *storing, GError **error)
{
        UK_LOG_TOGETHER();

        for (guint i = 0; i < storing->result->updates->len; i++) {
                if (!store_update(storing, g_ptr_array_index(storing->result->updates, i), error))
                        return false;
        }
        return drop_unseen(storing, error) &&
               updatestatus_set_scanned(storing->work, storing->sources, storing->result->time_us,
                                        error) &&
               sum_up(storing, error);
}

static bool
store_result(Component *c, const SearchResult *result, GError **error)
{
        UK_DOING(error, "storing the results of scan %s", result->job_id);
        g_autofree char *cause = g_strdup_printf("scan %s", result->job_id);
        g_autoptr(Work) work = work_begin(c, cause, error);
        g_autoptr(ScanJob) job =
                work != NULL ? scanjob_load(work_db(work), result->job_id, error) : NULL;

        if (job == NULL)
                return false;
        if (strcmp(job->state, SCANJOB_SEARCH) != 0)
                return true; /* stored before */
        uk_trace_set(job->trace);
        g_autoptr(GHashTable) known = updatestatus_load_all(work_db(work), error);
        g_autofree char *sources =
                g_strdup_printf("%s;%" G_GINT64_FORMAT, job->source_id, job->required_version);
        Storing storing = { work, job, result, known, sources };
        bool done = known != NULL && store_all(&storing, error) &&
                    work_commit(g_steal_pointer(&work), error);
        uk_trace_set("");
        return done;
}

/* Results that cannot be stored end the job, instead of leaving it waiting for them. */
static bool
give_up(Component *c, const SearchResult *result, const GError *why, GError **error)
{
        g_autoptr(Work) work = work_begin(c, "updates store", error);
        g_autoptr(ScanJob) job =
                work != NULL ? scanjob_load(work_db(work), result->job_id, error) : NULL;

        uk_error("%s", why->message);
        return job != NULL && scanjob_fail(work, job, hresult_of(why, 0), why->message, error) &&
               work_commit(g_steal_pointer(&work), error);
}

static bool
on_results(Component *c, const InboxFile *file, GError **error)
{
        g_autofree char *data = NULL;
        g_autoptr(GError) why = NULL;
        gsize size = 0;

        if (!inbox_file_read(file, RESULTS_MAX, &data, &size, error))
                return false;
        g_autoptr(SearchResult) result = results_read(data, size, error);
        if (result == NULL)
                return false;
        if (store_result(c, result, &why))
                return true;
        if (uk_error_class(why) == UK_CLASS_CORRUPT)
                return give_up(c, result, why, error);
        g_propagate_error(error, g_steal_pointer(&why));
        return false;
}

const ComponentDef updatesstore = {
        .name = "UpdatesStore",
        .log = "UpdatesStore.log",
        .log_form = UK_LOG_CLIENT,
        .what = "keeps the state of each update on this machine and raises what changed",
        .boxes = {
                { .lane = "main", .box = STORE_BOX, .kind = STORE_RESULTS, .on_file = on_results },
        },
};
