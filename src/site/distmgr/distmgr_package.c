/* distmgr_package.c - a package processing thread: whatever is pending for one package.
 *
 * Adding and updating take a snapshot of the source, deleting waits until the package has left its
 * distribution points; then each distribution point with an action pending gets a DP thread. The
 * pending action is reset last, so that a stop in between begins again where it matters (DIST-013
 * to DIST-025, DIST-067, DIST-089, DIST-135 to DIST-148).
 */
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "content/deltastore.h"
#include "host/statusmsg.h"
#include "host/timer.h"
#include "site/contentlibrary/contentlibrary.h"
#include "site/distmgr/distmgr_private.h"
#include "sitedb/pkgstatus.h"

#define STAGE_BEGUN 2300
#define STAGE_DONE  2301

/* Records how far the package is at this site: the Type 1 row (DIST-014, OQ-D17). */
static bool
set_stage(Component *c, const Package *package, gint64 version, int stage, GError **error)
{
        const DistMgr *mgr = c->state;
        g_autoptr(DbTx) tx = db_begin(c->db, error);

        if (tx == NULL ||
            !pkgstatus_ensure(tx, package->id, PKGSTATUS_TYPE_SITE, mgr->site, mgr->server,
                              "package processing", error) ||
            !pkgstatus_set_available(tx, package->id, mgr->site, mgr->server,
                                     stage == STAGE_DONE ? PKGSTATUS_INSTALLED : PKGSTATUS_SENT,
                                     version, "package processing", error) ||
            !db_commit(g_steal_pointer(&tx), error))
                return false;
        uk_log("~CDistributionSrcSQL::UpdateAvailableVersion PackageID=%s, "
               "Version=%" G_GINT64_FORMAT ", Status=%d",
               package->id, version, stage);
        return true;
}

static void
log_actions(const Package *package)
{
        uk_log("~The Package Action is %d, the Update Mask is %d and UpdateMaskEx is %d.",
               (int)package->action, (int)package->update_mask,
               (int)(package->update_mask_ex & ~PACKAGE_MASK_EX_REFRESH));
}

static void
log_adding(const Package *package, gint64 version)
{
        uk_log("~Adding these contents to the package %s version %" G_GINT64_FORMAT ".",
               package->id, version);
}

/* The row of the package as it is now, in place of the one at hand. */
static bool
reload(Component *c, Package **package, GError **error)
{
        Package *now = package_load(c->db, (*package)->id, error);

        if (now == NULL)
                return false;
        package_free(*package);
        *package = now;
        return true;
}

/* Says once for each reason that the source cannot be read; the row's Cause tells it, or that the
 * site server cannot store it, until it is done. */
static bool
tell_source(Component *c, const Package *package, const PkgStatusSource *failure, GError **error)
{
        const DistMgr *mgr = c->state;
        g_autofree char *cause = g_strconcat(failure->at_site ? "the site server cannot store it: "
                                                              : "the source cannot be read: ",
                                             failure->error_text, NULL);
        g_autoptr(DbTx) tx = db_begin(c->db, error);

        if (tx == NULL)
                return false;
        if (!failure->at_site && strcmp(cause, package->cause) != 0 &&
            !statusmsg_raise(c, tx, 2306, error, package->name, package->id, package->source,
                             failure->error_text, NULL))
                return false;
        return package_set_cause(tx, package->id, cause, error) &&
               pkgstatus_ensure(tx, package->id, PKGSTATUS_TYPE_SITE, mgr->site, mgr->server, cause,
                                error) &&
               pkgstatus_source_failed(tx, package->id, mgr->site, mgr->server, failure, cause,
                                       error) &&
               db_commit(g_steal_pointer(&tx), error);
}

/* A source that cannot be read, or stored: said, shown, and tried again. What a person must change
 * at the source is looked at with the tick; what may come back by itself, such as a folder of
 * another machine, or is to be mended at the site server, such as its full disk, soon. */
static bool
put_off_source(Component *c, const Package *package, const GError *why, bool at_site,
               GError **error)
{
        Settings *settings = host_settings(c->host);
        bool soon = at_site || uk_error_class(why) == UK_CLASS_LATER;
        gint64 seconds = soon ? settings_int(settings, "distmgr.source_retry_seconds")
                              : settings_int(settings, "distmgr.retry_minutes") * 60;
        PkgStatusSource failure = { .error_text = why->message,
                                    .at_site = at_site,
                                    .next_us = uk_clock_now() + seconds * UK_SECOND };

        uk_error("~Failed to take snapshot of package %s: %s", package->id, why->message);
        if (soon)
                timer_set(c, "pending", failure.next_us);
        return tell_source(c, package, &failure, error);
}

