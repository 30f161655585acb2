/* engine.c - the update engine's synchronization: starts it, watches it, tells those who follow.
 *
 * A run that was asked for is a mark in the role's state until it has ended, so that a killed
 * update point goes on with it (downloads that are whole are kept by upstream). Whoever follows
 * gets the status when it changes, at the latest after FOLLOW_TIME.
 */
#include "sup/engine.h"

#include <pthread.h>
#include <string.h>

#include "base/clock.h"
#include "base/guid.h"
#include "base/log.h"
#include "sup/upstream/upstream.h"

#define FOLLOW_TIME (5 * UK_SECOND)
#define MARK        "engine.run"
/* How often the run of the mark was gone on with after the program had ended unasked. */
#define RESUMES     "engine.resumes"
#define RESUMES_MAX 3
#define SPOOL       "spool"
/* "<epoch> <change number>" of the catalogue after the last start or run. */
#define SEEN "engine.catalogue"

/* A request that waits for the status to change. */
typedef struct {
        HttpRequest *request;
        gint64 seen, until_us;
} Follower;

struct Engine {
        Host *host;
        pthread_mutex_t lock; /* guards all below */
        SupStatus *status;
        GArray *followers; /* of Follower */
        AdminFresh *fresh; /* sealed; or NULL */
};

Engine *
engine_new(Host *host)
{
        Engine *engine = g_new0(Engine, 1);

        engine->host = host;
        engine->status = supadmin_status_new();
        engine->status->number = uk_clock_now() / 1000; /* above those of an earlier life */
        engine->followers = g_array_new(FALSE, FALSE, sizeof(Follower));
        pthread_mutex_init(&engine->lock, NULL);
        return engine;
}

static void
answer(HttpRequest *request_take, const char *json)
{
        http_answer(request_take, 200, "application/json", json, strlen(json));
}

/* With the lock held: answers the followers that have waited long enough, or, once the status is
 * another than they have seen, all of them. */
static void
answer_followers(Engine *engine, gint64 now_us)
{
        g_autofree char *json = NULL;

        for (guint i = engine->followers->len; i > 0; i--) {
                Follower *f = &g_array_index(engine->followers, Follower, i - 1);

                if (f->seen == engine->status->number &&
                    uk_clock_due(f->until_us, FOLLOW_TIME, now_us) > now_us)
                        continue;
                if (json == NULL)
                        json = supadmin_status_write(engine->status);
                answer(f->request, json);
                g_array_remove_index_fast(engine->followers, i - 1);
        }
}

void
engine_free(Engine *engine)
{
        if (engine == NULL)
                return;
        answer_followers(engine, UK_NEVER);
        g_array_unref(engine->followers);
        admin_fresh_free(engine->fresh);
        supadmin_status_free(engine->status);
        pthread_mutex_destroy(&engine->lock);
        g_free(engine);
}

/* With the lock held: the status is another one now. */
static void
changed(Engine *engine)
{
        engine->status->number++;
        answer_followers(engine, uk_clock_now());
}

static void
set_text(char **text, const char *value)
{
        g_free(*text);
        *text = g_strdup(value != NULL ? value : "");
}

bool
engine_request(Engine *engine, bool *started_out, GError **error)
{
        g_autofree char *run = uk_guid_new();

        pthread_mutex_lock(&engine->lock);
        bool going_on = engine->status->state == SUP_RUNNING;
        bool marked = going_on || host_mark_set(engine->host, MARK, run, error);

        if (marked && !going_on) {
                SupStatus *status = engine->status;

                status->state = SUP_RUNNING;
                status->phase = SUP_PHASE_NONE;
                status->result = SUP_RESULT_NONE;
                status->done = status->total = status->items = 0;
                status->readable = false;
                status->started_us = uk_clock_now();
                status->ended_us = 0;
                set_text(&status->run, run);
                set_text(&status->place, "");
                set_text(&status->error, "");
                changed(engine);
        }
        pthread_mutex_unlock(&engine->lock);
        *started_out = marked && !going_on;
        return marked;
}

