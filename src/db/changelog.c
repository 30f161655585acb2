/* changelog.c - reads what triggers appended to the change log, reader by reader, in the order of
 * commit, and removes what every reader has passed.
 */
#include "db/changelog.h"

#include "db/changelog.sql.h"

static const DbField fields[] = {
        DB_FIELD(INT, ChangelogEntry, seq, "Seq"),
        DB_FIELD(TEXT, ChangelogEntry, notice, "Notice"),
        DB_FIELD(TEXT, ChangelogEntry, table, "TableName"),
        DB_FIELD(TEXT, ChangelogEntry, op, "Op"),
        DB_FIELD(TEXT, ChangelogEntry, value, "Value"),
        DB_FIELD(TEXT, ChangelogEntry, origin, "Origin"),
        DB_FIELD(TEXT, ChangelogEntry, trace, "Trace"),
        DB_FIELD_END,
};

void
changelog_entry_free(ChangelogEntry *entry)
{
        if (entry == NULL)
                return;
        g_free(entry->notice);
        g_free(entry->table);
        g_free(entry->op);
        g_free(entry->value);
        g_free(entry->origin);
        g_free(entry->trace);
        g_free(entry);
}

bool
changelog_register(DbTx *tx, const char *reader, GError **error)
{
        return db_run(tx, &sql_changelog_register, DB_ARGS(DB_TEXT("reader", reader)), error);
}

static bool
check_reader(Db *db, const char *reader, GError **error)
{
        gint64 known = 0;

        if (!db_int(db, &sql_changelog_reader_known, DB_ARGS(DB_TEXT("reader", reader)), &known,
                    NULL, error))
                return false;
        if (known == 0)
                return uk_fail(error, UK_ERROR_NOT_FOUND, "%s is not a reader of the change log",
                               reader);
        return true;
}

GPtrArray *
changelog_read(Db *db, const char *reader, guint max, GError **error)
{
        UK_DOING(error, "reading the change log");

        if (!check_reader(db, reader, error))
                return NULL;
        return db_list(db, &sql_changelog_read,
                       DB_ARGS(DB_TEXT("reader", reader), DB_INT("max", max)), fields,
                       sizeof(ChangelogEntry), (GDestroyNotify)changelog_entry_free, error);
}

bool
changelog_advance(DbTx *tx, const char *reader, gint64 seq, GError **error)
{
        UK_DOING(error, "advancing %s in the change log to %" G_GINT64_FORMAT, reader, seq);

        return check_reader(db_tx_db(tx), reader, error) &&
               db_run(tx, &sql_changelog_advance,
                      DB_ARGS(DB_TEXT("reader", reader), DB_INT("seq", seq)), error) &&
               db_run(tx, &sql_changelog_trim, DB_NO_ARGS, error);
}
