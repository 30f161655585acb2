/* dpprov_put.c - the bytes of an order: blocks, batches, signatures; and bundles.
 *
 *   PUT /SMS_DP$/<HASH>-<ContentID>.temp?order=&position=     a block of a file
 *   PUT /SMS_DP$/<order>.batch?order=                          many small files
 *   PUT /SMS_DP$/<NEW>.<OLD>.delta?order=, …frame              dpprov_delta.c
 *   PUT /SMS_DP$/<ContentID>.tar?order=                        the signatures of a content item
 *   PUT /SMS_DP$/<PkgID>.tz                                    the bundle of a pull DP
 *
 * A full disk is 507 with the volume; what came of that file goes, so that others find room.
 */
#include "dp/dpprov_put.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/io.h"
#include "content/signature.h"
#include "dp/batch.h"
#include "dp/body.h"
#include "wire/json.h"
#include "wire/pullnotice.h"

/* Files that were proved wait for their sync; so many at most. */
#define PUBLISH_EVERY 2000
/* and of so many bytes together. */
#define PUBLISH_BYTES (64 * 1024 * 1024)
/* Of a batch another thread takes part for so many files each; so many threads at most. */
#define FILES_A_HELPER 32
#define MAX_HELPERS    3

/* --- answers --- */

void
dpprov_put_answer(HttpRequest *request, unsigned status, const char *name, gint64 value)
{
        GString *out = g_string_new(NULL);
        JsonWriter w;

        json_begin(&w, out);
        json_object(&w, NULL);
        if (name != NULL)
                json_int(&w, name, value);
        json_end(&w, '}');
        gsize size = out->len;
        http_answer_take(request, status, "application/json", g_string_free(out, FALSE), size);
}

bool
dpprov_answer_full(HttpRequest *request, Library *library, GError **error)
{
        gint64 free_bytes = 0, total = 0;

        if (error == NULL || !g_error_matches(*error, UK_ERROR, UK_ERROR_FULL))
                return false;
        if (!library_space(library, &free_bytes, &total, NULL))
                free_bytes = 0;
        g_autofree char *words = g_strdup_printf(
                "%s; the volume of %s has %" G_GINT64_FORMAT " MB free of %" G_GINT64_FORMAT
                " MB: " UK_ERROR_MAKE_ROOM ", the rest is taken when there is",
                (*error)->message, library_root(library), free_bytes / 1000000, total / 1000000);
        uk_error("%s %s is answered 507: %s", http_request_method(request),
                 http_request_path(request), words);
        g_clear_error(error);
        http_answer_error(request, 507, uk_error_name(UK_ERROR_FULL), words);
        return true;
}

/* Bytes that are not those of the hash: 422, so that the site goes another way. */
static bool
answer_wrong(HttpRequest *request, GError **error)
{
        if (!g_error_matches(*error, UK_ERROR, UK_ERROR_SIGNATURE))
                return false;
        uk_warn("PUT %s is answered 422: %s", http_request_path(request), (*error)->message);
        http_answer_error(request, 422, uk_error_name(UK_ERROR_SIGNATURE), (*error)->message);
        g_clear_error(error);
        return true;
}

bool
dpprov_put_answer_failed(HttpRequest *request, Library *library, GError **error)
{
        return dpprov_answer_full(request, library, error) || answer_wrong(request, error);
}

bool
dpprov_put_number(HttpRequest *request, const char *name, gint64 fallback, gint64 *out,
                  GError **error)
{
        const char *text = http_request_query(request, name);
        guint64 number = 0;

        *out = fallback;
        if (text == NULL)
                return true;
        if (!g_ascii_string_to_unsigned(text, 10, 0, G_MAXINT64, &number, NULL))
                return uk_fail(error, UK_ERROR_INVALID, "%s is '%.40s', which is no number", name,
                               text);
        *out = (gint64)number;
        return true;
}

/* --- blocks --- */

bool
dpprov_put_write(gpointer user, const void *data, gsize size, GError **error)
{
        return library_file_write(user, data, size, error);
}

void
dpprov_put_whole(const Put *put, const guint8 *hash)
{
        IncomingFile file;

        incoming_note_whole(put->incoming, hash);
        atomic_fetch_add(&put->dp->waiting, 1);
        if (incoming_find(put->incoming, hash, &file))
                atomic_fetch_add(&put->dp->waiting_bytes, file.size);
}

