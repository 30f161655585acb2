/* scanstatus.h - scans of machines (topic 501): the newest state, and what the last completed scan
 * said. One row a machine and update source.
 */
#pragma once

#include "db/db.h"

#define SCANSTATUS_COMPLETED 3

typedef struct {
        gint64 state; /* 0 unknown, 1 waiting, 2 running, 3 completed, 4 retry, 5 failed, 6 errors
                       */
        gint64 state_us, serial; /* of the message */
        gint64 error_code;
        gint64 package_version; /* content version as the machine names it */
        /* Of the last completed scan: */
        gint64 scan_us;           /* 0: none */
        gint64 completed_version; /* what it saw, as far as this database knows it */
        gint64 version;           /* that, or 0 while states of the machine are lost: what counts */
        char *location;           /* URL of the update point */
        gint64 missing, installed, not_applicable;
        char *digest;     /* of what the site must hold, "" if it did not say */
        gint64 resync_us; /* since when a full resend is asked for, 0: not */
        gint64 cause_id;
} ScanStatus;

void scanstatus_free(ScanStatus *scan);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(ScanStatus, scanstatus_free)

/* The row of a machine and source; an empty one if there is none. The caller frees it. */
ScanStatus *
scanstatus_load(Db *db, gint64 machine_id, gint64 source_id, GError **error) UK_MUST_USE;
/* What decides whether states count, for every message: the version that counts, and whether a full
 * resend is asked for; 0 and false if there is no row. */
bool scanstatus_version(Db *db, gint64 machine_id, gint64 source_id, gint64 *version_out,
                        bool *resync_out, GError **error) UK_MUST_USE;

typedef struct {
        gint64 source_id, version;
} ScanVersion;

/* The versions of all sources of a machine. The caller owns the array of ScanVersion. */
GArray *scanstatus_versions(Db *db, gint64 machine_id, GError **error) UK_MUST_USE;
bool scanstatus_put(DbTx *tx, gint64 machine_id, gint64 source_id, const ScanStatus *scan,
                    GError **error) UK_MUST_USE;
/* The version that counts. */
bool scanstatus_set_version(DbTx *tx, gint64 machine_id, gint64 source_id, gint64 version,
                            GError **error) UK_MUST_USE;
/* Asks for a full resend since resync_us, or (0) no longer. */
bool scanstatus_set_resync(DbTx *tx, gint64 machine_id, gint64 source_id, gint64 resync_us,
                           GError **error) UK_MUST_USE;
/* Forgets the scans of a machine; *removed_out rows. */
bool
scanstatus_forget(DbTx *tx, gint64 machine_id, gint64 *removed_out, GError **error) UK_MUST_USE;
