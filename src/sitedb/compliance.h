/* compliance.h - what each machine said of each update (topic 500), and the packages that make an
 * update missing. The summary is not touched here (summary.h).
 */
#pragma once

#include "db/db.h"

/* What is known of an update when a state of it comes in. */
typedef struct {
        gint64 ci_id;
        gint64 source_id;
        gint64 min_version; /* content version that brought it or its rules */
} ComplianceUpdate;

/* The update of a GUID (36 characters, lower case); *found_out false: not known here (yet). */
bool compliance_find_update(Db *db, const char *guid, ComplianceUpdate *update_out, bool *found_out,
                            GError **error) UK_MUST_USE;

typedef struct {
        gint64 machine_id;
        gint64 ci_id;
        int status; /* 0 unknown, 1 not required, 2 missing, 3 installed */
        gint64 revision;
        gint64 time_us;
        gint64 serial;
        gint64 cause_id; /* the report */
} ComplianceState;

/* What is stored for the same machine and update, and whether `state` is newer: by the time of the
 * message, then by its serial number (COMP-071); by that alone where one of the two times is still
 * to come, since then a clock was wrong. */
typedef struct {
        bool found;
        gint64 status;
        gint64 newer;
} ComplianceStored;

bool compliance_compare(Db *db, const ComplianceState *state, gint64 now_us,
                        ComplianceStored *stored_out, GError **error) UK_MUST_USE;
/* Stores the state in place of what is there. */
bool compliance_put(DbTx *tx, const ComplianceState *state, GError **error) UK_MUST_USE;

typedef struct {
        const char *name, *architecture;
        const char *installed, *available; /* versions */
        bool held;
} CompliancePackage;

bool compliance_add_package(DbTx *tx, gint64 machine_id, gint64 ci_id,
                            const CompliancePackage *package, GError **error) UK_MUST_USE;
/* Removes the packages of an update that is not missing any more. */
bool
compliance_drop_packages(DbTx *tx, gint64 machine_id, gint64 ci_id, GError **error) UK_MUST_USE;

/* A state that begins or ceases to count when the machine's scans change. */
typedef struct {
        gint64 ci_id;
        gint64 status;
} ComplianceCounting;

/* The states of a machine for updates of a source whose rules came with a version above `above` and
 * up to `upto`; not those that say "not required". The caller owns the array of
 * ComplianceCounting. */
GArray *compliance_between(Db *db, gint64 machine_id, gint64 source_id, gint64 above, gint64 upto,
                           GError **error) UK_MUST_USE;
/* All that are missing (2) or installed (3) on a machine, one row each with the columns UpdateID
 * (lower case, in the order of its bytes) and Status; with those of updates that are not known here
 * (topicstate.h). The caller frees them. */
DbRows *compliance_reported(Db *db, gint64 machine_id, GError **error) UK_MUST_USE;
/* Forgets all that a machine said of updates; *removed_out rows. */
bool
compliance_forget(DbTx *tx, gint64 machine_id, gint64 *removed_out, GError **error) UK_MUST_USE;
/* At most max machines (0 to 1000) that hold states and sent no report since before_us. The caller
 * owns the array of gint64. */
GArray *compliance_aged(Db *db, gint64 before_us, guint max, GError **error) UK_MUST_USE;
