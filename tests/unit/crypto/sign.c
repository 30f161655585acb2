/* Tests of src/crypto/sign.c and sign_make.c; the judges are openssl and certtool. */
#include "crypto/sign.h"

#include <locale.h>
#include <string.h>
#include <sys/stat.h>

#include <glib/gstdio.h>

#include "base/fault.h"
#include "crypto/hash.h"

#define MESSAGE "the body of a policy"

typedef struct {
        char *dir;
        char *path; /* of the key, without extension */
        char *key;
        char *cert;
} Fixture;

static void
setup(Fixture *f, gconstpointer data)
{
        f->dir = g_dir_make_tmp("uk-sign-XXXXXX", NULL);
        f->path = g_build_filename(f->dir, "site", NULL);
        f->key = g_strconcat(f->path, ".key", NULL);
        f->cert = g_strconcat(f->path, ".crt", NULL);
}

static void
teardown(Fixture *f, gconstpointer data)
{
        const char *argv[] = { "rm", "-rf", f->dir, NULL };

        uk_fault_set(NULL);
        g_spawn_sync(NULL, (char **)argv, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL, NULL, NULL, NULL,
                     NULL);
        g_free(f->dir);
        g_free(f->path);
        g_free(f->key);
        g_free(f->cert);
}

/* Standard output of a program that must succeed; NULL (and the case is skipped) without it. */
static char *
judge(const char *const *argv)
{
        g_autofree char *found = g_find_program_in_path(argv[0]);
        char *out = NULL, *err = NULL;
        int status = -1;

        if (found == NULL) {
                g_test_skip(argv[0]);
                return NULL;
        }
        g_assert_true(g_spawn_sync(NULL, (char **)argv, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL, &out,
                                   &err, &status, NULL));
        if (status != 0)
                g_error("%s %s: %s%s", argv[0], argv[1], out, err);
        g_free(err);
        return out;
}

static SignKey *
make(Fixture *f)
{
        g_autoptr(GError) error = NULL;
        SignKey *key = sign_key_load_or_make(f->path, "ps1.example.test", 2048, &error);

        g_assert_no_error(error);
        g_assert_nonnull(key);
        return key;
}

static void
made_then_loaded(Fixture *f, gconstpointer data)
{
        g_autoptr(SignKey) made = make(f);
        g_autoptr(SignKey) again = make(f);
        g_autoptr(SignKey) loaded = sign_key_load(f->path, NULL);
        GStatBuf info;

        g_assert_nonnull(loaded);
        g_assert_cmpstr(sign_key_cert_pem(made), ==, sign_key_cert_pem(again));
        g_assert_cmpstr(sign_key_cert_pem(made), ==, sign_key_cert_pem(loaded));
        g_assert_cmpint(g_stat(f->key, &info), ==, 0);
        g_assert_cmpint(info.st_mode & 07777, ==, 0600);
        g_assert_cmpint(g_stat(f->cert, &info), ==, 0);
        g_assert_cmpint(info.st_mode & 07777, ==, 0644);
}

static void
certificate_as_certtool_reads_it(Fixture *f, gconstpointer data)
{
        g_autoptr(SignKey) key = make(f);
        const char *argv[] = { "certtool", "--certificate-info", "--infile", f->cert, NULL };
        g_autofree char *text = judge(argv);
        const char *pem = sign_key_cert_pem(key);
        g_autoptr(SignCert) cert = sign_cert_read(pem, strlen(pem), NULL);

        if (text == NULL)
                return;
        g_autofree char *print = sign_cert_fingerprint(cert);
        g_autofree char *name = sign_cert_name(cert);
        g_autofree char *expected = g_strconcat("sha256:", print, NULL);
        g_assert_cmpstr(name, ==, "ps1.example.test");
        g_assert_nonnull(strstr(text, expected));
        g_assert_nonnull(strstr(text, "Subject: CN=ps1.example.test"));
        g_assert_nonnull(strstr(text, "DNSname: ps1.example.test"));
        g_assert_nonnull(strstr(text, "Signature Algorithm: RSA-SHA256"));
        g_assert_nonnull(strstr(text, "2048 bits"));
}

