/* db_private.h - what the files of this folder share: the connection, and the few functions that
 * an engine gives (db_sqlite.c). Nothing outside src/db sees it.
 */
#pragma once

#include "db/db.h"

/* A prepared statement of an engine. */
typedef struct DbStatement DbStatement;

struct Db {
        char *path;
        char *bell; /* "<path>.bell" */
        bool readonly;
        bool has_context;       /* the schema has a change log; looked up until it is true */
        gpointer handle;        /* the engine's connection */
        GHashTable *statements; /* const DbSql * -> DbStatement *, one kept for each */
        DbTx *tx;               /* the open transaction; borrowed */
        DbWriter *writer;       /* its transactions go through it; NULL: they are its own */
        bool alone;             /* they are its own all the same */
        bool wide;              /* it has a cache of another size than usual */
        GPtrArray *reading;     /* of a writer's connection: DbRows * of the open transaction */
        char *origin, *trace;   /* what the row of the context holds; NULL: nothing */
        gint64 time_us;         /* the last time that was bound, */
        char *time_text;        /* and its text */
};

/* The words of a transaction; a part is one of several that are committed together. */
typedef enum {
        DB_WORD_BEGIN,
        DB_WORD_COMMIT,
        DB_WORD_ROLLBACK,
        DB_WORD_PART,
        DB_WORD_PART_END,
        DB_WORD_PART_BACK,
        DB_WORD_SAVE,
        DB_WORD_SAVE_END,
        DB_WORD_SAVE_BACK,
} DbWord;
/* Runs one of them; prepared once for each connection. */
bool db_word(Db *db, DbWord word, GError **error) UK_MUST_USE;
/* Has the row that the triggers of the change log read say so, if the schema has one and it does
 * not say so already; after the end of the engine's transaction it says nothing. */
bool db_context_put(Db *db, const char *origin, const char *trace, GError **error) UK_MUST_USE;
void db_context_forget(Db *db);

/* A connection for db_writer.c. db_share gives it to a transaction, or (NULL) takes it back: rows
 * that the transaction has not read to their end cannot be read any more. */
Db *db_open_shared(const char *path, int timeout_ms, GError **error) UK_MUST_USE;
void db_share(Db *db, DbTx *tx);
/* Begins a transaction of the writer; the connection that it runs on, or NULL. The two that end it:
 * of a commit that failed nothing is left. */
Db *db_writer_begin(DbWriter *writer, DbTx *tx, const char *origin, const char *trace,
                    GError **error) UK_MUST_USE;
bool db_writer_commit(DbWriter *writer, GError **error) UK_MUST_USE;
void db_writer_rollback(DbWriter *writer);

typedef enum {
        DB_OPEN_CREATE,
        DB_OPEN_WRITE,
        DB_OPEN_READ,
} DbOpenMode;

/* Opens db->path and sets the connection up; closes the engine's end of it. */
bool db_engine_open(Db *db, DbOpenMode mode, int timeout_ms, GError **error) UK_MUST_USE;
void db_engine_close(Db *db);
/* Runs a script of constants of ours. */
bool db_engine_script(Db *db, const char *script, GError **error) UK_MUST_USE;
/* True while the engine itself is in a transaction; a full disk may have ended it. */
bool db_engine_in_transaction(Db *db);
gint64 db_engine_changes(Db *db);
gint64 db_engine_last_id(Db *db);

/* A statement ready for binding, taken from the kept ones, or a further one when that is in use.
 * Given back with db_statement_release. */
DbStatement *db_statement_take(Db *db, const DbSql *sql, GError **error) UK_MUST_USE;
void db_statement_release(DbStatement *st);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(DbStatement, db_statement_release)
/* Frees a kept statement for good; for the table of statements. */
void db_statement_free(DbStatement *st);
const DbSql *db_statement_sql(const DbStatement *st);
/* Where the columns of a table of fields stand in the statement's rows; made by db.c, kept with it.
 */
typedef struct {
        const DbField *fields; /* NULL: not looked up yet */
        int *indexes;
} DbPlaces;
DbPlaces *db_statement_places(DbStatement *st);
bool db_statement_writes(const DbStatement *st);
guint db_statement_parameters(const DbStatement *st);
const char *db_statement_parameter(const DbStatement *st, guint index); /* without the colon */
/* copy: the bytes may go before the statement is done. */
bool db_statement_bind(DbStatement *st, guint index, const DbArg *arg, bool copy,
                       GError **error) UK_MUST_USE;
bool db_statement_step(DbStatement *st, bool *row_out, GError **error) UK_MUST_USE;
int db_statement_columns(const DbStatement *st);
const char *db_statement_column_name(const DbStatement *st, int index);
/* INT, REAL, TEXT, BYTES or NULL. */
DbType db_statement_cell_type(const DbStatement *st, int index);
gint64 db_statement_int(const DbStatement *st, int index);
double db_statement_real(const DbStatement *st, int index);
/* Text or bytes, borrowed until the next step; NUL-terminated. */
const char *db_statement_bytes(const DbStatement *st, int index, gsize *size_out);

/* Rings the bell after a commit; a bell that cannot be rung is no failure, since readers look at
 * the data version as well. */
void db_bell_ring(const Db *db);
