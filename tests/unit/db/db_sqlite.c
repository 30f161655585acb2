/* Tests of src/db/db_sqlite.c and db_bell.c: the copy, the check, a damaged or full file, and the
 * two ways to learn of other people's commits. */
#include "db/db.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fault.h"
#include "fixture.h"
#include "things.sql.h"

static void
fill(Db *db, const char *name, gint64 size)
{
        g_autoptr(GError) error = NULL;
        g_autoptr(DbTx) tx = fixture_begin(db);

        MUST(db_run(tx, &sql_things_fill, DB_ARGS(DB_TEXT("name", name), DB_INT("size", size)),
                    &failure));
        fixture_commit(g_steal_pointer(&tx));
}

static gint64
count_things(Db *db)
{
        gint64 count = -1;

        g_assert_true(db_int(db, &sql_things_count, DB_NO_ARGS, &count, NULL, NULL));
        return count;
}

static void
copy_while_others_write(Fixture *f, gconstpointer unused)
{
        g_autoptr(GError) error = NULL;
        g_autofree char *to = g_build_filename(f->folder, "copy.db", NULL);
        g_autoptr(Db) other = db_open(f->path, false, 100, &error);
        g_autofree char *problems = NULL;

        fill(f->db, "committed", 100000);
        g_autoptr(DbTx) open = fixture_begin(other);
        g_assert_true(db_run(open, &sql_things_fill,
                             DB_ARGS(DB_TEXT("name", "not committed"), DB_INT("size", 10)),
                             &error));
        g_assert_true(db_backup(f->db, to, &error));
        g_assert_no_error(error);
        g_autoptr(Db) copy = db_open(to, false, 100, &error);
        g_assert_no_error(error);
        g_assert_cmpint(count_things(copy), ==, 1);
        g_assert_true(db_check(copy, &problems, &error));
        g_assert_null(problems);
}

/* In the moment of a copy nobody can commit; what comes right after it is not in the copy. */
static bool
nobody_commits(gpointer user, GError **error)
{
        Fixture *f = user;
        g_autoptr(GError) busy = NULL;
        g_autoptr(Db) other = db_open(f->path, false, 0, error);

        g_assert_nonnull(other);
        g_assert_null(db_begin(other, &busy));
        g_assert_error(busy, UK_ERROR, UK_ERROR_BUSY);
        return true;
}

static bool
gives_up(gpointer user, GError **error)
{
        return uk_fail(error, UK_ERROR_FULL, "no room for links");
}

static void
copy_of_a_moment(Fixture *f, gconstpointer unused)
{
        g_autoptr(GError) error = NULL;
        g_autofree char *to = g_build_filename(f->folder, "copy.db", NULL);

        fill(f->db, "before", 10);
        g_assert_false(db_backup_with(f->db, gives_up, f, to, &error));
        g_assert_error(error, UK_ERROR, UK_ERROR_FULL);
        g_clear_error(&error);
        g_assert_false(g_file_test(to, G_FILE_TEST_EXISTS));
        fill(f->db, "it is free again", 10);
        MUST(db_backup_with(f->db, nobody_commits, f, to, &failure));
        fill(f->db, "after", 10);
        g_autoptr(Db) copy = db_open(to, false, 100, &error);
        g_assert_no_error(error);
        g_assert_cmpint(count_things(copy), ==, 2);
}

static void
copy_fails_and_leaves_nothing(Fixture *f, gconstpointer unused)
{
        g_autofree char *to = g_build_filename(f->folder, "copy.db", NULL);
        g_autofree char *part = g_strconcat(to, ".part", NULL);
        bool done = false;

        fill(f->db, "a", 10);
        for (int n = 1; !done; n++) {
                g_autofree char *plan = g_strdup_printf("fail:%d", n);
                g_autoptr(GError) error = NULL;
                g_assert_true(uk_io_unlink(to, NULL));
                uk_fault_set(plan);
                done = db_backup(f->db, to, &error);
                uk_fault_set(NULL);
                g_assert_true(done || error != NULL);
                g_assert_false(g_file_test(part, G_FILE_TEST_EXISTS));
                g_assert_cmpint(n, <, 20);
        }
        g_autoptr(Db) copy = db_open(to, false, 100, NULL);
        g_assert_cmpint(count_things(copy), ==, 1);
}

static void
check_finds_a_lost_row(Fixture *f, gconstpointer unused)
{
        static const DbSql off = { "off", "PRAGMA foreign_keys = OFF", "", "" };
        static const DbSql orphan = { "orphan",
                                      "INSERT INTO Things (Name, ParentID) VALUES ('o', 77)", "",
                                      "" };
        g_autoptr(GError) error = NULL;
        g_autofree char *clean = NULL, *problems = NULL;
        g_autoptr(DbRows) pragma = db_query(f->db, &off, DB_NO_ARGS, &error);
        bool row = false;

        g_assert_true(db_check(f->db, &clean, &error));
        g_assert_null(clean);
        g_assert_true(db_next(pragma, &row, &error));
        g_autoptr(DbTx) tx = fixture_begin(f->db);
        g_assert_true(db_run(tx, &orphan, DB_NO_ARGS, &error));
        fixture_commit(g_steal_pointer(&tx));
        g_assert_true(db_check(f->db, &problems, &error));
        g_assert_cmpstr(problems, ==, "row 1 of Things refers to a missing row of Things\n");
}

