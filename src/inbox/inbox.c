/* inbox.c - reads, finishes, sets aside and counts the files of an inbox folder.
 *
 * In: a folder that others drop files into. Out: files in the order in which they came. It keeps
 * no state between calls; what is in the folder is the queue. It does not wait (the host does) and
 * does not judge what is in a file (its handler does).
 */
#include "inbox/inbox.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/io.h"
#include "base/log.h"
#include "inbox/drop.h"
#include "inbox/inbox_private.h"

#define WHY          ".why"
#define CORRUPT_NAME "corrupt"

void
inbox_file_free(InboxFile *file)
{
        if (file == NULL)
                return;
        g_free(file->path);
        g_free(file->name);
        g_free(file->stem);
        g_free(file->kind);
        g_clear_pointer(&file->letter, g_bytes_unref);
        g_free(file);
}

static gint64
mtime_of(const struct stat *st)
{
        return (gint64)st->st_mtim.tv_sec * UK_SECOND + st->st_mtim.tv_nsec / 1000;
}

static InboxFile *
file_new(const char *box, const char *name, const struct stat *st)
{
        InboxFile *file = g_new0(InboxFile, 1);
        const char *dot = strrchr(name, '.');
        gsize stem = dot != NULL ? (gsize)(dot - name) : strlen(name);

        file->path = g_build_filename(box, name, NULL);
        file->name = g_strdup(name);
        file->stem = g_strndup(name, stem);
        file->kind = g_ascii_strup(name + stem, -1);
        file->size = st->st_size;
        file->mtime_us = mtime_of(st);
        file->inode = st->st_ino;
        return file;
}

static bool
is_wanted(const char *name, const char *const *kinds)
{
        const char *kind = strrchr(name, '.');

        for (; *kinds != NULL; kinds++) {
                if (strcmp(*kinds, "*") == 0 ||
                    g_ascii_strcasecmp(*kinds, kind != NULL ? kind : "") == 0)
                        return true;
        }
        return false;
}

static int
compare_age(gconstpointer a, gconstpointer b)
{
        const InboxFile *x = *(InboxFile *const *)a;
        const InboxFile *y = *(InboxFile *const *)b;

        if (x->mtime_us != y->mtime_us)
                return x->mtime_us < y->mtime_us ? -1 : 1;
        return strcmp(x->name, y->name);
}

/* Sorts, and forgets all but the oldest max. */
static void
keep_oldest(GPtrArray *files, guint max)
{
        g_ptr_array_sort(files, compare_age);
        if (max > 0 && files->len > max)
                g_ptr_array_set_size(files, (gint)max);
}

/* A function called for each regular file of a folder whose name does not begin with a dot. */
typedef bool (*EachFn)(const char *dir, const char *name, const struct stat *st, gpointer data,
                       GError **error);

static bool
for_each(const char *dir, EachFn fn, gpointer data, GError **error)
{
        DIR *d = opendir(dir);
        struct dirent *entry;
        bool ok = true;

        if (d == NULL)
                return uk_fail_errno(error, errno, "reading folder %s", dir);
        for (errno = 0; ok && (entry = readdir(d)) != NULL; errno = 0) {
                struct stat st;

                if (entry->d_name[0] == '.' ||
                    (entry->d_type != DT_REG && entry->d_type != DT_UNKNOWN) ||
                    fstatat(dirfd(d), entry->d_name, &st, AT_SYMLINK_NOFOLLOW) != 0 ||
                    !S_ISREG(st.st_mode))
                        continue;
                ok = fn(dir, entry->d_name, &st, data, error);
        }
        if (ok && errno != 0)
                ok = uk_fail_errno(error, errno, "reading folder %s", dir);
        closedir(d);
        return ok;
}

typedef struct {
        const char *const *kinds;
        guint max;
        GPtrArray *files;
        gint64 limit_us; /* what is younger than this is not among the oldest max */
} Scan;

static bool
scan_one(const char *dir, const char *name, const struct stat *st, gpointer data, GError **error)
{
        Scan *scan = data;

        if (mtime_of(st) > scan->limit_us || !is_wanted(name, scan->kinds) ||
            !inbox_name_valid(name))
                return true;
        g_ptr_array_add(scan->files, file_new(dir, name, st));
        /* A box may hold a hundred thousand files of which a batch is wanted. */
        if (scan->max > 0 && scan->files->len >= 2 * (gsize)scan->max + 1024) {
                keep_oldest(scan->files, scan->max);
                scan->limit_us = ((InboxFile *)scan->files->pdata[scan->max - 1])->mtime_us;
        }
        return true;
}

