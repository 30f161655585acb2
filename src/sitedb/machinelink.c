/* machinelink.c - what was seen of clients at the management point. */
#include "sitedb/machinelink.h"

#include "sitedb/machinelink.sql.h"

void
machinelink_free(MachineLink *link)
{
        if (link == NULL)
                return;
        g_free(link->location_url);
        g_free(link->location_reason);
        g_free(link);
}

void
machinelink_merge(MachineLink *link, MachineLink *older_take)
{
        if (link->policy_us == 0)
                link->policy_us = older_take->policy_us;
        if (link->report_us == 0) {
                link->report_us = older_take->report_us;
                link->report_serial = older_take->report_serial;
        }
        if (link->body_us == 0) {
                link->body_us = older_take->body_us;
                link->body_version = older_take->body_version;
        }
        if (link->location_us == 0) {
                link->location_us = older_take->location_us;
                link->location_version = older_take->location_version;
                link->location_url = g_steal_pointer(&older_take->location_url);
                link->location_reason = g_steal_pointer(&older_take->location_reason);
        }
        machinelink_free(older_take);
}

static const char *
text(const char *maybe)
{
        return maybe != NULL ? maybe : "";
}

bool
machinelink_put(DbTx *tx, const MachineLink *link, GError **error)
{
        return db_run(tx, &sql_machinelink_put,
                      DB_ARGS(DB_INT("id", link->machine_id),
                              DB_TIME_OR_NULL("policy", link->policy_us),
                              DB_TIME_OR_NULL("body", link->body_us),
                              DB_INT("body_version", link->body_version),
                              DB_TIME_OR_NULL("location", link->location_us),
                              DB_INT("location_version", link->location_version),
                              DB_TEXT("url", text(link->location_url)),
                              DB_TEXT("reason", text(link->location_reason)),
                              DB_TIME_OR_NULL("report", link->report_us),
                              DB_INT("report_serial", link->report_serial)),
                      error);
}
