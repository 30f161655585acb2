/* place.c - walks to folders with long paths. Reads names only. */
#include "content/place.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/io.h"

#define LONG_PATH 3000 /* longer ones are walked name by name */

void
place_init(Place *place, int top)
{
        place->top = top;
        place->fd = -1;
        place->path = g_string_new(NULL);
}

void
place_clear(Place *place)
{
        uk_io_close(&place->fd);
        g_string_free(place->path, TRUE);
}

static bool
open_next(int *fd, const char *name, GError **error)
{
        int next = openat(*fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

        if (next < 0 && (errno == ENOENT || errno == ENOTDIR || errno == ELOOP))
                return uk_fail(error, UK_ERROR_NOT_FOUND, "folder %.200s is not there", name);
        if (next < 0)
                return uk_fail_errno(error, errno, "opening folder %.200s", name);
        uk_io_close(fd);
        *fd = next;
        return true;
}

static bool
walk(int *fd, const char *path, GError **error)
{
        g_auto(GStrv) names = NULL;

        if (*path == '\0')
                return true;
        if (strlen(path) < LONG_PATH)
                return open_next(fd, path, error);
        names = g_strsplit(path, "/", -1);
        for (char **name = names; *name != NULL; name++) {
                if (!open_next(fd, *name, error))
                        return false;
        }
        return true;
}

bool
place_go(Place *place, const char *path, GError **error)
{
        gsize here = place->path->len;
        bool below = place->fd >= 0 && here > 0 && strncmp(path, place->path->str, here) == 0 &&
                     path[here] == '/';

        if (place->fd >= 0 && strcmp(place->path->str, path) == 0)
                return true;
        if (!below) {
                uk_io_close(&place->fd);
                place->fd = openat(place->top, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
                if (place->fd < 0)
                        return uk_fail_errno(error, errno, "opening the top folder");
        }
        if (!walk(&place->fd, below ? path + here + 1 : path, error)) {
                uk_io_close(&place->fd);
                return false;
        }
        g_string_assign(place->path, path);
        return true;
}
