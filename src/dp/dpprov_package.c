/* dpprov_package.c - the packages of this distribution point: listed, asked for, removed. */
#include <string.h>

#include "base/clock.h"
#include "base/io.h"
#include "dp/dp_private.h"
#include "dp/pulldp/pulldp.h"
#include "dp/pulljob.h"
#include "wire/json.h"
#include "wire/pullnotice.h"

#define MAX_BODY (64 * 1024)

static void
answer_text(HttpRequest *request, GString *out)
{
        gsize size = out->len;

        http_answer_take(request, 200, "application/json", g_string_free(out, FALSE), size);
}

bool
dpprov_read_package(HttpRequest *request, char **package_id_out, gint64 *version_out,
                    GError **error)
{
        gsize size;
        const char *body = http_request_body(request, &size);
        g_autoptr(JsonDoc) doc = json_read(body, size, MAX_BODY, error);
        const char *id = doc != NULL ? json_get_text(json_root(doc), "PackageID", "") : NULL;

        if (id == NULL)
                return false;
        if (!pullnotice_id_valid(id))
                return uk_fail(error, UK_ERROR_INVALID, "the PackageID is '%.40s'", id);
        *package_id_out = g_strdup(id);
        if (version_out != NULL)
                *version_out = json_get_int(json_root(doc), "Version", 0);
        return true;
}

/* --- removal --- */

/* Nothing of the package comes in any more, whether a job was made of it yet or not. */
static bool
end_incoming(Component *c, const char *id, GError **error)
{
        g_autoptr(DbTx) tx = db_begin(c->db, error);

        return tx != NULL && dporder_drop(tx, id, error) && pulljob_end(tx, id, error) &&
               db_commit(g_steal_pointer(&tx), error);
}

bool
dp_drop_coming(Dp *dp, const char *package_id, GHashTable *gone, GHashTable *keep, GError **error)
{
        Library *library = dp_library(dp, error);
        g_autoptr(GHashTable) kept = library_things_of(keep);
        GHashTableIter each;
        gpointer id;

        if (library == NULL || !library_drop_arriving(library, package_id, gone, keep, error))
                return false;
        g_hash_table_iter_init(&each, gone);
        while (g_hash_table_iter_next(&each, &id, NULL)) {
                g_autofree char *thing = library_thing_of(id, NULL);

                if (!g_hash_table_contains(kept, thing != NULL ? thing : id) &&
                    !library_abandon_content(library, id, error))
                        return false;
        }
        return true;
}

bool
dp_drop_unordered(Dp *dp, Db *db, const char *package_id, GHashTable *gone, GError **error)
{
        g_autoptr(GHashTable) keep = incoming_contents_but(dp->incoming, db, NULL);

        return dp_drop_coming(dp, package_id, gone, keep, error);
}

/* What the order brings, if it is lost; NULL: it is not. */
static GHashTable *
lost_contents(Db *db, Incoming *incoming, GError **error)
{
        const GPtrArray *trees = incoming_bundle(incoming)->trees;
        GHashTable *ids;
        bool lost;

        if (!incoming_is_lost(db, incoming, &lost, error) || !lost)
                return NULL;
        ids = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
        for (guint i = 0; i < trees->len; i++)
                g_hash_table_add(ids, g_strdup(tree_content_id(trees->pdata[i])));
        return ids;
}

static bool
drop_lost(Component *c, const char *package_id, GHashTable *gone, GError **error)
{
        Dp *dp = dp_of(c);

        dp_settle_begin(dp, package_id);
        bool done = dp_drop_unordered(dp, c->db, package_id, gone, error);
        dp_settle_end(dp, package_id);
        return done;
}

void
dpprov_let_go(Component *c, Incoming *incoming_take)
{
        g_autofree char *package_id = g_strdup(incoming_order(incoming_take)->package_id);
        g_autoptr(GError) why = NULL;
        g_autoptr(GHashTable) gone = lost_contents(c->db, incoming_take, &why);
        bool good = why == NULL;

        if (gone != NULL)
                good = incoming_lose(dp_of(c)->incoming, incoming_take, &why) &&
                       drop_lost(c, package_id, gone, &why);
        incoming_unref(incoming_take);
        if (!good)
                uk_warn("What came of package %s while it was taken back may be here until the "
                        "next start: %s",
                        package_id, why->message);
}

/* What an order has brought of a package that is removed; the first time as what makes room, and
 * once more when its row is gone, since a request may have read that again in between. */
