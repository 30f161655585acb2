/* pkgxfermgr_send.c - a package to a standard distribution point: order, files, commit.
 *
 * The order names all files by the package's bundle, the answer what is lacking and how much of it
 * is there; so a transfer that was cut off goes on at its byte, and a file that the distribution
 * point has is never sent (DIST-077, DIST-078, DIST-153; docs/distribution-point.md). The library's
 * files were hashed when they came in and are proved at the other end: here nothing is hashed.
 */
#include <string.h>

#include "base/clock.h"
#include "base/io.h"
#include "base/log.h"
#include "site/pkgxfermgr/pkgxfermgr_private.h"

/* An order that is lost, or still lacks something at its end, is given again so many times. */
#define ORDERS 4

/* A definition that is not in the library: the version has gone in good order meanwhile, rows and
 * all (NOT_FOUND), or the library was lost and only the rows are left, which is nobody's order. */
static void
explain_missing(const Send *send, const char *content_id, GError **error)
{
        g_autoptr(GPtrArray) rows =
                pkgcontent_list(send->c->db, send->job->pkg_id, send->job->version, error);

        if (rows != NULL && rows->len == 0)
                uk_fail(error, UK_ERROR_NOT_FOUND,
                        "version %" G_GINT64_FORMAT " is not at this site any more",
                        send->job->version);
        else if (rows != NULL)
                uk_fail(error, UK_ERROR_IO,
                        "content %s of package %s " DISTJOB_LOST ": upkeep package update %s",
                        content_id, send->job->pkg_id, send->job->pkg_id);
}

/* The tree, to be given back to the library. */
static const ContentTree *
find_tree(const Send *send, const char *content_id, GError **error)
{
        g_autoptr(GError) why = NULL;
        const ContentTree *tree = library_tree_ref(send->library, content_id, &why);

        if (tree == NULL && g_error_matches(why, UK_ERROR, UK_ERROR_NOT_FOUND))
                explain_missing(send, content_id, error);
        else if (tree == NULL)
                g_propagate_error(error, g_steal_pointer(&why));
        return tree;
}

static bool
add_trees(Send *send, Bundle *bundle, const GPtrArray *rows, GError **error)
{
        for (guint i = 0; i < rows->len; i++) {
                const PkgContent *row = rows->pdata[i];
                const ContentTree *tree = find_tree(send, row->content_id, error);

                if (tree == NULL)
                        return false;
                /* The bundle owns its trees; the library's are shared. */
                g_autoptr(GBytes) bytes = tree_write(tree);
                library_tree_unref(send->library, tree);
                ContentTree *copy =
                        tree_read(g_bytes_get_data(bytes, NULL), g_bytes_get_size(bytes), error);
                if (copy == NULL)
                        return false;
                g_ptr_array_add(bundle->trees, copy);
        }
        return true;
}

static GBytes *
make_bundle(Send *send, const GPtrArray *rows, GError **error)
{
        g_autoptr(Bundle) bundle = bundle_new(send->job->pkg_id, send->job->version);
        GBytes *bytes = add_trees(send, bundle, rows, error) ? bundle_write(bundle, error) : NULL;

        if (bytes != NULL)
                pkgxfermgr_keep_bundle(send->c, send->job->pkg_id, send->job->version, bytes);
        return bytes;
}

GBytes *
pkgxfermgr_bundle(Send *send, GPtrArray **rows_out, GError **error)
{
        UK_DOING(error, "making the bundle of package %s", send->job->pkg_id);
        g_autoptr(GPtrArray) rows =
                pkgcontent_list(send->c->db, send->job->pkg_id, send->job->version, error);

        if (rows == NULL)
                return NULL;
        if (rows->len == 0) {
                uk_fail(error, UK_ERROR_NOT_FOUND,
                        "version %" G_GINT64_FORMAT " is not at this site", send->job->version);
                return NULL;
        }
        GBytes *bytes = pkgxfermgr_kept_bundle(send->c, send->job->pkg_id, send->job->version);
        if (bytes == NULL)
                bytes = make_bundle(send, rows, error);
        if (bytes != NULL)
                *rows_out = g_steal_pointer(&rows);
        return bytes;
}

