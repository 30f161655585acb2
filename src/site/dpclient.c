/* dpclient.c - requests of the site server to a distribution point; docs/distribution-point.md. */
#include "site/dpclient.h"

#include <string.h>

#include "base/clock.h"
#include "crypto/hash.h"
#include "crypto/random.h"
#include "crypto/sitesig.h"
#include "wire/json.h"
#include "wire/pullnotice.h"

#define MAX_ANSWER      (G_GINT64_CONSTANT(1024) * 1024 * 1024) /* the lack of 4 million files */
#define CONNECT_SECONDS 8
#define STALL_SECONDS   30
/* So many of a package's files a slow disk names, notes and syncs at the least. */
#define FILES_A_SECOND 100
/* Reading a large package from the disk. */
#define VERIFY_SECONDS (6 * 3600)
#define TOKEN_BYTES    16
#define MAX_HELD       1000000

typedef struct {
        const char *method, *path;
        GBytes *body;      /* NULL: none */
        const char *type;  /* of the body; NULL: JSON */
        const char *extra; /* one more header, or NULL */
        const char *also;  /* and another one behind it, or NULL */
        const char *token; /* instead of the site's signature */
        unsigned stall_seconds;
} Ask;

static char *
authorize(const DpClient *client, const Ask *what, const void *body, gsize size, GError **error)
{
        if (what->token != NULL)
                return g_strdup_printf("Authorization: Upkeep %s", what->token);
        const SiteRequest request = { what->method, what->path, body, size };

        return sitesig_header(client->key, client->site, client->server, uk_clock_now(), &request,
                              error);
}

static unsigned
silent_of(const DpClient *client)
{
        return client->silent != 0 ? client->silent : STALL_SECONDS;
}

/* Sends one request; the answer, errors of the other side included, is the caller's. */
static HttpResponse *
ask(DpClient *client, const Ask *what, GError **error)
{
        gsize size = 0;
        const void *body = what->body != NULL ? g_bytes_get_data(what->body, &size) : NULL;
        g_autofree char *url = g_strconcat(client->base, what->path, NULL);
        g_autofree char *type = g_strconcat(
                "Content-Type: ", what->type != NULL ? what->type : "application/json", NULL);
        g_autofree char *permit = authorize(client, what, body, size, error);

        if (permit == NULL)
                return NULL;
        const char *headers[] = { permit, type, what->extra != NULL ? what->extra : what->also,
                                  what->extra != NULL ? what->also : NULL, NULL };
        HttpCall call = { .method = what->method,
                          .url = url,
                          .headers = headers,
                          .body = body,
                          .body_size = size,
                          .max_bytes = MAX_ANSWER,
                          .connect_seconds = CONNECT_SECONDS,
                          .stall_seconds = what->stall_seconds != 0 ? what->stall_seconds
                                                                    : silent_of(client),
                          .rate = client->rate,
                          .proxy = "",
                          .accept_errors = true,
                          .progress = client->progress,
                          .user = client->user };
        HttpResponse *response = http_call(client->http, &call, error);

        if (response != NULL)
                client->sent += (gint64)size;
        return response;
}

/* The class of an answer of 400 and above: what passes by itself is LATER. */
static UkErrorCode
code_of(long status)
{
        switch (status) {
        case 401:
        case 403:
                return UK_ERROR_DENIED;
        case 404:
                return UK_ERROR_NOT_FOUND;
        case 409:
                return UK_ERROR_STALE;
        case 422:
                return UK_ERROR_SIGNATURE;
        case 503:
                return UK_ERROR_BUSY;
        case 507:
                return UK_ERROR_FULL;
        default:
                return UK_ERROR_REMOTE;
        }
}

/* The sentence of an error document, or what there is in its place. */
static char *
words_of(const HttpResponse *response)
{
        g_autoptr(JsonDoc) doc =
                response->body != NULL && response->size > 0 && response->size < 64 * 1024
                        ? json_read(response->body, response->size, 64 * 1024, NULL)
                        : NULL;
        const char *words =
                doc != NULL ? json_get_text(json_get(json_root(doc), "error"), "message", "") : "";

        if (*words != '\0')
                return g_strdup(words);
        return g_strdup_printf("HTTP status %ld", response->status);
}

static bool
check_status(const DpClient *client, const HttpResponse *response, GError **error)
{
        if (response->status < 300)
                return true;
        g_autofree char *words = words_of(response);
        UkErrorCode code = code_of(response->status);
        bool full = code == UK_ERROR_FULL && strstr(words, UK_ERROR_MAKE_ROOM) == NULL;

        return uk_fail(error, code, "distribution point %s: %s%s", client->server, words,
                       full ? ": " UK_ERROR_MAKE_ROOM : "");
}

