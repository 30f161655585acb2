/* db_sqlite.c - the engine SQLite: connections, prepared statements, and what only it has (the
 * copy of a database in use, the check, the number that changes with other people's commits).
 *
 * The only file that names SQLite. Its result codes become ours here and nowhere else.
 */
#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/io.h"
#include "base/log.h"
#include "db/db_private.h"

/* Above this the WAL file is cut back after a checkpoint; a first synchronization makes it large.
 */
#define WAL_KEPT_BYTES 16777216
/* Pages of the log that a commit copies into the database, of 4 KB: with four times SQLite's own
 * number a page that changes often is copied once. */
#define CHECKPOINT_PAGES 4000
#define CACHE_KIB        2000 /* SQLite's own */

struct DbStatement {
        const DbSql *sql;
        sqlite3_stmt *stmt;
        Db *db;
        /* Names without the colon: the engine searches for each, and forgets its own whenever it
         * prepares a statement again after a change of the schema. */
        GPtrArray *parameters;
        DbPlaces places;
        bool kept; /* in db->statements */
        bool busy;
};

static UkErrorCode
code_of_io(sqlite3 *handle)
{
        int system_errno = sqlite3_system_errno(handle);

        return system_errno == ENOSPC || system_errno == EDQUOT ? UK_ERROR_FULL : UK_ERROR_IO;
}

static UkErrorCode
code_of_constraint(int extended)
{
        switch (extended) {
        case SQLITE_CONSTRAINT_UNIQUE:
        case SQLITE_CONSTRAINT_PRIMARYKEY:
        case SQLITE_CONSTRAINT_ROWID:
                return UK_ERROR_EXISTS;
        default:
                return UK_ERROR_INVALID;
        }
}

static UkErrorCode
code_of(sqlite3 *handle, int result)
{
        switch (result & 0xff) {
        case SQLITE_FULL:
                return UK_ERROR_FULL;
        case SQLITE_BUSY:
        case SQLITE_LOCKED:
        case SQLITE_PROTOCOL:
                return UK_ERROR_BUSY;
        case SQLITE_IOERR:
        case SQLITE_CANTOPEN:
        case SQLITE_READONLY:
        case SQLITE_PERM:
                return code_of_io(handle);
        case SQLITE_CORRUPT:
        case SQLITE_NOTADB:
                return UK_ERROR_BROKEN;
        case SQLITE_CONSTRAINT:
                return code_of_constraint(result);
        case SQLITE_TOOBIG:
                return UK_ERROR_LIMIT;
        case SQLITE_INTERRUPT:
                return UK_ERROR_CANCELLED;
        default:
                return UK_ERROR_DATABASE;
        }
}

static bool
fail_sqlite(const Db *db, int result, const char *what, GError **error)
{
        UkErrorCode code = code_of(db->handle, result);

        if (code == UK_ERROR_BROKEN)
                return uk_fail(error, code, "%s: the database file %s is damaged (%s)", what,
                               db->path, sqlite3_errmsg(db->handle));
        if (code == UK_ERROR_FULL)
                return uk_fail(error, code,
                               "%s: there is no room left on the volume of the database %s; make "
                               "some, and it goes on",
                               what, db->path);
        return uk_fail(error, code, "%s: %s", what, sqlite3_errmsg(db->handle));
}

bool
db_engine_script(Db *db, const char *script, GError **error)
{
        int result = sqlite3_exec(db->handle, script, NULL, NULL, NULL);

        if (result == SQLITE_OK)
                return true;
        g_autofree char *start = g_strndup(script, strcspn(script, "\n("));
        return fail_sqlite(db, result, start, error);
}

/* The result of a PRAGMA or the like as text; the caller's, NULL on failure. */
static char *
ask(Db *db, const char *question, GError **error)
{
        sqlite3_stmt *stmt = NULL;
        char *answer = NULL;
        int result = sqlite3_prepare_v2(db->handle, question, -1, &stmt, NULL);

        if (result == SQLITE_OK)
                result = sqlite3_step(stmt);
        if (result == SQLITE_ROW)
                answer = g_strdup((const char *)sqlite3_column_text(stmt, 0));
        if (answer == NULL)
                fail_sqlite(db, result, question, error);
        sqlite3_finalize(stmt);
        return answer;
}

