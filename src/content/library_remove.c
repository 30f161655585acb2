/* library_remove.c - what packages hold, and the removal of what no package holds any more.
 *
 * Before a package changes, each content item that it alone holds gets a marker (.GONE), durable;
 * then the package changes; then what is marked goes: its INI, the uses of its files and with the
 * last use each file, its mirror, the marker. A crash leaves the marker, and the next writer goes
 * on (DIST-017, DIST-148).
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/io.h"
#include "base/log.h"
#include "content/library_private.h"
#include "content/libraryini.h"

static bool
unlink_of(Library *library, const char *folder, const char *content_id, const char *ending,
          GError **error)
{
        g_autofree char *path = library_path(library, folder, content_id, ending);

        return uk_io_unlink(path, error);
}

static bool
sync_folder(Library *library, const char *folder, GError **error)
{
        g_autofree char *path = g_strconcat(library->root, "/", folder, NULL);

        return uk_io_sync_dir(path, error);
}

bool
library_is_kept(Library *library, const char *content_id)
{
        g_autofree char *path = library_path(library, "DataLib", content_id, ".KEEP");

        return access(path, F_OK) == 0;
}

bool
library_remove_traces(Library *library, const char *content_id, GError **error)
{
        g_autofree char *mirror = library_path(library, "DataLib", content_id, "");

        library_ahead_forget(library, content_id);
        return uk_io_remove_tree(mirror, error) &&
               unlink_of(library, "SMSSIG$", content_id, ".tar", error) &&
               unlink_of(library, "DataLib", content_id, ".TREE", error);
}

bool
library_remove_temporaries(Library *library, const char *content_id, GError **error)
{
        g_autofree char *folder = g_strconcat(library->root, "/SMS_DP$", NULL);
        g_autofree char *ending = g_strconcat("-", content_id, ".temp", NULL);
        DIR *dir = opendir(folder);
        struct dirent *entry;
        bool ok = true;

        if (dir == NULL)
                return uk_fail_errno(error, errno, "reading folder %s", folder);
        while (ok && (entry = readdir(dir)) != NULL) {
                g_autofree char *path = NULL;

                /* The ID may have a '-' itself, so that the place decides, not the ending alone. */
                if (strlen(entry->d_name) != HASH_SHA256_HEX + strlen(ending) ||
                    !g_str_has_suffix(entry->d_name, ending))
                        continue;
                path = library_path(library, "SMS_DP$", entry->d_name, "");
                ok = library_is_busy(library, path) || uk_io_unlink(path, error);
        }
        closedir(dir);
        return ok;
}

/* Drops the uses of all files of the content item, whether it is visible or not. One of which
 * nothing is left but the marker has no uses that could be told. */
static bool
drop_uses(Library *library, const char *content_id, GError **error)
{
        g_autoptr(GError) problem = NULL;
        g_autoptr(ContentTree) tree = library_tree_load(library, content_id, NULL, &problem);
        g_autoptr(GHashTable) seen = library_hash_set();

        if (tree == NULL && uk_error_class(problem) == UK_CLASS_LATER) {
                g_propagate_error(error, g_steal_pointer(&problem));
                return false;
        }
        for (guint i = 0; tree != NULL && i < tree_count(tree); i++) {
                const TreeEntry *e = tree_entry(tree, i);

                if (e->kind == TREE_FILE &&
                    g_hash_table_add(seen, g_memdup2(e->hash, sizeof e->hash)) &&
                    !library_users_drop(library, e->hash, content_id, error))
                        return false;
        }
        return true;
}

static bool
finish_one(Library *library, const char *content_id, GError **error)
{
        UK_DOING(error, "removing content item %s", content_id);

        if (library_is_held(library, content_id) || library_is_kept(library, content_id))
                return true;
        library_tree_forget(library, content_id);
        return unlink_of(library, "DataLib", content_id, ".INI", error) &&
               drop_uses(library, content_id, error) &&
               library_add_settle(library, content_id, NULL, error) &&
               library_remove_temporaries(library, content_id, error) &&
               library_remove_traces(library, content_id, error);
}

/* One that fails keeps its marker, and holds up nobody else: neither the others nor who adds, nor
 * the opening of the library. */
