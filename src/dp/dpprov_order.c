/* dpprov_order.c - orders: what the site is about to send, what of it is lacking, and the end.
 *
 *   POST /SMS_DP$/order?action=add|redist&token=<sha256>   bundle -> what is missing
 *   POST /SMS_DP$/order/<id>/commit                        everything is here -> the package shows
 *
 * Every request may come twice, and the program may be killed at any point: the bundle and the row
 * are there before the first part of a file is taken, and what came of a file is taken up where it
 * ends. An order of which nothing has come yet is lost with the program, and given again.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/guid.h"
#include "base/io.h"
#include "dp/dpprov_put.h"
#include "wire/json.h"

#define READ_PIECE (1024 * 1024)
/* With so many to come, the definition is written beside them. */
#define MANY_FILES 64

/* --- what is missing --- */

typedef struct {
        Dp *dp;
        Library *library;
        Incoming *incoming;
        GPtrArray *related; /* ContentTree *, of the library, borrowed with a reference each */
        GHashTable *told;   /* hashes that are in the answer */
        GHashTable *sparse; /* hash to gint64: what a file with holes takes of a disk */
        gint64 bytes;       /* that are missing and take room */
        JsonWriter json;
} Answer;

static char *
upper_hex(const guint8 *hash)
{
        g_autofree char *lower = hash_hex(hash, HASH_SHA256_SIZE);

        return g_ascii_strup(lower, -1);
}

/* How much of a file is here. False: all of it is, and it was proved just now. */
static bool
position_of(Answer *a, const IncomingFile *file, gint64 *position_out, GError **error)
{
        g_autofree char *hash = upper_hex(file->hash);
        g_autofree char *path = g_strdup_printf("%s/SMS_DP$/%s-%s.temp", library_root(a->library),
                                                hash, file->content_id);
        struct stat info;

        *position_out = 0;
        if (stat(path, &info) < 0)
                return true;
        LibraryFile *open = incoming_take_file(a->incoming, a->library, file, error);
        if (open == NULL)
                return false;
        *position_out = library_file_position(open);
        bool whole = *position_out == file->size && library_file_end(open, NULL);
        if (whole)
                incoming_note_whole(a->incoming, file->hash);
        else if (*position_out == file->size)
                *position_out = 0; /* it was another file's bytes */
        incoming_give_file(a->incoming, file, open, !whole);
        return true;
}

/* The file of a held older content item that has the same path, for a hint. */
static const TreeEntry *
old_of(const Answer *a, const TreeEntry *entry)
{
        for (guint i = 0; i < a->related->len; i++) {
                const TreeEntry *old = tree_find(a->related->pdata[i], entry->path);

                if (old != NULL && old->kind == TREE_FILE && old->size > 0 &&
                    library_has(a->library, old->hash, NULL))
                        return old;
        }
        return NULL;
}

/* What the rest of a file takes of the disk: at most what the whole does. */
static gint64
room_for(const Answer *a, const TreeEntry *entry, gint64 position)
{
        const gint64 *disk = g_hash_table_lookup(a->sparse, entry->hash);

        return disk != NULL ? MIN(entry->size - position, *disk) : entry->size - position;
}

static bool
tell_missing(Answer *a, const TreeEntry *entry, GError **error)
{
        IncomingFile file;
        gint64 position;

        if (!g_hash_table_add(a->told, (gpointer)entry->hash) ||
            !incoming_find(a->incoming, entry->hash, &file))
                return true;
        if (!position_of(a, &file, &position, error))
                return false;
        if (incoming_is_whole(a->incoming, entry->hash))
                return true;
        a->bytes += room_for(a, entry, position);
        const TreeEntry *old = old_of(a, entry);
        g_autofree char *hash = upper_hex(entry->hash);
        g_autofree char *old_hash = old != NULL ? upper_hex(old->hash) : NULL;

        json_object(&a->json, NULL);
        json_text(&a->json, "Hash", hash);
        json_int(&a->json, "Size", entry->size);
        json_int(&a->json, "Position", position);
        if (old_hash != NULL)
                json_text(&a->json, "Old", old_hash);
        json_end(&a->json, '}');
        return true;
}

