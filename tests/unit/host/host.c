/* Tests of src/host/host.c and of lanes with real threads and events: what wakes them, what must
 * not, and that they end. */
#include "host/host.h"

#include <fcntl.h>
#include <glib/gstdio.h>
#include <locale.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/io.h"
#include "host/mailbox.h"
#include "host/timer.h"
#include "unit/host/kit.h"

static atomic_int files, letters, alarms, commits, whole, started, answer;

static bool
on_file(Component *c, const InboxFile *file, GError **error)
{
        g_autofree char *body = NULL;
        gsize size = 0;

        if (!inbox_file_read(file, 1 << 20, &body, &size, error))
                return false;
        if (size == 0 || g_str_has_suffix(body, "end"))
                atomic_fetch_add(&whole, 1);
        atomic_fetch_add(&files, 1);
        return answer == 0 || uk_fail(error, (UkErrorCode)answer, "told to fail");
}

static bool
on_letter(Component *c, const InboxFile *file, GError **error)
{
        atomic_fetch_add(&letters, 1);
        return true;
}

static bool
on_alarm(Component *c, GError **error)
{
        atomic_fetch_add(&alarms, 1);
        return true;
}

static bool
on_commit(Component *c, GError **error)
{
        atomic_fetch_add(&commits, 1);
        return true;
}

static bool
start(Component *c, GError **error)
{
        if (answer == UK_ERROR_KEY)
                return uk_fail(error, UK_ERROR_KEY, "there is no key");
        atomic_fetch_add(&started, 1);
        return true;
}

static const ComponentDef def = {
        .name = "SMS_TOY",
        .log = "Toy.log",
        .log_form = UK_LOG_SERVER,
        .boxes = { { "main", "toy.box", ".SYN", on_file, .bare_name = true },
                   { "main", "toy.box/incoming", ".STA", on_file },
                   { "letters", "@toy", "*", on_letter } },
        .timers = { { "letters", "alarm", on_alarm } },
        .on_commit = on_commit,
        .start = start,
};
static const ComponentDef *const components[] = { &def, NULL };
static const DbMigration migrations[] = {
        { 1, "0001_toy", "CREATE TABLE Toy (N INTEGER)", "CREATE TABLE Toy (N bigint)" },
};
static const HostRole role = { .role = "toy",
                               .components = components,
                               .database = "var/lib/upkeep/toy/toy.db",
                               .migrations = migrations,
                               .migration_count = 1,
                               .migrates = true };
/* As other roles of the machine that share the database. */
static const HostRole follower = { .role = "follower",
                                   .components = components,
                                   .database = "var/lib/upkeep/toy/toy.db",
                                   .migrations = migrations,
                                   .migration_count = 1 };

typedef struct {
        char *root;
        Host *host;
} Fixture;

static void
set_up(Fixture *f, gconstpointer data)
{
        files = letters = alarms = commits = whole = started = answer = 0;
        f->root = kit_root();
        if (data != NULL)
                return;
        f->host = kit_host(&role, f->root);
}

static void
tear_down(Fixture *f, gconstpointer data)
{
        host_free(f->host);
        kit_end(f->root);
}

static void
start_host(Fixture *f)
{
        g_autoptr(GError) error = NULL;

        g_assert_true(host_start(f->host, &error));
        g_assert_no_error(error);
}

static char *
box_file(Fixture *f, const char *box, const char *name)
{
        g_autofree char *dir = host_box_path(f->host, box);

        return g_build_filename(dir, name, NULL);
}

static void
wakes_by_rename(Fixture *f, gconstpointer data)
{
        kit_put(f->host, "toy.box", "before.SYN", "", 0);
        start_host(f);
        kit_wait_for(&files, 1);
        for (int i = 2; i <= 20; i++) {
                g_autofree char *name = g_strdup_printf("%d.SYN", i);

                kit_put(f->host, "toy.box", name, "", 0);
                kit_wait_for(&files, i);
        }
}

