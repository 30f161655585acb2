/* Tests of src/db/migrate.c: steps, copies, refusals. */
#include "db/db.h"

#include "base/fault.h"
#include "fixture.h"

#define STEP_1                                                                                     \
        {                                                                                          \
                1, "0001_one", "CREATE TABLE One (A INTEGER) STRICT; INSERT INTO One VALUES (1);", \
                        ""                                                                         \
        }
#define STEP_2                                                                                \
        {                                                                                     \
                2, "0002_two", "ALTER TABLE One ADD COLUMN B TEXT; UPDATE One SET A = 2;", "" \
        }
#define BROKEN                                                                           \
        {                                                                                \
                2, "0002_two", "UPDATE One SET A = 3; CREATE TABLE One (A INTEGER);", "" \
        }
#define VIEWS_1                                                                                \
        {                                                                                      \
                0, "views-1", "DROP VIEW IF EXISTS v; CREATE VIEW v AS SELECT A FROM One;", "" \
        }
#define VIEWS_2                                                                                  \
        {                                                                                        \
                0, "views-2", "DROP VIEW IF EXISTS v; CREATE VIEW v AS SELECT A + 10 FROM One;", \
                        ""                                                                       \
        }

static const DbMigration first[] = { STEP_1, VIEWS_1 };
static const DbMigration second[] = { STEP_1, STEP_2, VIEWS_2 };
static const DbMigration broken[] = { STEP_1, BROKEN, VIEWS_2 };

static gint64
ask(Db *db, const char *question)
{
        const DbSql sql = { "question", question, "", "" };
        g_autoptr(GError) error = NULL;
        g_autoptr(DbRows) rows = db_query(db, &sql, DB_NO_ARGS, &error);
        bool row = false;

        g_assert_no_error(error);
        g_assert_true(db_next(rows, &row, &error) && row);
        return db_cell_int(rows, 0);
}

static int
number_of(Db *db)
{
        int number = -1;

        g_assert_true(db_schema_number(db, &number, NULL));
        return number;
}

/* The name of a copy that is made today. */
static char *
copy_of(Fixture *f, int number)
{
        g_autoptr(GDateTime) now = g_date_time_new_now_utc();
        g_autofree char *day = g_date_time_format(now, "%Y-%m-%d");

        return g_strdup_printf("%s.schema-%d.%s", f->path, number, day);
}

static bool
has_copy(Fixture *f, int number)
{
        g_autofree char *copy = copy_of(f, number);

        return g_file_test(copy, G_FILE_TEST_EXISTS);
}

/* A statement of a test must not be kept: its text changes under one address. */
static Db *
reopened(Fixture *f)
{
        g_clear_pointer(&f->db, db_close);
        f->db = fixture_open(f);
        return f->db;
}

static void
step_by_step(Fixture *f, gconstpointer unused)
{
        g_autoptr(GError) error = NULL;

        g_assert_cmpint(number_of(reopened(f)), ==, 0);
        g_assert_true(db_migrate(f->db, first, 2, &error));
        g_assert_cmpint(number_of(f->db), ==, 1);
        g_assert_false(has_copy(f, 0)); /* there was nothing to keep */
        g_assert_cmpint(ask(reopened(f), "SELECT * FROM v"), ==, 1);
        g_assert_true(db_migrate(f->db, second, 3, &error));
        g_assert_no_error(error);
        g_assert_cmpint(number_of(f->db), ==, 2);
        g_assert_cmpint(ask(reopened(f), "SELECT * FROM v"), ==, 12);
        g_assert_true(has_copy(f, 1));
}

static void
copy_is_the_old_database(Fixture *f, gconstpointer unused)
{
        g_autoptr(GError) error = NULL;
        g_autofree char *copy = copy_of(f, 1);
        bool given = geteuid() == 0 && chown(f->folder, 12345, 54321) == 0;
        struct stat st;

        g_assert_true(db_migrate(reopened(f), first, 2, &error) &&
                      db_migrate(f->db, second, 3, &error));
        /* Also where root restores an older backup, it belongs to whom the folder belongs. */
        g_assert_cmpint(stat(copy, &st), ==, 0);
        g_assert_true(!given || (st.st_uid == 12345 && st.st_gid == 54321));
        g_autoptr(Db) old = db_open_readonly(copy, 100, &error);
        g_assert_no_error(error);
        g_assert_cmpint(number_of(old), ==, 1);
        g_assert_cmpint(ask(old, "SELECT A FROM One"), ==, 1);
}

