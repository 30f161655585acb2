/* Tests of src/base/log.c. Expected forms are those of 93-logs.md 1.1 and 54-admin-interface.md 10;
 * the layouts are checked with expressions written from those pages.
 */
#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <locale.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/io.h"

#define SERVER_TAIL                                                      \
        "  \\$\\$<SMS_DISTRIBUTION_MANAGER>"                             \
        "<\\d\\d-\\d\\d-\\d{4} \\d\\d:\\d\\d:\\d\\d\\.\\d{3}[+-]\\d{3}>" \
        "<thread=(\\d+) \\(0x([0-9A-F]+)\\)>"

typedef struct {
        char *dir;
        char *path;
} Fixture;

static void
set_up(Fixture *f, gconstpointer data)
{
        f->dir = g_dir_make_tmp("log-XXXXXX", NULL);
        g_assert_nonnull(f->dir);
        f->path = g_build_filename(f->dir, "DistMgr.log", NULL);
}

static void
tear_down(Fixture *f, gconstpointer data)
{
        g_assert_null(uk_log_bound());
        g_assert_true(uk_io_remove_tree(f->dir, NULL));
        g_free(f->dir);
        g_free(f->path);
}

static UkLog *
open_log(const char *path, UkLogForm form, gint64 max, unsigned keep)
{
        g_autoptr(GError) error = NULL;
        UkLog *log = uk_log_open(path, "SMS_DISTRIBUTION_MANAGER", form, max, keep, &error);

        g_assert_no_error(error);
        g_assert_nonnull(log);
        return log;
}

/* The records of a file; each must end in CR LF. */
static GStrv
records_of(const char *path)
{
        g_autofree char *text = NULL;

        g_assert_true(g_file_get_contents(path, &text, NULL, NULL));
        if (*text == '\0')
                return g_new0(char *, 1);
        g_assert_true(g_str_has_suffix(text, "\r\n"));
        text[strlen(text) - 2] = '\0';
        char **records = g_strsplit(text, "\r\n", -1);
        for (guint i = 0; records[i] != NULL; i++)
                g_assert_null(strpbrk(records[i], "\r\n"));
        return records;
}

/* The one record that is written by saying text in a log of that form. */
static char *
record_of(Fixture *f, UkLogForm form, const char *text)
{
        g_remove(f->path);
        g_autoptr(UkLog) log = open_log(f->path, form, 0, 1);
        uk_log_bind(log);
        uk_log("%s", text);
        uk_log_bind(NULL);
        g_auto(GStrv) records = records_of(f->path);
        g_assert_cmpuint(g_strv_length(records), ==, 1);
        return g_strdup(records[0]);
}

static void
assert_matches(const char *record, const char *pattern)
{
        g_autofree char *whole = g_strdup_printf("^%s$", pattern);

        if (!g_regex_match_simple(whole, record, G_REGEX_DOLLAR_ENDONLY, 0))
                g_error("'%s' does not match %s", record, whole);
}

static void
server_form(Fixture *f, gconstpointer data)
{
        g_autofree char *record =
                record_of(f, UK_LOG_SERVER, "~Processing package P0100001 (SourceVersion:1)~");
        int dec = 0;
        unsigned hex = 0;

        assert_matches(record, "~Processing package P0100001 \\(SourceVersion:1\\)~" SERVER_TAIL);
        g_assert_cmpint(sscanf(strstr(record, "<thread="), "<thread=%d (0x%X)>", &dec, &hex), ==,
                        2);
        g_assert_cmpint(dec, ==, gettid());
        g_assert_cmpuint(hex, ==, (unsigned)gettid());
}

static int
thread_of(const char *record)
{
        return atoi(strstr(record, "<thread=") + strlen("<thread="));
}

/* What is said in the name of another thread carries its number, and nothing after that. */
static void
thread_number(Fixture *f, gconstpointer data)
{
        g_autoptr(UkLog) log = open_log(f->path, UK_LOG_SERVER, 0, 1);

        uk_log_bind(log);
        int own = uk_log_set_thread(77);
        uk_log("for another");
        g_assert_cmpint(uk_log_set_thread(own), ==, 77);
        uk_log("for itself");
        uk_log_bind(NULL);
        g_auto(GStrv) records = records_of(f->path);
        g_assert_cmpuint(g_strv_length(records), ==, 2);
        g_assert_cmpint(own, ==, gettid());
        g_assert_cmpint(thread_of(records[0]), ==, 77);
        g_assert_cmpint(thread_of(records[1]), ==, own);
}

