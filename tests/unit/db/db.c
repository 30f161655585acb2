/* Tests of src/db/db.c: transactions, values by name, rows by column name. */
#include "db/db.h"

#include "base/clock.h"
#include "base/fault.h"
#include "base/log.h"
#include "fixture.h"
#include "things.sql.h"

#define NAMED(name_)                                                                         \
        DB_ARGS(DB_TEXT("name", name_), DB_NULL("number"), DB_NULL("size"), DB_NULL("data"), \
                DB_NULL("at"), DB_NULL("parent"))

typedef struct {
        char *name;
        gint64 number;
        double size;
        GBytes *data;
        gint64 at;
        gint64 parent;
} Thing;

static const DbField fields[] = {
        DB_FIELD(TEXT, Thing, name, "Name"),
        DB_FIELD(INT, Thing, number, "Number"),
        DB_FIELD(REAL, Thing, size, "size"),
        DB_FIELD(BYTES, Thing, data, "Data"),
        DB_FIELD(TIME, Thing, at, "At"),
        DB_FIELD(INT, Thing, parent, "ParentID"),
        DB_FIELD_END,
};

static void
thing_clear(Thing *thing)
{
        g_clear_pointer(&thing->name, g_free);
        g_clear_pointer(&thing->data, g_bytes_unref);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Thing, thing_clear)

static gint64
count_things(Db *db)
{
        g_autoptr(GError) error = NULL;
        gint64 count = -1;

        MUST(db_int(db, &sql_things_count, DB_NO_ARGS, &count, NULL, &failure));
        return count;
}

static void
add_named(DbTx *tx, const char *name)
{
        g_autoptr(GError) error = NULL;

        MUST(db_run(tx, &sql_things_add, NAMED(name), &failure));
}

static void
every_type(Fixture *f, gconstpointer unused)
{
        g_autoptr(GError) error = NULL;
        g_auto(Thing) thing = { 0 };
        g_autoptr(DbTx) tx = fixture_begin(f->db);
        gint64 at = 1768929535123000; /* 2026-01-20T17:18:55.123Z by date -u -d @1768929535 */

        /* In another order than the statement names them. */
        MUST(db_run(tx, &sql_things_add,
                    DB_ARGS(DB_TIME("at", at), DB_TEXT("name", "größe"), DB_NULL("parent"),
                            DB_REAL("size", 1.5), DB_BYTES("data", "a\0b", 3),
                            DB_INT("number", G_MININT64)),
                    &failure));
        fixture_commit(g_steal_pointer(&tx));
        MUST(db_one(f->db, &sql_things_get, DB_ARGS(DB_TEXT("name", "größe")), fields, &thing, NULL,
                    &failure));
        g_assert_cmpstr(thing.name, ==, "größe");
        g_assert_cmpint(thing.number, ==, G_MININT64);
        g_assert_cmpfloat(thing.size, ==, 1.5);
        g_assert_cmpmem(g_bytes_get_data(thing.data, NULL), g_bytes_get_size(thing.data), "a\0b",
                        3);
        g_assert_cmpint(thing.at, ==, at);
        g_assert_cmpint(thing.parent, ==, 0);
}

static void
null_is_zero(Fixture *f, gconstpointer unused)
{
        g_autoptr(GError) error = NULL;
        Thing thing = { 0 };
        g_autoptr(DbTx) tx = fixture_begin(f->db);

        MUST(db_run(tx, &sql_things_add,
                    DB_ARGS(DB_TEXT("name", "n"), DB_NULL("number"), DB_NULL("size"),
                            DB_BYTES("data", NULL, 0), DB_TIME_OR_NULL("at", (gint64)0),
                            DB_NULL("parent")),
                    &failure));
        /* Seen within the transaction, before the commit. */
        MUST(db_one(db_tx_db(tx), &sql_things_get, DB_ARGS(DB_TEXT("name", "n")), fields, &thing,
                    NULL, &failure));
        g_assert_null(thing.data);
        g_assert_cmpint(thing.at, ==, 0);
        g_assert_cmpfloat(thing.size, ==, 0.0);
        thing_clear(&thing);
}

