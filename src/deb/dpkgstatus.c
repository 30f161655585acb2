/* dpkgstatus.c - the installed packages and architectures of a machine (DEB-033, DEB-040).
 *
 * The whole file is read once and stays in memory; packages are slices of it. dpkg replaces its
 * file by rename, so a file that another one has taken the place of is simply read again.
 */
#include "deb/dpkgstatus.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "base/io.h"
#include "deb/deb822.h"
#include "deb/marks.h"
#include "deb/source.h"

/* A machine with 10,000 packages has about 10 MB. */
#define STATUS_MAX (256 * 1024 * 1024)
#define TRIES      5

enum {
        F_PACKAGE,
        F_STATUS,
        F_ARCHITECTURE,
        F_VERSION,
        F_SOURCE,
        F_MARKS
};
#define F_COUNT (F_MARKS + MARKS_FIELDS)

typedef struct {
        DpkgStatus *status;
        Deb822Names names;
        const char *all_names[F_COUNT];
        bool without_status; /* stanzas of status.d have no Status field */
} Reader;

static void
reader_init(Reader *reader, DpkgStatus *status)
{
        static const char *const own[] = { "Package", "Status", "Architecture", "Version",
                                           "Source" };

        *reader = (Reader){ .status = status };
        memcpy(reader->all_names, own, sizeof own);
        memcpy(reader->all_names + F_MARKS, marks_fields, sizeof *marks_fields * MARKS_FIELDS);
        deb822_names_init(&reader->names, reader->all_names, F_COUNT);
}

/* What DEB-033 says of the Status field ("hold ok installed"). */
static bool
take_state(Slice value, DpkgPackage *package)
{
        Slice want = { 0 }, flag = { 0 }, state = { 0 };

        (void)slice_word(&value, &want);
        (void)slice_word(&value, &flag);
        (void)slice_word(&value, &state);
        package->hold = slice_equal(want, "hold") || slice_equal(flag, "hold") ||
                        slice_equal(flag, "hold-reinstreq");
        package->reinstreq = slice_equal(flag, "reinstreq") || slice_equal(flag, "hold-reinstreq");
        package->configured = slice_equal(state, "installed");
        return state.size > 0 && !slice_equal(state, "not-installed") &&
               !slice_equal(state, "config-files");
}

static Slice
keep_marks(DpkgStatus *status, const Slice *values)
{
        char mark[MARKS_SIZE];
        gsize size = marks_make(values, mark);
        char *copy = g_strndup(mark, size);

        g_ptr_array_add(status->texts, copy);
        return (Slice){ copy, size };
}

static bool
on_stanza(gpointer user, const Deb822Stanza *stanza, GError **error)
{
        Reader *reader = user;
        Slice v[F_COUNT];
        DpkgPackage package = { .configured = true };

        (void)deb822_pick(stanza, &reader->names, v);
        if (v[F_PACKAGE].size == 0)
                return uk_fail(error, UK_ERROR_PARSE,
                               "the stanza at line %" G_GUINT64_FORMAT " names no package",
                               stanza->line);
        if ((!reader->without_status && !take_state(v[F_STATUS], &package)) ||
            v[F_VERSION].size == 0) {
                reader->status->not_installed++;
                return true;
        }
        package.name = v[F_PACKAGE];
        package.arch = v[F_ARCHITECTURE];
        package.version = v[F_VERSION];
        if (!source_split(v[F_SOURCE], package.name, package.version, &package.source,
                          &package.source_version))
                package.source = package.name, package.source_version = package.version;
        package.marks = keep_marks(reader->status, v + F_MARKS);
        g_array_append_val(reader->status->array, package);
        return true;
}

static DpkgStatus *
status_new(void)
{
        DpkgStatus *status = g_new0(DpkgStatus, 1);

        status->array = g_array_new(FALSE, FALSE, sizeof(DpkgPackage));
        status->texts = g_ptr_array_new_with_free_func(g_free);
        return status;
}

void
dpkgstatus_free(DpkgStatus *status)
{
        if (status == NULL)
                return;
        g_free(status->native);
        g_strfreev(status->foreign);
        g_array_unref(status->array);
        g_ptr_array_unref(status->texts);
        g_free(status);
}

static int
compare_packages(gconstpointer a, gconstpointer b)
{
        const DpkgPackage *pa = a, *pb = b;
        int difference = slice_compare(pa->name, pb->name);

        return difference != 0 ? difference : slice_compare(pa->arch, pb->arch);
}

/* Sorts, and of stanzas with one name and architecture keeps the last, as dpkg does. */
static void
sort_packages(DpkgStatus *status)
{
        DpkgPackage *packages = (DpkgPackage *)(gpointer)status->array->data;
        guint kept = 0;

        g_array_sort(status->array, compare_packages);
        for (guint i = 0; i < status->array->len; i++) {
                if (i + 1 < status->array->len &&
                    compare_packages(&packages[i], &packages[i + 1]) == 0)
                        continue;
                packages[kept++] = packages[i];
        }
        status->packages = packages;
        status->count = kept;
}

/* dpkg's own architecture is built into it: it is that of the installed package dpkg. */
static char *
native_from_packages(const DpkgStatus *status)
{
        for (guint i = 0; i < status->count; i++) {
                if (slice_equal(status->packages[i].name, "dpkg"))
                        return slice_dup(status->packages[i].arch);
        }
        for (guint i = 0; i < status->count; i++) {
                if (!slice_equal(status->packages[i].arch, "all"))
                        return slice_dup(status->packages[i].arch);
        }
        return NULL;
}

