/* librarymonitor.c - verifies a content library in idle time and repairs it; see librarymonitor.h.
 */
#include "transfer/librarymonitor.h"

#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/io.h"
#include "content/library_check.h"
#include "content/library_clean.h"
#include "content/verify.h"
#include "host/host.h"
#include "host/statusmsg.h"
#include "host/timer.h"

/* ioprio_set(2): this thread's class idle, so that whoever serves or receives comes first. */
#define IOPRIO_WHO_PROCESS 1
#define IOPRIO_CLASS_IDLE  (3 << 13)

/* What an entry of a tree costs to be looked at in all the places where it is told. */
#define BYTES_OF_ENTRY 512

/* Where a pass over all files stands; the lane's alone. */
struct LibraryMonitor {
        const LibraryMonitorWays *ways;
        Library *library;        /* of the pass; NULL: no pass */
        GPtrArray *content_ids;  /* in order, those that are still to come last */
        const ContentTree *tree; /* the first of them, or NULL */
        guint entry;
        Verify *verify;   /* of that entry, or NULL */
        GHashTable *seen; /* hashes of this pass */
        GHashTable *held; /* content items of packages, of this pass */
        gsize looked;     /* bytes of definitions that were looked at, not yet of the budget */
        gint64 files, bytes, damaged;
        char *last_failure; /* what repair said last, to say it once */
        GHashTable *told; /* packages and content items whose flaws were told and are still there */
};

/* --- what there is --- */

/* What is brought back: the content items of packages, each once. Old ones, which only deltas are
 * made from, are verified and no more. */
static GPtrArray *
packaged_content_ids(Library *library, GError **error)
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
leave_tree(LibraryMonitor *m)
{
        g_clear_pointer(&m->verify, verify_free);
        if (m->tree != NULL)
                library_tree_unref(m->library, m->tree);
        m->tree = NULL;
        m->entry = 0;
}

static void
leave_pass(LibraryMonitor *m)
{
        if (m->library == NULL)
                return;
        leave_tree(m);
        m->library = NULL;
        g_clear_pointer(&m->content_ids, g_ptr_array_unref);
        g_clear_pointer(&m->seen, g_hash_table_unref);
        g_clear_pointer(&m->held, g_hash_table_unref);
}

/* The library has been opened anew since; with the old one its trees went. */
static void
forget_pass(LibraryMonitor *m)
{
        m->tree = NULL;
        leave_pass(m);
}

/* --- definitions --- */

/* Tells the site, if that can be; the log has it in any case. */
static void
report(Component *c, int id, const char *content_id, guint files, const char *words)
{
        g_autofree char *number = g_strdup_printf("%u", files);
        g_autoptr(GError) why = NULL;

        if (!statusmsg_raise(c, NULL, id, &why, content_id, number, words, NULL))
                uk_warn("%s", why->message);
}

/* Whether that is to be told: each thing once, until nothing is left of it. */
static bool
is_news(LibraryMonitor *m, const char *thing, bool mended)
{
        if (!mended)
                return g_hash_table_add(m->told, g_strdup(thing));
        g_hash_table_remove(m->told, thing);
        return true;
}

static void
tell_flaw(const char *id, const LibraryFlaw *flaw)
{
        uk_error("'%s' of content '%s' is %s", flaw->path, id,
                 flaw->missing ? "missing" : "damaged");
        if (flaw->mended)
                uk_log("'%s' of content '%s' has been repaired, nothing was fetched", flaw->path,
                       id);
}

static void
tell_flaws(LibraryMonitor *m, Component *c, const char *id, const GPtrArray *flaws)
{
        guint mended = 0;

        for (guint i = 0; i < flaws->len; i++)
                mended += ((const LibraryFlaw *)flaws->pdata[i])->mended;
        m->damaged += flaws->len;
        if (!is_news(m, id, mended == flaws->len))
                return;
        for (guint i = 0; i < flaws->len; i++)
                tell_flaw(id, flaws->pdata[i]);
        if (mended > 0)
                report(c, 60030, id, mended, "0");
        if (flaws->len > mended)
                report(c, 60031, id, flaws->len - mended,
                       "nothing here proves its definition, so that it is to be redistributed");
}

/* Of signatures that could not be made again yet nothing is to be sent: the files tell them, and
 * those that are damaged or missing are brought back on their own account. */
