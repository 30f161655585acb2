/* state_lock.c - the lock under which folders of state change places.
 *
 * In: the note of a restore (backup/place.h). Out: a descriptor with the lock. A kernel's lock has
 * no descriptor to wait for, so it is tried ten times a second, and only while a restore waits.
 */
#include "host/state_lock.h"

#include <errno.h>
#include <signal.h>
#include <sys/file.h>
#include <time.h>

#include "base/clock.h"
#include "base/io.h"
#include "base/log.h"
#include "backup/place.h"

/* False when a signal to end came; else a tenth of a second is over. */
static bool
pause_unless_ended(void)
{
        const struct timespec tenth = { .tv_nsec = 100000000 };
        sigset_t set;

        sigemptyset(&set);
        sigaddset(&set, SIGTERM);
        sigaddset(&set, SIGINT);
        return sigtimedwait(&set, NULL, &tenth) < 0;
}

/* Waits until the lock is held alone, or another program has done the work and holds it shared. */
static bool
wait_alone(const char *root, int fd, gint64 deadline_us, GError **error)
{
        for (bool told = false; backup_note_exists(root); told = true) {
                if (flock(fd, LOCK_EX | LOCK_NB) == 0)
                        break;
                if (errno != EWOULDBLOCK && errno != EINTR)
                        return uk_fail_errno(error, errno, "locking the state");
                if (!told)
                        uk_log("A restore waits for the other programs to let go of their files");
                if (uk_clock_mono() > deadline_us)
                        return uk_fail(error, UK_ERROR_BUSY,
                                       "a program does not let go of its files: upkeep site status "
                                       "names those that run; stop them, the restore then takes "
                                       "place by itself");
                if (!pause_unless_ended())
                        return uk_fail(error, UK_ERROR_CANCELLED, "it was asked to end");
        }
        return true;
}

/* Shared, unless somebody exchanges folders right now: then after that. */
static bool
wait_shared(int fd, GError **error)
{
        while (flock(fd, LOCK_SH | LOCK_NB) != 0) {
                if (errno != EWOULDBLOCK && errno != EINTR)
                        return uk_fail_errno(error, errno, "locking the state");
                if (!pause_unless_ended())
                        return uk_fail(error, UK_ERROR_CANCELLED, "it was asked to end");
        }
        return true;
}

static bool
carry_out(const char *root, int fd, gint64 deadline_us, GError **error)
{
        if (!wait_alone(root, fd, deadline_us, error))
                return false;
        /* Without the note there is nothing to do, and then the lock may not be held either. */
        if (!backup_note_exists(root))
                return true;
        if (!backup_note_carry_out(root, error))
                return false;
        uk_log("The state was restored");
        return true;
}

int
state_lock_take(const char *root, GError **error)
{
        UK_AUTOFD fd = backup_open_lock(root, BACKUP_LOCK, error);

        if (fd < 0)
                return -1;
        for (;;) {
                if (!wait_shared(fd, error))
                        return -1;
                if (!backup_note_exists(root))
                        break;
                /* Going from shared to alone, two who both held it would wait for each other. */
                if (flock(fd, LOCK_UN) != 0 || !carry_out(root, fd, UK_NEVER, error))
                        return -1;
        }
        int mine = fd;

        fd = -1;
        return mine;
}

int
state_lock_try(const char *root, GError **error)
{
        UK_AUTOFD fd = backup_open_lock(root, BACKUP_LOCK, error);

        if (fd < 0)
                return -1;
        if (flock(fd, LOCK_SH | LOCK_NB) != 0 || backup_note_exists(root)) {
                uk_fail(error, UK_ERROR_BUSY, "a restore is under way; try again when it is done");
                return -1;
        }
        int mine = fd;

        fd = -1;
        return mine;
}

bool
state_lock_finish(const char *root, gint64 patience_us, GError **error)
{
        UK_AUTOFD fd = backup_open_lock(root, BACKUP_LOCK, error);

        return fd >= 0 && carry_out(root, fd, uk_clock_mono() + patience_us, error);
}

int
state_lock_role(const char *root, const char *role, GError **error)
{
        g_autofree char *name = g_strconcat(role, ".lock", NULL);
        UK_AUTOFD fd = backup_open_lock(root, name, error);

        if (fd < 0)
                return -1;
        if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
                uk_fail(error, UK_ERROR_BUSY,
                        "another upkeep-%s runs below %s already (run/upkeep/%s is locked)", role,
                        root, name);
                return -1;
        }
        return g_steal_fd(&fd);
}

int
state_lock_backup(const char *root, const char *role, GError **error)
{
        g_autofree char *name = g_strconcat(role, ".backup.lock", NULL);
        UK_AUTOFD fd = backup_open_lock(root, name, error);

        if (fd < 0)
                return -1;
        if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
                uk_fail(error, UK_ERROR_BUSY, "another backup of \"%s\" is being made; wait for it",
                        role);
                return -1;
        }
        int mine = fd;

        fd = -1;
        return mine;
}
