/* Tests of src/net/accesslog.c; the form of the line is 93-logs.md, 7.2. */
#include "net/accesslog.h"

#include <locale.h>
#include <string.h>

#include <glib/gstdio.h>

#include "base/fault.h"

typedef struct {
        char *dir;
        char *path;
} Fixture;

static void
setup(Fixture *f, gconstpointer data)
{
        f->dir = g_dir_make_tmp("uk-access-XXXXXX", NULL);
        f->path = g_build_filename(f->dir, "sub", "access.log", NULL);
}

static void
teardown(Fixture *f, gconstpointer data)
{
        const char *argv[] = { "rm", "-rf", f->dir, NULL };

        uk_fault_set(NULL);
        g_spawn_sync(NULL, (char **)argv, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL, NULL, NULL, NULL,
                     NULL);
        g_free(f->dir);
        g_free(f->path);
}

static const AccessRecord message = {
        .server_ip = "10.0.0.1",
        .method = "CCM_POST",
        .path = "/ccm_system/request",
        .port = 443,
        .client_ip = "192.168.2.62",
        .agent = "ccmhttp",
        .status = 200,
        .bytes = 1234,
        .ms = 5,
};

static char *
read_all(const char *path)
{
        g_autofree char *text = NULL;

        g_assert_true(g_file_get_contents(path, &text, NULL, NULL));
        return g_strdup(text); /* a copy: GCC 12 takes the pointer itself for one into this frame */
}

static void
line_of_the_specification(Fixture *f, gconstpointer data)
{
        AccessLog *log = accesslog_open(f->path, "PS1MP", 0, 3, NULL);

        g_assert_nonnull(log);
        accesslog_write(log, &message);
        accesslog_close(log);
        log = accesslog_open(f->path, "PS1MP", 0, 3, NULL); /* appends, without a second head */
        accesslog_write(log, &message);
        accesslog_close(log);

        g_autofree char *text = read_all(f->path);
        g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
        g_assert_cmpuint(g_strv_length(lines), ==, 8);
        g_assert_cmpstr(lines[3], ==, "#Remark: PS1MP");
        g_assert_cmpstr(
                lines[5] + strlen("2026-01-20 17:18:55 "), ==,
                "10.0.0.1 CCM_POST /ccm_system/request - 443 - 192.168.2.62 ccmhttp - 200 0 "
                "0 1234 5");
        g_assert_cmpint(lines[5][10], ==, ' ');
        g_assert_cmpint(lines[6][0], ==, '2');
}

static void
hostile_texts_stay_in_their_field(Fixture *f, gconstpointer data)
{
        AccessLog *log = accesslog_open(f->path, NULL, 0, 3, NULL);
        AccessRecord record = message;
        g_autofree char *longest = g_strnfill(100000, 'x');

        record.agent = "a b\n10.0.0.1 GET /faked";
        record.path = "/\x80\x1b[2J";
        record.query = longest;
        record.broken = true;
        accesslog_write(log, &record);
        accesslog_close(log);

        g_autofree char *text = read_all(f->path);
        const char *line = strstr(text, "CCM_POST");
        g_assert_nonnull(strstr(line, " /%80%1B[2J xxx"));
        g_assert_nonnull(strstr(line, " a+b%0A10.0.0.1+GET+/faked - 200 0 64 1234 5\n"));
        g_assert_cmpuint(strlen(line), <, 3000);
}

static void
size_is_bounded(Fixture *f, gconstpointer data)
{
        AccessLog *log = accesslog_open(f->path, "PS1MP", 2000, 2, NULL);
        g_autofree char *sub = g_path_get_dirname(f->path);
        g_autoptr(GDir) dir = NULL;
        const char *name;
        int count = 0;

        for (int i = 0; i < 200; i++)
                accesslog_write(log, &message);
        accesslog_close(log);
        dir = g_dir_open(sub, 0, NULL);
        while ((name = g_dir_read_name(dir)) != NULL) {
                g_autofree char *path = g_build_filename(sub, name, NULL);
                GStatBuf info;

                g_assert_true(strcmp(name, "access.log") == 0 || strcmp(name, "access.lo_") == 0 ||
                              strcmp(name, "access.lo_.1") == 0);
                g_assert_cmpint(g_stat(path, &info), ==, 0);
                g_assert_cmpint(info.st_size, <, 2200);
                count++;
        }
        g_assert_cmpint(count, ==, 3);
}

/* Records that cannot be written are counted, and the log goes on when it can. */
static void
full_disk(Fixture *f, gconstpointer data)
{
        AccessLog *log = accesslog_open(f->path, "PS1MP", 0, 2, NULL);

        uk_fault_set("fail+:1");
        accesslog_write(log, &message);
        accesslog_write(log, &message);
        uk_fault_set(NULL);
        g_assert_cmpuint(accesslog_lost(log), ==, 2);
        accesslog_write(log, &message);
        accesslog_close(log);
        g_autofree char *text = read_all(f->path);
        g_assert_nonnull(strstr(text, "CCM_POST"));
}

static void
rotation_that_fails(Fixture *f, gconstpointer data)
{
        AccessLog *log = accesslog_open(f->path, "PS1MP", 1000, 2, NULL);

        g_setenv("UPKEEP_FAULT_ONLY", "rename", TRUE);
        uk_fault_set("fail+:1");
        for (int i = 0; i < 40; i++)
                accesslog_write(log, &message);
        uk_fault_set(NULL);
        g_unsetenv("UPKEEP_FAULT_ONLY");
        g_assert_cmpuint(accesslog_lost(log), ==, 0);
        accesslog_close(log);
        g_autofree char *text = read_all(f->path);
        g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
        g_assert_cmpuint(g_strv_length(lines), ==, 5 + 40 + 1);
}

static void
cannot_be_opened(Fixture *f, gconstpointer data)
{
        g_autoptr(GError) error = NULL;

        g_assert_null(accesslog_open("/proc/none/access.log", "PS1MP", 0, 2, &error));
        g_assert_nonnull(error);
}

#define CASE(name, function) \
        g_test_add("/net/accesslog/" name, Fixture, NULL, setup, function, teardown)

int
main(int argc, char **argv)
{
        setlocale(LC_ALL, "C");
        g_test_init(&argc, &argv, NULL);
        CASE("line-of-the-specification-COMP-061", line_of_the_specification);
        CASE("hostile-texts-stay-in-their-field", hostile_texts_stay_in_their_field);
        CASE("size-is-bounded", size_is_bounded);
        CASE("full-disk", full_disk);
        CASE("rotation-that-fails", rotation_that_fails);
        CASE("cannot-be-opened", cannot_be_opened);
        return g_test_run();
}
