/* Tests of src/mp/mp_journal.c: what was acknowledged is there, whatever fails. */
#include "mp/mp_journal.h"

#include <glib/gstdio.h>
#include <locale.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fault.h"
#include "base/io.h"
#include "inbox/drop.h"

typedef struct {
        char *root;
        UkLog *log;
        char *dir;
        char *boxes[2];
        pthread_mutex_t lock; /* guards the counts */
        pthread_cond_t changed;
        guint durable;
        guint refused;
        bool refuse_files; /* make fails */
        int told;          /* where names of durable entries are written; -1 */
} Box;

/* In memory where there is such a folder: some thousand syncs are not what is tested here. */
static void
box_init(Box *box)
{
        bool memory = access("/dev/shm", W_OK) == 0;
        g_autofree char *log = NULL;

        *box = (Box){ .told = -1 };
        box->root = g_build_filename(memory ? "/dev/shm" : g_get_tmp_dir(), "upkeep-journal-XXXXXX",
                                     NULL);
        g_assert_nonnull(g_mkdtemp(box->root));
        log = g_build_filename(box->root, "MP_Relay.log", NULL);
        box->log = uk_log_open(log, "MP_RelayEndpoint", UK_LOG_CLIENT, 0, 1, NULL);
        g_assert_nonnull(box->log);
        box->dir = g_build_filename(box->root, "journal", NULL);
        box->boxes[0] = g_build_filename(box->root, "incoming", NULL);
        box->boxes[1] = g_build_filename(box->root, "incoming/High", NULL);
        pthread_mutex_init(&box->lock, NULL);
        pthread_cond_init(&box->changed, NULL);
        g_assert_true(uk_io_mkdirs(box->boxes[1], 0750, NULL));
}

static void
box_clear(Box *box)
{
        uk_log_close(box->log);
        g_assert_true(uk_io_remove_tree(box->root, NULL));
        g_free(box->root);
        g_free(box->dir);
        g_free(box->boxes[0]);
        g_free(box->boxes[1]);
        pthread_cond_destroy(&box->changed);
        pthread_mutex_destroy(&box->lock);
}

static void
on_durable(gpointer user, MpEntry *entry, const GError *error)
{
        Box *box = user;

        if (box->told >= 0 && error == NULL)
                g_assert_cmpint(write(box->told, entry->name, MP_NAME_SIZE), ==, MP_NAME_SIZE);
        pthread_mutex_lock(&box->lock);
        if (error == NULL)
                box->durable++;
        else
                box->refused++;
        pthread_cond_broadcast(&box->changed);
        pthread_mutex_unlock(&box->lock);
}

static bool
on_make(gpointer user, const MpEntry *entry, GError **error)
{
        Box *box = user;

        pthread_mutex_lock(&box->lock);
        bool refuse = box->refuse_files;
        pthread_mutex_unlock(&box->lock);
        if (refuse)
                return uk_fail(error, UK_ERROR_FULL, "no room");
        return inbox_drop_unsynced(box->boxes[entry->box], entry->name, entry->body, entry->size,
                                   error);
}

static const char *
folder_of(gpointer user, guint8 which)
{
        return ((Box *)user)->boxes[which];
}

static MpJournal *
open_journal(Box *box, gsize max_bytes)
{
        const MpJournalUse use = { on_durable, on_make, folder_of, box };
        g_autoptr(GError) error = NULL;
        MpJournal *journal = mp_journal_open(box->dir, max_bytes, &use, box->log, &error);

        g_assert_no_error(error);
        return journal;
}

static MpEntry *
entry_new(guint number)
{
        MpEntry *entry = g_new0(MpEntry, 1);

        g_snprintf(entry->name, sizeof entry->name, "F%07u.SMX", number);
        entry->box = number % 2;
        entry->body = g_strdup_printf("<Report>%0*u</Report>", (int)(number % 97) * 11 + 1, number);
        entry->size = strlen(entry->body);
        return entry;
}

static void
add(MpJournal *journal, guint number)
{
        g_autoptr(GError) error = NULL;

        g_assert_true(mp_journal_add(journal, entry_new(number), &error));
        g_assert_no_error(error);
}

static void
await(Box *box, guint answers)
{
        pthread_mutex_lock(&box->lock);
        while (box->durable + box->refused < answers)
                pthread_cond_wait(&box->changed, &box->lock);
        pthread_mutex_unlock(&box->lock);
}