/* The refresh that was asked for is taken up, before the source is read (OQ-D45). */
static bool
begin(Component *c, const Package *package, GError **error)
{
        const DistMgr *mgr = c->state;
        g_autoptr(DbTx) tx = db_begin(c->db, error);

        return tx != NULL && package_begin(tx, package->id, error) &&
               pkgstatus_source_begun(tx, package->id, mgr->site, mgr->server, error) &&
               db_commit(g_steal_pointer(&tx), error);
}

/* Whether to begin anew is all that is to be done: the program stops, or the database fails, in
 * which nothing can be said either. */
static bool
is_for_the_pool(const GError *error)
{
        static const int own[] = { UK_ERROR_DATABASE, UK_ERROR_CANCELLED, UK_ERROR_SCHEMA,
                                   UK_ERROR_BROKEN, UK_ERROR_NOT_YET };

        for (gsize i = 0; i < G_N_ELEMENTS(own); i++) {
                if (g_error_matches(error, UK_ERROR, own[i]))
                        return true;
        }
        return false;
}

/* Only the site that owns the package reads its source; the others get what that one sends. */
static bool
owns(Component *c, const Package *package)
{
        return strcmp(package->source_site, ((const DistMgr *)c->state)->site) == 0;
}

/* Takes the snapshot where one is due. *ready_out false: the source cannot be read, or stored, at
 * present. */
static bool
refresh(Component *c, Package **package, bool *ready_out, GError **error)
{
        const Package *now = *package;
        bool due = owns(c, now) &&
                   (now->stored_version == 0 || (now->update_mask & PACKAGE_MASK_SOURCE) != 0);
        g_autoptr(GError) failure = NULL;
        bool at_site = false;
        gint64 version;

        *ready_out = true;
        if (!due)
                return true;
        if (!package_next_version(c->db, now, &version, error) || !begin(c, now, error))
                return false;
        if (distmgr_snapshot(c, now, version, &at_site, &failure))
                return reload(c, package, error);
        if (is_for_the_pool(failure) || host_stopping(c->host)) {
                g_propagate_error(error, g_steal_pointer(&failure));
                return false;
        }
        *ready_out = false;
        return put_off_source(c, now, failure, at_site, error);
}

/* DIST-013 to DIST-020 */
static bool
add(Component *c, Package **package, bool *ready_out, GError **error)
{
        const Package first = **package;
        gint64 version = MAX(first.stored_version, first.source_version);

        uk_log("Start adding package %s...", first.id);
        log_actions(&first);
        if (!set_stage(c, &first, version, STAGE_BEGUN, error) ||
            !refresh(c, package, ready_out, error))
                return false;
        if (!*ready_out || (*package)->stored_version == 0)
                return true;
        log_adding(*package, (*package)->stored_version);
        return statusmsg_raise(c, NULL, 2376, error, (*package)->id, NULL);
}

/* DIST-067, DIST-139 */
static bool
update(Component *c, Package **package, bool *ready_out, GError **error)
{
        gint64 before = (*package)->stored_version;
        Package asked = **package; /* its numbers only */
        g_autofree char *place = g_build_filename(host_state_dir(c->host), "SMSPKG", NULL);

        uk_log("Start updating the package %s...", (*package)->id);
        if (!refresh(c, package, ready_out, error))
                return false;
        if (!*ready_out)
                return true;
        bool changed = (*package)->stored_version != before;
        if (changed) {
                if (!statusmsg_raise(c, NULL, 2376, error, (*package)->id, NULL))
                        return false;
                uk_log("~The source for package %s has changed or the package source needs to be "
                       "refreshed",
                       (*package)->id);
                log_adding(*package, (*package)->stored_version);
        }
        log_actions(&asked);
        uk_log("~Use drive %s for storing the compressed package.", place);
        uk_log("~Successfully created/updated the package %s%s", (*package)->id,
               changed ? "." : "");
        return statusmsg_raise(c, NULL, 2311, error, (*package)->id, NULL);
}

static void
log_versions(const Package *package)
{
        uk_log("~StoredPkgVersion (%" G_GINT64_FORMAT
               ") of package %s. StoredPkgVersion in database is %" G_GINT64_FORMAT ".",
               package->stored_version, package->id, package->stored_version);
        uk_log("~SourceVersion (%" G_GINT64_FORMAT
               ") of package %s. SourceVersion in database is %" G_GINT64_FORMAT ".",
               package->source_version, package->id, package->source_version);
}

/* DIST-023, DIST-145: what a site without other sites says of replication. */
static bool
close_action(Component *c, const Package *package, GError **error)
{
        bool added = package->action == PACKAGE_ACTION_ADD;

        if (package->preferred_address[0] == '\0')
                uk_log("~Package %s does not have a preferred sender.", package->id);
        if (added)
                uk_log("A program for package %s has been added or removed, therefore it needs to "
                       "be replicated to all child sites.",
                       package->id);
        uk_log("Package %s is new or has changed, replicating to all applicable sites.",
               package->id);
        if (!set_stage(c, package, package->stored_version, STAGE_DONE, error))
                return false;
        log_versions(package);
        if (added)
                log_adding(package, package->stored_version);
        return true;
}

