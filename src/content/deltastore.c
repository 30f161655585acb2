/* deltastore.c - deltas as files: made once, found by name, dropped when nobody needs them.
 *
 * SMSDLT$/<NEW>.<OLD>         a delta; empty: it was tried and is no gain
 * SMSDLT$/.<NEW>.<OLD>.making the same, being written by the one who has it locked
 *
 * A delta may be lost at any time, so nothing is synced; but a name that is there holds it whole.
 */
#include "content/deltastore.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/io.h"
#include "content/delta.h"
#include "content/library_private.h"
#include "content/libraryini.h"

#define FOLDER    "SMSDLT$"
#define MAKING    ".making"
#define NAME_SIZE (2 * HASH_SHA256_HEX + 1)
/* Deltas that need more memory than this are made one after the other. */
#define LARGE (256LL * 1024 * 1024)
/* A delta that is not below this part of the new file is no gain. */
#define GAIN  0.97
#define PIECE (1024 * 1024)

char *
deltastore_name(const guint8 *new_hash, const guint8 *old_hash)
{
        g_autofree char *new = libraryini_hex(new_hash);
        g_autofree char *old = libraryini_hex(old_hash);

        return g_strconcat(new, ".", old, NULL);
}

/* Also tells the new hash (32 bytes), where wanted. */
static bool
is_name(const char *name, guint8 *new_hash_out)
{
        guint8 hash[HASH_SHA256_SIZE];

        return strlen(name) == NAME_SIZE && name[HASH_SHA256_HEX] == '.' &&
               hash_from_hex(name, HASH_SHA256_HEX, new_hash_out, HASH_SHA256_SIZE) &&
               hash_from_hex(name + HASH_SHA256_HEX + 1, HASH_SHA256_HEX, hash, sizeof hash);
}

/* The file's path for a name in either case of letters; the caller's. */
static char *
path_of(const Library *library, const char *name)
{
        g_autofree char *upper = g_ascii_strup(name, -1);

        return library_path(library, FOLDER, upper, "");
}

/* -1 with NOT_FOUND when it is not there, LIMIT when it is known to be no gain. */
static int
open_there(const char *path, gint64 *size_out, GError **error)
{
        UK_AUTOFD fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
        struct stat st;

        if (fd < 0 && errno == ENOENT) {
                uk_fail(error, UK_ERROR_NOT_FOUND, "there is no delta %s", path);
                return -1;
        }
        if (fd < 0 || fstat(fd, &st) != 0) {
                uk_fail_errno(error, errno, "opening %s", path);
                return -1;
        }
        /* The time of the last use, by which the longest unused go first; no harm if it fails. */
        (void)!futimens(fd, NULL);
        if (st.st_size == 0) {
                uk_fail(error, UK_ERROR_LIMIT, "a delta is no gain here");
                return -1;
        }
        *size_out = st.st_size;
        return g_steal_fd(&fd);
}

int
deltastore_open_named(Library *library, const char *name, gint64 *size_out, GError **error)
{
        guint8 new_hash[HASH_SHA256_SIZE];
        g_autoptr(GError) problem = NULL;

        if (!is_name(name, new_hash)) {
                uk_fail(error, UK_ERROR_INVALID, "this is no name of a delta");
                return -1;
        }
        g_autofree char *path = path_of(library, name);
        int fd = open_there(path, size_out, &problem);
        if (g_error_matches(problem, UK_ERROR, UK_ERROR_LIMIT))
                uk_fail(error, UK_ERROR_NOT_FOUND, "there is no delta %s", path);
        else if (problem != NULL)
                g_propagate_error(error, g_steal_pointer(&problem));
        return fd;
}

/* Opens the file that a delta is written to and locks it; waits while another makes it. -1. */
static int
lock_making(const char *making, GError **error)
{
        for (;;) {
                UK_AUTOFD fd =
                        open(making, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, LIBRARY_FILE_MODE);
                struct stat mine, there;

                if (fd < 0) {
                        uk_fail_errno(error, errno, "opening %s", making);
                        return -1;
                }
                while (flock(fd, LOCK_EX) != 0) {
                        if (errno != EINTR) {
                                uk_fail_errno(error, errno, "locking %s", making);
                                return -1;
                        }
                }
                /* The one before us may have renamed or removed it. */
                if (fstat(fd, &mine) == 0 && stat(making, &there) == 0 &&
                    mine.st_ino == there.st_ino)
                        return g_steal_fd(&fd);
        }
}