static bool
set_up(Db *db, DbOpenMode mode, GError **error)
{
        static const char common[] = "PRAGMA foreign_keys = ON; PRAGMA trusted_schema = OFF;"
                                     "PRAGMA temp_store = MEMORY;";
        static const char writer[] = "PRAGMA synchronous = FULL; PRAGMA secure_delete = OFF;"
                                     "PRAGMA journal_size_limit = " G_STRINGIFY(
                                             WAL_KEPT_BYTES) ";PRAGMA wal_autocheckpoint "
                                                             "= " G_STRINGIFY(CHECKPOINT_PAGES);

        if (!db_engine_script(db, common, error))
                return false;
        if (mode == DB_OPEN_READ) {
                /* The first look at the file, so that a file that is none is refused here. */
                g_autofree char *version = ask(db, "PRAGMA schema_version", error);
                return version != NULL;
        }
        g_autofree char *journal = ask(db, "PRAGMA journal_mode = WAL", error);
        if (journal == NULL)
                return false;
        if (g_strcmp0(journal, "wal") != 0)
                return uk_fail(error, UK_ERROR_IO, "the journal mode of %s stays %s, not wal",
                               db->path, journal);
        return db_engine_script(db, writer, error);
}

bool
db_global_init(GError **error)
{
        /* SQLite counts its memory for a figure that nobody here asks for, behind one lock for all
         * connections and every allocation. */
        int result = sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);

        return result == SQLITE_OK || uk_fail(error, UK_ERROR_BROKEN, "SQLite cannot be set up: %s",
                                              sqlite3_errstr(result));
}

bool
db_engine_open(Db *db, DbOpenMode mode, int timeout_ms, GError **error)
{
        static const int flags[] = {
                [DB_OPEN_CREATE] = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE,
                [DB_OPEN_WRITE] = SQLITE_OPEN_READWRITE,
                [DB_OPEN_READ] = SQLITE_OPEN_READONLY,
        };
        sqlite3 *handle = NULL;
        int result;

        if (mode != DB_OPEN_CREATE && access(db->path, F_OK) != 0 && errno == ENOENT)
                return uk_fail(error, UK_ERROR_NOT_YET, "the database %s is not there yet",
                               db->path);
        result = sqlite3_open_v2(db->path, &handle,
                                 flags[mode] | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, NULL);
        g_assert(handle != NULL);
        db->handle = handle;
        if (result != SQLITE_OK)
                return fail_sqlite(db, result, "open", error);
        sqlite3_busy_timeout(handle, timeout_ms);
        return set_up(db, mode, error);
}

void
db_engine_close(Db *db)
{
        /* Statements that are still in use are a mistake of ours; the connection then lives on as
         * long as they do. */
        sqlite3_close_v2(db->handle);
        db->handle = NULL;
}

bool
db_engine_in_transaction(Db *db)
{
        return sqlite3_get_autocommit(db->handle) == 0;
}

gint64
db_engine_changes(Db *db)
{
        return sqlite3_changes64(db->handle);
}

gint64
db_engine_last_id(Db *db)
{
        return sqlite3_last_insert_rowid(db->handle);
}

