/* machinelink.h - what the management point saw of each client last: that it asked for policy,
 * fetched it, asked for an update point, reported. By these one can tell where its road is broken.
 */
#pragma once

#include "db/db.h"

/* A time of 0: not seen; what belongs to it then has no meaning. */
typedef struct {
        gint64 machine_id;
        gint64 policy_us;                     /* asked for its assignments */
        gint64 body_us, body_version;         /* fetched the policy with this content version */
        gint64 location_us, location_version; /* asked for an update point with this one, … */
        char *location_url;                   /* … and was given this, "" none, … */
        char *location_reason;                /* … for this reason */
        gint64 report_us,
                report_serial; /* a report of it was taken, with messages up to this one */
} MachineLink;

void machinelink_free(MachineLink *link);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(MachineLink, machinelink_free)

/* Takes what `older` knows and `link` does not; frees older. */
void machinelink_merge(MachineLink *link, MachineLink *older_take);
/* Writes what was seen; what was not keeps its row's value. Nothing for a machine that was deleted
 * meanwhile. */
bool machinelink_put(DbTx *tx, const MachineLink *link, GError **error) UK_MUST_USE;
