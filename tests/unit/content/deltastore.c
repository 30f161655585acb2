/* Tests of src/content/likeness.c and deltastore.c: which old file is taken, and deltas as files.
 */
#include "content/deltastore.h"

#include <fcntl.h>
#include <locale.h>
#include <pthread.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <glib/gstdio.h>

#include "base/fault.h"
#include "content/delta.h"
#include "content/likeness.h"
#include "world.h"

#define BIG 700000

static void
expect_pair(const GArray *pairs, const File *new, const File *old)
{
        guint8 new_hash[HASH_SHA256_SIZE], old_hash[HASH_SHA256_SIZE];

        hash_of(new, new_hash);
        if (old != NULL)
                hash_of(old, old_hash);
        for (guint i = 0; i < pairs->len; i++) {
                const LikenessPair *pair = &g_array_index(pairs, LikenessPair, i);

                if (memcmp(pair->new_hash, new_hash, sizeof new_hash) != 0)
                        continue;
                g_assert_nonnull(old);
                g_assert_cmpmem(pair->old_hash, HASH_SHA256_SIZE, old_hash, sizeof old_hash);
                return;
        }
        g_assert_null(old);
}

static void
partners_are_found_by_likeness(void)
{
        World w;
        g_autofree guint8 *a = some_bytes(BIG, 1), *b = some_bytes(BIG, 2),
                          *c = some_bytes(5000, 3), *d = some_bytes(9000, 4),
                          *e = some_bytes(4000, 5), *f = some_bytes(5100, 6),
                          *g = some_bytes(100, 7), *x = rebuilt(a, BIG);

        memcpy(x + 1000, a + 1000, BIG - 1000); /* only the beginning differs */
        const File old[] = { { "big", a, BIG },
                             { "other", b, BIG },
                             { "lib-1.2.0.so", c, 5000 },
                             { "lib-7.so", d, 9000 },
                             { "same", e, 4000 } };
        const File new[] = { { "lib-1.2.1-3.so", f, 5100 },
                             { "new/strange", g, 100 },
                             { "other", x, BIG },
                             { "renamed", b, BIG },
                             { "same", g, 90 } };
        world_init(&w);
        g_autoptr(ContentTree) old_tree = add(&w, "P.1", old, G_N_ELEMENTS(old));
        g_autoptr(ContentTree) new_tree = tree_new("P.2");
        TreeEntry folder = { .path = "new", .kind = TREE_FOLDER, .mode = 0755 };

        MUST(tree_add(new_tree, &folder, &failure));
        for (gsize i = 0; i < G_N_ELEMENTS(new); i++) {
                TreeEntry entry = { .path = new[i].path,
                                    .size = (gint64) new[i].size,
                                    .mode = 0644 };

                hash_of(&new[i], entry.hash);
                MUST(tree_add(new_tree, &entry, &failure));
        }
        MUST(tree_seal(new_tree, &failure));
        g_autoptr(GHashTable) old_signatures = NULL;
        MUST((old_signatures = likeness_signatures(w.library, "P.1", &failure)) != NULL);
        g_autoptr(GHashTable) new_signatures = g_hash_table_new(NULL, NULL);
        g_autoptr(SignatureMaker) maker = signature_maker_new();
        guint8 hash[HASH_SHA256_SIZE];

        hash_of(&new[2], hash);
        signature_maker_add(maker, x, BIG);
        g_autoptr(Signature) signature = signature_maker_end(maker, hash);
        g_autoptr(GPtrArray) all = g_ptr_array_new();
        g_autoptr(GBytes) tar = NULL;
        g_ptr_array_add(all, signature);
        MUST((tar = signature_tar_write(all, &failure)) != NULL);
        g_hash_table_unref(new_signatures);
        MUST((new_signatures = signature_tar_read(g_bytes_get_data(tar, NULL),
                                                  g_bytes_get_size(tar), &failure)) != NULL);
        g_autoptr(GArray) pairs = likeness_find(old_tree, old_signatures, new_tree, new_signatures);

        g_assert_cmpuint(pairs->len, ==, 3);
        expect_pair(pairs, &new[0], &old[2]); /* the number blanked, the nearer size */
        expect_pair(pairs, &new[1], NULL);
        expect_pair(pairs, &new[2], &old[0]); /* by its chunks, not by its path */
        expect_pair(pairs, &new[3], NULL);    /* it is there already */
        expect_pair(pairs, &new[4], &old[4]); /* by its path */
        world_clear(&w);
}