static void
damaged_file(Fixture *f, gconstpointer unused)
{
        g_autoptr(GError) foreign = NULL, torn = NULL;
        g_autofree char *text = g_build_filename(f->folder, "text.db", NULL);
        g_autofree char *noise = g_strnfill(100000, 'x');
        UK_AUTOFD fd = -1;

        g_assert_true(uk_io_replace(text, noise, 5000, 0600, NULL));
        g_assert_null(db_open(text, true, 10, &foreign));
        g_assert_error(foreign, UK_ERROR, UK_ERROR_BROKEN);
        g_assert_nonnull(strstr(foreign->message, text));
        g_assert_cmpint(uk_error_class(foreign), ==, UK_CLASS_HALT);

        fill(f->db, "a", 200000);
        g_clear_pointer(&f->db, db_close); /* the last one writes the WAL back */
        fd = open(f->path, O_WRONLY);
        g_assert_true(uk_io_pwrite(fd, noise, 100000, 4096, f->path, NULL));
        f->db = db_open(f->path, false, 10, &torn);
        g_autoptr(DbTx) tx = f->db != NULL ? db_begin(f->db, &torn) : NULL;
        if (tx != NULL)
                g_assert_false(db_run(tx, &sql_things_rename,
                                      DB_ARGS(DB_TEXT("from", "a"), DB_TEXT("to", "b")), &torn));
        g_assert_error(torn, UK_ERROR, UK_ERROR_BROKEN);
}

/* The engine ends the transaction by itself; nothing after that may be committed alone. */
static void
full_disk(Fixture *f, gconstpointer unused)
{
        static const DbSql limit = { "limit", "PRAGMA max_page_count = 30", "", "" };
        g_autoptr(GError) error = NULL, commit = NULL;
        g_autoptr(DbRows) pragma = db_query(f->db, &limit, DB_NO_ARGS, &error);
        bool row = false, more = true;

        g_assert_true(db_next(pragma, &row, &error));
        g_clear_pointer(&pragma, db_rows_free);
        g_autoptr(DbTx) tx = fixture_begin(f->db);
        for (int i = 0; more; i++) {
                g_autofree char *name = g_strdup_printf("%d", i);
                more = db_run(tx, &sql_things_fill,
                              DB_ARGS(DB_TEXT("name", name), DB_INT("size", 20000)), &error);
                g_assert_cmpint(i, <, 100);
        }
        g_assert_error(error, UK_ERROR, UK_ERROR_FULL);
        /* Whether this is refused or not, it must not outlive the transaction. */
        more = db_run(tx, &sql_things_fill, DB_ARGS(DB_TEXT("name", "after"), DB_INT("size", 1)),
                      NULL);
        db_rollback(g_steal_pointer(&tx));
        g_assert_cmpint(count_things(f->db), ==, 0);
        fill(f->db, "fits", 10);
        g_assert_cmpint(count_things(f->db), ==, 1);
}

static bool
rings(int fd)
{
        struct pollfd watch = { .fd = fd, .events = POLLIN };

        return poll(&watch, 1, 0) == 1;
}

static void
bell_after_the_commit(Fixture *f, gconstpointer unused)
{
        g_autoptr(GError) error = NULL;
        g_autoptr(Db) other = db_open(f->path, false, 100, &error);
        UK_AUTOFD bell = db_bell_open(other, &error);

        g_assert_no_error(error);
        g_assert_cmpint(bell, >=, 0);
        g_assert_false(rings(bell));
        g_autoptr(DbTx) tx = fixture_begin(f->db);
        g_assert_true(db_run(tx, &sql_things_fill,
                             DB_ARGS(DB_TEXT("name", "a"), DB_INT("size", 10)), &error));
        g_assert_false(rings(bell));
        fixture_commit(g_steal_pointer(&tx));
        g_assert_true(rings(bell));
        g_assert_cmpint(count_things(other), ==, 1);
        db_bell_drain(bell);
        g_assert_false(rings(bell));
        db_bell_drain(bell); /* nothing to drain does not wait */
}

/* Root, who restores, leaves nothing that the programs could not ring. */
static void
bell_is_the_owners(Fixture *f, gconstpointer unused)
{
        g_autofree char *bell = g_strconcat(f->path, ".bell", NULL);
        struct stat st;

        if (geteuid() != 0 || chown(f->folder, 12345, 54321) != 0) {
                g_test_skip("only root gives files away");
                return;
        }
        MUST(uk_io_unlink(bell, &failure));
        fill(f->db, "a", 10);
        g_assert_cmpint(stat(bell, &st), ==, 0);
        g_assert_cmpuint(st.st_uid, ==, 12345);
        g_assert_cmpuint(st.st_gid, ==, 54321);

        /* A link in its place does not give away what it leads to. */
        g_autofree char *other = g_strconcat(f->path, ".other", NULL);
        MUST(uk_io_replace(other, "x", 1, 0600, &failure));
        MUST(uk_io_unlink(bell, &failure));
        g_assert_cmpint(symlink(other, bell), ==, 0);
        g_assert_cmpint(db_bell_open(f->db, NULL), ==, -1);
        g_assert_cmpint(stat(other, &st), ==, 0);
        g_assert_cmpuint(st.st_uid, ==, 0);
}

