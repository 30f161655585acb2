/* db.c - what is common to the engines: connections, transactions with the faults and the bell,
 * values by name, rows into structs by column name.
 *
 * Knows no engine (db_private.h has their functions) and makes no SQL but the words of a
 * transaction. What threads share to write is in db_writer.c.
 */
#include "db/db.h"

#include <string.h>

#include "base/clock.h"
#include "base/fault.h"
#include "base/log.h"
#include "db/db_context.sql.h"
#include "db/db_private.h"

struct DbTx {
        Db *db;           /* whose it is */
        Db *on;           /* the connection that it runs on */
        DbWriter *writer; /* whose connection that is; NULL: it is db */
        char *trace;
        char *origin;
};

struct DbRows {
        DbStatement *st; /* NULL: the transaction has ended */
        Db *on;
};

/* ---- connections ---------------------------------------------------------------------------- */

static Db *
open_db(const char *path, DbOpenMode mode, int timeout_ms, GError **error)
{
        UK_DOING(error, "opening the database %s", path);
        g_autoptr(Db) db = g_new0(Db, 1);

        db->path = g_strdup(path);
        db->bell = g_strconcat(path, ".bell", NULL);
        db->readonly = mode == DB_OPEN_READ;
        db->statements = g_hash_table_new_full(g_direct_hash, g_direct_equal, NULL,
                                               (GDestroyNotify)db_statement_free);
        if (!db_engine_open(db, mode, timeout_ms, error))
                return NULL;
        return g_steal_pointer(&db);
}

Db *
db_open(const char *path, bool create, int timeout_ms, GError **error)
{
        return open_db(path, create ? DB_OPEN_CREATE : DB_OPEN_WRITE, timeout_ms, error);
}

Db *
db_open_readonly(const char *path, int timeout_ms, GError **error)
{
        return open_db(path, DB_OPEN_READ, timeout_ms, error);
}

Db *
db_open_shared(const char *path, int timeout_ms, GError **error)
{
        Db *db = db_open(path, false, timeout_ms, error);

        if (db != NULL)
                db->reading = g_ptr_array_new();
        return db;
}

void
db_write_through(Db *db, DbWriter *writer)
{
        db->writer = writer;
        db->alone = false;
}

bool
db_is_wide(const Db *db)
{
        return db->wide;
}

void
db_close(Db *db)
{
        if (db == NULL)
                return;
        g_hash_table_unref(db->statements);
        db_engine_close(db);
        g_clear_pointer(&db->reading, g_ptr_array_unref);
        db_context_forget(db);
        g_free(db->time_text);
        g_free(db->bell);
        g_free(db->path);
        g_free(db);
}

const char *
db_path(const Db *db)
{
        return db->path;
}

/* ---- transactions --------------------------------------------------------------------------- */

bool
db_word(Db *db, DbWord word, GError **error)
{
        static const DbSql words[] = {
                [DB_WORD_BEGIN] = { "BEGIN", "BEGIN IMMEDIATE", "BEGIN", "" },
                [DB_WORD_COMMIT] = { "COMMIT", "COMMIT", "COMMIT", "" },
                [DB_WORD_ROLLBACK] = { "ROLLBACK", "ROLLBACK", "ROLLBACK", "" },
                [DB_WORD_PART] = { "PART", "SAVEPOINT part", "SAVEPOINT part", "" },
                [DB_WORD_PART_END] = { "PART END", "RELEASE SAVEPOINT part",
                                       "RELEASE SAVEPOINT part", "" },
                [DB_WORD_PART_BACK] = { "PART BACK", "ROLLBACK TO SAVEPOINT part",
                                        "ROLLBACK TO SAVEPOINT part", "" },
                [DB_WORD_SAVE] = { "SAVEPOINT", "SAVEPOINT sp", "SAVEPOINT sp", "" },
                [DB_WORD_SAVE_END] = { "RELEASE SAVEPOINT", "RELEASE SAVEPOINT sp",
                                       "RELEASE SAVEPOINT sp", "" },
                [DB_WORD_SAVE_BACK] = { "ROLLBACK TO SAVEPOINT", "ROLLBACK TO SAVEPOINT sp",
                                        "ROLLBACK TO SAVEPOINT sp", "" },
        };
        g_autoptr(DbStatement) st = db_statement_take(db, &words[word], error);
        bool row;

        return st != NULL && db_statement_step(st, &row, error);
}