/* Whether the file of an entry is there, with its whole body. */
static bool
file_is_right(Box *box, guint number)
{
        g_autoptr(MpEntry) entry = entry_new(number);
        g_autofree char *path = g_build_filename(box->boxes[entry->box], entry->name, NULL);
        g_autofree char *body = NULL;
        gsize size;

        if (!g_file_get_contents(path, &body, &size, NULL))
                return false;
        g_assert_cmpmem(body, size, entry->body, entry->size);
        return true;
}

static guint
count_files(const char *dir, const char *suffix)
{
        GDir *open = g_dir_open(dir, 0, NULL);
        const char *name;
        guint count = 0;

        while (open != NULL && (name = g_dir_read_name(open)) != NULL)
                count += g_str_has_suffix(name, suffix) ? 1 : 0;
        if (open != NULL)
                g_dir_close(open);
        return count;
}

static void
reports_become_files(void)
{
        Box box;
        MpJournal *journal;

        box_init(&box);
        journal = open_journal(&box, 1 << 20);
        for (guint i = 0; i < 500; i++)
                add(journal, i);
        await(&box, 500);
        mp_journal_close(journal);
        g_assert_cmpuint(box.durable, ==, 500);
        for (guint i = 0; i < 500; i++)
                g_assert_true(file_is_right(&box, i));
        /* Closed in order: nothing is left to be read again. */
        g_assert_cmpuint(count_files(box.dir, ".jnl"), ==, 0);
        box_clear(&box);
}

/* While one group is synced the next one gathers: syncs stay far below reports. */
static void
many_share_a_sync(void)
{
        Box box;
        MpJournal *journal;
        unsigned points;

        box_init(&box);
        journal = open_journal(&box, 1 << 24);
        uk_fault_set("count");
        g_setenv("UPKEEP_FAULT_ONLY", "sync", TRUE);
        uk_fault_set("count");
        for (guint i = 0; i < 2000; i++)
                add(journal, i);
        await(&box, 2000);
        points = uk_fault_count();
        uk_fault_set(NULL);
        g_unsetenv("UPKEEP_FAULT_ONLY");
        mp_journal_close(journal);
        g_assert_cmpuint(points, >, 0);
        g_assert_cmpuint(points, <, 1000);
        box_clear(&box);
}

/* Drops what is synced, and only that. */
static void
stretches_are_dropped(void)
{
        Box box;
        MpJournal *journal;
        guint stretches;
        guint waiting;

        box_init(&box);
        journal = open_journal(&box, 1 << 20);
        add(journal, 1);
        await(&box, 1);
        g_assert_cmpuint(count_files(box.dir, ".jnl"), ==, 1);
        g_assert_true(mp_journal_tick(journal, NULL)); /* ends it */
        do {
                mp_journal_count(journal, &stretches, &waiting);
        } while (stretches == 0);
        g_assert_true(mp_journal_tick(journal, NULL)); /* drops it */
        g_assert_cmpuint(count_files(box.dir, ".jnl"), ==, 0);
        g_assert_true(file_is_right(&box, 1));
        mp_journal_close(journal);
        box_clear(&box);
}

static void
full_disk_for_files(void)
{
        Box box;
        MpJournal *journal;
        guint stretches;
        guint waiting;

        box_init(&box);
        box.refuse_files = true;
        journal = open_journal(&box, 1 << 20);
        for (guint i = 0; i < 20; i++)
                add(journal, i);
        await(&box, 20);
        g_assert_cmpuint(box.durable, ==, 20);
        mp_journal_count(journal, &stretches, &waiting);
        g_assert_cmpuint(waiting, ==, 20);
        g_assert_true(mp_journal_tick(journal, NULL));
        g_assert_true(mp_journal_tick(journal, NULL));
        g_assert_cmpuint(count_files(box.dir, ".jnl"), ==, 1);
        pthread_mutex_lock(&box.lock);
        box.refuse_files = false;
        pthread_mutex_unlock(&box.lock);
        mp_journal_close(journal);
        for (guint i = 0; i < 20; i++)
                g_assert_true(file_is_right(&box, i));
        g_assert_cmpuint(count_files(box.dir, ".jnl"), ==, 0);
        box_clear(&box);
}

