/* vdirs.c - the virtual directories: content, signatures and deltas for whoever asks.
 *
 *   /SMS_DP_SMSPKG$/<ContentID>/<path>        the file, or a page, or a manifest
 *   /SMS_DP_SMSPKG$/<ContentID>/sccm?/<path>  the same; all behind '?' is one literal path
 *   /SMS_DP_SMSSIG$/<ContentID>.tar           signatures
 *   /SMS_DP_SMSDLT$/<NEW>.<OLD>               a delta
 *
 * A path is looked up in the tree of the content item and nowhere else: what the tree does not
 * name, no path reaches. A symbolic link is told of and never followed.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/io.h"
#include "content/deltastore.h"
#include "dp/vdirs_private.h"
#include "net/http_negotiate.h"
#include "wire/pullnotice.h"

#define MAX_BODY (64 * 1024) /* of a PROPFIND, which is not read: all properties are told */
#define DAMAGED  "the file is damaged here and waits for its repair"
/* Set by the server in front to the address below which it sends FileLib. */
#define ACCEL_HEADER "X-Upkeep-Accel"
#define METHODS      "OPTIONS, GET, HEAD, PROPFIND"

/* Where the last part of the virtual directory's name begins: NOCERT_ and CCMTOKENAUTH_ are other
 * doors to the same. */
static const char *
skip_door(const char *path)
{
        static const char *const doors[] = { "NOCERT_", "CCMTOKENAUTH_" };

        for (guint i = 0; i < G_N_ELEMENTS(doors); i++) {
                if (g_ascii_strncasecmp(path, doors[i], strlen(doors[i])) == 0)
                        return path + strlen(doors[i]);
        }
        return path;
}

/* What stands behind the name of the virtual directory; NULL when the path is not below it. */
static const char *
below(const HttpRequest *request, const char *name)
{
        const char *path = skip_door(http_request_path(request) + 1);
        gsize size = strlen(name);

        if (g_ascii_strncasecmp(path, name, size) != 0 || path[size] != '/' ||
            path[size + 1] == '\0')
                return NULL;
        return path + size + 1;
}

static bool
is_method(const HttpRequest *request, const char *method)
{
        return strcmp(http_request_method(request), method) == 0;
}

/* Answers what is not GET, HEAD or PROPFIND; false for these. */
static bool
answer_method(HttpRequest *request)
{
        if (is_method(request, "GET") || is_method(request, "HEAD") ||
            is_method(request, "PROPFIND"))
                return false;
        http_answer_header(request, "Allow", METHODS);
        if (is_method(request, "OPTIONS")) {
                http_answer_header(request, "DAV", "1");
                http_answer(request, 200, NULL, NULL, 0);
        } else {
                http_answer_error(request, 405, "UNSUPPORTED", "only " METHODS " are known here");
        }
        return true;
}

/* --- content --- */

/* The content item that the package of that ID holds now; NULL: there is none. The caller frees. */
static char *
held_by(Library *library, const char *id)
{
        g_autoptr(LibraryPackage) package = library_package(library, id, NULL);

        return package != NULL ? g_strdup(package->content_ids[0]) : NULL;
}

/* The content item of that ID, or that a package of that ID holds now. */
static bool
find_tree(VdirsFound *found, const char *id, GError **error)
{
        g_autoptr(GError) why = NULL;

        found->tree = library_tree_ref(found->library, id, &why);
        if (found->tree != NULL)
                return true;
        found->held = held_by(found->library, id);
        if (found->held == NULL) {
                g_propagate_error(error, g_steal_pointer(&why));
                return false;
        }
        found->package = g_strdup(id);
        found->tree = library_tree_ref(found->library, found->held, error);
        return found->tree != NULL;
}

