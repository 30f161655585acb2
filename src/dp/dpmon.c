/* dpmon.c - the content library is looked after: files are read in idle time and compared with
 * their hashes, and what is damaged or missing is brought back from other distribution points.
 *
 *   timer "verify": the next bytes, at most the budget of a second; all files in turn, then a pause
 *   timer "repair": every content item's missing files, at the start, after damage, now and then;
 *                   and deltas that nobody needs any more go
 *
 * On a site server this is the site's task: there the library is only read.
 */
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/io.h"
#include "content/library_clean.h"
#include "content/deltastore.h"
#include "dp/dp_private.h"
#include "dp/repair.h"
#include "dp/verify.h"
#include "host/timer.h"
#include "wire/json.h"

#define MAX_SIGNATURES (DPPROV_MAX_PUT)
/* ioprio_set(2): this thread's class idle, so that whoever serves or receives comes first. */
#define IOPRIO_WHO_PROCESS 1
#define IOPRIO_CLASS_IDLE  (3 << 13)

/* Where a pass over all files stands; the lane's alone. */
typedef struct {
        GPtrArray *content_ids;  /* in order, those that are still to come last; NULL: no pass */
        const ContentTree *tree; /* the first of them, or NULL */
        guint entry;
        Verify *verify;   /* of that entry, or NULL */
        GHashTable *seen; /* hashes of this pass */
        gint64 files, bytes, damaged;
        char *last_failure; /* what repair said last, to say it once */
} Pass;

/* --- what there is --- */

static gint64
rate_of(Component *c, GError **error)
{
        g_autoptr(DistributionPoint) row = distributionpoint_load(c->db, error);

        if (row == NULL)
                return -1;
        return row->verify_rate > 0
                       ? row->verify_rate
                       : settings_int(host_settings(c->host), "dp.verify_bytes_per_second");
}

/* IDs of all content items of all packages, each once. */
static GPtrArray *
all_content_ids(Library *library, GError **error)
{
        g_autoptr(GPtrArray) packages = library_packages(library, error);
        g_autoptr(GHashTable) known = g_hash_table_new(g_str_hash, g_str_equal);

        if (packages == NULL)
                return NULL;
        GPtrArray *ids = g_ptr_array_new_with_free_func(g_free);
        for (guint i = 0; i < packages->len; i++) {
                const LibraryPackage *package = packages->pdata[i];

                for (char **id = package->content_ids; *id != NULL; id++) {
                        if (g_hash_table_add(known, *id))
                                g_ptr_array_add(ids, g_strdup(*id));
                }
        }
        return ids;
}

/* --- a pass --- */

static void
leave_tree(Pass *pass, Library *library)
{
        g_clear_pointer(&pass->verify, verify_free);
        if (pass->tree != NULL)
                library_tree_unref(library, pass->tree);
        pass->tree = NULL;
        pass->entry = 0;
}

static bool
begin_pass(Pass *pass, Library *library, GError **error)
{
        pass->content_ids = all_content_ids(library, error);
        pass->seen = g_hash_table_new_full(incoming_hash_of, incoming_hash_equal, g_free, NULL);
        pass->files = pass->bytes = pass->damaged = 0;
        return pass->content_ids != NULL;
}

/* What nobody explains, and nobody has touched for a week, goes. */
static void
clean(Library *library)
{
        g_autoptr(GError) why = NULL;
        g_autoptr(GPtrArray) orphans = library_clean_find(library, 7 * UK_DAY, &why);

        for (guint i = 0; orphans != NULL && i < orphans->len; i++) {
                const LibraryOrphan *orphan = orphans->pdata[i];

                uk_log("'%s' is removed from the content library: %s", orphan->path, orphan->why);
        }
        if (orphans == NULL || !library_clean_remove(library, orphans, &why))
                uk_warn("%s", why->message);
}

static void
end_pass(Component *c, Pass *pass)
{
        gint64 pause = settings_int(host_settings(c->host), "dp.verify_pause_minutes");

        if (pass->files > 0)
                uk_log("All files of the content library have been verified: %" G_GINT64_FORMAT
                       " files, %" G_GINT64_FORMAT " bytes, %" G_GINT64_FORMAT " damaged",
                       pass->files, pass->bytes, pass->damaged);
        g_clear_pointer(&pass->content_ids, g_ptr_array_unref);
        g_clear_pointer(&pass->seen, g_hash_table_unref);
        timer_set(c, "verify", uk_clock_now() + MAX(pause * UK_MINUTE, UK_SECOND));
}

