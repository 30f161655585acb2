/* dpprov.c - the SMS DP Provider: the site server's requests to a distribution point.
 *
 * docs/distribution-point.md is the interface. Who may ask is dpprov_caller.c's.
 */
#include "dp/dp_private.h"

#define KEY_BITS      3072
#define MAX_CONFIGURE (1024 * 1024)

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

bool
dp_colocated(const Dp *dp)
{
        return dp->colocated;
}

static void
dp_free(Dp *dp)
{
        if (dp == NULL)
                return;
        dpprov_caller_free(dp->caller);
        sign_key_free(dp->key);
        g_free(dp);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Dp, dp_free)

static bool
start(Component *c, GError **error)
{
        UK_DOING(error, "starting the SMS DP Provider");
        g_autoptr(Dp) dp = g_new0(Dp, 1);
        g_autofree char *key_path = g_build_filename(host_state_dir(c->host), "dp", NULL);

        dp->host = c->host;
        dp->colocated = settings_bool(host_settings(c->host), "dp.colocated");
        dp->key = sign_key_load_or_make(key_path, host_machine(c->host), KEY_BITS, error);
        if (dp->key == NULL || !distributionpoint_ensure(c->db, error))
                return false;
        dp->caller = dpprov_caller_new(c->host, error);
        if (dp->caller == NULL)
                return false;
        c->state = g_steal_pointer(&dp);
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
        },
        .start = start,
        .stop = stop,
};
