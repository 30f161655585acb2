/* rowwriter.c - the writer of the flow row-to-file: commits the rows that wake smsdbmon, by the
 * real statements, until a number of them is there.
 *
 *     rowwriter DATABASE COUNT
 *
 * Each transaction asks for a synchronization (SYNC-019), adds a row to PkgNotification (DIST-008)
 * and writes down in TestWrites which trace it had. Killed and started again it goes on where it
 * was.
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"
#include "db/db.h"
#include "rowwriter.sql.h"
#include "sitedb/pkgnotification.h"
#include "sitedb/syncstatus.h"

static bool
write_one(Db *db, gint64 n, GError **error)
{
        UK_DOING(error, "writing row %d", (int)n);
        g_autofree char *trace = uk_trace_new();
        g_autofree char *package = g_strdup_printf("PS1%05d", (int)(n % 2));
        g_autoptr(DbTx) tx = db_begin_from(db, trace, NULL, error);

        return tx != NULL && syncstatus_request(tx, "PS1", n % 3 == 0, "rowwriter", error) &&
               pkgnotification_add(tx, package, PKGNOTIFICATION_PACKAGE, error) &&
               db_run(tx, &sql_rowwriter_add, DB_ARGS(DB_INT("n", n), DB_TEXT("trace", trace)),
                      error) &&
               db_commit(g_steal_pointer(&tx), error);
}

static bool
write_all(const char *path, gint64 count, GError **error)
{
        g_autoptr(Db) db = db_open(path, false, 10000, error);
        gint64 n = 0;

        if (db == NULL || !db_int(db, &sql_rowwriter_last, DB_NO_ARGS, &n, NULL, error))
                return false;
        while (n < count) {
                if (!write_one(db, ++n, error))
                        return false;
        }
        return true;
}

int
main(int argc, char **argv)
{
        g_autoptr(GError) error = NULL;

        if (argc == 3 && write_all(argv[1], atoi(argv[2]), &error))
                return 0;
        fprintf(stderr, "rowwriter: %s\n", error != NULL ? error->message : "DATABASE COUNT");
        return 1;
}
