/* dts_run.c - one try of one job: what is missing of its files, fetched by HTTP, several at a time.
 *
 * In: the rows of the files, and what earlier tries left in the folder. Out: files. A file is
 * "<name>.part" until it is whole; its size is where the next try goes on. From the same source it
 * goes on only if the thing is still the same (If-Range); from another one if size and, where both
 * have our form, ETag agree: the owner proves the bytes in any case.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/guid.h"
#include "base/io.h"
#include "base/log.h"
#include "host/host.h"
#include "net/http_range.h"
#include "transfer/dts_private.h"

#define MAX_UNKNOWN   (256LL * 1024 * 1024) /* of a file whose size nobody said */
#define MAX_ERROR     65536                 /* of an answer that is no file */
#define KEEP_ETAG     (1024 * 1024)         /* files below begin anew */
#define HOLE          4096                  /* runs of zeros at least so long are not written */
#define PROGRESS_US   UK_SECOND
#define STALL_SECONDS 60

typedef struct {
        Component *c;
        DtsJob *job;
        DtsPasser *passer;
        DtsTell tell;
        int dir_fd;
        GPtrArray *files; /* DtsFileRow */
        gint64 told_us;
        bool moved;    /* a byte came */
        char *refused; /* the name of the file that ended the try, if none of it came */
        GError *why;
} Run;

/* One file on its way. */
typedef struct {
        Run *run;
        const DtsFileRow *file;
        char *url, *part;
        char *headers[3];
        int fd;
        gint64 position; /* bytes that are there */
        gint64 written;  /* size of the file on disk: what follows is a hole so far */
        gint64 learned;  /* size that the source said of one whose size nobody knew */
        bool moved;      /* a byte came */
} Fetch;

static void
fetch_clear(Fetch *fetch)
{
        uk_io_close(&fetch->fd);
        g_free(fetch->url);
        g_free(fetch->part);
        for (guint i = 0; i < G_N_ELEMENTS(fetch->headers); i++)
                g_free(fetch->headers[i]);
}

/* ---- what is there --------------------------------------------------------------------------- */

