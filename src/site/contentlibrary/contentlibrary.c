/* contentlibrary.c - holds the content library of the site server open (DIST-016) and looks after
 * it: files are verified in idle time, and what is damaged or missing comes back from the package's
 * source folder, if it is still what it was, or from a distribution point.
 *
 * Distribution Manager puts content in and takes it out, Package Transfer Manager reads it; a co-
 * located distribution point opens it for reading only. Nothing here can fail once it is open, so
 * that nobody loses it under way.
 */
#include "site/contentlibrary/contentlibrary.h"

#include <string.h>

#include "base/log.h"
#include "host/host.h"
#include "host/mailbox.h"
#include "site/contentlibrary/contentsource.h"
#include "sitedb/contentdpmap.h"
#include "sitedb/pkgcontent.h"
#include "sitedb/pkgstatus.h"
#include "transfer/librarymonitor.h"

#define NAME "SMS_CONTENT_LIBRARY"
#define BOX  "@contentlibrary"
#define MEND ".MND"

typedef struct {
        Library *library;
        LibraryMonitor *monitor;
} ContentLibrary;

Library *
contentlibrary_of(Host *host, GError **error)
{
        const ContentLibrary *state = host_component_state(host, NAME);

        if (state != NULL)
                return state->library;
        uk_fail(error, UK_ERROR_NOT_YET,
                "the content library is not open; ContentLibrary.log says why");
        return NULL;
}

bool
contentlibrary_mend(Host *host, GError **error)
{
        return mailbox_post(host, BOX, "mend" MEND, NULL, 0, error);
}

/* --- who has the files --- */

static void
add_source(GPtrArray *sources, const char *name, const char *url, const char *folder)
{
        RepairSource *source = g_new0(RepairSource, 1);

        source->name = g_strdup(name);
        source->url = g_strdup(url);
        source->folder = g_strdup(folder);
        g_ptr_array_add(sources, source);
}

/* The folder that the content item was made from. That it is gone or is no package any more is no
 * reason not to ask distribution points. */
static void
add_folder(GPtrArray *sources, const Package *package, const PkgContent *content)
{
        g_autoptr(GError) why = NULL;
        g_autoptr(GPtrArray) folders = contentsource_list(package, content->version, &why);

        if (folders == NULL)
                uk_verbose("%s", why->message);
        for (guint i = 0; folders != NULL && i < folders->len; i++) {
                const ContentSource *folder = folders->pdata[i];

                if (strcmp(folder->content_id, content->content_id) == 0)
                        add_source(sources, folder->path, NULL, folder->path);
        }
}

static GPtrArray *
sources_of(Component *c, const char *content_id, GError **error)
{
        g_autoptr(PkgContent) content = pkgcontent_load(c->db, content_id, error);
        g_autoptr(Package) package =
                content != NULL ? package_load(c->db, content->pkg_id, error) : NULL;
        g_autoptr(GPtrArray) holders =
                package != NULL ? contentdpmap_holders(c->db, content_id, error) : NULL;

        if (holders == NULL)
                return NULL;
        GPtrArray *sources = g_ptr_array_new_with_free_func((GDestroyNotify)repair_source_free);
        add_folder(sources, package, content);
        for (guint i = 0; i < holders->len; i++) {
                const ContentHolder *holder = holders->pdata[i];

                add_source(sources, holder->server, holder->url, NULL);
        }
        return sources;
}

/* --- verification and repair --- */

static Library *
library_of(Component *c, GError **error)
{
        const ContentLibrary *state = c->state;

        return state->library;
}

static bool
rate_of(Component *c, gint64 *rate_out, GError **error)
{
        *rate_out = settings_int(host_settings(c->host), "contentlibrary.verify_bytes_per_second");
        return true;
}

static const LibraryMonitorWays ways = {
        .library = library_of,
        .rate = rate_of,
        .sources = sources_of,
        .pause_setting = "contentlibrary.verify_pause_minutes",
        .repair_setting = "contentlibrary.repair_minutes",
};

