/* pulldp_load.c - from a stored notification to jobs (DIST-109, DIST-110, DIST-111).
 *
 * A notification becomes rows in one transaction and is gone with it. It takes the place of what is
 * being pulled of the package, unless that is a later version. The bundle is proved once and kept
 * beside the package's files: another one may come at any time.
 */
#include <string.h>

#include "base/guid.h"
#include "base/io.h"
#include "crypto/hash.h"
#include "dp/pulldp/pulldp_private.h"
#include "transfer/dts.h"

/* Our copy of a job's bundle. */
static char *
bundle_copy(Library *library, const PullNotice *notice)
{
        g_autofree char *folder = pulldp_package_folder(library, notice->package_id);
        g_autofree char *name = g_strdup_printf("%" G_GINT64_FORMAT ".tz", notice->version);

        return g_build_filename(folder, name, NULL);
}

static bool
hash_fits(const PullNotice *notice, const char *data, gsize size)
{
        g_autofree char *hex = hash_sha256_hex(data, size);

        return g_ascii_strcasecmp(hex, notice->hash) == 0;
}

/* Reads a bundle; NULL when it is not there or not the one that the notification names. */
static char *
read_proved(const char *path, const PullNotice *notice, gsize *size_out)
{
        g_autofree char *data = NULL;

        if (!uk_io_read(path, BUNDLE_MAX_BYTES, &data, size_out, NULL) ||
            !hash_fits(notice, data, *size_out))
                return NULL;
        uk_log("Successfully verified content info Hash %s :%s", path, notice->hash);
        return g_steal_pointer(&data);
}

/* DIST-110. Our copy, of an earlier start, is as good as the bundle that the site has sent. */
static bool
take_bundle(Library *library, const PullNotice *notice, GError **error)
{
        g_autofree char *path = dp_bundle_path(library, notice->package_id);
        g_autofree char *folder = pulldp_package_folder(library, notice->package_id);
        g_autofree char *copy = bundle_copy(library, notice);
        g_autofree char *kept = NULL;
        gsize size = 0;
        g_autofree char *data = read_proved(path, notice, &size);

        if (data != NULL)
                return uk_io_mkdirs(folder, 0750, error) &&
                       uk_io_replace(copy, data, size, 0640, error);
        kept = read_proved(copy, notice, &size);
        return kept != NULL ||
               uk_fail(error, UK_ERROR_SIGNATURE,
                       "%s is not there, or its hash is not %s, which the notification names", path,
                       notice->hash);
}

Bundle *
pulldp_load_bundle(Library *library, const PullNotice *notice, GError **error)
{
        g_autofree char *path = bundle_copy(library, notice);
        g_autofree char *data = NULL;
        gsize size;

        if ((!g_file_test(path, G_FILE_TEST_EXISTS) && !take_bundle(library, notice, error)) ||
            !uk_io_read(path, BUNDLE_MAX_BYTES, &data, &size, error))
                return NULL;
        if (!hash_fits(notice, data, size)) {
                uk_fail(error, UK_ERROR_SIGNATURE, "%s is not the bundle of the notification",
                        path);
                return NULL;
        }
        return bundle_read(data, size, error);
}

/* "PS100001" of "PS100001.tz", a bundle, and of "PS100001", the folder of a job; NULL for others.
 */
static char *
package_of(const char *folder, const char *name, bool *bundle_out)
{
        g_autofree char *path = g_build_filename(folder, name, NULL);
        g_autofree char *id = g_strdup(name);

        *bundle_out = g_str_has_suffix(name, ".tz");
        if (*bundle_out)
                id[strlen(id) - strlen(".tz")] = '\0';
        return pullnotice_id_valid(id) && (*bundle_out || g_file_test(path, G_FILE_TEST_IS_DIR))
                       ? g_steal_pointer(&id)
                       : NULL;
}

static bool
sweep_one(Component *c, const char *folder, const char *name, GError **error)
{
        bool bundle;
        g_autofree char *id = package_of(folder, name, &bundle);
        g_autofree char *path = g_build_filename(folder, name, NULL);
        g_autoptr(PullPackage) job = NULL;

        if (id == NULL)
                return true;
        if (!pulljob_load(c->db, id, &job, error))
                return false;
        if (job != NULL)
                return true;
        return bundle ? dp_drop_bundle(dp_of(c), c->db, id, error) : uk_io_remove_tree(path, error);
}

/* Bundles that came and were never named, or whose job was cleared away as the program ended, and
 * what such jobs had downloaded. */
