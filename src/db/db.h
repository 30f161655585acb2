/* db.h - the database as the rest of Upkeep sees it: named statements, values by name, rows into
 * structs by column name, transactions that roll back when they go out of scope.
 *
 * SQL lives in .sql files; tools/sqlgen turns each named statement noun_verb into a
 * `static const DbSql sql_noun_verb` of "folder/noun.sql.h". There is no function that makes SQL
 * from a value. A Db belongs to one thread; each lane and each worker opens its own. The folder is
 * the only one that names SQLite.
 *
 * Errors: FULL, BUSY, IO (later); EXISTS for a key that is there, INVALID for a value that the
 * schema or UTF-8 forbids, LIMIT (corrupt); SCHEMA for a statement that does not fit the schema,
 * BROKEN for a damaged file or a misuse of these functions (halt); DATABASE for the rest.
 */
#pragma once

#include "base/error.h"

typedef struct Db Db;
typedef struct DbWriter DbWriter;
typedef struct DbTx DbTx;
typedef struct DbRows DbRows;

/* A statement, made by tools/sqlgen from `-- name: …`. */
typedef struct {
        const char *name;   /* pkgserver_reset_action */
        const char *sqlite; /* text for SQLite, named parameters as :name */
        const char *pg;     /* text for PostgreSQL, parameters as $1 …; the order is in params */
        const char *params; /* "now pkg_id nal site": names in the order of $1, $2, … */
} DbSql;

/* One step of a schema: run in a transaction of its own, in order of number. Number 0 is the part
 * that is made anew whenever its text has changed (views, triggers); its name has a digest. */
typedef struct {
        int number;         /* 1, 2, … without a gap; 0 */
        const char *name;   /* 0001_core */
        const char *sqlite; /* whole script */
        const char *pg;
} DbMigration;

/* A value for a named parameter. An array of them ends with DB_END. */
typedef enum {
        DB_TYPE_END,
        DB_TYPE_INT,
        DB_TYPE_TEXT,
        DB_TYPE_BYTES,
        DB_TYPE_NULL,
        DB_TYPE_TIME, /* microseconds, stored as ISO 8601 text with milliseconds */
        DB_TYPE_REAL,
} DbType;

typedef struct {
        const char *name;
        DbType type;
        gint64 number;
        double real;
        const void *data;
        gsize size;
} DbArg;

#define DB_INT(name_, v_)                                            \
        {                                                            \
                .name = (name_), .type = DB_TYPE_INT, .number = (v_) \
        }
#define DB_TIME(name_, v_)                                            \
        {                                                             \
                .name = (name_), .type = DB_TYPE_TIME, .number = (v_) \
        }
#define DB_REAL(name_, v_)                                          \
        {                                                           \
                .name = (name_), .type = DB_TYPE_REAL, .real = (v_) \
        }
/* A NULL string is SQL NULL. The bytes must live until the call returns. */
#define DB_TEXT(name_, v_)                                          \
        {                                                           \
                .name = (name_), .type = DB_TYPE_TEXT, .data = (v_) \
        }
#define DB_BYTES(name_, v_, n_)                                                    \
        {                                                                          \
                .name = (name_), .type = DB_TYPE_BYTES, .data = (v_), .size = (n_) \
        }
#define DB_NULL(name_)                                \
        {                                             \
                .name = (name_), .type = DB_TYPE_NULL \
        }
/* A time that may be missing: 0 becomes NULL (and NULL is read as 0). */
#define DB_TIME_OR_NULL(name_, v_)                                                               \
        {                                                                                        \
                .name = (name_), .type = (v_) != 0 ? DB_TYPE_TIME : DB_TYPE_NULL, .number = (v_) \
        }
#define DB_END                      \
        {                           \
                .type = DB_TYPE_END \
        }
/* Arguments in place: db_run(tx, &x_insert, DB_ARGS(DB_TEXT("id", id), DB_INT("n", 1)), error) */
#define DB_ARGS(...) ((const DbArg[]){ __VA_ARGS__, DB_END })
#define DB_NO_ARGS   ((const DbArg[]){ DB_END })

/* Which member of a struct takes which column. Text members are char *, bytes GBytes *, INT and
 * TIME gint64, REAL double. A table of them ends with DB_FIELD_END. A column without a member is
 * passed over; a member without a column is a SCHEMA error. NULL becomes NULL, 0 or 0.0. */
