/* Tests of src/deb/aptsources.c; against apt itself: aptsources_apt.py. */
#include "deb/aptsources.h"

#include <string.h>

#include "root.h"

static char *
join(char **words)
{
        return words != NULL ? g_strjoinv(",", words) : g_strdup("-");
}

/* One source a line: "uri suite components [arches +added -removed] {signed} valid by-hash". */
static char *
show(GPtrArray *sources)
{
        GString *out = g_string_new(NULL);

        for (guint i = 0; i < sources->len; i++) {
                const AptSource *s = g_ptr_array_index(sources, i);
                g_autofree char *components = join(s->components), *arches = join(s->arches);
                g_autofree char *add = join(s->arches_add), *remove = join(s->arches_remove);

                g_string_append_printf(out, "%s %s %s [%s +%s -%s] {%s} %d %d\n", s->uri, s->suite,
                                       components, arches, add, remove,
                                       s->signed_by != NULL ? s->signed_by : "",
                                       s->check_valid_until, s->by_hash);
        }
        return g_string_free(out, FALSE);
}

static void
check(const char *text, bool stanzas, const char *expected, const char *problems_expected)
{
        g_autoptr(GPtrArray) sources =
                g_ptr_array_new_with_free_func((GDestroyNotify)aptsources_source_free);
        g_autoptr(GPtrArray) problems = g_ptr_array_new_with_free_func(g_free);
        g_autofree char *got = NULL, *got_problems = NULL;

        if (stanzas)
                aptsources_parse_stanzas("f", text, strlen(text), "amd64", sources, problems);
        else
                aptsources_parse_list("f", text, strlen(text), "amd64", sources, problems);
        got = show(sources);
        g_ptr_array_add(problems, NULL);
        got_problems = g_strjoinv("\n", (char **)problems->pdata);
        g_assert_cmpstr(got, ==, expected);
        g_assert_cmpstr(got_problems, ==, problems_expected);
}

static void
one_line(void)
{
        check("# comment\n"
              "deb http://archive.example.org/debian bookworm main contrib # rest\n"
              "deb-src http://archive.example.org/debian bookworm main\n"
              "  deb [ arch=amd64,i386 signed-by=/a.gpg,/b.gpg ] https://h/x/ s c\n"
              "deb [arch+=arm64 arch-=i386 check-valid-until=no by-hash=force] file:/m/ s c\n"
              "deb copy:///m/ $(ARCH)/\n"
              "deb http://flat ./\n",
              false,
              "http://archive.example.org/debian/ bookworm main,contrib [- + -] {} -1 -1\n"
              "https://h/x/ s c [amd64,i386 + -] {/a.gpg /b.gpg} -1 -1\n"
              "file:///m/ s c [- +arm64 -i386] {} 0 -1\n"
              "file:///m/ amd64/  [- + -] {} -1 -1\n"
              "http://flat/ ./  [- + -] {} -1 -1\n",
              "");
}

static void
one_line_problems(void)
{
        check("deb http://a s\ndeb [x http://a s c\nrpm http://a s c\ndeb ftp://a s c\n"
              "deb http://a ./ c\ndeb http://a\ndeb http://good s c",
              false, "http://good/ s c [- + -] {} -1 -1\n",
              "f:1: the suite s has no components\n"
              "f:2: not of the form \"deb [options] URI suite components\"\n"
              "f:3: not of the form \"deb [options] URI suite components\"\n"
              "f:4: ftp://a is not fetched: only http, https and file are\n"
              "f:5: the suite ./ ends in a slash and has components all the same\n"
              "f:6: not of the form \"deb [options] URI suite components\"");
}

static void
stanza_form(void)
{
        check("# first\nTypes: deb deb-src\nURIs: http://a\n# between\n http://b/\n"
              "Suites: s s-updates\nComponents: main\n non-free\nSigned-By: /k.gpg\n"
              "Architectures: amd64\n\n"
              "Types: deb\nURIs: http://off\nSuites: s\nComponents: c\nEnabled: no\n\n"
              "Types: deb-src\nURIs: http://src\nSuites: s\nComponents: c\n\n"
              "Enabled: yes\nTypes: deb\nURIs: http://flat\nSuites: /\nBy-Hash: no\n"
              "Check-Valid-Until: No\n",
              true,
              "http://a/ s main,non-free [amd64 + -] {/k.gpg} -1 -1\n"
              "http://a/ s-updates main,non-free [amd64 + -] {/k.gpg} -1 -1\n"
              "http://b/ s main,non-free [amd64 + -] {/k.gpg} -1 -1\n"
              "http://b/ s-updates main,non-free [amd64 + -] {/k.gpg} -1 -1\n"
              "http://flat/ /  [- + -] {} 0 0\n",
              "");
}