/* The next file of the pass; false: there is none. */
static bool
next_file(Pass *pass, Library *library)
{
        while (pass->tree != NULL || pass->content_ids->len > 0) {
                if (pass->tree == NULL) {
                        g_autofree char *id = g_ptr_array_steal_index(pass->content_ids, 0);

                        pass->tree = library_tree_ref(library, id, NULL);
                        continue; /* one that was removed meanwhile is passed over */
                }
                if (pass->entry == tree_count(pass->tree)) {
                        leave_tree(pass, library);
                        continue;
                }
                const TreeEntry *entry = tree_entry(pass->tree, pass->entry);
                if (entry->kind == TREE_FILE &&
                    g_hash_table_add(pass->seen, g_memdup2(entry->hash, HASH_SHA256_SIZE))) {
                        pass->verify = verify_begin(library, entry->hash, entry->size);
                        return true;
                }
                pass->entry++;
        }
        return false;
}

static void
end_file(Component *c, Pass *pass, VerifyState state)
{
        const TreeEntry *entry = tree_entry(pass->tree, pass->entry);

        pass->files++;
        if (state != VERIFY_GOOD) {
                pass->damaged++;
                uk_error("'%s' of content '%s' is %s; it is not served until it is repaired",
                         entry->path, tree_content_id(pass->tree),
                         state == VERIFY_DAMAGED ? "damaged" : "missing");
                timer_set(c, "repair", uk_clock_now());
        }
        g_clear_pointer(&pass->verify, verify_free);
        pass->entry++;
}

/* One second's budget. *ended_out: all files have been read. */
static bool
spend(Component *c, Pass *pass, Library *library, gsize budget, bool *ended_out, GError **error)
{
        while (budget > 0 && !host_stopping(c->host)) {
                VerifyState state;
                gsize got;

                if (pass->verify == NULL && !next_file(pass, library)) {
                        *ended_out = true;
                        return true;
                }
                if (!verify_step(pass->verify, budget, &got, &state, error))
                        return false;
                pass->bytes += (gint64)got;
                /* an empty file costs its opening */
                budget -= MIN(budget, MAX(got, 4096));
                if (state != VERIFY_MORE)
                        end_file(c, pass, state);
        }
        return true;
}

static bool
on_verify(Component *c, GError **error)
{
        Pass *pass = c->state;
        Dp *dp = dp_of(c);
        bool ended = false;

        if (dp == NULL || dp_colocated(dp))
                return true;
        Library *library = dp_library(dp, error);
        gint64 rate = library != NULL ? rate_of(c, error) : -1;
        if (rate < 0)
                return false;
        syscall(SYS_ioprio_set, IOPRIO_WHO_PROCESS, 0, IOPRIO_CLASS_IDLE);
        timer_set(c, "verify", uk_clock_now() + UK_SECOND);
        if (rate == 0)
                return true;
        if (pass->content_ids == NULL && !begin_pass(pass, library, error))
                return false;
        if (!spend(c, pass, library, (gsize)rate, &ended, error))
                return false;
        if (ended) {
                clean(library);
                end_pass(c, pass);
        }
        return true;
}

/* --- repair --- */

/* Signatures of a content item, as its own tar has them; NULL without. */
static GHashTable *
read_signatures(const Library *library, const char *content_id)
{
        g_autofree char *path =
                g_strdup_printf("%s/SMSSIG$/%s.tar", library_root(library), content_id);
        g_autofree char *data = NULL;
        gsize size;

        return uk_io_read(path, MAX_SIGNATURES, &data, &size, NULL)
                       ? signature_tar_read(data, size, NULL)
                       : NULL;
}

/* What was noted for the coming of the files is not needed any more. */
static void
settle(Library *library, const ContentTree *tree)
{
        g_autoptr(GError) why = NULL;

        if (!library_add_content(library, tree, NULL, &why))
                uk_warn("%s", why->message);
}