typedef struct {
        const char *column;
        DbType type;
        gsize offset;
} DbField;
#define DB_FIELD(type_, struct_, member_, column_)                            \
        {                                                                     \
                (column_), DB_TYPE_##type_, G_STRUCT_OFFSET(struct_, member_) \
        }
#define DB_FIELD_END                 \
        {                            \
                NULL, DB_TYPE_END, 0 \
        }

/* Sets the engine up for the whole program; before the first thread and the first database. A
 * program that leaves it out works, only slower. */
bool db_global_init(GError **error) UK_MUST_USE;

/* Opens a database file (made where missing, if create; else NOT_YET) in WAL mode with
 * synchronous=FULL, foreign keys on and a busy time-out of timeout_ms. The caller closes it. */
Db *db_open(const char *path, bool create, int timeout_ms, GError **error) UK_MUST_USE;
/* Opens for reading only; for a file that another program writes. */
Db *db_open_readonly(const char *path, int timeout_ms, GError **error) UK_MUST_USE;
void db_close(Db *db);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Db, db_close)
const char *db_path(const Db *db);

/* What many threads of a program write through: their transactions take turns on one connection,
 * and those that come while another is at it share one commit and one sync. Each is durable when
 * db_commit returns, rolls back alone, and sees the others' that came before it. It lives longer
 * than the connections that were told of it. */
DbWriter *db_writer_new(const char *path, int timeout_ms);
void db_writer_free(DbWriter *writer);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(DbWriter, db_writer_free)
/* From now on the connection's transactions go through the writer, but those of a bulk and of one
 * that gets a cache of its own afterwards (db_begin_bulk, db_set_cache). Rows that are queried
 * within such a transaction end with it. */
void db_write_through(Db *db, DbWriter *writer);

/* So many KiB of pages stay in this connection's memory (2,000 unless told), for one that writes
 * all over the tables again and again. Until the end of a bulk, or db_set_back. */
void db_set_cache(Db *db, int kib);
/* For a transaction of many thousand rows for which somebody waits: its pages stay in memory (up to
 * DB_BULK_CACHE_KIB) instead of going to the log and back, and its commit does not copy the log
 * into the database. Ending it does what was put off, as far as readers and other writers let it;
 * the rest goes with a later commit. */
#define DB_BULK_CACHE_KIB 49152
void db_begin_bulk(Db *db);
void db_end_bulk(Db *db);
/* Undoes db_set_cache and db_begin_bulk, for another user of the connection. */
void db_set_back(Db *db);
/* Whether there is something to undo. */
bool db_is_wide(const Db *db);

/* Brings the schema to the newest of migrations (count of them), each step in a transaction, a
 * copy of the file (<path>.schema-<n>.<day>, with the number it had) made before the first step on
 * a database that has data. A database with a higher number than known is refused: SCHEMA, naming
 * both numbers. */
bool db_migrate(Db *db, const DbMigration *migrations, gsize count, GError **error) UK_MUST_USE;
/* The schema number of the database, 0 for an empty one. */
bool db_schema_number(Db *db, int *number_out, GError **error) UK_MUST_USE;
/* Refuses (SCHEMA) a number above, and answers NOT_YET for one below `number`. */
bool db_schema_check(Db *db, int number, GError **error) UK_MUST_USE;

/* Begins a writing transaction (BEGIN IMMEDIATE). trace and origin (both may be NULL) are written
 * where the change-log triggers of the transaction find them, if the schema has a change log;
 * db_begin takes the trace of the thread's work (uk_trace_get) and no origin. One transaction at a
 * time on a connection. */
DbTx *db_begin(Db *db, GError **error) UK_MUST_USE;
DbTx *db_begin_from(Db *db, const char *trace, const char *origin, GError **error) UK_MUST_USE;
/* Commits and frees tx_take in any case; rings the bell (<path>.bell) after the commit. */
bool db_commit(DbTx *tx_take, GError **error) UK_MUST_USE;
/* Rolls back and frees; NULL is nothing. */
void db_rollback(DbTx *tx);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(DbTx, db_rollback)
/* The connection of a transaction, for reads within it. */
Db *db_tx_db(DbTx *tx);
/* The trace the transaction was begun with, "" if none; for the column Trace of rows it writes. */
const char *db_tx_trace(const DbTx *tx);
/* A savepoint within a transaction, so that one bad input takes nothing with it. */
bool db_savepoint(DbTx *tx, GError **error) UK_MUST_USE;
bool db_savepoint_release(DbTx *tx, GError **error) UK_MUST_USE;
bool db_savepoint_rollback(DbTx *tx, GError **error) UK_MUST_USE;