char *
engine_status(Engine *engine, gint64 *number_out)
{
        pthread_mutex_lock(&engine->lock);
        char *json = supadmin_status_write(engine->status);

        *number_out = engine->status->number;
        pthread_mutex_unlock(&engine->lock);
        return json;
}

void
engine_follow(Engine *engine, gint64 seen, HttpRequest *request_take)
{
        Follower follower = { request_take, seen, uk_clock_now() + FOLLOW_TIME };

        pthread_mutex_lock(&engine->lock);
        g_array_append_val(engine->followers, follower);
        if (seen != engine->status->number)
                answer_followers(engine, uk_clock_now());
        pthread_mutex_unlock(&engine->lock);
}

gint64
engine_expire(Engine *engine, gint64 now_us)
{
        gint64 next = UK_NEVER;

        pthread_mutex_lock(&engine->lock);
        answer_followers(engine, now_us);
        for (guint i = 0; i < engine->followers->len; i++)
                next = MIN(next, g_array_index(engine->followers, Follower, i).until_us);
        pthread_mutex_unlock(&engine->lock);
        return next;
}

AdminFresh *
engine_fresh(Engine *engine)
{
        pthread_mutex_lock(&engine->lock);
        AdminFresh *copy = admin_fresh_copy(engine->fresh);

        pthread_mutex_unlock(&engine->lock);
        return copy;
}

/* ---- the run ---- */

static void
set_fresh(Engine *engine, AdminFresh *fresh_take)
{
        pthread_mutex_lock(&engine->lock);
        admin_fresh_free(engine->fresh);
        engine->fresh = fresh_take;
        pthread_mutex_unlock(&engine->lock);
}

/* What takes the lines of the updates if the catalogue is empty; else, or on failure, NULL: then
 * they are read from the catalogue when somebody asks. */
static AdminFresh *
begin_fresh(Engine *engine, Db *db)
{
        g_autoptr(CatalogState) state = catalog_state(db, NULL);

        set_fresh(engine, NULL);
        if (state == NULL || state->change != 0)
                return NULL;
        return admin_fresh_new(host_state_dir(engine->host), db, NULL);
}

static SupPhase
phase_of(UpstreamPhase phase)
{
        return phase == UPSTREAM_CATEGORIES ? SUP_PHASE_CATEGORIES : SUP_PHASE_UPDATES;
}

/* How far the upstream is; a whole per cent or a new phase is news for those who follow. */
static bool
on_progress(gpointer user, const UpstreamProgress *progress)
{
        Engine *engine = user;
        SupStatus *status = engine->status;

        pthread_mutex_lock(&engine->lock);
        gint64 total = MAX(progress->total, 1);
        gint64 before = status->done * 100 / MAX(status->total, 1);
        bool news = status->phase != phase_of(progress->phase) ||
                    before != (gint64)progress->done * 100 / total;

        status->phase = phase_of(progress->phase);
        status->done = progress->done;
        status->total = progress->total;
        if (news)
                changed(engine);
        pthread_mutex_unlock(&engine->lock);
        return !host_stopping(engine->host);
}

static void
event(int id, const char *type, const char *text)
{
        uk_log_engine(g_str_equal(type, "Error") ? "Error" : "Info", "WsusService",
                      "EventLogEventReporter.ReportEvent",
                      "EventId=%d,Type=%s,Category=Synchronization,Message=%s", id, type, text);
}

/* The run is over: nobody goes on with it. */
static bool
clear_marks(Engine *engine, GError **error)
{
        return host_mark_set(engine->host, MARK, "", error) &&
               host_mark_set(engine->host, RESUMES, "", error);
}

bool
engine_resume(Engine *engine, bool *resume_out, GError **error)
{
        g_autofree char *run = host_mark_get(engine->host, MARK);
        g_autofree char *mark = host_mark_get(engine->host, RESUMES);
        int resumes = mark != NULL ? (int)g_ascii_strtoll(mark, NULL, 10) : 0;

        *resume_out = run != NULL && run[0] != '\0' && resumes < RESUMES_MAX;
        if (*resume_out) {
                g_autofree char *count = g_strdup_printf("%d", resumes + 1);

                return host_mark_set(engine->host, RESUMES, count, error);
        }
        if (run == NULL || run[0] == '\0')
                return true;
        event(386, "Error",
              "Synchronization failed. Reason: the update point ended in the middle of it each "
              "time that it went on with it; it waits for the next request now.");
        return clear_marks(engine, error);
}