static void
client_form(Fixture *f, gconstpointer data)
{
        g_autofree char *record = record_of(f, UK_LOG_CLIENT, "Job is running");

        assert_matches(record,
                       "<!\\[LOG\\[Job is running\\]LOG\\]!><time=\"\\d\\d:\\d\\d:\\d\\d\\.\\d{3}"
                       "[+-]\\d{3}\" date=\"\\d\\d-\\d\\d-\\d{4}\" "
                       "component=\"SMS_DISTRIBUTION_MANAGER\" context=\"\" type=\"1\" "
                       "thread=\"\\d+\" file=\"log\\.c:\\d+\">");
        /* Readers split at quotes and take fields 2, 4 … 14 (54-admin-interface, 10). */
        g_auto(GStrv) parts = g_strsplit(record, "\"", -1);
        g_assert_cmpuint(g_strv_length(parts), ==, 15);
        g_assert_cmpstr(parts[5], ==, "SMS_DISTRIBUTION_MANAGER");
        g_assert_cmpint(atoi(parts[11]), ==, gettid());
}

/* The trace stands behind what readers of the one form look at, and in a field of the other that
 * they pass over; it goes when the work ends. */
static void
trace_of_the_work(Fixture *f, gconstpointer data)
{
        uk_trace_set("4bf92f3577b34da6a3ce929d0e0e4736");
        g_autofree char *server = record_of(f, UK_LOG_SERVER, "text");
        g_autofree char *client = record_of(f, UK_LOG_CLIENT, "text");
        g_auto(GStrv) parts = g_strsplit(client, "\"", -1);

        uk_trace_set("");
        assert_matches(server, "text" SERVER_TAIL "<trace=4bf92f3577b34da6a3ce929d0e0e4736>");
        g_assert_cmpuint(g_strv_length(parts), ==, 15);
        g_assert_cmpstr(parts[7], ==, "4bf92f3577b34da6a3ce929d0e0e4736");
        g_assert_cmpint(atoi(parts[11]), ==, gettid());
        g_autofree char *after = record_of(f, UK_LOG_SERVER, "text");
        assert_matches(after, "text" SERVER_TAIL);
}

static void
types(Fixture *f, gconstpointer data)
{
        g_autoptr(UkLog) log = open_log(f->path, UK_LOG_CLIENT, 0, 1);

        uk_log_bind(log);
        uk_log("one");
        uk_warn("two");
        uk_error("three");
        uk_log_set_verbose(log, true);
        uk_verbose("four");
        uk_log_as("PolicyAgent_PolicyDownload", "five");
        uk_log_bind(NULL);
        g_auto(GStrv) records = records_of(f->path);
        g_assert_cmpuint(g_strv_length(records), ==, 5);
        g_assert_nonnull(strstr(records[0], "type=\"1\""));
        g_assert_nonnull(strstr(records[1], "type=\"2\""));
        g_assert_nonnull(strstr(records[2], "type=\"3\""));
        g_assert_nonnull(strstr(records[3], "type=\"1\""));
        g_assert_nonnull(strstr(records[4], "component=\"PolicyAgent_PolicyDownload\""));
}