/* A file written in place, as by cp or an editor, is taken after it was closed and not before. */
static void
wakes_by_close(Fixture *f, gconstpointer data)
{
        start_host(f);
        g_autofree char *path = box_file(f, "toy.box/incoming", "hand.STA");
        int fd = open(path, O_WRONLY | O_CREAT, 0644);
        g_assert_cmpint(write(fd, "half ", 5), ==, 5);
        /* Another file makes the lane look into the folder. */
        kit_put(f->host, "toy.box/incoming", "other.STA", "end", 0);
        kit_wait_for(&files, 1);
        kit_idle(50);
        g_assert_cmpint(files, ==, 1);
        g_assert_cmpint(write(fd, "end", 3), ==, 3);
        close(fd);
        kit_wait_for(&files, 2);
        g_assert_cmpint(whole, ==, 2);
        /* touch SELF.SYN */
        g_autofree char *self = box_file(f, "toy.box", "SELF.SYN");
        close(open(self, O_WRONLY | O_CREAT, 0644));
        kit_wait_for(&files, 3);
}

/* A hard link announces itself as new and is never closed: the rescan takes it. */
static void
rescan_finds_the_unannounced(Fixture *f, gconstpointer data)
{
        start_host(f);
        g_autofree char *path = box_file(f, "toy.box", "link.SYN");
        g_autofree char *source = g_build_filename(f->root, "source", NULL);
        g_assert_true(g_file_set_contents(source, "", 0, NULL));
        g_assert_cmpint(link(source, path), ==, 0);
        kit_idle(50);
        g_assert_cmpint(files, ==, 0);
        kit_step(UK_MINUTE + UK_SECOND);
        kit_idle(300);
        kit_step(UK_MINUTE + UK_SECOND);
        kit_wait_for(&files, 1);
}

static void
wakes_by_letter_and_timer(Fixture *f, gconstpointer data)
{
        Component c = { .def = &def, .host = f->host };

        start_host(f);
        for (int i = 1; i <= 20; i++) {
                g_assert_true(mailbox_post(f->host, "@toy", "x", NULL, 0, NULL));
                kit_wait_for(&letters, i);
        }
        timer_set(&c, "alarm", uk_clock_now() + UK_HOUR);
        kit_idle(50);
        g_assert_cmpint(alarms, ==, 0);
        timer_set(&c, "alarm", uk_clock_now() + UK_SECOND / 100);
        kit_wait_for(&alarms, 1);
        timer_set(&c, "alarm", uk_clock_now() + UK_HOUR);
        kit_step(UK_HOUR);
        kit_wait_for(&alarms, 2);
}

static void
commit_a_row(Fixture *f, bool with_bell)
{
        static const DbSql insert = { "toy_insert", "INSERT INTO Toy (N) VALUES (:n)",
                                      "INSERT INTO Toy (N) VALUES ($1)", "n" };
        g_autoptr(GError) error = NULL;
        g_autofree char *path = g_build_filename(f->root, "var/lib/upkeep/toy/toy.db", NULL);
        g_autofree char *bell = g_strconcat(path, ".bell", NULL);
        g_autofree char *away = g_strconcat(path, ".away", NULL);
        g_autoptr(Db) db = db_open(path, false, 1000, &error);
        g_autoptr(DbTx) tx = db_begin(db, &error);

        g_assert_no_error(error);
        g_assert_true(db_run(tx, &insert, DB_ARGS(DB_INT("n", 1)), &error));
        if (!with_bell)
                g_assert_cmpint(g_rename(bell, away), ==, 0);
        g_assert_true(db_commit(g_steal_pointer(&tx), &error));
        if (!with_bell)
                g_assert_cmpint(g_rename(away, bell), ==, 0);
}

