/* own_folders.c - which folders of a root hold what no package may be made of: keys, databases,
 * the work of the programs. */
#include <stdlib.h>
#include <string.h>

#include "host/host.h"

static const char *const own[] = { "etc/upkeep", "var/lib/upkeep", "run/upkeep" };

/* The path without links; where it cannot be looked at, as it is written. */
static char *
resolve(const char *path)
{
        char *real = realpath(path, NULL);
        char *copy = real != NULL ? g_strdup(real) : g_canonicalize_filename(path, "/");

        free(real);
        return copy;
}

static bool
holds(const char *folder, const char *path)
{
        gsize size = strcmp(folder, "/") == 0 ? 0 : strlen(folder);

        return strncmp(folder, path, size) == 0 && (path[size] == '/' || path[size] == '\0');
}

bool
host_check_foreign(const Host *host, const char *path, GError **error)
{
        g_autofree char *real = resolve(path);

        for (guint i = 0; i < G_N_ELEMENTS(own); i++) {
                g_autofree char *whole = g_build_filename(host_root(host), own[i], NULL);
                g_autofree char *folder = resolve(whole);

                if (holds(folder, real) || holds(real, folder))
                        return uk_fail(error, UK_ERROR_DENIED,
                                       "'%.200s' %s %s, where Upkeep keeps what is not for others "
                                       "to read: give the package a folder of its own, such as "
                                       "/srv/packages/app",
                                       path, holds(folder, real) ? "is part of" : "contains",
                                       folder);
        }
        return true;
}
