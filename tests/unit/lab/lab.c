/* Tests of src/lab/lab.c, with shell scripts as the programs of the roles. */
#include "lab/lab.h"

#include <arpa/inet.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/io.h"

/* Says that it is ready, as the host does, and then waits to be ended. $2 is the root. */
#define GOOD                                                                          \
        "#!/bin/sh\nr=$2/run/upkeep/${0##*upkeep-}.ready\n"                           \
        "printf 'pid=%s\\nhttp=40001\\nother=40002\\n' $$ > $r.tmp && mv $r.tmp $r\n" \
        "exec sleep 600\n"
#define DIES   "#!/bin/sh\necho one\necho 'cannot open the database' >&2\nexit 7\n"
#define SILENT "#!/bin/sh\necho thinking\nexec sleep 600\n"

typedef struct {
        char *dir, *root;
        LabOptions options;
        GString *told;
} Fixture;

static void
tell(gpointer user, const char *text)
{
        g_string_append_printf(user, "%s\n", text);
}

static void
program(Fixture *f, const char *role, const char *script)
{
        g_autofree char *name = g_strconcat("upkeep-", role, NULL);
        g_autofree char *path = g_build_filename(f->dir, name, NULL);

        g_assert_true(g_file_set_contents(path, script, -1, NULL));
        g_assert_cmpint(chmod(path, 0755), ==, 0);
}

static void
set_up(Fixture *f, gconstpointer data)
{
        f->dir = g_dir_make_tmp("upkeep-lab-XXXXXX", NULL);
        f->root = g_build_filename(f->dir, "root", NULL);
        f->told = g_string_new(NULL);
        f->options = (LabOptions){
                .root = f->root, .deadline_us = 20 * UK_SECOND, .tell = tell, .user = f->told
        };
        g_setenv("UPKEEP_PROGRAMS", f->dir, TRUE);
        program(f, "sup", GOOD);
        program(f, "site", GOOD);
        program(f, "mp", GOOD);
        program(f, "provider", GOOD);
        program(f, "client", GOOD);
        program(f, "dp", GOOD);
        program(f, "lab",
                "#!/bin/sh\nr=$2/run/upkeep/lab.ready\n"
                "printf 'pid=%s\\nDP01=41001\\nDP02=41002\\nPDP01=41003\\n' $$ > $r.tmp "
                "&& mv $r.tmp $r\nexec sleep 600\n");
}

static void
tear_down(Fixture *f, gconstpointer data)
{
        g_autoptr(GError) error = NULL;
        g_autofree char *mark = g_build_filename(f->root, ".upkeep-lab", NULL);

        if (g_file_test(mark, G_FILE_TEST_EXISTS))
                g_assert_true(lab_down(f->root, true, &error));
        g_assert_true(uk_io_remove_tree(f->dir, &error));
        g_free(f->dir);
        g_free(f->root);
        g_string_free(f->told, TRUE);
}

static void
up(Fixture *f)
{
        g_autoptr(GError) error = NULL;

        g_assert_true(lab_up(&f->options, &error));
        g_assert_no_error(error);
}

static LabRole *
role_of(Fixture *f, GPtrArray *roles, const char *name)
{
        for (guint i = 0; i < roles->len; i++) {
                LabRole *role = roles->pdata[i];

                if (strcmp(role->role, name) == 0)
                        return role;
        }
        g_assert_not_reached();
}

static void
up_status_down(Fixture *f, gconstpointer data)
{
        g_autoptr(GError) error = NULL;

        g_assert_false(lab_is_up(f->root));
        up(f);
        g_assert_true(lab_is_up(f->root));
        g_assert_nonnull(strstr(f->told->str, "sup: ready on http 40001, other 40002\n"));
        g_autoptr(GPtrArray) roles = lab_status(f->root, &error);

        g_assert_cmpuint(roles->len, ==, 5);
        g_assert_cmpint(role_of(f, roles, "site")->state, ==, LAB_RUNNING);
        g_assert_cmpint(role_of(f, roles, "site")->pid, >, 1);
        g_assert_cmpuint(lab_ready_port(f->root, "provider", "http", &error), ==, 40001);
        g_assert_cmpuint(lab_ready_port(f->root, "provider", NULL, &error), ==, 40001);
        g_assert_true(lab_down(f->root, false, &error));
        g_assert_false(lab_is_up(f->root));
        g_autoptr(GPtrArray) after = lab_status(f->root, &error);

        g_assert_cmpint(role_of(f, after, "site")->state, ==, LAB_STOPPED);
        g_assert_true(lab_down(f->root, true, &error));
        g_assert_false(g_file_test(f->root, G_FILE_TEST_EXISTS));
}

