/* aptfiles.c - apt's rule for the names of the files in its .d folders. */
#include "deb/aptfiles.h"

#include <string.h>

static bool
is_read(const char *name, const char *suffix, bool bare)
{
        if (*name == '.')
                return false;
        for (const char *p = name; *p != '\0'; p++) {
                if (!g_ascii_isalnum(*p) && strchr("_-.", *p) == NULL)
                        return false;
        }
        return g_str_has_suffix(name, suffix) || (bare && strchr(name, '.') == NULL);
}

static int
compare_paths(gconstpointer a, gconstpointer b)
{
        return strcmp(*(const char *const *)a, *(const char *const *)b);
}

GPtrArray *
aptfiles_list(const char *folder, const char *suffix, bool bare)
{
        GPtrArray *paths = g_ptr_array_new_with_free_func(g_free);
        g_autoptr(GDir) dir = g_dir_open(folder, 0, NULL);
        const char *name;

        while (dir != NULL && (name = g_dir_read_name(dir)) != NULL) {
                g_autofree char *path = g_build_filename(folder, name, NULL);

                if (is_read(name, suffix, bare) && g_file_test(path, G_FILE_TEST_IS_REGULAR))
                        g_ptr_array_add(paths, g_steal_pointer(&path));
        }
        g_ptr_array_sort(paths, compare_paths);
        return paths;
}