/* The content items of older versions that the site has deltas from, with commas; NULL: none. */
static char *
related(Send *send, GError **error)
{
        g_autoptr(GPtrArray) rows = pkgcontent_list(send->c->db, send->job->pkg_id, 0, error);
        g_autoptr(GString) ids = g_string_new(NULL);

        for (guint i = 0; rows != NULL && i < rows->len; i++) {
                const PkgContent *row = rows->pdata[i];

                if (row->version < send->job->version)
                        g_string_append_printf(ids, "%s%s", ids->len > 0 ? "," : "",
                                               row->content_id);
        }
        return ids->len > 0 ? g_string_free(g_steal_pointer(&ids), FALSE) : NULL;
}

static void
log_contents(const Send *send, const GPtrArray *rows)
{
        UK_LOG_TOGETHER();

        if (send->job->action == DISTJOB_REDISTRIBUTE)
                uk_log("Performing preactions package %s, Distribution point %s", send->job->pkg_id,
                       send->point->server);
        for (guint i = 0; i < rows->len; i++) {
                const PkgContent *row = rows->pdata[i];
                bool all = send->job->action == DISTJOB_REDISTRIBUTE;

                uk_log("Sending legacy content %s for package %s", row->content_id,
                       send->job->pkg_id);
                uk_log("Redistribute=%d, Related=%s", all ? 1 : 0, all ? "" : row->related);
        }
}

/* One that was damaged in the library of the site is left out: the distribution point does without,
 * and verification makes it again. */
static bool
is_the_one(const PkgContent *row, const char *data, gsize size)
{
        guint8 digest[HASH_SHA256_SIZE];

        hash_sha256(data, size, digest);
        g_autofree char *hex = hash_hex(digest, sizeof digest);
        if (*row->signature_hash == '\0' || g_ascii_strcasecmp(hex, row->signature_hash) == 0)
                return true;
        uk_warn("The signatures of content %s are damaged; it is sent without them",
                row->content_id);
        return false;
}

/* NULL: there are none, or none that it could take. */
static GBytes *
read_signatures(const Send *send, const PkgContent *row)
{
        g_autofree char *file =
                g_strdup_printf("%s/SMSSIG$/%s.tar", library_root(send->library), row->content_id);
        g_autoptr(GError) why = NULL;
        g_autofree char *data = NULL;
        gsize size;

        if (!uk_io_read(file, BUNDLE_MAX_BYTES, &data, &size, &why)) {
                if (!g_error_matches(why, UK_ERROR, UK_ERROR_NOT_FOUND))
                        uk_warn("Content %s is sent without its signatures: %s", row->content_id,
                                why->message);
                return NULL;
        }
        /* Without any file of several chunks there are none; an empty tar is all zeros. */
        if (size == 0 || data[0] == '\0' || !is_the_one(row, data, size))
                return NULL;
        return g_bytes_new_take(g_steal_pointer(&data), size);
}

/* The signatures of a content item, for pull distribution points that read from this one. One that
 * does not take them makes its own, or goes without. */
static bool
send_signatures(Send *send, const DpOrderAnswer *order, const GPtrArray *rows, GError **error)
{
        for (guint i = 0; i < rows->len; i++) {
                const PkgContent *row = rows->pdata[i];
                g_autofree char *path =
                        g_strdup_printf("/SMS_DP$/%s.tar?order=%s", row->content_id, order->id);
                g_autoptr(GBytes) bytes = read_signatures(send, row);
                DpVerdict verdict;
                gint64 position;

                if (bytes == NULL)
                        continue;
                send->blame = true;
                if (!dpclient_put(&send->client, path, order->token, bytes, false, &verdict,
                                  &position, error))
                        return false;
                send->blame = false;
                if (verdict != DPCLIENT_TAKEN)
                        uk_warn("%s does not take the signatures of content %s (%zu bytes), it "
                                "goes on without",
                                send->point->server, row->content_id, g_bytes_get_size(bytes));
        }
        return true;
}

/* How one order is to go. */
typedef struct {
        GBytes *bundle;
        const GPtrArray *rows;
        bool redistribute;
        bool apart; /* the last small files do not go with its end */
} Attempt;

static gint64
count_files(const GPtrArray *rows)
{
        gint64 files = 0;

        for (guint i = 0; i < rows->len; i++)
                files += ((const PkgContent *)rows->pdata[i])->files;
        return files;
}

/* Whether the package is still to be sent. Who removes it there takes its job back first: what is
 * begun or ended behind that would bring it back. */