static void
engine_form(Fixture *f, gconstpointer data)
{
        g_autoptr(UkLog) log = open_log(f->path, UK_LOG_ENGINE, 0, 1);

        uk_log_bind(log);
        uk_log_engine("Info", NULL, "CatalogSyncAgent.SetSubscriptionStateWithRetry",
                      "Firing event %s...", "SyncFinish");
        uk_log_engine("Change", "w3wp", "AdminDataAccess.StartSubscriptionManually",
                      "Synchronization\tmanually started");
        uk_error("it broke");
        uk_log_bind(NULL);
        g_auto(GStrv) records = records_of(f->path);
        g_assert_cmpuint(g_strv_length(records), ==, 3);
#define ENGINE_TIME "\\d{4}-\\d\\d-\\d\\d \\d\\d:\\d\\d:\\d\\d\\.\\d{3} UTC\t"
        assert_matches(records[0], ENGINE_TIME "Info\tWsusService\\.\\d+\t"
                                               "CatalogSyncAgent\\.SetSubscriptionStateWithRetry\t"
                                               "Firing event SyncFinish\\.\\.\\.");
        assert_matches(records[1], ENGINE_TIME "Change\tw3wp\\.\\d+\t"
                                               "AdminDataAccess\\.StartSubscriptionManually\t"
                                               "Synchronization manually started");
        assert_matches(records[2],
                       ENGINE_TIME "Error\tWsusService\\.\\d+\tSMS_DISTRIBUTION_MANAGER\tit broke");
}

static void
agent_form(Fixture *f, gconstpointer data)
{
        g_autoptr(UkLog) log = open_log(f->path, UK_LOG_AGENT, 0, 1);
        g_autofree char *pattern =
                g_strdup_printf("\\d{4}-\\d\\d-\\d\\d \\d\\d:\\d\\d:\\d\\d:\\d{3} %d %x "
                                "Agent \\* WSUS server: http://sup\\.test:8530 \\(Changed\\)",
                                (int)getpid(), (unsigned)gettid());

        uk_log_bind(log);
        uk_log_as("Agent", "* WSUS server: %s (Changed)", "http://sup.test:8530");
        uk_log_bind(NULL);
        g_auto(GStrv) records = records_of(f->path);
        assert_matches(records[0], pattern);
}

static void
in_zone(Fixture *f, const char *zone, const char *bias, int minutes)
{
        g_setenv("TZ", zone, TRUE);
        tzset();
        g_autofree char *record = record_of(f, UK_LOG_SERVER, "x");
        g_autofree char *pattern = g_strdup_printf("\\.\\d{3}\\%s>", bias);
        struct tm tm = { .tm_isdst = -1 };
        char *at = strstr(record, "MANAGER><") + strlen("MANAGER><");

        g_assert_true(g_regex_match_simple(pattern, record, 0, 0));
        g_assert_cmpint(sscanf(at, "%d-%d-%d %d:%d:%d", &tm.tm_mon, &tm.tm_mday, &tm.tm_year,
                               &tm.tm_hour, &tm.tm_min, &tm.tm_sec),
                        ==, 6);
        tm.tm_mon -= 1;
        tm.tm_year -= 1900;
        /* Local time as written, with the bias added, is UTC. */
        gint64 utc = (gint64)timegm(&tm) + minutes * 60;
        g_assert_cmpint(ABS(utc - (gint64)time(NULL)), <=, 5);
}

static void
bias_is_to_be_added(Fixture *f, gconstpointer data)
{
        in_zone(f, "PST8", "+480", 480);
        in_zone(f, "CET-1", "-060", -60);
        in_zone(f, "UTC0", "+000", 0);
        in_zone(f, "NPT-5:45", "-345", -345);
        g_unsetenv("TZ");
        tzset();
}

static void
hostile_text(Fixture *f, gconstpointer data)
{
        g_autofree char *server = record_of(
                f, UK_LOG_SERVER,
                "a\r\nb\nc\td\x1b[31m e\x7f f\xff\xfe g\xc3\xa4 h\xe2\x80\xa8 i\xe2\x80\xae");
        g_autofree char *client =
                record_of(f, UK_LOG_CLIENT, "a\r\nb]LOG]!><time=\"x\"]LOG]]LOG]!>");
        g_autofree char *faked =
                record_of(f, UK_LOG_SERVER, "x  $$<SMS_FAKE><01-01-2026 00:00:00.000+000>");

        assert_matches(
                server,
                "a~b~c d\\?\\[31m e\\? f\xef\xbf\xbd\xef\xbf\xbd g\xc3\xa4 h\\? i\\?" SERVER_TAIL);
        g_assert_true(g_str_has_prefix(
                client, "<![LOG[a b]LOG]! ><time=\"x\"]LOG]]LOG]! >]LOG]!><time=\""));
        g_assert_null(strstr(strstr(client, "]LOG]!>") + 1, "]LOG]!>"));
        g_assert_true(g_str_has_prefix(faked, "x  $$ <SMS_FAKE>"));
        g_assert_null(strstr(strstr(faked, "$$<") + 1, "$$<"));
}

