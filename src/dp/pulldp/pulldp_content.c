/* pulldp_content.c - the states of a content job, each with a function, and a driver (DIST-112).
 *
 * A state is stored before what follows from it is done, so that a kill at any point goes on from
 * there. What is downloaded is in files of its own and survives too.
 */
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "dp/pulldp/pulldp_private.h"
#include "transfer/dts.h"
#include "wire/hex.h"

/* A content job while it runs. */
typedef struct {
        Component *c;
        Library *library;
        PullPackage *package;
        PullContent *content;
        PullBundle *bundle;
        const ContentTree *tree;
} Work;

bool
pulldp_content_save(Component *c, const PullContent *content, GError **error)
{
        g_autoptr(DbTx) tx = db_begin(c->db, error);

        return tx != NULL && pulljob_save_content(tx, content, error) &&
               db_commit(g_steal_pointer(&tx), error);
}

static void
put(char **member, const char *value)
{
        g_free(*member);
        *member = g_strdup(value);
}

static void
log_running(const PullContent *content)
{
        uk_log("Content job %s running.", content->guid);
}

static void
log_state(const PullContent *content)
{
        uk_log("ContentExecuteJob %s (state: %s) for package %s.%" G_GINT64_FORMAT " content %s.",
               content->guid, pulldp_state_name(content->state), content->package_id,
               content->version, content->content_id);
}

static bool
redistributes(const Work *work)
{
        return work->bundle->notice->redistribute;
}

/* ---- downloads ------------------------------------------------------------------------------- */

/* Leaves a download to the service, and waits for it in that state. */
static bool
begin_download(Work *work, const char *folder, const char *target, const DtsFile *files,
               guint count, PullState state, GError **error)
{
        PullContent *content = work->content;
        g_autofree char *source = g_strconcat(content->source, "/", folder, NULL);
        DtsRequest request = { .box = PULLDP_BOX,
                               .key = content->guid,
                               .source = source,
                               .target = target,
                               .priority = work->bundle->notice->priority,
                               .cause = content->content_id };
        g_autofree char *id = NULL;
        g_autoptr(DbTx) tx = db_begin(work->c->db, error);

        content->state = state;
        if (tx == NULL || !dts_add(tx, &request, files, count, &id, error))
                return false;
        put(&content->dts_job, id);
        return pulljob_save_content(tx, content, error) && db_commit(g_steal_pointer(&tx), error);
}

/* Chooses a source if none is chosen. False without an error: there is none (and that is done
 * about). */
static bool
choose_source(Work *work, GError **error)
{
        PullContent *content = work->content;
        g_autofree char *source = NULL;

        if (content->source[0] != '\0')
                return true;
        if (!pulljob_next_source(work->c->db, content->guid, &source, error))
                return false;
        if (source == NULL) {
                (void)!pulldp_source_next(work->c, content, PULL_SOURCE_LACKS,
                                          "no source distribution point is known", error);
                return false;
        }
        put(&content->source, source);
        return true;
}

static bool
download_signature(Work *work, GError **error) /* DIST-113, DIST-116 */
{
        PullContent *content = work->content;
        g_autofree char *target = pulldp_signature_folder(work->library, content);
        g_autofree char *name = g_strconcat(content->content_id, ".tar", NULL);
        /* A source whose files are of one chunk has none (docs/decisions/0012-no-signatures.md). */
        const DtsFile file = { .path = name,
                               .name = name,
                               .title = name,
                               .size = -1,
                               .range_from = -1,
                               .optional = true };

        if (!choose_source(work, error) || !begin_download(work, "SMS_DP_SMSSIG$", target, &file, 1,
                                                           PULL_DOWNLOADING_SIGNATURE, error))
                return false;
        uk_log("Created SignatureDownload DTS job %s for package %s.%" G_GINT64_FORMAT
               ", content id %s. JobState = NotStarted",
               content->dts_job, content->package_id, content->version, content->content_id);
        uk_log("CPullDPPkgContJob::NotifyDeltaDownload. JobState = [Downloading Signature] %s for "
               "package %s.%" G_GINT64_FORMAT " content job id %s",
               content->content_id, content->package_id, content->version, content->guid);
        log_state(content);
        dts_ring(work->c->host);
        return true;
}

