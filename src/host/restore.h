/* restore.h - a role's part of a backup, looked at, and laid beside what the role has now.
 *
 * `upkeep-<role> --stage=DIR` changes nothing that a running program sees. The exchange itself is
 * state_lock.h's.
 */
#pragma once

#include "host/host.h"

/* Copies the role's part of the backup to its staging place, and the settings where they are not
 * staged yet: every size and hash compared, databases checked, of a schema this program knows,
 * brought up to date, and given to the role's `restored`. A part that is not there is success. On
 * failure nothing of the part stays staged. SCHEMA for a newer schema, SIGNATURE for damage,
 * INVALID for another site's backup. */
bool
restore_stage(const HostRole *role, const char *root, const char *dir, GError **error) UK_MUST_USE;