static void
truncated_character(Fixture *f, gconstpointer data)
{
        g_autofree char *record = record_of(f, UK_LOG_SERVER, "end\xe2\x82");

        assert_matches(record, "end\xef\xbf\xbd\xef\xbf\xbd" SERVER_TAIL);
}

static void
very_long_text(Fixture *f, gconstpointer data)
{
        g_autofree char *text = g_strnfill(3 * 1024 * 1024, 'x');
        g_autofree char *record = record_of(f, UK_LOG_SERVER, text);

        g_assert_cmpuint(strlen(record), <, 1024 * 1024 + 200);
        g_assert_nonnull(strstr(record, "x ... (3145728 bytes)  $$<"));
}

static void
verbose_switch(Fixture *f, gconstpointer data)
{
        g_autoptr(UkLog) log = open_log(f->path, UK_LOG_SERVER, 0, 1);

        g_assert_false(uk_log_is_verbose());
        uk_log_bind(log);
        g_assert_false(uk_log_is_verbose());
        uk_verbose("not this");
        uk_log_set_verbose(log, true);
        g_assert_true(uk_log_is_verbose());
        uk_verbose("but this");
        uk_log_set_verbose(log, false);
        uk_verbose("nor this");
        uk_log_bind(NULL);
        g_auto(GStrv) records = records_of(f->path);
        g_assert_cmpuint(g_strv_length(records), ==, 1);
        g_assert_true(g_str_has_prefix(records[0], "but this  $$<"));
}

static void
errno_survives(Fixture *f, gconstpointer data)
{
        g_autoptr(UkLog) log = open_log(f->path, UK_LOG_SERVER, 0, 1);

        uk_log_bind(log);
        g_remove(f->path); /* so that it has to be opened again */
        errno = ENOTTY;
        uk_log("x");
        g_assert_cmpint(errno, ==, ENOTTY);
        uk_log_bind(NULL);
}

static void
binding(Fixture *f, gconstpointer data)
{
        g_autofree char *other_path = g_build_filename(f->dir, "deep/er/Other.log", NULL);
        g_autoptr(UkLog) log = open_log(f->path, UK_LOG_SERVER, 0, 1);
        UkLog *other = open_log(other_path, UK_LOG_SERVER, 0, 1);

        g_assert_null(uk_log_bind(log));
        g_assert_true(uk_log_bind(other) == log);
        uk_log("to the other");
        uk_log_close(other); /* unbinds itself from the closing thread */
        g_assert_null(uk_log_bind(log));
        uk_log("to the first");
        g_assert_true(uk_log_bind(NULL) == log);
        g_auto(GStrv) first = records_of(f->path);
        g_auto(GStrv) second = records_of(other_path);
        g_assert_cmpuint(g_strv_length(first), ==, 1);
        g_assert_cmpuint(g_strv_length(second), ==, 1);
        g_assert_true(g_str_has_prefix(second[0], "to the other"));
}

static void
rotation(Fixture *f, gconstpointer data)
{
        g_autoptr(UkLog) log = open_log(f->path, UK_LOG_SERVER, 1000, 3);
        static const char *const names[] = { "DistMgr.log", "DistMgr.lo_", "DistMgr.lo_.1",
                                             "DistMgr.lo_.2" };
        int last = -1;

        uk_log_bind(log);
        for (int i = 0; i < 100; i++)
                uk_log("record %d", i);
        uk_log_bind(NULL);
        /* Newest records in the newest file, without a gap, and no file above its size. */
        for (gsize n = 0; n < G_N_ELEMENTS(names); n++) {
                g_autofree char *path = g_build_filename(f->dir, names[n], NULL);
                g_auto(GStrv) records = records_of(path);
                struct stat st;

                g_assert_cmpint(stat(path, &st), ==, 0);
                g_assert_cmpint(st.st_size, <=, 1000);
                for (guint i = g_strv_length(records); i > 0; i--) {
                        int number = atoi(records[i - 1] + strlen("record "));
                        g_assert_cmpint(number, ==, last < 0 ? 99 : last - 1);
                        last = number;
                }
        }
        g_autofree char *fourth = g_build_filename(f->dir, "DistMgr.lo_.3", NULL);
        g_assert_false(g_file_test(fourth, G_FILE_TEST_EXISTS));
}