/* The action is reset with the message that says so (DIST-025). */
static bool
finish(Component *c, const Package *package, GError **error)
{
        g_autoptr(DbTx) tx = db_begin(c->db, error);

        return tx != NULL && package_done(tx, package->id, error) &&
               statusmsg_raise(c, tx, 2301, error, package->name, package->id, NULL) &&
               db_commit(g_steal_pointer(&tx), error);
}

/* Drops one version: its content items and their rows. */
static bool
forget_version(Component *c, Library *library, const char *pkg_id, gint64 version, GError **error)
{
        g_autoptr(GPtrArray) rows = pkgcontent_list(c->db, pkg_id, version, error);

        for (guint i = 0; rows != NULL && i < rows->len; i++) {
                if (!library_release_content(library, ((PkgContent *)rows->pdata[i])->content_id,
                                             error))
                        return false;
        }
        g_autoptr(DbTx) tx = rows != NULL ? db_begin(c->db, error) : NULL;
        return tx != NULL && pkgcontent_delete(tx, pkg_id, version, error) &&
               db_commit(g_steal_pointer(&tx), error);
}

/* The oldest kept versions go while all of them are larger than the budget. */
static bool
keep_budget(Component *c, Library *library, GError **error)
{
        gint64 budget =
                settings_int(host_settings(c->host), "distmgr.keep_megabytes") * 1024 * 1024;

        for (;;) {
                g_autoptr(PkgContent) oldest = NULL;
                gint64 bytes = 0;

                if (!pkgcontent_oldest_kept(c->db, &oldest, &bytes, error))
                        return false;
                if (oldest == NULL || bytes <= budget)
                        return true;
                if (!forget_version(c, library, oldest->pkg_id, oldest->version, error))
                        return false;
        }
}

/* The versions of the package that nobody needs go; *forgotten_out is how many. */
static bool
forget_superseded(Component *c, Library *library, const char *pkg_id, gint64 stored,
                  guint *forgotten_out, GError **error)
{
        gint64 keep = settings_int(host_settings(c->host), "distmgr.keep_versions");
        g_autoptr(GArray) versions = pkgcontent_superseded(c->db, pkg_id, stored, keep, error);

        for (guint i = 0; versions != NULL && i < versions->len; i++) {
                if (!forget_version(c, library, pkg_id, g_array_index(versions, gint64, i), error))
                        return false;
        }
        *forgotten_out = versions != NULL ? versions->len : 0;
        return versions != NULL;
}

static bool
trim_deltas(Component *c, Library *library, GError **error)
{
        gint64 budget =
                settings_int(host_settings(c->host), "distmgr.delta_megabytes") * 1024 * 1024;

        return deltastore_trim(library, budget, error);
}

bool
distmgr_trim_versions(Component *c, const char *pkg_id, gint64 stored, GError **error)
{
        UK_DOING(error, "forgetting old versions of package %s", pkg_id);
        Library *library = contentlibrary_of(c->host, error);
        guint forgotten;

        return library != NULL &&
               forget_superseded(c, library, pkg_id, stored, &forgotten, error) &&
               keep_budget(c, library, error) && trim_deltas(c, library, error);
}

bool
distmgr_forget_superseded(Component *c, const char *pkg_id, gint64 stored, GError **error)
{
        UK_DOING(error, "forgetting old versions of package %s", pkg_id);
        Library *library = contentlibrary_of(c->host, error);
        guint forgotten = 0;

        return library != NULL &&
               forget_superseded(c, library, pkg_id, stored, &forgotten, error) &&
               (forgotten == 0 || trim_deltas(c, library, error));
}

/* Content items of all versions that this site keeps go, then the package, and the deltas that were
 * made between them. */
static bool
remove_content(Component *c, const char *pkg_id, GError **error)
{
        Library *library = contentlibrary_of(c->host, error);
        g_autoptr(GPtrArray) rows =
                library != NULL ? pkgcontent_list(c->db, pkg_id, 0, error) : NULL;

        if (rows == NULL || !library_remove_package(library, pkg_id, error))
                return false;
        for (guint i = 0; i < rows->len; i++) {
                if (!library_release_content(library, ((PkgContent *)rows->pdata[i])->content_id,
                                             error))
                        return false;
        }
        return trim_deltas(c, library, error);
}

