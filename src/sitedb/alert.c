/* alert.c - alerts: raised, cancelled, listed. */
#include "sitedb/alert.h"

#include "base/clock.h"
#include "sitedb/alert.sql.h"

static const DbField fields[] = {
        DB_FIELD(INT, Alert, id, "AlertID"),
        DB_FIELD(TEXT, Alert, name, "AlertName"),
        DB_FIELD(TEXT, Alert, site, "SiteCode"),
        DB_FIELD(TEXT, Alert, object, "ObjectID"),
        DB_FIELD(INT, Alert, severity, "Severity"),
        DB_FIELD(INT, Alert, state, "AlertState"),
        DB_FIELD(TIME, Alert, state_us, "StateTime"),
        DB_FIELD(TEXT, Alert, description, "Description"),
        DB_FIELD(INT, Alert, occurrences, "OccurrenceCount"),
        DB_FIELD(TEXT, Alert, cause, "Cause"),
        DB_FIELD(TEXT, Alert, trace, "Trace"),
        DB_FIELD_END,
};

void
alert_free(Alert *alert)
{
        if (alert == NULL)
                return;
        g_free(alert->name);
        g_free(alert->site);
        g_free(alert->object);
        g_free(alert->description);
        g_free(alert->cause);
        g_free(alert->trace);
        g_free(alert);
}

bool
alert_raise(DbTx *tx, const char *name, const char *site, const char *object,
            AlertSeverity severity, const char *description, const char *cause, GError **error)
{
        return db_run(tx, &sql_alert_raise,
                      DB_ARGS(DB_TEXT("name", name), DB_TEXT("site", site),
                              DB_TEXT("object", object), DB_INT("severity", severity),
                              DB_TIME("now", uk_clock_now()), DB_TEXT("description", description),
                              DB_TEXT("cause", cause), DB_TEXT("trace", db_tx_trace(tx))),
                      error);
}

bool
alert_cancel(DbTx *tx, const char *name, const char *site, const char *object, const char *cause,
             GError **error)
{
        return db_run(tx, &sql_alert_cancel,
                      DB_ARGS(DB_TEXT("name", name), DB_TEXT("site", site),
                              DB_TEXT("object", object), DB_TIME("now", uk_clock_now()),
                              DB_TEXT("cause", cause), DB_TEXT("trace", db_tx_trace(tx))),
                      error);
}

GPtrArray *
alert_list(Db *db, GError **error)
{
        return db_list(db, &sql_alert_list, DB_NO_ARGS, fields, sizeof(Alert),
                       (GDestroyNotify)alert_free, error);
}