/* Tells the site, if that can be; the log has it in any case. */
static void
report(Component *c, int id, const ContentTree *tree, guint files, const char *words)
{
        g_autofree char *number = g_strdup_printf("%u", files);
        g_autoptr(GError) why = NULL;

        if (!statusmsg_raise(c, NULL, id, &why, tree_content_id(tree), number, words, NULL))
                uk_warn("%s", why->message);
}

static void
report_failure(Component *c, const ContentTree *tree, guint left, const char *words)
{
        Pass *pass = c->state;

        if (g_strcmp0(words, pass->last_failure) == 0)
                return; /* said already */
        g_free(pass->last_failure);
        pass->last_failure = g_strdup(words);
        uk_error("%s; it is tried again later, and the site is told when it asks", words);
        report(c, 60031, tree, left, words);
}

static bool
repair_entry(Repair *repair, const ContentTree *tree, const TreeEntry *entry,
             GHashTable *signatures, GError **error)
{
        const Signature *signature =
                signatures != NULL ? g_hash_table_lookup(signatures, entry->hash) : NULL;
        gint64 before = repair->fetched;

        if (!repair_file(repair, tree, entry, signature, error))
                return false;
        uk_log("'%s' of content '%s' has been repaired, %" G_GINT64_FORMAT
               " of its %" G_GINT64_FORMAT " bytes were fetched",
               entry->path, tree_content_id(tree), repair->fetched - before, entry->size);
        return true;
}

static guint
repair_tree(Component *c, Repair *repair, const ContentTree *tree)
{
        g_autoptr(GArray) missing = library_missing(repair->library, tree);
        g_autoptr(GHashTable) signatures =
                missing->len > 0 ? read_signatures(repair->library, tree_content_id(tree)) : NULL;
        g_autoptr(GError) last = NULL;
        gint64 before = repair->fetched;
        guint left = 0;

        for (guint i = 0; i < missing->len && !host_stopping(c->host); i++) {
                g_autoptr(GError) why = NULL;

                if (repair_entry(repair, tree, tree_entry(tree, g_array_index(missing, guint, i)),
                                 signatures, &why))
                        continue;
                left++;
                g_clear_error(&last);
                last = g_steal_pointer(&why);
        }
        if (left > 0) {
                report_failure(c, tree, left, last->message);
        } else if (missing->len > 0 && !host_stopping(c->host)) {
                g_autofree char *bytes =
                        g_strdup_printf("%" G_GINT64_FORMAT, repair->fetched - before);

                settle(repair->library, tree);
                report(c, 60030, tree, missing->len, bytes);
        }
        return left;
}

static bool
on_repair(Component *c, GError **error)
{
        Dp *dp = dp_of(c);
        gint64 minutes = settings_int(host_settings(c->host), "dp.repair_minutes");

        timer_set(c, "repair", uk_clock_now() + minutes * UK_MINUTE);
        if (dp == NULL || dp_colocated(dp))
                return true;
        Library *library = dp_library(dp, error);
        g_autoptr(DistributionPoint) row =
                library != NULL ? distributionpoint_load(c->db, error) : NULL;
        g_autoptr(GPtrArray) ids = row != NULL ? all_content_ids(library, error) : NULL;
        guint left = 0;

        if (ids == NULL)
                return false;
        Repair repair = { .library = library,
                          .http = c->http,
                          .sources = row->sources,
                          .rate = rate_of(c, error),
                          .stop_fd = host_stop_fd(c->host) };

        if (repair.rate < 0)
                return false;
        for (guint i = 0; i < ids->len && !host_stopping(c->host); i++) {
                const ContentTree *tree = library_tree_ref(library, ids->pdata[i], NULL);

                if (tree == NULL)
                        continue;
                left += repair_tree(c, &repair, tree);
                library_tree_unref(library, tree);
        }
        Pass *pass = c->state;
        if (left == 0)
                g_clear_pointer(&pass->last_failure, g_free);
        return deltastore_trim(library,
                               settings_int(host_settings(c->host), "dp.delta_megabytes") * 1000000,
                               error);
}

/* --- asked for by the site --- */

