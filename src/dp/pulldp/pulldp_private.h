/* pulldp_private.h - what the parts of PullDP share.
 *
 *   pulldp_load: notification to rows      pulldp_content: a content job's states, one by one
 *   pulldp_apply: files into the library   pulldp_source: who is asked next
 *   pulldp_package: the whole of a package pulldp_report: state messages on their way
 */
#pragma once

#include "content/bundle.h"
#include "dp/dp.h"
#include "dp/pulldp/pulldp.h"
#include "dp/pulljob.h"
#include "transfer/dts.h"
#include "wire/pullnotice.h"

#define PULLDP_BOX    "@pulldp"
#define PULLDP_REPORT "@pullreport"
#define PULLDP_RING   ".RING"

/* States of topic 902 (92, 1.3). */
typedef enum {
        REPORT_SUCCESS = 1,
        REPORT_WARNING = 2, /* it does not go on at the moment */
        REPORT_FAILURE = 4,
        REPORT_STARTED = 8,
        REPORT_PROGRESS = 16,
        REPORT_DOWNLOADED = 32,
        REPORT_CANCELLED = 64,
} PullReportState;

/* The bundle and notification of a job in memory; counted. */
typedef struct {
        int refs; /* guarded by the lock of PullDP */
        char *package_guid;
        PullNotice *notice;
        Bundle *bundle;
} PullBundle;

typedef struct PullDP PullDP;

/* ---- pulldp: what is shared by the threads --------------------------------------------------- */

/* The library of this distribution point; NOT_YET while the SMS DP Provider has not started. */
Library *pulldp_library(Component *c, GError **error) UK_MUST_USE;
/* SMS_DP$/<PkgID>, SMS_DP$/<PkgID>/<ContentID> and SMS_DP$/<PkgID>/<ContentID>/<v> (DIST-116); the
 * caller's. */
char *pulldp_package_folder(Library *library, const char *package_id);
char *pulldp_signature_folder(Library *library, const PullContent *content);
char *pulldp_content_folder(Library *library, const PullContent *content);
/* Bundle and notification of a package's job, read again where they are not in memory. The caller
 * gives them back. */
PullBundle *pulldp_bundle_ref(Component *c, const PullPackage *package, GError **error) UK_MUST_USE;
void pulldp_bundle_unref(Component *c, PullBundle *bundle);
/* Forgets what is in memory of the job. */
void pulldp_bundle_forget(Component *c, const char *package_guid);
/* The content item of that ID in the bundle; NOT_FOUND. Borrowed. */
const ContentTree *
pulldp_tree(const PullBundle *bundle, const char *content_id, GError **error) UK_MUST_USE;
/* Has a worker look at the content job. */
bool pulldp_run_content(Component *c, const char *guid, GError **error) UK_MUST_USE;
void pulldp_ring_report(Host *host);
/* "1-NotStarted". */
const char *pulldp_state_name(gint64 state);

/* ---- pulldp_load ----------------------------------------------------------------------------- */

/* Makes jobs of all stored notifications. */
bool pulldp_load(Component *c, GError **error) UK_MUST_USE;
/* Removes bundles that neither a job nor a notification needs, and folders without a job. */
bool pulldp_load_sweep(Component *c, GError **error) UK_MUST_USE;
/* Reads the job's bundle and proves it by the hash of the notification (DIST-110). */
Bundle *pulldp_load_bundle(Library *library, const PullNotice *notice, GError **error) UK_MUST_USE;

/* ---- pulldp_source --------------------------------------------------------------------------- */

/* Adds the sources of a content item in the order in which they are tried (OQ-D37). */
bool
pulldp_source_add(DbTx *tx, const DistributionPoint *dp, const PullNotice *notice,
                  const PullNoticeContent *content, const char *guid, GError **error) UK_MUST_USE;
/* Passes a verdict on the content item's source, and sees to it that the next one is tried, or that
 * the package waits, or fails. The content job is as it must be then. */
bool pulldp_source_next(Component *c, PullContent *content, PullVerdict verdict, const char *why,
                        GError **error) UK_MUST_USE;

/* ---- pulldp_content -------------------------------------------------------------------------- */

/* Worker of the pool "contents": runs the content job until it waits for something. */
bool pulldp_content(Component *c, const char *guid, GError **error) UK_MUST_USE;
/* What became of a DTS job of the content job (DIST-117). */
bool pulldp_content_on_dts(Component *c, const char *guid, const char *dts_job,
                           GError **error) UK_MUST_USE;
/* After a start: what waits for a download that is over, or was lost, goes on. */
bool pulldp_content_resume(Component *c, const PullContent *content, GError **error) UK_MUST_USE;
/* Keeps the content job's row, in a transaction of its own. */
bool pulldp_content_save(Component *c, const PullContent *content, GError **error) UK_MUST_USE;

/* ---- pulldp_apply ---------------------------------------------------------------------------- */

/* The indexes (guint) of those entries whose files must be fetched, each hash once; the caller's.
 */