/* Begins it in the engine, where it runs, with its context. */
static bool
enter(DbTx *tx, GError **error)
{
        Db *db = tx->db;

        if (db->writer != NULL && !db->alone) {
                tx->writer = db->writer;
                tx->on = db_writer_begin(tx->writer, tx, tx->origin, tx->trace, error);
                return tx->on != NULL;
        }
        tx->on = db;
        if (!db_word(db, DB_WORD_BEGIN, error))
                return false;
        if (db_context_put(db, tx->origin, tx->trace, error))
                return true;
        (void)!db_word(db, DB_WORD_ROLLBACK, NULL);
        db_context_forget(db);
        return false;
}

static void
free_tx(DbTx *tx)
{
        tx->db->tx = NULL;
        g_free(tx->trace);
        g_free(tx->origin);
        g_free(tx);
}

DbTx *
db_begin_from(Db *db, const char *trace, const char *origin, GError **error)
{
        if (db->tx != NULL) {
                uk_fail(error, UK_ERROR_BROKEN, "a transaction is open already on %s", db->path);
                return NULL;
        }
        if (db->readonly) {
                uk_fail(error, UK_ERROR_BROKEN, "%s was opened for reading only", db->path);
                return NULL;
        }
        DbTx *tx = g_new0(DbTx, 1);
        tx->db = db;
        tx->trace = g_strdup(trace != NULL ? trace : "");
        tx->origin = g_strdup(origin != NULL ? origin : "");
        if (!enter(tx, error)) {
                free_tx(tx);
                return NULL;
        }
        db->tx = tx;
        return tx;
}

DbTx *
db_begin(Db *db, GError **error)
{
        return db_begin_from(db, uk_trace_get(), NULL, error);
}

Db *
db_tx_db(DbTx *tx)
{
        return tx->db;
}

const char *
db_tx_trace(const DbTx *tx)
{
        return tx->trace;
}

void
db_rollback(DbTx *tx)
{
        if (tx == NULL)
                return;
        if (tx->writer != NULL) {
                db_writer_rollback(tx->writer);
        } else {
                if (db_engine_in_transaction(tx->db) && !db_word(tx->db, DB_WORD_ROLLBACK, NULL))
                        uk_error("Could not roll back a transaction of %s.", tx->db->path);
                db_context_forget(tx->db);
        }
        free_tx(tx);
}

/* A full disk may make the engine end the transaction by itself; a statement run then would be
 * committed alone. */
static bool
check_open(DbTx *tx, GError **error)
{
        if (db_engine_in_transaction(tx->on))
                return true;
        return uk_fail(error, UK_ERROR_DATABASE,
                       "the transaction on %s has ended after an earlier failure", tx->db->path);
}

/* A commit leaves the row of the context empty, so that a change made by hand carries nobody else's
 * trace. */
static bool
commit_alone(DbTx *tx, GError **error)
{
        if (!db_context_put(tx->db, "", "", error) || !db_word(tx->db, DB_WORD_COMMIT, error))
                return false;
        db_context_forget(tx->db);
        return true;
}

bool
db_commit(DbTx *tx_take, GError **error)
{
        g_autoptr(DbTx) tx = tx_take;
        Db *db = tx->db;
        int fault;

        if (!check_open(tx, error))
                return false;
        fault = uk_fault_before(UK_FAULT_COMMIT, db->path);
        if (fault != 0)
                return uk_fail_errno(error, fault, "committing to %s", db->path);
        if (tx->writer != NULL) {
                bool committed = db_writer_commit(tx->writer, error);

                free_tx(g_steal_pointer(&tx));
                if (committed)
                        uk_fault_after(UK_FAULT_COMMIT, db->path);
                return committed;
        }
        if (!commit_alone(tx, error))
                return false;
        uk_fault_after(UK_FAULT_COMMIT, db->path);
        db_bell_ring(db);
        free_tx(g_steal_pointer(&tx));
        return true;
}

bool
db_savepoint(DbTx *tx, GError **error)
{
        return check_open(tx, error) && db_word(tx->on, DB_WORD_SAVE, error);
}

bool
db_savepoint_release(DbTx *tx, GError **error)
{
        return check_open(tx, error) && db_word(tx->on, DB_WORD_SAVE_END, error);
}

bool
db_savepoint_rollback(DbTx *tx, GError **error)
{
        return check_open(tx, error) && db_word(tx->on, DB_WORD_SAVE_BACK, error) &&
               db_word(tx->on, DB_WORD_SAVE_END, error);
}

/* ---- values by name ------------------------------------------------------------------------- */

static bool
check_value(const DbStatement *st, const DbArg *arg, GError **error)
{
        if (arg->type != DB_TYPE_TEXT || arg->data == NULL || g_utf8_validate(arg->data, -1, NULL))
                return true;
        return uk_fail(error, UK_ERROR_INVALID, "%s: %s is not valid UTF-8",
                       db_statement_sql(st)->name, arg->name);
}