/* Runs a statement that writes. The number of rows changed goes to *changed_out if not NULL. A
 * parameter of the statement that args does not name, or one too many, is BROKEN. */
bool db_run(DbTx *tx, const DbSql *sql, const DbArg *args, GError **error) UK_MUST_USE;
bool db_run_counted(DbTx *tx, const DbSql *sql, const DbArg *args, gint64 *changed_out,
                    GError **error) UK_MUST_USE;
/* The row ID of the last insert on this connection. */
gint64 db_last_id(DbTx *tx);

/* Reads one row into the struct at record. *found_out false: no row (record untouched). If
 * found_out is NULL, no row is NOT_FOUND. */
bool db_one(Db *db, const DbSql *sql, const DbArg *args, const DbField *fields, gpointer record,
            bool *found_out, GError **error) UK_MUST_USE;
/* Reads the first column of the first row. No row: *found_out false, or NOT_FOUND if NULL. */
bool db_int(Db *db, const DbSql *sql, const DbArg *args, gint64 *value_out, bool *found_out,
            GError **error) UK_MUST_USE;
bool db_text(Db *db, const DbSql *sql, const DbArg *args, char **value_out, bool *found_out,
             GError **error) UK_MUST_USE;

/* Reads all rows into records of size bytes each, freed by free_record; at most a page's worth.
 * The caller owns the array. */
GPtrArray *db_list(Db *db, const DbSql *sql, const DbArg *args, const DbField *fields, gsize size,
                   GDestroyNotify free_record, GError **error) UK_MUST_USE;

/* Reads many rows: db_query, then db_next until *row_out is false, then db_rows_free. A cursor is
 * never held over a network write; a thousand rows a page. */
DbRows *db_query(Db *db, const DbSql *sql, const DbArg *args, GError **error) UK_MUST_USE;
bool db_next(DbRows *rows, bool *row_out, GError **error) UK_MUST_USE;
/* The row into a struct (text and bytes are copies, the caller's). */
bool db_read(DbRows *rows, const DbField *fields, gpointer record, GError **error) UK_MUST_USE;
/* A value of the row by column name, borrowed until db_next; for readers of many rows. index is
 * found once by db_column (a missing column: SCHEMA). */
bool db_column(DbRows *rows, const char *name, int *index_out, GError **error) UK_MUST_USE;
int db_columns(DbRows *rows);
const char *db_column_name(DbRows *rows, int index);
DbType db_cell_type(DbRows *rows, int index);
gint64 db_cell_int(DbRows *rows, int index);
double db_cell_real(DbRows *rows, int index);
const char *db_cell_text(DbRows *rows, int index, gsize *size_out);
void db_rows_free(DbRows *rows);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(DbRows, db_rows_free)

/* The bell beside the database, made if it is not there: its attributes change after each commit.
 * NULL and error on failure. */
const char *db_bell(Db *db, GError **error) UK_MUST_USE;
/* A file descriptor that becomes readable when somebody commits (inotify on the bell); to be
 * drained with db_bell_drain. -1 and error on failure. */
int db_bell_open(Db *db, GError **error) UK_MUST_USE;
void db_bell_drain(int bell_fd);
/* A number that changes when another connection has committed (PRAGMA data_version). */
bool db_data_version(Db *db, gint64 *version_out, GError **error) UK_MUST_USE;

/* Copies the database while others write (SQLite's backup), into a new file that is synced. */
bool db_backup(Db *db, const char *to_path, GError **error) UK_MUST_USE;
/* The same, of one moment in which nobody writes: meanwhile() is called in it, with every
 * transaction either wholly in the copy or not yet begun. Short, since all writers wait. */
typedef bool (*DbMeanwhile)(gpointer user, GError **error);
bool db_backup_with(Db *db, DbMeanwhile meanwhile, gpointer user, const char *to_path,
                    GError **error) UK_MUST_USE;
/* integrity_check and foreign_key_check; *problems_out is NULL when clean, else the caller's. */
bool db_check(Db *db, char **problems_out, GError **error) UK_MUST_USE;
