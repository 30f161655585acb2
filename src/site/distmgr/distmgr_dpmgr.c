/* distmgr_dpmgr.c - the DP manager: tells distribution points what they need to know, and finds out
 * when one that did not answer answers again.
 *
 * In: <DPID>.DPN (added, changed, or did not answer). Out: POST configure, and what the
 * distribution point says of itself in its row. One that does not answer is asked again after
 * growing pauses (5 seconds to distmgr.contact_max_seconds); when it does, whatever waits for it
 * goes on at once. Every one is asked at the start and once a day.
 */
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "host/pool.h"
#include "host/timer.h"
#include "inbox/drop.h"
#include "site/contentlibrary/contentlibrary.h"
#include "site/distmgr/distmgr_private.h"
#include "site/dpcontact.h"
#include "sitedb/distjob.h"
#include "sitedb/sitesystem.h"
#include "sitedb/straycontent.h"
#include "wire/json.h"

#define OTHERS_PAUSE (30 * UK_SECOND)

typedef struct {
        gint64 due_us;
        gint64 failures; /* in a row */
} Contact;

/* ---- when whom ---- */

/* Asks the distribution point at due_us, or when it is due already. */
static void
plan(Component *c, gint64 id, gint64 due_us, gint64 failures)
{
        DistMgr *mgr = c->state;

        pthread_mutex_lock(&mgr->lock);
        Contact *contact = g_hash_table_lookup(mgr->contacts, &id);
        if (contact == NULL) {
                contact = g_new0(Contact, 1);
                g_hash_table_insert(mgr->contacts, g_memdup2(&id, sizeof id), contact);
        }
        contact->due_us = due_us;
        contact->failures = failures;
        pthread_mutex_unlock(&mgr->lock);
        timer_set(c, "contacts", uk_clock_now());
}

/* Adds those that nobody has asked yet in this program's life. */
static bool
plan_unknown(Component *c, GError **error)
{
        const DistMgr *mgr = c->state;
        g_autoptr(GPtrArray) points = distpoint_list(c->db, mgr->site, error);

        for (guint i = 0; points != NULL && i < points->len; i++) {
                const DistPoint *point = points->pdata[i];

                if (!g_hash_table_contains(mgr->contacts, &point->id))
                        plan(c, point->id, 0, 0);
        }
        return points != NULL;
}

/* Of the pauses that there are the one that it waits for bounds it: the clock may be set back. */
static bool
is_due(Component *c, const Contact *contact, gint64 now)
{
        gint64 longest =
                contact->failures > 0
                        ? dpcontact_longest(c)
                        : settings_int(host_settings(c->host), "distmgr.configure_hours") * UK_HOUR;

        return uk_clock_due(contact->due_us, longest, now) <= now;
}

/* Timer of lane "dpmgr": queues all that are due, and sets itself to the next one. */
bool
distmgr_on_contacts_due(Component *c, GError **error)
{
        DistMgr *mgr = c->state;
        gint64 now = uk_clock_now(), next = UK_NEVER;
        g_autoptr(GPtrArray) due = g_ptr_array_new_with_free_func(g_free);
        GHashTableIter iter;
        gpointer key, value;

        if (g_hash_table_size(mgr->contacts) == 0 && !plan_unknown(c, error))
                return false;
        pthread_mutex_lock(&mgr->lock);
        g_hash_table_iter_init(&iter, mgr->contacts);
        while (g_hash_table_iter_next(&iter, &key, &value)) {
                Contact *contact = value;

                if (is_due(c, contact, now)) {
                        g_ptr_array_add(due, g_strdup_printf("%" G_GINT64_FORMAT, *(gint64 *)key));
                        contact->due_us = UK_NEVER; /* until the worker says when */
                }
                next = MIN(next, contact->due_us);
        }
        pthread_mutex_unlock(&mgr->lock);
        for (guint i = 0; i < due->len; i++) {
                if (!pool_add(c, "configure", due->pdata[i], error))
                        return false;
        }
        timer_set(c, "contacts", next);
        return true;
}

bool
distmgr_on_dp_changed(Component *c, const InboxFile *file, GError **error)
{
        guint64 id;

        if (!g_ascii_string_to_unsigned(file->stem, 10, 1, G_MAXINT64, &id, NULL))
                return uk_fail(error, UK_ERROR_INVALID, "'%s' is no number of a distribution point",
                               file->stem);
        g_autoptr(GError) failure = NULL;
        g_autoptr(DistPoint) point = distpoint_load(c->db, (gint64)id, &failure);
        if (point != NULL) {
                plan(c, (gint64)id, point->quarantine_us, point->failures);
        } else if (!g_error_matches(failure, UK_ERROR, UK_ERROR_NOT_FOUND)) {
                g_propagate_error(error, g_steal_pointer(&failure));
                return false;
        }
        return distmgr_tell_transfer(c, file->name, error);
}

/* ---- what is said ---- */

