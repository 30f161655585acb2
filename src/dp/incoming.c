/* incoming.c - orders in memory, and the files that are half here. */
#include "dp/incoming.h"

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#include "base/clock.h"
#include "base/io.h"
#include "base/log.h"

/* More half files of one order than this are closed and opened again, at the price of hashing what
 * is here once more. */
#define MAX_OPEN 64
/* Orders without a row that are remembered as done; a commit that comes again comes soon. */
#define MAX_DONE 1000
/* A request waits so long for a file that another one is writing. */
#define WAIT_US (10 * UK_SECOND)

typedef struct {
        LibraryFile *file; /* NULL: a request has it, unless there is a failure */
        GError *failure;   /* of a block whose request was answered before: the next one's */
} OpenFile;

struct Incoming {
        atomic_int refs;
        DpOrder *order;
        Bundle *bundle;
        GHashTable *files; /* hash to IncomingFile *; not changed once made */
        gint64 bytes_all;
        pthread_mutex_t lock; /* guards all below */
        pthread_cond_t given; /* a file was given back */
        GHashTable *open;     /* hash to OpenFile * */
        GHashTable *whole;    /* hashes */
        gint64 bytes_done;    /* of whole files */
        atomic_llong used_us;
        pthread_mutex_t keeping; /* guards the three below; taken before any other */
        GBytes *packed;          /* the bundle as it came; NULL: the order is written down */
        bool taken_back;         /* changed under both locks */
        bool finished;
};

/* An order that is done and was never written down. */
typedef struct {
        char *id, *package_id, *token_hash;
} Done;

struct IncomingSet {
        char *folder, *staging;
        pthread_mutex_t lock;
        GHashTable *orders;  /* ID to Incoming *, a reference */
        GHashTable *done;    /* ID to Done * */
        GHashTable *done_of; /* package ID (in Done) to Done * */
};

/* --- one order --- */

static void
open_file_free(OpenFile *open)
{
        library_file_free(open->file);
        g_clear_error(&open->failure);
        g_free(open);
}

static void
index_tree(Incoming *incoming, const ContentTree *tree)
{
        for (guint i = 0; i < tree_count(tree); i++) {
                const TreeEntry *entry = tree_entry(tree, i);
                IncomingFile file = { entry->hash, entry->size, tree_content_id(tree) };

                if (entry->kind != TREE_FILE || g_hash_table_contains(incoming->files, entry->hash))
                        continue;
                g_hash_table_insert(incoming->files, (gpointer)entry->hash,
                                    g_memdup2(&file, sizeof file));
                incoming->bytes_all += entry->size;
        }
}

static Incoming *
incoming_new(DpOrder *order_take, Bundle *bundle_take)
{
        Incoming *incoming = g_new0(Incoming, 1);

        incoming->refs = 1;
        incoming->order = order_take;
        incoming->bundle = bundle_take;
        incoming->files = g_hash_table_new_full(hash_key_of, hash_key_equal, NULL, g_free);
        incoming->open = g_hash_table_new_full(hash_key_of, hash_key_equal, NULL,
                                               (GDestroyNotify)open_file_free);
        incoming->whole = g_hash_table_new(hash_key_of, hash_key_equal);
        pthread_mutex_init(&incoming->lock, NULL);
        pthread_mutex_init(&incoming->keeping, NULL);
        uk_clock_cond_init(&incoming->given);
        for (guint i = 0; i < bundle_take->trees->len; i++)
                index_tree(incoming, bundle_take->trees->pdata[i]);
        return incoming;
}

void
incoming_unref(Incoming *incoming)
{
        if (incoming == NULL || atomic_fetch_sub(&incoming->refs, 1) > 1)
                return;
        g_hash_table_unref(incoming->open);
        g_hash_table_unref(incoming->whole);
        g_hash_table_unref(incoming->files);
        pthread_cond_destroy(&incoming->given);
        pthread_mutex_destroy(&incoming->lock);
        pthread_mutex_destroy(&incoming->keeping);
        g_clear_pointer(&incoming->packed, g_bytes_unref);
        bundle_free(incoming->bundle);
        dporder_free(incoming->order);
        g_free(incoming);
}

