/* Tests of src/db/db_writer.c: many threads that write through one connection. */
#include "db/db.h"

#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/log.h"
#include "fixture.h"
#include "things.sql.h"

#define THREADS 8
#define EACH    40
#define TURNS   400
/* Of the file format of SQLite: the log's head, and each frame's, whose second number is not 0 when
 * the frame ends a commit. */
#define WAL_HEAD   32
#define FRAME_HEAD 24
#define PAGE       4096

typedef struct {
        Fixture *f;
        DbWriter *writer;
        int number;
        int each;
        int committed, unseen, taken_back;
        UkErrorClass failed_as;
} Writing;

static gint64
count_things(Db *db)
{
        gint64 count = -1;

        MUST(db_int(db, &sql_things_count, DB_NO_ARGS, &count, NULL, &failure));
        return count;
}

static bool
add(DbTx *tx, const char *name, GError **error)
{
        return db_run(tx, &sql_things_add,
                      DB_ARGS(DB_TEXT("name", name), DB_NULL("number"), DB_NULL("size"),
                              DB_NULL("data"), DB_NULL("at"), DB_NULL("parent")),
                      error);
}

static bool
is_there(Db *db, const char *name)
{
        gint64 id = 0;
        bool found = false;
        static const DbSql sql = { "find", "SELECT ID FROM Things WHERE Name = :name", "", "" };

        MUST(db_int(db, &sql, DB_ARGS(DB_TEXT("name", name)), &id, &found, &failure));
        return found;
}

static Db *
open_through(const Fixture *f, DbWriter *writer)
{
        g_autoptr(GError) error = NULL;
        Db *db = db_open(f->path, false, 1000, &error);

        g_assert_no_error(error);
        db_write_through(db, writer);
        return db;
}

/* Every third transaction rolls back. */
static void *
write_many(void *arg)
{
        Writing *w = arg;
        g_autoptr(Db) db = open_through(w->f, w->writer);
        g_autoptr(Db) reader = db_open_readonly(w->f->path, 1000, NULL);
        g_autofree char *trace = g_strdup_printf("%032x", w->number + 1);

        uk_trace_set(trace);
        for (int i = 0; i < w->each; i++) {
                g_autofree char *name = g_strdup_printf("%d-%d", w->number, i);
                g_autoptr(GError) error = NULL;
                g_autoptr(DbTx) tx = db_begin(db, &error);

                g_assert_no_error(error);
                if (!add(tx, name, &error)) {
                        w->failed_as = uk_error_class(error);
                        continue;
                }
                g_assert_true(is_there(db, name)); /* its own, before the commit */
                if (i % 3 == 2) {
                        db_rollback(g_steal_pointer(&tx));
                        w->taken_back++;
                        w->unseen += is_there(reader, name) ? 1 : 0;
                } else if (db_commit(g_steal_pointer(&tx), &error)) {
                        w->committed++;
                        w->unseen += is_there(reader, name) ? 0 : 1;
                } else {
                        w->failed_as = uk_error_class(error);
                }
        }
        return NULL;
}

static void
run_threads(Fixture *f, DbWriter *writer, int each, Writing *work)
{
        pthread_t threads[THREADS];

        for (int i = 0; i < THREADS; i++) {
                work[i] = (Writing){ .f = f, .writer = writer, .number = i, .each = each };
                g_assert_cmpint(pthread_create(&threads[i], NULL, write_many, &work[i]), ==, 0);
        }
        for (int i = 0; i < THREADS; i++)
                pthread_join(threads[i], NULL);
}

/* How many commits stand in the log. */
static guint
count_commits(const Fixture *f)
{
        g_autofree char *path = g_strconcat(f->path, "-wal", NULL);
        g_autofree char *data = NULL;
        gsize size;
        guint commits = 0;

        g_assert_true(g_file_get_contents(path, &data, &size, NULL));
        for (gsize at = WAL_HEAD; at + FRAME_HEAD <= size; at += FRAME_HEAD + PAGE)
                commits += memcmp(data + at + 4, "\0\0\0\0", 4) != 0;
        return commits;
}

/* Each is there for everybody when its commit has returned, none that was rolled back ever is, and
 * there were fewer commits than transactions. */
