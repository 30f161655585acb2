/* backup.h - a role's part of a backup: made while the role runs, or while it does not.
 *
 * `upkeep-<role> --backup=DIR` is a second process of the same program, so the database is opened
 * by its own program alone, and a role that is down is backed up as well. A request to the running
 * one would need it to run, and to answer.
 */
#pragma once

#include "host/host.h"

/* Writes DIR/<role>/ and DIR/<role>.manifest, and, where no other role has, DIR/etc and its page.
 * The folder of inboxes is taken in the moment of which the database is (docs/flows/backup.md). */
bool
backup_make(const HostRole *role, const char *root, const char *dir, GError **error) UK_MUST_USE;
/* The code of the site that the settings below root name; the caller's, "" if they cannot be read.
 */
char *backup_site_code(const HostRole *role, const char *root);
