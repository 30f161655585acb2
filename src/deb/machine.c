/* machine.c - os-release, apt's lists, and the rules of products over them. */
#include "deb/machine.h"

#include <string.h>

#include "base/io.h"
#include "deb/aptsources.h"

#define OS_RELEASE_MAX (64 * 1024)
#define RELEASE_MAX    (64 * 1024 * 1024)

static void
origin_free(gpointer data)
{
        DebOrigin *origin = data;

        g_free(origin->place);
        g_free(origin->origin);
        g_free(origin->codename);
        g_free(origin);
}

void
machine_free(DebMachine *machine)
{
        if (machine == NULL)
                return;
        g_free(machine->os_id);
        g_free(machine->os_codename);
        g_free(machine->os_version);
        dpkgstatus_free(machine->status);
        if (machine->origins != NULL)
                g_ptr_array_unref(machine->origins);
        g_free(machine);
}

/* The value of NAME=value in a shell-like text, quotes taken off; "" if there is none. */
static char *
os_release_value(const char *text, const char *name)
{
        g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
        gsize size = strlen(name);
        char *value = NULL;

        for (guint i = 0; lines[i] != NULL; i++) {
                char *line = g_strstrip(lines[i]);

                if (strncmp(line, name, size) != 0 || line[size] != '=')
                        continue;
                g_free(value);
                value = g_shell_unquote(line + size + 1, NULL);
        }
        return value != NULL ? value : g_strdup("");
}

static void
read_os_release(DebMachine *machine, const char *root)
{
        static const char *const files[] = { "etc/os-release", "usr/lib/os-release" };
        g_autofree char *text = NULL;
        gsize size;

        for (guint i = 0; i < G_N_ELEMENTS(files) && text == NULL; i++) {
                g_autofree char *path = g_build_filename(root, files[i], NULL);

                if (!uk_io_read(path, OS_RELEASE_MAX, &text, &size, NULL))
                        text = NULL;
        }
        machine->os_id = os_release_value(text != NULL ? text : "", "ID");
        machine->os_codename = os_release_value(text != NULL ? text : "", "VERSION_CODENAME");
        machine->os_version = os_release_value(text != NULL ? text : "", "VERSION_ID");
}

char *
machine_place(const char *uri, const char *suite)
{
        const char *rest = strstr(uri, "://");
        const char *at;
        g_autofree char *copy = g_strdup(rest != NULL ? rest + 3 : uri);
        gsize size = strlen(copy);

        while (size > 0 && copy[size - 1] == '/')
                copy[--size] = '\0';
        at = strchr(copy, '@');
        if (at != NULL && memchr(copy, '/', (gsize)(at - copy)) == NULL)
                return g_strconcat(at + 1, " ", suite, NULL);
        return g_strconcat(copy, " ", suite, NULL);
}

char *
machine_release_of(const char *suite)
{
        static const char *const pockets[] = {
                "-backports-sloppy", "-proposed-updates", "-security", "-updates",
                "-backports",        "-proposed",         "/updates",
        };

        for (guint i = 0; i < G_N_ELEMENTS(pockets); i++) {
                if (g_str_has_suffix(suite, pockets[i]) && strlen(suite) > strlen(pockets[i]))
                        return g_strndup(suite, strlen(suite) - strlen(pockets[i]));
        }
        return g_strdup(suite);
}

/* The name apt gives the list file of a URL: no scheme, odd characters as %xx, '/' as '_'. */
static char *
list_name(const char *url)
{
        const char *rest = strstr(url, "://");
        GString *name = g_string_new(NULL);

        for (const char *p = rest != NULL ? rest + 3 : url; *p != '\0'; p++) {
                if (*p == '/')
                        g_string_append_c(name, '_');
                else if (strchr("\\|{}[]<>\"^~_=!@#$%&*", *p) != NULL || (guchar)*p <= 0x20 ||
                         (guchar)*p >= 0x7f)
                        g_string_append_printf(name, "%%%02x", (guchar)*p);
                else
                        g_string_append_c(name, *p);
        }
        return g_string_free(name, FALSE);
}

/* A field of the head of a Release file, signed or not; "" if there is none. */
static char *
release_value(const char *text, const char *name)
{
        static const char signature[] = "-----BEGIN PGP SIGNED MESSAGE-----";
        gsize size = strlen(name);

        if (g_str_has_prefix(text, signature)) {
                const char *body = strstr(text, "\n\n");

                text = body != NULL ? body + 2 : "";
        }
        while (*text != '\0' && *text != '\n' && *text != '-') {
                const char *end = strchrnul(text, '\n');

                if (g_ascii_strncasecmp(text, name, size) == 0 && text[size] == ':') {
                        char *value = g_strndup(text + size + 1, (gsize)(end - text) - size - 1);

                        return g_strstrip(value);
                }
                text = *end == '\n' ? end + 1 : end;
        }
        return g_strdup("");
}

