/* owner.h - whose a new file is: root, and people of the programs' group, work in folders of
 * theirs.
 */
#pragma once

#include "base/error.h"

/* Gives the open file at path to the owner of its folder, who is to read it and may do nothing with
 * what is root's: to its user and group when root asks, to its group when another user does. A
 * file that is the owner's already is left as it is. */
bool uk_owner_of_folder(int fd, const char *path, GError **error) UK_MUST_USE;
