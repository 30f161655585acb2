/* distmgr_snapshot.c - the source folder of a package becomes a version in the content library.
 *
 * The library comes first and the rows after it, in one transaction; a kill in between makes the
 * same version again. The version before stays in the library as long as deltas may be made from it
 * (DIST-015 to DIST-020, DIST-139, DIST-140).
 */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/guid.h"
#include "base/log.h"
#include "content/snapshot.h"
#include "host/statusmsg.h"
#include "site/contentlibrary/contentlibrary.h"
#include "site/contentlibrary/contentsource.h"
#include "site/distmgr/distmgr_private.h"
#include "sitedb/pkgstatus.h"

/* A source that changed while it was read is read again at once so many times. */
#define TRIES 3

static bool
tell(gpointer user, const SnapshotProgress *progress)
{
        Component *c = user;

        (void)progress;
        return !host_stopping(c->host);
}

/* Whether reading once more at once may help: the source changed under our hands. */
static bool
may_try_again(Component *c, const GError *error)
{
        return !host_stopping(c->host) && (g_error_matches(error, UK_ERROR, UK_ERROR_CHANGED) ||
                                           g_error_matches(error, UK_ERROR, UK_ERROR_BUSY));
}

static Snapshot *
take(Component *c, Library *library, const ContentSource *item, bool *at_site_out, GError **error)
{
        /* Once more, since whoever may write beside it may have put a link there since. */
        *at_site_out = false;
        if (!host_check_foreign(c->host, item->path, error)) {
                g_prefix_error(error, "the package source ");
                return NULL;
        }
        for (int i = 1;; i++) {
                g_autoptr(GError) failure = NULL;
                Snapshot *snapshot = snapshot_take(library, item->path, item->content_id, tell, c,
                                                   at_site_out, &failure);

                if (snapshot != NULL)
                        return snapshot;
                if (i == TRIES || !may_try_again(c, failure)) {
                        g_propagate_error(error, g_steal_pointer(&failure));
                        return NULL;
                }
                uk_warn("The snapshot is taken again: %s", failure->message);
        }
}

/* "PS100039" of "PS100039.2": what versions of one item have in common. */
static bool
same_item(const char *a, const char *b)
{
        const char *a_dot = strrchr(a, '.');
        const char *b_dot = strrchr(b, '.');

        return a_dot != NULL && b_dot != NULL && a_dot - a == b_dot - b &&
               strncmp(a, b, (gsize)(a_dot - a)) == 0;
}

static const char *
related_of(const GPtrArray *before, const char *content_id)
{
        for (guint i = 0; i < before->len; i++) {
                const PkgContent *old = before->pdata[i];

                if (same_item(old->content_id, content_id))
                        return old->content_id;
        }
        return "";
}

static char *
upper_hex(const guint8 *digest)
{
        g_autofree char *hex = hash_hex(digest, HASH_SHA256_SIZE);

        return g_ascii_strup(hex, -1);
}

static PkgContent *
content_row(const Package *package, gint64 version, const GPtrArray *before, const Snapshot *shot)
{
        PkgContent *row = g_new0(PkgContent, 1);

        row->pkg_id = g_strdup(package->id);
        row->version = version;
        row->content_id = g_strdup(tree_content_id(shot->tree));
        row->hash = upper_hex(tree_hash(shot->tree));
        row->signature_hash = upper_hex(shot->signature_hash);
        row->related = g_strdup(related_of(before, row->content_id));
        row->size = tree_size(shot->tree);
        for (guint i = 0; i < tree_count(shot->tree); i++)
                row->files += tree_entry(shot->tree, i)->kind == TREE_FILE ? 1 : 0;
        return row;
}

/* Every item into the library; a row for each goes into rows. *at_site_out: not the source is to
 * blame for a failure. */
static bool
store_items(Component *c, Library *library, const Package *package, gint64 version,
            const GPtrArray *items, const GPtrArray *before, GPtrArray *rows, bool *at_site_out,
            GError **error)
{
        for (guint i = 0; i < items->len; i++) {
                const ContentSource *item = items->pdata[i];
                g_autoptr(Snapshot) shot = take(c, library, item, at_site_out, error);

                if (shot == NULL)
                        return false;
                *at_site_out = true;
                if (!library_add_content(library, shot->tree, shot->signatures, error))
                        return false;
                const char *warning = tree_windows_warning(shot->tree);
                if (warning != NULL)
                        uk_warn("Windows receivers cannot hold content %s: %s", item->content_id,
                                warning);
                g_ptr_array_add(rows, content_row(package, version, before, shot));
        }
        return true;
}