/* A tree of one folder with files of these paths, each with its own hash and a byte of bytes. */
static ContentTree *
tree_of_names(const char *id, const char *const *paths, guint8 first)
{
        ContentTree *tree = tree_new(id);

        for (guint i = 0; paths[i] != NULL; i++) {
                TreeEntry entry = { .path = (char *)paths[i], .size = 1, .mode = 0644 };

                memset(entry.hash, first + (int)i, sizeof entry.hash);
                MUST(tree_add(tree, &entry, &failure));
        }
        MUST(tree_seal(tree, &failure));
        return tree;
}

/* Names that end in a number, with the next name right behind them in memory. */
static void
a_number_ends_with_its_name(void)
{
        const char *const old_paths[] = { "1", "2b", NULL }, *const new_paths[] = { "7", NULL };
        g_autoptr(ContentTree) old = tree_of_names("P.1", old_paths, 1);
        g_autoptr(ContentTree) new = tree_of_names("P.2", new_paths, 9);
        g_autoptr(GArray) pairs = likeness_find(old, NULL, new, NULL);

        g_assert_cmpuint(pairs->len, ==, 1);
        g_assert_cmpuint(g_array_index(pairs, LikenessPair, 0).old_hash[0], ==, 1);
}

static bool
on_bytes(gpointer user, const void *data, gsize size, GError **error)
{
        g_byte_array_append(user, data, (guint)size);
        return true;
}

/* Applies the open delta to an old file and proves what comes out. */
static void
expect_result(World *w, int delta, const File *old, const File *new)
{
        g_autoptr(GByteArray) out = g_byte_array_new();
        guint8 hash[HASH_SHA256_SIZE];
        gint64 size = 0;

        hash_of(old, hash);
        UK_AUTOFD fd = old->size == 0 ? -1 : library_open_file(w->library, hash, &size, NULL);
        MUST(delta_apply(fd, size, delta, (gint64) new->size, on_bytes, out, &failure));
        g_assert_cmpmem(out->data, out->len, new->data, new->size);
}

typedef struct {
        World *w;
        guint8 new_hash[HASH_SHA256_SIZE], old_hash[HASH_SHA256_SIZE];
        ino_t ino;
} Ask;

static void *
ask(void *data)
{
        Ask *a = data;
        struct stat st;
        gint64 size;
        UK_AUTOFD fd = deltastore_open(a->w->library, a->new_hash, a->old_hash, &size, NULL);

        g_assert_cmpint(fd, >=, 0);
        g_assert_cmpint(fstat(fd, &st), ==, 0);
        g_assert_cmpint(st.st_size, ==, size);
        a->ino = st.st_ino;
        return NULL;
}

static void
ten_ask_and_one_makes(void)
{
        World w;
        g_autofree guint8 *a = some_bytes(BIG, 1), *b = rebuilt(a, BIG);
        const File old = { "f", a, BIG }, new = { "f", b, BIG }, none = { "", a, 0 };
        pthread_t threads[10];
        Ask asks[10];
        gint64 size;

        world_init(&w);
        g_autoptr(ContentTree) old_tree = add(&w, "P.1", &old, 1);
        g_autoptr(ContentTree) new_tree = add(&w, "P.2", &new, 1);
        for (int i = 0; i < 10; i++) {
                asks[i].w = &w;
                hash_of(&new, asks[i].new_hash);
                hash_of(&old, asks[i].old_hash);
                g_assert_cmpint(pthread_create(&threads[i], NULL, ask, &asks[i]), ==, 0);
        }
        for (int i = 0; i < 10; i++)
                pthread_join(threads[i], NULL);
        for (int i = 1; i < 10; i++)
                g_assert_cmpuint(asks[i].ino, ==, asks[0].ino);
        g_autofree char *name = deltastore_name(asks[0].new_hash, asks[0].old_hash);
        g_autofree char *lower = g_ascii_strdown(name, -1);
        UK_AUTOFD fd = deltastore_open_named(w.library, lower, &size, NULL);
        g_assert_cmpint(fd, >=, 0);
        g_assert_cmpint(size, <, BIG / 3);
        expect_result(&w, fd, &old, &new);

        /* random bytes against nothing are no gain, and that is remembered */
        guint8 empty[HASH_SHA256_SIZE];
        hash_of(&none, empty);
        for (int i = 0; i < 2; i++) {
                g_autoptr(GError) error = NULL;

                g_assert_cmpint(deltastore_open(w.library, asks[0].new_hash, empty, &size, &error),
                                ==, -1);
                g_assert_error(error, UK_ERROR, UK_ERROR_LIMIT);
        }
        world_clear(&w);
}