static bool
tell_tree(Answer *a, const ContentTree *tree, GError **error)
{
        bool all = strcmp(incoming_order(a->incoming)->action, "redist") == 0;
        g_autoptr(GArray) missing = all ? NULL : library_missing(a->library, tree);
        guint count = all ? tree_count(tree) : missing->len;

        for (guint i = 0; i < count; i++) {
                const TreeEntry *entry =
                        tree_entry(tree, all ? i : g_array_index(missing, guint, i));

                if (entry->kind == TREE_FILE && !tell_missing(a, entry, error))
                        return false;
        }
        return true;
}

/* "PS100039" of "PS100039.3"; versions of one thing have it in common. */
static bool
same_stem(const char *a, const char *b)
{
        const char *a_end = strrchr(a, '.');
        const char *b_end = strrchr(b, '.');

        return a_end != NULL && b_end != NULL && a_end - a == b_end - b &&
               strncmp(a, b, (gsize)(a_end - a)) == 0;
}

static void
tell_frames(Answer *a)
{
        const GPtrArray *trees = incoming_bundle(a->incoming)->trees;

        for (guint i = 0; i < trees->len; i++) {
                for (guint j = 0; j < a->related->len; j++) {
                        const ContentTree *old = a->related->pdata[j];
                        g_autofree char *new_hash = upper_hex(tree_hash(trees->pdata[i]));
                        g_autofree char *old_hash = upper_hex(tree_hash(old));

                        if (!same_stem(tree_content_id(trees->pdata[i]), tree_content_id(old)) ||
                            strcmp(new_hash, old_hash) == 0)
                                continue;
                        json_object(&a->json, NULL);
                        json_text(&a->json, "New", new_hash);
                        json_text(&a->json, "Old", old_hash);
                        json_text(&a->json, "NewContentID", tree_content_id(trees->pdata[i]));
                        json_text(&a->json, "OldContentID", tree_content_id(old));
                        json_end(&a->json, '}');
                }
        }
}

/* Refused before the first byte is, so that packages that fit are not kept out by one that does
 * not. */
static bool
check_room(const Answer *a, GError **error)
{
        gint64 free_bytes, total;

        if (!library_space(a->library, &free_bytes, &total, error))
                return false;
        return a->bytes <= free_bytes ||
               uk_fail(error, UK_ERROR_FULL, "package %s needs %" G_GINT64_FORMAT " MB more",
                       incoming_order(a->incoming)->package_id, a->bytes / 1000000 + 1);
}

static char *
write_answer(Answer *a, GError **error)
{
        g_autoptr(GString) out = g_string_new(NULL);
        const GPtrArray *trees = incoming_bundle(a->incoming)->trees;

        json_begin(&a->json, out);
        json_object(&a->json, NULL);
        json_text(&a->json, "Order", incoming_order(a->incoming)->id);
        json_array(&a->json, "Missing");
        for (guint i = 0; i < trees->len; i++) {
                if (!tell_tree(a, trees->pdata[i], error))
                        return NULL;
        }
        json_end(&a->json, ']');
        if (!check_room(a, error))
                return NULL;
        json_array(&a->json, "Frame");
        tell_frames(a);
        json_end(&a->json, ']');
        json_end(&a->json, '}');
        return g_string_free(g_steal_pointer(&out), FALSE);
}

/* --- taking an order --- */

