/* Tests of src/deb/dpkgstatus.c. What counts as installed against libapt: dpkgstatus_apt.py. */
#include "deb/dpkgstatus.h"

#include <string.h>

#include "root.h"

static const char status_text[] =
        "Package: dpkg\nStatus: install ok installed\nArchitecture: amd64\nVersion: 1.21.22\n\n"
        "Package: b\nStatus: hold ok installed\nArchitecture: all\nVersion: 2-1+b1\n"
        "Source: src (2-1)\nInstalled-Size: 12\nDepends: libc6 (>= 2)\n\n"
        "Package: a\nStatus: deinstall ok config-files\nArchitecture: amd64\nVersion: 1\n\n"
        "Package: a\nStatus: install ok half-installed\nArchitecture: i386\n\n"
        "Package: a\nStatus: purge reinstreq half-configured\nArchitecture: arm64\nVersion: 3\n\n"
        "Package: b\nStatus: install ok unpacked\nArchitecture: all\nVersion: 2-2\nSource: other\n";

static void
installed(void)
{
        char *root = root_new();
        g_autoptr(GError) error = NULL;

        root_put(root, "var/lib/dpkg/status", status_text);
        root_put(root, "var/lib/dpkg/arch", "amd64\ni386\n\n");
        g_autoptr(DpkgStatus) status = dpkgstatus_read(root, &error);
        g_assert_no_error(error);
        g_assert_cmpstr(status->native, ==, "amd64");
        g_assert_cmpstr(status->foreign[0], ==, "i386");
        g_assert_null(status->foreign[1]);
        g_assert_cmpuint(status->count, ==, 3);
        g_assert_cmpuint(status->not_installed, ==, 2);
        const DpkgPackage *a = &status->packages[0], *b = &status->packages[1];

        g_assert_true(slice_equal(a->name, "a") && slice_equal(a->arch, "arm64"));
        g_assert_true(a->reinstreq && !a->hold && !a->configured);
        g_assert_true(slice_equal(b->name, "b") && slice_equal(b->version, "2-2"));
        g_assert_true(slice_equal(b->source, "other") && slice_equal(b->source_version, "2-2"));
        g_assert_true(slice_equal(status->packages[2].name, "dpkg"));
        g_assert_true(dpkgstatus_has_arch(status, "amd64") && dpkgstatus_has_arch(status, "i386"));
        g_assert_false(dpkgstatus_has_arch(status, "arm64"));
        root_free(root);
}

static void
held(void)
{
        g_autoptr(GError) error = NULL;
        g_autofree char *text =
                g_strndup(status_text, (gsize)(strstr(status_text, "Package: a") - status_text));
        g_autoptr(DpkgStatus) status = dpkgstatus_parse(text, strlen(text), &error);
        const DpkgPackage *b = &status->packages[0];

        g_assert_true(b->hold && b->configured);
        g_assert_true(slice_equal(b->source, "src") && slice_equal(b->source_version, "2-1"));
        g_assert_cmpuint(b->marks.size, ==, 6);
}

/* Images without dpkg: a stanza a file, no Status field, lists of hashes beside them. */
static void
status_folder(void)
{
        char *root = root_new();
        g_autoptr(GError) error = NULL;

        root_put(root, "var/lib/dpkg/status.d/libc6",
                 "Package: libc6\nVersion: 2.36-9\nArchitecture: arm64\n");
        root_put(root, "var/lib/dpkg/status.d/base",
                 "Package: base-files\nVersion: 12\nArchitecture: all\n");
        root_put(root, "var/lib/dpkg/status.d/base.md5sums", "no stanza\n");
        g_autoptr(DpkgStatus) status = dpkgstatus_read(root, &error);
        g_assert_no_error(error);
        g_assert_cmpuint(status->count, ==, 2);
        g_assert_cmpstr(status->native, ==, "arm64");
        root_free(root);
}

static void
refused(void)
{
        char *root = root_new();
        g_autoptr(GError) nothing = NULL, bad = NULL;
        g_autofree char *expected =
                g_strdup_printf("%s/var/lib/dpkg/status: line 3 is not \"Name: value\"", root);

        g_assert_null(dpkgstatus_read(root, &nothing));
        g_assert_error(nothing, UK_ERROR, UK_ERROR_NOT_FOUND);
        root_put(root, "var/lib/dpkg/status", "Package: a\n\nnonsense\n");
        g_assert_null(dpkgstatus_read(root, &bad));
        g_assert_error(bad, UK_ERROR, UK_ERROR_PARSE);
        g_assert_cmpstr(bad->message, ==, expected);
        root_free(root);
}

int
main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/deb/dpkgstatus/installed-DEB-033", installed);
        g_test_add_func("/deb/dpkgstatus/held-DEB-033", held);
        g_test_add_func("/deb/dpkgstatus/status-folder-DEB-040", status_folder);
        g_test_add_func("/deb/dpkgstatus/refused-DEB-040", refused);
        return g_test_run();
}
