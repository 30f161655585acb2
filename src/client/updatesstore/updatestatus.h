/* updatestatus.h - the rows of the updates store: CCM_UpdateStatus and its packages.
 */
#pragma once

#include "client/wuagent/results.h"
#include "client/work.h"

/* What is remembered of an update between two scans. */
typedef struct {
        char *id;
        gint64 revision;
        gint64 reported_state; /* state ID last raised; 0 none */
        char *digest;          /* of the row, by which a change is known */
        bool seen;             /* by the present scan; not stored */
} UpdateStatus;

void updatestatus_free(UpdateStatus *status);

/* All rows, by ID. The caller owns the table. */
GHashTable *updatestatus_load_all(Db *db, GError **error) UK_MUST_USE;
/* Writes the row of an update and its packages. sources: update source and content version. */
bool updatestatus_put(Work *work, const ResultUpdate *update, const char *sources, gint64 scan_us,
                      gint64 reported_state, const char *digest, GError **error) UK_MUST_USE;
bool updatestatus_remove(Work *work, const char *id, GError **error) UK_MUST_USE;
/* The scan has seen all rows that are left. */
bool updatestatus_set_scanned(Work *work, const char *sources, gint64 scan_us,
                              GError **error) UK_MUST_USE;
/* The digest of what the site must hold (wire/scansummary.h); the caller's. */
char *updatestatus_digest(Db *db, GError **error) UK_MUST_USE;
