/* owner.c - gives files to the owner of their folder. */
#include "base/owner.h"

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

bool
uk_owner_of_folder(int fd, const char *path, GError **error)
{
        g_autofree char *folder = g_path_get_dirname(path);
        bool root = geteuid() == 0;
        struct stat there, own;

        if (stat(folder, &there) != 0 || fstat(fd, &own) != 0)
                return uk_fail_errno(error, errno, "looking at the owner of %s", path);
        if (own.st_uid == there.st_uid || (!root && own.st_gid == there.st_gid))
                return true;
        if (!S_ISREG(own.st_mode) || own.st_nlink > 1)
                return uk_fail(error, UK_ERROR_DENIED,
                               "%s is another name of something else; look what it is, and remove "
                               "it",
                               path);
        return fchown(fd, root ? there.st_uid : (uid_t)-1, there.st_gid) == 0 ||
               uk_fail_errno(error, errno, "giving %s to the owner of its folder", path);
}