const DpOrder *
incoming_order(const Incoming *incoming)
{
        return incoming->order;
}

const Bundle *
incoming_bundle(const Incoming *incoming)
{
        return incoming->bundle;
}

bool
incoming_find(const Incoming *incoming, const guint8 *hash, IncomingFile *file_out)
{
        const IncomingFile *file = g_hash_table_lookup(incoming->files, hash);

        if (file != NULL)
                *file_out = *file;
        return file != NULL;
}

const ContentTree *
incoming_tree(const Incoming *incoming, const char *content_id)
{
        for (guint i = 0; i < incoming->bundle->trees->len; i++) {
                const ContentTree *tree = incoming->bundle->trees->pdata[i];

                if (strcmp(tree_content_id(tree), content_id) == 0)
                        return tree;
        }
        return NULL;
}

const ContentTree *
incoming_tree_by_hash(const Incoming *incoming, const guint8 *hash)
{
        for (guint i = 0; i < incoming->bundle->trees->len; i++) {
                const ContentTree *tree = incoming->bundle->trees->pdata[i];

                if (memcmp(tree_hash(tree), hash, HASH_SHA256_SIZE) == 0)
                        return tree;
        }
        return NULL;
}

/* The open file once no request has it, or NULL: it is not open. *busy_out: one has it too long.
 * The lock is held. */
static OpenFile *
wait_for_open(Incoming *incoming, const guint8 *hash, bool *busy_out)
{
        gint64 until_us = uk_clock_mono() + WAIT_US;
        OpenFile *open;

        *busy_out = false;
        while ((open = g_hash_table_lookup(incoming->open, hash)) != NULL && open->file == NULL &&
               open->failure == NULL && !*busy_out)
                *busy_out = !uk_clock_cond_wait(&incoming->given, &incoming->lock, until_us);
        return open;
}

/* Marks the file as taken; *file_out is what was open, or NULL. */
static bool
take_open(Incoming *incoming, const guint8 *hash, LibraryFile **file_out, GError **error)
{
        GError *failure = NULL;
        bool busy;

        *file_out = NULL;
        pthread_mutex_lock(&incoming->lock);
        OpenFile *open = wait_for_open(incoming, hash, &busy);
        if (open == NULL) {
                g_hash_table_insert(incoming->open, (gpointer)hash, g_new0(OpenFile, 1));
        } else if (open->failure != NULL) {
                failure = g_steal_pointer(&open->failure);
                g_hash_table_remove(incoming->open, hash);
        } else if (!busy) {
                *file_out = g_steal_pointer(&open->file);
        }
        pthread_mutex_unlock(&incoming->lock);
        if (failure != NULL) {
                g_propagate_error(error, failure);
                return false;
        }
        return !busy || uk_fail(error, UK_ERROR_BUSY, "another request is writing this file");
}

/* Verification may have it, which looks for a place to fetch it from. */
static LibraryFile *
begin_in_turn(Library *library, const IncomingFile *file, GError **error)
{
        gint64 until_us = uk_clock_mono() + WAIT_US;

        for (;;) {
                g_autoptr(GError) why = NULL;
                LibraryFile *begun =
                        library_file_begin(library, file->hash, file->size, file->content_id, &why);

                if (begun != NULL)
                        return begun;
                if (!g_error_matches(why, UK_ERROR, UK_ERROR_BUSY) ||
                    !library_file_wait(library, file->hash, file->content_id, until_us)) {
                        g_propagate_error(error, g_steal_pointer(&why));
                        return NULL;
                }
        }
}

LibraryFile *
incoming_take_file(Incoming *incoming, Library *library, const IncomingFile *file, GError **error)
{
        LibraryFile *taken;

        if (!take_open(incoming, file->hash, &taken, error))
                return NULL;
        if (taken == NULL)
                taken = begin_in_turn(library, file, error);
        if (taken == NULL)
                incoming_give_file(incoming, file, NULL, false);
        return taken;
}

