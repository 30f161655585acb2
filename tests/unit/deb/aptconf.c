/* Tests of src/deb/aptconf.c; the syntax against apt-config: aptconf_apt.py. */
#include "deb/aptconf.h"

#include <string.h>

#include "root.h"

static void
add(AptConf *conf, const char *text)
{
        g_autoptr(GError) error = NULL;

        g_assert_true(aptconf_add(conf, "f", text, strlen(text), &error));
        g_assert_no_error(error);
}

static void
proxies(void)
{
        static const char *const environment[] = { "http_proxy=http://env:1",
                                                   "no_proxy=.internal,h2", NULL };
        g_autoptr(AptConf) conf = aptconf_new(environment);

        g_assert_cmpstr(aptconf_proxy(conf, "http", "a"), ==, "http://env:1");
        g_assert_cmpstr(aptconf_proxy(conf, "https", "a"), ==, "http://env:1");
        add(conf, "Acquire { http { Proxy \"http://p:3128\"; Proxy::direct.example \"DIRECT\";\n"
                  "Proxy::h1 \"http://one:1/\"; } };");
        g_assert_cmpstr(aptconf_proxy(conf, "http", "a"), ==, "http://p:3128");
        g_assert_cmpstr(aptconf_proxy(conf, "https", "a"), ==, "http://p:3128");
        g_assert_cmpstr(aptconf_proxy(conf, "http", "h1"), ==, "http://one:1/");
        g_assert_null(aptconf_proxy(conf, "http", "direct.example"));
        g_assert_null(aptconf_proxy(conf, "http", "x.internal"));
        g_assert_null(aptconf_proxy(conf, "http", "h2"));
        add(conf, "acquire::HTTPS::proxy \"http://s:2\";");
        g_assert_cmpstr(aptconf_proxy(conf, "https", "a"), ==, "http://s:2");
        g_assert_cmpstr(aptconf_proxy(conf, "http", "a"), ==, "http://p:3128");
        add(conf, "#clear Acquire::http::Proxy;\nAcquire::http::Proxy DIRECT;");
        g_assert_null(aptconf_proxy(conf, "http", "h1"));
}

static void
switches(void)
{
        g_autoptr(AptConf) conf = aptconf_new(NULL);

        add(conf, "Acquire::Check-Valid-Until \"false\"; A on; B \"nonsense\";");
        g_assert_false(aptconf_bool(conf, "acquire::check-valid-until", true));
        g_assert_true(aptconf_bool(conf, "A", false));
        g_assert_true(aptconf_bool(conf, "B", true));
        g_assert_false(aptconf_bool(conf, "C", false));
        g_assert_null(aptconf_get(conf, "C"));
}

static void
refused(void)
{
        static const char *const rows[][2] = {
                { "A {\nB \"x;\n", "f: line 2: a quotation mark has no partner" },
                { "A { B 1;", "f: a block is not closed" },
                { "A 1;\n};", "f: line 2 closes a block, but none is open" },
                { "\n/* never", "f: the comment that begins in line 2 has no end" },
        };

        for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
                g_autoptr(AptConf) conf = aptconf_new(NULL);
                g_autoptr(GError) error = NULL;

                g_assert_false(aptconf_add(conf, "f", rows[i][0], strlen(rows[i][0]), &error));
                g_assert_cmpstr(error->message, ==, rows[i][1]);
        }
}

static void
files(void)
{
        char *root = root_new();
        g_autoptr(GError) error = NULL;

        root_put(root, "etc/apt/apt.conf.d/20two", "A 2; B 2; C 2;");
        root_put(root, "etc/apt/apt.conf.d/10one.conf", "A 1; B 1; D 1;");
        root_put(root, "etc/apt/apt.conf.d/30no.bak", "A 3;");
        root_put(root, "etc/apt/apt.conf", "A main;");
        g_autoptr(AptConf) conf = aptconf_read(root, NULL, &error);
        g_assert_no_error(error);
        g_assert_cmpstr(aptconf_get(conf, "A"), ==, "main");
        g_assert_cmpstr(aptconf_get(conf, "B"), ==, "2");
        g_assert_cmpstr(aptconf_get(conf, "D"), ==, "1");
        root_free(root);
}

int
main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/deb/aptconf/proxies-DEB-010", proxies);
        g_test_add_func("/deb/aptconf/switches", switches);
        g_test_add_func("/deb/aptconf/refused", refused);
        g_test_add_func("/deb/aptconf/files", files);
        return g_test_run();
}