GArray *pulldp_apply_needed(Library *library, const ContentTree *tree, bool redistribute);
/* Proves the files that were downloaded and puts them into the library (DIST-121). SIGNATURE: one
 * is not what it should be, and is gone; NOT_YET: one is not there. */
bool pulldp_apply_files(Component *c, Library *library, const PullContent *content,
                        const ContentTree *tree, bool redistribute, GError **error) UK_MUST_USE;
/* True of a file that is not what it should be: *wrong keeps the first such error, and the others
 * are looked at, so that all wrong ones are fetched again together. */
bool pulldp_apply_go_on(GError **wrong, GError **why);
/* Publishes what was proved, also where the rest has failed (then it is false with that error), so
 * that nothing is fetched and proved twice. */
bool pulldp_apply_publish(Library *library, const PullContent *content, bool good,
                          GError **error) UK_MUST_USE;
/* Makes the content item visible. */
bool pulldp_apply_content(Component *c, Library *library, const PullContent *content,
                          const ContentTree *tree, GError **error) UK_MUST_USE;

/* ---- pulldp_plan: by deltas and chunks ------------------------------------------------------- */

/* The files of a download; their texts are freed with it. */
typedef struct {
        GArray *files; /* DtsFile */
        GPtrArray *texts;
} PullFiles;

void pulldp_files_init(PullFiles *files);
void pulldp_files_clear(PullFiles *files);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(PullFiles, pulldp_files_clear)
/* Adds a copy. */
void pulldp_files_add(PullFiles *files, const DtsFile *file);
/* The path of a file of the content item below its address, percent-encoded; the caller's. */
char *pulldp_files_path(const TreeEntry *entry);

/* Whether a plan pays: an older content item is here, or a file is so large that its repeated
 * chunks count. */
bool pulldp_plan_pays(Library *library, const PullContent *content, const ContentTree *tree);
/* Lists what is to be downloaded by each file's cheapest way that has not failed; *bytes_out is the
 * estimate, *delta_out whether anything but whole files is in it. Paths are below the source. */
bool
pulldp_plan_list(Library *library, const PullContent *content, const ContentTree *tree,
                 PullFiles *files, gint64 *bytes_out, bool *delta_out, GError **error) UK_MUST_USE;
/* Makes files of what was downloaded. A way that fails is noted, and *again_out says that there is
 * more to download. SIGNATURE: a whole file is not what it should be. */
bool pulldp_plan_apply(Component *c, Library *library, const PullContent *content,
                       const ContentTree *tree, bool *again_out, GError **error) UK_MUST_USE;
/* Proves one whole file that was downloaded. NOT_YET: it is not there. */
bool pulldp_apply_whole(Library *library, const PullContent *content, const TreeEntry *entry,
                        GError **error) UK_MUST_USE;
/* The tar of signatures that was downloaded; NULL when there is none, or it was none and is gone.
 * The caller's. */
GBytes *pulldp_apply_signatures(Library *library, const PullContent *content);

/* ---- pulldp_package -------------------------------------------------------------------------- */

/* Raises what is due of the messages 8, 16 and 32 (DIST-126). */
bool pulldp_package_tell(Component *c, const char *package_id, GError **error) UK_MUST_USE;
/* Ends the job if its last content item has succeeded (DIST-122, DIST-123). */
bool pulldp_package_finish(Component *c, const char *package_id, GError **error) UK_MUST_USE;
/* No source has a content item: again in a while. */
bool pulldp_package_wait(Component *c, const char *package_id, const char *why,
                         GError **error) UK_MUST_USE;
/* Reports the failure; again in a while unless it is for good. */
bool pulldp_package_fail(Component *c, const char *package_id, const char *why, bool for_good,
                         GError **error) UK_MUST_USE;
/* Says why it does not go on at the moment, once for each reason. */
bool pulldp_package_trouble(Component *c, const char *package_id, const char *why,
                            GError **error) UK_MUST_USE;
/* The same for what went wrong on this machine. */
bool pulldp_package_hold(Component *c, const char *package_id, const GError *why,
                         GError **error) UK_MUST_USE;
/* Ends cancelled jobs, begins again what has waited long enough, and plans the next look. */
bool pulldp_package_look(Component *c, GError **error) UK_MUST_USE;
/* Removes jobs that have ended and whose end is in the queue of reports (DIST-127). In the lane
 * that makes jobs of notifications. */
bool pulldp_package_clear(Component *c, GError **error) UK_MUST_USE;
/* Removes the downloads of the package's content items. */
bool pulldp_package_drop_downloads(DbTx *tx, GPtrArray *contents, GError **error) UK_MUST_USE;

/* ---- pulldp_report --------------------------------------------------------------------------- */

/* Queues a message in the transaction; after the commit: pulldp_ring_report. */
bool pulldp_report_add(DbTx *tx, PullPackage *package, PullReportState state, const char *data,
                       GError **error) UK_MUST_USE;
/* Sends what waits; sets the timer "report" when it could not. */
bool pulldp_report_send(Component *c, GError **error) UK_MUST_USE;