/* Where a distribution point reports: as the settings say, else as the site's systems stand. "" for
 * nowhere: what clients are told of a management point has no port. */
static char *
management_point(Component *c, GError **error)
{
        const DistMgr *mgr = c->state;
        g_autofree char *set = settings_text(host_settings(c->host), "mp.url");

        if (set[0] != '\0')
                return g_steal_pointer(&set);
        g_autoptr(GPtrArray) points = sitesystem_list(c->db, mgr->site, SITESYSTEM_MP, error);

        if (points == NULL)
                return NULL;
        return points->len > 0 ? sitesystem_url(points->pdata[0]) : g_strdup("");
}

/* Notes whether there is none; true for the first time since there was one, or since the start. */
static bool
is_news(DistMgr *mgr, bool none)
{
        pthread_mutex_lock(&mgr->lock);
        bool news = none && !mgr->told_no_mp;
        mgr->told_no_mp = none;
        pthread_mutex_unlock(&mgr->lock);
        return news;
}

/* A distribution point that has nowhere to report says so in its own log only, where nobody who
 * waits for its reports looks. */
static bool
tell_of_none(Component *c, const char *mp, GError **error)
{
        if (!is_news(c->state, *mp == '\0') || statusmsg_raise(c, NULL, 60032, error, NULL))
                return true;
        is_news(c->state, false);
        return false;
}

static void
write_sources(JsonWriter *w, const GPtrArray *points, const DistPoint *point)
{
        json_array(w, "Sources");
        for (guint i = 0; i < points->len; i++) {
                const DistPoint *other = points->pdata[i];

                if (other->id == point->id || other->maintenance)
                        continue;
                json_object(w, NULL);
                json_text(w, "ServerName", other->server);
                json_text(w, "Url", other->url);
                json_end(w, '}');
        }
        json_end(w, ']');
}

static char *
write_configuration(Component *c, const DistPoint *point, const char *mp, GError **error)
{
        const DistMgr *mgr = c->state;
        g_autoptr(GPtrArray) points = distpoint_list(c->db, mgr->site, error);
        g_autofree char *rate = g_strdup_printf("%" G_GINT64_FORMAT, point->rate_limit);
        GString *out = points != NULL ? g_string_new(NULL) : NULL;
        JsonWriter w;

        if (out == NULL)
                return NULL;
        json_begin(&w, out);
        json_object(&w, NULL);
        json_text(&w, "SiteCode", point->site);
        json_text(&w, "ServerName", point->server);
        json_text(&w, "NALPath", point->nal);
        json_text(&w, "ManagementPoint", mp);
        json_bool(&w, "IsPullDP", point->is_pull != 0);
        json_text(&w, "RateLimit", rate);
        json_text(&w, "Schedule", point->schedule);
        json_int(&w, "VerifyBytesPerSecond",
                 settings_int(host_settings(c->host), "distmgr.verify_kilobytes_per_second") *
                         1024);
        write_sources(&w, points, point);
        json_end(&w, '}');
        return g_string_free(out, FALSE);
}

/* What it holds, and this site has no record of there. *news_out: more than was known. */
static bool
keep_held(DbTx *tx, const DistPoint *point, const GArray *held, gint64 *news_out, GError **error)
{
        gint64 now = uk_clock_now(), before = 0, after = 0;

        *news_out = 0;
        if (held == NULL)
                return true;
        if (!straycontent_count(db_tx_db(tx), point->id, &before, error))
                return false;
        for (guint i = 0; i < held->len; i++) {
                const DpHeld *one = &g_array_index(held, DpHeld, i);

                if (!straycontent_found(tx, point->id, one->pkg_id, one->version, now, error))
                        return false;
        }
        if (!straycontent_told(tx, point->id, now, &after, error))
                return false;
        *news_out = after > before ? after : 0;
        return true;
}

/* What it had, by all that was reported before it was asked, and does not name: a definition or a
 * disk was lost while it did not run; or it has another version, a later one where this site was
 * restored from a backup. The job sends what is lacking, be it the definition only. */
static bool
send_lost(DbTx *tx, const DistPoint *point, const GArray *held, gint64 asked_us, GError **error)
{
        g_autoptr(GPtrArray) rows =
                held != NULL ? pkgserver_list_held(db_tx_db(tx), point->nal, asked_us, error)
                             : g_ptr_array_new();
        g_autoptr(GHashTable) versions = g_hash_table_new(g_str_hash, g_str_equal);

        for (guint i = 0; held != NULL && i < held->len; i++) {
                const DpHeld *one = &g_array_index(held, DpHeld, i);

                g_hash_table_insert(versions, one->pkg_id, (gpointer)&one->version);
        }
        for (guint i = 0; rows != NULL && i < rows->len; i++) {
                const PkgHeld *row = rows->pdata[i];
                const gint64 *version = g_hash_table_lookup(versions, row->pkg_id);

                if (version != NULL && *version == row->version)
                        continue;
                uk_warn("Distribution point %s does not hold package %s, version %" G_GINT64_FORMAT
                        ", any more; what is lacking is sent again",
                        point->nal, row->pkg_id, row->version);
                if (!distjob_add(tx, point->id, row->pkg_id, row->version, DISTJOB_SEND,
                                 "the distribution point does not hold it any more", NULL, error))
                        return false;
        }
        return rows != NULL;
}

