/* toy_mover.c - the smallest program that does what every component does: it takes a file from an
 * inbox, makes its effect durable, and removes the input. The fault loop is proved with it.
 *
 *     toy_mover INBOX OUT [lost|half|twice|unsynced]
 *
 * The effect is a file of the same name in OUT. The third argument plants a mistake that the loop
 * must find: lost removes the input first, half writes the effect in place, twice appends it to a
 * ledger without looking whether it stands there already, unsynced renames what only the cache has.
 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/io.h"
#include "inbox/inbox.h"

#define FILE_MAX 65536

typedef struct {
        const char *inbox;
        const char *out;
        const char *mistake;
} Toy;

static bool
has(const Toy *toy, const char *mistake)
{
        return g_strcmp0(toy->mistake, mistake) == 0;
}

/* Opens with flags and writes, as one does who has not read layout.md. */
static bool
write_openly(const char *path, int flags, const void *data, gsize size, GError **error)
{
        UK_AUTOFD fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | flags, 0640);

        return uk_io_write(fd, data, size, path, error) && uk_io_sync(fd, false, path, error);
}

static bool
write_unsynced(const char *path, const void *data, gsize size, GError **error)
{
        g_autofree char *temporary = NULL;
        UK_AUTOFD fd = uk_io_temporary(path, 0640, &temporary, error);

        return fd >= 0 && uk_io_write(fd, data, size, path, error) &&
               uk_io_rename(temporary, path, error);
}

static bool
make_effect(const Toy *toy, const InboxFile *file, GError **error)
{
        g_autofree char *path = g_build_filename(toy->out, file->name, NULL);
        g_autofree char *ledger = g_build_filename(toy->out, "ledger", NULL);
        g_autofree char *line = g_strdup_printf("%s\n", file->name);
        g_autofree char *body = NULL;
        gsize size;

        if (!inbox_file_read(file, FILE_MAX, &body, &size, error))
                return false;
        if (has(toy, "twice") && !write_openly(ledger, O_APPEND, line, strlen(line), error))
                return false;
        if (has(toy, "unsynced"))
                return write_unsynced(path, body, size, error);
        return has(toy, "half") ? write_openly(path, O_TRUNC, body, size, error)
                                : uk_io_replace(path, body, size, 0640, error);
}

static bool
move_one(const Toy *toy, const InboxFile *file, GError **error)
{
        UK_DOING(error, "moving %s", file->name);

        if (has(toy, "lost")) {
                g_autoptr(InboxFile) copy = g_new0(InboxFile, 1);
                g_autofree char *body = NULL;
                gsize size;

                if (!inbox_file_read(file, FILE_MAX, &body, &size, error) ||
                    !inbox_file_done(file, error))
                        return false;
                copy->path = g_strdup(file->path);
                copy->name = g_strdup(file->name);
                copy->letter = g_bytes_new(body, size);
                return make_effect(toy, copy, error);
        }
        return make_effect(toy, file, error) && inbox_file_done(file, error);
}

static bool
move_all(const Toy *toy, GError **error)
{
        static const char *const kinds[] = { ".TOY", NULL };
        g_autoptr(GPtrArray) files = NULL;

        /* What a killed one left behind goes first. */
        if (!inbox_trim_corrupt(toy->inbox, 10, UK_DAY, error) || !uk_io_sweep(toy->out, error) ||
            (files = inbox_scan(toy->inbox, kinds, 0, error)) == NULL)
                return false;
        for (guint i = 0; i < files->len; i++) {
                if (!move_one(toy, files->pdata[i], error))
                        return false;
        }
        return true;
}

int
main(int argc, char **argv)
{
        g_autoptr(GError) error = NULL;

        if (argc != 3 && argc != 4) {
                fprintf(stderr, "usage: toy_mover INBOX OUT [lost|half|twice|unsynced]\n");
                return 2;
        }
        Toy toy = { argv[1], argv[2], argc == 4 ? argv[3] : NULL };
        if (!move_all(&toy, &error)) {
                fprintf(stderr, "%s\n", error->message);
                return 1;
        }
        return 0;
}