static guint
count_files(const ContentTree *tree)
{
        guint count = 0;

        for (guint i = 0; i < tree_count(tree); i++)
                count += tree_entry(tree, i)->kind == TREE_FILE;
        return count;
}

/* Whole files of the content item, as the log names them (DIST-118). */
static void
list_whole(Work *work, PullFiles *files)
{
        UK_LOG_TOGETHER();
        g_autoptr(GArray) needed =
                pulldp_apply_needed(work->library, work->tree, redistributes(work));
        PullContent *content = work->content;

        content->bytes_all = 0;
        for (guint i = 0; i < needed->len; i++) {
                const TreeEntry *entry = tree_entry(work->tree, g_array_index(needed, guint, i));
                g_autofree char *path = pulldp_files_path(entry);
                g_autofree char *name = hex_write(entry->hash, HASH_SHA256_SIZE, false);
                g_autofree char *title = g_utf8_make_valid(entry->path, -1);

                uk_log("File To Download: %s", title);
                pulldp_files_add(files, &(DtsFile){ .path = path,
                                                    .name = name,
                                                    .title = title,
                                                    .size = entry->size,
                                                    .range_from = -1 });
                content->bytes_all += entry->size;
        }
        uk_log("%s: %u files already exists, %u files to download", content->content_id,
               count_files(work->tree) - needed->len, needed->len);
}

static bool
nothing_to_download(Work *work, GError **error)
{
        work->content->state = PULL_DOWNLOADED;
        return pulldp_content_save(work->c, work->content, error);
}

static void
log_created(const PullContent *content, const char *kind)
{
        uk_log("Created %sDownload(Manifest) DTS job %s for package %s.%" G_GINT64_FORMAT
               ", content id %s, content job id %s.",
               kind, content->dts_job, content->package_id, content->version, content->content_id,
               content->guid);
}

/* Files of the content item, from its address to its folder. */
static bool
begin_files(Work *work, const PullFiles *files, PullState state, GError **error) /* DIST-116 */
{
        g_autofree char *folder = g_strconcat("SMS_DP_SMSPKG$/", work->content->content_id, NULL);
        g_autofree char *target = pulldp_content_folder(work->library, work->content);

        return choose_source(work, error) &&
               begin_download(work, folder, target, (const DtsFile *)(gpointer)files->files->data,
                              files->files->len, state, error);
}

static bool
download_whole(Work *work, GError **error) /* DIST-118 */
{
        PullContent *content = work->content;
        g_auto(PullFiles) files = { 0 };

        if (redistributes(work))
                uk_log("%s: redistribute/redownload all files", content->content_id);
        pulldp_files_init(&files);
        list_whole(work, &files);
        if (files.files->len == 0)
                return nothing_to_download(work, error);
        if (!begin_files(work, &files, PULL_DOWNLOADING_FULL, error))
                return false;
        log_created(content, "Full");
        dts_ring(work->c->host);
        return true;
}

static bool
plan_pays(const Work *work)
{
        return !redistributes(work) && pulldp_plan_pays(work->library, work->content, work->tree);
}

/* By the cheapest way of each file (OQ-D36). */
static bool
download_planned(Work *work, GError **error) /* DIST-113 */
{
        PullContent *content = work->content;
        g_auto(PullFiles) files = { 0 };
        bool delta = false;

        pulldp_files_init(&files);
        if (!pulldp_plan_list(work->library, content, work->tree, &files, &content->bytes_all,
                              &delta, error))
                return false;
        if (files.files->len == 0)
                return nothing_to_download(work, error);
        if (!begin_files(work, &files, delta ? PULL_DOWNLOADING_DELTA : PULL_DOWNLOADING_FULL,
                         error))
                return false;
        log_created(content, delta ? "Delta" : "Full");
        dts_ring(work->c->host);
        return true;
}

static bool
download_files(Work *work, GError **error)
{
        return plan_pays(work) ? download_planned(work, error) : download_whole(work, error);
}

