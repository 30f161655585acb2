/* library.c - opens a content library, and answers what is in it.
 *
 * Comes in: a folder. Goes out: descriptors of published files, trees, packages. Adding is in
 * library_file.c and library_add.c, removing in library_remove.c.
 */
#include "content/library.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/io.h"
#include "content/library_private.h"
#include "content/libraryini.h"

char *
library_path(const Library *library, const char *folder, const char *name, const char *ending)
{
        return g_strconcat(library->root, "/", folder, "/", name, ending, NULL);
}

#define READ_SIZE (64 * 1024)

/* "<4>/<HASH><ending>", for the system's ...at calls. */
#define RELATIVE_SIZE (4 + 1 + HASH_SHA256_HEX + 8)

static void
relative_path(char *out, const guint8 *hash, const char *ending)
{
        static const char digits[] = "0123456789ABCDEF";
        char *hex = out + 5;

        for (gsize i = 0; i < HASH_SHA256_SIZE; i++) {
                hex[2 * i] = digits[hash[i] >> 4];
                hex[2 * i + 1] = digits[hash[i] & 15];
        }
        memcpy(out, hex, 4);
        out[4] = '/';
        g_strlcpy(hex + HASH_SHA256_HEX, ending, 8);
}

char *
library_file_path(const Library *library, const guint8 *hash, const char *ending)
{
        char relative[RELATIVE_SIZE];

        relative_path(relative, hash, ending);
        return g_strconcat(library->root, "/FileLib/", relative, NULL);
}

bool
library_check_writer(const Library *library, GError **error)
{
        return library->writer ||
               uk_fail(error, UK_ERROR_DENIED, "the content library %s was opened for reading",
                       library->root);
}

GHashTable *
library_hash_set(void)
{
        return library_hash_table(NULL);
}

GHashTable *
library_hash_table(GDestroyNotify value_free)
{
        return g_hash_table_new_full(hash_key_of, hash_key_equal, g_free, value_free);
}

GHashTable *
library_text_set(void)
{
        return g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
}

static void
proved_free(gpointer data)
{
        Proved *proved = data;

        g_free(proved->content_id);
        g_free(proved->temporary);
        g_free(proved);
}

GPtrArray *
library_proved_new(void)
{
        return g_ptr_array_new_with_free_func(proved_free);
}

static Library *
library_new(const char *root, bool writer)
{
        Library *library = g_new0(Library, 1);

        library->root = g_strdup(root);
        library->writer = writer;
        library->root_fd = library->files_fd = library->lock_fd = -1;
        pthread_mutex_init(&library->lock, NULL);
        uk_clock_cond_init(&library->received);
        pthread_mutex_init(&library->syncing, NULL);
        pthread_mutex_init(&library->publishing, NULL);
        pthread_mutex_init(&library->change, NULL);
        library->opened = library_opened_new();
        library->busy = library_text_set();
        library->proved = library_proved_new();
        library->lost = library_hash_set();
        library->packages = g_hash_table_new_full(g_str_hash, g_str_equal, NULL,
                                                  (GDestroyNotify)library_package_free);
        library->noted = library_users_new();
        library->pending = library_text_set();
        library->touched = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
        library->ahead = library_ahead_new();
        library->gone = library_text_set();
        return library;
}

void
library_free(Library *library)
{
        if (library == NULL)
                return;
        if (library->tidied) {
                /* Whoever opens it next need not look at every file. */
                g_autofree char *open_mark = g_strconcat(library->root, "/.open", NULL);
                (void)!uk_io_unlink(open_mark, NULL);
        }
        library_tree_free_cache(library);
        library_opened_free(library->opened);
        g_hash_table_unref(library->busy);
        g_ptr_array_unref(library->proved);
        g_hash_table_unref(library->lost);
        g_hash_table_unref(library->packages);
        g_hash_table_unref(library->noted);
        g_hash_table_unref(library->pending);
        g_hash_table_unref(library->touched);
        g_hash_table_unref(library->ahead);
        g_hash_table_unref(library->gone);
        uk_io_close(&library->files_fd);
        uk_io_close(&library->root_fd);
        uk_io_close(&library->lock_fd);
        pthread_cond_destroy(&library->received);
        pthread_mutex_destroy(&library->lock);
        pthread_mutex_destroy(&library->change);
        pthread_mutex_destroy(&library->publishing);
        pthread_mutex_destroy(&library->syncing);
        g_free(library->root);
        g_free(library);
}

