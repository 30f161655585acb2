/* aptsources.c - apt's sources in both forms. */
#include "deb/aptsources.h"

#include <string.h>

#include "base/io.h"
#include "deb/aptconf.h"
#include "deb/aptfiles.h"
#include "deb/deb822.h"

#define FILE_MAX (4 * 1024 * 1024)

/* What is being read, and where findings go. */
typedef struct {
        const char *name;
        const char *native;
        GPtrArray *sources;
        GPtrArray *problems;
} Reader;

/* What both forms say, before URIs and suites are multiplied. Words are separated by blanks. */
typedef struct {
        char *types, *uris, *suites, *components;
        char *arches, *arches_add, *arches_remove;
        char *signed_by, *check_valid_until, *by_hash;
        char *where;
} Entry;

static void
entry_clear(Entry *entry)
{
        g_free(entry->types);
        g_free(entry->uris);
        g_free(entry->suites);
        g_free(entry->components);
        g_free(entry->arches);
        g_free(entry->arches_add);
        g_free(entry->arches_remove);
        g_free(entry->signed_by);
        g_free(entry->check_valid_until);
        g_free(entry->by_hash);
        g_free(entry->where);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Entry, entry_clear)

void
aptsources_source_free(AptSource *source)
{
        if (source == NULL)
                return;
        g_free(source->uri);
        g_free(source->suite);
        g_strfreev(source->components);
        g_strfreev(source->arches);
        g_strfreev(source->arches_add);
        g_strfreev(source->arches_remove);
        g_free(source->signed_by);
        g_free(source->where);
        g_free(source);
}

static void G_GNUC_PRINTF(2, 3) complain(const Reader *reader, const char *format, ...)
{
        va_list args;

        if (reader->problems == NULL)
                return;
        va_start(args, format);
        g_ptr_array_add(reader->problems, g_strdup_vprintf(format, args));
        va_end(args);
}

/* The words of a text, separated by blanks or, if commas, by commas; never NULL. */
static char **
words(const char *text, bool commas)
{
        GPtrArray *list = g_ptr_array_new();
        Slice rest = slice_of(text), word;

        while (slice_word(&rest, &word)) {
                g_autofree char *copy = slice_dup(word);
                g_auto(GStrv) parts = g_strsplit(copy, commas ? "," : "\n", -1);

                for (guint i = 0; parts[i] != NULL; i++) {
                        if (*parts[i] != '\0')
                                g_ptr_array_add(list, g_strdup(parts[i]));
                }
        }
        g_ptr_array_add(list, NULL);
        return (char **)g_ptr_array_free(list, FALSE);
}

static char *
replace_arch(const char *suite, const char *native)
{
        g_auto(GStrv) parts = g_strsplit(suite, "$(ARCH)", -1);

        return g_strjoinv(native, parts);
}

static bool
can_fetch(const char *uri)
{
        static const char *const schemes[] = { "http://", "https://", "file:/", "copy:/" };

        for (guint i = 0; i < G_N_ELEMENTS(schemes); i++) {
                if (g_str_has_prefix(uri, schemes[i]))
                        return true;
        }
        return false;
}

/* One form of writing for each URI: "file:///x/", a '/' at the end. */
static char *
normal_uri(const char *uri)
{
        const char *end = g_str_has_suffix(uri, "/") ? "" : "/";

        if (g_str_has_prefix(uri, "copy:/"))
                uri = uri + strlen("copy:");
        else if (g_str_has_prefix(uri, "file:/"))
                uri = uri + strlen("file:");
        else
                return g_strconcat(uri, end, NULL);
        while (g_str_has_prefix(uri, "//"))
                uri++;
        return g_strconcat("file://", uri, end, NULL);
}

static void
add_source(const Reader *reader, const Entry *entry, const char *uri, const char *raw_suite)
{
        g_autofree char *suite = replace_arch(raw_suite, reader->native);
        bool flat = g_str_has_suffix(suite, "/");
        g_auto(GStrv) components = words(entry->components, false);
        AptSource *source;

        if (flat != (components[0] == NULL)) {
                complain(reader, "%s: the suite %s %s", entry->where, suite,
                         flat ? "ends in a slash and has components all the same"
                              : "has no components");
                return;
        }
        source = g_new0(AptSource, 1);
        source->uri = normal_uri(uri);
        source->suite = g_steal_pointer(&suite);
        source->flat = flat;
        source->components = g_steal_pointer(&components);
        source->arches = entry->arches != NULL ? words(entry->arches, true) : NULL;
        source->arches_add = words(entry->arches_add, true);
        source->arches_remove = words(entry->arches_remove, true);
        source->signed_by = g_strdup(entry->signed_by);
        source->check_valid_until = aptconf_yes_no(entry->check_valid_until);
        source->by_hash = aptconf_yes_no(entry->by_hash);
        source->where = g_strdup(entry->where);
        g_ptr_array_add(reader->sources, source);
}

