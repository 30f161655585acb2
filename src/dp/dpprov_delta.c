/* dpprov_delta.c - deltas and frames of an order: files made from what is here.
 *
 *   PUT /SMS_DP$/<NEW>.<OLD>.delta?order=[&position=&size=]    a file from an old one, by hashes
 *   PUT /SMS_DP$/<NEW>.<OLD>.frame?order=[&position=&size=]    the small files of a content item
 *
 * Whatever is wrong with one is 422, and the site sends the files. A good one is kept for pull
 * distribution points (SMSDLT$).
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/io.h"
#include "content/delta.h"
#include "content/deltastore.h"
#include "dp/dpprov_put.h"

/* Of a delta that comes in pieces: a larger one would hardly be smaller than the file. */
#define MAX_DELTA (G_GINT64_CONSTANT(1024) * 1024 * 1024)

/* The whole thing, open for reading; removed from its folder by whoever took it. */
typedef struct {
        char *path;
        int fd;
        gint64 have;
} Staged;

static void
staged_clear(Staged *staged)
{
        uk_io_close(&staged->fd);
        g_free(staged->path);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Staged, staged_clear)

static bool
write_staged(gpointer user, const void *data, gsize size, GError **error)
{
        Staged *staged = user;

        if (staged->have + (gint64)size > MAX_DELTA)
                return uk_fail(error, UK_ERROR_LIMIT, "it has more than %" G_GINT64_FORMAT " bytes",
                               MAX_DELTA);
        if (!uk_io_pwrite(staged->fd, data, size, staged->have, staged->path, error))
                return false;
        staged->have += (gint64)size;
        return true;
}

/* Adds the body to what is staged under the request's name. *whole_out: all of it is here. */
static bool
stage(const Put *put, Staged *staged, bool *whole_out, gint64 *conflict_out, GError **error)
{
        gint64 position, all;
        struct stat info;

        *conflict_out = -1;
        if (!dpprov_put_number(put->request, "position", 0, &position, error) ||
            !dpprov_put_number(put->request, "size", -1, &all, error))
                return false;
        staged->path = incoming_stage(put->dp->incoming, put->incoming, put->name, error);
        if (staged->path == NULL)
                return false;
        staged->fd = open(staged->path,
                          O_RDWR | O_CREAT | O_CLOEXEC | (position == 0 ? O_TRUNC : 0), 0640);
        if (staged->fd < 0 || fstat(staged->fd, &info) < 0)
                return uk_fail_errno(error, errno, "opening %s", staged->path);
        staged->have = info.st_size;
        if (position != staged->have) {
                *conflict_out = staged->have;
                return true;
        }
        if (!body_pour(&put->body, write_staged, staged, error))
                return false;
        *whole_out = all < 0 || staged->have >= all;
        return true;
}

/* The hash of no bytes stands for no old file. */
static int
open_old(Library *library, const guint8 *hash, gint64 *size_out, GError **error)
{
        guint8 none[HASH_SHA256_SIZE];
        int fd;

        hash_sha256("", 0, none);
        if (memcmp(hash, none, sizeof none) != 0)
                return library_open_file(library, hash, size_out, error);
        *size_out = 0;
        fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
        if (fd < 0)
                uk_fail_errno(error, errno, "opening /dev/null");
        return fd;
}

static bool
apply_delta(const Put *put, const guint8 *new_hash, const guint8 *old_hash, const Staged *staged,
            GError **error)
{
        IncomingFile file;
        gint64 old_size;

        if (!incoming_find(put->incoming, new_hash, &file))
                return uk_fail(error, UK_ERROR_NOT_FOUND, "the order has no such file as %s",
                               put->name);
        if (incoming_is_whole(put->incoming, new_hash))
                return true;
        UK_AUTOFD old_fd = open_old(put->library, old_hash, &old_size, error);
        if (old_fd < 0)
                return false;
        LibraryFile *open = incoming_take_file(put->incoming, put->library, &file, error);
        if (open == NULL)
                return false;
        bool good = library_file_restart(open, error) &&
                    delta_apply(old_fd, old_size, staged->fd, file.size, dpprov_put_write, open,
                                error) &&
                    library_file_end(open, error);
        if (good)
                dpprov_put_whole(put, file.hash);
        incoming_give_file(put->incoming, &file, open, false);
        return good;
}

static void
note_files(const Put *put, const ContentTree *new_tree, const ContentTree *old_tree)
{
        g_autoptr(GArray) files = deltastore_frame_files(new_tree, old_tree);

        for (guint i = 0; i < files->len; i++)
                incoming_note_whole(put->incoming,
                                    tree_entry(new_tree, g_array_index(files, guint, i))->hash);
}

