/* sitekey.c - gives out numbers that are unique in the hierarchy. */
#include "sitedb/sitekey.h"

#include "sitedb/sitekey.sql.h"

#define NUMBER_BITS      24
#define LONG_NUMBER_BITS 56

/* The site's number, and the last of count numbers taken. */
static bool
take(DbTx *tx, const char *name, guint count, gint64 *site_out, gint64 *last_out, GError **error)
{
        bool found = false;

        if (!db_int(db_tx_db(tx), &sql_sitekey_site_number, DB_NO_ARGS, site_out, &found, error))
                return false;
        if (!found)
                return uk_fail(error, UK_ERROR_NOT_YET,
                               "the database does not know its site yet; no %s number", name);
        return db_int(db_tx_db(tx), &sql_sitekey_take,
                      DB_ARGS(DB_TEXT("name", name), DB_INT("count", count)), last_out, NULL,
                      error);
}

bool
sitekey_next(DbTx *tx, const char *name, guint count, gint64 *first_out, GError **error)
{
        gint64 site = 0, last = 0;

        if (!take(tx, name, count, &site, &last, error))
                return false;
        if (last >= G_GINT64_CONSTANT(1) << NUMBER_BITS)
                return uk_fail(error, UK_ERROR_LIMIT, "the %s numbers of this site are used up",
                               name);
        *first_out = (site << NUMBER_BITS) + last - count + 1;
        return true;
}

bool
sitekey_next_long(DbTx *tx, const char *name, gint64 *number_out, GError **error)
{
        gint64 site = 0, last = 0;

        if (!take(tx, name, 1, &site, &last, error))
                return false;
        *number_out = (site << LONG_NUMBER_BITS) + last;
        return true;
}
