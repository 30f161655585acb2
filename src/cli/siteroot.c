/* siteroot.c - what the folders of a site tell by themselves.
 *
 * Comes in: a root. Goes out: backlogs, room and sizes. Reads folders and nothing in the files, so
 * that it works while every program is down, and asks no program anything.
 */
#include "cli/siteroot.h"

#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include "base/clock.h"
#include "content/library.h"
#include "inbox/drop.h"
#include "inbox/inbox.h"

#define STATE     "/var/lib/upkeep/"
#define MAX_DEPTH 8 /* folders below an inbox root; ours have four */

static const char *const roles[] = { "site", "sup", "mp", "client", "provider", "dp" };

static void
box_free(gpointer data)
{
        SiteBox *box = data;

        g_free(box->name);
        g_free(box->path);
        g_free(box->problem);
        g_free(box);
}

static void
volume_free(gpointer data)
{
        SiteVolume *volume = data;

        g_free(volume->holds);
        g_free(volume->path);
        g_free(volume);
}

static void
database_free(gpointer data)
{
        SiteDatabase *database = data;

        g_free(database->name);
        g_free(database);
}

void
siteroot_free(SiteRoot *site)
{
        if (site == NULL)
                return;
        g_ptr_array_unref(site->boxes);
        g_ptr_array_unref(site->volumes);
        g_ptr_array_unref(site->databases);
        g_free(site);
}

static int
compare_names(gconstpointer a, gconstpointer b)
{
        return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* The names in a folder, sorted; empty when there is none. */
static GPtrArray *
names_in(const char *path)
{
        GPtrArray *names = g_ptr_array_new_with_free_func(g_free);
        g_autoptr(GDir) dir = g_dir_open(path, 0, NULL);

        for (const char *name = NULL; dir != NULL && (name = g_dir_read_name(dir)) != NULL;)
                g_ptr_array_add(names, g_strdup(name));
        g_ptr_array_sort(names, compare_names);
        return names;
}

/* Files that were refused: each has a .why beside it, and counts once. */
static guint
count_refused(const char *box)
{
        g_autofree char *path = g_build_filename(box, "corrupt", NULL);
        g_autoptr(GPtrArray) names = names_in(path);
        guint count = 0;

        for (guint i = 0; i < names->len; i++) {
                const char *name = names->pdata[i];

                count += inbox_name_valid(name) && !g_str_has_suffix(name, ".why");
        }
        return count;
}

static void
add_box(SiteRoot *site, const char *path, char *name_take)
{
        SiteBox *box = g_new0(SiteBox, 1);
        g_autoptr(GError) error = NULL;

        box->name = name_take;
        box->path = g_strdup(path);
        box->refused = count_refused(path);
        if (!inbox_backlog(path, &box->waiting, &box->oldest_us, &error))
                box->problem = g_strdup(error->message);
        g_ptr_array_add(site->boxes, box);
}

/* Every folder below an inbox root is one whose files are handled, but for corrupt/, and for those
 * above the first .box. */
static void
add_boxes(SiteRoot *site, const char *path, const char *name, const char *owner, guint depth)
{
        g_autoptr(GPtrArray) names = names_in(path);

        if (strstr(name, ".box") != NULL)
                add_box(site, path, g_strconcat(owner, name, NULL));
        for (guint i = 0; i < names->len && depth < MAX_DEPTH; i++) {
                const char *child = names->pdata[i];
                g_autofree char *below = g_build_filename(path, child, NULL);
                g_autofree char *full =
                        *name != '\0' ? g_build_filename(name, child, NULL) : g_strdup(child);

                if (strcmp(child, "corrupt") != 0 && g_file_test(below, G_FILE_TEST_IS_DIR) &&
                    !g_file_test(below, G_FILE_TEST_IS_SYMLINK))
                        add_boxes(site, below, full, owner, depth + 1);
        }
}

static gint64
size_of(const char *path, const char *suffix)
{
        g_autofree char *full = g_strconcat(path, suffix, NULL);
        struct stat st;

        return stat(full, &st) == 0 ? st.st_size : 0;
}

static void
add_databases(SiteRoot *site, const char *folder, const char *role)
{
        g_autoptr(GPtrArray) names = names_in(folder);

        for (guint i = 0; i < names->len; i++) {
                const char *name = names->pdata[i];
                g_autofree char *path = g_build_filename(folder, name, NULL);

                if (!g_str_has_suffix(name, ".db"))
                        continue;
                SiteDatabase *database = g_new0(SiteDatabase, 1);

                database->name = g_build_filename(role, name, NULL);
                database->size = size_of(path, "") + size_of(path, "-wal");
                g_ptr_array_add(site->databases, database);
        }
}

/* Adds what a volume holds to the line of that volume. */
static void
add_holds(SiteVolume *volume, const char *holds)
{
        g_autofree char *old = volume->holds;

        volume->holds = old == NULL                  ? g_strdup(holds)
                        : strstr(old, holds) != NULL ? g_strdup(old)
                                                     : g_strconcat(old, ", ", holds, NULL);
}

static void
add_volume(SiteRoot *site, const char *path, const char *holds)
{
        struct statvfs room;
        struct stat st;

        if (stat(path, &st) != 0 || statvfs(path, &room) != 0)
                return;
        for (guint i = 0; i < site->volumes->len; i++) {
                SiteVolume *volume = site->volumes->pdata[i];

                if (volume->device == st.st_dev) {
                        add_holds(volume, holds);
                        return;
                }
        }
        SiteVolume *volume = g_new0(SiteVolume, 1);

        volume->path = g_strdup(path);
        volume->device = st.st_dev;
        volume->free = (gint64)(room.f_bavail * room.f_frsize);
        volume->total = (gint64)(room.f_blocks * room.f_frsize);
        add_holds(volume, holds);
        g_ptr_array_add(site->volumes, volume);
}

SiteRoot *
siteroot_look(const char *root)
{
        SiteRoot *site = g_new0(SiteRoot, 1);
        g_autofree char *logs = g_strconcat(root, "/var/log/upkeep", NULL);
        g_autofree char *library = g_build_filename(root, LIBRARY_FOLDER, NULL);
        g_autofree char *journal = g_strconcat(root, STATE "mp/journal", NULL);

        site->boxes = g_ptr_array_new_with_free_func(box_free);
        site->volumes = g_ptr_array_new_with_free_func(volume_free);
        site->databases = g_ptr_array_new_with_free_func(database_free);
        for (guint i = 0; i < G_N_ELEMENTS(roles); i++) {
                g_autofree char *folder = g_strconcat(root, STATE, roles[i], NULL);
                g_autofree char *inboxes = g_build_filename(folder, "inboxes", NULL);
                g_autofree char *owner = strcmp(roles[i], "site") == 0
                                                 ? g_strdup("")
                                                 : g_strconcat(roles[i], ": ", NULL);

                add_databases(site, folder, roles[i]);
                add_boxes(site, inboxes, "", owner, 0);
                add_volume(site, folder, "databases");
                add_volume(site, inboxes, "inboxes");
        }
        add_volume(site, library, "content");
        add_volume(site, logs, "logs");
        /* Reports that were promised to clients and are no files yet. */
        if (g_file_test(journal, G_FILE_TEST_IS_DIR))
                add_box(site, journal, g_strdup("mp: journal"));
        return site;
}