/* Whether its package holds another item since: that one's files are there. */
static bool
has_moved(const VdirsFound *found, const GError *why)
{
        if (found->held == NULL || !g_error_matches(why, UK_ERROR, UK_ERROR_NOT_FOUND))
                return false;
        g_autofree char *now = held_by(found->library, found->package);

        return now != NULL && strcmp(now, found->held) != 0;
}

/* Percent-decodes; NULL for a NUL or a bad percent sign. */
static char *
decode(const char *text)
{
        return g_uri_unescape_string(text, NULL);
}

/* The path within the content item; behind "sccm?" it is literal, decoded first and else as it
 * stands. */
static const TreeEntry *
find_entry(const HttpRequest *request, const ContentTree *tree, char *path)
{
        const char *query = http_request_raw_query(request);
        gsize size = strlen(path);

        if (strcmp(path, "sccm") == 0 && query != NULL && *query == '/') {
                g_autofree char *decoded = decode(query + 1);
                const TreeEntry *entry = decoded != NULL ? tree_find(tree, decoded) : NULL;

                return entry != NULL ? entry : tree_find(tree, query + 1);
        }
        if (size > 0 && path[size - 1] == '/')
                path[size - 1] = '\0';
        return tree_find(tree, path);
}

static bool
find(const HttpRequest *request, Library *library, const char *rest, VdirsFound *found,
     GError **error)
{
        const char *slash = strchr(rest, '/');
        g_autofree char *id =
                slash != NULL ? g_strndup(rest, (gsize)(slash - rest)) : g_strdup(rest);
        g_autofree char *path = g_strdup(slash != NULL ? slash + 1 : "");
        bool whole = *path == '\0' || (strcmp(path, "sccm") == 0 &&
                                       g_strcmp0(http_request_raw_query(request), "/") == 0);

        if (!pullnotice_id_valid(id))
                return uk_fail(error, UK_ERROR_NOT_FOUND, "there is no content item of that name");
        found->library = library;
        if (!find_tree(found, id, error))
                return false;
        found->base = g_strndup(http_request_path(request),
                                (gsize)(rest - http_request_path(request)) + strlen(id));
        found->entry = whole ? NULL : find_entry(request, found->tree, path);
        if (!whole && found->entry == NULL)
                return uk_fail(error, UK_ERROR_NOT_FOUND, "%s has no such file", id);
        return true;
}

static bool
answer_large(HttpRequest *request, const VdirsFound *found, GError **error)
{
        const TreeEntry *entry = found->entry;
        gint64 size;
        int fd = library_open_shared(found->library, entry->hash, &size, error);

        if (fd < 0)
                return false;
        if (size != entry->size) {
                uk_io_close(&fd);
                return uk_fail(error, UK_ERROR_NOT_FOUND, "%s", DAMAGED);
        }
        g_autofree char *lower = hash_hex(entry->hash, HASH_SHA256_SIZE);
        g_autofree char *etag = g_ascii_strup(lower, -1);
        g_autofree char *date = http_negotiate_date(entry->modified_us / UK_SECOND);

        http_answer_header(request, "Last-Modified", date);
        http_answer_file(request, fd, entry->size, NULL, etag);
        return true;
}

static bool
answer_small(Component *c, HttpRequest *request, const VdirsFound *found, GError **error)
{
        g_autoptr(GError) why = NULL;
        HttpCached *cached = vdirs_cache_get(c->state, found->library, found->entry, &why);

        if (g_error_matches(why, UK_ERROR, UK_ERROR_SIGNATURE)) {
                uk_error("%s: %s", http_request_path(request), why->message);
                return uk_fail(error, UK_ERROR_NOT_FOUND, "%s", DAMAGED);
        }
        if (cached == NULL) {
                g_propagate_error(error, g_steal_pointer(&why));
                return false;
        }
        http_answer_cached(request, cached);
        http_cached_unref(cached);
        return true;
}

/* A server in front sends the bytes itself: it is told where they lie, below the address that it
 * has for FileLib (docs/decisions/0009-nginx-in-front.md). */