static void
values_must_fit(Fixture *f, gconstpointer unused)
{
        g_autoptr(DbTx) tx = fixture_begin(f->db);
        const struct {
                const DbArg *args;
                UkErrorCode code;
                const char *part;
        } bad[] = {
                { DB_ARGS(DB_TEXT("from", "a")), UK_ERROR_BROKEN, "parameter to has no value" },
                { DB_ARGS(DB_TEXT("from", "a"), DB_TEXT("to", "b"), DB_INT("more", 1)),
                  UK_ERROR_BROKEN, "3 values for 2 parameters" },
                { DB_ARGS(DB_TEXT("from", "a"), DB_TEXT("To", "b")), UK_ERROR_BROKEN,
                  "parameter to has no value" },
                { DB_ARGS(DB_TEXT("from", "a"), DB_TEXT("to", "\xff")), UK_ERROR_INVALID,
                  "to is not valid UTF-8" },
        };

        for (gsize i = 0; i < G_N_ELEMENTS(bad); i++) {
                g_autoptr(GError) error = NULL;
                g_assert_false(db_run(tx, &sql_things_rename, bad[i].args, &error));
                g_assert_error(error, UK_ERROR, (int)bad[i].code);
                g_assert_nonnull(strstr(error->message, "things_rename"));
                g_assert_nonnull(strstr(error->message, bad[i].part));
        }
}

static void
constraints(Fixture *f, gconstpointer unused)
{
        g_autoptr(GError) twice = NULL, foreign = NULL, missing = NULL;
        g_autoptr(DbTx) tx = fixture_begin(f->db);

        add_named(tx, "a");
        g_assert_false(db_run(tx, &sql_things_add, NAMED("a"), &twice));
        g_assert_error(twice, UK_ERROR, UK_ERROR_EXISTS);
        g_assert_false(db_run(tx, &sql_things_add, NAMED(NULL), &missing));
        g_assert_error(missing, UK_ERROR, UK_ERROR_INVALID);
        g_assert_false(db_run(tx, &sql_things_add,
                              DB_ARGS(DB_TEXT("name", "b"), DB_NULL("number"), DB_NULL("size"),
                                      DB_NULL("data"), DB_NULL("at"), DB_INT("parent", 99)),
                              &foreign));
        g_assert_error(foreign, UK_ERROR, UK_ERROR_INVALID);
}

static void
rollback_by_scope(Fixture *f, gconstpointer unused)
{
        {
                g_autoptr(DbTx) tx = fixture_begin(f->db);
                add_named(tx, "lost");
        }
        g_assert_cmpint(count_things(f->db), ==, 0);
        g_autoptr(DbTx) again = fixture_begin(f->db);
        add_named(again, "kept");
        fixture_commit(g_steal_pointer(&again));
        g_assert_cmpint(count_things(f->db), ==, 1);
}

static void
one_at_a_time(Fixture *f, gconstpointer unused)
{
        g_autoptr(GError) error = NULL;
        g_autoptr(DbTx) tx = fixture_begin(f->db);

        g_assert_null(db_begin(f->db, &error));
        g_assert_error(error, UK_ERROR, UK_ERROR_BROKEN);
}

static void
writes_need_a_transaction(Fixture *f, gconstpointer unused)
{
        g_autoptr(GError) error = NULL;
        gint64 id = 0;

        g_assert_false(db_int(f->db, &sql_things_add_returning, DB_ARGS(DB_TEXT("name", "x")), &id,
                              NULL, &error));
        g_assert_error(error, UK_ERROR, UK_ERROR_BROKEN);
        g_assert_cmpint(count_things(f->db), ==, 0);
}

