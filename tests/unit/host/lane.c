/* Tests of src/host/lane.c, lane_box.c and mailbox.c: what becomes of files and letters, stepped by
 * hand. */
#include "unit/host/kit.h"

#include <locale.h>
#include <string.h>

#include "base/clock.h"
#include "base/fault.h"
#include "base/log.h"
#include "host/mailbox.h"

/* What the toy component has done, in order, and what it is to do. */
typedef struct {
        GString *seen;
        int answer; /* error code, 0: success */
        int starts, stops;
        const char *batch_late, *batch_bad; /* stems */
} Toy;
static Toy toy;

static void
toy_reset(void)
{
        if (toy.seen != NULL)
                g_string_free(toy.seen, TRUE);
        memset(&toy, 0, sizeof toy);
        toy.seen = g_string_new(NULL);
}

static bool
toy_result(GError **error)
{
        if (toy.answer == 0)
                return true;
        return uk_fail(error, (UkErrorCode)toy.answer, "the toy was told to fail");
}

static bool
on_file(Component *c, const InboxFile *file, GError **error)
{
        g_autofree char *body = NULL;
        gsize size = 0;

        g_assert_true(c->state == &toy);
        g_assert_true(inbox_file_read(file, 1000, &body, &size, error));
        g_string_append_printf(toy.seen, "%s=%s ", file->stem, body);
        return toy_result(error);
}

static bool
on_batch(Component *c, BatchItem *items, guint count, GError **error)
{
        g_string_append_printf(toy.seen, "[");
        for (guint i = 0; i < count; i++) {
                const char *stem = items[i].file->stem;

                g_string_append_printf(toy.seen, "%s ", stem);
                items[i].verdict = BATCH_DONE;
                if (g_strcmp0(stem, toy.batch_late) == 0)
                        items[i].verdict = BATCH_LATER;
                if (g_strcmp0(stem, toy.batch_bad) == 0) {
                        items[i].verdict = BATCH_CORRUPT;
                        items[i].why = g_strdup("it is bad");
                }
        }
        g_string_append_printf(toy.seen, "] ");
        return toy_result(error);
}

static bool
start(Component *c, GError **error)
{
        toy.starts++;
        c->state = &toy;
        return true;
}

static void
stop(Component *c)
{
        g_assert_true(c->state == &toy);
        toy.stops++;
}

static const ComponentDef toy_def = {
        .name = "SMS_TOY",
        .log = "Toy.log",
        .log_form = UK_LOG_SERVER,
        .boxes = {
                { "main", "toy.box", ".SYN", on_file, .bare_name = true },
                { "main", "toy.box/incoming", ".STA", on_file },
                { "main", "toy.box/incoming", ".PUL", on_file, .retry = "toy.pauses" },
                { "many", "many.box", "*", .on_batch = on_batch, .settle = "toy.settle",
                  .batch = "toy.batch" },
                { "main", "@toy", ".REQ", on_file },
        },
        .start = start,
        .stop = stop,
};
static int bystander_seen;

static bool
on_bystander(Component *c, const InboxFile *file, GError **error)
{
        bystander_seen++;
        return true;
}

static const ComponentDef bystander = {
        .name = "SMS_BYSTANDER",
        .log = "Bystander.log",
        .log_form = UK_LOG_SERVER,
        .boxes = { { "main", "other.box", "*", on_bystander, .bare_name = true } },
};
static const ComponentDef *const components[] = { &toy_def, &bystander, NULL };
static const SettingDef settings[] = {
        { "toy.settle", SETTING_INT, "0", 0, 100, "seconds", "at once", "Settling pause" },
        { "toy.batch", SETTING_INT, "3", 1, 100, "files", "at once", "Size of a batch" },
        { "toy.pauses", SETTING_TEXT, "5, 10", 0, 0, "minutes", "at once", "Pauses" },
        { .name = NULL },
};
static const HostRole role = { .role = "toy", .components = components, .settings = settings };

typedef struct {
        char *root;
        Host *host;
} Fixture;

static void
set_up(Fixture *f, gconstpointer data)
{
        toy_reset();
        bystander_seen = 0;
        f->root = kit_root();
        f->host = kit_host(&role, f->root);
}

static void
tear_down(Fixture *f, gconstpointer data)
{
        uk_fault_set(NULL);
        host_free(f->host);
        kit_end(f->root);
}