/* What fails is told by the end of the order, which publishes again and looks what is there. */
void
dpprov_put_publish(const Put *put)
{
        g_autoptr(GError) why = NULL;

        if (atomic_load(&put->dp->waiting) < PUBLISH_EVERY &&
            atomic_load(&put->dp->waiting_bytes) < PUBLISH_BYTES)
                return;
        atomic_store(&put->dp->waiting, 0);
        atomic_store(&put->dp->waiting_bytes, 0);
        if (!library_publish(put->library, NULL, &why))
                uk_warn("%s", why->message);
}

/* The block's bytes into the file; *whole_out: it was the last one and the file is proved. */
static bool
add_block(const Put *put, const IncomingFile *file, LibraryFile *open, bool *whole_out,
          GError **error)
{
        if (!body_pour(&put->body, dpprov_put_write, open, error))
                return false;
        *whole_out = library_file_position(open) == file->size;
        if (!*whole_out)
                return true;
        if (!library_file_end(open, error))
                return false;
        dpprov_put_whole(put, file->hash);
        return true;
}

/* A file that came whole before a restart needs only its proof. */
static bool
answer_elsewhere(const Put *put, const IncomingFile *file, LibraryFile *open, GError **error)
{
        gint64 at = library_file_position(open);
        bool whole = at == file->size && library_file_end(open, error);
        bool failed = at == file->size && !whole;

        if (whole)
                dpprov_put_whole(put, file->hash);
        incoming_give_file(put->incoming, file, open, at < file->size);
        if (failed)
                return dpprov_put_answer_failed(put->request, put->library, error);
        dpprov_put_answer(put->request, whole ? 200 : 409, "Position", at);
        return true;
}

/* What will not become whole now gives its room to files that may. */
static void
give_room_back(const Put *put, LibraryFile *open, const GError *why)
{
        if (g_error_matches(why, UK_ERROR, UK_ERROR_FULL) && !library_file_restart(open, NULL))
                uk_warn("The room of %s could not be given back", put->name);
}

/* The last block is answered when the file is proved. */
static bool
take_last(const Put *put, const IncomingFile *file, LibraryFile *open, GError **error)
{
        bool whole = false;
        bool good = add_block(put, file, open, &whole, error);
        gint64 at = library_file_position(open);

        if (!good)
                give_room_back(put, open, *error);
        incoming_give_file(put->incoming, file, open, good && !whole);
        if (!good)
                return dpprov_put_answer_failed(put->request, put->library, error);
        dpprov_put_answer(put->request, 200, "Position", at);
        dpprov_put_publish(put);
        return true;
}

/* One with others behind it is answered as soon as it is its turn, so that the next one travels
 * while this one is hashed and written. If that fails, the next one is told. */
static void
take_early(const Put *put, const IncomingFile *file, LibraryFile *open, gint64 behind)
{
        GError *failure = NULL;
        bool whole;

        dpprov_put_answer(put->request, 200, "Position", behind);
        if (add_block(put, file, open, &whole, &failure)) {
                incoming_give_file(put->incoming, file, open, true);
                return;
        }
        give_room_back(put, open, failure);
        incoming_fail_file(put->incoming, file, open, failure);
}

static bool
on_block(const Put *put, const IncomingFile *file, gint64 position, GError **error)
{
        LibraryFile *open = incoming_take_file(put->incoming, put->library, file, error);
        gint64 behind = position + (gint64)g_bytes_get_size(put->body.bytes);

        if (open == NULL)
                return dpprov_put_answer_failed(put->request, put->library, error);
        if (library_file_position(open) != position)
                return answer_elsewhere(put, file, open, error);
        if (put->body.packed || behind >= file->size)
                return take_last(put, file, open, error);
        take_early(put, file, open, behind);
        return true;
}

/* "<HASH>-<ContentID>.temp" */
static bool
put_block(const Put *put, GError **error)
{
        guint8 hash[HASH_SHA256_SIZE];
        IncomingFile file;
        gint64 position;

        if (g_bytes_get_size(put->body.bytes) > DPPROV_MAX_BLOCK)
                return uk_fail(error, UK_ERROR_LIMIT, "a block has at most %d bytes",
                               DPPROV_MAX_BLOCK);
        if (strlen(put->name) < HASH_SHA256_HEX || put->name[HASH_SHA256_HEX] != '-' ||
            !hash_from_hex(put->name, HASH_SHA256_HEX, hash, sizeof hash))
                return uk_fail(error, UK_ERROR_INVALID,
                               "'%s' is not of the form <HASH>-<ContentID>.temp", put->name);
        if (!incoming_find(put->incoming, hash, &file))
                return uk_fail(error, UK_ERROR_NOT_FOUND, "the order has no such file as %s",
                               put->name);
        if (!dpprov_put_number(put->request, "position", 0, &position, error))
                return false;
        if (incoming_is_whole(put->incoming, hash)) {
                dpprov_put_answer(put->request, 200, "Position", file.size);
                return true;
        }
        return on_block(put, &file, position, error);
}

