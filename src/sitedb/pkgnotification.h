/* pkgnotification.h - the notices that something about a package has changed (90-tables 4.2). */
#pragma once

#include "db/db.h"

/* Bits (90-tables 7.5). */
typedef enum {
        PKGNOTIFICATION_PACKAGE = 1,
        PKGNOTIFICATION_PROGRAM = 2,
        PKGNOTIFICATION_SERVER = 4, /* a distribution point was added */
        PKGNOTIFICATION_ACCESS = 8,
} PkgNotificationType;

/* Adds a row in the transaction of the change that it announces. */
bool pkgnotification_add(DbTx *tx, const char *pkg_id, PkgNotificationType type,
                         GError **error) UK_MUST_USE;
/* Removes the package's rows once all of their notices in the change log, none above seq, have been
 * given. */
bool
pkgnotification_remove_told(DbTx *tx, const char *pkg_id, gint64 seq, GError **error) UK_MUST_USE;
