/* Tests of src/deb/aptauth.c. */
#include "deb/aptauth.h"

#include <string.h>

#include "root.h"

static void
finds(void)
{
        static const char text[] = "# comment with machine words\n"
                                   "machine example.org login u1 password p1\n"
                                   "machine http://plain.example.org login u2 password p2\n"
                                   "machine example.net:8443/debian\n login u3\n password p3\n"
                                   "machine example.net login u4 password p4 machine cut.example";
        static const struct {
                const char *url, *expected;
        } rows[] = {
                { "https://example.org/debian/", "u1:p1" },
                { "http://example.org/debian/", NULL },
                { "http://plain.example.org/x", "u2:p2" },
                { "https://plain.example.org/x", NULL },
                { "https://example.net:8443/debian/dists/", "u3:p3" },
                { "https://example.net:8443/debian", "u3:p3" },
                { "https://example.net:8443/debian-security/", "u4:p4" },
                { "https://example.net/debian/", "u4:p4" },
                { "https://cut.example/", NULL },
                { "https://other.example/", NULL },
                { "not a url", NULL },
        };
        g_autoptr(AptAuth) auth = aptauth_parse(text, strlen(text));

        for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
                g_autofree char *got = aptauth_find(auth, rows[i].url);

                g_assert_cmpstr(got, ==, rows[i].expected);
        }
}

static void
files(void)
{
        char *root = root_new();
        g_autoptr(GPtrArray) problems = g_ptr_array_new_with_free_func(g_free);

        root_put(root, "etc/apt/auth.conf", "machine a login x password y\n");
        root_put(root, "etc/apt/auth.conf.d/b.conf", "machine b login x password z\n");
        root_put(root, "etc/apt/auth.conf.d/b.old", "machine c login x password z\n");
        g_autoptr(AptAuth) auth = aptauth_read(root, problems);
        g_autofree char *a = aptauth_find(auth, "https://a/"),
                        *b = aptauth_find(auth, "https://b/");

        g_assert_cmpstr(a, ==, "x:y");
        g_assert_cmpstr(b, ==, "x:z");
        g_assert_null(aptauth_find(auth, "https://c/"));
        g_assert_cmpuint(problems->len, ==, 0);
        root_free(root);
}

int
main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/deb/aptauth/finds-DEB-010", finds);
        g_test_add_func("/deb/aptauth/files-DEB-010", files);
        return g_test_run();
}
