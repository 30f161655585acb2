/* libraryini.c - writes and reads the INI files of a content library. Texts only; no files. */
#include "content/libraryini.h"

#include <string.h>

/* Days between 1601 and 1970, as a FILETIME counts. */
#define FILETIME_1970   G_GINT64_CONSTANT(116444736000000000)
#define MAX_NAME_OF_INI 250
#define MAX_CONTENTS    200000 /* of a package; a deployment package has one per update */

char *
libraryini_hex(const guint8 *hash)
{
        static const char digits[] = "0123456789ABCDEF";
        char *text = g_malloc(HASH_SHA256_HEX + 1);

        for (gsize i = 0; i < HASH_SHA256_SIZE; i++) {
                text[2 * i] = digits[hash[i] >> 4];
                text[2 * i + 1] = digits[hash[i] & 15];
        }
        text[HASH_SHA256_HEX] = '\0';
        return text;
}

bool
libraryini_from_hex(const char *text, guint8 *hash_out)
{
        return hash_from_hex(text, strlen(text), hash_out, HASH_SHA256_SIZE);
}

static char *
percent_encode(const char *text)
{
        return g_uri_escape_string(text, "/", FALSE);
}

/* NULL for a text that is not percent-encoded, or holds a NUL. */
static char *
percent_decode(const char *text)
{
        return g_uri_unescape_string(text, NULL);
}

static bool
looks_odd(const char *name)
{
        return name[0] == '~' && strlen(name) == 1 + HASH_SHA256_HEX;
}

char *
libraryini_mirror_name(const char *name, bool is_folder, bool *odd_out)
{
        gsize length = strlen(name);
        guint8 digest[HASH_SHA256_SIZE];
        bool odd = length > MAX_NAME_OF_INI || looks_odd(name) ||
                   (length >= 4 && g_ascii_strcasecmp(name + length - 4, ".INI") == 0) ||
                   (is_folder && g_ascii_strncasecmp(name, "sccm?", 5) == 0);

        if (odd_out != NULL)
                *odd_out = odd;
        if (!odd)
                return g_strdup(name);
        hash_sha256(name, length, digest);
        g_autofree char *hex = hash_hex(digest, sizeof digest);
        return g_strconcat("~", hex, NULL);
}

static void
append_ids(GString *out, const char *const *ids)
{
        for (; *ids != NULL; ids++)
                g_string_append_printf(out, "%s=\n", *ids);
}

char *
libraryini_package_write(gint64 version, const char *const *ids)
{
        g_autoptr(GString) out = g_string_new("[Packages]\n");

        append_ids(out, ids);
        g_string_append_printf(out, "[Info]\nVersion=%" G_GINT64_FORMAT "\n", version);
        return g_string_free(g_steal_pointer(&out), FALSE);
}

char *
libraryini_users_write(const char *const *ids)
{
        g_autoptr(GString) out = g_string_new("[Users]\n");

        append_ids(out, ids);
        return g_string_free(g_steal_pointer(&out), FALSE);
}

static void
append_folders(GString *out, const ContentTree *tree)
{
        guint count = 0;

        for (guint i = 0; i < tree_count(tree); i++) {
                const TreeEntry *e = tree_entry(tree, i);
                g_autofree char *path = NULL;

                if (e->kind != TREE_FOLDER)
                        continue;
                path = percent_encode(e->path);
                if (count++ == 0)
                        g_string_append(out, "[Folders]\n");
                g_string_append_printf(out, "%u=%o %" G_GINT64_FORMAT " %s\n", count, e->mode,
                                       e->modified_us, path);
        }
}

static void
append_links(GString *out, const ContentTree *tree)
{
        guint count = 0;

        for (guint i = 0; i < tree_count(tree); i++) {
                const TreeEntry *e = tree_entry(tree, i);
                g_autofree char *path = NULL, *target = NULL;

                if (e->kind != TREE_SYMLINK)
                        continue;
                path = percent_encode(e->path);
                target = percent_encode(e->target);
                if (count++ == 0)
                        g_string_append(out, "[Links]\n");
                g_string_append_printf(out, "%u=%" G_GINT64_FORMAT " %s %s\n", count,
                                       e->modified_us, path, target);
        }
}

char *
libraryini_content_write(const ContentTree *tree)
{
        g_autofree char *hex = libraryini_hex(tree_hash(tree));
        g_autoptr(GString) out = g_string_new("[Info]\n");

        g_string_append_printf(out, "Hash=%s\n", hex);
        append_folders(out, tree);
        append_links(out, tree);
        return g_string_free(g_steal_pointer(&out), FALSE);
}

static void
append_name(GString *out, const char *odd_name)
{
        g_autofree char *encoded = percent_encode(odd_name);

        g_string_append_printf(out, "Name=%s\n", encoded);
}