static void
oldest_first(Fixture *f, gconstpointer data)
{
        kit_put(f->host, "toy.box/incoming", "b.STA", "2", 20);
        kit_put(f->host, "toy.box", "c.syn", "3", 10);
        kit_put(f->host, "toy.box/incoming", "a.PUL", "1", 30);
        kit_put(f->host, "toy.box", "d.TXT", "other kind", 40);
        kit_put(f->host, "toy.box/incoming", "e.Sta", "4", 5);
        g_assert_true(kit_run(f->host));
        g_assert_cmpstr(toy.seen->str, ==, "a=1 b=2 c=3 e=4 ");
        g_assert_true(kit_is_there(f->host, "toy.box", "d.TXT"));
        g_assert_false(kit_is_there(f->host, "toy.box/incoming", "a.PUL"));
        g_assert_false(kit_run(f->host));
}

static void
later_is_tried_again(Fixture *f, gconstpointer data)
{
        toy.answer = UK_ERROR_NOT_YET;
        kit_put(f->host, "toy.box", "a.SYN", "1", 0);
        for (int minutes = 1; minutes <= 128; minutes *= 2) {
                g_assert_true(kit_run(f->host));
                kit_step(MIN(minutes, 60) * UK_MINUTE - 5 * UK_SECOND);
                g_assert_false(kit_run(f->host));
                kit_step(5 * UK_SECOND);
        }
        g_assert_true(kit_is_there(f->host, "toy.box", "a.SYN"));
        toy.answer = 0;
        g_assert_true(kit_run(f->host));
        g_assert_false(kit_is_there(f->host, "toy.box", "a.SYN"));
        g_autofree char *log = kit_log(f->host, "Toy.log");
        g_assert_nonnull(strstr(log,
                                "a.SYN cannot be processed now and is tried again in 1 minute: "
                                "the toy was told to fail"));
        g_assert_nonnull(strstr(log, "tried again in 32 minutes"));
        g_assert_nonnull(strstr(log, "tried again in 60 minutes"));
        g_assert_null(strstr(log, "64 minutes"));
}

/* A file of the same name that came meanwhile is other news; a clock that was set back makes no
 * pause longer. */
static void
later_ends_early(Fixture *f, gconstpointer data)
{
        toy.answer = UK_ERROR_NETWORK;
        kit_put(f->host, "toy.box", "a.SYN", "1", 0);
        g_assert_true(kit_run(f->host));
        kit_put(f->host, "toy.box", "a.SYN", "2", 0);
        g_assert_true(kit_run(f->host));
        g_assert_false(kit_run(f->host));
        g_assert_cmpstr(toy.seen->str, ==, "a=1 a=2 ");
        kit_step(-UK_DAY);
        g_assert_false(kit_run(f->host));
        kit_step(UK_MINUTE);
        g_assert_true(kit_run(f->host));
        kit_step(UK_DAY - UK_MINUTE);
}

static void
pauses_of_the_box(Fixture *f, gconstpointer data)
{
        toy.answer = UK_ERROR_BUSY;
        kit_put(f->host, "toy.box/incoming", "a.PUL", "1", 0);
        static const int pauses[] = { 5, 10, 10, 10 };
        for (guint i = 0; i < G_N_ELEMENTS(pauses); i++) {
                g_assert_true(kit_run(f->host));
                kit_step(pauses[i] * UK_MINUTE - 5 * UK_SECOND);
                g_assert_false(kit_run(f->host));
                kit_step(5 * UK_SECOND);
        }
}

static void
corrupt_is_set_aside(Fixture *f, gconstpointer data)
{
        toy.answer = UK_ERROR_PARSE;
        kit_put(f->host, "toy.box/incoming", "a.STA", "x", 0);
        g_assert_true(kit_run(f->host));
        g_assert_false(kit_is_there(f->host, "toy.box/incoming", "a.STA"));
        g_assert_true(kit_is_there(f->host, "toy.box/corrupt", "a.STA"));
        g_autofree char *dir = host_box_path(f->host, "toy.box/corrupt");
        g_autofree char *path = g_build_filename(dir, "a.STA.why", NULL);
        g_autofree char *why = NULL;
        g_assert_true(g_file_get_contents(path, &why, NULL, NULL));
        g_assert_nonnull(strstr(why, "the toy was told to fail"));
        g_autofree char *log = kit_log(f->host, "Toy.log");
        g_assert_nonnull(strstr(log, "a.STA cannot be used and was moved to corrupt/: the toy was "
                                     "told to fail"));
        g_assert_nonnull(strstr(log, "STATMSG: ID=60001 SEV=W"));
        g_assert_false(kit_run(f->host));
}