static bool
answer_in_front(HttpRequest *request, const VdirsFound *found, GError **error)
{
        const TreeEntry *entry = found->entry;
        gint64 size;

        if (!library_has(found->library, entry->hash, &size) || size != entry->size)
                return uk_fail(error, UK_ERROR_NOT_FOUND, "%s", DAMAGED);
        g_autofree char *lower = hash_hex(entry->hash, HASH_SHA256_SIZE);
        g_autofree char *hash = g_ascii_strup(lower, -1);
        g_autofree char *place = g_strdup_printf(
                "%s%.4s/%s", http_request_header(request, ACCEL_HEADER), hash, hash);

        http_answer_header(request, "X-Accel-Redirect", place);
        http_answer(request, 200, "application/octet-stream", NULL, 0);
        return true;
}

/* A file that is known as damaged or missing is not there; the client goes to another place. */
static bool
answer_file(Component *c, HttpRequest *request, const VdirsFound *found, GError **error)
{
        const TreeEntry *entry = found->entry;

        if (entry->kind == TREE_SYMLINK)
                return uk_fail(error, UK_ERROR_NOT_FOUND,
                               "this is a symbolic link, which is not followed; PROPFIND tells "
                               "its target");
        if (http_request_header(request, ACCEL_HEADER) != NULL)
                return answer_in_front(request, found, error);
        return entry->size > VDIRS_SMALL ? answer_large(request, found, error)
                                         : answer_small(c, request, found, error);
}

static bool
answer_found(Component *c, HttpRequest *request, VdirsFound *found, GError **error)
{
        if (is_method(request, "PROPFIND")) {
                vdirs_answer_manifest(request, found);
                return true;
        }
        if (found->entry == NULL || found->entry->kind == TREE_FOLDER) {
                vdirs_answer_page(request, found);
                return true;
        }
        return answer_file(c, request, found, error);
}

/* Nobody's fault here: a client asks one place after another. */
static bool
answer_absent(HttpRequest *request, GError **error)
{
        if (!g_error_matches(*error, UK_ERROR, UK_ERROR_NOT_FOUND))
                return false;
        http_answer_error(request, 404, uk_error_name(UK_ERROR_NOT_FOUND), (*error)->message);
        g_clear_error(error);
        return true;
}

static bool
on_content(Component *c, HttpRequest *request, GError **error)
{
        const char *rest = below(request, "SMS_DP_SMSPKG$");
        VdirsFound found = { 0 };

        if (answer_method(request))
                return true;
        Library *library = dp_library(dp_of(c), error);
        if (library == NULL)
                return false;
        if (rest == NULL) {
                http_answer_error(request, 404, "NOT_FOUND", "the content item is not named");
                return true;
        }
        bool answered, moved;
        do {
                g_clear_error(error);
                answered = find(request, library, rest, &found, error) &&
                           answer_found(c, request, &found, error);
                moved = !answered && has_moved(&found, *error);
                vdirs_found_clear(&found);
        } while (moved);
        return answered || answer_absent(request, error);
}

/* --- signatures and deltas --- */

static bool
open_signatures(Library *library, const char *name, int *fd_out, gint64 *size_out, GError **error)
{
        gsize size = strlen(name);
        g_autofree char *id = g_strndup(name, size > 4 ? size - 4 : 0);
        struct stat info;

        if (size <= 4 || strcmp(name + size - 4, ".tar") != 0 || !pullnotice_id_valid(id))
                return uk_fail(error, UK_ERROR_NOT_FOUND, "there are no signatures of that name");
        g_autofree char *path = g_strdup_printf("%s/SMSSIG$/%s.tar", library_root(library), id);
        *fd_out = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
        if (*fd_out < 0 && errno == ENOENT)
                return uk_fail(error, UK_ERROR_NOT_FOUND, "%s has no signatures", id);
        if (*fd_out < 0 || fstat(*fd_out, &info) < 0 || !S_ISREG(info.st_mode)) {
                uk_io_close(fd_out);
                return uk_fail_errno(error, errno, "opening %s", path);
        }
        *size_out = info.st_size;
        return true;
}