bool
pulldp_load_sweep(Component *c, GError **error)
{
        Library *library = pulldp_library(c, error);
        g_autofree char *folder =
                library != NULL ? g_build_filename(library_root(library), "SMS_DP$", NULL) : NULL;
        g_autoptr(GDir) dir = folder != NULL ? g_dir_open(folder, 0, error) : NULL;
        const char *name;

        while (dir != NULL && (name = g_dir_read_name(dir)) != NULL) {
                if (!sweep_one(c, folder, name, error))
                        return false;
        }
        return dir != NULL;
}

static bool
check_bundle(Library *library, const PullNotice *notice, GError **error)
{
        g_autoptr(Bundle) bundle = pulldp_load_bundle(library, notice, error);

        if (bundle == NULL)
                return false;
        if (strcmp(bundle->package_id, notice->package_id) != 0 ||
            bundle->version != notice->version)
                return uk_fail(error, UK_ERROR_INVALID,
                               "the bundle is of package %s, version %" G_GINT64_FORMAT,
                               bundle->package_id, bundle->version);
        return true;
}

static bool
add_content(DbTx *tx, const DistributionPoint *dp, const PullPackage *package,
            const PullNotice *notice, const PullNoticeContent *item, GError **error)
{
        g_autofree char *guid = uk_guid_new_braced();
        const PullContent content = { .guid = guid,
                                      .content_id = item->content_id,
                                      .related_id = item->related_id };

        uk_log("CPullDPPkgContJob::LoadContentJobFromXML(): Set JobState = NotStarted");
        uk_log("- %s.%" G_GINT64_FORMAT " - Loaded content job %s for content %s from XML",
               package->package_id, package->version, guid, item->content_id);
        return pulljob_add_content(tx, package, &content, "notification", error) &&
               pulldp_source_add(tx, dp, notice, item, guid, error);
}

static bool
add_contents(DbTx *tx, const DistributionPoint *dp, const PullPackage *package,
             const PullNotice *notice, GError **error)
{
        uk_log("CPullDPService::LoadJobsFromXML for %s.%" G_GINT64_FORMAT, package->package_id,
               package->version);
        uk_log("- %s.%" G_GINT64_FORMAT " - XML has %u content jobs.", package->package_id,
               package->version, notice->contents->len);
        for (guint i = 0; i < notice->contents->len; i++) {
                if (!add_content(tx, dp, package, notice, notice->contents->pdata[i], error))
                        return false;
        }
        uk_log("CPullDPPkgJob::LoadJobFromXML() successfully loaded job for package "
               "%s.%" G_GINT64_FORMAT ", there are %u content jobs.",
               package->package_id, package->version, notice->contents->len);
        return true;
}

/* What had come for content items that the new job has not. The weekly cleaning finds what stays.
 */
static void
leave_old_items(Component *c, const GPtrArray *before, const PullNotice *notice)
{
        g_autoptr(GHashTable) gone = g_hash_table_new(g_str_hash, g_str_equal);
        g_autoptr(GHashTable) keep = g_hash_table_new(g_str_hash, g_str_equal);
        g_autoptr(GError) why = NULL;

        for (guint i = 0; i < before->len; i++)
                g_hash_table_add(gone, ((PullContent *)before->pdata[i])->content_id);
        for (guint i = 0; i < notice->contents->len; i++)
                g_hash_table_add(keep,
                                 ((PullNoticeContent *)notice->contents->pdata[i])->content_id);
        if (before->len > 0 && !dp_drop_coming(dp_of(c), notice->package_id, gone, keep, &why))
                uk_warn("%s", why->message);
}

/* In one transaction: the notification goes, the jobs stand. *stored_out false: there are none. */
static bool
store(Component *c, const PullNotification *row, const PullPackage *package,
      const PullNotice *notice, bool *stored_out, GError **error)
{
        g_autoptr(DbTx) tx = db_begin(c->db, error);
        g_autoptr(DistributionPoint) dp = tx != NULL ? distributionpoint_load(c->db, error) : NULL;
        g_autoptr(GPtrArray) before =
                dp != NULL ? pulljob_contents(c->db, package->package_id, error) : NULL;
        bool found;

        if (before == NULL || !pulljob_drop_notification(tx, row->id, &found, error))
                return false;
        /* Taken back since it was read; or told before this became a standard one. */
        *stored_out = found && dp->is_pull_dp != 0;
        if (!*stored_out)
                return db_commit(g_steal_pointer(&tx), error);
        if (!pulldp_package_drop_downloads(tx, before, error) ||
            !pulljob_put(tx, package, "notification", error) ||
            !add_contents(tx, dp, package, notice, error) ||
            !db_commit(g_steal_pointer(&tx), error))
                return false;
        for (guint i = 0; i < before->len; i++) {
                const PullContent *content = before->pdata[i];

                if (content->dts_job[0] != '\0')
                        dts_stop(c->host, content->dts_job);
        }
        leave_old_items(c, before, notice);
        return true;
}