GPtrArray *
inbox_scan(const char *box, const char *const *kinds, guint max, GError **error)
{
        g_autoptr(GPtrArray) files =
                g_ptr_array_new_with_free_func((GDestroyNotify)inbox_file_free);
        Scan scan = { kinds, max, files, G_MAXINT64 };

        if (!for_each(box, scan_one, &scan, error))
                return NULL;
        keep_oldest(files, max);
        return g_steal_pointer(&files);
}

bool
inbox_file_read(const InboxFile *file, gsize max, char **data_out, gsize *size_out, GError **error)
{
        gsize size;
        const char *bytes;

        if (file->letter == NULL)
                return uk_io_read(file->path, max, data_out, size_out, error);
        bytes = g_bytes_get_data(file->letter, &size);
        if (size > max)
                return uk_fail(error, UK_ERROR_LIMIT, "%s is larger than %zu bytes", file->path,
                               max);
        char *copy = g_malloc(size + 1);
        if (size > 0)
                memcpy(copy, bytes, size);
        copy[size] = '\0';
        *data_out = copy;
        if (size_out != NULL)
                *size_out = size;
        return true;
}

/* Whether the file at the path is the one that was scanned. An inode may be used again as soon as
 * its file is gone; the time tells the two apart. */
static bool
is_same(const InboxFile *file)
{
        struct stat st;

        return lstat(file->path, &st) == 0 && st.st_ino == file->inode &&
               mtime_of(&st) == file->mtime_us && st.st_size == file->size;
}

bool
inbox_file_done(const InboxFile *file, GError **error)
{
        g_autofree char *box = g_path_get_dirname(file->path);

        if (file->letter != NULL)
                return true;
        UK_AUTOFD lock = inbox_lock(box, true, error);
        if (lock < 0)
                return false;
        return !is_same(file) || uk_io_unlink(file->path, error);
}

/* ---- corrupt/ ---- */

static bool
ends_in_box(const char *dir)
{
        gsize length = strlen(dir);

        return length > 4 && g_ascii_strcasecmp(dir + length - 4, ".box") == 0;
}

/* corrupt/ of the inbox that folder dir belongs to. */
static char *
corrupt_of(const char *dir)
{
        g_autofree char *at = g_strdup(dir);

        while (!ends_in_box(at)) {
                g_autofree char *above = g_path_get_dirname(at);
                if (strcmp(above, at) == 0 || strcmp(above, ".") == 0)
                        return g_build_filename(dir, CORRUPT_NAME, NULL);
                g_free(at);
                at = g_steal_pointer(&above);
        }
        return g_build_filename(at, CORRUPT_NAME, NULL);
}

/* The name with everything harmless that a name in corrupt/ needs: valid, not too long, and not
 * like a reason's. */
static char *
clean_name(const char *name)
{
        g_autofree char *clean = g_utf8_make_valid(name, -1);

        for (char *c = clean; *c != '\0'; c++) {
                if (g_ascii_iscntrl(*c) || *c == '/')
                        *c = '_';
        }
        if (strlen(clean) > INBOX_NAME_MAX)
                *g_utf8_find_prev_char(clean, clean + INBOX_NAME_MAX) = '\0';
        return g_str_has_suffix(clean, WHY) || !inbox_name_valid(clean)
                       ? g_strdup_printf("_%s_", clean)
                       : g_steal_pointer(&clean);
}

/* A path in corrupt/ that no file has: NAME.KIND, NAME.1.KIND, NAME.2.KIND … A reason without its
 * file does not count; it is what a kill between the two left. */
static char *
free_path(const char *corrupt, const char *name)
{
        const char *dot = strrchr(name, '.');
        int stem = dot != NULL ? (int)(dot - name) : (int)strlen(name);
        struct stat st;

        for (unsigned n = 0;; n++) {
                g_autofree char *numbered =
                        n == 0 ? g_strdup(name)
                               : g_strdup_printf("%.*s.%u%s", stem, name, n, name + stem);
                g_autofree char *path = g_build_filename(corrupt, numbered, NULL);

                if (lstat(path, &st) != 0)
                        return g_steal_pointer(&path);
        }
}

/* What a person will want to know, each on a line. */
static char *
reason_of(const InboxFile *file, const char *why)
{
        g_autofree char *now = uk_clock_iso(uk_clock_now());
        g_autofree char *dropped = uk_clock_iso(file->mtime_us);
        g_autofree char *text = g_utf8_make_valid(why, -1);

        for (char *c = text; *c != '\0'; c++) {
                if (g_ascii_iscntrl(*c))
                        *c = ' ';
        }
        return g_strdup_printf("File: %s\nDropped: %s\nSet aside: %s\nReason: %s\nTrace: %s\n",
                               file->name, dropped, now, text, uk_trace_get());
}

