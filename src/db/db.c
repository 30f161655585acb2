/* db.c - what is common to the engines: connections, transactions with the faults and the bell,
 * values by name, rows into structs by column name.
 *
 * Knows no engine (db_private.h has their functions) and makes no SQL but the words of a
 * transaction.
 */
#include "db/db.h"

#include <string.h>

#include "base/clock.h"
#include "base/fault.h"
#include "base/log.h"
#include "db/db_context.sql.h"
#include "db/db_private.h"

struct DbTx {
        Db *db;
        char *trace;
        char *origin;
        bool context_set; /* the one-row table holds them and must be emptied before the commit */
};

struct DbRows {
        DbStatement *st;
        const DbField *fields; /* the table that indexes were looked up for */
        int *indexes;
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

void
db_close(Db *db)
{
        if (db == NULL)
                return;
        g_hash_table_unref(db->statements);
        db_engine_close(db);
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

static bool
write_context(DbTx *tx, const char *origin, const char *trace, GError **error)
{
        return db_run(tx, &sql_db_context_set,
                      DB_ARGS(DB_TEXT("origin", origin), DB_TEXT("trace", trace)), error);
}

/* A commit leaves the row empty, so that a change made by hand carries nobody else's trace. */
static bool
set_context(DbTx *tx, GError **error)
{
        if (tx->trace[0] == '\0' && tx->origin[0] == '\0')
                return true;
        if (!find_context(tx->db, error))
                return false;
        tx->context_set = tx->db->has_context;
        return !tx->context_set || write_context(tx, tx->origin, tx->trace, error);
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
        if (!db_engine_script(db, "BEGIN IMMEDIATE", error))
                return NULL;
        g_autoptr(DbTx) tx = g_new0(DbTx, 1);
        tx->db = db;
        tx->trace = g_strdup(trace != NULL ? trace : "");
        tx->origin = g_strdup(origin != NULL ? origin : "");
        db->tx = tx;
        if (!set_context(tx, error))
                return NULL;
        return g_steal_pointer(&tx);
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

static void
free_tx(DbTx *tx)
{
        tx->db->tx = NULL;
        g_free(tx->trace);
        g_free(tx->origin);
        g_free(tx);
}

void
db_rollback(DbTx *tx)
{
        if (tx == NULL)
                return;
        if (db_engine_in_transaction(tx->db) && !db_engine_script(tx->db, "ROLLBACK", NULL))
                uk_error("Could not roll back a transaction of %s.", tx->db->path);
        free_tx(tx);
}

/* A full disk may make the engine end the transaction by itself; a statement run then would be
 * committed alone. */
static bool
check_open(DbTx *tx, GError **error)
{
        if (db_engine_in_transaction(tx->db))
                return true;
        return uk_fail(error, UK_ERROR_DATABASE,
                       "the transaction on %s has ended after an earlier failure", tx->db->path);
}

bool
db_commit(DbTx *tx_take, GError **error)
{
        g_autoptr(DbTx) tx = tx_take;
        Db *db = tx->db;
        int fault;

        if (!check_open(tx, error) || (tx->context_set && !write_context(tx, "", "", error)))
                return false;
        fault = uk_fault_before(UK_FAULT_COMMIT, db->path);
        if (fault != 0)
                return uk_fail_errno(error, fault, "committing to %s", db->path);
        if (!db_engine_script(db, "COMMIT", error))
                return false;
        uk_fault_after(UK_FAULT_COMMIT, db->path);
        db_bell_ring(db);
        free_tx(g_steal_pointer(&tx));
        return true;
}

bool
db_savepoint(DbTx *tx, GError **error)
{
        return check_open(tx, error) && db_engine_script(tx->db, "SAVEPOINT sp", error);
}

bool
db_savepoint_release(DbTx *tx, GError **error)
{
        return check_open(tx, error) && db_engine_script(tx->db, "RELEASE SAVEPOINT sp", error);
}

bool
db_savepoint_rollback(DbTx *tx, GError **error)
{
        return check_open(tx, error) &&
               db_engine_script(tx->db, "ROLLBACK TO SAVEPOINT sp; RELEASE SAVEPOINT sp", error);
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

static DbStatement *
start(Db *db, const DbSql *sql, const DbArg *args, bool copy, GError **error)
{
        g_autoptr(DbStatement) st = db_statement_take(db, sql, error);

        if (st == NULL)
                return NULL;
        if (db->tx != NULL && !check_open(db->tx, error))
                return NULL;
        if (db->tx == NULL && db_statement_writes(st)) {
                uk_fail(error, UK_ERROR_BROKEN, "%s writes, but no transaction is open", sql->name);
                return NULL;
        }
        if (!bind_all(st, args, copy, error))
                return NULL;
        return g_steal_pointer(&st);
}

bool
db_run_counted(DbTx *tx, const DbSql *sql, const DbArg *args, gint64 *changed_out, GError **error)
{
        g_autoptr(DbStatement) st = start(tx->db, sql, args, false, error);
        bool row = true;

        if (st == NULL)
                return false;
        while (row) {
                if (!db_statement_step(st, &row, error))
                        return false;
        }
        if (changed_out != NULL)
                *changed_out = db_engine_changes(tx->db);
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
        return db_engine_last_id(tx->db);
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

static bool
find_indexes(DbRows *rows, const DbField *fields, GError **error)
{
        guint count = 0;

        if (rows->fields == fields)
                return true;
        while (fields[count].column != NULL)
                count++;
        rows->fields = NULL;
        rows->indexes = g_renew(int, rows->indexes, count);
        for (guint i = 0; i < count; i++) {
                rows->indexes[i] = find_column(rows->st, fields[i].column);
                if (rows->indexes[i] < 0)
                        return fail_column(rows->st, fields[i].column, "is missing", error);
        }
        rows->fields = fields;
        return true;
}

bool
db_read(DbRows *rows, const DbField *fields, gpointer record, GError **error)
{
        if (!find_indexes(rows, fields, error))
                return false;
        for (guint i = 0; fields[i].column != NULL; i++) {
                if (!read_cell(rows->st, rows->indexes[i], &fields[i], record, error)) {
                        forget_cells(fields, &fields[i], record);
                        return false;
                }
        }
        return true;
}

DbRows *
db_query(Db *db, const DbSql *sql, const DbArg *args, GError **error)
{
        DbStatement *st = start(db, sql, args, true, error);

        if (st == NULL)
                return NULL;
        DbRows *rows = g_new0(DbRows, 1);
        rows->st = st;
        return rows;
}

bool
db_next(DbRows *rows, bool *row_out, GError **error)
{
        return db_statement_step(rows->st, row_out, error);
}

void
db_rows_free(DbRows *rows)
{
        if (rows == NULL)
                return;
        db_statement_release(rows->st);
        g_free(rows->indexes);
        g_free(rows);
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