static bool
note_catalogue(Engine *engine, const CatalogState *state, GError **error)
{
        g_autofree char *held = host_mark_get(engine->host, SEEN);
        g_autofree char *seen =
                g_strdup_printf("%s %" G_GINT64_FORMAT, state->epoch, state->change);

        return g_strcmp0(seen, held) == 0 || host_mark_set(engine->host, SEEN, seen, error);
}

/* Whether it is the catalogue of the last start or run, not an earlier state of it. After a restore
 * of the site it is that one under a new name. */
static bool
is_the_one_seen(const CatalogState *state, const char *seen)
{
        const char *number = seen != NULL ? strchr(seen, ' ') : NULL;

        if (number == NULL)
                return true;
        if (g_str_has_prefix(seen, state->epoch))
                return g_ascii_strtoll(number, NULL, 10) <= state->change;
        return state->former_epoch[0] != '\0' && g_str_has_prefix(seen, state->former_epoch);
}

bool
engine_check_catalogue(Engine *engine, Db *db, GError **error)
{
        g_autoptr(CatalogState) state = catalog_state(db, error);
        g_autofree char *seen = host_mark_get(engine->host, SEEN);

        if (state == NULL)
                return false;
        if (!is_the_one_seen(state, seen)) {
                uk_log_engine("Warning", "WsusService", "CatalogSyncAgent.CheckCatalogue",
                              "The catalogue is not the one of the last stop, or an older state of "
                              "it: whoever knows that one reads it anew, and no client is answered "
                              "until a synchronization has ended");
                g_clear_pointer(&state, catalog_state_free);
                state = catalog_distrust(db, error) ? catalog_state(db, error) : NULL;
        }
        return state != NULL && note_catalogue(engine, state, error);
}

/* With the lock held. */
static void
end_failed(Engine *engine, const GError *why)
{
        SupStatus *status = engine->status;

        status->state = SUP_IDLE;
        status->phase = SUP_PHASE_NONE;
        status->result = SUP_RESULT_FAILED;
        status->ended_us = uk_clock_now();
        set_text(&status->place, "CatalogSyncAgent");
        set_text(&status->error, why->message);
        changed(engine);
}

void
engine_withdraw(Engine *engine, const GError *why)
{
        g_autoptr(GError) ignored = NULL;

        if (!clear_marks(engine, &ignored))
                uk_warn("After a restart a synchronization may run that failed to start: %s",
                        ignored->message);
        pthread_mutex_lock(&engine->lock);
        end_failed(engine, why);
        pthread_mutex_unlock(&engine->lock);
}

static void
source_free(gpointer source)
{
        supadmin_source_free(source);
}

/* The sources as the run left them, with the age of what is served. */
static GPtrArray *
sources_of(Db *db, GError **error)
{
        g_autoptr(GPtrArray) suites = catalog_suites(db, error);

        if (suites == NULL)
                return NULL;
        GPtrArray *sources = g_ptr_array_new_with_free_func(source_free);

        for (guint i = 0; i < suites->len; i++) {
                const CatalogSuite *suite = g_ptr_array_index(suites, i);
                SupSource *source = g_new0(SupSource, 1);

                source->name = g_strdup_printf("%s %s", suite->uri, suite->suite);
                source->failed = suite->failed != 0;
                source->error = g_strdup(suite->failed != 0 ? suite->failure : "");
                source->as_of_us = suite->date;
                g_ptr_array_add(sources, source);
        }
        return sources;
}

/* What the log says of single sources and of what was passed over. */
static void
say_result(const UpstreamResult *result)
{
        for (guint i = 0; i < result->suites->len; i++) {
                const UpstreamSuite *suite = g_ptr_array_index(result->suites, i);

                if (suite->outcome == UPSTREAM_SUITE_FAILED)
                        uk_log_engine("Error", "WsusService", "CatalogSyncAgent.SynchronizeSource",
                                      "%s %s: %s", suite->uri, suite->suite, suite->failure);
        }
        for (guint i = 0; i < result->problems->len; i++)
                uk_log_engine("Warning", "WsusService", "CatalogSyncAgent.SynchronizeSource", "%s",
                              (const char *)g_ptr_array_index(result->problems, i));
}