/* Files could not be made until the end: the next run makes them. */
static void
left_for_the_next_run(void)
{
        Box box;
        MpJournal *journal;

        box_init(&box);
        box.refuse_files = true;
        journal = open_journal(&box, 1 << 20);
        for (guint i = 0; i < 20; i++)
                add(journal, i);
        mp_journal_close(journal);
        g_assert_cmpuint(box.durable, ==, 20);
        g_assert_cmpuint(count_files(box.dir, ".jnl"), ==, 1);
        box.refuse_files = false;
        journal = open_journal(&box, 1 << 20);
        add(journal, 20);
        mp_journal_close(journal);
        for (guint i = 0; i < 21; i++)
                g_assert_true(file_is_right(&box, i));
        g_assert_cmpuint(count_files(box.dir, ".jnl"), ==, 0);
        box_clear(&box);
}

static void
too_much_is_refused(void)
{
        Box box;
        MpJournal *journal;
        g_autoptr(MpEntry) large = entry_new(1);
        g_autoptr(GError) error = NULL;

        box_init(&box);
        journal = open_journal(&box, 10);
        g_assert_false(mp_journal_add(journal, large, &error));
        g_assert_error(error, UK_ERROR, UK_ERROR_BUSY);
        mp_journal_close(journal);
        box_clear(&box);
}

/* Leaves a journal with 20 records and no files; its only stretch. */
static char *
journal_left_behind(Box *box)
{
        MpJournal *journal;
        GDir *dir;
        char *path;

        box->refuse_files = true;
        journal = open_journal(box, 1 << 20);
        for (guint i = 0; i < 20; i++) {
                add(journal, i);
                await(box, i + 1);
        }
        mp_journal_close(journal);
        box->refuse_files = false;
        dir = g_dir_open(box->dir, 0, NULL);
        path = g_build_filename(box->dir, g_dir_read_name(dir), NULL);
        g_dir_close(dir);
        return path;
}

static void
torn_tail(void)
{
        Box box;
        g_autofree char *path = NULL;
        g_autofree char *data = NULL;
        gsize size;

        box_init(&box);
        path = journal_left_behind(&box);
        g_assert_true(g_file_get_contents(path, &data, &size, NULL));
        for (gsize cut = size; cut > size - 40; cut -= 3) {
                guint right = 0;

                g_assert_true(uk_io_replace(path, data, cut, 0600, NULL));
                mp_journal_close(open_journal(&box, 1 << 20));
                for (guint i = 0; i < 20; i++)
                        right += file_is_right(&box, i) ? 1 : 0;
                g_assert_cmpuint(right, ==, cut == size ? 20 : 19);
                g_assert_cmpuint(count_files(box.dir, ".jnl"), ==, 0);
                g_assert_true(uk_io_remove_tree(box.boxes[0], NULL));
                g_assert_true(uk_io_mkdirs(box.boxes[1], 0750, NULL));
        }
        box_clear(&box);
}

/* A damaged record costs itself and no other, wherever the damage is. */
static void
damage_within(void)
{
        Box box;
        g_autofree char *path = NULL;
        g_autofree char *data = NULL;
        gsize size;

        box_init(&box);
        path = journal_left_behind(&box);
        g_assert_true(g_file_get_contents(path, &data, &size, NULL));
        for (gsize at = 0; at < size; at += 41) {
                guint right = 0;

                data[at] ^= 0x20;
                g_assert_true(uk_io_replace(path, data, size, 0600, NULL));
                data[at] ^= 0x20;
                mp_journal_close(open_journal(&box, 1 << 20));
                for (guint i = 0; i < 20; i++)
                        right += file_is_right(&box, i) ? 1 : 0;
                g_assert_cmpuint(right, >=, 19);
                g_assert_true(uk_io_remove_tree(box.boxes[0], NULL));
                g_assert_true(uk_io_mkdirs(box.boxes[1], 0750, NULL));
        }
        box_clear(&box);
}

/* The n-th write, sync, rename or unlink fails: each entry is either told durable and a file, or
 * told refused; with the disk mended everything durable is a file. */
