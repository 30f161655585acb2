/* library_mirror.c - DataLib/<ContentID>/: the tree as folders, each file a small INI. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/io.h"
#include "content/library_private.h"
#include "content/libraryini.h"
#include "content/place.h"

#define MAX_FILE_INI (64 * 1024) /* of one file; a name has at most 255 bytes */

/* A folder's path as the mirror has it, appended to out. */
static void
mirror_path(GString *out, const char *path, gsize size)
{
        const char *end = path + size;

        while (path < end) {
                const char *slash = memchr(path, '/', (gsize)(end - path));
                gsize length = (gsize)((slash != NULL ? slash : end) - path);
                g_autofree char *name = g_strndup(path, length);
                g_autofree char *mirrored = libraryini_mirror_name(name, true, NULL);

                if (out->len > 0)
                        g_string_append_c(out, '/');
                g_string_append(out, mirrored);
                path += length + (slash != NULL ? 1 : 0);
        }
}

typedef struct {
        Place place;
        GString *folder; /* of the entry before, as the tree has it */
        GString *mirrored;
        GString *text;
} Writer;

/* Opens the folder that the entry is in, and returns its name there. */
static const char *
go_to_folder_of(Writer *w, const char *path, GError **error)
{
        const char *slash = strrchr(path, '/');
        gsize size = slash != NULL ? (gsize)(slash - path) : 0;

        if (w->place.fd < 0 || w->folder->len != size || memcmp(w->folder->str, path, size) != 0) {
                g_string_truncate(w->folder, 0);
                g_string_append_len(w->folder, path, (gssize)size);
                g_string_truncate(w->mirrored, 0);
                mirror_path(w->mirrored, path, size);
                if (!place_go(&w->place, w->mirrored->str, error))
                        return NULL;
        }
        return slash != NULL ? slash + 1 : path;
}

static bool
write_text(Writer *w, const char *name, GError **error)
{
        char ini[NAME_MAX + 8];

        g_snprintf(ini, sizeof ini, "%s.INI", name);
        return uk_io_create_at(w->place.fd, ini, w->text->str, w->text->len, LIBRARY_FILE_MODE,
                               error);
}

static bool
write_entry(Writer *w, const TreeEntry *e, GError **error)
{
        const char *name = go_to_folder_of(w, e->path, error);
        g_autofree char *mirrored = NULL;
        g_autofree char *text = NULL;
        bool odd;

        if (name == NULL)
                return false;
        mirrored = libraryini_mirror_name(name, e->kind == TREE_FOLDER, &odd);
        g_string_truncate(w->text, 0);
        if (e->kind == TREE_FILE) {
                libraryini_file_write(w->text, e, odd ? name : NULL);
                return write_text(w, mirrored, error);
        }
        if (!uk_io_mkdir_at(w->place.fd, mirrored, LIBRARY_FOLDER_MODE, error))
                return false;
        if (!odd)
                return true;
        text = libraryini_folder_write(name);
        g_string_assign(w->text, text);
        return write_text(w, mirrored, error);
}

