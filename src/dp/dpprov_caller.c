/* dpprov_caller.c - who may use the site server's interface.
 *
 * A request is signed by the key of the site whose certificate is in etc/upkeep/site.crt, and it is
 * taken once: what was seen is remembered as long as its time would be accepted, also across a
 * restart of the program (requests.seen; not synced, since only a restart of the machine loses it;
 * on a full disk in memory only).
 */
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/io.h"
#include "crypto/hash.h"
#include "crypto/sitesig.h"
#include "dp/dp_private.h"

#define MAX_CERTIFICATE (64 * 1024)
#define SEEN_FILE       "requests.seen"
#define SEEN_MAX_BYTES  (16 * 1024 * 1024)
/* "<first 32 digits of the hash> <microseconds, 20 digits>\n" */
#define SEEN_LINE 54
/* The file is written anew when this many lines more than are needed stand in it. */
#define SEEN_SLACK 4096

/* The site's certificate as it was read; counted. */
typedef struct {
        atomic_int refs;
        SignCert *cert;
        struct stat as; /* of its file */
} KnownCert;

struct DpCaller {
        Host *host;
        char *path;
        pthread_mutex_t lock; /* guards all below */
        KnownCert *known;     /* NULL: not read yet */
        GHashTable *seen;     /* digits to gint64 *: when it was seen */
        int fd;
        guint lines;
        bool torn; /* the file lacks lines, or has a part of one: it is to be written anew */
};

static char *
certificate_path(Host *host)
{
        return g_build_filename(host_etc_dir(host), "site.crt", NULL);
}

SignCert *
dpprov_site_certificate(Host *host, GError **error)
{
        g_autofree char *path = certificate_path(host);
        g_autofree char *pem = NULL;
        gsize size;

        if (!uk_io_read(path, MAX_CERTIFICATE, &pem, &size, error)) {
                g_prefix_error(error, "the certificate of the site is needed: ");
                return NULL;
        }
        return sign_cert_read(pem, size, error);
}

/* --- the certificate, read once --- */

