/* snapshot_list.c - lists a source folder in a stable order, and looks again whether it is as it
 * was.
 *
 * No link is followed, but that the source itself may be one. Reads names and inodes, no bytes.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/io.h"
#include "content/place.h"
#include "content/snapshot_private.h"

static void
found_clear(SnapshotFound *found)
{
        g_free(found->path);
        g_free(found->target);
}

static void
found_free(gpointer data)
{
        found_clear(data);
        g_free(data);
}

void
snapshot_list_free(SnapshotList *list)
{
        if (list == NULL)
                return;
        g_ptr_array_unref(list->files);
        g_ptr_array_unref(list->all);
        found_clear(&list->top);
        g_free(list);
}

int
snapshot_list_open(const char *source, GError **error)
{
        int fd = open(source, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

        if (fd < 0 && (errno == ENOENT || errno == ENOTDIR))
                uk_fail(error, UK_ERROR_NOT_FOUND,
                        "the package source is no folder that is there; make it, or give the "
                        "package another source");
        else if (fd < 0)
                uk_fail_errno(error, errno, "opening the package source");
        return fd;
}

static const char *
special_name(mode_t mode)
{
        return S_ISBLK(mode) || S_ISCHR(mode) ? "a device node"
               : S_ISSOCK(mode)               ? "a socket"
               : S_ISFIFO(mode)               ? "a FIFO"
                                              : "no file";
}

static void
take_stat(SnapshotFound *f, const struct stat *st)
{
        f->kind = S_ISDIR(st->st_mode)   ? TREE_FOLDER
                  : S_ISLNK(st->st_mode) ? TREE_SYMLINK
                                         : TREE_FILE;
        f->mode = f->kind == TREE_SYMLINK ? 0777 : st->st_mode & 07777;
        f->modified_us = (gint64)st->st_mtim.tv_sec * G_USEC_PER_SEC + st->st_mtim.tv_nsec / 1000;
        f->size = st->st_size;
        f->sparse = (gint64)st->st_blocks * 512 < st->st_size;
        f->dev = st->st_dev;
        f->ino = st->st_ino;
        f->modified = st->st_mtim;
        f->changed = st->st_ctim;
}

static bool
is_time(const struct timespec *a, const struct timespec *b)
{
        return a->tv_sec == b->tv_sec && a->tv_nsec == b->tv_nsec;
}

bool
snapshot_list_is_same(const SnapshotFound *found, const struct stat *st)
{
        return found->ino == st->st_ino && found->dev == st->st_dev && found->size == st->st_size &&
               is_time(&found->modified, &st->st_mtim) && is_time(&found->changed, &st->st_ctim);
}

static bool
read_target(int dir, const char *name, SnapshotFound *f, GError **error)
{
        g_autofree char *target = g_malloc(TREE_MAX_PATH + 2);
        gssize size = readlinkat(dir, name, target, TREE_MAX_PATH + 1);

        if (size < 0)
                return uk_fail_errno(error, errno, "reading the symbolic link %s", f->path);
        target[size] = '\0';
        f->target = g_steal_pointer(&target);
        return true;
}

typedef struct {
        SnapshotList *list;
        GHashTable *inodes; /* "<dev> <ino>" of files with several links -> SnapshotFound */
        GPtrArray *todo;    /* SnapshotFound of folders still to be read, borrowed */
        Place place;
} Lister;

/* The first link of a file is read, and the others are known by it. */
static bool
is_first_link(Lister *l, SnapshotFound *f, const struct stat *st)
{
        g_autofree char *key = NULL;
        SnapshotFound *first;

        if (st->st_nlink < 2)
                return true;
        key = g_strdup_printf("%" G_GUINT64_FORMAT " %" G_GUINT64_FORMAT, (guint64)st->st_dev,
                              (guint64)st->st_ino);
        first = g_hash_table_lookup(l->inodes, key);
        if (first == NULL) {
                f->twin = g_hash_table_size(l->inodes) + 1;
                g_hash_table_insert(l->inodes, g_steal_pointer(&key), f);
                return true;
        }
        f->twin = first->twin;
        f->first = first;
        return false;
}