static bool
is_text(const char *text)
{
        return text == NULL || g_utf8_validate(text, -1, NULL);
}

static void
add_entry(const Reader *reader, const Entry *entry)
{
        g_auto(GStrv) types = words(entry->types, false);
        g_auto(GStrv) uris = words(entry->uris, false);
        g_auto(GStrv) suites = words(entry->suites, false);

        if (types[0] == NULL || uris[0] == NULL || suites[0] == NULL) {
                complain(reader, "%s: a source needs a type, a URI and a suite", entry->where);
                return;
        }
        if (!g_strv_contains((const char *const *)types, "deb"))
                return;
        if (!is_text(entry->uris) || !is_text(entry->suites) || !is_text(entry->components) ||
            !is_text(entry->arches)) {
                complain(reader, "%s: a source has bytes that are not UTF-8", entry->where);
                return;
        }
        for (guint u = 0; uris[u] != NULL; u++) {
                if (!can_fetch(uris[u])) {
                        complain(reader, "%s: %s is not fetched: only http, https and file are",
                                 entry->where, uris[u]);
                        continue;
                }
                for (guint s = 0; suites[s] != NULL; s++)
                        add_source(reader, entry, uris[u], suites[s]);
        }
}

/* "arch+=i386" and its kin, as the one-line form has them between brackets. */
static void
take_option(Entry *entry, Slice option)
{
        g_autofree char *text = slice_dup(option);
        char *value = strchr(text, '=');
        char sign = '=';

        if (value == NULL || value == text)
                return;
        if (value[-1] == '+' || value[-1] == '-') {
                sign = value[-1];
                value[-1] = '\0';
        }
        *value++ = '\0';
        if (g_ascii_strcasecmp(text, "arch") == 0) {
                char **slot = sign == '+'   ? &entry->arches_add
                              : sign == '-' ? &entry->arches_remove
                                            : &entry->arches;

                g_free(*slot);
                *slot = g_strdup(value);
        } else if (g_ascii_strcasecmp(text, "signed-by") == 0) {
                g_free(entry->signed_by);
                entry->signed_by = g_strdelimit(g_strdup(value), ",", ' ');
        } else if (g_ascii_strcasecmp(text, "check-valid-until") == 0) {
                g_free(entry->check_valid_until);
                entry->check_valid_until = g_strdup(value);
        } else if (g_ascii_strcasecmp(text, "by-hash") == 0) {
                g_free(entry->by_hash);
                entry->by_hash = g_strdup(value);
        }
}

/* Takes "[ … ]" off the rest of a line; false when it has no end. */
static bool
take_options(Entry *entry, Slice *rest)
{
        Slice inside, option;
        const char *open, *close;

        while (rest->size > 0 && slice_is_blank(*rest->text)) {
                rest->text++;
                rest->size--;
        }
        if (rest->size == 0 || *rest->text != '[')
                return true;
        open = rest->text;
        close = memchr(open, ']', rest->size);
        if (close == NULL)
                return false;
        inside = (Slice){ open + 1, (gsize)(close - open - 1) };
        while (slice_word(&inside, &option))
                take_option(entry, option);
        rest->size -= (gsize)(close + 1 - rest->text);
        rest->text = close + 1;
        return true;
}

static void
parse_line(const Reader *reader, Slice line, guint number)
{
        g_auto(Entry) entry = { 0 };
        Slice type, uri, suite;
        const char *comment = line.size > 0 ? memchr(line.text, '#', line.size) : NULL;

        if (comment != NULL)
                line.size = (gsize)(comment - line.text);
        if (!slice_word(&line, &type) || slice_equal(type, "deb-src"))
                return;
        entry.where = g_strdup_printf("%s:%u", reader->name, number);
        if (!slice_equal(type, "deb") || !take_options(&entry, &line) || !slice_word(&line, &uri) ||
            !slice_word(&line, &suite)) {
                complain(reader, "%s: not of the form \"deb [options] URI suite components\"",
                         entry.where);
                return;
        }
        entry.types = slice_dup(type);
        entry.uris = slice_dup(uri);
        entry.suites = slice_dup(suite);
        entry.components = slice_dup(line);
        add_entry(reader, &entry);
}

void
aptsources_parse_list(const char *name, const char *text, gsize size, const char *native,
                      GPtrArray *sources, GPtrArray *problems)
{
        Reader reader = { name, native, sources, problems };
        const char *end = text + size;
        guint number = 1;

        while (text < end) {
                const char *newline = memchr(text, '\n', (gsize)(end - text));
                const char *stop = newline != NULL ? newline : end;

                parse_line(&reader, (Slice){ text, (gsize)(stop - text) }, number++);
                text = stop + 1;
        }
}