void
incoming_give_file(Incoming *incoming, const IncomingFile *file, LibraryFile *file_take, bool keep)
{
        pthread_mutex_lock(&incoming->lock);
        OpenFile *open = g_hash_table_lookup(incoming->open, file->hash);
        bool stays = keep && !incoming->taken_back && g_hash_table_size(incoming->open) <= MAX_OPEN;
        if (stays)
                open->file = file_take;
        pthread_cond_broadcast(&incoming->given);
        pthread_mutex_unlock(&incoming->lock);
        if (stays)
                return;
        /* Closed before anybody may open it again. */
        library_file_free(file_take);
        pthread_mutex_lock(&incoming->lock);
        g_hash_table_remove(incoming->open, file->hash);
        pthread_cond_broadcast(&incoming->given);
        pthread_mutex_unlock(&incoming->lock);
}

bool
incoming_close_file(Incoming *incoming, const IncomingFile *file, GError **error)
{
        LibraryFile *taken;

        if (!take_open(incoming, file->hash, &taken, error))
                return false;
        incoming_give_file(incoming, file, taken, false);
        return true;
}

bool
incoming_put_file(Incoming *incoming, Library *library, const IncomingFile *file, const void *data,
                  GError **error)
{
        gint64 until_us = uk_clock_mono() + WAIT_US;

        for (;;) {
                g_autoptr(GError) why = NULL;

                if (library_put(library, file->hash, data, (gsize)file->size, file->content_id,
                                &why))
                        return true;
                if (!g_error_matches(why, UK_ERROR, UK_ERROR_BUSY)) {
                        g_propagate_error(error, g_steal_pointer(&why));
                        return false;
                }
                if (!incoming_close_file(incoming, file, error))
                        return false;
                if (!library_file_wait(library, file->hash, file->content_id, until_us)) {
                        g_propagate_error(error, g_steal_pointer(&why));
                        return false;
                }
        }
}

void
incoming_fail_file(Incoming *incoming, const IncomingFile *file, LibraryFile *file_take,
                   GError *failure_take)
{
        library_file_free(file_take);
        pthread_mutex_lock(&incoming->lock);
        OpenFile *open = g_hash_table_lookup(incoming->open, file->hash);
        open->failure = failure_take;
        pthread_cond_broadcast(&incoming->given);
        pthread_mutex_unlock(&incoming->lock);
}

void
incoming_note_whole(Incoming *incoming, const guint8 *hash)
{
        const IncomingFile *file = g_hash_table_lookup(incoming->files, hash);

        pthread_mutex_lock(&incoming->lock);
        if (file != NULL && g_hash_table_add(incoming->whole, (gpointer)file->hash))
                incoming->bytes_done += file->size;
        pthread_mutex_unlock(&incoming->lock);
}

bool
incoming_is_whole(Incoming *incoming, const guint8 *hash)
{
        pthread_mutex_lock(&incoming->lock);
        bool whole = g_hash_table_contains(incoming->whole, hash);
        pthread_mutex_unlock(&incoming->lock);
        return whole;
}

void
incoming_doubt(Incoming *incoming)
{
        pthread_mutex_lock(&incoming->lock);
        g_hash_table_remove_all(incoming->whole);
        incoming->bytes_done = 0;
        pthread_mutex_unlock(&incoming->lock);
}

void
incoming_progress(Incoming *incoming, gint64 *done_out, gint64 *all_out)
{
        GHashTableIter at;
        gpointer open;

        pthread_mutex_lock(&incoming->lock);
        *done_out = incoming->bytes_done;
        g_hash_table_iter_init(&at, incoming->open);
        while (g_hash_table_iter_next(&at, NULL, &open)) {
                if (((OpenFile *)open)->file != NULL)
                        *done_out += library_file_position(((OpenFile *)open)->file);
        }
        pthread_mutex_unlock(&incoming->lock);
        *all_out = incoming->bytes_all;
}

