/* library_signatures.c - the signatures of a content item, made again from its files, and whether
 * those that are kept are right.
 *
 * They are kept twice, in SMSSIG$/<ContentID>.tar and beside each file: what both say alike was not
 * damaged. Where they differ only the files themselves tell which is right. What should be in the
 * tar the sizes of the files tell.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/io.h"
#include "content/library_check.h"
#include "content/library_private.h"
#include "content/libraryini.h"
#include "content/signature.h"

#define READ_SIZE (256 * 1024)
/* What a signature takes of the tar at most, beside its chunks, and each of them. */
#define TAR_ENTRY 2048
#define TAR_CHUNK 36

/* ---- making ---------------------------------------------------------------------------------- */

typedef struct {
        Library *library;
        SignatureMaker *maker;
        LibraryGoOn go_on;
        gpointer user;
        char *buffer;
        bool prove;
        gint64 read;
} Making;

static bool
add_bytes(Making *m, int fd, const TreeEntry *entry, GError **error)
{
        gssize n;

        while ((n = TEMP_FAILURE_RETRY(read(fd, m->buffer, READ_SIZE))) > 0) {
                if (!m->go_on(m->user))
                        return uk_fail(error, UK_ERROR_CANCELLED, "the program stops");
                signature_maker_add(m->maker, m->buffer, (gsize)n);
                m->read += n;
        }
        return n == 0 || uk_fail_errno(error, errno, "reading %s", entry->path);
}

/* The signature of a file that is in the library. */
static Signature *
make_one(Making *m, const TreeEntry *entry, GError **error)
{
        g_autoptr(Signature) signature = NULL;
        gint64 size;
        UK_AUTOFD fd = library_open_file(m->library, entry->hash, &size, error);

        if (fd < 0 || !add_bytes(m, fd, entry, error))
                return NULL;
        signature = signature_maker_end(m->maker, m->prove ? NULL : entry->hash);
        if (memcmp(signature->hash, entry->hash, sizeof entry->hash) == 0)
                return g_steal_pointer(&signature);
        uk_fail(error, UK_ERROR_SIGNATURE, "%s is damaged", entry->path);
        return NULL;
}

static bool
make_all(Making *m, const ContentTree *tree, GPtrArray *signatures, GError **error)
{
        g_autoptr(GHashTable) seen = g_hash_table_new(hash_key_of, hash_key_equal);

        for (guint i = 0; i < tree_count(tree); i++) {
                const TreeEntry *entry = tree_entry(tree, i);
                Signature *signature;

                if (entry->kind != TREE_FILE || entry->size <= SIGNATURE_MIN ||
                    !g_hash_table_add(seen, (gpointer)entry->hash))
                        continue;
                signature = make_one(m, entry, error);
                if (signature == NULL)
                        return false;
                g_ptr_array_add(signatures, signature);
        }
        return true;
}

GBytes *
library_make_signatures(Library *library, const ContentTree *tree, bool prove, LibraryGoOn go_on,
                        gpointer user, GError **error)
{
        UK_DOING(error, "making the signatures of content %s", tree_content_id(tree));
        g_autoptr(GPtrArray) signatures =
                g_ptr_array_new_with_free_func((GDestroyNotify)signature_free);
        g_autoptr(SignatureMaker) maker =
                prove ? signature_maker_new_hashing() : signature_maker_new();
        g_autofree char *buffer = g_malloc(READ_SIZE);
        Making m = { .library = library,
                     .maker = maker,
                     .go_on = go_on,
                     .user = user,
                     .buffer = buffer,
                     .prove = prove };

        return make_all(&m, tree, signatures, error) ? signature_tar_write(signatures, error)
                                                     : NULL;
}

/* ---- checking -------------------------------------------------------------------------------- */

typedef enum {
        ALIKE,
        TAR_DIFFERS,
        FILE_DIFFERS, /* what is kept beside a file is none */
} Likeness;

static char *
kept_path(Library *library, const guint8 *hash)
{
        return library_file_path(library, hash, ".SIG");
}

