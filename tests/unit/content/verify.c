/* Tests of src/content/verify.c: what is damaged is set aside, and nothing else, whoever else is at
 * the same file. */
#include "content/verify.h"

#include <locale.h>
#include <sys/resource.h>
#include <unistd.h>

#include <glib/gstdio.h>

#include "unit/content/world.h"

#define ID   "PS100039.1"
#define SIZE 1000000

/* A file of the library, and where it is. */
typedef struct {
        World w;
        guint8 *data;
        guint8 hash[HASH_SHA256_SIZE];
        char *path, *aside;
} Case;

static void
bring(Case *c)
{
        MUST(library_put(c->w.library, c->hash, c->data, SIZE, ID, &failure));
        MUST(library_publish(c->w.library, NULL, &failure));
}

static void
set_up(Case *c, gconstpointer unused)
{
        world_init(&c->w);
        c->data = some_bytes(SIZE, 1);
        hash_sha256(c->data, SIZE, c->hash);
        bring(c);
        g_autofree char *lower = hash_hex(c->hash, HASH_SHA256_SIZE);
        g_autofree char *hex = g_ascii_strup(lower, -1);
        c->path = g_strdup_printf("%s/FileLib/%.4s/%s", c->w.root, hex, hex);
        c->aside = g_strdup_printf("%s/SMS_DP$/%s.damaged", c->w.root, hex);
}

static void
tear_down(Case *c, gconstpointer unused)
{
        world_clear(&c->w);
        g_free(c->data);
        g_free(c->path);
        g_free(c->aside);
}

static void
damage(const Case *c, gsize at)
{
        FILE *file = fopen(c->path, "r+");

        g_assert_cmpint(fseek(file, (long)at, SEEK_SET), ==, 0);
        g_assert_cmpint(fputc(c->data[at] ^ 1, file), !=, EOF);
        g_assert_cmpint(fclose(file), ==, 0);
}

static VerifyState
step(Verify *verify, gsize max)
{
        VerifyState state;
        gsize got;

        MUST(verify_step(verify, max, &got, &state, &failure));
        g_assert_cmpuint(got, <=, max);
        return state;
}

static VerifyState
finish(Verify *verify)
{
        VerifyState state;

        while ((state = step(verify, 100000)) == VERIFY_MORE)
                continue;
        return state;
}

static void
expect(const Case *c, bool there, bool aside)
{
        g_assert_true(library_has(c->w.library, c->hash, NULL) == there);
        g_assert_true(g_file_test(c->aside, G_FILE_TEST_EXISTS) == aside);
}

static void
good_and_damaged(Case *c, gconstpointer unused)
{
        g_autoptr(Verify) good = verify_begin(c->w.library, c->hash, SIZE);
        g_autoptr(Verify) bad = verify_begin(c->w.library, c->hash, SIZE);
        g_autoptr(Verify) none = verify_begin(c->w.library, c->hash, SIZE);

        g_assert_cmpint(finish(good), ==, VERIFY_GOOD);
        expect(c, true, false);
        damage(c, SIZE / 2);
        g_assert_cmpint(finish(bad), ==, VERIFY_DAMAGED);
        expect(c, false, true);
        g_assert_cmpint(finish(none), ==, VERIFY_MISSING);
}

static void
another_is_quicker(Case *c, gconstpointer unused)
{
        g_autoptr(Verify) slow = verify_begin(c->w.library, c->hash, SIZE);
        g_autoptr(Verify) quick = verify_begin(c->w.library, c->hash, SIZE);

        damage(c, 5);
        g_assert_cmpint(step(slow, 100), ==, VERIFY_MORE);
        g_assert_cmpint(finish(quick), ==, VERIFY_DAMAGED);
        g_assert_cmpint(finish(slow), ==, VERIFY_MISSING);
        expect(c, false, true);
}

static void
a_repaired_one_stays(Case *c, gconstpointer unused)
{
        g_autoptr(Verify) slow = verify_begin(c->w.library, c->hash, SIZE);

        damage(c, 5);
        g_assert_cmpint(step(slow, 100), ==, VERIFY_MORE);
        bring(c);
        g_assert_cmpint(finish(slow), ==, VERIFY_GOOD);
        expect(c, true, false);
}

/* A link that leads to itself cannot be opened by anybody. */
static void
not_to_be_opened(Case *c, gconstpointer unused)
{
        g_autoptr(Verify) verify = verify_begin(c->w.library, c->hash, SIZE);

        g_assert_cmpint(g_unlink(c->path), ==, 0);
        g_assert_cmpint(symlink(c->path, c->path), ==, 0);
        g_assert_cmpint(finish(verify), ==, VERIFY_DAMAGED);
        expect(c, false, false); /* to where the link leads now there is nothing */
        g_assert_true(g_file_test(c->aside, G_FILE_TEST_IS_SYMLINK));
}

/* Without a descriptor nothing is known of a file. */
static void
no_descriptors(Case *c, gconstpointer unused)
{
        g_autoptr(Verify) verify = verify_begin(c->w.library, c->hash, SIZE);
        g_autoptr(GError) error = NULL;
        struct rlimit limit, none;
        VerifyState state;
        gsize got;

        g_assert_cmpint(getrlimit(RLIMIT_NOFILE, &limit), ==, 0);
        none = limit;
        none.rlim_cur = 0;
        g_assert_cmpint(setrlimit(RLIMIT_NOFILE, &none), ==, 0);
        g_assert_false(verify_step(verify, SIZE, &got, &state, &error));
        g_assert_cmpint(setrlimit(RLIMIT_NOFILE, &limit), ==, 0);
        g_assert_cmpint(uk_error_class(error), ==, UK_CLASS_LATER);
        expect(c, true, false);
}

static void
add_case(const char *path, void (*run)(Case *, gconstpointer))
{
        g_test_add(path, Case, NULL, set_up, run, tear_down);
}

int
main(int argc, char **argv)
{
        setlocale(LC_ALL, "C");
        g_test_init(&argc, &argv, NULL);
        add_case("/content/verify/good-and-damaged-DIST-155", good_and_damaged);
        add_case("/content/verify/another-is-quicker", another_is_quicker);
        add_case("/content/verify/a-repaired-one-stays-DIST-155", a_repaired_one_stays);
        add_case("/content/verify/not-to-be-opened", not_to_be_opened);
        add_case("/content/verify/no-descriptors", no_descriptors);
        return g_test_run();
}