/* --- all of them --- */

static void
done_free(gpointer data)
{
        Done *done = data;

        g_free(done->id);
        g_free(done->package_id);
        g_free(done->token_hash);
        g_free(done);
}

IncomingSet *
incoming_set_new(const char *folder, const char *staging)
{
        IncomingSet *set = g_new0(IncomingSet, 1);

        set->folder = g_strdup(folder);
        set->staging = g_strdup(staging);
        set->orders = g_hash_table_new_full(g_str_hash, g_str_equal, NULL,
                                            (GDestroyNotify)incoming_unref);
        set->done = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, done_free);
        set->done_of = g_hash_table_new(g_str_hash, g_str_equal);
        pthread_mutex_init(&set->lock, NULL);
        return set;
}

void
incoming_set_free(IncomingSet *set)
{
        if (set == NULL)
                return;
        g_hash_table_unref(set->orders);
        g_hash_table_unref(set->done_of);
        g_hash_table_unref(set->done);
        pthread_mutex_destroy(&set->lock);
        g_free(set->folder);
        g_free(set->staging);
        g_free(set);
}

static char *
bundle_path(const IncomingSet *set, const char *id)
{
        return g_strdup_printf("%s/%s.bundle", set->folder, id);
}

char *
incoming_staged(const IncomingSet *set, const Incoming *incoming, const char *name)
{
        return g_build_filename(set->staging, incoming->order->id, name, NULL);
}

char *
incoming_stage(const IncomingSet *set, const Incoming *incoming, const char *name, GError **error)
{
        g_autofree char *folder = incoming_staged(set, incoming, NULL);

        return uk_io_mkdirs(folder, 0750, error) ? incoming_staged(set, incoming, name) : NULL;
}

/* What is on disk of an order. */
static bool
drop_files(const IncomingSet *set, const char *id, GError **error)
{
        g_autofree char *path = bundle_path(set, id);
        g_autofree char *staged = g_build_filename(set->staging, id, NULL);

        return uk_io_unlink(path, error) && uk_io_remove_tree(staged, error);
}

/* The order in memory, which is the given one unless another thread was quicker; a reference. */
static Incoming *
remember(IncomingSet *set, Incoming *incoming_take)
{
        const char *id = incoming_take->order->id;

        pthread_mutex_lock(&set->lock);
        Incoming *known = g_hash_table_lookup(set->orders, id);
        if (known == NULL) {
                known = incoming_take;
                g_hash_table_insert(set->orders, (gpointer)id, known);
        } else {
                incoming_unref(incoming_take);
        }
        atomic_fetch_add(&known->refs, 1);
        atomic_store(&known->used_us, uk_clock_mono());
        pthread_mutex_unlock(&set->lock);
        return known;
}

static bool
keep(IncomingSet *set, Db *db, const DpOrder *order, GBytes *packed, GError **error)
{
        g_autofree char *path = bundle_path(set, order->id);
        gsize size;
        const void *data = g_bytes_get_data(packed, &size);

        if (!uk_io_replace(path, data, size, 0640, error))
                return false;
        g_autoptr(DbTx) tx = db_begin(db, error);

        return tx != NULL && dporder_replace(tx, order, error) &&
               db_commit(g_steal_pointer(&tx), error);
}

bool
incoming_keep(IncomingSet *set, Db *db, Incoming *incoming, GError **error)
{
        bool good = true;

        pthread_mutex_lock(&incoming->keeping);
        if (incoming->taken_back)
                good = uk_fail(error, UK_ERROR_NOT_FOUND, "the order %s was taken back",
                               incoming->order->id);
        else if (incoming->packed != NULL)
                good = keep(set, db, incoming->order, incoming->packed, error);
        if (good)
                g_clear_pointer(&incoming->packed, g_bytes_unref);
        pthread_mutex_unlock(&incoming->keeping);
        return good;
}