static GHashTable *
finish_all(Library *library, const char *const *ids, GError **error)
{
        g_autoptr(GHashTable) done = library_text_set();
        GHashTableIter each;
        gpointer id;

        g_hash_table_iter_init(&each, library->gone);
        while (g_hash_table_iter_next(&each, &id, NULL)) {
                g_autoptr(GError) why = NULL;

                if (finish_one(library, id, &why)) {
                        g_hash_table_add(done, g_strdup(id));
                } else if (ids != NULL && g_strv_contains(ids, id)) {
                        g_propagate_error(error, g_steal_pointer(&why));
                        return NULL;
                } else {
                        uk_warn("%s; it is tried again", why->message);
                }
        }
        return g_steal_pointer(&done);
}

bool
library_remove_finish(Library *library, const char *const *ids, GError **error)
{
        g_autoptr(GHashTable) done = NULL;
        GHashTableIter each;
        gpointer id;

        if (g_hash_table_size(library->gone) == 0)
                return true;
        done = finish_all(library, ids, error);
        if (done == NULL)
                return false;
        /* The markers are the last to go. */
        if (g_hash_table_size(done) > 0 && !library_sync(library, error))
                return false;
        g_hash_table_iter_init(&each, done);
        while (g_hash_table_iter_next(&each, &id, NULL)) {
                if (!unlink_of(library, "DataLib", id, ".GONE", error))
                        return false;
                g_hash_table_remove(library->gone, id);
                g_atomic_int_set(&library->gone_count, (gint)g_hash_table_size(library->gone));
        }
        return true;
}

static bool
finish_of(Library *library, const char *content_id, GError **error)
{
        const char *const ids[] = { content_id, NULL };

        return library_remove_finish(library, ids, error);
}

/* What was noted for a content item that never came. */
static bool
abandon(Library *library, const char *content_id, GError **error)
{
        if (library_content_exists(library, content_id))
                return true;
        return library_add_settle(library, content_id, NULL, error) &&
               library_remove_temporaries(library, content_id, error) &&
               library_remove_traces(library, content_id, error);
}

char *
library_thing_of(const char *content_id, gint64 *version_out)
{
        const char *dot = strrchr(content_id, '.');
        gint64 version;

        if (dot == NULL || !g_ascii_string_to_signed(dot + 1, 10, 0, G_MAXINT64, &version, NULL))
                return NULL;
        if (version_out != NULL)
                *version_out = version;
        return g_strndup(content_id, (gsize)(dot - content_id));
}

GHashTable *
library_things_of(GHashTable *ids)
{
        GHashTable *things = library_text_set();
        GHashTableIter each;
        gpointer id;

        g_hash_table_iter_init(&each, ids);
        while (g_hash_table_iter_next(&each, &id, NULL)) {
                char *thing = library_thing_of(id, NULL);

                g_hash_table_add(things, thing != NULL ? thing : g_strdup(id));
        }
        return things;
}

gint64
library_version_of(const char *content_id, const char *package_id)
{
        gint64 version;
        g_autofree char *thing = library_thing_of(content_id, &version);

        return g_strcmp0(thing, package_id) == 0 ? version : -1;
}

/* What the package is made of, each with its version: below that nothing comes any more. */
static GHashTable *
newest_of(const char *package_id, gint64 version, const char *const *content_ids)
{
        GHashTable *newest = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);

        for (; *content_ids != NULL; content_ids++) {
                gint64 own;
                char *thing = library_thing_of(*content_ids, &own);

                if (thing != NULL)
                        g_hash_table_insert(newest, thing, g_memdup2(&own, sizeof own));
        }
        g_hash_table_insert(newest, g_strdup(package_id), g_memdup2(&version, sizeof version));
        return newest;
}

/* Pending content items of older versions will not come any more. */
static bool
abandon_older(Library *library, const char *package_id, gint64 below,
              const char *const *content_ids, GError **error)
{
        g_autoptr(GPtrArray) older = g_ptr_array_new_with_free_func(g_free);
        g_autoptr(GHashTable) newest = newest_of(package_id, below, content_ids);
        GHashTableIter each;
        gpointer id;

        g_hash_table_iter_init(&each, library->pending);
        while (g_hash_table_iter_next(&each, &id, NULL)) {
                gint64 version;
                g_autofree char *thing = library_thing_of(id, &version);
                const gint64 *least = thing != NULL ? g_hash_table_lookup(newest, thing) : NULL;

                if (least != NULL && version < *least)
                        g_ptr_array_add(older, g_strdup(id));
        }
        for (guint i = 0; i < older->len; i++) {
                if (!abandon(library, older->pdata[i], error))
                        return false;
        }
        return true;
}