/* X-Upkeep-Sparse: "<hash>=<bytes>,…". A hint, from which only what the room is asked for comes. */
static GHashTable *
read_sparse(HttpRequest *request, GError **error)
{
        const char *named = http_request_header(request, "X-Upkeep-Sparse");
        g_auto(GStrv) words = g_strsplit(named != NULL ? named : "", ",", -1);
        g_autoptr(GHashTable) sparse =
                g_hash_table_new_full(hash_key_of, hash_key_equal, g_free, g_free);

        for (char **word = words; *word != NULL; word++) {
                g_autofree guint8 *hash = g_malloc(HASH_SHA256_SIZE);
                g_autofree gint64 *disk = g_new(gint64, 1);

                if (strlen(*word) <= HASH_SHA256_HEX || (*word)[HASH_SHA256_HEX] != '=' ||
                    !hash_from_hex(*word, HASH_SHA256_HEX, hash, HASH_SHA256_SIZE) ||
                    !g_ascii_string_to_signed(*word + HASH_SHA256_HEX + 1, 10, 0, G_MAXINT64, disk,
                                              NULL)) {
                        uk_fail(error, UK_ERROR_INVALID,
                                "X-Upkeep-Sparse has '%.100s'; a file's SHA-256, '=' and the bytes "
                                "that it takes of a disk are wanted",
                                *word);
                        return NULL;
                }
                g_hash_table_replace(sparse, g_steal_pointer(&hash), g_steal_pointer(&disk));
        }
        return g_steal_pointer(&sparse);
}

/* Old content items by the request, else those that the package holds now. */
static char *
related_ids(Library *library, HttpRequest *request, const char *package_id)
{
        const char *named = http_request_header(request, "X-Upkeep-Related");

        if (named != NULL)
                return g_strdup(named);
        g_autoptr(LibraryPackage) package = library_package(library, package_id, NULL);

        return package != NULL ? g_strjoinv(",", package->content_ids) : g_strdup("");
}

GPtrArray *
dpprov_related(Library *library, const DpOrder *order)
{
        g_auto(GStrv) ids = g_strsplit(order->related, ",", -1);
        GPtrArray *trees = g_ptr_array_new();

        for (char **id = ids; *id != NULL; id++) {
                const ContentTree *tree = library_tree_ref(library, g_strstrip(*id), NULL);

                if (tree != NULL)
                        g_ptr_array_add(trees, (gpointer)tree);
        }
        return trees;
}

void
dpprov_related_free(Library *library, GPtrArray *trees)
{
        for (guint i = 0; i < trees->len; i++)
                library_tree_unref(library, trees->pdata[i]);
        g_ptr_array_unref(trees);
}

static bool
is_digits(const char *text)
{
        return text != NULL && strlen(text) == HASH_SHA256_HEX &&
               strspn(text, "0123456789abcdefABCDEF") == HASH_SHA256_HEX;
}

static DpOrder *
read_order(HttpRequest *request, const Bundle *bundle, Library *library, GError **error)
{
        const char *action = http_request_query(request, "action");
        const char *token = http_request_query(request, "token");

        if (g_strcmp0(action, "add") != 0 && g_strcmp0(action, "redist") != 0) {
                uk_fail(error, UK_ERROR_INVALID, "the action is '%s'; add and redist are known",
                        action != NULL ? action : "");
                return NULL;
        }
        if (!is_digits(token)) {
                uk_fail(error, UK_ERROR_INVALID,
                        "the token's SHA-256 is needed, as 64 hexadecimal digits");
                return NULL;
        }
        DpOrder *order = g_new0(DpOrder, 1);

        order->id = uk_guid_new();
        order->state = g_strdup("Open");
        order->package_id = g_strdup(bundle->package_id);
        order->version = bundle->version;
        order->action = g_strdup(action);
        order->token_hash = g_ascii_strdown(token, -1);
        order->related = related_ids(library, request, bundle->package_id);
        return order;
}

/* The IDs of the bundle's content items, NULL-terminated, borrowed from it. */
static GPtrArray *
ids_of(const Bundle *bundle)
{
        GPtrArray *ids = g_ptr_array_new();

        for (guint i = 0; i < bundle->trees->len; i++)
                g_ptr_array_add(ids, (gpointer)tree_content_id(bundle->trees->pdata[i]));
        g_ptr_array_add(ids, NULL);
        return ids;
}

static bool
publish(Library *library, const Bundle *bundle, GError **error)
{
        g_autoptr(GPtrArray) ids = ids_of(bundle);

        return library_publish(library, (const char *const *)ids->pdata, error);
}