/* The lock of the set is held. */
static void
forget_done(IncomingSet *set, const char *package_id)
{
        const Done *done = g_hash_table_lookup(set->done_of, package_id);

        if (done == NULL)
                return;
        g_hash_table_remove(set->done_of, done->package_id);
        g_hash_table_remove(set->done, done->id);
}

/* Closes what no request has just now. The lock is held. */
static void
close_idle(Incoming *incoming)
{
        GHashTableIter at;
        gpointer open;

        g_hash_table_iter_init(&at, incoming->open);
        while (g_hash_table_iter_next(&at, NULL, &open)) {
                if (((OpenFile *)open)->file != NULL)
                        g_hash_table_iter_remove(&at);
        }
}

/* A request that still has one of them will not write it down any more, nor leave a file open: what
 * is open cannot be removed. */
static void
take_back(gpointer data)
{
        Incoming *incoming = data;

        pthread_mutex_lock(&incoming->keeping);
        pthread_mutex_lock(&incoming->lock);
        incoming->taken_back = true;
        close_idle(incoming);
        pthread_mutex_unlock(&incoming->lock);
        pthread_mutex_unlock(&incoming->keeping);
        incoming_unref(incoming);
}

/* Only the order of that ID, or (NULL) all of the package. */
static void
forget_in_memory(IncomingSet *set, const char *package_id, const char *id)
{
        g_autoptr(GPtrArray) gone = g_ptr_array_new_with_free_func(take_back);
        GHashTableIter at;
        gpointer value;

        pthread_mutex_lock(&set->lock);
        forget_done(set, package_id);
        g_hash_table_iter_init(&at, set->orders);
        while (g_hash_table_iter_next(&at, NULL, &value)) {
                const DpOrder *order = ((Incoming *)value)->order;

                if (strcmp(order->package_id, package_id) != 0 ||
                    (id != NULL && strcmp(order->id, id) != 0))
                        continue;
                g_hash_table_iter_steal(&at);
                g_ptr_array_add(gone, value);
        }
        pthread_mutex_unlock(&set->lock);
}

/* *row_out: the package has, or had, an order that was written down. */
static bool
forget(IncomingSet *set, Db *db, const char *package_id, bool *row_out, GError **error)
{
        g_autoptr(GError) why = NULL;

        forget_in_memory(set, package_id, NULL);
        g_autoptr(DpOrder) order = dporder_of_package(db, package_id, &why);
        *row_out = order != NULL;
        if (order == NULL && !g_error_matches(why, UK_ERROR, UK_ERROR_NOT_FOUND)) {
                g_propagate_error(error, g_steal_pointer(&why));
                return false;
        }
        return order == NULL || drop_files(set, order->id, error);
}

bool
incoming_lose(IncomingSet *set, Incoming *incoming, GError **error)
{
        const char *id = incoming->order->id;

        pthread_mutex_lock(&set->lock);
        /* It came into memory while its package was being removed. */
        bool known = g_hash_table_lookup(set->orders, id) == incoming;
        if (known)
                g_hash_table_steal(set->orders, id);
        pthread_mutex_unlock(&set->lock);
        if (known)
                take_back(incoming);
        return drop_files(set, id, error);
}

bool
incoming_forget(IncomingSet *set, Db *db, const char *package_id, GError **error)
{
        bool row;

        return forget(set, db, package_id, &row, error);
}

Incoming *
incoming_add(IncomingSet *set, Db *db, DpOrder *order_take, Bundle *bundle_take, GBytes *packed,
             GError **error)
{
        g_autoptr(Incoming) incoming = incoming_new(order_take, bundle_take);
        bool row;

        incoming->packed = g_bytes_ref(packed);
        /* A row that stood beside an order in memory would come back with a restart. */
        if (!forget(set, db, order_take->package_id, &row, error) ||
            (row && !incoming_keep(set, db, incoming, error)))
                return NULL;
        return remember(set, g_steal_pointer(&incoming));
}

/* ---- the end of an order ---- */