static void
wakes_by_commit(Fixture *f, gconstpointer data)
{
        start_host(f);
        kit_wait_for(&commits, 1);
        gint64 before = uk_clock_mono();
        commit_a_row(f, true);
        kit_wait_for(&commits, 2);
        g_assert_cmpint(uk_clock_mono() - before, <, UK_SECOND / 2);
        kit_idle(1200);
        /* The look after a second finds nothing new that the bell had not said. */
        g_assert_cmpint(commits, <=, 3);
        int seen = commits;
        kit_idle(1200);
        g_assert_cmpint(commits, ==, seen);
        /* The writer died between commit and bell. */
        commit_a_row(f, false);
        kit_wait_for(&commits, seen + 1);
}

/* Of thousands of commits a second those in the ten milliseconds after one are followed together,
 * and the last of them is not forgotten. */
static void
follows_many_commits_together(Fixture *f, gconstpointer data)
{
        g_autofree char *bell = g_build_filename(f->root, "var/lib/upkeep/toy/toy.db.bell", NULL);

        start_host(f);
        kit_wait_for(&commits, 1);
        int seen = commits;
        gint64 before = uk_clock_mono(), rings = 0;
        while (uk_clock_mono() - before < UK_SECOND / 5) {
                g_assert_cmpint(utimensat(AT_FDCWD, bell, NULL, 0), ==, 0);
                rings++;
        }
        int together;
        do { /* what was rung last is followed behind it */
                together = commits - seen;
                kit_idle(50);
        } while (commits - seen != together);
        gint64 most = (uk_clock_mono() - before) / 10000 + 3;
        g_assert_cmpint(rings, >, 1000);
        g_assert_cmpint(together, >, 0);
        g_assert_cmpint(together, <=, most);
        commit_a_row(f, true);
        kit_wait_for_more(&commits, seen + together + 1);
}

/* How often the threads of this process but the caller's have been woken. */
static gint64
count_switches(void)
{
        g_autoptr(GDir) dir = g_dir_open("/proc/self/task", 0, NULL);
        gint64 sum = 0;

        for (const char *name; (name = g_dir_read_name(dir)) != NULL;) {
                g_autofree char *path = g_strdup_printf("/proc/self/task/%s/status", name);
                g_autofree char *text = NULL;
                const char *found;

                if (atoi(name) == (int)getpid() || !g_file_get_contents(path, &text, NULL, NULL))
                        continue;
                found = strstr(text, "\nvoluntary_ctxt_switches:");
                g_assert_nonnull(found);
                sum += g_ascii_strtoll(found + strlen("\nvoluntary_ctxt_switches:"), NULL, 10);
        }
        return sum;
}

/* Without work nothing runs but the look at the data version once a second, and the slices in
 * which a lab's clock is followed (a tenth of a second; a real role has none). */
static void
idle_sleeps(Fixture *f, gconstpointer data)
{
        start_host(f);
        kit_idle(500);
        gint64 before = count_switches();
        kit_idle(3000);
        gint64 switches = count_switches() - before;
        /* Three seconds, three lanes; ten slices each, and the version. */
        g_test_message("%" G_GINT64_FORMAT " switches in 3 s", switches);
        g_assert_cmpint(switches, <, 3 * 3 * 12 + 10);
}

/* A user has 128 instances of inotify, and may run many roles. */
static void
one_inotify_instance(Fixture *f, gconstpointer data)
{
        guint count = 0;

        start_host(f);
        g_autoptr(GDir) dir = g_dir_open("/proc/self/fd", 0, NULL);
        for (const char *name; (name = g_dir_read_name(dir)) != NULL;) {
                g_autofree char *path = g_build_filename("/proc/self/fd", name, NULL);
                g_autofree char *what = g_file_read_link(path, NULL);

                count += g_strcmp0(what, "anon_inode:inotify") == 0;
        }
        g_assert_cmpuint(count, ==, 1);
}