static void
fewer_to_keep(Fixture *f, gconstpointer data)
{
        g_autofree char *old = g_build_filename(f->dir, "DistMgr.lo_", NULL);
        g_autofree char *older = g_build_filename(f->dir, "DistMgr.lo_.1", NULL);

        for (unsigned keep = 4; keep >= 1; keep /= 4) {
                g_autoptr(UkLog) log = open_log(f->path, UK_LOG_SERVER, 300, keep);
                uk_log_bind(log);
                for (int i = 0; i < 20; i++)
                        uk_log("record %d", i);
                uk_log_bind(NULL);
                g_assert_true(g_file_test(old, G_FILE_TEST_EXISTS));
                g_assert_true(g_file_test(older, G_FILE_TEST_EXISTS) == (keep > 1));
        }
}

static void
larger_than_the_limit(Fixture *f, gconstpointer data)
{
        g_autoptr(UkLog) log = open_log(f->path, UK_LOG_SERVER, 200, 1);
        g_autofree char *text = g_strnfill(500, 'x');

        uk_log_bind(log);
        uk_log("%s", text);
        uk_log("after");
        uk_log_bind(NULL);
        g_auto(GStrv) records = records_of(f->path);
        g_assert_true(g_str_has_prefix(records[0], "after"));
}

/* Of a burst of records only the first looks at the path: this ends the burst. */
static void
end_burst(void)
{
        g_assert_true(uk_clock_sleep(UK_SECOND / 50, -1));
}

static void
rotated_from_outside(Fixture *f, gconstpointer data)
{
        g_autoptr(UkLog) log = open_log(f->path, UK_LOG_SERVER, 0, 1);
        g_autofree char *moved = g_build_filename(f->dir, "moved", NULL);

        uk_log_bind(log);
        uk_log("first");
        g_assert_cmpint(g_rename(f->path, moved), ==, 0);
        end_burst();
        uk_log("second");
        g_auto(GStrv) records = records_of(f->path);
        g_assert_true(g_str_has_prefix(records[0], "second"));
        /* Even the folder may vanish. */
        g_assert_true(uk_io_remove_tree(f->dir, NULL));
        end_burst();
        uk_log("third");
        uk_log_bind(NULL);
        g_auto(GStrv) again = records_of(f->path);
        g_assert_true(g_str_has_prefix(again[0], "third"));
}

/* A log that cannot be rotated grows; one that cannot be opened is an error. */
static void
rotation_refused(Fixture *f, gconstpointer data)
{
        g_autofree char *old = g_build_filename(f->dir, "DistMgr.lo_", NULL);
        g_autofree char *inside = g_build_filename(old, "file", NULL);
        g_autoptr(UkLog) log = open_log(f->path, UK_LOG_SERVER, 500, 1);
        g_autoptr(GError) error = NULL;

        /* A folder with something in it cannot be replaced by a file. */
        g_assert_cmpint(g_mkdir_with_parents(inside, 0700), ==, 0);
        uk_log_bind(log);
        for (int i = 0; i < 50; i++)
                uk_log("record %d", i);
        uk_log_bind(NULL);
        g_auto(GStrv) records = records_of(f->path);
        g_assert_cmpuint(g_strv_length(records), ==, 50);
        g_assert_null(uk_log_open(old, "X", UK_LOG_SERVER, 0, 1, &error));
        g_assert_error(error, UK_ERROR, UK_ERROR_IO);
}

/* ---- several threads, several processes ---- */

#define WRITERS 4
#define RECORDS 1500

typedef struct {
        UkLog *log;
        int number;
} Writer;

static void *
write_records(void *data)
{
        Writer *w = data;

        uk_log_bind(w->log);
        for (int i = 0; i < RECORDS; i++) {
                g_autofree char *trace = uk_trace_new();

                uk_trace_set(trace);
                uk_log("writer %d record %d end", w->number, i);
                uk_verbose("seen or not, this must not disturb");
                g_assert_cmpstr(uk_trace_get(), ==, trace);
        }
        uk_log_bind(NULL);
        return NULL;
}

