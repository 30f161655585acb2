/* follow.c - keeps requests until what they ask for has changed. */
#include "provider/follow.h"

#include <pthread.h>
#include <string.h>

#include "base/clock.h"
#include "crypto/hash.h"
#include "host/schedule.h"

#define MAX_WAIT  60  /* seconds */
#define MAX_KEPT  256 /* requests at a time; more are answered at once */
#define ETAG_SIZE 24  /* characters of the hash */

/* A request that waits. */
typedef struct {
        HttpRequest *request;
        const WmiClass *class;
        ODataQuery *query;
        char *etag; /* of what the caller has */
        gint64 until_us;
} Kept;

struct Follow {
        pthread_mutex_t lock; /* guards kept */
        GPtrArray *kept;
};

static void
kept_free(gpointer user)
{
        Kept *kept = user;

        odata_query_free(kept->query);
        g_free(kept->etag);
        g_free(kept);
}

Follow *
follow_new(void)
{
        Follow *follow = g_new0(Follow, 1);

        pthread_mutex_init(&follow->lock, NULL);
        follow->kept = g_ptr_array_new_with_free_func(kept_free);
        return follow;
}

void
follow_free(Follow *follow)
{
        if (follow == NULL)
                return;
        for (guint i = 0; i < follow->kept->len; i++) {
                Kept *kept = g_ptr_array_index(follow->kept, i);

                http_answer_error(kept->request, 503, "Stopping", "the provider is being stopped");
        }
        g_ptr_array_unref(follow->kept);
        pthread_mutex_destroy(&follow->lock);
        g_free(follow);
}

static gint64
wait_of(const HttpRequest *request)
{
        const char *prefer = http_request_header(request, "Prefer");

        if (prefer == NULL || !g_str_has_prefix(prefer, "wait="))
                return 0;
        return CLAMP(g_ascii_strtoll(prefer + strlen("wait="), NULL, 10), 0, MAX_WAIT);
}

bool
follow_wants(const HttpRequest *request)
{
        return wait_of(request) > 0;
}

/* The content now and its ETag, quoted: whole, so that a change anywhere is one, and all rows are
 * of one moment. */
static bool
look(Component *c, const Kept *kept, GString *out, char **etag_out, GError **error)
{
        if (!wmi_list(c, kept->class, kept->query, NULL, out, error))
                return false;
        g_autofree char *hash = hash_sha256_hex(out->str, out->len);

        *etag_out = g_strdup_printf("\"%.*s\"", ETAG_SIZE, hash);
        return true;
}

static void
answer(Kept *kept, const GString *content, const char *etag)
{
        http_answer_header(kept->request, "ETag", etag);
        http_answer(kept->request, 200, "application/json", content->str, content->len);
        kept->request = NULL;
}

/* Answers the request if its content has changed or `anyway`. */
static bool
serve(Component *c, Kept *kept, bool anyway, bool *served_out, GError **error)
{
        g_autoptr(GString) content = g_string_new(NULL);
        g_autofree char *etag = NULL;

        if (!look(c, kept, content, &etag, error))
                return false;
        *served_out = anyway || g_strcmp0(etag, kept->etag) != 0;
        if (*served_out)
                answer(kept, content, etag);
        return true;
}

/* With the lock held: when the next wait is over. */
static gint64
next_end(const Follow *follow)
{
        gint64 next = UK_NEVER;

        for (guint i = 0; i < follow->kept->len; i++)
                next = MIN(next, ((const Kept *)g_ptr_array_index(follow->kept, i))->until_us);
        return next;
}

bool
follow_add(Component *c, const WmiClass *class, ODataQuery *query_take, HttpRequest *request,
           GError **error)
{
        Follow *follow = c->state;
        Kept *kept = g_new0(Kept, 1);
        bool served = false;

        kept->request = request;
        kept->class = class;
        kept->query = query_take;
        kept->etag = g_strdup(http_request_header(request, "If-None-Match"));
        kept->until_us = uk_clock_now() + wait_of(request) * UK_SECOND;
        /* Looking under the lock: a commit in between finds the request among those that wait. */
        pthread_mutex_lock(&follow->lock);
        bool good = serve(c, kept, follow->kept->len >= MAX_KEPT, &served, error);

        if (good && !served)
                g_ptr_array_add(follow->kept, g_steal_pointer(&kept));
        timer_set(c, "follow", next_end(follow));
        pthread_mutex_unlock(&follow->lock);
        if (kept != NULL)
                kept_free(kept);
        return good;
}

/* Looks at one; what is not to be read now may be readable before the wait is over, after which its
 * caller must hear something. Returns whether it was answered; *why_out what the host must know. */
static bool
serve_one(Component *c, Kept *kept, gint64 now, GError **why_out)
{
        bool over = uk_clock_due(kept->until_us, MAX_WAIT * UK_SECOND, now) <= now;
        bool served = false;
        g_autoptr(GError) why = NULL;

        if (serve(c, kept, over, &served, &why))
                return served;
        bool of_request = uk_error_class(why) == UK_CLASS_CORRUPT;

        if (of_request || over)
                route_answer_error(g_steal_pointer(&kept->request), why);
        if (!of_request)
                *why_out = g_steal_pointer(&why);
        return kept->request == NULL;
}

/* One that fails keeps no other waiting. */
static bool
serve_all(Component *c, GError **error)
{
        Follow *follow = c->state;
        gint64 now = uk_clock_now();
        g_autoptr(GError) first = NULL;

        pthread_mutex_lock(&follow->lock);
        for (guint i = follow->kept->len; i > 0; i--) {
                g_autoptr(GError) why = NULL;

                if (serve_one(c, g_ptr_array_index(follow->kept, i - 1), now, &why))
                        g_ptr_array_remove_index_fast(follow->kept, i - 1);
                if (first == NULL)
                        first = g_steal_pointer(&why);
        }
        timer_set(c, "follow", next_end(follow));
        pthread_mutex_unlock(&follow->lock);
        if (first == NULL)
                return true;
        g_propagate_error(error, g_steal_pointer(&first));
        return false;
}

bool
follow_on_commit(Component *c, GError **error)
{
        return serve_all(c, error);
}

bool
follow_on_time(Component *c, GError **error)
{
        return serve_all(c, error);
}