/* ---- the states ------------------------------------------------------------------------------ */

static bool
on_not_started(Work *work, GError **error)
{
        log_running(work->content);
        log_state(work->content);
        return plan_pays(work) ? download_signature(work, error) : download_files(work, error);
}

static bool
has_signatures(const Work *work)
{
        g_autofree char *folder = pulldp_signature_folder(work->library, work->content);
        g_autofree char *name = g_strconcat(work->content->content_id, ".tar", NULL);
        g_autofree char *path = g_build_filename(folder, name, NULL);

        return access(path, F_OK) == 0;
}

static bool
on_signature_downloaded(Work *work, GError **error)
{
        log_state(work->content);
        if (!has_signatures(work))
                uk_log("Content %s has no signatures at '%s', it is fetched without",
                       work->content->content_id, work->content->source);
        return download_files(work, error);
}

/* Makes files of what was downloaded; *again_out: a way failed, and there is more to download. */
static bool
apply(Work *work, bool *again_out, GError **error)
{
        *again_out = false;
        if (plan_pays(work))
                return pulldp_plan_apply(work->c, work->library, work->content, work->tree,
                                         again_out, error);
        return pulldp_apply_files(work->c, work->library, work->content, work->tree,
                                  redistributes(work), error);
}

/* What was begun by a source that failed and ended by another one may be wrong by the first: it is
 * gone now, and the other one is asked for the whole before it is left. */
static bool
on_wrong(Work *work, const char *why, GError **error) /* DIST-120 */
{
        PullContent *content = work->content;
        g_autoptr(DbTx) tx = db_begin(work->c->db, error);
        bool again;

        if (tx == NULL || !pulljob_source_again(tx, content->guid, content->source, &again, error))
                return false;
        if (again) {
                uk_warn("Content %s is fetched from '%s' once more, since another source began it: "
                        "%s",
                        content->content_id, content->source, why);
                content->state = PULL_NOT_STARTED;
                return pulljob_save_content(tx, content, error) &&
                       db_commit(g_steal_pointer(&tx), error);
        }
        g_clear_pointer(&tx, db_rollback);
        return pulldp_source_next(work->c, content, PULL_SOURCE_FAILED, why, error);
}

/* A file that is not what it should be was the source's; the other files stay. */
static bool
on_downloaded(Work *work, GError **error) /* DIST-119, DIST-121 */
{
        PullContent *content = work->content;
        g_autoptr(GError) why = NULL;
        bool again;

        log_state(content);
        uk_log("CPullDPPkgContJob::ApplySingleInstancing(): JobState = Downloaded");
        if (apply(work, &again, &why)) {
                if (again) /* a worker looks once more, where nothing is to be waited for */
                        return download_planned(work, error) &&
                               (content->state != PULL_DOWNLOADED ||
                                pulldp_run_content(work->c, content->guid, error));
                content->state = PULL_SI_APPLIED;
                content->bytes_done = content->bytes_all;
                if (!pulldp_content_save(work->c, content, error))
                        return false;
                uk_log("CPullDPPkgContJob::NotifySIApplied(). JobState = SIApplied");
                return true;
        }
        if (g_error_matches(why, UK_ERROR, UK_ERROR_SIGNATURE))
                return on_wrong(work, why->message, error);
        if (g_error_matches(why, UK_ERROR, UK_ERROR_NOT_YET)) {
                content->state = PULL_NOT_STARTED;
                return pulldp_content_save(work->c, content, error);
        }
        g_propagate_error(error, g_steal_pointer(&why));
        return false;
}