/* The time of its being set aside becomes the file's, since corrupt/ is trimmed by that. */
static bool
move_aside(const InboxFile *file, const char *box, const char *target, GError **error)
{
        UK_AUTOFD lock = inbox_lock(box, true, error);

        if (lock < 0)
                return false;
        return !is_same(file) || (uk_io_rename(file->path, target, error) &&
                                  inbox_stamp(target, uk_clock_now(), error));
}

bool
inbox_file_corrupt(const InboxFile *file, const char *why, GError **error)
{
        UK_DOING(error, "setting %s aside", file->path);
        g_autofree char *box = g_path_get_dirname(file->path);
        g_autofree char *corrupt = corrupt_of(box);
        g_autofree char *name = clean_name(file->name);
        g_autofree char *reason = reason_of(file, why);

        if (file->letter != NULL || !is_same(file))
                return true;
        if (!uk_io_mkdirs(corrupt, 0750, error))
                return false;
        /* One at a time: the free name must still be free when the file gets it. Folders are
         * always locked in this order, corrupt/ before the box. */
        UK_AUTOFD lock = inbox_lock(corrupt, true, error);
        if (lock < 0)
                return false;
        g_autofree char *target = free_path(corrupt, name);
        g_autofree char *reason_path = g_strconcat(target, WHY, NULL);
        return uk_io_replace(reason_path, reason, strlen(reason), 0640, error) &&
               move_aside(file, box, target, error) && uk_io_sync_dir(corrupt, error) &&
               uk_io_sync_dir(box, error);
}

static bool
collect_one(const char *dir, const char *name, const struct stat *st, gpointer data, GError **error)
{
        g_ptr_array_add(data, file_new(dir, name, st));
        return true;
}

/* Removes a reason that has no file, or no longer has one. */
static bool
trim_reason(const InboxFile *reason, GError **error)
{
        gsize length = strlen(reason->path) - strlen(WHY);
        g_autofree char *path = g_strndup(reason->path, length);
        struct stat st;

        return lstat(path, &st) == 0 || uk_io_unlink(reason->path, error);
}

static bool
trim(const char *corrupt, guint max_files, gint64 max_age_us, GError **error)
{
        g_autoptr(GPtrArray) files =
                g_ptr_array_new_with_free_func((GDestroyNotify)inbox_file_free);
        gint64 now = uk_clock_now();
        guint kept = 0;

        if (!for_each(corrupt, collect_one, files, error))
                return false;
        g_ptr_array_sort(files, compare_age);
        for (guint i = files->len; i > 0; i--) { /* the newest first */
                const InboxFile *file = files->pdata[i - 1];

                if (g_str_has_suffix(file->name, WHY))
                        continue;
                if (kept < max_files && now - file->mtime_us <= max_age_us)
                        kept++;
                else if (!uk_io_unlink(file->path, error))
                        return false;
        }
        for (guint i = 0; i < files->len; i++) {
                const InboxFile *file = files->pdata[i];

                if (g_str_has_suffix(file->name, WHY) && !trim_reason(file, error))
                        return false;
        }
        return true;
}

static bool
set_aside_unreadable(const char *dir, const char *name, const struct stat *st, gpointer data,
                     GError **error)
{
        if (inbox_name_valid(name))
                return true;
        g_autoptr(InboxFile) file = file_new(dir, name, st);
        return inbox_file_corrupt(file, "no component reads a file of such a name", error);
}

bool
inbox_trim_corrupt(const char *box, guint max_files, gint64 max_age_us, GError **error)
{
        UK_DOING(error, "tidying %s", box);
        g_autofree char *corrupt = corrupt_of(box);
        struct stat st;

        if (!uk_io_sweep(box, error) || !for_each(box, set_aside_unreadable, NULL, error))
                return false;
        if (stat(corrupt, &st) != 0 && errno == ENOENT)
                return true;
        UK_AUTOFD lock = inbox_lock(corrupt, true, error);
        return lock >= 0 && uk_io_sweep(corrupt, error) &&
               trim(corrupt, max_files, max_age_us, error);
}

/* ---- how much waits ---- */

typedef struct {
        guint count;
        gint64 oldest_us;
} Backlog;

static bool
count_one(const char *dir, const char *name, const struct stat *st, gpointer data, GError **error)
{
        Backlog *backlog = data;

        if (!inbox_name_valid(name))
                return true;
        backlog->count++;
        backlog->oldest_us = MIN(backlog->oldest_us, mtime_of(st));
        return true;
}

bool
inbox_backlog(const char *box, guint *count_out, gint64 *oldest_age_us_out, GError **error)
{
        gint64 now = uk_clock_now();
        Backlog backlog = { 0, now };

        if (!for_each(box, count_one, &backlog, error))
                return false;
        *count_out = backlog.count;
        *oldest_age_us_out = now - backlog.oldest_us;
        return true;
}