static const DbArg *
find_arg(const DbArg *args, const char *name)
{
        for (; args->type != DB_TYPE_END; args++) {
                if (strcmp(args->name, name) == 0)
                        return args;
        }
        return NULL;
}

static guint
count_args(const DbArg *args)
{
        guint count = 0;

        while (args[count].type != DB_TYPE_END)
                count++;
        return count;
}

/* Binds every parameter of the statement; args mostly come in its order. */
static bool
bind_all(DbStatement *st, const DbArg *args, bool copy, GError **error)
{
        guint wanted = db_statement_parameters(st);
        guint given = count_args(args);
        const char *statement = db_statement_sql(st)->name;

        for (guint i = 0; i < wanted; i++) {
                const char *name = db_statement_parameter(st, i);
                const DbArg *arg = i < given && strcmp(args[i].name, name) == 0
                                           ? &args[i]
                                           : find_arg(args, name);
                if (arg == NULL)
                        return uk_fail(error, UK_ERROR_BROKEN, "%s: parameter %s has no value",
                                       statement, name);
                if (!check_value(st, arg, error) || !db_statement_bind(st, i, arg, copy, error))
                        return false;
        }
        if (given != wanted)
                return uk_fail(error, UK_ERROR_BROKEN, "%s: %u values for %u parameters", statement,
                               given, wanted);
        return true;
}

/* Where a connection's statements run now. */
static Db *
acting(Db *db)
{
        return db->tx != NULL ? db->tx->on : db;
}

/* On the connection that acts. */
static DbStatement *
start(Db *on, const DbSql *sql, const DbArg *args, bool copy, GError **error)
{
        g_autoptr(DbStatement) st = db_statement_take(on, sql, error);

        if (st == NULL)
                return NULL;
        if (on->tx != NULL && !check_open(on->tx, error))
                return NULL;
        if (on->tx == NULL && db_statement_writes(st)) {
                uk_fail(error, UK_ERROR_BROKEN, "%s writes, but no transaction is open", sql->name);
                return NULL;
        }
        if (!bind_all(st, args, copy, error))
                return NULL;
        return g_steal_pointer(&st);
}

static bool
find_context(Db *db, GError **error)
{
        gint64 count = 0;

        if (db->has_context)
                return true;
        if (!db_int(db, &sql_db_context_exists, DB_NO_ARGS, &count, NULL, error))
                return false;
        db->has_context = count > 0;
        return true;
}

void
db_context_forget(Db *db)
{
        g_clear_pointer(&db->origin, g_free);
        g_clear_pointer(&db->trace, g_free);
}

bool
db_context_put(Db *db, const char *origin, const char *trace, GError **error)
{
        const DbArg args[] = { DB_TEXT("origin", origin), DB_TEXT("trace", trace), DB_END };
        bool same = strcmp(db->origin != NULL ? db->origin : "", origin) == 0 &&
                    strcmp(db->trace != NULL ? db->trace : "", trace) == 0;

        if (same || !find_context(db, error))
                return same;
        if (!db->has_context)
                return true;
        g_autoptr(DbStatement) st = db_statement_take(db, &sql_db_context_set, error);
        bool row;

        if (st == NULL || !bind_all(st, args, false, error) || !db_statement_step(st, &row, error))
                return false;
        db_context_forget(db);
        db->origin = g_strdup(origin);
        db->trace = g_strdup(trace);
        return true;
}

bool
db_run_counted(DbTx *tx, const DbSql *sql, const DbArg *args, gint64 *changed_out, GError **error)
{
        g_autoptr(DbStatement) st = start(tx->on, sql, args, false, error);
        bool row = true;

        if (st == NULL)
                return false;
        while (row) {
                if (!db_statement_step(st, &row, error))
                        return false;
        }
        if (changed_out != NULL)
                *changed_out = db_engine_changes(tx->on);
        return true;
}

bool
db_run(DbTx *tx, const DbSql *sql, const DbArg *args, GError **error)
{
        return db_run_counted(tx, sql, args, NULL, error);
}

gint64
db_last_id(DbTx *tx)
{
        return db_engine_last_id(tx->on);
}

/* ---- rows into structs ---------------------------------------------------------------------- */

static int
find_column(const DbStatement *st, const char *name)
{
        int count = db_statement_columns(st);

        for (int i = 0; i < count; i++) {
                if (g_ascii_strcasecmp(db_statement_column_name(st, i), name) == 0)
                        return i;
        }
        return -1;
}

