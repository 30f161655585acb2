/* fetch.c - transfers, their continuation, and the words for their failures (DEB-010, DEB-012). */
#include "sup/upstream/fetch.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/io.h"

/* As apt: the largest InRelease known have a few hundred kilobytes. */
#define SMALL_MAX (10 * 1000 * 1000)
#define PARALLEL  8
/* Bytes in a second. A mirror that drips more slowly holds the whole run; no link is so slow. */
#define SLOWEST 1024
#define CHUNK   (256 * 1024)

struct Fetch {
        FetchOptions options;
        guint64 bytes;
};

Fetch *
fetch_new(const FetchOptions *options)
{
        Fetch *fetch = g_new0(Fetch, 1);

        fetch->options = *options;
        return fetch;
}

void
fetch_free(Fetch *fetch)
{
        g_free(fetch);
}

guint64
fetch_bytes(const Fetch *fetch)
{
        return fetch->bytes;
}

static void
answer_clear(FetchAnswer *answer)
{
        g_free(answer->text);
        g_free(answer->etag);
        g_free(answer->last_modified);
        g_clear_error(&answer->error);
}

static bool
keep_going(Fetch *fetch, gsize more)
{
        const FetchOptions *o = &fetch->options;

        fetch->bytes += more;
        if (o->stop != NULL && atomic_load(o->stop))
                return false;
        return o->progress == NULL || o->progress(o->progress_user, fetch->bytes);
}

static bool
fail_stopped(GError **error)
{
        return uk_fail(error, UK_ERROR_CANCELLED, "the synchronization was stopped");
}

/* The path of a file: URL, NULL for others. Borrowed. */
static const char *
local_path(const char *url)
{
        return g_str_has_prefix(url, "file://") ? url + strlen("file://") : NULL;
}

/* ---- failures, in words ---- */

static bool
fail_status(const char *url, long status, GError **error)
{
        switch (status) {
        case 404:
        case 410:
                return uk_fail(error, UK_ERROR_NOT_FOUND, "%s is not there (answer %ld)", url,
                               status);
        case 401:
        case 403:
        case 407:
                return uk_fail(error, UK_ERROR_DENIED,
                               "%s may not be read (answer %ld); put name and password into "
                               "/etc/apt/auth.conf.d, or into the proxy's URL",
                               url, status);
        default:
                return uk_fail(error, UK_ERROR_REMOTE, "the server answers %ld for %s; try later",
                               status, url);
        }
}

static void
explain(const char *url, GError **error)
{
        if (g_error_matches(*error, UK_ERROR, UK_ERROR_NETWORK))
                g_prefix_error(error,
                               "%s cannot be fetched (look at the network, the name and apt's "
                               "proxy): ",
                               url);
}

/* ---- calls ---- */

/* A call with what it owns. */
typedef struct {
        HttpCall call;
        char *user_password;
        char *etag, *last_modified;
        const char *headers[3];
} Call;

static void
call_clear(Call *call)
{
        g_free(call->user_password);
        g_free(call->etag);
        g_free(call->last_modified);
}

static void
call_init(Fetch *fetch, Call *call, const char *url)
{
        const FetchOptions *o = &fetch->options;
        g_autoptr(GUri) uri = g_uri_parse(url, G_URI_FLAGS_HAS_PASSWORD, NULL);
        const char *host = uri != NULL ? g_uri_get_host(uri) : NULL;

        *call = (Call){ 0 };
        call->call.url = url;
        call->call.stall_seconds = o->stall_seconds;
        call->call.accept_errors = true;
        call->call.follow_redirects = true;
        call->call.proxy =
                host != NULL ? aptconf_proxy(o->conf, g_uri_get_scheme(uri), host) : NULL;
        call->call.ca_file = aptconf_get(o->conf, "Acquire::https::CAInfo");
        call->user_password = aptauth_find(o->auth, url);
        call->call.user_password = call->user_password;
}

/* ---- small files ---- */

