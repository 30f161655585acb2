/* library_opened.c - large files that are being served stay open: a range of 64 KB costs little
 * more than finding and opening its file.
 *
 * The open file is asked each time whether it is still what it was: one that was removed, replaced
 * or written to since is opened anew. What this process removes or replaces is closed at once, so
 * that its room is free; a process that is not the writer cannot know, and keeps nothing open.
 */
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "base/io.h"
#include "content/library_private.h"

#define SLOTS 64

typedef struct {
        guint8 hash[HASH_SHA256_SIZE];
        int fd; /* -1: empty */
        struct stat st;
} Opened;

struct LibraryOpened {
        pthread_mutex_t lock; /* guards what follows */
        Opened slots[SLOTS];
};

LibraryOpened *
library_opened_new(void)
{
        LibraryOpened *opened = g_new0(LibraryOpened, 1);

        pthread_mutex_init(&opened->lock, NULL);
        for (int i = 0; i < SLOTS; i++)
                opened->slots[i].fd = -1;
        return opened;
}

void
library_opened_free(LibraryOpened *opened)
{
        for (int i = 0; i < SLOTS; i++)
                uk_io_close(&opened->slots[i].fd);
        pthread_mutex_destroy(&opened->lock);
        g_free(opened);
}

static Opened *
slot_of(LibraryOpened *opened, const guint8 *hash)
{
        return &opened->slots[hash[0] % SLOTS];
}

static bool
is_of(const Opened *slot, const guint8 *hash)
{
        return slot->fd >= 0 && memcmp(slot->hash, hash, HASH_SHA256_SIZE) == 0;
}

/* Each change of the bytes, the name or the number of names of a file sets its time of change. */
static bool
is_unchanged(const Opened *slot)
{
        struct stat st;

        return fstat(slot->fd, &st) == 0 && st.st_nlink > 0 && st.st_size == slot->st.st_size &&
               st.st_ctim.tv_sec == slot->st.st_ctim.tv_sec &&
               st.st_ctim.tv_nsec == slot->st.st_ctim.tv_nsec;
}

/* A descriptor of the caller's, or -1. */
static int
take(LibraryOpened *opened, const guint8 *hash, gint64 *size_out)
{
        int fd = -1;

        pthread_mutex_lock(&opened->lock);
        Opened *slot = slot_of(opened, hash);
        if (is_of(slot, hash)) {
                if (!is_unchanged(slot))
                        uk_io_close(&slot->fd);
                else
                        fd = fcntl(slot->fd, F_DUPFD_CLOEXEC, 0);
        }
        if (fd >= 0)
                *size_out = slot->st.st_size;
        pthread_mutex_unlock(&opened->lock);
        return fd;
}

/* Looks at the file under the lock: one that was removed since it was opened is not kept, and one
 * that is removed from now on is forgotten. */
static void
keep(LibraryOpened *opened, const guint8 *hash, int fd)
{
        pthread_mutex_lock(&opened->lock);
        Opened *slot = slot_of(opened, hash);
        uk_io_close(&slot->fd);
        if (fstat(fd, &slot->st) == 0 && slot->st.st_nlink > 0)
                slot->fd = fcntl(fd, F_DUPFD_CLOEXEC, 0);
        memcpy(slot->hash, hash, sizeof slot->hash);
        pthread_mutex_unlock(&opened->lock);
}

int
library_open_shared(Library *library, const guint8 *hash, gint64 *size_out, GError **error)
{
        int fd = library->writer ? take(library->opened, hash, size_out) : -1;

        if (fd >= 0)
                return fd;
        fd = library_open_file(library, hash, size_out, error);
        if (fd >= 0 && library->writer)
                keep(library->opened, hash, fd);
        return fd;
}

void
library_opened_forget(Library *library, const guint8 *hash)
{
        pthread_mutex_lock(&library->opened->lock);
        Opened *slot = slot_of(library->opened, hash);
        if (is_of(slot, hash))
                uk_io_close(&slot->fd);
        pthread_mutex_unlock(&library->opened->lock);
}
