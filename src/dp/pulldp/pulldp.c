/* pulldp.c - PullDP: what wakes it, and what its threads share.
 *
 * In: rings of the SMS DP Provider, letters of the Data Transfer Service. Out: packages in the
 * content library, state messages. All that must survive is in rows; here are only the bundles that
 * are being worked by.
 */
#include "dp/pulldp/pulldp.h"

#include <pthread.h>
#include <string.h>

#include "base/clock.h"
#include "dp/pulldp/pulldp_private.h"
#include "host/mailbox.h"
#include "host/pool.h"
#include "host/timer.h"
#include "transfer/dts.h"

#define MAX_LETTER   4096
#define CLEAR        ".CLR"
#define NOTIFICATION "@SMS_PullDPNotification" /* rung by the SMS DP Provider */

struct PullDP {
        pthread_mutex_t lock; /* guards the table and the counts of references in it */
        GHashTable *bundles;  /* GUID of the package's job to PullBundle */
};

static const struct {
        PullState state;
        const char *name;
} states[] = {
        { PULL_NOT_STARTED, "1-NotStarted" },
        { PULL_DOWNLOADING_SIGNATURE, "4-Downloading Signature" },
        { PULL_SIGNATURE_DOWNLOADED, "5-Signature Downloaded" },
        { PULL_DOWNLOADING_FULL, "6-Downloading" },
        { PULL_DOWNLOADING_DELTA, "7-Downloading Delta" },
        { PULL_DOWNLOADED, "9-Downloaded" },
        { PULL_SI_APPLIED, "13-SIApplied" },
        { PULL_SUCCEEDED, "14-Succeeded" },
};

const char *
pulldp_state_name(gint64 state)
{
        for (guint i = 0; i < G_N_ELEMENTS(states); i++) {
                if (states[i].state == state)
                        return states[i].name;
        }
        return "?";
}

static void
ring(Host *host, const char *box, const char *letter)
{
        g_autoptr(GError) error = NULL;

        if (!mailbox_post(host, box, letter, "", 0, &error))
                uk_warn("%s", error->message);
}

void
pulldp_ring(Host *host)
{
        ring(host, PULLDP_BOX, "look" PULLDP_RING);
}

void
pulldp_ring_report(Host *host)
{
        ring(host, PULLDP_REPORT, "look" PULLDP_RING);
}

/* ---- the library and the folders in it ------------------------------------------------------- */

Library *
pulldp_library(Component *c, GError **error)
{
        Dp *dp = dp_of(c);

        if (dp == NULL) {
                uk_fail(error, UK_ERROR_NOT_YET, "the SMS DP Provider has not started");
                return NULL;
        }
        return dp_library(dp, error);
}

char *
pulldp_package_folder(Library *library, const char *package_id)
{
        return g_build_filename(library_root(library), "SMS_DP$", package_id, NULL);
}

char *
pulldp_signature_folder(Library *library, const PullContent *content)
{
        return g_build_filename(library_root(library), "SMS_DP$", content->package_id,
                                content->content_id, NULL);
}

char *
pulldp_content_folder(Library *library, const PullContent *content)
{
        g_autofree char *version = g_strdup_printf("%" G_GINT64_FORMAT, content->version);

        return g_build_filename(library_root(library), "SMS_DP$", content->package_id,
                                content->content_id, version, NULL);
}

/* ---- bundles in memory ----------------------------------------------------------------------- */

static void
bundle_drop(PullBundle *bundle)
{
        if (--bundle->refs > 0)
                return;
        g_free(bundle->package_guid);
        pullnotice_free(bundle->notice);
        bundle_free(bundle->bundle);
        g_free(bundle);
}

static PullBundle *
read_bundle(Component *c, const PullPackage *package, GError **error)
{
        Library *library = pulldp_library(c, error);
        gsize size = 0;
        const void *data = g_bytes_get_data(package->notification, &size);
        g_autoptr(PullNotice) notice = library != NULL ? pullnotice_read(data, size, error) : NULL;
        g_autoptr(Bundle) read = notice != NULL ? pulldp_load_bundle(library, notice, error) : NULL;
        PullBundle *bundle;

        if (read == NULL)
                return NULL;
        bundle = g_new0(PullBundle, 1);
        bundle->refs = 1;
        bundle->package_guid = g_strdup(package->guid);
        bundle->notice = g_steal_pointer(&notice);
        bundle->bundle = g_steal_pointer(&read);
        return bundle;
}

PullBundle *
pulldp_bundle_ref(Component *c, const PullPackage *package, GError **error)
{
        PullDP *state = c->state;
        PullBundle *bundle, *fresh = NULL;

        pthread_mutex_lock(&state->lock);
        bundle = g_hash_table_lookup(state->bundles, package->guid);
        if (bundle != NULL)
                bundle->refs++;
        pthread_mutex_unlock(&state->lock);
        if (bundle != NULL || (fresh = read_bundle(c, package, error)) == NULL)
                return bundle;
        pthread_mutex_lock(&state->lock);
        bundle = g_hash_table_lookup(state->bundles, package->guid);
        if (bundle == NULL) {
                bundle = g_steal_pointer(&fresh);
                g_hash_table_insert(state->bundles, bundle->package_guid, bundle);
        }
        bundle->refs++;
        if (fresh != NULL)
                bundle_drop(fresh); /* another thread was faster */
        pthread_mutex_unlock(&state->lock);
        return bundle;
}

void
pulldp_bundle_unref(Component *c, PullBundle *bundle)
{
        PullDP *state = c->state;

        if (bundle == NULL)
                return;
        pthread_mutex_lock(&state->lock);
        bundle_drop(bundle);
        pthread_mutex_unlock(&state->lock);
}