static void
add_conditions(Call *call, const FetchAsk *ask, unsigned patience)
{
        guint n = 0;

        if (ask->etag != NULL && *ask->etag != '\0') {
                call->etag = g_strconcat("If-None-Match: ", ask->etag, NULL);
                call->headers[n++] = call->etag;
        }
        if (ask->last_modified != NULL && *ask->last_modified != '\0') {
                call->last_modified = g_strconcat("If-Modified-Since: ", ask->last_modified, NULL);
                call->headers[n++] = call->last_modified;
        }
        call->call.headers = call->headers;
        call->call.max_bytes = SMALL_MAX;
        call->call.total_seconds = patience + SMALL_MAX / SLOWEST;
}

/* What stands for a local file's ETag: it changes whenever the file does. */
static char *
local_tag(const struct stat *st)
{
        return g_strdup_printf("%" G_GUINT64_FORMAT "-%" G_GINT64_FORMAT ".%09ld-%" G_GINT64_FORMAT,
                               (guint64)st->st_ino, (gint64)st->st_mtim.tv_sec, st->st_mtim.tv_nsec,
                               (gint64)st->st_size);
}

static void
read_local(const char *path, const FetchAsk *ask, FetchAnswer *answer)
{
        struct stat st;

        if (stat(path, &st) != 0) {
                uk_fail(&answer->error, errno == ENOENT ? UK_ERROR_NOT_FOUND : UK_ERROR_IO,
                        "%s cannot be read: %s", path, g_strerror(errno));
                return;
        }
        answer->etag = local_tag(&st);
        answer->unchanged = g_strcmp0(answer->etag, ask->etag) == 0;
        if (!answer->unchanged)
                (void)!uk_io_read(path, SMALL_MAX, &answer->text, &answer->size, &answer->error);
}

static bool
is_conditional(const FetchAsk *ask)
{
        return (ask->etag != NULL && *ask->etag != '\0') ||
               (ask->last_modified != NULL && *ask->last_modified != '\0');
}

/* "Not modified" answers only somebody who asked whether; to others it is an error like any. */
static void
take_response(const FetchAsk *ask, const HttpResponse *response, const GError *error,
              FetchAnswer *answer)
{
        const char *url = ask->url;

        if (error != NULL) {
                answer->error = g_error_copy(error);
                explain(url, &answer->error);
        } else if (response->status == 304 && is_conditional(ask)) {
                answer->unchanged = true;
        } else if (response->status != 200) {
                fail_status(url, response->status, &answer->error);
        } else {
                answer->text = g_malloc(response->size + 1);
                if (response->size > 0)
                        memcpy(answer->text, response->body, response->size);
                answer->text[response->size] = '\0';
                answer->size = response->size;
                answer->etag = g_strdup(response->etag);
                answer->last_modified = g_strdup(response->last_modified);
        }
}

typedef struct {
        Fetch *fetch;
        const FetchAsk *asks;
        const guint *index_of; /* of each call among the asks */
        FetchTake take;
        gpointer user;
} Batch;

static void
answer_local(const Batch *batch, guint index)
{
        FetchAnswer answer = { 0 };

        read_local(local_path(batch->asks[index].url), &batch->asks[index], &answer);
        batch->take(batch->user, index, &answer);
        answer_clear(&answer);
}

static bool
on_done(gpointer user, guint index, const HttpResponse *response, const GError *error)
{
        Batch *batch = user;
        guint at = batch->index_of[index];
        FetchAnswer answer = { 0 };

        take_response(&batch->asks[at], response, error, &answer);
        batch->take(batch->user, at, &answer);
        answer_clear(&answer);
        return keep_going(batch->fetch, response != NULL ? response->size : 0);
}