static bool
open_delta(Library *library, const char *name, int *fd_out, gint64 *size_out, GError **error)
{
        g_autoptr(GError) why = NULL;

        *fd_out = deltastore_open_named(library, name, size_out, &why);
        if (*fd_out >= 0)
                return true;
        return uk_fail(error, UK_ERROR_NOT_FOUND, "there is no such delta: %s", why->message);
}

/* By which a download goes on where it was cut off. A file gets its name when it is whole, and is
 * replaced by another one; the time of a delta is that of its last use. */
static char *
etag_of(int fd, bool dated)
{
        struct stat info;

        if (fstat(fd, &info) < 0)
                return NULL;
        return g_strdup_printf(
                "%" G_GINT64_MODIFIER "x-%" G_GINT64_MODIFIER "x-%" G_GINT64_MODIFIER "x",
                (gint64)info.st_ino, (gint64)info.st_size,
                dated ? (gint64)info.st_mtim.tv_sec * UK_SECOND + info.st_mtim.tv_nsec / 1000 : 0);
}

typedef bool (*OpenFn)(Library *library, const char *name, int *fd_out, gint64 *size_out,
                       GError **error);

static bool
answer_named(Component *c, HttpRequest *request, const char *directory, OpenFn open_it, bool dated,
             GError **error)
{
        const char *name = below(request, directory);
        gint64 size = 0;
        int fd = -1;

        if (answer_method(request))
                return true;
        Library *library = dp_library(dp_of(c), error);
        if (library == NULL)
                return false;
        if (!open_it(library, name != NULL ? name : "", &fd, &size, error))
                return answer_absent(request, error);
        g_autofree char *etag = etag_of(fd, dated);

        http_answer_file(request, fd, size, NULL, etag);
        return true;
}

static bool
on_signatures(Component *c, HttpRequest *request, GError **error)
{
        return answer_named(c, request, "SMS_DP_SMSSIG$", open_signatures, true, error);
}

static bool
on_delta(Component *c, HttpRequest *request, GError **error)
{
        return answer_named(c, request, "SMS_DP_SMSDLT$", open_delta, false, error);
}

/* --- the component --- */

static bool
start(Component *c, GError **error)
{
        gint64 megabytes = settings_int(host_settings(c->host), "dp.cache_megabytes");

        c->state = vdirs_cache_new((gsize)megabytes * 1024 * 1024);
        return true;
}

static void
stop(Component *c)
{
        vdirs_cache_free(c->state);
}

#define DOOR(path, fn)                                       \
        {                                                    \
                "*", path, CALLER_ANYONE, MAX_BODY, fn, true \
        }

const ComponentDef vdirs = {
        .name = "SMS_DP_VDIRS",
        .log = "SMSDPVdirs.log",
        .log_form = UK_LOG_SERVER,
        .what = "serves content, signatures and deltas over HTTP",
        .routes = {
                DOOR("/SMS_DP_SMSPKG$*", on_content),
                DOOR("/NOCERT_SMS_DP_SMSPKG$*", on_content),
                DOOR("/CCMTOKENAUTH_SMS_DP_SMSPKG$*", on_content),
                DOOR("/SMS_DP_SMSSIG$*", on_signatures),
                DOOR("/NOCERT_SMS_DP_SMSSIG$*", on_signatures),
                DOOR("/CCMTOKENAUTH_SMS_DP_SMSSIG$*", on_signatures),
                DOOR("/SMS_DP_SMSDLT$*", on_delta),
                DOOR("/NOCERT_SMS_DP_SMSDLT$*", on_delta),
                DOOR("/CCMTOKENAUTH_SMS_DP_SMSDLT$*", on_delta),
        },
        .start = start,
        .stop = stop,
};
