/* sms_distributionpointinfo.c - SMS_DistributionPointInfo: distribution points added, set up,
 * removed; their sources, rate, schedule and maintenance.
 */
#include "provider/sms_distributionpointinfo.h"

#include <string.h>

#include "host/host.h"
#include "provider/wmi_content.h"
#include "sitedb/pulldpmap.h"
#include "sitedb/straycontent.h"
#include "sitedb/wmiclass.sql.h"

static const char *const bools[] = { "IsPullDP",    "IsActive",
                                     "IsColocated", "RateLimitsEnabled",
                                     "Maintenance", "AddressScheduleEnabled",
                                     NULL };

static void
replace(char **text, const char *with)
{
        char *copy = g_strdup(with);

        g_free(*text);
        *text = copy;
}

/* Takes what the body says over what the distribution point has. */
static void
take_properties(const WmiCall *call, DistPoint *point)
{
        const JsonValue *body = call->body;

        replace(&point->url, wmi_text(call, "Url", point->url));
        if (g_str_has_suffix(point->url, "/"))
                point->url[strlen(point->url) - 1] = '\0';
        replace(&point->description, wmi_text(call, "Description", point->description));
        replace(&point->schedule, wmi_text(call, "Schedule", point->schedule));
        point->is_pull = json_get_bool(body, "IsPullDP", point->is_pull != 0);
        point->is_colocated = json_get_bool(body, "IsColocated", point->is_colocated != 0);
        point->maintenance = json_get_bool(body, "Maintenance", point->maintenance != 0);
        point->priority = json_get_int(body, "Priority", point->priority);
        point->rate_limit = json_get_int(body, "RateLimit", point->rate_limit);
}

/* One source of {"Sources": [{"ServerName": …, "Rank": n}, …]}. */
static bool
put_source(WmiCall *call, DbTx *tx, const DistPoint *point, const JsonValue *source, GError **error)
{
        const char *name = json_get_text(source, "ServerName", "");
        g_autoptr(DistPoint) from = wmi_distpoint(db_tx_db(tx), name, error);

        if (from == NULL)
                return false;
        return pulldpmap_put(tx, point->server, from->server, json_get_int(source, "Rank", 1),
                             error);
}

/* The list replaces what there was; without one nothing changes. */
static bool
put_sources(WmiCall *call, DbTx *tx, const DistPoint *point, GError **error)
{
        const JsonValue *sources = json_get(call->body, "Sources");

        if (json_kind(sources) != 'a')
                return true;
        if (json_count(sources) > 0 && !point->is_pull)
                return uk_fail(error, UK_ERROR_INVALID,
                               "%s is no pull distribution point: only such a one has sources; to "
                               "make it one: upkeep dp set %s --pull --source NAME",
                               point->server, point->server);
        if (!pulldpmap_remove(tx, point->server, NULL, error))
                return false;
        for (gsize i = 0; i < json_count(sources); i++) {
                if (!put_source(call, tx, point, json_at(sources, i), error))
                        return false;
        }
        return true;
}

static bool
save(WmiCall *call, DbTx *tx_take, const DistPoint *point, const char *action, GError **error)
{
        g_autofree char *cause = wmi_cause(call, action);
        g_autoptr(DbTx) tx = tx_take;

        if (!distpoint_put(tx, point, cause, NULL, error) || !put_sources(call, tx, point, error) ||
            !wmi_end(call, g_steal_pointer(&tx), action, &sms_distributionpointinfo, NULL,
                     point->server, error))
                return false;
        wmi_answer(call, "ServerName", point->server);
        return true;
}

static bool
create(WmiCall *call, GError **error)
{
        g_autoptr(DistPoint) point = g_new0(DistPoint, 1);
        const char *name = json_get_text(call->body, "ServerName", "");
        g_autoptr(DbTx) tx = wmi_begin(call, error);
        g_autoptr(DistPoint) there =
                tx != NULL && *name != '\0' ? distpoint_by_server(db_tx_db(tx), name, NULL) : NULL;

        if (tx == NULL)
                return false;
        if (there != NULL)
                return uk_fail(
                        error, UK_ERROR_EXISTS,
                        "%s is a distribution point already; POST to the instance changes it",
                        there->server);
        point->server = g_strdup(name);
        point->site = g_strdup(host_site_code(call->c->host));
        take_properties(call, point);
        return save(call, g_steal_pointer(&tx), point, "created", error);
}