bool
fetch_small(Fetch *fetch, const FetchAsk *asks, guint count, FetchTake take, gpointer user,
            GError **error)
{
        g_autofree Call *calls = g_new0(Call, count);
        g_autofree HttpCall *http = g_new0(HttpCall, count);
        g_autofree guint *index_of = g_new0(guint, count);
        Batch batch = { fetch, asks, index_of, take, user };
        guint remote = 0;
        bool good;

        for (guint i = 0; i < count; i++) {
                if (local_path(asks[i].url) != NULL) {
                        answer_local(&batch, i);
                        continue;
                }
                call_init(fetch, &calls[remote], asks[i].url);
                add_conditions(&calls[remote], &asks[i], fetch->options.patience);
                http[remote] = calls[remote].call;
                index_of[remote++] = i;
        }
        good = keep_going(fetch, 0) || fail_stopped(error);
        if (good && remote > 0)
                good = http_call_many(fetch->options.http, http, remote, PARALLEL, on_done, &batch,
                                      error);
        for (guint i = 0; i < remote; i++)
                call_clear(&calls[i]);
        return good;
}

/* ---- large files ---- */

static char *
spool_path(const Fetch *fetch, const ReleaseFile *promised)
{
        g_autofree char *hex = hash_hex(promised->sha256, sizeof promised->sha256);

        return g_strdup_printf("%s/%s.part", fetch->options.spool, hex);
}

guint64
fetch_kept(const Fetch *fetch, const ReleaseFile *promised)
{
        g_autofree char *path = spool_path(fetch, promised);
        struct stat st;

        return stat(path, &st) == 0 ? (guint64)st.st_size : 0;
}

bool
fetch_forget(Fetch *fetch, const ReleaseFile *promised, GError **error)
{
        g_autofree char *path = spool_path(fetch, promised);

        return uk_io_unlink(path, error);
}

/* A transfer: what was kept goes to the sink first, then what comes. */
typedef struct {
        Fetch *fetch;
        const FetchSink *sink;
        const char *path; /* in the spool */
        int fd;
        guint64 done; /* bytes in the spool and in the sink */
        bool sink_failed;
        gint64 window_us; /* since when bytes are counted to know how fast they come */
        guint64 window_bytes;
} Transfer;

static bool
give(Transfer *t, const void *data, gsize size, GError **error)
{
        if (t->sink->bytes(t->sink->user, data, size, error))
                return true;
        t->sink_failed = true;
        return false;
}

/* From an open file to the sink. */
static bool
give_file(Transfer *t, int fd, const char *name, GError **error)
{
        g_autofree guint8 *buffer = g_malloc(CHUNK);
        gssize got;

        while ((got = read(fd, buffer, CHUNK)) != 0) {
                if (got < 0 && errno == EINTR)
                        continue;
                if (got < 0)
                        return uk_fail_errno(error, errno, "reading %s", name);
                if (!keep_going(t->fetch, 0))
                        return fail_stopped(error);
                if (!give(t, buffer, (gsize)got, error))
                        return false;
                t->done += (guint64)got;
        }
        return true;
}

/* Throws away what is there: the server begins anew. */
static bool
restart(Transfer *t, GError **error)
{
        if (t->done == 0)
                return true;
        t->done = 0;
        if (ftruncate(t->fd, 0) != 0 || lseek(t->fd, 0, SEEK_SET) < 0)
                return uk_fail_errno(error, errno, "%s", t->path);
        return t->sink->begin(t->sink->user, error);
}

static bool
on_start(gpointer user, const HttpResponse *head, GError **error)
{
        return head->status == 206 || restart(user, error);
}

/* Whether the bytes of the last few minutes were enough. */
static bool
check_speed(Transfer *t, gsize more, GError **error)
{
        unsigned patience = t->fetch->options.patience;
        gint64 now = uk_clock_mono();

        t->window_bytes += more;
        if (now - t->window_us < patience * UK_SECOND)
                return true;
        if (t->window_bytes < (guint64)patience * SLOWEST)
                return uk_fail(error, UK_ERROR_NETWORK,
                               "less than %d bytes a second came for %u seconds", SLOWEST,
                               patience);
        t->window_us = now;
        t->window_bytes = 0;
        return true;
}