/* Makes a delta into the open file. */
typedef bool (*Maker)(gpointer user, int out, GError **error);

/* Whether it failed because these files have no delta, which is then remembered. */
static bool
is_hopeless(const GError *problem)
{
        return g_error_matches(problem, UK_ERROR, UK_ERROR_LIMIT);
}

static int
make_locked(const char *path, const char *making, int fd, Maker maker, gpointer user,
            gint64 *size_out, GError **error)
{
        g_autoptr(GError) problem = NULL;
        struct stat st;

        if (stat(path, &st) == 0) { /* made while we waited */
                uk_io_discard(making);
                return open_there(path, size_out, error);
        }
        if (!uk_io_truncate(fd, 0, making, error))
                return -1;
        if (!maker(user, fd, &problem) &&
            (!is_hopeless(problem) || !uk_io_truncate(fd, 0, making, NULL))) {
                uk_io_discard(making);
                g_propagate_error(error, g_steal_pointer(&problem));
                return -1;
        }
        if (!uk_io_rename(making, path, error)) {
                uk_io_discard(making);
                return -1;
        }
        if (problem != NULL) {
                g_propagate_error(error, g_steal_pointer(&problem));
                return -1;
        }
        return open_there(path, size_out, error);
}

/* The delta of that name, made by `maker` unless it is there. */
static int
open_or_make(Library *library, const char *name, Maker maker, gpointer user, gint64 *size_out,
             GError **error)
{
        g_autoptr(GError) problem = NULL;
        g_autofree char *path = path_of(library, name);
        g_autofree char *hidden = g_strconcat(".", name, MAKING, NULL);
        g_autofree char *making = library_path(library, FOLDER, hidden, "");
        int found = open_there(path, size_out, &problem);

        if (found >= 0)
                return found;
        if (!g_error_matches(problem, UK_ERROR, UK_ERROR_NOT_FOUND) || !library->writer) {
                g_propagate_error(error, g_steal_pointer(&problem));
                return -1;
        }
        UK_AUTOFD fd = lock_making(making, error);
        if (fd < 0)
                return -1;
        return make_locked(path, making, fd, maker, user, size_out, error);
}

/* Makes one delta, large ones one after the other. */
static bool
make_within_memory(Library *library, int old, int new, DeltaHead *head, int out, GError **error)
{
        g_autofree char *path = library_path(library, FOLDER, ".large", "");
        UK_AUTOFD turn = -1;
        gint64 size;

        if (delta_memory(head->old_size, head->new_size) > LARGE) {
                turn = lock_making(path, error);
                if (turn < 0)
                        return false;
        }
        if (!delta_make(old, new, head, out, &size, error))
                return false;
        if (size >= GAIN * (double)head->new_size)
                return uk_fail(error, UK_ERROR_LIMIT, "a delta is no gain here");
        return true;
}

static DeltaHead
head_of(const guint8 *new_hash, const guint8 *old_hash)
{
        DeltaHead head = { .old_size = 0 };

        memcpy(head.new_hash, new_hash, HASH_SHA256_SIZE);
        memcpy(head.old_hash, old_hash, HASH_SHA256_SIZE);
        return head;
}

/* --- of a file --- */

typedef struct {
        Library *library;
        const guint8 *new_hash, *old_hash;
} FileDelta;

static bool
is_empty_hash(const guint8 *hash)
{
        guint8 empty[HASH_SHA256_SIZE];

        hash_sha256("", 0, empty);
        return memcmp(hash, empty, sizeof empty) == 0;
}

static bool
make_of_files(gpointer user, int out, GError **error)
{
        const FileDelta *delta = user;
        DeltaHead head = head_of(delta->new_hash, delta->old_hash);
        UK_AUTOFD new = library_open_file(delta->library, delta->new_hash, &head.new_size, error);
        UK_AUTOFD old = -1;

        if (new < 0)
                return false;
        if (!is_empty_hash(delta->old_hash)) {
                old = library_open_file(delta->library, delta->old_hash, &head.old_size, error);
                if (old < 0)
                        return false;
        }
        return make_within_memory(delta->library, old, new, &head, out, error);
}

