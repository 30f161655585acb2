/* owner.c - gives files to the owner of their folder. */
#include "base/owner.h"

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

bool
uk_owner_of_folder(int fd, const char *path, GError **error)
{
        g_autofree char *folder = g_path_get_dirname(path);
        struct stat there, own;

        if (stat(folder, &there) == 0 && fstat(fd, &own) == 0 &&
            (own.st_uid == there.st_uid ||
             fchown(fd, geteuid() == 0 ? there.st_uid : (uid_t)-1, there.st_gid) == 0))
                return true;
        return uk_fail_errno(error, errno, "giving %s to the owner of its folder", path);
}
