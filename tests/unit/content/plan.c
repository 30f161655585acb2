/* Tests of src/content/plan*.c: what a receiver fetches, and that it gets what it should. */
#include "content/plan.h"

#include <fcntl.h>
#include <locale.h>
#include <unistd.h>

#include <glib/gstdio.h>

#include "content/deltastore.h"
#include "content/library_private.h"
#include "world.h"

#define BIG 3000000

/* The other side: the new file's bytes, and what was asked of them. */
typedef struct {
        const guint8 *data;
        gint64 fetched, last;
        gint64 stop; /* fails from this many fetched bytes on; 0 never */
        bool lies;
} Other;

static bool
on_fetch(gpointer user, gint64 offset, void *data, gsize size, GError **error)
{
        Other *other = user;

        g_assert_cmpint(offset, >=, other->last); /* in rising order */
        g_assert_cmpint(size, <=, SIGNATURE_MAX);
        if (other->stop > 0 && other->fetched >= other->stop)
                return uk_fail(error, UK_ERROR_NETWORK, "the line is cut");
        memcpy(data, other->data + offset, size);
        if (other->lies)
                ((guint8 *)data)[size / 2] ^= 1;
        other->fetched += (gint64)size;
        other->last = offset + (gint64)size;
        return true;
}

static GBytes *
signatures_of(const File *files, gsize count)
{
        g_autoptr(GPtrArray) all = g_ptr_array_new_with_free_func((GDestroyNotify)signature_free);
        g_autoptr(SignatureMaker) maker = signature_maker_new();
        GBytes *tar = NULL;

        for (gsize i = 0; i < count; i++) {
                guint8 hash[HASH_SHA256_SIZE];

                hash_of(&files[i], hash);
                signature_maker_add(maker, files[i].data, files[i].size);
                g_ptr_array_add(all, signature_maker_end(maker, hash));
        }
        MUST((tar = signature_tar_write(all, &failure)) != NULL);
        return tar;
}

static gint64
sum_of(GArray *ranges)
{
        gint64 sum = 0;

        for (guint i = 0; i < ranges->len; i++)
                sum += g_array_index(ranges, PlanRange, i).size;
        g_array_unref(ranges);
        return sum;
}

/* Builds the file by its way from the other side and publishes it. */
static void
expect_built(World *w, const PlanFile *file, const File *new, Other *other)
{
        g_autoptr(LibraryFile) out = NULL;
        gint64 size;
        g_autofree guint8 *got = g_malloc(new->size);

        other->data = new->data;
        other->last = 0;
        MUST((out = library_file_begin(w->library, file->hash, file->size, "P.2", &failure)) !=
             NULL);
        MUST(plan_assemble(w->library, file, out, on_fetch, other, &failure));
        MUST(library_file_end(out, &failure));
        MUST(library_publish(w->library, NULL, &failure));
        UK_AUTOFD fd = library_open_file(w->library, file->hash, &size, NULL);
        g_assert_cmpint(size, ==, (gint64) new->size);
        g_assert_cmpint(pread(fd, got, new->size, 0), ==, size);
        g_assert_cmpmem(got, new->size, new->data, new->size);
}

/* data with `piece` bytes of another seed put in at `at`. */
static guint8 *
inserted(const guint8 *data, gsize size, gsize at, gsize piece)
{
        guint8 *out = g_malloc(size + piece);
        g_autofree guint8 *other = some_bytes(piece, 99);

        memcpy(out, data, at);
        memcpy(out + at, other, piece);
        memcpy(out + at + piece, data + at, size - at);
        return out;
}

