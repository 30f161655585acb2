/* contentsource.c - which folder of a package's source is which content item; see contentsource.h.
 */
#include "site/contentlibrary/contentsource.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "base/guid.h"

/* GUIDs of content items are made from the package's ID, in this namespace. */
#define CONTENT_NAMESPACE "7d0a7c4e-52f3-4f9c-9d5e-6f8a30c1b2d4"

static void
source_free(ContentSource *source)
{
        g_free(source->content_id);
        g_free(source->path);
        g_free(source);
}

/* "Content_<GUID>.<version>" of a named part of a package. */
static char *
make_content_id(const char *pkg_id, const char *part, gint64 version)
{
        g_autofree char *name = g_strconcat(pkg_id, "/", part, NULL);
        g_autofree char *guid =
                uk_guid_valid(part) ? g_strdup(part) : uk_guid_v5(CONTENT_NAMESPACE, name);

        return g_strdup_printf("Content_%s.%" G_GINT64_FORMAT, guid, version);
}

static void
add_item(GPtrArray *items, char *content_id_take, char *path_take)
{
        ContentSource *item = g_new0(ContentSource, 1);

        item->content_id = content_id_take;
        item->path = path_take;
        g_ptr_array_add(items, item);
}

static int
compare_items(gconstpointer a, gconstpointer b)
{
        return strcmp((*(ContentSource *const *)a)->path, (*(ContentSource *const *)b)->path);
}

/* A package of updates has one content item for each folder of its source. */
static bool
list_folders(const Package *package, gint64 version, GPtrArray *items, GError **error)
{
        g_autoptr(GDir) dir = g_dir_open(package->source, 0, NULL);
        const char *name;

        if (dir == NULL)
                return uk_fail_errno(error, errno, "opening %s", package->source);
        while ((name = g_dir_read_name(dir)) != NULL) {
                g_autofree char *path = g_build_filename(package->source, name, NULL);
                struct stat info;

                if (lstat(path, &info) != 0 || !S_ISDIR(info.st_mode))
                        return uk_fail(error, UK_ERROR_INVALID,
                                       "%s is no folder; the source of a package of updates has a "
                                       "folder for each update",
                                       path);
                add_item(items, make_content_id(package->id, name, version),
                         g_steal_pointer(&path));
        }
        g_ptr_array_sort(items, compare_items);
        return items->len > 0 || uk_fail(error, UK_ERROR_INVALID, "%s is empty", package->source);
}

static bool
list_items(const Package *package, gint64 version, GPtrArray *items, GError **error)
{
        struct stat info;

        if (stat(package->source, &info) != 0)
                return uk_fail_errno(error, errno, "%s", package->source);
        if (!S_ISDIR(info.st_mode))
                return uk_fail(error, UK_ERROR_INVALID, "%s is no folder", package->source);
        if (package->type == PACKAGE_TYPE_UPDATES)
                return list_folders(package, version, items, error);
        add_item(items,
                 package->type == PACKAGE_TYPE_CONTENT
                         ? make_content_id(package->id, "", version)
                         : g_strdup_printf("%s.%" G_GINT64_FORMAT, package->id, version),
                 g_strdup(package->source));
        return true;
}

GPtrArray *
contentsource_list(const Package *package, gint64 version, GError **error)
{
        g_autoptr(GPtrArray) items = g_ptr_array_new_with_free_func((GDestroyNotify)source_free);

        return list_items(package, version, items, error) ? g_steal_pointer(&items) : NULL;
}