static void
stanza_problems(void)
{
        check("Types: deb\nURIs: http://a\n\nTypes: deb\nURIs: mirror://x http://b\nSuites: s\n"
              "Components: c\n",
              true, "http://b/ s c [- + -] {} -1 -1\n",
              "f:1: a source needs a type, a URI and a suite\n"
              "f:4: mirror://x is not fetched: only http, https and file are");
        check("Types: deb\nURIs: http://a\nSuites: s\nComponents: c\n\nnonsense\n", true,
              "http://a/ s c [- + -] {} -1 -1\n", "f: line 6 is not \"Name: value\"");
}

static void
key_in_the_file(void)
{
        check("Types: deb\nURIs: http://a\nSuites: s\nComponents: c\nSigned-By:\n"
              " -----BEGIN PGP PUBLIC KEY BLOCK-----\n .\n mQENB\n"
              " -----END PGP PUBLIC KEY BLOCK-----\n",
              true,
              "http://a/ s c [- + -] {-----BEGIN PGP PUBLIC KEY BLOCK-----\n .\n mQENB\n"
              " -----END PGP PUBLIC KEY BLOCK-----} -1 -1\n",
              "");
}

static void
whole_machine(void)
{
        char *root = root_new();
        g_autoptr(GError) error = NULL;

        root_put(root, "etc/apt/sources.list", "deb http://1 s c\n");
        root_put(root, "etc/apt/sources.list.d/b.list", "deb http://3 s c\n");
        root_put(root, "etc/apt/sources.list.d/a.list", "deb http://2 s c\n");
        root_put(root, "etc/apt/sources.list.d/z.sources",
                 "Types: deb\nURIs: http://4\nSuites: s\nComponents: c\n");
        root_put(root, "etc/apt/sources.list.d/a b.list", "deb http://no s c\n");
        root_put(root, "etc/apt/sources.list.d/a.list.save", "deb http://no s c\n");
        g_autoptr(GPtrArray) sources = aptsources_read(root, "amd64", NULL, &error);
        g_assert_no_error(error);
        g_autofree char *got = show(sources);
        g_assert_cmpstr(got, ==,
                        "http://1/ s c [- + -] {} -1 -1\nhttp://2/ s c [- + -] {} -1 -1\n"
                        "http://3/ s c [- + -] {} -1 -1\nhttp://4/ s c [- + -] {} -1 -1\n");
        root_free(root);
}

static void
arches(void)
{
        static const char *const machine[] = { "amd64", "i386", NULL };
        static const char text[] = "deb http://a s c\ndeb [arch=arm64] http://a s c\n"
                                   "deb [arch+=armhf,i386 arch-=amd64] http://a s c\n";
        static const char *const expected[] = { "amd64,i386", "arm64", "i386,armhf" };
        g_autoptr(GPtrArray) sources =
                g_ptr_array_new_with_free_func((GDestroyNotify)aptsources_source_free);

        aptsources_parse_list("f", text, strlen(text), "amd64", sources, NULL);
        g_assert_cmpuint(sources->len, ==, 3);
        for (guint i = 0; i < 3; i++) {
                g_auto(GStrv) list = aptsources_arches(g_ptr_array_index(sources, i), machine);
                g_autofree char *got = join(list);

                g_assert_cmpstr(got, ==, expected[i]);
        }
}

int
main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/deb/aptsources/one-line-DEB-010", one_line);
        g_test_add_func("/deb/aptsources/one-line-problems-DEB-010", one_line_problems);
        g_test_add_func("/deb/aptsources/stanza-form-DEB-010", stanza_form);
        g_test_add_func("/deb/aptsources/stanza-problems-DEB-010", stanza_problems);
        g_test_add_func("/deb/aptsources/key-in-the-file-DEB-011", key_in_the_file);
        g_test_add_func("/deb/aptsources/whole-machine-DEB-010", whole_machine);
        g_test_add_func("/deb/aptsources/arches-DEB-010", arches);
        return g_test_run();
}