/* All records of the log and its old files: each whole, each once, those of a writer in order. */
static void
assert_all_there(Fixture *f, unsigned old_files)
{
        int next[WRITERS] = { 0 };
        guint total = 0;

        for (int n = (int)old_files; n >= 0; n--) {
                g_autofree char *name = n == 0   ? g_strdup("DistMgr.log")
                                        : n == 1 ? g_strdup("DistMgr.lo_")
                                                 : g_strdup_printf("DistMgr.lo_.%d", n - 1);
                g_autofree char *path = g_build_filename(f->dir, name, NULL);

                if (!g_file_test(path, G_FILE_TEST_EXISTS))
                        continue;
                g_auto(GStrv) records = records_of(path);
                for (guint i = 0; records[i] != NULL; i++) {
                        int writer, number;

                        if (g_str_has_prefix(records[i], "seen or not"))
                                continue;
                        assert_matches(records[i], "writer \\d record \\d+ end" SERVER_TAIL
                                                   "<trace=[0-9a-f]{32}>");
                        sscanf(records[i], "writer %d record %d", &writer, &number);
                        g_assert_cmpint(number, ==, next[writer]);
                        next[writer]++;
                        total++;
                }
        }
        g_assert_cmpuint(total, ==, WRITERS * RECORDS);
}

static void
many_threads(Fixture *f, gconstpointer data)
{
        g_autoptr(UkLog) log = open_log(f->path, UK_LOG_SERVER, 150000, 20);
        pthread_t threads[WRITERS];
        Writer writers[WRITERS];

        for (int i = 0; i < WRITERS; i++) {
                writers[i] = (Writer){ log, i };
                pthread_create(&threads[i], NULL, write_records, &writers[i]);
        }
        for (int i = 0; i < 1000; i++)
                uk_log_set_verbose(log, i % 2 == 1);
        for (int i = 0; i < WRITERS; i++)
                pthread_join(threads[i], NULL);
        assert_all_there(f, 20);
        g_assert_cmpstr(uk_trace_get(), ==, "");
}

static void
many_processes(Fixture *f, gconstpointer data)
{
        g_autofree char *self = g_file_read_link("/proc/self/exe", NULL);
        GPid pids[WRITERS];

        for (int i = 0; i < WRITERS; i++) {
                g_autofree char *number = g_strdup_printf("%d", i);
                char *argv[] = { self, (char *)"--write", f->path, number, NULL };

                g_assert_true(g_spawn_async(NULL, argv, NULL, G_SPAWN_DO_NOT_REAP_CHILD, NULL, NULL,
                                            &pids[i], NULL));
        }
        for (int i = 0; i < WRITERS; i++) {
                int status;
                g_assert_cmpint(waitpid(pids[i], &status, 0), ==, pids[i]);
                g_assert_cmpint(status, ==, 0);
        }
        assert_all_there(f, 40);
}

static int
write_as_child(const char *path, const char *number)
{
        g_autoptr(UkLog) log = open_log(path, UK_LOG_SERVER, 30000, 40);
        Writer w = { log, atoi(number) };

        write_records(&w);
        return 0;
}

/* ---- without a file, and GLib ---- */

static void
unbound(void)
{
        if (g_test_subprocess()) {
                uk_log("plain %s", "text\nof two lines");
                uk_warn("careful");
                uk_error("broken");
                uk_verbose("quiet");
                uk_log_engine("Info", NULL, "A.B", "engine");
                return;
        }
        g_test_trap_subprocess(NULL, 0, 0);
        g_test_trap_assert_passed();
        g_test_trap_assert_stderr("plain text of two lines\nWarning: careful\nError: broken\n"
                                  "engine\n");
}

static void
full_disk(void)
{
        if (g_test_subprocess()) {
                g_autoptr(GError) error = NULL;
                UkLog *log = uk_log_open("/dev/full", "X", UK_LOG_SERVER, 0, 1, &error);

                g_assert_no_error(error);
                uk_log_bind(log);
                uk_log("nothing said is lost");
                uk_log_close(log);
                return;
        }
        g_test_trap_subprocess(NULL, 0, 0);
        g_test_trap_assert_passed();
        g_test_trap_assert_stderr("nothing said is lost  $$<X>*");
}