static bool
start_contents(Component *c, const PullPackage *package, const PullNotice *notice, GError **error)
{
        Library *library = pulldp_library(c, error);
        g_autoptr(GPtrArray) contents = NULL;

        if (library == NULL || !take_bundle(library, notice, error) ||
            !check_bundle(library, notice, error))
                return false;
        contents = pulljob_contents(c->db, package->package_id, error);
        if (contents == NULL)
                return false;
        uk_log("CPullDPService::ExecuteJobs(). %u jobs to do", contents->len);
        uk_log("%s.%" G_GINT64_FORMAT " Starting Download  there are %u content jobs.",
               package->package_id, package->version, contents->len);
        for (guint i = 0; i < contents->len; i++) {
                if (!pulldp_run_content(c, ((PullContent *)contents->pdata[i])->guid, error))
                        return false;
        }
        return true;
}

/* Starts the content jobs, or says that the bundle is none. The notification is gone: what is in
 * the way now is kept with the job, which is tried again. */
static bool
execute(Component *c, const PullPackage *package, const PullNotice *notice, GError **error)
{
        g_autoptr(GError) why = NULL;

        if (start_contents(c, package, notice, &why) || host_stopping(c->host))
                return true;
        if (uk_error_class(why) == UK_CLASS_CORRUPT)
                return pulldp_package_fail(c, package->package_id, why->message, true, error);
        uk_warn("Package %s waits: %s", package->package_id, why->message);
        return pulldp_package_hold(c, package->package_id, why, error);
}

static bool
drop(Component *c, gint64 id, GError **error)
{
        g_autoptr(DbTx) tx = db_begin(c->db, error);

        return tx != NULL && pulljob_drop_notification(tx, id, NULL, error) &&
               db_commit(g_steal_pointer(&tx), error);
}

/* An earlier version than that is wanted only after a site was restored from a backup: then what is
 * at its end here is not what the site has. What is not goes on, and its end is reported. */
static bool
is_under_way(const PullPackage *package)
{
        return strcmp(package->state, PULLJOB_RUNNING) == 0 ||
               strcmp(package->state, PULLJOB_WAITING) == 0 ||
               strcmp(package->state, PULLJOB_PAUSED) == 0;
}

static bool
load_notice(Component *c, const PullNotification *row, const PullNotice *notice, GError **error)
{
        g_autofree char *guid = uk_guid_new_braced();
        const PullPackage package = { .package_id = notice->package_id,
                                      .version = notice->version,
                                      .guid = guid,
                                      .notification = row->notification,
                                      .trace = notice->trace[0] != '\0' ? notice->trace
                                                                        : row->trace };
        g_autoptr(PullPackage) present = NULL;
        bool stored;

        if (!pulljob_load(c->db, notice->package_id, &present, error))
                return false;
        if (present != NULL && present->version > notice->version && is_under_way(present)) {
                uk_warn("Version %" G_GINT64_FORMAT " of package %s is not fetched: version "
                        "%" G_GINT64_FORMAT " is.",
                        notice->version, notice->package_id, present->version);
                return drop(c, row->id, error);
        }
        uk_trace_set(package.trace);
        if (!store(c, row, &package, notice, &stored, error))
                return false;
        if (!stored)
                return true;
        if (present != NULL)
                pulldp_bundle_forget(c, present->guid);
        return execute(c, &package, notice, error);
}

/* One that cannot be read was looked at when it came; it is only dropped. */
static bool
load_one(Component *c, const PullNotification *row, GError **error)
{
        gsize size;
        const void *data = g_bytes_get_data(row->notification, &size);
        g_autoptr(GError) why = NULL;
        g_autoptr(PullNotice) notice = pullnotice_read(data, size, &why);

        if (notice != NULL)
                return load_notice(c, row, notice, error);
        uk_error("A stored notification is dropped: %s", why->message);
        return drop(c, row->id, error);
}

bool
pulldp_load(Component *c, GError **error) /* DIST-109 */
{
        for (;;) {
                g_autoptr(PullNotification) row = NULL;

                if (!pulljob_first_notification(c->db, &row, error))
                        return false;
                if (row == NULL)
                        return true;
                bool ok = load_one(c, row, error);
                uk_trace_set("");
                if (!ok)
                        return false;
        }
}
