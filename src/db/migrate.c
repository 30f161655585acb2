/* migrate.c - brings a database to the newest schema, step by step, and refuses one that is newer
 * than the program.
 *
 * The steps that ran stand in the table SchemaSteps. Number 0 is the repeatable part (views, and
 * triggers of the change log): it runs again whenever its name, which carries a digest of its
 * text, is another one than the last.
 */
#include <errno.h>
#include <fcntl.h>

#include "base/clock.h"
#include "base/io.h"
#include "base/log.h"
#include "base/owner.h"
#include "db/db_private.h"
#include "db/migrate.sql.h"

bool
db_schema_number(Db *db, int *number_out, GError **error)
{
        gint64 value = 0;

        if (!db_int(db, &sql_migrate_table_exists, DB_NO_ARGS, &value, NULL, error))
                return false;
        if (value > 0 && !db_int(db, &sql_migrate_number, DB_NO_ARGS, &value, NULL, error))
                return false;
        *number_out = (int)value;
        return true;
}

static bool
fail_newer(Db *db, int number, int known, GError **error)
{
        return uk_fail(error, UK_ERROR_SCHEMA,
                       "the database %s has schema %d, this program (version " UPKEEP_VERSION
                       ") knows up to %d; install the version that wrote it, or put back a backup"
                       " that is older (upkeep site restore)",
                       db_path(db), number, known);
}

bool
db_schema_check(Db *db, int number, GError **error)
{
        int found = 0;

        if (!db_schema_number(db, &found, error))
                return false;
        if (found > number)
                return fail_newer(db, found, number, error);
        if (found < number)
                return uk_fail(error, UK_ERROR_NOT_YET,
                               "the database %s still has schema %d, %d is needed", db_path(db),
                               found, number);
        return true;
}

static bool
record_step(DbTx *tx, const DbMigration *step, GError **error)
{
        return db_run(tx, &sql_migrate_record,
                      DB_ARGS(DB_INT("number", step->number), DB_TEXT("name", step->name),
                              DB_TIME("now", uk_clock_now())),
                      error);
}

static bool
run_step(Db *db, const DbMigration *step, GError **error)
{
        UK_DOING(error, "bringing the database %s to schema step %s", db_path(db), step->name);
        g_autoptr(DbTx) tx = db_begin_from(db, NULL, NULL, error);

        if (tx == NULL || !db_run(tx, &sql_migrate_table, DB_NO_ARGS, error) ||
            !db_engine_script(db, step->sqlite, error) || !record_step(tx, step, error) ||
            !db_commit(g_steal_pointer(&tx), error))
                return false;
        uk_log("Database %s: schema step %s is done.", db_path(db), step->name);
        return true;
}

/* The repeatable part, unless the one that ran last has the same text. */
static bool
run_repeatable(Db *db, const DbMigration *step, GError **error)
{
        g_autofree char *last = NULL;
        bool found = false;

        if (!db_text(db, &sql_migrate_name, DB_ARGS(DB_INT("number", 0)), &last, &found, error))
                return false;
        return g_strcmp0(last, step->name) == 0 || run_step(db, step, error);
}

static int
newest(const DbMigration *migrations, gsize count)
{
        int number = 0;

        for (gsize i = 0; i < count; i++)
                number = MAX(number, migrations[i].number);
        return number;
}

/* The way back, named by schema and day: steps that fail at each start of a day make one copy. */
static bool
keep_copy(Db *db, int number, GError **error)
{
        g_autofree char *now = uk_clock_iso(uk_clock_now());
        g_autofree char *copy = g_strdup_printf("%s.schema-%d.%.10s", db_path(db), number, now);

        if (!db_backup(db, copy, error))
                return false;
        UK_AUTOFD fd = open(copy, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
        if (fd < 0)
                return uk_fail_errno(error, errno, "opening %s", copy);
        if (!uk_owner_of_folder(fd, copy, error))
                return false;
        uk_log("Database %s: kept a copy of schema %d as %s.", db_path(db), number, copy);
        return true;
}

bool
db_migrate(Db *db, const DbMigration *migrations, gsize count, GError **error)
{
        int known = newest(migrations, count);
        int number = 0;

        if (!db_schema_number(db, &number, error))
                return false;
        if (number > known)
                return fail_newer(db, number, known, error);
        if (number > 0 && number < known && !keep_copy(db, number, error))
                return false;
        for (gsize i = 0; i < count; i++) {
                if (migrations[i].number > number && !run_step(db, &migrations[i], error))
                        return false;
        }
        for (gsize i = 0; i < count; i++) {
                if (migrations[i].number == 0 && !run_repeatable(db, &migrations[i], error))
                        return false;
        }
        return true;
}
