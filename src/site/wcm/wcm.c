/* wcm.c - WSUS Configuration Manager: carries the subscription from the site database to the update
 * point, when it has changed and every hour. An update point that has another catalogue than the
 * one that was synchronized last, since that was lost, answers no scan: SELF.SYN asks for a run
 * then.
 *
 * WSyncMgr sends it before each run as well (wcm_configure), so that a run never uses an older
 * choice than the administrator's last.
 */
#include "site/wcm/wcm.h"

#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "host/host.h"
#include "host/schedule.h"
#include "inbox/drop.h"
#include "site/sitekey.h"
#include "sitedb/category.h"
#include "sitedb/sitesystem.h"
#include "sitedb/syncrun.h"

/* What the component holds; all its work is done on one lane. */
typedef struct {
        SignKey *key;
        char *sent; /* the configuration that the update point took last; NULL: none yet */
} WcmState;

static void
add(GPtrArray *ids, const Category *category)
{
        const char *colon = strchr(category->unique_id, ':');

        g_ptr_array_add(ids, g_strdup(colon != NULL ? colon + 1 : category->unique_id));
}

static char **
end_list(GPtrArray *ids_take)
{
        g_ptr_array_add(ids_take, NULL);
        return (char **)g_ptr_array_free(ids_take, FALSE);
}

/* The criteria as the site database has them. */
static SupConfig *
load(Db *db, GError **error)
{
        g_autoptr(GPtrArray) categories = category_list(db, NULL, error);

        if (categories == NULL)
                return NULL;
        SupConfig *config = g_new0(SupConfig, 1);
        GPtrArray *wanted = g_ptr_array_new(), *unwanted = g_ptr_array_new();

        for (guint i = 0; i < categories->len; i++) {
                const Category *category = g_ptr_array_index(categories, i);

                if (category->allow)
                        add(category->subscribed ? wanted : unwanted, category);
        }
        config->wanted = end_list(wanted);
        config->unwanted = end_list(unwanted);
        return config;
}

bool
wcm_configure(Component *c, const SupClient *client, GError **error)
{
        UK_DOING(error, "sending the products and classifications");
        g_autoptr(SupConfig) config = load(c->db, error);

        return config != NULL && supclient_configure(client, config, error);
}

static SupClient
client_of(Component *c, const SiteSystem *sup)
{
        const WcmState *state = c->state;

        return (SupClient){ .http = c->http,
                            .key = state->key,
                            .site = host_site_code(c->host),
                            .base = sup->admin_url,
                            .server = sup->server,
                            .trace = uk_trace_get() };
}

static bool
send_config(Component *c, const SiteSystem *sup, const SupConfig *config, GError **error)
{
        SupClient client = client_of(c, sup);

        uk_log("Setting new configuration state to 1 (WSUS_CONFIG_PENDING)");
        if (!supclient_configure(&client, config, error)) {
                uk_error("Setting new configuration state to 3 (WSUS_CONFIG_FAILED)");
                return false;
        }
        uk_log("Successfully connected to server: %s, port: %" G_GINT64_FORMAT ", useSSL: %s",
               sup->server, sup->port, g_str_equal(sup->scheme, "https") ? "True" : "False");
        uk_log("Setting new configuration state to 2 (WSUS_CONFIG_SUCCESS)");
        return true;
}

/* The mark of the last synchronization is "<epoch>:<number>". */
static bool
is_of(const char *anchor, const char *epoch)
{
        gsize size = strlen(epoch);

        return strncmp(anchor, epoch, size) == 0 && anchor[size] == ':';
}

/* Asks for a synchronization where the update point's catalogue is not the one that the site knows
 * and nobody has asked yet. */
static bool
look_after_catalogue(Component *c, const SiteSystem *sup, GError **error)
{
        SupClient client = client_of(c, sup);
        g_autoptr(SyncRun) run = syncrun_load(c->db, host_site_code(c->host), error);

        if (run == NULL || run->anchor[0] == '\0' || run->running_kind != SYNCRUN_NONE ||
            run->pending_kind != SYNCRUN_NONE || run->retry_us != 0)
                return run != NULL;
        g_autoptr(SupStatus) status = supclient_status(&client, -1, error);
        if (status == NULL || status->state != SUP_IDLE || is_of(run->anchor, status->epoch))
                return status != NULL;
        g_autofree char *box = host_box_path(c->host, "WSyncMgr.box");
        uk_warn("Update point %s has another catalogue than the one that was synchronized last; a "
                "synchronization is requested.",
                sup->server);
        return inbox_drop(box, "SELF.SYN", NULL, 0, error);
}

/* Sends the configuration unless `only_new` and the update point has this very one. */
static bool
bring(Component *c, bool only_new, GError **error)
{
        WcmState *state = c->state;
        g_autoptr(GPtrArray) sups =
                sitesystem_list(c->db, host_site_code(c->host), SITESYSTEM_SUP, error);
        g_autoptr(SupConfig) config = sups != NULL ? load(c->db, error) : NULL;

        if (config == NULL)
                return false;
        g_autofree char *text = supadmin_config_write(config);

        /* Before the first synchronization nothing is known that could be chosen. */
        if (sups->len == 0 || config->wanted[0] == NULL ||
            (only_new && g_strcmp0(text, state->sent) == 0))
                return true;
        g_clear_pointer(&state->sent, g_free);
        if (!send_config(c, g_ptr_array_index(sups, 0), config, error))
                return false;
        state->sent = g_steal_pointer(&text);
        return look_after_catalogue(c, g_ptr_array_index(sups, 0), error);
}

static bool
on_commit(Component *c, GError **error)
{
        return bring(c, true, error);
}

/* Whatever became of the update point's configuration meanwhile: once an hour it is written. */
static bool
on_hour(Component *c, GError **error)
{
        gint64 minutes = settings_int(host_settings(c->host), "wcm.minutes");

        if (!bring(c, false, error))
                return false;
        timer_set(c, "hourly", uk_clock_now() + minutes * UK_MINUTE);
        return true;
}

static bool
start(Component *c, GError **error)
{
        SignKey *key = sitekey_load(c->host, host_site_code(c->host), error);

        if (key == NULL)
                return false;
        WcmState *state = g_new0(WcmState, 1);
        state->key = key;
        c->state = state;
        return true;
}

static void
stop(Component *c)
{
        WcmState *state = c->state;

        sign_key_free(state->key);
        g_free(state->sent);
        g_free(state);
}

const ComponentDef wcm = {
        .name = "SMS_WSUS_CONFIGURATION_MANAGER",
        .log = "WCM.log",
        .log_form = UK_LOG_SERVER,
        .what = "Writes the criteria of the synchronization to the update point.",
        .on_commit = on_commit,
        .timers = { { "notices", "hourly", on_hour, true } },
        .start = start,
        .stop = stop,
};