static bool
verify_entry(Library *library, const TreeEntry *entry, gint64 *bytes, VerifyState *state_out,
             GError **error)
{
        g_autoptr(Verify) verify = verify_begin(library, entry->hash, entry->size);

        *state_out = VERIFY_MORE;
        while (*state_out == VERIFY_MORE) {
                gsize got;

                if (!verify_step(verify, G_MAXINT, &got, state_out, error))
                        return false;
                *bytes += (gint64)got;
        }
        return true;
}

typedef struct {
        JsonWriter json;
        gint64 files, bytes, damaged;
} Verdict;

static bool
verify_tree(Library *library, const ContentTree *tree, Verdict *verdict, GError **error)
{
        for (guint i = 0; i < tree_count(tree); i++) {
                const TreeEntry *entry = tree_entry(tree, i);
                VerifyState state;

                if (entry->kind != TREE_FILE)
                        continue;
                if (!verify_entry(library, entry, &verdict->bytes, &state, error))
                        return false;
                verdict->files++;
                if (state == VERIFY_GOOD)
                        continue;
                g_autofree char *shown = g_utf8_make_valid(entry->path, -1);
                verdict->damaged++;
                json_object(&verdict->json, NULL);
                json_text(&verdict->json, "ContentID", tree_content_id(tree));
                json_text(&verdict->json, "Path", shown);
                json_end(&verdict->json, '}');
        }
        return true;
}

static bool
verify_package(Library *library, const LibraryPackage *package, Verdict *verdict, GError **error)
{
        for (char **id = package->content_ids; *id != NULL; id++) {
                const ContentTree *tree = library_tree_ref(library, *id, error);
                bool good = tree != NULL && verify_tree(library, tree, verdict, error);

                if (tree != NULL)
                        library_tree_unref(library, tree);
                if (!good)
                        return false;
        }
        return true;
}

static bool
on_asked(Component *c, HttpRequest *request, GError **error)
{
        Library *library = dp_library(dp_of(c), error);
        g_autofree char *id = NULL;
        g_autoptr(GString) out = g_string_new(NULL);
        Verdict verdict = { 0 };

        if (library == NULL || !dpprov_read_package(request, &id, NULL, error))
                return false;
        UK_DOING(error, "verifying package %s", id);
        g_autoptr(LibraryPackage) package = library_package(library, id, error);
        if (package == NULL)
                return false;
        json_begin(&verdict.json, out);
        json_object(&verdict.json, NULL);
        json_array(&verdict.json, "Damaged");
        if (!verify_package(library, package, &verdict, error))
                return false;
        json_end(&verdict.json, ']');
        json_int(&verdict.json, "Verified", verdict.files);
        json_int(&verdict.json, "Bytes", verdict.bytes);
        json_end(&verdict.json, '}');
        uk_log("Package '%s' has been verified: %" G_GINT64_FORMAT " files, %" G_GINT64_FORMAT
               " damaged",
               id, verdict.files, verdict.damaged);
        if (verdict.damaged > 0)
                timer_set(c, "repair", uk_clock_now());
        http_answer(request, 200, "application/json", out->str, out->len);
        return true;
}

/* --- the component --- */

static bool
start(Component *c, GError **error)
{
        c->state = g_new0(Pass, 1);
        return true;
}

static void
stop(Component *c)
{
        Pass *pass = c->state;
        Dp *dp = dp_of(c);
        Library *library = dp != NULL ? dp_library(dp, NULL) : NULL;

        if (library != NULL)
                leave_tree(pass, library);
        g_clear_pointer(&pass->content_ids, g_ptr_array_unref);
        g_clear_pointer(&pass->seen, g_hash_table_unref);
        g_free(pass->last_failure);
        g_free(pass);
}

const ComponentDef dpmon = {
        .name = "SMS_DISTRIBUTION_POINT_MONITORING",
        .log = "smsdpmon.log",
        .log_form = UK_LOG_SERVER,
        .what = "verifies the content library in idle time and repairs it from other distribution "
                "points",
        .routes = { { "POST", "/SMS_DP$/verify", CALLER_SITE, 64 * 1024, on_asked } },
        .timers = { { "verify", "verify", on_verify, true },
                    { "repair", "repair", on_repair, true } },
        .start = start,
        .stop = stop,
};