static void
known_unref(KnownCert *known)
{
        if (atomic_fetch_sub(&known->refs, 1) > 1)
                return;
        sign_cert_free(known->cert);
        g_free(known);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC(KnownCert, known_unref)

/* A file that is replaced or written anew is another. */
static bool
is_same_file(const struct stat *a, const struct stat *b)
{
        return a->st_dev == b->st_dev && a->st_ino == b->st_ino && a->st_size == b->st_size &&
               a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec &&
               a->st_ctim.tv_sec == b->st_ctim.tv_sec && a->st_ctim.tv_nsec == b->st_ctim.tv_nsec;
}

static KnownCert *
read_known(DpCaller *caller, const struct stat *as, GError **error)
{
        SignCert *cert = dpprov_site_certificate(caller->host, error);

        if (cert == NULL)
                return NULL;
        KnownCert *known = g_new0(KnownCert, 1);
        known->refs = 1;
        known->cert = cert;
        known->as = *as;
        return known;
}

/* The certificate that the file has now; a reference, the caller's. */
static KnownCert *
known_cert(DpCaller *caller, GError **error)
{
        g_autofree char *path = certificate_path(caller->host);
        struct stat as = { 0 };

        /* One that cannot be looked at is read, which says why. */
        (void)!stat(path, &as);
        pthread_mutex_lock(&caller->lock);
        if (caller->known == NULL || !is_same_file(&caller->known->as, &as)) {
                g_clear_pointer(&caller->known, known_unref);
                caller->known = read_known(caller, &as, error);
        }
        KnownCert *known = caller->known;
        if (known != NULL)
                atomic_fetch_add(&known->refs, 1);
        pthread_mutex_unlock(&caller->lock);
        return known;
}

/* --- what was seen --- */

static gboolean
is_old(gpointer key, gpointer value, gpointer user)
{
        const gint64 *now = user;

        return *(gint64 *)value < *now - 2 * SITESIG_WINDOW;
}

static void
append_line(GString *out, const char *digits, gint64 when)
{
        g_string_append_printf(out, "%.32s %020" G_GINT64_FORMAT "\n", digits, when);
}

static bool
open_seen(DpCaller *caller, GError **error)
{
        uk_io_close(&caller->fd);
        caller->fd = open(caller->path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0640);
        if (caller->fd < 0)
                return uk_fail_errno(error, errno, "opening %s", caller->path);
        return true;
}

/* Writes the file with what is needed only. The lock is held. */
static bool
rewrite(DpCaller *caller, GError **error)
{
        g_autoptr(GString) text = g_string_new(NULL);
        gint64 now = uk_clock_now();
        GHashTableIter at;
        gpointer digits, when;

        g_hash_table_foreach_remove(caller->seen, is_old, &now);
        g_hash_table_iter_init(&at, caller->seen);
        while (g_hash_table_iter_next(&at, &digits, &when))
                append_line(text, digits, *(gint64 *)when);
        if (!uk_io_replace(caller->path, text->str, text->len, 0640, error))
                return false;
        caller->lines = g_hash_table_size(caller->seen);
        caller->torn = false;
        return open_seen(caller, error);
}

/* A line that was cut off by a crash is passed over. */
static void
read_lines(DpCaller *caller, const char *text, gsize size)
{
        for (gsize at = 0; at + SEEN_LINE <= size; at += SEEN_LINE) {
                gint64 when;

                if (text[at + SEEN_LINE - 1] != '\n')
                        break;
                when = g_ascii_strtoll(text + at + 33, NULL, 10);
                g_hash_table_replace(caller->seen, g_strndup(text + at, 32),
                                     g_memdup2(&when, sizeof when));
        }
}

DpCaller *
dpprov_caller_new(Host *host, GError **error)
{
        UK_DOING(error, "reading which requests were taken");
        DpCaller *caller = g_new0(DpCaller, 1);
        g_autofree char *text = NULL;
        g_autoptr(GError) why = NULL;
        gsize size = 0;

        caller->host = host;
        caller->fd = -1;
        caller->path = g_build_filename(host_state_dir(host), SEEN_FILE, NULL);
        caller->seen = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
        pthread_mutex_init(&caller->lock, NULL);
        if (uk_io_read(caller->path, SEEN_MAX_BYTES, &text, &size, &why)) {
                read_lines(caller, text, size);
        } else if (!g_error_matches(why, UK_ERROR, UK_ERROR_NOT_FOUND)) {
                g_propagate_error(error, g_steal_pointer(&why));
                g_clear_pointer(&caller, dpprov_caller_free);
        }
        if (caller != NULL && !rewrite(caller, error))
                g_clear_pointer(&caller, dpprov_caller_free);
        return caller;
}

void
dpprov_caller_free(DpCaller *caller)
{
        if (caller == NULL)
                return;
        uk_io_close(&caller->fd);
        g_clear_pointer(&caller->known, known_unref);
        g_hash_table_unref(caller->seen);
        pthread_mutex_destroy(&caller->lock);
        g_free(caller->path);
        g_free(caller);
}

/* Adds the line to the file. */
static bool
keep(DpCaller *caller, const char *digits, gint64 when, GError **error)
{
        g_autoptr(GString) line = g_string_new(NULL);

        if (caller->torn || caller->lines > 2 * g_hash_table_size(caller->seen) + SEEN_SLACK ||
            caller->lines >= SEEN_MAX_BYTES / SEEN_LINE / 2) {
                if (!rewrite(caller, error))
                        return false;
        }
        append_line(line, digits, when);
        caller->torn = !uk_io_write(caller->fd, line->str, line->len, caller->path, error);
        caller->lines += !caller->torn;
        return !caller->torn;
}

/* Also on a full disk: the request may be the one that makes room. What could not be kept is in
 * memory till there is some. */
static bool
note(DpCaller *caller, const char *digits, GError **error)
{
        gint64 now = uk_clock_now();
        g_autoptr(GError) why = NULL;
        bool torn = caller->torn;

        if (g_hash_table_contains(caller->seen, digits))
                return uk_fail(error, UK_ERROR_DENIED,
                               "this very request was taken before; a new one is signed anew");
        if (!keep(caller, digits, now, &why)) {
                if (!g_error_matches(why, UK_ERROR, UK_ERROR_FULL)) {
                        g_propagate_error(error, g_steal_pointer(&why));
                        return false;
                }
                caller->torn = true;
                if (!torn)
                        uk_warn("Which requests were taken is in memory only: %s", why->message);
        }
        g_hash_table_insert(caller->seen, g_strdup(digits), g_memdup2(&now, sizeof now));
        return true;
}

/* Takes a request once, by its signature. */
static bool
take_once(DpCaller *caller, const char *header, GError **error)
{
        g_autofree char *digits = hash_sha256_hex(header, strlen(header));

        digits[32] = '\0';
        pthread_mutex_lock(&caller->lock);
        bool taken = note(caller, digits, error);
        pthread_mutex_unlock(&caller->lock);
        return taken;
}

/* --- the rule --- */

/* What the site has said to another distribution point is not said to this one, which goes by its
 * machine's name and the one that the site has for it; before it was told that, by any. */
static bool
check_receiver(Component *c, const char *to, GError **error)
{
        g_autoptr(DistributionPoint) dp = distributionpoint_load(c->db, error);

        if (dp == NULL)
                return false;
        return dp->server_name[0] == '\0' || g_ascii_strcasecmp(to, dp->server_name) == 0 ||
               g_ascii_strcasecmp(to, host_machine(c->host)) == 0 ||
               uk_fail(error, UK_ERROR_DENIED,
                       "the request is for the distribution point %.255s, and this is %s", to,
                       dp->server_name);
}

/* Where the certificate is missing or is none, nobody is the site. Said as that and not by the code
 * of the file's trouble, which would be an answer about the package: 404 is "not here" to a site.
 * A disk that fails to read it is its own trouble, and the site comes again. */
static KnownCert *
needed_cert(DpCaller *caller, GError **error)
{
        g_autoptr(GError) why = NULL;
        KnownCert *known = known_cert(caller, &why);

        if (known != NULL)
                return known;
        if (uk_error_class(why) == UK_CLASS_LATER)
                g_propagate_error(error, g_steal_pointer(&why));
        else
                uk_fail(error, UK_ERROR_DENIED, "%s", why->message);
        return NULL;
}

static bool
check_signature(Component *c, HttpRequest *request, GError **error)
{
        gsize size;
        const void *body = http_request_body(request, &size);
        const char *query = http_request_raw_query(request);
        const char *header = http_request_header(request, SITESIG_HEADER);
        g_autofree char *path =
                g_strconcat(http_request_raw_path(request), query != NULL ? "?" : "", query, NULL);
        const SiteRequest signed_one = { http_request_method(request), path, body, size };
        g_autoptr(KnownCert) known = needed_cert(dp_of(c)->caller, error);
        g_autofree char *to = NULL;

        return known != NULL &&
               sitesig_check(known->cert, header, uk_clock_now(), &signed_one, &to, error) &&
               check_receiver(c, to, error) && take_once(dp_of(c)->caller, header, error);
}

char *
dpprov_order_id(const HttpRequest *request)
{
        const char *path = http_request_path(request);
        const char *at = strrchr(path, '/');

        if (strcmp(at, "/commit") != 0)
                return g_strdup(http_request_query(request, "order"));
        const char *begin = g_strrstr_len(path, at - path, "/");

        return begin != NULL ? g_strndup(begin + 1, (gsize)(at - begin - 1)) : NULL;
}

/* Takes as long whatever the first differing byte is. */
static bool
equal_texts(const char *a, const char *b, gsize size)
{
        guint8 differ = 0;

        for (gsize i = 0; i < size; i++)
                differ |= (guint8)(a[i] ^ b[i]);
        return differ == 0;
}

/* The blocks of an order carry the token whose hash the site's signature of the order covers. */
static bool
check_token(Component *c, HttpRequest *request, GError **error)
{
        const char *given = http_request_header(request, "Authorization");
        g_autofree char *id = dpprov_order_id(request);

        if (given == NULL || !g_str_has_prefix(given, "Upkeep ") || id == NULL)
                return uk_fail(error, UK_ERROR_DENIED,
                               "only the site server may send this: the order or its token is "
                               "missing");
        g_autofree char *wanted = incoming_token_hash(dp_of(c)->incoming, c->db, id, error);
        if (wanted == NULL)
                return false;
        const char *token = given + strlen("Upkeep ");
        g_autofree char *hash = hash_sha256_hex(token, strlen(token));

        if (strlen(wanted) != HASH_SHA256_HEX || !equal_texts(hash, wanted, HASH_SHA256_HEX))
                return uk_fail(error, UK_ERROR_DENIED, "the token is not that of the order %s", id);
        return true;
}

bool
dpprov_allow(Component *c, const ComponentRoute *route, HttpRequest *request, GError **error)
{
        const Dp *dp = dp_of(c);

        if (route->caller == CALLER_ANYONE)
                return true;
        if (dp == NULL)
                return uk_fail(error, UK_ERROR_BUSY, "the SMS DP Provider has not started");
        if (dp->colocated)
                return uk_fail(error, UK_ERROR_DENIED,
                               "this distribution point is on the site server, whose library "
                               "upkeep-site writes; nothing is sent to it");
        return dpprov_takes_token(request) ? check_token(c, request, error)
                                           : check_signature(c, request, error);
}