static DbStatement *
prepare(Db *db, const DbSql *sql, bool keep, GError **error)
{
        sqlite3_stmt *stmt = NULL;
        int result = sqlite3_prepare_v3(db->handle, sql->sqlite, -1,
                                        keep ? SQLITE_PREPARE_PERSISTENT : 0, &stmt, NULL);

        if (result == SQLITE_ERROR) {
                /* A table or column that is not there: the schema is not what we were built for. */
                uk_fail(error, UK_ERROR_SCHEMA, "%s: %s", sql->name, sqlite3_errmsg(db->handle));
                return NULL;
        }
        if (result != SQLITE_OK) {
                fail_sqlite(db, result, sql->name, error);
                return NULL;
        }
        DbStatement *st = g_new0(DbStatement, 1);
        st->sql = sql;
        st->stmt = stmt;
        st->db = db;
        st->kept = keep;
        st->parameters = g_ptr_array_new_with_free_func(g_free);
        for (int i = 1; i <= sqlite3_bind_parameter_count(stmt); i++)
                g_ptr_array_add(st->parameters, g_strdup(sqlite3_bind_parameter_name(stmt, i) + 1));
        return st;
}

DbStatement *
db_statement_take(Db *db, const DbSql *sql, GError **error)
{
        DbStatement *st = g_hash_table_lookup(db->statements, sql);

        if (st == NULL) {
                st = prepare(db, sql, true, error);
                if (st != NULL)
                        g_hash_table_insert(db->statements, (gpointer)sql, st);
        } else if (st->busy) {
                st = prepare(db, sql, false, error);
        }
        if (st != NULL)
                st->busy = true;
        return st;
}

void
db_statement_free(DbStatement *st)
{
        sqlite3_finalize(st->stmt);
        g_ptr_array_unref(st->parameters);
        g_free(st->places.indexes);
        g_free(st);
}

void
db_statement_release(DbStatement *st)
{
        if (!st->kept) {
                db_statement_free(st);
                return;
        }
        sqlite3_reset(st->stmt);
        sqlite3_clear_bindings(st->stmt);
        st->busy = false;
}

DbPlaces *
db_statement_places(DbStatement *st)
{
        return &st->places;
}

const DbSql *
db_statement_sql(const DbStatement *st)
{
        return st->sql;
}

bool
db_statement_writes(const DbStatement *st)
{
        return sqlite3_stmt_readonly(st->stmt) == 0;
}

guint
db_statement_parameters(const DbStatement *st)
{
        return st->parameters->len;
}

const char *
db_statement_parameter(const DbStatement *st, guint index)
{
        return st->parameters->pdata[index];
}

static int
bind_text(sqlite3_stmt *stmt, int index, const char *text, bool copy)
{
        return sqlite3_bind_text64(stmt, index, text, strlen(text),
                                   copy ? SQLITE_TRANSIENT : SQLITE_STATIC, SQLITE_UTF8);
}

/* Rows written together mostly carry one time; its text is made once. */
static int
bind_time(DbStatement *st, int index, gint64 time_us)
{
        Db *db = st->db;

        if (db->time_text == NULL || db->time_us != time_us) {
                g_free(db->time_text);
                db->time_text = uk_clock_iso(time_us);
                db->time_us = time_us;
        }
        return bind_text(st->stmt, index, db->time_text, true);
}

bool
db_statement_bind(DbStatement *st, guint index, const DbArg *arg, bool copy, GError **error)
{
        sqlite3_destructor_type keep = copy ? SQLITE_TRANSIENT : SQLITE_STATIC;
        int at = (int)index + 1;
        int result = SQLITE_MISUSE;

        switch (arg->type) {
        case DB_TYPE_INT:
                result = sqlite3_bind_int64(st->stmt, at, arg->number);
                break;
        case DB_TYPE_TIME:
                result = bind_time(st, at, arg->number);
                break;
        case DB_TYPE_REAL:
                result = sqlite3_bind_double(st->stmt, at, arg->real);
                break;
        case DB_TYPE_TEXT:
                result = arg->data != NULL ? bind_text(st->stmt, at, arg->data, copy)
                                           : sqlite3_bind_null(st->stmt, at);
                break;
        case DB_TYPE_BYTES:
                result = sqlite3_bind_blob64(st->stmt, at, arg->data, arg->size, keep);
                break;
        case DB_TYPE_NULL:
                result = sqlite3_bind_null(st->stmt, at);
                break;
        case DB_TYPE_END:
                break;
        }
        if (result == SQLITE_OK)
                return true;
        return uk_fail(error, result == SQLITE_TOOBIG ? UK_ERROR_LIMIT : UK_ERROR_DATABASE,
                       "%s: parameter %s: %s", st->sql->name, arg->name, sqlite3_errstr(result));
}

