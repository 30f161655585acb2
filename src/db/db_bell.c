/* db_bell.c - the bell beside a database: touched after each commit, watched with inotify.
 *
 * SQLite wakes nobody in another process, and a change of its WAL file is seen before the commit
 * is. The bell carries no content; whoever misses it finds the change by the data version.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/io.h"
#include "base/owner.h"
#include "db/db_private.h"

static int
make_bell(const Db *db)
{
        int fd = open(db->bell, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0660);

        /* One that is root's could be rung by nobody else. */
        if (fd >= 0 && !uk_owner_of_folder(fd, db->bell, NULL))
                uk_io_close(&fd);
        return fd;
}

void
db_bell_ring(const Db *db)
{
        UK_AUTOFD fd = -1;

        if (utimensat(AT_FDCWD, db->bell, NULL, 0) == 0 || errno != ENOENT)
                return;
        fd = make_bell(db);
}

const char *
db_bell(Db *db, GError **error)
{
        UK_AUTOFD bell = make_bell(db);

        if (bell >= 0)
                return db->bell;
        uk_fail_errno(error, errno, "making %s", db->bell);
        return NULL;
}

int
db_bell_open(Db *db, GError **error)
{
        UK_AUTOFD bell = make_bell(db);
        UK_AUTOFD watch = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);

        if (watch < 0 && errno == EMFILE) {
                uk_fail(error, UK_ERROR_LIMIT,
                        "the system gives no more inotify instances (raise "
                        "fs.inotify.max_user_instances)");
                return -1;
        }
        if (bell < 0 || watch < 0 || inotify_add_watch(watch, db->bell, IN_ATTRIB) < 0) {
                uk_fail_errno(error, errno, "watching %s", db->bell);
                return -1;
        }
        return g_steal_fd(&watch);
}

void
db_bell_drain(int bell_fd)
{
        char events[4096];
        ssize_t size;

        do {
                size = read(bell_fd, events, sizeof events);
        } while (size > 0 || (size < 0 && errno == EINTR));
}