static void
tell_signatures(LibraryMonitor *m, Component *c, const char *id, const GPtrArray *flaws)
{
        const LibraryFlaw *flaw = flaws->len > 0 ? flaws->pdata[0] : NULL;
        g_autofree char *thing = g_strconcat("signatures of ", id, NULL);

        m->damaged += flaws->len;
        if (!is_news(m, thing, flaw == NULL || flaw->mended) || flaw == NULL)
                return;
        tell_flaw(id, flaw);
        if (flaw->mended)
                report(c, 60030, id, 1, "0");
        else
                uk_log("'%s' of content '%s' is made again when its files are here and right",
                       flaw->path, id);
}

/* What one package has is no reason not to look at the others. */
static void
check_package(LibraryMonitor *m, Component *c, const char *id)
{
        g_autoptr(GPtrArray) flaws = library_flaws_new();
        g_autoptr(LibraryPackage) package = NULL;
        g_autoptr(GError) why = NULL;

        if (!library_check_package(m->library, id, true, flaws, &package, &why) &&
            !g_error_matches(why, UK_ERROR, UK_ERROR_NOT_FOUND)) /* removed meanwhile */
                uk_warn("%s", why->message);
        tell_flaws(m, c, id, flaws);
        for (char **item = package != NULL ? package->content_ids : NULL;
             item != NULL && *item != NULL; item++)
                g_hash_table_add(m->held, g_strdup(*item));
}

static bool
go_on(gpointer user)
{
        const Component *c = user;

        return !host_stopping(c->host);
}

static void
check_content(LibraryMonitor *m, Component *c, const char *id)
{
        g_autoptr(GPtrArray) flaws = library_flaws_new();
        g_autoptr(GPtrArray) signatures = library_flaws_new();
        g_autoptr(GError) why = NULL;
        gsize read = 0;

        if (!library_check_content(m->library, id, true, flaws, &why) ||
            !library_check_signatures(m->library, id, go_on, c, signatures, &read, &why))
                uk_warn("%s", why->message);
        m->looked += read;
        tell_flaws(m, c, id, flaws);
        tell_signatures(m, c, id, signatures);
}

static bool
begin_pass(LibraryMonitor *m, Component *c, Library *library, GError **error)
{
        g_auto(GStrv) packages = library_package_ids(library, error);
        g_auto(GStrv) ids = packages != NULL ? library_contents(library, error) : NULL;
        g_autoptr(GHashTable) shown = g_hash_table_new(g_str_hash, g_str_equal);
        GHashTableIter each;
        gpointer held;

        if (ids == NULL)
                return false;
        m->library = library;
        m->files = m->bytes = m->damaged = 0;
        m->content_ids = g_ptr_array_new_with_free_func(g_free);
        m->held = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
        for (char **id = packages; *id != NULL; id++)
                check_package(m, c, *id);
        for (char **id = ids; *id != NULL; id++) {
                g_ptr_array_add(m->content_ids, g_strdup(*id));
                g_hash_table_add(shown, *id);
        }
        /* One that has lost its own INI does not show itself. */
        g_hash_table_iter_init(&each, m->held);
        while (g_hash_table_iter_next(&each, &held, NULL)) {
                if (!g_hash_table_contains(shown, held))
                        g_ptr_array_add(m->content_ids, g_strdup(held));
        }
        m->seen = g_hash_table_new_full(hash_key_of, hash_key_equal, g_free, NULL);
        return true;
}

/* What nobody explains, and nobody has touched for a week, goes. */
static void
clean(LibraryMonitor *m, Component *c)
{
        Library *library = m->library;
        g_autoptr(GError) why = NULL;
        g_autoptr(GHashTable) coming = m->ways->coming != NULL ? m->ways->coming(c, &why) : NULL;
        g_autoptr(GPtrArray) orphans =
                why == NULL ? library_clean_find(library, 7 * UK_DAY, coming, &why) : NULL;

        for (guint i = 0; orphans != NULL && i < orphans->len; i++) {
                const LibraryOrphan *orphan = orphans->pdata[i];

                uk_log("'%s' is removed from the content library: %s", orphan->path, orphan->why);
        }
        if (orphans == NULL || !library_clean_remove(library, orphans, &why))
                uk_warn("%s", why->message);
}