static char *
read_release(const char *root, const AptSource *source)
{
        static const char *const names[] = { "InRelease", "Release" };
        const char *suite = strcmp(source->suite, "/") == 0 ? "" : source->suite;

        for (guint i = 0; i < G_N_ELEMENTS(names); i++) {
                g_autofree char *url =
                        source->flat
                                ? g_strconcat(source->uri, suite, names[i], NULL)
                                : g_strconcat(source->uri, "dists/", suite, "/", names[i], NULL);
                g_autofree char *name = list_name(url);
                g_autofree char *path = g_build_filename(root, "var/lib/apt/lists", name, NULL);
                char *text = NULL;
                gsize size;

                if (uk_io_read(path, RELEASE_MAX, &text, &size, NULL))
                        return text;
        }
        return g_strdup("");
}

static void
read_origins(DebMachine *machine, const char *root)
{
        g_autoptr(GPtrArray) sources = aptsources_read(root, machine->status->native, NULL, NULL);

        machine->origins = g_ptr_array_new_with_free_func(origin_free);
        for (guint i = 0; sources != NULL && i < sources->len; i++) {
                const AptSource *source = g_ptr_array_index(sources, i);
                DebOrigin *origin = g_new0(DebOrigin, 1);
                g_autofree char *release = read_release(root, source);
                g_autofree char *codename = release_value(release, "Codename");

                if (*codename == '\0') {
                        g_free(codename);
                        codename = release_value(release, "Suite");
                }
                origin->place = machine_place(source->uri, source->suite);
                origin->origin = release_value(release, "Origin");
                origin->codename = machine_release_of(codename);
                g_ptr_array_add(machine->origins, origin);
        }
}

DebMachine *
machine_read(const char *root, GError **error)
{
        g_autoptr(DebMachine) machine = g_new0(DebMachine, 1);

        machine->status = dpkgstatus_read(root, error);
        if (machine->status == NULL)
                return NULL;
        read_os_release(machine, root);
        read_origins(machine, root);
        return g_steal_pointer(&machine);
}

static bool
names_source(const DebMachine *machine, const char *origin, const char *codename)
{
        for (guint i = 0; i < machine->origins->len; i++) {
                const DebOrigin *o = g_ptr_array_index(machine->origins, i);

                if (strcmp(o->origin, origin) == 0 && strcmp(o->codename, codename) == 0)
                        return true;
        }
        return false;
}

static bool
names_place(const DebMachine *machine, const char *place, const char *suite)
{
        g_autofree char *both = g_strconcat(place, " ", suite, NULL);

        for (guint i = 0; i < machine->origins->len; i++) {
                const DebOrigin *o = g_ptr_array_index(machine->origins, i);

                if (strcmp(o->place, both) == 0)
                        return true;
        }
        return false;
}

static bool
is_os(const DebMachine *machine, const char *id, const char *codename, const char *version)
{
        if (strcmp(machine->os_id, id) != 0)
                return false;
        if (*machine->os_codename != '\0')
                return strcmp(machine->os_codename, codename) == 0;
        return *version != '\0' && strcmp(machine->os_version, version) == 0;
}

bool
machine_matches(const DebMachine *machine, const char *rule, bool *matches_out, GError **error)
{
        g_auto(GStrv) lines = g_strsplit(rule, "\n", -1);
        bool matches = false;

        for (guint i = 0; lines[i] != NULL; i++) {
                g_auto(GStrv) f = g_strsplit(lines[i], "\t", -1);
                guint count = g_strv_length(f);

                if (*lines[i] == '\0')
                        continue;
                if (count == 4 && strcmp(f[0], "os") == 0)
                        matches |= is_os(machine, f[1], f[2], f[3]);
                else if (count == 3 && strcmp(f[0], "source") == 0)
                        matches |= names_source(machine, f[1], f[2]);
                else if (count == 3 && strcmp(f[0], "place") == 0)
                        matches |= names_place(machine, f[1], f[2]);
                else
                        return uk_fail(error, UK_ERROR_PARSE, "the rule \"%s\" is of no known kind",
                                       lines[i]);
        }
        *matches_out = matches;
        return true;
}