/* Stores the outcome, first of all that no run is wanted any more. */
static bool
end_run(Engine *engine, Db *db, const UpstreamResult *result, const GError *why, GError **error)
{
        g_autoptr(CatalogState) state = catalog_state(db, error);
        g_autoptr(GPtrArray) sources = state != NULL ? sources_of(db, error) : NULL;

        if (sources == NULL || !note_catalogue(engine, state, error) || !clear_marks(engine, error))
                return false;
        const CatalogRunResult *run = &result->catalog;

        pthread_mutex_lock(&engine->lock);
        SupStatus *status = engine->status;

        g_ptr_array_unref(status->sources);
        status->sources = g_steal_pointer(&sources);
        status->state = SUP_IDLE;
        status->phase = SUP_PHASE_NONE;
        status->result = why != NULL          ? SUP_RESULT_FAILED
                         : result->failed > 0 ? SUP_RESULT_PARTLY
                                              : SUP_RESULT_SUCCEEDED;
        status->items = (gint64)run->added + run->revised + run->moved + run->expired;
        status->anchor = state->change;
        set_text(&status->epoch, state->epoch);
        status->readable = why == NULL;
        status->ended_us = uk_clock_now();
        set_text(&status->place, why != NULL ? "CatalogSyncAgent" : "");
        set_text(&status->error, why != NULL ? why->message : "");
        changed(engine);
        pthread_mutex_unlock(&engine->lock);
        return true;
}

bool
engine_run(Engine *engine, Component *c, GError **error)
{
        g_autofree char *root = settings_text(host_settings(c->host), "upstream.root");
        g_autofree char *spool = g_build_filename(host_state_dir(c->host), SPOOL, NULL);
        g_auto(UpstreamResult) result = { 0 };
        g_autoptr(GError) why = NULL;
        g_autoptr(AdminFresh) fresh = begin_fresh(engine, c->db);
        UpstreamOptions options = { .root = root[0] != '\0' ? root : "/",
                                    .spool = spool,
                                    .http = c->http,
                                    .stall_seconds = (unsigned)settings_int(
                                            host_settings(c->host), "upstream.stall_seconds"),
                                    .progress = on_progress,
                                    .user = engine,
                                    .added = fresh != NULL ? admin_fresh_add : NULL,
                                    .added_user = fresh };

        event(382, "Information", "A manual synchronization was started.");
        bool done = upstream_debian.synchronize(c->db, &options, &result, &why);

        /* Stopped in the middle: the mark stays, and the next start goes on with it. */
        if (!done && host_stopping(c->host))
                return host_mark_set(c->host, RESUMES, "", error);
        say_result(&result);
        if (done && fresh != NULL && admin_fresh_seal(fresh, result.catalog.change, NULL))
                set_fresh(engine, g_steal_pointer(&fresh));
        if (!end_run(engine, c->db, &result, done ? NULL : why, error))
                return false;
        if (!done) {
                g_autofree char *text =
                        g_strdup_printf("Synchronization failed. Reason: %s.", why->message);

                event(386, "Error", text);
                return true;
        }
        event(384, "Information", "Synchronization completed successfully.");
        uk_log_engine("Info", "WsusService", "CatalogSyncAgent.SetSubscriptionStateWithRetry",
                      "Firing event SyncFinish...");
        return true;
}

bool
engine_load(Engine *engine, Db *db, GError **error)
{
        g_autoptr(CatalogState) state = catalog_state(db, error);
        GPtrArray *sources = state != NULL ? sources_of(db, error) : NULL;

        if (sources == NULL)
                return false;
        g_ptr_array_unref(engine->status->sources);
        engine->status->sources = sources;
        engine->status->anchor = state->change;
        set_text(&engine->status->epoch, state->epoch);
        engine->status->readable = state->last_good != 0;
        return true;
}