static void
halt_stops_one_component(Fixture *f, gconstpointer data)
{
        toy.answer = UK_ERROR_KEY;
        kit_put(f->host, "toy.box", "a.SYN", "1", 20);
        kit_put(f->host, "toy.box", "b.SYN", "2", 10);
        kit_put(f->host, "other.box", "x", "", 0);
        for (int minutes = 1; minutes <= 4; minutes *= 2) {
                g_assert_true(kit_run(f->host));
                g_assert_cmpint(toy.starts, ==, toy.stops);
                kit_step(minutes * UK_MINUTE - 5 * UK_SECOND);
                kit_put(f->host, "other.box", "y", "", 0);
                kit_run(f->host);
                g_assert_cmpint(toy.starts, ==, toy.stops);
                kit_step(5 * UK_SECOND);
        }
        g_assert_cmpint(toy.starts, ==, 3);
        g_assert_cmpint(bystander_seen, ==, 4);
        toy.answer = 0;
        g_assert_true(kit_run(f->host));
        g_assert_cmpint(toy.starts, ==, 4);
        g_assert_cmpint(toy.stops, ==, 3);
        g_assert_cmpstr(toy.seen->str, ==, "a=1 a=1 a=1 a=1 b=2 ");
        g_autofree char *log = kit_log(f->host, "Toy.log");
        g_assert_nonnull(strstr(log, "STATMSG: ID=60002 SEV=E"));
        g_assert_nonnull(strstr(log, "SMS_TOY stops and will be started again in 4 minutes: "));
        g_assert_nonnull(strstr(log, "STATMSG: ID=60003 SEV=I"));
}

static void
empty_files(Fixture *f, gconstpointer data)
{
        kit_put(f->host, "toy.box", "SELF.SYN", "", 0);
        kit_put(f->host, "toy.box/incoming", "a.STA", "", 0);
        g_assert_true(kit_run(f->host));
        g_assert_cmpstr(toy.seen->str, ==, "SELF= ");
        /* It is written at last … */
        kit_step(30 * UK_SECOND);
        kit_put(f->host, "toy.box/incoming", "a.STA", "1", 0);
        g_assert_true(kit_run(f->host));
        g_assert_cmpstr(toy.seen->str, ==, "SELF= a=1 ");
        /* … or never: then it is served as it is. */
        kit_put(f->host, "toy.box/incoming", "b.STA", "", 0);
        g_assert_false(kit_run(f->host));
        kit_step(UK_MINUTE + UK_SECOND);
        g_assert_true(kit_run(f->host));
        g_assert_cmpstr(toy.seen->str, ==, "SELF= a=1 b= ");
}

/* The effect is durable, the removal fails: the handler runs again. */
static void
may_run_twice(Fixture *f, gconstpointer data)
{
        kit_put(f->host, "toy.box", "a.SYN", "1", 0);
        uk_fault_set("fail+:1");
        g_assert_true(kit_run(f->host));
        uk_fault_set(NULL);
        g_assert_true(kit_is_there(f->host, "toy.box", "a.SYN"));
        kit_step(UK_MINUTE + UK_SECOND);
        g_assert_true(kit_run(f->host));
        g_assert_cmpstr(toy.seen->str, ==, "a=1 a=1 ");
        g_assert_false(kit_is_there(f->host, "toy.box", "a.SYN"));
}

static void
batches(Fixture *f, gconstpointer data)
{
        toy.batch_late = "2";
        toy.batch_bad = "4";
        for (int i = 1; i <= 5; i++) {
                g_autofree char *name = g_strdup_printf("%d.SMX", i);

                kit_put(f->host, "many.box", name, "x", 50 - i);
        }
        g_assert_true(kit_run(f->host));
        g_assert_cmpstr(toy.seen->str, ==, "[1 2 3 ] [4 5 ] ");
        g_assert_true(kit_is_there(f->host, "many.box", "2.SMX"));
        g_assert_true(kit_is_there(f->host, "many.box/corrupt", "4.SMX"));
        g_assert_false(kit_is_there(f->host, "many.box", "5.SMX"));
        toy.batch_late = NULL;
        kit_step(UK_MINUTE + UK_SECOND);
        g_assert_true(kit_run(f->host));
        g_assert_false(kit_is_there(f->host, "many.box", "2.SMX"));
}

/* A batch that fails as a whole removes nothing, whatever it said of single files. */
static void
batch_fails(Fixture *f, gconstpointer data)
{
        toy.answer = UK_ERROR_PARSE;
        toy.batch_bad = "1";
        kit_put(f->host, "many.box", "1.SMX", "x", 20);
        kit_put(f->host, "many.box", "2.SMX", "x", 10);
        g_assert_true(kit_run(f->host));
        g_assert_true(kit_is_there(f->host, "many.box", "1.SMX"));
        g_assert_true(kit_is_there(f->host, "many.box", "2.SMX"));
        g_assert_false(kit_run(f->host));
        toy.answer = UK_ERROR_BROKEN;
        kit_step(UK_MINUTE + UK_SECOND);
        g_assert_true(kit_run(f->host));
        g_assert_cmpint(toy.stops, ==, 1);
        g_assert_true(kit_is_there(f->host, "many.box", "1.SMX"));
        toy.answer = 0;
        toy.batch_bad = NULL;
        kit_step(UK_MINUTE + UK_SECOND);
        g_assert_true(kit_run(f->host));
        g_assert_cmpstr(toy.seen->str, ==, "[1 2 ] [1 2 ] [1 2 ] ");
        g_assert_false(kit_is_there(f->host, "many.box", "1.SMX"));
}