/* Asks, and takes nothing but success; *doc_out (may be NULL) is the answer, the caller's. */
static bool
ask_json(DpClient *client, const Ask *what, JsonDoc **doc_out, GError **error)
{
        g_autoptr(HttpResponse) response = ask(client, what, error);

        if (response == NULL || !check_status(client, response, error))
                return false;
        if (doc_out == NULL)
                return true;
        *doc_out = json_read(response->body != NULL ? response->body : "", response->size,
                             MAX_ANSWER, error);
        /* A liar must not be taken for a file of ours that is corrupt. */
        if (*doc_out == NULL && error != NULL && *error != NULL)
                (*error)->code = UK_ERROR_REMOTE;
        return *doc_out != NULL;
}

static bool
post(DpClient *client, const char *path, const char *body, JsonDoc **doc_out, GError **error)
{
        g_autoptr(GBytes) bytes = g_bytes_new_static(body, strlen(body));

        return ask_json(client, &(Ask){ .method = "POST", .path = path, .body = bytes }, doc_out,
                        error);
}

void
dpclient_answer_clear(DpAnswer *answer)
{
        g_free(answer->identity);
        g_free(answer->certificate);
        g_free(answer->software);
        g_clear_pointer(&answer->held, g_array_unref);
}

static void
held_clear(gpointer data)
{
        g_free(((DpHeld *)data)->pkg_id);
}

/* What is no ID of a package is none of ours. */
static GArray *
read_held(const JsonValue *list)
{
        GArray *held;

        if (json_kind(list) != 'a')
                return NULL;
        held = g_array_new(FALSE, FALSE, sizeof(DpHeld));
        g_array_set_clear_func(held, held_clear);
        for (gsize i = 0; i < MIN(json_count(list), MAX_HELD); i++) {
                const char *id = json_get_text(json_at(list, i), "PackageID", "");
                DpHeld one = { .version = json_get_int(json_at(list, i), "Version", 0) };

                if (!pullnotice_id_valid(id))
                        continue;
                one.pkg_id = g_strdup(id);
                g_array_append_val(held, one);
        }
        return held;
}

bool
dpclient_configure(DpClient *client, const char *body, DpAnswer *answer_out, GError **error)
{
        UK_DOING(error, "configuring distribution point %s", client->server);
        g_autoptr(JsonDoc) doc = NULL;

        if (!post(client, "/SMS_DP$/configure", body, &doc, error))
                return false;
        const JsonValue *root = json_root(doc);
        answer_out->identity = g_strdup(json_get_text(root, "IdentityGUID", ""));
        answer_out->certificate = g_strdup(json_get_text(root, "Certificate", ""));
        answer_out->software = g_strdup(json_get_text(root, "Version", ""));
        answer_out->bytes_free = json_get_int(root, "BytesFree", 0);
        answer_out->bytes_total = json_get_int(root, "BytesTotal", 0);
        answer_out->held = read_held(json_get(root, "Packages"));
        return true;
}

void
dpclient_order_free(DpOrderAnswer *order)
{
        if (order == NULL)
                return;
        g_free(order->id);
        g_free(order->token);
        g_array_unref(order->missing);
        g_array_unref(order->frames);
        g_free(order);
}

static bool
get_hash(const JsonValue *row, const char *name, guint8 *hash_out)
{
        const char *text = json_get_text(row, name, "");

        return hash_from_hex(text, strlen(text), hash_out, HASH_SHA256_SIZE);
}

static bool
read_missing(const JsonValue *list, GArray *missing, GError **error)
{
        for (gsize i = 0; i < json_count(list); i++) {
                const JsonValue *row = json_at(list, i);
                DpMissing one = { .size = json_get_int(row, "Size", -1),
                                  .position = json_get_int(row, "Position", 0) };

                if (!get_hash(row, "Hash", one.hash) || one.size < 0 || one.position < 0 ||
                    one.position > one.size)
                        return uk_fail(error, UK_ERROR_REMOTE, "its list of files is no such list");
                one.has_old = get_hash(row, "Old", one.old);
                g_array_append_val(missing, one);
        }
        return true;
}

static void
read_frames(const JsonValue *list, GArray *frames)
{
        for (gsize i = 0; i < json_count(list); i++) {
                const JsonValue *row = json_at(list, i);
                DpFrame one;

                if (get_hash(row, "New", one.new_hash) && get_hash(row, "Old", one.old_hash))
                        g_array_append_val(frames, one);
        }
}

/* IDs of orders become part of paths. */
static bool
id_valid(const char *id)
{
        gsize size = strlen(id);

        return size > 0 && size <= 64 &&
               strspn(id, "0123456789abcdefABCDEFghijklmnopqrstuvwxyzGHIJKLMNOPQRSTUVWXYZ-_{}") ==
                       size;
}

