/* kit.c - see kit.h. */
#include "unit/host/kit.h"

#include <glib/gstdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/time.h>

#include "base/clock.h"
#include "base/io.h"

static char *clock_dir, *clock_path;

static void
clock_away(void)
{
        g_assert_true(uk_io_remove_tree(clock_dir, NULL));
        g_free(clock_path);
        g_free(clock_dir);
}

char *
kit_root(void)
{
        char *root = g_dir_make_tmp("host-XXXXXX", NULL);

        g_assert_nonnull(root);
        if (clock_path == NULL) {
                clock_dir = g_dir_make_tmp("clock-XXXXXX", NULL);
                clock_path = g_build_filename(clock_dir, "clock", NULL);
                g_assert_true(uk_clock_follow(clock_path, NULL));
                g_assert_cmpint(atexit(clock_away), ==, 0);
        }
        return root;
}

void
kit_end(char *root_take)
{
        g_assert_true(uk_io_remove_tree(root_take, NULL));
        g_free(root_take);
}

void
kit_step(gint64 us)
{
        g_assert_true(uk_clock_step(clock_path, us, NULL));
}

void
kit_put(Host *host, const char *box, const char *name, const char *body, int age_seconds)
{
        g_autofree char *dir = host_box_path(host, box);
        g_autofree char *path = g_build_filename(dir, name, NULL);
        g_autofree char *temporary = g_build_filename(dir, ".put.tmp", NULL);
        struct timeval times[2];

        g_assert_true(g_file_set_contents_full(temporary, body, -1, G_FILE_SET_CONTENTS_NONE, 0644,
                                               NULL));
        gettimeofday(&times[0], NULL);
        times[0].tv_sec -= age_seconds;
        times[1] = times[0];
        g_assert_cmpint(utimes(temporary, times), ==, 0);
        g_assert_cmpint(g_rename(temporary, path), ==, 0);
}

bool
kit_is_there(Host *host, const char *box, const char *name)
{
        g_autofree char *dir = host_box_path(host, box);
        g_autofree char *path = g_build_filename(dir, name, NULL);

        return g_file_test(path, G_FILE_TEST_EXISTS);
}

char *
kit_log(Host *host, const char *log)
{
        g_autofree char *path = g_build_filename(host_log_dir(host), log, NULL);
        char *text = NULL;

        return g_file_get_contents(path, &text, NULL, NULL) ? text : g_strdup("");
}

void
kit_settings(const char *root, const char *role, const char *text)
{
        g_autofree char *dir = g_build_filename(root, "etc/upkeep", NULL);
        g_autofree char *path = g_strdup_printf("%s/%s.conf", dir, role);

        g_assert_cmpint(g_mkdir_with_parents(dir, 0755), ==, 0);
        g_assert_true(g_file_set_contents(path, text, -1, NULL));
}

Host *
kit_host(const HostRole *role, const char *root)
{
        g_autoptr(GError) error = NULL;
        Host *host = host_new(role, root, &error);

        g_assert_no_error(error);
        return host;
}

bool
kit_run(Host *host)
{
        g_autoptr(GError) error = NULL;
        bool worked = false;

        g_assert_true(host_step(host, &worked, &error));
        g_assert_no_error(error);
        return worked;
}

void
kit_wait_for_more(_Atomic int *counter, int value)
{
        gint64 end = uk_clock_mono() + 10 * UK_SECOND;

        while (*counter < value && uk_clock_mono() < end)
                uk_clock_sleep(UK_SECOND / 1000, -1);
        g_assert_cmpint(*counter, >=, value);
}

void
kit_wait_for(_Atomic int *counter, int value)
{
        kit_wait_for_more(counter, value);
        g_assert_cmpint(*counter, ==, value);
}

void
kit_idle(int milliseconds)
{
        uk_clock_sleep(milliseconds * (UK_SECOND / 1000), -1);
}