static bool
forget_coming(Dp *dp, Db *db, const char *id, GHashTable *gone, GHashTable *keep, GError **error)
{
        return incoming_forget(dp->incoming, db, id, error) &&
               dp_drop_coming(dp, id, gone, keep, error);
}

/* The library first, which may make the room that the rows need. Under the settle lock from the
 * first look: an order that is just being replaced is not known, and what came by it would stay. */
static bool
take_settled(Component *c, Library *library, const char *id, GError **error)
{
        Dp *dp = dp_of(c);
        g_autoptr(GHashTable) gone = incoming_contents_of(dp->incoming, c->db, id);
        g_autoptr(GHashTable) keep = g_hash_table_size(gone) > 0
                                             ? incoming_contents_but(dp->incoming, c->db, id)
                                             : g_hash_table_new(g_str_hash, g_str_equal);

        return forget_coming(dp, c->db, id, gone, keep, error) &&
               library_remove_package(library, id, error) && end_incoming(c, id, error) &&
               forget_coming(dp, c->db, id, gone, keep, error);
}

/* What would bring the package back meanwhile waits for the end, and then finds that nobody wants
 * it. */
static bool
take_away(Component *c, Library *library, const char *id, GError **error)
{
        Dp *dp = dp_of(c);

        dp_settle_begin(dp, id);
        bool done = take_settled(c, library, id, error);
        dp_settle_end(dp, id);
        return done && dp_drop_bundle(dp, c->db, id, error);
}

bool
dpprov_on_remove(Component *c, HttpRequest *request, GError **error)
{
        g_autofree char *id = NULL;
        gint64 free_bytes, total;
        JsonWriter w;

        if (!dpprov_read_package(request, &id, NULL, error))
                return false;
        UK_DOING(error, "removing package %s", id);
        Library *library = dp_library(dp_of(c), error);
        if (library == NULL || !take_away(c, library, id, error) ||
            !library_space(library, &free_bytes, &total, error))
                return false;
        pulldp_ring(c->host);
        uk_log("Package '%s' has been removed from the content library", id);
        GString *out = g_string_new(NULL);

        json_begin(&w, out);
        json_object(&w, NULL);
        json_int(&w, "BytesFree", free_bytes);
        json_end(&w, '}');
        answer_text(request, out);
        return true;
}

/* --- lists --- */

bool
dpprov_list_packages(JsonWriter *w, Library *library, bool with_contents, GError **error)
{
        g_autoptr(GPtrArray) packages = library_packages(library, error);

        if (packages == NULL)
                return false;
        json_array(w, "Packages");
        for (guint i = 0; i < packages->len; i++) {
                const LibraryPackage *package = packages->pdata[i];

                json_object(w, NULL);
                json_text(w, "PackageID", package->package_id);
                json_int(w, "Version", package->version);
                if (with_contents) {
                        json_array(w, "ContentIDs");
                        for (char **id = package->content_ids; *id != NULL; id++)
                                json_text(w, NULL, *id);
                        json_end(w, ']');
                }
                json_end(w, '}');
        }
        json_end(w, ']');
        return true;
}

bool
dpprov_on_packages(Component *c, HttpRequest *request, GError **error)
{
        Library *library = dp_library(dp_of(c), error);
        GString *out = g_string_new(NULL);
        JsonWriter w;

        json_begin(&w, out);
        json_object(&w, NULL);
        if (library == NULL || !dpprov_list_packages(&w, library, true, error)) {
                g_string_free(out, TRUE);
                return false;
        }
        json_end(&w, '}');
        answer_text(request, out);
        return true;
}

/* --- one package --- */

/* How a package stands here. */
typedef struct {
        gint64 version;
        const char *state;
        gint64 done, all;
        char *error;
        gint64 next_us; /* of the next try, 0 none */
} Standing;

/* What is being pulled; *found_out false when nothing is. */
static bool
stand_by_pull(Component *c, const char *id, Standing *standing, bool *found_out, GError **error)
{
        g_autoptr(PullPackage) job = NULL;
        PullProgress progress;

        *found_out = false;
        if (!pulljob_load(c->db, id, &job, error))
                return false;
        if (job == NULL || strcmp(job->state, PULLJOB_SUCCEEDED) == 0 ||
            strcmp(job->state, PULLJOB_CANCELLED) == 0)
                return true;
        if (!pulljob_progress(c->db, id, &progress, error))
                return false;
        *found_out = true;
        standing->version = job->version;
        standing->state = strcmp(job->state, PULLJOB_RUNNING) == 0   ? "Downloading"
                          : strcmp(job->state, PULLJOB_WAITING) == 0 ? "Waiting"
                          : strcmp(job->state, PULLJOB_PAUSED) == 0  ? "Paused"
                                                                     : "Failed";
        if (progress.unplanned == 0) {
                standing->done = MIN(progress.bytes_done, progress.bytes_all);
                standing->all = progress.bytes_all;
        }
        standing->error = g_strdup(job->error);
        standing->next_us = job->next_us;
        return true;
}

