/* upgrade.h - what of a catalogue a machine lacks and what it has: apt's rule, without apt.
 *
 * Pure: the machine (machine.h) and evaluation sets (evalset.h) go in, states come out. The missing
 * packages must be those that `apt list --upgradable` names (DEB-001), except where both versions
 * are equal (DEB-003). All sets that concern a machine are given at once, because apt chooses among
 * all archives.
 */
#pragma once

#include "base/error.h"
#include "deb/evalset.h"
#include "deb/machine.h"

/* The installed version itself has this priority, so nothing below it is ever chosen. */
#define UPGRADE_PRIORITY_INSTALLED 100

typedef enum {
        UPGRADE_NOT_APPLICABLE = 1,
        UPGRADE_MISSING = 2,
        UPGRADE_INSTALLED = 3,
} UpgradeState;

/* An update that owns a package which is installed. */
typedef struct {
        guint set; /* index into the sets given: the first that has it */
        EvalSetUpdate update;
        UpgradeState state;
        guint first_package; /* of a missing update: its packages, in a row */
        guint package_count;
} UpgradeUpdate;

/* An installed package that makes an update missing. */
typedef struct {
        const DpkgPackage *package; /* of the machine */
        const char *version;        /* the one to come */
        guint update;               /* index */
} UpgradePackage;

/* An installed package with the archive's version but another content (DEB-003). */
typedef struct {
        const DpkgPackage *package;
        char *fields; /* "Depends, Architecture": those that differ */
} UpgradeBuild;

typedef struct {
        UpgradeUpdate *updates; /* missing, installed, and those that are neither */
        guint update_count;
        UpgradePackage *packages; /* by update */
        guint package_count;
        UpgradeBuild *builds;
        guint build_count;
        guint listed;        /* updates in the sets that are for an architecture of the machine */
        GStringChunk *texts; /* private */
} UpgradeResult;

/* Evaluates. Sets for an architecture that the machine has not are passed over. PARSE when a set is
 * damaged. The machine and the sets' texts must outlive the result, which the caller frees. */
UpgradeResult *upgrade_evaluate(const DebMachine *machine, const EvalSet *const *sets, guint count,
                                GError **error) UK_MUST_USE;
void upgrade_free(UpgradeResult *result);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(UpgradeResult, upgrade_free)