/* What came for content items of the order before that no order brings now goes. */
static Incoming *
replace_order(Component *c, DpOrder *order_take, Bundle *bundle_take, GBytes *packed,
              GError **error)
{
        Dp *dp = dp_of(c);
        IncomingSet *set = dp->incoming;
        g_autofree char *id = g_strdup(order_take->package_id);
        g_autoptr(GHashTable) before = incoming_contents_of(set, c->db, id);
        g_autoptr(Incoming) incoming =
                incoming_add(set, c->db, order_take, bundle_take, packed, error);
        g_autoptr(GHashTable) now = NULL;

        if (incoming == NULL)
                return NULL;
        now = g_hash_table_size(before) > 0 ? incoming_contents_but(set, c->db, NULL)
                                            : incoming_contents_of(set, c->db, id);
        return dp_drop_coming(dp, id, before, now, error) ? g_steal_pointer(&incoming) : NULL;
}

/* A removal comes before it or behind it, and leaves no half of it. */
static Incoming *
settle_order(Component *c, DpOrder *order_take, Bundle *bundle_take, GBytes *packed, GError **error)
{
        g_autofree char *id = g_strdup(order_take->package_id);

        dp_settle_begin(dp_of(c), id);
        Incoming *incoming = replace_order(c, order_take, bundle_take, packed, error);
        dp_settle_end(dp_of(c), id);
        return incoming;
}

static Incoming *
take_order(Component *c, Library *library, HttpRequest *request, GError **error)
{
        gsize size;
        const void *body = http_request_body(request, &size);
        g_autoptr(Bundle) bundle = bundle_read(body, size, error);
        DpOrder *order = bundle != NULL ? read_order(request, bundle, library, error) : NULL;
        g_autoptr(GBytes) packed = g_bytes_new(body, size);

        if (order == NULL)
                return NULL;
        /* What an order that was given up has brought, whole and proved, is this one's too. */
        if (!publish(library, bundle, error)) {
                dporder_free(order);
                return NULL;
        }
        return settle_order(c, order, g_steal_pointer(&bundle), packed, error);
}

/* What can be written beside the arriving files. What fails here fails at the end, too, which tells
 * it. */
static void
prepare(Library *library, const Bundle *bundle)
{
        for (guint i = 0; i < bundle->trees->len; i++) {
                g_autoptr(GError) why = NULL;

                if (!library_add_ahead(library, bundle->trees->pdata[i], &why))
                        uk_warn("%s", why->message);
        }
}

static bool
begin(Component *c, Library *library, Incoming *incoming, GHashTable *sparse, HttpRequest *request,
      GError **error)
{
        const DpOrder *order = incoming_order(incoming);
        Answer a = { .dp = dp_of(c),
                     .library = library,
                     .incoming = incoming,
                     .related = dpprov_related(library, order),
                     .told = g_hash_table_new(hash_key_of, hash_key_equal),
                     .sparse = sparse };
        char *answer = write_answer(&a, error);

        guint missing = g_hash_table_size(a.told);

        g_hash_table_unref(a.told);
        dpprov_related_free(library, a.related);
        if (answer == NULL)
                return dpprov_answer_full(request, library, error);
        uk_log("Order %s: package %s version %" G_GINT64_FORMAT " is to be %s", order->id,
               order->package_id, order->version,
               strcmp(order->action, "add") == 0 ? "added" : "redistributed");
        http_answer_take(request, 200, "application/json", answer, strlen(answer));
        if (missing >= MANY_FILES)
                prepare(library, incoming_bundle(incoming));
        return true;
}

bool
dpprov_on_order(Component *c, HttpRequest *request, GError **error)
{
        UK_DOING(error, "taking an order");
        Library *library = dp_library(dp_of(c), error);
        g_autoptr(GHashTable) sparse = library != NULL ? read_sparse(request, error) : NULL;
        Incoming *incoming = sparse != NULL ? take_order(c, library, request, error) : NULL;

        if (incoming == NULL)
                return false;
        bool good = begin(c, library, incoming, sparse, request, error);
        dpprov_let_go(c, incoming);
        return good;
}