static void
every_point_fails(void)
{
        static const char *const kinds[] = { "fail", "fail+" };

        for (gsize kind = 0; kind < G_N_ELEMENTS(kinds); kind++) {
                for (guint n = 1;; n++) {
                        g_autofree char *plan = g_strdup_printf("%s:%u", kinds[kind], n);
                        Box box;
                        MpJournal *journal;
                        unsigned points;
                        guint ticked = 0;

                        box_init(&box);
                        uk_fault_set(plan);
                        const MpJournalUse use = { on_durable, on_make, folder_of, &box };
                        journal = mp_journal_open(box.dir, 1 << 20, &use, box.log, NULL);
                        if (journal != NULL) {
                                for (guint i = 0; i < 6; i++) {
                                        add(journal, i);
                                        await(&box, i + 1);
                                        ticked += mp_journal_tick(journal, NULL) ? 1 : 0;
                                }
                                mp_journal_close(journal);
                        }
                        points = uk_fault_count();
                        uk_fault_set(NULL);
                        mp_journal_close(open_journal(&box, 1 << 20));
                        guint files = count_files(box.boxes[0], ".SMX") +
                                      count_files(box.boxes[1], ".SMX");
                        g_assert_cmpuint(files, >=, box.durable);
                        g_assert_cmpuint(ticked, <=, 6);
                        g_assert_cmpuint(count_files(box.dir, ".jnl"), ==, 0);
                        box_clear(&box);
                        if (points < n)
                                break;
                }
        }
}

#define KILL_ENTRIES 16

static void
child(Box *box, const char *plan, int told)
{
        MpJournal *journal;

        box->told = told;
        uk_fault_set(plan);
        journal = open_journal(box, 1 << 20);
        for (guint i = 0; i < KILL_ENTRIES; i++) {
                add(journal, i);
                if (i % 3 == 0)
                        await(box, i + 1);
                if (i % 7 == 0)
                        g_assert_true(mp_journal_tick(journal, NULL));
        }
        mp_journal_close(journal);
        _exit(0);
}

/* Runs child() in a process of its own; the numbers it told are marked. False: it was killed. */
static bool
run_child(Box *box, const char *plan, bool told[KILL_ENTRIES])
{
        char name[MP_NAME_SIZE];
        int pipes[2];
        int status;
        pid_t pid;

        g_assert_cmpint(pipe(pipes), ==, 0);
        pid = fork();
        if (pid == 0) {
                close(pipes[0]);
                child(box, plan, pipes[1]);
        }
        close(pipes[1]);
        while (read(pipes[0], name, sizeof name) == (gssize)sizeof name)
                told[g_ascii_strtoull(name + 1, NULL, 10)] = true;
        close(pipes[0]);
        g_assert_cmpint(waitpid(pid, &status, 0), ==, pid);
        g_assert_true(WIFSIGNALED(status) ? WTERMSIG(status) == SIGKILL : WEXITSTATUS(status) == 0);
        return WIFEXITED(status);
}

/* The process is killed at the n-th point, before or after it: after the next start every report
 * that was acknowledged is a file, whole, and none is there under two names. */
static void
killed_at_every_point(void)
{
        static const char *const kinds[] = { "kill", "killafter" };

        for (gsize kind = 0; kind < G_N_ELEMENTS(kinds); kind++) {
                for (guint n = 1;; n++) {
                        g_autofree char *plan = g_strdup_printf("%s:%u", kinds[kind], n);
                        bool told[KILL_ENTRIES] = { false };
                        Box box;
                        bool ended;

                        box_init(&box);
                        ended = run_child(&box, plan, told);
                        mp_journal_close(open_journal(&box, 1 << 20));
                        for (guint i = 0; i < KILL_ENTRIES; i++)
                                g_assert_true(!told[i] || file_is_right(&box, i));
                        g_assert_cmpuint(count_files(box.boxes[0], ".SMX") +
                                                 count_files(box.boxes[1], ".SMX"),
                                         <=, KILL_ENTRIES);
                        g_assert_cmpuint(count_files(box.dir, ".jnl"), ==, 0);
                        box_clear(&box);
                        if (ended)
                                break;
                }
        }
}

int
main(int argc, char **argv)
{
        setlocale(LC_ALL, "C");
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/mp/journal/reports-become-files-COMP-062", reports_become_files);
        g_test_add_func("/mp/journal/many-share-a-sync", many_share_a_sync);
        g_test_add_func("/mp/journal/stretches-are-dropped", stretches_are_dropped);
        g_test_add_func("/mp/journal/full-disk-for-files", full_disk_for_files);
        g_test_add_func("/mp/journal/left-for-the-next-run", left_for_the_next_run);
        g_test_add_func("/mp/journal/too-much-is-refused", too_much_is_refused);
        g_test_add_func("/mp/journal/torn-tail", torn_tail);
        g_test_add_func("/mp/journal/damage-within", damage_within);
        g_test_add_func("/mp/journal/every-point-fails", every_point_fails);
        g_test_add_func("/mp/journal/killed-at-every-point", killed_at_every_point);
        return g_test_run();
}