static void
threads_share_commits(Fixture *f, gconstpointer unused)
{
        g_autoptr(DbWriter) writer = db_writer_new(f->path, 10000);
        Writing work[THREADS];
        int committed = 0;
        guint before = count_commits(f);

        run_threads(f, writer, EACH, work);
        for (int i = 0; i < THREADS; i++) {
                g_assert_cmpint(work[i].unseen, ==, 0);
                g_assert_cmpint(work[i].taken_back, ==, EACH / 3);
                committed += work[i].committed;
        }
        g_assert_cmpint(committed, ==, THREADS * (EACH - EACH / 3));
        g_assert_cmpint(count_things(f->db), ==, committed);
        g_assert_cmpuint(count_commits(f) - before, <, committed);
}

/* What the triggers note is each transaction's own, also between others of one commit. */
static void
traces_are_their_own(Fixture *f, gconstpointer unused)
{
        g_autoptr(DbWriter) writer = db_writer_new(f->path, 10000);
        g_autoptr(GError) error = NULL;
        g_autoptr(DbTx) tx = fixture_begin(f->db);
        Writing work[THREADS];

        MUST(changelog_register(tx, "test", &failure));
        fixture_commit(g_steal_pointer(&tx));
        run_threads(f, writer, 9, work);
        tx = fixture_begin(f->db);
        MUST(add(tx, "by hand", &failure));
        fixture_commit(g_steal_pointer(&tx));
        g_autoptr(GPtrArray) log = changelog_read(f->db, "test", 1000, &error);
        g_assert_no_error(error);
        g_assert_cmpuint(log->len, ==, THREADS * 6 + 1);
        for (guint i = 0; i + 1 < log->len; i++) {
                const ChangelogEntry *entry = log->pdata[i];
                g_autofree char *trace = g_strdup_printf("%032x", atoi(entry->value) + 1);

                g_assert_cmpstr(entry->trace, ==, trace);
        }
        g_assert_cmpstr(((ChangelogEntry *)log->pdata[log->len - 1])->trace, ==, "");
}

/* A log that cannot grow: all that shared the commit are told, and it goes on by itself. */
static void
no_room_fails_all(Fixture *f, gconstpointer unused)
{
        g_autoptr(DbWriter) writer = db_writer_new(f->path, 10000);
        g_autofree char *wal = g_strconcat(f->path, "-wal", NULL);
        struct rlimit before, limit;
        struct stat st;
        Writing work[THREADS];
        int committed = 0;

        g_assert_cmpint(stat(wal, &st), ==, 0);
        g_assert_cmpint(getrlimit(RLIMIT_FSIZE, &before), ==, 0);
        signal(SIGXFSZ, SIG_IGN);
        limit = (struct rlimit){ (rlim_t)st.st_size, before.rlim_max };
        g_assert_cmpint(setrlimit(RLIMIT_FSIZE, &limit), ==, 0);
        run_threads(f, writer, 2, work);
        g_assert_cmpint(setrlimit(RLIMIT_FSIZE, &before), ==, 0);
        for (int i = 0; i < THREADS; i++) {
                g_assert_cmpint(work[i].committed, ==, 0);
                g_assert_cmpint(work[i].failed_as, ==, UK_CLASS_LATER);
        }
        g_assert_cmpint(count_things(f->db), ==, 0);
        run_threads(f, writer, 2, work);
        for (int i = 0; i < THREADS; i++)
                committed += work[i].committed;
        g_assert_cmpint(committed, ==, THREADS * 2);
        g_assert_cmpint(count_things(f->db), ==, THREADS * 2);
}

/* One that waits is told after its time, as by the engine. */
static void
a_turn_has_a_time(Fixture *f, gconstpointer unused)
{
        g_autoptr(DbWriter) writer = db_writer_new(f->path, 20);
        g_autoptr(Db) one = open_through(f, writer), other = open_through(f, writer);
        g_autoptr(GError) error = NULL;
        g_autoptr(DbTx) tx = fixture_begin(one);

        g_assert_null(db_begin(other, &error));
        g_assert_error(error, UK_ERROR, UK_ERROR_BUSY);
        MUST(add(tx, "first", &failure));
        fixture_commit(g_steal_pointer(&tx));
        tx = fixture_begin(other);
        g_assert_true(is_there(other, "first"));
        MUST(add(tx, "second", &failure));
        fixture_commit(g_steal_pointer(&tx));
        g_assert_cmpint(count_things(f->db), ==, 2);
}

