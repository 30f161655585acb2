/* Tests of src/crypto/sitesig.c. */
#include "crypto/sitesig.h"

#include <locale.h>
#include <string.h>

#include "base/io.h"
#include "crypto/hash.h"

#define NOW G_GINT64_CONSTANT(1390067634123000)

typedef struct {
        char *dir;
        SignKey *key;
        SignCert *cert;
} Fixture;

static void
set_up(Fixture *f, gconstpointer unused)
{
        g_autoptr(GError) error = NULL;

        f->dir = g_dir_make_tmp("sitesig-XXXXXX", NULL);
        g_autofree char *path = g_build_filename(f->dir, "site", NULL);

        f->key = sign_key_load_or_make(path, "PS1", 2048, &error);
        g_assert_no_error(error);
        const char *pem = sign_key_cert_pem(f->key);

        f->cert = sign_cert_read(pem, strlen(pem), &error);
        g_assert_no_error(error);
}

static void
tear_down(Fixture *f, gconstpointer unused)
{
        g_assert_true(uk_io_remove_tree(f->dir, NULL));
        sign_key_free(f->key);
        sign_cert_free(f->cert);
        g_free(f->dir);
}

static char *
header_value(Fixture *f)
{
        g_autoptr(GError) error = NULL;
        g_autofree char *line =
                sitesig_header(f->key, "PS1", "POST", "/a?b=1", NOW, "body", 4, &error);

        g_assert_no_error(error);
        g_assert_true(g_str_has_prefix(line, SITESIG_HEADER ": PS1 2014-01-18T17:53:54.123Z "));
        return g_strdup(strchr(line, ' ') + 1);
}

static void
accepted(Fixture *f, gconstpointer unused)
{
        g_autoptr(GError) error = NULL;
        g_autofree char *value = header_value(f);
        g_autofree char *site = NULL;

        g_assert_true(sitesig_check(f->cert, value, "POST", "/a?b=1", NOW + UK_MINUTE, "body", 4,
                                    &site, &error));
        g_assert_no_error(error);
        g_assert_cmpstr(site, ==, "PS1");
}

static void
refused(Fixture *f, const char *value, const char *path, gint64 now, const char *body)
{
        g_autoptr(GError) error = NULL;

        g_assert_false(
                sitesig_check(f->cert, value, "POST", path, now, body, strlen(body), NULL, &error));
        g_assert_error(error, UK_ERROR, UK_ERROR_DENIED);
}

static void
anything_else_is_refused(Fixture *f, gconstpointer unused)
{
        g_autofree char *value = header_value(f);

        refused(f, NULL, "/a?b=1", NOW, "body");
        refused(f, "x", "/a?b=1", NOW, "body");
        refused(f, "PS1 2014-01-18T17:53:54.123Z zz", "/a?b=1", NOW, "body");
        refused(f, value, "/a?b=2", NOW, "body");
        refused(f, value, "/a?b=1", NOW, "bodz");
        refused(f, value, "/a?b=1", NOW + 11 * UK_MINUTE, "body");
        refused(f, value, "/a?b=1", NOW - 11 * UK_MINUTE, "body");
        value[0] = 'Q';
        refused(f, value, "/a?b=1", NOW, "body");
}

int
main(int argc, char **argv)
{
        setlocale(LC_ALL, "C");
        g_test_init(&argc, &argv, NULL);
        g_assert_true(crypto_global_init(NULL));
        g_test_add("/crypto/sitesig/accepted", Fixture, NULL, set_up, accepted, tear_down);
        g_test_add("/crypto/sitesig/anything-else-is-refused", Fixture, NULL, set_up,
                   anything_else_is_refused, tear_down);
        return g_test_run();
}
