/* repair.c - brings a damaged or missing file of the library back from who has it. */
#include "transfer/repair.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/io.h"
#include "content/verify.h"

/* Bytes of one request where there are no chunks. */
#define SPAN (4 * 1024 * 1024)

/* A file on its way back. */
typedef struct {
        Repair *repair;
        const ContentTree *tree;
        const TreeEntry *entry;
        LibraryFile *file;
        int damaged; /* what was set aside, or -1 */
        bool doubt;  /* a source that has the file has other chunks than the signature says */
} Way;

void
repair_source_free(RepairSource *source)
{
        g_free(source->name);
        g_free(source->url);
        g_free(source->folder);
        g_free(source);
}

/* --- from who has it --- */

static char *
url_of(const Way *way, const RepairSource *source)
{
        g_autofree char *path = g_uri_escape_string(way->entry->path, "/", FALSE);

        return g_strdup_printf("%s/SMS_DP_SMSPKG$/%s/%s", source->url, tree_content_id(way->tree),
                               path);
}

static bool
is_that_range(const HttpResponse *response, const Way *way, gint64 offset, gint64 size)
{
        if ((gint64)response->size != size)
                return false;
        return response->status == 206 ||
               (response->status == 200 && offset == 0 && size == way->entry->size);
}

/* Bytes of the file from a distribution point; NULL when it has not exactly these. */
static GBytes *
fetch_from_server(const Way *way, const RepairSource *source, gint64 offset, gint64 size,
                  GError **error)
{
        g_autofree char *url = url_of(way, source);
        g_autofree char *range = g_strdup_printf(
                "Range: bytes=%" G_GINT64_FORMAT "-%" G_GINT64_FORMAT, offset, offset + size - 1);
        const char *headers[] = { size > 0 ? range : NULL, "Accept-Encoding: identity", NULL };
        HttpCall call = { .url = url,
                          .headers = size > 0 ? headers : headers + 1,
                          .max_bytes = size + 1 };
        g_autoptr(HttpResponse) response = http_call(way->repair->http, &call, error);

        if (response == NULL)
                return NULL;
        way->repair->fetched += (gint64)response->size;
        if (is_that_range(response, way, offset, size)) {
                const void *body = response->body;
                gsize got = response->size;

                return g_bytes_new_with_free_func(body, got, (GDestroyNotify)http_response_free,
                                                  g_steal_pointer(&response));
        }
        uk_fail(error, UK_ERROR_REMOTE, "%s answered %ld with %zu bytes for %" G_GINT64_FORMAT, url,
                response->status, response->size, size);
        return NULL;
}

/* Bytes of the file from the folder that the content item was made from, whatever it is now. */
static GBytes *
read_from_folder(const Way *way, const RepairSource *source, gint64 offset, gint64 size,
                 GError **error)
{
        g_autofree char *path = g_build_filename(source->folder, way->entry->path, NULL);
        g_autofree char *data = g_malloc((gsize)size);
        struct stat info;
        UK_AUTOFD fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);

        if (fd < 0 || fstat(fd, &info) != 0) {
                uk_fail_errno(error, errno, "opening %s", path);
                return NULL;
        }
        if (!S_ISREG(info.st_mode) || info.st_size != way->entry->size ||
            TEMP_FAILURE_RETRY(pread(fd, data, (gsize)size, offset)) != size) {
                uk_fail(error, UK_ERROR_NOT_FOUND, "%s is another file now", path);
                return NULL;
        }
        return g_bytes_new_take(g_steal_pointer(&data), (gsize)size);
}

static GBytes *
fetch_from(const Way *way, const RepairSource *source, gint64 offset, gint64 size, GError **error)
{
        return source->folder != NULL ? read_from_folder(way, source, offset, size, error)
                                      : fetch_from_server(way, source, offset, size, error);
}

static bool
has_hash(const void *data, gsize size, const guint8 *hash)
{
        guint8 digest[HASH_SHA256_SIZE];

        hash_sha256(data, size, digest);
        return memcmp(digest, hash, sizeof digest) == 0;
}

static void
say(GString *said, const RepairSource *source, const GError *why)
{
        g_string_append_printf(said, "%s%s: %s", said->len > 0 ? "; " : "", source->name,
                               why != NULL ? why->message : "it has other bytes");
}

static bool
nobody_has_it(const GString *said, GError **error)
{
        return uk_fail(error, UK_ERROR_NOT_FOUND, "no source has it (%s)",
                       said->len > 0 ? said->str : "none is known");
}

/* A chunk from the first source that has it. */
static GBytes *
fetch_chunk(Way *way, const SignatureChunk *chunk, GError **error)
{
        const GPtrArray *sources = way->repair->sources;
        g_autoptr(GString) said = g_string_new(NULL);

        for (guint i = 0; i < sources->len; i++) {
                const RepairSource *source = sources->pdata[i];
                g_autoptr(GError) why = NULL;
                g_autoptr(GBytes) bytes = fetch_from(way, source, chunk->offset, chunk->size, &why);

                if (bytes != NULL &&
                    has_hash(g_bytes_get_data(bytes, NULL), chunk->size, chunk->hash))
                        return g_steal_pointer(&bytes);
                way->doubt = way->doubt || bytes != NULL;
                say(said, source, why);
        }
        nobody_has_it(said, error);
        return NULL;
}