static bool
is_wanted(Send *send, GError **error)
{
        g_autoptr(GError) why = NULL;
        g_autoptr(DistJob) now = distjob_load(send->c->db, send->job->id, &why);

        send->blame = false;
        if (now != NULL && now->action != DISTJOB_CANCEL)
                return true;
        if (now == NULL && !g_error_matches(why, UK_ERROR, UK_ERROR_NOT_FOUND)) {
                g_propagate_error(error, g_steal_pointer(&why));
                return false;
        }
        atomic_store(&send->sending->stop, STOP_CANCELLED);
        return uk_fail(error, UK_ERROR_CANCELLED, "the job was taken back");
}

/* The end of an order, with the last small files. *again_out: it lacks something, or refuses one of
 * these; the next order sends them apart and finds out which. */
static bool
end_order(Send *send, const DpOrderAnswer *order, const GPtrArray *rows, const DpBatch *last,
          bool *again_out, GError **error)
{
        DpEnd end;

        if (!pkgxfermgr_go_on(send, error) || !is_wanted(send, error))
                return false;
        gint64 began = uk_clock_mono();
        send->blame = true;
        if (!dpclient_commit(&send->client, order, count_files(rows), last, &end,
                             &send->point->bytes_free, error))
                return false;
        send->blame = false;
        if (end == DPCLIENT_DONE)
                pkgxfermgr_log_last(send, (int)((uk_clock_mono() - began) / 1000));
        *again_out = end != DPCLIENT_DONE;
        return true;
}

/* One order from its beginning to its end. *again_out: it was lost, or lacks something. */
static bool
fulfil(Send *send, const Attempt *attempt, bool *again_out, GError **error)
{
        g_autofree char *old = attempt->redistribute ? NULL : related(send, NULL);
        g_autofree char *sparse = pkgxfermgr_sparse(send->library, attempt->rows, &send->spared);
        DpBatch last = { 0 };

        *again_out = false;
        send->blame = true;
        g_autoptr(DpOrderAnswer) order = dpclient_order(&send->client, attempt->bundle,
                                                        attempt->redistribute, old, sparse, error);
        if (order == NULL)
                return false;
        send->blame = false;
        bool done = pkgxfermgr_files(send, order, attempt->rows, attempt->apart ? NULL : &last,
                                     error) &&
                    send_signatures(send, order, attempt->rows, error) &&
                    end_order(send, order, attempt->rows, &last, again_out, error);
        g_clear_pointer(&last.bytes, g_bytes_unref);
        return done;
}

/* An order that the distribution point does not know (any more) is given again; every other
 * failure is one. */
static bool
fulfil_in_the_end(Send *send, GBytes *bundle, const GPtrArray *rows, GError **error)
{
        for (int i = 0; i < ORDERS; i++) {
                g_autoptr(GError) failure = NULL;
                bool again = false;
                Attempt attempt = { bundle, rows,
                                    i == 0 && send->job->action == DISTJOB_REDISTRIBUTE, i > 0 };

                if (!is_wanted(send, error))
                        return false;
                if (!fulfil(send, &attempt, &again, &failure)) {
                        if (!send->blame ||
                            !g_error_matches(failure, UK_ERROR, UK_ERROR_NOT_FOUND)) {
                                g_propagate_error(error, g_steal_pointer(&failure));
                                return false;
                        }
                        uk_warn("The order is given again: %s", failure->message);
                } else if (!again) {
                        return true;
                }
        }
        send->blame = true;
        return uk_fail(error, UK_ERROR_REMOTE,
                       "distribution point %s loses what it is sent: %d orders came to no end",
                       send->point->server, ORDERS);
}

SendResult
pkgxfermgr_send(Send *send, GError **error)
{
        g_autoptr(GPtrArray) rows = NULL;
        g_autoptr(GError) failure = NULL;

        if (!pkgxfermgr_report(send, PKGSTATUS_NONE, "", error))
                return SENT_FAILED;
        g_autoptr(GBytes) bundle = pkgxfermgr_bundle(send, &rows, &failure);
        if (bundle == NULL && g_error_matches(failure, UK_ERROR, UK_ERROR_NOT_FOUND))
                return SENT_OBSOLETE;
        if (bundle != NULL) {
                log_contents(send, rows);
                if (fulfil_in_the_end(send, bundle, rows, &failure)) {
                        UK_LOG_TOGETHER();
                        uk_log("Completed post-actions for remote DP %s", send->point->server);
                        uk_log("~Sending completed successfully");
                        return SENT_DONE;
                }
        }
        if (g_error_matches(failure, UK_ERROR, UK_ERROR_CANCELLED))
                return SENT_STOPPED;
        g_propagate_error(error, g_steal_pointer(&failure));
        return SENT_FAILED;
}