/* Action 3: the package leaves its distribution points, and when it has, the site. */
static bool delete (Component *c, const Package *package, GError **error)
{
        const DistMgr *mgr = c->state;
        g_autoptr(DbTx) mark = db_begin(c->db, error);
        g_autoptr(GPtrArray) left = NULL;

        uk_log("Start deleting package %s...", package->id);
        if (mark == NULL || !pkgserver_mark_remove(mark, package->id, package->cause, error) ||
            !db_commit(g_steal_pointer(&mark), error))
                return false;
        left = pkgserver_list(c->db, package->id, mgr->site, false, error);
        if (left == NULL || (left->len > 0 && !distmgr_serve_dps(c, package, error)))
                return false;
        if (left->len > 0)
                return true; /* the last one to go brings the package back here */
        if (!remove_content(c, package->id, error))
                return false;
        g_autoptr(DbTx) tx = db_begin(c->db, error);
        if (tx == NULL || !package_delete(tx, package->id, error) ||
            !statusmsg_raise(c, tx, 2303, error, package->name, package->id, NULL) ||
            !db_commit(g_steal_pointer(&tx), error))
                return false;
        uk_log("~Successfully deleted package %s.", package->id);
        return true;
}

/* The package's own action; *ready_out false: nothing more can be done now. */
static bool
do_action(Component *c, Package **package, bool *ready_out, GError **error)
{
        *ready_out = true;
        if ((*package)->action == PACKAGE_ACTION_ADD)
                return add(c, package, ready_out, error);
        if ((*package)->action == PACKAGE_ACTION_UPDATE)
                return update(c, package, ready_out, error);
        uk_log("No action specified for the package %s, however there may be package server "
               "changes for this package.",
               (*package)->id);
        return true;
}

/* The site has a row of a package that it has begun with (DIST-013, OQ-D05): one whose source
 * cannot be read is begun with again and again. */
static bool
tell_beginning(Component *c, const Package *package, GError **error)
{
        const DistMgr *mgr = c->state;
        g_autoptr(GError) failure = NULL;
        g_autoptr(PkgStatus) row = pkgstatus_load(c->db, package->id, PKGSTATUS_TYPE_SITE,
                                                  mgr->site, mgr->server, &failure);

        if (failure != NULL) {
                g_propagate_error(error, g_steal_pointer(&failure));
                return false;
        }
        return row != NULL ||
               statusmsg_raise(c, NULL, 2300, error, package->name, package->id, NULL);
}

static bool
process(Component *c, Package **package, GError **error)
{
        bool had_action = (*package)->action != PACKAGE_ACTION_NONE, ready;

        if ((*package)->action == PACKAGE_ACTION_ADD && !tell_beginning(c, *package, error))
                return false;
        uk_log("~Processing package %s (SourceVersion:%" G_GINT64_FORMAT
               ";StoredVersion:%" G_GINT64_FORMAT ")",
               (*package)->id, (*package)->source_version, (*package)->stored_version);
        if ((*package)->action == PACKAGE_ACTION_DELETE)
                return delete (c, *package, error);
        if (!do_action(c, package, &ready, error))
                return false;
        if ((*package)->stored_version == 0) {
                if (!owns(c, *package)) /* DIST-061 */
                        uk_log("~The contents for the package %s hasn't arrived from site %s yet, "
                               "will retry later.",
                               (*package)->id, (*package)->source_site);
                return true; /* there is nothing yet that a distribution point could get */
        }
        if (!distmgr_serve_dps(c, *package, error))
                return false;
        if (!had_action || !ready) {
                log_versions(*package);
                return true;
        }
        return close_action(c, *package, error) && finish(c, *package, error) &&
               distmgr_trim_versions(c, (*package)->id, (*package)->stored_version, error);
}

/* The main thread's line, which is to stand before the first one of this thread. */
static void
log_started(const DistMgr *mgr, const char *pkg_id)
{
        int own = uk_log_set_thread(atomic_load(&mgr->main_thread));

        uk_log("~Started package processing thread for package '%s', thread ID = 0x%X (%d)", pkg_id,
               (guint)own, own);
        (void)uk_log_set_thread(own);
}

bool
distmgr_process_package(Component *c, const char *pkg_id, GError **error)
{
        UK_DOING(error, "processing package %s", pkg_id);
        g_autoptr(GError) failure = NULL;
        g_autoptr(Package) package = package_load(c->db, pkg_id, &failure);

        if (package == NULL && g_error_matches(failure, UK_ERROR, UK_ERROR_NOT_FOUND))
                return true;
        if (package == NULL) {
                g_propagate_error(error, g_steal_pointer(&failure));
                return false;
        }
        distmgr_take_trace(package->action != PACKAGE_ACTION_NONE ? package->trace : "");
        log_started(c->state, pkg_id);
        bool done = process(c, &package, error);

        uk_log("~Exiting package processing thread for package %s.", pkg_id);
        return done;
}