static void
savepoints(Fixture *f, gconstpointer unused)
{
        g_autoptr(GError) error = NULL;
        g_autoptr(DbTx) tx = fixture_begin(f->db);

        add_named(tx, "outer");
        g_assert_true(db_savepoint(tx, &error));
        add_named(tx, "bad");
        g_assert_true(db_savepoint(tx, &error));
        add_named(tx, "inner");
        g_assert_true(db_savepoint_release(tx, &error));
        g_assert_true(db_savepoint_rollback(tx, &error));
        g_assert_true(db_savepoint(tx, &error));
        add_named(tx, "good");
        g_assert_true(db_savepoint_release(tx, &error));
        g_assert_no_error(error);
        g_assert_false(db_savepoint_release(tx, NULL));
        fixture_commit(g_steal_pointer(&tx));
        g_assert_cmpint(count_things(f->db), ==, 2);
}

static void
counted(Fixture *f, gconstpointer unused)
{
        g_autoptr(GError) error = NULL;
        g_autoptr(DbTx) tx = fixture_begin(f->db);
        gint64 changed = -1, first = 0, second = 0;

        g_assert_true(db_int(f->db, &sql_things_add_returning, DB_ARGS(DB_TEXT("name", "x")),
                             &first, NULL, &error));
        add_named(tx, "y");
        second = db_last_id(tx);
        g_assert_cmpint(second, ==, first + 1);
        MUST(db_run_counted(tx, &sql_things_rename,
                            DB_ARGS(DB_TEXT("from", "x"), DB_TEXT("to", "z")), &changed, &failure));
        g_assert_cmpint(changed, ==, 1);
        MUST(db_run_counted(tx, &sql_things_rename,
                            DB_ARGS(DB_TEXT("to", "z"), DB_TEXT("from", "none")), &changed,
                            &failure));
        g_assert_cmpint(changed, ==, 0);
}

static void
no_row(Fixture *f, gconstpointer unused)
{
        g_autoptr(GError) error = NULL;
        g_auto(Thing) thing = { 0 };
        bool found = true;

        g_assert_true(db_one(f->db, &sql_things_get, DB_ARGS(DB_TEXT("name", "x")), fields, &thing,
                             &found, &error));
        g_assert_false(found);
        g_assert_false(db_one(f->db, &sql_things_get, DB_ARGS(DB_TEXT("name", "x")), fields, &thing,
                              NULL, &error));
        g_assert_error(error, UK_ERROR, UK_ERROR_NOT_FOUND);
        g_assert_null(thing.name);
}

static void
schema_must_fit(Fixture *f, gconstpointer unused)
{
        static const DbField extra[] = { DB_FIELD(TEXT, Thing, name, "Name"),
                                         DB_FIELD(TEXT, Thing, name, "Colour"), DB_FIELD_END };
        static const DbField wrong[] = { DB_FIELD(TEXT, Thing, name, "Name"),
                                         DB_FIELD(INT, Thing, number, "Data"), DB_FIELD_END };
        g_autoptr(GError) table = NULL, column = NULL, type = NULL, time = NULL;
        g_auto(Thing) thing = { 0 };
        g_autoptr(DbTx) tx = fixture_begin(f->db);

        MUST(db_run(tx, &sql_things_add,
                    DB_ARGS(DB_TEXT("name", "x"), DB_INT("number", 7), DB_NULL("size"),
                            DB_BYTES("data", "d", 1), DB_NULL("at"), DB_NULL("parent")),
                    &failure));
        g_assert_null(db_query(f->db, &sql_things_bad_table, DB_NO_ARGS, &table));
        g_assert_error(table, UK_ERROR, UK_ERROR_SCHEMA);
        g_assert_false(db_one(f->db, &sql_things_get, DB_ARGS(DB_TEXT("name", "x")), extra, &thing,
                              NULL, &column));
        g_assert_error(column, UK_ERROR, UK_ERROR_SCHEMA);
        g_assert_nonnull(strstr(column->message, "Colour"));
        g_assert_false(db_one(f->db, &sql_things_get, DB_ARGS(DB_TEXT("name", "x")), wrong, &thing,
                              NULL, &type));
        g_assert_error(type, UK_ERROR, UK_ERROR_SCHEMA);
        g_assert_null(thing.name); /* what was read before the failure is given back */
        static const DbField time_field[] = { DB_FIELD(TIME, Thing, at, "At"), DB_FIELD_END };
        g_assert_false(db_one(f->db, &sql_things_time_as_number, DB_ARGS(DB_TEXT("name", "x")),
                              time_field, &thing, NULL, &time));
        g_assert_error(time, UK_ERROR, UK_ERROR_SCHEMA);
}