/* A record cut off by a full disk does not swallow the beginning of the next. */
static void
torn_record(Fixture *f, gconstpointer data)
{
        g_autoptr(UkLog) log = open_log(f->path, UK_LOG_SERVER, 0, 1);
        struct rlimit old, tight;
        int saved_stderr = dup(STDERR_FILENO);
        int devnull = open("/dev/null", O_WRONLY);

        signal(SIGXFSZ, SIG_IGN);
        getrlimit(RLIMIT_FSIZE, &old);
        tight = old;
        tight.rlim_cur = 10;
        dup2(devnull, STDERR_FILENO);
        uk_log_bind(log);
        setrlimit(RLIMIT_FSIZE, &tight);
        uk_log("this one does not fit");
        setrlimit(RLIMIT_FSIZE, &old);
        uk_log("this one does");
        uk_log_bind(NULL);
        dup2(saved_stderr, STDERR_FILENO);
        close(saved_stderr);
        close(devnull);
        g_auto(GStrv) records = records_of(f->path);
        g_assert_cmpuint(g_strv_length(records), ==, 2);
        g_assert_cmpstr(records[0], ==, "this one d");
        g_assert_true(g_str_has_prefix(records[1], "this one does  $$<"));
}

static guint
count_records(const char *path)
{
        g_auto(GStrv) records = records_of(path);

        return g_strv_length(records);
}

static void
say_together(const char *text)
{
        UK_LOG_TOGETHER();

        uk_log("%s", text);
}

/* Records of a scope come at its end, in order; those of an inner one with the outer one's. */
static void
together(Fixture *f, gconstpointer data)
{
        g_autoptr(UkLog) log = open_log(f->path, UK_LOG_SERVER, 0, 1);

        uk_log_bind(log);
        uk_log("first");
        {
                UK_LOG_TOGETHER();

                uk_log("second");
                say_together("third");
                g_assert_cmpuint(count_records(f->path), ==, 1);
        }
        g_assert_cmpuint(count_records(f->path), ==, 3);
        uk_log("fourth");
        uk_log_bind(NULL);
        g_auto(GStrv) records = records_of(f->path);
        const char *const expected[] = { "first  $$<", "second  $$<", "third  $$<", "fourth  $$<" };
        g_assert_cmpuint(g_strv_length(records), ==, G_N_ELEMENTS(expected));
        for (guint i = 0; i < G_N_ELEMENTS(expected); i++)
                g_assert_true(g_str_has_prefix(records[i], expected[i]));
}

/* Another log bound in between: each record goes where its log is; many do not fill memory. */
static void
together_elsewhere(Fixture *f, gconstpointer data)
{
        g_autofree char *other_path = g_build_filename(f->dir, "Other.log", NULL);
        g_autoptr(UkLog) log = open_log(f->path, UK_LOG_SERVER, 0, 1);
        g_autoptr(UkLog) other = open_log(other_path, UK_LOG_SERVER, 0, 1);

        uk_log_bind(log);
        {
                UK_LOG_TOGETHER();

                uk_log("here");
                uk_log_bind(other);
                g_assert_cmpuint(count_records(f->path), ==, 1);
                for (guint i = 0; i < 1000; i++)
                        uk_log("there %u, with a text that makes the record a hundred bytes", i);
                g_assert_cmpuint(count_records(other_path), >, 500);
                uk_log_bind(log);
                g_assert_cmpuint(count_records(other_path), ==, 1000);
                uk_log("here again");
        }
        uk_log_bind(NULL);
        g_assert_cmpuint(count_records(f->path), ==, 2);
}