/* openssl must accept our signature, and we must accept openssl's. */
static void
signatures_with_openssl(Fixture *f, gconstpointer data)
{
        g_autoptr(SignKey) key = make(f);
        g_autofree char *message = g_build_filename(f->dir, "message", NULL);
        g_autofree char *sig = g_build_filename(f->dir, "sig", NULL);
        g_autofree char *theirs = g_build_filename(f->dir, "theirs", NULL);
        g_autofree char *public = g_build_filename(f->dir, "public", NULL);
        g_autoptr(GBytes) ours = sign_data(key, MESSAGE, strlen(MESSAGE), NULL);
        gsize size;
        const char *bytes = g_bytes_get_data(ours, &size);

        g_assert_true(g_file_set_contents(message, MESSAGE, -1, NULL));
        g_assert_true(g_file_set_contents(sig, bytes, (gssize)size, NULL));
        const char *extract[] = { "openssl", "x509", "-in",  f->cert, "-noout",
                                  "-pubkey", "-out", public, NULL };
        const char *check[] = { "openssl",    "dgst", "-sha256", "-verify", public,
                                "-signature", sig,    message,   NULL };
        const char *sign[] = { "openssl", "dgst", "-sha256", "-sign", f->key,
                               "-out",    theirs, message,   NULL };
        g_autofree char *a = judge(extract);
        g_autofree char *b = a ? judge(check) : NULL;
        g_autofree char *c = b ? judge(sign) : NULL;
        g_autofree char *their_sig = NULL;
        g_autoptr(GError) error = NULL;

        if (c == NULL)
                return;
        g_autoptr(SignCert) cert =
                sign_cert_read(sign_key_cert_pem(key), strlen(sign_key_cert_pem(key)), NULL);
        g_assert_true(g_file_get_contents(theirs, &their_sig, &size, NULL));
        g_assert_true(sign_verify(cert, MESSAGE, strlen(MESSAGE), their_sig, size, &error));
        g_assert_no_error(error);
}

static void
changed_data_is_refused(Fixture *f, gconstpointer data)
{
        g_autoptr(SignKey) key = make(f);
        g_autoptr(GBytes) der = sign_key_cert_der(key);
        g_autoptr(GBytes) sig = sign_data(key, MESSAGE, strlen(MESSAGE), NULL);
        g_autofree guint8 *bad = g_memdup2(g_bytes_get_data(sig, NULL), g_bytes_get_size(sig));
        g_autoptr(SignCert) cert =
                sign_cert_read(g_bytes_get_data(der, NULL), g_bytes_get_size(der), NULL);
        g_autoptr(GError) error = NULL;
        gsize size = g_bytes_get_size(sig);

        g_assert_nonnull(cert); /* DER is read as well as PEM */
        g_assert_true(sign_verify(cert, MESSAGE, strlen(MESSAGE), bad, size, NULL));
        g_assert_false(sign_verify(cert, MESSAGE, strlen(MESSAGE) - 1, bad, size, &error));
        g_assert_true(g_error_matches(error, UK_ERROR, UK_ERROR_SIGNATURE));
        bad[10] ^= 1;
        g_assert_false(sign_verify(cert, MESSAGE, strlen(MESSAGE), bad, size, NULL));
        g_assert_false(sign_verify(cert, MESSAGE, strlen(MESSAGE), bad, 0, NULL));
        g_assert_false(sign_verify(cert, MESSAGE, strlen(MESSAGE), NULL, 0, NULL));
}

static void
half_a_pair_is_refused(Fixture *f, gconstpointer data)
{
        g_autoptr(GError) error = NULL;

        sign_key_free(make(f));
        g_unlink(f->cert);
        g_assert_null(sign_key_load_or_make(f->path, "x", 2048, &error));
        g_assert_true(g_error_matches(error, UK_ERROR, UK_ERROR_KEY));
        g_assert_nonnull(strstr(error->message, f->cert));
        g_clear_error(&error);
        g_unlink(f->key);
        g_assert_null(sign_key_load(f->path, &error));
        g_assert_true(g_error_matches(error, UK_ERROR, UK_ERROR_KEY));
}

static void
anothers_certificate_is_refused(Fixture *f, gconstpointer data)
{
        g_autoptr(GError) error = NULL;
        g_autofree char *other = g_build_filename(f->dir, "other", NULL);
        g_autofree char *other_cert = g_strconcat(other, ".crt", NULL);

        sign_key_free(make(f));
        sign_key_free(sign_key_load_or_make(other, "other", 2048, NULL));
        g_assert_cmpint(g_rename(other_cert, f->cert), ==, 0);
        g_assert_null(sign_key_load(f->path, &error));
        g_assert_true(g_error_matches(error, UK_ERROR, UK_ERROR_KEY));
}

static void
bad_input(Fixture *f, gconstpointer data)
{
        g_autoptr(GError) error = NULL;

        g_assert_null(sign_cert_read("nonsense", 8, &error));
        g_assert_true(g_error_matches(error, UK_ERROR, UK_ERROR_PARSE));
        g_clear_error(&error);
        g_assert_null(sign_cert_read("0\x82", 2, &error));
        g_assert_true(g_error_matches(error, UK_ERROR, UK_ERROR_PARSE));
        g_clear_error(&error);
        g_assert_null(sign_cert_read("", 0, &error));
        g_clear_error(&error);
        g_assert_null(sign_key_load_or_make(f->path, "x", 512, &error));
        g_assert_true(g_error_matches(error, UK_ERROR, UK_ERROR_KEY));
        g_assert_true(g_file_set_contents(f->key, "junk", -1, NULL));
        g_assert_true(g_file_set_contents(f->cert, "junk", -1, NULL));
        g_clear_error(&error);
        g_assert_null(sign_key_load_or_make(f->path, "x", 2048, &error));
        g_assert_true(g_error_matches(error, UK_ERROR, UK_ERROR_KEY));
}