static void
folder_made_anew_is_watched_again(Fixture *f, gconstpointer data)
{
        g_autofree char *box = host_box_path(f->host, "toy.box");
        g_autofree char *away = g_strconcat(box, ".away", NULL);

        start_host(f);
        kit_put(f->host, "toy.box", "a.SYN", "", 0);
        kit_wait_for(&files, 1);
        g_assert_cmpint(g_rename(box, away), ==, 0);
        g_autoptr(GError) error = NULL;
        g_assert_true(uk_io_remove_tree(away, &error));
        g_assert_cmpint(g_mkdir(box, 0755), ==, 0);
        /* The next look at everything finds the new one, and from then on files are told again. */
        kit_step(UK_HOUR);
        kit_put(f->host, "toy.box", "b.SYN", "", 0);
        kit_wait_for(&files, 2);
        gint64 before = uk_clock_mono();
        kit_put(f->host, "toy.box", "c.SYN", "", 0);
        kit_wait_for(&files, 3);
        g_assert_cmpint(uk_clock_mono() - before, <, UK_SECOND);
}

static void
failed_start_is_tried_again(Fixture *f, gconstpointer data)
{
        answer = UK_ERROR_KEY;
        start_host(f);
        kit_put(f->host, "toy.box", "a.SYN", "", 0);
        kit_idle(50);
        g_assert_cmpint(files, ==, 0);
        answer = 0;
        kit_step(UK_MINUTE + UK_SECOND);
        kit_wait_for(&files, 1);
        g_assert_cmpint(started, ==, 1);
        g_autofree char *log = kit_log(f->host, "Toy.log");
        g_assert_nonnull(strstr(log, "SMS_TOY stops and will be started again in 1 minute: there "
                                     "is no key"));
}

static void
halt_with_threads(Fixture *f, gconstpointer data)
{
        start_host(f);
        answer = UK_ERROR_BROKEN;
        kit_put(f->host, "toy.box", "a.SYN", "", 0);
        kit_wait_for(&files, 1);
        kit_idle(20);
        g_assert_true(mailbox_post(f->host, "@toy", "x", NULL, 0, NULL));
        kit_idle(50);
        /* All lanes of the component rest. */
        g_assert_cmpint(letters, ==, 0);
        answer = 0;
        kit_step(UK_MINUTE + UK_SECOND);
        kit_wait_for(&letters, 1);
        kit_wait_for(&files, 2);
        g_assert_cmpint(started, ==, 2);
}

static void
bad_settings_at_start(Fixture *f, gconstpointer data)
{
        g_autoptr(GError) error = NULL;

        kit_settings(f->root, "toy", "[host]\nrescan_seconds=7\n");
        host_reload(f->host);
        g_assert_cmpint(settings_int(host_settings(f->host), "host.rescan_seconds"), ==, 7);
        kit_settings(f->root, "toy", "[host]\nrescan_seconds=never\n");
        host_reload(f->host);
        g_assert_cmpint(settings_int(host_settings(f->host), "host.rescan_seconds"), ==, 7);
        host_free(f->host);
        f->host = kit_host(&role, f->root);
        g_assert_cmpint(settings_int(host_settings(f->host), "host.rescan_seconds"), ==, 7);
        g_autofree char *log = kit_log(f->host, "upkeep-toy.log");
        g_assert_nonnull(strstr(log, "The settings cannot be read; those before stay in force: "));
        g_assert_nonnull(strstr(log, "STATMSG: ID=60004 SEV=E"));
        /* Without a last good one there is nothing to go by. */
        char *other = kit_root();
        kit_settings(other, "toy", "[host]\nrescan_seconds=never\n");
        g_assert_null(host_new(&role, other, &error));
        g_assert_error(error, UK_ERROR, UK_ERROR_CONFIG);
        g_assert_nonnull(strstr(error->message, "host.rescan_seconds: \"never\""));
        kit_end(other);
}

static void *
start_late(void *arg)
{
        Fixture *f = arg;
        g_autoptr(GError) error = NULL;

        g_assert_true(host_start(f->host, &error));
        return NULL;
}