void
pulldp_bundle_forget(Component *c, const char *package_guid)
{
        PullDP *state = c->state;

        pthread_mutex_lock(&state->lock);
        g_hash_table_remove(state->bundles, package_guid);
        pthread_mutex_unlock(&state->lock);
}

const ContentTree *
pulldp_tree(const PullBundle *bundle, const char *content_id, GError **error)
{
        const GPtrArray *trees = bundle->bundle->trees;

        for (guint i = 0; i < trees->len; i++) {
                if (strcmp(tree_content_id(trees->pdata[i]), content_id) == 0)
                        return trees->pdata[i];
        }
        uk_fail(error, UK_ERROR_NOT_FOUND, "the bundle of package %s has no content %s",
                bundle->notice->package_id, content_id);
        return NULL;
}

bool
pulldp_run_content(Component *c, const char *guid, GError **error)
{
        return pool_add(c, "contents", guid, error);
}

/* ---- what wakes it --------------------------------------------------------------------------- */

/* The site's limits bind all transfers from now on, those that run too. */
static bool
take_limits(Component *c, GError **error)
{
        g_autoptr(DistributionPoint) dp = distributionpoint_load(c->db, error);
        g_autoptr(DbTx) tx = dp != NULL ? db_begin(c->db, error) : NULL;
        gint64 rate = dp != NULL ? g_ascii_strtoll(dp->rate_limit, NULL, 10) : 0;

        if (tx == NULL || !dts_limit(tx, MAX(rate, 0), dp->schedule, error) ||
            !db_commit(g_steal_pointer(&tx), error))
                return false;
        dts_ring(c->host);
        return true;
}

static bool
on_ring(Component *c, const InboxFile *file, GError **error)
{
        return take_limits(c, error) && pulldp_load(c, error) && pulldp_package_look(c, error);
}

/* The job is marked. */
static bool
on_cancel(Component *c, const InboxFile *file, GError **error)
{
        return pulldp_package_look(c, error);
}

static bool
on_due(Component *c, GError **error)
{
        return pulldp_package_look(c, error);
}

static bool
on_dts(Component *c, const InboxFile *file, GError **error)
{
        g_autofree char *job = NULL;
        gsize size;

        return inbox_file_read(file, MAX_LETTER, &job, &size, error) &&
               pulldp_content_on_dts(c, file->stem, job, error);
}

/* Jobs begin and go in one lane: the next job of a package must not go with the one before it. */
static bool
on_clear(Component *c, const InboxFile *file, GError **error)
{
        return pulldp_package_clear(c, error);
}

static bool
on_report(Component *c, const InboxFile *file, GError **error)
{
        bool sent = pulldp_report_send(c, error);

        if (sent)
                ring(c->host, PULLDP_BOX, "look" CLEAR);
        return sent;
}

static bool
on_report_due(Component *c, GError **error)
{
        return on_report(c, NULL, error);
}

static bool
resume_package(Component *c, const PullPackage *package, GError **error)
{
        g_autoptr(GPtrArray) contents = pulljob_contents(c->db, package->package_id, error);

        if (contents == NULL)
                return false;
        for (guint i = 0; i < contents->len; i++) {
                if (!pulldp_content_resume(c, contents->pdata[i], error))
                        return false;
        }
        return pulldp_package_finish(c, package->package_id, error);
}

/* Goes on wherever the program was cut off (DIST-112). */
static bool
on_start(Component *c, GError **error)
{
        g_autoptr(GPtrArray) packages = pulljob_list(c->db, error);

        if (packages == NULL)
                return false;
        for (guint i = 0; i < packages->len; i++) {
                const PullPackage *package = packages->pdata[i];

                if (strcmp(package->state, PULLJOB_RUNNING) == 0 &&
                    !resume_package(c, package, error))
                        return false;
        }
        /* Of a library that is the site server's nothing is removed here. */
        return on_ring(c, NULL, error) &&
               (dp_of(c) == NULL || dp_colocated(dp_of(c)) || pulldp_load_sweep(c, error));
}

static void
drop_data(gpointer data)
{
        bundle_drop(data);
}

static bool
start(Component *c, GError **error)
{
        PullDP *state = g_new0(PullDP, 1);

        pthread_mutex_init(&state->lock, NULL);
        state->bundles = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, drop_data);
        c->state = state;
        return true;
}

static void
stop(Component *c)
{
        PullDP *state = c->state;

        g_hash_table_unref(state->bundles);
        pthread_mutex_destroy(&state->lock);
        g_free(state);
}

const ComponentDef pulldp = {
        .name = "PullDP",
        .log = "PullDP.log",
        .log_form = UK_LOG_CLIENT,
        .what = "fetches packages from other distribution points when the site says so, and reports",
        .boxes = {
                { .lane = "main", .box = PULLDP_BOX, .kind = DTS_KIND, .on_file = on_dts },
                { .lane = "main", .box = PULLDP_BOX, .kind = PULLDP_RING, .on_file = on_ring },
                { .lane = "main", .box = PULLDP_BOX, .kind = CLEAR, .on_file = on_clear },
                { .lane = "main", .box = NOTIFICATION, .kind = ".NOT", .on_file = on_ring },
                { .lane = "main", .box = NOTIFICATION, .kind = ".CAN", .on_file = on_cancel },
                { .lane = "report", .box = PULLDP_REPORT, .kind = PULLDP_RING, .on_file = on_report },
        },
        .pools = { { "contents", "pulldp.content_jobs", pulldp_content } },
        .timers = {
                { "main", "start", on_start, true },
                { "main", "due", on_due, false },
                { "report", "report", on_report_due, true },
        },
        .start = start,
        .stop = stop,
};
