/* pkgxfermgr_delta.c - what a receiver's old files spare: deltas of large files, a frame of the
 * small ones (architecture 6).
 *
 * Partners are found by likeness; what cannot be made, or what the receiver refuses, is no error
 * but the next way: the file itself.
 */
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/io.h"
#include "base/log.h"
#include "content/deltastore.h"
#include "content/likeness.h"
#include "site/pkgxfermgr/pkgxfermgr_work.h"

/* One piece of a delta. A receiver that does not know the way, or the order any more, is no trouble
 * here: the file itself finds out which. */
static bool
send_piece(SendWork *work, const char *path, GBytes *body, bool *taken_out, GError **error)
{
        g_autoptr(GError) failure = NULL;
        DpVerdict verdict = DPCLIENT_WRONG;
        gint64 wanted = 0;

        if (!pkgxfermgr_put(work, path, body, false, &verdict, &wanted, &failure) &&
            !(work->send->blame && (g_error_matches(failure, UK_ERROR, UK_ERROR_NOT_FOUND) ||
                                    g_error_matches(failure, UK_ERROR, UK_ERROR_DENIED)))) {
                g_propagate_error(error, g_steal_pointer(&failure));
                return false;
        }
        work->send->blame = false;
        *taken_out = failure == NULL && verdict == DPCLIENT_TAKEN;
        return true;
}

/* Sends what fd holds under a name, in pieces. *taken_out false: the receiver cannot use it. */
static bool
send_staged(SendWork *work, const char *name, int fd, gint64 size, bool *taken_out, GError **error)
{
        gint64 position = 0;

        do {
                gsize part = (gsize)MIN((gint64)pkgxfermgr_block_size(work), size - position);
                guint8 *data = g_malloc(MAX(part, 1));
                g_autoptr(GBytes) body = g_bytes_new_take(data, part);
                g_autofree char *path = g_strdup_printf(
                        "/SMS_DP$/%s?order=%s&position=%" G_GINT64_FORMAT "&size=%" G_GINT64_FORMAT,
                        name, work->order->id, position, size);

                if (pread(fd, data, part, position) != (ssize_t)part)
                        return uk_fail(error, UK_ERROR_IO, "reading the delta %s", name);
                if (!send_piece(work, path, body, taken_out, error))
                        return false;
                position += (gint64)part;
        } while (*taken_out && position < size);
        return true;
}

/* The file of the receiver that this one is made from; NULL: none. */
static const guint8 *
partner_of(const SendWork *work, const DpMissing *missing)
{
        const LikenessPair *pair = g_hash_table_lookup(work->old_of, missing->hash);

        if (pair != NULL)
                return pair->old_hash;
        return missing->has_old ? missing->old : NULL;
}

/* As a delta, if there is one and the receiver can use it. *sent_out false: go the next way. */
bool
pkgxfermgr_try_delta(SendWork *work, SendFile *file, const DpMissing *missing, bool *sent_out,
                     GError **error)
{
        const guint8 *old = partner_of(work, missing);
        g_autoptr(GError) none = NULL;
        gint64 size = 0;

        *sent_out = false;
        /* What is there is to be repaired, not to be built upon (DIST-155). */
        if (work->send->job->action == DISTJOB_REDISTRIBUTE)
                return true;
        /* What is there already of a large file is not given away for a delta. */
        if (old == NULL || missing->position > missing->size / 2)
                return true;
        UK_AUTOFD fd = deltastore_open(work->send->library, missing->hash, old, &size, &none);
        if (fd < 0) {
                uk_verbose("No delta for %s: %s", file->entry->path, none->message);
                return true;
        }
        g_autofree char *new_hex = pkgxfermgr_hex(missing->hash);
        g_autofree char *old_hex = pkgxfermgr_hex(old);
        g_autofree char *name = g_strdup_printf("%s.%s.delta", new_hex, old_hex);
        gint64 began = uk_clock_mono();
        if (!send_staged(work, name, fd, size, sent_out, error))
                return false;
        if (!*sent_out) {
                uk_log("The delta for %s was refused; the whole file is sent", file->entry->path);
                return true;
        }
        uk_verbose("%s is sent as a delta of %" G_GINT64_FORMAT
                   " bytes instead of %" G_GINT64_FORMAT,
                   file->entry->path, size, missing->size);
        pkgxfermgr_log_copy(work, file, (int)((uk_clock_mono() - began) / 1000));
        work->deltas++;
        work->delta_bytes += size;
        pkgxfermgr_note_sent(work, file, missing->size - missing->position);
        return true;
}