DpOrderAnswer *
dpclient_order(DpClient *client, GBytes *bundle, bool redistribute, const char *related,
               const char *sparse, GError **error)
{
        UK_DOING(error, "ordering at distribution point %s", client->server);
        g_autofree char *token = crypto_random_hex(TOKEN_BYTES);
        g_autofree char *digest = hash_sha256_hex(token, strlen(token));
        g_autofree char *path = g_strdup_printf("/SMS_DP$/order?action=%s&token=%s",
                                                redistribute ? "redist" : "add", digest);
        g_autofree char *extra =
                related != NULL ? g_strconcat("X-Upkeep-Related: ", related, NULL) : NULL;
        g_autofree char *also =
                sparse != NULL ? g_strconcat("X-Upkeep-Sparse: ", sparse, NULL) : NULL;
        g_autoptr(JsonDoc) doc = NULL;
        Ask what = { .method = "POST",
                     .path = path,
                     .body = bundle,
                     .type = "application/x-upkeep-bundle",
                     .extra = extra,
                     .also = also };

        if (!ask_json(client, &what, &doc, error))
                return NULL;
        g_autoptr(DpOrderAnswer) order = g_new0(DpOrderAnswer, 1);
        order->id = g_strdup(json_get_text(json_root(doc), "Order", ""));
        order->token = g_steal_pointer(&token);
        order->missing = g_array_new(FALSE, FALSE, sizeof(DpMissing));
        order->frames = g_array_new(FALSE, FALSE, sizeof(DpFrame));
        if (!id_valid(order->id)) {
                uk_fail(error, UK_ERROR_REMOTE, "its order has no usable number");
                return NULL;
        }
        if (!read_missing(json_get(json_root(doc), "Missing"), order->missing, error))
                return NULL;
        read_frames(json_get(json_root(doc), "Frame"), order->frames);
        return g_steal_pointer(&order);
}

/* The position that a 409 names. */
static gint64
position_of(const HttpResponse *response)
{
        g_autoptr(JsonDoc) doc = response->body != NULL
                                         ? json_read(response->body, response->size, 65536, NULL)
                                         : NULL;

        return doc != NULL ? json_get_int(json_root(doc), "Position", -1) : -1;
}

bool
dpclient_put(DpClient *client, const char *path, const char *token, GBytes *data, bool zstd,
             DpVerdict *verdict_out, gint64 *position_out, GError **error)
{
        Ask what = { .method = "PUT",
                     .path = path,
                     .body = data,
                     .type = "application/octet-stream",
                     .extra = zstd ? "Content-Encoding: zstd" : NULL,
                     .token = token };
        g_autoptr(HttpResponse) response = ask(client, &what, error);

        if (response == NULL)
                return false;
        *verdict_out = DPCLIENT_TAKEN;
        /* 400 and 415 are of one that does not know this way, 413 takes less at once. */
        if (response->status == 422 || response->status == 400 || response->status == 415 ||
            response->status == 413) {
                *verdict_out = DPCLIENT_WRONG;
                return true;
        }
        if (response->status == 409) {
                *verdict_out = DPCLIENT_ELSEWHERE;
                *position_out = position_of(response);
                return *position_out >= 0 ||
                       uk_fail(error, UK_ERROR_REMOTE,
                               "distribution point %s wants another position and does not say "
                               "which",
                               client->server);
        }
        return check_status(client, response, error);
}

bool
dpclient_commit(DpClient *client, const DpOrderAnswer *order, gint64 files, const DpBatch *batch,
                DpEnd *end_out, gint64 *bytes_free_out, GError **error)
{
        UK_DOING(error, "ending the order at distribution point %s", client->server);
        g_autofree char *path = g_strdup_printf("/SMS_DP$/order/%s/commit", order->id);
        g_autoptr(GBytes) empty = g_bytes_new_static("{}", 2);
        bool with_files = batch->bytes != NULL;
        Ask what = { .method = "POST",
                     .path = path,
                     .body = with_files ? batch->bytes : empty,
                     .type = with_files ? "application/x-upkeep-batch" : NULL,
                     .extra = with_files && batch->zstd ? "Content-Encoding: zstd" : NULL,
                     .token = order->token,
                     .stall_seconds = silent_of(client) +
                                      (unsigned)MIN(files / FILES_A_SECOND, VERIFY_SECONDS) };
        g_autoptr(HttpResponse) response = ask(client, &what, error);

        if (response == NULL)
                return false;
        *end_out = response->status == 409                 ? DPCLIENT_LACKING
                   : response->status == 422 && with_files ? DPCLIENT_REFUSED
                                                           : DPCLIENT_DONE;
        *bytes_free_out = -1;
        if (*end_out != DPCLIENT_DONE)
                return true;
        if (!check_status(client, response, error))
                return false;
        g_autoptr(JsonDoc) doc = response->body != NULL
                                         ? json_read(response->body, response->size, 1 << 24, NULL)
                                         : NULL;
        if (doc != NULL)
                *bytes_free_out = json_get_int(json_root(doc), "BytesFree", -1);
        return true;
}

