/* root.h - a throw-away root folder with files, for the tests of readers of a machine. */
#pragma once

#include <glib.h>
#include <glib/gstdio.h>

/* A new folder; the caller's. */
static inline char *
root_new(void)
{
        char *path = g_dir_make_tmp("upkeep-deb-XXXXXX", NULL);

        g_assert_nonnull(path);
        return path;
}

/* Writes a file below it, with the folders above. */
static inline void
root_put(const char *root, const char *path, const char *text)
{
        g_autofree char *whole = g_build_filename(root, path, NULL);
        g_autofree char *folder = g_path_get_dirname(whole);

        g_assert_cmpint(g_mkdir_with_parents(folder, 0755), ==, 0);
        g_assert_true(g_file_set_contents(whole, text, -1, NULL));
}

/* Removes it all. */
static inline void
root_free(char *root)
{
        g_autofree char *quoted = g_shell_quote(root);
        g_autofree char *command = g_strdup_printf("rm -rf %s", quoted);

        g_assert_true(g_spawn_command_line_sync(command, NULL, NULL, NULL, NULL));
        g_free(root);
}
