/* tail.c - the lines of a file that grows, and that may be renamed away and begun anew.
 *
 * Comes in: a path. Goes out: whole lines, as they appear. What stands in a file that was renamed
 * away is read to its end before the new one is opened, so that no line is lost at a rotation.
 */
#include "cli/tail.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/io.h"

#define BLOCK    65536
#define MAX_LINE (2 * 1024 * 1024) /* a longer line is given in pieces */

struct Tail {
        char *path;
        int fd;
        ino_t inode;
        gint64 offset;
        GString *rest; /* read, and not yet a whole line */
        gsize used;    /* of rest, given out already */
        bool skip;     /* the first line is only the end of one */
};

static bool
open_file(Tail *tail, GError **error)
{
        UK_AUTOFD fd = open(tail->path, O_RDONLY | O_CLOEXEC);
        struct stat st;

        if (fd < 0 || fstat(fd, &st) != 0)
                return uk_fail_errno(error, errno, "reading %s", tail->path);
        uk_io_close(&tail->fd);
        tail->fd = fd;
        fd = -1;
        tail->inode = st.st_ino;
        tail->offset = 0;
        return true;
}

Tail *
tail_open(const char *path, gint64 back, GError **error)
{
        g_autoptr(Tail) tail = g_new0(Tail, 1);
        struct stat st;

        tail->path = g_strdup(path);
        tail->fd = -1;
        tail->rest = g_string_new(NULL);
        if (!open_file(tail, error))
                return NULL;
        if (fstat(tail->fd, &st) == 0 && back >= 0 && st.st_size > back) {
                tail->offset = st.st_size - back;
                tail->skip = true;
        }
        return g_steal_pointer(&tail);
}

void
tail_free(Tail *tail)
{
        if (tail == NULL)
                return;
        uk_io_close(&tail->fd);
        g_string_free(tail->rest, TRUE);
        g_free(tail->path);
        g_free(tail);
}

const char *
tail_name(const Tail *tail)
{
        const char *slash = strrchr(tail->path, '/');

        return slash != NULL ? slash + 1 : tail->path;
}

bool
tail_reads(const Tail *tail, const char *path)
{
        struct stat here, there;

        return fstat(tail->fd, &here) == 0 && stat(path, &there) == 0 &&
               here.st_ino == there.st_ino && here.st_dev == there.st_dev;
}

/* True when the path is another file now, or the same one cut short. */
static bool
is_replaced(const Tail *tail)
{
        struct stat st;

        return stat(tail->path, &st) == 0 &&
               (st.st_ino != tail->inode || st.st_size < tail->offset);
}

/* Reads a block more. False when there is nothing. */
static bool
fill(Tail *tail)
{
        char block[BLOCK];
        gssize got = pread(tail->fd, block, sizeof block, tail->offset);

        if (got <= 0 && is_replaced(tail) && open_file(tail, NULL)) {
                g_string_truncate(tail->rest, 0);
                tail->used = 0;
                tail->skip = false;
                got = pread(tail->fd, block, sizeof block, tail->offset);
        }
        if (got <= 0)
                return false;
        g_string_erase(tail->rest, 0, (gssize)tail->used);
        tail->used = 0;
        g_string_append_len(tail->rest, block, got);
        tail->offset += got;
        return true;
}

/* The line at the beginning of what was read, if it is whole. */
static char *
cut(Tail *tail)
{
        const char *start = tail->rest->str + tail->used;
        gsize size = tail->rest->len - tail->used;
        const char *end = memchr(start, '\n', size);

        if (end == NULL && size < MAX_LINE)
                return NULL;
        gsize length = end != NULL ? (gsize)(end - start) : size;

        tail->used += length + (end != NULL);
        return g_strndup(start, length);
}

char *
tail_next(Tail *tail)
{
        for (;;) {
                g_autofree char *line = cut(tail);

                if (line == NULL) {
                        if (!fill(tail))
                                return NULL;
                } else if (tail->skip) {
                        tail->skip = false;
                } else {
                        return g_steal_pointer(&line);
                }
        }
}