/* --- batches --- */

/* What the threads that take a batch share. */
typedef struct {
        const Put *put;
        GArray *files; /* BatchFile */
        atomic_uint next;
        pthread_mutex_t lock; /* guards error */
        GError *error;        /* the first */
        UkLog *log;
        const char *trace;
} Batch;

static bool
put_small(const Put *put, const BatchFile *small, GError **error)
{
        IncomingFile file;

        if (!incoming_find(put->incoming, small->hash, &file) || file.size != (gint64)small->size) {
                g_autofree char *hex = hash_hex(small->hash, HASH_SHA256_SIZE);

                return uk_fail(error, UK_ERROR_INVALID, "the order has no file %s of %zu bytes",
                               hex, small->size);
        }
        if (incoming_is_whole(put->incoming, small->hash))
                return true;
        if (!incoming_put_file(put->incoming, put->library, &file, small->data, error))
                return false;
        dpprov_put_whole(put, file.hash);
        return true;
}

/* After a failure nothing more is begun. */
static void
fail_batch(Batch *batch, GError *error_take)
{
        atomic_store(&batch->next, batch->files->len);
        pthread_mutex_lock(&batch->lock);
        if (batch->error == NULL)
                batch->error = error_take;
        else
                g_error_free(error_take);
        pthread_mutex_unlock(&batch->lock);
}

static void
put_rest(Batch *batch)
{
        guint i;

        while ((i = atomic_fetch_add(&batch->next, 1)) < batch->files->len) {
                GError *failure = NULL;

                if (!put_small(batch->put, &g_array_index(batch->files, BatchFile, i), &failure))
                        fail_batch(batch, failure);
        }
}

static void *
help(void *data)
{
        Batch *batch = data;

        uk_log_bind(batch->log);
        uk_trace_set(batch->trace);
        put_rest(batch);
        uk_log_bind(NULL);
        return NULL;
}

/* Hashes and writes on all processors where that is worth threads: the site sends nothing else
 * meanwhile. */
static void
put_together(Batch *batch)
{
        pthread_t helpers[MAX_HELPERS];
        guint count = MIN(batch->files->len / FILES_A_HELPER, MAX_HELPERS);

        /* How many processors there are costs three calls of the system: the many small batches
         * need not know. */
        if (count > 0)
                count = MIN(count, g_get_num_processors() - 1);
        for (guint i = 0; i < count; i++) {
                if (pthread_create(&helpers[i], NULL, help, batch) != 0)
                        count = i;
        }
        put_rest(batch);
        for (guint i = 0; i < count; i++)
                pthread_join(helpers[i], NULL);
}

static bool
collect_file(gpointer user, const BatchFile *small, GError **error)
{
        (void)error;
        g_array_append_vals(user, small, 1);
        return true;
}

bool
dpprov_put_batch(const Put *put, GError **error)
{
        g_autoptr(GBytes) plain = body_plain(&put->body, BATCH_MAX_BYTES, error);
        g_autoptr(GArray) files = g_array_new(FALSE, FALSE, sizeof(BatchFile));
        gsize size = 0;
        const void *data = plain != NULL ? g_bytes_get_data(plain, &size) : NULL;

        if (plain == NULL || !batch_read(data, size, collect_file, files, error))
                return false;
        Batch batch = {
                .put = put, .files = files, .log = uk_log_bound(), .trace = uk_trace_get()
        };

        pthread_mutex_init(&batch.lock, NULL);
        put_together(&batch);
        pthread_mutex_destroy(&batch.lock);
        if (batch.error == NULL)
                return true;
        g_propagate_error(error, batch.error);
        return false;
}

static bool
put_batch(const Put *put, GError **error)
{
        if (!dpprov_put_batch(put, error))
                return dpprov_put_answer_failed(put->request, put->library, error);
        dpprov_put_answer(put->request, 200, NULL, 0);
        dpprov_put_publish(put);
        return true;
}

/* --- signatures and bundles --- */

bool
dpprov_signatures(const Dp *dp, const Incoming *incoming, const char *content_id,
                  GBytes **bytes_out, GError **error)
{
        g_autofree char *name = g_strconcat(content_id, ".tar", NULL);
        g_autofree char *path = incoming_staged(dp->incoming, incoming, name);
        g_autoptr(GError) why = NULL;
        char *data;
        gsize size;

        *bytes_out = NULL;
        if (uk_io_read(path, DPPROV_MAX_PUT, &data, &size, &why)) {
                *bytes_out = g_bytes_new_take(data, size);
                return true;
        }
        if (g_error_matches(why, UK_ERROR, UK_ERROR_NOT_FOUND))
                return true;
        g_propagate_error(error, g_steal_pointer(&why));
        return false;
}

