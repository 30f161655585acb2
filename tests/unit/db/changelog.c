/* Tests of src/db/changelog.c. */
#include "db/changelog.h"

#include "fixture.h"
#include "things.sql.h"

static void
add(Db *db, const char *name)
{
        g_autoptr(GError) error = NULL;
        g_autoptr(DbTx) tx = fixture_begin(db);
        gint64 id = 0;

        MUST(db_int(db, &sql_things_add_returning, DB_ARGS(DB_TEXT("name", name)), &id, NULL,
                    &failure));
        fixture_commit(g_steal_pointer(&tx));
}

static void
enter(Db *db, const char *reader)
{
        g_autoptr(GError) error = NULL;
        g_autoptr(DbTx) tx = fixture_begin(db);

        MUST(changelog_register(tx, reader, &failure));
        fixture_commit(g_steal_pointer(&tx));
}

static void
advance(Db *db, const char *reader, gint64 seq)
{
        g_autoptr(GError) error = NULL;
        g_autoptr(DbTx) tx = fixture_begin(db);

        MUST(changelog_advance(tx, reader, seq, &failure));
        fixture_commit(g_steal_pointer(&tx));
}

/* The values a reader sees, joined; *last_out the number of the last. */
static char *
see(Db *db, const char *reader, guint max, gint64 *last_out)
{
        g_autoptr(GError) error = NULL;
        g_autoptr(GPtrArray) log = changelog_read(db, reader, max, &error);
        g_autoptr(GString) seen = g_string_new(NULL);

        g_assert_no_error(error);
        for (guint i = 0; i < log->len; i++) {
                const ChangelogEntry *entry = log->pdata[i];
                g_string_append_printf(seen, "%s%s", i > 0 ? " " : "", entry->value);
                if (last_out != NULL)
                        *last_out = entry->seq;
        }
        return g_string_free(g_steal_pointer(&seen), FALSE);
}

static gint64
count_log(Db *db)
{
        static const DbSql sql = { "count", "SELECT COUNT(*) FROM ChangeLog", "", "" };
        gint64 count = -1;

        g_assert_true(db_int(db, &sql, DB_NO_ARGS, &count, NULL, NULL));
        return count;
}

static void
readers_apart(Fixture *f, gconstpointer unused)
{
        gint64 last = 0;

        add(f->db, "before");
        enter(f->db, "one");
        add(f->db, "a");
        enter(f->db, "two");
        add(f->db, "b");
        g_autofree char *one = see(f->db, "one", 10, NULL);
        g_assert_cmpstr(one, ==, "a b");
        g_autofree char *two = see(f->db, "two", 10, &last);
        g_assert_cmpstr(two, ==, "b");
        g_autofree char *first = see(f->db, "one", 1, NULL);
        g_assert_cmpstr(first, ==, "a");
        advance(f->db, "two", last);
        g_autofree char *none = see(f->db, "two", 10, NULL);
        g_assert_cmpstr(none, ==, "");
        /* Rows stay as long as a reader has not passed them. */
        g_autofree char *still = see(f->db, "one", 10, &last);
        g_assert_cmpstr(still, ==, "a b");
        advance(f->db, "one", last);
        g_assert_cmpint(count_log(f->db), ==, 0);
}

static void
numbers_never_come_again(Fixture *f, gconstpointer unused)
{
        gint64 first = 0, second = 0;

        enter(f->db, "one");
        add(f->db, "a");
        g_free(see(f->db, "one", 10, &first));
        advance(f->db, "one", first);
        /* A second reader must not see what was gone, nor miss what comes. */
        enter(f->db, "two");
        add(f->db, "b");
        g_autofree char *seen = see(f->db, "two", 10, &second);
        g_assert_cmpstr(seen, ==, "b");
        g_assert_cmpint(second, >, first);
}

static void
backward_and_again(Fixture *f, gconstpointer unused)
{
        gint64 last = 0;

        enter(f->db, "one");
        enter(f->db, "two"); /* keeps the rows */
        add(f->db, "a");
        add(f->db, "b");
        g_free(see(f->db, "one", 10, &last));
        advance(f->db, "one", last);
        advance(f->db, "one", last - 1); /* a handler that ran twice */
        enter(f->db, "one");             /* a program that started again */
        g_autofree char *seen = see(f->db, "one", 10, NULL);
        g_assert_cmpstr(seen, ==, "");
}

static void
unknown_reader(Fixture *f, gconstpointer unused)
{
        g_autoptr(GError) read = NULL, move = NULL;
        g_autoptr(DbTx) tx = fixture_begin(f->db);

        g_assert_null(changelog_read(f->db, "nobody", 10, &read));
        g_assert_error(read, UK_ERROR, UK_ERROR_NOT_FOUND);
        g_assert_false(changelog_advance(tx, "nobody", 1, &move));
        g_assert_error(move, UK_ERROR, UK_ERROR_NOT_FOUND);
}

static void
rolled_back_leaves_nothing(Fixture *f, gconstpointer unused)
{
        enter(f->db, "one");
        {
                g_autoptr(DbTx) tx = fixture_begin(f->db);
                gint64 id = 0;
                g_assert_true(db_int(f->db, &sql_things_add_returning,
                                     DB_ARGS(DB_TEXT("name", "x")), &id, NULL, NULL));
        }
        g_autofree char *seen = see(f->db, "one", 10, NULL);
        g_assert_cmpstr(seen, ==, "");
}

/* An administrator's plain sqlite3 has none of our functions. */
static void
by_hand(Fixture *f, gconstpointer unused)
{
        g_autoptr(GError) error = NULL;
        g_autofree char *tool = g_find_program_in_path("sqlite3");

        if (tool == NULL) {
                g_test_skip("the program sqlite3 is not installed");
                return;
        }
        enter(f->db, "one");
        const char *argv[] = { tool, f->path, "INSERT INTO Things (Name) VALUES ('by hand')",
                               NULL };
        g_assert_true(
                g_spawn_sync(NULL, (char **)argv, NULL, 0, NULL, NULL, NULL, NULL, NULL, &error));
        g_assert_no_error(error);
        g_autofree char *seen = see(f->db, "one", 10, NULL);
        g_assert_cmpstr(seen, ==, "by hand");
}

int
main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        FIXTURE_CASE("/db/changelog/readers-apart", fixture_setup, readers_apart);
        FIXTURE_CASE("/db/changelog/numbers-never-come-again", fixture_setup,
                     numbers_never_come_again);
        FIXTURE_CASE("/db/changelog/backward-and-again", fixture_setup, backward_and_again);
        FIXTURE_CASE("/db/changelog/unknown-reader", fixture_setup, unknown_reader);
        FIXTURE_CASE("/db/changelog/rolled-back-leaves-nothing", fixture_setup,
                     rolled_back_leaves_nothing);
        FIXTURE_CASE("/db/changelog/by-hand", fixture_setup, by_hand);
        return g_test_run();
}