static bool
on_applied(Work *work, GError **error)
{
        PullContent *content = work->content;
        g_autoptr(GError) why = NULL;

        log_running(content);
        log_state(content);
        if (!pulldp_apply_content(work->c, work->library, content, work->tree, &why)) {
                if (!g_error_matches(why, UK_ERROR, UK_ERROR_NOT_FOUND)) {
                        g_propagate_error(error, g_steal_pointer(&why));
                        return false;
                }
                /* A file went meanwhile, as one that was found damaged does. */
                content->state = PULL_NOT_STARTED;
                return pulldp_content_save(work->c, content, error);
        }
        content->state = PULL_SUCCEEDED;
        /* Before the save: another thread may find the package whole at once (93-logs 1.3). */
        uk_log("CPullDPPkgContJob::NotifySucceeded(). Content job %s for package "
               "%s.%" G_GINT64_FORMAT
               " and content %s has completed successfully. JobState = Succeeded",
               content->guid, content->package_id, content->version, content->content_id);
        uk_log("Notification that content job %s for package %s.%" G_GINT64_FORMAT
               " has completed.",
               content->guid, content->package_id, content->version);
        return pulldp_content_save(work->c, content, error);
}

static const struct {
        PullState state;
        bool (*run)(Work *work, GError **error);
} steps[] = {
        { PULL_NOT_STARTED, on_not_started },
        { PULL_SIGNATURE_DOWNLOADED, on_signature_downloaded },
        { PULL_DOWNLOADED, on_downloaded },
        { PULL_SI_APPLIED, on_applied },
};

/* ---- the driver ------------------------------------------------------------------------------ */

/* Goes from state to state until one waits. */
static bool
drive(Work *work, GError **error)
{
        bool again = true;

        while (again && !host_stopping(work->c->host)) {
                gint64 before = work->content->state;

                again = false;
                for (guint i = 0; i < G_N_ELEMENTS(steps); i++) {
                        if (steps[i].state != before)
                                continue;
                        if (!steps[i].run(work, error))
                                return false;
                        again = work->content->state != before &&
                                work->content->state != PULL_NOT_STARTED;
                        break;
                }
        }
        if (work->content->state == PULL_NOT_STARTED)
                return pulldp_run_content(work->c, work->content->guid, error);
        return pulldp_package_tell(work->c, work->content->package_id, error) &&
               (work->content->state != PULL_SUCCEEDED ||
                pulldp_package_finish(work->c, work->content->package_id, error));
}

static bool
load(Work *work, const char *guid, bool *found_out, GError **error)
{
        *found_out = false;
        if (!pulljob_content(work->c->db, guid, &work->content, error))
                return false;
        if (work->content == NULL)
                return true;
        if (!pulljob_load(work->c->db, work->content->package_id, &work->package, error))
                return false;
        if (work->package == NULL || strcmp(work->package->state, PULLJOB_RUNNING) != 0)
                return true;
        uk_trace_set(work->package->trace);
        *found_out = true;
        work->library = pulldp_library(work->c, error);
        work->bundle =
                work->library != NULL ? pulldp_bundle_ref(work->c, work->package, error) : NULL;
        if (work->bundle == NULL)
                return false;
        work->tree = pulldp_tree(work->bundle, work->content->content_id, error);
        return work->tree != NULL;
}

/* What no further try of this content job can mend is the package's failure; anything else is shown
 * and tried again in a minute. */
static bool
settle(Work *work, const GError *why, GError **error)
{
        const char *package = work->content != NULL ? work->content->package_id : NULL;

        if (package == NULL || host_stopping(work->c->host) ||
            g_error_matches(why, UK_ERROR, UK_ERROR_STALE)) {
                uk_verbose("%s", why->message);
                return true;
        }
        if (uk_error_class(why) == UK_CLASS_CORRUPT)
                return pulldp_package_fail(work->c, package, why->message, true, error);
        uk_warn("Content job %s waits: %s", work->content->guid, why->message);
        return pulldp_package_hold(work->c, package, why, error);
}

bool
pulldp_content(Component *c, const char *guid, GError **error)
{
        Work work = { .c = c };
        g_autoptr(GError) why = NULL;
        bool found, ok;

        ok = load(&work, guid, &found, &why) && (!found || drive(&work, &why));
        pulldp_bundle_unref(c, work.bundle);
        if (!ok && why != NULL)
                ok = settle(&work, why, error);
        else
                ok = true; /* without an error: it waits for a source, which is seen to */
        pulljob_free(work.package);
        pulljob_content_free(work.content);
        return ok;
}