void
libraryini_file_write(GString *out, const TreeEntry *file, const char *odd_name)
{
        char hex[HASH_SHA256_HEX + 1];
        static const char digits[] = "0123456789ABCDEF";

        for (gsize i = 0; i < HASH_SHA256_SIZE; i++) {
                hex[2 * i] = digits[file->hash[i] >> 4];
                hex[2 * i + 1] = digits[file->hash[i] & 15];
        }
        hex[HASH_SHA256_HEX] = '\0';
        g_string_append_printf(out,
                               "[File]\nSize=%" G_GINT64_FORMAT "\nTimeModified=%" G_GINT64_FORMAT
                               "\nAttributes=20\nHash=%s\nMode=%o\n",
                               file->size, file->modified_us * 10 + FILETIME_1970, hex, file->mode);
        if (file->twin != 0)
                g_string_append_printf(out, "Twin=%u\n", file->twin);
        if (odd_name != NULL)
                append_name(out, odd_name);
}

char *
libraryini_folder_write(const char *odd_name)
{
        g_autoptr(GString) out = g_string_new("[Folder]\n");

        append_name(out, odd_name);
        return g_string_free(g_steal_pointer(&out), FALSE);
}

/* Called for each key; false stops with an error. */
typedef bool (*IniTake)(gpointer user, const char *section, const char *key, const char *value,
                        GError **error);

static bool
take_line(char *line, GString *section, IniTake take, gpointer user, GError **error)
{
        char *equals;

        g_strstrip(line);
        if (*line == '\0' || *line == ';' || *line == '#')
                return true;
        if (*line == '[') {
                char *end = strchr(line, ']');
                if (end == NULL)
                        return uk_fail(error, UK_ERROR_PARSE, "a section's name has no end");
                *end = '\0';
                g_string_assign(section, line + 1);
                return true;
        }
        equals = strchr(line, '=');
        if (equals != NULL)
                *equals = '\0';
        return take(user, section->str, g_strchomp(line),
                    equals != NULL ? g_strchug(equals + 1) : "", error);
}

static bool
read_ini(const char *text, gsize size, IniTake take, gpointer user, GError **error)
{
        g_autoptr(GString) section = g_string_new(NULL);
        const char *end = text + size;

        if (memchr(text, '\0', size) != NULL)
                return uk_fail(error, UK_ERROR_PARSE, "this is no INI file");
        if (size >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0)
                text += 3;
        while (text < end) {
                const char *stop = memchr(text, '\n', (gsize)(end - text));
                gsize length = (gsize)((stop != NULL ? stop : end) - text);
                g_autofree char *line = g_strndup(text, length);

                if (!take_line(line, section, take, user, error))
                        return false;
                text += length + (stop != NULL ? 1 : 0);
        }
        return true;
}

static bool
is(const char *a, const char *b)
{
        return g_ascii_strcasecmp(a, b) == 0;
}

static bool
number_of(const char *text, gint64 *number_out, GError **error)
{
        if (!g_ascii_string_to_signed(text, 10, G_MININT64, G_MAXINT64, number_out, NULL))
                return uk_fail(error, UK_ERROR_PARSE, "\"%.40s\" is no number", text);
        return true;
}

typedef struct {
        const char *section; /* the one whose keys are IDs */
        GPtrArray *ids;
        gint64 version;
        bool seen; /* the version */
} IdsReader;

/* A list that is cut off would name too few, and what it names last may be half an ID. */
static bool
check_end(const char *text, gsize size, GError **error)
{
        return (size > 0 && text[size - 1] == '\n') ||
               uk_fail(error, UK_ERROR_PARSE, "it is cut off");
}

static bool
take_id(gpointer user, const char *section, const char *key, const char *value, GError **error)
{
        IdsReader *r = user;

        if (is(section, "Info") && is(key, "Version"))
                return r->seen = number_of(value, &r->version, error);
        if (!is(section, r->section))
                return true;
        if (!tree_valid_id(key))
                return uk_fail(error, UK_ERROR_PARSE, "\"%.100s\" is no ID of a content item", key);
        if (r->ids->len >= MAX_CONTENTS)
                return uk_fail(error, UK_ERROR_LIMIT, "there are more than %d content items",
                               MAX_CONTENTS);
        g_ptr_array_add(r->ids, g_strdup(key));
        return true;
}

static char **
end_ids(GPtrArray *ids)
{
        g_ptr_array_add(ids, NULL);
        return (char **)g_ptr_array_free(ids, FALSE);
}

bool
libraryini_package_read(const char *text, gsize size, gint64 *version_out, char ***ids_out,
                        GError **error)
{
        g_autoptr(GPtrArray) ids = g_ptr_array_new_with_free_func(g_free);
        IdsReader r = { .section = "Packages", .ids = ids };

        if (!check_end(text, size, error) || !read_ini(text, size, take_id, &r, error))
                return false;
        if (!r.seen)
                return uk_fail(error, UK_ERROR_PARSE, "there is no [Info] Version");
        *version_out = r.version;
        *ids_out = end_ids(g_steal_pointer(&ids));
        return true;
}

bool
libraryini_users_read(const char *text, gsize size, char ***ids_out, GError **error)
{
        g_autoptr(GPtrArray) ids = g_ptr_array_new_with_free_func(g_free);
        IdsReader r = { .section = "Users", .ids = ids };

        if (!check_end(text, size, error) || !read_ini(text, size, take_id, &r, error))
                return false;
        *ids_out = end_ids(g_steal_pointer(&ids));
        return true;
}