static void
only_missing_ranges_are_fetched(void) /* DIST-113, DIST-018 */
{
        World w;
        g_autofree guint8 *a = some_bytes(BIG, 1), *b = inserted(a, BIG, 1000000, 5000);
        const File old = { "f", a, BIG }, new = { "f", b, BIG + 5000 };
        Other other = { 0 };

        world_init(&w);
        g_autoptr(ContentTree) old_tree = add(&w, "P.1", &old, 1);
        g_autoptr(ContentTree) new_tree = tree_of("P.2", &new, 1);
        g_autoptr(GBytes) tar = signatures_of(&new, 1);
        g_autoptr(Plan) plan = NULL;
        MUST((plan = plan_make(w.library, new_tree, tar, old_tree, &failure)) != NULL);
        g_assert_cmpuint(plan->files->len, ==, 1);
        PlanFile *file = plan->files->pdata[0];

        g_assert_cmpint(file->way, ==, PLAN_DELTA);
        g_assert_true(plan_next_way(file, "404"));
        g_assert_cmpint(file->way, ==, PLAN_CHUNKS);
        g_assert_nonnull(strstr(file->why, "404"));
        g_assert_cmpint(file->fetch, <=, 3 * SIGNATURE_MAX);
        g_assert_cmpint(file->fetch, >=, 5000);
        g_autoptr(GArray) ranges = plan_ranges(file, 0);
        g_assert_cmpuint(ranges->len, ==, 1); /* neighbours are joined */
        g_assert_cmpint(sum_of(plan_ranges(file, 0)), ==, file->fetch);
        g_assert_cmpint(sum_of(plan_ranges(file, BIG + 5000)), ==, 0);
        expect_built(&w, file, &new, &other);
        g_assert_cmpint(other.fetched, ==, file->fetch);
        world_clear(&w);
}

static void
a_file_of_another_name_or_package_serves(void)
{
        World w;
        g_autofree guint8 *a = some_bytes(BIG, 1), *b = inserted(a, BIG, 2000000, 10);
        const File old = { "other/name", a, BIG }, new = { "f", b, BIG + 10 };
        TreeEntry folder = { .path = "other", .kind = TREE_FOLDER, .mode = 0755 };
        const char *ids[] = { "Q.1", NULL };
        Other other = { 0 };

        world_init(&w);
        g_autoptr(ContentTree) old_tree = tree_new("Q.1");
        TreeEntry entry = { .path = old.path, .mode = 0644, .size = BIG };
        g_autoptr(GBytes) old_tar = signatures_of(&old, 1), tar = signatures_of(&new, 1);
        hash_of(&old, entry.hash);
        MUST(tree_add(old_tree, &folder, &failure));
        MUST(tree_add(old_tree, &entry, &failure));
        MUST(tree_seal(old_tree, &failure));
        MUST(library_put(w.library, entry.hash, a, BIG, "Q.1", &failure));
        MUST(library_publish(w.library, ids, &failure));
        MUST(library_add_content(w.library, old_tree, old_tar, &failure));
        MUST(library_set_package(w.library, "Q", 1, ids, &failure));

        g_autoptr(ContentTree) new_tree = tree_of("P.2", &new, 1);
        g_autoptr(Plan) plan = NULL;
        MUST((plan = plan_make(w.library, new_tree, tar, NULL, &failure)) != NULL);
        PlanFile *file = plan->files->pdata[0];
        g_assert_cmpint(file->way, ==, PLAN_CHUNKS); /* no related content item, so no delta */
        expect_built(&w, file, &new, &other);
        g_assert_cmpint(other.fetched, <=, 3 * SIGNATURE_MAX);
        world_clear(&w);
}

static void
repeats_are_fetched_once(void)
{
        World w;
        gsize size = 40 * 1000 * 1000;
        g_autofree guint8 *data = g_malloc0(size);
        const File new = { "zeros", data, size };
        Other other = { 0 };

        world_init(&w);
        memcpy(data + 20000000, "something", 9);
        g_autoptr(ContentTree) tree = tree_of("P.2", &new, 1);
        g_autoptr(GBytes) tar = signatures_of(&new, 1);
        g_autoptr(Plan) plan = NULL;
        MUST((plan = plan_make(w.library, tree, tar, NULL, &failure)) != NULL);
        PlanFile *file = plan->files->pdata[0];
        g_assert_cmpint(file->way, ==, PLAN_CHUNKS);
        expect_built(&w, file, &new, &other);
        g_assert_cmpint(other.fetched, <=, 4 * SIGNATURE_MAX);
        world_clear(&w);
}

