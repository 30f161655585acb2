/* pkgnotification.c - rows that wake smsdbmon, which tells Distribution Manager. What follows from
 * them is Distribution Manager's.
 */
#include "sitedb/pkgnotification.h"

#include "base/clock.h"
#include "sitedb/pkgnotification.sql.h"

bool
pkgnotification_add(DbTx *tx, const char *pkg_id, PkgNotificationType type, GError **error)
{
        return db_run(tx, &sql_pkgnotification_add,
                      DB_ARGS(DB_TEXT("pkg_id", pkg_id), DB_INT("type", type),
                              DB_TIME("now", uk_clock_now())),
                      error);
}

bool
pkgnotification_remove_told(DbTx *tx, const char *pkg_id, gint64 seq, GError **error)
{
        return db_run(tx, &sql_pkgnotification_remove_told,
                      DB_ARGS(DB_TEXT("pkg_id", pkg_id), DB_INT("seq", seq)), error);
}