static void
many_rows(Fixture *f, gconstpointer unused)
{
        g_autoptr(GError) error = NULL;
        g_autoptr(DbTx) tx = fixture_begin(f->db);
        bool row = false;
        int index = -1, seen = 0;

        for (int i = 0; i < 5; i++) {
                g_autofree char *name = g_strdup_printf("thing %d", i);
                add_named(tx, name);
        }
        g_autoptr(DbRows) rows = db_query(f->db, &sql_things_names, DB_NO_ARGS, &error);
        g_assert_true(db_column(rows, "NAME", &index, &error));
        g_assert_false(db_column(rows, "Colour", &index, NULL));
        while (db_next(rows, &row, &error) && row) {
                /* The same statement, while the first one is in use. */
                g_autoptr(DbRows) inner = db_query(f->db, &sql_things_names, DB_NO_ARGS, &error);
                g_assert_true(db_next(inner, &row, &error) && row);
                g_assert_cmpstr(db_cell_text(inner, 0, NULL), ==, "thing 0");
                g_autofree char *name = g_strdup_printf("thing %d", seen++);
                g_assert_cmpstr(db_cell_text(rows, index, NULL), ==, name);
        }
        g_assert_no_error(error);
        g_assert_cmpint(seen, ==, 5);
        g_autoptr(GPtrArray) all =
                db_list(f->db, &sql_things_names, DB_NO_ARGS,
                        (const DbField[]){ DB_FIELD(TEXT, Thing, name, "name"), DB_FIELD_END },
                        sizeof(Thing), NULL, &error);
        g_assert_cmpuint(all->len, ==, 5);
        for (guint i = 0; i < all->len; i++) {
                thing_clear(all->pdata[i]);
                g_free(all->pdata[i]);
        }
}

static void
commit_fails_whole(Fixture *f, gconstpointer unused)
{
        g_autoptr(GError) error = NULL;
        g_autoptr(DbTx) tx = fixture_begin(f->db);

        add_named(tx, "a");
        uk_fault_set("fail:1");
        g_assert_false(db_commit(g_steal_pointer(&tx), &error));
        g_assert_cmpuint(uk_fault_count(), ==, 1);
        uk_fault_set(NULL);
        g_assert_cmpint(uk_error_class(error), ==, UK_CLASS_LATER);
        g_assert_cmpint(count_things(f->db), ==, 0);
        /* The connection is as good as before. */
        tx = fixture_begin(f->db);
        add_named(tx, "a");
        fixture_commit(g_steal_pointer(&tx));
        g_assert_cmpint(count_things(f->db), ==, 1);
}

static void
a_writer_waits(Fixture *f, gconstpointer unused)
{
        g_autoptr(GError) error = NULL;
        g_autoptr(Db) other = db_open(f->path, false, 20, &error);
        g_autoptr(DbTx) tx = fixture_begin(f->db);

        g_assert_no_error(error);
        g_assert_null(db_begin(other, &error));
        g_assert_error(error, UK_ERROR, UK_ERROR_BUSY);
        g_assert_cmpint(count_things(other), ==, 0); /* a reader does not */
        fixture_commit(g_steal_pointer(&tx));
        g_autoptr(DbTx) mine = fixture_begin(other);
        g_assert_nonnull(mine);
}