/* --- chunks --- */

/* Reading what is left of a damaged file keeps to the budget of verification. */
static void
keep_to_budget(Repair *repair, gint64 bytes)
{
        repair->read += bytes;
        if (repair->rate <= 0 || repair->read < repair->rate)
                return;
        uk_clock_sleep(repair->read * UK_SECOND / repair->rate, repair->stop_fd);
        repair->read = 0;
}

static bool
read_good(const Way *way, const SignatureChunk *chunk, guint8 *data)
{
        ssize_t got;

        if (way->damaged < 0)
                return false;
        keep_to_budget(way->repair, chunk->size);
        got = TEMP_FAILURE_RETRY(pread(way->damaged, data, chunk->size, chunk->offset));
        return got == (ssize_t)chunk->size && has_hash(data, chunk->size, chunk->hash);
}

static bool
add_chunk(Way *way, const SignatureChunk *chunk, guint8 *buffer, GError **error)
{
        gint64 skip = library_file_position(way->file) - chunk->offset;
        g_autoptr(GBytes) bytes = NULL;
        const guint8 *data = buffer;

        if (skip >= chunk->size)
                return true;
        if (!read_good(way, chunk, buffer)) {
                bytes = fetch_chunk(way, chunk, error);
                if (bytes == NULL)
                        return false;
                data = g_bytes_get_data(bytes, NULL);
        }
        return library_file_write(way->file, data + skip, chunk->size - (gsize)skip, error);
}

static bool
add_chunks(Way *way, const Signature *signature, GError **error)
{
        g_autofree guint8 *buffer = g_malloc(SIGNATURE_MAX);

        for (guint i = 0; i < signature->chunks->len; i++) {
                if (!add_chunk(way, &g_array_index(signature->chunks, SignatureChunk, i), buffer,
                               error))
                        return false;
        }
        return true;
}

/* --- whole --- */

static bool
add_whole(const Way *way, const RepairSource *source, GError **error)
{
        gint64 at;

        while ((at = library_file_position(way->file)) < way->entry->size) {
                gint64 size = MIN(way->entry->size - at, SPAN);
                g_autoptr(GBytes) bytes = fetch_from(way, source, at, size, error);

                if (bytes == NULL || !library_file_write(way->file, g_bytes_get_data(bytes, NULL),
                                                         (gsize)size, error))
                        return false;
        }
        return library_file_end(way->file, error);
}

/* Without a signature only the whole file proves itself: from one source, or from the next. What
 * an earlier try left may be of another one. */
static bool
bring_whole(const Way *way, GError **error)
{
        const GPtrArray *sources = way->repair->sources;
        g_autoptr(GString) said = g_string_new(NULL);

        for (guint i = 0; i < sources->len; i++) {
                const RepairSource *source = sources->pdata[i];
                g_autoptr(GError) why = NULL;

                if (add_whole(way, source, &why))
                        return true;
                if (g_error_matches(why, UK_ERROR, UK_ERROR_FULL)) {
                        g_propagate_error(error, g_steal_pointer(&why));
                        return false;
                }
                say(said, source, why);
                if (!library_file_restart(way->file, error))
                        return false;
        }
        return nobody_has_it(said, error);
}

/* The signature may be damaged itself: nothing but the hash of the whole file is proved. */
static bool
bring_chunks(Way *way, const Signature *signature, GError **error)
{
        g_autoptr(GError) why = NULL;

        if (add_chunks(way, signature, &why) && library_file_end(way->file, &why))
                return true;
        if (way->doubt || g_error_matches(why, UK_ERROR, UK_ERROR_SIGNATURE))
                return library_file_restart(way->file, error) && bring_whole(way, error);
        g_propagate_error(error, g_steal_pointer(&why));
        return false;
}

/* --- the file --- */

static bool
is_of(const Signature *signature, const TreeEntry *entry)
{
        return signature != NULL && signature->size == entry->size &&
               memcmp(signature->hash, entry->hash, HASH_SHA256_SIZE) == 0;
}

bool
repair_file(Repair *repair, const ContentTree *tree, const TreeEntry *entry,
            const Signature *signature, GError **error)
{
        UK_DOING(error, "repairing '%s' of %s", entry->path, tree_content_id(tree));
        g_autofree char *aside = verify_damaged_path(repair->library, entry->hash);
        g_autoptr(LibraryFile) file = library_file_begin(repair->library, entry->hash, entry->size,
                                                         tree_content_id(tree), error);
        UK_AUTOFD damaged = open(aside, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);

        /* One of another size is missing too before verification has come to it. */
        if (damaged < 0)
                damaged = library_open_file(repair->library, entry->hash, NULL, NULL);
        const char *const ids[] = { tree_content_id(tree), NULL };
        Way way = { repair, tree, entry, file, damaged, false };

        if (file == NULL)
                return false;
        if (!(is_of(signature, entry) ? bring_chunks(&way, signature, error)
                                      : bring_whole(&way, error)))
                return false;
        return library_publish(repair->library, ids, error);
}
