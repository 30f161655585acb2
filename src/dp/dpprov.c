/* dpprov.c - the SMS DP Provider: the site server's requests to a distribution point.
 *
 * docs/distribution-point.md is the interface. Who may ask is dpprov_caller.c's.
 */
#include "base/clock.h"
#include "base/io.h"
#include "dp/dp_private.h"
#include "host/timer.h"
#include "wire/pullnotice.h"

#define MAX_CONFIGURE (1024 * 1024)
#define MAX_SMALL     (64 * 1024)
#define IDLE_AFTER    (10 * UK_MINUTE)

Dp *
dp_of(const Component *c)
{
        return host_component_state(c->host, DP_PROVIDER);
}

const SignKey *
dp_key(const Dp *dp)
{
        return dp->key;
}

UkLog *
dp_log(const Dp *dp)
{
        return dp->log;
}

bool
dp_colocated(const Dp *dp)
{
        return dp->colocated;
}

/* Of a site server the library is there once upkeep-site has begun it. */
static Library *
open_library(Dp *dp, GError **error)
{
        g_autofree char *root = g_build_filename(host_root(dp->host), LIBRARY_FOLDER, NULL);
        g_autoptr(GError) why = NULL;
        Library *library = library_open(root, !dp->colocated, &why);

        if (library != NULL)
                return library;
        if (dp->colocated && g_error_matches(why, UK_ERROR, UK_ERROR_NOT_FOUND))
                uk_fail(error, UK_ERROR_NOT_YET, "the site server has no content library yet");
        else
                g_propagate_error(error, g_steal_pointer(&why));
        return NULL;
}

Library *
dp_library(Dp *dp, GError **error)
{
        if (dp == NULL) {
                uk_fail(error, UK_ERROR_BUSY, "the SMS DP Provider has not started");
                return NULL;
        }
        pthread_mutex_lock(&dp->lock);
        if (dp->library == NULL)
                dp->library = open_library(dp, error);
        pthread_mutex_unlock(&dp->lock);
        return dp->library;
}

static pthread_mutex_t *
settling(Dp *dp, const char *package_id)
{
        return &dp->settling[g_str_hash(package_id) % DP_SETTLE_LOCKS];
}

void
dp_settle_begin(Dp *dp, const char *package_id)
{
        pthread_mutex_lock(settling(dp, package_id));
}

void
dp_settle_end(Dp *dp, const char *package_id)
{
        pthread_mutex_unlock(settling(dp, package_id));
}

static void
dp_free(Dp *dp)
{
        if (dp == NULL)
                return;
        dpprov_caller_free(dp->caller);
        incoming_set_free(dp->incoming);
        library_free(dp->library);
        for (guint i = 0; i < DP_SETTLE_LOCKS; i++)
                pthread_mutex_destroy(&dp->settling[i]);
        pthread_mutex_destroy(&dp->bundles);
        pthread_mutex_destroy(&dp->lock);
        sign_key_free(dp->key);
        g_free(dp);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Dp, dp_free)

static bool
make_folders(Dp *dp, GError **error)
{
        g_autofree char *orders = g_build_filename(host_state_dir(dp->host), "orders", NULL);
        g_autofree char *staging = g_build_filename(host_state_dir(dp->host), "staging", NULL);

        dp->incoming = incoming_set_new(orders, staging);
        return uk_io_mkdirs(orders, 0750, error) && uk_io_mkdirs(staging, 0750, error);
}

static bool
start(Component *c, GError **error)
{
        UK_DOING(error, "starting the SMS DP Provider");
        g_autoptr(Dp) dp = g_new0(Dp, 1);
        g_autofree char *key_path = g_build_filename(host_state_dir(c->host), "dp", NULL);

        dp->host = c->host;
        dp->log = uk_log_bound();
        for (guint i = 0; i < DP_SETTLE_LOCKS; i++)
                pthread_mutex_init(&dp->settling[i], NULL);
        pthread_mutex_init(&dp->bundles, NULL);
        pthread_mutex_init(&dp->lock, NULL);
        dp->colocated = settings_bool(host_settings(c->host), "dp.colocated");
        dp->key = sign_key_load_or_make(
                key_path, host_machine(c->host),
                (unsigned)settings_int(host_settings(c->host), "host.key_bits"), error);
        if (dp->key == NULL || !distributionpoint_ensure(c->db, error) ||
            !make_folders(dp, error) || !incoming_sweep(dp->incoming, c->db, error))
                return false;
        dp->caller = dpprov_caller_new(c->host, error);
        if (dp->caller == NULL || (!dp->colocated && dp_library(dp, error) == NULL))
                return false;
        c->state = g_steal_pointer(&dp);
        return true;
}

/* Orders that nobody goes on with are let go from memory; their rows and files stay. */
static bool
on_idle(Component *c, GError **error)
{
        incoming_let_go(dp_of(c)->incoming, uk_clock_mono() - IDLE_AFTER);
        timer_set(c, "idle", uk_clock_now() + IDLE_AFTER);
        return true;
}

static void
stop(Component *c)
{
        dp_free(c->state);
}

const ComponentDef dpprov = {
        .name = DP_PROVIDER,
        .log = "SMSDPProv.log",
        .log_form = UK_LOG_SERVER,
        .log_nameless = true,
        .what = "takes content and notifications from the site server",
        .routes = {
                { "POST", "/SMS_DP$/configure", CALLER_SITE, MAX_CONFIGURE, dpprov_on_configure },
                { "POST", "/SMS_DP$/order", CALLER_SITE, BUNDLE_MAX_BYTES, dpprov_on_order },
                { "POST", "/SMS_DP$/order/*", CALLER_SITE, DPPROV_MAX_END, dpprov_on_commit },
                { "PUT", "/SMS_DP$/*", CALLER_SITE, DPPROV_MAX_PUT, dpprov_on_put },
                { "POST", "/SMS_DP$/remove", CALLER_SITE, MAX_SMALL, dpprov_on_remove },
                { "POST", "/SMS_DP$/notify", CALLER_SITE, PULLNOTICE_MAX_BYTES, dpprov_on_notify },
                { "POST", "/SMS_DP$/pause", CALLER_SITE, MAX_SMALL, dpprov_on_pause },
                { "POST", "/SMS_DP$/cancel", CALLER_SITE, MAX_SMALL, dpprov_on_cancel },
                { "GET", "/SMS_DP$/package", CALLER_SITE, 0, dpprov_on_package },
                { "GET", "/SMS_DP$/packages", CALLER_SITE, 0, dpprov_on_packages },
        },
        .timers = { { "main", "idle", on_idle, true } },
        .start = start,
        .stop = stop,
};