static bool
held_by_others(Library *library, const char *content_id, const char *package_id)
{
        GHashTableIter each;
        gpointer id, value;

        g_hash_table_iter_init(&each, library->packages);
        while (g_hash_table_iter_next(&each, &id, &value)) {
                const LibraryPackage *package = value;

                if (strcmp(id, package_id) != 0 &&
                    g_strv_contains((const char *const *)package->content_ids, content_id))
                        return true;
        }
        return false;
}

static bool
mark(Library *library, const char *content_id, GError **error)
{
        g_autofree char *path = library_path(library, "DataLib", content_id, ".GONE");

        g_hash_table_add(library->gone, g_strdup(content_id));
        g_atomic_int_set(&library->gone_count, (gint)g_hash_table_size(library->gone));
        return uk_io_create_at(AT_FDCWD, path, "", 0, LIBRARY_FILE_MODE, error);
}

/* Marks what the package holds now and, alone, will not hold when it has the new ones. */
static bool
mark_dropped(Library *library, const char *package_id, const char *const *new_ids, GError **error)
{
        const LibraryPackage *old = g_hash_table_lookup(library->packages, package_id);
        bool any = false;

        for (char **id = old != NULL ? old->content_ids : NULL; id != NULL && *id != NULL; id++) {
                if (g_strv_contains(new_ids, *id) || held_by_others(library, *id, package_id) ||
                    library_is_kept(library, *id))
                        continue;
                if (!mark(library, *id, error))
                        return false;
                any = true;
        }
        return !any || sync_folder(library, "DataLib", error);
}

/* By what the disk has: an INI that was damaged meanwhile is another one. */
static bool
is_the_same(const char *path, const char *text)
{
        g_autofree char *found = NULL;

        return uk_io_read(path, LIBRARY_MAX_INI, &found, NULL, NULL) && strcmp(found, text) == 0;
}

static bool
put_package(Library *library, const char *path, const char *text, LibraryDraft *draft,
            GError **error)
{
        bool placed = false;

        if (is_the_same(path, text))
                return true;
        if (draft != NULL && !library_draft_place(library, draft, path, &placed, error))
                return false;
        return placed ? sync_folder(library, "PkgLib", error)
                      : uk_io_replace(path, text, strlen(text), LIBRARY_FILE_MODE, error);
}

bool
library_write_package(Library *library, const char *package_id, gint64 version,
                      const char *const *ids, LibraryDraft *draft, GError **error)
{
        g_autofree char *path = library_path(library, "PkgLib", package_id, ".INI");
        g_autofree char *text = libraryini_package_write(version, ids);
        LibraryPackage *package;

        if (!put_package(library, path, text, draft, error))
                return false;
        package = g_new0(LibraryPackage, 1);
        package->package_id = g_strdup(package_id);
        package->version = version;
        package->content_ids = g_strdupv((char **)ids);
        g_hash_table_replace(library->packages, package->package_id, package);
        return true;
}

/* A copy; NULL when there is no such package. */
static char **
contents_of(Library *library, const char *package_id)
{
        const LibraryPackage *package = g_hash_table_lookup(library->packages, package_id);

        return package != NULL ? g_strdupv(package->content_ids) : NULL;
}

static bool
check_contents(Library *library, const char *const *ids, GError **error)
{
        for (; *ids != NULL; ids++) {
                if (!library_content_exists(library, *ids))
                        return uk_fail(error, UK_ERROR_NOT_FOUND,
                                       "content item %.200s is not in the content library", *ids);
        }
        return true;
}

bool
library_check_package_id(const char *package_id, GError **error)
{
        return tree_valid_id(package_id) ||
               uk_fail(error, UK_ERROR_INVALID, "this is no ID of a package");
}