bool
db_statement_step(DbStatement *st, bool *row_out, GError **error)
{
        int result = sqlite3_step(st->stmt);

        if (result == SQLITE_ROW || result == SQLITE_DONE) {
                *row_out = result == SQLITE_ROW;
                return true;
        }
        return fail_sqlite(st->db, result, st->sql->name, error);
}

int
db_statement_columns(const DbStatement *st)
{
        return sqlite3_column_count(st->stmt);
}

const char *
db_statement_column_name(const DbStatement *st, int index)
{
        return sqlite3_column_name(st->stmt, index);
}

DbType
db_statement_cell_type(const DbStatement *st, int index)
{
        switch (sqlite3_column_type(st->stmt, index)) {
        case SQLITE_INTEGER:
                return DB_TYPE_INT;
        case SQLITE_FLOAT:
                return DB_TYPE_REAL;
        case SQLITE_TEXT:
                return DB_TYPE_TEXT;
        case SQLITE_BLOB:
                return DB_TYPE_BYTES;
        default:
                return DB_TYPE_NULL;
        }
}

gint64
db_statement_int(const DbStatement *st, int index)
{
        return sqlite3_column_int64(st->stmt, index);
}

double
db_statement_real(const DbStatement *st, int index)
{
        return sqlite3_column_double(st->stmt, index);
}

const char *
db_statement_bytes(const DbStatement *st, int index, gsize *size_out)
{
        const char *data = sqlite3_column_type(st->stmt, index) == SQLITE_BLOB
                                   ? sqlite3_column_blob(st->stmt, index)
                                   : (const char *)sqlite3_column_text(st->stmt, index);

        if (size_out != NULL)
                *size_out = (gsize)sqlite3_column_bytes(st->stmt, index);
        return data;
}

/* A cache of another size than asked for only changes the pace. */
void
db_set_cache(Db *db, int kib)
{
        g_autofree char *pragma = g_strdup_printf("PRAGMA cache_size = -%d", kib);

        db->alone = db->wide = true;
        sqlite3_exec(db->handle, pragma, NULL, NULL, NULL);
}

void
db_begin_bulk(Db *db)
{
        db_set_cache(db, DB_BULK_CACHE_KIB);
        sqlite3_wal_autocheckpoint(db->handle, 0);
}

void
db_end_bulk(Db *db)
{
        db_set_cache(db, CACHE_KIB);
        sqlite3_db_release_memory(db->handle);
        sqlite3_wal_autocheckpoint(db->handle, CHECKPOINT_PAGES);
        sqlite3_wal_checkpoint_v2(db->handle, NULL, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);
        db->alone = db->wide = false;
}

void
db_set_back(Db *db)
{
        if (!db->wide)
                return;
        db_set_cache(db, CACHE_KIB);
        sqlite3_wal_autocheckpoint(db->handle, CHECKPOINT_PAGES);
        db->alone = db->wide = false;
}

bool
db_data_version(Db *db, gint64 *version_out, GError **error)
{
        static const DbSql sql = { "data_version", "PRAGMA data_version", "", "" };

        return db_int(db, &sql, DB_NO_ARGS, version_out, NULL, error);
}

/* Copies all pages in one step: a reader's view of one moment, which hinders no writer. */
static bool
copy_pages(Db *db, const char *to, GError **error)
{
        sqlite3 *target = NULL;
        sqlite3_backup *copy = NULL;
        int result = sqlite3_open_v2(to, &target,
                                     SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE |
                                             SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE,
                                     NULL);

        if (result == SQLITE_OK)
                result = sqlite3_exec(target, "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF",
                                      NULL, NULL, NULL);
        if (result == SQLITE_OK)
                copy = sqlite3_backup_init(target, "main", db->handle, "main");
        if (copy != NULL) {
                sqlite3_backup_step(copy, -1);
                result = sqlite3_backup_finish(copy);
        }
        if (result != SQLITE_OK || copy == NULL)
                uk_fail(error, code_of(target, result), "%s: %s", to, sqlite3_errmsg(target));
        sqlite3_close(target);
        return result == SQLITE_OK && copy != NULL;
}