static void
views_only_when_they_changed(Fixture *f, gconstpointer unused)
{
        static const DbMigration third[] = { STEP_1, VIEWS_2 };
        g_autoptr(GError) error = NULL;
        gint64 before, after, later;

        g_assert_true(db_migrate(reopened(f), first, 2, &error));
        before = ask(f->db, "PRAGMA schema_version");
        g_assert_true(db_migrate(f->db, first, 2, &error));
        after = ask(reopened(f), "PRAGMA schema_version");
        g_assert_cmpint(after, ==, before);
        g_assert_true(db_migrate(f->db, third, 2, &error));
        g_assert_no_error(error);
        later = ask(reopened(f), "PRAGMA schema_version");
        g_assert_cmpint(later, >, before);
        g_assert_false(has_copy(f, 1));
        g_assert_false(has_copy(f, 0));
}

static void
failed_step_leaves_the_old(Fixture *f, gconstpointer unused)
{
        g_autoptr(GError) error = NULL;

        g_assert_true(db_migrate(reopened(f), first, 2, NULL));
        g_assert_false(db_migrate(f->db, broken, 3, &error));
        g_assert_nonnull(strstr(error->message, "0002_two"));
        g_assert_cmpint(number_of(f->db), ==, 1);
        g_assert_cmpint(ask(reopened(f), "SELECT A FROM One"), ==, 1);
}

/* Every point of a migration fails once; what is there afterwards is old or new, and the next
 * attempt ends well. */
static void
interrupted_at_every_point(Fixture *f, gconstpointer unused)
{
        bool done = false;

        for (int n = 1; !done; n++) {
                g_autofree char *plan = g_strdup_printf("fail:%d", n);
                g_assert_true(uk_io_unlink(f->path, NULL));
                g_assert_true(db_migrate(reopened(f), first, 2, NULL));
                uk_fault_set(plan);
                done = db_migrate(f->db, second, 3, NULL);
                uk_fault_set(NULL);
                g_assert_cmpint(ask(reopened(f), "SELECT A FROM One"), ==, number_of(f->db));
                g_assert_true(db_migrate(f->db, second, 3, NULL));
                g_assert_cmpint(number_of(f->db), ==, 2);
                g_assert_cmpint(n, <, 50);
        }
}

static void
newer_is_refused(Fixture *f, gconstpointer unused)
{
        g_autoptr(GError) migrate = NULL, check = NULL, early = NULL;

        g_assert_true(db_migrate(reopened(f), second, 3, NULL));
        g_assert_false(db_migrate(f->db, first, 2, &migrate));
        g_assert_error(migrate, UK_ERROR, UK_ERROR_SCHEMA);
        g_assert_nonnull(strstr(migrate->message, "schema 2"));
        g_assert_nonnull(strstr(migrate->message, "up to 1"));
        g_assert_false(db_schema_check(f->db, 1, &check));
        g_assert_error(check, UK_ERROR, UK_ERROR_SCHEMA);
        g_assert_true(db_schema_check(f->db, 2, NULL));
        g_assert_false(db_schema_check(f->db, 3, &early));
        g_assert_error(early, UK_ERROR, UK_ERROR_NOT_YET);
}

int
main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        FIXTURE_CASE("/db/migrate/step-by-step", fixture_empty, step_by_step);
        FIXTURE_CASE("/db/migrate/copy-is-the-old-database", fixture_empty,
                     copy_is_the_old_database);
        FIXTURE_CASE("/db/migrate/views-only-when-they-changed", fixture_empty,
                     views_only_when_they_changed);
        FIXTURE_CASE("/db/migrate/failed-step-leaves-the-old", fixture_empty,
                     failed_step_leaves_the_old);
        FIXTURE_CASE("/db/migrate/interrupted-at-every-point", fixture_empty,
                     interrupted_at_every_point);
        FIXTURE_CASE("/db/migrate/newer-is-refused", fixture_empty, newer_is_refused);
        return g_test_run();
}
