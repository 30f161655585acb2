/* alert.h - alerts of a site: a condition that is active until it is cancelled, one per name, site
 * and object.
 */
#pragma once

#include "db/db.h"

#define ALERT_SYNC                                                                    \
        "Synchronization" /* the synchronization alert of a site (SYNC-040, SYNC-070) \
                           */

/* The object of the same name for the sources that the last run had to leave out. */
#define ALERT_SYNC_SOURCES "sources"

typedef enum {
        ALERT_ACTIVE = 0,
        ALERT_POSTPONED = 1,
        ALERT_CANCELLED = 2,
        ALERT_NEVER_TRIGGERED = 5,
} AlertState;

typedef enum {
        ALERT_ERROR = 1,
        ALERT_WARNING = 2,
        ALERT_INFORMATION = 3,
} AlertSeverity;

typedef struct {
        gint64 id;
        char *name;
        char *site;
        char *object; /* what it is about within the site, "" for the site */
        gint64 severity;
        gint64 state;
        gint64 state_us; /* since when */
        char *description;
        gint64 occurrences; /* how often it became active */
        char *cause, *trace;
} Alert;

void alert_free(Alert *alert);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Alert, alert_free)

/* Makes the alert active; one that is active already keeps its time and gets the description. */
bool alert_raise(DbTx *tx, const char *name, const char *site, const char *object,
                 AlertSeverity severity, const char *description, const char *cause,
                 GError **error) UK_MUST_USE;
/* Sets the alert to cancelled; one that never was active is made in that state, so that the site's
 * alert can always be read. */
bool alert_cancel(DbTx *tx, const char *name, const char *site, const char *object,
                  const char *cause, GError **error) UK_MUST_USE;
/* All alerts, the active ones first, then by time, newest first. The caller owns the array. */
GPtrArray *alert_list(Db *db, GError **error) UK_MUST_USE;
