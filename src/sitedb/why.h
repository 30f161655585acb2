/* why.h - all that the site knows of one machine and one update, in one look: by it one can tell
 * why a state is what it is, or is not there.
 */
#pragma once

#include "db/db.h"

/* Times are 0 and texts "" where nothing is known. */
typedef struct {
        /* The update, and what the site has of its source. */
        gint64 ci_id;
        char *article, *title, *unique_id;
        char *update_cause;
        gint64 need; /* content version that brought it or its rules */
        gint64 created_us, modified_us;
        gint64 expired, superseded;
        gint64 content_version; /* of the source */
        gint64 sync_us;         /* last successful synchronization */
        gint64 sync_version;    /* newest that an update point has */
        /* The machine. */
        gint64 machine_id;
        char *name, *state_cause;
        gint64 state; /* MachineState */
        gint64 state_us, registered_us, contact_us;
        /* The policy that names the source. */
        char *policy_id, *policy_version; /* "" none */
        char *policy_cause;
        gint64 policy_ready; /* signed, not withdrawn */
        gint64 policy_us;
        GBytes *policy_body; /* NULL: none */
        /* What the management point saw (machinelink.h). */
        gint64 asked_policy_us, body_us, body_version;
        gint64 location_us, location_version;
        char *location_url, *location_reason;
        gint64 relayed_us, relayed_serial;
        /* Reports: the last one that StateSys took, and what was refused. */
        gint64 report_us, report_serial;
        gint64 rejected_us;
        char *rejected_reason, *rejected_id; /* by the management point */
        gint64 refused_us;
        char *refused_reason, *refused_file; /* by StateSys */
        /* Scans (scanstatus.h). */
        gint64 scan_state, scan_state_us, scan_error, package_version;
        char *scan_state_name;
        gint64 scan_us, scan_version, resync_us;
        char *scan_location;
        /* The state of the update: whether there is a row, and what is in it. */
        gint64 has_status, status, status_us, status_received_us;
        /* Its sums as kept, and as they are. */
        gint64 summary_us, proved_us;
        gint64 kept_missing, kept_installed, kept_unknown, kept_total;
        gint64 live_missing, live_installed, live_unknown, live_total;
} WhyFacts;

void why_facts_free(WhyFacts *facts);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(WhyFacts, why_facts_free)

/* NOT_FOUND when there is no such machine or update. The caller frees it. */
WhyFacts *why_facts(Db *db, gint64 machine_id, gint64 ci_id, GError **error) UK_MUST_USE;