static void
end_pass(LibraryMonitor *m, Component *c)
{
        gint64 pause = settings_int(host_settings(c->host), m->ways->pause_setting);

        clean(m, c);
        if (m->files > 0)
                uk_log("All files of the content library have been verified: %" G_GINT64_FORMAT
                       " files, %" G_GINT64_FORMAT " bytes, %" G_GINT64_FORMAT " damaged",
                       m->files, m->bytes, m->damaged);
        leave_pass(m);
        timer_set(c, "verify", uk_clock_now() + MAX(pause * UK_MINUTE, UK_SECOND));
}

/* The next file of the pass; false: there is none. */
static bool
next_file(LibraryMonitor *m, Component *c)
{
        while (m->tree != NULL || m->content_ids->len > 0) {
                if (m->tree == NULL) {
                        g_autofree char *id = g_ptr_array_steal_index(m->content_ids, 0);

                        if (g_hash_table_contains(m->held, id))
                                check_content(m, c, id);
                        m->tree = library_tree_ref(m->library, id, NULL);
                        if (m->tree != NULL)
                                m->looked += (gsize)tree_count(m->tree) * BYTES_OF_ENTRY;
                        continue; /* one that was removed meanwhile is passed over */
                }
                if (m->entry == tree_count(m->tree)) {
                        leave_tree(m);
                        continue;
                }
                const TreeEntry *entry = tree_entry(m->tree, m->entry);
                if (entry->kind == TREE_FILE &&
                    g_hash_table_add(m->seen, g_memdup2(entry->hash, HASH_SHA256_SIZE))) {
                        m->verify = verify_begin(m->library, entry->hash, entry->size);
                        return true;
                }
                m->entry++;
        }
        return false;
}

static void
leave_file(LibraryMonitor *m)
{
        g_clear_pointer(&m->verify, verify_free);
        m->entry++;
}

static void
end_file(LibraryMonitor *m, Component *c, VerifyState state)
{
        const TreeEntry *entry = tree_entry(m->tree, m->entry);

        m->files++;
        if (state != VERIFY_GOOD) {
                m->damaged++;
                uk_error("'%s' of content '%s' is %s; it is not served until it is repaired",
                         entry->path, tree_content_id(m->tree),
                         state == VERIFY_DAMAGED ? "damaged" : "missing");
                timer_set(c, "repair", uk_clock_now());
        }
        leave_file(m);
}

/* One second's budget. *ended_out: all files have been read. */
static bool
spend(LibraryMonitor *m, Component *c, gsize budget, bool *ended_out, GError **error)
{
        while (budget > 0 && !host_stopping(c->host)) {
                VerifyState state;
                gsize got;

                if (m->verify == NULL && !next_file(m, c)) {
                        *ended_out = true;
                        return true;
                }
                gsize looked = MIN(budget, m->looked);
                budget -= looked;
                m->looked -= looked;
                if (budget == 0)
                        break;
                if (!verify_step(m->verify, budget, &got, &state, error)) {
                        leave_file(m); /* its turn comes again with the next pass */
                        return false;
                }
                m->bytes += (gint64)got;
                /* an empty file costs its opening */
                budget -= MIN(budget, MAX(got, 4096));
                if (state != VERIFY_MORE)
                        end_file(m, c, state);
        }
        return true;
}

