/* admin.c - the update engine as a component: the site server's requests, and the run they start.
 *
 *   PUT  /SupAdmin/configuration     what to synchronize
 *   POST /SupAdmin/synchronization   start
 *   GET  /SupAdmin/status?seen=N     how far it is
 *   GET  /SupAdmin/changes?since=A   what changed, as a stream
 *
 * Documents are in wire/supadmin; the run is in engine.c, the stream in admin_changes.c.
 */
#include "sup/admin.h"

#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "host/host.h"
#include "host/pool.h"
#include "host/schedule.h"
#include "sup/admin_changes.h"
#include "sup/catalog/catalog.h"
#include "sup/engine.h"

#define POOL     "synchronization"
#define MAX_BODY SUPADMIN_MAX_DOCUMENT

static bool
subscribe(DbTx *tx, char *const *ids, bool wanted, GError **error)
{
        for (char *const *id = ids; *id != NULL; id++) {
                if (!catalog_subscribe(tx, *id, wanted, error))
                        return false;
        }
        return true;
}

static bool
on_configuration(Component *c, HttpRequest *request, GError **error)
{
        gsize size;
        const char *body = http_request_body(request, &size);
        g_autoptr(SupConfig) config = supadmin_config_read(body, size, error);
        g_autoptr(DbTx) tx = config != NULL ? db_begin(c->db, error) : NULL;

        if (tx == NULL || !subscribe(tx, config->wanted, true, error) ||
            !subscribe(tx, config->unwanted, false, error) ||
            !db_commit(g_steal_pointer(&tx), error))
                return false;
        uk_log_engine("Change", "w3wp", "AdminDataAccess.ExecuteSPSetConfiguration",
                      "Subscription: %u categories wanted, %u not", g_strv_length(config->wanted),
                      g_strv_length(config->unwanted));
        http_answer(request, 204, NULL, NULL, 0);
        return true;
}

static void
answer_status(Component *c, HttpRequest *request)
{
        gint64 number;
        char *json = engine_status(c->state, &number);

        http_answer_take(request, 200, "application/json", json, strlen(json));
}

/* Without a thread for it the run does not go on. */
static bool
begin_run(Component *c, GError **error)
{
        g_autoptr(GError) why = NULL;

        if (pool_add(c, POOL, "run", &why))
                return true;
        engine_withdraw(c->state, why);
        g_propagate_error(error, g_steal_pointer(&why));
        return false;
}

static bool
on_synchronization(Component *c, HttpRequest *request, GError **error)
{
        bool started;

        if (!engine_request(c->state, &started, error))
                return false;
        if (started) {
                uk_log_engine("Change", "w3wp", "AdminDataAccess.StartSubscriptionManually",
                              "Synchronization manually started");
                if (!begin_run(c, error))
                        return false;
        }
        answer_status(c, request);
        return true;
}

static bool
on_status(Component *c, HttpRequest *request, GError **error)
{
        const char *seen = http_request_query(request, "seen");

        engine_follow(c->state, seen != NULL ? g_ascii_strtoll(seen, NULL, 10) : -1, request);
        timer_set(c, "follow", uk_clock_now());
        return true;
}

static bool
on_changes(Component *c, HttpRequest *request, GError **error)
{
        const char *since = http_request_query(request, "since");
        g_autoptr(AdminFresh) fresh = engine_fresh(c->state);

        return admin_changes_answer(
                c, request, since != NULL ? g_ascii_strtoll(since, NULL, 10) : 0, fresh, error);
}

static bool
on_follow_time(Component *c, GError **error)
{
        timer_set(c, "follow", engine_expire(c->state, uk_clock_now()));
        return true;
}

static bool
on_run(Component *c, const char *key, GError **error)
{
        db_begin_bulk(c->db);
        bool done = engine_run(c->state, c, error);

        db_end_bulk(c->db);
        return done;
}

/* A run that the last stop cut short goes on. */
static bool
on_start(Component *c, GError **error)
{
        bool started, resume;

        if (!engine_resume(c->state, &resume, error))
                return false;
        if (!resume)
                return true;
        uk_log_engine("Info", "WsusService", "CatalogSyncAgent.WakeUpWorkerThreadProc",
                      "Going on with the synchronization that the last stop cut short");
        return engine_request(c->state, &started, error) && begin_run(c, error);
}

static bool
start(Component *c, GError **error)
{
        Engine *engine = engine_new(c->host);

        if (!catalog_prepare(c->db, error) || !engine_check_catalogue(engine, c->db, error) ||
            !engine_load(engine, c->db, error)) {
                engine_free(engine);
                return false;
        }
        c->state = engine;
        return true;
}

static void
stop(Component *c)
{
        engine_free(c->state);
}

const ComponentDef sup_engine = {
        .name = "WsusService",
        .log = "SoftwareDistribution.log",
        .log_form = UK_LOG_ENGINE,
        .what = "The update engine: fetches the catalogue and serves it to the site server.",
        .pools = { { POOL, "sup.synchronizations", on_run } },
        .routes = { { "PUT", "/SupAdmin/configuration", CALLER_SITE, MAX_BODY, on_configuration },
                    { "POST", "/SupAdmin/synchronization", CALLER_SITE, MAX_BODY,
                      on_synchronization },
                    { "GET", "/SupAdmin/status", CALLER_SITE, 0, on_status },
                    { "GET", "/SupAdmin/changes", CALLER_SITE, 0, on_changes } },
        .timers = { { "follow", "follow", on_follow_time, false },
                    { "follow", "start", on_start, true } },
        .start = start,
        .stop = stop,
};