static bool
publish(const char *part, const char *to_path, GError **error)
{
        g_autofree char *folder = g_path_get_dirname(to_path);
        UK_AUTOFD fd = open(part, O_RDWR | O_CLOEXEC);

        if (fd < 0)
                return uk_fail_errno(error, errno, "%s", part);
        return uk_io_sync(fd, false, part, error) && uk_io_rename(part, to_path, error) &&
               uk_io_sync_dir(folder, error);
}

bool
db_backup(Db *db, const char *to_path, GError **error)
{
        UK_DOING(error, "copying the database %s to %s", db->path, to_path);
        g_autofree char *part = g_strconcat(to_path, ".part", NULL);

        /* What an earlier, killed copy left would be taken for a database to write into. */
        if (!uk_io_unlink(part, error))
                return false;
        if (copy_pages(db, part, error) && publish(part, to_path, error))
                return true;
        if (!uk_io_unlink(part, NULL))
                uk_warn("%s is left over from a copy that failed; it may be deleted.", part);
        return false;
}

/* A reader keeps seeing the moment in which it began, as long as a statement of it is open. */
static DbRows *
hold_moment(Db *reader, GError **error)
{
        static const DbSql look = { "hold_moment", "SELECT name FROM sqlite_schema", "", "" };
        g_autoptr(DbRows) rows = db_query(reader, &look, DB_NO_ARGS, error);
        bool row;

        return rows != NULL && db_next(rows, &row, error) ? g_steal_pointer(&rows) : NULL;
}

bool
db_backup_with(Db *db, DbMeanwhile meanwhile, gpointer user, const char *to_path, GError **error)
{
        g_autoptr(Db) reader = db_open_readonly(db->path, 0, error);
        g_autoptr(DbRows) moment = NULL;
        g_autoptr(DbTx) tx = reader != NULL ? db_begin_from(db, NULL, NULL, error) : NULL;

        if (tx == NULL)
                return false;
        moment = hold_moment(reader, error);
        if (moment == NULL || !meanwhile(user, error))
                return false;
        db_rollback(g_steal_pointer(&tx));
        return db_backup(reader, to_path, error);
}

/* Appends the first column of each row, except the single "ok" of integrity_check. */
static bool
collect(Db *db, const DbSql *sql, GString *found, GError **error)
{
        g_autoptr(DbRows) rows = db_query(db, sql, DB_NO_ARGS, error);
        bool row = false;

        if (rows == NULL)
                return false;
        for (;;) {
                if (!db_next(rows, &row, error))
                        return false;
                if (!row)
                        return true;
                const char *text = db_cell_text(rows, 0, NULL);
                if (g_strcmp0(text, "ok") != 0)
                        g_string_append_printf(found, "%s\n", text != NULL ? text : "?");
        }
}

bool
db_check(Db *db, char **problems_out, GError **error)
{
        static const DbSql integrity = { "integrity_check", "PRAGMA integrity_check", "", "" };
        static const DbSql foreign = {
                "foreign_key_check",
                "SELECT 'row ' || COALESCE(rowid, '?') || ' of ' || \"table\" ||"
                " ' refers to a missing row of ' || \"parent\" FROM pragma_foreign_key_check",
                "",
                "",
        };
        g_autoptr(GString) found = g_string_new(NULL);

        if (!collect(db, &integrity, found, error) || !collect(db, &foreign, found, error))
                return false;
        *problems_out = found->len > 0 ? g_strdup(found->str) : NULL;
        return true;
}