static char *
field(const Deb822Stanza *stanza, const char *name)
{
        Slice value = deb822_get(stanza, name);

        return value.text != NULL ? slice_dup(value) : NULL;
}

static bool
on_stanza(gpointer user, const Deb822Stanza *stanza, GError **error)
{
        const Reader *reader = user;
        g_auto(Entry) entry = { 0 };
        g_autofree char *enabled = field(stanza, "Enabled");

        if (aptconf_yes_no(enabled) == 0)
                return true;
        entry.where = g_strdup_printf("%s:%" G_GUINT64_FORMAT, reader->name, stanza->line);
        entry.types = field(stanza, "Types");
        entry.uris = field(stanza, "URIs");
        entry.suites = field(stanza, "Suites");
        entry.components = field(stanza, "Components");
        entry.arches = field(stanza, "Architectures");
        entry.arches_add = field(stanza, "Architectures-Add");
        entry.arches_remove = field(stanza, "Architectures-Remove");
        entry.signed_by = field(stanza, "Signed-By");
        entry.check_valid_until = field(stanza, "Check-Valid-Until");
        entry.by_hash = field(stanza, "By-Hash");
        add_entry(reader, &entry);
        return true;
}

void
aptsources_parse_stanzas(const char *name, const char *text, gsize size, const char *native,
                         GPtrArray *sources, GPtrArray *problems)
{
        Reader reader = { name, native, sources, problems };
        Deb822Limits limits = { .comments = true };
        g_autoptr(GError) error = NULL;

        if (!deb822_read(name, text, size, &limits, on_stanza, &reader, &error))
                complain(&reader, "%s", error->message);
}

static bool
read_file(const char *path, const char *native, GPtrArray *sources, GPtrArray *problems,
          GError **error)
{
        g_autofree char *text = NULL;
        gsize size;
        g_autoptr(GError) failure = NULL;

        if (!uk_io_read(path, FILE_MAX, &text, &size, &failure)) {
                if (g_error_matches(failure, UK_ERROR, UK_ERROR_NOT_FOUND))
                        return true;
                g_propagate_error(error, g_steal_pointer(&failure));
                return false;
        }
        if (g_str_has_suffix(path, ".sources"))
                aptsources_parse_stanzas(path, text, size, native, sources, problems);
        else
                aptsources_parse_list(path, text, size, native, sources, problems);
        return true;
}

GPtrArray *
aptsources_read(const char *root, const char *native, GPtrArray *problems, GError **error)
{
        g_autoptr(GPtrArray) sources =
                g_ptr_array_new_with_free_func((GDestroyNotify)aptsources_source_free);
        g_autofree char *main_path = g_build_filename(root, "etc/apt/sources.list", NULL);
        g_autofree char *folder = g_build_filename(root, "etc/apt/sources.list.d", NULL);
        g_autoptr(GPtrArray) lists = aptfiles_list(folder, ".list", false);
        g_autoptr(GPtrArray) stanzas = aptfiles_list(folder, ".sources", false);

        if (!read_file(main_path, native, sources, problems, error))
                return NULL;
        for (guint i = 0; i < lists->len; i++) {
                if (!read_file(g_ptr_array_index(lists, i), native, sources, problems, error))
                        return NULL;
        }
        for (guint i = 0; i < stanzas->len; i++) {
                if (!read_file(g_ptr_array_index(stanzas, i), native, sources, problems, error))
                        return NULL;
        }
        return g_steal_pointer(&sources);
}

static void
add_once(GPtrArray *list, const char *text)
{
        for (guint i = 0; i < list->len; i++) {
                if (strcmp(g_ptr_array_index(list, i), text) == 0)
                        return;
        }
        g_ptr_array_add(list, g_strdup(text));
}

char **
aptsources_arches(const AptSource *source, const char *const *machine_arches)
{
        const char *const *named = (const char *const *)source->arches;
        const char *const *from = named != NULL ? named : machine_arches;
        g_autoptr(GPtrArray) list = g_ptr_array_new();

        for (guint i = 0; from[i] != NULL; i++)
                add_once(list, from[i]);
        for (guint i = 0; source->arches_add[i] != NULL; i++)
                add_once(list, source->arches_add[i]);
        for (guint i = list->len; i > 0; i--) {
                if (g_strv_contains((const char *const *)source->arches_remove,
                                    g_ptr_array_index(list, i - 1)))
                        g_free(g_ptr_array_remove_index(list, i - 1));
        }
        g_ptr_array_add(list, NULL);
        return (char **)g_ptr_array_steal(list, NULL);
}