static bool
add(Lister *l, const char *folder, const char *name, GError **error)
{
        SnapshotFound *f = g_new0(SnapshotFound, 1);
        struct stat st;

        f->path = *folder != '\0' ? g_strconcat(folder, "/", name, NULL) : g_strdup(name);
        g_ptr_array_add(l->list->all, f);
        if (fstatat(l->place.fd, name, &st, AT_SYMLINK_NOFOLLOW) != 0)
                return uk_fail_errno(error, errno, "looking at %s", f->path);
        if (!S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode) && !S_ISLNK(st.st_mode)) {
                g_autofree char *shown = g_strescape(f->path, NULL);
                return uk_fail(error, UK_ERROR_UNSUPPORTED,
                               "\"%s\" is %s, which a package cannot hold; take it out of the "
                               "source",
                               shown, special_name(st.st_mode));
        }
        take_stat(f, &st);
        if (f->kind == TREE_SYMLINK)
                return read_target(l->place.fd, name, f, error);
        if (f->kind == TREE_FOLDER) {
                g_ptr_array_add(l->todo, f);
        } else if (is_first_link(l, f, &st)) {
                g_ptr_array_add(l->list->files, f);
                l->list->bytes += f->size;
        }
        return true;
}

static int
by_name(gconstpointer a, gconstpointer b)
{
        return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static GPtrArray *
names_in(int fd, GError **error)
{
        g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);
        int copy = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        DIR *dir = copy >= 0 ? fdopendir(copy) : NULL;
        struct dirent *entry;

        if (dir == NULL) {
                uk_fail_errno(error, errno, "reading a folder");
                uk_io_close(&copy);
                return NULL;
        }
        errno = 0;
        while ((entry = readdir(dir)) != NULL) {
                if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
                        g_ptr_array_add(names, g_strdup(entry->d_name));
                errno = 0;
        }
        if (errno != 0)
                uk_fail_errno(error, errno, "reading a folder");
        closedir(dir);
        if (error != NULL && *error != NULL)
                return NULL;
        g_ptr_array_sort(names, by_name);
        return g_steal_pointer(&names);
}

static bool
list_folder(Lister *l, const char *path, GError **error)
{
        UK_DOING(error, "folder \"%s\"", path);
        g_autoptr(GError) problem = NULL;
        g_autoptr(GPtrArray) names = NULL;

        if (!place_go(&l->place, path, error))
                return false;
        names = names_in(l->place.fd, &problem);
        if (names == NULL) {
                g_propagate_error(error, g_steal_pointer(&problem));
                return false;
        }
        for (guint i = 0; i < names->len; i++) {
                if (l->list->all->len >= TREE_MAX_ENTRIES)
                        return uk_fail(error, UK_ERROR_LIMIT, "there are more than %d files",
                                       TREE_MAX_ENTRIES);
                if (!add(l, path, names->pdata[i], error))
                        return false;
        }
        return true;
}

SnapshotList *
snapshot_list_make(int top, GError **error)
{
        g_autoptr(SnapshotList) list = g_new0(SnapshotList, 1);
        g_autoptr(GHashTable) inodes = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
        g_autoptr(GPtrArray) todo = g_ptr_array_new();
        Lister l = { .list = list, .inodes = inodes, .todo = todo };
        struct stat st;
        bool ok;

        list->all = g_ptr_array_new_with_free_func(found_free);
        list->files = g_ptr_array_new();
        list->top.path = g_strdup("");
        if (fstat(top, &st) != 0) {
                uk_fail_errno(error, errno, "looking at the package source");
                return NULL;
        }
        take_stat(&list->top, &st);
        place_init(&l.place, top);
        ok = list_folder(&l, "", error);
        while (ok && todo->len > 0) {
                const SnapshotFound *folder = g_ptr_array_steal_index(todo, todo->len - 1);
                ok = list_folder(&l, folder->path, error);
        }
        place_clear(&l.place);
        return ok ? g_steal_pointer(&list) : NULL;
}

static bool
check_one(Place *place, const SnapshotFound *f, GError **error)
{
        const char *slash = strrchr(f->path, '/');
        g_autofree char *folder = g_strndup(f->path, slash != NULL ? (gsize)(slash - f->path) : 0);
        struct stat st;

        if (place_go(place, folder, NULL) &&
            fstatat(place->fd, slash != NULL ? slash + 1 : f->path, &st, AT_SYMLINK_NOFOLLOW) ==
                    0 &&
            snapshot_list_is_same(f, &st))
                return true;
        g_autofree char *shown = g_strescape(f->path, NULL);
        return uk_fail(error, UK_ERROR_CHANGED,
                       "\"%s\" changed while the package source was read; the snapshot has to be "
                       "taken again",
                       shown);
}

bool
snapshot_list_check(const SnapshotList *list, int top, GError **error)
{
        Place place;
        struct stat st;
        bool ok = true;

        if (fstat(top, &st) != 0 || !snapshot_list_is_same(&list->top, &st))
                return uk_fail(error, UK_ERROR_CHANGED,
                               "the package source changed while it was read; the snapshot has to "
                               "be taken again");
        place_init(&place, top);
        for (guint i = 0; ok && i < list->all->len; i++)
                ok = check_one(&place, list->all->pdata[i], error);
        place_clear(&place);
        return ok;
}