/* One writer of a library; the lock goes with the process, however it ends. */
static bool
take_lock(Library *library, GError **error)
{
        g_autofree char *path = g_strconcat(library->root, "/.lock", NULL);
        UK_AUTOFD fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0640);

        if (fd < 0)
                return uk_fail_errno(error, errno, "opening %s", path);
        if (flock(fd, LOCK_EX | LOCK_NB) != 0)
                return uk_fail(error, UK_ERROR_BUSY,
                               "another program writes the content library %s", library->root);
        library->lock_fd = fd;
        fd = -1;
        return true;
}

static bool
make_folders(Library *library, GError **error)
{
        static const char *const folders[] = { "PkgLib",  "DataLib", "FileLib",
                                               "SMS_DP$", "SMSSIG$", "SMSDLT$" };

        for (gsize i = 0; i < G_N_ELEMENTS(folders); i++) {
                g_autofree char *path = g_strconcat(library->root, "/", folders[i], NULL);

                if (!uk_io_mkdirs(path, LIBRARY_FOLDER_MODE, error))
                        return false;
        }
        return true;
}

static bool
open_folders(Library *library, GError **error)
{
        library->root_fd = open(library->root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (library->root_fd >= 0)
                library->files_fd =
                        openat(library->root_fd, "FileLib", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (library->files_fd >= 0)
                return true;
        if (errno == ENOENT)
                return uk_fail(error, UK_ERROR_NOT_FOUND, "there is no content library at %s",
                               library->root);
        return uk_fail_errno(error, errno, "opening the content library %s", library->root);
}

static bool
read_packages(Library *library, GError **error)
{
        g_autoptr(GPtrArray) packages = library_packages(library, error);

        if (packages == NULL)
                return false;
        g_ptr_array_set_free_func(packages, NULL);
        for (guint i = 0; i < packages->len; i++) {
                LibraryPackage *package = packages->pdata[i];
                g_hash_table_replace(library->packages, package->package_id, package);
        }
        return true;
}

Library *
library_open(const char *root, bool writer, GError **error)
{
        UK_DOING(error, "opening the content library");
        g_autoptr(Library) library = library_new(root, writer);
        bool ok = true;

        if (writer)
                ok = uk_io_mkdirs(root, LIBRARY_FOLDER_MODE, error) && take_lock(library, error) &&
                     make_folders(library, error);
        ok = ok && open_folders(library, error);
        if (ok && writer) {
                pthread_mutex_lock(&library->change);
                ok = read_packages(library, error) && library_tidy(library, error);
                library->tidied = ok;
                pthread_mutex_unlock(&library->change);
        }
        return ok ? g_steal_pointer(&library) : NULL;
}

const char *
library_root(const Library *library)
{
        return library->root;
}

bool
library_has(Library *library, const guint8 *hash, gint64 *size_out)
{
        char relative[RELATIVE_SIZE];
        struct stat st;

        relative_path(relative, hash, "");
        if (fstatat(library->files_fd, relative, &st, AT_SYMLINK_NOFOLLOW) != 0 ||
            !S_ISREG(st.st_mode))
                return false;
        if (size_out != NULL)
                *size_out = st.st_size;
        return true;
}

int
library_open_file(Library *library, const guint8 *hash, gint64 *size_out, GError **error)
{
        char relative[RELATIVE_SIZE];
        struct stat st;
        int fd;

        relative_path(relative, hash, "");
        fd = openat(library->files_fd, relative, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
        if (fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode)) {
                if (size_out != NULL)
                        *size_out = st.st_size;
                return fd;
        }
        if (fd < 0 && errno != ENOENT)
                uk_fail_errno(error, errno, "opening %s in the content library", relative + 5);
        else
                uk_fail(error, UK_ERROR_NOT_FOUND, "%s is not in the content library",
                        relative + 5);
        uk_io_close(&fd);
        return -1;
}

bool
library_content_exists(Library *library, const char *content_id)
{
        g_autofree char *path = NULL;

        if (!tree_valid_id(content_id))
                return false;
        path = library_path(library, "DataLib", content_id, ".INI");
        return access(path, F_OK) == 0;
}

void
library_package_free(LibraryPackage *package)
{
        if (package == NULL)
                return;
        g_free(package->package_id);
        g_strfreev(package->content_ids);
        g_free(package);
}

static LibraryPackage *
read_package(Library *library, const char *package_id, GError **error)
{
        g_autofree char *path = library_path(library, "PkgLib", package_id, ".INI");
        g_autofree char *text = NULL;
        g_autoptr(LibraryPackage) package = g_new0(LibraryPackage, 1);
        gsize size;

        if (!uk_io_read(path, LIBRARY_MAX_INI, &text, &size, error))
                return NULL;
        UK_DOING(error, "reading %s", path);
        package->package_id = g_strdup(package_id);
        if (!libraryini_package_read(text, size, &package->version, &package->content_ids, error))
                return NULL;
        return g_steal_pointer(&package);
}

LibraryPackage *
library_package(Library *library, const char *package_id, GError **error)
{
        if (!tree_valid_id(package_id)) {
                uk_fail(error, UK_ERROR_NOT_FOUND, "this is no ID of a package");
                return NULL;
        }
        return read_package(library, package_id, error);
}

static int
by_package_id(gconstpointer a, gconstpointer b)
{
        return strcmp((*(LibraryPackage *const *)a)->package_id,
                      (*(LibraryPackage *const *)b)->package_id);
}

/* An INI that cannot be read is a package that is not known, no reason to stop all others. */
static void
add_package(Library *library, const char *file, GPtrArray *packages)
{
        g_autofree char *id = g_strndup(file, strlen(file) - strlen(".INI"));
        g_autoptr(GError) problem = NULL;
        LibraryPackage *package = tree_valid_id(id) ? read_package(library, id, &problem) : NULL;

        if (package != NULL)
                g_ptr_array_add(packages, package);
}

GPtrArray *
library_packages(Library *library, GError **error)
{
        g_autofree char *folder = g_strconcat(library->root, "/PkgLib", NULL);
        g_autoptr(GPtrArray) packages =
                g_ptr_array_new_with_free_func((GDestroyNotify)library_package_free);
        DIR *dir = opendir(folder);
        struct dirent *entry;

        if (dir == NULL) {
                uk_fail_errno(error, errno, "reading folder %s", folder);
                return NULL;
        }
        while ((entry = readdir(dir)) != NULL) {
                if (entry->d_name[0] != '.' && g_str_has_suffix(entry->d_name, ".INI"))
                        add_package(library, entry->d_name, packages);
        }
        closedir(dir);
        g_ptr_array_sort(packages, by_package_id);
        return g_steal_pointer(&packages);
}

bool
library_is_shortage(int failure)
{
        return failure == EMFILE || failure == ENFILE || failure == ENOMEM;
}

bool
library_is_unreadable(const char *path)
{
        g_autofree char *block = g_malloc(READ_SIZE);
        UK_AUTOFD fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
        ssize_t got;

        if (fd < 0)
                return errno != ENOENT && !library_is_shortage(errno);
        while ((got = TEMP_FAILURE_RETRY(read(fd, block, READ_SIZE))) > 0)
                continue;
        return got < 0 && !library_is_shortage(errno);
}

/* One at a time: else a sync could end well because another has been told of the failure, before
 * that one has counted it. */
bool
library_sync(Library *library, GError **error)
{
        pthread_mutex_lock(&library->syncing);
        gint number = g_atomic_int_add(&library->syncs, 1) + 1;
        bool ok = uk_io_sync_fs(library->root_fd, library->root, error);
        if (ok)
                g_atomic_int_set(&library->synced, number);
        else
                g_atomic_int_inc(&library->failed_syncs);
        pthread_mutex_unlock(&library->syncing);
        return ok;
}

bool
library_is_held(Library *library, const char *content_id)
{
        GHashTableIter each;
        gpointer value;

        g_hash_table_iter_init(&each, library->packages);
        while (g_hash_table_iter_next(&each, NULL, &value)) {
                const LibraryPackage *package = value;

                if (g_strv_contains((const char *const *)package->content_ids, content_id))
                        return true;
        }
        return false;
}

bool
library_space(Library *library, gint64 *free_out, gint64 *total_out, GError **error)
{
        struct statvfs space;

        if (fstatvfs(library->root_fd, &space) != 0)
                return uk_fail_errno(error, errno, "asking for the space at %s", library->root);
        *free_out = (gint64)(space.f_bavail * space.f_frsize);
        *total_out = (gint64)(space.f_blocks * space.f_frsize);
        return true;
}