static void
note_done(IncomingSet *set, const DpOrder *order)
{
        Done *done = g_new0(Done, 1);

        done->id = g_strdup(order->id);
        done->package_id = g_strdup(order->package_id);
        done->token_hash = g_strdup(order->token_hash);
        pthread_mutex_lock(&set->lock);
        if (g_hash_table_size(set->done) >= MAX_DONE) {
                g_hash_table_remove_all(set->done_of);
                g_hash_table_remove_all(set->done);
        }
        forget_done(set, done->package_id);
        g_hash_table_insert(set->done, done->id, done);
        g_hash_table_insert(set->done_of, done->package_id, done);
        pthread_mutex_unlock(&set->lock);
}

static bool
finish_kept(IncomingSet *set, Db *db, const DpOrder *order, GError **error)
{
        g_autoptr(DbTx) tx = db_begin(db, error);

        return tx != NULL && dporder_set_done(tx, order->id, error) &&
               db_commit(g_steal_pointer(&tx), error) && drop_files(set, order->id, error);
}

bool
incoming_finish(IncomingSet *set, Db *db, Incoming *incoming, GError **error)
{
        const DpOrder *order = incoming->order;

        pthread_mutex_lock(&incoming->keeping);
        bool kept = incoming->packed == NULL;
        pthread_mutex_unlock(&incoming->keeping);
        if (kept && !finish_kept(set, db, order, error))
                return false;
        pthread_mutex_lock(&incoming->keeping);
        incoming->finished = true;
        pthread_mutex_unlock(&incoming->keeping);
        forget_in_memory(set, order->package_id, order->id);
        if (!kept)
                note_done(set, order);
        return true;
}

/* A row of that ID; NULL without an error: there is none. */
static DpOrder *
row_of(Db *db, const char *id, GError **error)
{
        g_autoptr(GError) why = NULL;
        DpOrder *order = dporder_load(db, id, &why);

        if (order == NULL && !g_error_matches(why, UK_ERROR, UK_ERROR_NOT_FOUND))
                g_propagate_error(error, g_steal_pointer(&why));
        return order;
}

bool
incoming_is_wanted(Db *db, Incoming *incoming, bool *wanted_out, GError **error)
{
        g_autoptr(GError) why = NULL;
        g_autoptr(DpOrder) row = NULL;

        pthread_mutex_lock(&incoming->keeping);
        *wanted_out = !incoming->taken_back;
        bool kept = incoming->packed == NULL;
        pthread_mutex_unlock(&incoming->keeping);
        if (!*wanted_out || !kept)
                return true;
        /* It may have been read again while its package was being removed. */
        row = row_of(db, incoming->order->id, &why);
        *wanted_out = row != NULL && strcmp(row->state, "Open") == 0;
        if (why == NULL)
                return true;
        g_propagate_error(error, g_steal_pointer(&why));
        return false;
}

bool
incoming_is_lost(Db *db, Incoming *incoming, bool *lost_out, GError **error)
{
        bool wanted = true;

        pthread_mutex_lock(&incoming->keeping);
        bool finished = incoming->finished;
        pthread_mutex_unlock(&incoming->keeping);
        if (!finished && !incoming_is_wanted(db, incoming, &wanted, error))
                return false;
        *lost_out = !wanted;
        return true;
}

/* What is in memory of it: whether it is open, or its package where it is done. */
static bool
look(IncomingSet *set, const char *id, char **package_id_out)
{
        pthread_mutex_lock(&set->lock);
        const Done *done = g_hash_table_lookup(set->done, id);
        bool known = done != NULL || g_hash_table_contains(set->orders, id);
        *package_id_out = done != NULL ? g_strdup(done->package_id) : NULL;
        pthread_mutex_unlock(&set->lock);
        return known;
}

bool
incoming_done(IncomingSet *set, Db *db, const char *id, char **package_id_out, GError **error)
{
        g_autoptr(GError) why = NULL;

        if (look(set, id, package_id_out))
                return true;
        g_autoptr(DpOrder) row = row_of(db, id, &why);
        if (why != NULL) {
                g_propagate_error(error, g_steal_pointer(&why));
                return false;
        }
        if (row != NULL && strcmp(row->state, "Done") == 0)
                *package_id_out = g_steal_pointer(&row->package_id);
        return true;
}