int
deltastore_open(Library *library, const guint8 *new_hash, const guint8 *old_hash, gint64 *size_out,
                GError **error)
{
        g_autofree char *name = deltastore_name(new_hash, old_hash);
        FileDelta delta = { library, new_hash, old_hash };

        return open_or_make(library, name, make_of_files, &delta, size_out, error);
}

/* --- of the small files of a content item --- */

static GHashTable *
hashes_of(const ContentTree *tree)
{
        GHashTable *hashes = library_hash_set();

        for (guint i = 0; i < tree_count(tree); i++) {
                const TreeEntry *entry = tree_entry(tree, i);

                if (entry->kind == TREE_FILE)
                        g_hash_table_add(hashes, g_memdup2(entry->hash, HASH_SHA256_SIZE));
        }
        return hashes;
}

GArray *
deltastore_frame_files(const ContentTree *tree, const ContentTree *other)
{
        g_autoptr(GHashTable) skip = hashes_of(other);
        GArray *found = g_array_new(FALSE, FALSE, sizeof(guint));

        for (guint i = 0; i < tree_count(tree); i++) {
                const TreeEntry *entry = tree_entry(tree, i);

                if (entry->kind == TREE_FILE && entry->size > 0 && entry->size < DELTASTORE_SMALL &&
                    g_hash_table_add(skip, g_memdup2(entry->hash, HASH_SHA256_SIZE)))
                        g_array_append_val(found, i);
        }
        return found;
}

static gint64
size_of(const ContentTree *tree, const GArray *files)
{
        gint64 size = 0;

        for (guint i = 0; i < files->len; i++)
                size += tree_entry(tree, g_array_index(files, guint, i))->size;
        return size;
}

static bool
append_file(Library *library, const TreeEntry *entry, int out, GError **error)
{
        g_autofree guint8 *data = g_malloc((gsize)entry->size);
        gint64 size;
        UK_AUTOFD fd = library_open_file(library, entry->hash, &size, error);

        if (fd < 0)
                return false;
        if (size != entry->size || pread(fd, data, (gsize)size, 0) != size)
                return uk_fail(error, UK_ERROR_IO, "reading %s of the library", entry->path);
        return uk_io_write(out, data, (gsize)size, "the small files", error);
}

/* The files one behind the other, in memory; *size_out their bytes. -1. */
static int
join_files(Library *library, const ContentTree *tree, const ContentTree *other, gint64 *size_out,
           GError **error)
{
        g_autoptr(GArray) files = deltastore_frame_files(tree, other);
        UK_AUTOFD out = -1;

        *size_out = size_of(tree, files);
        if (*size_out > DELTA_MAX_MEMORY) {
                uk_fail(error, UK_ERROR_LIMIT, "the small files are too large for a frame");
                return -1;
        }
        out = memfd_create("frame", MFD_CLOEXEC);
        if (out < 0) {
                uk_fail_errno(error, errno, "making a file in memory");
                return -1;
        }
        for (guint i = 0; i < files->len; i++) {
                const TreeEntry *entry = tree_entry(tree, g_array_index(files, guint, i));

                if (!append_file(library, entry, out, error))
                        return -1;
        }
        return g_steal_fd(&out);
}

typedef struct {
        Library *library;
        const ContentTree *new_tree, *old_tree;
} Frame;

static bool
make_of_trees(gpointer user, int out, GError **error)
{
        const Frame *frame = user;
        DeltaHead head = head_of(tree_hash(frame->new_tree), tree_hash(frame->old_tree));
        UK_AUTOFD new =
                join_files(frame->library, frame->new_tree, frame->old_tree, &head.new_size, error);
        UK_AUTOFD old = -1;

        if (new < 0)
                return false;
        if (head.new_size == 0)
                return uk_fail(error, UK_ERROR_NOT_FOUND, "no small file is new");
        old = join_files(frame->library, frame->old_tree, frame->new_tree, &head.old_size, error);
        return old >= 0 && make_within_memory(frame->library, old, new, &head, out, error);
}