Signature *
library_signature(Library *library, const guint8 *hash, gint64 size)
{
        g_autofree char *path = kept_path(library, hash);
        g_autofree char *data = NULL;
        g_autoptr(Signature) signature = NULL;
        gsize length;

        if (!uk_io_read(path, SIGNATURE_TAR_MAX, &data, &length, NULL))
                return NULL;
        signature = signature_read(data, length, NULL);
        if (signature == NULL || signature->size != size ||
            memcmp(signature->hash, hash, HASH_SHA256_SIZE) != 0)
                return NULL;
        return g_steal_pointer(&signature);
}

/* One that is not kept beside the file says nothing: the file may be on its way to be repaired. */
static Likeness
compare_one(Library *library, const Signature *signature, gsize *read_out)
{
        g_autofree char *path = kept_path(library, signature->hash);
        g_autoptr(GBytes) bytes = signature_write(signature);
        g_autoptr(Signature) kept = NULL;
        g_autofree char *data = NULL;
        gsize size;

        if (!uk_io_read(path, SIGNATURE_TAR_MAX, &data, &size, NULL))
                return library_is_unreadable(path) ? FILE_DIFFERS : ALIKE;
        *read_out += size;
        if (g_bytes_get_size(bytes) == size &&
            memcmp(g_bytes_get_data(bytes, NULL), data, size) == 0)
                return ALIKE;
        kept = signature_read(data, size, NULL);
        return kept != NULL ? TAR_DIFFERS : FILE_DIFFERS;
}

/* Whether no signature is left out of the tar for want of room; of very large content items that
 * is not known before they are made. */
static bool
has_room_for_all(const ContentTree *tree)
{
        gint64 room = 0;

        for (guint i = 0; i < tree_count(tree); i++) {
                const TreeEntry *e = tree_entry(tree, i);

                if (e->kind == TREE_FILE && e->size > SIGNATURE_MIN)
                        room += TAR_ENTRY + (e->size / SIGNATURE_MIN + 1) * TAR_CHUNK;
                if (room > SIGNATURE_TAR_MAX || e->size / SIGNATURE_MIN >= SIGNATURE_MAX_CHUNKS)
                        return false;
        }
        return true;
}

/* A file that is larger than any chunk has a signature (decision 12); one that the tar, which may
 * be none (NULL), has not was lost. The end of a tar that zeros were written over looks like any
 * end. */
static bool
lacks_one(const ContentTree *tree, GHashTable *signatures)
{
        for (guint i = 0; tree != NULL && i < tree_count(tree); i++) {
                const TreeEntry *e = tree_entry(tree, i);

                if (e->kind == TREE_FILE && e->size > SIGNATURE_MAX &&
                    (signatures == NULL || !g_hash_table_contains(signatures, e->hash)))
                        return has_room_for_all(tree);
        }
        return false;
}

/* What is wrong, if anything, to *flaw. */
static bool
compare_all(Library *library, const char *content_id, const ContentTree *tree, LibraryFlaw *flaw,
            gsize *read_out, GError **error)
{
        g_autofree char *name = g_strconcat("SMSSIG$/", content_id, ".tar", NULL);
        g_autofree char *path = g_strconcat(library->root, "/", name, NULL);
        g_autoptr(GHashTable) signatures = NULL;
        g_autoptr(GError) why = NULL;
        g_autofree char *data = NULL;
        GHashTableIter each;
        gpointer hash, signature;
        gsize size = 0;

        if (!uk_io_read(path, SIGNATURE_TAR_MAX, &data, &size, &why)) {
                flaw->missing = g_error_matches(why, UK_ERROR, UK_ERROR_NOT_FOUND);
                if (flaw->missing && !lacks_one(tree, NULL))
                        return true; /* there are none */
                if (uk_error_class(why) == UK_CLASS_LATER && !library_is_unreadable(path)) {
                        g_propagate_error(error, g_steal_pointer(&why));
                        return false;
                }
        }
        *read_out += size;
        signatures = data != NULL ? signature_tar_read(data, size, NULL) : NULL;
        if (signatures == NULL || lacks_one(tree, signatures)) {
                flaw->path = g_steal_pointer(&name);
                return true;
        }
        g_hash_table_iter_init(&each, signatures);
        while (flaw->path == NULL && g_hash_table_iter_next(&each, &hash, &signature)) {
                Likeness likeness = compare_one(library, signature, read_out);
                g_autofree char *hex = libraryini_hex(hash);

                if (likeness == TAR_DIFFERS)
                        flaw->path = g_steal_pointer(&name);
                else if (likeness == FILE_DIFFERS)
                        flaw->path = g_strdup_printf("FileLib/%.4s/%s.SIG", hex, hex);
        }
        return true;
}