/* --- the end --- */

/* A file that a redistribution did not bring in this run of the program is proved from the disk. */
static bool
hash_fd(int fd, HashStream *stream)
{
        g_autofree guint8 *piece = g_malloc(READ_PIECE);
        ssize_t got;

        posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED); /* from the disk, not from memory */
        while ((got = TEMP_FAILURE_RETRY(read(fd, piece, READ_PIECE))) > 0)
                hash_stream_add(stream, piece, (gsize)got);
        return got == 0;
}

static bool
is_sound(Library *library, const guint8 *hash)
{
        gint64 size;
        UK_AUTOFD fd = library_open_file(library, hash, &size, NULL);
        HashStream *stream = hash_stream_new();
        guint8 digest[HASH_SHA256_SIZE];
        bool good = fd >= 0 && hash_fd(fd, stream);

        hash_stream_end(stream, digest);
        hash_stream_free(stream);
        return good && memcmp(digest, hash, sizeof digest) == 0;
}

/* The file came by the order and has its name. */
static bool
is_in(Library *library, Incoming *incoming, const guint8 *hash)
{
        return incoming_is_whole(incoming, hash) && !library_was_lost(library, hash);
}

/* Hashes (upper case) that are not here as they should be. */
static GPtrArray *
lacking(Library *library, Incoming *incoming)
{
        const GPtrArray *trees = incoming_bundle(incoming)->trees;
        bool redist = strcmp(incoming_order(incoming)->action, "redist") == 0;
        g_autoptr(GHashTable) told = g_hash_table_new(hash_key_of, hash_key_equal);
        GPtrArray *hashes = g_ptr_array_new_with_free_func(g_free);

        for (guint t = 0; t < trees->len; t++) {
                g_autoptr(GArray) missing = library_missing(library, trees->pdata[t]);

                for (guint i = 0; i < missing->len; i++) {
                        const TreeEntry *entry =
                                tree_entry(trees->pdata[t], g_array_index(missing, guint, i));

                        if (g_hash_table_add(told, (gpointer)entry->hash))
                                g_ptr_array_add(hashes, upper_hex(entry->hash));
                }
                for (guint i = 0; redist && i < tree_count(trees->pdata[t]); i++) {
                        const TreeEntry *entry = tree_entry(trees->pdata[t], i);

                        if (entry->kind == TREE_FILE && !is_in(library, incoming, entry->hash) &&
                            g_hash_table_add(told, (gpointer)entry->hash) &&
                            !is_sound(library, entry->hash))
                                g_ptr_array_add(hashes, upper_hex(entry->hash));
                }
        }
        return hashes;
}

static void
answer_lacking(HttpRequest *request, const GPtrArray *hashes)
{
        GString *out = g_string_new(NULL);
        JsonWriter w;

        json_begin(&w, out);
        json_object(&w, NULL);
        json_array(&w, "Missing");
        for (guint i = 0; i < hashes->len; i++)
                json_text(&w, NULL, hashes->pdata[i]);
        json_end(&w, ']');
        json_end(&w, '}');
        gsize size = out->len;
        http_answer_take(request, 409, "application/json", g_string_free(out, FALSE), size);
}

static bool
answer_done(HttpRequest *request, Library *library, const char *package_id, GError **error)
{
        g_autoptr(LibraryPackage) package = library_package(library, package_id, error);
        gint64 free_bytes, total;
        JsonWriter w;

        if (package == NULL || !library_space(library, &free_bytes, &total, error))
                return false;
        GString *out = g_string_new(NULL);

        json_begin(&w, out);
        json_object(&w, NULL);
        json_array(&w, "ContentIDs");
        for (char **id = package->content_ids; *id != NULL; id++)
                json_text(&w, NULL, *id);
        json_end(&w, ']');
        json_int(&w, "BytesFree", free_bytes);
        json_end(&w, '}');
        gsize size = out->len;
        http_answer_take(request, 200, "application/json", g_string_free(out, FALSE), size);
        return true;
}