static bool
fail_column(const DbStatement *st, const char *name, const char *why, GError **error)
{
        return uk_fail(error, UK_ERROR_SCHEMA, "%s: column %s %s", db_statement_sql(st)->name, name,
                       why);
}

/* True when a cell of type have may go into a member of type want; NULL may go anywhere. */
static bool
fits(DbType want, DbType have)
{
        if (have == DB_TYPE_NULL)
                return true;
        if (want == DB_TYPE_TIME)
                return have == DB_TYPE_TEXT;
        if (want == DB_TYPE_REAL)
                return have == DB_TYPE_REAL || have == DB_TYPE_INT;
        return want == have;
}

static bool
read_time(const DbStatement *st, int index, gint64 *time_out, GError **error)
{
        const char *text = db_statement_bytes(st, index, NULL);
        g_autoptr(GError) why = NULL;

        *time_out = 0;
        if (text == NULL || uk_clock_parse(text, time_out, &why))
                return true;
        return uk_fail(error, UK_ERROR_DATABASE, "%s: column %s: %s", db_statement_sql(st)->name,
                       db_statement_column_name(st, index), why->message);
}

static bool
read_cell(const DbStatement *st, int index, const DbField *field, gpointer record, GError **error)
{
        gpointer member = G_STRUCT_MEMBER_P(record, field->offset);
        DbType have = db_statement_cell_type(st, index);
        gsize size = 0;

        if (!fits(field->type, have))
                return fail_column(st, field->column, "has another type than the program expects",
                                   error);
        switch (field->type) {
        case DB_TYPE_INT:
                *(gint64 *)member = db_statement_int(st, index);
                return true;
        case DB_TYPE_TIME:
                return read_time(st, index, member, error);
        case DB_TYPE_REAL:
                *(double *)member = db_statement_real(st, index);
                return true;
        case DB_TYPE_TEXT:
                *(char **)member = g_strdup(db_statement_bytes(st, index, NULL));
                return true;
        case DB_TYPE_BYTES: {
                const char *data = db_statement_bytes(st, index, &size);
                *(GBytes **)member = have == DB_TYPE_NULL ? NULL : g_bytes_new(data, size);
                return true;
        }
        case DB_TYPE_NULL:
        case DB_TYPE_END:
                break;
        }
        return fail_column(st, field->column, "is asked for without a type", error);
}

/* Text and bytes that were read before a later cell failed would be lost with the record. */
static void
forget_cells(const DbField *fields, const DbField *end, gpointer record)
{
        for (; fields < end; fields++) {
                gpointer member = G_STRUCT_MEMBER_P(record, fields->offset);
                if (fields->type == DB_TYPE_TEXT)
                        g_clear_pointer((char **)member, g_free);
                if (fields->type == DB_TYPE_BYTES)
                        g_clear_pointer((GBytes **)member, g_bytes_unref);
        }
}

/* NULL: a column is missing. */
static const int *
find_indexes(const DbRows *rows, const DbField *fields, GError **error)
{
        DbPlaces *places = db_statement_places(rows->st);
        guint count = 0;

        if (places->fields == fields)
                return places->indexes;
        while (fields[count].column != NULL)
                count++;
        places->fields = NULL;
        places->indexes = g_renew(int, places->indexes, count);
        for (guint i = 0; i < count; i++) {
                places->indexes[i] = find_column(rows->st, fields[i].column);
                if (places->indexes[i] < 0) {
                        fail_column(rows->st, fields[i].column, "is missing", error);
                        return NULL;
                }
        }
        places->fields = fields;
        return places->indexes;
}

bool
db_read(DbRows *rows, const DbField *fields, gpointer record, GError **error)
{
        const int *indexes = find_indexes(rows, fields, error);

        if (indexes == NULL)
                return false;
        for (guint i = 0; fields[i].column != NULL; i++) {
                if (!read_cell(rows->st, indexes[i], &fields[i], record, error)) {
                        forget_cells(fields, &fields[i], record);
                        return false;
                }
        }
        return true;
}

DbRows *
db_query(Db *db, const DbSql *sql, const DbArg *args, GError **error)
{
        Db *on = acting(db);
        DbStatement *st = start(on, sql, args, true, error);

        if (st == NULL)
                return NULL;
        DbRows *rows = g_new0(DbRows, 1);
        rows->st = st;
        rows->on = on;
        if (on->reading != NULL)
                g_ptr_array_add(on->reading, rows);
        return rows;
}