int
deltastore_open_frame(Library *library, const ContentTree *new_tree, const ContentTree *old_tree,
                      gint64 *size_out, GError **error)
{
        g_autofree char *name = deltastore_name(tree_hash(new_tree), tree_hash(old_tree));
        Frame frame = { library, new_tree, old_tree };

        return open_or_make(library, name, make_of_trees, &frame, size_out, error);
}

/* Cuts what comes out of a frame into its files. */
typedef struct {
        Library *library;
        const ContentTree *tree;
        GArray *files;
        guint at;
        LibraryFile *file; /* on its way in; NULL: the library has it, its bytes are dropped */
        gint64 left;       /* bytes of it to come */
        bool began;
} Cutting;

static bool
begin_file(Cutting *c, GError **error)
{
        const TreeEntry *entry = tree_entry(c->tree, g_array_index(c->files, guint, c->at));

        c->left = entry->size;
        c->began = true;
        if (library_has(c->library, entry->hash, NULL))
                return true;
        c->file = library_file_begin(c->library, entry->hash, entry->size, tree_content_id(c->tree),
                                     error);
        return c->file != NULL &&
               (library_file_position(c->file) == 0 || library_file_restart(c->file, error));
}

static bool
end_file(Cutting *c, GError **error)
{
        bool ok = c->file == NULL || library_file_end(c->file, error);

        g_clear_pointer(&c->file, library_file_free);
        c->began = false;
        c->at++;
        return ok;
}

static bool
on_bytes(gpointer user, const void *data, gsize size, GError **error)
{
        Cutting *c = user;
        const guint8 *bytes = data;

        while (size > 0) {
                if (!c->began && !begin_file(c, error))
                        return false;
                gsize n = (gsize)MIN((gint64)size, c->left);
                if (c->file != NULL && !library_file_write(c->file, bytes, n, error))
                        return false;
                bytes += n;
                size -= n;
                c->left -= (gint64)n;
                if (c->left == 0 && !end_file(c, error))
                        return false;
        }
        return true;
}

bool
deltastore_apply_frame(Library *library, const ContentTree *new_tree, const ContentTree *old_tree,
                       int frame_fd, GError **error)
{
        UK_DOING(error, "unpacking the small files of %s", tree_content_id(new_tree));
        g_autoptr(GArray) files = deltastore_frame_files(new_tree, old_tree);
        Cutting cutting = { .library = library, .tree = new_tree, .files = files };
        gint64 old_size;
        UK_AUTOFD old = join_files(library, old_tree, new_tree, &old_size, error);
        bool ok;

        if (old < 0)
                return false;
        ok = delta_apply(old, old_size, frame_fd, size_of(new_tree, files), on_bytes, &cutting,
                         error);
        library_file_free(cutting.file);
        return ok;
}

/* --- from elsewhere --- */

static bool
copy_bytes(int from, int to, const char *name, GError **error)
{
        g_autofree guint8 *piece = g_malloc(PIECE);
        gint64 at = 0;

        for (;;) {
                gssize n = pread(from, piece, PIECE, at);

                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return uk_fail_errno(error, errno, "reading a delta");
                if (n == 0)
                        return true;
                if (!uk_io_write(to, piece, (gsize)n, name, error))
                        return false;
                at += n;
        }
}

bool
deltastore_put(Library *library, const char *name, int fd, GError **error)
{
        guint8 new_hash[HASH_SHA256_SIZE];
        g_autofree char *temporary = NULL;
        DeltaHead head;

        if (!library_check_writer(library, error))
                return false;
        if (!is_name(name, new_hash))
                return uk_fail(error, UK_ERROR_INVALID, "this is no name of a delta");
        if (!delta_read_head(fd, &head, error))
                return false;
        g_autofree char *own = deltastore_name(head.new_hash, head.old_hash);
        if (g_ascii_strcasecmp(own, name) != 0)
                return uk_fail(error, UK_ERROR_INVALID, "it is the delta %s", own);
        g_autofree char *path = path_of(library, name);
        UK_AUTOFD out = uk_io_temporary(path, LIBRARY_FILE_MODE, &temporary, error);
        if (out < 0)
                return false;
        if (copy_bytes(fd, out, temporary, error) && uk_io_rename(temporary, path, error))
                return true;
        uk_io_discard(temporary);
        return false;
}