/* The trace is that of the work, and a change by hand afterwards carries none. */
static void
trace_in_the_log(Fixture *f, gconstpointer unused)
{
        g_autoptr(GError) error = NULL;
        g_autoptr(DbTx) tx = fixture_begin(f->db);

        MUST(changelog_register(tx, "test", &failure));
        fixture_commit(g_steal_pointer(&tx));
        uk_trace_set("0af7651916cd43dd8448eb211c80319c");
        tx = fixture_begin(f->db);
        g_assert_cmpstr(db_tx_trace(tx), ==, "0af7651916cd43dd8448eb211c80319c");
        add_named(tx, "traced");
        fixture_commit(g_steal_pointer(&tx));
        uk_trace_set("");
        tx = db_begin_from(f->db, NULL, "CS1", &error);
        add_named(tx, "replicated");
        fixture_commit(g_steal_pointer(&tx));
        tx = fixture_begin(f->db);
        add_named(tx, "plain");
        fixture_commit(g_steal_pointer(&tx));
        g_autoptr(GPtrArray) log = changelog_read(f->db, "test", 10, &error);
        g_assert_no_error(error);
        g_assert_cmpuint(log->len, ==, 3);
        const ChangelogEntry *traced = log->pdata[0], *replicated = log->pdata[1],
                             *plain = log->pdata[2];
        g_assert_cmpstr(traced->trace, ==, "0af7651916cd43dd8448eb211c80319c");
        g_assert_cmpstr(traced->origin, ==, "");
        g_assert_cmpstr(replicated->trace, ==, "");
        g_assert_cmpstr(replicated->origin, ==, "CS1");
        g_assert_cmpstr(plain->trace, ==, "");
        g_assert_cmpstr(plain->origin, ==, "");
}

static void
missing_file(Fixture *f, gconstpointer unused)
{
        g_autoptr(GError) write = NULL, read = NULL, folder = NULL;
        g_autofree char *nowhere = g_build_filename(f->folder, "no", "folder", "x.db", NULL);

        g_assert_null(db_open(f->path, false, 10, &write));
        g_assert_error(write, UK_ERROR, UK_ERROR_NOT_YET);
        g_assert_null(db_open_readonly(f->path, 10, &read));
        g_assert_error(read, UK_ERROR, UK_ERROR_NOT_YET);
        g_assert_null(db_open(nowhere, true, 10, &folder));
        g_assert_error(folder, UK_ERROR, UK_ERROR_IO);
        g_assert_nonnull(strstr(folder->message, nowhere));
}

static void
readonly(Fixture *f, gconstpointer unused)
{
        g_autoptr(GError) error = NULL;
        g_autoptr(Db) reader = db_open_readonly(f->path, 10, &error);

        g_assert_no_error(error);
        g_assert_cmpint(count_things(reader), ==, 0);
        g_autoptr(DbTx) tx = db_begin(reader, &error);
        g_assert_null(tx);
        g_assert_error(error, UK_ERROR, UK_ERROR_BROKEN);
}

int
main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        FIXTURE_CASE("/db/db/every-type", fixture_setup, every_type);
        FIXTURE_CASE("/db/db/null-is-zero", fixture_setup, null_is_zero);
        FIXTURE_CASE("/db/db/values-must-fit", fixture_setup, values_must_fit);
        FIXTURE_CASE("/db/db/constraints", fixture_setup, constraints);
        FIXTURE_CASE("/db/db/rollback-by-scope", fixture_setup, rollback_by_scope);
        FIXTURE_CASE("/db/db/one-transaction-at-a-time", fixture_setup, one_at_a_time);
        FIXTURE_CASE("/db/db/writes-need-a-transaction", fixture_setup, writes_need_a_transaction);
        FIXTURE_CASE("/db/db/savepoints", fixture_setup, savepoints);
        FIXTURE_CASE("/db/db/counted", fixture_setup, counted);
        FIXTURE_CASE("/db/db/no-row", fixture_setup, no_row);
        FIXTURE_CASE("/db/db/schema-must-fit", fixture_setup, schema_must_fit);
        FIXTURE_CASE("/db/db/many-rows", fixture_setup, many_rows);
        FIXTURE_CASE("/db/db/commit-fails-whole", fixture_setup, commit_fails_whole);
        FIXTURE_CASE("/db/db/a-writer-waits", fixture_setup, a_writer_waits);
        FIXTURE_CASE("/db/db/trace-in-the-log", fixture_setup, trace_in_the_log);
        FIXTURE_CASE("/db/db/missing-file", fixture_empty, missing_file);
        FIXTURE_CASE("/db/db/readonly", fixture_setup, readonly);
        return g_test_run();
}