static bool
on_verify(Component *c, GError **error)
{
        const ContentLibrary *state = c->state;

        return librarymonitor_verify(state->monitor, c, error);
}

static bool
has_all_of_item(Library *library, const char *content_id)
{
        const ContentTree *tree = library_tree_ref(library, content_id, NULL);

        if (tree == NULL)
                return false;
        g_autoptr(GArray) missing = library_missing(library, tree);

        library_tree_unref(library, tree);
        return missing->len == 0;
}

/* What cannot be looked at is not there. */
static bool
has_all_of(Library *library, const char *pkg_id)
{
        g_autoptr(LibraryPackage) package = library_package(library, pkg_id, NULL);
        bool has = package != NULL;

        for (guint i = 0; has && package->content_ids[i] != NULL; i++)
                has = has_all_of_item(library, package->content_ids[i]);
        return has;
}

static bool
note_mended(Component *c, const PkgStatus *damaged, GError **error)
{
        g_autoptr(DbTx) tx = db_begin(c->db, error);

        return tx != NULL && pkgstatus_own_mended(tx, damaged, error) &&
               db_commit(g_steal_pointer(&tx), error);
}

/* Each package by itself: of another one something may be lost for good. */
static bool
note_all_mended(Component *c, GError **error)
{
        g_autoptr(GPtrArray) damaged = pkgstatus_list_own_damaged(c->db, error);

        for (guint i = 0; damaged != NULL && i < damaged->len; i++) {
                const PkgStatus *one = damaged->pdata[i];

                if (has_all_of(library_of(c, NULL), one->pkg_id) && !note_mended(c, one, error))
                        return false;
        }
        return damaged != NULL;
}

static bool
on_repair(Component *c, GError **error)
{
        const ContentLibrary *state = c->state;

        return librarymonitor_repair(state->monitor, c, error) && note_all_mended(c, error);
}

/* Letter: somebody found a file damaged. */
static bool
on_mend(Component *c, const InboxFile *file, GError **error)
{
        (void)file;
        return on_repair(c, error);
}

/* --- the component --- */

static bool
start(Component *c, GError **error)
{
        UK_DOING(error, "opening the content library");
        g_autofree char *path = g_build_filename(host_root(c->host), LIBRARY_FOLDER, NULL);
        Library *library = library_open(path, true, error);

        if (library == NULL)
                return false;
        ContentLibrary *state = g_new0(ContentLibrary, 1);
        state->library = library;
        state->monitor = librarymonitor_new(&ways);
        c->state = state;
        uk_log("Content Library: %s", path);
        return true;
}

static void
stop(Component *c)
{
        ContentLibrary *state = c->state;

        librarymonitor_free(state->monitor);
        library_free(state->library);
        g_free(state);
        c->state = NULL;
}

/* There so that the library is opened at the start, and tried again when that failed. */
static bool
on_tick(Component *c, GError **error)
{
        gint64 free_bytes, total;

        if (!library_space(library_of(c, NULL), &free_bytes, &total, error))
                return false;
        uk_verbose("%" G_GINT64_FORMAT " MB free of %" G_GINT64_FORMAT " MB", free_bytes / 1000000,
                   total / 1000000);
        return true;
}

const ComponentDef contentlibrary = {
        .name = NAME,
        .log = "ContentLibrary.log",
        .log_form = UK_LOG_SERVER,
        .what = "Holds the content library of the site server open, verifies it in idle time and "
                "repairs it from the packages' sources and from distribution points.",
        .boxes = { { .lane = "repair", .box = BOX, .kind = MEND, .on_file = on_mend } },
        .timers = { { "verify", "verify", on_verify, true },
                    { "repair", "repair", on_repair, true } },
        .tick = { "contentlibrary.minutes", on_tick },
        .start = start,
        .stop = stop,
};