static void
settling(Fixture *f, gconstpointer data)
{
        kit_settings(f->root, "toy", "[toy]\nsettle=10\n");
        host_reload(f->host);
        kit_put(f->host, "many.box", "1.SMX", "x", 50);
        g_assert_false(kit_run(f->host));
        kit_step(5 * UK_SECOND);
        kit_put(f->host, "many.box", "2.SMX", "x", 40);
        g_assert_false(kit_run(f->host));
        kit_step(5 * UK_SECOND);
        g_assert_true(kit_run(f->host));
        g_assert_cmpstr(toy.seen->str, ==, "[1 2 ] ");
        /* A full batch waits for nobody. */
        for (int i = 1; i <= 3; i++) {
                g_autofree char *name = g_strdup_printf("%d.SMX", i);

                kit_put(f->host, "many.box", name, "x", 50 - i);
        }
        g_assert_true(kit_run(f->host));
        g_assert_cmpstr(toy.seen->str, ==, "[1 2 ] [1 2 3 ] ");
}

static void
letters(Fixture *f, gconstpointer data)
{
        g_autoptr(GError) error = NULL;

        g_assert_true(mailbox_post(f->host, "@toy", "a.REQ", "1", 1, &error));
        g_assert_true(mailbox_post(f->host, "@toy", "a.req", NULL, 0, &error));
        g_assert_false(mailbox_post(f->host, "@toy", "a.TXT", NULL, 0, &error));
        g_assert_error(error, UK_ERROR, UK_ERROR_NOT_FOUND);
        g_clear_error(&error);
        g_assert_false(mailbox_post(f->host, "@nobody", "a.REQ", NULL, 0, NULL));
        g_assert_true(kit_run(f->host));
        g_assert_cmpstr(toy.seen->str, ==, "a=1 a= ");
        toy.answer = UK_ERROR_NOT_YET;
        g_assert_true(mailbox_post(f->host, "@toy", "b.REQ", "2", 1, &error));
        g_assert_true(kit_run(f->host));
        g_assert_false(kit_run(f->host));
        toy.answer = UK_ERROR_PARSE;
        kit_step(UK_MINUTE + UK_SECOND);
        g_assert_true(kit_run(f->host));
        kit_step(UK_DAY);
        g_assert_false(kit_run(f->host));
        g_assert_cmpstr(toy.seen->str, ==, "a=1 a= b=2 b=2 ");
}

/* A flood of files that must wait keeps no new one waiting. */
static void
waiting_files_starve_nobody(Fixture *f, gconstpointer data)
{
        toy.answer = UK_ERROR_NOT_YET;
        for (int i = 0; i < 5000; i++) {
                g_autofree char *name = g_strdup_printf("%d.SYN", i);

                kit_put(f->host, "toy.box", name, "x", 5000);
        }
        kit_run(f->host);
        toy.answer = 0;
        g_string_truncate(toy.seen, 0);
        kit_put(f->host, "toy.box", "new.SYN", "1", 0);
        g_assert_true(kit_run(f->host));
        g_assert_cmpstr(toy.seen->str, ==, "new=1 ");
}

#define ADD(name, function) g_test_add(name, Fixture, NULL, set_up, function, tear_down)

int
main(int argc, char **argv)
{
        setlocale(LC_ALL, "C");
        g_test_init(&argc, &argv, NULL);
        ADD("/host/lane/oldest-first", oldest_first);
        ADD("/host/lane/later-is-tried-again", later_is_tried_again);
        ADD("/host/lane/later-ends-early", later_ends_early);
        ADD("/host/lane/pauses-of-the-box", pauses_of_the_box);
        ADD("/host/lane/corrupt-is-set-aside", corrupt_is_set_aside);
        ADD("/host/lane/halt-stops-one-component", halt_stops_one_component);
        ADD("/host/lane/empty-files", empty_files);
        ADD("/host/lane/may-run-twice", may_run_twice);
        ADD("/host/lane/batches", batches);
        ADD("/host/lane/batch-fails", batch_fails);
        ADD("/host/lane/settling", settling);
        ADD("/host/lane/letters", letters);
        ADD("/host/lane/waiting-files-starve-nobody", waiting_files_starve_nobody);
        return g_test_run();
}