typedef struct {
        Db *db;
        bool in_vain;
} Beginning;

/* Begins while another has its turn, and gives up about when that one ends. */
static void *
begin_late(void *arg)
{
        Beginning *b = arg;
        g_autoptr(GError) error = NULL;
        g_autoptr(DbTx) tx = db_begin(b->db, &error);

        b->in_vain = tx == NULL;
        if (b->in_vain)
                g_assert_error(error, UK_ERROR, UK_ERROR_BUSY);
        return NULL;
}

/* Who leaves the group open for one that then waits no longer would wait for its end for ever: the
 * turns end as near to that moment as can be had. */
static void
waiting_in_vain(Fixture *f, gconstpointer unused)
{
        g_autoptr(DbWriter) writer = db_writer_new(f->path, 1);
        g_autoptr(Db) one = open_through(f, writer), other = open_through(f, writer);
        gint64 span = 1000;

        for (int i = 0; i < TURNS; i++) {
                g_autofree char *name = g_strdup_printf("%d", i);
                g_autoptr(DbTx) tx = fixture_begin(one);
                Beginning late = { .db = other };
                pthread_t thread;

                MUST(add(tx, name, &failure));
                gint64 end = uk_clock_mono() + span;
                g_assert_cmpint(pthread_create(&thread, NULL, begin_late, &late), ==, 0);
                while (uk_clock_mono() < end)
                        ;
                fixture_commit(g_steal_pointer(&tx));
                pthread_join(thread, NULL);
                span += late.in_vain ? -5 : 5;
        }
}

/* The connection is another's after the end: rows of the transaction go no further. */
static void
rows_end_with_it(Fixture *f, gconstpointer unused)
{
        g_autoptr(DbWriter) writer = db_writer_new(f->path, 1000);
        g_autoptr(Db) db = open_through(f, writer);
        g_autoptr(GError) error = NULL;
        g_autoptr(DbTx) tx = fixture_begin(db);
        bool row = false;

        MUST(add(tx, "a", &failure));
        MUST(add(tx, "b", &failure));
        g_autoptr(DbRows) rows = db_query(db, &sql_things_names, DB_NO_ARGS, &error);
        MUST(db_next(rows, &row, &failure));
        g_assert_cmpstr(db_cell_text(rows, 0, NULL), ==, "a");
        fixture_commit(g_steal_pointer(&tx));
        g_assert_false(db_next(rows, &row, &error));
        g_assert_error(error, UK_ERROR, UK_ERROR_BROKEN);
        g_assert_cmpint(count_things(db), ==, 2);
}

/* A bulk has a connection of its own, and the writer waits for it as for another program. */
static void
a_bulk_is_alone(Fixture *f, gconstpointer unused)
{
        g_autoptr(DbWriter) writer = db_writer_new(f->path, 20);
        g_autoptr(Db) bulk = open_through(f, writer), other = open_through(f, writer);
        g_autoptr(GError) error = NULL;

        db_begin_bulk(bulk);
        g_autoptr(DbTx) tx = fixture_begin(bulk);
        MUST(add(tx, "bulk", &failure));
        g_assert_null(db_begin(other, &error));
        g_assert_error(error, UK_ERROR, UK_ERROR_BUSY);
        fixture_commit(g_steal_pointer(&tx));
        db_end_bulk(bulk);
        tx = fixture_begin(other);
        g_assert_true(is_there(other, "bulk"));
}

int
main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        FIXTURE_CASE("/db/writer/threads-share-commits", fixture_setup, threads_share_commits);
        FIXTURE_CASE("/db/writer/traces-are-their-own", fixture_setup, traces_are_their_own);
        FIXTURE_CASE("/db/writer/no-room-fails-all", fixture_setup, no_room_fails_all);
        FIXTURE_CASE("/db/writer/a-turn-has-a-time", fixture_setup, a_turn_has_a_time);
        FIXTURE_CASE("/db/writer/waiting-in-vain", fixture_setup, waiting_in_vain);
        FIXTURE_CASE("/db/writer/rows-end-with-it", fixture_setup, rows_end_with_it);
        FIXTURE_CASE("/db/writer/a-bulk-is-alone", fixture_setup, a_bulk_is_alone);
        return g_test_run();
}