/* Keeps a body as it is. */
static bool
keep_body(const Put *put, const char *path, GError **error)
{
        gsize size;
        const void *body = http_request_body(put->request, &size);

        if (!uk_io_replace(path, body, size, 0640, error))
                return dpprov_put_answer_failed(put->request, put->library, error);
        dpprov_put_answer(put->request, 200, NULL, 0);
        return true;
}

static bool
put_signatures(const Put *put, GError **error)
{
        g_autofree char *id = g_strndup(put->name, strlen(put->name) - strlen(".tar"));
        g_autofree char *path = NULL;
        gsize size;
        const void *body = http_request_body(put->request, &size);

        if (incoming_tree(put->incoming, id) == NULL)
                return uk_fail(error, UK_ERROR_NOT_FOUND, "the order has no content item '%s'", id);
        /* Without them all but deltas goes; with wrong ones the order could not end. */
        g_autoptr(GHashTable) proved = signature_tar_read(body, size, error);
        if (proved == NULL) {
                (*error)->code = UK_ERROR_SIGNATURE;
                return dpprov_put_answer_failed(put->request, put->library, error);
        }
        path = incoming_stage(put->dp->incoming, put->incoming, put->name, error);
        if (path == NULL)
                return dpprov_put_answer_failed(put->request, put->library, error);
        return keep_body(put, path, error);
}

static bool
put_bundle(const Put *put, GError **error)
{
        g_autofree char *id = g_strndup(put->name, strlen(put->name) - strlen(".tz"));
        g_autofree char *path = dp_bundle_path(put->library, id);
        gsize size;
        const void *body = http_request_body(put->request, &size);
        g_autoptr(Bundle) bundle = bundle_read(body, size, error);

        if (bundle == NULL)
                return false;
        if (!pullnotice_id_valid(id) || strcmp(bundle->package_id, id) != 0)
                return uk_fail(error, UK_ERROR_INVALID, "the bundle is of package %s, not of %s",
                               bundle->package_id, id);
        return keep_body(put, path, error);
}

/* --- which it is --- */

static const struct {
        const char *suffix;
        bool (*put)(const Put *put, GError **error);
} kinds[] = {
        { ".temp", put_block },         { ".batch", put_batch },    { ".delta", dpprov_put_delta },
        { ".frame", dpprov_put_delta }, { ".tar", put_signatures },
};

bool
dpprov_takes_token(const HttpRequest *request)
{
        const char *path = http_request_path(request);

        for (guint i = 0; i < G_N_ELEMENTS(kinds); i++) {
                if (g_str_has_suffix(path, kinds[i].suffix))
                        return strcmp(http_request_method(request), "PUT") == 0;
        }
        return g_str_has_suffix(path, "/commit");
}

static bool
put_part(const Put *put, GError **error)
{
        if (!incoming_keep(put->dp->incoming, put->c->db, put->incoming, error))
                return dpprov_put_answer_failed(put->request, put->library, error);
        for (guint i = 0; i < G_N_ELEMENTS(kinds); i++) {
                if (g_str_has_suffix(put->name, kinds[i].suffix))
                        return kinds[i].put(put, error);
        }
        return uk_fail(error, UK_ERROR_NOT_FOUND, "nothing is put at this path");
}

static bool
put_of_order(Put *put, GError **error)
{
        g_autofree char *id = dpprov_order_id(put->request);

        if (id == NULL)
                return uk_fail(error, UK_ERROR_INVALID, "the order is not named");
        put->incoming = incoming_get(put->dp->incoming, put->c->db, id, error);
        if (put->incoming == NULL)
                return false;
        bool done = put_part(put, error);
        dpprov_let_go(put->c, g_steal_pointer(&put->incoming));
        return done;
}

bool
dpprov_on_put(Component *c, HttpRequest *request, GError **error)
{
        Dp *dp = dp_of(c);
        g_autofree char *name = g_path_get_basename(http_request_path(request));
        Put put = { .c = c, .dp = dp, .request = request, .name = name };

        put.library = dp_library(dp, error);
        if (put.library == NULL || !body_take(request, &put.body, error))
                return false;
        bool done =
                g_str_has_suffix(name, ".tz") ? put_bundle(&put, error) : put_of_order(&put, error);
        body_clear(&put.body);
        return done;
}
