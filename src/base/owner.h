/* owner.h - whose a new file is: root, and people of the programs' group, work in folders of
 * theirs.
 */
#pragma once

#include "base/error.h"

/* Gives the open file at path to the owner of its folder, who is to read it and may do nothing with
 * what is root's: to its user and group when root asks, to its group when another user does. A
 * file that is the owner's already, or another user's in the right group, is left as it is. Who
 * may write in the folder can put a name of anything there: open the file with O_NOFOLLOW. One that
 * has a second name is refused (DENIED). */
bool uk_owner_of_folder(int fd, const char *path, GError **error) UK_MUST_USE;