bool
librarymonitor_verify(LibraryMonitor *m, Component *c, GError **error)
{
        g_autoptr(GError) failure = NULL;
        Library *library = m->ways->library(c, &failure);
        bool ended = false;
        gint64 rate;

        syscall(SYS_ioprio_set, IOPRIO_WHO_PROCESS, 0, IOPRIO_CLASS_IDLE);
        timer_set(c, "verify", uk_clock_now() + UK_SECOND);
        if (library == NULL && failure == NULL)
                return true;
        if (library == NULL) {
                g_propagate_error(error, g_steal_pointer(&failure));
                return false;
        }
        if (!m->ways->rate(c, &rate, error))
                return false;
        if (rate == 0)
                return true;
        if (m->library != library)
                forget_pass(m);
        if (m->library == NULL && !begin_pass(m, c, library, error))
                return false;
        if (!spend(m, c, (gsize)rate, &ended, error))
                return false;
        if (ended)
                end_pass(m, c);
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

        return uk_io_read(path, SIGNATURE_TAR_MAX, &data, &size, NULL)
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

static void
report_failure(LibraryMonitor *m, Component *c, const ContentTree *tree, guint left,
               const char *words)
{
        if (g_strcmp0(words, m->last_failure) == 0)
                return; /* said already */
        g_free(m->last_failure);
        m->last_failure = g_strdup(words);
        uk_error("%s; it is tried again later", words);
        report(c, 60031, tree_content_id(tree), left, words);
}

static bool
repair_entry(Repair *repair, const ContentTree *tree, const TreeEntry *entry,
             GHashTable *signatures, GError **error)
{
        const Signature *signature =
                signatures != NULL ? g_hash_table_lookup(signatures, entry->hash) : NULL;
        g_autoptr(Signature) kept =
                signature == NULL ? library_signature(repair->library, entry->hash, entry->size)
                                  : NULL;
        gint64 before = repair->fetched;

        if (!repair_file(repair, tree, entry, kept != NULL ? kept : signature, error))
                return false;
        uk_log("'%s' of content '%s' has been repaired, %" G_GINT64_FORMAT
               " of its %" G_GINT64_FORMAT " bytes were fetched",
               entry->path, tree_content_id(tree), repair->fetched - before, entry->size);
        return true;
}

static guint
repair_tree(LibraryMonitor *m, Component *c, Repair *repair, const ContentTree *tree,
            const GArray *missing)
{
        g_autoptr(GHashTable) signatures = read_signatures(repair->library, tree_content_id(tree));
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
                report_failure(m, c, tree, left, last->message);
        } else if (!host_stopping(c->host)) {
                g_autofree char *bytes =
                        g_strdup_printf("%" G_GINT64_FORMAT, repair->fetched - before);

                settle(repair->library, tree);
                report(c, 60030, tree_content_id(tree), missing->len, bytes);
        }
        return left;
}

/* How many files of the content item could not be brought back; -1 and error when that could not
 * be tried. */
static gint64
repair_content(LibraryMonitor *m, Component *c, Repair *repair, const char *content_id,
               GError **error)
{
        const ContentTree *tree = library_tree_ref(repair->library, content_id, NULL);
        gint64 left = 0;

        if (tree == NULL)
                return 0; /* removed meanwhile */
        g_autoptr(GArray) missing = library_missing(repair->library, tree);
        if (missing->len > 0) {
                g_autoptr(GPtrArray) sources = m->ways->sources(c, content_id, error);

                repair->sources = sources;
                left = sources != NULL ? (gint64)repair_tree(m, c, repair, tree, missing) : -1;
        }
        library_tree_unref(repair->library, tree);
        return left;
}

bool
librarymonitor_repair(LibraryMonitor *m, Component *c, GError **error)
{
        gint64 minutes = settings_int(host_settings(c->host), m->ways->repair_setting);
        g_autoptr(GError) failure = NULL;
        Library *library = m->ways->library(c, &failure);
        Repair repair = { .library = library, .http = c->http, .stop_fd = host_stop_fd(c->host) };
        gint64 all = 0;

        timer_set(c, "repair", uk_clock_now() + minutes * UK_MINUTE);
        if (library == NULL && failure == NULL)
                return true;
        if (library == NULL) {
                g_propagate_error(error, g_steal_pointer(&failure));
                return false;
        }
        g_autoptr(GPtrArray) ids = packaged_content_ids(library, error);
        /* What an earlier repair could not publish would be in the way of this one. */
        if (ids == NULL || !m->ways->rate(c, &repair.rate, error) ||
            !library_publish(library, NULL, error))
                return false;
        for (guint i = 0; i < ids->len && !host_stopping(c->host); i++) {
                gint64 left = repair_content(m, c, &repair, ids->pdata[i], error);

                if (left < 0)
                        return false;
                all += left;
        }
        if (all == 0)
                g_clear_pointer(&m->last_failure, g_free);
        return true;
}

/* --- made and ended --- */

LibraryMonitor *
librarymonitor_new(const LibraryMonitorWays *ways)
{
        LibraryMonitor *m = g_new0(LibraryMonitor, 1);

        m->ways = ways;
        m->told = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
        return m;
}

void
librarymonitor_free(LibraryMonitor *m)
{
        if (m == NULL)
                return;
        leave_pass(m);
        g_hash_table_unref(m->told);
        g_free(m->last_failure);
        g_free(m);
}