bool
library_change_package(Library *library, const char *package_id, gint64 version,
                       const char *const *content_ids, LibraryDraft *draft, GError **error)
{
        UK_DOING(error, "setting package %s in the content library", package_id);
        bool ok;

        if (!library_check_writer(library, error) || !library_check_package_id(package_id, error))
                return false;
        pthread_mutex_lock(&library->change);
        g_auto(GStrv) held = contents_of(library, package_id);
        ok = library_remove_finish(library, content_ids, error) &&
             check_contents(library, content_ids, error) &&
             mark_dropped(library, package_id, content_ids, error) &&
             library_write_package(library, package_id, version, content_ids, draft, error) &&
             library_remove_finish(library, (const char *const *)held, error) &&
             abandon_older(library, package_id, version, content_ids, error);
        pthread_mutex_unlock(&library->change);
        return ok;
}

bool
library_set_package(Library *library, const char *package_id, gint64 version,
                    const char *const *content_ids, GError **error)
{
        return library_change_package(library, package_id, version, content_ids, NULL, error);
}

static bool
unlink_package(Library *library, const char *package_id, GError **error)
{
        g_autofree char *path = library_path(library, "PkgLib", package_id, ".INI");

        if (!uk_io_unlink(path, error) || !sync_folder(library, "PkgLib", error))
                return false;
        g_hash_table_remove(library->packages, package_id);
        return true;
}

bool
library_remove_package(Library *library, const char *package_id, GError **error)
{
        UK_DOING(error, "removing package %s from the content library", package_id);
        const char *const none[] = { NULL };
        bool ok;

        if (!library_check_writer(library, error) || !library_check_package_id(package_id, error))
                return false;
        pthread_mutex_lock(&library->change);
        g_auto(GStrv) held = contents_of(library, package_id);
        ok = library_remove_finish(library, NULL, error) &&
             mark_dropped(library, package_id, none, error) &&
             unlink_package(library, package_id, error) &&
             library_remove_finish(library, (const char *const *)held, error) &&
             abandon_older(library, package_id, G_MAXINT64, none, error);
        pthread_mutex_unlock(&library->change);
        return ok;
}

bool
library_keep_content(Library *library, const char *content_id, GError **error)
{
        UK_DOING(error, "keeping content item %s", content_id);
        g_autofree char *path = NULL;
        bool ok;

        if (!library_check_writer(library, error))
                return false;
        path = library_path(library, "DataLib", content_id, ".KEEP");
        pthread_mutex_lock(&library->change);
        ok = library_content_exists(library, content_id) ||
             uk_fail(error, UK_ERROR_NOT_FOUND, "it is not in the content library");
        ok = ok && uk_io_create_at(AT_FDCWD, path, "", 0, LIBRARY_FILE_MODE, error) &&
             sync_folder(library, "DataLib", error);
        pthread_mutex_unlock(&library->change);
        return ok;
}

/* Nothing is marked that a package holds: it only loses its .KEEP. */
static bool
release(Library *library, const char *content_id, GError **error)
{
        if (!library_is_kept(library, content_id))
                return true;
        if (!library_is_held(library, content_id) &&
            (!mark(library, content_id, error) || !sync_folder(library, "DataLib", error)))
                return false;
        return unlink_of(library, "DataLib", content_id, ".KEEP", error) &&
               sync_folder(library, "DataLib", error);
}

bool
library_release_content(Library *library, const char *content_id, GError **error)
{
        UK_DOING(error, "releasing content item %s", content_id);
        bool ok;

        if (!library_check_writer(library, error))
                return false;
        if (!tree_valid_id(content_id))
                return uk_fail(error, UK_ERROR_INVALID, "this is no ID of a content item");
        pthread_mutex_lock(&library->change);
        ok = release(library, content_id, error) && finish_of(library, content_id, error);
        pthread_mutex_unlock(&library->change);
        return ok;
}

bool
library_abandon_content(Library *library, const char *content_id, GError **error)
{
        UK_DOING(error, "abandoning content item %s", content_id);
        bool ok;

        if (!library_check_writer(library, error))
                return false;
        if (!tree_valid_id(content_id))
                return uk_fail(error, UK_ERROR_INVALID, "this is no ID of a content item");
        pthread_mutex_lock(&library->change);
        ok = finish_of(library, content_id, error);
        if (ok && library_content_exists(library, content_id) &&
            !library_is_held(library, content_id) && !library_is_kept(library, content_id))
                ok = mark(library, content_id, error) && finish_of(library, content_id, error);
        else if (ok)
                ok = abandon(library, content_id, error);
        pthread_mutex_unlock(&library->change);
        return ok;
}