/* What is being sent; *found_out false when nothing is. An order that reached one which pulls now,
 * as the last of a sending that ends, comes to nothing. */
static bool
stand_by_order(Component *c, const char *id, Standing *standing, bool *found_out, GError **error)
{
        g_autoptr(DistributionPoint) row = distributionpoint_load(c->db, error);
        g_autoptr(Incoming) incoming = NULL;

        *found_out = false;
        if (row == NULL || row->is_pull_dp != 0)
                return row != NULL;
        if (!incoming_of_package(dp_of(c)->incoming, c->db, id, &incoming, error))
                return false;
        *found_out = incoming != NULL;
        if (incoming == NULL)
                return true;
        standing->version = incoming_order(incoming)->version;
        standing->state = "Downloading";
        incoming_progress(incoming, &standing->done, &standing->all);
        return true;
}

/* What is in the library: all of it, or what of it is damaged or missing. */
static void
stand_by_library(Library *library, const LibraryPackage *package, Standing *standing)
{
        guint lacking = 0;

        standing->version = package->version;
        for (char **id = package->content_ids; *id != NULL; id++) {
                const ContentTree *tree = library_tree_ref(library, *id, NULL);
                g_autoptr(GArray) missing = tree != NULL ? library_missing(library, tree) : NULL;

                if (tree == NULL) {
                        lacking++;
                        continue;
                }
                standing->all += tree_size(tree);
                standing->done += tree_size(tree);
                for (guint i = 0; i < missing->len; i++)
                        standing->done -= tree_entry(tree, g_array_index(missing, guint, i))->size;
                lacking += missing->len;
                library_tree_unref(library, tree);
        }
        standing->state = lacking > 0 ? "Failed" : "Installed";
        if (lacking > 0)
                standing->error = g_strdup_printf(
                        "%u files are damaged or missing, and no source has had them yet", lacking);
}

static void
write_standing(HttpRequest *request, const char *id, const Standing *standing)
{
        GString *out = g_string_new(NULL);
        bool installed = strcmp(standing->state, "Installed") == 0;
        g_autofree char *next = standing->next_us != 0 ? uk_clock_iso(standing->next_us) : NULL;
        JsonWriter w;

        json_begin(&w, out);
        json_object(&w, NULL);
        json_text(&w, "PackageID", id);
        json_int(&w, "Version", standing->version);
        json_text(&w, "State", standing->state);
        json_int(&w, "Percent",
                 installed           ? 100
                 : standing->all > 0 ? standing->done * 100 / standing->all
                                     : 0);
        json_int(&w, "BytesDone", standing->done);
        json_int(&w, "BytesAll", standing->all);
        json_text(&w, "Error", standing->error != NULL ? standing->error : "");
        json_text(&w, "NextTry", next);
        json_end(&w, '}');
        answer_text(request, out);
}

bool
dpprov_on_package(Component *c, HttpRequest *request, GError **error)
{
        const char *id = http_request_query(request, "id");
        Library *library = dp_library(dp_of(c), error);
        Standing standing = { .state = "Absent" };
        g_autoptr(GError) why = NULL;

        if (library == NULL)
                return false;
        if (id == NULL || !pullnotice_id_valid(id))
                return uk_fail(error, UK_ERROR_INVALID, "the package is not named (id=)");
        g_autoptr(LibraryPackage) package = library_package(library, id, &why);
        if (package == NULL && uk_error_class(why) == UK_CLASS_LATER) {
                g_propagate_error(error, g_steal_pointer(&why));
                return false;
        }
        bool sending;
        if (!stand_by_pull(c, id, &standing, &sending, error) ||
            (!sending && !stand_by_order(c, id, &standing, &sending, error)))
                return false;
        if (!sending && package != NULL) {
                stand_by_library(library, package, &standing);
        } else if (!sending && !g_error_matches(why, UK_ERROR, UK_ERROR_NOT_FOUND)) {
                standing.state = "Failed";
                standing.error = g_strdup_printf("its definition is damaged: %s", why->message);
        }
        write_standing(request, id, &standing);
        g_free(standing.error);
        return true;
}