static bool
on_bytes(gpointer user, const void *data, gsize size, GError **error)
{
        Transfer *t = user;

        if (!keep_going(t->fetch, size))
                return fail_stopped(error);
        if (!check_speed(t, size, error))
                return false;
        if (!uk_io_write(t->fd, data, size, t->path, error) || !give(t, data, size, error))
                return false;
        t->done += size;
        return true;
}

static bool
on_progress(gpointer user, gint64 done, gint64 total)
{
        Transfer *t = user;

        return keep_going(t->fetch, 0);
}

/* One call; *broke_out says that the transfer began and then broke off, so that going on helps. */
static bool
call_once(Transfer *t, const char *url, const ReleaseFile *promised, bool *broke_out,
          GError **error)
{
        Call call;
        g_autoptr(HttpResponse) response = NULL;
        guint64 before = t->done;

        t->window_us = uk_clock_mono();
        t->window_bytes = 0;
        call_init(t->fetch, &call, url);
        call.call.max_bytes = (gint64)promised->size + 1;
        call.call.resume_from = (gint64)t->done;
        call.call.start = on_start;
        call.call.sink = on_bytes;
        call.call.progress = on_progress;
        call.call.user = t;
        response = http_call(t->fetch->options.http, &call.call, error);
        call_clear(&call);
        *broke_out = response == NULL && !t->sink_failed && t->done > before;
        if (response == NULL) {
                explain(url, error);
                return false;
        }
        /* 416: all of it is in the spool. */
        if (response->status == 200 || response->status == 206 ||
            (response->status == 416 && t->done >= promised->size))
                return true;
        return fail_status(url, response->status, error);
}

static bool
transfer_remote(Transfer *t, const char *url, const ReleaseFile *promised, GError **error)
{
        for (unsigned tries = 1;; tries++) {
                g_autoptr(GError) failure = NULL;
                bool broke;

                if (t->done >= promised->size)
                        return true;
                if (call_once(t, url, promised, &broke, &failure))
                        return true;
                if (!broke || tries >= t->fetch->options.tries ||
                    !g_error_matches(failure, UK_ERROR, UK_ERROR_NETWORK)) {
                        g_propagate_error(error, g_steal_pointer(&failure));
                        return false;
                }
        }
}

static bool
transfer_local(Transfer *t, const char *path, GError **error)
{
        UK_AUTOFD fd = open(path, O_RDONLY | O_CLOEXEC);

        if (fd < 0)
                return uk_fail(error, errno == ENOENT ? UK_ERROR_NOT_FOUND : UK_ERROR_IO,
                               "%s cannot be read: %s", path, g_strerror(errno));
        return give_file(t, fd, path, error);
}

static bool
transfer_one(Fetch *fetch, const char *url, const ReleaseFile *promised, const FetchSink *sink,
             GError **error)
{
        g_autofree char *path = spool_path(fetch, promised);
        UK_AUTOFD fd = -1;
        Transfer t = { .fetch = fetch, .sink = sink, .path = path };

        if (!sink->begin(sink->user, error))
                return false;
        if (local_path(url) != NULL)
                return transfer_local(&t, local_path(url), error);
        fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0640);
        if (fd < 0)
                return uk_fail_errno(error, errno, "%s", path);
        t.fd = fd;
        return give_file(&t, fd, path, error) && transfer_remote(&t, url, promised, error);
}

bool
fetch_large(Fetch *fetch, const char *const *urls, const ReleaseFile *promised,
            const FetchSink *sink, GError **error)
{
        for (guint i = 0; urls[i] != NULL; i++) {
                g_autoptr(GError) failure = NULL;

                if (transfer_one(fetch, urls[i], promised, sink, &failure))
                        return true;
                if (urls[i + 1] == NULL ||
                    !g_error_matches(failure, UK_ERROR, UK_ERROR_NOT_FOUND)) {
                        g_propagate_error(error, g_steal_pointer(&failure));
                        return false;
                }
        }
        return uk_fail(error, UK_ERROR_BROKEN, "no place to fetch from was given");
}