static bool
publish(Library *library, const ContentTree *tree, GError **error)
{
        const char *const ids[] = { tree_content_id(tree), NULL };

        return library_publish(library, ids, error);
}

/* So that the frame can bring them: what is open is closed, and what is whole gets its name. */
static bool
settle_files(const Put *put, const ContentTree *new_tree, const ContentTree *old_tree,
             GError **error)
{
        g_autoptr(GArray) files = deltastore_frame_files(new_tree, old_tree);

        for (guint i = 0; i < files->len; i++) {
                const TreeEntry *entry = tree_entry(new_tree, g_array_index(files, guint, i));
                IncomingFile file;

                if (incoming_find(put->incoming, entry->hash, &file) &&
                    !incoming_close_file(put->incoming, &file, error))
                        return false;
        }
        return publish(put->library, new_tree, error);
}

static bool
apply_frame(const Put *put, const guint8 *new_hash, const guint8 *old_hash, const Staged *staged,
            GError **error)
{
        const ContentTree *new_tree = incoming_tree_by_hash(put->incoming, new_hash);
        GPtrArray *related = dpprov_related(put->library, incoming_order(put->incoming));
        const ContentTree *old_tree = NULL;
        bool good;

        for (guint i = 0; i < related->len; i++) {
                if (memcmp(tree_hash(related->pdata[i]), old_hash, HASH_SHA256_SIZE) == 0)
                        old_tree = related->pdata[i];
        }
        if (new_tree == NULL || old_tree == NULL)
                good = uk_fail(error, UK_ERROR_NOT_FOUND,
                               "the content items of the frame %s are not both known here",
                               put->name);
        else
                good = settle_files(put, new_tree, old_tree, error) &&
                       deltastore_apply_frame(put->library, new_tree, old_tree, staged->fd,
                                              error) &&
                       publish(put->library, new_tree, error);
        if (good)
                note_files(put, new_tree, old_tree);
        dpprov_related_free(put->library, related);
        return good;
}

/* Whatever is wrong with a delta is answered 422: the site then sends the file. */
static void
blame_delta(GError **error)
{
        if (g_error_matches(*error, UK_ERROR, UK_ERROR_PARSE) ||
            g_error_matches(*error, UK_ERROR, UK_ERROR_LIMIT) ||
            g_error_matches(*error, UK_ERROR, UK_ERROR_NOT_FOUND))
                (*error)->code = UK_ERROR_SIGNATURE;
}

/* "<NEW>.<OLD>.delta" or ".frame" */
bool
dpprov_put_delta(const Put *put, GError **error)
{
        bool frame = g_str_has_suffix(put->name, ".frame");
        guint8 new_hash[HASH_SHA256_SIZE], old_hash[HASH_SHA256_SIZE];
        g_auto(Staged) staged = { .fd = -1 };
        bool whole = false;
        gint64 conflict;
        g_autofree char *kept = g_strndup(put->name, 2 * HASH_SHA256_HEX + 1); /* "<NEW>.<OLD>" */

        if (strlen(put->name) != 2 * HASH_SHA256_HEX + strlen("..delta") ||
            put->name[HASH_SHA256_HEX] != '.' ||
            !hash_from_hex(put->name, HASH_SHA256_HEX, new_hash, sizeof new_hash) ||
            !hash_from_hex(put->name + HASH_SHA256_HEX + 1, HASH_SHA256_HEX, old_hash,
                           sizeof old_hash))
                return uk_fail(error, UK_ERROR_INVALID, "'%s' is not of the form <NEW>.<OLD>.%s",
                               put->name, frame ? "frame" : "delta");
        if (g_bytes_get_size(put->body.bytes) > DPPROV_MAX_BLOCK)
                return uk_fail(error, UK_ERROR_LIMIT, "a block has at most %d bytes",
                               DPPROV_MAX_BLOCK);
        if (!stage(put, &staged, &whole, &conflict, error))
                return dpprov_put_answer_failed(put->request, put->library, error);
        if (conflict >= 0 || !whole) {
                dpprov_put_answer(put->request, conflict >= 0 ? 409 : 200, "Position", staged.have);
                return true;
        }
        bool good = (frame ? apply_frame : apply_delta)(put, new_hash, old_hash, &staged, error);
        /* Kept for pull distribution points; without it they go another way. */
        if (good && !deltastore_put(put->library, kept, staged.fd, error)) {
                uk_warn("The delta %s is not kept: %s", put->name, (*error)->message);
                g_clear_error(error);
        }
        uk_io_discard(staged.path);
        if (!good) {
                blame_delta(error);
                return dpprov_put_answer_failed(put->request, put->library, error);
        }
        dpprov_put_answer(put->request, 200, NULL, 0);
        dpprov_put_publish(put);
        return true;
}