static void
what_cannot_be_made(void)
{
        World w;
        g_autofree guint8 *a = some_bytes(BIG, 1), *b = rebuilt(a, BIG);
        const File old = { "f", a, BIG }, new = { "f", b, BIG };
        guint8 old_hash[HASH_SHA256_SIZE], new_hash[HASH_SHA256_SIZE];
        g_autoptr(GError) error = NULL;
        gint64 size;

        world_init(&w);
        hash_of(&old, old_hash);
        hash_of(&new, new_hash);
        g_autoptr(ContentTree) new_tree = add(&w, "P.2", &new, 1);
        g_assert_cmpint(deltastore_open(w.library, new_hash, old_hash, &size, &error), ==, -1);
        g_assert_error(error, UK_ERROR, UK_ERROR_NOT_FOUND); /* no old file */
        g_clear_error(&error);
        g_autoptr(ContentTree) old_tree = add(&w, "P.1", &old, 1);
        uk_fault_set("fail:1"); /* the disk is full: no delta, and nothing stands under its name */
        g_assert_cmpint(deltastore_open(w.library, new_hash, old_hash, &size, &error), ==, -1);
        uk_fault_set(NULL);
        g_assert_nonnull(error);
        g_clear_error(&error);
        g_autofree char *name = deltastore_name(new_hash, old_hash);
        g_assert_cmpint(deltastore_open_named(w.library, name, &size, &error), ==, -1);
        g_assert_error(error, UK_ERROR, UK_ERROR_NOT_FOUND);
        g_clear_error(&error);
        g_assert_cmpint(deltastore_open_named(w.library, "../x", &size, &error), ==, -1);
        g_assert_error(error, UK_ERROR, UK_ERROR_INVALID);
        UK_AUTOFD fd = deltastore_open(w.library, new_hash, old_hash, &size, NULL);
        g_assert_cmpint(fd, >=, 0); /* and now there is room */
        world_clear(&w);
}

/* Killed at each write, truncation and rename in turn: what stands under the name is whole. */
static void
killed_while_it_is_made(void)
{
        World w;
        g_autofree guint8 *a = some_bytes(BIG, 1), *b = rebuilt(a, BIG);
        const File old = { "f", a, BIG }, new = { "f", b, BIG };
        guint8 old_hash[HASH_SHA256_SIZE], new_hash[HASH_SHA256_SIZE];
        int status = -1, kills = 0;

        world_init(&w);
        g_autoptr(ContentTree) old_tree = add(&w, "P.1", &old, 1);
        g_autoptr(ContentTree) new_tree = add(&w, "P.2", &new, 1);
        hash_of(&old, old_hash);
        hash_of(&new, new_hash);
        g_autofree char *name = deltastore_name(new_hash, old_hash);
        for (int n = 2; status != 0; n++) {
                g_autofree char *plan =
                        g_strdup_printf("%s:%d", n % 2 == 0 ? "kill" : "killafter", n / 2);
                gint64 size;
                pid_t child = fork();

                if (child == 0) {
                        uk_fault_set(plan);
                        _exit(deltastore_open(w.library, new_hash, old_hash, &size, NULL) < 0);
                }
                g_assert_cmpint(waitpid(child, &status, 0), ==, child);
                g_assert_true(status == 0 || WIFSIGNALED(status));
                kills += status != 0;
                UK_AUTOFD fd = deltastore_open_named(w.library, name, &size, NULL);
                if (fd >= 0)
                        expect_result(&w, fd, &old, &new);
        }
        g_assert_cmpint(kills, >=, 4);
        MUST(deltastore_trim(w.library, G_MAXINT64, &failure));
        g_autofree char *folder = g_build_filename(w.root, "SMSDLT$", NULL);
        g_autoptr(GDir) dir = g_dir_open(folder, 0, NULL);
        g_assert_cmpstr(g_dir_read_name(dir), ==, name); /* and nothing else is left */
        g_assert_null(g_dir_read_name(dir));
        world_clear(&w);
}

