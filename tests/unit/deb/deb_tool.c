/* A helper of the Python tests: shows them what our readers read, so that dpkg and apt can judge.
 *
 *   compare                pairs "a b" on standard input to -1, 0, 1 a line
 *   fault                  versions on standard input to "ok" or what is wrong with them
 *   stanzas CHUNK FILE     the file, given in pieces of CHUNK bytes, as "name<TAB>value" lines
 *   status ROOT            "name arch version held" of what is installed
 *   sources ROOT ARCH…     "uri suite component arch" of each index; the first ARCH is native
 *   conf FILE KEY…         the value of each key, a line each
 */
#include "deb/aptconf.h"
#include "deb/aptsources.h"
#include "deb/deb822.h"
#include "deb/dpkgstatus.h"
#include "deb/version.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int
compare(void)
{
        char line[4096];

        while (fgets(line, sizeof line, stdin) != NULL) {
                char *a = line, *b = strchr(line, ' ');

                if (b == NULL)
                        return 2;
                *b++ = '\0';
                b[strcspn(b, "\n")] = '\0';
                int order = version_compare(a, strlen(a), b, strlen(b));

                printf("%d\n", order < 0 ? -1 : order > 0);
        }
        return 0;
}

static int
fault(void)
{
        char line[4096];

        while (fgets(line, sizeof line, stdin) != NULL) {
                const char *what;

                line[strcspn(line, "\n")] = '\0';
                what = version_fault(line, strlen(line));
                printf("%s\n", what != NULL ? what : "ok");
        }
        return 0;
}

static bool
show_stanza(gpointer user, const Deb822Stanza *stanza, GError **error)
{
        for (guint i = 0; i < stanza->count; i++) {
                const Deb822Field *f = &stanza->fields[i];
                g_autofree char *value = slice_dup(f->value);

                printf("%.*s\t%s\n", (int)f->name.size, f->name.text,
                       g_strdelimit(value, "\n", '\f'));
        }
        printf("\n");
        return true;
}

static int
stanzas(gsize chunk, const char *path)
{
        g_autofree char *text = NULL;
        gsize size;
        g_autoptr(GError) error = NULL;
        g_autoptr(Deb822Parser) parser = deb822_parser_new(path, NULL, show_stanza, NULL);

        if (!g_file_get_contents(path, &text, &size, &error))
                goto failed;
        for (gsize at = 0; at < size; at += chunk) {
                if (!deb822_parser_feed(parser, text + at, MIN(chunk, size - at), &error))
                        goto failed;
        }
        if (deb822_parser_end(parser, &error))
                return 0;
failed:
        fprintf(stderr, "%s\n", error->message);
        return 1;
}

static int
status(const char *root)
{
        g_autoptr(GError) error = NULL;
        g_autoptr(DpkgStatus) s = dpkgstatus_read(root, &error);

        if (s == NULL) {
                fprintf(stderr, "%s\n", error->message);
                return 1;
        }
        for (guint i = 0; i < s->count; i++) {
                const DpkgPackage *p = &s->packages[i];

                printf("%.*s %.*s %.*s %d\n", (int)p->name.size, p->name.text, (int)p->arch.size,
                       p->arch.text, (int)p->version.size, p->version.text, p->hold);
        }
        return 0;
}

static int
sources(const char *root, const char *const *arches)
{
        g_autoptr(GError) error = NULL;
        g_autoptr(GPtrArray) problems = g_ptr_array_new_with_free_func(g_free);
        g_autoptr(GPtrArray) list = aptsources_read(root, arches[0], problems, &error);

        for (guint i = 0; list != NULL && i < list->len; i++) {
                const AptSource *s = g_ptr_array_index(list, i);
                g_auto(GStrv) its = aptsources_arches(s, arches);

                for (guint a = 0; its[a] != NULL; a++) {
                        for (guint c = 0; s->components[c] != NULL; c++)
                                printf("%s %s %s %s\n", s->uri, s->suite, s->components[c], its[a]);
                        if (s->flat)
                                printf("%s %s - %s\n", s->uri, s->suite, its[a]);
                }
        }
        for (guint i = 0; i < problems->len; i++)
                fprintf(stderr, "%s\n", (char *)g_ptr_array_index(problems, i));
        return list != NULL ? 0 : 1;
}

static int
conf(const char *path, char **keys)
{
        g_autofree char *text = NULL;
        gsize size;
        g_autoptr(GError) error = NULL;
        g_autoptr(AptConf) c = aptconf_new(NULL);

        if (!g_file_get_contents(path, &text, &size, &error) ||
            !aptconf_add(c, path, text, size, &error)) {
                fprintf(stderr, "%s\n", error->message);
                return 1;
        }
        for (guint i = 0; keys[i] != NULL; i++) {
                const char *value = aptconf_get(c, keys[i]);

                printf("%s\n", value != NULL ? value : "(none)");
        }
        return 0;
}

int
main(int argc, char **argv)
{
        if (argc == 2 && strcmp(argv[1], "compare") == 0)
                return compare();
        if (argc == 2 && strcmp(argv[1], "fault") == 0)
                return fault();
        if (argc == 4 && strcmp(argv[1], "stanzas") == 0)
                return stanzas(strtoul(argv[2], NULL, 10), argv[3]);
        if (argc == 3 && strcmp(argv[1], "status") == 0)
                return status(argv[2]);
        if (argc >= 4 && strcmp(argv[1], "sources") == 0)
                return sources(argv[2], (const char *const *)argv + 3);
        if (argc >= 3 && strcmp(argv[1], "conf") == 0)
                return conf(argv[2], argv + 3);
        return 2;
}