/* Where the update point listens is a setting of the others. */
static void
ports_become_settings(Fixture *f, gconstpointer data)
{
        g_autoptr(GKeyFile) file = g_key_file_new();
        g_autofree char *path = g_build_filename(f->root, "etc/upkeep/upkeep.conf", NULL);
        const char *given[] = { "site.code=TST", "upstream.root=/x", NULL };

        f->options.settings = given;
        up(f);
        g_assert_true(g_key_file_load_from_file(file, path, 0, NULL));
        g_autofree char *url = g_key_file_get_string(file, "sup", "url", NULL);
        g_autofree char *code = g_key_file_get_string(file, "site", "code", NULL);

        g_autofree char *port = g_key_file_get_string(file, "provider", "port", NULL);

        g_assert_cmpstr(url, ==, "http://127.0.0.1:40001");
        g_assert_cmpstr(port, ==, "40001");
        g_assert_cmpstr(code, ==, "TST");
}

/* A role keeps its port, but not one that another program took meanwhile: then it gets one below
 * those that the system gives to anybody's connection. */
static void
taken_port_is_given_up(Fixture *f, gconstpointer data)
{
        g_autoptr(GError) error = NULL;
        g_autofree char *path = g_build_filename(f->root, "etc/upkeep/upkeep.conf", NULL);
        UK_AUTOFD fd = socket(AF_INET, SOCK_STREAM, 0);
        struct sockaddr_in address = { .sin_family = AF_INET,
                                       .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
        socklen_t size = sizeof address;

        g_assert_cmpint(bind(fd, (struct sockaddr *)&address, size), ==, 0);
        g_assert_cmpint(listen(fd, 1), ==, 0);
        g_assert_cmpint(getsockname(fd, (struct sockaddr *)&address, &size), ==, 0);
        g_autofree char *taken = g_strdup_printf("sup.port=%u", ntohs(address.sin_port));
        const char *given[] = { taken, "provider.port=1", NULL };

        f->options.settings = given;
        program(f, "sup", "#!/bin/sh\ngrep -A1 sup $2/etc/upkeep/upkeep.conf\nexit 1\n");
        g_assert_false(lab_up(&f->options, &error));
        g_assert_true(
                g_regex_match_simple("port=1[0-9]{4}$", error->message, G_REGEX_MULTILINE, 0));
}

/* The second time only what died is started. */
static void
up_twice_mends(Fixture *f, gconstpointer data)
{
        g_autoptr(GError) error = NULL;

        up(f);
        g_autoptr(GPtrArray) before = lab_status(f->root, &error);
        gint64 site = role_of(f, before, "site")->pid, sup = role_of(f, before, "sup")->pid;

        g_assert_cmpint(kill((pid_t)site, SIGKILL), ==, 0);
        for (int i = 0; i < 1000; i++) {
                g_autoptr(GPtrArray) now = lab_status(f->root, &error);

                if (role_of(f, now, "site")->state == LAB_DIED)
                        break;
                g_assert_cmpint(i, <, 999);
                uk_clock_sleep(UK_SECOND / 100, -1);
        }
        up(f);
        g_autoptr(GPtrArray) after = lab_status(f->root, &error);

        g_assert_cmpint(role_of(f, after, "sup")->pid, ==, sup);
        g_assert_cmpint(role_of(f, after, "site")->pid, !=, site);
        g_assert_cmpint(role_of(f, after, "site")->state, ==, LAB_RUNNING);
        g_assert_nonnull(strstr(f->told->str, "sup: runs already\n"));
}

static void
last_words_of_the_dead(Fixture *f, gconstpointer data)
{
        g_autoptr(GError) error = NULL;

        program(f, "site", DIES);
        g_assert_false(lab_up(&f->options, &error));
        g_assert_nonnull(strstr(error->message, "starting site: "));
        g_assert_nonnull(strstr(error->message, "ended before it was ready (exit status 7)"));
        g_assert_nonnull(strstr(error->message, "cannot open the database"));
        program(f, "site", GOOD);
        up(f);
}

static void
deadline(Fixture *f, gconstpointer data)
{
        g_autoptr(GError) error = NULL;

        program(f, "sup", SILENT);
        f->options.deadline_us = UK_SECOND / 2;
        g_assert_false(lab_up(&f->options, &error));
        g_assert_nonnull(strstr(error->message, "is not ready in time"));
        g_assert_nonnull(strstr(error->message, "thinking"));
        g_assert_true(lab_is_up(f->root));
}

/* A ready file that a killed program left behind is not believed. */
static void
stale_ready_file(Fixture *f, gconstpointer data)
{
        g_autoptr(GError) error = NULL;
        g_autofree char *run = g_build_filename(f->root, "run/upkeep", NULL);
        g_autofree char *ready = g_build_filename(run, "sup.ready", NULL);

        up(f);
        g_assert_true(lab_down(f->root, false, &error));
        g_assert_true(g_file_set_contents(ready, "http=1\n", -1, NULL));
        program(f, "sup", DIES);
        g_assert_false(lab_up(&f->options, &error));
        g_assert_nonnull(strstr(error->message, "exit status 7"));
}

static void
foreign_folder_is_refused(Fixture *f, gconstpointer data)
{
        g_autoptr(GError) error = NULL;
        g_autofree char *file = g_build_filename(f->dir, "root", "precious", NULL);

        g_assert_cmpint(mkdir(f->root, 0755), ==, 0);
        g_assert_true(g_file_set_contents(file, "x", -1, NULL));
        g_assert_false(lab_up(&f->options, &error));
        g_assert_error(error, UK_ERROR, UK_ERROR_EXISTS);
        g_clear_error(&error);
        g_assert_false(lab_down(f->root, true, &error));
        g_assert_error(error, UK_ERROR, UK_ERROR_NOT_FOUND);
        g_assert_true(g_file_test(file, G_FILE_TEST_EXISTS));
}

/* Every program that is started finds the clock, and it can be moved. */
static void
clock_of_the_lab(Fixture *f, gconstpointer data)
{
        g_autoptr(GError) error = NULL;
        g_autofree char *path = g_strconcat(f->root, LAB_CLOCK, NULL);

        up(f);
        g_assert_true(g_file_test(path, G_FILE_TEST_EXISTS));
        g_assert_true(lab_clock(f->root, 1000, UK_DAY, &error));
        g_assert_no_error(error);
        g_assert_false(lab_clock(f->root, -1, 0, &error));
        g_assert_error(error, UK_ERROR, UK_ERROR_INVALID);
}

static void
missing_program(Fixture *f, gconstpointer data)
{
        g_autoptr(GError) error = NULL;
        g_autofree char *path = g_build_filename(f->dir, "upkeep-provider", NULL);

        g_assert_cmpint(unlink(path), ==, 0);
        g_assert_false(lab_up(&f->options, &error));
        g_assert_nonnull(strstr(error->message, "upkeep-provider"));
}

static void
not_ready_names_the_next_command(Fixture *f, gconstpointer data)
{
        g_autoptr(GError) error = NULL;

        g_assert_cmpuint(lab_ready_port(f->root, "provider", NULL, &error), ==, 0);
        g_assert_nonnull(strstr(error->message, "upkeep lab up"));
}

static char *
dp_setting(Fixture *f, const char *name, const char *key)
{
        g_autoptr(GKeyFile) file = g_key_file_new();
        g_autofree char *path =
                g_build_filename(f->root, "dp", name, "etc/upkeep/upkeep.conf", NULL);

        g_assert_true(g_key_file_load_from_file(file, path, 0, NULL));
        g_auto(GStrv) parts = g_strsplit(key, ".", 2);
        return g_key_file_get_string(file, parts[0], parts[1], NULL);
}

/* A role or, with a name, a distribution point. */
static LabState
state_of_point(Fixture *f, const char *name)
{
        g_autoptr(GError) error = NULL;
        g_autoptr(GPtrArray) roles = lab_status(f->root, &error);

        for (guint i = 0; i < roles->len; i++) {
                LabRole *role = roles->pdata[i];

                if (strcmp(role->name, name) == 0 && strcmp(role->role, "dp") == 0)
                        return role->state;
        }
        return (LabState)-1;
}

/* Each with a root of its own, remembered, ended with the lab. */
static void
distribution_points(Fixture *f, gconstpointer data)
{
        g_autoptr(GError) error = NULL;
        g_autofree char *etc = g_build_filename(f->root, "etc/upkeep", NULL);
        g_autofree char *certificate = g_build_filename(etc, "site.crt", NULL);
        static const char pem[] = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";

        g_assert_cmpint(g_mkdir_with_parents(etc, 0755), ==, 0);
        g_autofree char *mark = g_build_filename(f->root, ".upkeep-lab", NULL);
        g_assert_true(g_file_set_contents(mark, "x", -1, NULL));
        g_assert_true(g_file_set_contents(certificate, pem, -1, NULL));
        f->options.dps = 2;
        f->options.pull_dps = 1;
        up(f);
        g_autoptr(GPtrArray) roles = lab_status(f->root, &error);

        g_assert_cmpuint(roles->len, ==, 9); /* five roles, one co-located, three more */
        g_assert_cmpint(state_of_point(f, "PDP01"), ==, LAB_RUNNING);
        g_autofree char *machine = dp_setting(f, "DP02", "site.machine");
        g_autofree char *code = dp_setting(f, "DP02", "site.code");
        g_autofree char *copy = g_build_filename(f->root, "dp/DP01/etc/upkeep/site.crt", NULL);
        g_autofree char *got = NULL, *clock = g_strconcat(f->root, "/dp/DP01" LAB_CLOCK, NULL);

        g_assert_cmpstr(machine, ==, "DP02.LAB");
        g_assert_cmpstr(code, ==, "LAB");
        g_assert_true(g_file_get_contents(copy, &got, NULL, NULL));
        g_assert_cmpstr(got, ==, pem);
        struct stat ours, theirs;
        g_autofree char *own = g_strconcat(f->root, LAB_CLOCK, NULL);

        g_assert_cmpint(stat(clock, &theirs) | stat(own, &ours), ==, 0);
        g_assert_cmpuint(ours.st_ino, ==, theirs.st_ino);
        g_autoptr(GPtrArray) dps = lab_dps(f->root, &error);

        g_assert_cmpuint(dps->len, ==, 4);
        g_assert_true(((LabDp *)dps->pdata[0])->colocated);
        g_assert_cmpstr(((LabDp *)dps->pdata[3])->server, ==, "PDP01.LAB");
        g_assert_true(((LabDp *)dps->pdata[3])->pull);
        g_assert_cmpstr(((LabDp *)dps->pdata[3])->url, ==, "http://127.0.0.1:40001");
        g_assert_true(lab_down(f->root, false, &error));
        g_assert_cmpint(state_of_point(f, "PDP01"), ==, LAB_STOPPED);
        f->options.dps = f->options.pull_dps = 0;
        up(f);
        g_assert_cmpint(state_of_point(f, "DP02"), ==, LAB_RUNNING);
}

static void
cut(gpointer user, LabLink *link)
{
        link->down = true;
}

/* The first change of a link puts links before all of them, and the site is told those. */
static void
links_are_made_when_asked_for(Fixture *f, gconstpointer data)
{
        g_autoptr(GError) error = NULL;
        LabLink wanted = { .rate = 5000000, .delay_us = 50000 }, link;

        f->options.dps = 2;
        f->options.pull_dps = 1;
        up(f);
        g_assert_true(lab_link(&f->options, "DP02", cut, NULL, &link, &error));
        g_assert_true(link.down);
        g_autoptr(GPtrArray) dps = lab_dps(f->root, &error);

        g_assert_cmpstr(((LabDp *)dps->pdata[2])->url, ==, "http://127.0.0.1:41002");
        g_assert_cmpstr(((LabDp *)dps->pdata[0])->url, ==, "http://127.0.0.1:40001");
        f->options.link = &wanted;
        up(f);
        g_assert_true(lab_link(&f->options, "DP02", cut, NULL, &link, &error));
        g_assert_cmpint(link.rate, ==, 5000000);
        g_assert_cmpint(link.delay_us, ==, 50000);
        g_assert_false(lab_link(&f->options, "DP09", cut, NULL, &link, &error));
        g_assert_error(error, UK_ERROR, UK_ERROR_NOT_FOUND);
}

int
main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
#define CASE(name, function) \
        g_test_add("/lab/lab/" name, Fixture, NULL, set_up, function, tear_down)
        CASE("up-status-down", up_status_down);
        CASE("ports-become-settings", ports_become_settings);
        CASE("taken-port-is-given-up", taken_port_is_given_up);
        CASE("up-twice-mends", up_twice_mends);
        CASE("last-words-of-the-dead", last_words_of_the_dead);
        CASE("deadline", deadline);
        CASE("stale-ready-file", stale_ready_file);
        CASE("foreign-folder-is-refused", foreign_folder_is_refused);
        CASE("clock-of-the-lab", clock_of_the_lab);
        CASE("missing-program", missing_program);
        CASE("not-ready-names-the-next-command", not_ready_names_the_next_command);
        CASE("distribution-points", distribution_points);
        CASE("links-are-made-when-asked-for", links_are_made_when_asked_for);
        return g_test_run();
}