char *
incoming_token_hash(IncomingSet *set, Db *db, const char *id, GError **error)
{
        pthread_mutex_lock(&set->lock);
        const Incoming *open = g_hash_table_lookup(set->orders, id);
        const Done *done = g_hash_table_lookup(set->done, id);
        char *hash = g_strdup(open != NULL   ? open->order->token_hash
                              : done != NULL ? done->token_hash
                                             : NULL);
        pthread_mutex_unlock(&set->lock);
        if (hash != NULL)
                return hash;
        g_autoptr(DpOrder) row = dporder_load(db, id, error);

        return row != NULL ? g_steal_pointer(&row->token_hash) : NULL;
}

static Incoming *
find(IncomingSet *set, const char *id)
{
        pthread_mutex_lock(&set->lock);
        Incoming *incoming = g_hash_table_lookup(set->orders, id);
        if (incoming != NULL) {
                atomic_fetch_add(&incoming->refs, 1);
                atomic_store(&incoming->used_us, uk_clock_mono());
        }
        pthread_mutex_unlock(&set->lock);
        return incoming;
}

Incoming *
incoming_get(IncomingSet *set, Db *db, const char *id, GError **error)
{
        Incoming *incoming = find(set, id);

        if (incoming != NULL)
                return incoming;
        g_autoptr(DpOrder) order = dporder_load(db, id, error);
        g_autofree char *path = bundle_path(set, id);
        g_autofree char *packed = NULL;
        gsize size;

        if (order == NULL)
                return NULL;
        if (strcmp(order->state, "Open") != 0) {
                uk_fail(error, UK_ERROR_NOT_FOUND, "the order %s is done", id);
                return NULL;
        }
        if (!uk_io_read(path, BUNDLE_MAX_BYTES, &packed, &size, error))
                return NULL;
        Bundle *bundle = bundle_read(packed, size, error);

        return bundle != NULL ? remember(set, incoming_new(g_steal_pointer(&order), bundle)) : NULL;
}

/* In memory; a reference, or NULL. */
static Incoming *
find_of_package(IncomingSet *set, const char *package_id)
{
        Incoming *found = NULL;
        GHashTableIter at;
        gpointer value;

        pthread_mutex_lock(&set->lock);
        g_hash_table_iter_init(&at, set->orders);
        while (found == NULL && g_hash_table_iter_next(&at, NULL, &value)) {
                if (strcmp(((Incoming *)value)->order->package_id, package_id) == 0)
                        found = value;
        }
        if (found != NULL)
                atomic_fetch_add(&found->refs, 1);
        pthread_mutex_unlock(&set->lock);
        return found;
}

bool
incoming_of_package(IncomingSet *set, Db *db, const char *package_id, Incoming **incoming_out,
                    GError **error)
{
        g_autoptr(GError) why = NULL;

        *incoming_out = find_of_package(set, package_id);
        if (*incoming_out != NULL)
                return true;
        g_autoptr(DpOrder) row = dporder_of_package(db, package_id, &why);
        if (row == NULL && !g_error_matches(why, UK_ERROR, UK_ERROR_NOT_FOUND)) {
                g_propagate_error(error, g_steal_pointer(&why));
                return false;
        }
        if (row == NULL || strcmp(row->state, "Open") != 0)
                return true;
        *incoming_out = incoming_get(set, db, row->id, error);
        return *incoming_out != NULL;
}