static bool
keep_answer(Component *c, const DistPoint *point, const DpAnswer *answer, gint64 asked_us,
            GError **error)
{
        DistPoint told = { .id = point->id,
                           .identity = answer->identity,
                           .certificate = answer->certificate,
                           .software = answer->software,
                           .bytes_free = answer->bytes_free,
                           .bytes_total = answer->bytes_total };
        g_autoptr(DbTx) tx = db_begin(c->db, error);
        gint64 stray;

        if (tx == NULL || !distpoint_configured(tx, &told, error) ||
            !keep_held(tx, point, answer->held, &stray, error) ||
            !send_lost(tx, point, answer->held, asked_us, error) ||
            !db_commit(g_steal_pointer(&tx), error))
                return false;
        if (stray > 0)
                uk_log("Distribution point %s holds %" G_GINT64_FORMAT
                       " packages that this site has not given to it; upkeep library clean --dp %s "
                       "lists them",
                       point->nal, stray, point->server);
        return true;
}

/* A new one is a source for the others; they are told soon, many new ones together. */
static void
tell_others(Component *c)
{
        DistMgr *mgr = c->state;
        gint64 soon = uk_clock_now() + OTHERS_PAUSE;
        GHashTableIter iter;
        gpointer value;

        pthread_mutex_lock(&mgr->lock);
        g_hash_table_iter_init(&iter, mgr->contacts);
        while (g_hash_table_iter_next(&iter, NULL, &value)) {
                Contact *contact = value;

                if (contact->failures == 0 && contact->due_us != UK_NEVER)
                        contact->due_us = MIN(contact->due_us, soon);
        }
        pthread_mutex_unlock(&mgr->lock);
        timer_set(c, "contacts", soon);
}

/* It answers: what waits for it goes on. */
static bool
resume(Component *c, const DistPoint *point, GError **error)
{
        g_autofree char *name = g_strdup_printf("%" G_GINT64_FORMAT ".DP", point->id);
        gint64 hours = settings_int(host_settings(c->host), "distmgr.configure_hours");

        if (point->configured_us == 0 || point->failures > 0)
                uk_log("Distribution point %s is configured", point->nal);
        if (point->configured_us == 0)
                tell_others(c);
        plan(c, point->id, uk_clock_now() + hours * UK_HOUR, 0);
        return distmgr_tell_transfer(c, name, error) && distmgr_requeue_remote(c, point, error);
}

/* The one on this machine is served from the site's own library: nobody is asked, the room is
 * looked at here. */
static bool
look_at_own(Component *c, const DistPoint *point, GError **error)
{
        Library *library = contentlibrary_of(c->host, error);
        DpAnswer answer = { .software = (char *)UPKEEP_VERSION };

        return library != NULL &&
               library_space(library, &answer.bytes_free, &answer.bytes_total, error) &&
               keep_answer(c, point, &answer, uk_clock_now(), error) && resume(c, point, error);
}

static bool
configure(Component *c, const DistPoint *point, GError **error)
{
        if (point->is_colocated)
                return look_at_own(c, point, error);
        g_autofree char *mp = management_point(c, error);
        g_autofree char *body = mp != NULL ? write_configuration(c, point, mp, error) : NULL;
        DpClient client = distmgr_client(c, point);
        g_auto(DpAnswer) answer = { 0 };
        g_autoptr(GError) failure = NULL;
        gint64 asked = uk_clock_now();

        if (body == NULL || !tell_of_none(c, mp, error))
                return false;
        if (dpclient_configure(&client, body, &answer, &failure))
                return keep_answer(c, point, &answer, asked, error) && resume(c, point, error);
        if (host_stopping(c->host))
                return true;
        uk_warn("Distribution point %s cannot be configured: %s", point->nal, failure->message);
        return dpcontact_failed(c, point->id, failure->message, error);
}

bool
distmgr_configure(Component *c, const char *dp_id, GError **error)
{
        DistMgr *mgr = c->state;
        gint64 id = g_ascii_strtoll(dp_id, NULL, 10);
        g_autoptr(GError) failure = NULL;
        g_autoptr(DistPoint) point = distpoint_load(c->db, id, &failure);

        distmgr_take_trace("");
        if (point != NULL)
                return configure(c, point, error);
        if (!g_error_matches(failure, UK_ERROR, UK_ERROR_NOT_FOUND)) {
                g_propagate_error(error, g_steal_pointer(&failure));
                return false;
        }
        pthread_mutex_lock(&mgr->lock);
        g_hash_table_remove(mgr->contacts, &id);
        pthread_mutex_unlock(&mgr->lock);
        return true;
}