/* ---- letters of the Data Transfer Service ---------------------------------------------------- */

static bool
on_succeeded(Component *c, PullContent *content, const DtsJob *job, GError **error) /* DIST-117 */
{
        g_autoptr(DbTx) tx = db_begin(c->db, error);

        content->state = content->state == PULL_DOWNLOADING_SIGNATURE ? PULL_SIGNATURE_DOWNLOADED
                                                                      : PULL_DOWNLOADED;
        if (content->state == PULL_DOWNLOADED)
                content->bytes_all = content->bytes_done = job->bytes_done;
        put(&content->dts_job, "");
        if (tx == NULL || !dts_remove(tx, job->id, error) ||
            !pulljob_save_content(tx, content, error) || !db_commit(g_steal_pointer(&tx), error))
                return false;
        uk_log("DTS succeeded message received for %s.%" G_GINT64_FORMAT
               ", content job %s, status is 0x0 :",
               content->package_id, content->version, content->guid);
        return pulldp_package_tell(c, content->package_id, error) &&
               pulldp_run_content(c, content->guid, error);
}

static bool
on_failed(Component *c, PullContent *content, const DtsJob *job, GError **error)
{
        bool lacks = job->error_code == UK_ERROR_NOT_FOUND;

        uk_warn("DTS error message received for %s.%" G_GINT64_FORMAT ", content job %s: %s",
                content->package_id, content->version, content->guid, job->error);
        return pulldp_source_next(c, content, lacks ? PULL_SOURCE_LACKS : PULL_SOURCE_FAILED,
                                  job->error, error);
}

/* Whether the download waits for this machine, and not for its source. */
static bool
waits_for_us(const DtsJob *job)
{
        return strcmp(job->state, DTS_PENDING) == 0 &&
               (job->error_code == UK_ERROR_FULL || job->error_code == UK_ERROR_IO ||
                job->error_code == UK_ERROR_DATABASE);
}

static bool
log_message(Component *c, const PullContent *content, const DtsJob *job, GError **error)
{
        gint64 active = 0;

        if (!pulljob_active(c->db, &active, error))
                return false;
        uk_log("DTS message for content job %s received, searching %" G_GINT64_FORMAT
               " active jobs for any containing this content job.  DTS Job is %s",
               content->guid, active, job->id);
        return true;
}

static bool
take_news(Component *c, const char *guid, const char *dts_job, GError **error)
{
        g_autoptr(PullContent) content = NULL;
        g_autoptr(DtsJob) job = NULL;

        if (!pulljob_content(c->db, guid, &content, error) ||
            !dts_load(c->db, dts_job, &job, error))
                return false;
        if (content == NULL || job == NULL || strcmp(content->dts_job, dts_job) != 0)
                return true; /* of a job that was replaced */
        uk_trace_set(content->trace);
        if (strcmp(job->state, DTS_NOTIFIED) == 0)
                return log_message(c, content, job, error) && on_succeeded(c, content, job, error);
        if (strcmp(job->state, DTS_FAILED) == 0)
                return log_message(c, content, job, error) && on_failed(c, content, job, error);
        if (waits_for_us(job))
                return pulldp_package_trouble(c, content->package_id, job->error, error);
        return pulldp_package_tell(c, content->package_id, error);
}

/* News of a job that was paused or cancelled meanwhile are none. */
bool
pulldp_content_on_dts(Component *c, const char *guid, const char *dts_job, GError **error)
{
        g_autoptr(GError) why = NULL;

        if (take_news(c, guid, dts_job, &why))
                return true;
        if (g_error_matches(why, UK_ERROR, UK_ERROR_STALE)) {
                uk_verbose("%s", why->message);
                return true;
        }
        g_propagate_error(error, g_steal_pointer(&why));
        return false;
}

bool
pulldp_content_resume(Component *c, const PullContent *content, GError **error)
{
        if (content->dts_job[0] != '\0')
                return pulldp_content_on_dts(c, content->guid, content->dts_job, error);
        return content->state == PULL_SUCCEEDED || pulldp_run_content(c, content->guid, error);
}