GPtrArray *
incoming_packages(IncomingSet *set, Db *db, GError **error)
{
        g_autoptr(GPtrArray) rows = dporder_list(db, error);
        g_autoptr(GHashTable) known = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
        GPtrArray *packages;
        GHashTableIter at;
        gpointer value;

        if (rows == NULL)
                return NULL;
        for (guint i = 0; i < rows->len; i++) {
                const DpOrder *order = rows->pdata[i];

                if (strcmp(order->state, "Open") == 0)
                        g_hash_table_add(known, g_strdup(order->package_id));
        }
        pthread_mutex_lock(&set->lock);
        g_hash_table_iter_init(&at, set->orders);
        while (g_hash_table_iter_next(&at, NULL, &value))
                g_hash_table_add(known, g_strdup(((Incoming *)value)->order->package_id));
        pthread_mutex_unlock(&set->lock);
        packages = g_ptr_array_new_with_free_func(g_free);
        g_hash_table_iter_init(&at, known);
        while (g_hash_table_iter_next(&at, &value, NULL)) {
                g_hash_table_iter_steal(&at);
                g_ptr_array_add(packages, value);
        }
        return packages;
}

static void
add_contents_of(IncomingSet *set, Db *db, const char *package_id, GHashTable *ids)
{
        g_autoptr(Incoming) incoming = NULL;
        g_autoptr(GError) why = NULL;

        if (!incoming_of_package(set, db, package_id, &incoming, &why))
                uk_warn("%s", why->message);
        for (guint i = 0; incoming != NULL && i < incoming->bundle->trees->len; i++)
                g_hash_table_add(ids, g_strdup(tree_content_id(incoming->bundle->trees->pdata[i])));
}

GHashTable *
incoming_contents_of(IncomingSet *set, Db *db, const char *package_id)
{
        GHashTable *ids = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);

        add_contents_of(set, db, package_id, ids);
        return ids;
}

GHashTable *
incoming_contents_but(IncomingSet *set, Db *db, const char *package_id)
{
        GHashTable *ids = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
        g_autoptr(GError) why = NULL;
        g_autoptr(GPtrArray) packages = incoming_packages(set, db, &why);

        if (packages == NULL)
                uk_warn("%s", why->message);
        for (guint i = 0; packages != NULL && i < packages->len; i++) {
                if (g_strcmp0(packages->pdata[i], package_id) != 0)
                        add_contents_of(set, db, packages->pdata[i], ids);
        }
        return ids;
}

void
incoming_let_go(IncomingSet *set, gint64 before_us)
{
        GHashTableIter at;
        gpointer value;

        pthread_mutex_lock(&set->lock);
        g_hash_table_iter_init(&at, set->orders);
        while (g_hash_table_iter_next(&at, NULL, &value)) {
                Incoming *incoming = value;

                if (atomic_load(&incoming->refs) == 1 &&
                    atomic_load(&incoming->used_us) < before_us)
                        g_hash_table_iter_remove(&at);
        }
        pthread_mutex_unlock(&set->lock);
}

/* Whether the file is an open order's: its ID and the ending. */
static bool
is_open(GPtrArray *orders, const char *file_name, const char *ending)
{
        for (guint i = 0; i < orders->len; i++) {
                const DpOrder *order = orders->pdata[i];
                gsize size = strlen(order->id);

                if (strncmp(file_name, order->id, size) == 0 &&
                    strcmp(file_name + size, ending) == 0 && strcmp(order->state, "Open") == 0)
                        return true;
        }
        return false;
}

static bool
sweep(const char *folder, GPtrArray *orders, const char *ending, GError **error)
{
        UK_DOING(error, "sweeping %s", folder);
        g_autoptr(GDir) dir = g_dir_open(folder, 0, error);
        const char *name;

        if (dir == NULL)
                return false;
        while ((name = g_dir_read_name(dir)) != NULL) {
                g_autofree char *path = g_build_filename(folder, name, NULL);

                if (!is_open(orders, name, ending) && !uk_io_remove_tree(path, error))
                        return false;
        }
        return true;
}

bool
incoming_sweep(IncomingSet *set, Db *db, GError **error)
{
        g_autoptr(GPtrArray) orders = dporder_list(db, error);

        return orders != NULL && sweep(set->folder, orders, ".bundle", error) &&
               sweep(set->staging, orders, "", error);
}