bool
db_next(DbRows *rows, bool *row_out, GError **error)
{
        return rows->st != NULL ? db_statement_step(rows->st, row_out, error)
                                : uk_fail(error, UK_ERROR_BROKEN,
                                          "rows are read on after the end of their transaction");
}

void
db_rows_free(DbRows *rows)
{
        if (rows == NULL)
                return;
        if (rows->st != NULL && rows->on->reading != NULL)
                g_ptr_array_remove_fast(rows->on->reading, rows);
        if (rows->st != NULL)
                db_statement_release(rows->st);
        g_free(rows);
}

void
db_share(Db *db, DbTx *tx)
{
        for (guint i = 0; i < db->reading->len; i++) {
                DbRows *rows = db->reading->pdata[i];

                db_statement_release(g_steal_pointer(&rows->st));
        }
        g_ptr_array_set_size(db->reading, 0);
        db->tx = tx;
}

bool
db_column(DbRows *rows, const char *name, int *index_out, GError **error)
{
        int index = find_column(rows->st, name);

        if (index < 0)
                return fail_column(rows->st, name, "is missing", error);
        *index_out = index;
        return true;
}

int
db_columns(DbRows *rows)
{
        return db_statement_columns(rows->st);
}

const char *
db_column_name(DbRows *rows, int index)
{
        return db_statement_column_name(rows->st, index);
}

DbType
db_cell_type(DbRows *rows, int index)
{
        return db_statement_cell_type(rows->st, index);
}

gint64
db_cell_int(DbRows *rows, int index)
{
        return db_statement_int(rows->st, index);
}

double
db_cell_real(DbRows *rows, int index)
{
        return db_statement_real(rows->st, index);
}

const char *
db_cell_text(DbRows *rows, int index, gsize *size_out)
{
        return db_statement_bytes(rows->st, index, size_out);
}

GPtrArray *
db_list(Db *db, const DbSql *sql, const DbArg *args, const DbField *fields, gsize size,
        GDestroyNotify free_record, GError **error)
{
        g_autoptr(DbRows) rows = db_query(db, sql, args, error);
        g_autoptr(GPtrArray) list = g_ptr_array_new_with_free_func(free_record);
        bool row = false;

        if (rows == NULL)
                return NULL;
        for (;;) {
                if (!db_next(rows, &row, error))
                        return NULL;
                if (!row)
                        return g_steal_pointer(&list);
                gpointer record = g_malloc0(size);
                g_ptr_array_add(list, record);
                if (!db_read(rows, fields, record, error))
                        return NULL;
        }
}

/* ---- one row, one value --------------------------------------------------------------------- */

/* The first row of a query, or NULL with *found_out false; with found_out NULL no row fails. */
static DbRows *
first_row(Db *db, const DbSql *sql, const DbArg *args, bool *found_out, GError **error)
{
        g_autoptr(DbRows) rows = db_query(db, sql, args, error);
        bool row = false;

        if (rows == NULL || !db_next(rows, &row, error))
                return NULL;
        if (!row && found_out == NULL) {
                uk_fail(error, UK_ERROR_NOT_FOUND, "%s: there is no such row", sql->name);
                return NULL;
        }
        if (found_out != NULL)
                *found_out = row;
        return g_steal_pointer(&rows);
}

bool
db_one(Db *db, const DbSql *sql, const DbArg *args, const DbField *fields, gpointer record,
       bool *found_out, GError **error)
{
        bool found = true;
        g_autoptr(DbRows) rows = first_row(db, sql, args, found_out ? &found : NULL, error);

        if (rows == NULL || (found && !db_read(rows, fields, record, error)))
                return false;
        if (found_out != NULL)
                *found_out = found;
        return true;
}

static bool
one_cell(Db *db, const DbSql *sql, const DbArg *args, DbType type, gpointer value_out,
         bool *found_out, GError **error)
{
        const DbField cell = { "value", type, 0 };
        bool found = true;
        g_autoptr(DbRows) rows = first_row(db, sql, args, found_out ? &found : NULL, error);

        if (rows == NULL || (found && !read_cell(rows->st, 0, &cell, value_out, error)))
                return false;
        if (found_out != NULL)
                *found_out = found;
        return true;
}

bool
db_int(Db *db, const DbSql *sql, const DbArg *args, gint64 *value_out, bool *found_out,
       GError **error)
{
        return one_cell(db, sql, args, DB_TYPE_INT, value_out, found_out, error);
}

bool
db_text(Db *db, const DbSql *sql, const DbArg *args, char **value_out, bool *found_out,
        GError **error)
{
        return one_cell(db, sql, args, DB_TYPE_TEXT, value_out, found_out, error);
}