static void
resumed_in_mid_chunk(void)
{
        World w;
        g_autofree guint8 *a = some_bytes(BIG, 1), *b = inserted(a, BIG, 100000, 900000);
        const File old = { "f", a, BIG }, new = { "f", b, BIG + 900000 };
        Other other = { .data = b, .stop = 300000 };

        world_init(&w);
        g_autoptr(ContentTree) old_tree = add(&w, "P.1", &old, 1);
        g_autoptr(ContentTree) new_tree = tree_of("P.2", &new, 1);
        g_autoptr(GBytes) tar = signatures_of(&new, 1);
        g_autoptr(Plan) plan = NULL;
        MUST((plan = plan_make(w.library, new_tree, tar, old_tree, &failure)) != NULL);
        PlanFile *file = plan->files->pdata[0];
        g_assert_true(plan_next_way(file, "404"));
        for (int i = 0; i < 2; i++) { /* cut off by the line; then by a crash, in mid-chunk */
                g_autoptr(LibraryFile) out = NULL;
                g_autoptr(GError) error = NULL;

                MUST((out = library_file_begin(w.library, file->hash, file->size, "P.2",
                                               &failure)) != NULL);
                if (i == 0)
                        g_assert_false(
                                plan_assemble(w.library, file, out, on_fetch, &other, &error));
                else
                        MUST(library_file_write(out, b + library_file_position(out), 777,
                                                &failure));
                g_assert_cmpint(library_file_position(out), >, 0);
        }
        gint64 before = other.fetched;
        other.stop = 0;
        expect_built(&w, file, &new, &other);
        g_assert_cmpint(other.fetched - before, <=, file->fetch - before); /* nothing twice */
        world_clear(&w);
}

static void
damaged_sources_and_liars(void)
{
        World w;
        g_autofree guint8 *a = some_bytes(BIG, 1), *b = inserted(a, BIG, 1000000, 10);
        const File old = { "f", a, BIG }, new = { "f", b, BIG + 10 };
        guint8 hash[HASH_SHA256_SIZE];
        Other other = { .data = b, .lies = true }, honest = { .data = b };
        g_autoptr(GError) error = NULL;

        world_init(&w);
        g_autoptr(ContentTree) old_tree = add(&w, "P.1", &old, 1);
        g_autoptr(ContentTree) new_tree = tree_of("P.2", &new, 1);
        g_autoptr(GBytes) tar = signatures_of(&new, 1);
        g_autoptr(Plan) plan = NULL;
        MUST((plan = plan_make(w.library, new_tree, tar, old_tree, &failure)) != NULL);
        PlanFile *file = plan->files->pdata[0];
        g_assert_true(plan_next_way(file, "404"));
        {
                g_autoptr(LibraryFile) out = NULL;
                MUST((out = library_file_begin(w.library, file->hash, file->size, "P.2",
                                               &failure)) != NULL);
                g_assert_false(plan_assemble(w.library, file, out, on_fetch, &other, &error));
                g_assert_error(error, UK_ERROR, UK_ERROR_SIGNATURE);
        }
        hash_of(&old, hash); /* a flipped byte here: that chunk is fetched, too */
        g_autofree char *path = library_file_path(w.library, hash, "");
        UK_AUTOFD fd = g_open(path, O_WRONLY | O_CLOEXEC);
        g_assert_cmpint(pwrite(fd, "!!", 2, 2500000), ==, 2);
        expect_built(&w, file, &new, &honest);
        g_assert_cmpint(honest.fetched, <=, file->fetch + SIGNATURE_MAX);
        world_clear(&w);
}