/* Refused as input that is bad: whoever sends such a certificate stops nobody. */
static void
other_keys_are_refused(Fixture *f, gconstpointer data)
{
        static const struct {
                const char *kind, *option, *said;
        } keys[] = {
                { "rsa:1024", "rsa_keygen_bits:1024", "RSA with 1024 bits" },
                { "ec", "ec_paramgen_curve:prime256v1", "EC" },
                { "ed25519", NULL, "EdDSA" },
        };

        for (gsize i = 0; i < G_N_ELEMENTS(keys); i++) {
                const char *argv[] = { "openssl",
                                       "req",
                                       "-x509",
                                       "-newkey",
                                       keys[i].kind,
                                       "-nodes",
                                       "-keyout",
                                       f->key,
                                       "-out",
                                       f->cert,
                                       "-subj",
                                       "/CN=x",
                                       keys[i].option != NULL ? "-pkeyopt" : NULL,
                                       keys[i].option,
                                       NULL };
                g_autofree char *done = judge(argv);
                g_autofree char *pem = NULL;
                g_autoptr(GError) error = NULL;
                gsize size;

                if (done == NULL)
                        return;
                g_assert_true(g_file_get_contents(f->cert, &pem, &size, NULL));
                g_assert_null(sign_cert_read(pem, size, &error));
                g_assert_error(error, UK_ERROR, UK_ERROR_UNSUPPORTED);
                g_assert_nonnull(strstr(error->message, keys[i].said));
        }
}

/* The blob that openssl writes of the same key ("MS PUBLICKEYBLOB"). */
static void
public_blob_as_openssl_writes_it(Fixture *f, gconstpointer data)
{
        g_autoptr(SignKey) key = make(f);
        g_autofree char *out = g_build_filename(f->dir, "blob", NULL);
        const char *argv[] = { "openssl",  "rsa",    "-in",  f->key, "-pubout",
                               "-outform", "MSBLOB", "-out", out,    NULL };
        g_autofree char *done = judge(argv);
        g_autoptr(GBytes) blob = sign_key_public_blob(key, NULL);
        g_autofree char *expected = NULL;
        gsize size;

        if (done == NULL)
                return;
        g_assert_true(g_file_get_contents(out, &expected, &size, NULL));
        g_assert_cmpmem(g_bytes_get_data(blob, NULL), g_bytes_get_size(blob), expected, size);
}

/* Whatever write, sync or rename fails while the pair is made, the next start has a pair. */
static void
crash_while_making(Fixture *f, gconstpointer data)
{
        for (unsigned n = 1; n < 40; n++) {
                g_autofree char *path = g_strdup_printf("%s%u", f->path, n);
                g_autofree char *plan = g_strdup_printf("fail+:%u", n);
                g_autoptr(SignKey) first = NULL;
                g_autoptr(SignKey) second = NULL;
                g_autoptr(GError) error = NULL;

                uk_fault_set(plan);
                first = sign_key_load_or_make(path, "x", 2048, NULL);
                uk_fault_set(NULL);
                second = sign_key_load_or_make(path, "x", 2048, &error);
                g_assert_no_error(error);
                g_assert_nonnull(second);
                if (first != NULL) {
                        g_assert_cmpstr(sign_key_cert_pem(first), ==, sign_key_cert_pem(second));
                        g_assert_cmpuint(n, >, 3);
                        return;
                }
        }
        g_assert_not_reached();
}

#define CASE(name, function) \
        g_test_add("/crypto/sign/" name, Fixture, NULL, setup, function, teardown)

int
main(int argc, char **argv)
{
        setlocale(LC_ALL, "C");
        g_test_init(&argc, &argv, NULL);
        g_assert_true(crypto_global_init(NULL));
        CASE("made-then-loaded", made_then_loaded);
        CASE("certificate-as-certtool-reads-it", certificate_as_certtool_reads_it);
        CASE("signatures-with-openssl", signatures_with_openssl);
        CASE("changed-data-is-refused", changed_data_is_refused);
        CASE("half-a-pair-is-refused", half_a_pair_is_refused);
        CASE("anothers-certificate-is-refused", anothers_certificate_is_refused);
        CASE("bad-input", bad_input);
        CASE("other-keys-are-refused", other_keys_are_refused);
        CASE("public-blob-as-openssl-writes-it", public_blob_as_openssl_writes_it);
        CASE("crash-while-making", crash_while_making);
        return g_test_run();
}