static bool
put(WmiCall *call, GError **error)
{
        g_autoptr(DbTx) tx = wmi_begin(call, error);
        g_autoptr(DistPoint) point =
                tx != NULL ? wmi_distpoint(db_tx_db(tx), call->key, error) : NULL;

        if (point == NULL)
                return false;
        take_properties(call, point);
        return save(call, g_steal_pointer(&tx), point, "modified", error);
}

static bool
remove_point(WmiCall *call, GError **error)
{
        g_autoptr(DbTx) tx = wmi_begin(call, error);
        g_autoptr(DistPoint) point =
                tx != NULL ? wmi_distpoint(db_tx_db(tx), call->key, error) : NULL;

        return point != NULL && distpoint_delete(tx, point->id, error) &&
               wmi_end(call, g_steal_pointer(&tx), "deleted", &sms_distributionpointinfo, NULL,
                       point->server, error);
}

static DistPoint *
point_of_body(const WmiCall *call, DbTx *tx, GError **error)
{
        return wmi_distpoint(db_tx_db(tx), json_get_text(call->body, "NALPath", ""), error);
}

/* {"NALPath": …}: it is gone for good, so that what it has is forgotten without asking it. */
static bool
force_removal(WmiCall *call, GError **error)
{
        g_autofree char *cause = wmi_cause(call, "removed by force");
        g_autoptr(DbTx) tx = wmi_begin(call, error);
        g_autoptr(DistPoint) point = tx != NULL ? point_of_body(call, tx, error) : NULL;

        return point != NULL && distpoint_abandon(tx, point->id, cause, error) &&
               distpoint_delete(tx, point->id, error) &&
               wmi_end(call, g_steal_pointer(&tx), "called", &sms_distributionpointinfo,
                       "ForceRemoval", point->server, error);
}

/* {"NALPath": …}: it takes out what it holds and this site has not given to it. */
static bool
remove_stray_content(WmiCall *call, GError **error)
{
        g_autofree char *cause = wmi_cause(call, "removed");
        g_autoptr(DbTx) tx = wmi_begin(call, error);
        g_autoptr(DistPoint) point = tx != NULL ? point_of_body(call, tx, error) : NULL;

        return point != NULL && straycontent_ask_removal(tx, point->id, cause, error) &&
               distpoint_notify(tx, point->id, error) &&
               wmi_end(call, g_steal_pointer(&tx), "called", &sms_distributionpointinfo,
                       "RemoveStrayContent", point->server, error);
}

/* {"NALPath": …, "Mode": 0 | 1}: nothing is sent to one in maintenance. */
static bool
set_maintenance(WmiCall *call, GError **error)
{
        gint64 mode = json_get_int(call->body, "Mode", -1);

        if (mode != 0 && mode != 1)
                return uk_fail(error, UK_ERROR_INVALID, "Mode: 0 (off) or 1 (on) is wanted");
        g_autofree char *cause =
                wmi_cause(call, mode == 1 ? "put into maintenance" : "taken out of maintenance");
        g_autoptr(DbTx) tx = wmi_begin(call, error);
        g_autoptr(DistPoint) point = tx != NULL ? point_of_body(call, tx, error) : NULL;

        if (point == NULL)
                return false;
        point->maintenance = mode;
        return distpoint_put(tx, point, cause, NULL, error) &&
               wmi_end(call, g_steal_pointer(&tx), "called", &sms_distributionpointinfo,
                       "SetDPMaintenanceMode", point->server, error);
}

const WmiClass sms_distributionpointinfo = {
        .name = "SMS_DistributionPointInfo",
        .list = &sql_wmiclass_distributionpointinfo,
        .key = "NALPath",
        .key_is_text = true,
        .one = &sql_wmiclass_distributionpointinfo_by_nal,
        .bools = bools,
        .methods = { { "SetDPMaintenanceMode", true, set_maintenance, "~" },
                     { "ForceRemoval", true, force_removal, "~" },
                     { "RemoveStrayContent", true, remove_stray_content, "~" } },
        .create = create,
        .put = put,
        .remove = remove_point,
};