/* The tree of this package, or of an older version, with that content hash; referenced, NULL. */
static const ContentTree *
tree_by_hash(SendWork *work, const guint8 *hash)
{
        g_autofree char *hex = pkgxfermgr_hex(hash);
        g_autoptr(GPtrArray) rows =
                pkgcontent_list(work->send->c->db, work->send->job->pkg_id, 0, NULL);

        for (guint i = 0; rows != NULL && i < rows->len; i++) {
                const PkgContent *row = rows->pdata[i];

                if (strcmp(row->hash, hex) == 0)
                        return library_tree_ref(work->send->library, row->content_id, NULL);
        }
        return NULL;
}

/* What the frame holds is there. */
static void
note_frame(SendWork *work, const ContentTree *new_tree, const ContentTree *old_tree, int ticks)
{
        g_autoptr(GArray) held = deltastore_frame_files(new_tree, old_tree);

        for (guint i = 0; i < held->len; i++) {
                const TreeEntry *entry = tree_entry(new_tree, g_array_index(held, guint, i));
                SendFile *file = g_hash_table_lookup(work->files, entry->hash);

                if (file == NULL)
                        continue;
                file->ticks = ticks;
                pkgxfermgr_note_sent(work, file, entry->size);
        }
}

static bool
send_frame(SendWork *work, const DpFrame *frame, const ContentTree *new_tree,
           const ContentTree *old_tree, GError **error)
{
        g_autoptr(GError) none = NULL;
        gint64 size = 0;
        bool taken = false;
        UK_AUTOFD fd = deltastore_open_frame(work->send->library, new_tree, old_tree, &size, &none);

        if (fd < 0) {
                uk_verbose("No frame for %s: %s", tree_content_id(new_tree), none->message);
                return true;
        }
        g_autofree char *new_hex = pkgxfermgr_hex(frame->new_hash);
        g_autofree char *old_hex = pkgxfermgr_hex(frame->old_hash);
        g_autofree char *name = g_strdup_printf("%s.%s.frame", new_hex, old_hex);
        gint64 began = uk_clock_mono();
        if (!send_staged(work, name, fd, size, &taken, error))
                return false;
        if (taken) {
                work->frames++;
                work->delta_bytes += size;
                note_frame(work, new_tree, old_tree, (int)((uk_clock_mono() - began) / 1000));
        }
        return true;
}

static bool
wants_frame(const SendWork *work)
{
        for (guint i = 0; i < work->order->missing->len; i++) {
                if (g_array_index(work->order->missing, DpMissing, i).size < DELTASTORE_SMALL)
                        return true;
        }
        return false;
}

/* Which files of the new item are like which of the old one, for the larger ones. */
static void
find_partners(SendWork *work, const ContentTree *old_tree, const ContentTree *new_tree)
{
        g_autoptr(GError) none = NULL;
        g_autoptr(GArray) pairs = likeness_pairs(work->send->library, old_tree, new_tree, &none);

        if (pairs == NULL) {
                uk_verbose("No partners for %s: %s", tree_content_id(new_tree), none->message);
                return;
        }
        for (guint i = 0; i < pairs->len; i++) {
                const LikenessPair *pair = &g_array_index(pairs, LikenessPair, i);
                LikenessPair *copy = g_memdup2(pair, sizeof *pair);

                if (!g_hash_table_contains(work->old_of, copy->new_hash))
                        g_hash_table_insert(work->old_of, copy->new_hash, copy);
                else
                        g_free(copy);
        }
}

/* What an older content item at the receiver spares: partners of large files, a frame of the small
 * ones. */
bool
pkgxfermgr_use_old_items(SendWork *work, GError **error)
{
        if (work->send->job->action == DISTJOB_REDISTRIBUTE)
                return true;
        for (guint i = 0; i < work->order->frames->len; i++) {
                const DpFrame *frame = &g_array_index(work->order->frames, DpFrame, i);
                const ContentTree *new_tree = tree_by_hash(work, frame->new_hash);
                const ContentTree *old_tree = tree_by_hash(work, frame->old_hash);
                bool good = true;

                if (new_tree != NULL && old_tree != NULL) {
                        find_partners(work, old_tree, new_tree);
                        good = !wants_frame(work) ||
                               send_frame(work, frame, new_tree, old_tree, error);
                }
                if (new_tree != NULL)
                        library_tree_unref(work->send->library, new_tree);
                if (old_tree != NULL)
                        library_tree_unref(work->send->library, old_tree);
                if (!good)
                        return false;
        }
        return true;
}