/* --- dropping --- */

typedef struct {
        char *path;
        gint64 size;
        struct timespec used;
} Kept;

static void
kept_free(gpointer data)
{
        g_free(((Kept *)data)->path);
        g_free(data);
}

/* The hashes of all content items, those that are kept for deltas included. */
static GHashTable *
contents_of(Library *library, GError **error)
{
        g_autofree char *path = g_build_filename(library->root, "DataLib", NULL);
        g_autoptr(GHashTable) hashes = library_hash_set();
        g_autoptr(GError) problem = NULL;
        g_autoptr(GDir) dir = g_dir_open(path, 0, &problem);
        const char *name;

        if (dir == NULL) {
                uk_fail(error, UK_ERROR_IO, "%s", problem->message);
                return NULL;
        }
        while ((name = g_dir_read_name(dir)) != NULL) {
                if (!g_str_has_suffix(name, ".INI"))
                        continue;
                g_autofree char *id = g_strndup(name, strlen(name) - strlen(".INI"));
                const ContentTree *tree = library_tree_ref(library, id, NULL);

                if (tree == NULL)
                        continue;
                g_hash_table_add(hashes, g_memdup2(tree_hash(tree), HASH_SHA256_SIZE));
                library_tree_unref(library, tree);
        }
        return g_steal_pointer(&hashes);
}

/* Drops one that nobody works on. */
static bool
drop_making(const char *path, GError **error)
{
        UK_AUTOFD fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);

        if (fd < 0 || flock(fd, LOCK_EX | LOCK_NB) != 0)
                return true;
        return uk_io_unlink(path, error);
}

/* Drops the file of that name, or adds it to kept. */
static bool
look_at(Library *library, const char *name, GHashTable **contents, GPtrArray *kept, GError **error)
{
        g_autofree char *path = library_path(library, FOLDER, name, "");
        guint8 new_hash[HASH_SHA256_SIZE];
        struct stat st;

        if (name[0] == '.' && g_str_has_suffix(name, MAKING))
                return drop_making(path, error);
        if (!is_name(name, new_hash) || lstat(path, &st) != 0)
                return true;
        if (!library_has(library, new_hash, NULL)) {
                /* All definitions are read only when a frame makes it necessary. */
                if (*contents == NULL)
                        *contents = contents_of(library, error);
                if (*contents == NULL)
                        return false;
                if (!g_hash_table_contains(*contents, new_hash))
                        return uk_io_unlink(path, error);
        }
        Kept *one = g_new0(Kept, 1);
        one->path = g_steal_pointer(&path);
        one->size = st.st_size;
        one->used = st.st_mtim;
        g_ptr_array_add(kept, one);
        return true;
}

/* Longest unused last. */
static int
by_use(gconstpointer a, gconstpointer b)
{
        const Kept *x = *(Kept *const *)a, *y = *(Kept *const *)b;

        if (x->used.tv_sec != y->used.tv_sec)
                return x->used.tv_sec < y->used.tv_sec ? 1 : -1;
        if (x->used.tv_nsec != y->used.tv_nsec)
                return x->used.tv_nsec < y->used.tv_nsec ? 1 : -1;
        return strcmp(x->path, y->path);
}

bool
deltastore_trim(Library *library, gint64 budget, GError **error)
{
        UK_DOING(error, "dropping deltas");
        g_autoptr(GPtrArray) kept = g_ptr_array_new_with_free_func(kept_free);
        g_autofree char *path = g_build_filename(library->root, FOLDER, NULL);
        g_autoptr(GHashTable) contents = NULL;
        gint64 sum = 0;
        const char *name;

        if (!library_check_writer(library, error))
                return false;
        g_autoptr(GDir) dir = g_dir_open(path, 0, NULL);
        while (dir != NULL && (name = g_dir_read_name(dir)) != NULL) {
                if (!look_at(library, name, &contents, kept, error))
                        return false;
        }
        g_ptr_array_sort(kept, by_use);
        for (guint i = 0; i < kept->len; i++) {
                const Kept *one = kept->pdata[i];

                sum += one->size;
                if (sum > budget && !uk_io_unlink(one->path, error))
                        return false;
        }
        return true;
}