static void
glib_captured(Fixture *f, gconstpointer data)
{
        if (g_test_subprocess()) {
                g_autoptr(UkLog) log = open_log(g_getenv("LOG_TEST_PATH"), UK_LOG_CLIENT, 0, 1);

                g_log_set_always_fatal(G_LOG_FATAL_MASK); /* tests hold warnings fatal */
                uk_log_capture_glib();
                uk_log_bind(log);
                g_message("a message");
                g_warning("a warning\nin two lines");
                g_log("Other-Library", G_LOG_LEVEL_CRITICAL, "a critical");
                g_debug("not verbose");
                uk_log_set_verbose(log, true);
                g_debug("verbose");
                g_log_structured("Other-Library", G_LOG_LEVEL_INFO, "MESSAGE", "structured");
                uk_log_bind(NULL);
                return;
        }
        g_setenv("LOG_TEST_PATH", f->path, TRUE);
        g_test_trap_subprocess("/base/log/glib-captured", 0, 0);
        g_unsetenv("LOG_TEST_PATH");
        g_test_trap_assert_passed();
        g_auto(GStrv) records = records_of(f->path);
        g_assert_cmpuint(g_strv_length(records), ==, 5);
        g_assert_true(g_str_has_prefix(records[0], "<![LOG[a message]LOG]!>"));
        g_assert_true(g_str_has_prefix(records[1], "<![LOG[a warning in two lines]LOG]!>"));
        g_assert_nonnull(strstr(records[1], "type=\"2\""));
        g_assert_true(g_str_has_prefix(records[2], "<![LOG[Other-Library: a critical]LOG]!>"));
        g_assert_nonnull(strstr(records[2], "type=\"3\""));
        g_assert_true(g_str_has_prefix(records[3], "<![LOG[verbose]LOG]!>"));
        g_assert_true(g_str_has_prefix(records[4], "<![LOG[Other-Library: structured]LOG]!>"));
}

static void
traces(void)
{
        g_autofree char *trace = uk_trace_new();
        g_autofree char *other = uk_trace_new();

        g_assert_cmpuint(strlen(trace), ==, 32);
        g_assert_cmpuint(strspn(trace, "0123456789abcdef"), ==, 32);
        g_assert_cmpstr(trace, !=, other);
        g_assert_cmpstr(uk_trace_get(), ==, "");
        uk_trace_set(trace);
        g_assert_cmpstr(uk_trace_get(), ==, trace);
        /* What came from outside and is no trace ID does not travel on. */
        uk_trace_set("0123456789ABCDEF0123456789ABCDEF");
        g_assert_cmpstr(uk_trace_get(), ==, "");
        uk_trace_set(trace);
        uk_trace_set("0123456789abcdef0123456789abcdef0");
        g_assert_cmpstr(uk_trace_get(), ==, "");
        uk_trace_set(trace);
        uk_trace_set(NULL);
        g_assert_cmpstr(uk_trace_get(), ==, "");
}

int
main(int argc, char **argv)
{
        setlocale(LC_ALL, "C");
        if (argc == 4 && strcmp(argv[1], "--write") == 0)
                return write_as_child(argv[2], argv[3]);
        g_test_init(&argc, &argv, NULL);
#define CASE(path, fn) g_test_add("/base/log/" path, Fixture, NULL, set_up, fn, tear_down)
        CASE("server-form", server_form);
        CASE("client-form", client_form);
        CASE("trace-of-the-work", trace_of_the_work);
        CASE("types", types);
        CASE("engine-form", engine_form);
        CASE("agent-form", agent_form);
        CASE("bias-is-to-be-added", bias_is_to_be_added);
        CASE("hostile-text", hostile_text);
        CASE("truncated-character", truncated_character);
        CASE("very-long-text", very_long_text);
        CASE("verbose-switch", verbose_switch);
        CASE("errno-survives", errno_survives);
        CASE("binding", binding);
        CASE("rotation", rotation);
        CASE("fewer-to-keep", fewer_to_keep);
        CASE("larger-than-the-limit", larger_than_the_limit);
        CASE("rotated-from-outside", rotated_from_outside);
        CASE("rotation-refused", rotation_refused);
        CASE("thread-number", thread_number);
        CASE("many-threads", many_threads);
        CASE("many-processes", many_processes);
        CASE("torn-record", torn_record);
        CASE("together", together);
        CASE("together-elsewhere", together_elsewhere);
        CASE("glib-captured", glib_captured);
        g_test_add_func("/base/log/unbound", unbound);
        g_test_add_func("/base/log/full-disk", full_disk);
        g_test_add_func("/base/log/traces", traces);
        return g_test_run();
}