/* A role that does not migrate waits for the one that does. */
static void
waits_for_schema(Fixture *f, gconstpointer data)
{
        pthread_t thread;
        bool worked;
        g_autoptr(GError) error = NULL;

        f->host = kit_host(&follower, f->root);
        g_assert_false(host_step(f->host, &worked, &error));
        g_assert_error(error, UK_ERROR, UK_ERROR_NOT_YET);
        pthread_create(&thread, NULL, start_late, f);
        kit_idle(100);
        g_assert_cmpint(started, ==, 0);
        g_autoptr(Host) first = kit_host(&role, f->root);
        kit_wait_for(&started, 1);
        pthread_join(thread, NULL);
        kit_wait_for(&commits, 1);
}

static void
marks(Fixture *f, gconstpointer data)
{
        g_autoptr(GError) error = NULL;

        g_assert_null(host_mark_get(f->host, "a"));
        g_assert_true(host_mark_set(f->host, "a", "1", &error));
        g_assert_true(host_mark_set(f->host, "b = [c]", "2\n3", &error));
        host_free(f->host);
        f->host = kit_host(&role, f->root);
        g_autofree char *a = host_mark_get(f->host, "a");
        g_assert_cmpstr(a, ==, "1");
        /* A damaged file costs the marks, not the start. */
        g_autofree char *path = g_build_filename(host_state_dir(f->host), "state.ini", NULL);
        g_assert_true(g_file_set_contents(path, "[marks\n", -1, NULL));
        host_free(f->host);
        f->host = kit_host(&role, f->root);
        g_assert_null(host_mark_get(f->host, "a"));
}

static void
paths(Fixture *f, gconstpointer data)
{
        g_autofree char *state = g_build_filename(f->root, "var/lib/upkeep/toy", NULL);
        g_autofree char *box =
                g_build_filename(f->root, "var/lib/upkeep/site/inboxes/distmgr.box/incoming", NULL);
        g_autofree char *path = host_box_path(f->host, "distmgr.box/incoming");

        g_assert_cmpstr(host_root(f->host), ==, f->root);
        g_assert_cmpstr(host_state_dir(f->host), ==, state);
        g_assert_cmpstr(path, ==, box);
        g_assert_cmpstr(host_role_name(f->host), ==, "toy");
        g_assert_cmpstr(host_site_code(f->host), ==, "UPK");
        g_assert_cmpuint(strlen(host_machine(f->host)), >, 0);
        g_assert_false(host_stopping(f->host));
}

#define ADD(name, data, function) g_test_add(name, Fixture, data, set_up, function, tear_down)

int
main(int argc, char **argv)
{
        setlocale(LC_ALL, "C");
        g_test_init(&argc, &argv, NULL);
        ADD("/host/host/wakes-by-rename", NULL, wakes_by_rename);
        ADD("/host/host/wakes-by-close", NULL, wakes_by_close);
        ADD("/host/host/rescan-finds-the-unannounced", NULL, rescan_finds_the_unannounced);
        ADD("/host/host/wakes-by-letter-and-timer", NULL, wakes_by_letter_and_timer);
        ADD("/host/host/wakes-by-commit", NULL, wakes_by_commit);
        ADD("/host/host/follows-many-commits-together", NULL, follows_many_commits_together);
        ADD("/host/host/idle-sleeps", NULL, idle_sleeps);
        ADD("/host/host/one-inotify-instance", NULL, one_inotify_instance);
        ADD("/host/host/folder-made-anew-is-watched-again", NULL,
            folder_made_anew_is_watched_again);
        ADD("/host/host/failed-start-is-tried-again", NULL, failed_start_is_tried_again);
        ADD("/host/host/halt-with-threads", NULL, halt_with_threads);
        ADD("/host/host/bad-settings-at-start", NULL, bad_settings_at_start);
        ADD("/host/host/waits-for-schema", "no host", waits_for_schema);
        ADD("/host/host/marks", NULL, marks);
        ADD("/host/host/paths", NULL, paths);
        return g_test_run();
}