/* Twenty small files and what an update makes of them, in `count` files. */
static void
small_files(File *files, gsize count, guint32 seed, bool changed)
{
        for (gsize i = 0; i < count; i++) {
                gsize size = 2000 + i * 37;
                g_autofree guint8 *data = some_bytes(size, seed + (guint32)i);

                files[i].path = g_strdup_printf("small-%02zu", i);
                files[i].size = size;
                files[i].data =
                        changed && i % 3 == 0 ? rebuilt(data, size) : g_steal_pointer(&data);
        }
}

static void
small_files_share_a_frame(void)
{
        World site, dp;
        File old[20], new[20];
        gint64 size;
        g_autoptr(GError) error = NULL;

        small_files(old, 20, 100, false);
        small_files(new, 20, 100, true);
        world_init(&site);
        world_init(&dp);
        g_autoptr(ContentTree) old_tree = add(&site, "P.1", old, 20);
        g_autoptr(ContentTree) new_tree = add(&site, "P.2", new, 20);
        g_autoptr(ContentTree) there = add(&dp, "P.1", old, 20);
        UK_AUTOFD frame = deltastore_open_frame(site.library, new_tree, old_tree, &size, NULL);
        g_assert_cmpint(frame, >=, 0);
        g_assert_cmpint(size, <, 4000); /* seven files, about 16,000 bytes */

        g_autoptr(GArray) files = deltastore_frame_files(new_tree, old_tree);
        g_assert_cmpuint(files->len, ==, 7);
        MUST(deltastore_apply_frame(dp.library, new_tree, there, frame, &failure));
        MUST(library_publish(dp.library, NULL, &failure));
        g_autoptr(GArray) missing = library_missing(dp.library, new_tree);
        g_assert_cmpuint(missing->len, ==, 0);

        /* one byte of the frame is another: refused, by the file's hash or before */
        g_autofree char *name = deltastore_name(tree_hash(new_tree), tree_hash(old_tree));
        g_autofree char *path = g_build_filename(site.root, "SMSDLT$", name, NULL);
        UK_AUTOFD bad = g_open(path, O_RDWR | O_CLOEXEC);
        guint8 byte;
        World late;
        g_assert_cmpint(pread(bad, &byte, 1, size - 9), ==, 1);
        byte ^= 0x10;
        g_assert_cmpint(pwrite(bad, &byte, 1, size - 9), ==, 1);
        world_init(&late);
        g_autoptr(ContentTree) late_tree = add(&late, "P.1", old, 20);
        g_assert_false(deltastore_apply_frame(late.library, new_tree, late_tree, bad, &error));
        g_assert_nonnull(error);
        world_clear(&late);
        world_clear(&site);
        world_clear(&dp);
        for (int i = 0; i < 20; i++) {
                g_free((char *)old[i].path);
                g_free(old[i].data);
                g_free((char *)new[i].path);
                g_free(new[i].data);
        }
}

static bool
is_there(World *w, const guint8 *new_hash, const guint8 *old_hash)
{
        g_autofree char *name = deltastore_name(new_hash, old_hash);
        g_autofree char *path = g_build_filename(w->root, "SMSDLT$", name, NULL);

        return g_file_test(path, G_FILE_TEST_EXISTS);
}

