/* state_lock.h - who has the state below a root open, and whose turn it is to exchange it.
 *
 * Every program holds run/upkeep/state.lock shared for as long as it has anything of var/lib/upkeep
 * open. A restore exchanges whole folders under the same lock held alone: so it begins when the
 * last program has let go, however that came about, and none begins before it is done.
 */
#pragma once

#include "base/error.h"

/* Takes the lock shared. Where a restore waits to be carried out, takes it alone first (waiting for
 * all others to let go), carries it out, and then takes it shared. Returns the descriptor, which
 * the caller closes after everything else; -1 with error, or with CANCELLED when SIGTERM or SIGINT,
 * which must be blocked, came in first. */
int state_lock_take(const char *root, GError **error) UK_MUST_USE;
/* Takes the lock shared at once; BUSY while a restore is under way. */
int state_lock_try(const char *root, GError **error) UK_MUST_USE;
/* Carries out the restore that waits: returns when it is done, or, after patience_us, with BUSY. */
bool state_lock_finish(const char *root, gint64 patience_us, GError **error) UK_MUST_USE;
/* Takes run/upkeep/<role>.lock alone, so that no second process serves the same folders; BUSY. The
 * lock of a role that runs. */
int state_lock_role(const char *root, const char *role, GError **error) UK_MUST_USE;
/* Takes run/upkeep/<role>.backup.lock alone, so that a role is backed up once at a time; BUSY. */
int state_lock_backup(const char *root, const char *role, GError **error) UK_MUST_USE;