/* Whoever dies between commit and bell is still found, by the number. */
static void
version_tells_of_a_writer_that_died(Fixture *f, gconstpointer unused)
{
        g_autoptr(GError) error = NULL;
        gint64 before = 0, own = 0, after = 0;
        int status = 0;
        UK_AUTOFD bell = db_bell_open(f->db, &error);

        g_assert_true(db_data_version(f->db, &before, &error));
        fill(f->db, "own", 10);
        g_assert_true(db_data_version(f->db, &own, &error));
        g_assert_cmpint(own, ==, before);
        db_bell_drain(bell);
        pid_t child = fork();
        if (child == 0) {
                g_autoptr(Db) mine = db_open(f->path, false, 1000, NULL);
                uk_fault_set("killafter:1");
                fill(mine, "its", 10);
                _exit(0);
        }
        g_assert_cmpint(waitpid(child, &status, 0), ==, child);
        g_assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
        g_assert_false(rings(bell));
        g_assert_true(db_data_version(f->db, &after, &error));
        g_assert_no_error(error);
        g_assert_cmpint(after, !=, before);
        g_assert_cmpint(count_things(f->db), ==, 2);
}

static void
knobs(Fixture *f, gconstpointer unused)
{
        static const DbSql sync = { "sync", "PRAGMA synchronous", "", "" };
        static const DbSql keys = { "keys", "PRAGMA foreign_keys", "", "" };
        static const DbSql cache = { "cache", "PRAGMA cache_size", "", "" };
        gint64 value = 0;

        g_assert_true(db_int(f->db, &sync, DB_NO_ARGS, &value, NULL, NULL));
        g_assert_cmpint(value, ==, 2); /* FULL */
        g_assert_true(db_int(f->db, &keys, DB_NO_ARGS, &value, NULL, NULL));
        g_assert_cmpint(value, ==, 1);
        g_assert_true(db_int(f->db, &cache, DB_NO_ARGS, &value, NULL, NULL));
        g_assert_cmpint(value, ==, -2000);
        g_assert_cmpstr(db_path(f->db), ==, f->path);
}

static gint64
size_of(const char *path)
{
        struct stat facts;

        return stat(path, &facts) == 0 ? facts.st_size : -1;
}

/* A commit of a bulk is durable at once, in the log; the database has it when the bulk is over. */
static void
bulk(Fixture *f, gconstpointer unused)
{
        static const DbSql cache = { "cache", "PRAGMA cache_size", "", "" };
        static const DbSql sync = { "sync", "PRAGMA synchronous", "", "" };
        g_autofree char *log = g_strconcat(f->path, "-wal", NULL);
        gint64 before = size_of(f->path), value = 0;

        db_begin_bulk(f->db);
        fill(f->db, "large", 8 * 1024 * 1024);
        g_assert_cmpint(size_of(f->path), ==, before);
        g_assert_cmpint(size_of(log), >, 4096 * 1000);
        g_assert_true(db_int(f->db, &sync, DB_NO_ARGS, &value, NULL, NULL));
        g_assert_cmpint(value, ==, 2);
        db_end_bulk(f->db);
        g_assert_cmpint(size_of(f->path), >, before + 4096 * 900);
        g_assert_true(db_int(f->db, &cache, DB_NO_ARGS, &value, NULL, NULL));
        g_assert_cmpint(value, ==, -2000);
}

int
main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        FIXTURE_CASE("/db/db_sqlite/copy-while-others-write", fixture_setup,
                     copy_while_others_write);
        FIXTURE_CASE("/db/db_sqlite/copy-of-a-moment-in-which-nobody-commits", fixture_setup,
                     copy_of_a_moment);
        FIXTURE_CASE("/db/db_sqlite/copy-fails-and-leaves-nothing", fixture_setup,
                     copy_fails_and_leaves_nothing);
        FIXTURE_CASE("/db/db_sqlite/check-finds-a-lost-row", fixture_setup, check_finds_a_lost_row);
        FIXTURE_CASE("/db/db_sqlite/damaged-file", fixture_setup, damaged_file);
        FIXTURE_CASE("/db/db_sqlite/full-disk", fixture_setup, full_disk);
        FIXTURE_CASE("/db/db_bell/is-the-owners", fixture_setup, bell_is_the_owners);
        FIXTURE_CASE("/db/db_bell/after-the-commit", fixture_setup, bell_after_the_commit);
        FIXTURE_CASE("/db/db_sqlite/version-tells-of-a-writer-that-died", fixture_setup,
                     version_tells_of_a_writer_that_died);
        FIXTURE_CASE("/db/db_sqlite/knobs", fixture_setup, knobs);
        FIXTURE_CASE("/db/db_sqlite/bulk-is-durable-before-it-is-copied", fixture_setup, bulk);
        return g_test_run();
}
