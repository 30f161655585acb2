/* Tests of src/crypto/sitesig.c. */
#include "crypto/sitesig.h"

#include <locale.h>
#include <string.h>

#include "base/io.h"
#include "crypto/hash.h"
#include "crypto/sign_delegate.h"

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

static const SiteRequest request = { "POST", "/a?b=1", "body", 4 };

static char *
header_value(Fixture *f)
{
        g_autoptr(GError) error = NULL;
        g_autofree char *line = sitesig_header(f->key, "PS1", "dp1", NOW, &request, &error);

        g_assert_no_error(error);
        g_assert_true(g_str_has_prefix(line, SITESIG_HEADER ": PS1 2014-01-18T17:53:54.123Z dp1 "));
        return g_strdup(strchr(line, ' ') + 1);
}

static void
accepted(Fixture *f, gconstpointer unused)
{
        g_autoptr(GError) error = NULL;
        g_autofree char *value = header_value(f);
        g_autofree char *to = NULL;

        g_assert_true(sitesig_check(f->cert, value, NOW + UK_MINUTE, &request, &to, &error));
        g_assert_no_error(error);
        g_assert_cmpstr(to, ==, "dp1");
}

static void
refused(Fixture *f, const char *value, const char *path, gint64 now, const char *body)
{
        g_autoptr(GError) error = NULL;
        const SiteRequest other = { "POST", path, body, strlen(body) };

        g_assert_false(sitesig_check(f->cert, value, now, &other, NULL, &error));
        g_assert_error(error, UK_ERROR, UK_ERROR_DENIED);
}

static void
anything_else_is_refused(Fixture *f, gconstpointer unused)
{
        g_autofree char *value = header_value(f);

        refused(f, NULL, "/a?b=1", NOW, "body");
        refused(f, "x", "/a?b=1", NOW, "body");
        refused(f, "PS1 2014-01-18T17:53:54.123Z dp1 zz", "/a?b=1", NOW, "body");
        refused(f, value, "/a?b=2", NOW, "body");
        refused(f, value, "/a?b=1", NOW, "bodz");
        refused(f, value, "/a?b=1", NOW + 11 * UK_MINUTE, "body");
        refused(f, value, "/a?b=1", NOW - 11 * UK_MINUTE, "body");
        g_autofree char *loud = g_ascii_strup(value, -1); /* else it could be sent twice */
        refused(f, loud, "/a?b=1", NOW, "body");
        g_autofree char *elsewhere = g_strdup(value);
        strstr(elsewhere, " dp1 ")[3] = '2';
        refused(f, elsewhere, "/a?b=1", NOW, "body");
        value[0] = 'Q';
        refused(f, value, "/a?b=1", NOW, "body");
}

/* The site's own signature, without a key for an hour, is taken as well: others make it by other
 * means. */
static void
own_signature(Fixture *f, gconstpointer unused)
{
        g_autoptr(GError) error = NULL;
        const SiteRequest plain = { "POST", "/a", "body", 4 };
        g_autofree char *hash = hash_sha256_hex("body", 4);
        g_autofree char *text =
                g_strdup_printf("PS1\ndp1\nPOST\n/a\n2014-01-18T17:53:54.123Z\n%s\n", hash);
        g_autoptr(GBytes) signature = sign_data(f->key, text, strlen(text), &error);

        g_assert_no_error(error);
        g_autofree char *hex =
                hash_hex(g_bytes_get_data(signature, NULL), g_bytes_get_size(signature));
        g_autofree char *value = g_strdup_printf("PS1 2014-01-18T17:53:54.123Z dp1 %s", hex);
        g_assert_true(sitesig_check(f->cert, value, NOW, &plain, NULL, &error));
        g_assert_no_error(error);
}

/* Parts of two headers do not make a third, whoever the key for an hour belongs to. */
static void
mixed_parts_are_refused(Fixture *f, gconstpointer unused)
{
        g_autoptr(GError) error = NULL;
        g_autofree char *path = g_build_filename(f->dir, "other", NULL);
        g_autoptr(SignKey) other = sign_key_load_or_make(path, "PS2", 2048, &error);

        g_assert_no_error(error);
        g_autofree char *foreign = sitesig_header(other, "PS1", "dp1", NOW, &request, &error);
        g_assert_no_error(error);
        g_autofree char *own = header_value(f);
        g_auto(GStrv) a = g_strsplit(own, " ", -1);
        g_auto(GStrv) b = g_strsplit(strchr(foreign, ' ') + 1, " ", -1);

        g_assert_cmpuint(g_strv_length(a), ==, 7);
        /* Also when the site's own key for an hour has been proved before. */
        g_assert_true(sitesig_check(f->cert, own, NOW, &request, NULL, &error));
        g_assert_no_error(error);
        for (guint mask = 1; mask < 128; mask++) {
                g_autofree char *value = g_strdup_printf(
                        "%s %s %s %s %s %s %s", a[0], a[1], a[2], mask & 8 ? b[3] : a[3],
                        mask & 16 ? b[4] : a[4], a[5], mask & 64 ? b[6] : a[6]);

                if ((mask & 88) != 0)
                        refused(f, value, "/a?b=1", NOW, "body");
        }
        /* A key for an hour is no longer good after it. */
        g_autofree char *late =
                g_strdup_printf("%s %s %s %s %s %s %s", a[0], "2014-01-18T19:53:54.123Z", a[2],
                                a[3], a[4], a[5], a[6]);
        refused(f, late, "/a?b=1", NOW + 2 * UK_HOUR, "body");
        /* Nor is it made good for longer. */
        g_autofree char *longer = g_strdup_printf("%s %s %s %s %s %s %s", a[0], a[1], a[2], a[3],
                                                  a[4], "2014-01-18T18:54:54.123Z", a[6]);
        refused(f, longer, "/a?b=1", NOW, "body");
}

/* RFC 8032, 7.1, test 3. */
static void
known_signature(void)
{
        guint8 half[SIGN_DELEGATE_KEY], signature[SIGN_DELEGATE_SIGNATURE];
        static const guint8 message[] = { 0xaf, 0x82 };
        static const char half_hex[] =
                "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025";
        static const char signature_hex[] =
                "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac"
                "18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a";

        g_assert_true(hash_from_hex(half_hex, strlen(half_hex), half, sizeof half));
        g_assert_true(
                hash_from_hex(signature_hex, strlen(signature_hex), signature, sizeof signature));
        g_assert_true(sign_delegate_verify(half, message, sizeof message, signature, NULL));
        signature[0] ^= 1;
        g_assert_false(sign_delegate_verify(half, message, sizeof message, signature, NULL));
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
        g_test_add("/crypto/sitesig/own-signature", Fixture, NULL, set_up, own_signature,
                   tear_down);
        g_test_add("/crypto/sitesig/mixed-parts-are-refused", Fixture, NULL, set_up,
                   mixed_parts_are_refused, tear_down);
        g_test_add_func("/crypto/sitesig/known-signature", known_signature);
        return g_test_run();
}