typedef struct {
        ContentTree *tree;
        guint8 *hash_out;
        bool has_hash;
} ContentReader;

/* "<mode> <time> <path>" */
static bool
add_folder(ContentTree *tree, const char *value, GError **error)
{
        g_auto(GStrv) words = g_strsplit(value, " ", 3);
        TreeEntry e = { .kind = TREE_FOLDER };
        g_autofree char *path = NULL;
        guint64 mode;

        if (g_strv_length(words) != 3 ||
            !g_ascii_string_to_unsigned(words[0], 8, 0, 07777, &mode, NULL) ||
            (path = percent_decode(words[2])) == NULL)
                return uk_fail(error, UK_ERROR_PARSE, "\"%.100s\" is no folder", value);
        e.mode = (guint32)mode;
        e.path = path;
        return number_of(words[1], &e.modified_us, error) && tree_add(tree, &e, error);
}

/* "<time> <path> <target>" */
static bool
add_link(ContentTree *tree, const char *value, GError **error)
{
        g_auto(GStrv) words = g_strsplit(value, " ", 3);
        TreeEntry e = { .kind = TREE_SYMLINK, .mode = 0777 };
        g_autofree char *path = NULL, *target = NULL;

        if (g_strv_length(words) != 3 || (path = percent_decode(words[1])) == NULL ||
            (target = percent_decode(words[2])) == NULL)
                return uk_fail(error, UK_ERROR_PARSE, "\"%.100s\" is no symbolic link", value);
        e.path = path;
        e.target = target;
        return number_of(words[0], &e.modified_us, error) && tree_add(tree, &e, error);
}

static bool
take_content(gpointer user, const char *section, const char *key, const char *value, GError **error)
{
        ContentReader *r = user;

        if (is(section, "Info") && is(key, "Hash")) {
                r->has_hash = libraryini_from_hex(value, r->hash_out);
                return r->has_hash ||
                       uk_fail(error, UK_ERROR_PARSE, "\"%.100s\" is no hash", value);
        }
        if (is(section, "Folders"))
                return add_folder(r->tree, value, error);
        return !is(section, "Links") || add_link(r->tree, value, error);
}

bool
libraryini_content_read(const char *text, gsize size, ContentTree *tree, guint8 *hash_out,
                        GError **error)
{
        ContentReader r = { .tree = tree, .hash_out = hash_out };

        if (!read_ini(text, size, take_content, &r, error))
                return false;
        return r.has_hash || uk_fail(error, UK_ERROR_PARSE, "there is no [Info] Hash");
}

typedef struct {
        TreeEntry *entry;
        char *name;
        gint64 time;
        bool has_hash;
} FileReader;

static bool
take_mode(TreeEntry *e, const char *value, GError **error)
{
        guint64 mode;

        if (!g_ascii_string_to_unsigned(value, 8, 0, 07777, &mode, NULL))
                return uk_fail(error, UK_ERROR_PARSE, "\"%.40s\" is no mode", value);
        e->mode = (guint32)mode;
        return true;
}

static bool
take_twin(TreeEntry *e, const char *value, GError **error)
{
        guint64 twin;

        if (!g_ascii_string_to_unsigned(value, 10, 0, G_MAXUINT32, &twin, NULL))
                return uk_fail(error, UK_ERROR_PARSE, "\"%.40s\" is no number", value);
        e->twin = (guint32)twin;
        return true;
}

static bool
take_file(gpointer user, const char *section, const char *key, const char *value, GError **error)
{
        FileReader *r = user;

        if (is(section, "Folder"))
                r->entry->kind = TREE_FOLDER;
        if (is(key, "Name") && r->name == NULL && (r->name = percent_decode(value)) == NULL)
                return uk_fail(error, UK_ERROR_PARSE, "\"%.100s\" is no name", value);
        if (!is(section, "File"))
                return true;
        if (is(key, "Size"))
                return number_of(value, &r->entry->size, error);
        if (is(key, "TimeModified"))
                return number_of(value, &r->time, error);
        if (is(key, "Hash"))
                r->has_hash = libraryini_from_hex(value, r->entry->hash);
        if (is(key, "Mode"))
                return take_mode(r->entry, value, error);
        return !is(key, "Twin") || take_twin(r->entry, value, error);
}

bool
libraryini_file_read(const char *text, gsize size, TreeEntry *entry_out, char **name_out,
                     GError **error)
{
        TreeEntry e = { .kind = TREE_FILE, .mode = 0644 };
        FileReader r = { .entry = &e, .time = FILETIME_1970 };

        if (!read_ini(text, size, take_file, &r, error) ||
            (e.kind == TREE_FILE && !r.has_hash &&
             !uk_fail(error, UK_ERROR_PARSE, "there is no [File] Hash"))) {
                g_free(r.name);
                return false;
        }
        /* Far below what both can hold; what is out of range tree_add refuses. */
        e.modified_us = r.time / 10 - FILETIME_1970 / 10;
        *entry_out = e;
        *name_out = r.name;
        return true;
}