/* Puts the open delta in as one of a file that nobody has. */
static void
put_foreign(World *w, int fd, const guint8 *new_hash, const guint8 *old_hash)
{
        g_autofree char *name = deltastore_name(new_hash, old_hash);
        g_autoptr(GError) error = NULL;
        guint8 bytes[4096];
        gssize size = pread(fd, bytes, sizeof bytes, 0);
        UK_AUTOFD out = memfd_create("delta", MFD_CLOEXEC);

        g_assert_cmpint(size, >, 96);
        g_assert_false(deltastore_put(w->library, name, fd, &error)); /* of another name */
        g_assert_error(error, UK_ERROR, UK_ERROR_INVALID);
        memcpy(bytes + 64, new_hash, HASH_SHA256_SIZE); /* of the new file, in the head */
        g_assert_cmpint(pwrite(out, bytes, (gsize)size, 0), ==, size);
        MUST(deltastore_put(w->library, name, out, &failure));
}

static void
the_longest_unused_go_first(void)
{
        World w;
        File old[3], new[3];
        guint8 old_hash[3][HASH_SHA256_SIZE], new_hash[3][HASH_SHA256_SIZE], foreign[32] = { 7 };
        gint64 sizes[3], size;

        small_files(old, 3, 300, false);
        world_init(&w);
        for (int i = 0; i < 3; i++) {
                new[i] = (File){ old[i].path, rebuilt(old[i].data, old[i].size), old[i].size };
                hash_of(&old[i], old_hash[i]);
                hash_of(&new[i], new_hash[i]);
        }
        g_autoptr(ContentTree) old_tree = add(&w, "P.1", old, 3);
        g_autoptr(ContentTree) new_tree = add(&w, "P.2", new, 3);
        for (int i = 0; i < 3; i++) {
                g_autofree char *name = deltastore_name(new_hash[i], old_hash[i]);
                g_autofree char *path = g_build_filename(w.root, "SMSDLT$", name, NULL);
                /* used an hour apart, the last one first */
                struct timespec times[] = { { 1000000 - i * 3600, 0 }, { 1000000 - i * 3600, 0 } };
                UK_AUTOFD fd =
                        deltastore_open(w.library, new_hash[i], old_hash[i], &sizes[i], NULL);

                g_assert_cmpint(fd, >=, 0);
                g_assert_cmpint(futimens(fd, times), ==, 0);
                if (i == 0)
                        put_foreign(&w, fd, foreign, old_hash[0]);
        }
        g_assert_true(is_there(&w, foreign, old_hash[0]));
        MUST(deltastore_trim(w.library, sizes[0] + sizes[1], &failure));
        g_assert_false(is_there(&w, foreign, old_hash[0]));
        g_assert_true(is_there(&w, new_hash[0], old_hash[0]));
        g_assert_true(is_there(&w, new_hash[1], old_hash[1]));
        g_assert_false(is_there(&w, new_hash[2], old_hash[2]));
        /* a use counts */
        UK_AUTOFD fd = deltastore_open(w.library, new_hash[1], old_hash[1], &size, NULL);
        MUST(deltastore_trim(w.library, sizes[1], &failure));
        g_assert_false(is_there(&w, new_hash[0], old_hash[0]));
        g_assert_true(is_there(&w, new_hash[1], old_hash[1]));
        MUST(deltastore_trim(w.library, 0, &failure));
        g_assert_false(is_there(&w, new_hash[1], old_hash[1]));
        world_clear(&w);
        for (int i = 0; i < 3; i++) {
                g_free((char *)old[i].path);
                g_free(old[i].data);
                g_free(new[i].data);
        }
}

int
main(int argc, char **argv)
{
        setlocale(LC_ALL, "C");
        g_test_init(&argc, &argv, NULL);
        g_assert_true(crypto_global_init(NULL));
        g_test_add_func("/content/likeness/partners-are-found-by-likeness",
                        partners_are_found_by_likeness);
        g_test_add_func("/content/likeness/a-number-ends-with-its-name",
                        a_number_ends_with_its_name);
        g_test_add_func("/content/deltastore/ten-ask-and-one-makes", ten_ask_and_one_makes);
        g_test_add_func("/content/deltastore/what-cannot-be-made", what_cannot_be_made);
        g_test_add_func("/content/deltastore/killed-while-it-is-made", killed_while_it_is_made);
        g_test_add_func("/content/deltastore/small-files-share-a-frame", small_files_share_a_frame);
        g_test_add_func("/content/deltastore/the-longest-unused-go-first",
                        the_longest_unused_go_first);
        return g_test_run();
}