static bool
add_contents(Dp *dp, Library *library, const Incoming *incoming, GError **error)
{
        const Bundle *bundle = incoming_bundle(incoming);
        const DpOrder *order = incoming_order(incoming);
        g_autoptr(GPtrArray) ids = ids_of(bundle);
        g_autoptr(LibraryDraft) draft = library_draft_package(
                library, order->package_id, order->version, (const char *const *)ids->pdata, error);

        if (draft == NULL)
                return false;
        for (guint i = 0; i < bundle->trees->len; i++) {
                const ContentTree *tree = bundle->trees->pdata[i];
                g_autoptr(GBytes) signatures = NULL;

                if (!dpprov_signatures(dp, incoming, tree_content_id(tree), &signatures, error) ||
                    !library_add_content(library, tree, signatures, error))
                        return false;
        }
        if (!library_set_draft(library, draft, error))
                return false;
        for (guint i = 0; i + 1 < ids->len; i++)
                uk_log("Content '%s' for package '%s' has been added to content library "
                       "successfully",
                       (const char *)ids->pdata[i], order->package_id);
        return true;
}

/* The last small files may come with the end of the order. */
static bool
take_last_files(Component *c, Library *library, Incoming *incoming, HttpRequest *request,
                GError **error)
{
        const char *type = http_request_header(request, "Content-Type");
        Put put = {
                .c = c, .dp = dp_of(c), .library = library, .incoming = incoming, .request = request
        };

        if (g_strcmp0(type, DPPROV_BATCH_TYPE) != 0)
                return true;
        if (!body_take(request, &put.body, error))
                return false;
        bool taken = dpprov_put_batch(&put, error);
        body_clear(&put.body);
        return taken;
}

/* An order that was taken back brings nothing any more, however far it was. */
static bool
settle(Component *c, Library *library, Incoming *incoming, HttpRequest *request, GError **error)
{
        const DpOrder *order = incoming_order(incoming);
        Dp *dp = dp_of(c);
        g_autofree char *done = NULL;
        bool wanted = false;

        dp_settle_begin(dp, order->package_id);
        bool good = incoming_is_wanted(c->db, incoming, &wanted, error) &&
                    (!wanted || (add_contents(dp, library, incoming, error) &&
                                 incoming_finish(dp->incoming, c->db, incoming, error)));
        dp_settle_end(dp, order->package_id);
        if (!good)
                return dpprov_answer_full(request, library, error);
        if (!wanted && !incoming_done(dp->incoming, c->db, order->id, &done, error))
                return false;
        if (!wanted && done == NULL)
                return uk_fail(error, UK_ERROR_NOT_FOUND, "the order %s was taken back", order->id);
        return answer_done(request, library, order->package_id, error);
}

static bool
commit(Component *c, Library *library, Incoming *incoming, HttpRequest *request, GError **error)
{
        if (!take_last_files(c, library, incoming, request, error))
                return dpprov_put_answer_failed(request, library, error);
        if (!publish(library, incoming_bundle(incoming), error))
                return dpprov_answer_full(request, library, error);
        g_autoptr(GPtrArray) hashes = lacking(library, incoming);

        if (hashes->len > 0) {
                incoming_doubt(incoming);
                answer_lacking(request, hashes);
                return true;
        }
        return settle(c, library, incoming, request, error);
}

bool
dpprov_on_commit(Component *c, HttpRequest *request, GError **error)
{
        g_autofree char *id = dpprov_order_id(request);
        UK_DOING(error, "committing the order %s", id);
        Dp *dp = dp_of(c);
        Library *library = dp_library(dp, error);
        g_autofree char *done = NULL;

        if (library == NULL || !incoming_done(dp->incoming, c->db, id, &done, error))
                return false;
        if (done != NULL) /* the answer was lost */
                return answer_done(request, library, done, error);
        Incoming *incoming = incoming_get(dp->incoming, c->db, id, error);
        if (incoming == NULL)
                return false;
        bool good = commit(c, library, incoming, request, error);
        dpprov_let_go(c, incoming);
        return good;
}