static void
deltas_come_first_and_a_bad_one_falls_back(void)
{
        World site, dp;
        g_autofree guint8 *a = some_bytes(BIG, 1), *b = rebuilt(a, BIG), *s = some_bytes(900, 3),
                          *t = rebuilt(s, 900), *n = g_malloc0(400000);
        const File old[] = { { "f", a, BIG }, { "small", s, 900 } };
        const File new[] = { { "f", b, BIG }, { "new", n, 400000 }, { "small", t, 900 } };
        gint64 size;
        g_autoptr(GError) error = NULL;
        Other other = { .data = b };

        world_init(&site);
        world_init(&dp);
        g_autoptr(ContentTree) site_old = add(&site, "P.1", old, 2);
        g_autoptr(ContentTree) site_new = add(&site, "P.2", new, 3);
        g_autoptr(ContentTree) dp_old = add(&dp, "P.1", old, 2);
        g_autoptr(GBytes) tar = signatures_of(new, 3);
        g_autoptr(Plan) plan = NULL;
        MUST((plan = plan_make(dp.library, site_new, tar, dp_old, &failure)) != NULL);
        g_assert_cmpuint(plan->files->len, ==, 3);
        g_assert_true(plan->has_frame);
        g_assert_cmpint(plan->frame_size, ==, 900);
        PlanFile *big = plan->files->pdata[0], *fresh = plan->files->pdata[1];
        g_assert_cmpint(big->way, ==, PLAN_DELTA);
        g_assert_true(big->has_partner);
        g_assert_cmpint(((PlanFile *)plan->files->pdata[2])->way, ==, PLAN_FRAME);

        /* without a partner it comes compressed */
        g_assert_cmpint(fresh->way, ==, PLAN_DELTA);
        g_assert_false(fresh->has_partner);
        UK_AUTOFD packed = deltastore_open(site.library, fresh->hash, fresh->old_hash, &size, NULL);
        g_assert_cmpint(packed, >=, 0);
        g_assert_cmpint(size, <, 1000);
        {
                g_autoptr(LibraryFile) out = NULL;
                MUST((out = library_file_begin(dp.library, fresh->hash, fresh->size, "P.2",
                                               &failure)) != NULL);
                MUST(plan_apply_delta(dp.library, fresh, packed, out, &failure));
                MUST(library_file_end(out, &failure));
        }

        /* a delta of which a byte is another, and then the way behind it */
        UK_AUTOFD delta = deltastore_open(site.library, big->hash, big->old_hash, &size, NULL);
        g_autofree char *name = deltastore_name(big->hash, big->old_hash);
        g_autofree char *path = g_build_filename(site.root, "SMSDLT$", name, NULL);
        UK_AUTOFD bad = g_open(path, O_WRONLY | O_CLOEXEC);
        guint8 byte;
        g_assert_cmpint(pread(delta, &byte, 1, size / 2), ==, 1);
        byte ^= 4;
        g_assert_cmpint(pwrite(bad, &byte, 1, size / 2), ==, 1);
        {
                g_autoptr(LibraryFile) out = NULL;
                MUST((out = library_file_begin(dp.library, big->hash, big->size, "P.2",
                                               &failure)) != NULL);
                g_assert_false(plan_apply_delta(dp.library, big, delta, out, &error) &&
                               library_file_end(out, &error));
                g_assert_nonnull(error);
                MUST(library_file_restart(out, &failure));
        }
        g_assert_true(plan_next_way(big, error->message));
        g_assert_cmpint(big->way, ==, PLAN_WHOLE); /* every chunk has changed */
        g_assert_false(plan_next_way(big, "?"));
        expect_built(&dp, big, &new[0], &other);
        world_clear(&site);
        world_clear(&dp);
}

int
main(int argc, char **argv)
{
        setlocale(LC_ALL, "C");
        g_test_init(&argc, &argv, NULL);
        g_assert_true(crypto_global_init(NULL));
        g_test_add_func("/content/plan/only-missing-ranges-are-fetched-DIST-113",
                        only_missing_ranges_are_fetched);
        g_test_add_func("/content/plan/a-file-of-another-name-or-package-serves",
                        a_file_of_another_name_or_package_serves);
        g_test_add_func("/content/plan/repeats-are-fetched-once", repeats_are_fetched_once);
        g_test_add_func("/content/plan/resumed-in-mid-chunk", resumed_in_mid_chunk);
        g_test_add_func("/content/plan/damaged-sources-and-liars", damaged_sources_and_liars);
        g_test_add_func("/content/plan/deltas-come-first-and-a-bad-one-falls-back",
                        deltas_come_first_and_a_bad_one_falls_back);
        return g_test_run();
}