/* The version before is kept, then the package is set to the new one. */
static bool
set_version(Library *library, const Package *package, gint64 version, const GPtrArray *before,
            const GPtrArray *rows, GError **error)
{
        g_autoptr(GPtrArray) ids = g_ptr_array_new();

        for (guint i = 0; i < before->len; i++) {
                const PkgContent *old = before->pdata[i];
                g_autoptr(GError) gone = NULL;

                if (!library_keep_content(library, old->content_id, &gone) &&
                    !g_error_matches(gone, UK_ERROR, UK_ERROR_NOT_FOUND)) {
                        g_propagate_error(error, g_steal_pointer(&gone));
                        return false;
                }
        }
        for (guint i = 0; i < rows->len; i++)
                g_ptr_array_add(ids, ((PkgContent *)rows->pdata[i])->content_id);
        g_ptr_array_add(ids, NULL);
        return library_set_package(library, package->id, version, (const char *const *)ids->pdata,
                                   error);
}

/* The hash of a package is that of its one content item, or of the hashes of all. */
static char *
package_hash(const GPtrArray *rows)
{
        g_autoptr(GString) all = g_string_new(NULL);

        if (rows->len == 1)
                return g_strdup(((PkgContent *)rows->pdata[0])->hash);
        for (guint i = 0; i < rows->len; i++)
                g_string_append(all, ((PkgContent *)rows->pdata[i])->hash);
        g_autofree char *hex = hash_sha256_hex(all->str, all->len);
        return g_ascii_strup(hex, -1);
}

static gint64
total_kb(const GPtrArray *rows)
{
        gint64 bytes = 0;

        for (guint i = 0; i < rows->len; i++)
                bytes += ((PkgContent *)rows->pdata[i])->size;
        return (bytes + 1023) / 1024;
}

/* All rows of the new version, and the marks of the distribution points that are to get it, stand
 * or fall together. */
static bool
write_rows(Component *c, const Package *package, gint64 version, const GPtrArray *rows,
           GError **error)
{
        const DistMgr *mgr = c->state;
        g_autofree char *cause = g_strdup_printf("snapshot of version %" G_GINT64_FORMAT, version);
        g_autofree char *hash = package_hash(rows);
        g_autoptr(DbTx) tx = db_begin(c->db, error);

        if (tx == NULL || !pkgcontent_delete(tx, package->id, version, error))
                return false;
        for (guint i = 0; i < rows->len; i++) {
                if (!pkgcontent_put(tx, rows->pdata[i], cause, error))
                        return false;
        }
        return package_store(tx, package->id, version, hash, total_kb(rows), cause, error) &&
               pkgserver_mark_update(tx, package->id, mgr->site, cause, error) &&
               db_commit(g_steal_pointer(&tx), error);
}

static void
log_hashes(const Package *package, gint64 version, const GPtrArray *rows)
{
        uk_log("The size of package %s, version %" G_GINT64_FORMAT " is %" G_GINT64_FORMAT
               " KBytes",
               package->id, version, total_kb(rows));
        uk_log("Writing package definition for %s", package->id);
        uk_log("~Successfully created RDC signatures for package %s version %" G_GINT64_FORMAT,
               package->id, version);
        for (guint i = 0; i < rows->len; i++) {
                const PkgContent *row = rows->pdata[i];

                uk_log("Creating hash for algorithm 32780");
                uk_log("The hash for algorithm 32780 is %s", row->hash);
                uk_log("The RDC signature hash for algorithm 32780 is %s", row->signature_hash);
        }
}

bool
distmgr_snapshot(Component *c, const Package *package, gint64 version, bool *at_site_out,
                 GError **error)
{
        UK_DOING(error, "taking a snapshot of package %s from %s", package->id, package->source);
        Library *library = contentlibrary_of(c->host, error);
        g_autoptr(GPtrArray) items = NULL;
        g_autoptr(GPtrArray) rows = g_ptr_array_new_with_free_func((GDestroyNotify)pkgcontent_free);
        g_autoptr(GPtrArray) before = NULL;

        *at_site_out = true;
        if (library == NULL)
                return false;
        before = pkgcontent_list(c->db, package->id,
                                 package->stored_version > 0 ? package->stored_version : -1, error);
        if (before == NULL)
                return false;
        uk_log("Taking package snapshot for package %s from source %s", package->id,
               package->source);
        *at_site_out = false;
        items = contentsource_list(package, version, error);
        if (items == NULL ||
            !store_items(c, library, package, version, items, before, rows, at_site_out, error))
                return false;
        *at_site_out = true;
        if (!set_version(library, package, version, before, rows, error) ||
            !write_rows(c, package, version, rows, error))
                return false;
        log_hashes(package, version, rows);
        return true;
}