static bool
is_kept(const char *path, const void *data, gsize size)
{
        g_autofree char *found = NULL;
        gsize found_size;

        return uk_io_read(path, SIGNATURE_TAR_MAX, &found, &found_size, NULL) &&
               found_size == size && memcmp(found, data, size) == 0;
}

bool
library_signature_keep(Library *library, const Signature *signature, GError **error)
{
        g_autofree char *path = kept_path(library, signature->hash);
        g_autoptr(GBytes) bytes = signature_write(signature);
        gsize size;
        const void *data = g_bytes_get_data(bytes, &size);

        if (!library_has(library, signature->hash, NULL))
                return true;
        if (access(path, F_OK) != 0)
                return uk_io_create_at(AT_FDCWD, path, data, size, LIBRARY_FILE_MODE, error);
        return is_kept(path, data, size) ||
               uk_io_replace(path, data, size, LIBRARY_FILE_MODE, error);
}

/* change is held. */
static bool
keep_all(Library *library, const char *content_id, GBytes *tar, GError **error)
{
        g_autofree char *path = library_path(library, "SMSSIG$", content_id, ".tar");
        gsize size;
        const void *data = g_bytes_get_data(tar, &size);
        g_autoptr(GHashTable) signatures = signature_tar_read(data, size, error);
        GHashTableIter each;
        gpointer signature;

        if (signatures == NULL)
                return false;
        g_hash_table_iter_init(&each, signatures);
        while (g_hash_table_iter_next(&each, NULL, &signature)) {
                if (!library_signature_keep(library, signature, error))
                        return false;
        }
        return library_sync(library, error) &&
               uk_io_replace(path, data, size, LIBRARY_FILE_MODE, error);
}

/* Reading the files takes its time, so that the lock is taken for what is written only. A file that
 * is damaged or missing comes back first. */
static bool
make_again(Library *library, const ContentTree *tree, LibraryGoOn go_on, gpointer user,
           bool *mended_out, gsize *read_out, GError **error)
{
        g_autoptr(GError) why = NULL;
        const char *content_id = tree_content_id(tree);
        g_autoptr(GBytes) tar = library_make_signatures(library, tree, true, go_on, user, &why);
        bool ok = true;

        if (tar != NULL) {
                *read_out += (gsize)tree_size(tree);
                pthread_mutex_lock(&library->change);
                if (library_content_exists(library, content_id))
                        *mended_out = ok = keep_all(library, content_id, tar, error);
                pthread_mutex_unlock(&library->change);
        } else if (uk_error_class(why) == UK_CLASS_LATER) {
                g_propagate_error(error, g_steal_pointer(&why));
                ok = false;
        }
        return ok;
}

static bool
check(Library *library, const char *content_id, const ContentTree *tree, LibraryGoOn go_on,
      gpointer user, GPtrArray *flaws, gsize *read_out, GError **error)
{
        LibraryFlaw found = { 0 }, *flaw;

        if (!compare_all(library, content_id, tree, &found, read_out, error))
                return false;
        if (found.path == NULL)
                return true;
        found.id = g_strdup(content_id);
        flaw = g_memdup2(&found, sizeof found);
        g_ptr_array_add(flaws, flaw);
        return tree == NULL || go_on == NULL ||
               make_again(library, tree, go_on, user, &flaw->mended, read_out, error);
}

bool
library_check_signatures(Library *library, const char *content_id, LibraryGoOn go_on, gpointer user,
                         GPtrArray *flaws, gsize *read_out, GError **error)
{
        UK_DOING(error, "looking at the signatures of content %s", content_id);
        const ContentTree *tree;
        bool ok;

        *read_out = 0;
        if (!tree_valid_id(content_id))
                return true;
        /* One whose definition is damaged is told of elsewhere. */
        tree = library_tree_ref(library, content_id, NULL);
        ok = check(library, content_id, tree, go_on, user, flaws, read_out, error);
        if (tree != NULL)
                library_tree_unref(library, tree);
        return ok;
}
