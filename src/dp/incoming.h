/* incoming.h - orders in memory: what may come in by them, and the files that are half here.
 *
 * Comes in: an order's row and bundle. Goes out: for a hash its size and content item, and the open
 * file between one block and the next, so that what is here is hashed once only. An order is
 * written down with the first part that comes by it; one whose files all come with its end never
 * is, since the site gives an order that is lost again. What else is in memory only can be lost,
 * too: the rows, the bundles and the library's own files bring it back.
 */
#pragma once

#include "content/bundle.h"
#include "content/library.h"
#include "dp/dporder.h"

typedef struct Incoming Incoming;       /* an order; counted */
typedef struct IncomingSet IncomingSet; /* all that are in memory; for many threads */

/* A file of an order. */
typedef struct {
        const guint8 *hash;
        gint64 size;
        const char *content_id; /* the first that has it */
} IncomingFile;

/* Orders whose bundles are in folder, and what comes in parts in a folder each of staging. */
IncomingSet *incoming_set_new(const char *folder, const char *staging);
void incoming_set_free(IncomingSet *set);
/* A new order in place of those its package has. It is in memory; what its package had on disk is
 * replaced. order and bundle are taken over. A reference, the caller's. */
Incoming *incoming_add(IncomingSet *set, Db *db, DpOrder *order_take, Bundle *bundle_take,
                       GBytes *packed, GError **error) UK_MUST_USE;
/* Writes the order down, if it is not yet: its bundle in the folder, and its row. NOT_FOUND when it
 * was taken back meanwhile. */
bool incoming_keep(IncomingSet *set, Db *db, Incoming *incoming, GError **error) UK_MUST_USE;
/* Whether the order is still to come in: it was not taken back, nor replaced, nor is it done. */
bool incoming_is_wanted(Db *db, Incoming *incoming, bool *wanted_out, GError **error) UK_MUST_USE;
/* Whether it will not come in any more, and has not: it was taken back, or replaced. */
bool incoming_is_lost(Db *db, Incoming *incoming, bool *lost_out, GError **error) UK_MUST_USE;
/* The package is in the library: the order is done, and known as such for a repeated commit. */
bool incoming_finish(IncomingSet *set, Db *db, Incoming *incoming, GError **error) UK_MUST_USE;
/* The package of an order that is done; *package_id_out, the caller's, is NULL where it is not. */
bool incoming_done(IncomingSet *set, Db *db, const char *id, char **package_id_out,
                   GError **error) UK_MUST_USE;
/* The hash of the token of an order, done or not; NOT_FOUND. The caller's. */
char *incoming_token_hash(IncomingSet *set, Db *db, const char *id, GError **error) UK_MUST_USE;
/* The open order of a package, a reference; NULL in *incoming_out: it has none. */
bool incoming_of_package(IncomingSet *set, Db *db, const char *package_id, Incoming **incoming_out,
                         GError **error) UK_MUST_USE;
/* The content items (a set of IDs, the caller's) that the open order of a package brings; or all
 * open orders but that package's (NULL: all). One that cannot be read brings nothing. */
GHashTable *incoming_contents_of(IncomingSet *set, Db *db, const char *package_id);
GHashTable *incoming_contents_but(IncomingSet *set, Db *db, const char *package_id);
/* The open order of that ID, read again where it is not in memory; NOT_FOUND. A reference. */
Incoming *incoming_get(IncomingSet *set, Db *db, const char *id, GError **error) UK_MUST_USE;
/* The packages that have an open order, texts; the caller's. */
GPtrArray *incoming_packages(IncomingSet *set, Db *db, GError **error) UK_MUST_USE;
/* Forgets what is in memory of a package's orders, and removes their bundles. */
bool incoming_forget(IncomingSet *set, Db *db, const char *package_id, GError **error) UK_MUST_USE;
/* Forgets one that is lost, and removes what is on disk of it, its files in the library excepted.
 */
bool incoming_lose(IncomingSet *set, Incoming *incoming, GError **error) UK_MUST_USE;
/* Lets go of orders that nobody has asked for since before_us. */
void incoming_let_go(IncomingSet *set, gint64 before_us);
/* Removes bundles and parts that no open order has. */
bool incoming_sweep(IncomingSet *set, Db *db, GError **error) UK_MUST_USE;
void incoming_unref(Incoming *incoming);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Incoming, incoming_unref)

/* "<staging>/<order>/<name>": where a part of what the order brings is kept till it is used or the
 * order ends; incoming_stage makes the folder. The caller's. */
char *incoming_staged(const IncomingSet *set, const Incoming *incoming, const char *name);
char *incoming_stage(const IncomingSet *set, const Incoming *incoming, const char *name,
                     GError **error) UK_MUST_USE;
/* Its row; borrowed. */
const DpOrder *incoming_order(const Incoming *incoming);
/* What is sent by it; borrowed. */
const Bundle *incoming_bundle(const Incoming *incoming);
/* False when the order has no such file. */
bool incoming_find(const Incoming *incoming, const guint8 *hash, IncomingFile *file_out);
/* The order's content item by ID, or by its content hash; NULL. Borrowed. */
const ContentTree *incoming_tree(const Incoming *incoming, const char *content_id);
const ContentTree *incoming_tree_by_hash(const Incoming *incoming, const guint8 *hash);

/* The file at the position it has come to. Waits for another request that has it; BUSY when that
 * takes too long. To be given back, to be kept open for the next block, or (keep false) to be
 * closed. */
LibraryFile *incoming_take_file(Incoming *incoming, Library *library, const IncomingFile *file,
                                GError **error) UK_MUST_USE;
void
incoming_give_file(Incoming *incoming, const IncomingFile *file, LibraryFile *file_take, bool keep);
/* Closes what is open of the file, once no request has it: the order may have it itself, at the
 * half that was here. */
bool incoming_close_file(Incoming *incoming, const IncomingFile *file, GError **error) UK_MUST_USE;
/* The whole file at once, of the size that it has, instead of what is here of it. Waits as
 * incoming_take_file does, SIGNATURE when these are not its bytes. */
bool incoming_put_file(Incoming *incoming, Library *library, const IncomingFile *file,
                       const void *data, GError **error) UK_MUST_USE;
/* Gives it back, closed, when a block could not be written whose request was answered already: who
 * takes it next gets that error instead. */
void incoming_fail_file(Incoming *incoming, const IncomingFile *file, LibraryFile *file_take,
                        GError *failure_take);
/* Notes that a file came whole and was proved; whether it was. */
void incoming_note_whole(Incoming *incoming, const guint8 *hash);
bool incoming_is_whole(Incoming *incoming, const guint8 *hash);
/* Forgets which files came whole: some are missing all the same, since a sync failed. */
void incoming_doubt(Incoming *incoming);
/* Bytes of the order's files, twins once, and of those that came; for showing how far it is. */
void incoming_progress(Incoming *incoming, gint64 *done_out, gint64 *all_out);