bool
library_mirror_write(Library *library, const ContentTree *tree, guint first, guint end,
                     GError **error)
{
        g_autofree char *top = library_path(library, "DataLib", tree_content_id(tree), "");
        UK_AUTOFD fd = -1;
        bool ok = true;

        if (!uk_io_mkdir_at(AT_FDCWD, top, LIBRARY_FOLDER_MODE, error))
                return false;
        fd = open(top, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (fd < 0)
                return uk_fail_errno(error, errno, "opening %s", top);

        g_autoptr(GString) folder = g_string_new(NULL);
        g_autoptr(GString) mirrored = g_string_new(NULL);
        g_autoptr(GString) text = g_string_new(NULL);
        Writer w = { { 0 }, folder, mirrored, text };

        place_init(&w.place, fd);
        for (guint i = first; ok && i < end; i++) {
                if (tree_entry(tree, i)->kind != TREE_SYMLINK)
                        ok = write_entry(&w, tree_entry(tree, i), error);
        }
        place_clear(&w.place);
        return ok;
}

/* --- compared --- */

typedef struct {
        Writer writer;
        const char *content_id;
        MirrorTell tell;
        gpointer user;
} Comparer;

static void
tell_entry(Comparer *c, const char *name, const char *ending, bool missing)
{
        const char *folder = c->writer.mirrored->str;

        c->tell(c->user,
                g_strconcat("DataLib/", c->content_id, "/", folder, *folder != '\0' ? "/" : "",
                            name, ending, NULL),
                missing);
}

static bool
compare_text(Comparer *c, const char *name, GError **error)
{
        const GString *text = c->writer.text;
        char ini[NAME_MAX + 8], found[MAX_FILE_INI];

        g_snprintf(ini, sizeof ini, "%s.INI", name);
        UK_AUTOFD fd =
                openat(c->writer.place.fd, ini, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
        gssize size = fd >= 0 ? read(fd, found, sizeof found) : -1;

        if (size < 0 && (errno == EMFILE || errno == ENFILE || errno == ENOMEM))
                return uk_fail_errno(error, errno, "reading %.200s", ini);
        if (size < 0 || (gsize)size != text->len || memcmp(found, text->str, text->len) != 0)
                tell_entry(c, name, ".INI", fd < 0 && errno == ENOENT);
        return true;
}

static bool
compare_folder(Comparer *c, const char *name)
{
        struct stat st;
        bool there = fstatat(c->writer.place.fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0;

        if (!there || !S_ISDIR(st.st_mode))
                tell_entry(c, name, "", !there);
        return there && S_ISDIR(st.st_mode);
}

static bool
compare_entry(Comparer *c, const TreeEntry *e, GError **error)
{
        g_autoptr(GError) problem = NULL;
        const char *name = go_to_folder_of(&c->writer, e->path, &problem);
        g_autofree char *mirrored = NULL;
        g_autofree char *text = NULL;
        bool odd;

        if (name == NULL && !g_error_matches(problem, UK_ERROR, UK_ERROR_NOT_FOUND)) {
                g_propagate_error(error, g_steal_pointer(&problem));
                return false;
        }
        if (name == NULL) {
                const char *slash = strrchr(e->path, '/');
                tell_entry(c, slash != NULL ? slash + 1 : e->path, "", true);
                return true;
        }
        mirrored = libraryini_mirror_name(name, e->kind == TREE_FOLDER, &odd);
        g_string_truncate(c->writer.text, 0);
        if (e->kind == TREE_FILE) {
                libraryini_file_write(c->writer.text, e, odd ? name : NULL);
                return compare_text(c, mirrored, error);
        }
        if (!compare_folder(c, mirrored) || !odd)
                return true;
        text = libraryini_folder_write(name);
        g_string_assign(c->writer.text, text);
        return compare_text(c, mirrored, error);
}

bool
library_mirror_compare(Library *library, const ContentTree *tree, MirrorTell tell, gpointer user,
                       GError **error)
{
        const char *id = tree_content_id(tree);
        g_autofree char *top = library_path(library, "DataLib", id, "");
        UK_AUTOFD fd = open(top, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        g_autoptr(GString) folder = g_string_new(NULL);
        g_autoptr(GString) mirrored = g_string_new(NULL);
        g_autoptr(GString) text = g_string_new(NULL);
        Comparer c = { { { 0 }, folder, mirrored, text }, id, tell, user };
        bool ok = true;

        if (fd < 0 && errno != ENOENT && errno != ENOTDIR && errno != ELOOP)
                return uk_fail_errno(error, errno, "opening %s", top);
        if (fd < 0) {
                tell(user, g_strconcat("DataLib/", id, NULL), errno == ENOENT);
                return true;
        }
        place_init(&c.writer.place, fd);
        for (guint i = 0; ok && i < tree_count(tree); i++) {
                if (tree_entry(tree, i)->kind != TREE_SYMLINK)
                        ok = compare_entry(&c, tree_entry(tree, i), error);
        }
        place_clear(&c.writer.place);
        return ok;
}

/* A folder that is still to be read. */
typedef struct {
        char *path;     /* as the tree has it; "" is the top */
        char *mirrored; /* as the mirror has it */
} Todo;

static void
todo_free(gpointer data)
{
        Todo *todo = data;

        g_free(todo->path);
        g_free(todo->mirrored);
        g_free(todo);
}

typedef struct {
        Place place;
        ContentTree *tree;
        GHashTable *known; /* paths of folders that the content's INI named */
        GPtrArray *todo;
} MirrorReader;

static char *
below(const char *folder, const char *name)
{
        return *folder != '\0' ? g_strconcat(folder, "/", name, NULL) : g_strdup(name);
}

static bool
read_ini_at(int dir, const char *name, TreeEntry *entry_out, char **odd_out, GError **error)
{
        UK_AUTOFD fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
        g_autofree char *text = g_malloc(MAX_FILE_INI);
        gssize size = fd >= 0 ? read(fd, text, MAX_FILE_INI) : -1;

        if (size < 0)
                return uk_fail_errno(error, errno, "reading %.200s", name);
        UK_DOING(error, "%.200s", name);
        return libraryini_file_read(text, (gsize)size, entry_out, odd_out, error);
}

static bool
add_folder(MirrorReader *r, const Todo *in, const char *mirrored, const char *name, GError **error)
{
        Todo *todo = g_new0(Todo, 1);
        TreeEntry e = { .kind = TREE_FOLDER, .mode = 0755 };

        todo->path = below(in->path, name);
        todo->mirrored = below(in->mirrored, mirrored);
        g_ptr_array_add(r->todo, todo);
        e.path = todo->path;
        return g_hash_table_contains(r->known, todo->path) || tree_add(r->tree, &e, error);
}

/* A folder under its own name; one under another is told by the INI beside it. */
static bool
add_plain_folder(MirrorReader *r, const Todo *in, const char *name, GError **error)
{
        g_autofree char *ini = g_strconcat(name, ".INI", NULL);
        g_autofree char *odd = NULL;
        TreeEntry e;

        if (name[0] == '~' && faccessat(r->place.fd, ini, F_OK, AT_SYMLINK_NOFOLLOW) == 0) {
                if (!read_ini_at(r->place.fd, ini, &e, &odd, error))
                        return false;
                if (e.kind == TREE_FOLDER && odd != NULL)
                        return add_folder(r, in, name, odd, error);
        }
        return add_folder(r, in, name, name, error);
}

static bool
add_file(MirrorReader *r, const Todo *in, const char *file, GError **error)
{
        g_autofree char *name = g_strndup(file, strlen(file) - strlen(".INI"));
        g_autofree char *odd = NULL;
        g_autofree char *path = NULL;
        TreeEntry e;

        if (!read_ini_at(r->place.fd, file, &e, &odd, error))
                return false;
        if (e.kind == TREE_FOLDER)
                return true;
        path = below(in->path, odd != NULL ? odd : name);
        e.path = path;
        return tree_add(r->tree, &e, error);
}

static bool
take_name(MirrorReader *r, const Todo *in, const struct dirent *entry, GError **error)
{
        const char *name = entry->d_name;
        struct stat st;

        if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
                return true;
        if (fstatat(r->place.fd, name, &st, AT_SYMLINK_NOFOLLOW) != 0)
                return uk_fail_errno(error, errno, "looking at %.200s", name);
        if (S_ISDIR(st.st_mode))
                return add_plain_folder(r, in, name, error);
        return !S_ISREG(st.st_mode) || !g_str_has_suffix(name, ".INI") ||
               add_file(r, in, name, error);
}

static bool
read_folder(MirrorReader *r, const Todo *in, GError **error)
{
        struct dirent *entry;
        bool ok = true;
        int copy;
        DIR *dir;

        if (!place_go(&r->place, in->mirrored, error))
                return false;
        copy = openat(r->place.fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        dir = copy >= 0 ? fdopendir(copy) : NULL;
        if (dir == NULL) {
                uk_fail_errno(error, errno, "reading a folder of the mirror");
                uk_io_close(&copy);
                return false;
        }
        while (ok && (entry = readdir(dir)) != NULL)
                ok = take_name(r, in, entry, error);
        closedir(dir);
        return ok;
}

bool
library_mirror_read(Library *library, ContentTree *tree, GError **error)
{
        g_autofree char *top = library_path(library, "DataLib", tree_content_id(tree), "");
        UK_AUTOFD fd = open(top, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        g_autoptr(GHashTable) known = library_text_set();
        g_autoptr(GPtrArray) todo = g_ptr_array_new_with_free_func(todo_free);
        MirrorReader r = { { 0 }, tree, known, todo };
        bool ok = true;

        if (fd < 0 && errno == ENOENT)
                return uk_fail(error, UK_ERROR_NOT_FOUND, "%s is not there", top);
        if (fd < 0)
                return uk_fail_errno(error, errno, "opening %s", top);
        for (guint i = 0; i < tree_count(tree); i++)
                g_hash_table_add(known, g_strdup(tree_entry(tree, i)->path));
        place_init(&r.place, fd);
        Todo *first = g_new0(Todo, 1);
        first->path = g_strdup("");
        first->mirrored = g_strdup("");
        g_ptr_array_add(todo, first);
        while (ok && todo->len > 0) {
                Todo *in = g_ptr_array_steal_index(todo, todo->len - 1);
                ok = read_folder(&r, in, error);
                todo_free(in);
        }
        place_clear(&r.place);
        return ok;
}