/* `listed` are the lines of dpkg's arch file, the native one among them, or NULL. */
static void
set_architectures(DpkgStatus *status, char **listed)
{
        g_autoptr(GPtrArray) foreign = g_ptr_array_new();

        status->native = native_from_packages(status);
        for (guint i = 0; listed != NULL && listed[i] != NULL; i++) {
                char *arch = g_strstrip(listed[i]);

                if (*arch == '\0')
                        continue;
                if (status->native == NULL)
                        status->native = g_strdup(arch);
                else if (strcmp(arch, status->native) != 0)
                        g_ptr_array_add(foreign, g_strdup(arch));
        }
        g_ptr_array_add(foreign, NULL);
        status->foreign = (char **)g_ptr_array_steal(foreign, NULL);
        if (status->native == NULL)
                status->native = g_strdup("");
}

DpkgStatus *
dpkgstatus_parse(const char *text, gsize size, GError **error)
{
        g_autoptr(DpkgStatus) status = status_new();
        Deb822Limits limits = { .max_line = 8 * 1024 * 1024, .max_stanza = 32 * 1024 * 1024 };
        Reader reader;

        reader_init(&reader, status);
        if (!deb822_read("dpkg's status", text, size, &limits, on_stanza, &reader, error))
                return NULL;
        sort_packages(status);
        set_architectures(status, NULL);
        return g_steal_pointer(&status);
}

/* Reads a file of which the texts of the status become the owner. */
static bool
read_into(DpkgStatus *status, Reader *reader, const char *path, GError **error)
{
        Deb822Limits limits = { .max_line = 8 * 1024 * 1024, .max_stanza = 32 * 1024 * 1024 };
        char *text = NULL;
        gsize size = 0;

        if (!uk_io_read(path, STATUS_MAX, &text, &size, error))
                return false;
        g_ptr_array_add(status->texts, text);
        return deb822_read(path, text, size, &limits, on_stanza, reader, error);
}

static bool
same_file(const struct stat *a, const struct stat *b)
{
        return a->st_ino == b->st_ino && a->st_dev == b->st_dev && a->st_size == b->st_size &&
               a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

static int
compare_names(gconstpointer a, gconstpointer b)
{
        return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* status.d of images without dpkg: a file per package, some with lists of hashes beside them. */
static DpkgStatus *
read_folder(const char *path, GError **error)
{
        g_autoptr(DpkgStatus) status = status_new();
        g_autoptr(GDir) dir = g_dir_open(path, 0, NULL);
        g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);
        const char *name;
        Reader reader;

        if (dir == NULL) {
                uk_fail(error, UK_ERROR_NOT_FOUND,
                        "%s cannot be read, and there is no status file either", path);
                return NULL;
        }
        while ((name = g_dir_read_name(dir)) != NULL) {
                if (*name != '.' && !g_str_has_suffix(name, ".md5sums"))
                        g_ptr_array_add(names, g_build_filename(path, name, NULL));
        }
        g_ptr_array_sort(names, compare_names);
        reader_init(&reader, status);
        reader.without_status = true;
        for (guint i = 0; i < names->len; i++) {
                if (!read_into(status, &reader, g_ptr_array_index(names, i), error))
                        return NULL;
        }
        return g_steal_pointer(&status);
}

static DpkgStatus *
read_file(const char *path, bool *changed_out, GError **error)
{
        g_autoptr(DpkgStatus) status = status_new();
        struct stat before, after;
        Reader reader;

        *changed_out = false;
        if (stat(path, &before) != 0) {
                uk_fail_errno(error, errno, "%s", path);
                return NULL;
        }
        reader_init(&reader, status);
        bool read = read_into(status, &reader, path, error);

        *changed_out = stat(path, &after) != 0 || !same_file(&before, &after);
        return read && !*changed_out ? g_steal_pointer(&status) : NULL;
}

static DpkgStatus *
read_until_steady(const char *path, GError **error)
{
        for (guint i = 0; i < TRIES; i++) {
                bool changed;
                g_autoptr(GError) failure = NULL;
                DpkgStatus *status = read_file(path, &changed, &failure);

                if (status != NULL)
                        return status;
                if (!changed) {
                        g_propagate_error(error, g_steal_pointer(&failure));
                        return NULL;
                }
        }
        uk_fail(error, UK_ERROR_BUSY, "%s changes while it is read; tried %d times", path, TRIES);
        return NULL;
}

DpkgStatus *
dpkgstatus_read(const char *root, GError **error)
{
        g_autofree char *path = g_build_filename(root, "var/lib/dpkg/status", NULL);
        g_autofree char *folder = g_build_filename(root, "var/lib/dpkg/status.d", NULL);
        g_autofree char *arch_path = g_build_filename(root, "var/lib/dpkg/arch", NULL);
        g_autofree char *arches = NULL;
        g_auto(GStrv) listed = NULL;
        g_autoptr(DpkgStatus) status = NULL;
        gsize size;

        if (g_file_test(path, G_FILE_TEST_EXISTS))
                status = read_until_steady(path, error);
        else
                status = read_folder(folder, error);
        if (status == NULL)
                return NULL;
        sort_packages(status);
        if (uk_io_read(arch_path, 64 * 1024, &arches, &size, NULL))
                listed = g_strsplit(arches, "\n", -1);
        set_architectures(status, listed);
        return g_steal_pointer(&status);
}

bool
dpkgstatus_has_arch(const DpkgStatus *status, const char *arch)
{
        return strcmp(status->native, arch) == 0 ||
               g_strv_contains((const char *const *)status->foreign, arch);
}