/* The size of a plain file in the folder; -1 when there is none. */
static gint64
size_of(const Run *run, const char *name)
{
        struct stat st;

        return fstatat(run->dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(st.st_mode)
                       ? (gint64)st.st_size
                       : -1;
}

static bool
drop(const Run *run, const char *name, GError **error)
{
        g_autofree char *path = g_build_filename(run->job->target, name, NULL);

        return uk_io_unlink(path, error);
}

/* Whether the file is there whole; one that was cut off right before it got its name gets it. */
static bool
look_for(const Run *run, const DtsFileRow *file, bool *whole_out, GError **error)
{
        g_autofree char *part = g_strconcat(file->name, ".part", NULL);
        g_autofree char *from = g_build_filename(run->job->target, part, NULL);
        g_autofree char *to = g_build_filename(run->job->target, file->name, NULL);
        gint64 size = size_of(run, file->name);

        g_autofree char *none = g_strconcat(file->name, DTS_NONE, NULL);

        *whole_out = (size >= 0 && (file->size < 0 || size == file->size)) ||
                     (file->optional && size_of(run, none) >= 0);
        if (*whole_out || file->size < 0 || size_of(run, part) != file->size)
                return true;
        *whole_out = true;
        return uk_io_rename(from, to, error);
}

/* ---- writing --------------------------------------------------------------------------------- */

static bool
open_part(Fetch *fetch, bool anew, GError **error)
{
        if (anew) {
                uk_io_close(&fetch->fd);
                if (!drop(fetch->run, fetch->part, error))
                        return false;
                fetch->position = fetch->written = 0;
        }
        if (fetch->fd >= 0)
                return true;
        fetch->fd = openat(fetch->run->dir_fd, fetch->part,
                           O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0640);
        return fetch->fd >= 0 ||
               uk_fail_errno(error, errno, "opening %s/%s", fetch->run->job->target, fetch->part);
}

static bool
is_zero(const char *data, gsize size)
{
        return size > 0 && data[0] == 0 && memcmp(data, data + 1, size - 1) == 0;
}

static bool
write_at(Fetch *fetch, const char *data, gsize size, gint64 at, GError **error)
{
        if (!uk_io_pwrite(fetch->fd, data, size, at, fetch->part, error))
                return false;
        fetch->written = MAX(fetch->written, at + (gint64)size);
        return true;
}

/* Bytes that are nothing but zero become a hole. */
static bool
write_block(Fetch *fetch, const char *data, gsize size, GError **error)
{
        if (!(size >= HOLE && is_zero(data, size)) &&
            !write_at(fetch, data, size, fetch->position, error))
                return false;
        fetch->position += (gint64)size;
        return true;
}

/* A hole at the end needs its last byte. */
static bool
end_hole(Fetch *fetch, GError **error)
{
        return fetch->written >= fetch->position ||
               write_at(fetch, "", 1, fetch->position - 1, error);
}

/* ---- progress -------------------------------------------------------------------------------- */

static bool
keep_progress(Run *run, bool now, GError **error)
{
        gint64 at = uk_clock_mono();

        if (!now && at - run->told_us < PROGRESS_US)
                return true;
        run->told_us = at;
        if (!dts_job_set_progress(run->c->db, run->job, error))
                return false;
        run->tell(run->c, run->job);
        return true;
}

/* Called by the client whether bytes come or not, so that a removed job ends. */
static bool
on_progress(gpointer user, gint64 done, gint64 total)
{
        const Fetch *fetch = user;

        return !dts_passer_cancelled(fetch->run->passer);
}

/* ---- one answer ------------------------------------------------------------------------------ */

/* The content of an ETag of our form, a SHA-256; NULL for any other. The caller's. */
static char *
our_hash(const char *etag)
{
        gsize size = etag != NULL ? strlen(etag) : 0;

        return size == 66 && etag[0] == '"' && etag[65] == '"' &&
                               strspn(etag + 1, "0123456789ABCDEFabcdef") == 64
                       ? g_ascii_strup(etag + 1, 64)
                       : NULL;
}

/* The source must not have another thing under the name: the name of a file of content is its
 * hash. */
static bool
check_etag(const Fetch *fetch, const HttpResponse *head, GError **error)
{
        g_autofree char *hash = our_hash(head->etag);

        return hash == NULL || strlen(fetch->file->name) != 64 ||
               strcmp(hash, fetch->file->name) == 0 ||
               uk_fail(error, UK_ERROR_SIGNATURE, "the source has another file there, ETag %s",
                       head->etag);
}

/* A part must be the one that was asked for, of a thing of the right size. */
static bool
check_part(const Fetch *fetch, const HttpResponse *head, GError **error)
{
        const DtsFileRow *file = fetch->file;
        const char *range = http_response_header(head, "content-range");
        gint64 first, last, total;

        if (!http_range_content(range, &first, &last, &total) ||
            first != MAX(file->range_from, 0) + fetch->position)
                return uk_fail(error, UK_ERROR_REMOTE,
                               "the source sent another part than was asked for");
        return file->range_from >= 0 || file->size < 0 || total < 0 || total == file->size ||
               uk_fail(error, UK_ERROR_SIGNATURE,
                       "the source has a file of %" G_GINT64_FORMAT
                       " bytes there, it should have %" G_GINT64_FORMAT,
                       total, file->size);
}

/* What is larger than it may be where nobody knew its size: of what need not be there it is as good
 * as not there, and the owner takes another way. */
static bool
too_large(const Fetch *fetch, GError **error)
{
        return uk_fail(error, fetch->file->optional ? UK_ERROR_UNSUPPORTED : UK_ERROR_SIGNATURE,
                       "the source sends more than the %lld bytes that %s may have", MAX_UNKNOWN,
                       fetch->file->title);
}

/* The job's bytes are as many as sizes are known of. */
static bool
learn_size(Fetch *fetch, const HttpResponse *head, bool part, GError **error)
{
        const char *said = http_response_header(head, part ? "content-range" : "content-length");
        gint64 first, last, total = -1;

        if (fetch->file->size >= 0 || said == NULL ||
            !(part ? http_range_content(said, &first, &last, &total)
                   : g_ascii_string_to_signed(said, 10, 0, G_MAXINT64, &total, NULL)) ||
            total < 0)
                return true;
        if (total > MAX_UNKNOWN)
                return too_large(fetch, error);
        fetch->run->job->bytes_all += total - fetch->learned;
        fetch->learned = total;
        return true;
}

static bool
keep_etag(const Fetch *fetch, const HttpResponse *head, GError **error)
{
        const DtsFileRow *file = fetch->file;

        if (head->etag == NULL || g_str_has_prefix(head->etag, "W/") ||
            (file->size >= 0 && file->size < KEEP_ETAG) || strcmp(head->etag, file->etag) == 0)
                return true;
        return dts_job_set_etag(fetch->run->c->db, fetch->run->job->id, file->seq, head->etag,
                                error);
}

static bool
on_head(gpointer user, const HttpResponse *head, GError **error)
{
        Fetch *fetch = user;
        bool part = head->status == 206;

        if (part && !check_part(fetch, head, error))
                return false;
        if (!part && fetch->file->range_from >= 0)
                return uk_fail(error, UK_ERROR_UNSUPPORTED, "the source sends no parts of files");
        if (!check_etag(fetch, head, error) || !learn_size(fetch, head, part, error))
                return false;
        if (!part)
                fetch->run->job->bytes_done -= fetch->position;
        return open_part(fetch, !part, error) && keep_etag(fetch, head, error);
}

static bool
on_bytes(gpointer user, const void *data, gsize size, GError **error)
{
        Fetch *fetch = user;
        Run *run = fetch->run;
        gint64 behind = fetch->position + (gint64)size, most = fetch->file->size;

        if (most < 0 && behind > MAX_UNKNOWN)
                return too_large(fetch, error);
        if (most >= 0 && behind > most)
                return uk_fail(error, UK_ERROR_SIGNATURE,
                               "the source sends more than the %" G_GINT64_FORMAT " bytes of %s",
                               most, fetch->file->title);
        if (!dts_passer_take(run->passer, size, error) || !write_block(fetch, data, size, error))
                return false;
        run->moved = fetch->moved = true;
        run->job->bytes_done += (gint64)size;
        return keep_progress(run, false, error);
}

static bool
finish_file(Fetch *fetch, GError **error)
{
        const DtsFileRow *file = fetch->file;
        const char *target = fetch->run->job->target;
        g_autofree char *from = g_build_filename(target, fetch->part, NULL);
        g_autofree char *to = g_build_filename(target, file->name, NULL);

        if (file->size >= 0 && fetch->position != file->size)
                return uk_fail(error, UK_ERROR_SIGNATURE,
                               "%s ended after %" G_GINT64_FORMAT " of %" G_GINT64_FORMAT " bytes",
                               file->title, fetch->position, file->size);
        if (!open_part(fetch, false, error) || !end_hole(fetch, error))
                return false;
        uk_io_close(&fetch->fd);
        return uk_io_rename(from, to, error);
}

/* What need not be there is not; that is kept, so that it is not asked for again. */
static bool
finish_without(Fetch *fetch, GError **error)
{
        g_autofree char *name = g_strconcat(fetch->file->name, DTS_NONE, NULL);
        g_autofree char *path = g_build_filename(fetch->run->job->target, name, NULL);

        fetch->run->job->bytes_done -= fetch->position;
        fetch->run->job->bytes_all -= fetch->learned;
        return drop(fetch->run, fetch->part, error) && uk_io_replace(path, "", 0, 0640, error);
}

static bool
judge(Fetch *fetch, const HttpResponse *response, GError **error)
{
        long status = response->status;

        if (status == 200 || status == 206)
                return finish_file(fetch, error);
        if (fetch->file->optional && (status == 404 || status == 410 || status == 403))
                return finish_without(fetch, error);
        if (status == 404 || status == 410 || status == 403)
                return uk_fail(error, UK_ERROR_NOT_FOUND, "the source answered %ld for %s", status,
                               fetch->file->title);
        if (status == 416 && fetch->position > 0) {
                /* What is there is longer than what the source has: it begins anew. */
                fetch->run->job->bytes_done -= fetch->position;
                return drop(fetch->run, fetch->part, error) &&
                       uk_fail(error, UK_ERROR_REMOTE, "the source answered 416 for %s",
                               fetch->file->title);
        }
        return uk_fail(error, UK_ERROR_REMOTE, "the source answered %ld for %s", status,
                       fetch->file->title);
}

/* ---- all files ------------------------------------------------------------------------------- */

typedef struct {
        Run *run;
        Fetch *fetches;
} Batch;

static bool
on_done(gpointer user, guint index, const HttpResponse *response, const GError *error)
{
        Batch *batch = user;
        Fetch *fetch = &batch->fetches[index];
        Run *run = batch->run;

        if (fetch->file->optional && g_error_matches(error, UK_ERROR, UK_ERROR_UNSUPPORTED))
                (void)finish_without(fetch, &run->why);
        else if (error != NULL)
                run->why = g_error_copy(error);
        else if (!judge(fetch, response, &run->why)) {
                if (!fetch->moved && run->refused == NULL)
                        run->refused = g_strdup(fetch->file->name);
                g_prefix_error(&run->why, "%s: ", fetch->url);
        }
        uk_io_close(&fetch->fd);
        return run->why == NULL;
}

static void
set_headers(Fetch *fetch, bool if_range)
{
        const DtsFileRow *file = fetch->file;
        gint64 first = MAX(file->range_from, 0) + fetch->position;
        guint count = 0;

        if (file->range_from >= 0)
                fetch->headers[count++] =
                        g_strdup_printf("Range: bytes=%" G_GINT64_FORMAT "-%" G_GINT64_FORMAT,
                                        first, file->range_from + file->size - 1);
        else if (fetch->position > 0)
                fetch->headers[count++] =
                        g_strdup_printf("Range: bytes=%" G_GINT64_FORMAT "-", first);
        if (if_range && fetch->position > 0)
                fetch->headers[count++] = g_strconcat("If-Range: ", file->etag, NULL);
}

/* The address of a file; "../" leads up from the source, as far as its server. */
static char *
url_of(const char *source, const char *path)
{
        const char *server = strstr(source, "://");
        const char *end = source + strlen(source);

        while (g_str_has_prefix(path, "../")) {
                const char *up = g_strrstr_len(source, end - source, "/");

                if (up != NULL && (server == NULL || up >= server + strlen("://")))
                        end = up;
                path += strlen("../");
        }
        return g_strdup_printf("%.*s/%s", (int)(end - source), source, path);
}

/* Where the file goes on. One of which nobody knows the size and that has no ETag, or that is
 * longer than it may be, begins anew. */
static bool
prepare(Fetch *fetch, GError **error)
{
        const DtsFileRow *file = fetch->file;
        gint64 there;

        fetch->url = url_of(fetch->run->job->source, file->path);
        fetch->part = g_strconcat(file->name, ".part", NULL);
        there = size_of(fetch->run, fetch->part);
        if (there > 0 && ((file->size < 0 && file->etag[0] == '\0') ||
                          (file->size >= 0 && there >= file->size))) {
                if (!drop(fetch->run, fetch->part, error))
                        return false;
                there = 0;
        }
        fetch->position = fetch->written = MAX(there, 0);
        fetch->run->job->bytes_done += fetch->position;
        set_headers(fetch, file->etag[0] != '\0');
        return true;
}

static HttpCall
call_of(Fetch *fetch)
{
        /* The sink is to see what is too large. */
        gint64 size = fetch->file->size >= 0 ? fetch->file->size : 2 * MAX_UNKNOWN;

        return (HttpCall){ .url = fetch->url,
                           .headers = (const char *const *)fetch->headers,
                           .max_bytes = MAX(size + 1, MAX_ERROR),
                           .stall_seconds = STALL_SECONDS,
                           .accept_errors = true,
                           .start = on_head,
                           .sink = on_bytes,
                           .progress = on_progress,
                           .user = fetch };
}

static bool
fetch_all(Run *run, Fetch *fetches, guint count, GError **error)
{
        g_autofree HttpCall *calls = g_new0(HttpCall, count);
        guint parallel = (guint)settings_int(host_settings(run->c->host), "dts.parallel_files");
        Batch batch = { run, fetches };
        g_autoptr(GError) stopped = NULL;

        for (guint i = 0; i < count; i++)
                calls[i] = call_of(&fetches[i]);
        if (http_call_many(run->c->http, calls, count, parallel, on_done, &batch, &stopped))
                return true;
        g_propagate_error(error, run->why != NULL ? g_steal_pointer(&run->why)
                                                  : g_steal_pointer(&stopped));
        return false;
}

/* The files that are not there yet, made ready. */
static bool
prepare_all(Run *run, Fetch *fetches, guint *count_out, GError **error)
{
        UK_LOG_TOGETHER();

        run->job->bytes_done = run->job->bytes_all = 0;
        for (guint i = 0; i < run->files->len; i++) {
                const DtsFileRow *file = g_ptr_array_index(run->files, i);
                bool whole;

                if (!look_for(run, file, &whole, error))
                        return false;
                gint64 known = file->size >= 0 ? file->size
                               : whole         ? MAX(size_of(run, file->name), 0)
                                               : 0;

                run->job->bytes_all += known;
                if (whole) {
                        run->job->bytes_done += known;
                        continue;
                }
                fetches[*count_out] = (Fetch){ .run = run, .file = file, .fd = -1 };
                if (!prepare(&fetches[(*count_out)++], error))
                        return false;
                uk_log("Adding to BITS job: %s", file->title);
        }
        return true;
}

/* On a full volume: what will not become whole now gives its room to files that may. */
static void
give_room(Run *run, Fetch *fetches, guint count)
{
        for (guint i = 0; i < count; i++) {
                g_autoptr(GError) why = NULL;

                uk_io_close(&fetches[i].fd);
                if (size_of(run, fetches[i].part) < 0)
                        continue;
                run->job->bytes_done -= fetches[i].position;
                if (!drop(run, fetches[i].part, &why))
                        uk_warn("%s", why->message);
        }
}

static bool
run_files(Run *run, GError **error)
{
        g_autofree Fetch *fetches = g_new0(Fetch, run->files->len);
        g_autoptr(GError) why = NULL;
        guint count = 0;
        bool ok = prepare_all(run, fetches, &count, &why);

        if (ok) {
                uk_log("DTSJob %s in state '" DTS_DOWNLOADING "'.", run->job->id);
                ok = count == 0 || fetch_all(run, fetches, count, &why);
        }
        if (!ok && g_error_matches(why, UK_ERROR, UK_ERROR_FULL))
                give_room(run, fetches, count);
        if (!ok)
                g_propagate_error(error, g_steal_pointer(&why));
        for (guint i = 0; i < count; i++)
                fetch_clear(&fetches[i]);
        return ok;
}

static bool
open_target(Run *run, GError **error)
{
        const char *target = run->job->target;

        if (!uk_io_mkdirs(target, 0750, error))
                return false;
        run->dir_fd = open(target, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        return run->dir_fd >= 0 || uk_fail_errno(error, errno, "opening %s", target);
}

bool
dts_run(Component *c, DtsJob *job, DtsPasser *passer, DtsTell tell, bool *moved_out,
        char **refused_out, GError **error) /* DIST-114 */
{
        g_autoptr(GPtrArray) files = dts_job_files(c->db, job->id, error);
        Run run = {
                .c = c, .job = job, .passer = passer, .tell = tell, .dir_fd = -1, .files = files
        };
        g_autofree char *bits = uk_guid_new_braced();
        bool ok;

        if (files == NULL || !open_target(&run, error))
                return false;
        uk_log("Starting BITS download for DTS job '%s'.", job->id);
        uk_log("Starting BITS job '%s' for DTS job '%s' under user 'S-1-5-18'.", bits, job->id);
        ok = run_files(&run, error);
        *moved_out = run.moved;
        *refused_out = run.refused;
        g_clear_error(&run.why);
        uk_io_close(&run.dir_fd);
        return ok;
}