/* {"PackageID": …} with a version unless that is 0. */
static char *
package_body(const char *pkg_id, gint64 version)
{
        GString *out = g_string_new(NULL);
        JsonWriter w;

        json_begin(&w, out);
        json_object(&w, NULL);
        json_text(&w, "PackageID", pkg_id);
        if (version != 0)
                json_int(&w, "Version", version);
        json_end(&w, '}');
        return g_string_free(out, FALSE);
}

bool
dpclient_remove(DpClient *client, const char *pkg_id, GError **error)
{
        UK_DOING(error, "removing package %s from distribution point %s", pkg_id, client->server);
        g_autofree char *body = package_body(pkg_id, 0);

        return post(client, "/SMS_DP$/remove", body, NULL, error);
}

bool
dpclient_bundle(DpClient *client, const char *pkg_id, GBytes *bundle, GError **error)
{
        g_autofree char *path = g_strdup_printf("/SMS_DP$/%s.tz", pkg_id);
        Ask what = {
                .method = "PUT", .path = path, .body = bundle, .type = "application/x-upkeep-bundle"
        };

        return ask_json(client, &what, NULL, error);
}

bool
dpclient_notify(DpClient *client, const char *document, GError **error)
{
        g_autoptr(GBytes) bytes = g_bytes_new_static(document, strlen(document));
        Ask what = { .method = "POST",
                     .path = "/SMS_DP$/notify",
                     .body = bytes,
                     .type = "text/xml; charset=utf-8" };

        return ask_json(client, &what, NULL, error);
}

bool
dpclient_pause(DpClient *client, const char *pkg_id, gint64 version, bool paused, GError **error)
{
        g_autoptr(GString) body = g_string_new(NULL);
        JsonWriter w;

        json_begin(&w, body);
        json_object(&w, NULL);
        json_text(&w, "PackageID", pkg_id);
        json_int(&w, "Version", version);
        json_bool(&w, "Paused", paused);
        json_end(&w, '}');
        return post(client, "/SMS_DP$/pause", body->str, NULL, error);
}

bool
dpclient_cancel(DpClient *client, const char *pkg_id, gint64 version, GError **error)
{
        g_autofree char *body = package_body(pkg_id, version);

        return post(client, "/SMS_DP$/cancel", body, NULL, error);
}

void
dpclient_package_clear(DpPackageState *state)
{
        g_free(state->state);
        g_free(state->error);
}

bool
dpclient_package(DpClient *client, const char *pkg_id, DpPackageState *state_out, GError **error)
{
        g_autofree char *path = g_strdup_printf("/SMS_DP$/package?id=%s", pkg_id);
        g_autoptr(JsonDoc) doc = NULL;

        if (!ask_json(client, &(Ask){ .method = "GET", .path = path }, &doc, error))
                return false;
        const JsonValue *root = json_root(doc);
        state_out->version = json_get_int(root, "Version", 0);
        state_out->percent = CLAMP(json_get_int(root, "Percent", 0), 0, 100);
        state_out->bytes_done = json_get_int(root, "BytesDone", 0);
        state_out->bytes_all = json_get_int(root, "BytesAll", 0);
        state_out->state = g_strdup(json_get_text(root, "State", ""));
        state_out->error = g_strdup(json_get_text(root, "Error", ""));
        return true;
}

void
dpclient_reading_clear(DpReading *reading)
{
        g_clear_pointer(&reading->first, g_free);
}

bool
dpclient_verify(DpClient *client, const char *pkg_id, DpReading *reading_out, GError **error)
{
        UK_DOING(error, "validating package %s on distribution point %s", pkg_id, client->server);
        g_autofree char *body = package_body(pkg_id, 0);
        g_autoptr(GBytes) bytes = g_bytes_new_static(body, strlen(body));
        g_autoptr(JsonDoc) doc = NULL;
        Ask what = { .method = "POST",
                     .path = "/SMS_DP$/verify",
                     .body = bytes,
                     .stall_seconds = VERIFY_SECONDS };

        if (!ask_json(client, &what, &doc, error))
                return false;
        const JsonValue *damaged = json_get(json_root(doc), "Damaged");
        *reading_out = (DpReading){
                .version = json_get_int(json_root(doc), "Version", 0),
                .damaged = (gint64)json_count(damaged),
                .first = g_strdup(json_get_text(json_at(damaged, 0), "Path", "")),
        };
        return true;
}
