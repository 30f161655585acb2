/* dptool.c - what only our own formats need of a site server in the tests of a distribution point.
 *
 *   dptool bundle OUT PKGID VERSION (CONTENTID FOLDER)...
 *       the bundle of a package; for each content item a line "<ContentID> <content hash>"
 *
 *   dptool signatures OUT FOLDER
 *       the tar of the signatures of its files
 *
 *   dptool delta OUT OLD NEW
 *       the delta that makes NEW from OLD
 *
 *   dptool frame OUT LIBRARY OLDID OLDFOLDER NEWID NEWFOLDER
 *       the frame of two content items, made in a library of its own
 */
#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/io.h"
#include "content/bundle.h"
#include "content/delta.h"
#include "content/deltastore.h"
#include "content/signature.h"
#include "content/snapshot.h"

typedef void (*Visit)(gpointer user, const char *root, const char *path);

static void
walk(const char *root, const char *path, Visit visit, gpointer user)
{
        g_autofree char *folder = g_build_filename(root, path, NULL);
        g_autoptr(GDir) dir = g_dir_open(folder, 0, NULL);
        const char *name;

        g_assert_nonnull(dir);
        while ((name = g_dir_read_name(dir)) != NULL) {
                g_autofree char *below =
                        *path ? g_strconcat(path, "/", name, NULL) : g_strdup(name);
                g_autofree char *full = g_build_filename(root, below, NULL);
                struct stat info;

                visit(user, root, below);
                if (g_lstat(full, &info) == 0 && S_ISDIR(info.st_mode))
                        walk(root, below, visit, user);
        }
}

static void
add_entry(gpointer user, const char *root, const char *path)
{
        g_autofree char *full = g_build_filename(root, path, NULL);
        g_autofree char *target = NULL;
        struct stat info;
        TreeEntry entry = { .path = path };
        GError *error = NULL;

        g_assert_cmpint(g_lstat(full, &info), ==, 0);
        entry.mode = info.st_mode & 07777;
        entry.modified_us = info.st_mtim.tv_sec * UK_SECOND;
        if (S_ISLNK(info.st_mode)) {
                entry.kind = TREE_SYMLINK;
                entry.target = target = g_file_read_link(full, NULL);
        } else if (S_ISDIR(info.st_mode)) {
                entry.kind = TREE_FOLDER;
        } else {
                entry.size = info.st_size;
                g_assert_true(hash_file(full, entry.hash, NULL));
        }
        if (!tree_add(user, &entry, &error))
                g_error("%s", error->message);
}

static void
write_out(const char *path, GBytes *bytes)
{
        gsize size;
        const char *data = g_bytes_get_data(bytes, &size);

        g_assert_true(g_file_set_contents(path, data, (gssize)size, NULL));
}

static int
make_bundle(char **args, int count)
{
        g_autoptr(Bundle) bundle = bundle_new(args[1], g_ascii_strtoll(args[2], NULL, 10));
        GError *error = NULL;

        for (int i = 3; i + 1 < count; i += 2) {
                ContentTree *tree = tree_new(args[i]);

                walk(args[i + 1], "", add_entry, tree);
                if (!tree_seal(tree, &error))
                        g_error("%s", error->message);
                g_autofree char *hash = hash_hex(tree_hash(tree), HASH_SHA256_SIZE);
                g_print("%s %s\n", args[i], hash);
                g_ptr_array_add(bundle->trees, tree);
        }
        g_autoptr(GBytes) bytes = bundle_write(bundle, &error);
        if (bytes == NULL)
                g_error("%s", error->message);
        write_out(args[0], bytes);
        return 0;
}

static void
add_signature(gpointer user, const char *root, const char *path)
{
        g_autofree char *full = g_build_filename(root, path, NULL);
        g_autofree char *data = NULL;
        SignatureMaker *maker = signature_maker_new();
        guint8 hash[HASH_SHA256_SIZE];
        gsize size;

        if (g_file_test(full, G_FILE_TEST_IS_REGULAR)) {
                g_assert_true(g_file_get_contents(full, &data, &size, NULL));
                hash_sha256(data, size, hash);
                signature_maker_add(maker, data, size);
                g_ptr_array_add(user, signature_maker_end(maker, hash));
        }
        signature_maker_free(maker);
}

static int
make_signatures(char **args)
{
        g_autoptr(GPtrArray) all = g_ptr_array_new_with_free_func((GDestroyNotify)signature_free);

        walk(args[1], "", add_signature, all);
        g_autoptr(GBytes) bytes = signature_tar_write(all, NULL);
        g_assert_nonnull(bytes);
        write_out(args[0], bytes);
        return 0;
}

/* The delta from one file to another. */
static int
make_delta(char **args)
{
        UK_AUTOFD old = open(args[1], O_RDONLY | O_CLOEXEC);
        UK_AUTOFD new = open(args[2], O_RDONLY | O_CLOEXEC);
        UK_AUTOFD out = open(args[0], O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0640);
        struct stat before, after;
        DeltaHead head = { .kind = DELTA_PREFIX };
        gint64 size;

        g_assert_cmpint(fstat(old, &before), ==, 0);
        g_assert_cmpint(fstat(new, &after), ==, 0);
        head.old_size = before.st_size;
        head.new_size = after.st_size;
        g_assert_true(hash_file(args[1], head.old_hash, NULL));
        g_assert_true(hash_file(args[2], head.new_hash, NULL));
        g_assert_true(delta_make(old, new, &head, out, &size, NULL));
        return 0;
}

static const ContentTree *
add_folder(Library *library, const char *id, const char *folder)
{
        GError *error = NULL;
        g_autoptr(Snapshot) snapshot = snapshot_take(library, folder, id, NULL, NULL, NULL, &error);

        if (snapshot == NULL || !library_add_content(library, snapshot->tree, NULL, &error))
                g_error("%s", error->message);
        return library_tree_ref(library, id, NULL);
}

static int
make_frame(char **args)
{
        GError *error = NULL;
        g_autoptr(Library) library = library_open(args[1], true, &error);
        const ContentTree *old_tree, *new_tree;
        g_autofree char *data = NULL;
        gint64 size;

        g_assert_no_error(error);
        old_tree = add_folder(library, args[2], args[3]);
        new_tree = add_folder(library, args[4], args[5]);
        UK_AUTOFD fd = deltastore_open_frame(library, new_tree, old_tree, &size, &error);
        if (fd < 0)
                g_error("%s", error->message);
        data = g_malloc((gsize)size);
        g_assert_cmpint(pread(fd, data, (gsize)size, 0), ==, size);
        g_assert_true(g_file_set_contents(args[0], data, size, NULL));
        library_tree_unref(library, old_tree);
        library_tree_unref(library, new_tree);
        return 0;
}

int
main(int argc, char **argv)
{
        g_assert_true(crypto_global_init(NULL));
        if (argc > 5 && strcmp(argv[1], "bundle") == 0)
                return make_bundle(argv + 2, argc - 2);
        if (argc == 4 && strcmp(argv[1], "signatures") == 0)
                return make_signatures(argv + 2);
        if (argc == 5 && strcmp(argv[1], "delta") == 0)
                return make_delta(argv + 2);
        if (argc == 8 && strcmp(argv[1], "frame") == 0)
                return make_frame(argv + 2);
        g_printerr("see the head of dptool.c\n");
        return 2;
}
